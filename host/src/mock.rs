//! The machine in memory, for tests.
//!
//! Same limits, codes and edge cases as the real one; a level runs by the same
//! protocol (reboots, unread inputs, the stuck flag), and a trap can be put
//! before or after any host call.
//!
//! ```
//! use host::mock::{Level, MockHost};
//! use host::{Inbox, MAX_MESSAGE, Path, ReadStore, Store};
//!
//! /// Keeps the last external message.
//! fn kernel(host: &mut MockHost) {
//!     let mut buffer = [0; MAX_MESSAGE];
//!     while let Ok(Some(message)) = host.read_input(&mut buffer) {
//!         if let [1, contents @ ..] = message.payload {
//!             host.write_all(Path::literal("/last"), contents).unwrap();
//!         }
//!     }
//! }
//!
//! let mut host = MockHost::default();
//! let ended = host.run_level(Level::default().external(b"hello"), kernel);
//! assert_eq!((ended.runs, ended.traps), (1, 0));
//! assert_eq!(host.read_all(Path::literal("/last")), Ok(Some(b"hello".to_vec())));
//!
//! // SOL, info and the message are read, the old value is deleted; then a trap.
//! host.trap_after(4);
//! let ended = host.run_level(Level::default().external(b"bye"), kernel);
//! assert_eq!(ended.traps, 1);
//! assert_eq!(host.read_all(Path::literal("/last")), Ok(None));
//! ```

mod durable;
mod functions;
mod level;
mod traits;

pub use durable::Durable;
pub use level::{Ended, Level, MAX_RUNS};

use crate::{DalParameters, Metadata, reserved};
use blake2::digest::consts::U32;
use blake2::{Blake2b, Digest};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// Values by path, in the order of their paths.
pub type Values = BTreeMap<Vec<u8>, Vec<u8>>;

/// The machine in memory.
#[derive(Clone, Debug)]
pub struct MockHost {
    durable: Durable,
    inputs: VecDeque<(u32, u32, Vec<u8>)>,
    outbox: Vec<Vec<u8>>,
    level: u32,
    metadata: Metadata,
    preimages: BTreeMap<[u8; 33], Vec<u8>>,
    dal: Option<DalParameters>,
    dal_pages: BTreeMap<(u32, u8, u16), Vec<u8>>,
    log: RefCell<String>,
    calls: RefCell<BTreeMap<&'static str, u64>>,
    bytes_read: Cell<u64>,
    bytes_written: Cell<u64>,
    /// In which host call from now (1: the next one) a trap strikes, and when.
    trap: Cell<Option<(u64, Moment)>>,
}

/// When a trap strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    /// Before the host call has its effect.
    Before,
    /// After it.
    After,
}

/// The payload that a trap unwinds with.
struct Trap;

impl Default for MockHost {
    fn default() -> Self {
        let mut durable = Durable::default();
        durable.set(reserved::VERSION.as_bytes(), b"2.0.0-r5");
        let mut host = Self {
            durable,
            inputs: VecDeque::new(),
            outbox: Vec::new(),
            level: 0,
            metadata: Metadata {
                address: [0; 20],
                origination_level: 0,
            },
            preimages: BTreeMap::new(),
            dal: None,
            dal_pages: BTreeMap::new(),
            log: RefCell::default(),
            calls: RefCell::default(),
            bytes_read: Cell::default(),
            bytes_written: Cell::default(),
            trap: Cell::default(),
        };
        host.set_reboots_left(MAX_RUNS);
        host
    }
}

impl MockHost {
    /// Makes `metadata` what `reveal_metadata` gives.
    #[must_use]
    pub fn with_metadata(mut self, metadata: Metadata) -> Self {
        self.metadata = metadata;
        self
    }

    /// Makes `preimage` known; gives its reveal hash (`00` ++ blake2b-256).
    pub fn add_preimage(&mut self, preimage: &[u8]) -> [u8; 33] {
        let mut hash = [0; 33];
        hash[1..].copy_from_slice(&Blake2b::<U32>::digest(preimage));
        self.preimages.insert(hash, preimage.to_vec());
        hash
    }

    /// Makes the data availability layer one with these parameters.
    pub const fn set_dal_parameters(&mut self, parameters: DalParameters) {
        self.dal = Some(parameters);
    }

