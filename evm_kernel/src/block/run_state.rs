//! What a run works on, block after block.

use crate::error::KernelError;
use crate::execute::work;
use crate::host_cell::HostCell;
use crate::inputs::format::INPUT;
use crate::inputs::queue::Queue;
use host::Runtime;
use rollup::{Budget, Cursor, Level, Quarantine};
use storage::{Config, Head};

/// What a run works on.
pub(crate) struct RunState {
    pub(crate) config: Config,
    pub(crate) level: Level,
    pub(crate) head: Head,
    pub(crate) queue: Queue,
    pub(crate) budget: Budget,
    /// The work of the run before the block that is made.
    pub(crate) before: u64,
    /// Whether the run has done nothing yet: then what comes first has room,
    /// however small the budget is.
    pub(crate) fresh: bool,
    pub(crate) quarantine: Option<Quarantine>,
    /// Our own address, the 20 bytes behind `sr1…`.
    pub(crate) rollup: [u8; 20],
}

impl RunState {
    /// Whether something is next. If not, the queue is empty or the run has no
    /// room to look further.
    pub(crate) fn peek<H: Runtime>(&mut self, host: &HostCell<'_, H>) -> Result<bool, KernelError> {
        let room = if self.fresh {
            self.room().max(INPUT)
        } else {
            self.room()
        };
        let next = self
            .queue
            .peek(host, self.quarantine.as_ref(), &mut self.budget, room)?;
        Ok(next.is_some())
    }

    /// Whether the input at `cursor` trapped under its mark.
    pub(crate) fn traps(&self, cursor: Cursor) -> bool {
        let quarantine = self.quarantine.as_ref();
        quarantine.is_some_and(|quarantine| quarantine.traps(cursor) > 0)
    }

    /// The work that the level has done, with the block that is made.
    pub(crate) fn level_work(&self) -> u64 {
        let earlier = if self.head.level == self.level.number {
            self.head.level_work
        } else {
            0
        };
        earlier.saturating_add(self.budget.spent() - self.before)
    }

    /// The work that the level may still do.
    pub(crate) fn level_room(&self) -> u64 {
        self.config.level_budget.saturating_sub(self.level_work())
    }

    /// The work that the run may still do, which is none beyond the level's.
    fn room(&self) -> u64 {
        self.budget.room().min(self.level_room())
    }

    /// Whether run and level have room for `work`. The run's first block has room in
    /// the run, and the level's in both, however small the budgets are.
    pub(crate) fn has_room(&self, work: u64) -> bool {
        let first = self.head.level < self.level.number;
        let run = self.fresh || work <= self.budget.room();
        let level = self.fresh && first || work <= self.level_room();
        run && level
    }

    /// The most work of a transaction with this gas limit.
    pub(crate) fn most_work(&self, gas_limit: u64) -> u64 {
        let gas = gas_limit.min(self.config.transaction_gas(self.head.number + 1));
        let besides = work::besides_gas(gas, work::most(self.config.run_budget));
        work::of_gas(gas).saturating_add(besides)
    }
}
