//! The rollup as this node has it: its own machine, run on the inboxes that the rollup
//! node gives, and compared with what the rollup node has.

use super::answers::Block as Level;
use super::client::{At, Client, ClientError};
use super::levels::{Kept, Levels};
use crate::chain::{self, Block, ChainError};
use layer1::outbox::OutboxPosition;
use pvm::{Durable, Machine, Status};
use std::collections::BTreeMap;
use std::sync::Arc;
use storage::StorageError;
use storage::layout::HEAD;

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
        /// What it follows.
        found: String,
        /// What was asked for.
        wanted: String,
    },
    /// The rollup node does not have its level in store.
    #[error("the rollup node gives level {found} for {wanted}")]
    OtherLevel {
        /// What it gives.
        found: u32,
        /// What comes next.
        wanted: u32,
    },
    /// A kernel asks for a preimage that is not there; the level is run again.
    #[error("level {level} waits: {why}")]
    Waiting {
        /// The level.
        level: u32,
        /// What it waits for.
        why: String,
    },
    /// What this node computed is not what the rollup node has.
    #[error(
        "after level {level} ({hash}) this node and the rollup node differ in {what}: \
         here {ours}, there {theirs}"
    )]
    Disagrees {
        /// The level.
        level: u32,
        /// The hash of its block of layer 1.
        hash: String,
        /// In what.
        what: String,
        /// What this node has.
        ours: String,
        /// What the rollup node has.
        theirs: String,
    },
    /// Layer 1 went back to before what it had finalised.
    #[error(
        "layer 1 went back to before level {oldest}, which it had finalised: start this node anew"
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
    /// Whether it may go away by itself.
    pub(super) const fn passes(&self) -> bool {
        matches!(self, Self::Client(_) | Self::Waiting { .. })
    }
}

/// A level that ran.
#[derive(Debug)]
pub(super) struct Ran {
    /// The blocks that it made.
    pub(super) blocks: Vec<Arc<Block>>,
    /// Durable storage after it.
    pub(super) durable: Durable,
}

/// The rollup as this node has it.
#[derive(Debug)]
pub(super) struct Replica {
    machine: Machine,
    levels: Levels,
    /// Every so many levels are compared.
    verify_every: u32,
    unverified: u32,
    /// What the rollup wrote since this node began.
    outbox: Arc<BTreeMap<OutboxPosition, Vec<u8>>>,
}

impl Replica {
    /// One that begins behind `start`, which is the machine's state.
    pub(super) fn new(machine: Machine, start: Kept, verify_every: u32) -> Self {
        Self {
            machine,
            levels: Levels::new(start),
            verify_every: verify_every.max(1),
            unverified: 0,
            outbox: Arc::default(),
        }
    }

    /// What the rollup wrote since this node began, oldest first.
    pub(super) fn outbox(&self) -> Arc<BTreeMap<OutboxPosition, Vec<u8>>> {
        Arc::clone(&self.outbox)
    }

    /// The rollup's address: the 20 bytes behind `sr1…`.
    pub(super) fn rollup(&self) -> [u8; 20] {
        self.machine.options().rollup
    }

    /// Durable storage after the newest level.
    pub(super) const fn durable(&self) -> &Durable {
        self.machine.durable()
    }

    /// The levels that layer 1 may take back.
    pub(super) const fn levels(&self) -> &Levels {
        &self.levels
    }

    /// Takes note that layer 1 has finalised a level.
    pub(super) fn finalise(&mut self, level: u32) {
        self.levels.forget_before(level);
    }

    /// The level that comes next.
    pub(super) fn next_level(&self) -> u32 {
        self.machine.level()
    }

    /// The hash of layer 1's block of the newest level.
    pub(super) fn tip(&self) -> &str {
        self.levels.tip().map_or("", |tip| &tip.hash)
    }

    /// The newest block of the rollup.
    pub(super) fn newest(&self) -> Option<u64> {
        self.levels.tip().and_then(|tip| tip.newest)
    }

