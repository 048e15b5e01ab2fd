//! The state that commands show, during a run or between two levels.

use pvm::Durable;
use pvm::probe::View;

/// The state that commands show.
#[derive(Clone, Copy)]
pub(super) struct Scene<'s> {
    /// The storage.
    pub(super) durable: &'s Durable,
    /// The messages of the level, those of layer 1 included.
    pub(super) inbox: &'s [Vec<u8>],
    /// The number of messages that were read.
    pub(super) read: usize,
    /// The outbox of the level so far; between two levels none.
    pub(super) outbox: Option<&'s [Vec<u8>]>,
    /// The kernel's memory, while it runs.
    pub(super) memory: Option<&'s [u8]>,
}

impl<'s> From<&View<'s>> for Scene<'s> {
    fn from(view: &View<'s>) -> Self {
        Self {
            durable: view.durable(),
            inbox: view.inbox(),
            read: view.read(),
            outbox: Some(view.outbox()),
            memory: Some(view.memory()),
        }
    }
}
