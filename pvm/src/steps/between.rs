//! The steps that are no machine's: messages are loaded, runs begin and end.

use super::state::{NO_WALK, Outside, Phase};
use super::{Facts, Stuck};
use crate::durable::{Durable, StoreError};
use crate::engine::RunLimits;
use crate::engine::step::bounds;
use crate::error::Error;
use crate::kernel::Kernel;
use crate::runs::{self, After, MAX_REBOOTS, version_of};
use crate::value::Value;
use host::reserved::{KERNEL, VERSION};
use kernel_module::{KernelError, Terms, Version};
use std::sync::Arc;
use step_machine::{End, Plain, Registers};

/// The state that such a step changes.
pub(super) struct Level<'l> {
    pub(super) outside: &'l mut Outside,
    pub(super) durable: &'l mut Durable,
    pub(super) facts: &'l Facts,
}

/// A run that began.
pub(super) struct Run {
    pub(super) plain: Plain,
    /// Durable storage, should the module not be instantiated.
    pub(super) before: Durable,
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

    /// A run begins, if there is a kernel that can run. `bytes` gives the kernel that is this value.
    pub(super) fn begin(
        &mut self,
        bytes: impl FnOnce(&Value) -> Result<Vec<u8>, Stuck>,
    ) -> Result<Option<Run>, Stuck> {
        runs::open(self.durable, self.outside.reboots_left as i32)?;
        let version = version_of(self.durable)?.unwrap_or(self.facts.version);
        let kernel = match self.durable.value(KERNEL.as_bytes())? {
            Some(value) => Kernel::load(
                &bytes(value)?,
                Terms {
                    version,
                    legacy: self.facts.legacy,
                },
            ),
            None => Err(KernelError::Decode(Error::NoKernel.to_string())),
        };
        let kernel = match kernel {
            Err(KernelError::Host(why)) => return Err(Stuck(why)),
            Err(error) => return self.fall_back(&error).map(|()| None),
            Ok(kernel) => kernel,
        };
        let before = self.durable.clone();
        runs::keep_fallback(self.durable)?;
        let image = match kernel.image() {
            Ok(image) => image,
            Err(error) => {
                *self.durable = before;
                return self.fall_back(&error).map(|()| None);
            }
        };
        self.outside.before = before.root_hash();
        self.outside.phase = Phase::Running;
        let plain = Plain::new(Arc::clone(&image), bounds(self.limits(version)));
        Ok(Some(Run { plain, before }))
    }

    /// A run came to its end, or to a trap. Where its module could not be instantiated, durable storage is
    /// as it was before its kernel was kept.
    pub(super) fn end(&mut self, registers: &Registers) -> Result<(), Stuck> {
        self.outside.before = [0; 32];
        self.outside.walk = NO_WALK;
        self.outside.phase = Phase::Between;
        if !registers.started {
            return self.fall_back(&KernelError::Init("it traps at its start".to_owned()));
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

    fn fall_back(&mut self, error: &KernelError) -> Result<(), Stuck> {
        match runs::fall_back(self.durable, error)? {
            true => self.outside.phase = Phase::Between,
            false => self.outside.finish(Phase::Stuck),
        }
        Ok(())
    }

    fn limits(&self, version: Version) -> RunLimits {
        RunLimits {
            frames: version.max_call_depth(),
            stack: self.facts.stack,
            counted: false,
            limit: None,
            patience: None,
            profiled: false,
            probed: false,
        }
    }
}
