//! The one place that writes the state: a block lands whole or not at all.
//!
//! The state is copied beside itself (constant time), changed there, and moved
//! back over itself. A trap on the way leaves the old state, and a staging tree
//! that the next commit replaces.

use crate::account::LongAccount;
use crate::block::{Receipts, StoredHeader, Transactions};
use crate::config::Config;
use crate::diff::{AccountChange, Diff};
use crate::error::StorageError;
use crate::head::Head;
use crate::history;
use crate::key::Piece;
use crate::known_keys::{self, KnownKey};
use crate::layout::{
    ACCOUNTS, CHUNKED, CODE, CONFIG, HEAD, HEADERS, LONG_ACCOUNTS, PARTLY, RECEIPTS, SETTINGS,
    TRANSACTIONS, UPGRADE, VERSION,
};
use crate::partly::Partly;
use crate::table::Staging;
use crate::upgrade::Upgrade;
use crate::version::Version;
use alloc::vec::Vec;
use alloy_primitives::Bytes;
use core::ops::Range;
use host::Store;

/// A block to commit.
#[derive(Clone, Debug, Default)]
pub struct Block {
    /// The new head.
    pub head: Head,
    /// The blocks that go, up to [`Head::oldest`].
    pub outdated: Range<u64>,
    /// The header.
    pub header: Option<StoredHeader>,
    /// The transactions, in order.
    pub transactions: Transactions,
    /// Their receipts.
    pub receipts: Receipts,
    /// Its changes of the world.
    pub diff: Diff,
    /// The changes of chunked transactions, in this order; `None` deletes.
    pub chunked: Vec<(Piece, Option<Bytes>)>,
    /// The keys that become known, in this order.
    pub keys: Vec<KnownKey>,
    /// The batch at the queue's cursor, if this block takes a part of it.
    pub partly: Option<Partly>,
    /// Messages to layer 1 that it queues.
    pub messages: Vec<Bytes>,
    /// Those in doubt that it queues again, behind the others.
    pub requeued: Vec<u64>,
    /// The configuration, where it changes.
    pub config: Option<Config>,
    /// The configuration from the next level on, where governance changes it.
    pub settings: Option<Config>,
    /// The decision of governance about the kernel, if there is one.
    pub upgrade: Option<Upgrade>,
    /// The writer of the storage, at genesis.
    pub version: Option<Version>,
}

/// Makes `block` the newest block.
///
/// # Errors
/// If the machine refuses a host call; nothing of the block is then visible.
pub fn block(store: &mut impl Store, block: &Block) -> Result<(), StorageError> {
    let mut staging = Staging::open(store)?;
    world(&mut staging, &block.diff)?;
    history::prune(&mut staging, block.outdated.clone(), block.head.nested)?;
    let number = block.head.number;
    if let Some(header) = &block.header {
        staging.put(&HEADERS, &number, header)?;
    }
    if !block.transactions.0.is_empty() {
        staging.put(&TRANSACTIONS, &number, &block.transactions)?;
        staging.put(&RECEIPTS, &number, &block.receipts)?;
    }
    for (piece, bytes) in &block.chunked {
        match (piece, bytes) {
            (_, None) => staging.delete(&CHUNKED, piece)?,
            (Piece::Open | Piece::Delayed, Some(bytes)) => {
                staging.replace(&CHUNKED, piece, bytes)?;
            }
            // These never become shorter.
            (_, Some(bytes)) => staging.put(&CHUNKED, piece, bytes)?,
        }
    }
    known_keys::append(&mut staging, &block.keys)?;
    if let Some(partly) = &block.partly {
        staging.put(&PARTLY, &(), partly)?;
    }
    if let Some(config) = &block.config {
        staging.put(&CONFIG, &(), config)?;
    }
    if let Some(settings) = &block.settings {
        staging.put(&SETTINGS, &(), settings)?;
    }
    if let Some(upgrade) = &block.upgrade {
        staging.put(&UPGRADE, &(), upgrade)?;
    }
    if let Some(version) = &block.version {
        staging.put(&VERSION, &(), version)?;
    }
    staging.queue(&block.messages, &block.requeued)?;
    staging.put(&HEAD, &(), &block.head)?;
    staging.publish()
}

/// Settles an upgrade: nothing of the newest block changes but what `head` says
/// of it.
///
/// # Errors
/// As [`block`].
pub fn upgrade(store: &mut impl Store, head: &Head, upgrade: &Upgrade) -> Result<(), StorageError> {
    let mut staging = Staging::open(store)?;
    staging.put(&UPGRADE, &(), upgrade)?;
    staging.put(&HEAD, &(), head)?;
    staging.publish()
}

/// Makes `settings`, which waited, the configuration: nothing of the newest block
/// changes but what `head` says of it.
///
/// # Errors
/// As [`block`].
pub fn settings(
    store: &mut impl Store,
    head: &Head,
    settings: &Config,
) -> Result<(), StorageError> {
    let mut staging = Staging::open(store)?;
    staging.put(&CONFIG, &(), settings)?;
    staging.delete(&SETTINGS, &())?;
    staging.put(&HEAD, &(), head)?;
    staging.publish()
}

pub(crate) fn world<S: Store>(
    staging: &mut Staging<'_, S>,
    diff: &Diff,
) -> Result<(), StorageError> {
    for (hash, code) in &diff.code {
        if !staging.has(&CODE, hash)? {
            staging.put(&CODE, hash, code)?;
        }
    }
    for account in &diff.accounts {
        let address = &account.address;
        if account.cleared || account.account == AccountChange::Delete {
            staging.delete(&ACCOUNTS, address)?;
        }
        match &account.account {
            AccountChange::Set(value) if account.had_code => {
                staging.put(&LONG_ACCOUNTS, address, &LongAccount(*value))?;
            }
            AccountChange::Set(value) => staging.put(&ACCOUNTS, address, value)?,
            AccountChange::Keep | AccountChange::Delete => {}
        }
        staging.put_children(&ACCOUNTS, address, &account.slots)?;
    }
    Ok(())
}
