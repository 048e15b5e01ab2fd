//! The transactions that wait for a block.

use crate::ask::{Ask, Trouble};
use crate::format;
use crate::frame::View;
use crate::names::Names;
use crate::query::Query;
use crate::slice::Slice;
use maud::{Markup, html};

/// The transactions of a page.
const PAGE: usize = 50;

/// `/waiting`; `?from=N`: those from number N on, by their senders and nonces.
pub(crate) async fn view(ask: &Ask, names: &Names, query: &Query) -> Result<View, Trouble> {
    let newest = super::home::newest(ask).await?;
    let all = ask.node().pool().all(None);
    let slice = Slice::of(query, "/waiting", "from", PAGE);
    let rows = slice.take(all.iter()).map(|(ready, one)| {
        let transaction = &one.transaction.transaction;
        html! {
            tr {
                th scope="row" { (format::transaction(&one.transaction.hash.to_string())) }
                td { (names.account(&one.sender)) }
                td.number { (format::count(transaction.nonce())) }
                td { @match transaction.kind().to() { Some(to) => (names.account(to)), None => span.none { "a new contract" } } }
                td.number { (format::wei(transaction.value())) }
                td { @if *ready { "the next block" } @else { span.waits { "an earlier nonce of its sender" } } }
            }
        }
    });
    let rows: Vec<Markup> = rows.collect();
    let main = html! {
        h1 { "Transactions that wait" }
        div #lists data-live=(newest) {
            @if all.is_empty() { p.none { "None." } }
            @else {
                div.wide { table {
                    caption.unseen { "Transactions that wait" }
                    thead { tr { th scope="col" { "Transaction" } th scope="col" { "From" } th.number scope="col" { "Nonce" } th scope="col" { "To" } th.number scope="col" { "Value" } th scope="col" { "It waits for" } } }
                    tbody { @for row in &rows { (row) } }
                } }
            }
            (slice.bar("Transactions that wait", all.len()))
        }
        p { a href="/dropped" { "Those that were dropped" } }
    };
    Ok(View::new("Transactions that wait", main))
}
