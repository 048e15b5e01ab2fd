//! A page: its Markdown as HTML, with links that lead to the site's files.

use crate::book::{self, Entry};
use pulldown_cmark::{CodeBlockKind, CowStr, Event, Options, Parser, Tag, TagEnd, html};
use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

/// A rendered page.
pub struct Page {
    /// Its place in the book.
    pub entry: Entry,
    /// Its file's name in the site.
    pub name: String,
    /// Its body.
    pub body: String,
    /// The ids of its headings.
    pub anchors: BTreeSet<String>,
    /// Headings of the second level: id and text.
    pub sections: Vec<(String, String)>,
    /// Links to pages of the site.
    pub links: Vec<Link>,
    /// Links to files that are not there.
    pub dead: Vec<String>,
    /// Files of the checkout that it links to or shows.
    pub files: BTreeSet<String>,
}

/// A link to a page of the site.
#[derive(Debug, PartialEq, Eq)]
pub struct Link {
    /// The file's name of the page.
    pub page: String,
    /// The id of a heading there.
    pub anchor: Option<String>,
}

/// Renders a page.
pub fn page(entry: Entry, text: &str, root: &Path) -> Page {
    let mut page = Page {
        entry,
        name: book::file_name(entry.source),
        body: String::new(),
        anchors: BTreeSet::new(),
        sections: Vec::new(),
        links: Vec::new(),
        dead: Vec::new(),
        files: BTreeSet::new(),
    };
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
    let mut events: Vec<Event<'_>> = Parser::new_ext(text, options).collect();
    hide_set_up(&mut events);
    for index in 0..events.len() {
        let heading = match &events[index] {
            Event::Start(Tag::Heading { .. }) => Some(heading_text(&events[index + 1..])),
            _ => None,
        };
        match (&mut events[index], heading) {
            (Event::Start(Tag::Heading { level, id, .. }), Some(text)) => {
                let anchor = page.new_anchor(&text);
                if *level == pulldown_cmark::HeadingLevel::H2 {
                    page.sections.push((anchor.clone(), text));
                }
                *id = Some(CowStr::from(anchor));
            }
            (Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }), _) => {
                *dest_url = CowStr::from(page.link(dest_url, root));
            }
            _ => {}
        }
    }
    html::push_html(&mut page.body, events.into_iter());
    page
}

/// Takes lines out of Rust code that rustdoc does not show: those that begin with `# `.
fn hide_set_up(events: &mut [Event<'_>]) {
    let mut rust = false;
    for event in events {
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(language))) => {
                rust = language.starts_with("rust");
            }
            Event::End(TagEnd::CodeBlock) => rust = false,
            Event::Text(text) if rust => {
                let lines = text.split_inclusive('\n');
                let shown: String = lines.filter(|line| !line.starts_with("# ")).collect();
                *text = CowStr::from(shown);
            }
            _ => {}
        }
    }
}

/// The text of a heading that has begun.
fn heading_text(events: &[Event<'_>]) -> String {
    let inside = events
        .iter()
        .take_while(|event| !matches!(event, Event::End(TagEnd::Heading(_))));
    let texts = inside.filter_map(|event| match event {
        Event::Text(text) | Event::Code(text) => Some(&**text),
        _ => None,
    });
    texts.collect()
}

/// A heading's id, as GitHub makes it.
fn slug(text: &str) -> String {
    let kept = text.to_lowercase();
    let kept = kept
        .chars()
        .filter(|char| char.is_alphanumeric() || " -_".contains(*char));
    kept.map(|char| if char == ' ' { '-' } else { char })
        .collect()
}

impl Page {
    fn new_anchor(&mut self, text: &str) -> String {
        let slug = slug(text);
        let mut anchor = slug.clone();
        let mut number = 0;
        while !self.anchors.insert(anchor.clone()) {
            number += 1;
            anchor = format!("{slug}-{number}");
        }
        anchor
    }

    /// The site's form of a link.
    fn link(&mut self, target: &str, root: &Path) -> String {
        if target.contains("://") || target.starts_with("mailto:") {
            return target.to_owned();
        }
        let (path, anchor) = match target.split_once('#') {
            Some((path, anchor)) => (path, Some(anchor.to_owned())),
            None => (target, None),
        };
        let behind = anchor
            .as_ref()
            .map_or_else(String::new, |id| format!("#{id}"));
        let Some(source) = resolve(self.entry.source, path) else {
            self.dead.push(target.to_owned());
            return String::new();
        };
        let source = if root.join(&source).is_dir() {
            format!("{source}/README.md")
        } else {
            source
        };
        if book::entries().any(|entry| entry.source == source) {
            let page = book::file_name(&source);
            let link = format!("{page}{behind}");
            self.links.push(Link { page, anchor });
            return link;
        }
        if root.join(&source).is_file() {
            let link = format!("files/{source}{behind}");
            self.files.insert(source);
            return link;
        }
        self.dead.push(target.to_owned());
        String::new()
    }
}

/// The path below the checkout's top folder that a link in `source` names; `None` if it leads out
/// of it. An empty path is the page itself.
fn resolve(source: &str, path: &str) -> Option<String> {
    if path.is_empty() {
        return Some(source.to_owned());
    }
    let mut resolved = PathBuf::from(source);
    resolved.pop();
    for part in Path::new(path).components() {
        match part {
            Component::Normal(part) => resolved.push(part),
            Component::ParentDir if resolved.pop() => {}
            Component::CurDir => {}
            _ => return None,
        }
    }
    resolved.to_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::{page, resolve, slug};
    use crate::book::Entry;
    use std::path::Path;

    const ENTRY: Entry = Entry {
        chapter: "Start",
        source: "docs/start.md",
        title: "Start",
    };

    #[test]
    fn ids_are_those_of_github() {
        assert_eq!(slug("State roots, and `proofs`"), "state-roots-and-proofs");
    }

    #[test]
    fn paths_are_resolved() {
        assert_eq!(
            resolve("docs/a.md", "../README.md").as_deref(),
            Some("README.md")
        );
        assert_eq!(resolve("docs/a.md", "b.md").as_deref(), Some("docs/b.md"));
        assert_eq!(resolve("docs/a.md", "../../x"), None);
        assert_eq!(resolve("docs/a.md", "").as_deref(), Some("docs/a.md"));
    }

    #[test]
    fn links_lead_to_pages_and_dead_ones_are_found() {
        let text = "```rust\n# use hidden;\nshown();\n```\n# A\n## B\n## B\n[1](rpc.md#x) [2](nowhere.md) [3](#b-1) <http://a.b/>";
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let page = page(ENTRY, text, &root);
        assert!(page.body.contains("href=\"rpc.html#x\""), "{}", page.body);
        assert!(page.body.contains("<h2 id=\"b-1\">"), "{}", page.body);
        assert!(
            page.body.contains("href=\"start.html#b-1\""),
            "{}",
            page.body
        );
        assert!(page.body.contains("shown") && !page.body.contains("hidden"));
        assert_eq!(page.dead, ["nowhere.md"]);
        assert_eq!(page.links.len(), 2);
    }
}
