//! Files of a bounded size.

use std::fs::File;
use std::io::{BufWriter, Error, ErrorKind, Read, Result};
use std::path::Path;

/// The bytes of a regular file of at most `most` bytes: no device or pipe is opened,
/// which could be endless or never answer.
///
/// # Errors
/// If it cannot be read, is no regular file, or larger.
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
/// If it cannot be opened, or is no regular file.
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
/// If it cannot be read, or is larger.
pub fn bounded(from: impl Read, most: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = from.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if read as u64 > most {
        return Err(too_large(most));
    }
    Ok(bytes)
}

/// Writes a file, which is there as a whole or not at all. It is written under another name
/// first, by which nothing else is reached: what has that name (`.part` behind its own) goes.
///
/// # Errors
/// Those of `content`; where it cannot be written, or what is there is no regular file.
pub fn replace<E: From<Error>>(
    path: &Path,
    content: impl FnOnce(&mut BufWriter<File>) -> std::result::Result<(), E>,
) -> std::result::Result<(), E> {
    // What is no file, a device or a link, would be replaced by one.
    if std::fs::symlink_metadata(path).is_ok_and(|known| !known.is_file()) {
        let why = "not a regular file: name another";
        return Err(Error::new(ErrorKind::InvalidInput, why).into());
    }
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    // One of a run that was killed, or somebody's link.
    let _ = std::fs::remove_file(&part);
    let mut out = BufWriter::new(File::create_new(&part)?);
    let written = content(&mut out)
        .and_then(|()| Ok(out.into_inner().map_err(Error::from)?.sync_all()?))
        .and_then(|()| Ok(rename(Path::new(&part), path)?));
    if written.is_err() {
        // What is half is of no use.
        let _ = std::fs::remove_file(&part);
    }
    written
}

/// Renames a file within a folder; the new name outlives a power cut as the bytes do that were
/// synced before.
///
/// # Errors
/// If it cannot be renamed, or its folder not be synced.
pub fn rename(from: &Path, to: &Path) -> Result<()> {
    std::fs::rename(from, to)?;
    sync_name(to)
}

/// Writes the name of a file to its folder, so that it outlives a power cut.
///
/// # Errors
/// If the folder cannot be synced.
pub fn sync_name(path: &Path) -> Result<()> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
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
        let other = file.with_extension("renamed");
        rename(&file, &other).unwrap();
        assert_eq!(read(&other, 10).unwrap(), [7; 10]);
        std::fs::remove_file(&other).unwrap();
        // A name alone is of the current folder.
        sync_name(Path::new("name")).unwrap();
        assert!(bounded(std::io::repeat(1), 1_000).is_err());
    }
}
