//! The rollup's machine, as layer 1 knows it.

use std::fmt::{Debug, Display};

/// The hash of a state of the rollup's machine.
pub type Hash = [u8; 32];

/// The rollup's machine, as layer 1 knows it: no state, but the consequences of a step that is shown.
pub trait Rules {
    /// A claim about a level's end.
    type Claim: Clone + Debug + PartialEq;
    /// The proof of a step.
    type Evidence;
    /// Why a proof is refused.
    type Refused: Display;

    /// The level of a claim.
    fn level(&self, claim: &Self::Claim) -> u32;

    /// The hash of the state with which the level behind a claim begins, whose inbox has these messages.
    fn first_state(&self, before: &Self::Claim, inbox: &[Vec<u8>]) -> Hash;

    /// The hash of the state that is claimed, of a level whose inbox has these messages.
    fn last_state(&self, claim: &Self::Claim, inbox: &[Vec<u8>]) -> Hash;

    /// The hash of the state to which a step leads from a state with this hash. Behind the end of a level a
    /// step changes nothing.
    ///
    /// # Errors
    /// If the proof does not show it.
    fn follow(&self, evidence: &Self::Evidence, before: &Hash) -> Result<Hash, Self::Refused>;

    /// True if these are all messages of the outbox that is claimed, in their order.
    fn has_outbox(&self, claim: &Self::Claim, messages: &[Vec<u8>]) -> bool;
}
