//! What belongs to the state of a run besides the machine's and durable storage.
//!
//! The hash of a state is blake2b-256 of `20`, the root of the step machine, that of durable storage, and
//! what [`Outside::encode`] gives.

use crate::context::Context;
use blake2::{Blake2b, Digest, digest::consts::U32};
use step_machine::Hash;

/// What belongs to the state of a run besides the machine's and durable storage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Outside {
    pub(super) level: u32,
    /// The next message.
    pub(super) next: u32,
    /// The root of all messages.
    pub(super) inbox: Hash,
    /// Messages in the outbox.
    pub(super) sent: u32,
    /// Zeros for an empty outbox; then the hash of `21`, this before, and the message.
    pub(super) outbox: Hash,
    pub(super) rollup: [u8; 20],
    pub(super) origination_level: u32,
}

/// The bytes of [`Outside::encode`].
pub(super) const LEN: usize = 100;

pub(super) fn hashed(tag: u8, parts: &[&[u8]]) -> Hash {
    let mut hasher = Blake2b::<U32>::new();
    hasher.update([tag]);
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}

impl Outside {
    pub(super) fn new(context: &Context, inbox: Hash) -> Self {
        let mut outside = Self {
            level: context.level,
            next: 0,
            inbox,
            sent: 0,
            outbox: [0; 32],
            rollup: context.rollup,
            origination_level: context.origination_level,
        };
        outside.follow(context);
        outside
    }

    /// Takes over what a call changed.
    pub(super) fn follow(&mut self, context: &Context) {
        self.next = context.next as u32;
        for message in context.outbox.iter().skip(self.sent as usize) {
            self.outbox = hashed(0x21, &[&self.outbox, message]);
            self.sent += 1;
        }
    }

    /// Numbers are little-endian.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(LEN);
        bytes.extend(self.level.to_le_bytes());
        bytes.extend(self.next.to_le_bytes());
        bytes.extend(self.inbox);
        bytes.extend(self.sent.to_le_bytes());
        bytes.extend(self.outbox);
        bytes.extend(self.rollup);
        bytes.extend(self.origination_level.to_le_bytes());
        bytes
    }

    /// Back from its bytes.
    pub(super) fn decode(bytes: &[u8; LEN]) -> Self {
        fn part<const N: usize>(bytes: &[u8; LEN], at: usize) -> [u8; N] {
            std::array::from_fn(|byte| bytes[at + byte])
        }
        let number = |at| u32::from_le_bytes(part(bytes, at));
        Self {
            level: number(0),
            next: number(4),
            inbox: part(bytes, 8),
            sent: number(40),
            outbox: part(bytes, 44),
            rollup: part(bytes, 76),
            origination_level: number(96),
        }
    }

    /// The hash of the whole state.
    pub(super) fn hash(&self, machine: &Hash, durable: &Hash) -> Hash {
        hashed(0x20, &[machine, durable, &self.encode()])
    }
}
