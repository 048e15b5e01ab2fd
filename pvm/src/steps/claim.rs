//! The beginning of a level, and claims about its end.

use super::facts::Facts;
use super::inbox::Messages;
use super::state::{Outside, Phase, outbox};
use step_machine::Hash;

impl Facts {
    /// The hash of the state with which the level behind a claim begins, whose inbox has this root.
    #[must_use]
    pub fn first_state(&self, before: &Claim, inbox: Hash) -> Hash {
        let mut outside = Outside::first(before.level.wrapping_add(1), inbox, self);
        if before.stuck {
            outside.finish(Phase::Stuck);
        }
        outside.hash(&[0; 32], &before.durable)
    }

    /// The hash of the state that is claimed, of a level whose inbox has this root.
    #[must_use]
    pub fn last_state(&self, claim: &Claim, inbox: Hash) -> Hash {
        let mut outside = Outside::first(claim.level, inbox, self);
        outside.sent = claim.sent;
        outside.outbox = claim.outbox;
        outside.finish(match claim.stuck {
            true => Phase::Stuck,
            false => Phase::Waiting,
        });
        outside.hash(&[0; 32], &claim.durable)
    }
}

/// A claim about a level's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The level.
    pub level: u32,
    /// The root of durable storage.
    pub durable: Hash,
    /// The number of messages that the level sent.
    pub sent: u32,
    /// The chain of these messages.
    pub outbox: Hash,
    /// True if the machine is stuck for good.
    pub stuck: bool,
}

impl Claim {
    /// True if these are the messages of the level's outbox.
    #[must_use]
    pub fn has_outbox(&self, messages: &[Vec<u8>]) -> bool {
        messages.len() == self.sent as usize && outbox(messages) == self.outbox
    }
}

/// The root of the messages of an inbox.
#[must_use]
pub fn inbox_root(messages: &[Vec<u8>]) -> Hash {
    Messages::new(messages).root()
}
