//! The filters that clients install and poll.

use crate::request::LogQuery;
use alloy_primitives::B256;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::broadcast;

/// A filter that nobody polls for so long is gone, as in go-ethereum.
const LIFETIME: Duration = Duration::from_secs(300);

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
    polled: Instant,
}

/// All of them.
#[derive(Debug, Default)]
pub struct Filters(Mutex<Installed>);

#[derive(Debug, Default)]
struct Installed {
    count: u64,
    filters: HashMap<u64, Filter>,
}

impl Filters {
    /// Installs a filter whose owner has seen the blocks before `next`.
    pub fn install(&self, kind: Kind, next: u64) -> u64 {
        let mut installed = self.live(Instant::now());
        installed.count += 1;
        let id = installed.count;
        installed.filters.insert(
            id,
            Filter {
                kind,
                next,
                polled: Instant::now(),
            },
        );
        id
    }

    /// Removes a filter; `false` if there is no such filter.
    pub fn uninstall(&self, id: u64) -> bool {
        self.live(Instant::now()).filters.remove(&id).is_some()
    }

    /// Polls a filter; `None` if there is no such filter.
    pub fn poll<T>(&self, id: u64, with: impl FnOnce(&mut Filter) -> T) -> Option<T> {
        self.poll_at(Instant::now(), id, with)
    }

    fn poll_at<T>(&self, now: Instant, id: u64, with: impl FnOnce(&mut Filter) -> T) -> Option<T> {
        let mut installed = self.live(now);
        let filter = installed.filters.get_mut(&id)?;
        filter.polled = now;
        Some(with(filter))
    }

    /// Tells the filters that the chain went back to block `newest`.
    pub(crate) fn rewind(&self, newest: u64) {
        for filter in self.live(Instant::now()).filters.values_mut() {
            filter.next = filter.next.min(newest + 1);
        }
    }

    /// Those that are polled often enough.
    fn live(&self, now: Instant) -> MutexGuard<'_, Installed> {
        let mut installed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        installed
            .filters
            .retain(|_, filter| now.saturating_duration_since(filter.polled) < LIFETIME);
        installed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_that_nobody_polls_for_five_minutes_is_gone() {
        let filters = Filters::default();
        let (kept, idle) = (
            filters.install(Kind::Blocks, 1),
            filters.install(Kind::Blocks, 1),
        );
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let polled = |now, id| filters.poll_at(now, id, |_| ()).is_some();
        assert!(polled(after(200), kept));
        assert!(polled(after(299), idle));
        assert!(polled(after(450), kept));
        assert!(!polled(after(600), idle));
        assert!(polled(after(700), kept));
        assert!(!polled(after(1000), kept));
        assert!(!filters.uninstall(kept));
    }

    #[test]
    fn filters_see_blocks_again_after_the_chain_went_back() {
        let filters = Filters::default();
        let id = filters.install(Kind::Blocks, 8);
        filters.rewind(4);
        assert_eq!(filters.poll(id, |filter| filter.next), Some(5));
    }
}
