//! The names of a kernel's functions, from the file beside it.

use crate::files;
use anyhow::Context;
use messages::hash::blake2b_256;
use pvm::names::Names;
use std::path::Path;

/// Those of `named`, or of the file beside the kernel that ends in `.names`, if it is there. Names
/// of another module are warned of, and those beside the kernel are left out then.
///
/// # Errors
/// A file that cannot be read, or has other lines than a place and a name.
pub(crate) fn of(kernel: &Path, named: Option<&Path>) -> anyhow::Result<Names> {
    let beside = kernel.with_extension("names");
    let path = match named {
        Some(path) => path,
        None if beside.is_file() => &beside,
        None => return Ok(Names::default()),
    };
    let names: Names = files::text(path)?
        .parse()
        .with_context(|| path.display().to_string())?;
    let hash = blake2b_256(&files::module(kernel)?);
    let Some(of) = names.of().filter(|of| *of != hash) else {
        return Ok(names);
    };
    let other = format!(
        "{} has the names of the module {}, and {} is {}",
        path.display(),
        hex::encode(of),
        kernel.display(),
        hex::encode(hash)
    );
    if named.is_some() {
        eprintln!("warning: {other}: functions of every module that runs are shown by these names");
        return Ok(names);
    }
    eprintln!("warning: {other}: functions are shown by their numbers");
    Ok(Names::default())
}