    /// Attests a page of a slot that was published at `level`.
    pub fn set_dal_page(&mut self, level: u32, slot: u8, page: u16, bytes: Vec<u8>) {
        self.dal_pages.insert((level, slot, page), bytes);
    }

    /// The level that comes next.
    #[must_use]
    pub const fn next_level(&self) -> u32 {
        self.level
    }

    /// Makes `level` the one that comes next.
    pub const fn set_next_level(&mut self, level: u32) {
        self.level = level;
    }

    /// The debug log so far.
    #[must_use]
    pub fn debug_log(&self) -> String {
        self.log.borrow().clone()
    }

    /// The outbox messages of the level that is open.
    #[must_use]
    pub fn outbox(&self) -> &[Vec<u8>] {
        &self.outbox
    }

    /// Durable storage as it is. A clone of it is a snapshot.
    #[must_use]
    pub const fn durable(&self) -> &Durable {
        &self.durable
    }

    /// Goes back to a snapshot of durable storage; the rest stays.
    pub fn restore(&mut self, durable: Durable) {
        self.durable = durable;
    }

    /// All values of durable storage, by path.
    #[must_use]
    pub fn values(&self) -> Values {
        self.durable.values()
    }

    /// Sets a value, as a setup file would; the path is taken as it is.
    pub fn set(&mut self, path: &[u8], value: &[u8]) {
        self.durable.set(path, value);
    }

    /// The number of calls of each host function so far.
    #[must_use]
    pub fn calls(&self) -> BTreeMap<&'static str, u64> {
        self.calls.borrow().clone()
    }

    /// The host calls made so far, debug lines not counted.
    #[must_use]
    pub fn total_calls(&self) -> u64 {
        let calls = self.calls.borrow();
        let counted = calls.iter().filter(|(name, _)| **name != "write_debug");
        counted.map(|(_, count)| count).sum()
    }

    /// The bytes that `read_input` and `store_read` gave so far.
    #[must_use]
    pub const fn bytes_read(&self) -> u64 {
        self.bytes_read.get()
    }

    /// The bytes that `store_write` and `write_output` took so far.
    #[must_use]
    pub const fn bytes_written(&self) -> u64 {
        self.bytes_written.get()
    }

    /// Makes the `calls`-th host call from now trap once it has had its effect
    /// (1: the next one). Debug lines do not count.
    ///
    /// [`MockHost::run_level`] and [`MockHost::until_trap`] catch the trap. If a level makes fewer
    /// calls, the trap strikes at a later one: [`Ended::trap_left`] tells.
    pub fn trap_after(&mut self, calls: u64) {
        self.trap.set(Some((calls, Moment::After)));
    }

    /// As [`MockHost::trap_after`], but the call has no effect.
    pub fn trap_before(&mut self, calls: u64) {
        self.trap.set(Some((calls, Moment::Before)));
    }

    /// True if a trap that was asked for is still to come; it is called off.
    pub fn call_off_trap(&mut self) -> bool {
        self.trap.take().is_some()
    }

    /// Calls `work`; `None` if a trap that was asked for ended it. What it
    /// wrote until then stays.
    ///
    /// # Panics
    /// With the work's own panic.
    pub fn until_trap<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> Option<T> {
        match catch_unwind(AssertUnwindSafe(|| work(self))) {
            Ok(done) => Some(done),
            Err(panic) if panic.is::<Trap>() => None,
            Err(panic) => resume_unwind(panic),
        }
    }

    /// A host call begins: it is counted, and traps if that was asked for.
    fn enter(&self, name: &'static str) {
        *self.calls.borrow_mut().entry(name).or_default() += 1;
        self.strike(Moment::Before);
    }

    /// A host call has had its effect.
    fn leave<T>(&self, result: T) -> T {
        self.strike(Moment::After);
        if let Some((left, moment)) = self.trap.get() {
            self.trap.set(Some((left.saturating_sub(1), moment)));
        }
        result
    }

    fn strike(&self, now: Moment) {
        if self.trap.get() == Some((1, now)) {
            self.trap.set(None);
            // Not a failure of the test: no message and no backtrace.
            resume_unwind(Box::new(Trap));
        }
    }

    fn count_read(&self, bytes: usize) {
        self.bytes_read.update(|read| read + bytes as u64);
    }

    fn count_written(&self, bytes: usize) {
        self.bytes_written.update(|written| written + bytes as u64);
    }
}

#[cfg(test)]
mod tests;
