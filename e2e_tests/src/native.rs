//! A rollup in memory whose kernel is native code on the mocked machine.

use alloy_primitives::{Address, U256};
use ethereum::SignedTransaction;
use host::Metadata;
use host::mock::{Ended, Level, MockHost};
use storage::layout::{ACCOUNTS, SETUP};
use storage::table::Value;
use storage::{Account, Config};

/// The rollup at `address` before its first level, `first_level`, as a setup file would leave it.
#[must_use]
pub fn rollup(address: [u8; 20], first_level: u32, config: &Config) -> MockHost {
    let mut host = MockHost::default().with_metadata(Metadata {
        address,
        origination_level: first_level - 1,
    });
    host.set_next_level(first_level);
    for (name, value) in config.to_setup() {
        host.set(format!("{SETUP}/{name}").as_bytes(), &value);
    }
    host
}

/// Gives an account so many wei, before the first level.
///
/// # Panics
/// Never: the path of an account is legal.
pub fn fund(host: &mut MockHost, address: &Address, balance: U256) {
    let account = Account {
        balance,
        ..Account::default()
    };
    let path = ACCOUNTS.path(address).expect("a legal path");
    host.set(path.as_path().as_bytes(), account.encode().as_ref());
}

/// The external message, without the inbox tag, that brings `contents` to the rollup at `address`.
#[must_use]
pub fn framed(address: &[u8; 20], contents: &[u8]) -> Vec<u8> {
    [&[0][..], address, contents].concat()
}

/// The external message, without the inbox tag, that brings a transaction as a whole.
#[must_use]
pub fn simple(address: &[u8; 20], transaction: &SignedTransaction) -> Vec<u8> {
    let raw = transaction.encode();
    framed(address, &[&[0], transaction.hash.as_slice(), &raw].concat())
}

/// Runs a level.
///
/// # Errors
/// The kernel's log, if a run traps or is forced to end.
pub fn run(host: &mut MockHost, level: &Level) -> Result<Ended, String> {
    let ended = host.run_level(level, evm_kernel::mock_kernel_run);
    if ended.traps > 0 || ended.forced {
        return Err(format!("the kernel traps: {}", host.debug_log()));
    }
    Ok(ended)
}
