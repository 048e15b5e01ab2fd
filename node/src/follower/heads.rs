//! The heads that a rollup node tells of.

use super::answers::Head;
use super::client::{At, Client};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// The pause before the rollup node is asked again.
const PAUSE: Duration = Duration::from_secs(1);

/// A thread that hears of new heads, and asks again after each end of a stream.
pub(super) fn monitor(client: Client, stop: Arc<AtomicBool>) -> std::io::Result<Receiver<Head>> {
    let (heads, heard) = channel();
    let listen = move || {
        let mut told = false;
        while !stop.load(Ordering::Relaxed) {
            let opened = std::time::Instant::now();
            // What came between two streams.
            let newest = client.block(At::Head).map(|block| block.head);
            let streamed = newest.and_then(|head| {
                told = false;
                if heads.send(head).is_err() {
                    return Ok(false);
                }
                let mut listening = true;
                client.monitor(|head| {
                    listening = heads.send(head).is_ok() && !stop.load(Ordering::Relaxed);
                    listening
                })?;
                Ok(listening)
            });
            match streamed {
                // A stream that ends at once is no reason to hurry.
                Ok(true) => std::thread::sleep(PAUSE.saturating_sub(opened.elapsed())),
                Ok(false) => return,
                Err(error) => {
                    if !std::mem::replace(&mut told, true) {
                        tracing::warn!("{error}");
                    }
                    std::thread::sleep(PAUSE);
                }
            }
        }
    };
    std::thread::Builder::new()
        .name("heads".into())
        .spawn(listen)?;
    Ok(heard)
}
