//! The thread that puts what is in the log into the tables.

use super::behind::{Behind, Logged};
use super::bounds::TOGETHER;
use super::change::decode;
use super::error::StoreError;
use super::log::{Log, Whose};
use super::store::Store;
use super::tables::{APPLIED, WHOSE};
use alloy_primitives::keccak256;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};
use std::time::{SystemTime, UNIX_EPOCH};

impl Store {
    /// Puts what the log has, and the tables do not, into these, and starts the thread.
    pub(super) fn take_log(self: &Arc<Self>, mut log: Log) -> Result<(), StoreError> {
        // Not before it is known that its form is ours.
        self.schema()?;
        let whose = self.whose()?;
        let applied = self.applied()?;
        let rows = log.rest(&whose, applied)?;
        for rows in rows.chunks(TOGETHER) {
            let mut logged = Vec::new();
            for (number, row) in rows {
                let changes = decode(row).ok_or_else(|| damaged(APPLIED))?;
                logged.push(Arc::new(Logged::new(*number, changes)));
            }
            self.apply(&logged)?;
        }
        self.behind().settle(log.next() - 1);
        self.set_log(log);
        let (store, behind) = (Arc::downgrade(self), Arc::clone(self.behind()));
        let thread = std::thread::Builder::new().name("tables".into());
        let started = thread.spawn(move || {
            run(&store, &behind);
            behind.end();
        });
        let unopened = |source| StoreError::Unopened {
            name: self.name(),
            source,
        };
        started.map(drop).map_err(unopened)
    }

    /// The name of this store, for its log: that of no other one.
    #[expect(
        clippy::disallowed_methods,
        reason = "no chain depends on it: it tells two stores apart"
    )]
    fn whose(&self) -> Result<Whose, StoreError> {
        if let Some(row) = self.meta(WHOSE)? {
            return row.try_into().map_err(|_| damaged(WHOSE));
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.map_or(0, |now| now.as_nanos());
        let name = format!("{} {now} {}", self.name(), std::process::id());
        let whose = keccak256(name).0;
        self.write(|batch| {
            batch.transaction()?;
            batch.put_meta(WHOSE, &whose)
        })?;
        Ok(whose)
    }

    /// The number of the last row of the log that is in the tables.
    fn applied(&self) -> Result<u64, StoreError> {
        let Some(row) = self.meta_of_tables(APPLIED)? else {
            return Ok(0);
        };
        let number = row.try_into().map(u64::from_le_bytes);
        number.map_err(|_| damaged(APPLIED))
    }

    /// Puts rows of the log into the tables, all or none.
    fn apply(&self, rows: &[Arc<Logged>]) -> Result<(), StoreError> {
        self.mend()?;
        let applied = self.in_tables(|batch| {
            // A commit that failed may be there all the same.
            let known = self.applied()?;
            for row in rows.iter().filter(|row| row.number > known) {
                let mut changes = row.changes.iter();
                changes.try_for_each(|change| batch.apply(change))?;
            }
            let last = rows.last().map_or(0, |row| row.number);
            batch.put_meta(APPLIED, &last.to_le_bytes())
        });
        self.note(applied)
    }
}

fn run(store: &Weak<Store>, behind: &Behind) {
    while let Some(rows) = behind.next() {
        let Some(store) = store.upgrade() else {
            return;
        };
        let applied = catch_unwind(AssertUnwindSafe(|| store.apply(&rows)));
        let applied = applied.unwrap_or_else(|_| Err(damaged(APPLIED)));
        match applied {
            Ok(()) => {
                let last = rows.last().map_or(0, |row| row.number);
                behind.settle(last);
                store.records().settle(last);
            }
            Err(error) => {
                tracing::warn!("the log of the store cannot be put into its tables: {error}");
                drop(store);
                if !behind.fail(error.to_string()) {
                    return;
                }
            }
        }
    }
}

fn damaged(name: &str) -> StoreError {
    StoreError::Row {
        table: "meta",
        key: name.into(),
    }
}
