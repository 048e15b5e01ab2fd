//! Links that lead nowhere.

use crate::render::{Link, Page};

/// Links to files that are not there, and to headings that a page does not have.
pub fn dead(pages: &[Page]) -> Vec<String> {
    let mut dead = Vec::new();
    for page in pages {
        let source = page.entry.source;
        dead.extend(page.dead.iter().map(|link| format!("{source}: {link}")));
        for link in &page.links {
            if !leads_somewhere(link, pages) {
                let anchor = link.anchor.as_deref().unwrap_or_default();
                dead.push(format!("{source}: {}#{anchor}", link.page));
            }
        }
    }
    dead
}

fn leads_somewhere(link: &Link, pages: &[Page]) -> bool {
    let page = pages.iter().find(|page| page.name == link.page);
    page.is_some_and(|page| {
        let anchor = link.anchor.as_ref();
        anchor.is_none_or(|anchor| page.anchors.contains(anchor))
    })
}

#[cfg(test)]
mod tests {
    use super::dead;
    use crate::book;
    use crate::render::page;
    use std::path::Path;

    #[test]
    fn a_heading_that_is_missing_is_dead() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let entry = |source| {
            book::entries()
                .find(|entry| entry.source == source)
                .unwrap()
        };
        let pages = [
            page(entry("docs/rpc.md"), "# Calls", &root),
            page(
                entry("docs/start.md"),
                "[a](rpc.md#calls) [b](rpc.md#none)",
                &root,
            ),
        ];
        assert_eq!(dead(&pages), ["docs/start.md: rpc.html#none"]);
    }
}
