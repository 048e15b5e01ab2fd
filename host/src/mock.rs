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

pub use durable::Durable;

use crate::{
    DalParameters, Debug, HostError, Inbox, MAX_CHUNK, MAX_MESSAGE, MAX_OUTBOX_MESSAGES, Message,
    Metadata, Outbox, Path, ReadStore, Reveal, Store, StoreTree, ValueKind, reserved,
};
use blake2::digest::consts::U32;
use blake2::{Blake2b, Digest};
use durable::Cut;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// The most runs of one level: the first, and 1,000 reboots.
pub const MAX_RUNS: usize = 1001;

/// The largest value, in bytes.
const MAX_VALUE: usize = i32::MAX as usize;

/// Values by path, in the order of their paths.
pub type Values = BTreeMap<Vec<u8>, Vec<u8>>;

/// A level's messages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Level {
    /// `Info_per_level`: the predecessor's timestamp, in seconds since 1970.
    pub timestamp: i64,
    /// `Info_per_level`: the predecessor's hash.
    pub predecessor: [u8; 32],
    /// What comes between `Info_per_level` and `End_of_level`, inbox tags included.
    pub messages: Vec<Vec<u8>>,
}

impl Level {
    /// Adds an external message (its inbox tag is put in front).
    pub fn external(&mut self, contents: &[u8]) -> &mut Self {
        self.messages.push([&[1], contents].concat());
        self
    }

    /// Adds an internal message (its inbox tag is put in front).
    pub fn internal(&mut self, contents: &[u8]) -> &mut Self {
        self.messages.push([&[0], contents].concat());
        self
    }

    /// Adds a message as it is.
    pub fn raw(&mut self, message: &[u8]) -> &mut Self {
        self.messages.push(message.to_vec());
        self
    }
}

/// How a level ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    /// Which level it was.
    pub level: u32,
    /// How many runs it took.
    pub runs: usize,
    /// How many of them trapped.
    pub traps: usize,
    /// Whether it was ended with the reboot flag still set.
    pub forced: bool,
    /// How many messages were never read; they are lost.
    pub unread: usize,
    /// The outbox messages that it wrote.
    pub outbox: Vec<Vec<u8>>,
}

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

