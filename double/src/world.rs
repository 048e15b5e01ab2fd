//! Layer 1 with its branches, and the rollup on the one that counts.

use crate::batcher::{Batcher, Operation};
use crate::faults::Faults;
use crate::options::{DoubleError, Options};
use layer1::devnet;
use layer1::outbox::{OutboxPosition, Status};
use layer1::{Call, Layer1, Receipt};
use messages::hash::blake2b_256;
use pvm::{Inbox, Machine, Saved};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// An operation of layer 1 on its contracts.
#[derive(Clone, Debug)]
struct Operated {
    source: [u8; 21],
    calls: Vec<Call>,
}

/// A level of a branch, and all after it.
#[derive(Debug)]
pub(crate) struct Level {
    pub(crate) hash: [u8; 32],
    pub(crate) level: u32,
    pub(crate) predecessor: [u8; 32],
    timestamp: u64,
    /// The inbox, all messages.
    pub(crate) messages: Vec<Vec<u8>>,
    pub(crate) outbox: Vec<Vec<u8>>,
    pub(crate) status: String,
    /// The machine after it.
    pub(crate) after: Saved,
    layer1: Layer1,
    batches: Vec<Operation>,
    operated: Vec<Operated>,
}

/// Everything.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) options: Options,
    machine: Machine,
    pub(crate) layer1: Layer1,
    /// The branch that counts, from the level of the origination on.
    branch: Vec<Arc<Level>>,
    /// The levels of all branches.
    all: HashMap<[u8; 32], Arc<Level>>,
    pub(crate) batcher: Batcher,
    operated: Vec<Operated>,
    /// The newest level that was ever finalised.
    finalised: u32,
    /// Makes the hashes of another branch other ones.
    branches: u64,
    pub(crate) faults: Faults,
}

impl World {
    pub(crate) fn new(kernel: &[u8], options: Options) -> Result<Self, DoubleError> {
        let origination = options.origination_level;
        let machine = Machine::new(
            kernel,
            pvm::Options {
                version: options.version,
                rollup: options.rollup,
                origination_level: origination,
                first_level: origination + 1,
                preimages: options.preimages.clone(),
                ..pvm::Options::default()
            },
        )?;
        let mut layer1 = devnet::layer1_with(
            options.rollup,
            layer1::outbox::Parameters {
                origination,
                ..options.parameters
            },
            &options.contracts,
        )?;
        layer1.resume_at(origination + 1);
        let first = Arc::new(Level {
            hash: blake2b_256(b"the level of the origination"),
            level: origination,
            predecessor: blake2b_256(b"the level before"),
            timestamp: options.timestamp.unwrap_or_else(now),
            messages: Vec::new(),
            outbox: Vec::new(),
            status: "Waiting for input message".into(),
            after: machine.save(),
            layer1: layer1.clone(),
            batches: Vec::new(),
            operated: Vec::new(),
        });
        Ok(Self {
            options,
            machine,
            layer1,
            all: HashMap::from([(first.hash, Arc::clone(&first))]),
            branch: vec![first],
            batcher: Batcher::default(),
            operated: Vec::new(),
            finalised: origination,
            branches: 0,
            faults: Faults::default(),
        })
    }

    /// The newest level.
    pub(crate) fn tip(&self) -> &Arc<Level> {
        // The first is always there.
        &self.branch[self.branch.len() - 1]
    }

    /// The level with this number on the branch that counts.
    pub(crate) fn number(&self, level: u32) -> Option<&Arc<Level>> {
        let index = level.checked_sub(self.options.origination_level)?;
        self.branch.get(usize::try_from(index).ok()?)
    }

    /// The level with this hash, of any branch.
    pub(crate) fn hash(&self, hash: &[u8; 32]) -> Option<&Arc<Level>> {
        self.all.get(hash)
    }

    /// The newest level that no branch can do without.
    pub(crate) const fn finalised(&self) -> u32 {
        self.finalised
    }

    /// The newest level whose commitment is cemented.
    pub(crate) fn cemented(&self) -> Option<u32> {
        self.layer1.parameters().cemented(self.tip().level + 1)
    }

    /// Runs operations of `source` on the contracts of layer 1, for the next level.
    pub(crate) fn operate(
        &mut self,
        source: [u8; 21],
        calls: Vec<Call>,
    ) -> Result<Receipt, DoubleError> {
        let receipt = self.layer1.operate_all(&source, calls.clone())?;
        self.operated.push(Operated { source, calls });
        Ok(receipt)
    }

    /// The inboxes of the branch that counts.
    pub(crate) fn inboxes(&self) -> Vec<Vec<Vec<u8>>> {
        let levels = self.branch.iter().skip(1);
        levels.map(|level| level.messages.clone()).collect()
    }

