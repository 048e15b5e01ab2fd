//! The rows of records: of those that the newest state has, and of those that died.

use super::delta;
use super::error::StoreError;
use super::tables::{DEAD, NODES, put_number, seal, take_number, unseal};
use pvm::durable::NodeHash;
use redb::{ReadTransaction, ReadableTable};

/// A record that the newest state has.
pub(super) struct Live {
    /// The first version with it.
    pub(super) born: u64,
    pub(super) record: Vec<u8>,
}

/// A record that the newest state no longer has.
pub(super) struct Dead {
    /// The first version with it.
    pub(super) born: u64,
    /// The first without it.
    pub(super) death: u64,
    /// Its bytes, in the form of [`delta`].
    pub(super) packed: Vec<u8>,
}

impl Live {
    pub(super) fn seal(&self, hash: &NodeHash) -> Vec<u8> {
        Self::sealed(hash, self.born, &self.record)
    }

    /// The row of a record that was born with a version.
    pub(super) fn sealed(hash: &NodeHash, born: u64, record: &[u8]) -> Vec<u8> {
        let mut row = Vec::with_capacity(record.len() + 14);
        put_number(&mut row, born);
        row.extend(record);
        seal(hash, row)
    }

    pub(super) fn unseal(hash: &NodeHash, row: &[u8]) -> Result<Self, StoreError> {
        let read = || {
            let mut row = unseal(hash, row)?;
            let born = take_number(&mut row)?;
            let record = row.to_vec();
            Some(Self { born, record })
        };
        read().ok_or_else(|| StoreError::record(hash))
    }
}

impl Dead {
    pub(super) fn seal(&self, hash: &NodeHash) -> Vec<u8> {
        let mut row = Vec::with_capacity(self.packed.len() + 20);
        put_number(&mut row, self.born);
        put_number(&mut row, self.death);
        row.extend(&self.packed);
        seal(hash, row)
    }

    pub(super) fn unseal(hash: &NodeHash, row: &[u8]) -> Result<Self, StoreError> {
        let read = || {
            let mut row = unseal(hash, row)?;
            let born = take_number(&mut row)?;
            let death = take_number(&mut row)?;
            let packed = row.to_vec();
            Some(Self {
                born,
                death,
                packed,
            })
        };
        read().ok_or_else(|| StoreError::record(hash))
    }
}

/// The bytes of a record that died.
pub(super) fn unpacked(
    nodes: &impl ReadableTable<NodeHash, &'static [u8]>,
    dead: &impl ReadableTable<NodeHash, &'static [u8]>,
    hash: &NodeHash,
    found: Dead,
) -> Result<Vec<u8>, StoreError> {
    delta::unpack(hash, found.packed, &mut |base| {
        if let Some(row) = nodes.get(base)? {
            let live = Live::unseal(base, row.value())?;
            return Ok(Some(delta::whole(live.record)));
        }
        let row = dead.get(base)?;
        let found = row.map(|row| Dead::unseal(base, row.value())).transpose()?;
        Ok(found.map(|dead| dead.packed))
    })
}

/// The record with a hash, alive or dead.
pub(super) fn record(
    transaction: &ReadTransaction,
    hash: &NodeHash,
) -> Result<Option<Vec<u8>>, StoreError> {
    let nodes = transaction.open_table(NODES)?;
    if let Some(row) = nodes.get(hash)? {
        return Ok(Some(Live::unseal(hash, row.value())?.record));
    }
    let dead = transaction.open_table(DEAD)?;
    let Some(row) = dead.get(hash)? else {
        return Ok(None);
    };
    let found = Dead::unseal(hash, row.value())?;
    unpacked(&nodes, &dead, hash, found).map(Some)
}
