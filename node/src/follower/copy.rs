//! A copy of a rollup node's durable storage.

use super::client::{At, Client, form};
use super::error::FollowError;
use super::options::StartError;
use pvm::Durable;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// The most keys of durable storage that wait to be copied.
const MAX_KEYS: usize = 10_000_000;

/// The pause between two lines of the log.
const PAUSE: Duration = Duration::from_secs(1);

/// Durable storage after a block, value by value.
pub(super) fn copy(client: &Client, hash: &str, stop: &AtomicBool) -> Result<Durable, StartError> {
    let mut durable = Durable::new();
    let (mut open, mut count, mut told) = (vec![String::new()], 0_u64, std::time::Instant::now());
    while let Some(path) = open.pop() {
        if stop.load(Ordering::Relaxed) {
            return Err(StartError::Stopped);
        }
        for name in client.subkeys(At::Hash(hash), &path)? {
            if !name.is_empty() {
                let below = format!("{path}/{name}");
                let is_step = !name.contains('/') && host::Path::new(below.as_bytes()).is_ok();
                if !is_step || open.len() >= MAX_KEYS {
                    let why =
                        format_args!("{name:?} is not a name of a key, or there are too many");
                    return Err(form(&format!("the keys below {path:?}"), &why).into());
                }
                open.push(below);
                continue;
            }
            // Between two questions nothing changes: it is one block.
            if let Some(value) = client.value(At::Hash(hash), &path)? {
                durable
                    .write(&*path, &value)
                    .map_err(|error| FollowError::from(pvm::Error::from(error)))?;
                count += 1;
            }
        }
        if told.elapsed() >= PAUSE {
            told = std::time::Instant::now();
            tracing::info!("copying durable storage: {count} values so far");
        }
    }
    tracing::info!("copied durable storage: {count} values");
    Ok(durable)
}
