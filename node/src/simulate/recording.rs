//! A store that records which accounts and slots are read.

use alloy_primitives::{Address, U256};
use host::{Forward, HostError, Path, ReadStore};
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

impl<S: ReadStore> Forward for Recording<'_, S> {
    type To = S;

    fn forward<T>(
        &self,
        call: &'static str,
        path: Path<'_>,
        ask: impl FnOnce(&S) -> Result<T, HostError>,
    ) -> Result<T, HostError> {
        if call == "store_read" {
            self.note(path);
        }
        ask(self.base)
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
