#![doc = include_str!("../README.md")]
#![cfg_attr(not(test), warn(clippy::too_many_lines))]
//!
//! | trait | what it gives |
//! | --- | --- |
//! | [`Inbox`] | messages from layer 1 |
//! | [`ReadStore`] | durable storage, to look |
//! | [`Store`] | durable storage, to change |
//! | [`StoreTree`] | names and hashes of the tree, which differ between hosts |
//! | [`Outbox`] | messages to layer 1 |
//! | [`Reveal`] | preimages, metadata, data availability |
//! | [`Debug`] | lines for the operator's log |
//!
//! [`Runtime`] is all of them. It is implemented by `wasm_host::WasmHost` on
//! the rollup, by [`mock::MockHost`] in tests, and read-only views implement
//! [`ReadStore`] alone.
//!
//! Numbers, limits and error codes are those of the machine `wasm_2_0_0`.
#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

pub mod entry;
pub mod error;
mod forward;
pub mod input;
#[cfg(not(target_arch = "wasm32"))]
pub mod mock;
pub mod outbox_queue;
pub mod path;
pub mod preimages;
#[cfg(target_arch = "wasm32")]
mod rollup_core;

mod traits;
#[cfg(target_arch = "wasm32")]
pub mod wasm_host;

pub use error::HostError;
pub use forward::Forward;
pub use input::Message;
pub use path::{Path, PathBuf, PathError};
pub use traits::{
    DalParameters, Debug, Inbox, Metadata, Outbox, ReadStore, Reveal, Runtime, Store, StoreTree,
    ValueKind,
};

/// The largest inbox or outbox message, in bytes, its tag included.
pub const MAX_MESSAGE: usize = 4096;

/// The most bytes that one `store_read` or `store_write` moves.
pub const MAX_CHUNK: usize = 2048;

/// The most outbox messages that a rollup may write at one level.
pub const MAX_OUTBOX_MESSAGES: usize = 100;

/// Paths that the machine itself reads or writes.
pub mod reserved {
    use crate::Path;

    /// The kernel of the next run.
    pub const KERNEL: Path<'static> = Path::literal("/kernel/boot.wasm");
    /// Present (with any value) when the kernel asks for another run at this level.
    pub const REBOOT: Path<'static> = Path::literal("/kernel/env/reboot");
    /// Present (empty) when the previous run trapped.
    pub const STUCK: Path<'static> = Path::literal("/readonly/kernel/env/stuck");
    /// Present (empty) when the last upgrade was invalid and was undone.
    pub const UPGRADE_ERROR: Path<'static> = Path::literal("/readonly/kernel/env/upgrade_error");
    /// Present (empty) when the last level ran out of reboots.
    pub const TOO_MANY_REBOOTS: Path<'static> =
        Path::literal("/readonly/kernel/env/too_many_reboot");
    /// Reboots left at this level, i32 little-endian.
    pub const REBOOT_COUNTER: Path<'static> = Path::literal("/readonly/kernel/env/reboot_counter");
    /// The machine's version, ASCII.
    pub const VERSION: Path<'static> = Path::literal("/readonly/wasm_version");
}
