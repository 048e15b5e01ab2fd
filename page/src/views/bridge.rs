//! The bridge: what came from layer 1, and how far what goes back is.

mod events;
mod origin;
mod withdrawals;

use super::forms::{Form, Input};
use super::found;
use crate::ask::{Ask, Trouble, address, data, hex_of, number, text};
use crate::format;
use crate::frame::View;
use crate::names::Names;
use crate::query::Query;
use alloy_dyn_abi::DynSolValue;
use alloy_primitives::{Address, B256, U256, keccak256};
use events::{BRIDGES, EVENTS};
pub(super) use events::{OF_TOKENS, TICKETS, asks_layer1, deposited, message_of};
use maud::{Markup, html};
use node::rpc::RpcError;
use serde_json::{Value, json};
use withdrawals::{At, held, leaving};

/// The bytes that deposits may take.
const DEPOSIT_BYTES: usize = 35_000;

const DEPOSITS: [Form<'static>; 2] = [
    Form {
        title: "Deposit tez",
        method: "rollup_deposit",
        button: "Deposit",
        inputs: &[
            Input::new("Receiver on the rollup", "text")
                .of("receiver")
                .hint("0x…"),
            Input::new("Amount, in tez", "mutez").of("amount").with("1"),
        ],
    },
    Form {
        title: "Deposit tokens",
        method: "rollup_depositTokens",
        button: "Deposit",
        inputs: &[
            Input::new("Receiver on the rollup", "text")
                .of("receiver")
                .hint("0x…"),
            Input::new("Amount, in the token's smallest unit", "text")
                .of("amount")
                .with("1"),
            Input::new("Proxy, an ERC-20 of the tickets", "text")
                .of("proxy")
                .hint("0x…")
                .optional(),
        ],
    },
];

const ADVANCE: Form<'static> = Form {
    title: "Run levels",
    method: "rollup_advanceLevels",
    button: "Run",
    inputs: &[Input::new(
        "How many; without a number: until all that waits can be executed",
        "number",
    )
    .optional()],
};
/// `/bridge`; `?before=B-L`: older deposits; `?from=N`: the withdrawals behind the newest N.
pub(crate) async fn view(ask: &Ask, names: &Names, query: &Query) -> Result<View, Trouble> {
    let newest = super::home::newest(ask).await?;
    let layer1 = ask.call("rollup_layer1", json!([])).await;
    let withdrawals = ask.call("rollup_withdrawals", json!([])).await;
    let at = At {
        ask,
        names,
        open: open(ask, &layer1),
        held: held(ask, layer1.as_ref().ok()).await,
    };
    let topics: Vec<B256> = EVENTS.iter().map(keccak256).collect();
    let filter = json!({ "address": BRIDGES, "topics": [topics] });
    let found = found::search(ask, &filter, query.get("before")).await?;
    let (mut deposits, mut left, mut next) = (Vec::new(), DEPOSIT_BYTES, found.next.clone());
    let mut before = None;
    for log in &found.logs {
        // Those that have no room are on the next page.
        if left == 0 {
            next = before;
            break;
        }
        let row = deposit(ask, names, log).await;
        left = left.saturating_sub(row.0.len());
        before = Some(found::place(log));
        deposits.push(row);
    }
    let main = html! {
        h1 { "Between the layers" }
        @match &layer1 {
            Ok(layer1) => (facts(layer1, at.money(layer1, withdrawals.as_ref().ok()))),
            Err(_) => (following(ask).await),
        }
        nav.parts aria-label="Parts of this page" { a href="#withdrawals" { "withdrawals" } a href="#deposits" { "deposits" } a href="#more" { "deposit and withdraw" } }
        @if ask.is_devnet() { p #said.unseen role="status" {} }
        div #lists data-refresh data-live=(newest) {
        h2 #withdrawals { "Withdrawals" }
        @match &withdrawals {
            Ok(all) => (leaving(&at, all.as_array().map_or(&[][..], Vec::as_slice), query).await),
            Err(error) => p.none { "The node does not give them: " (error.message) "." },
        }
        h2 #deposits { "Deposits" }
        @if deposits.is_empty() { p.none { "None in the blocks that were looked through." } }
        @else { (table_of_deposits(&deposits)) }
        (format::pager("Deposits", query.has("before").then(|| "/bridge#deposits".to_owned()), next.map(|next| format!("/bridge?before={next}#deposits"))))
        }
        h2 #more { "Deposit and withdraw" }
        @if ask.is_devnet() {
            div.forms { @for form in &DEPOSITS { (form.markup()) } (ADVANCE.markup()) }
        }
        p {
            "Withdraw with " a href=(withdraw()) { code { "withdraw_base58" } } " of "
            a href=(format!("/address/{}/contract", BRIDGES[0].to_checksum(None))) { "the bridge of tez" } ", or with "
            a href=(format!("/address/{}/contract", BRIDGES[1].to_checksum(None))) { "the bridge of tokens" } "."
        }
    };
    Ok(View::new("Bridge", main))
}

