//! Payloads of any length, revealed page by page (docs/machine.md, "Setup files
//! and the installer").
//!
//! A page is a tag, a length (u32, big-endian) and that many bytes: content
//! behind tag 0, hashes of further pages behind tag 1. Bytes behind them are
//! ignored.
//!
//! ```
//! use host::mock::MockHost;
//! use host::{Path, ReadStore, preimages};
//!
//! let mut host = MockHost::default();
//! let hello = host.add_preimage(b"\0\0\0\0\x06hello ");
//! let world = host.add_preimage(b"\0\0\0\0\x05world");
//! let root = host.add_preimage(&[&[1, 0, 0, 0, 66], &hello[..], &world].concat());
//! assert_eq!(preimages::reveal_to_store(&mut host, &root, Path::literal("/new")), Ok(11));
//! assert_eq!(host.read_all(Path::literal("/new")), Ok(Some(b"hello world".to_vec())));
//! ```

use crate::{HostError, MAX_MESSAGE, Path, Reveal, Store};
use core::fmt;

/// A reveal hash: `00` (for blake2b-256) and the hash of the page.
pub type RevealHash = [u8; 33];

/// The most levels of pages: three of hashes above one of content, which holds
/// 123³ × 4,091 bytes.
pub const MAX_LEVELS: usize = 4;

/// The bytes of a hash.
const HASH: usize = 33;

/// The bytes in front of a page's body.
const HEADER: usize = 1 + 4;

/// Why a payload cannot be revealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageError {
    /// The machine refused.
    Host(HostError),
    /// The page with this hash is malformed.
    Malformed(RevealHash),
    /// More than [`MAX_LEVELS`] of pages.
    TooDeep,
}

impl fmt::Display for PageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(error) => error.fmt(f),
            Self::Malformed(hash) => {
                f.write_str("malformed page ")?;
                hash.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
            Self::TooDeep => write!(f, "more than {MAX_LEVELS} levels of pages"),
        }
    }
}

impl core::error::Error for PageError {}

impl From<HostError> for PageError {
    fn from(error: HostError) -> Self {
        Self::Host(error)
    }
}

/// Gives the payload below `root` to `take`, in order, a page at a time (at most
/// 4,091 bytes). One host call a page. A page that nobody has holds every node
/// up at this level until somebody publishes it.
///
/// # Errors
/// [`PageError`]; what was taken until then was part of the payload.
pub fn reveal<H: Reveal>(
    host: &mut H,
    root: &RevealHash,
    mut take: impl FnMut(&mut H, &[u8]) -> Result<(), HostError>,
) -> Result<(), PageError> {
    // The pages from the root to the one that is looked at, and what is still to
    // read of each. No allocation: the installer has no room for an allocator.
    let mut pages = [[0; MAX_MESSAGE]; MAX_LEVELS];
    let mut rest = [const { 0..0 }; MAX_LEVELS];
    let (mut level, mut hash) = (0, *root);
    loop {
        let (Some(page), Some(waiting)) = (pages.get_mut(level), rest.get_mut(level)) else {
            return Err(PageError::TooDeep);
        };
        let len = host.reveal_preimage(&hash, page)?;
        let page = page.get(..len).unwrap_or_default();
        match body(page).ok_or(PageError::Malformed(hash))? {
            (0, content) => take(host, content)?,
            (1, hashes) if hashes.len() % HASH == 0 => {
                *waiting = HEADER..HEADER + hashes.len();
                level += 1;
            }
            _ => return Err(PageError::Malformed(hash)),
        }
        // The next hash of the deepest page that has one.
        hash = loop {
            let Some(above) = level.checked_sub(1) else {
                return Ok(());
            };
            let (Some(page), Some(waiting)) = (pages.get(above), rest.get_mut(above)) else {
                return Ok(());
            };
            let next = page.get(waiting.clone()).and_then(<[u8]>::first_chunk);
            if let Some(next) = next {
                waiting.start += HASH;
                break *next;
            }
            level = above;
        };
    }
}

/// Makes the payload below `root` all that lies at `path`; gives its length.
/// Reveal to a path of its own and move it where it belongs once it is whole.
///
/// # Errors
/// [`PageError`]; the value is then a beginning.
pub fn reveal_to_store(
    host: &mut (impl Reveal + Store),
    root: &RevealHash,
    path: Path<'_>,
) -> Result<usize, PageError> {
    host.store_delete(path)?;
    let mut len = 0;
    reveal(host, root, |host, content| {
        host.write_chunks(path, len, content)?;
        len += content.len();
        Ok(())
    })?;
    Ok(len)
}

/// Tag and body of a page.
fn body(page: &[u8]) -> Option<(u8, &[u8])> {
    let (tag, rest) = page.split_first()?;
    let (len, rest) = rest.split_first_chunk()?;
    let body = rest.get(..u32::from_be_bytes(*len) as usize)?;
    Some((*tag, body))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ReadStore;
    use crate::mock::MockHost;

    const NEW: Path<'static> = Path::literal("/new");

    fn page(host: &mut MockHost, tag: u8, body: &[u8]) -> RevealHash {
        host.add_preimage(&[&[tag], &(body.len() as u32).to_be_bytes()[..], body].concat())
    }

    #[test]
    fn pages_come_in_order_however_deep_they_lie() {
        let mut host = MockHost::default();
        let leaves: Vec<_> = (0..6)
            .map(|byte| page(&mut host, 0, &[byte; 4_091]))
            .collect();
        let left = page(&mut host, 1, &leaves[..4].concat());
        let right = page(&mut host, 1, &leaves[4..].concat());
        let root = page(&mut host, 1, &[left, right].concat());
        assert_eq!(reveal_to_store(&mut host, &root, NEW), Ok(6 * 4_091));
        let expected: Vec<u8> = (0..6).flat_map(|byte| [byte; 4_091]).collect();
        assert_eq!(host.read_all(NEW), Ok(Some(expected)));
        // What was there before is gone.
        assert_eq!(reveal_to_store(&mut host, &leaves[5], NEW), Ok(4_091));
        assert_eq!(host.read_all(NEW), Ok(Some(vec![5; 4_091])));
    }

    #[test]
    fn pages_that_are_none_are_named() {
        let mut host = MockHost::default();
        let bad = [
            host.add_preimage(b""),
            host.add_preimage(&[0, 0, 0, 0]),
            host.add_preimage(&[0, 0, 0, 0, 2, 1]),
            page(&mut host, 1, &[0; 34]),
            page(&mut host, 2, &[]),
        ];
        for hash in bad {
            let result = reveal_to_store(&mut host, &hash, NEW);
            assert_eq!(result, Err(PageError::Malformed(hash)));
        }
        // Another scheme has no preimages.
        let foreign = [1; 33];
        let result = reveal_to_store(&mut host, &foreign, NEW);
        assert_eq!(result, Err(PageError::Malformed(foreign)));
    }

    #[test]
    fn four_levels_are_read_and_no_more() {
        let mut host = MockHost::default();
        let mut root = page(&mut host, 0, b"deep");
        for _ in 1..MAX_LEVELS {
            root = page(&mut host, 1, &root);
        }
        assert_eq!(reveal_to_store(&mut host, &root, NEW), Ok(4));
        let deeper = page(&mut host, 1, &root);
        let result = reveal_to_store(&mut host, &deeper, NEW);
        assert_eq!(result, Err(PageError::TooDeep));
    }
}
