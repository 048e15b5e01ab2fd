//! The sources of a contract, as whoever gave its artefact has them.

use super::account;
use crate::ask::{Ask, Trouble};
use crate::format;
use crate::frame::View;
use crate::names::{Names, plain};
use crate::query::{Query, escaped};
use crate::slice::Slice;
use maud::{Markup, html};
use node::abis::Contract;
use std::sync::Arc;

/// The lines of a page.
const PAGE: usize = 500;

/// The most characters of a line.
const LONGEST: usize = 400;

/// The most bytes of a page's lines.
const BYTES: usize = 40_000;

/// `/address/A/source`; `?file=NAME`: that file; `&from=N`: from line N on.
pub(crate) async fn view(
    ask: &Ask,
    names: &Names,
    who: &str,
    query: &Query,
) -> Result<View, Trouble> {
    let who = account::parse(who)?;
    let contract = names.contract_at(&who);
    let contract = contract.filter(|contract| !contract.sources.is_empty());
    let contract = contract.ok_or_else(|| {
        Trouble::NotFound(format!(
            "Nobody gave the sources of {who}: build information of Foundry or Hardhat has them."
        ))
    })?;
    let path = format!("/address/{}/source", who.to_checksum(None));
    let wanted = match query.get("file") {
        "" => own_file(contract),
        name => Some(name),
    };
    let file = wanted.and_then(|name| contract.sources.get_key_value(name));
    let (name, text) = file.ok_or_else(|| Trouble::NotFound("There is no such file.".into()))?;
    let here = format!("{path}?file={}", escaped(name));
    let slice = Slice::of(query, &here, "from", PAGE);
    let main = html! {
        (account::head(ask, names, &who, "source").await?)
        h2 { "Source" }
        p.note { "As whoever gave the artefact of " q { (plain(&contract.name)) } " has it: nobody compared it with the code at this address." }
        @if contract.sources.len() > 1 {
            ul.choices { @for other in contract.sources.keys() {
                li { a href=(format!("{path}?file={}", escaped(other))) aria-current=[(other == name).then_some("page")] { (plain(other)) } }
            } }
        }
        h3 { (plain(name)) }
        (lines(text, &slice))
    };
    Ok(View::new(format!("Source of {who}"), main))
}

/// The file that says what the contract is; else the last.
fn own_file(contract: &Contract) -> Option<&str> {
    let declared = format!("contract {} ", contract.name);
    let mut files = contract.sources.iter();
    let own = files.find(|(_, text)| text.contains(&declared));
    let own = own.map(|(name, _)| name);
    own.or_else(|| contract.sources.keys().next_back())
        .map(String::as_str)
}

fn lines(text: &Arc<str>, slice: &Slice) -> Markup {
    let count = text.lines().count();
    let mut left = BYTES;
    let mut shown = Vec::new();
    for (number, line) in (slice.from() + 1..).zip(slice.take(text.lines())) {
        let line: String = line.chars().take(LONGEST).collect();
        let Some(rest) = left.checked_sub(line.len() + 8) else {
            break;
        };
        left = rest;
        shown.push(format!("{number:>5}  {}", plain(&line)));
    }
    // What did not fit begins the next page.
    let slice = slice.clone().sized(shown.len().max(1));
    html! {
        p.note { (format::count(count)) " lines" }
        pre.source tabindex="0" { (shown.join("\n")) }
        (slice.bar("Lines", count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_numbered_bounded_and_go_on_on_the_next_page() {
        let text: Arc<str> = (1..=2_000)
            .map(|number| format!("line {number} <b>{}\n", "x".repeat(300)))
            .collect::<String>()
            .into();
        let slice = Slice::of(&Query::parse("from=10"), "/s?file=a", "from", PAGE);
        let text = lines(&text, &slice).into_string();
        assert!(text.contains("   11  line 11 &lt;b&gt;"), "{text}");
        assert!(text.len() < 60_000 && text.contains("2,000 lines"));
        let last = text.matches("\n").count() + 11;
        assert!(text.contains(&format!("from={last}\"")), "{last}");
        let empty: Arc<str> = "".into();
        assert!(lines(&empty, &slice).into_string().contains("0 lines"));
    }
}
