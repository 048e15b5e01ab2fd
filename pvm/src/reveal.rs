//! Data that a kernel may ask for from outside of its inbox.

use crate::files;
use blake2::{Blake2b, Digest, digest::consts::U32};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// A reveal hash: `00` (for blake2b-256) and the hash of the preimage.
pub type RevealHash = [u8; 33];

/// The largest preimage, in bytes.
pub const MAX_PREIMAGE: usize = 4096;

/// Why a preimage cannot be had. A rollup node waits in this case; a run here
/// ends, and nothing of its level is kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RevealError {
    /// No folder of preimages was given.
    #[error("the kernel asks for the preimage of {0}, but no folder of preimages was given")]
    NoFolder(String),
    /// The file is not there, or cannot be read.
    #[error("the preimage {file} cannot be read: {why}")]
    Unreadable {
        /// The expected file.
        file: PathBuf,
        /// The system's message.
        why: String,
    },
    /// The file's bytes have another hash, or are too many.
    #[error("the file {0} does not hold the preimage of its name")]
    Wrong(PathBuf),
}

impl RevealError {
    /// The name of the file that holds the preimage: the lower-case hex of its hash.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::NoFolder(name) => Some(name),
            Self::Unreadable { file, .. } | Self::Wrong(file) => file.file_name()?.to_str(),
        }
    }
}

/// The reveal hash of a preimage.
#[must_use]
pub fn hash(preimage: &[u8]) -> RevealHash {
    let mut hash = [0; 33];
    hash[1..].copy_from_slice(&Blake2b::<U32>::digest(preimage));
    hash
}

/// The preimage of `hash` from `folder`, where files are named by the
/// lower-case hex of the hash. An invalid hash has an empty preimage.
///
/// # Errors
/// If the preimage is not there, or not right.
pub fn preimage(folder: Option<&Path>, hash: &[u8]) -> Result<Vec<u8>, RevealError> {
    let empty = self::hash(b"");
    if hash.len() != empty.len() || hash[0] != 0 || hash == empty {
        return Ok(Vec::new());
    }
    let name = hex::encode(hash);
    let Some(folder) = folder else {
        return Err(RevealError::NoFolder(name));
    };
    let file = folder.join(name);
    match files::read(&file, MAX_PREIMAGE as u64) {
        Err(error) if error.kind() == ErrorKind::FileTooLarge => Err(RevealError::Wrong(file)),
        Err(error) => Err(RevealError::Unreadable {
            file,
            why: error.to_string(),
        }),
        Ok(bytes) if self::hash(&bytes) != hash => Err(RevealError::Wrong(file)),
        Ok(bytes) => Ok(bytes),
    }
}
