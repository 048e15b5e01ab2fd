//! The filters that clients install and poll.

use crate::params::LogQuery;
use alloy_primitives::B256;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::broadcast;

/// A filter that nobody polls for so long is gone, as in go-ethereum.
const LIFETIME: Duration = Duration::from_secs(300);

/// What a filter is for.
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
    /// What it is for.
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
        let mut installed = self.lock();
        installed
            .filters
            .retain(|_, filter| filter.polled.elapsed() < LIFETIME);
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

    /// Removes a filter; `false` where there is none.
    pub fn uninstall(&self, id: u64) -> bool {
        self.lock().filters.remove(&id).is_some()
    }

    /// Uses a filter; none where there is none.
    pub fn poll<T>(&self, id: u64, with: impl FnOnce(&mut Filter) -> T) -> Option<T> {
        let mut installed = self.lock();
        let filter = installed.filters.get_mut(&id)?;
        filter.polled = Instant::now();
        Some(with(filter))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Installed> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
