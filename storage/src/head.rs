//! The newest block, and how far the queue is consumed.

use crate::codec::Reader;
use crate::table::{Size, Value};
use crate::version::Version;
use alloy_primitives::B256;
use rollup::{Calls, Cursor};

/// Facts about the last block for the next one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// The block's number.
    pub number: u64,
    /// Its hash.
    pub hash: B256,
    /// Its state commitment (`docs/layout.md`).
    pub state_root: B256,
    /// Its timestamp, in seconds since 1970.
    pub timestamp: u64,
    /// The gas that it may use.
    pub gas_limit: u64,
    /// The gas that it used, without what was paid for bytes on layer 1.
    pub gas_used: u64,
    /// Its base fee, in wei for a unit of gas.
    pub base_fee: u64,
    /// The layer 1 level that it was made at.
    pub level: u32,
    /// The work done at that level so far, in units of the budget.
    pub level_work: u64,
    /// The work of the transactions that the level's blocks included so far, which
    /// the base fee follows.
    pub paid_work: u64,
    /// The first external input that no block has consumed.
    pub cursor: Cursor,
    /// The first page of external inputs that may still exist, though the cursor is
    /// past it: pages are deleted after the commit that consumes them.
    pub oldest_page: u32,
    /// The bytes that waited in both lanes of the queue after this block.
    pub backlog: u64,
    /// The level of the oldest announcement whose transaction still misses
    /// chunks; 0 for none.
    pub chunks_since: u32,
    /// True if messages to layer 1 may wait: where not, nobody looks.
    pub outgoing: bool,
    /// True if an upgrade of the kernel is pending: where not, nobody looks.
    pub upgrade: bool,
    /// The lane of calls.
    pub calls: Calls,
    /// True if settings wait for the level's end: where not, nobody looks.
    pub settings: bool,
    /// The oldest block that is kept: header, transactions, receipts.
    pub oldest: u64,
    /// The first block whose transactions and receipts lie below its header; those
    /// of earlier ones lie where layout 1 had them.
    pub nested: u64,
    /// The writer of this head: if it is the kernel that reads it, the storage is known to be
    /// that kernel's. `None` if its writer did not say.
    pub writer: Option<Version>,
}

/// The length before [`Head::paid_work`], which stands behind it.
const OLD_LEN: usize = 8 + 32 + 32 + 4 * 8 + 4 + 8 + 8 + 4 + 8 + 4 + 1;

/// The length before [`Head::calls`], which stand behind that.
const ONE_LANE_LEN: usize = OLD_LEN + 8;

/// The length before [`Head::oldest`] and what stands behind it.
const UNPRUNED_LEN: usize = ONE_LANE_LEN + Calls::LEN;

/// The length before [`Head::writer`].
const UNSIGNED_LEN: usize = UNPRUNED_LEN + 2 * 8;

const LEN: usize = UNSIGNED_LEN + Version::LEN;

impl Head {
    /// The bytes of external inputs that waited in the queue after this block.
    #[must_use]
    pub const fn external_backlog(&self) -> u64 {
        self.backlog.saturating_sub(self.calls.backlog)
    }
}

impl Value for Head {
    type Bytes = [u8; LEN];
    const SIZE: Size = Size::Medium;
    const SHRINKS: bool = false;

