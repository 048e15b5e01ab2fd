//! The bridge to layer 1.
//!
//! | step | where |
//! | --- | --- |
//! | a call from layer 1 is read | `incoming` |
//! | tickets become a transaction of the kernel's, which calls a bridge | `deposit` |
//! | the bridges' Solidity, at the addresses that tooling knows | `solidity_fixtures/contracts` |
//! | forced transactions are put together | `crate::inputs::forced` |
//! | a bridge asks for a message to layer 1: a precompile of theirs | `outbox` |
//! | the message is a log of the precompile, so a frame that reverts takes it along | [`messages`] |
//! | the block's commit queues it, a later step sends it | `storage::commit`, [`crate::run`] |
//!
//! Tickets, kept deposits and counters are storage of the bridges: it
//! reverts with the frame that changed it, like all else.

pub(crate) mod abi;
pub(crate) mod deposit;
pub(crate) mod governance;
pub(crate) mod incoming;
pub(crate) mod outbox;

use crate::error::KernelError;
use alloc::vec::Vec;
use alloy_primitives::{Address, Bytes, Log, address};
use ethereum::keccak::keccak256;
use host::Store;
use rollup::Cursor;
use storage::diff::{AccountChange, AccountDiff};
use storage::layout::LAYOUT;
use storage::{Account, Diff};

/// The bridge of the native token.
pub const NATIVE_BRIDGE: Address = address!("ff00000000000000000000000000000000000001");

/// The bridge of all other tickets.
pub const FA_BRIDGE: Address = address!("ff00000000000000000000000000000000000002");

/// The precompile that the two bridges send messages by.
pub const OUTBOX: Address = address!("ff00000000000000000000000000000000000003");

/// The account whose slot 0 holds the number of the next withdrawal.
pub const COUNTER: Address = address!("ff00000000000000000000000000000000000005");

/// The caller of the bridges on behalf of layer 1 (as in EIP-4788).
pub const SYSTEM: Address = address!("fffffffffffffffffffffffffffffffffffffffe");

/// The gas of a deposit, which nobody pays for: the bridge's own, and the 100,000
/// that it lets the receiver have.
pub const DEPOSIT_GAS: u64 = 400_000;

/// The code of the two bridges, compiled by `make fixtures`.
const NATIVE_CODE: &[u8] = include_bytes!("bridge/native.bin");
const FA_CODE: &[u8] = include_bytes!("bridge/fa.bin");

/// INVALID: the precompile and the counter have code so that Solidity calls the
/// one, and the other is not an empty account.
const STUB: &[u8] = &[0xfe];

/// The contracts that the kernel brings along.
pub(crate) const PREDEPLOYED: [(Address, &[u8]); 4] = [
    (NATIVE_BRIDGE, NATIVE_CODE),
    (FA_BRIDGE, FA_CODE),
    (OUTBOX, STUB),
    (COUNTER, STUB),
];

/// A mark of these contracts: FNV-1a of their code.
pub(crate) const MARK: u64 = {
    let mut mark = 0xcbf2_9ce4_8422_2325_u64;
    let mut contract = 0;
    while contract < PREDEPLOYED.len() {
        let code = PREDEPLOYED[contract].1;
        let mut at = 0;
        while at < code.len() {
            mark = (mark ^ code[at] as u64).wrapping_mul(0x0100_0000_01b3);
            at += 1;
        }
        contract += 1;
    }
    mark
};

/// Adds the contracts to block 0.
pub(crate) fn predeploy(diff: &mut Diff) {
    for (address, code) in PREDEPLOYED {
        let code_hash = keccak256(code);
        diff.accounts.push(AccountDiff {
            address,
            account: AccountChange::Set(Account {
                nonce: 1,
                code_hash,
                ..Account::default()
            }),
            had_code: false,
            cleared: false,
            slots: Vec::new(),
        });
        if !diff.code.iter().any(|(known, _)| *known == code_hash) {
            diff.code.push((code_hash, Bytes::from_static(code)));
        }
    }
}

/// Keeps a call from layer 1 that nobody can look at without a trap: a later
/// kernel can.
pub(crate) fn set_aside(
    host: &mut impl Store,
    cursor: Cursor,
    bytes: &[u8],
) -> Result<(), KernelError> {
    Ok(rollup::dead_letters::keep(host, &LAYOUT, cursor, bytes)?)
}

/// Takes the messages to layer 1 out of a transaction's logs.
pub(crate) fn messages(logs: &mut Vec<Log>) -> Vec<Bytes> {
    if !logs.iter().any(|log| log.address == OUTBOX) {
        return Vec::new();
    }
    let (messages, rest) = core::mem::take(logs)
        .into_iter()
        .partition::<Vec<Log>, _>(|log| log.address == OUTBOX);
    *logs = rest;
    messages.into_iter().map(|log| log.data.data).collect()
}

/// True if an address is the kernel's own or a precompile's: it can claim
/// nothing, so nothing is sent there.
fn is_reserved(address: &Address) -> bool {
    match address.0.0 {
        [0xff, middle @ .., last] if middle == [0; 18] => last <= 5,
        [high @ .., a, b] if high == [0; 18] => {
            matches!(u16::from_be_bytes([a, b]), 0..=0x11 | 0x100)
        }
        _ => *address == SYSTEM,
    }
}
