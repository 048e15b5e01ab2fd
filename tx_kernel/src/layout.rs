//! The layout of durable storage.
//!
//! | path | what |
//! | --- | --- |
//! | `/tx/state/h` | the [`crate::head::Head`] |
//! | `/tx/state/a/ADDRESS` | an account: counter (i64), public key (its two coordinates, 48 bytes each; zeros while unknown), a ticket's hash (32) and its balance (u64) |
//! | `/tx/state/a/ADDRESS/TICKET` | the balance of another ticket (u64); none for zero |
//! | `/tx/state/t/TICKET` | what a ticket is: the ticketer's 22 bytes, then the content's Micheline |
//! | `/tx/state/x` | messages to layer 1 ([`host::outbox_queue`]) |
//! | `/tx/staging` | the next state while it is written |
//! | `/tx/queue/LEVEL` | external inputs that wait |
//! | `/tx/calls/LEVEL` | calls of layer 1 that wait |
//! | `/tx/level` | what layer 1 says of the level |
//! | `/tx/careful` | marks after a trap |
//! | `/tx/aside/LEVEL/OFFSET` | deposits that nobody could look at |
//! | `/tx/config/frame` | `01` or absent: frames are required; `00`: they are optional. See [`crate::inbox::Framing`] |
//!
//! Numbers are big-endian. `ADDRESS` is the hash of a tz4 address, `TICKET` the
//! hash of a ticket, both in base64url.

use crate::encoding::{TicketHash, Tz4};
use host::outbox_queue::OutboxQueue;
use host::{HostError, Path, PathBuf, PathError};
use rollup::Layout;

/// The paths of [`rollup`]'s part.
pub const LAYOUT: Layout = Layout {
    name: "tx_kernel",
    state: Path::literal("/tx/state"),
    staging: Path::literal("/tx/staging"),
    queue: Path::literal("/tx/queue"),
    calls: Path::literal("/tx/calls"),
    level: Path::literal("/tx/level"),
    quarantine: Path::literal("/tx/careful"),
    dead_letters: Path::literal("/tx/aside"),
};

/// The consumed part of the queue.
pub const HEAD: Path<'static> = Path::literal("/tx/state/h");
pub(crate) const STAGED_HEAD: Path<'static> = Path::literal("/tx/staging/h");

/// Accounts.
pub const ACCOUNTS: Path<'static> = Path::literal("/tx/state/a");
pub(crate) const STAGED_ACCOUNTS: Path<'static> = Path::literal("/tx/staging/a");

/// The descriptions of tickets.
pub const TICKETS: Path<'static> = Path::literal("/tx/state/t");
pub(crate) const STAGED_TICKETS: Path<'static> = Path::literal("/tx/staging/t");

/// Messages to layer 1 that wait.
pub const OUTGOING: OutboxQueue<'static> = OutboxQueue::new(Path::literal("/tx/state/x"));
pub(crate) const STAGED_OUTGOING: OutboxQueue<'static> =
    OutboxQueue::new(Path::literal("/tx/staging/x"));

/// The setting whether batches must stand in a frame.
pub const FRAME: Path<'static> = Path::literal("/tx/config/frame");

/// A path of the layout: a balance's in staging has 86 bytes.
pub type AccountPath = PathBuf<96>;

pub(crate) fn account(root: Path<'_>, address: &Tz4) -> Result<AccountPath, HostError> {
    let mut path = AccountPath::from_path(root);
    path.push_key(address).map_err(too_long)?;
    Ok(path)
}

pub(crate) fn balance(
    root: Path<'_>,
    address: &Tz4,
    ticket: &TicketHash,
) -> Result<AccountPath, HostError> {
    let mut path = account(root, address)?;
    path.push_key(ticket).map_err(too_long)?;
    Ok(path)
}

pub(crate) fn ticket(root: Path<'_>, ticket: &TicketHash) -> Result<AccountPath, HostError> {
    let mut path = AccountPath::from_path(root);
    path.push_key(ticket).map_err(too_long)?;
    Ok(path)
}

fn too_long(_: PathError) -> HostError {
    HostError::KeyTooLarge
}
