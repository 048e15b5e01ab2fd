//! Answers of the other chain's node, kept in memory and in a file: it is asked once.
//!
//! The file is a run of records: 4 bytes length (little-endian), 8 bytes check, then 2 bytes
//! length of the key, the key, a byte (0: there is nothing, 1: there is) and the value. What is
//! torn at its end is cut off.

use alloy_primitives::keccak256;
use pvm::Value;
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The most bytes in memory; beyond them all is forgotten, and asked for again.
const MAX_MEMORY: usize = 512 << 20;

/// The most bytes of a file; beyond them nothing more is written, nor once memory was full: what
/// is asked for again may be there already.
const MAX_FILE: u64 = 512 << 20;

/// Memory of a record besides its bytes.
const OVERHEAD: usize = 96;

/// Known answers: by key, a value, or that there is none.
#[derive(Debug, Default)]
pub(super) struct Cache(Mutex<Entries>);

#[derive(Debug, Default)]
struct Entries {
    known: HashMap<Box<[u8]>, Option<Value>>,
    bytes: usize,
    file: Option<(File, u64)>,
    /// The file may have answers that are not in memory.
    is_partial: bool,
}

impl Cache {
    /// One that keeps what it knows in a file, and knows what is there. If another process
    /// writes it, this one only reads.
    ///
    /// # Errors
    /// If the file cannot be read or made, or is not one of its own: a link, a pipe.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
            if !fs::symlink_metadata(folder)?.is_dir() {
                return Err(io::Error::new(
                    ErrorKind::InvalidInput,
                    "its folder is a link",
                ));
            }
        }
        let mut file = own_file(path)?;
        let ours = file.try_lock().is_ok();
        let mut bytes = Vec::new();
        (&mut file).take(MAX_FILE).read_to_end(&mut bytes)?;
        let mut entries = Entries::default();
        let mut rest = &bytes[..];
        while let Some((key, value, after)) = record(rest) {
            entries.insert(key, value.map(Value::new));
            rest = after;
        }
        if ours {
            let whole = (bytes.len() - rest.len()) as u64;
            file.set_len(whole)?;
            file.seek(SeekFrom::End(0))?;
            entries.file = Some((file, whole));
        }
        Ok(Self(Mutex::new(entries)))
    }

    /// The known answer of a key; the outer `None`: unknown.
    pub(super) fn get(&self, key: &[u8]) -> Option<Option<Value>> {
        self.lock().known.get(key).cloned()
    }

    /// Calls `see` with each key that has a value.
    pub(super) fn for_each(&self, mut see: impl FnMut(&[u8], &Value)) {
        for (key, value) in &self.lock().known {
            if let Some(value) = value {
                see(key, value);
            }
        }
    }

    /// Keeps what was found: a value, or that there is none.
    pub(super) fn put(&self, key: &[u8], value: Option<&[u8]>) {
        let mut entries = self.lock();
        if entries.insert(key, value.map(Value::new)) {
            entries.write(key, value);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entries {
    /// Tells whether it is new.
    fn insert(&mut self, key: &[u8], value: Option<Value>) -> bool {
        if self.bytes > MAX_MEMORY {
            self.forget();
        }
        let bytes =
            |value: &Option<Value>| OVERHEAD + key.len() + value.as_ref().map_or(0, Value::len);
        self.bytes += bytes(&value);
        let old = self.known.insert(key.into(), value);
        self.bytes -= old.as_ref().map_or(0, bytes);
        old.is_none()
    }

    /// Begins anew in memory; the file stays as it is.
    fn forget(&mut self) {
        self.known.clear();
        self.bytes = 0;
        self.is_partial = true;
    }

    /// A file that cannot be written is given up.
    fn write(&mut self, key: &[u8], value: Option<&[u8]>) {
        let Some((file, end)) = self.file.as_mut().filter(|_| !self.is_partial) else {
            return;
        };
        let record = bytes(key, value);
        let after = *end + record.len() as u64;
        if after > MAX_FILE {
            return;
        }
        match file.write_all(&record) {
            Ok(()) => *end = after,
            Err(error) => {
                tracing::warn!("the cache of the fork is no longer written: {error}");
                self.file = None;
            }
        }
    }
}

/// Opens or makes a file of ours: others may have put something else where its name is known
/// before, and what a link leads to is not ours to write.
fn own_file(path: &Path) -> io::Result<File> {
    let foreign = |what| Err(io::Error::new(ErrorKind::InvalidInput, what));
    let mut options = File::options();
    options.read(true).append(true);
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            // Follows no link.
            match options.create_new(true).open(path) {
                // Another process was faster.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                    options.create_new(false);
                    fs::symlink_metadata(path)?
                }
                made => return made,
            }
        }
        Err(error) => return Err(error),
    };
    if !found.is_file() {
        return foreign("it is not a regular file");
    }
    if found.nlink() != 1 {
        return foreign("the file has other names, too");
    }
    // Reading and writing, a pipe does not wait for its other end either.
    let file = options.open(path)?;
    let opened = file.metadata()?;
    match (opened.dev(), opened.ino()) == (found.dev(), found.ino()) {
        true => Ok(file),
        false => foreign("it was replaced meanwhile"),
    }
}

/// The bytes of a record.
fn bytes(key: &[u8], value: Option<&[u8]>) -> Vec<u8> {
    let mut content = Vec::with_capacity(3 + key.len() + value.map_or(0, <[u8]>::len));
    content.extend(u16::try_from(key.len()).unwrap_or(u16::MAX).to_le_bytes());
    content.extend(key);
    content.push(u8::from(value.is_some()));
    content.extend(value.unwrap_or_default());
    let length = u32::try_from(content.len()).unwrap_or(u32::MAX);
    let check = keccak256(&content);
    [&length.to_le_bytes(), &check[..8], &content].concat()
}

