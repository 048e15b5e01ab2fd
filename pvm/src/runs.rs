//! The machine's writes to durable storage before, between and behind the runs of a level
//! (docs/machine.md, "Levels, runs, reboots"; "Upgrades").

use crate::durable::{Durable, StoreError, Unavailable};
use crate::value::Value;
use host::Path;
use host::reserved::{
    KERNEL, REBOOT, REBOOT_COUNTER, STUCK, TOO_MANY_REBOOTS, UPGRADE_ERROR, VERSION,
};
use kernel_module::{KernelError, Version};

/// The last kernel that could be instantiated.
pub(crate) const FALLBACK: Path<'static> = Path::literal("/readonly/kernel/boot.wasm");

/// The number of reboots of a kernel at one level; it runs once more than that.
pub const MAX_REBOOTS: i32 = 1000;

/// The action after a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    /// Another run.
    Run,
    /// The next level.
    Level,
    /// The next level, though the kernel asked for another run.
    TooManyReboots,
}

/// A run begins.
pub(crate) fn open(durable: &mut Durable, reboots_left: i32) -> Result<(), StoreError> {
    durable.delete(REBOOT)?;
    durable.write(REBOOT_COUNTER, reboots_left.to_le_bytes())
}

/// A run is over, and the machine survives it.
pub(crate) fn close(durable: &mut Durable, reboots_left: i32) -> Result<After, StoreError> {
    if durable.value(REBOOT.as_bytes())?.is_none() {
        durable.delete(TOO_MANY_REBOOTS)?;
        return Ok(After::Level);
    }
    if reboots_left == 0 {
        durable.write(TOO_MANY_REBOOTS, [])?;
        return Ok(After::TooManyReboots);
    }
    Ok(After::Run)
}

/// The kernel came to its end.
pub(crate) fn returned(durable: &mut Durable) -> Result<(), StoreError> {
    durable.delete(STUCK)?;
    durable.delete(UPGRADE_ERROR)
}

/// The kernel trapped.
pub(crate) fn trapped(durable: &mut Durable) -> Result<(), StoreError> {
    durable.write(STUCK, [])
}

/// Sets the reboot flag; one that is set already keeps its value.
pub(crate) fn flag_reboot(durable: &mut Durable) -> Result<(), StoreError> {
    Ok(durable.write_value(REBOOT.as_bytes(), 0, &[])?)
}

/// Sets the storage for the time between levels: loading the inbox counts as a reboot into the first
/// run.
pub(crate) fn wait(durable: &mut Durable) -> Result<(), StoreError> {
    flag_reboot(durable)?;
    durable.write(REBOOT_COUNTER, (MAX_REBOOTS + 1).to_le_bytes())
}

/// The version that a storage says.
pub(crate) fn version_of(durable: &Durable) -> Result<Option<Version>, Unavailable> {
    let name = durable.value(VERSION.as_bytes())?.and_then(Value::short);
    Ok(name.and_then(|name| std::str::from_utf8(name).ok()?.parse().ok()))
}

/// Remembers a kernel that could be instantiated.
pub(crate) fn keep_fallback(durable: &mut Durable) -> Result<(), StoreError> {
    let kernel = durable.value(KERNEL.as_bytes())?;
    let known = durable.value(FALLBACK.as_bytes())?;
    match kernel.cloned() {
        // Of long values the hashes are compared: nothing is loaded.
        Some(kernel) if known == Some(&kernel) => Ok(()),
        Some(kernel) => durable.put(FALLBACK, kernel),
        None => Ok(()),
    }
}

/// Puts the last good kernel back, if there is another than this, and says whether; it takes the
/// place of whatever lies at the kernel's path.
pub(crate) fn fall_back(durable: &mut Durable, error: &KernelError) -> Result<bool, StoreError> {
    if matches!(error, KernelError::Run(_)) {
        keep_fallback(durable)?;
    }
    let fallback = durable.value(FALLBACK.as_bytes())?;
    let other = fallback.is_some() && durable.value(KERNEL.as_bytes())? != fallback;
    if !other || !error.recoverable() {
        return Ok(false);
    }
    durable.copy(FALLBACK, KERNEL)?;
    durable.write(UPGRADE_ERROR, [])?;
    Ok(true)
}
