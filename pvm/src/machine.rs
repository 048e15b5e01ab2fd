//! The machine: a rollup and what can be done with it.

use crate::durable::Durable;
use crate::error::Error;
use crate::level::{Inbox, LevelReport};
use crate::options::Options;
use crate::stack::BigStack;
use crate::state::{FALLBACK, State};
use host::reserved::{KERNEL, VERSION};
use kernel_module::Version;
use std::sync::Arc;

/// What the thread of a kernel needs besides the kernel's own stack, in bytes.
const HOST_STACK: usize = 4 << 20;

/// A rollup: its storage, its version, and the level that comes next.
#[derive(Debug)]
pub struct Machine {
    state: State,
    thread: BigStack,
}

/// A machine between two levels, to go back to. It shares with others all that they have
/// in common.
#[derive(Clone, Debug)]
pub struct Saved(State);

impl Saved {
    /// The storage.
    #[must_use]
    pub const fn durable(&self) -> &Durable {
        &self.0.durable
    }

    /// The same machine with another storage of its rollup, before this level.
    #[must_use]
    pub fn at(&self, durable: Durable, level: u32) -> Self {
        let mut state = self.0.clone();
        state.version = version(&durable).unwrap_or(state.version);
        state.durable = durable;
        state.level = level;
        Self(state)
    }
}

/// The version that a storage says.
fn version(durable: &Durable) -> Option<Version> {
    let name = durable.get(VERSION)?;
    std::str::from_utf8(&name.bytes()).ok()?.parse().ok()
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
        let version = version(&durable).unwrap_or(options.version);
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
        state.flag_reboot();
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

    /// The machine as it is now.
    #[must_use]
    pub fn save(&self) -> Saved {
        Saved(self.state.clone())
    }

    /// Goes back to what [`Machine::save`] gave, of this machine.
    pub fn restore(&mut self, saved: Saved) {
        self.state = saved.0;
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
