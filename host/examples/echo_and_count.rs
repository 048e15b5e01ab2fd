//! Sends what comes from outside back to layer 1, and counts it.
#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

use alloc::format;
use host::{HostError, MAX_MESSAGE, Path, Runtime};

const COUNT: Path<'static> = Path::literal("/count");

host::kernel_entry!(run);

fn run(host: &mut impl Runtime) {
    if let Err(error) = echo(host) {
        host.write_debug(&format!("run aborted: {error}\n"));
        // Another run at this level would fail alike.
        let _ = host.clear_reboot();
    }
}

fn echo(host: &mut impl Runtime) -> Result<(), HostError> {
    // From here on a trap costs one run, not the rest of the level's messages.
    host.mark_for_reboot()?;
    let mut buffer = [0; MAX_MESSAGE];
    let mut count = count(host)?;
    while let Some(message) = host.read_input(&mut buffer)? {
        // The first byte tells external messages from what layer 1 says itself.
        let [1, contents @ ..] = message.payload else {
            continue;
        };
        count += 1;
        host.store_write(COUNT, 0, &count.to_be_bytes())?;
        match host.write_output(contents) {
            Err(HostError::FullOutbox) => host.write_debug("not echoed: the outbox is full\n"),
            written => written?,
        }
    }
    host.clear_reboot()
}

/// The number of messages that were seen at all levels so far.
fn count(host: &impl Runtime) -> Result<u64, HostError> {
    let mut bytes = [0; 8];
    host.read_small(COUNT, &mut bytes)?;
    Ok(u64::from_be_bytes(bytes))
}
