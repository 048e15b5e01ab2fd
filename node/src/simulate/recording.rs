//! A store that records which accounts and slots are read.

use alloy_primitives::{Address, U256};
use host::{HostError, Path, ReadStore, ValueKind};
use std::collections::{BTreeMap, BTreeSet};

/// A store that records which accounts and slots are read.
#[derive(Debug)]
pub struct Recording<'s, S> {
    base: &'s S,
    seen: std::cell::RefCell<BTreeMap<Address, BTreeSet<U256>>>,
}

impl<'s, S: ReadStore> Recording<'s, S> {
    /// `base`, with nothing read yet.
    pub fn new(base: &'s S) -> Self {
        Self {
            base,
            seen: std::cell::RefCell::default(),
        }
    }

    /// The accounts that were read, each with its slots that were read.
    pub fn into_seen(self) -> BTreeMap<Address, BTreeSet<U256>> {
        self.seen.into_inner()
    }

    fn note(&self, path: Path<'_>) {
        let Ok(text) = std::str::from_utf8(path.as_bytes()) else {
            return;
        };
        let Some(steps) = text.strip_prefix("/evm/state/a/") else {
            return;
        };
        let (account, slot) = match steps.split_once('/') {
            Some((account, slot)) => (account, Some(slot)),
            None => (steps, None),
        };
        let Some(address) = host::path::decode_key::<20>(account.as_bytes()) else {
            return;
        };
        let mut seen = self.seen.borrow_mut();
        let slots = seen.entry(Address::new(address)).or_default();
        if let Some(slot) = slot.and_then(|slot| host::path::decode_key::<32>(slot.as_bytes())) {
            slots.insert(U256::from_be_bytes(slot));
        }
    }
}

impl<S: ReadStore> ReadStore for Recording<'_, S> {
    fn store_read(
        &self,
        path: Path<'_>,
        offset: usize,
        buffer: &mut [u8],
    ) -> Result<usize, HostError> {
        self.note(path);
        self.base.store_read(path, offset, buffer)
    }

    fn store_has(&self, path: Path<'_>) -> Result<Option<ValueKind>, HostError> {
        self.base.store_has(path)
    }

    fn store_value_size(&self, path: Path<'_>) -> Result<usize, HostError> {
        self.base.store_value_size(path)
    }

    fn store_list_size(&self, path: Path<'_>) -> Result<u64, HostError> {
        self.base.store_list_size(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use storage::layout::SLOTS;

    #[test]
    fn reads_of_slots_are_recorded_whether_they_are_set_or_not() {
        let mut base = pvm::Durable::new();
        let address = Address::repeat_byte(7);
        let path = |slot: u64| SLOTS.path(&(address, U256::from(slot))).unwrap();
        base.write(path(1), U256::from(10).to_be_bytes::<32>())
            .unwrap();
        let recording = Recording::new(&base);
        for slot in [1, 3] {
            let _ = SLOTS.get(&recording, &(address, U256::from(slot))).unwrap();
        }
        let slots = BTreeSet::from([U256::from(1), U256::from(3)]);
        assert_eq!(recording.into_seen(), BTreeMap::from([(address, slots)]));
    }
}
