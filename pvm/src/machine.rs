//! The machine: levels, runs, reboots, upgrades (spec §4 to §6).

use crate::Version;
use crate::compare::{self, Ran};
use crate::context::{Context, Meter};
use crate::durable::Durable;
use crate::engine::{self, Compiled, End, Engine, Finished, Limits, Trap};
use crate::imports::IMPORTS;
use crate::kernel::{DEFAULT_STACK, Kernel, Metering};
use crate::metering::Counted;
use crate::reveal::RevealError;
use crate::stack::BigStack;
use crate::validity::KernelError;
use crate::value::Value;
use host::reserved::{
    KERNEL, REBOOT, REBOOT_COUNTER, STUCK, TOO_MANY_REBOOTS, UPGRADE_ERROR, VERSION,
};
use host::{HostError, Path};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The last kernel that could be instantiated.
const FALLBACK: Path<'static> = Path::literal("/readonly/kernel/boot.wasm");

/// How often a kernel may reboot at one level; so it runs once more than that.
pub const MAX_REBOOTS: i32 = 1000;

/// How a machine is set up.
#[derive(Clone, Debug)]
pub struct Options {
    /// The version that it starts as; messages of the kind
    /// `Protocol_migration` change it.
    pub version: Version,
    /// What is measured.
    pub metering: Metering,
    /// The rollup's address: the 20 bytes behind `sr1…`.
    pub rollup: [u8; 20],
    /// The level of its origination, as `reveal_metadata` tells.
    pub origination_level: u32,
    /// The level that runs first.
    pub first_level: u32,
    /// The folder of preimages, named by the lower-case hex of their hashes.
    pub preimages: Option<PathBuf>,
    /// Each `store_move` onto one of these paths records the storage right
    /// after it: [`LevelReport::checkpoints`].
    pub checkpoints: Vec<String>,
    /// Where the lines of `write_debug` go.
    pub debug: DebugSink,
    /// How much stack the kernel may use, in bytes.
    pub stack: usize,
    /// What executes the kernel.
    pub engine: Arc<dyn Engine>,
    /// Executes every run once more, and whatever differs is an error:
    /// [`Error::EnginesDiffer`].
    pub check: Option<Arc<dyn Engine>>,
}

impl Default for Options {
    /// Version r5, no metering, the debugger's rollup address, origination
    /// level 0, first level 0, the fast VM alone.
    fn default() -> Self {
        Self {
            version: Version::default(),
            metering: Metering::Off,
            rollup: DEFAULT_ROLLUP,
            origination_level: 0,
            first_level: 0,
            preimages: None,
            checkpoints: Vec::new(),
            debug: DebugSink::Off,
            stack: DEFAULT_STACK,
            engine: engine::fast(),
            check: None,
        }
    }
}

/// `sr163Lv22CdE8QagCwf48PWDTquk6isQwv57`, the address that tools use where
/// none is given.
pub const DEFAULT_ROLLUP: [u8; 20] = [0; 20];

/// Where the lines of `write_debug` go.
#[derive(Clone, Default)]
pub enum DebugSink {
    /// Nowhere.
    #[default]
    Off,
    /// Into [`LevelReport::debug`].
    Capture,
    /// To this function, as they come.
    Call(Arc<dyn Fn(&str) + Send + Sync>),
}

impl DebugSink {
    /// What keeps the lines that this one keeps, and tells nobody.
    fn quiet(&self) -> Self {
        match self {
            Self::Call(_) => Self::Off,
            kept => kept.clone(),
        }
    }
}

impl fmt::Debug for DebugSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Off => "Off",
            Self::Capture => "Capture",
            Self::Call(_) => "Call",
        })
    }
}

/// Why a machine cannot be made, or a level not be run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The kernel is none.
    #[error(transparent)]
    Kernel(#[from] KernelError),
    /// There is nothing at `/kernel/boot.wasm`.
    #[error("there is no kernel at {KERNEL}")]
    NoKernel,
    /// The kernel asked for something that is not here. The storage is as it
    /// was before the level.
    #[error(transparent)]
    Reveal(#[from] RevealError),
    /// Two engines did not do the same. The storage is as it was before the
    /// level.
    #[error("level {level}, run {run}: {what}")]
    EnginesDiffer {
        /// The level.
        level: u32,
        /// The run of the level, from 0.
        run: usize,
        /// The first thing that differs.
        what: String,
    },
    /// Something is wrong on this side.
    #[error("the machine failed: {0}")]
    Internal(String),
}

impl From<HostError> for Error {
    fn from(error: HostError) -> Self {
        Self::Internal(error.to_string())
    }
}

/// The messages of one level, without those that layer 1 adds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inbox {
    /// The timestamp of the predecessor block, in seconds since 1970.
    pub timestamp: i64,
    /// The hash of the predecessor block.
    pub predecessor: [u8; 32],
    /// Whole messages, the inbox tag included.
    pub messages: Vec<Vec<u8>>,
}