type Record<'b> = (&'b [u8], Option<&'b [u8]>, &'b [u8]);

/// The first record: key, value, and what follows; `None` if it is not whole.
fn record(bytes: &[u8]) -> Option<Record<'_>> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (check, rest) = rest.split_first_chunk::<8>()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    let (content, after) = rest.split_at_checked(length)?;
    if keccak256(content)[..8] != *check {
        return None;
    }
    let (length, rest) = content.split_first_chunk::<2>()?;
    let (key, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes(*length)))?;
    let (present, value) = rest.split_first()?;
    Some((key, (*present == 1).then_some(value), after))
}

/// The folder of caches where none is named: below that of the user's caches.
#[must_use]
pub fn default_folder() -> Option<PathBuf> {
    let named = |name| std::env::var_os(name).filter(|folder| !folder.is_empty());
    let caches = match named("XDG_CACHE_HOME") {
        Some(folder) => PathBuf::from(folder),
        None => PathBuf::from(named("HOME")?).join(".cache"),
    };
    Some(caches.join("evm-rollup").join("fork"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn file(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("fork-cache-{name}-{}", std::process::id()))
    }

    #[test]
    fn what_was_found_is_there_again_and_a_torn_end_is_not() {
        let path = file("again");
        let cache = Cache::open(&path).unwrap();
        cache.put(b"/a", Some(&[1; 5_000]));
        cache.put(b"/b", None);
        drop(cache);
        let whole = fs::read(&path).unwrap();
        fs::write(&path, [&whole[..], &[9, 0, 0, 0, 1]].concat()).unwrap();
        let cache = Cache::open(&path).unwrap();
        assert_eq!(cache.get(b"/a").unwrap().unwrap().to_vec(), [1; 5_000]);
        assert!(cache.get(b"/b").unwrap().is_none());
        assert!(cache.get(b"/c").is_none());
        cache.put(b"/c", Some(b"x"));
        drop(cache);
        let cache = Cache::open(&path).unwrap();
        assert_eq!(cache.get(b"/c").unwrap().unwrap().to_vec(), b"x");
        fs::remove_file(&path).unwrap();
    }

    #[test]
    fn what_is_known_is_counted_and_written_once() {
        let path = file("once");
        let cache = Cache::open(&path).unwrap();
        cache.put(b"/a", Some(&[1; 500]));
        let (bytes, whole) = (cache.lock().bytes, fs::metadata(&path).unwrap().len());
        cache.put(b"/a", Some(&[1; 500]));
        assert_eq!(cache.lock().bytes, bytes);
        // Memory was full, and it is asked for again.
        cache.lock().forget();
        cache.put(b"/a", Some(&[1; 500]));
        assert_eq!(cache.get(b"/a").unwrap().unwrap().to_vec(), [1; 500]);
        assert_eq!(fs::metadata(&path).unwrap().len(), whole);
        fs::remove_file(&path).unwrap();
    }

    #[test]
    fn a_second_process_only_reads() {
        let path = file("second");
        let first = Cache::open(&path).unwrap();
        first.put(b"/a", Some(b"1"));
        let second = Cache::open(&path).unwrap();
        assert_eq!(second.get(b"/a").unwrap().unwrap().to_vec(), b"1");
        second.put(b"/b", Some(b"2"));
        first.put(b"/c", Some(b"3"));
        drop((first, second));
        let third = Cache::open(&path).unwrap();
        assert!(third.get(b"/b").is_none());
        assert!(third.get(b"/c").is_some());
        fs::remove_file(&path).unwrap();
    }

    #[test]
    fn links_pipes_and_folders_are_no_caches() {
        let path = file("link");
        let victim = file("victim");
        fs::write(&victim, "precious").unwrap();
        std::os::unix::fs::symlink(&victim, &path).unwrap();
        let error = Cache::open(&path).unwrap_err();
        assert!(error.to_string().contains("not a regular file"), "{error}");
        fs::remove_file(&path).unwrap();
        // Where the link leads nowhere, nothing is made there.
        let nowhere = file("nowhere");
        std::os::unix::fs::symlink(&nowhere, &path).unwrap();
        Cache::open(&path).unwrap_err();
        assert!(!nowhere.exists());
        fs::remove_file(&path).unwrap();
        fs::hard_link(&victim, &path).unwrap();
        let error = Cache::open(&path).unwrap_err();
        assert!(error.to_string().contains("other names"), "{error}");
        fs::remove_file(&path).unwrap();
        let pipe = std::process::Command::new("mkfifo").arg(&path).status();
        assert!(pipe.unwrap().success());
        Cache::open(&path).unwrap_err();
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        Cache::open(&path).unwrap_err();
        fs::remove_dir(&path).unwrap();
        assert_eq!(fs::read(&victim).unwrap(), b"precious");
        fs::remove_file(&victim).unwrap();
    }

    proptest! {
        #[test]
        fn a_record_survives_a_round_trip(key: Vec<u8>, value: Option<Vec<u8>>, after: Vec<u8>) {
            let all = [&bytes(&key, value.as_deref())[..], &after].concat();
            let expected = (&key[..], value.as_deref(), &after[..]);
            prop_assert_eq!(record(&all), Some(expected));
        }

        #[test]
        fn any_bytes_are_records_or_not(bytes: Vec<u8>) {
            let _ = record(&bytes);
        }
    }
}
