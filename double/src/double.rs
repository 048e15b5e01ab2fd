//! A double, in a program.

use crate::faults::Faults;
use crate::options::{DoubleError, Options};
use crate::world::{Level, World};
use layer1::outbox::OutboxPosition;
use layer1::{Call, Receipt};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{broadcast, watch};

/// The levels that a slow stream may lag behind.
const LAG: usize = 1_024;

/// A double. Clones are handles of the same one.
#[derive(Clone, Debug)]
pub struct Double {
    world: Arc<Mutex<World>>,
    heads: broadcast::Sender<Arc<Level>>,
    /// Changes when all connections end.
    restarts: watch::Sender<u64>,
}

impl Double {
    /// One whose rollup is originated with this kernel, or installer.
    ///
    /// # Errors
    /// [`DoubleError::Machine`].
    pub fn new(kernel: &[u8], options: Options) -> Result<Self, DoubleError> {
        Ok(Self {
            world: Arc::new(Mutex::new(World::new(kernel, options)?)),
            heads: broadcast::Sender::new(LAG),
            restarts: watch::Sender::new(0),
        })
    }

    /// Makes levels of what waits.
    ///
    /// # Errors
    /// If the machine cannot run one, such as for a missing page: it can be made again.
    pub fn levels(&self, count: u32) -> Result<(), DoubleError> {
        for _ in 0..count {
            let level = self.world().make_level()?;
            self.tell(level);
        }
        Ok(())
    }

    /// Goes back `depth` levels, and makes one more on another branch. Messages of the
    /// batcher that were in the levels wait again, or are lost with `lose`; operations on
    /// contracts come again.
    ///
    /// # Errors
    /// [`DoubleError::Final`]; as [`Double::levels`].
    pub fn reorganise(&self, depth: u32, lose: bool) -> Result<(), DoubleError> {
        let levels = self.world().reorganise(depth, lose)?;
        for level in levels {
            self.tell(level);
        }
        Ok(())
    }

    /// As [`Double::reorganise`], but of what is final as well, which layer 1 never does: its
    /// rollup node was moved to another chain.
    ///
    /// # Errors
    /// If there are no such levels; as [`Double::levels`].
    pub fn betray(&self, depth: u32) -> Result<(), DoubleError> {
        self.world().forget_final(depth);
        self.reorganise(depth, false)
    }

    /// Runs operations of `source` on the contracts of layer 1, for the next level.
    ///
    /// # Errors
    /// If layer 1 refuses them.
    pub fn operate(&self, source: [u8; 21], calls: Vec<Call>) -> Result<Receipt, DoubleError> {
        self.world().operate(source, calls)
    }

    /// Executes a message of the outbox of a level, as layer 1 does with a proof of a
    /// cemented commitment; a reorganisation takes it back.
    ///
    /// # Errors
    /// If it cannot be executed.
    pub fn execute(&self, level: u32, index: u32) -> Result<Receipt, DoubleError> {
        let source = layer1::devnet::accounts();
        let source = source.first().copied().unwrap_or_default();
        self.world()
            .execute(&source, OutboxPosition { level, index })
    }

    /// Has enough of the devnet's keys say a payload to the rollup, in the next level.
    ///
    /// # Errors
    /// [`DoubleError::NoGovernance`]; if layer 1 refuses it.
    pub fn govern(&self, payload: Vec<u8>) -> Result<Receipt, DoubleError> {
        let call = self.world().governed(payload);
        let source = layer1::devnet::accounts();
        let source = source.first().copied().unwrap_or_default();
        self.operate(source, vec![call.ok_or(DoubleError::NoGovernance)?])
    }

    /// Ends all streams, as a node that starts anew; with `lose`, what waits with the
    /// batcher is lost.
    pub fn restart(&self, lose: bool) {
        if lose {
            self.world().batcher.forget();
        }
        self.restarts.send_modify(|count| *count += 1);
    }

    /// Sets the faults from now on.
    pub fn set_faults(&self, faults: Faults) {
        self.world().faults = faults;
    }

    /// The newest level.
    #[must_use]
    pub fn level(&self) -> u32 {
        self.world().tip().level
    }

    /// The newest level that is final.
    #[must_use]
    pub fn finalised(&self) -> u32 {
        self.world().finalised()
    }

    /// The number of messages that wait with the batcher.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.world().batcher.queue().len()
    }

    /// Durable storage after the newest level.
    #[must_use]
    pub fn durable(&self) -> pvm::Durable {
        self.world().tip().after.durable().clone()
    }

    /// The inboxes of the branch that counts, of each level since the origination.
    #[must_use]
    pub fn inboxes(&self) -> Vec<Vec<Vec<u8>>> {
        self.world().inboxes()
    }

    /// Changes durable storage behind everybody's back, after the newest level: what a
    /// node that compares has to notice.
    ///
    /// # Errors
    /// If the path is invalid.
    pub fn tamper(&self, path: &str, value: &[u8]) -> Result<(), DoubleError> {
        self.world().tamper(path, value)
    }

    pub(crate) fn heads(&self) -> broadcast::Receiver<Arc<Level>> {
        self.heads.subscribe()
    }

    pub(crate) fn restarts(&self) -> watch::Receiver<u64> {
        self.restarts.subscribe()
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, level: Arc<Level>) {
        tracing::info!(
            "level {}  {} messages  {} in the outbox",
            level.level,
            level.messages.len(),
            level.outbox.len()
        );
        // Nobody may be listening.
        let _ = self.heads.send(level);
    }
}
