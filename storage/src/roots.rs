//! The roots of what the kernel keeps, below which tables and queues lie.

use host::Path;
use rollup::Layout;

/// The paths of [`rollup`]'s part.
pub const LAYOUT: Layout = Layout {
    name: "evm_kernel",
    state: STATE,
    staging: STAGING,
    queue: Path::literal("/evm/queue"),
    calls: Path::literal("/evm/calls"),
    level: Path::literal("/evm/level"),
    quarantine: Path::literal("/evm/careful"),
    dead_letters: Path::literal("/evm/aside"),
};

/// All that blocks change; replaced at once by each commit.
pub const STATE: Path<'static> = Path::literal("/evm/state");

/// The next state while it is written. What is found here at the start of a run
/// is of a block that was never finished.
pub const STAGING: Path<'static> = Path::literal("/evm/staging");

/// The settings of the setup file; [`Config`](crate::Config) names the fields.
pub const SETUP: Path<'static> = Path::literal("/evm/config");

/// The step of the messages to layer 1 that wait, below the state.
pub(crate) const OUTGOING_STEP: &[u8] = b"x";
