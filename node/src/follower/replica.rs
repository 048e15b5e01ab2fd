//! The rollup as this node has it: its own machine, run on the inboxes that the rollup
//! node gives, and compared with what the rollup node has.

use super::ahead::{Next, Questions};
use super::answers::{Block as Level, Head};
use super::client::{At, Client};
use super::error::FollowError;
use super::levels::{Kept, Levels};
use super::pages::Pages;
use crate::chain::{self, Block};
use crate::figures::LevelFigures;
use crate::recorded::ORIGINATION;
use crate::store::bounds::INBOXES;
use crate::store::{Batch, StateName, StoreError};
use host::reserved::KERNEL;
use layer1::outbox::OutboxPosition;
use messages::hash::blake2b_256;
use pvm::{Durable, LevelReport, Machine, Status};
use serde::de::IgnoredAny;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use storage::StorageError;
use storage::layout::HEAD;

/// The pause before something that differs is asked for once more.
const AGAIN: Duration = Duration::from_secs(1);

/// A level that ran.
#[derive(Debug)]
pub(super) struct Ran {
    /// The blocks that it made.
    pub(super) blocks: Vec<Arc<Block>>,
    /// Durable storage after it.
    pub(super) durable: Durable,
    /// The time of the machine.
    pub(super) took: Duration,
    /// Its cost.
    pub(super) figures: LevelFigures,
}

/// The rollup as this node has it.
#[derive(Debug)]
pub(super) struct Replica {
    machine: Machine,
    levels: Levels,
    /// Every so many levels are compared.
    verify_every: u32,
    unverified: u32,
    /// The rollup's messages to layer 1 since this node began.
    outbox: Arc<BTreeMap<OutboxPosition, Vec<u8>>>,
    /// The messages of the newest level, if it ran since this node began.
    inbox: Option<Vec<Vec<u8>>>,
    /// The source of pages that are not in the machine's folder.
    pages: Option<Pages>,
}

impl Replica {
    /// One that begins behind `start`, which is the machine's state.
    pub(super) fn new(
        machine: Machine,
        start: Kept,
        verify_every: u32,
        pages: Option<Pages>,
    ) -> Self {
        Self {
            machine,
            levels: Levels::new(start),
            verify_every: verify_every.max(1),
            unverified: 0,
            outbox: Arc::default(),
            inbox: None,
            pages,
        }
    }

    /// As it was when the node stopped: the levels after the first one, and what the rollup
    /// wrote.
    pub(super) fn go_on(
        &mut self,
        levels: impl IntoIterator<Item = Kept>,
        outbox: BTreeMap<OutboxPosition, Vec<u8>>,
    ) {
        for kept in levels {
            self.machine.restore(kept.machine.clone());
            self.levels.push(kept);
        }
        self.outbox = Arc::new(outbox);
    }

    /// Writes what a restart needs of the newest level.
    pub(super) fn keep(&self, batch: &Batch<'_>) -> Result<(), StoreError> {
        let Some(tip) = self.levels.tip() else {
            return Ok(());
        };
        batch.put_level(&tip.saved())?;
        if !batch.lasts() {
            return Ok(());
        }
        batch.put_state(StateName::Level(tip.level), self.durable())?;
        let (level, index) = (tip.level, 0);
        let written = self.outbox.range(OutboxPosition { level, index }..);
        let written: Vec<Vec<u8>> = written.map(|(_, message)| message.clone()).collect();
        batch.put_outbox(level, &written)?;
        let origination = self.machine.options().origination_level;
        batch.put_meta(ORIGINATION, &origination.to_le_bytes())?;
        match &self.inbox {
            Some(inbox) => batch.put_inbox(level, inbox, level.saturating_sub(INBOXES)),
            None => Ok(()),
        }
    }

    /// Writes what a restart needs of all levels that layer 1 may take back.
    pub(super) fn keep_all(&self, batch: &Batch<'_>) -> Result<(), StoreError> {
        for kept in self.levels.iter() {
            batch.put_level(&kept.saved())?;
            if batch.lasts() {
                batch.put_state(StateName::Level(kept.level), kept.machine.durable())?;
            }
        }
        self.keep(batch)
    }

