//! The names of a kernel's functions, from the file beside it.

use crate::files;
use anyhow::Context;
use pvm::names::Names;
use std::path::Path;

/// Those of `named`, or of the file beside the kernel that ends in `.names`, if it is there.
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
    let names = files::text(path)?.parse();
    names.with_context(|| path.display().to_string())
}
