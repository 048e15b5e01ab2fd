//! Balances in a dump of durable storage.

use super::scenario::Wallet;
use anyhow::Context;
use host::path::decode_key;
use messages::address::Kind;
use messages::contract::{CONTRACT, Contract};
use messages::micheline::Node;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write;
use tx_kernel::encoding::{TicketHash, Tz4};
use tx_kernel::layout::{ACCOUNTS, TICKETS};
use tx_kernel::memory::Account;

/// An account, and what it has.
pub(crate) struct Held {
    address: Tz4,
    counter: i64,
    balances: Vec<(Ticket, u64)>,
}

/// A ticket, as far as the dump describes it.
#[derive(Clone)]
struct Ticket {
    ticketer: String,
    content: String,
}

/// Reads what `run --json --dump /tx/state` prints.
pub(crate) fn read(report: &Value) -> anyhow::Result<Vec<Held>> {
    let dump = report["dump"].as_object();
    let dump = dump.context("missing \"dump\": run with `--json --dump /tx/state`")?;
    let mut tickets = BTreeMap::new();
    let mut accounts: BTreeMap<Tz4, (Option<Account>, BTreeMap<TicketHash, u64>)> = BTreeMap::new();
    for (path, value) in dump {
        let bytes = hex::decode(value.as_str().unwrap_or_default());
        let bytes = bytes.with_context(|| path.clone())?;
        if let Some(key) = below(path, &TICKETS.to_string()) {
            let hash = decode_key(key.as_bytes()).with_context(|| path.clone())?;
            tickets.insert(hash, describe(&bytes).with_context(|| path.clone())?);
        } else if let Some(steps) = below(path, &ACCOUNTS.to_string()) {
            let (address, ticket) = steps.split_once('/').unwrap_or((steps, ""));
            let address = decode_key(address.as_bytes()).with_context(|| path.clone())?;
            let held = accounts.entry(address).or_default();
            if ticket.is_empty() {
                let account = Account::decode(&bytes).with_context(|| path.clone())?;
                held.1.extend(account.inside());
                held.0 = Some(account);
            } else {
                let hash = decode_key(ticket.as_bytes()).with_context(|| path.clone())?;
                let amount = bytes.try_into().map(u64::from_be_bytes);
                held.1
                    .insert(hash, amount.ok().with_context(|| path.clone())?);
            }
        }
    }
    let held = accounts
        .into_iter()
        .map(|(address, (account, balances))| Held {
            address,
            counter: account.map_or(0, |account| account.counter),
            balances: balances
                .into_iter()
                .map(|(hash, amount)| {
                    let unknown = || Ticket {
                        ticketer: "?".to_owned(),
                        content: hex::encode(hash),
                    };
                    (tickets.get(&hash).cloned().unwrap_or_else(unknown), amount)
                })
                .collect(),
        });
    Ok(held.collect())
}

fn below<'p>(path: &'p str, root: &str) -> Option<&'p str> {
    path.strip_prefix(root)?.strip_prefix('/')
}

fn describe(bytes: &[u8]) -> Option<Ticket> {
    let (ticketer, content) = bytes.split_first_chunk::<CONTRACT>()?;
    Some(Ticket {
        ticketer: Contract::parse(ticketer).ok()?.to_base58().ok()?,
        content: Node::parse(content).ok()?.string()?.to_owned(),
    })
}

pub(crate) fn to_json(accounts: &[Held]) -> Value {
    let accounts = accounts.iter().map(|held| {
        let balances = held.balances.iter().map(|(ticket, amount)| {
            json!({ "ticketer": ticket.ticketer, "content": ticket.content, "amount": amount })
        });
        let balances: Value = balances.collect();
        let address = super::print(Kind::Tz4, &held.address);
        (
            address,
            json!({ "counter": held.counter, "balances": balances }),
        )
    });
    accounts.collect()
}

/// A table for people to read.
pub(crate) fn table(accounts: &[Held], wallet: &Wallet) -> String {
    if accounts.is_empty() {
        return "no accounts\n".to_owned();
    }
    let mut text = String::new();
    for held in accounts {
        let address = super::print(Kind::Tz4, &held.address);
        let name = wallet.name(&held.address);
        let name = name.map_or_else(String::new, |name| format!(" ({name})"));
        let _ = writeln!(text, "{address}{name}, counter {}", held.counter);
        for (ticket, amount) in &held.balances {
            let _ = writeln!(
                text,
                "  {amount:>20} {:?} of {}",
                ticket.content, ticket.ticketer
            );
        }
    }
    text
}
