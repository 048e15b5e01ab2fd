//! Accounts that are called by the contract whose code they have.

use crate::ask::{Ask, address, bytes, list};
use crate::names::Names;
use alloy_primitives::{Address, Bytes};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The most accounts of a page whose code is looked at.
const MOST: usize = 24;

/// The names, with those of these accounts.
pub(super) async fn names(
    ask: &Ask,
    names: &Names,
    accounts: impl Iterator<Item = Address>,
) -> Names {
    if !names.has_codes() {
        return names.clone();
    }
    let accounts: BTreeSet<Address> = accounts.collect();
    let mut codes: Vec<(Address, Bytes)> = Vec::new();
    for account in accounts.into_iter().take(MOST) {
        let code = ask.call("eth_getCode", json!([account, "latest"])).await;
        let code = code.ok().as_ref().and_then(bytes);
        codes.extend(
            code.filter(|code| !code.is_empty())
                .map(|code| (account, code)),
        );
    }
    names
        .clone()
        .with(codes.iter().map(|(account, code)| (account, &code[..])))
}

/// The accounts that the rows of `rollup_getCalls` call, the first of them.
pub(super) fn called(told: &Value) -> BTreeSet<Address> {
    let way = told
        .get("failure")
        .map_or(&[][..], |failure| list(failure, "path"));
    let mut found = BTreeSet::new();
    for call in list(told, "calls").iter().chain(way) {
        if found.len() >= MOST {
            break;
        }
        found.extend(address(call, "to"));
    }
    found
}
