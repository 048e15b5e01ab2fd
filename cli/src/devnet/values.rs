//! Values of options that are more than texts and numbers.

use node::{BlockTime, Post};
use std::path::{Path, PathBuf};
use std::time::Duration;

pub(super) fn mnemonic(text: &str) -> Result<String, String> {
    match node::accounts::derive_from(text, 0) {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// A file that can be written at the end.
pub(super) fn state_path(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    match path.is_dir() {
        true => Err("it is a folder".into()),
        false if !folder.is_dir() => Err(format!("there is no folder {}", folder.display())),
        false => Ok(path),
    }
}

pub(super) fn block_time(text: &str) -> Result<BlockTime, String> {
    if text == "auto" {
        return Ok(BlockTime::Auto);
    }
    let period = text
        .parse()
        .ok()
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    match period {
        Some(period) if !period.is_zero() => Ok(BlockTime::Every(period)),
        _ => Err("expected `auto` or a number of seconds above 0".into()),
    }
}

pub(crate) fn post(text: &str) -> Result<Post, String> {
    match text {
        "batches" => Ok(Post::Batches),
        "raw" => Ok(Post::Raw),
        _ => Err("expected `batches` or `raw`".into()),
    }
}
