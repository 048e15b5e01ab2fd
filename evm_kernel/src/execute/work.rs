//! The work of a transaction for the machine, apart from gas.
//!
//! A unit of work is at most 80 wasm instructions. Two units of gas count as three;
//! what takes longer than that counts more, before it is done: opcodes in
//! `instructions`, precompiles in `price`, reads of durable storage in `world`.
//! `cargo xtask work` measures all of it.

/// A read of durable storage: a host call, in units of work.
///
/// It costs some 5,000 instructions and more of the machine's ticks; a run is to
/// make at most 20,000 host calls.
const READ: u64 = 5_000;

/// The work of gas: three halves of it, which covers all opcodes but those that
/// count for themselves.
#[must_use]
pub(crate) const fn of_gas(gas: u64) -> u64 {
    gas.saturating_add(gas / 2)
}

/// The most work of any transaction besides its gas: 15 % of a run.
#[must_use]
pub(crate) const fn most(run_budget: u64) -> u64 {
    run_budget / 20 * 3
}

/// From so much on, which is more than any rollup has a use for, it does not count how much gas is
/// offered: conformance is measured so.
const UNBOUNDED: u64 = 1 << 56;

/// The most work of a transaction with this gas limit besides its gas, `most` being
/// what any may do. It rises with the limit, so that
/// an estimate can be searched for.
#[must_use]
pub(crate) fn besides_gas(gas_limit: u64, most: u64) -> u64 {
    if most >= UNBOUNDED {
        return most;
    }
    // With the gas, four units for each that is offered.
    gas_limit.saturating_mul(5).saturating_div(2).min(most)
}

/// The work of a transaction so far that its gas does not tell.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Work {
    spent: u64,
    /// The most that may be spent.
    allowance: u64,
    exhausted: bool,
}

/// The transaction has used its allowance: it ends like one without gas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exhausted;

impl Work {
    /// Nothing yet, of `allowance` at most.
    pub(crate) const fn new(allowance: u64) -> Self {
        Self {
            spent: 0,
            allowance,
            exhausted: false,
        }
    }

    /// The work so far.
    pub(crate) const fn spent(&self) -> u64 {
        self.spent
    }

    /// True if the allowance is used up: nothing of the transaction goes on.
    pub(crate) const fn is_exhausted(&self) -> bool {
        self.exhausted
    }

    /// Counts `work`, which is about to be done.
    pub(crate) const fn charge(&mut self, work: u64) -> Result<(), Exhausted> {
        let spent = self.spent.saturating_add(work);
        if spent > self.allowance {
            self.exhausted = true;
            return Err(Exhausted);
        }
        self.spent = spent;
        Ok(())
    }

    /// Counts what was done already.
    pub(crate) const fn add(&mut self, work: u64) {
        self.spent = self.spent.saturating_add(work);
        if self.spent > self.allowance {
            self.exhausted = true;
        }
    }

    /// Counts reads of durable storage.
    pub(crate) const fn reads(&mut self, reads: u64) {
        self.add(reads.saturating_mul(READ));
    }
}

/// A counter of work.
pub(crate) trait Counts {
    /// The work of this transaction.
    fn work(&mut self) -> &mut Work;

    /// True if somebody wants what runs to end.
    #[cfg(feature = "simulate")]
    fn interrupted(&self) -> bool {
        false
    }
}