/// What a trap unwinds with.
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

    /// What `write_debug` wrote so far.
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

    /// How often each host function was called so far.
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
    /// [`MockHost::run_level`] and [`MockHost::until_trap`] catch the trap.
    pub fn trap_after(&mut self, calls: u64) {
        self.trap.set(Some((calls, Moment::After)));
    }

    /// As [`MockHost::trap_after`], but the call has no effect.
    pub fn trap_before(&mut self, calls: u64) {
        self.trap.set(Some((calls, Moment::Before)));
    }

    /// Whether a trap that was asked for is still to come; it is called off.
    pub fn call_off_trap(&mut self) -> bool {
        self.trap.take().is_some()
    }

    /// Calls `work`; `None` where a trap that was asked for ended it. What it
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

    /// Runs one level: `kernel` is called until it leaves the reboot flag unset.
    ///
    /// Between levels the reboot flag is set and the counter stands at 1,001,
    /// as on the machine.
    ///
    /// # Panics
    /// With the kernel's own panic; only injected traps are caught.
    pub fn run_level(&mut self, level: &Level, mut kernel: impl FnMut(&mut Self)) -> Ended {
        self.open_level(level);
        let mut ended = Ended {
            level: self.level,
            ..Ended::default()
        };
        loop {
            self.durable.cut(reserved::REBOOT.as_bytes(), Cut::Node);
            ended.runs += 1;
            self.set_reboots_left(MAX_RUNS - ended.runs);
            if self.until_trap(&mut kernel).is_some() {
                self.clear_flag(reserved::STUCK);
                self.clear_flag(reserved::UPGRADE_ERROR);
            } else {
                ended.traps += 1;
                self.set(reserved::STUCK.as_bytes(), &[]);
            }
            if self.durable.get(reserved::REBOOT.as_bytes()).is_none() {
                self.clear_flag(reserved::TOO_MANY_REBOOTS);
                break;
            }
            if ended.runs == MAX_RUNS {
                ended.forced = true;
                self.set(reserved::TOO_MANY_REBOOTS.as_bytes(), &[]);
                break;
            }
        }
        ended.unread = std::mem::take(&mut self.inputs).len();
        ended.outbox = std::mem::take(&mut self.outbox);
        self.set(reserved::REBOOT.as_bytes(), &[]);
        self.set_reboots_left(MAX_RUNS);
        self.level += 1;
        ended
    }

    /// Puts the level's messages into the inbox, as layer 1 wraps them, and
    /// empties the outbox: what [`MockHost::run_level`] begins with, for tests
    /// that make runs themselves.
    pub fn open_level(&mut self, level: &Level) {
        let info = [
            &[0, 3][..],
            &level.timestamp.to_be_bytes(),
            &level.predecessor,
        ]
        .concat();
        let messages = [vec![0, 1], info]
            .into_iter()
            .chain(level.messages.iter().cloned())
            .chain([vec![0, 2]]);
        let number = self.level;
        self.inputs = (0..)
            .zip(messages)
            .map(|(id, message)| (number, id, message))
            .collect();
        self.outbox.clear();
        self.durable.cut(reserved::REBOOT.as_bytes(), Cut::Node);
        self.set_reboots_left(MAX_RUNS - 1);
    }

    fn set_reboots_left(&mut self, left: usize) {
        let left = left as i32;
        self.set(reserved::REBOOT_COUNTER.as_bytes(), &left.to_le_bytes());
    }

    fn clear_flag(&mut self, flag: Path<'_>) {
        self.durable.cut(flag.as_bytes(), Cut::Value);
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

    fn read(&self, path: Path<'_>, offset: usize, buffer: &mut [u8]) -> Result<usize, HostError> {
        if buffer.len() > MAX_CHUNK {
            return Err(HostError::TooLarge);
        }
        let value = self
            .durable
            .get(path.as_bytes())
            .ok_or(HostError::NotAValue)?;
        let rest = value.get(offset..).filter(|rest| !rest.is_empty());
        let rest = rest.ok_or(HostError::InvalidAccess)?;
        let len = rest.len().min(buffer.len());
        buffer[..len].copy_from_slice(&rest[..len]);
        self.count_read(len);
        Ok(len)
    }

    fn write(&mut self, path: Path<'_>, offset: usize, bytes: &[u8]) -> Result<(), HostError> {
        let size = self.durable.get(path.as_bytes()).map_or(0, <[u8]>::len);
        if size.saturating_add(bytes.len()) > MAX_VALUE {
            return Err(HostError::ValueSizeExceeded);
        }
        writable(path)?;
        if bytes.len() > MAX_CHUNK {
            return Err(HostError::TooLarge);
        }
        if offset > size {
            return Err(HostError::InvalidAccess);
        }
        let value = self.durable.value_mut(path.as_bytes());
        let end = offset + bytes.len();
        value.resize(size.max(end), 0);
        value[offset..end].copy_from_slice(bytes);
        self.count_written(bytes.len());
        Ok(())
    }

    fn create(&mut self, path: Path<'_>, size: usize) -> Result<(), HostError> {
        if size > MAX_VALUE {
            return Err(HostError::ValueSizeExceeded);
        }
        writable(path)?;
        if self.durable.get(path.as_bytes()).is_some() {
            return Err(HostError::ValueAlreadyExists);
        }
        self.durable.set(path.as_bytes(), &vec![0; size]);
        Ok(())
    }

    fn nth_key(&self, path: Path<'_>, index: u64, buffer: &mut [u8]) -> Result<usize, HostError> {
        let node = self.durable.node(path.as_bytes());
        let node = node.ok_or(HostError::NotANode)?;
        // The machine calls the value `@`, and gives its name as no bytes.
        let value: Option<&[u8]> = node.value.as_ref().map(|_| &b"@"[..]);
        let mut names: Vec<&[u8]> = node.children.keys().map(|name| &**name).collect();
        names.extend(value);
        names.sort_unstable();
        let name = usize::try_from(index)
            .ok()
            .and_then(|index| names.get(index));
        let name = match *name.ok_or(HostError::InvalidSubkeyIndex)? {
            b"@" => b"",
            name => name,
        };
        let len = name.len().min(buffer.len());
        buffer[..len].copy_from_slice(&name[..len]);
        Ok(len)
    }

    fn answer(&self, request: &[u8]) -> Vec<u8> {
        match request {
            [0, hash @ ..] => match hash.try_into() {
                Ok(hash) => self.preimage(hash).to_vec(),
                Err(_) => Vec::new(),
            },
            [1] => {
                let Metadata {
                    address,
                    origination_level,
                } = self.metadata;
                [&address[..], &origination_level.to_be_bytes()].concat()
            }
            [2, a, b, c, d, slot, e, f] => {
                let level = u32::from_be_bytes([*a, *b, *c, *d]);
                let page = (level, *slot, u16::from_be_bytes([*e, *f]));
                self.dal_pages.get(&page).cloned().unwrap_or_default()
            }
            [3] => self.dal.map_or_else(Vec::new, |dal| {
                [dal.slots, dal.attestation_lag, dal.slot_size, dal.page_size]
                    .map(u64::to_be_bytes)
                    .concat()
            }),
            _ => Vec::new(),
        }
    }

    fn preimage(&self, hash: &[u8; 33]) -> &[u8] {
        match hash {
            [0, ..] => self.preimages.get(hash).expect("the preimage is set"),
            _ => &[],
        }
    }

    fn copy(&mut self, from: Path<'_>, to: Path<'_>) -> Result<(), HostError> {
        writable(to)?;
        let node = self.durable.node(from.as_bytes()).cloned();
        let node = node.ok_or(HostError::NotANode)?;
        self.durable.put(to.as_bytes(), node);
        Ok(())
    }

    fn rename(&mut self, from: Path<'_>, to: Path<'_>) -> Result<(), HostError> {
        writable(from)?;
        writable(to)?;
        let node = self.durable.node(from.as_bytes()).cloned();
        let node = node.ok_or(HostError::NotANode)?;
        self.durable.cut(from.as_bytes(), Cut::Node);
        self.durable.put(to.as_bytes(), node);
        Ok(())
    }

    fn output(&mut self, message: &[u8]) -> Result<(), HostError> {
        if message.len() > MAX_MESSAGE {
            return Err(HostError::TooLarge);
        }
        if self.outbox.len() == MAX_OUTBOX_MESSAGES {
            return Err(HostError::FullOutbox);
        }
        self.outbox.push(message.to_vec());
        self.count_written(message.len());
        Ok(())
    }
}

