//! Files of a bounded size.

use std::fs::File;
use std::io::{Error, ErrorKind, Read, Result};
use std::path::Path;

/// The bytes of a regular file of at most `most` bytes: no device or pipe is opened,
/// which could be endless or never answer.
///
/// # Errors
/// Where it cannot be read, is no regular file, or larger.
pub fn read(path: &Path, most: u64) -> Result<Vec<u8>> {
    let file = open(path)?;
    if file.metadata()?.len() > most {
        return Err(too_large(most));
    }
    bounded(file, most)
}

/// Opens a regular file: no device or pipe, which could be endless or never answer.
///
/// # Errors
/// Where it cannot be opened, or is no regular file.
pub fn open(path: &Path) -> Result<File> {
    // To open a pipe may wait for ever.
    if !std::fs::metadata(path)?.is_file() {
        return Err(Error::new(ErrorKind::InvalidInput, "not a regular file"));
    }
    File::open(path)
}

/// All that `from` has, at most `most` bytes.
///
/// # Errors
/// Where it cannot be read, or is larger.
pub fn bounded(from: impl Read, most: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = from.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if read as u64 > most {
        return Err(too_large(most));
    }
    Ok(bytes)
}

fn too_large(most: u64) -> Error {
    let why = format!("larger than {most} bytes");
    Error::new(ErrorKind::FileTooLarge, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_endless_is_not_opened_and_what_is_large_is_not_read() {
        let device = read(Path::new("/dev/zero"), 10).unwrap_err();
        assert_eq!(device.to_string(), "not a regular file");
        let file = std::env::temp_dir().join(format!("bounded-{}", std::process::id()));
        std::fs::write(&file, [7; 10]).unwrap();
        assert_eq!(read(&file, 10).unwrap(), [7; 10]);
        let large = read(&file, 9).unwrap_err();
        assert_eq!(large.to_string(), "larger than 9 bytes");
        std::fs::remove_file(&file).unwrap();
        assert!(bounded(std::io::repeat(1), 1_000).is_err());
    }
}
