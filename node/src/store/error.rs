//! Why a store cannot be used.

use super::bounds::MIN_FREE;
use super::tables::SCHEMA;
use crate::chain::ChainError;
use std::time::Duration;

/// Why a store cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The folder cannot be made, or not be written.
    #[error("cannot make the folder {folder} and write in it: {source}")]
    Folder {
        /// The folder.
        folder: String,
        /// Why.
        source: std::io::Error,
    },
    /// There is none.
    #[error(
        "there is no store in {0}: expected a folder that a devnet or a node had as --data-dir"
    )]
    Nothing(String),
    /// Another process has it open.
    #[error("another node uses the store {0}: two nodes cannot share one")]
    InUse(String),
    /// A node has it open, and something else wants it.
    #[error(
        "a running node uses the store {0}: stop it first; while it runs, it writes snapshots itself \
         (--snapshot-every), and gives witnesses (rollup_getWitness)"
    )]
    Running(String),
    /// Its file cannot be opened: a folder that may not be written, a link into nowhere.
    #[error("the store {name} cannot be opened: {source}")]
    Unopened {
        /// The file.
        name: String,
        /// Why.
        source: std::io::Error,
    },
    /// It is no store, or damaged.
    #[error(
        "{name} is no store, or damaged: {why}; put a backup in its place, or start anew in \
         another folder: a node runs the levels again"
    )]
    Damaged {
        /// The file.
        name: String,
        /// The fault.
        why: String,
    },
    /// Another version wrote it.
    #[error(
        "the store {name} has form {found}, this program knows form {SCHEMA}: use the program \
         that wrote it, or start anew in another folder"
    )]
    Schema {
        /// The file.
        name: String,
        /// Its version.
        found: String,
    },
    /// Its log cannot be used.
    #[error(
        "the log of the store {name} cannot be used: {why}; put the backup of both in their \
         place, or, to go on from what the store has, move the log away"
    )]
    Log {
        /// The store's file.
        name: String,
        /// Why.
        why: &'static str,
    },
    /// Levels in the log could not be put into the tables.
    #[error(
        "the newest levels are in the log of the store, but cannot be put into its tables: {0}"
    )]
    Behind(String),
    /// It is of another chain.
    #[error(
        "the store {name} is of another {what}: {found} there, {wanted} here; use another folder"
    )]
    Other {
        /// The file.
        name: String,
        /// The setting that differs.
        what: &'static str,
        /// Its value in the store.
        found: String,
        /// The value that was asked for.
        wanted: String,
    },
    /// Its file was removed, or another one is in its place.
    #[error(
        "the store {0} is gone, or another one is in its place: nothing is written, and what is \
         answered is from the one that was; put it back, or stop the node"
    )]
    Gone(String),
    /// The disk is full.
    #[error(
        "the disk of the store is full: {free} bytes are left, {MIN_FREE} are needed; nothing is \
         written until there are"
    )]
    Full {
        /// The bytes that are left.
        free: u64,
    },
    /// It cannot be read or written.
    #[error("the store cannot be used: {0}")]
    Storage(Box<redb::Error>),
    /// A row is not what was written.
    #[error(
        "the store is damaged: the row {key} of its table {table} is not what was written; put a \
         backup in its place, or start anew in another folder: a node runs the levels again"
    )]
    Row {
        /// The table.
        table: &'static str,
        /// The row's key.
        key: String,
    },
    /// A search took too long.
    #[error("the search takes longer than {0:?}: ask for fewer blocks, addresses or topics")]
    Late(Duration),
    /// A block cannot be put together.
    #[error("the store is damaged: {0}")]
    Block(#[from] ChainError),
    /// A state cannot be read.
    #[error("the store has no such state, or it is damaged: {0}")]
    State(String),
    /// There is no room in the form of the keys.
    #[error("block {0} is out of the store's bounds")]
    Bounds(u64),
    /// The node stops.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    /// With the name of the file, where it is damaged and the error does not say which.
    pub(crate) fn of(self, name: &str) -> Self {
        let why = match &self {
            Self::Row { table, key } => {
                format!("the row {key} of its table {table} is not what was written")
            }
            Self::Block(why) => why.to_string(),
            // The disk may be at fault, not the bytes.
            Self::Storage(error)
                if !matches!(**error, redb::Error::Io(_) | redb::Error::PreviousIo) =>
            {
                error.to_string()
            }
            _ => return self,
        };
        let name = name.to_owned();
        Self::Damaged { name, why }
    }

    /// A record of durable storage is not what was written, or not there.
    pub(super) fn record(hash: &pvm::NodeHash) -> Self {
        Self::Row {
            table: "record",
            key: alloy_primitives::hex::encode(hash),
        }
    }
}

impl From<pvm::Unavailable> for StoreError {
    fn from(why: pvm::Unavailable) -> Self {
        Self::State(why.to_string())
    }
}

impl From<redb::Error> for StoreError {
    fn from(error: redb::Error) -> Self {
        Self::Storage(Box::new(error))
    }
}

impl From<redb::TransactionError> for StoreError {
    fn from(error: redb::TransactionError) -> Self {
        redb::Error::from(error).into()
    }
}

impl From<redb::TableError> for StoreError {
    fn from(error: redb::TableError) -> Self {
        redb::Error::from(error).into()
    }
}

impl From<redb::StorageError> for StoreError {
    fn from(error: redb::StorageError) -> Self {
        redb::Error::from(error).into()
    }
}

impl From<redb::CommitError> for StoreError {
    fn from(error: redb::CommitError) -> Self {
        redb::Error::from(error).into()
    }
}
