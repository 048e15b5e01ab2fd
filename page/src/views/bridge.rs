//! The bridge: what came from layer 1, and how far what goes back is.

mod withdrawals;

use super::forms::{Form, Input};
use super::found;
use crate::ask::{Ask, Trouble, address, data, number, text};
use crate::format;
use crate::frame::View;
use crate::names::Names;
use crate::query::Query;
use alloy_dyn_abi::DynSolValue;
use alloy_primitives::{Address, B256, U256, address as fixed, keccak256};
use maud::{Markup, html};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use withdrawals::At;

/// The bridges of tez and of tokens.
const BRIDGES: [Address; 2] = [
    fixed!("0xff00000000000000000000000000000000000001"),
    fixed!("0xff00000000000000000000000000000000000002"),
];

/// The bytes that deposits may take.
const DEPOSIT_BYTES: usize = 35_000;

/// What the bridges log of a deposit.
const EVENTS: [&str; 4] = [
    "Deposit(uint256,address,uint256,uint256)",
    "DepositKept(uint256,address,uint256,uint256)",
    "Deposit(uint256,address,address,uint256,uint256,uint256)",
    "QueuedDeposit(uint256,address,uint256,address,uint256,uint256,uint256)",
];

/// What the bridges log of a withdrawal.
const WITHDRAWALS: [&str; 4] = [
    "Withdrawal(uint256,address,bytes22,uint256)",
    "FastWithdrawal(bytes22,uint256,uint256,uint256,bytes,address)",
    "Withdrawal(uint256,address,address,bytes22,bytes22,uint256,uint256)",
    "FastFaWithdrawal(uint256,address,address,bytes22,bytes22,uint256,uint256,uint256,bytes)",
];

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

/// Whether logs of a transaction tell that something goes to layer 1.
pub(super) fn asks_layer1(logs: &[Value]) -> bool {
    let tells = |log: &Value| {
        let topic = found::topics(log).first().copied();
        let is_ours = address(log, "address").is_some_and(|from| BRIDGES.contains(&from));
        is_ours && topic.is_some_and(|topic| WITHDRAWALS.iter().any(|one| keccak256(one) == topic))
    };
    logs.iter().any(tells)
}

/// The level and the message of layer 1 that a log of a bridge tells of.
pub(super) fn message_of(log: &Value) -> Option<(u64, u64)> {
    let from = address(log, "address")?;
    let topic = found::topics(log).first().copied()?;
    if !BRIDGES.contains(&from) || !EVENTS.iter().any(|event| keccak256(event) == topic) {
        return None;
    }
    // The last two words of all of them.
    let bytes = data(log, "data");
    let words: Vec<U256> = bytes.chunks_exact(32).map(U256::from_be_slice).collect();
    let [.., level, id] = words[..] else {
        return None;
    };
    Some((u64::try_from(level).ok()?, u64::try_from(id).ok()?))
}

/// The blocks of a level that deposits made, by level and number of their messages.
pub(super) async fn deposited(ask: &Ask, blocks: &Value) -> BTreeMap<(u64, u64), u64> {
    if blocks.is_null() {
        return BTreeMap::new();
    }
    let [first, last] = ["first", "last"].map(|name| format!("{:#x}", number(blocks, name)));
    let topics: Vec<B256> = EVENTS.iter().map(keccak256).collect();
    let filter =
        json!([{ "address": BRIDGES, "topics": [topics], "fromBlock": first, "toBlock": last }]);
    let logs = ask.call("eth_getLogs", filter).await.unwrap_or_default();
    let logs = logs.as_array().into_iter().flatten();
    logs.filter_map(|log| Some((message_of(log)?, number(log, "blockNumber"))))
        .collect()
}

