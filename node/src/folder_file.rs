//! A data folder as a file, from which another folder is made: where the node is, what it owes, and
//! durable storage after a level. Blocks come with durable storage, as many as the
//! kernel keeps.
//!
//! | bytes | what |
//! | --- | --- |
//! | 8 | `ROLLDATA` |
//! | 2 | the form of the file: 1 |
//! | 4, 8 | the level, the newest block |
//! | 4 | length of the rows |
//! | n | rows of the store as they lie: table (1), key and row, each behind its length (4) |
//! | 32 | blake2b-256 of all before |
//! | rest | the machine behind the level, as [`pvm::snapshot`] writes it |
//!
//! Numbers are little-endian.

use crate::chain::{self, Block, ChainError};
use crate::recorded::ORIGINATION;
use crate::store::{RawRow, SavedLevel, StateName, Store, StoreError};
use alloy_primitives::hex;
use blake2::{Blake2b, Digest, digest::consts::U32};
use pvm::snapshot::SnapshotError;
use pvm::{Durable, Machine, NodeHash, Snapshot};
use std::io::{self, Read, Write};
use std::path::Path;

/// The first bytes of the file.
pub const MAGIC: [u8; 8] = *b"ROLLDATA";
const FORM: u16 = 1;

/// The longest rows of a file, in bytes.
const MAX_ROWS: u32 = 1 << 28;

/// The facts of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FolderFacts {
    /// The level behind which it is.
    pub level: u32,
    /// The newest block.
    pub newest: u64,
    /// The root of durable storage.
    pub root: NodeHash,
}

