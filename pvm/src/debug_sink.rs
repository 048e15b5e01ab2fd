//! The sink of `write_debug`.

use std::fmt;
use std::sync::Arc;

/// The most bytes of `write_debug` that a report of a level has, with `DEBUG_LINE` more for each
/// call.
pub const MAX_DEBUG: usize = 16 << 20;

/// Memory of a text besides its bytes.
pub(crate) const DEBUG_LINE: usize = 64;

/// The sink of `write_debug`.
#[derive(Clone, Default)]
pub enum DebugSink {
    /// Nowhere.
    #[default]
    Off,
    /// Into [`LevelReport::debug`](crate::LevelReport::debug), the first [`MAX_DEBUG`] bytes of each level.
    Capture,
    /// To this function, as they come.
    Call(Arc<dyn Fn(&str) + Send + Sync>),
}

impl DebugSink {
    /// A sink that keeps the same lines, and tells nobody.
    pub(crate) fn quiet(&self) -> Self {
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
