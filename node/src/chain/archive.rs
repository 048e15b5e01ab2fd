//! Old blocks, in a file without a name: where each lies is all that is in memory of it.

use super::block::{Block, ChainError};
use alloy_primitives::B256;
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use storage::block::{Receipts, StoredHeader, StoredReceipt, StoredTransaction, Transactions};
use storage::table::Value;

/// The blocks that are not in memory.
#[derive(Debug)]
pub(super) struct Archive {
    file: File,
    end: AtomicU64,
}

/// Where a block lies.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    number: u64,
    offset: u64,
    /// The bytes of its header, its transactions, its receipts.
    lengths: [u32; 3],
}

/// A block of the chain, in memory or not.
#[derive(Clone, Debug)]
pub struct Kept(Repr);

#[derive(Clone, Debug)]
enum Repr {
    Here(Arc<Block>),
    Away {
        archive: Arc<Archive>,
        place: Place,
        hash: B256,
    },
}

impl Kept {
    pub(super) const fn here(block: Arc<Block>) -> Self {
        Self(Repr::Here(block))
    }

    /// Its hash.
    #[must_use]
    pub fn hash(&self) -> B256 {
        match &self.0 {
            Repr::Here(block) => block.hash,
            Repr::Away { hash, .. } => *hash,
        }
    }

    /// The block; `None` if the file cannot be read, which is logged.
    #[must_use]
    pub fn load(&self) -> Option<Arc<Block>> {
        match &self.0 {
            Repr::Here(block) => Some(Arc::clone(block)),
            Repr::Away { archive, place, .. } => match archive.read(*place) {
                Ok(block) => Some(Arc::new(block)),
                Err(error) => {
                    tracing::error!("block {} cannot be read back: {error}", place.number);
                    None
                }
            },
        }
    }

    /// Puts the block away; it stays where it is if that fails, which is logged.
    pub(super) fn put_away(&mut self, archive: &Arc<Archive>) {
        let Repr::Here(block) = &self.0 else { return };
        match archive.write(block) {
            Ok(place) => {
                self.0 = Repr::Away {
                    archive: Arc::clone(archive),
                    place,
                    hash: block.hash,
                };
            }
            Err(error) => {
                tracing::debug!("block {} stays in memory: {error}", block.number());
            }
        }
    }

    /// The block in memory, to change; `None` if it cannot be read.
    pub(super) fn change(&mut self) -> Option<&mut Block> {
        if matches!(self.0, Repr::Away { .. }) {
            self.0 = Repr::Here(self.load()?);
        }
        match &mut self.0 {
            Repr::Here(block) => Some(Arc::make_mut(block)),
            Repr::Away { .. } => None,
        }
    }
}

impl Archive {
    /// A new file, which is gone with this.
    ///
    /// # Errors
    /// If there is no place for files.
    pub(super) fn new() -> io::Result<Self> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("evm-rollup-blocks-{}-{count}", std::process::id());
        let path: PathBuf = std::env::temp_dir().join(name);
        let file = File::options()
            .read(true)
            .write(true)
            .create_new(true)
            .open(&path)?;
        // It has no name from now on, and ends with the process.
        std::fs::remove_file(&path)?;
        Ok(Self {
            file,
            end: AtomicU64::new(0),
        })
    }

    fn write(&self, block: &Block) -> io::Result<Place> {
        let header = StoredHeader {
            hash: block.hash,
            rlp: block.header.encode().into(),
        };
        let included = block.transactions.iter();
        let transactions = included.clone().map(|included| StoredTransaction {
            sender: included.sender,
            raw: included.transaction.encode().into(),
        });
        let receipts: Vec<StoredReceipt> = included.map(|one| one.receipt.clone()).collect();
        let parts = [
            header.encode(),
            Transactions(transactions.collect()).encode(),
            Receipts(receipts).encode(),
        ];
        let mut lengths = [0; 3];
        for (length, part) in lengths.iter_mut().zip(&parts) {
            *length = u32::try_from(part.len()).map_err(io::Error::other)?;
        }
        let bytes = parts.concat();
        let offset = self.end.load(Ordering::Relaxed);
        write_at(&self.file, &bytes, offset)?;
        self.end
            .store(offset + bytes.len() as u64, Ordering::Relaxed);
        Ok(Place {
            number: block.number(),
            offset,
            lengths,
        })
    }

    fn read(&self, place: Place) -> Result<Block, ArchiveError> {
        let lengths = place.lengths.map(|length| length as usize);
        let mut bytes = vec![0; lengths.iter().sum()];
        read_at(&self.file, &mut bytes, place.offset)?;
        let (header, rest) = bytes.split_at(lengths[0]);
        let (transactions, receipts) = rest.split_at(lengths[1]);
        let header = StoredHeader::decode(header).ok_or(ArchiveError::Torn)?;
        let transactions = Transactions::decode(transactions).ok_or(ArchiveError::Torn)?;
        let receipts = Receipts::decode(receipts).ok_or(ArchiveError::Torn)?;
        let parts = (header, transactions.0, receipts.0);
        Ok(Block::of_parts(place.number, parts, None)?)
    }
}

/// Why a block cannot be read back.
#[derive(Debug, thiserror::Error)]
enum ArchiveError {
    #[error(transparent)]
    File(#[from] io::Error),
    #[error("other bytes than were written")]
    Torn,
    #[error(transparent)]
    Block(#[from] ChainError),
}

#[cfg(unix)]
fn write_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, offset)
}

#[cfg(unix)]
fn read_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, offset)
}

#[cfg(not(unix))]
fn write_at(_: &File, _: &[u8], _: u64) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(not(unix))]
fn read_at(_: &File, _: &mut [u8], _: u64) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