    /// Goes back to the level of the block with this hash; `false` if it is not kept.
    pub(super) fn back_to(&mut self, hash: &str) -> bool {
        let Some(kept) = self.levels.back_to(hash) else {
            return false;
        };
        self.machine.restore(kept.machine.clone());
        let level = self.machine.level();
        Arc::make_mut(&mut self.outbox).split_off(&OutboxPosition { level, index: 0 });
        true
    }

    /// Runs a level, the one after the newest, and compares what comes out. After an error
    /// all is as before.
    ///
    /// # Errors
    /// [`FollowError`].
    pub(super) fn run(&mut self, client: &Client, level: Level) -> Result<Ran, FollowError> {
        let Level {
            head,
            messages,
            outbox,
        } = level;
        if head.level != self.next_level() {
            return Err(FollowError::OtherLevel {
                found: head.level,
                wanted: self.next_level(),
            });
        }
        let before = self.machine.save();
        let report = match self.machine.run_messages(messages) {
            Err(pvm::Error::Reveal(missing)) => {
                return Err(FollowError::Waiting {
                    level: head.level,
                    why: missing.to_string(),
                });
            }
            ran => ran?,
        };
        for trap in report.runs.iter().filter_map(|run| run.trap.as_ref()) {
            tracing::warn!("the kernel trapped at level {}: {trap}", head.level);
        }
        match &report.status {
            Status::Yielded => {}
            Status::Stuck { reason } => {
                return Err(FollowError::Stuck {
                    level: head.level,
                    reason: reason.clone(),
                });
            }
            other => tracing::warn!("level {} ended so: {other}", head.level),
        }
        let written = report.outbox.len();
        let verified =
            self.verify(client, &head.hash, &report.durable)
                .and_then(|()| match &outbox {
                    Some(outbox) if outbox.len() != written => Err(Difference {
                        what: "the number of outbox messages".into(),
                        ours: written.to_string(),
                        theirs: outbox.len().to_string(),
                    }
                    .at(head.level, &head.hash)),
                    _ => Ok(()),
                });
        if let Err(error) = verified {
            self.machine.restore(before);
            return Err(error);
        }
        let mut states = report.checkpoints;
        // Behind the newest block messages to layer 1 left: the next one sees that.
        if let Some(newest) = states.last_mut() {
            newest.clone_from(&report.durable);
        }
        let blocks = chain::read_new(self.newest(), &states)?;
        let newest = blocks.last().map(|block| block.number()).or(self.newest());
        for (index, message) in (0..).zip(report.outbox) {
            let level = head.level;
            Arc::make_mut(&mut self.outbox).insert(OutboxPosition { level, index }, message);
        }
        self.levels.push(Kept {
            hash: head.hash,
            level: head.level,
            machine: self.machine.save(),
            newest,
        });
        Ok(Ran {
            blocks,
            durable: report.durable,
        })
    }

    /// Compares the head of the chain (with block hash and state commitment) after a level.
    fn verify(&mut self, client: &Client, hash: &str, state: &Durable) -> Result<(), FollowError> {
        self.unverified += 1;
        if self.unverified < self.verify_every {
            return Ok(());
        }
        let path = HEAD.path(&())?.as_path().to_string();
        let theirs = client.value(At::Hash(hash), &path)?;
        let ours = state.get(&*path).map(|value| value.bytes().to_vec());
        if ours != theirs {
            let said = |value: Option<Vec<u8>>| value.map_or("nothing".into(), hex::encode);
            return Err(Difference {
                what: path,
                ours: said(ours),
                theirs: said(theirs),
            }
            .at(self.next_level().saturating_sub(1), hash));
        }
        self.unverified = 0;
        Ok(())
    }
}

/// What differs.
struct Difference {
    what: String,
    ours: String,
    theirs: String,
}

impl Difference {
    fn at(self, level: u32, hash: &str) -> FollowError {
        FollowError::Disagrees {
            level,
            hash: hash.to_owned(),
            what: self.what,
            ours: self.ours,
            theirs: self.theirs,
        }
    }
}
