//! A machine between two levels as a file: what it is, then its storage record by record,
//! compressed.
//!
//! | bytes | what |
//! | --- | --- |
//! | 8 | `ROLLSNAP` |
//! | 2 | the form of the file: 1 |
//! | 1 + n | version of the machine, as text behind its length |
//! | 4 | the level that runs next |
//! | 20, 4 | the rollup's address, the level of its origination |
//! | 32 | hash of the layer-1 block of the last level; zeros if there is none |
//! | 32 | blake2b-256 of the kernel |
//! | 32 | root of durable storage |
//! | 2 + n | why the machine is stuck, behind its length; nothing where it is not |
//! | 32 | blake2b-256 of all before |
//! | rest | a zstd frame: records behind their lengths (4), each after those that it names; then length 0, how many they were (8), and their bytes (8) |
//!
//! Numbers are little-endian.

use crate::durable::{Durable, NodeHash, NodeSource, Unavailable, named_within};
use blake2::{Blake2b, Digest, digest::consts::U32};
use kernel_module::Version;
use std::collections::HashMap;
use std::convert::Infallible;
use std::io::{self, Read, Write};
use std::sync::Arc;

const MAGIC: [u8; 8] = *b"ROLLSNAP";
const FORM: u16 = 1;

/// The longest record, in bytes.
const MAX_RECORD: usize = 1 << 24;

/// The maximum depth of the tree's parts: functions that walk through all of it call themselves
/// for each. The longest path, if each of its bytes were parted from others in all bits, has
/// fewer.
const MAX_DEPTH: u32 = 4_096;

/// Memory for unpacking is at most 2 to the power of this, in bytes; a snapshot of ours
/// takes less.
const MAX_WINDOW: u32 = 23;

/// The level of compression: zstd's own default.
const COMPRESSION: i32 = 3;

/// The facts of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The version of the machine.
    pub version: Version,
    /// The level that runs next.
    pub level: u32,
    /// The rollup's address: the 20 bytes behind `sr1…`.
    pub rollup: [u8; 20],
    /// The level of its origination.
    pub origination_level: u32,
    /// The hash of the layer-1 block of the last level; zeros if there is none.
    pub block: [u8; 32],
    /// blake2b-256 of the kernel.
    pub kernel: [u8; 32],
    /// The root of durable storage.
    pub root: NodeHash,
    /// Why the machine is stuck, where it is.
    pub stuck: Option<String>,
}

/// A machine between two levels.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Its facts.
    pub facts: Facts,
    /// Its storage.
    pub durable: Durable,
}

