//! The frame around a page: the list of all pages, and the way to the next.

use crate::render::Page;
use std::fmt::Write;

/// The whole document.
pub fn document(page: &Page, pages: &[Page]) -> String {
    let mut text = String::new();
    let title = escape(page.entry.title);
    let _ = write!(
        text,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title} · evm-rollup</title>\n<link rel=\"stylesheet\" href=\"style.css\">\n\
         </head>\n<body>\n<nav aria-label=\"Pages\">\n"
    );
    list(&mut text, page, pages);
    let _ = write!(text, "</nav>\n<main>\n{}\n", page.body);
    around(&mut text, page, pages);
    text.push_str("</main>\n</body>\n</html>\n");
    text
}

/// All pages by chapter; of this page also its sections.
fn list(text: &mut String, page: &Page, pages: &[Page]) {
    let mut chapter = "";
    for other in pages {
        let entry = other.entry;
        if entry.chapter != chapter {
            if !chapter.is_empty() {
                text.push_str("</ul>\n");
            }
            chapter = entry.chapter;
            let _ = writeln!(text, "<h2>{}</h2>\n<ul>", escape(chapter));
        }
        let (name, title) = (&other.name, escape(entry.title));
        if other.name == page.name {
            let _ = writeln!(
                text,
                "<li><a href=\"{name}\" aria-current=\"page\">{title}</a>"
            );
            if other.sections.len() > 1 {
                text.push_str("<ul>\n");
                for (id, section) in &other.sections {
                    let _ = writeln!(text, "<li><a href=\"#{id}\">{}</a></li>", escape(section));
                }
                text.push_str("</ul>\n");
            }
            text.push_str("</li>\n");
        } else {
            let _ = writeln!(text, "<li><a href=\"{name}\">{title}</a></li>");
        }
    }
    text.push_str("</ul>\n");
}

/// Links to the page before and the one behind.
fn around(text: &mut String, page: &Page, pages: &[Page]) {
    let here = pages.iter().position(|other| other.name == page.name);
    let here = here.unwrap_or_default();
    text.push_str("<footer>\n");
    if let Some(before) = here.checked_sub(1).and_then(|index| pages.get(index)) {
        let title = escape(before.entry.title);
        let _ = writeln!(text, "<a href=\"{}\">← {title}</a>", before.name);
    }
    if let Some(next) = pages.get(here + 1) {
        let title = escape(next.entry.title);
        let _ = writeln!(
            text,
            "<a class=\"next\" href=\"{}\">{title} →</a>",
            next.name
        );
    }
    text.push_str("</footer>\n");
}

fn escape(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    text.replace('>', "&gt;").replace('"', "&quot;")
}
