//! The steps that are no machine's: messages are loaded, runs begin and end.

use super::module::identity;
use super::state::{NO_WALK, Outside, Phase};
use super::{Facts, Stuck};
use crate::durable::{Durable, StoreError};
use crate::engine::RunLimits;
use crate::engine::step::bounds;
use crate::error::Error;
use crate::runs::{self, After, MAX_REBOOTS, version_of};
use host::reserved::{KERNEL, VERSION};
use kernel_module::{KernelError, Terms, Version};
use step_machine::decoding::Verdict;
use step_machine::{Bounds, End, Hash, Registers};

/// The state that such a step changes.
pub(super) struct Level<'l> {
    pub(super) outside: &'l mut Outside,
    pub(super) durable: &'l mut Durable,
    pub(super) facts: &'l Facts,
}

/// The next step.
pub(super) enum Next {
    /// The one that the phase says.
    Same,
    /// The kernel is decoded.
    Decode,
    /// It runs.
    Run(Run),
}

/// A run that begins.
pub(super) struct Run {
    /// Durable storage, should the module not be instantiated.
    pub(super) before: Durable,
    pub(super) bounds: Bounds,
}

impl From<StoreError> for Stuck {
    fn from(error: StoreError) -> Self {
        Self(error.to_string())
    }
}

impl From<crate::durable::Unavailable> for Stuck {
    fn from(error: crate::durable::Unavailable) -> Self {
        Self(error.to_string())
    }
}

impl Level<'_> {
    /// A message is loaded, or there are no more.
    pub(super) fn load(&mut self, message: Option<&[u8]>) -> Result<(), Stuck> {
        let Some(message) = message else {
            self.outside.next = 0;
            self.outside.phase = Phase::Beginning;
            self.outside.reboots_left = MAX_REBOOTS as u32;
            return Ok(());
        };
        self.outside.next = self.outside.next.wrapping_add(1);
        match Version::of_migration(message) {
            Ok(Some(version)) => self.durable.write(VERSION, version.name())?,
            Ok(None) => {}
            Err(_) => self.outside.finish(Phase::Stuck),
        }
        Ok(())
    }

    /// A run begins. If the kernel is the one that was decoded last, it runs; any other is decoded before.
    pub(super) fn begin(&mut self) -> Result<Next, Stuck> {
        runs::open(self.durable, self.outside.reboots_left as i32)?;
        let version = version_of(self.durable)?.unwrap_or(self.facts.version);
        self.outside.version = version;
        let Some(module) = self.durable.value(KERNEL.as_bytes())? else {
            return self.fall_back(&KernelError::Decode(Error::NoKernel.to_string()));
        };
        if identity(module, version) == self.outside.decoded {
            return self.run();
        }
        self.outside.phase = Phase::Decoding;
        Ok(Next::Decode)
    }

    /// A kernel was decoded, and this is said of it. `first` gives the root of its first state.
    pub(super) fn judged(
        &mut self,
        verdict: Verdict,
        first: impl FnOnce(Bounds) -> Hash,
    ) -> Result<Next, Stuck> {
        let what = || "decoded by steps".to_owned();
        match verdict {
            Verdict::Valid => {}
            Verdict::Refused => return self.fall_back(&KernelError::Decode(what())),
            Verdict::NoEntry => return self.fall_back(&KernelError::NoEntry(what())),
            Verdict::CannotRun => return self.fall_back(&KernelError::Run(what())),
        }
        let module = self.durable.value(KERNEL.as_bytes())?;
        let module = module.ok_or_else(|| Stuck("there is no kernel".to_owned()))?;
        self.outside.decoded = identity(module, self.outside.version);
        self.outside.image = first(bounds(self.limits()));
        self.run()
    }

    /// The kernel that was decoded last runs.
    fn run(&mut self) -> Result<Next, Stuck> {
        let before = self.durable.clone();
        runs::keep_fallback(self.durable)?;
        self.outside.before = before.root_hash();
        self.outside.phase = Phase::Running;
        let bounds = bounds(self.limits());
        Ok(Next::Run(Run { before, bounds }))
    }

    /// By which rules a kernel is decoded.
    pub(super) const fn terms(&self) -> Terms {
        Terms {
            version: self.outside.version,
            legacy: self.facts.legacy,
        }
    }

    /// A run came to its end, or to a trap. Where its module could not be instantiated, durable storage is
    /// as it was before its kernel was kept.
    pub(super) fn end(&mut self, registers: &Registers) -> Result<(), Stuck> {
        self.outside.before = [0; 32];
        self.outside.walk = NO_WALK;
        self.outside.phase = Phase::Between;
        if !registers.started {
            let error = KernelError::Init("it traps at its start".to_owned());
            return self.fall_back(&error).map(|_| ());
        }
        match registers.end {
            Some(End::Returned) => runs::returned(self.durable)?,
            Some(
                End::Unreachable
                | End::MemoryOutOfBounds
                | End::TableOutOfBounds
                | End::BadSignature
                | End::IntegerOverflow
                | End::IntegerDivisionByZero,
            ) => runs::trapped(self.durable)?,
            // The machine does not survive these.
            Some(
                End::UndefinedElement
                | End::UninitializedElement
                | End::StackExhausted
                | End::CallsExhausted
                | End::NoInstruction
                | End::Stopped,
            )
            | None => self.outside.finish(Phase::Stuck),
        }
        Ok(())
    }

    /// The end of a run.
    pub(super) fn close(&mut self) -> Result<(), Stuck> {
        match runs::close(self.durable, self.outside.reboots_left as i32)? {
            After::Run => {
                self.outside.reboots_left -= 1;
                self.outside.phase = Phase::Beginning;
            }
            After::Level | After::TooManyReboots => {
                runs::wait(self.durable)?;
                self.outside.finish(Phase::Waiting);
            }
        }
        Ok(())
    }

    fn fall_back(&mut self, error: &KernelError) -> Result<Next, Stuck> {
        match runs::fall_back(self.durable, error)? {
            true => self.outside.phase = Phase::Between,
            false => self.outside.finish(Phase::Stuck),
        }
        Ok(Next::Same)
    }

    fn limits(&self) -> RunLimits {
        RunLimits {
            frames: self.outside.version.max_call_depth(),
            stack: self.facts.stack,
            counted: false,
            limit: None,
            patience: None,
            profiled: false,
            probed: false,
        }
    }
}
