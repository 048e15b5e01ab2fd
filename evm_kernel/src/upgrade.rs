//! The kernel replaces itself, and takes storage over that another one wrote.
//!
//! At its time, when all of a level's inputs are durable, the new kernel is
//! revealed beside the old one, looked at ([`module`]: the machine would forgive
//! most of what is wrong with it, but not all), and moved into place; then the
//! rollup is rebooted, so that it starts at this level, where nothing is left
//! that a kernel which the machine refuses could lose. [`migrate`] is the first
//! that it does.
//!
//! The pending decision is in the state; it is settled after the move. A trap between
//! is found by what lies below [`storage::layout::upgrade`]: a root hash that is `ready`
//! whose kernel is gone was moved. What traps [`TRIES`] times is abandoned.

mod module;

use crate::bridge::{self, PREDEPLOYED};
use crate::error::KernelError;
use crate::log;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use alloy_primitives::Bytes;
use ethereum::keccak::keccak256;
use host::{ReadStore, Runtime, Store, preimages, reserved};
use storage::diff::{AccountChange, AccountDiff};
use storage::layout::upgrade::{ALL, NEW, OLD, READY, TRIES as TRIED};
use storage::layout::{ACCOUNTS, CONFIG, HEAD, UPGRADE, VERSION};
use storage::table::{Staging, Value};
use storage::{Diff, Head, StorageError, Upgrade, Version, commit, commitment, migration};

/// The number of attempts at something that traps.
const TRIES: usize = 2;

/// The reboots that the new kernel may need at this level: to start, to migrate,
/// and to give the place back.
const REBOOTS: i32 = 8;

/// The version of what this kernel writes.
pub(crate) const OURS: Version = Version {
    layout: migration::LAYOUT,
    contracts: bridge::MARK,
};

/// Makes the upgrade whose time has come, or abandons it. Gives whether another
/// kernel is in place now.
pub(crate) fn make(host: &mut impl Runtime, head: &mut Head) -> Result<bool, KernelError> {
    if !head.upgrade {
        return Ok(false);
    }
    let Some(upgrade) = UPGRADE.get(host, &())? else {
        return Ok(false);
    };
    if !upgrade.is_due(head.timestamp) {
        return Ok(false);
    }
    let moved = host.store_has(NEW)?.is_none()
        && host.read_all(READY)?.as_deref() == Some(&upgrade.root[..]);
    let installed = if moved {
        Installed::Moved
    } else if reboots_left(host)? < REBOOTS {
        log::line(host, format_args!("the upgrade waits for the next level"));
        return Ok(false);
    } else {
        install(host, &upgrade)?
    };
    head.upgrade = false;
    let settled = Upgrade {
        pending: false,
        ..upgrade
    };
    commit::upgrade(host, head, &settled)?;
    match installed {
        Installed::Moved => {
            host.store_delete(READY)?;
            host.store_delete(TRIED)?;
            log::line(host, format_args!("the kernel is replaced"));
            Ok(!moved)
        }
        Installed::Rejected(reason) => {
            host.store_delete(ALL)?;
            log::line(host, format_args!("the upgrade is abandoned: {reason}"));
            Ok(false)
        }
    }
}

/// The outcome of a new kernel.
enum Installed {
    /// It is in place.
    Moved,
    /// It cannot be, and why.
    Rejected(String),
}

/// Reveals the new kernel, looks at it, and moves it into place; or says why not.
fn install(host: &mut impl Runtime, upgrade: &Upgrade) -> Result<Installed, KernelError> {
    if tries(host, &upgrade.root)? > TRIES {
        return Ok(Installed::Rejected("it traps".into()));
    }
    host.store_delete(READY)?;
    match preimages::reveal_to_store(host, &upgrade.root, NEW) {
        Ok(_) => {}
        Err(preimages::PageError::Host(error)) => return Err(error.into()),
        Err(error) => return Ok(Installed::Rejected(error.to_string())),
    }
    if let Some(reason) = module::check(host, NEW)? {
        return Ok(Installed::Rejected(reason.to_string()));
    }
    host.store_copy(reserved::KERNEL, OLD)?;
    host.write_alone(READY, &upgrade.root)?;
    host.store_move(NEW, reserved::KERNEL)?;
    Ok(Installed::Moved)
}

/// The outcome for storage that another kernel wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Migrated {
    /// It is this kernel's.
    Ready,
    /// This kernel cannot take it over; the one before is in place again.
    Restored,
}

/// True if a head says that the storage is this kernel's. The head of another layout may not be
/// one for us.
pub(crate) fn is_ours(head: &Result<Option<Head>, StorageError>) -> bool {
    matches!(head, Ok(Some(head)) if head.writer == Some(OURS))
}

/// Takes the storage over, where another kernel wrote it: its head does not say that it is ours.
/// `new`: there is no head.
#[cold]
pub(crate) fn migrate(host: &mut impl Runtime, new: bool) -> Result<Migrated, KernelError> {
    let found = VERSION.get(host, &())?;
    if found == Some(OURS) || found.is_none() && new {
        return Ok(Migrated::Ready);
    }
    let found = found.unwrap_or(Version::FIRST);
    let reason = if tries(host, &OURS.encode())? > TRIES {
        "it traps".into()
    } else {
        match migration::run(host, &found, &OURS, refresh) {
            Ok(()) => {
                host.store_delete(TRIED)?;
                log::line(
                    host,
                    format_args!("layout {} became {}", found.layout, OURS.layout),
                );
                return Ok(Migrated::Ready);
            }
            Err(error) => error.to_string(),
        }
    };
    log::line(host, format_args!("the migration is given up: {reason}"));
    host.store_copy(OLD, reserved::KERNEL)?;
    host.store_delete(TRIED)?;
    Ok(Migrated::Restored)
}

/// Replaces the contracts that the kernel brings along, where their code differs.
fn refresh<S: Store>(staging: &Staging<'_, S>) -> Result<Option<(Diff, Head)>, StorageError> {
    let config = staging.get(&CONFIG, &())?;
    let bridged = config.is_some_and(|config| config.ticketer.is_some());
    let Some(mut head) = staging.get(&HEAD, &())?.filter(|_| bridged) else {
        return Ok(None);
    };
    let mut diff = Diff::default();
    for (address, code) in PREDEPLOYED {
        let code_hash = keccak256(code);
        let mut account = staging.get(&ACCOUNTS, &address)?.unwrap_or_default();
        if account.code_hash == code_hash {
            continue;
        }
        let had_code = account.has_code();
        account.code_hash = code_hash;
        account.nonce = account.nonce.max(1);
        diff.accounts.push(AccountDiff {
            address,
            account: AccountChange::Set(account),
            had_code,
            cleared: false,
            slots: Vec::new(),
        });
        diff.code.push((code_hash, Bytes::from_static(code)));
    }
    if diff.accounts.is_empty() {
        return Ok(None);
    }
    head.state_root = commitment::state_root(&head.state_root, &diff);
    Ok(Some((diff, head)))
}

/// Counts a try of `what`, durably, and gives how many there were.
fn tries(host: &mut impl Store, what: &[u8]) -> Result<usize, KernelError> {
    let mut known = host.read_all(TRIED)?.unwrap_or_default();
    if !known.starts_with(what) {
        known = what.to_vec();
    }
    known.push(1);
    host.write_alone(TRIED, &known)?;
    Ok(known.len() - what.len())
}

fn reboots_left(host: &impl ReadStore) -> Result<i32, KernelError> {
    let mut counter = [0; 4];
    host.store_read(reserved::REBOOT_COUNTER, 0, &mut counter)?;
    Ok(i32::from_le_bytes(counter))
}
