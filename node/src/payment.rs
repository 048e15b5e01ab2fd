//! A payment's witness, for somebody who has neither the rollup nor a node that they
//! trust: the witness of the level that included it, and its hash. Who checks it runs the level
//! again and finds the transaction with its receipt in the storage that comes out, whose root
//! they know then.
//!
//! | bytes | what |
//! | --- | --- |
//! | 8 | `ROLLPAYM` |
//! | 2 | the form of the file: 1, little-endian |
//! | 32 | the transaction's hash |
//! | n | the level's witness, as a file ([`pvm::witness`]) |
//! | 32 | blake2b-256 of all before |

use crate::chain::{self, Block, ChainError, Included};
use alloy_primitives::B256;
use blake2::{Blake2b, Digest, digest::consts::U32};
use pvm::{Durable, LevelReport, Options, Witness, WitnessError};

const MAGIC: [u8; 8] = *b"ROLLPAYM";
const FORM: u16 = 1;

/// A transaction with the witness of its level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    /// The transaction's hash.
    pub transaction: B256,
    /// The level that included it.
    pub level: Witness,
}

/// Why a file proves no transaction.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PaymentError {
    /// It does not begin as one.
    #[error("this is not a witness of a transaction")]
    NotAPayment,
    /// It is of a form that this program does not know.
    #[error("a witness of form {0}, which this program does not know")]
    Form(u16),
    /// Some byte was changed, or is missing.
    #[error("the witness is corrupt: it was changed, or is not whole")]
    Corrupt,
    /// The level's witness proves nothing.
    #[error(transparent)]
    Level(#[from] WitnessError),
    /// The level does not have the transaction.
    #[error("no block of level {level} has the transaction {transaction}")]
    NotIncluded {
        /// The transaction.
        transaction: B256,
        /// The level.
        level: u32,
    },
    /// The blocks that came out cannot be read.
    #[error("the level's blocks cannot be read: {0}")]
    Blocks(#[from] ChainError),
}

/// A transaction that was found in the storage that a level left.
#[derive(Clone, Debug)]
pub struct Proven {
    /// The report of the level.
    pub report: LevelReport,
    /// The block.
    pub block: Block,
    /// The transaction's place in it.
    pub index: usize,
}

impl Proven {
    /// The transaction with its sender and its receipt.
    #[must_use]
    pub fn included(&self) -> &Included {
        &self.block.transactions[self.index]
    }
}

impl Payment {
    /// True if a file begins as one.
    #[must_use]
    pub fn is_one(bytes: &[u8]) -> bool {
        bytes.starts_with(&MAGIC)
    }

    /// As a file.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(FORM.to_le_bytes());
        bytes.extend(self.transaction);
        bytes.extend(self.level.encode());
        let digest = digest(&bytes);
        bytes.extend(digest);
        bytes
    }

    /// A file's content; nothing is run.
    ///
    /// # Errors
    /// If the bytes are not a valid witness, or any was changed.
    pub fn decode(bytes: &[u8]) -> Result<Self, PaymentError> {
        let rest = bytes.strip_prefix(&MAGIC);
        let rest = rest.ok_or(PaymentError::NotAPayment)?;
        let (form, rest) = rest.split_first_chunk().ok_or(PaymentError::Corrupt)?;
        match u16::from_le_bytes(*form) {
            FORM => {}
            form => return Err(PaymentError::Form(form)),
        }
        let (all, expected) = bytes
            .split_last_chunk::<32>()
            .ok_or(PaymentError::Corrupt)?;
        if digest(all) != *expected {
            return Err(PaymentError::Corrupt);
        }
        let (rest, _) = rest.split_last_chunk::<32>().ok_or(PaymentError::Corrupt)?;
        let (transaction, level) = rest.split_first_chunk().ok_or(PaymentError::Corrupt)?;
        Ok(Self {
            transaction: B256::new(*transaction),
            level: Witness::decode(level)?,
        })
    }

    /// Runs the level with this kernel and finds the transaction in what comes out.
    ///
    /// # Errors
    /// As [`Witness::check`]; if the level's blocks do not have the transaction.
    pub fn check(&self, kernel: &[u8], options: &Options) -> Result<Proven, PaymentError> {
        let report = self.level.check(kernel, options)?;
        let before = chain::head(&self.level.storage()?);
        let first = match before {
            Ok(head) => head.number + 1,
            Err(ChainError::NoHead) => 0,
            Err(error) => return Err(error.into()),
        };
        let found = find(&self.transaction, first, &report.durable)?;
        let (block, index) = found.ok_or(PaymentError::NotIncluded {
            transaction: self.transaction,
            level: self.level.level,
        })?;
        Ok(Proven {
            report,
            block,
            index,
        })
    }
}

/// A transaction in the blocks of a storage from number `first` on, with its place there.
///
/// # Errors
/// If one of them cannot be read.
pub fn find(
    transaction: &B256,
    first: u64,
    durable: &Durable,
) -> Result<Option<(Block, usize)>, ChainError> {
    let newest = match chain::head(durable) {
        Ok(head) => head.number,
        Err(ChainError::NoHead) => return Ok(None),
        Err(error) => return Err(error),
    };
    for number in first..=newest {
        let block = Block::read_number(number, durable.clone())?;
        let hash = |included: &Included| included.transaction.hash == *transaction;
        if let Some(index) = block.transactions.iter().position(hash) {
            return Ok(Some((block, index)));
        }
    }
    Ok(None)
}

fn digest(bytes: &[u8]) -> [u8; 32] {
    Blake2b::<U32>::digest(bytes).into()
}
