//! The state of a run, block after block.

use crate::error::KernelError;
use crate::execute::work;
use crate::host_cell::HostCell;
use crate::inputs::format::INPUT;
use crate::inputs::queue::{Look, Queue};
use host::Runtime;
use rollup::{Budget, Calls, Lane, Level, OwnAddress, Position, Quarantine, Shares};
use storage::{Config, Head};

/// The state of a run.
pub(crate) struct RunState {
    pub(crate) config: Config,
    pub(crate) level: Level,
    pub(crate) head: Head,
    pub(crate) queue: Queue,
    /// The shares of the lanes in the level.
    pub(crate) shares: Shares,
    /// The lane of what comes next, as [`RunState::peek`] found it.
    pub(crate) lane: Lane,
    pub(crate) budget: Budget,
    /// The work of the run before the block that is made.
    pub(crate) before: u64,
    /// True if the run has done nothing yet: then what comes first has room,
    /// however small the budget is.
    pub(crate) fresh: bool,
    pub(crate) quarantine: Option<Quarantine>,
    /// Our own address.
    pub(crate) rollup: OwnAddress,
}

impl RunState {
    /// True if something is next, in [`RunState::lane`]. If not, the queue is empty or
    /// the run has no room to look further.
    pub(crate) fn peek<H: Runtime>(&mut self, host: &HostCell<'_, H>) -> Result<bool, KernelError> {
        let next = self.next_lane(host)?;
        self.lane = next.unwrap_or(self.lane);
        Ok(next.is_some())
    }

    /// Calls come first, but for their share while external inputs wait.
    fn next_lane<H: Runtime>(
        &mut self,
        host: &HostCell<'_, H>,
    ) -> Result<Option<Lane>, KernelError> {
        if self.shares.external_first() && self.holds(Lane::External, host)? {
            return Ok(Some(Lane::External));
        }
        if self.holds(Lane::Calls, host)? {
            let work = self.most_work(self.queue.most_gas(Lane::Calls));
            let external = !self.shares.allow(work) && self.holds(Lane::External, host)?;
            return Ok(Some(if external {
                Lane::External
            } else {
                Lane::Calls
            }));
        }
        let external = self.holds(Lane::External, host)?;
        Ok(external.then_some(Lane::External))
    }

    fn holds<H: Runtime>(
        &mut self,
        lane: Lane,
        host: &HostCell<'_, H>,
    ) -> Result<bool, KernelError> {
        let room = if self.fresh {
            self.room().max(INPUT)
        } else {
            self.room()
        };
        let look = Look {
            host,
            quarantine: self.quarantine.as_ref(),
            room,
            first: self.fresh,
            rollup: &self.rollup,
        };
        let next = self.queue.peek(lane, &look, &mut self.budget)?;
        Ok(next.is_some())
    }

    /// The lane of calls, for the commit of the block.
    pub(crate) fn calls(&self) -> Calls {
        self.shares.commit(
            &self.head.calls,
            self.queue.cursor(Lane::Calls),
            self.queue.waiting(Lane::Calls),
            self.queue.external_waits(),
        )
    }

    /// True if the input at `position` trapped under its mark.
    pub(crate) fn traps(&self, position: Position) -> bool {
        let quarantine = self.quarantine.as_ref();
        quarantine.is_some_and(|quarantine| quarantine.traps(position) > 0)
    }

    /// The paid work of the level, with that of the block that is made.
    pub(crate) const fn paid_work(&self, block: u64) -> u64 {
        let earlier = if self.head.level == self.level.number {
            self.head.paid_work
        } else {
            0
        };
        earlier.saturating_add(block)
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

    /// True if run and level have room for `work`. The run's first block has room in
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
