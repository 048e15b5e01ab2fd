//! A level that anybody can check without the rollup's storage: the root before it, its
//! messages, of durable storage what the level looked at, and what came of it.
//!
//! | bytes | what |
//! | --- | --- |
//! | 8 | `ROLLWITN` |
//! | 2 | the form of the file: 1 |
//! | 4 | the level |
//! | 20, 4 | the rollup's address, the level of its origination |
//! | 32 | blake2b-256 of the kernel |
//! | 32, 32 | roots of durable storage before and after the level |
//! | 4, then each | the messages of the level, those of layer 1 included, behind their lengths (4) |
//! | 4, then each | the outbox, likewise |
//! | 4 + n | parts of the storage before the level, as a record of a store that goes on to all that was looked at (`pvm/src/durable/codec.rs`) |
//! | 32 | blake2b-256 of all before |
//!
//! Numbers are little-endian.

use crate::durable::{Durable, NodeHash, Unavailable};
use blake2::{Blake2b, Digest, digest::consts::U32};

const MAGIC: [u8; 8] = *b"ROLLWITN";
const FORM: u16 = 1;

/// The most bytes of a witness.
pub const MAX_WITNESS: u64 = 1 << 30;

/// A level with all that is needed to run it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    /// The level.
    pub level: u32,
    /// The rollup's address: the 20 bytes behind `sr1…`.
    pub rollup: [u8; 20],
    /// The level of its origination.
    pub origination_level: u32,
    /// blake2b-256 of the kernel.
    pub kernel: [u8; 32],
    /// The root of durable storage before the level.
    pub before: NodeHash,
    /// And after it.
    pub after: NodeHash,
    /// All messages of the level, those of layer 1 included.
    pub messages: Vec<Vec<u8>>,
    /// The outbox of the level.
    pub outbox: Vec<Vec<u8>>,
    /// The parts of the storage before that were read: [`Durable::touched`].
    pub parts: Vec<u8>,
}

/// Why a witness proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WitnessError {
    /// It does not begin as one.
    #[error("this is not a witness of a level")]
    NotAWitness,
    /// It is of a form that this program does not know.
    #[error("a witness of form {0}, which this program does not know")]
    Form(u16),
    /// Something of it is missing or was changed.
    #[error("the witness is corrupt: {0}")]
    Corrupt(&'static str),
    /// It is of a level that another kernel ran.
    #[error("the witness is of the kernel {}, not of this one", hex::encode(.0))]
    OtherKernel([u8; 32]),
    /// Something else came of the level than it says.
    #[error("the level does not come out as the witness says: {0}")]
    Differs(String),
    /// Its parts of the storage are not of the root that it names, or not enough.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// This computer lacks what the kernel takes; nothing is said of the witness.
    #[error("this computer lacks what the kernel takes: {0}")]
    Host(String),
    /// The level cannot be run.
    #[error("the level cannot be run: {0}")]
    Machine(String),
}

use WitnessError::Corrupt;

impl Witness {
    /// As a file.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(FORM.to_le_bytes());
        bytes.extend(self.level.to_le_bytes());
        bytes.extend(self.rollup);
        bytes.extend(self.origination_level.to_le_bytes());
        bytes.extend(self.kernel);
        bytes.extend(self.before);
        bytes.extend(self.after);
        for list in [&self.messages, &self.outbox] {
            bytes.extend((list.len() as u32).to_le_bytes());
            list.iter().for_each(|item| put(&mut bytes, item));
        }
        put(&mut bytes, &self.parts);
        let digest = digest(&bytes);
        bytes.extend(digest);
        bytes
    }

    /// A file's content; what it holds is not looked at further.
    ///
    /// # Errors
    /// If the bytes are not a valid witness, or any was changed.
    pub fn decode(bytes: &[u8]) -> Result<Self, WitnessError> {
        let mut from = Reader(bytes);
        if from.array().ok() != Some(MAGIC) {
            return Err(WitnessError::NotAWitness);
        }
        match u16::from_le_bytes(from.array()?) {
            FORM => {}
            form => return Err(WitnessError::Form(form)),
        }
        let (all, expected) = bytes.split_last_chunk::<32>().ok_or(SHORT)?;
        if digest(all) != *expected {
            return Err(Corrupt("it was changed, or is not whole"));
        }
        let witness = Self {
            level: from.number()?,
            rollup: from.array()?,
            origination_level: from.number()?,
            kernel: from.array()?,
            before: from.array()?,
            after: from.array()?,
            messages: from.list()?,
            outbox: from.list()?,
            parts: from.bytes()?.to_vec(),
        };
        match from.0 {
            rest if rest.len() == expected.len() => Ok(witness),
            _ => Err(Corrupt("something follows behind its end")),
        }
    }

    /// The storage before the level, as far as it is here.
    ///
    /// # Errors
    /// If it is not of the root.
    pub fn storage(&self) -> Result<Durable, WitnessError> {
        Ok(Durable::partial(self.before, &self.parts)?)
    }
}

const SHORT: WitnessError = Corrupt("it ends too early");

fn put(bytes: &mut Vec<u8>, item: &[u8]) {
    bytes.extend((item.len() as u32).to_le_bytes());
    bytes.extend(item);
}

fn digest(bytes: &[u8]) -> [u8; 32] {
    Blake2b::<U32>::digest(bytes).into()
}

struct Reader<'b>(&'b [u8]);

impl<'b> Reader<'b> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], WitnessError> {
        let (array, rest) = self.0.split_first_chunk().ok_or(SHORT)?;
        self.0 = rest;
        Ok(*array)
    }

    fn number(&mut self) -> Result<u32, WitnessError> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    fn bytes(&mut self) -> Result<&'b [u8], WitnessError> {
        let len = self.number()? as usize;
        let (bytes, rest) = self.0.split_at_checked(len).ok_or(SHORT)?;
        self.0 = rest;
        Ok(bytes)
    }

    fn list(&mut self) -> Result<Vec<Vec<u8>>, WitnessError> {
        let count = self.number()?;
        (0..count).map(|_| Ok(self.bytes()?.to_vec())).collect()
    }
}