impl Inbox {
    /// All messages of the level: `Start_of_level`, `Info_per_level`, these,
    /// `End_of_level`.
    #[must_use]
    pub fn wrapped(&self) -> Vec<Vec<u8>> {
        let mut info = vec![0, 3];
        info.extend(self.timestamp.to_be_bytes());
        info.extend(self.predecessor);
        let mut all = Vec::with_capacity(self.messages.len() + 3);
        all.push(vec![0, 1]);
        all.push(info);
        all.extend(self.messages.iter().cloned());
        all.push(vec![0, 2]);
        all
    }
}

/// How a level ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Status {
    /// The kernel had no more to do.
    Yielded,
    /// It asked for one reboot too many; unread messages are lost.
    TooManyReboots,
    /// Its new kernel was no good: the previous one is back, and unread
    /// messages are lost.
    UpgradeFailed {
        /// What was wrong with it.
        reason: String,
    },
    /// The rollup is stuck forever.
    Stuck {
        /// What killed it.
        reason: String,
    },
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Yielded => f.write_str("yielded"),
            Self::TooManyReboots => f.write_str("too many reboots"),
            Self::UpgradeFailed { reason } => write!(f, "upgrade failed: {reason}"),
            Self::Stuck { reason } => write!(f, "stuck forever: {reason}"),
        }
    }
}

/// One call of the kernel. What is measured is 0 with [`Metering::Off`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunReport {
    /// Executed wasm instructions (1 for each, and 1 for each call, and 1 for
    /// each byte of bulk copies and fills; block structure is free).
    pub instructions: u64,
    /// The most wasm calls open at once, the entry point's included. Host
    /// calls do not count, unless they go through a table.
    pub max_call_depth: u32,
    /// How often each host function was called.
    pub host_calls: BTreeMap<String, u64>,
    /// Bytes that `read_input` and `store_read` moved into the kernel.
    pub bytes_read: u64,
    /// Bytes that `store_write` and `write_output` moved out of it.
    pub bytes_written: u64,
    /// The time of the run, instantiation included.
    pub wall: Duration,
    /// Why it trapped, where it did. Its writes are kept all the same.
    pub trap: Option<Trap>,
}

impl RunReport {
    /// Whether it trapped.
    #[must_use]
    pub const fn trapped(&self) -> bool {
        self.trap.is_some()
    }
}

/// What happened at one level.
#[derive(Clone, Debug)]
pub struct LevelReport {
    /// The level.
    pub level: u32,
    /// How it ended.
    pub status: Status,
    /// The calls of the kernel, one at least unless the rollup is stuck.
    pub runs: Vec<RunReport>,
    /// The outbox messages.
    pub outbox: Vec<Vec<u8>>,
    /// The storage at the end of the level.
    pub durable: Durable,
    /// The storage after each move onto one of [`Options::checkpoints`], in
    /// order.
    pub checkpoints: Vec<Durable>,
    /// The texts of `write_debug`, with [`DebugSink::Capture`].
    pub debug: Vec<String>,
}

impl LevelReport {
    /// The hash of the storage at the end of the level.
    #[must_use]
    pub fn durable_root(&self) -> [u8; 32] {
        self.durable.root_hash()
    }
}

/// A rollup: its storage, its version, and the level that comes next.
#[derive(Debug)]
pub struct Machine {
    state: State,
    thread: BigStack,
}

/// A clone costs a few counters: each level works on one, which then is the
/// machine's, or is dropped when the level fails.
#[derive(Clone, Debug)]
struct State {
    durable: Durable,
    level: u32,
    version: Version,
    options: Arc<Options>,
    /// The kernel of the last run, with the value that it came from.
    kernel: Option<(Value, Arc<Kernel>)>,
    stuck: Option<String>,
    trap_after: Option<u64>,
}

impl Machine {
    /// Originates a rollup with this kernel.
    ///
    /// # Errors
    /// [`Error::Kernel`] where it is none.
    pub fn new(kernel: &[u8], options: Options) -> Result<Self, Error> {
        let mut durable = Durable::new();
        durable.write(KERNEL, kernel)?;
        Self::from_durable(durable, options)
    }

