//! A kernel that adds up the numbers that people send.
#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

use alloc::format;
use host::{HostError, MAX_MESSAGE, Path, Runtime};

/// The sum so far: 8 bytes, big-endian.
pub const SUM: Path<'static> = Path::literal("/sum");

host::kernel_entry!(run);

/// Handles the messages of one level.
pub fn run(host: &mut impl Runtime) {
    if let Err(error) = add_all(host) {
        host.write_debug(&format!("run aborted: {error}\n"));
        // Another run at this level would fail alike.
        let _ = host.clear_reboot();
    }
}

fn add_all(host: &mut impl Runtime) -> Result<(), HostError> {
    // From here on a trap costs one run, not the other messages of the level.
    host.mark_for_reboot()?;
    let mut buffer = [0; MAX_MESSAGE];
    while let Some(message) = host.read_input(&mut buffer)? {
        // The first byte is 1 in external messages.
        let [1, number @ ..] = message.payload else {
            continue;
        };
        let Ok(number) = <[u8; 4]>::try_from(number) else {
            host.write_debug("message dropped: expected 4 bytes\n");
            continue;
        };
        let mut sum = [0; 8];
        host.read_small(SUM, &mut sum)?;
        let sum = u64::from_be_bytes(sum).saturating_add(u32::from_be_bytes(number).into());
        host.store_write(SUM, 0, &sum.to_be_bytes())?;
    }
    host.clear_reboot()
}

#[cfg(test)]
mod tests {
    use super::{SUM, run};
    use host::ReadStore;
    use host::mock::{Level, MockHost};

    #[test]
    fn numbers_of_all_levels_are_added_up() {
        let mut host = MockHost::default();
        host.run_level(
            Level::default().external(&[0, 0, 0, 5]).external(b"words"),
            run,
        );
        host.run_level(Level::default().external(&[0, 0, 1, 0]), run);
        let sum = host.read_all(SUM).unwrap().unwrap();
        assert_eq!(sum, 261_u64.to_be_bytes());
    }
}