    /// The call by which enough of the devnet's keys say a payload to the rollup.
    pub(crate) fn governed(&self, payload: Vec<u8>) -> Option<Call> {
        devnet::say(&self.layer1, payload)
    }

    /// Executes a message of an outbox.
    pub(crate) fn execute(
        &mut self,
        source: &[u8; 21],
        place: OutboxPosition,
    ) -> Result<Receipt, DoubleError> {
        Ok(self.layer1.execute(source, place)?)
    }

    /// True if a message of an outbox was executed.
    pub(crate) fn is_executed(&self, level: u32, index: usize) -> bool {
        u32::try_from(index).is_ok_and(|index| {
            let status = self.layer1.status(OutboxPosition { level, index });
            matches!(status, Status::Executed { .. })
        })
    }

    /// Changes durable storage after the newest level.
    pub(crate) fn tamper(&mut self, path: &str, value: &[u8]) -> Result<(), DoubleError> {
        let written = self.machine.durable_mut().write(path, value);
        written.map_err(pvm::Error::from)?;
        Ok(())
    }

    /// Makes a level of what waits.
    pub(crate) fn make_level(&mut self) -> Result<Arc<Level>, DoubleError> {
        let tip = Arc::clone(self.tip());
        let level = tip.level + 1;
        let mut batches = self.batcher.take(self.options.operations);
        if self.faults.reverse {
            batches.reverse();
        }
        let posted = batches.iter().flatten();
        let posted = posted.map(|message| [&[1], &message.content[..]].concat());
        let clock = now().saturating_add_signed(self.faults.clock);
        let timestamp = clock.max(tip.timestamp + u64::from(self.options.block_seconds));
        let inbox = Inbox {
            timestamp: i64::try_from(tip.timestamp).unwrap_or(i64::MAX),
            predecessor: tip.hash,
            messages: self
                .layer1
                .messages()
                .iter()
                .cloned()
                .chain(posted)
                .collect(),
        };
        let messages = inbox.wrapped();
        let ran = self.machine.run_messages(messages.clone());
        let report = match ran {
            Ok(report) => report,
            Err(error) => {
                // As if nobody had taken them: the level can be made again.
                self.batcher.back(batches, false);
                return Err(error.into());
            }
        };
        self.batcher.included(level, &batches);
        self.layer1
            .end_level(level, messages.clone(), report.outbox.clone());
        let content = messages.concat();
        let hash = [
            &tip.hash[..],
            &self.branches.to_be_bytes(),
            &blake2b_256(&content),
        ];
        let made = Arc::new(Level {
            hash: blake2b_256(&hash.concat()),
            level,
            predecessor: tip.hash,
            timestamp,
            messages,
            outbox: report.outbox,
            status: match report.status {
                pvm::Status::Yielded => "Waiting for input message".into(),
                other => other.to_string(),
            },
            after: self.machine.save(),
            layer1: self.layer1.clone(),
            batches,
            operated: std::mem::take(&mut self.operated),
        });
        self.all.insert(made.hash, Arc::clone(&made));
        self.branch.push(Arc::clone(&made));
        let finalised = level.saturating_sub(self.options.finality);
        self.finalised = self.finalised.max(finalised);
        Ok(made)
    }

    /// Takes the newest levels for not final.
    pub(crate) fn forget_final(&mut self, depth: u32) {
        let keep = self.tip().level.saturating_sub(depth);
        let first = self.options.origination_level;
        self.finalised = self.finalised.min(keep).max(first);
    }

    /// Layer 1 goes back `depth` levels and makes one more than that on another branch.
    /// Messages of the removed levels come again or, with `lose`, those of batches do not.
    pub(crate) fn reorganise(
        &mut self,
        depth: u32,
        lose: bool,
    ) -> Result<Vec<Arc<Level>>, DoubleError> {
        let keep = self.tip().level.checked_sub(depth);
        let keep = keep.filter(|keep| *keep >= self.finalised);
        let Some(keep) = keep else {
            return Err(DoubleError::Final {
                depth,
                finalised: self.finalised,
            });
        };
        let kept = usize::try_from(keep - self.options.origination_level).unwrap_or(usize::MAX);
        let gone = self.branch.split_off(kept + 1);
        let tip = Arc::clone(self.tip());
        self.machine.restore(tip.after.clone());
        self.layer1 = tip.layer1.clone();
        self.branches += 1;
        let mut again = std::mem::take(&mut self.operated);
        for level in gone.into_iter().rev() {
            self.batcher.back(level.batches.clone(), lose);
            again.splice(0..0, level.operated.iter().cloned());
        }
        for Operated { source, calls } in again {
            if let Err(error) = self.operate(source, calls) {
                tracing::warn!("an operation fails on the other branch: {error}");
            }
        }
        (0..=depth).map(|_| self.make_level()).collect()
    }
}

#[expect(clippy::disallowed_methods, reason = "the clock of this layer 1")]
fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}
