//! What a node keeps: blocks, receipts, transactions and their indexes, the pool, and where
//! it is, in one file (redb).
//!
//! A change is shown only after it is committed: a level as one row of the log, which goes
//! into the tables later, with others. Without a
//! folder the same tables lie in a file that has no name and ends with the process, and
//! what only a restart needs is not written.
//!
//! | file | what it does |
//! | --- | --- |
//! | `store`, `identity`, `error` | opens the file, reads and writes it; whose store it is |
//! | `batch`, `change`, `applying` | what a level changes, as one: into the log, or into the tables |
//! | `log`, `behind`, `applier` | the log; what is in it alone, until it is put into the tables |
//! | `backend` | the file itself: locks, free space, the file without a name |
//! | `tables` | the tables with their keys, and the form of a row |
//! | `blocks`, `block_rows`, `search`, `parties` | blocks and what finds them: by hash, by log, by account |
//! | `states`, `state_name` | durable storage: which of its states are kept, and under which names |
//! | `tree`, `rows`, `delta` | its records: those of the newest state, those that died, and when these go |
//! | `records` | where states that are read as they are needed have their records from |
//! | `pool`, `devnet`, `levels` | what waits for a block; what a devnet, or a node in front of a rollup, goes on from |
//! | `moving`, `raw_row` | what of it goes into another store |
//! | `bounds` | every bound with its number |

mod applier;
mod applying;
mod backend;
mod batch;
mod behind;
mod block_rows;
mod blocks;
pub mod bounds;
mod change;
mod delta;
mod devnet;
mod dropped;
mod error;
#[cfg(test)]
mod file_tests;
mod filling;
mod identity;
mod levels;
mod log;
#[cfg(test)]
mod log_tests;
mod moving;
mod parties;
mod pool;
mod raw_row;
mod records;
mod rows;
mod search;
mod state_name;
mod states;
#[cfg(test)]
mod states_tests;
#[expect(
    clippy::module_inception,
    reason = "the folder is the step, the file what it is named for"
)]
mod store;
mod tables;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod tree;

pub use backend::{File, Opener};
pub use batch::Batch;
pub use devnet::{GENESIS, SavedDevnet, SavedSnapshot};
pub use dropped::SavedDrop;
pub use error::StoreError;
pub use identity::{Identity, Words};
pub use levels::SavedLevel;
pub use parties::OfAccount;
pub use pool::SavedTransaction;
pub use raw_row::RawRow;
pub use search::{Before, LogPlace, NewestLogs};
pub use state_name::StateName;
pub use store::Store;
