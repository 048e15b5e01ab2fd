//! Facts about a rollup that no state contains.

use crate::kernel::DEFAULT_STACK;
use crate::options::{DEFAULT_ROLLUP, Options};
use kernel_module::Version;

/// Facts about a rollup that layer 1 and both sides know, and that no state contains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The rollup's address: the 20 bytes behind `sr1…`.
    pub rollup: [u8; 20],
    /// The level of its origination.
    pub origination_level: u32,
    /// The version of the machine, where durable storage has none.
    pub version: Version,
    /// True if kernels with the names of 2022 run.
    pub legacy: bool,
    /// The size of a kernel's stack, in bytes.
    pub stack: usize,
}

impl Default for Facts {
    fn default() -> Self {
        Self {
            rollup: DEFAULT_ROLLUP,
            origination_level: 0,
            version: Version::default(),
            legacy: false,
            stack: DEFAULT_STACK,
        }
    }
}

impl Facts {
    /// The facts in the options of a machine.
    #[must_use]
    pub const fn of(options: &Options) -> Self {
        Self {
            rollup: options.rollup,
            origination_level: options.origination_level,
            version: options.version,
            legacy: options.legacy,
            stack: options.stack,
        }
    }
}
