//! Disputes about levels of a devnet, played in the background, one at a time.

pub(crate) mod level;

use crate::error::NodeError;
use dispute::{Event, Fault, Level, Operator, PlayError, Report, Side, play};
use pvm::{Durable, Machine, NodeHash, engine};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// The time of a dispute.
const MAX_TIME: Duration = Duration::from_secs(600);

/// The most steps of a level in dispute.
const MAX_STEPS: u64 = 20_000_000_000;

/// The most moves that are kept: more than a dispute has.
const MAX_MOVES: usize = 128;

/// The stack of a dispute's thread: paths that part at each bit make a tree some 2,000 parts deep, which is gone
/// through by calls.
const STACK: usize = 64 << 20;

/// Disputes about levels of a devnet.
#[derive(Debug, Default)]
pub(crate) struct Disputes {
    options: OnceLock<pvm::Options>,
    last: Arc<Mutex<Option<Progress>>>,
}

/// A request for a dispute.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    /// The level; the newest if there is none.
    pub(crate) level: Option<u32>,
    pub(crate) fault: Fault,
    pub(crate) seed: u64,
}

/// The progress of a dispute.
#[derive(Clone, Debug)]
pub(crate) struct Progress {
    pub(crate) id: u64,
    pub(crate) level: u32,
    pub(crate) fault: Fault,
    pub(crate) seed: u64,
    /// Which side runs the level, and how many steps of it so far.
    pub(crate) running: Option<(Side, u64)>,
    pub(crate) moves: Vec<Event>,
    /// `None` while it is played.
    pub(crate) end: Option<Result<Report, String>>,
}

/// Why no dispute begins.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DisputeRefused {
    #[error("dispute {0} is being played")]
    Busy(u64),
    #[error("only a devnet plays disputes")]
    NoDevnet,
    #[error("the states of a fork come from another chain, and cannot be proved")]
    Fork,
    #[error("level 0 has no predecessor that somebody could commit to")]
    FirstLevel,
    #[error("level {0} made no block, or its states are not kept")]
    NotKept(u32),
    #[error("the messages of level {0} are not kept")]
    NoMessages(u32),
    #[error(transparent)]
    Node(#[from] NodeError),
    #[error("cannot start a thread: {0}")]
    Thread(#[from] std::io::Error),
}

/// A level, and what the node has of it.
pub(crate) struct Kept {
    pub(crate) level: u32,
    pub(crate) before: Durable,
    pub(crate) after: NodeHash,
}

impl Disputes {
    /// Sets the options of the machine.
    pub(crate) fn run_as(&self, options: &pvm::Options) {
        // The first start stays: a devnet keeps its machine's options.
        let _ = self.options.set(pvm::Options {
            engine: engine::step(),
            check: None,
            debug: pvm::DebugSink::Off,
            checkpoints: Vec::new(),
            max_instructions: None,
            patience: None,
            ..options.clone()
        });
    }

    /// Options of the machine that runs a devnet's levels step by step.
    pub(crate) fn machine(&self) -> Option<pvm::Options> {
        self.options.get().cloned()
    }

    /// The newest dispute, or one with this number.
    pub(crate) fn progress(&self, id: Option<u64>) -> Option<Progress> {
        let last = lock(&self.last).clone();
        last.filter(|last| id.is_none_or(|id| id == last.id))
    }

    /// Fails if no other dispute can begin, so that nothing is looked up in vain.
    pub(crate) fn free(&self) -> Result<(), DisputeRefused> {
        match &*lock(&self.last) {
            Some(last) if last.end.is_none() => Err(DisputeRefused::Busy(last.id)),
            _ => Ok(()),
        }
    }

    /// Begins a dispute; gives its number.
    pub(crate) fn begin(
        &self,
        kept: Kept,
        messages: Vec<Vec<u8>>,
        wanted: &Wanted,
        stopping: watch::Receiver<bool>,
    ) -> Result<u64, DisputeRefused> {
        let options = self.options.get().ok_or(DisputeRefused::NoDevnet)?;
        if kept.level == 0 {
            return Err(DisputeRefused::FirstLevel);
        }
        let mut last = lock(&self.last);
        let id = match &*last {
            Some(last) if last.end.is_none() => return Err(DisputeRefused::Busy(last.id)),
            Some(last) => last.id + 1,
            None => 1,
        };
        let game = Game {
            options: pvm::Options {
                first_level: kept.level,
                ..options.clone()
            },
            kept,
            messages,
            fault: wanted.fault,
            seed: wanted.seed,
            stopping,
            progress: Arc::clone(&self.last),
        };
        let progress = Progress {
            id,
            level: game.kept.level,
            fault: wanted.fault,
            seed: wanted.seed,
            running: None,
            moves: Vec::new(),
            end: None,
        };
        let thread = std::thread::Builder::new().name("dispute".into());
        let thread = thread.stack_size(STACK);
        thread.spawn(move || {
            let end = game.play();
            if let Some(progress) = &mut *lock(&game.progress) {
                progress.end = Some(end);
            }
        })?;
        *last = Some(progress);
        Ok(id)
    }
}

/// A dispute that is played.
struct Game {
    options: pvm::Options,
    kept: Kept,
    messages: Vec<Vec<u8>>,
    fault: Fault,
    seed: u64,
    stopping: watch::Receiver<bool>,
    progress: Arc<Mutex<Option<Progress>>>,
}

impl Game {
    fn play(&self) -> Result<Report, String> {
        let until = Instant::now() + MAX_TIME;
        let mut told = |event: &Event| {
            self.tell(event);
            Instant::now() < until && !*self.stopping.borrow()
        };
        let failed = |error: PlayError| error.to_string();
        let machine = Machine::from_durable(self.kept.before.clone(), self.options.clone());
        let level = Level {
            machine: machine.map_err(|error| error.to_string())?,
            messages: self.messages.clone(),
            most_steps: MAX_STEPS,
        };
        let operator = Operator::new(level, &mut told).map_err(failed)?;
        if operator.player().claim().durable != self.kept.after {
            return Err(
                "the messages of the level do not lead to its state: a devnet has blocks that no \
                 messages make, by impersonated accounts or chosen randomness"
                    .to_owned(),
            );
        }
        play(&operator, self.fault, self.seed, &mut told).map_err(failed)
    }

    fn tell(&self, event: &Event) {
        let mut progress = lock(&self.progress);
        let Some(progress) = &mut *progress else {
            return;
        };
        match event {
            Event::Running { side, steps } => progress.running = Some((*side, *steps)),
            event if progress.moves.len() < MAX_MOVES => progress.moves.push(event.clone()),
            _ => {}
        }
    }
}

/// The lock's value is consistent at every moment.
fn lock(last: &Mutex<Option<Progress>>) -> MutexGuard<'_, Option<Progress>> {
    last.lock().unwrap_or_else(PoisonError::into_inner)
}
