//! The filters that clients install and poll.

use crate::request::LogQuery;
use alloy_primitives::B256;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::broadcast;

/// A filter that nobody polls for so long is gone, as in go-ethereum.
const LIFETIME: Duration = Duration::from_secs(300);

/// The most filters.
const MAX_FILTERS: usize = 4_096;

/// The most addresses and topics of all filters together.
const MAX_CONDITIONS: usize = 200_000;

/// There are too many filters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many filters")]
pub struct Full;

/// The kind of a filter.
#[derive(Debug)]
pub enum Kind {
    /// New logs.
    Logs(LogQuery),
    /// Hashes of new blocks.
    Blocks,
    /// Hashes of transactions that arrive.
    Arrivals(broadcast::Receiver<B256>),
}

/// A filter.
#[derive(Debug)]
pub struct Filter {
    /// Its kind.
    pub kind: Kind,
    /// The first block that its owner has not seen.
    pub next: u64,
    /// The number of blocks that had left the chain when its owner looked last.
    pub removals: u64,
    polled: Instant,
}

impl Seen {
    /// All that there is.
    pub const ALL: Self = Self {
        next: u64::MAX,
        removals: u64::MAX,
    };
}

impl Filter {
    /// The part of the chain that its owner has seen.
    #[must_use]
    pub fn seen(&self) -> Seen {
        let Self { next, removals, .. } = *self;
        Seen { next, removals }
    }
}

/// The part of the chain that the owner of a filter has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The first block that it has not seen.
    pub next: u64,
    /// The number of blocks that have left the chain.
    pub removals: u64,
}

/// All of them.
#[derive(Debug, Default)]
pub struct Filters(Mutex<Installed>);

#[derive(Debug, Default)]
struct Installed {
    count: u64,
    /// The addresses and topics of all filters.
    conditions: usize,
    /// When idle filters were last looked for.
    swept: Option<Instant>,
    filters: HashMap<u64, Filter>,
}

impl Filters {
    /// Installs a filter whose owner has seen all blocks of `seen`.
    ///
    /// # Errors
    /// [`Full`].
    pub fn install(&self, kind: Kind, seen: Seen) -> Result<u64, Full> {
        self.install_at(Instant::now(), kind, seen)
    }

    fn install_at(&self, now: Instant, kind: Kind, seen: Seen) -> Result<u64, Full> {
        let mut installed = self.lock();
        let conditions = kind.conditions();
        if !installed.has_room(conditions) {
            installed.sweep(now);
            if !installed.has_room(conditions) {
                return Err(Full);
            }
        }
        installed.count += 1;
        installed.conditions += conditions;
        let id = installed.count;
        let filter = Filter {
            kind,
            next: seen.next,
            removals: seen.removals,
            polled: now,
        };
        installed.filters.insert(id, filter);
        Ok(id)
    }

    /// Removes a filter; `false` if there is no such filter.
    pub fn uninstall(&self, id: u64) -> bool {
        self.uninstall_at(Instant::now(), id)
    }

    fn uninstall_at(&self, now: Instant, id: u64) -> bool {
        let removed = self.lock().remove(id);
        removed.is_some_and(|filter| filter.is_live(now))
    }

    /// Polls a filter; `None` if there is no such filter.
    pub fn poll<T>(&self, id: u64, with: impl FnOnce(&mut Filter) -> T) -> Option<T> {
        self.poll_at(Instant::now(), id, with)
    }

    fn poll_at<T>(&self, now: Instant, id: u64, with: impl FnOnce(&mut Filter) -> T) -> Option<T> {
        let mut installed = self.lock();
        installed.sweep_now_and_then(now);
        let filter = installed.filters.get_mut(&id)?;
        if !filter.is_live(now) {
            installed.remove(id);
            return None;
        }
        filter.polled = now;
        Some(with(filter))
    }

    /// Tells the filters that the chain went back to block `newest`.
    pub(crate) fn rewind(&self, newest: u64) {
        for filter in self.lock().filters.values_mut() {
            filter.next = filter.next.min(newest + 1);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Installed> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Installed {
    fn has_room(&self, conditions: usize) -> bool {
        self.filters.len() < MAX_FILTERS && self.conditions + conditions <= MAX_CONDITIONS
    }

    fn remove(&mut self, id: u64) -> Option<Filter> {
        let filter = self.filters.remove(&id)?;
        self.conditions -= filter.kind.conditions();
        Some(filter)
    }

    /// Forgets those that nobody polls.
    fn sweep(&mut self, now: Instant) {
        self.swept = Some(now);
        self.filters.retain(|_, filter| filter.is_live(now));
        self.conditions = self
            .filters
            .values()
            .map(|filter| filter.kind.conditions())
            .sum();
    }

    fn sweep_now_and_then(&mut self, now: Instant) {
        let due = |swept: Instant| now.saturating_duration_since(swept) >= LIFETIME / 5;
        if self.swept.is_none_or(due) {
            self.sweep(now);
        }
    }
}

impl Filter {
    fn is_live(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.polled) < LIFETIME
    }
}

impl Kind {
    /// The number of its addresses and topics.
    fn conditions(&self) -> usize {
        match self {
            Self::Logs(query) => query.filter.len(),
            Self::Blocks | Self::Arrivals(_) => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(next: u64) -> Seen {
        Seen { next, removals: 0 }
    }

    #[test]
    fn a_filter_that_nobody_polls_for_five_minutes_is_gone() {
        let filters = Filters::default();
        let (kept, idle) = (
            filters.install(Kind::Blocks, after(1)).unwrap(),
            filters.install(Kind::Blocks, after(1)).unwrap(),
        );
        let start = Instant::now();
        let later = |seconds| start + Duration::from_secs(seconds);
        let polled = |now, id| filters.poll_at(now, id, |_| ()).is_some();
        assert!(polled(later(200), kept));
        assert!(polled(later(299), idle));
        assert!(polled(later(450), kept));
        assert!(!polled(later(600), idle));
        assert!(polled(later(700), kept));
        assert!(!polled(later(1000), kept));
        assert!(!filters.uninstall(kept));
    }

    #[test]
    fn filters_see_blocks_again_after_the_chain_went_back() {
        let filters = Filters::default();
        let id = filters.install(Kind::Blocks, after(8)).unwrap();
        filters.rewind(4);
        assert_eq!(filters.poll(id, |filter| filter.next), Some(5));
    }

    #[test]
    fn filters_are_bounded_in_number_and_in_size() {
        let filters = Filters::default();
        let start = Instant::now();
        let wide = |count: u32| {
            let addresses = (0..count)
                .map(|index| alloy_primitives::Address::left_padding_from(&index.to_be_bytes()));
            Kind::Logs(LogQuery {
                filter: crate::chain::LogFilter::new(addresses.collect(), Vec::new()),
                ..LogQuery::default()
            })
        };
        for _ in 0..MAX_CONDITIONS / 1_000 {
            filters.install_at(start, wide(1_000), after(1)).unwrap();
        }
        assert_eq!(filters.install_at(start, wide(1), after(1)), Err(Full));
        let installed = filters.lock().filters.len();
        for _ in installed..MAX_FILTERS {
            filters.install_at(start, Kind::Blocks, after(1)).unwrap();
        }
        assert_eq!(filters.install_at(start, Kind::Blocks, after(1)), Err(Full));
        // Those that nobody polls make room.
        assert!(
            filters
                .install_at(start + LIFETIME, wide(1), after(1))
                .is_ok()
        );
        assert_eq!(filters.lock().filters.len(), 1);
    }
}
