//! The layout of durable storage. `docs/layout.md` tells it byte by byte.

use crate::account::{Account, LongAccount};
use crate::block::{Receipts, StoredHeader, Transactions};
use crate::config::Config;
use crate::head::Head;
use crate::key::{KeyPlace, Piece};
use crate::partly::Partly;
use crate::table::Table;
use crate::upgrade::Upgrade;
use crate::version::Version;
use alloy_primitives::{Address, B256, Bytes, U256};
use host::Path;
use host::outbox_queue::OutboxQueue;

pub use crate::roots::{LAYOUT, SETUP, STAGING, STATE};

/// Accounts by address.
pub const ACCOUNTS: Table<Address, Account> = Table::new("a");

/// The same, of accounts that had code before, see [`LongAccount`].
pub(crate) const LONG_ACCOUNTS: Table<Address, LongAccount> = Table::new("a");

/// Slots by address and slot, below their account. A zero slot has no entry.
pub const SLOTS: Table<(Address, U256), U256> = Table::new("a");

/// Code by its keccak-256 hash.
pub const CODE: Table<B256, Bytes> = Table::new("c");

/// The newest block, and how far the queue is consumed.
pub const HEAD: Table<(), Head> = Table::new("h");

/// The configuration, as compiled at genesis.
pub const CONFIG: Table<(), Config> = Table::new("o");

/// The configuration from the next level on, where governance changes it.
pub const SETTINGS: Table<(), Config> = Table::new("s");

/// Headers by block number, each behind its hash.
pub const HEADERS: Table<u64, StoredHeader> = Table::new("b");

/// Transactions by block number, below the header: they go with it. No entry for a
/// block without. [`crate::history`] knows where those of old blocks lie.
pub const TRANSACTIONS: Table<u64, Transactions> = Table::part("b", "t");

/// Receipts by block number, below the header; no entry for a block without.
pub const RECEIPTS: Table<u64, Receipts> = Table::part("b", "r");

/// The path of transactions in layout 1.
pub(crate) const APART_TRANSACTIONS: Table<u64, Transactions> = Table::new("t");

/// The path of receipts in layout 1.
pub(crate) const APART_RECEIPTS: Table<u64, Receipts> = Table::new("r");

/// Announced transactions that still miss chunks.
pub const CHUNKED: Table<Piece, Bytes> = Table::new("k");

/// The batch that blocks took a part of last.
pub const PARTLY: Table<(), Partly> = Table::new("p");

/// The keys of accounts that sent a transaction, see [`crate::known_keys`].
pub const KNOWN_KEYS: Table<KeyPlace, Bytes> = Table::new("i");

/// The last decision of governance about the kernel.
pub const UPGRADE: Table<(), Upgrade> = Table::new("u");

/// The writer of the storage.
pub const VERSION: Table<(), Version> = Table::new("v");

/// Messages to layer 1 that wait.
pub const OUTGOING: OutboxQueue<'static> = OutboxQueue::new(Path::literal("/evm/state/x"));

/// The storage of an upgrade of the kernel while it is made. It is no part of the
/// state: whatever traps, the state says what is still to do.
pub mod upgrade {
    use host::Path;

    /// All of it.
    pub const ALL: Path<'static> = Path::literal("/evm/upgrade");
    /// The new kernel while it is revealed and looked at.
    pub const NEW: Path<'static> = Path::literal("/evm/upgrade/new");
    /// The kernel before the one that runs.
    pub const OLD: Path<'static> = Path::literal("/evm/upgrade/old");
    /// The root hash of what is about to be moved into place.
    pub const READY: Path<'static> = Path::literal("/evm/upgrade/ready");
    /// The current attempt (a root hash, or a version), and a byte for each try.
    pub const TRIES: Path<'static> = Path::literal("/evm/upgrade/tries");
}
