#![doc = include_str!("../README.md")]
#![cfg_attr(not(test), warn(clippy::too_many_lines))]
//!
//! [`layout`] is the one list of what lies where; [`table`] gives each path its
//! key and value types; [`overlay`] is a block's view of the world (each cold
//! thing is read once); [`diff`] is what a block changes; [`commit`] is the one
//! place that writes it, and [`commitment`] hashes it; [`history`] says which blocks
//! are kept; [`settings`] is what governance may change of the configuration;
//! [`migration`] is how storage of an older kernel is taken over.
#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

pub mod account;
pub mod block;
mod codec;
pub mod commit;
pub mod commitment;
pub mod config;
pub mod diff;
pub mod error;
pub mod head;
pub mod history;
pub mod key;
pub mod known_keys;
pub mod layout;
pub mod migration;
pub mod overlay;
mod partly;
mod roots;
pub mod settings;
pub mod table;
pub mod upgrade;
pub mod version;

pub use account::Account;
pub use config::Config;
pub use diff::Diff;
pub use error::{SetupError, StorageError};
pub use head::Head;
pub use key::{KeyPlace, Piece};
pub use known_keys::KnownKey;
pub use overlay::Overlay;
pub use partly::Partly;
pub use upgrade::Upgrade;
pub use version::Version;