    /// Takes the newest storage as it is behind a store.
    pub(super) fn settle(&mut self, state: Option<Durable>) {
        if let Some(state) = state {
            *self.machine.durable_mut() = state;
        }
        let newest = self.machine.save();
        if let Some(tip) = self.levels.tip_mut() {
            tip.machine = newest;
        }
    }

    /// The rollup's messages to layer 1 since this node began, oldest first.
    pub(super) fn outbox(&self) -> Arc<BTreeMap<OutboxPosition, Vec<u8>>> {
        Arc::clone(&self.outbox)
    }

    /// Questions about the levels that are to run.
    pub(super) fn questions(&self) -> Result<Questions, StorageError> {
        Ok(Questions {
            path: compared()?,
            every: self.verify_every,
            since: self.unverified,
        })
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

    /// The newest block of the rollup after the level of the block with this hash; `None`:
    /// it is not kept.
    pub(super) fn newest_after(&self, hash: &str) -> Option<Option<u64>> {
        self.levels.get(hash).map(|kept| kept.newest)
    }

    /// Goes back to the level of the block with this hash; `false` if it is not kept.
    pub(super) fn back_to(&mut self, hash: &str) -> bool {
        let Some(kept) = self.levels.back_to(hash) else {
            return false;
        };
        self.machine.restore(kept.machine.clone());
        self.inbox = None;
        let level = self.machine.level();
        Arc::make_mut(&mut self.outbox).split_off(&OutboxPosition { level, index: 0 });
        true
    }

    /// Runs a level, the one after the newest, and compares what comes out. After an error
    /// all is as before.
    ///
    /// # Errors
    /// [`FollowError`].
    pub(super) fn run(&mut self, client: &Client, next: Next) -> Result<Ran, FollowError> {
        let Level {
            head,
            messages,
            outbox,
        } = next.level;
        let theirs = Theirs {
            client,
            outbox,
            head: next.theirs,
        };
        if head.level != self.next_level() {
            return Err(FollowError::OtherLevel {
                found: head.level,
                wanted: self.next_level(),
            });
        }
        let before = self.machine.save();
        let start = Instant::now();
        let report = self.execute(head.level, &messages)?;
        let took = start.elapsed();
        let verified = self.verify(&head, &report, theirs);
        let read = |()| chain::read_new(self.newest(), &report.checkpoints, &report.durable);
        let blocks = match verified.and_then(|done| Ok(read(done)?)) {
            Ok(blocks) => blocks,
            Err(error) => {
                self.machine.restore(before);
                return Err(error);
            }
        };
        let figures = LevelFigures::of(&report);
        let newest = blocks.last().map(|block| block.number()).or(self.newest());
        for (index, message) in (0..).zip(report.outbox) {
            let level = head.level;
            Arc::make_mut(&mut self.outbox).insert(OutboxPosition { level, index }, message);
        }
        self.inbox = Some(messages);
        self.levels.push(Kept {
            hash: head.hash,
            level: head.level,
            machine: self.machine.save(),
            newest,
        });
        Ok(Ran {
            blocks,
            durable: report.durable,
            took,
            figures,
        })
    }

    /// Runs the kernel on an inbox.
    fn execute(&mut self, level: u32, messages: &[Vec<u8>]) -> Result<LevelReport, FollowError> {
        let report = loop {
            match self.machine.run_messages(messages.to_vec()) {
                Err(pvm::Error::Reveal(missing)) => {
                    let waiting = |why| FollowError::Waiting { level, why };
                    let (Some(pages), Some(name)) = (&self.pages, missing.name()) else {
                        let help = match &self.pages {
                            None => "; give --preimages DIR, or that and --preimages-endpoint URL",
                            Some(_) => "",
                        };
                        return Err(waiting(format!("{missing}{help}")));
                    };
                    let fetched = pages.fetch(name);
                    fetched.map_err(|why| waiting(format!("{missing}; {why}")))?;
                }
                ran => break ran?,
            }
        };
        for trap in report.runs.iter().filter_map(|run| run.trap.as_ref()) {
            tracing::warn!("the kernel trapped at level {level}: {trap}");
        }
        match &report.status {
            Status::Yielded => {}
            Status::Stuck { reason } => {
                let reason = reason.clone();
                return Err(FollowError::Stuck { level, reason });
            }
            other => tracing::warn!("level {level} did not end as usual: {other}"),
        }
        Ok(report)
    }

    /// Compares what came out of a level: the number of messages, and the head of the chain
    /// with block hash and state commitment.
    fn verify(
        &mut self,
        head: &Head,
        report: &LevelReport,
        theirs: Theirs<'_>,
    ) -> Result<(), FollowError> {
        let client = theirs.client;
        let written = report.outbox.len();
        match theirs.outbox {
            // Those that layer 1 cannot read are left out.
            Some(outbox) if outbox.len() > written => {
                return Err(Difference {
                    cause: CAUSE,
                    what: "the number of outbox messages".into(),
                    ours: written.to_string(),
                    theirs: outbox.len().to_string(),
                }
                .at(head));
            }
            Some(_) => {}
            None => tracing::warn!(
                "the rollup node does not give the outbox of level {}: its number of messages is not \
                 compared",
                head.level
            ),
        }
        self.unverified += 1;
        if self.unverified < self.verify_every {
            return Ok(());
        }
        let path = compared()?;
        let ours = report.durable.get(&*path).map_err(pvm::Error::from)?;
        let ours = ours.map(|value| value.bytes().to_vec());
        let mut theirs = match theirs.head {
            Some(early) => early,
            None => client.value(At::Hash(&head.hash), &path)?,
        };
        if ours != theirs {
            // One answer alone ends nothing.
            std::thread::sleep(AGAIN);
            theirs = client.value(At::Hash(&head.hash), &path)?;
        }
        match (ours, theirs) {
            (ours, theirs) if ours == theirs => {
                self.unverified = 0;
                Ok(())
            }
            (ours, theirs) => {
                // Another kernel explains all else.
                if let Some(kernels) = kernels(client, head, &report.durable)? {
                    return Err(kernels.at(head));
                }
                let Some(theirs) = theirs else {
                    return Err(FollowError::NoState { level: head.level });
                };
                Err(Difference {
                    cause: CAUSE,
                    what: path,
                    ours: ours.map_or("nothing".into(), hex::encode),
                    theirs: hex::encode(theirs),
                }
                .at(head))
            }
        }
    }
}

/// The rollup node's state after a level.
struct Theirs<'c> {
    client: &'c Client,
    outbox: Option<Vec<IgnoredAny>>,
    /// Its value at the path that is compared, if it was asked before.
    head: Option<Option<Vec<u8>>>,
}

