//! Writes changes into the tables.

use super::batch::Batch;
use super::change::Change;
use super::error::StoreError;
use super::tables::INBOXES;
use redb::ReadableTable;

impl Batch<'_> {
    /// Puts a change into the tables.
    pub(super) fn apply(&self, change: &Change) -> Result<(), StoreError> {
        match change {
            Change::Block(block) => self.insert_block(block),
            Change::State {
                name,
                root,
                records,
            } => self.insert_state(*name, *root, records),
            Change::StatesBefore(name) => self.drop_states_before(*name),
            Change::Row(row) => self.insert_row(row),
            Change::NotWaiting(hashes) => self.drop_waiting(hashes),
            Change::Unshown(newest) => self.remove_after(*newest),
            Change::Forgotten(hashes) => self.forget_dropped(hashes),
            Change::InboxesBefore(level) => self.drop_inboxes_before(*level),
        }
    }

    fn drop_inboxes_before(&self, oldest: u32) -> Result<(), StoreError> {
        let mut inboxes = self.transaction()?.open_table(INBOXES)?;
        loop {
            let first = inboxes.first()?.map(|(level, _)| level.value());
            match first.filter(|first| *first < oldest) {
                Some(first) => inboxes.remove(first)?,
                None => return Ok(()),
            };
        }
    }
}
