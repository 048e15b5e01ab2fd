//! A waiting input, once it is read and decoded.

use crate::bridge;
use crate::bridge::incoming;
use crate::environment::Environment;
use alloc::boxed::Box;
use alloc::vec::Vec;
use ethereum::{Recovered, SignedTransaction};
use rollup::Position;
use rollup::inbox::Transfer;

/// The next thing to do.
#[derive(Debug)]
pub(crate) enum Item {
    /// A transaction.
    Transaction(Recovered<Box<SignedTransaction>>),
    /// An input that is no whole transaction.
    Part(Part),
}

/// An input that may make a transaction whole.
#[derive(Debug)]
pub(crate) enum Part {
    /// An announcement, behind its tag.
    Announcement(Vec<u8>),
    /// A chunk, behind its tag.
    Chunk(Vec<u8>),
    /// A call from layer 1.
    Transfer(Transfer<'static>),
}

impl Item {
    /// The gas of the block that it may use, 0 for a piece.
    pub(crate) fn gas_limit(&self, block: &Environment) -> u64 {
        match self {
            Self::Transaction(signed) => block.execution_gas(&signed.transaction, signed.raw.len()),
            Self::Part(Part::Announcement(_) | Part::Chunk(_)) => 0,
            Self::Part(Part::Transfer(_)) => bridge::DEPOSIT_GAS,
        }
    }

    /// The most gas that what it brings may use: a piece may bring any transaction.
    pub(crate) fn most_gas(&self) -> u64 {
        match self {
            Self::Transaction(signed) => signed.transaction.transaction.gas_limit(),
            Self::Part(Part::Announcement(_) | Part::Chunk(_)) => u64::MAX,
            Self::Part(Part::Transfer(transfer)) => {
                if incoming::may_be_delayed(&transfer.payload) {
                    u64::MAX
                } else {
                    // Delivered, or else kept.
                    2 * bridge::DEPOSIT_GAS
                }
            }
        }
    }
}

/// An input that was read and decoded.
#[derive(Debug)]
pub(crate) struct Ready {
    /// The position of its input.
    pub(crate) position: Position,
    /// Which transaction of a batch it is, from 0 on.
    pub(crate) place: Option<u32>,
    /// The decoded input.
    pub(crate) item: Item,
    /// Its bytes in the log, and those of the dropped inputs behind it: what is
    /// read again if a later run starts here.
    pub(crate) size: u64,
}

impl Ready {
    /// The position to mark while this is handled, where care is needed: of a batch, each
    /// transaction by itself. No other input begins within a batch.
    pub(crate) fn mark(&self) -> Position {
        let mut mark = self.position;
        let within = self.place.map_or(0, |place| place + 1);
        mark.cursor.offset = mark.cursor.offset.saturating_add(within);
        mark
    }
}
