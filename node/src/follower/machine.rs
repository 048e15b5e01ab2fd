//! The machine of a node in front of a rollup, and where its pages come from.

use super::error::FollowError;
use super::options::{Options, StartError};
use super::pages::Pages;
use host::reserved::VERSION;
use pvm::{DebugSink, Durable, Machine};
use std::sync::Arc;

/// The source of pages that are not in the folder.
pub(super) fn pages(options: &Options) -> Option<Pages> {
    let (url, folder) = (
        options.preimages_endpoint.as_deref()?,
        options.preimages.clone()?,
    );
    Some(Pages::new(url, folder, options.patience))
}

/// Refuses the storage of a machine that this one cannot be.
pub(super) fn known_version(durable: &Durable) -> Result<(), StartError> {
    let version = durable.get(VERSION).map_err(pvm::Error::from);
    let Some(version) = version.map_err(FollowError::from)? else {
        return Ok(());
    };
    let found = String::from_utf8_lossy(&version.bytes()).into_owned();
    match found.parse::<pvm::Version>() {
        Ok(_) => Ok(()),
        Err(_) => Err(StartError::OtherMachine { found }),
    }
}

/// The rollup's machine, originated at one level and about to run another.
pub(super) fn machine(
    options: &Options,
    rollup: [u8; 20],
    (origination_level, first_level): (u32, u32),
    durable: Durable,
) -> Result<Machine, FollowError> {
    let dropped = options.dropped.clone();
    let options = pvm::Options {
        rollup,
        origination_level,
        first_level,
        preimages: options.preimages.clone(),
        // Each commit of a block is recorded: blocks keep their states.
        checkpoints: vec![storage::layout::STATE.to_string()],
        debug: DebugSink::Call(Arc::new(move |line| {
            dropped.hear(line);
            tracing::debug!(target: "node::kernel", "{}", line.trim_end());
        })),
        ..pvm::Options::default()
    };
    Ok(Machine::from_durable(durable, options)?)
}
