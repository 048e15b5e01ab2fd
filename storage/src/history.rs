//! Blocks that are kept: their bodies, and which of them go.

use crate::block::{Receipts, Transactions};
use crate::error::StorageError;
use crate::head::Head;
use crate::layout::{APART_RECEIPTS, APART_TRANSACTIONS, HEADERS, RECEIPTS, TRANSACTIONS};
use crate::table::Staging;
use core::ops::Range;
use host::{ReadStore, Store};

/// The most blocks that go with a new one: where more are outdated than one, the
/// backlog shrinks.
const AT_ONCE: u64 = 2;

/// The transactions of block `number`; none where it is not kept.
///
/// # Errors
/// If they cannot be read.
pub fn transactions(store: &impl ReadStore, number: u64) -> Result<Transactions, StorageError> {
    let found = match TRANSACTIONS.get(store, &number)? {
        None => APART_TRANSACTIONS.get(store, &number)?,
        found => found,
    };
    Ok(found.unwrap_or_default())
}

/// The receipts of block `number`; none where it is not kept.
///
/// # Errors
/// If they cannot be read.
pub fn receipts(store: &impl ReadStore, number: u64) -> Result<Receipts, StorageError> {
    let found = match RECEIPTS.get(store, &number)? {
        None => APART_RECEIPTS.get(store, &number)?,
        found => found,
    };
    Ok(found.unwrap_or_default())
}

/// The blocks that go with the block after `head`, where `kept` are kept with it.
#[must_use]
pub fn outdated(head: &Head, kept: u64) -> Range<u64> {
    // The new block is one of them.
    let first_kept = head.number.saturating_add(2).saturating_sub(kept);
    let most = head.oldest.saturating_add(AT_ONCE);
    head.oldest..first_kept.clamp(head.oldest, most)
}

/// Deletes blocks; `nested` is [`Head::nested`].
pub(crate) fn prune<S: Store>(
    staging: &mut Staging<'_, S>,
    blocks: Range<u64>,
    nested: u64,
) -> Result<(), StorageError> {
    for number in blocks {
        staging.delete(&HEADERS, &number)?;
        if number < nested {
            staging.delete(&APART_TRANSACTIONS, &number)?;
            staging.delete(&APART_RECEIPTS, &number)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(number: u64, oldest: u64, kept: u64) -> Range<u64> {
        let head = Head {
            number,
            oldest,
            ..Head::default()
        };
        outdated(&head, kept)
    }

    #[test]
    fn as_many_blocks_stay_as_are_kept() {
        // Block 0 is the first of 512: block 511 is the last that fits.
        assert_eq!(of(510, 0, 512), 0..0);
        assert_eq!(of(511, 0, 512), 0..1);
        assert_eq!(of(512, 1, 512), 1..2);
        // More are kept from now on: the oldest wait.
        assert_eq!(of(513, 2, 600), 2..2);
        assert_eq!(of(u64::MAX, 0, u64::MAX), 0..0);
    }

    #[test]
    fn a_backlog_goes_two_blocks_at_once() {
        assert_eq!(of(10_000, 0, 1_024), 0..2);
        assert_eq!(of(10_001, 2, 1_024), 2..4);
        // The new block outdates one more.
        assert_eq!(of(1_025, 1, 1_024), 1..3);
        assert_eq!(of(1_026, 3, 1_024), 3..4);
    }
}
