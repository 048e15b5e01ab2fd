//! Events of a dispute while it is played, and its report.

use crate::fault::Fault;
use layer1::dispute::Why;
use serde::{Serialize, Serializer};
use std::fmt;

/// A side of a dispute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The operator who runs the level as it is.
    Honest,
    /// The operator with the fault.
    Faulty,
}

impl Side {
    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Honest => Self::Faulty,
            Self::Faulty => Self::Honest,
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Honest => "honest",
            Self::Faulty => "faulty",
        })
    }
}

/// An event of a dispute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Event {
    /// An operator runs the level: so many steps so far.
    Running {
        /// The side that acts.
        side: Side,
        /// Steps.
        steps: u64,
    },
    /// An operator commits to what the level came to.
    Committed {
        /// The side that acts.
        side: Side,
        /// The root of durable storage, in hex.
        root: String,
        /// Messages of the outbox.
        outbox: u32,
        /// Steps of the level.
        steps: u64,
        /// True if the machine is claimed to be stuck.
        stuck: bool,
    },
    /// The fault.
    Fault {
        /// Which.
        fault: Fault,
        /// Behind so many steps.
        step: u64,
    },
    /// A section is dissected.
    Dissected {
        /// By whom.
        by: Side,
        /// Its first step.
        from: u64,
        /// Its last step.
        to: u64,
        /// The hashes that are published.
        hashes: usize,
    },
    /// A step is proved.
    Proved {
        /// By whom.
        by: Side,
        /// The step.
        step: u64,
        /// The bytes of the proof.
        bytes: usize,
        /// A description of the step.
        what: String,
    },
    /// The judge decides.
    Judged {
        /// For whom.
        winner: Side,
        /// Why.
        why: String,
    },
}

/// The receiver of events, who decides whether to continue.
pub type Told<'t> = &'t mut dyn FnMut(&Event) -> bool;

impl Serialize for Fault {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// The distribution of the stakes, in mutez.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Reward {
    /// The stake of each side.
    pub stake: u64,
    /// The winner's gain.
    pub won: u64,
    /// The loser's loss.
    pub lost: u64,
    /// The amount that was burned.
    pub burned: u64,
}

/// The report of a dispute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The level.
    pub level: u32,
    /// The fault.
    pub fault: Fault,
    /// Behind so many steps.
    pub fault_step: u64,
    /// Steps of the level as it is.
    pub steps: u64,
    /// Runs of the kernel in it.
    pub runs: u32,
    /// The winner.
    pub winner: Side,
    /// Why.
    pub why: String,
    /// The number of dissections.
    pub rounds: u32,
    /// The step that was proved; none where somebody was late.
    pub step: Option<u64>,
    /// The bytes of its proof.
    pub proof_bytes: Option<usize>,
    /// Steps that the honest operator made in all, those made again counted again.
    pub honest_work: u64,
    /// The same of the faulty one, from where the two part.
    pub faulty_work: u64,
    /// The distribution of the stakes.
    pub stakes: Reward,
    /// True if the winner's commitment was cemented, and its outbox brought to layer 1.
    pub cemented: bool,
    /// Messages of the false outbox that layer 1 took: none.
    pub false_messages: usize,
    /// Milliseconds from the first step to the verdict.
    pub milliseconds: u64,
}

/// Why somebody won, in words.
pub(crate) fn words(why: &Why) -> String {
    match why {
        Why::Proved { .. } => "the step does not lead where the loser says".to_owned(),
        Why::ProvedTheOther => "the loser proved what the winner says".to_owned(),
        Why::Refused(why) => format!("the loser's proof is refused: {why}"),
        Why::Late => "the loser let time pass".to_owned(),
    }
}