/// Why a folder cannot be written to a file, or made from one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FolderFileError {
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A block or state cannot be read.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The file, or what writes it.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The part with durable storage.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// No machine runs on what is there.
    #[error("no machine can go on from what is there: {0}")]
    Machine(#[from] pvm::Error),
    /// It does not begin as one.
    #[error("this is not a data folder's snapshot")]
    NotOne,
    /// It is of a form that this program does not know.
    #[error("a data folder's snapshot of form {0}, which this program does not know")]
    Form(u16),
    /// Something of it is missing or was changed.
    #[error("the snapshot is corrupt: {0}")]
    Corrupt(&'static str),
    /// It is not what was expected.
    #[error("the snapshot has the root {found}, not {expected}")]
    OtherRoot {
        /// The found value, in hex.
        found: String,
        /// The expected value, in hex.
        expected: String,
    },
    /// There is a store already.
    #[error("there is a store in {0} already: name a folder without one")]
    Occupied(String),
    /// The folder has no blocks.
    #[error("the folder has no block yet")]
    Empty,
    /// The state behind a level is not kept.
    #[error("the state after level {0} is not kept, or that level did not run")]
    NoLevel(u32),
    /// Layer 1 is there as it is now alone.
    #[error("a devnet's folder can only be exported as it is now, after level {0}")]
    OnlyNewest(u32),
}

use FolderFileError::Corrupt;

/// Writes the store of a folder, which nobody uses, as it was behind a level; behind the newest
/// where none is asked for.
///
/// # Errors
/// [`FolderFileError`].
pub fn export(
    folder: &Path,
    level: Option<u32>,
    out: impl Write,
) -> Result<FolderFacts, FolderFileError> {
    export_store(&*Store::existing(folder)?, level, out)
}

/// As [`export`], of a store that may be in use.
///
/// # Errors
/// [`FolderFileError`].
pub(crate) fn export_store(
    store: &Store,
    level: Option<u32>,
    mut out: impl Write,
) -> Result<FolderFacts, FolderFileError> {
    let (_, newest) = store.bounds()?.ok_or(FolderFileError::Empty)?;
    let (at, state) = match store.meta("kind")?.as_deref() {
        Some(b"devnet") => of_devnet(store, level, newest)?,
        _ => of_node(store, level)?,
    };
    let newest = chain::head(&state)?.number;
    let facts = FolderFacts {
        level: at,
        newest,
        root: state.root_hash(),
    };
    let origination = store.meta(ORIGINATION)?;
    let origination = origination.and_then(|row| row.first_chunk().copied());
    let options = pvm::Options {
        rollup: store.rollup()?,
        origination_level: origination.map_or(0, u32::from_le_bytes),
        first_level: at.saturating_add(1),
        ..pvm::Options::default()
    };
    let machine = Machine::from_durable(state, options)?;
    out.write_all(&head(&facts, &store.raw_rows(at)?))?;
    machine.snapshot([0; 32])?.write(out)?;
    Ok(facts)
}

fn of_devnet(
    store: &Store,
    level: Option<u32>,
    newest: u64,
) -> Result<(u32, Durable), FolderFileError> {
    let state = store.state(StateName::Block(newest))?;
    let state = state.ok_or(FolderFileError::Empty)?;
    let at = chain::head(&state)?.level;
    match level {
        Some(level) if level != at => Err(FolderFileError::OnlyNewest(at)),
        _ => Ok((at, state)),
    }
}

fn of_node(store: &Store, level: Option<u32>) -> Result<(u32, Durable), FolderFileError> {
    let missing = FolderFileError::NoLevel(level.unwrap_or_default());
    let Some(SavedLevel { level, newest, .. }) = store.level(level)? else {
        return Err(missing);
    };
    let state = match store.state(StateName::Level(level))? {
        Some(state) => Some(state),
        None => match newest {
            Some(newest) => store.state(StateName::Block(newest))?,
            None => None,
        },
    };
    state.map(|state| (level, state)).ok_or(missing)
}

fn head(facts: &FolderFacts, rows: &[RawRow]) -> Vec<u8> {
    let mut packed = Vec::new();
    for raw in rows {
        packed.push(raw.table);
        for bytes in [&raw.key, &raw.row] {
            packed.extend((bytes.len() as u32).to_le_bytes());
            packed.extend(bytes);
        }
    }
    let mut head = MAGIC.to_vec();
    head.extend(FORM.to_le_bytes());
    head.extend(facts.level.to_le_bytes());
    head.extend(facts.newest.to_le_bytes());
    head.extend((packed.len() as u32).to_le_bytes());
    head.extend(packed);
    let digest = Blake2b::<U32>::digest(&head);
    head.extend(digest);
    head
}

/// Makes the store of a folder that has none from a file, all of which is checked: each part of
/// durable storage by its hash, up to the root, which has to be `root` if that is given. It
/// unpacks to at most `most` bytes, which are in memory meanwhile.
///
/// # Errors
/// [`FolderFileError`]; there is no store in the folder then.
pub fn import(
    mut from: impl Read,
    most: u64,
    folder: &Path,
    root: Option<NodeHash>,
) -> Result<FolderFacts, FolderFileError> {
    let (level, newest, rows) = read_head(&mut from)?;
    let snapshot = Snapshot::read(from, most)?;
    let found = snapshot.facts.root;
    if let Some(root) = root.filter(|root| *root != found) {
        return Err(FolderFileError::OtherRoot {
            found: hex::encode(found),
            expected: hex::encode(root),
        });
    }
    let state = &snapshot.durable;
    let at = chain::head(state)?;
    if (at.number, snapshot.facts.level) != (newest, level.saturating_add(1)) {
        return Err(Corrupt("its parts are of different levels"));
    }
    // It is what its head says, and runs.
    Machine::from_snapshot(&snapshot, pvm::Options::default())?;
    let store = Store::vacant(folder)?;
    let store = store.ok_or_else(|| FolderFileError::Occupied(folder.display().to_string()))?;
    let mut numbers = Vec::new();
    for number in (0..=newest).rev() {
        match Block::read_number(number, state.clone()) {
            Ok(_) => numbers.push(number),
            Err(_) => break,
        }
    }
    let kept = store.write(|batch| {
        rows.iter().try_for_each(|row| batch.put_raw_row(row))?;
        for number in numbers.iter().rev() {
            batch.put_block(&Block::read_number(*number, state.clone())?)?;
        }
        let names = [StateName::Block(newest), StateName::Level(level)];
        let is_devnet = !rows.iter().any(RawRow::is_level);
        batch.take_state(&names[..if is_devnet { 1 } else { 2 }], state)
    });
    if let Err(error) = kept {
        store.abandon(folder);
        return Err(error.into());
    }
    store.finish(folder)?;
    Ok(FolderFacts {
        level,
        newest,
        root: found,
    })
}

/// The facts of a file, without a look at its storage; with those of its machine.
///
/// # Errors
/// [`FolderFileError`].
pub fn facts(mut from: impl Read) -> Result<(FolderFacts, pvm::snapshot::Facts), FolderFileError> {
    let (level, newest, _) = read_head(&mut from)?;
    let machine = pvm::snapshot::facts(from)?;
    let root = machine.root;
    Ok((
        FolderFacts {
            level,
            newest,
            root,
        },
        machine,
    ))
}

fn read_head(from: &mut impl Read) -> Result<(u32, u64, Vec<RawRow>), FolderFileError> {
    let mut head = vec![0; 26];
    from.read_exact(&mut head).map_err(short)?;
    let mut rest = &head[..];
    if take(&mut rest)? != MAGIC {
        return Err(FolderFileError::NotOne);
    }
    let form = u16::from_le_bytes(take(&mut rest)?);
    if form != FORM {
        return Err(FolderFileError::Form(form));
    }
    let level = u32::from_le_bytes(take(&mut rest)?);
    let newest = u64::from_le_bytes(take(&mut rest)?);
    let len = u32::from_le_bytes(take(&mut rest)?);
    if len > MAX_ROWS {
        return Err(Corrupt("its rows are too long"));
    }
    let mut packed = Vec::new();
    let read = from.take(len.into()).read_to_end(&mut packed)?;
    let mut digest = [0; 32];
    from.read_exact(&mut digest).map_err(short)?;
    let mut hasher = Blake2b::<U32>::new();
    hasher.update(&head);
    hasher.update(&packed);
    if read as u64 != u64::from(len) || digest != <[u8; 32]>::from(hasher.finalize()) {
        return Err(Corrupt("its head was changed"));
    }
    let mut rows = Vec::new();
    let mut rest = &packed[..];
    while !rest.is_empty() {
        let [table] = take(&mut rest)?;
        let (key, row) = (bytes(&mut rest)?, bytes(&mut rest)?);
        rows.push(RawRow { table, key, row });
    }
    Ok((level, newest, rows))
}

fn short(error: io::Error) -> FolderFileError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => FolderFileError::NotOne,
        _ => error.into(),
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], FolderFileError> {
    let (taken, left) = rest.split_first_chunk().ok_or(Corrupt("a row is cut"))?;
    *rest = left;
    Ok(*taken)
}

fn bytes(rest: &mut &[u8]) -> Result<Vec<u8>, FolderFileError> {
    let len = u32::from_le_bytes(take(rest)?) as usize;
    let (taken, left) = rest.split_at_checked(len).ok_or(Corrupt("a row is cut"))?;
    *rest = left;
    Ok(taken.to_vec())
}
