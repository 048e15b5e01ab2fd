//! The machine in memory, for tests.
//!
//! Same limits, codes and edge cases as the real one; a level runs by the same
//! protocol (reboots, unread inputs, the stuck flag), and a trap can be put
//! after any host call.

use crate::{
    Debug, HostError, Inbox, MAX_CHUNK, MAX_MESSAGE, MAX_OUTBOX_MESSAGES, Message, Metadata,
    Outbox, Path, ReadStore, Reveal, Store, ValueKind, reserved,
};
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

    /// Adds a message as it is.
    pub fn raw(&mut self, message: &[u8]) -> &mut Self {
        self.messages.push(message.to_vec());
        self
    }
}

/// How a level ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    /// How many runs it took.
    pub runs: usize,
    /// How many of them trapped.
    pub traps: usize,
    /// Whether it was ended with the reboot flag still set.
    pub forced: bool,
    /// The outbox messages that it wrote.
    pub outbox: Vec<Vec<u8>>,
}

/// The machine in memory.
#[derive(Clone, Debug)]
pub struct MockHost {
    values: Values,
    inputs: VecDeque<(u32, u32, Vec<u8>)>,
    outbox: Vec<Vec<u8>>,
    level: u32,
    metadata: Metadata,
    preimages: BTreeMap<[u8; 33], Vec<u8>>,
    log: RefCell<String>,
    calls: RefCell<BTreeMap<&'static str, u64>>,
    bytes_read: Cell<u64>,
    bytes_written: Cell<u64>,
    trap_after: Cell<Option<u64>>,
}

/// What a trap unwinds with.
struct Trap;

impl Default for MockHost {
    fn default() -> Self {
        Self {
            values: Values::from([(reserved::VERSION.as_bytes().to_vec(), b"2.0.0-r5".to_vec())]),
            inputs: VecDeque::new(),
            outbox: Vec::new(),
            level: 0,
            metadata: Metadata {
                address: [0; 20],
                origination_level: 0,
            },
            preimages: BTreeMap::new(),
            log: RefCell::default(),
            calls: RefCell::default(),
            bytes_read: Cell::default(),
            bytes_written: Cell::default(),
            trap_after: Cell::default(),
        }
    }
}

impl MockHost {
    /// Makes `metadata` what `reveal_metadata` gives.
    #[must_use]
    pub fn with_metadata(mut self, metadata: Metadata) -> Self {
        self.metadata = metadata;
        self
    }

    /// Makes `preimage` known under its reveal hash.
    pub fn set_preimage(&mut self, hash: [u8; 33], preimage: Vec<u8>) {
        self.preimages.insert(hash, preimage);
    }

    /// The level that comes next.
    #[must_use]
    pub const fn next_level(&self) -> u32 {
        self.level
    }

    /// What `write_debug` wrote so far.
    #[must_use]
    pub fn debug_log(&self) -> String {
        self.log.borrow().clone()
    }

    /// All values of durable storage, by path.
    #[must_use]
    pub const fn values(&self) -> &Values {
        &self.values
    }

    /// Sets a value, as a setup file would; the path is taken as it is.
    pub fn set(&mut self, path: &[u8], value: &[u8]) {
        self.values.insert(path.to_vec(), value.to_vec());
    }

