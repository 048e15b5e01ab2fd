//! What goes wrong, on demand.

use serde::Deserialize;

/// What is to go wrong from now on; each number counts down to nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// So many requests are answered with status 500.
    pub refuse: u32,
    /// So many answers end in the middle.
    pub halve: u32,
    /// So many injections are taken and forgotten at once, as by a node that is killed.
    pub forget: u32,
    /// Each answer comes so much later, in milliseconds; until it is set to 0.
    pub delay_ms: u64,
    /// Operations of a level come in the opposite order; until it is unset.
    pub reverse: bool,
}

/// What a request meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Refused,
    Halved,
}

impl Faults {
    /// What the next request meets.
    pub(crate) const fn next(&mut self) -> Option<Fault> {
        if self.refuse > 0 {
            self.refuse -= 1;
            return Some(Fault::Refused);
        }
        if self.halve > 0 {
            self.halve -= 1;
            return Some(Fault::Halved);
        }
        None
    }
}