/// The form that withdraws tez.
fn withdraw() -> String {
    let bridge = BRIDGES[0].to_checksum(None);
    let selector = hex_of(&keccak256("withdraw_base58(string)")[..4]);
    format!("/address/{bridge}/contract?f=withdraw_base58(string)#{selector}")
}

/// The level that is not over yet.
fn open(ask: &Ask, layer1: &Result<Value, RpcError>) -> u64 {
    match (layer1, ask.node().following()) {
        (Ok(layer1), _) => number(layer1, "level"),
        (Err(_), Some(following)) => u64::from(following.level) + 1,
        (Err(_), None) => 0,
    }
}
/// Where the rollup is on the devnet's layer 1; `money`: the mutez that it has there, and those that are
/// on their way out.
fn facts(layer1: &Value, money: Option<[U256; 2]>) -> Markup {
    let over = number(layer1, "level").checked_sub(1);
    let accounts = layer1.get("accounts").and_then(Value::as_array);
    let contracts = layer1.get("contracts").and_then(Value::as_object);
    html! {
        dl #facts.facts {
            div { dt { "Rollup" } dd { (format::layer1(text(layer1, "rollup"))) } }
            @if let Some([held, leaving]) = money {
                div { dt { "Tez that it has on layer 1" } dd { (format::mutez(held)) } }
                div { dt { "Tez that withdrawals take" } dd { (format::mutez(leaving)) } }
            }
            div { dt { "Newest level" } dd { @match over { Some(over) => (format::level(over)), None => "none is over yet" } } }
            div { dt { "Cemented up to" } dd { @match layer1.get("cemented").and_then(Value::as_u64) { Some(level) => (format::level(level)), None => "nothing yet" } } }
            div { dt { "A commitment every" } dd { (number(layer1, "commitmentPeriod")) " levels" } }
            div { dt { "It can be refuted for" } dd { (number(layer1, "challengeWindow")) " levels" } }
        }
        p.note { "On this layer 1 commitments come by the clock: nobody stakes on one, and nobody refutes it. " a href="/dispute" { "A dispute" } " is played beside it." }
        details {
            summary { "Accounts and contracts of layer 1" }
            ul {
                @for account in accounts.into_iter().flatten().filter_map(Value::as_str) { li { (format::layer1(account)) } }
                @for (name, contract) in contracts.into_iter().flatten() { li { (name) ": " (format::layer1(contract.as_str().unwrap_or_default())) } }
            }
        }
    }
}

/// Where a node in front of a rollup is.
async fn following(ask: &Ask) -> Markup {
    let following = ask.node().following();
    let status = ask.call("rollup_status", json!([])).await;
    let status = status.unwrap_or_default();
    let cemented = status.get("cemented").and_then(Value::as_u64);
    html! {
        @if let Some(following) = following {
            dl #facts.facts {
                div { dt { "Rollup" } dd { (format::cut(text(&status, "rollup"))) } }
                div { dt { "Cemented up to" } dd { @match cemented { Some(level) => (format::level(level)), None => "nothing yet" } } }
                div { dt { "Newest level here" } dd { (format::level(following.level.into())) } }
                div { dt { "Layer 1's" } dd { (format::count(following.head)) } }
            }
        }
    }
}

/// A deposit as a row.
async fn deposit(ask: &Ask, names: &Names, log: &Value) -> Markup {
    let decoded = names.log(&found::topics(log), &data(log, "data"));
    let value = |name: &str| {
        let mut values = decoded.iter().flat_map(|decoded| &decoded.values);
        values
            .find(|named| named.name == name)
            .map(|named| named.value.clone())
    };
    let event = decoded.as_ref().map_or("", |decoded| decoded.name.as_str());
    let native = address(log, "address") == Some(BRIDGES[0]);
    let amount = match value("amount") {
        Some(DynSolValue::Uint(amount, _)) => amount,
        _ => U256::ZERO,
    };
    let place = message_of(log);
    let receiver = value("receiver");
    let nobody = matches!(receiver, Some(DynSolValue::Address(Address::ZERO)));
    let waits = match (event, place) {
        ("DepositKept", Some((level, id))) => still_kept(ask, level, id).await,
        ("QueuedDeposit", _) => still_queued(ask, value("nonce")).await,
        _ => None,
    };
    let why = kept(ask, native, value("proxy")).await;
    html! {
        tr {
            td { (format::block(number(log, "blockNumber"))) }
            td { @if let Some((level, id)) = place { (format::message(level, id)) } }
            td { (format::transaction(text(log, "transactionHash"))) }
            td {
                @if nobody { span.none { "nobody" } }
                @else if let Some(DynSolValue::Address(receiver)) = &receiver { (names.account(receiver)) }
            }
            td.number { @if native { (format::wei(amount)) } @else { (format::count(amount)) " tickets" } }
            td {
                // What the routing does not name is nobody's to claim.
                @if nobody && waits != Some(false) { span.waits { "kept" } ", since its routing names no receiver: governance alone can hand it over" }
                @else { (fate(event, waits, why, claim(native, place, value("nonce")))) }
            }
        }
    }
}

