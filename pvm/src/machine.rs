//! The machine: a rollup and what can be done with it.

mod prove;
mod steps;

use crate::durable::{Durable, Unavailable};
use crate::error::Error;
use crate::level::{Inbox, LevelReport};
use crate::options::Options;
use crate::runs::{FALLBACK, flag_reboot, version_of};
use crate::snapshot::{Facts, Snapshot};
use crate::stack::BigStack;
use crate::state::State;
use crate::value::Value;
use blake2::{Blake2b, Digest, digest::consts::U32};
use host::reserved::KERNEL;
use kernel_module::Version;
use std::sync::Arc;

/// The stack of a kernel's thread besides the kernel's own, in bytes.
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
    ///
    /// # Errors
    /// If the version of the machine cannot be loaded.
    pub fn at(&self, durable: Durable, level: u32) -> Result<Self, Unavailable> {
        let mut state = self.0.clone();
        state.version = version_of(&durable)?.unwrap_or(state.version);
        state.durable = durable;
        state.level = level;
        Ok(Self(state))
    }
}

impl Machine {
    /// Originates a rollup with this kernel.
    ///
    /// # Errors
    /// [`Error::Kernel`] if the bytes are not a valid kernel.
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
    /// [`Error::NoKernel`]; [`Error::Kernel`] if it is not valid, unless there
    /// is another to fall back on.
    pub fn from_durable(durable: Durable, options: Options) -> Result<Self, Error> {
        let version = version_of(&durable)?.unwrap_or(options.version);
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
            && state.durable.value(FALLBACK.as_bytes())?.is_none()
        {
            return Err(error);
        }
        state.set_version(version)?;
        flag_reboot(&mut state.durable)?;
        Ok(Self { state, thread })
    }

    /// Goes on from a snapshot, with these options but for what the snapshot says:
    /// version, next level, the rollup's address, the level of its origination.
    ///
    /// # Errors
    /// As [`Machine::from_durable`]; where the kernel is not the snapshot's.
    pub fn from_snapshot(snapshot: &Snapshot, options: Options) -> Result<Self, Error> {
        let facts = &snapshot.facts;
        let options = Options {
            version: facts.version,
            first_level: facts.level,
            rollup: facts.rollup,
            origination_level: facts.origination_level,
            ..options
        };
        let thread = BigStack::start(options.stack + HOST_STACK).map_err(internal)?;
        let mut state = State {
            durable: snapshot.durable.clone(),
            level: facts.level,
            version: facts.version,
            options: Arc::new(options),
            kernel: None,
            stuck: facts.stuck.clone(),
            trap_after: None,
        };
        if kernel_hash(&state.durable)? != facts.kernel {
            return Err(Error::Internal(
                "the snapshot holds another kernel than it says".to_owned(),
            ));
        }
        if let Err(error) = state.prepare()
            && state.stuck.is_none()
            && state.durable.value(FALLBACK.as_bytes())?.is_none()
        {
            return Err(error);
        }
        Ok(Self { state, thread })
    }

    /// The machine as it is now, to be written to a file. `block` is the hash of the
    /// layer-1 block of the last level; zeros if there is none.
    ///
    /// # Errors
    /// If the kernel cannot be loaded.
    pub fn snapshot(&self, block: [u8; 32]) -> Result<Snapshot, Error> {
        let state = &self.state;
        Ok(Snapshot {
            facts: Facts {
                version: state.version,
                level: state.level,
                rollup: state.options.rollup,
                origination_level: state.options.origination_level,
                block,
                kernel: kernel_hash(&state.durable)?,
                root: state.durable.root_hash(),
                stuck: state.stuck.clone(),
            },
            durable: state.durable.clone(),
        })
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

    /// Its options.
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

/// blake2b-256 of the kernel, or of nothing.
fn kernel_hash(durable: &Durable) -> Result<[u8; 32], Error> {
    let kernel = durable.get(KERNEL)?;
    let kernel = kernel.as_ref().map(Value::bytes).unwrap_or_default();
    Ok(Blake2b::<U32>::digest(&kernel).into())
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn internal(error: std::io::Error) -> Error {
    Error::Internal(error.to_string())
}
