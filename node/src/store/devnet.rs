//! The state that a devnet resumes from: its layer 1, its clock, its snapshots.

use super::batch::Batch;
use super::change::Change;
use super::error::StoreError;
use super::raw_row::{self, RawRow};
use super::state_name::StateName;
use super::store::Store;
use super::tables::{INBOXES, OUTBOX, SNAPSHOTS, put_bytes, seal, take_bytes, unseal};
use crate::clock::Setting;
use layer1::Layer1;
use layer1::outbox::OutboxPosition;
use redb::ReadableTable;

/// The names of rows of `meta`.
const LAYER1: &str = "layer1";
const CLOCK: &str = "clock";
const NEXT: &str = "next snapshot";

/// The number of the snapshot behind block 0.
pub const GENESIS: u64 = u64::MAX;

/// A snapshot but for its state.
#[derive(Clone, Debug)]
pub struct SavedSnapshot {
    /// Its number.
    pub id: u64,
    /// The newest block.
    pub newest: u64,
    /// The chain's number.
    pub chain_id: u64,
    /// The clock.
    pub clock: Setting,
    /// Layer 1.
    pub layer1: Layer1,
}

/// The state that a devnet resumes from, besides its blocks.
#[derive(Clone, Debug)]
pub struct SavedDevnet {
    /// Layer 1.
    pub layer1: Layer1,
    /// The clock.
    pub clock: Setting,
    /// The snapshots.
    pub snapshots: Vec<SavedSnapshot>,
    /// The number of the next snapshot.
    pub next_snapshot: u64,
}

impl Batch<'_> {
    /// Keeps layer 1 but for inboxes and outbox messages.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn put_layer1(&self, layer1: &Layer1) -> Result<(), StoreError> {
        self.put_meta(LAYER1, &layer1.save())
    }

    /// Keeps the clock.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn put_clock(&self, clock: Setting) -> Result<(), StoreError> {
        self.put_meta(CLOCK, &clock_row(clock))
    }

    /// Keeps the inbox of a level; those before `oldest` go.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn put_inbox(
        &self,
        level: u32,
        messages: &[Vec<u8>],
        oldest: u32,
    ) -> Result<(), StoreError> {
        let mut row = Vec::new();
        for message in messages {
            put_bytes(&mut row, message);
        }
        let key = level.to_be_bytes();
        self.change(Change::Row(RawRow {
            table: raw_row::INBOXES,
            key: key.to_vec(),
            row: seal(&key, row),
        }))?;
        self.change(Change::InboxesBefore(oldest))
    }

    /// Keeps what a level wrote.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn put_outbox(&self, level: u32, messages: &[Vec<u8>]) -> Result<(), StoreError> {
        for (index, message) in (0_u32..).zip(messages) {
            let key = (u64::from(level) << 32 | u64::from(index)).to_be_bytes();
            self.change(Change::Row(RawRow {
                table: raw_row::OUTBOX,
                key: key.to_vec(),
                row: seal(&key, message.clone()),
            }))?;
        }
        Ok(())
    }

    /// Takes inboxes and outbox messages of a level and those after it away.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn remove_messages_from(&self, level: u32) -> Result<(), StoreError> {
        let mut inboxes = self.transaction()?.open_table(INBOXES)?;
        inboxes.retain_in(level.., |_, _| false)?;
        let mut outbox = self.transaction()?.open_table(OUTBOX)?;
        outbox.retain_in(u64::from(level) << 32.., |_, _| false)?;
        Ok(())
    }

    /// Keeps a snapshot but for its state.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn put_snapshot(&self, snapshot: &SavedSnapshot) -> Result<(), StoreError> {
        let mut row = snapshot.newest.to_le_bytes().to_vec();
        row.extend(snapshot.chain_id.to_le_bytes());
        row.extend(clock_row(snapshot.clock));
        row.extend(snapshot.layer1.save());
        let row = seal(&snapshot.id.to_be_bytes(), row);
        let mut snapshots = self.transaction()?.open_table(SNAPSHOTS)?;
        snapshots.insert(snapshot.id, &row[..])?;
        if snapshot.id != GENESIS {
            self.put_meta(NEXT, &(snapshot.id + 1).to_le_bytes())?;
        }
        Ok(())
    }

    /// Takes a snapshot away.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn remove_snapshot(&self, id: u64) -> Result<(), StoreError> {
        let mut snapshots = self.transaction()?.open_table(SNAPSHOTS)?;
        snapshots.remove(id)?;
        self.remove_state(StateName::Snapshot(id))
    }

    /// Takes the snapshots from this number on away, but not that behind block 0.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn remove_snapshots_from(&self, id: u64) -> Result<(), StoreError> {
        let mut snapshots = self.transaction()?.open_table(SNAPSHOTS)?;
        snapshots.retain_in(id..GENESIS, |_, _| false)?;
        self.remove_states_from(StateName::Snapshot(id))
    }
}