    /// How often each host function was called so far.
    #[must_use]
    pub fn calls(&self) -> BTreeMap<&'static str, u64> {
        self.calls.borrow().clone()
    }

    /// The host calls made so far, debug lines not counted.
    #[must_use]
    pub fn total_calls(&self) -> u64 {
        self.calls
            .borrow()
            .iter()
            .filter(|(name, _)| **name != "write_debug")
            .map(|(_, count)| count)
            .sum()
    }

    /// The bytes that `read_input`, `store_read` and the reveals gave so far.
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
    pub fn trap_after(&mut self, calls: u64) {
        self.trap_after.set(Some(calls));
    }

    /// Whether a trap that was asked for is still to come; it is called off.
    pub fn call_off_trap(&mut self) -> bool {
        self.trap_after.take().is_some()
    }

    /// Runs one level: `kernel` is called until it leaves the reboot flag unset.
    ///
    /// # Panics
    /// With the kernel's own panic; only injected traps are caught.
    pub fn run_level(&mut self, level: &Level, mut kernel: impl FnMut(&mut Self)) -> Ended {
        self.open(level);
        let mut ended = Ended::default();
        loop {
            let left = (MAX_RUNS - 1 - ended.runs) as i32;
            self.set(reserved::REBOOT_COUNTER.as_bytes(), &left.to_le_bytes());
            ended.runs += 1;
            let outcome = catch_unwind(AssertUnwindSafe(|| kernel(self)));
            match outcome {
                Ok(()) => {
                    self.values.remove(reserved::STUCK.as_bytes());
                }
                Err(panic) if panic.is::<Trap>() => {
                    ended.traps += 1;
                    self.set(reserved::STUCK.as_bytes(), &[]);
                }
                Err(panic) => resume_unwind(panic),
            }
            let reboot = self.values.contains_key(reserved::REBOOT.as_bytes());
            self.remove(reserved::REBOOT.as_bytes());
            if !reboot {
                self.values.remove(reserved::TOO_MANY_REBOOTS.as_bytes());
                break;
            }
            if ended.runs == MAX_RUNS {
                ended.forced = true;
                self.set(reserved::TOO_MANY_REBOOTS.as_bytes(), &[]);
                break;
            }
        }
        self.inputs.clear();
        ended.outbox = std::mem::take(&mut self.outbox);
        self.level += 1;
        ended
    }

    /// Puts the level's messages into the inbox, as layer 1 wraps them.
    fn open(&mut self, level: &Level) {
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
    }

    /// Counts a host call after its effect, and traps if that was asked for.
    fn called(&self, name: &'static str) {
        *self.calls.borrow_mut().entry(name).or_default() += 1;
        match self.trap_after.get() {
            Some(1) => {
                self.trap_after.set(None);
                // Not a failure of the test: no message and no backtrace.
                resume_unwind(Box::new(Trap));
            }
            Some(left) => self.trap_after.set(Some(left.saturating_sub(1))),
            None => {}
        }
    }

    /// Whether anything lies below `path`.
    fn has_children(&self, path: &[u8]) -> bool {
        let below = [path, b"/"].concat();
        self.values
            .range(below.clone()..)
            .next()
            .is_some_and(|(key, _)| key.starts_with(&below))
    }

    /// Takes the node at `path` out: relative paths and values.
    fn remove(&mut self, path: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
        let node = self.node(path);
        for (relative, _) in &node {
            self.values.remove(&[path, relative].concat());
        }
        node
    }

    /// The node at `path`: relative paths and values.
    fn node(&self, path: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
        let own = self
            .values
            .get(path)
            .map(|value| (Vec::new(), value.clone()));
        let below = [path, b"/"].concat();
        let children = self
            .values
            .range(below.clone()..)
            .take_while(|(key, _)| key.starts_with(&below))
            .map(|(key, value)| (key[path.len()..].to_vec(), value.clone()));
        own.into_iter().chain(children).collect()
    }

    fn put_node(&mut self, path: &[u8], node: Vec<(Vec<u8>, Vec<u8>)>) {
        self.remove(path);
        for (relative, value) in node {
            self.values.insert([path, &relative].concat(), value);
        }
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
        let message = self.inputs.pop_front().map(|(level, id, payload)| {
            let len = payload.len().min(MAX_MESSAGE);
            buffer[..len].copy_from_slice(&payload[..len]);
            self.bytes_read.update(|bytes| bytes + len as u64);
            (level, id, len)
        });
        self.called("read_input");
        Ok(message.map(|(level, id, len)| Message {
            level,
            id,
            payload: &buffer[..len],
        }))
    }
}

impl ReadStore for MockHost {
    fn store_read(
        &self,
        path: Path<'_>,
        offset: usize,
        buffer: &mut [u8],
    ) -> Result<usize, HostError> {
        let mut read = || {
            if buffer.len() > MAX_CHUNK {
                return Err(HostError::TooLarge);
            }
            let value = self
                .values
                .get(path.as_bytes())
                .ok_or(HostError::NotAValue)?;
            let rest = value
                .get(offset..)
                .filter(|rest| !rest.is_empty())
                .ok_or(HostError::InvalidAccess)?;
            let len = rest.len().min(buffer.len());
            buffer[..len].copy_from_slice(&rest[..len]);
            self.bytes_read.update(|bytes| bytes + len as u64);
            Ok(len)
        };
        let result = read();
        self.called("store_read");
        result
    }

