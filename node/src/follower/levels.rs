//! The levels that layer 1 may still take back.

use crate::store::SavedLevel;
use pvm::Saved;
use std::collections::VecDeque;

/// A level that ran, and the machine after it.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    /// The hash of its block of layer 1.
    pub(super) hash: String,
    /// Its number.
    pub(super) level: u32,
    /// The machine after it.
    pub(super) machine: Saved,
    /// The newest block of the rollup then; `None` before the first.
    pub(super) newest: Option<u64>,
}

impl Kept {
    /// As it is kept in a store.
    pub(super) fn saved(&self) -> SavedLevel {
        SavedLevel {
            level: self.level,
            hash: self.hash.clone(),
            newest: self.newest,
        }
    }
}

/// The newest levels, oldest first; at least one.
#[derive(Debug)]
pub(super) struct Levels {
    kept: VecDeque<Kept>,
}

impl Levels {
    /// Begins behind a level.
    pub(super) fn new(start: Kept) -> Self {
        Self {
            kept: VecDeque::from([start]),
        }
    }

    /// The newest.
    pub(super) fn tip(&self) -> Option<&Kept> {
        self.kept.back()
    }

    /// The oldest to which the chain can go back.
    pub(super) fn oldest(&self) -> Option<&Kept> {
        self.kept.front()
    }

    /// The level of the block with this hash, if the chain can go back to it.
    pub(super) fn get(&self, hash: &str) -> Option<&Kept> {
        self.kept.iter().rfind(|kept| kept.hash == hash)
    }

    /// True if the chain can go back to the block with this hash.
    pub(super) fn has(&self, hash: &str) -> bool {
        self.get(hash).is_some()
    }

    /// The hash of the block of layer 1 at a level, if it is kept.
    pub(super) fn hash_at(&self, level: u32) -> Option<&str> {
        let kept = self.kept.iter().find(|kept| kept.level == level)?;
        Some(&kept.hash)
    }

    /// Adds the level after the newest.
    pub(super) fn push(&mut self, kept: Kept) {
        self.kept.push_back(kept);
    }

    /// Forgets the levels after the block with this hash, which it gives.
    pub(super) fn back_to(&mut self, hash: &str) -> Option<&Kept> {
        let at = self.kept.iter().rposition(|kept| kept.hash == hash)?;
        self.kept.truncate(at + 1);
        self.tip()
    }

    /// Forgets the levels before `level`, which stays.
    pub(super) fn forget_before(&mut self, level: u32) {
        while self.kept.get(1).is_some_and(|second| second.level <= level) {
            self.kept.pop_front();
        }
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Kept> {
        self.kept.iter()
    }

    /// The newest, to change.
    pub(super) fn tip_mut(&mut self) -> Option<&mut Kept> {
        self.kept.back_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pvm::{Machine, Options};

    fn levels() -> Levels {
        let kernel = wat_of_nothing();
        let machine = Machine::new(&kernel, Options::default()).unwrap().save();
        let kept = |level: u32| Kept {
            hash: format!("B{level}"),
            level,
            machine: machine.clone(),
            newest: Some(u64::from(level) * 2),
        };
        let mut levels = Levels::new(kept(10));
        for level in 11..20 {
            levels.push(kept(level));
        }
        levels
    }

    /// The least module that a machine takes: a memory and `kernel_run`.
    fn wat_of_nothing() -> Vec<u8> {
        let mut module = b"\0asm\x01\0\0\0".to_vec();
        module.extend(*b"\x01\x04\x01\x60\x00\x00"); // type: () -> ()
        module.extend(*b"\x03\x02\x01\x00"); // one function
        module.extend(*b"\x05\x03\x01\x00\x01"); // a memory of one page
        module.extend(*b"\x07\x17\x02\x06memory\x02\x00\x0akernel_run\x00\x00");
        module.extend(*b"\x0a\x04\x01\x02\x00\x0b"); // its body is empty
        module
    }

    #[test]
    fn going_back_forgets_what_came_after() {
        let mut levels = levels();
        assert_eq!(levels.back_to("B12").unwrap().level, 12);
        assert!(!levels.has("B13"));
        assert_eq!(levels.tip().unwrap().newest, Some(24));
        assert!(levels.back_to("B19").is_none());
    }

    #[test]
    fn what_is_final_is_not_kept_but_for_the_last() {
        let mut levels = levels();
        levels.forget_before(17);
        assert_eq!(levels.oldest().unwrap().level, 17);
        assert!(!levels.has("B16"));
        levels.forget_before(99);
        assert_eq!(levels.tip().unwrap().level, 19);
    }
}
