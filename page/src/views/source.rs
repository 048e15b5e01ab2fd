//! The sources of a contract, as whoever gave its artefact has them.

use super::account;
use crate::ask::{Ask, Trouble, bytes};
use crate::format;
use crate::frame::View;
use crate::names::{Names, plain};
use crate::query::{Query, escaped};
use crate::slice::Slice;
use alloy_primitives::Address;
use maud::{Markup, html};
use node::abis::Contract;
use node::deployed::Likeness;
use serde_json::json;
use std::sync::Arc;

/// The lines of a page.
const PAGE: usize = 500;

/// The most characters of a line.
const LONGEST: usize = 400;

/// The most bytes of a page's lines, about.
const BYTES: usize = 50_000;

/// The files of a page, and the bytes that their names may take.
const FILES: usize = 60;
const FILES_BYTES: usize = 12_000;

/// The longest name of a file that stands in addresses; others stand there by their number.
const NAME: usize = 100;

/// `/address/A/source`; `?file=NAME`: that file; `&from=N`: from line N on; `&files=N`: the names of
/// files from number N on.
pub(crate) async fn view(
    ask: &Ask,
    names: &Names,
    who: &str,
    query: &Query,
) -> Result<View, Trouble> {
    let who = account::parse(who)?;
    let code = ask.call("eth_getCode", json!([who, "latest"])).await?;
    let code = bytes(&code).unwrap_or_default();
    let title = format!("Source of {who}");
    let head = account::head(ask, names, &who, "source").await?;
    let Some(known) = names.source(&who, &code) else {
        return Ok(View::new(
            title,
            html! { (head) h2 { "Source" } (none(names, &who)?) },
        ));
    };
    let contract = known.contract;
    let path = format!("/address/{}/source", who.to_checksum(None));
    let file = match query.get("file") {
        "" => own_file(contract),
        wanted => file(contract, wanted),
    };
    let (number, name, text) =
        file.ok_or_else(|| Trouble::NotFound("There is no such file.".into()))?;
    let here = format!("{path}?file={}", called(number, name));
    let slice = Slice::of(query, &here, "from", PAGE);
    let main = html! {
        (head)
        h2 { "Source" }
        p { strong { (known.likeness.map_or_else(|| html! {}, account::alike)) } ", compared with that of the artefact of " q { (plain(&contract.name)) } ", but for immutables and addresses of libraries" @if known.likeness == Some(Likeness::ButMetadata) { ". The metadata behind the code, a hash of sources and settings, is another: comments, names or settings may be others than those of the code here" } "." }
        p.note { "That the artefact was compiled from these sources is what says whoever gave it: nobody compiled them anew." }
        (choices(contract, (&path, &here, name), query))
        h3 { (plain(name)) }
        (lines(text, &slice))
    };
    Ok(View::new(title, main))
}

/// Why no source is shown: nobody gave it, or it is another contract's.
fn none(names: &Names, who: &Address) -> Result<Markup, Trouble> {
    let given = names
        .contract_at(who)
        .filter(|contract| !contract.sources.is_empty());
    let given = given.ok_or_else(|| {
        Trouble::NotFound(format!(
            "Nobody gave the sources of {who}: build information of Foundry or Hardhat has them."
        ))
    })?;
    Ok(html! {
        p.failed { "✗ The sources of " q { (plain(&given.name)) } " were given for this address, and are not shown as those of this contract." }
        @if given.code_size().is_some() { p { "The code of its artefact is another than the code at this address." } }
        @else { p { "Its artefact has no code (" code { "deployedBytecode" } ") that could be compared with the code at this address." } }
    })
}

/// A file's number, its name and its text.
type File<'c> = (usize, &'c str, &'c Arc<str>);

fn files(contract: &Contract) -> impl Iterator<Item = File<'_>> {
    let files = contract.sources.iter().enumerate();
    files.map(|(number, (name, text))| (number, name.as_str(), text))
}

/// The file with a name, or a number.
fn file<'c>(contract: &'c Contract, wanted: &str) -> Option<File<'c>> {
    let named = files(contract).find(|(_, name, _)| *name == wanted);
    named.or_else(|| files(contract).nth(wanted.parse().ok()?))
}

/// What a file is called in an address.
fn called(number: usize, name: &str) -> String {
    match name.len() <= NAME {
        true => escaped(name),
        false => number.to_string(),
    }
}

/// All files, by pages.
fn choices(contract: &Contract, (path, here, shown): (&str, &str, &str), query: &Query) -> Markup {
    let count = contract.sources.len();
    if count < 2 {
        return html! {};
    }
    let slice = Slice::of(query, here, "files", FILES);
    let (rows, slice) = slice.fit(FILES_BYTES, files(contract), |(number, name, _)| {
        let link = format!("{path}?file={}", called(number, name));
        html! { li { a href=(link) aria-current=[(name == shown).then_some("page")] { (plain(name)) } } }
    });
    html! {
        ul.choices { @for row in &rows { (row) } }
        (slice.bar("Files", count))
    }
}

/// The file that says what the contract is; else the last.
fn own_file(contract: &Contract) -> Option<File<'_>> {
    let declared = format!("contract {} ", contract.name);
    let own = files(contract).find(|(_, _, text)| text.contains(&declared));
    own.or_else(|| files(contract).last())
}

/// A line, of which nothing hides another part.
fn plain_line(line: &str) -> String {
    let parts: Vec<char> = line.chars().collect();
    let parts = parts
        .chunks(100)
        .map(|part| plain(&part.iter().collect::<String>()));
    parts.collect()
}

fn lines(text: &Arc<str>, slice: &Slice) -> Markup {
    let count = text.lines().count();
    let (shown, slice) = slice.fit(
        BYTES,
        text.lines().zip(1..),
        |(line, number): (&str, usize)| {
            let cut: String = line.chars().take(LONGEST).collect();
            let rest = line.len() - cut.len();
            html! {
                (format!("{number:>5}  ")) (plain_line(&cut))
                @if rest > 0 { "… (" (format::count(rest)) " more bytes)" }
                "\n"
            }
        },
    );
    html! {
        p.note { (format::count(count)) " lines" }
        pre.source tabindex="0" { @for line in &shown { (line) } }
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
        let last = text.matches("\n").count() + 10;
        assert!(text.contains(&format!("from={last}\"")), "{last}");
        let empty: Arc<str> = "".into();
        assert!(lines(&empty, &slice).into_string().contains("0 lines"));
    }
}
