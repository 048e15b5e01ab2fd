//! Durable storage with accounts changed, and no block for it: what calls find there.

use crate::request::StateOverrides;
use alloy_primitives::{Address, B256, Bytes, KECCAK256_EMPTY, U256, keccak256};
use evm_kernel::HISTORY_ADDRESS;
use pvm::Durable;
use revm::state::{Account as Touched, EvmState};
use std::collections::{BTreeMap, BTreeSet};
use storage::diff::{AccountChange, AccountDiff};
use storage::layout::{ACCOUNTS, HEAD};
use storage::{Account, Diff, StorageError, commit};

/// Writes overrides into the state.
///
/// # Errors
/// If it cannot be read.
pub fn override_accounts(
    durable: &mut Durable,
    overrides: &StateOverrides,
) -> Result<(), StorageError> {
    let mut diff = Diff::default();
    for (address, changes) in overrides {
        let old: Option<Account> = ACCOUNTS.get(durable, address)?;
        let before = old.unwrap_or_default();
        let code_hash = match &changes.code {
            Some(code) if code.is_empty() => KECCAK256_EMPTY,
            Some(code) => keccak256(code),
            None => before.code_hash,
        };
        let account = Account {
            nonce: changes.nonce.unwrap_or(before.nonce),
            balance: changes.balance.unwrap_or(before.balance),
            code_hash,
        };
        let cleared = changes.state.is_some();
        let slots = changes.state.iter().flatten().chain(&changes.state_diff);
        diff.accounts.push(AccountDiff {
            address: *address,
            account: match old {
                // What is deleted first is written again.
                _ if account == before && !cleared => AccountChange::Keep,
                _ => AccountChange::Set(account),
            },
            had_code: before.has_code() && !cleared,
            cleared,
            slots: slots.map(|(slot, value)| (*slot, *value)).collect(),
        });
        if let Some(code) = changes.code.as_ref().filter(|code| !code.is_empty()) {
            diff.code.push((code_hash, code.clone()));
        }
    }
    amend(durable, diff)
}

/// Writes what a transaction did into the state.
///
/// # Errors
/// If it cannot be read.
pub fn change_accounts(durable: &mut Durable, changed: &EvmState) -> Result<(), StorageError> {
    let mut diff = Diff::default();
    let in_order: BTreeMap<_, _> = changed.iter().collect();
    for (address, touched) in in_order {
        let old: Option<Account> = ACCOUNTS.get(durable, address)?;
        let (change, code) = change(*address, (old, touched));
        diff.accounts.push(change);
        diff.code.extend(code);
    }
    amend(durable, diff)
}

/// Blocks of which the history contract knows the hashes (EIP-2935).
const HISTORY: u64 = 8191;

/// Writes the hash of the block before block `number` into the history contract, if there
/// is one, as that block does before its transactions.
///
/// # Errors
/// If the state cannot be read.
pub fn set_parent(durable: &mut Durable, number: u64, hash: B256) -> Result<(), StorageError> {
    let Some(account) = ACCOUNTS.get(durable, &HISTORY_ADDRESS)? else {
        return Ok(());
    };
    let slot = U256::from(number.saturating_sub(1) % HISTORY);
    let diff = AccountDiff {
        address: HISTORY_ADDRESS,
        account: AccountChange::Keep,
        had_code: account.has_code(),
        cleared: false,
        slots: vec![(slot, hash.into())],
    };
    amend(
        durable,
        Diff {
            accounts: vec![diff],
            code: Vec::new(),
        },
    )
}

/// The change of an account, with its code if that may be new.
fn change(
    address: Address,
    (old, touched): (Option<Account>, &Touched),
) -> (AccountDiff, Option<(B256, Bytes)>) {
    let before = old.unwrap_or_default();
    let info = &touched.info;
    let account = Account {
        nonce: info.nonce,
        balance: info.balance,
        code_hash: match info.code_hash {
            B256::ZERO => KECCAK256_EMPTY,
            hash => hash,
        },
    };
    let gone = touched.is_selfdestructed() || (touched.is_touched() && touched.is_empty());
    let mut slots: Vec<_> = touched
        .storage
        .iter()
        .filter(|(_, slot)| slot.is_changed())
        .map(|(slot, value)| (*slot, value.present_value))
        .collect();
    slots.sort_unstable();
    let account = match gone {
        true if old.is_none() => AccountChange::Keep,
        true => AccountChange::Delete,
        false if account == before => AccountChange::Keep,
        false => AccountChange::Set(account),
    };
    let code = info
        .code
        .as_ref()
        .filter(|_| account != AccountChange::Keep);
    let code = code.map(|code| (info.code_hash, code.original_bytes()));
    let diff = AccountDiff {
        address,
        account,
        had_code: before.has_code(),
        cleared: false,
        slots: if gone { Vec::new() } else { slots },
    };
    (diff, code.filter(|(_, code)| !code.is_empty()))
}

/// Writes `diff` below the newest block.
fn amend(durable: &mut Durable, mut diff: Diff) -> Result<(), StorageError> {
    diff.accounts.retain(|change| {
        change.account != AccountChange::Keep || change.cleared || !change.slots.is_empty()
    });
    if diff.accounts.is_empty() {
        return Ok(());
    }
    let mut codes = BTreeSet::new();
    diff.code.retain(|(hash, _)| codes.insert(*hash));
    let head = HEAD.get(durable, &())?;
    let amended = commit::Block {
        head: head.unwrap_or_default(),
        diff,
        ..commit::Block::default()
    };
    commit::block(durable, &amended)
}
