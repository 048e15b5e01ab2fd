//! The amount of work that a run may do.

/// The price of a message besides its gas.
pub const MESSAGE: u64 = 10_000;
/// The price of a byte of a message.
pub const BYTE: u64 = 10;
/// The extra price of a dropped input: its line in the log is a host call, of which a run
/// is to make at most 20,000.
pub const DROPPED: u64 = 7_500;

/// The work of a run, in units of gas: at most 80 wasm instructions.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    limit: u64,
    spent: u64,
}

impl Budget {
    /// No work yet, of at most `limit`.
    #[must_use]
    pub const fn new(limit: u64) -> Self {
        Self { limit, spent: 0 }
    }

    /// The work done so far.
    #[must_use]
    pub const fn spent(&self) -> u64 {
        self.spent
    }

    /// The work that may still be done.
    #[must_use]
    pub const fn room(&self) -> u64 {
        self.limit.saturating_sub(self.spent)
    }

    /// True if `work` more is within the limit.
    #[must_use]
    pub const fn has_room_for(&self, work: u64) -> bool {
        self.spent.saturating_add(work) <= self.limit
    }

    /// Counts a message of `len` bytes.
    pub const fn message(&mut self, len: usize) {
        self.add(MESSAGE);
        self.bytes(len);
    }

    /// Counts bytes that are read.
    pub const fn bytes(&mut self, len: usize) {
        self.add(BYTE * len as u64);
    }

    /// Counts work.
    pub const fn add(&mut self, work: u64) {
        self.spent = self.spent.saturating_add(work);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_adds_up_to_the_limit() {
        let mut budget = Budget::new(1_000_000);
        budget.message(100);
        budget.add(21_000);
        assert_eq!(budget.spent(), 10_000 + 1_000 + 21_000);
        assert!(budget.has_room_for(1_000_000 - budget.spent()));
        assert!(!budget.has_room_for(1_000_001 - budget.spent()));
    }

    #[test]
    fn work_beyond_all_numbers_stays_out() {
        let mut budget = Budget::new(u64::MAX - 1);
        budget.add(u64::MAX);
        budget.add(u64::MAX);
        assert!(!budget.has_room_for(0));
    }
}
