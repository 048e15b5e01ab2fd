//! The pages of the site, in order.

use std::io;
use std::path::Path;

/// A page: the chapter that it is in, its source in the checkout, its title in the list.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// The chapter.
    pub chapter: &'static str,
    /// The path of its source below the checkout's top folder.
    pub source: &'static str,
    /// Its title in the list of pages.
    pub title: &'static str,
}

/// Stands for a source: this page is made from the program's help.
pub const COMMAND_LINE: &str = "docs/command_line.md";

const CHAPTERS: &[(&str, &[(&str, &str)])] = &[
    (
        "Start",
        &[("README.md", "evm-rollup"), ("docs/start.md", "Start here")],
    ),
    (
        "Concepts",
        &[
            ("docs/concepts.md", "How a rollup works"),
            ("docs/glossary.md", "Glossary"),
            ("docs/differences.md", "Differences from Ethereum"),
            ("docs/security.md", "Attacks and their costs"),
            ("ARCHITECTURE.md", "Architecture"),
        ],
    ),
    (
        "Tutorials",
        &[
            ("docs/first_contract.md", "First contract"),
            ("docs/first_rollup.md", "First rollup"),
            ("docs/writing_a_kernel.md", "Writing a kernel"),
            ("docs/witnesses.md", "Witnesses"),
        ],
    ),
    (
        "Guides",
        &[
            ("docs/bridge.md", "The bridge"),
            ("docs/page.md", "Pages for browsers"),
            ("docs/origination.md", "From clone to rollup"),
            ("docs/operating.md", "Operating a node"),
            ("docs/upgrade.md", "Upgrading the kernel"),
            ("docs/debugging.md", "Looking into a run"),
            ("docs/proofs.md", "Proofs and disputes"),
            ("docs/transactions.md", "The transactions kernel"),
            ("contracts/layer1/README.md", "The contracts of layer 1"),
        ],
    ),
    (
        "Reference",
        &[
            ("docs/rpc.md", "JSON-RPC"),
            (COMMAND_LINE, "Command line"),
            ("docs/layout.md", "Layout of durable storage"),
            ("docs/machine.md", "The machine"),
            ("host/README.md", "The SDK: host"),
            ("messages/README.md", "Formats: messages"),
            ("node/README.md", "The node as a library"),
            ("pvm/README.md", "The machine as a library"),
        ],
    ),
    (
        "Project",
        &[
            ("CONTRIBUTING.md", "Contributing"),
            ("docs/STYLE.md", "Style"),
            ("docs/dependencies.md", "Dependencies"),
            ("SECURITY.md", "Security"),
            ("CHANGELOG.md", "Changelog"),
        ],
    ),
];

/// All pages.
pub fn entries() -> impl Iterator<Item = Entry> {
    CHAPTERS.iter().flat_map(|(chapter, pages)| {
        pages.iter().map(|(source, title)| Entry {
            chapter,
            source,
            title,
        })
    })
}

/// The pages in `docs` that are not listed.
pub fn unlisted(root: &Path) -> io::Result<Vec<String>> {
    let mut unlisted = Vec::new();
    for file in std::fs::read_dir(root.join("docs"))? {
        let name = file?.file_name().to_string_lossy().into_owned();
        let source = format!("docs/{name}");
        if name.ends_with(".md") && !entries().any(|entry| entry.source == source) {
            unlisted.push(source);
        }
    }
    Ok(unlisted)
}

/// The name of a page's file in the site.
pub fn file_name(source: &str) -> String {
    if source == "README.md" {
        return "index.html".to_owned();
    }
    if !source.contains('/') {
        let name = source.trim_end_matches(".md").to_lowercase();
        return format!("project_{name}.html");
    }
    let path = source.trim_end_matches(".md").trim_end_matches("/README");
    let path = path.strip_prefix("docs/").unwrap_or(path);
    format!("{}.html", path.replace('/', "_").to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::{entries, file_name};
    use std::collections::BTreeSet;

    #[test]
    fn every_page_has_a_file_of_its_own() {
        let names: BTreeSet<String> = entries().map(|entry| file_name(entry.source)).collect();
        assert_eq!(names.len(), entries().count());
        assert!(names.contains("index.html") && names.contains("security.html"));
        assert!(names.contains("project_security.html"));
    }
}
