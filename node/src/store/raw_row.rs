//! Rows of any table.

/// A row as it lies: the number of its table, its key (numbers big-endian), its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawRow {
    /// 0 `meta`, 1 `outbox`, 2 `inboxes`, 3 `levels`, 4 `pool`, 5 `dropped`.
    pub table: u8,
    /// The key.
    pub key: Vec<u8>,
    /// The row, with its check.
    pub row: Vec<u8>,
}

impl RawRow {
    /// True if it is of a level, which only a node has.
    pub(crate) const fn is_level(&self) -> bool {
        self.table == LEVELS
    }
}

/// The numbers of tables.
pub(super) const OUTBOX: u8 = 1;
pub(super) const INBOXES: u8 = 2;
pub(super) const LEVELS: u8 = 3;
pub(super) const POOL: u8 = 4;
pub(super) const DROPPED: u8 = 5;