    /// Continues from a storage that holds a kernel: one that a machine left,
    /// or one that was put together by hand. The version is the storage's,
    /// where it says one, or else that of the options.
    ///
    /// # Errors
    /// [`Error::NoKernel`]; [`Error::Kernel`] where it is none, unless there
    /// is another to fall back on.
    pub fn from_durable(durable: Durable, options: Options) -> Result<Self, Error> {
        let version = durable
            .get(VERSION)
            .and_then(|name| std::str::from_utf8(&name.bytes()).ok()?.parse().ok())
            .unwrap_or(options.version);
        let thread = BigStack::start(options.stack + HOST_STACK).map_err(internal)?;
        let mut state = State {
            durable,
            level: options.first_level,
            version,
            options: Arc::new(options),
            kernel: None,
            stuck: None,
            trap_after: None,
        };
        if let Err(error) = state.prepare()
            && state.durable.get(FALLBACK).is_none()
        {
            return Err(error);
        }
        state.set_version(version)?;
        state.wait()?;
        Ok(Self { state, thread })
    }

    /// The storage.
    #[must_use]
    pub const fn durable(&self) -> &Durable {
        &self.state.durable
    }

    /// The storage, to change between levels.
    pub const fn durable_mut(&mut self) -> &mut Durable {
        &mut self.state.durable
    }

    /// The level that runs next.
    #[must_use]
    pub const fn level(&self) -> u32 {
        self.state.level
    }

