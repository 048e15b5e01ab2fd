//! Faults on demand.

use serde::Deserialize;
use std::collections::BTreeMap;

/// Faults from now on; numbers of requests count down to zero, all others hold until
/// it is set anew.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// So many requests are answered with status 500.
    pub refuse: u32,
    /// So many answers end in the middle.
    pub halve: u32,
    /// So many injections are taken and forgotten at once, as by a node that is killed.
    pub forget: u32,
    /// So many lines of streams end in the middle, and the streams with them.
    pub cut: u32,
    /// Each answer comes so much later, in milliseconds.
    pub delay_ms: u64,
    /// Operations of a level come in the opposite order.
    pub reverse: bool,
    /// The block of this level is not there.
    pub missing: Option<u32>,
    /// Forged values of these paths of durable storage, in hex; `null`: no value.
    pub values: BTreeMap<String, Option<String>>,
    /// Layer 1 is so many levels ahead of the rollup node.
    pub late: u32,
    /// The rollup node has lost layer 1.
    pub disconnected: bool,
    /// The clock of layer 1's bakers is so many seconds ahead of this machine's.
    pub clock: i64,
    /// The address that the rollup is said to have.
    pub rollup: Option<String>,
}

/// The fault that a request meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Refused,
    Halved,
}

impl Faults {
    /// The fault that the next request meets.
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

    /// True if the next line of a stream ends in the middle.
    pub(crate) const fn is_cut(&mut self) -> bool {
        let cut = self.cut > 0;
        self.cut = self.cut.saturating_sub(1);
        cut
    }
}