impl Store {
    /// What a devnet goes on from, `fresh` being its layer 1 before the first level; `None`:
    /// it has no block yet.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn devnet(&self, mut fresh: Layer1) -> Result<Option<SavedDevnet>, StoreError> {
        let Some(saved) = self.meta(LAYER1)? else {
            return Ok(None);
        };
        let damaged = |name: &str| StoreError::Row {
            table: "meta",
            key: name.into(),
        };
        self.put_messages(&mut fresh)?;
        let mut layer1 = fresh.clone();
        if !layer1.load(&saved) {
            return Err(damaged(LAYER1));
        }
        let clock = self.meta(CLOCK)?;
        let clock = clock.and_then(|row| clock_of(&row));
        let next = self.meta(NEXT)?;
        let next = next.and_then(|row| row.first_chunk().copied());
        Ok(Some(SavedDevnet {
            snapshots: self.snapshots(&fresh)?,
            layer1,
            clock: clock.ok_or_else(|| damaged(CLOCK))?,
            next_snapshot: next.map_or(0, u64::from_le_bytes),
        }))
    }

    /// Puts inboxes and outbox messages into a layer 1.
    fn put_messages(&self, layer1: &mut Layer1) -> Result<(), StoreError> {
        self.read(|transaction| {
            for found in transaction.open_table(INBOXES)?.iter()? {
                let (level, row) = found?;
                let level = level.value();
                let inbox = unseal(&level.to_be_bytes(), row.value()).and_then(list);
                let inbox = inbox.ok_or_else(|| damaged("inbox", level.into()))?;
                layer1.put_inbox(level, inbox);
            }
            Ok(())
        })?;
        for (level, index, message) in self.outbox()? {
            layer1.put_outbox(OutboxPosition { level, index }, message);
        }
        Ok(())
    }

    /// The messages of a level, those of layer 1 included; `None`: they are not kept.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn inbox(&self, level: u32) -> Result<Option<Vec<Vec<u8>>>, StoreError> {
        self.read(|transaction| {
            let inboxes = transaction.open_table(INBOXES)?;
            let Some(row) = inboxes.get(level)? else {
                return Ok(None);
            };
            let inbox = unseal(&level.to_be_bytes(), row.value()).and_then(list);
            inbox
                .map(Some)
                .ok_or_else(|| damaged("inbox", level.into()))
        })
    }

    /// All messages of the outbox, with level and index.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn outbox(&self) -> Result<Vec<(u32, u32, Vec<u8>)>, StoreError> {
        self.read(|transaction| {
            let outbox = transaction.open_table(OUTBOX)?;
            let read = outbox.iter()?.map(|found| {
                let (key, row) = found?;
                let key = key.value();
                let message = unseal(&key.to_be_bytes(), row.value());
                let message = message.ok_or_else(|| damaged("outbox message", key))?;
                Ok(((key >> 32) as u32, key as u32, message.to_vec()))
            });
            read.collect()
        })
    }

    fn snapshots(&self, fresh: &Layer1) -> Result<Vec<SavedSnapshot>, StoreError> {
        self.read(|transaction| {
            let snapshots = transaction.open_table(SNAPSHOTS)?;
            let read = snapshots.iter()?.map(|found| {
                let (id, row) = found?;
                let id = id.value();
                let snapshot = unseal(&id.to_be_bytes(), row.value());
                let snapshot = snapshot.and_then(|row| snapshot_of(id, row, fresh.clone()));
                snapshot.ok_or_else(|| damaged("snapshot", id))
            });
            read.collect()
        })
    }
}

fn snapshot_of(id: u64, row: &[u8], mut layer1: Layer1) -> Option<SavedSnapshot> {
    let (newest, row) = row.split_first_chunk()?;
    let (chain_id, row) = row.split_first_chunk()?;
    let (clock, row) = row.split_at_checked(CLOCK_ROW)?;
    layer1.load(row).then_some(())?;
    Some(SavedSnapshot {
        id,
        newest: u64::from_le_bytes(*newest),
        chain_id: u64::from_le_bytes(*chain_id),
        clock: clock_of(clock)?,
        layer1,
    })
}

fn list(mut row: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut items = Vec::new();
    while !row.is_empty() {
        items.push(take_bytes(&mut row)?.to_vec());
    }
    Some(items)
}

/// The bytes of a clock.
const CLOCK_ROW: usize = 26;

fn clock_row(clock: Setting) -> Vec<u8> {
    let mut row = clock.offset.to_le_bytes().to_vec();
    for time in [clock.next, clock.interval] {
        row.push(time.is_some().into());
        row.extend(time.unwrap_or_default().to_le_bytes());
    }
    row
}

fn clock_of(row: &[u8]) -> Option<Setting> {
    let (offset, row) = row.split_first_chunk()?;
    let (next, interval) = row.split_at_checked(9)?;
    let time = |bytes: &[u8]| {
        let (is_set, time) = bytes.split_first()?;
        let time = u64::from_le_bytes(time.try_into().ok()?);
        Some((*is_set != 0).then_some(time))
    };
    Some(Setting {
        offset: i64::from_le_bytes(*offset),
        next: time(next)?,
        interval: time(interval)?,
    })
}

fn damaged(table: &'static str, key: u64) -> StoreError {
    StoreError::Row {
        table,
        key: key.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_survives_a_round_trip() {
        for (next, interval) in [(None, None), (Some(0), Some(7)), (Some(u64::MAX), None)] {
            let clock = Setting {
                offset: -5,
                next,
                interval,
            };
            let row = clock_row(clock);
            assert_eq!((row.len(), clock_of(&row)), (CLOCK_ROW, Some(clock)));
            assert_eq!(clock_of(&row[1..]), None);
        }
    }
}