/// Why a snapshot cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The file, or what writes it.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// It does not begin as one.
    #[error(
        "this is not a snapshot of a machine (one of a data folder is read by \
         `evm-rollup snapshot import --data-dir`)"
    )]
    NotASnapshot,
    /// It is of a form that this program does not know.
    #[error("a snapshot of form {0}, which this program does not know")]
    Form(u16),
    /// Something of it is missing or was changed.
    #[error("the snapshot is corrupt: {0}")]
    Corrupt(&'static str),
    /// It unpacks to more than it may.
    #[error("the snapshot unpacks to more than {0} bytes")]
    TooLarge(u64),
    /// A part of the storage cannot be loaded.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

use SnapshotError::Corrupt;

impl Snapshot {
    /// Writes it.
    ///
    /// # Errors
    /// If `out` fails, or a part of the storage cannot be loaded.
    pub fn write(&self, mut out: impl Write) -> Result<(), SnapshotError> {
        out.write_all(&self.facts.encode())?;
        let mut packed = zstd::Encoder::new(out, COMPRESSION)?;
        packed.include_checksum(true)?;
        let (mut count, mut bytes) = (0_u64, 0_u64);
        self.durable.each_record(&mut |_, record| {
            count += 1;
            bytes += record.len() as u64;
            packed.write_all(&(record.len() as u32).to_le_bytes())?;
            Ok::<_, SnapshotError>(packed.write_all(record)?)
        })?;
        packed.write_all(&0_u32.to_le_bytes())?;
        packed.write_all(&count.to_le_bytes())?;
        packed.write_all(&bytes.to_le_bytes())?;
        packed.finish()?.flush()?;
        Ok(())
    }

    /// Reads one, all of it, and checks all. It must not unpack to more than `most` bytes,
    /// which are then in memory.
    ///
    /// # Errors
    /// If the bytes are not a snapshot, are not whole, or are too large.
    pub fn read(from: impl Read, most: u64) -> Result<Self, SnapshotError> {
        let mut records = HashMap::new();
        let put = |hash: &NodeHash, record: &[u8]| {
            records.insert(*hash, Box::from(record));
            Ok::<_, Infallible>(())
        };
        let facts = read_into(from, most, put)?;
        let durable = Durable::open(facts.root, Arc::new(Records(records)))?;
        Ok(Self { facts, durable })
    }
}

/// The facts of a snapshot; its storage is not read.
///
/// # Errors
/// If the bytes are not a valid snapshot.
pub fn facts(mut from: impl Read) -> Result<Facts, SnapshotError> {
    Facts::read(&mut from)
}

/// Reads a snapshot, all of it, and checks all: `put` gets every record with its hash, after
/// those that it names. What it got counts only where this function ends well.
///
/// # Errors
/// If the bytes are not a snapshot, are not whole, unpack to more than `most` bytes, or `put` fails.
pub fn read_into<E>(
    mut from: impl Read,
    most: u64,
    mut put: impl FnMut(&NodeHash, &[u8]) -> Result<(), E>,
) -> Result<Facts, SnapshotError>
where
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let facts = Facts::read(&mut from)?;
    let mut unpacked = zstd::Decoder::new(from)?.single_frame();
    unpacked.window_log_max(MAX_WINDOW)?;
    let mut records = Incoming {
        unpacked,
        left: most,
        most,
        known: HashMap::new(),
        last: None,
        bytes: 0,
    };
    while let Some((hash, record)) = records.next()? {
        put(&hash, &record).map_err(|error| io::Error::other(error))?;
    }
    records.end(&facts.root)?;
    Ok(facts)
}

/// A record that was read.
struct Known {
    /// True if another one names it.
    named: bool,
    /// The depth of the tree's parts below it, in other records.
    depth: u32,
}

/// The records of a file.
struct Incoming<R: Read> {
    unpacked: zstd::Decoder<'static, io::BufReader<R>>,
    left: u64,
    most: u64,
    known: HashMap<NodeHash, Known>,
    last: Option<NodeHash>,
    bytes: u64,
}

impl<R: Read> Incoming<R> {
    fn next(&mut self) -> Result<Option<(NodeHash, Vec<u8>)>, SnapshotError> {
        let len = u32::from_le_bytes(array(&mut self.unpacked)?) as usize;
        if len == 0 {
            return Ok(None);
        }
        if len > MAX_RECORD {
            return Err(Corrupt("a record is too long"));
        }
        self.left = match self.left.checked_sub(len as u64) {
            Some(left) => left,
            None => return Err(SnapshotError::TooLarge(self.most)),
        };
        let mut record = vec![0; len];
        self.unpacked.read_exact(&mut record).map_err(short)?;
        let (hash, names) = named_within(&record).map_err(Corrupt)?;
        let mut depth = 0;
        for (name, at) in names {
            let known = self.known.get_mut(&name);
            let known = known.ok_or(Corrupt("a record is missing"))?;
            known.named = true;
            depth = depth.max(at + known.depth);
        }
        if depth > MAX_DEPTH {
            return Err(Corrupt("its parts lie too deep in each other"));
        }
        let known = Known {
            named: false,
            depth,
        };
        if self.known.insert(hash, known).is_some() {
            return Err(Corrupt("a record comes twice"));
        }
        self.last = Some(hash);
        self.bytes += len as u64;
        Ok(Some((hash, record)))
    }

