//! Why an operation on commitments fails.

use crate::failure::Failure;

/// Why an operation on commitments fails. Nothing of it has happened then.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DisputeError {
    /// There is no such commitment, or nobody stands for it any more.
    #[error("there is no such commitment")]
    NoCommitment,
    /// A commitment is of the level behind that of its predecessor.
    #[error("level {0} does not follow the predecessor's")]
    OtherLevel(u32),
    /// Layer 1 does not have the level's inbox: it is not over, or long gone.
    #[error("layer 1 does not have the inbox of level {0}")]
    NoInbox(u32),
    /// More steps than a level can have.
    #[error("a level does not have so many steps")]
    TooManySteps,
    /// The staker stands for something else.
    #[error("the staker stands for another branch")]
    OtherBranch,
    /// The staker builds on what it does not stand for.
    #[error("the staker does not stand for the predecessor")]
    NotYourPredecessor,
    /// The level takes no more commitments: the first was published long ago.
    #[error("the level took commitments up to level {0}")]
    PastCurfew(u32),
    /// Somebody has no stake.
    #[error("there is no stake")]
    NoStake,
    /// The two do not contradict each other.
    #[error("their commitments do not contradict each other")]
    NoConflict,
    /// A dispute of the two is open.
    #[error("a dispute of the two is open")]
    GameOpen,
    /// There is no dispute of the two.
    #[error("there is no dispute of the two")]
    NoGame,
    /// It is the other's turn.
    #[error("it is the other's turn")]
    NotYourTurn,
    /// The time of the move was over at this level.
    #[error("the move is late: its time was over at level {0}")]
    Late(u32),
    /// There is time left, up to this level.
    #[error("there is time until level {0}")]
    TimeLeft(u32),
    /// The other published no such section.
    #[error("there is no such section")]
    NoSection,
    /// A section of one step is not dissected but proved.
    #[error("the section has one step: prove it")]
    OneStep,
    /// A section of several steps is dissected.
    #[error("the section has several steps: dissect it")]
    SeveralSteps,
    /// A dissection with more or fewer points than it must have.
    #[error("a dissection of this section has {expected} hashes, not {found}")]
    OtherCount {
        /// The number of hashes that it must have.
        expected: usize,
        /// The number of hashes that it has.
        found: usize,
    },
    /// A dissection that ends where the other's section ends contradicts nothing.
    #[error("the dissection ends as the section does")]
    SameEnd,
    /// Whoever dissects up to the level's end must end at the own claim.
    #[error("the dissection does not end at the own commitment")]
    OtherClaim,
    /// Several commitments of the level stand.
    #[error("several commitments of the level stand")]
    Contested,
    /// The stake stands for what is not final.
    #[error("the stake stands for what is not final")]
    AtStake,
    /// The commitment is not final.
    #[error("the commitment is not cemented")]
    NotCemented,
    /// These are not the messages of the commitment's outbox.
    #[error("the commitment has another outbox")]
    OtherOutbox,
    /// Somebody has less tez than the stake.
    #[error(transparent)]
    Ledger(#[from] Failure),
}