    fn encode(&self) -> [u8; LEN] {
        let mut bytes = [0; LEN];
        let mut rest = &mut bytes[..];
        let mut put = |field: &[u8]| {
            if let Some((place, tail)) =
                core::mem::take(&mut rest).split_at_mut_checked(field.len())
            {
                place.copy_from_slice(field);
                rest = tail;
            }
        };
        put(&self.number.to_be_bytes());
        put(self.hash.as_slice());
        put(self.state_root.as_slice());
        put(&self.timestamp.to_be_bytes());
        put(&self.gas_limit.to_be_bytes());
        put(&self.gas_used.to_be_bytes());
        put(&self.base_fee.to_be_bytes());
        put(&self.level.to_be_bytes());
        put(&self.level_work.to_be_bytes());
        put(&self.cursor.encode());
        put(&self.oldest_page.to_be_bytes());
        put(&self.backlog.to_be_bytes());
        put(&self.chunks_since.to_be_bytes());
        let flags = [self.outgoing, self.upgrade, self.settings].map(u8::from);
        put(&[flags[0] | flags[1] << 1 | flags[2] << 2]);
        put(&self.paid_work.to_be_bytes());
        put(&self.calls.encode());
        put(&self.oldest.to_be_bytes());
        put(&self.nested.to_be_bytes());
        // No version is all zeros: layouts count from 1.
        put(&self
            .writer
            .map_or([0; Version::LEN], |writer| writer.encode()));
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        let mut head = Self {
            number: reader.u64()?,
            hash: reader.hash()?,
            state_root: reader.hash()?,
            timestamp: reader.u64()?,
            gas_limit: reader.u64()?,
            gas_used: reader.u64()?,
            base_fee: reader.u64()?,
            level: reader.u32()?,
            level_work: reader.u64()?,
            paid_work: 0,
            cursor: Cursor::decode(&reader.array()?),
            oldest_page: reader.u32()?,
            backlog: reader.u64()?,
            chunks_since: reader.u32()?,
            outgoing: false,
            upgrade: false,
            settings: false,
            calls: Calls::default(),
            oldest: 0,
            nested: 0,
            writer: None,
        };
        let flags = reader.byte()?;
        (head.outgoing, head.upgrade) = (flags & 1 != 0, flags & 2 != 0);
        head.settings = flags & 4 != 0;
        if bytes.len() > OLD_LEN {
            head.paid_work = reader.u64()?;
        }
        head.calls = if bytes.len() > ONE_LANE_LEN {
            Calls::decode(&reader.array()?)?
        } else {
            Calls::of_one_lane(head.cursor, head.level)
        };
        if bytes.len() > UNPRUNED_LEN {
            head.oldest = reader.u64()?;
            head.nested = reader.u64()?;
        }
        if bytes.len() > UNSIGNED_LEN {
            let writer = Version::decode(&reader.array::<{ Version::LEN }>()?)?;
            head.writer = (writer.layout > 0).then_some(writer);
        }
        reader.is_empty().then_some(head)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_survives_a_round_trip() {
        let head = Head {
            number: 1,
            hash: B256::repeat_byte(2),
            state_root: B256::repeat_byte(3),
            timestamp: 4,
            gas_limit: 5,
            gas_used: 6,
            base_fee: 7,
            level: 8,
            level_work: 9,
            paid_work: 15,
            cursor: Cursor {
                level: 10,
                offset: 11,
            },
            oldest_page: 12,
            backlog: 13,
            chunks_since: 14,
            outgoing: true,
            upgrade: false,
            settings: false,
            calls: Calls {
                backlog: 16,
                ..Calls::first(17)
            },
            oldest: 18,
            nested: 19,
            writer: Some(Version {
                layout: 20,
                contracts: 21,
            }),
        };
        assert_eq!(Head::decode(&head.encode()), Some(head));
        let other = Head {
            outgoing: false,
            upgrade: true,
            ..head
        };
        let third = Head {
            settings: true,
            ..head
        };
        assert_eq!(Head::decode(&third.encode()), Some(third));
        assert_eq!(Head::decode(&other.encode()), Some(other));
        assert_eq!(Head::decode(&head.encode()[1..]), None);
        let unsigned = Head {
            writer: None,
            ..head
        };
        assert_eq!(Head::decode(&unsigned.encode()), Some(unsigned));
        // As kernels wrote it that did not sign it, that pruned nothing, that had one lane,
        // and before work was paid.
        assert_eq!(Head::decode(&head.encode()[..UNSIGNED_LEN]), Some(unsigned));
        let unpruned = Head {
            oldest: 0,
            nested: 0,
            ..unsigned
        };
        let bytes = &head.encode()[..UNPRUNED_LEN];
        assert_eq!(Head::decode(bytes), Some(unpruned));
        let one_lane = Head {
            calls: Calls::of_one_lane(head.cursor, head.level),
            ..unpruned
        };
        let bytes = &head.encode()[..ONE_LANE_LEN];
        assert_eq!(Head::decode(bytes), Some(one_lane));
        let old = Head {
            paid_work: 0,
            ..one_lane
        };
        assert_eq!(Head::decode(&head.encode()[..OLD_LEN]), Some(old));
    }
}