    /// The version of the machine.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.state.version
    }

    /// How it was set up.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.state.options
    }

    /// Traps once, right behind the host call with this number from now on (1 is
    /// the next, `write_debug` is not counted): for tests that nothing is lost.
    pub const fn trap_after(&mut self, calls: u64) {
        self.state.trap_after = Some(calls);
    }

    /// Why the rollup is stuck forever, if it is.
    #[must_use]
    pub fn stuck(&self) -> Option<&str> {
        self.state.stuck.as_deref()
    }

    /// Runs a level with these messages, between those that layer 1 adds.
    ///
    /// # Errors
    /// [`Error::Reveal`]: then the level may be run again.
    pub fn run_level(&mut self, inbox: &Inbox) -> Result<LevelReport, Error> {
        self.run_messages(inbox.wrapped())
    }

    /// Runs a level with exactly these messages.
    ///
    /// # Errors
    /// [`Error::Reveal`]: then the level may be run again.
    pub fn run_messages(&mut self, messages: Vec<Vec<u8>>) -> Result<LevelReport, Error> {
        let mut state = self.state.clone();
        let level = move || {
            let report = state.run_level(messages)?;
            state.level += 1;
            Ok::<_, Error>((state, report))
        };
        let (state, report) = self.thread.run(level).map_err(internal)??;
        self.state = state;
        Ok(report)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn internal(error: std::io::Error) -> Error {
    Error::Internal(error.to_string())
}

impl State {
    /// Loads and compiles the kernel.
    fn prepare(&mut self) -> Result<(), Error> {
        let kernel = self.load_kernel(&self.durable.clone())?;
        kernel.compiled(&*self.options.engine, self.limits())?;
        Ok(())
    }

    fn run_level(&mut self, messages: Vec<Vec<u8>>) -> Result<LevelReport, Error> {
        if let Some(reason) = &self.stuck {
            let status = Status::Stuck {
                reason: reason.clone(),
            };
            return Ok(LevelReport {
                level: self.level,
                status,
                runs: Vec::new(),
                outbox: Vec::new(),
                durable: self.durable.clone(),
                checkpoints: Vec::new(),
                debug: Vec::new(),
            });
        }
        for message in &messages {
            if let Some(version) = Version::of_migration(message) {
                self.set_version(version)?;
            }
        }
        let mut context = Context {
            durable: std::mem::take(&mut self.durable),
            level: self.level,
            inbox: messages.into(),
            next: 0,
            outbox: Vec::new(),
            rollup: self.options.rollup,
            origination_level: self.options.origination_level,
            preimages: self.options.preimages.clone(),
            checkpoint_paths: self.options.checkpoints.as_slice().into(),
            checkpoints: Vec::new(),
            debug: self.options.debug.clone(),
            debug_lines: Vec::new(),
            meter: None,
            trap_after: self.trap_after,
            log: None,
        };
        let mut told = Told::default();
        let status = self.runs(&mut context, &mut told)?;
        self.durable = std::mem::take(&mut context.durable);
        self.trap_after = context.trap_after;
        match &status {
            Status::Stuck { reason } => self.stuck = Some(reason.clone()),
            _ => self.wait()?,
        }
        Ok(LevelReport {
            level: self.level,
            status,
            runs: told.runs,
            outbox: context.outbox,
            durable: self.durable.clone(),
            checkpoints: told.checkpoints,
            debug: told.debug,
        })
    }

    /// Calls the kernel until it yields.
    fn runs(&mut self, context: &mut Context, told: &mut Told) -> Result<Status, Error> {
        let mut reboots_left = MAX_REBOOTS;
        loop {
            context.durable.delete(REBOOT)?;
            context
                .durable
                .write(REBOOT_COUNTER, reboots_left.to_le_bytes())?;
            let outcome = self.run(context, told.runs.len())?;
            told.debug.append(&mut context.debug_lines);
            told.checkpoints.append(&mut context.checkpoints);
            let failed = match outcome {
                Outcome::Ran(report) => {
                    told.runs.push(report);
                    None
                }
                Outcome::Restored { reason } => Some(reason),
                Outcome::Stuck { reason, report } => {
                    told.runs.extend(report);
                    return Ok(Status::Stuck { reason });
                }
            };
            if context.durable.get(REBOOT).is_none() {
                context.durable.delete(TOO_MANY_REBOOTS)?;
                return Ok(match failed {
                    Some(reason) => Status::UpgradeFailed { reason },
                    None => Status::Yielded,
                });
            }
            if reboots_left == 0 {
                context.durable.write(TOO_MANY_REBOOTS, [])?;
                return Ok(Status::TooManyReboots);
            }
            reboots_left -= 1;
        }
    }

    fn run(&mut self, context: &mut Context, run: usize) -> Result<Outcome, Error> {
        let start = Instant::now();
        let kernel = match self.load_kernel(&context.durable) {
            Ok(kernel) => kernel,
            Err(Error::Kernel(error)) => return fall_back(&mut context.durable, &error),
            Err(Error::NoKernel) => {
                let error = KernelError::Decode(Error::NoKernel.to_string());
                return fall_back(&mut context.durable, &error);
            }
            Err(error) => return Err(error),
        };
        if self.options.metering == Metering::Full {
            context.meter = Some(Box::default());
        }
        let before = context.durable.clone();
        keep_fallback(&mut context.durable)?;
        let finished = match self.call(&kernel, context, run) {
            Ok(finished) => finished,
            Err(Error::Kernel(error)) => {
                context.durable = before;
                return fall_back(&mut context.durable, &error);
            }
            Err(error) => return Err(error),
        };
        let mut report = RunReport {
            wall: start.elapsed(),
            ..RunReport::default()
        };
        if let Some(meter) = context.meter.take() {
            report.measured(&meter, finished.counted);
        }
        if !finished.instantiated {
            context.durable = before;
        }
        self.judge(finished, report, context)
    }

    /// Calls a kernel once, on a fresh instance, and once more where runs are
    /// compared.
    fn call(&self, kernel: &Kernel, context: &mut Context, run: usize) -> Result<Finished, Error> {
        let Some(check) = &self.options.check else {
            return self.call_on(&*self.options.engine, kernel, context);
        };
        context.log = Some(Vec::new());
        let mut again = context.clone();
        again.debug = again.debug.quiet();
        let finished = self.call_on(&*self.options.engine, kernel, context)?;
        let other = self.call_on(&**check, kernel, &mut again)?;
        let first = Ran::new(self.options.engine.name(), context, &finished);
        let second = Ran::new(check.name(), &again, &other);
        if let Some(what) = compare::difference(&first, &second) {
            return Err(Error::EnginesDiffer {
                level: self.level,
                run,
                what,
            });
        }
        Ok(finished)
    }

    fn call_on(
        &self,
        engine: &dyn Engine,
        kernel: &Kernel,
        context: &mut Context,
    ) -> Result<Finished, Error> {
        let limits = self.limits();
        let compiled = kernel.compiled(engine, limits)?;
        if limits.counted {
            return Ok(enter(&*compiled, context));
        }
        let before = context.clone();
        let finished = enter(&*compiled, context);
        if finished.end != Err(End::StackExhausted) {
            return Ok(finished);
        }
        // Perhaps there was more to come; the module that counts knows.
        *context = before;
        let limits = Limits {
            counted: true,
            ..limits
        };
        Ok(enter(&*kernel.compiled(engine, limits)?, context))
    }

    /// What follows from how the call ended.
    fn judge(
        &self,
        finished: Finished,
        mut report: RunReport,
        context: &mut Context,
    ) -> Result<Outcome, Error> {
        let limit = self.version.max_call_depth();
        let end = match finished.end {
            Err(end) if !finished.instantiated => {
                return fall_back(&mut context.durable, &KernelError::Init(end.to_string()));
            }
            // The trap was ours.
            _ if finished.counted.max_depth > limit => Err(End::StackExhausted),
            end => end,
        };
        match end {
            Ok(()) => {
                context.durable.delete(STUCK)?;
                context.durable.delete(UPGRADE_ERROR)?;
            }
            Err(End::Reveal(error)) => return Err(error.into()),
            Err(End::Trap(trap)) => {
                report.trap = Some(trap);
                context.durable.write(STUCK, [])?;
            }
            Err(end) => {
                let reason = match end {
                    End::StackExhausted if finished.counted.max_depth > limit => {
                        format!("more than {limit} calls were open")
                    }
                    end => end.to_string(),
                };
                return Ok(Outcome::Stuck {
                    reason,
                    report: Some(report),
                });
            }
        }
        Ok(Outcome::Ran(report))
    }

    /// The kernel that a storage holds.
    fn load_kernel(&mut self, durable: &Durable) -> Result<Arc<Kernel>, Error> {
        let value = durable.get(KERNEL).ok_or(Error::NoKernel)?;
        if let Some((known, kernel)) = &self.kernel
            && known.ptr_eq(&value)
            && kernel.facts().since <= self.version
        {
            return Ok(Arc::clone(kernel));
        }
        let kernel = Kernel::load(&value.bytes(), self.version)?;
        self.kernel = Some((value, Arc::clone(&kernel)));
        Ok(kernel)
    }

    fn limits(&self) -> Limits {
        let frames = self.version.max_call_depth();
        Limits {
            frames,
            stack: self.options.stack,
            // No stack is so small that it holds 300 frames surely, and any more.
            counted: self.options.metering == Metering::Full || frames < 1_000,
        }
    }

    fn set_version(&mut self, version: Version) -> Result<(), HostError> {
        self.version = version;
        self.durable.write(VERSION, version.name())
    }

    /// What stands in the storage between levels: loading the inbox counts as
    /// a reboot into the first run.
    fn wait(&mut self) -> Result<(), HostError> {
        self.durable.write(REBOOT, [])?;
        self.durable
            .write(REBOOT_COUNTER, (MAX_REBOOTS + 1).to_le_bytes())
    }
}

/// What the thread of a kernel needs besides the kernel's own stack, in bytes.
const HOST_STACK: usize = 4 << 20;

enum Outcome {
    /// The kernel ran, to its end or to a trap.
    Ran(RunReport),
    /// The kernel was no good; the previous one is back.
    Restored { reason: String },
    /// Nothing will ever run again.
    Stuck {
        reason: String,
        report: Option<RunReport>,
    },
}

/// What the runs of a level tell, in order.
#[derive(Default)]
struct Told {
    runs: Vec<RunReport>,
    debug: Vec<String>,
    checkpoints: Vec<Durable>,
}

fn enter(compiled: &dyn Compiled, context: &mut Context) -> Finished {
    let (after, finished) = compiled.run(std::mem::take(context));
    *context = after;
    finished
}

impl RunReport {
    fn measured(&mut self, meter: &Meter, counted: Counted) {
        self.instructions = counted.instructions;
        self.max_call_depth = counted.max_depth;
        self.bytes_read = meter.read;
        self.bytes_written = meter.written;
        self.host_calls = IMPORTS
            .iter()
            .zip(meter.calls)
            .filter(|(_, count)| *count > 0)
            .map(|(import, count)| (import.name.to_owned(), count))
            .collect();
    }
}

/// Remembers a kernel that could be instantiated.
fn keep_fallback(durable: &mut Durable) -> Result<(), HostError> {
    match (durable.get(KERNEL), durable.get(FALLBACK)) {
        (Some(kernel), Some(known)) if kernel.ptr_eq(&known) => Ok(()),
        // Equal bytes are shared from now on, and never compared again.
        (Some(kernel), _) => durable.put(FALLBACK, kernel),
        (None, _) => Ok(()),
    }
}

/// Puts the last good kernel back, if there is another than this.
fn fall_back(durable: &mut Durable, error: &KernelError) -> Result<Outcome, Error> {
    let reason = error.to_string();
    match durable.get(FALLBACK) {
        Some(fallback)
            if error.recoverable() && durable.get(KERNEL).as_ref() != Some(&fallback) =>
        {
            durable.put(KERNEL, fallback)?;
            durable.write(UPGRADE_ERROR, [])?;
            Ok(Outcome::Restored { reason })
        }
        _ => Ok(Outcome::Stuck {
            reason,
            report: None,
        }),
    }
}
