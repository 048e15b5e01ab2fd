//! The machine's rules for layer 1: steps as `pvm` judges them.

use layer1::dispute::{Hash, Rules};
use pvm::steps::{Claim, Evidence, Judge, StepProofError, inbox_root};

/// The machine's rules, for layer 1's judge, who has no state.
#[derive(Clone, Debug)]
pub struct MachineRules(pub Judge);

impl Rules for MachineRules {
    type Claim = Claim;
    type Evidence = Evidence;
    type Refused = StepProofError;

    fn level(&self, claim: &Claim) -> u32 {
        claim.level
    }

    fn first_state(&self, before: &Claim, inbox: &[Vec<u8>]) -> Hash {
        self.0.facts.first_state(before, inbox_root(inbox))
    }

    fn last_state(&self, claim: &Claim, inbox: &[Vec<u8>]) -> Hash {
        self.0.facts.last_state(claim, inbox_root(inbox))
    }

    fn follow(&self, evidence: &Evidence, before: &Hash) -> Result<Hash, StepProofError> {
        self.0.follow(evidence, before)
    }

    fn has_outbox(&self, claim: &Claim, messages: &[Vec<u8>]) -> bool {
        claim.has_outbox(messages)
    }
}