/// Why a deposit is kept, and who may claim it.
async fn kept(ask: &Ask, native: bool, proxy: Option<DynSolValue>) -> [&'static str; 2] {
    const ANYBODY: &str = "anybody may claim it for the receiver";
    match proxy {
        _ if native => [
            "since the receiver refused it, needs more gas for it, or is meant on another chain",
            ANYBODY,
        ],
        Some(DynSolValue::Address(proxy)) if !proxy.is_zero() => {
            let code = ask.call("eth_getCode", json!([proxy, "latest"])).await;
            match code.is_ok_and(|code| code == "0x") {
                true => [
                    "since it goes by a proxy, at which there is no contract",
                    "the receiver may claim the tickets without it",
                ],
                false => ["since it goes by a proxy", ANYBODY],
            }
        }
        _ => ["since the receiver is meant on another chain", ANYBODY],
    }
}

/// What became of a deposit; of one that waits, why, and the call that hands it over.
fn fate(event: &str, waits: Option<bool>, [why, who]: [&str; 2], claim: Option<String>) -> Markup {
    match (event, waits) {
        ("Deposit", _) => html! { span.worked { "✓ credited" } },
        (_, Some(false)) => html! { span.worked { "✓ claimed" } },
        (_, Some(true)) => html! {
            span.waits { "kept" } ", " (why) ": "
            @if let Some(claim) = claim { a href=(claim) { (who) } }
        },
        _ => html! { span.waits { "kept" } },
    }
}

/// The form of the call that hands a kept deposit over.
fn claim(native: bool, place: Option<(u64, u64)>, id: Option<DynSolValue>) -> Option<String> {
    let form = |bridge: Address, function: &str, arguments: &str| {
        let selector = hex_of(&keccak256(function)[..4]);
        let bridge = bridge.to_checksum(None);
        format!("/address/{bridge}/contract?f={function}&{arguments}#{selector}")
    };
    if native {
        let (level, id) = place?;
        let arguments = format!("a0={level}&a1={id}");
        return Some(form(
            BRIDGES[0],
            "claimDeposit(uint256,uint256)",
            &arguments,
        ));
    }
    match id? {
        DynSolValue::Uint(id, _) => Some(form(BRIDGES[1], "claim(uint256)", &format!("a0={id}"))),
        _ => None,
    }
}

/// Whether a kept deposit of tez is still there.
async fn still_kept(ask: &Ask, level: u64, id: u64) -> Option<bool> {
    let mut input = keccak256("claimable(uint256,uint256)")[..4].to_vec();
    input.extend(U256::from(level).to_be_bytes::<32>());
    input.extend(U256::from(id).to_be_bytes::<32>());
    let answer = ask.view(&BRIDGES[0], &input).await?;
    let amount = U256::try_from_be_slice(answer.get(32..64)?)?;
    Some(!amount.is_zero())
}

/// The same of tokens.
async fn still_queued(ask: &Ask, id: Option<DynSolValue>) -> Option<bool> {
    let Some(DynSolValue::Uint(id, _)) = id else {
        return None;
    };
    let mut input = keccak256("queued(uint256)")[..4].to_vec();
    input.extend(id.to_be_bytes::<32>());
    let answer = ask.view(&BRIDGES[1], &input).await?;
    let amount = U256::try_from_be_slice(answer.get(96..128)?)?;
    Some(!amount.is_zero())
}

fn table_of_deposits(rows: &[Markup]) -> Markup {
    html! {
        div.wide { table {
            caption.unseen { "Deposits" }
            thead { tr {
                th scope="col" { "Block" }
                th scope="col" { "From layer 1" }
                th scope="col" { "Transaction" }
                th scope="col" { "Receiver" }
                th.number scope="col" { "Amount" }
                th scope="col" { "What became of it" }
            } }
            tbody { @for row in rows { (row) } }
        } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_level_is_one_that_is_over() {
        let text = facts(&json!({ "level": 7, "cemented": 2 }), None).into_string();
        assert!(
            text.contains("/level/6") && !text.contains("/level/7"),
            "{text}"
        );
    }
}
