//! Finds elements and attributes that the pages do not have.

/// All elements of the pages.
const ELEMENTS: &[&str] = &[
    "a", "aside", "body", "button", "caption", "code", "datalist", "dd", "details", "div", "dl",
    "dt", "footer", "form", "h1", "h2", "h3", "head", "header", "html", "input", "label", "li",
    "link", "main", "meta", "meter", "nav", "ol", "option", "output", "p", "pre", "q", "script",
    "section", "select", "span", "strong", "summary", "table", "tbody", "td", "th", "thead",
    "time", "title", "tr", "ul",
];

/// All attributes, but for those that begin with `data-` or `aria-`.
const ATTRIBUTES: &[&str] = &[
    "accept",
    "action",
    "autocomplete",
    "charset",
    "checked",
    "class",
    "colspan",
    "content",
    "datetime",
    "defer",
    "download",
    "for",
    "hidden",
    "href",
    "id",
    "lang",
    "list",
    "max",
    "method",
    "min",
    "multiple",
    "name",
    "open",
    "placeholder",
    "rel",
    "required",
    "role",
    "scope",
    "selected",
    "spellcheck",
    "src",
    "start",
    "tabindex",
    "title",
    "type",
    "value",
];

/// The first thing in a page, or in a part of one, that no page of ours has: an element, an
/// attribute, an address that leads elsewhere, or a `<` that begins none of them.
#[must_use]
pub fn stranger(html: &str) -> Option<String> {
    let mut rest = html.strip_prefix("<!DOCTYPE html>").unwrap_or(html);
    while let Some(start) = rest.find('<') {
        let (_, tag) = rest.split_at(start + 1);
        let Some((behind, why)) = element(tag) else {
            return Some(format!("no element: {}", shown(tag)));
        };
        if let Some(why) = why {
            return Some(format!("{why}: {}", shown(tag)));
        }
        rest = behind;
    }
    // What opens an element is a `<`; what ends one stands in none.
    None
}

fn shown(text: &str) -> String {
    text.chars().take(60).collect()
}

/// What is behind an element, and what is wrong with it.
fn element(tag: &str) -> Option<(&str, Option<String>)> {
    if let Some(tag) = tag.strip_prefix('/') {
        let (name, rest) = word(tag);
        return Some((rest.strip_prefix('>')?, unknown(ELEMENTS, name)));
    }
    let (name, mut rest) = word(tag);
    if let Some(why) = unknown(ELEMENTS, name) {
        return Some((rest, Some(why)));
    }
    loop {
        if let Some(behind) = rest.strip_prefix('>') {
            return Some((behind, None));
        }
        let (name, behind) = word(rest.strip_prefix(' ')?);
        let (value, behind) = match behind.strip_prefix("=\"") {
            Some(behind) => behind.split_once('"')?,
            None => ("", behind),
        };
        rest = behind;
        let is_ours = ["data-", "aria-"]
            .iter()
            .any(|start| name.starts_with(start));
        let why = unknown(ATTRIBUTES, name).filter(|_| !is_ours);
        let leads = ["href", "src", "action"].contains(&name);
        // Two slashes are another host's.
        let is_here = value.is_empty() || value.starts_with('#');
        let is_here = is_here || value.starts_with('/') && !value.starts_with("//");
        if value.contains(['<', '>']) {
            return Some((rest, Some("a value that is not escaped".into())));
        }
        if why.is_some() {
            return Some((rest, why));
        }
        if leads && !is_here {
            return Some((rest, Some(format!("an address elsewhere, {value}"))));
        }
    }
}

/// A name of letters, digits and hyphens, and what is behind it.
fn word(text: &str) -> (&str, &str) {
    let is_of_name =
        |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
    let end = text
        .find(|letter| !is_of_name(letter))
        .unwrap_or(text.len());
    text.split_at(end)
}

fn unknown(known: &[&str], name: &str) -> Option<String> {
    (!known.contains(&name)).then(|| format!("{name:?} is none of ours"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_page_does_not_have_is_found() {
        let ours = "<!DOCTYPE html><html lang=\"en\"><p class=\"note\" data-x=\"&lt;\">a > b &lt;b&gt;<a href=\"/tx/1\">x</a><button hidden>y</button></p></html>";
        assert_eq!(stranger(ours), None);
        for bad in [
            "<img src=x>",
            "<img src=\"/x\">",
            "<p onclick=\"x\">",
            "<p style=\"x\">",
            "<p class=x>",
            "<p class=\"x\"onclick=\"y\">",
            "<a href=\"javascript:x\">",
            "<a href=\"//evil.example\">",
            "<a href=\"https://evil.example\">",
            "<p title=\"<b>\">",
            "a < b",
            "<P>",
            "<!-- x -->",
            "</x>",
            "<p title=\"x",
        ] {
            assert!(stranger(&format!("<p>{bad}")).is_some(), "{bad}");
        }
    }
}
