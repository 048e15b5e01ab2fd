//! Names for bytes from a folder of artefacts: `--abis`.

use anyhow::Context;
use node::abis::Names;
use node::artefacts;
use std::path::Path;

/// The most lines about what was not taken.
const TOLD: usize = 5;

/// The names of a folder; none without one.
pub(crate) fn names(folder: Option<&Path>) -> anyhow::Result<Names> {
    let Some(path) = folder else {
        return Ok(Names::default());
    };
    let read = artefacts::folder(path)
        .with_context(|| format!("--abis: cannot read the folder {}", path.display()))?;
    for refused in read.refused.iter().take(TOLD) {
        tracing::warn!("--abis: {refused}");
    }
    if let Some(more) = read
        .refused
        .len()
        .checked_sub(TOLD)
        .filter(|more| *more > 0)
    {
        tracing::warn!("--abis: {more} more were not taken");
    }
    match read.contracts {
        0 => tracing::warn!("--abis: there is no ABI in {}", path.display()),
        count => tracing::info!("names of {count} contracts from {}", path.display()),
    }
    Ok(read.names)
}
