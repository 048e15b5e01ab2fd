//! The levels that layer 1 may still take back.

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

/// The newest levels, oldest first; at least one.
#[derive(Debug)]
pub(super) struct Levels {
    kept: VecDeque<Kept>,
    /// The newest block of the rollup after each level that ran.
    heads: Vec<(u32, u64)>,
}

impl Levels {
    /// Begins behind a level.
    pub(super) fn new(start: Kept) -> Self {
        Self {
            heads: start
                .newest
                .map(|newest| (start.level, newest))
                .into_iter()
                .collect(),
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

    /// Whether the chain can go back to the block with this hash.
    pub(super) fn has(&self, hash: &str) -> bool {
        self.kept.iter().any(|kept| kept.hash == hash)
    }

    /// The hash of the block of layer 1 at a level, if it is kept.
    pub(super) fn hash_at(&self, level: u32) -> Option<&str> {
        let kept = self.kept.iter().find(|kept| kept.level == level)?;
        Some(&kept.hash)
    }

    /// Adds the level after the newest.
    pub(super) fn push(&mut self, kept: Kept) {
        if let Some(newest) = kept.newest {
            self.heads.push((kept.level, newest));
        }
        self.kept.push_back(kept);
    }

    /// Forgets the levels after the block with this hash, which it gives.
    pub(super) fn back_to(&mut self, hash: &str) -> Option<&Kept> {
        let at = self.kept.iter().rposition(|kept| kept.hash == hash)?;
        self.kept.truncate(at + 1);
        let level = self.tip()?.level;
        while self.heads.pop_if(|(other, _)| *other > level).is_some() {}
        self.tip()
    }

    /// Forgets the levels before `level`, which stays.
    pub(super) fn forget_before(&mut self, level: u32) {
        while self.kept.get(1).is_some_and(|second| second.level <= level) {
            self.kept.pop_front();
        }
    }

    /// The newest block of the rollup after `level`, as far as is known.
    pub(super) fn newest_at(&self, level: u32) -> Option<u64> {
        let after = self.heads.partition_point(|(other, _)| *other <= level);
        let (_, newest) = self.heads.get(after.checked_sub(1)?)?;
        Some(*newest)
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
        assert_eq!(levels.newest_at(9), None);
        assert_eq!(levels.newest_at(15), Some(30));
        assert_eq!(levels.newest_at(99), Some(38));
        assert_eq!(levels.back_to("B12").unwrap().level, 12);
        assert!(!levels.has("B13"));
        assert_eq!(levels.newest_at(99), Some(24));
        assert!(levels.back_to("B19").is_none());
    }

    #[test]
    fn what_is_final_is_not_kept_but_for_the_last() {
        let mut levels = levels();
        levels.forget_before(17);
        assert_eq!(levels.oldest().unwrap().level, 17);
        assert!(!levels.has("B16"));
        // Which blocks these levels made is still known.
        assert_eq!(levels.newest_at(11), Some(22));
        levels.forget_before(99);
        assert_eq!(levels.tip().unwrap().level, 19);
    }
}