    /// Nothing may be missing, and nothing be there that is of no use.
    fn end(mut self, root: &NodeHash) -> Result<(), SnapshotError> {
        let count = u64::from_le_bytes(array(&mut self.unpacked)?);
        let bytes = u64::from_le_bytes(array(&mut self.unpacked)?);
        if count != self.known.len() as u64 || bytes != self.bytes {
            return Err(Corrupt("records are missing"));
        }
        if self.last.as_ref() != Some(root) {
            return Err(Corrupt("its storage has another root than it says"));
        }
        if self.known.values().filter(|known| !known.named).count() > 1 {
            return Err(Corrupt("a record belongs to nothing"));
        }
        let mut more = [0];
        if self.unpacked.read(&mut more).map_err(short)? != 0
            || self.unpacked.finish().read(&mut more)? != 0
        {
            return Err(Corrupt("something follows behind its end"));
        }
        Ok(())
    }
}

/// An error for a file that ends too early, or is no frame.
fn short(error: io::Error) -> SnapshotError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => Corrupt("it ends too early"),
        io::ErrorKind::Other => Corrupt("it cannot be unpacked"),
        _ => SnapshotError::Io(error),
    }
}

fn array<const N: usize>(from: &mut impl Read) -> Result<[u8; N], SnapshotError> {
    let mut bytes = [0; N];
    from.read_exact(&mut bytes).map_err(short)?;
    Ok(bytes)
}

impl Facts {
    fn encode(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(FORM.to_le_bytes());
        let version = self.version.name();
        bytes.push(version.len() as u8);
        bytes.extend(version.as_bytes());
        bytes.extend(self.level.to_le_bytes());
        bytes.extend(self.rollup);
        bytes.extend(self.origination_level.to_le_bytes());
        bytes.extend(self.block);
        bytes.extend(self.kernel);
        bytes.extend(self.root);
        let stuck = self.stuck.as_deref().unwrap_or_default().as_bytes();
        let stuck = &stuck[..stuck.len().min(u16::MAX.into())];
        bytes.extend((stuck.len() as u16).to_le_bytes());
        bytes.extend(stuck);
        let digest = digest(&bytes);
        bytes.extend(digest);
        bytes
    }

    fn read(from: &mut impl Read) -> Result<Self, SnapshotError> {
        let mut from = Header {
            from,
            bytes: Vec::new(),
        };
        if from.array().ok() != Some(MAGIC) {
            return Err(SnapshotError::NotASnapshot);
        }
        match u16::from_le_bytes(from.array()?) {
            FORM => {}
            form => return Err(SnapshotError::Form(form)),
        }
        let [len] = from.array()?;
        let version = from.text(len.into())?;
        let level = u32::from_le_bytes(from.array()?);
        let (rollup, origination) = (from.array()?, from.array()?);
        let (block, kernel, root) = (from.array()?, from.array()?, from.array()?);
        let len = u16::from_le_bytes(from.array()?);
        let stuck = from.text(len.into())?;
        let expected = digest(&from.bytes);
        if from.array::<32>()? != expected {
            return Err(Corrupt("its head was changed"));
        }
        Ok(Self {
            version: version
                .parse()
                .map_err(|_| Corrupt("a machine of an unknown version"))?,
            level,
            rollup,
            origination_level: u32::from_le_bytes(origination),
            block,
            kernel,
            root,
            stuck: (!stuck.is_empty()).then_some(stuck),
        })
    }
}

struct Header<'r, R> {
    from: &'r mut R,
    /// The bytes that were read.
    bytes: Vec<u8>,
}

impl<R: Read> Header<'_, R> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], SnapshotError> {
        let bytes = array(self.from)?;
        self.bytes.extend(bytes);
        Ok(bytes)
    }

    fn text(&mut self, len: usize) -> Result<String, SnapshotError> {
        let mut bytes = vec![0; len];
        self.from.read_exact(&mut bytes).map_err(short)?;
        self.bytes.extend(&bytes);
        String::from_utf8(bytes).map_err(|_| Corrupt("an invalid text"))
    }
}

fn digest(bytes: &[u8]) -> [u8; 32] {
    Blake2b::<U32>::digest(bytes).into()
}

/// The records of a snapshot, in memory.
struct Records(HashMap<NodeHash, Box<[u8]>>);

impl NodeSource for Records {
    fn node(&self, hash: &NodeHash) -> Result<Option<Vec<u8>>, String> {
        Ok(self.0.get(hash).map(|record| record.to_vec()))
    }
}