/// `/readonly` and what lies below it cannot be changed.
fn writable(path: Path<'_>) -> Result<(), HostError> {
    match path.as_bytes().strip_prefix(b"/readonly") {
        Some([] | [b'/', ..]) => Err(HostError::ReadOnly),
        _ => Ok(()),
    }
}

impl Inbox for MockHost {
    fn read_input<'b>(
        &mut self,
        buffer: &'b mut [u8; MAX_MESSAGE],
    ) -> Result<Option<Message<'b>>, HostError> {
        self.enter("read_input");
        let message = self.inputs.pop_front().map(|(level, id, payload)| {
            let len = payload.len().min(MAX_MESSAGE);
            buffer[..len].copy_from_slice(&payload[..len]);
            self.count_read(len);
            let payload = &buffer[..len];
            Message { level, id, payload }
        });
        self.leave(Ok(message))
    }
}

impl ReadStore for MockHost {
    fn store_read(
        &self,
        path: Path<'_>,
        offset: usize,
        buffer: &mut [u8],
    ) -> Result<usize, HostError> {
        self.enter("store_read");
        self.leave(self.read(path, offset, buffer))
    }

    fn store_has(&self, path: Path<'_>) -> Result<Option<ValueKind>, HostError> {
        self.enter("store_has");
        let kind = self.durable.node(path.as_bytes()).map(|node| {
            match (node.value.is_some(), node.children.is_empty()) {
                (true, true) => ValueKind::Value,
                (true, false) => ValueKind::ValueWithSubtree,
                (false, _) => ValueKind::Subtree,
            }
        });
        self.leave(Ok(kind))
    }