    fn store_has(&self, path: Path<'_>) -> Result<Option<ValueKind>, HostError> {
        let value = self.values.contains_key(path.as_bytes());
        let kind = match (value, self.has_children(path.as_bytes())) {
            (false, false) => None,
            (true, false) => Some(ValueKind::Value),
            (false, true) => Some(ValueKind::Subtree),
            (true, true) => Some(ValueKind::ValueWithSubtree),
        };
        self.called("store_has");
        Ok(kind)
    }

    fn store_value_size(&self, path: Path<'_>) -> Result<usize, HostError> {
        let size = self
            .values
            .get(path.as_bytes())
            .map(Vec::len)
            .ok_or(HostError::NotAValue);
        self.called("store_value_size");
        size
    }

    fn store_list_size(&self, path: Path<'_>) -> Result<u64, HostError> {
        let step = |relative: &[u8]| {
            relative
                .split(|byte| *byte == b'/')
                .nth(1)
                .map(<[u8]>::to_vec)
        };
        let node = self.node(path.as_bytes());
        let children: std::collections::BTreeSet<_> =
            node.iter().map(|(relative, _)| step(relative)).collect();
        self.called("store_list_size");
        Ok(children.len() as u64)
    }
}

impl Store for MockHost {
    fn store_write(
        &mut self,
        path: Path<'_>,
        offset: usize,
        bytes: &[u8],
    ) -> Result<(), HostError> {
        let write = |values: &mut Values| {
            let size = values.get(path.as_bytes()).map_or(0, Vec::len);
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
            let value = values.entry(path.as_bytes().to_vec()).or_default();
            let end = offset + bytes.len();
            value.resize(size.max(end), 0);
            value[offset..end].copy_from_slice(bytes);
            Ok(())
        };
        let result = write(&mut self.values);
        if result.is_ok() {
            self.bytes_written
                .update(|written| written + bytes.len() as u64);
        }
        self.called("store_write");
        result
    }

    fn store_delete(&mut self, path: Path<'_>) -> Result<(), HostError> {
        let result = writable(path).map(|()| {
            self.remove(path.as_bytes());
        });
        self.called("store_delete");
        result
    }

    fn store_delete_value(&mut self, path: Path<'_>) -> Result<(), HostError> {
        let result = writable(path).map(|()| {
            self.values.remove(path.as_bytes());
        });
        self.called("store_delete_value");
        result
    }

    fn store_copy(&mut self, from: Path<'_>, to: Path<'_>) -> Result<(), HostError> {
        let result = writable(to).and_then(|()| {
            let node = self.node(from.as_bytes());
            if node.is_empty() {
                return Err(HostError::NotANode);
            }
            self.put_node(to.as_bytes(), node);
            Ok(())
        });
        self.called("store_copy");
        result
    }

    fn store_move(&mut self, from: Path<'_>, to: Path<'_>) -> Result<(), HostError> {
        let result = writable(from).and_then(|()| writable(to)).and_then(|()| {
            let node = self.remove(from.as_bytes());
            if node.is_empty() {
                return Err(HostError::NotANode);
            }
            self.put_node(to.as_bytes(), node);
            Ok(())
        });
        self.called("store_move");
        result
    }
}

impl Outbox for MockHost {
    fn write_output(&mut self, message: &[u8]) -> Result<(), HostError> {
        let result = if message.len() > MAX_MESSAGE {
            Err(HostError::TooLarge)
        } else if self.outbox.len() == MAX_OUTBOX_MESSAGES {
            Err(HostError::FullOutbox)
        } else {
            self.outbox.push(message.to_vec());
            self.bytes_written
                .update(|written| written + message.len() as u64);
            Ok(())
        };
        self.called("write_output");
        result
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
        let empty = Vec::new();
        let preimage = match hash {
            [0, ..] => self.preimages.get(hash).expect("the preimage is set"),
            _ => &empty,
        };
        let len = preimage.len().min(MAX_MESSAGE);
        buffer[..len].copy_from_slice(&preimage[..len]);
        self.bytes_read.update(|bytes| bytes + len as u64);
        self.called("reveal_preimage");
        Ok(len)
    }

    fn reveal_metadata(&self) -> Result<Metadata, HostError> {
        self.bytes_read.update(|bytes| bytes + 24);
        self.called("reveal_metadata");
        Ok(self.metadata)
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
