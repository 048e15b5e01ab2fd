//! Why a machine cannot be made, or a level not be run.

use crate::durable::{StoreError, Unavailable};
use crate::probe::Abandoned;
use crate::reveal::RevealError;
use host::HostError;
use host::reserved::KERNEL;
use kernel_module::{KernelError, Limit};

/// Why a machine cannot be made, or a level not be run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The bytes are not a valid kernel.
    #[error(transparent)]
    Kernel(KernelError),
    /// This computer lacks what a run takes, such as memory. The storage is as it was before the
    /// level.
    #[error("this computer lacks what the kernel takes: {0}")]
    Host(String),
    /// There is nothing at `/kernel/boot.wasm`.
    #[error("there is no kernel at {KERNEL}")]
    NoKernel,
    /// The kernel asked for something that is not here. The storage is as it
    /// was before the level.
    #[error(transparent)]
    Reveal(#[from] RevealError),
    /// A part of the storage cannot be loaded. The storage is as it was before the level.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
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
    /// A run took longer than it may. The storage is as it was before the level.
    #[error(
        "run {run} of level {level} takes more than {} instructions, or {} ticks of the machine",
        .limit.instructions,
        .limit.ticks
    )]
    TooLong {
        /// The level.
        level: u32,
        /// The run of the level, from 0.
        run: usize,
        /// The limit.
        limit: Limit,
    },
    /// Whoever looks into the run wants no more of it. The storage is as it was before the level.
    #[error(transparent)]
    Abandoned(#[from] Abandoned),
    /// Something is wrong on this side.
    #[error("the machine failed: {0}")]
    Internal(String),
}

impl From<KernelError> for Error {
    fn from(error: KernelError) -> Self {
        match error {
            KernelError::Host(why) => Self::Host(why),
            error => Self::Kernel(error),
        }
    }
}

impl From<HostError> for Error {
    fn from(error: HostError) -> Self {
        Self::Internal(error.to_string())
    }
}

impl From<StoreError> for Error {
    fn from(failure: StoreError) -> Self {
        match failure {
            StoreError::Host(error) => error.into(),
            StoreError::Unavailable(error) => error.into(),
        }
    }
}
