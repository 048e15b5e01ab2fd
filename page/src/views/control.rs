//! The controls of a devnet: blocks, time, snapshots, accounts.

use super::forms::{Form, Input};
use crate::ask::{Ask, Trouble};
use crate::format;
use crate::frame::View;
use crate::names::Names;
use crate::query::Query;
use crate::slice::Slice;
use maud::{Markup, html};
use node::node::BlockTime;
use serde_json::{Value, json};

/// The list of accounts whose keys the devnet has.
const KNOWN: &str = "known-accounts";

const ACCOUNT: Input<'static> = Input::new("Account", "text").hint("0x…").one_of(KNOWN);

const MINE: Form<'static> = Form {
    title: "Make blocks",
    method: "anvil_mine",
    button: "Mine",
    inputs: &[Input::new("How many", "quantity").with("1")],
};

const REORGANISE: Form<'static> = Form {
    title: "Go back and make other blocks",
    method: "anvil_reorg",
    button: "Reorganise",
    inputs: &[
        Input::new("How many blocks", "number").with("1"),
        Input::new("Transactions of the other ones", "json").with("[]"),
    ],
};

const LATER: Form<'static> = Form {
    title: "Let time pass",
    method: "evm_increaseTime",
    button: "Add",
    inputs: &[Input::new("Seconds", "number").with("3600")],
};

const STATES: [Form<'static>; 2] = [
    Form {
        title: "Take a snapshot",
        method: "evm_snapshot",
        button: "Take",
        inputs: &[],
    },
    Form {
        title: "Go back to a snapshot",
        method: "evm_revert",
        button: "Go back",
        inputs: &[Input::new("Its number", "quantity").hint("0x0")],
    },
];

const RESET: Form<'static> = Form {
    title: "Go back to genesis",
    method: "anvil_reset",
    button: "Reset",
    inputs: &[],
};

const ACCOUNTS: [Form<'static>; 3] = [
    Form {
        title: "Give an account money",
        method: "anvil_setBalance",
        button: "Fund",
        inputs: &[
            ACCOUNT,
            Input::new("What it has then, in tez", "wei").with("100"),
        ],
    },
    Form {
        title: "Send as any account",
        method: "anvil_impersonateAccount",
        button: "Impersonate",
        inputs: &[ACCOUNT],
    },
    Form {
        title: "Stop sending as an account",
        method: "anvil_stopImpersonatingAccount",
        button: "Stop",
        inputs: &[ACCOUNT],
    },
];

const SEND: Form<'static> = Form {
    title: "Send money",
    method: "eth_sendTransaction",
    button: "Send",
    inputs: &[
        Input::new("From", "text")
            .of("from")
            .hint("0x…")
            .one_of(KNOWN),
        Input::new("To", "text").of("to").hint("0x…").one_of(KNOWN),
        Input::new("Amount, in tez", "wei").of("value").with("1"),
        Input::new("Data", "text").of("data").hint("0x…").optional(),
    ],
};

/// The accounts of a page.
const PAGE: usize = 20;

/// `/control`; `?accounts=N`: the accounts from number N on.
pub(crate) async fn view(ask: &Ask, names: &Names, query: &Query) -> Result<View, Trouble> {
    let accounts = ask.call("eth_accounts", json!([])).await?;
    let accounts = accounts.as_array().cloned().unwrap_or_default();
    let slice = Slice::of(query, "/control", "accounts", PAGE).at("accounts");
    let main = html! {
        h1 { "Control of the devnet" }
        p { "Each form shows the JSON-RPC call that it makes." }
        div #facts { (made(ask.node().block_time())) }
        datalist #(KNOWN) { @for (number, account) in accounts.iter().take(100).filter_map(Value::as_str).enumerate() { option value=(account) { "account " (number) } } }
        (blocks(ask.node().block_time()))
        (times(newest(ask).await))
        (group("Snapshots", &STATES))
        (group("Accounts", &ACCOUNTS))
        (group("Transactions", &[SEND]))
        (group("From the start", &[RESET]))
        h2 #accounts { "Accounts whose keys the devnet has (" (format::count(accounts.len())) ")" }
        div #lists { (funded(ask, names, &accounts, &slice).await) }
    };
    Ok(View::new("Control", main))
}

/// Forms of blocks, with what is set now.
fn blocks(time: BlockTime) -> Markup {
    let seconds = match time {
        BlockTime::Every(every) => every.as_secs_f64().to_string(),
        _ => "0".to_owned(),
    };
    let at_once = if time == BlockTime::Auto {
        "true"
    } else {
        "false"
    };
    let words = "As soon as a transaction arrives; if not, on request";
    let automine = Form {
        title: "Make blocks by themselves",
        method: "evm_setAutomine",
        button: "Set",
        inputs: &[Input::new(words, "bool").now(at_once)],
    };
    let words = "Seconds between blocks; 0: no longer, but on request";
    let interval = Form {
        title: "Make blocks in time",
        method: "evm_setIntervalMining",
        button: "Set",
        inputs: &[Input::new(words, "number").now(&seconds)],
    };
    group("Blocks", &[MINE, automine, interval, REORGANISE])
}

/// The time of the newest block, in seconds since 1970.
async fn newest(ask: &Ask) -> u64 {
    let header = ask.call("eth_getHeaderByNumber", json!(["latest"])).await;
    header.map_or(0, |header| crate::ask::number(&header, "timestamp"))
}

/// Forms of time, with that of the newest block.
fn times(newest: u64) -> Markup {
    let hint = format!("the newest has {newest}");
    let next = Form {
        title: "Set the next block's time",
        method: "evm_setNextBlockTimestamp",
        button: "Set",
        inputs: &[Input::new("Seconds since 1970", "number").hint(&hint)],
    };
    group("Time", &[LATER, next])
}

/// When blocks are made, as things are.
fn made(time: BlockTime) -> Markup {
    html! {
        p {
            "Now a block is made "
            strong {
                @match time {
                    BlockTime::Auto => "as soon as a transaction arrives",
                    BlockTime::Every(every) => { "every " (every.as_secs_f64()) " s" },
                    BlockTime::Manual => "on request alone",
                }
            }
            @if time == BlockTime::Manual { ": what is sent waits until then" } "."
        }
    }
}

fn group(title: &str, forms: &[Form<'_>]) -> Markup {
    html! {
        h2 { (title) }
        div.forms { @for form in forms { (form.markup()) } }
    }
}

async fn funded(ask: &Ask, names: &Names, accounts: &[Value], slice: &Slice) -> Markup {
    let mut rows = Vec::new();
    for account in slice.take(accounts.iter()) {
        let balance = ask.call("eth_getBalance", json!([account, "latest"])).await;
        let balance = json!({ "balance": balance.unwrap_or_default() });
        let address = account.as_str().and_then(|text| text.parse().ok());
        rows.extend(address.map(|address| (address, crate::ask::word(&balance, "balance"))));
    }
    html! {
        div.wide { table {
            caption.unseen { "Accounts" }
            thead { tr { th scope="col" { "Account" } th.number scope="col" { "Balance" } } }
            tbody { @for (address, balance) in &rows { tr { th scope="row" { (names.whole_account(address)) } td.number { (format::wei(*balance)) } } } }
        } }
        (slice.bar("Accounts", accounts.len()))
    }
}
