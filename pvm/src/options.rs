//! Options of a machine.

use crate::debug_sink::DebugSink;
use crate::engine::{self, Engine};
use crate::kernel::{DEFAULT_STACK, Metering};
use crate::probe::Probed;
use kernel_module::Version;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Options of a machine.
#[derive(Clone, Debug)]
pub struct Options {
    /// The version that it starts as; messages of the kind
    /// `Protocol_migration` change it.
    pub version: Version,
    /// True if kernels with the names of 2022 run (module `rollup_safe_core`, entry
    /// `kernel_next`), which no network's machine takes.
    pub legacy: bool,
    /// The quantities to measure.
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
    /// after it: [`LevelReport::checkpoints`](crate::LevelReport::checkpoints).
    pub checkpoints: Vec<String>,
    /// The sink of `write_debug`.
    pub debug: DebugSink,
    /// The most instructions of a run; a longer one is an error ([`Error::TooLong`]), and
    /// so is one beyond the machine's own limit on ticks. `None`: neither is looked at,
    /// unless a run takes longer than `patience`.
    ///
    /// [`Error::TooLong`]: crate::Error::TooLong
    pub max_instructions: Option<u64>,
    /// A run that is not counted and takes longer than this starts again, counted, so that
    /// it ends at its limit. `None`: runs with a limit are counted from the start, others
    /// never.
    pub patience: Option<Duration>,
    /// The probe of runs, which are counted then.
    pub probe: Probed,
    /// The size of the kernel's stack, in bytes.
    pub stack: usize,
    /// The engine that executes the kernel.
    pub engine: Arc<dyn Engine>,
    /// Executes every run once more, and whatever differs is an error:
    /// [`Error::EnginesDiffer`](crate::Error::EnginesDiffer).
    pub check: Option<Arc<dyn Engine>>,
}

impl Default for Options {
    /// Version r5, no metering, the debugger's rollup address, origination
    /// level 0, first level 0, the fast VM alone.
    fn default() -> Self {
        Self {
            version: Version::default(),
            legacy: false,
            metering: Metering::Off,
            rollup: DEFAULT_ROLLUP,
            origination_level: 0,
            first_level: 0,
            preimages: None,
            checkpoints: Vec::new(),
            debug: DebugSink::Off,
            max_instructions: None,
            patience: None,
            probe: Probed::default(),
            stack: DEFAULT_STACK,
            engine: engine::fast(),
            check: None,
        }
    }
}

/// `sr163Lv22CdE8QagCwf48PWDTquk6isQwv57`, the address that tools use where
/// none is given.
pub const DEFAULT_ROLLUP: [u8; 20] = [0; 20];
