//! Why a node cannot follow its rollup.

use super::client::ClientError;
use crate::chain::ChainError;
use crate::error::is_unavailable;
use crate::store::StoreError;
use storage::StorageError;

/// Why a node cannot follow its rollup.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FollowError {
    /// The rollup node does not answer, or not as it should; it is asked again.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The rollup node has another rollup.
    #[error("the rollup node follows {found}, not {wanted}")]
    OtherRollup {
        /// The rollup that it follows.
        found: String,
        /// The rollup that was asked for.
        wanted: String,
    },
    /// The rollup node does not have its level in store.
    #[error("the rollup node was asked for level {wanted} and gives level {found}")]
    OtherLevel {
        /// The level that it gives.
        found: u32,
        /// The expected level.
        wanted: u32,
    },
    /// The rollup node is behind this node, on the same branch.
    #[error("the rollup node is behind: at level {head}, this node at {level}")]
    Behind {
        /// The rollup node's level.
        head: u32,
        /// This node's level.
        level: u32,
    },
    /// The rollup node has processed less than layer 1 has.
    #[error("the rollup node is {late} levels behind layer 1")]
    Late {
        /// The number of levels.
        late: u32,
    },
    /// The rollup node does not hear of layer 1.
    #[error("the rollup node has lost layer 1: it is {connection}")]
    Disconnected {
        /// The rollup node's description of the connection.
        connection: String,
    },
    /// The rollup node tells of no head.
    #[error("the rollup node tells of no block")]
    Silent,
    /// The rollup node has nothing to compare with.
    #[error(
        "the rollup node has no state of level {level}, so results cannot be compared: run it with \
         --history-mode archive, or start this node with --from-storage"
    )]
    NoState {
        /// The level.
        level: u32,
    },
    /// A kernel asks for a preimage that is not there; the level is run again.
    #[error("level {level} waits: {why}")]
    Waiting {
        /// The level.
        level: u32,
        /// The reason why it waits.
        why: String,
    },
    /// This node's result differs from the rollup node's.
    #[error(
        "level {level} (block {hash} of layer 1) has another result here than at the rollup \
         node: {cause}. They differ in {what}: here {ours}, there {theirs}"
    )]
    Disagrees {
        /// The level.
        level: u32,
        /// The hash of its block of layer 1.
        hash: String,
        /// The likely cause, and what to do.
        cause: &'static str,
        /// In what.
        what: String,
        /// This node's value.
        ours: String,
        /// The rollup node's value.
        theirs: String,
    },
    /// Layer 1 went back to before what it had finalised.
    #[error(
        "the rollup node follows another chain of layer 1: it has another block at level {oldest}, \
         which layer 1 had finalised. Find out which chain is right, then start this node with \
         another --data-dir"
    )]
    TooDeep {
        /// The oldest level to which this node can go back.
        oldest: u32,
    },
    /// The rollup cannot run any more.
    #[error("the rollup is stuck after level {level}: {reason}")]
    Stuck {
        /// The level.
        level: u32,
        /// Why.
        reason: String,
    },
    /// The store cannot be used; it is tried again.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The machine cannot run a level.
    #[error(transparent)]
    Machine(#[from] pvm::Error),
    /// The blocks of a level cannot be read.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// Durable storage cannot be read.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl FollowError {
    /// True if it may go away by itself.
    pub(super) fn passes(&self) -> bool {
        matches!(
            self,
            Self::Client(_)
                | Self::Store(_)
                | Self::Waiting { .. }
                | Self::OtherLevel { .. }
                | Self::Behind { .. }
                | Self::NoState { .. }
        ) || self.is_unread()
    }

    /// True if a part of durable storage could not be read from the store.
    fn is_unread(&self) -> bool {
        matches!(self, Self::Machine(pvm::Error::Unavailable(_))) || is_unavailable(self)
    }

    /// The line of the log once it has passed.
    pub(super) fn over(&self) -> &'static str {
        match self {
            error if error.is_unread() => "the store can be read again",
            Self::Waiting { .. } => "the missing preimage is there: levels run again",
            Self::Store(_) => "the store can be written again",
            Self::Late { .. } => "the rollup node has caught up with layer 1",
            Self::Disconnected { .. } => "the rollup node is connected to layer 1 again",
            Self::Behind { .. } => "the rollup node has caught up with this node",
            Self::NoState { .. } => "the rollup node has the state again: results are compared",
            Self::OtherLevel { .. } => "the rollup node gives the right levels again",
            _ => "the rollup node answers again",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use host::HostError;

    #[test]
    fn what_cannot_be_read_now_may_be_read_later() {
        let unread = || StorageError::Host(HostError::Unknown(pvm::UNAVAILABLE));
        let other = || StorageError::Host(HostError::Unknown(pvm::UNAVAILABLE + 1));
        for (error, passes) in [
            (FollowError::Storage(unread()), true),
            (FollowError::Chain(unread().into()), true),
            (FollowError::Storage(other()), false),
            (FollowError::Chain(other().into()), false),
            (FollowError::Chain(ChainError::NoHead), false),
            (FollowError::Machine(pvm::Error::NoKernel), false),
        ] {
            assert_eq!(error.passes(), passes, "{error}");
        }
    }
}