    fn store_value_size(&self, path: Path<'_>) -> Result<usize, HostError> {
        self.enter("store_value_size");
        let value = self.durable.get(path.as_bytes());
        self.leave(value.map(<[u8]>::len).ok_or(HostError::NotAValue))
    }

    fn store_list_size(&self, path: Path<'_>) -> Result<u64, HostError> {
        self.enter("store_list_size");
        let size = self.durable.node(path.as_bytes()).map_or(0, |node| {
            u64::from(node.value.is_some()) + node.children.len() as u64
        });
        self.leave(Ok(size))
    }
}

impl StoreTree for MockHost {
    fn store_get_nth_key(
        &self,
        path: Path<'_>,
        index: u64,
        buffer: &mut [u8],
    ) -> Result<usize, HostError> {
        self.enter("store_get_nth_key");
        self.leave(self.nth_key(path, index, buffer))
    }

    /// Another hash than any machine gives.
    fn store_get_hash(&self, path: Path<'_>) -> Result<[u8; 32], HostError> {
        self.enter("__internal_store_get_hash");
        let node = self.durable.node(path.as_bytes());
        self.leave(node.map(|node| node.hash()).ok_or(HostError::NotANode))
    }
}

impl Store for MockHost {
    fn store_write(
        &mut self,
        path: Path<'_>,
        offset: usize,
        bytes: &[u8],
    ) -> Result<(), HostError> {
        self.enter("store_write");
        let result = self.write(path, offset, bytes);
        self.leave(result)
    }

    fn store_create(&mut self, path: Path<'_>, size: usize) -> Result<(), HostError> {
        self.enter("store_create");
        let result = self.create(path, size);
        self.leave(result)
    }

    fn store_delete(&mut self, path: Path<'_>) -> Result<(), HostError> {
        self.enter("store_delete");
        let result = writable(path).map(|()| self.durable.cut(path.as_bytes(), Cut::Node));
        self.leave(result)
    }

    fn store_delete_value(&mut self, path: Path<'_>) -> Result<(), HostError> {
        self.enter("store_delete_value");
        let result = writable(path).map(|()| self.durable.cut(path.as_bytes(), Cut::Value));
        self.leave(result)
    }

    fn store_copy(&mut self, from: Path<'_>, to: Path<'_>) -> Result<(), HostError> {
        self.enter("store_copy");
        let result = self.copy(from, to);
        self.leave(result)
    }

    fn store_move(&mut self, from: Path<'_>, to: Path<'_>) -> Result<(), HostError> {
        self.enter("store_move");
        let result = self.rename(from, to);
        self.leave(result)
    }
}

impl Outbox for MockHost {
    fn write_output(&mut self, message: &[u8]) -> Result<(), HostError> {
        self.enter("write_output");
        let result = self.output(message);
        self.leave(result)
    }
}

impl Reveal for MockHost {
    /// A hash of another scheme gives nothing, as on the machine.
    ///
    /// # Panics
    /// For an unknown preimage: the machine would wait for it forever.
    fn reveal_preimage(
        &self,
        hash: &[u8; 33],
        buffer: &mut [u8; MAX_MESSAGE],
    ) -> Result<usize, HostError> {
        self.enter("reveal_preimage");
        let preimage = self.preimage(hash);
        let len = preimage.len().min(MAX_MESSAGE);
        buffer[..len].copy_from_slice(&preimage[..len]);
        self.leave(Ok(len))
    }

    /// # Panics
    /// For an unknown preimage.
    fn reveal(&self, request: &[u8], buffer: &mut [u8]) -> Result<usize, HostError> {
        self.enter("reveal");
        if request.len() > MAX_MESSAGE {
            return self.leave(Err(HostError::TooLarge));
        }
        let answer = self.answer(request);
        let len = answer.len().min(buffer.len());
        buffer[..len].copy_from_slice(&answer[..len]);
        self.leave(Ok(len))
    }

    fn reveal_metadata(&self) -> Result<Metadata, HostError> {
        self.enter("reveal_metadata");
        self.leave(Ok(self.metadata))
    }
}

impl Debug for MockHost {
    fn write_debug(&self, line: &str) {
        *self.calls.borrow_mut().entry("write_debug").or_default() += 1;
        self.log.borrow_mut().push_str(line);
    }
}

#[cfg(test)]
mod tests;