/// The path whose value is compared.
fn compared() -> Result<String, StorageError> {
    Ok(HEAD.path(&())?.as_path().to_string())
}

/// The kernels here and there, by their hashes, if they differ.
fn kernels(
    client: &Client,
    head: &Head,
    durable: &Durable,
) -> Result<Option<Difference>, FollowError> {
    let ours = durable.get(KERNEL).map_err(pvm::Error::from)?;
    let theirs = client.value(At::Hash(&head.hash), &KERNEL.to_string())?;
    let (Some(ours), Some(theirs)) = (ours, theirs) else {
        return Ok(None);
    };
    let hash = |kernel: &[u8]| hex::encode(blake2b_256(kernel));
    Ok((ours.bytes() != theirs).then(|| Difference {
        cause: OTHER_KERNEL,
        what: "the kernel, by its blake2b hash".into(),
        ours: hash(&ours.bytes()),
        theirs: hash(&theirs),
    }))
}

/// The likely cause if the same kernel gives different results.
const CAUSE: &str = "--kernel, --preimages or --origination-level are not those of this rollup, or \
    one of the two computes wrongly. Compare these options with the origination; if they are \
    right, keep this line and report it";

/// The cause if the kernels differ.
const OTHER_KERNEL: &str = "the rollup node runs another kernel. Compare --kernel and --preimages \
    with the origination, and the rollup node's";

/// A difference.
struct Difference {
    cause: &'static str,
    what: String,
    ours: String,
    theirs: String,
}

impl Difference {
    fn at(self, head: &Head) -> FollowError {
        FollowError::Disagrees {
            level: head.level,
            hash: head.hash.clone(),
            cause: self.cause,
            what: self.what,
            ours: self.ours,
            theirs: self.theirs,
        }
    }
}
