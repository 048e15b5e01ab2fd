//! The open packages of Ethereum's tests, which lie beside the checkout.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// Unpacks the state tests into `target/suites`, once; gives their folder, or
/// `None` where the package is absent.
///
/// # Errors
/// Where the package cannot be read, or the folder not be written.
pub fn state_tests() -> io::Result<Option<PathBuf>> {
    static UNPACKING: Mutex<()> = Mutex::new(());
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let archive = checkout.join("../shared/suites/open-statetests.tar.zst");
    let target = checkout.join("target/suites");
    let _alone = UNPACKING.lock();
    let file = match std::fs::File::open(archive) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let done = target.join("unpacked");
    if !done.exists() {
        tar::Archive::new(zstd::Decoder::new(file)?).unpack(&target)?;
        std::fs::write(done, "")?;
    }
    Ok(Some(target.join("statetests")))
}
