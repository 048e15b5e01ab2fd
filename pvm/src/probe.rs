//! Looking into a run: a [`Probe`] is told what a kernel does, sees what it works on, and says where
//! it wants to be told next ([`kernel_module::probe`]).

use crate::durable::Durable;
use crate::logged::Logged;
use kernel_module::imports::{HostCall, IMPORTS};
use std::fmt;
use std::sync::Arc;

/// Somebody who looks into runs. It is called on the thread that runs the kernel, which waits for it.
pub trait Probe: Send + Sync {
    /// Something happens. The answer is the count of instructions of this run at which
    /// [`Event::Reached`] comes next ([`u64::MAX`]: not at all); it counts after the events where a
    /// function of the module begins or ends, and after [`Event::Reached`].
    ///
    /// # Errors
    /// [`Abandoned`]: the run ends here, and its level is as if it had not begun.
    fn event(&self, event: Event<'_>, view: &View<'_>) -> Result<u64, Abandoned>;
}

/// An event of a run.
#[derive(Clone, Copy, Debug)]
pub enum Event<'e> {
    /// A run begins.
    Run,
    /// A function of the module begins.
    Enter {
        /// Its place in the module, imports counted.
        function: u32,
        /// The instructions of the run so far.
        instructions: u64,
    },
    /// The function that began last ends.
    Leave {
        /// The instructions of the run so far.
        instructions: u64,
    },
    /// As many instructions were executed as the probe had asked for; comes right before each call
    /// of the host, too.
    Reached {
        /// The instructions of the run so far.
        instructions: u64,
    },
    /// A function of the host is called.
    Call(&'e Called),
    /// It has answered.
    Answered(&'e Called),
    /// The run has ended.
    Ended {
        /// All its instructions.
        instructions: u64,
        /// The trap that ended it, where one did, in words.
        trap: Option<&'e str>,
    },
}

/// A call of the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Called(pub(crate) Logged);

impl Called {
    /// The function's name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.0.name()
    }

    /// Which one it is; `None` for those of the new durable storage (`nds_*`).
    #[must_use]
    pub fn function(&self) -> Option<HostCall> {
        IMPORTS[self.0.place].call
    }

    /// The bytes that the kernel gives: paths, then a value.
    #[must_use]
    pub fn given(&self) -> &[Vec<u8>] {
        &self.0.given
    }

    /// The answer: a count, or an error's code; 0 before there is one.
    #[must_use]
    pub const fn answer(&self) -> i64 {
        self.0.answer
    }
}

/// `store_read("/evm/head", 0, 1024, 2048) = 32`.
impl fmt::Display for Called {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// The state that a kernel works on, at a moment of a run.
#[derive(Clone, Copy, Debug)]
pub struct View<'v> {
    pub(crate) durable: &'v Durable,
    pub(crate) level: u32,
    pub(crate) inbox: &'v [Vec<u8>],
    pub(crate) read: usize,
    pub(crate) outbox: &'v [Vec<u8>],
    pub(crate) memory: &'v [u8],
}

impl<'v> View<'v> {
    /// The storage.
    #[must_use]
    pub const fn durable(&self) -> &'v Durable {
        self.durable
    }

    /// The level.
    #[must_use]
    pub const fn level(&self) -> u32 {
        self.level
    }

    /// The messages of the level, those of layer 1 included.
    #[must_use]
    pub const fn inbox(&self) -> &'v [Vec<u8>] {
        self.inbox
    }

    /// The number of messages that were read.
    #[must_use]
    pub const fn read(&self) -> usize {
        self.read
    }

    /// The outbox of the level so far.
    #[must_use]
    pub const fn outbox(&self) -> &'v [Vec<u8>] {
        self.outbox
    }

    /// The kernel's memory; empty where a run begins and after it has ended.
    #[must_use]
    pub const fn memory(&self) -> &'v [u8] {
        self.memory
    }
}

/// A probe wants no more of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the run was abandoned")]
pub struct Abandoned;

/// A probe of a machine's options, or none.
#[derive(Clone, Default)]
pub struct Probed(Option<Arc<dyn Probe>>);

impl Probed {
    /// This probe.
    #[must_use]
    pub fn by(probe: Arc<dyn Probe>) -> Self {
        Self(Some(probe))
    }

    /// True if somebody looks.
    pub(crate) const fn is_on(&self) -> bool {
        self.0.is_some()
    }

    pub(crate) fn tell(&self, event: Event<'_>, view: &View<'_>) -> Result<u64, Abandoned> {
        match &self.0 {
            Some(probe) => probe.event(event, view),
            None => Ok(u64::MAX),
        }
    }
}

impl fmt::Debug for Probed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Probed({})", self.is_on())
    }
}
