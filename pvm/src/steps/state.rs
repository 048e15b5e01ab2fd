//! The state of a level besides the machine's and durable storage.
//!
//! The hash of a state is blake2b-256 of `20`, the root of the step machine, that of durable storage, and
//! what [`Outside::encode`] gives.

use super::facts::Facts;
use crate::context::Context;
use blake2::{Blake2b, Digest, digest::consts::U32};
use kernel_module::Version;
use step_machine::Hash;

/// The phase of a level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Its messages are loaded, one a step: a migration may be among them.
    Loading,
    /// A run begins.
    Beginning,
    /// The kernel is decoded, for this run and those that follow.
    Decoding,
    /// The kernel runs.
    Running,
    /// A run is over.
    Between,
    /// The level is over: the machine waits for the next.
    Waiting,
    /// The machine is stuck for good.
    Stuck,
}

impl Phase {
    const ALL: [Self; 7] = [
        Self::Loading,
        Self::Beginning,
        Self::Decoding,
        Self::Running,
        Self::Between,
        Self::Waiting,
        Self::Stuck,
    ];

    /// True if nothing follows at this level.
    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Waiting | Self::Stuck)
    }
}

/// The state of a level besides the machine's and durable storage.
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
    pub(super) phase: Phase,
    /// The number of runs that may follow this one; 0 while there is none.
    pub(super) reboots_left: u32,
    /// The root of durable storage before the run's kernel was kept as one that can be
    /// instantiated, for a module that cannot; zeros while there is no run.
    pub(super) before: Hash,
    /// The call of the host that is being made, in several steps (`walk/form.rs`); zeros while none is.
    pub(super) walk: Hash,
    /// The version of the machine by whose rules the run began; the first one while there is none.
    pub(super) version: Version,
    /// The module that was decoded last at this level (`module.rs`), zeros where none was.
    pub(super) decoded: Hash,
    /// The root of the machine's first state that came of it.
    pub(super) image: Hash,
}

/// The bytes of [`Outside::encode`].
pub(super) const LEN: usize = 234;

/// No call of the host is being made.
pub(super) const NO_WALK: Hash = [0; 32];

/// The chain of an outbox without messages.
const NO_OUTBOX: Hash = [0; 32];

/// The chain of an outbox with one message more.
fn sent(chain: &Hash, message: &[u8]) -> Hash {
    hashed(0x21, &[chain, message])
}

/// The chain of an outbox.
pub(super) fn outbox(messages: &[Vec<u8>]) -> Hash {
    let messages = messages.iter();
    messages.fold(NO_OUTBOX, |chain, message| sent(&chain, message))
}

pub(super) fn hashed(tag: u8, parts: &[&[u8]]) -> Hash {
    let mut hasher = Blake2b::<U32>::new();
    hasher.update([tag]);
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}

impl Outside {
    /// The beginning of a level with these messages.
    pub(super) const fn first(level: u32, inbox: Hash, facts: &Facts) -> Self {
        Self {
            level,
            next: 0,
            inbox,
            sent: 0,
            outbox: NO_OUTBOX,
            rollup: facts.rollup,
            origination_level: facts.origination_level,
            phase: Phase::Loading,
            reboots_left: 0,
            before: [0; 32],
            walk: NO_WALK,
            version: Version::V0,
            decoded: [0; 32],
            image: [0; 32],
        }
    }

    /// Nothing follows at this level.
    pub(super) const fn finish(&mut self, phase: Phase) {
        self.phase = phase;
        self.next = 0;
        self.reboots_left = 0;
        self.before = [0; 32];
        self.walk = NO_WALK;
        self.version = Version::V0;
        self.decoded = [0; 32];
        self.image = [0; 32];
    }

    /// Takes over what a call changed.
    pub(super) fn follow(&mut self, context: &Context) {
        self.next = context.next as u32;
        for message in context.outbox.iter().skip(self.sent as usize) {
            self.outbox = sent(&self.outbox, message);
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
        bytes.push(self.phase as u8);
        bytes.extend(self.reboots_left.to_le_bytes());
        bytes.extend(self.before);
        bytes.extend(self.walk);
        bytes.push(self.version as u8);
        bytes.extend(self.decoded);
        bytes.extend(self.image);
        bytes
    }

    /// Back from its bytes; `None` where they are none.
    pub(super) fn decode(bytes: &[u8; LEN]) -> Option<Self> {
        fn part<const N: usize>(bytes: &[u8; LEN], at: usize) -> [u8; N] {
            std::array::from_fn(|byte| bytes[at + byte])
        }
        let number = |at| u32::from_le_bytes(part(bytes, at));
        Some(Self {
            level: number(0),
            next: number(4),
            inbox: part(bytes, 8),
            sent: number(40),
            outbox: part(bytes, 44),
            rollup: part(bytes, 76),
            origination_level: number(96),
            phase: *Phase::ALL.get(usize::from(bytes[100]))?,
            reboots_left: number(101),
            before: part(bytes, 105),
            walk: part(bytes, 137),
            version: *Version::ALL.get(usize::from(bytes[169]))?,
            decoded: part(bytes, 170),
            image: part(bytes, 202),
        })
    }

    /// The hash of the whole state. Where no kernel runs, the machine's root is zeros.
    pub(super) fn hash(&self, machine: &Hash, durable: &Hash) -> Hash {
        hashed(0x20, &[machine, durable, &self.encode()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_outside_comes_back_from_its_bytes() {
        for phase in Phase::ALL {
            let outside = Outside {
                next: 2,
                sent: 3,
                outbox: [4; 32],
                phase,
                reboots_left: 5,
                before: [6; 32],
                walk: [8; 32],
                version: Version::V5,
                decoded: [9; 32],
                image: [10; 32],
                ..Outside::first(1, [7; 32], &Facts::default())
            };
            let mut bytes = *outside.encode().first_chunk::<LEN>().unwrap();
            assert_eq!(outside.encode().len(), LEN);
            assert_eq!(Outside::decode(&bytes), Some(outside));
            bytes[100] = 7;
            assert_eq!(Outside::decode(&bytes), None);
        }
    }
}
