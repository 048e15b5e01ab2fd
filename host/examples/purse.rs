//! Adds up what each of us is given. An external message is a name of one letter and an amount of
//! two bytes. It has a mistake, which docs/debugging.md finds.
#![cfg_attr(target_arch = "wasm32", no_std)]

use host::{HostError, MAX_MESSAGE, Path, PathBuf, Runtime};

const PURSES: Path<'static> = Path::literal("/purse");

host::kernel_entry!(run);

fn run(host: &mut impl Runtime) {
    if read(host).is_err() {
        host.write_debug("the machine refuses\n");
    }
}

fn read(host: &mut impl Runtime) -> Result<(), HostError> {
    let mut buffer = [0; MAX_MESSAGE];
    while let Some(message) = host.read_input(&mut buffer)? {
        if let [1, name, amount @ ..] = message.payload
            && name.is_ascii_lowercase()
        {
            give(host, *name, amount)?;
        }
    }
    Ok(())
}

#[inline(never)]
fn give(host: &mut impl Runtime, name: u8, amount: &[u8]) -> Result<(), HostError> {
    let mut path: PathBuf<16> = PathBuf::from_path(PURSES);
    path.push(&[name]).map_err(|_| HostError::InvalidKey)?;
    let mut bytes = [0; 8];
    host.read_small(path.as_path(), &mut bytes)?;
    let sum = u64::from_be_bytes(bytes) + read_amount(amount);
    host.store_write(path.as_path(), 0, &sum.to_be_bytes())?;
    Ok(())
}

/// The mistake: of an amount of 256 or more it takes the last byte alone.
#[inline(never)]
fn read_amount(bytes: &[u8]) -> u64 {
    match bytes {
        [_, low] => u64::from(*low),
        _ => 0,
    }
}
