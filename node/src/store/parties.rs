//! Transactions, found by the accounts that have to do with them.
//!
//! Entries lie by epochs of 256 blocks: what a block adds goes to a few pages of the newest epoch,
//! which are in memory, however long the chain is. Who looks for an account looks into one epoch
//! after the other.

use super::error::StoreError;
use super::store::Store;
use super::tables::{PARTIES, of_place, place, prefix};
use alloy_primitives::{Address, keccak256};

/// The bits of a place that say where it is within its epoch: 8 of the block, 24 of the index.
const WITHIN_BITS: u32 = 32;

/// The epochs that one call looks into: a million blocks.
const MOST_EPOCHS: u64 = 4_096;

/// The key of an entry: the epoch, eight bytes of the account's hash, the place in the epoch.
pub(super) fn party_entry(account: &Address, place: u64) -> u128 {
    let hash = u128::from(prefix(&keccak256(account)));
    let (epoch, within) = (place >> WITHIN_BITS, place & ((1 << WITHIN_BITS) - 1));
    u128::from(epoch) << (64 + WITHIN_BITS) | hash << WITHIN_BITS | u128::from(within)
}

/// The place that an entry is of.
const fn place_of_entry(entry: u128) -> u64 {
    let epoch = (entry >> (64 + WITHIN_BITS)) as u64;
    epoch << WITHIN_BITS | (entry as u64 & ((1 << WITHIN_BITS) - 1))
}

/// Transactions of an account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OfAccount {
    /// Their blocks and their places there, newest first. A few may be of another account, whose
    /// hash begins alike.
    pub places: Vec<(u64, usize)>,
    /// The first block that was looked at.
    pub from: u64,
}

impl Store {
    /// At most `most` transactions that have to do with an account, in the blocks from `first` on
    /// and before a place (a block and an index in it), newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn places_of_account(
        &self,
        account: &Address,
        first: u64,
        before: (u64, usize),
        most: usize,
    ) -> Result<OfAccount, StoreError> {
        let bound = |(number, index)| place(number, index).ok_or(StoreError::Bounds(number));
        let (start, end) = (bound((first, 0))?, bound(before)?);
        self.read(|transaction| {
            let table = transaction.open_table(PARTIES)?;
            let mut found = OfAccount {
                places: Vec::new(),
                from: first,
            };
            if end <= start {
                return Ok(found);
            }
            let (oldest, newest) = (start >> WITHIN_BITS, (end - 1) >> WITHIN_BITS);
            for (looked, epoch) in (oldest..=newest).rev().enumerate() {
                let begin = (epoch << WITHIN_BITS).max(start);
                let last = (epoch << WITHIN_BITS | ((1 << WITHIN_BITS) - 1)).min(end - 1);
                let range = party_entry(account, begin)..=party_entry(account, last);
                for entry in table.range(range)?.rev() {
                    let place = place_of_entry(entry?.0.value());
                    found.places.push(of_place(place));
                    if found.places.len() >= most {
                        return Ok(found);
                    }
                }
                found.from = of_place(begin).0;
                if looked as u64 + 1 >= MOST_EPOCHS {
                    break;
                }
            }
            Ok(found)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_has_its_place_and_lies_with_others_of_its_epoch() {
        let (one, other) = (Address::repeat_byte(1), Address::repeat_byte(2));
        for (number, index) in [(0, 0), (255, 7), (256, 0), ((1 << 40) - 1, (1 << 24) - 1)] {
            let place = place(number, index).unwrap();
            assert_eq!(place_of_entry(party_entry(&one, place)), place);
        }
        let entry = |account, number| party_entry(account, place(number, 0).unwrap());
        assert!(
            entry(&one, 255).max(entry(&other, 255)) < entry(&one, 256).min(entry(&other, 256))
        );
        assert!(entry(&one, 3) < entry(&one, 4));
    }
}