/// `/bridge`; `?before=B-L`: older deposits; `?from=N`: the withdrawals behind the newest N.
pub(crate) async fn view(ask: &Ask, names: &Names, query: &Query) -> Result<View, Trouble> {
    let layer1 = ask.call("rollup_layer1", json!([])).await;
    let withdrawals = ask.call("rollup_withdrawals", json!([])).await;
    let at = At::now(ask, &layer1).await;
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
            Ok(layer1) => (facts(layer1)),
            Err(_) => (following(ask).await),
        }
        nav.parts aria-label="Parts of this page" { a href="#withdrawals" { "withdrawals" } a href="#deposits" { "deposits" } a href="#more" { "deposit and withdraw" } }
        @if ask.is_devnet() { p #said role="status" {} }
        div #lists data-refresh {
        h2 #withdrawals { "Withdrawals" }
        @match &withdrawals {
            Ok(all) => (withdrawals::leaving(&at, all.as_array().map_or(&[][..], Vec::as_slice), query)),
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
    format!("/address/{bridge}/contract?f=withdraw_base58(string)")
}

fn facts(layer1: &Value) -> Markup {
    let over = number(layer1, "level").checked_sub(1);
    let accounts = layer1.get("accounts").and_then(Value::as_array);
    let contracts = layer1.get("contracts").and_then(Value::as_object);
    html! {
        dl #facts.facts {
            div { dt { "Rollup" } dd { (format::cut(text(layer1, "rollup"))) } }
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
                @else { (fate(event, waits, claim(native, place, value("nonce")))) }
            }
        }
    }
}

/// What became of a deposit; of one that waits, the call that hands it over.
fn fate(event: &str, waits: Option<bool>, claim: Option<String>) -> Markup {
    match (event, waits) {
        ("Deposit", _) => html! { span.worked { "✓ credited" } },
        (_, Some(false)) => html! { span.worked { "✓ claimed" } },
        (_, Some(true)) => html! {
            span.waits { "kept" } ", since the receiver refused it, needs more gas or goes by a proxy: "
            @if let Some(claim) = claim { a href=(claim) { "anybody may claim it for the receiver" } }
        },
        _ => html! { span.waits { "kept" } },
    }
}

/// The form of the call that hands a kept deposit over.
fn claim(native: bool, place: Option<(u64, u64)>, id: Option<DynSolValue>) -> Option<String> {
    let form = |bridge: Address, call: String| {
        format!("/address/{}/contract?{call}", bridge.to_checksum(None))
    };
    if native {
        let (level, id) = place?;
        let call = format!("f=claimDeposit(uint256,uint256)&a0={level}&a1={id}");
        return Some(form(BRIDGES[0], call));
    }
    match id? {
        DynSolValue::Uint(id, _) => Some(form(BRIDGES[1], format!("f=claim(uint256)&a0={id}"))),
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
    fn a_deposit_says_which_message_it_was() {
        let word = |number: u64| format!("{number:064x}");
        let bytes = format!("0x{}{}{}{}", word(5), "0".repeat(64), word(7), word(2));
        let log = json!({ "address": BRIDGES[0], "topics": [keccak256(EVENTS[0])], "data": bytes });
        assert_eq!(message_of(&log), Some((7, 2)));
        // Anybody may log the same.
        let other = json!({ "address": Address::repeat_byte(1), "topics": [keccak256(EVENTS[0])], "data": bytes });
        assert_eq!(message_of(&other), None);
        let short =
            json!({ "address": BRIDGES[0], "topics": [keccak256(EVENTS[0])], "data": "0x" });
        assert_eq!(message_of(&short), None);
    }

    #[test]
    fn the_newest_level_is_one_that_is_over() {
        let text = facts(&json!({ "level": 7, "cemented": 2 })).into_string();
        assert!(
            text.contains("/level/6") && !text.contains("/level/7"),
            "{text}"
        );
    }

    #[test]
    fn events_are_those_of_the_bridges() {
        let names = Names::new(std::sync::Arc::default(), &[]);
        for event in EVENTS.iter().chain(&WITHDRAWALS) {
            assert!(!names.events(&keccak256(event)).is_empty(), "{event}");
        }
        let claimable = keccak256("claimable(uint256,uint256)");
        assert!(
            !names
                .functions(&claimable[..4].try_into().unwrap())
                .is_empty()
        );
    }
}
