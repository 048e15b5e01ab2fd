//! Paths of durable storage.
//!
//! Grammar: one or more `/step`, where a step is one or more of `A-Z a-z 0-9
//! . - _`; at most 240 bytes in all.

use core::fmt;

/// The longest path that the machine takes, in bytes.
pub const MAX_PATH: usize = 240;

/// Why bytes are not a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathError {
    /// No byte at all, or `/` alone.
    Empty,
    /// Longer than [`MAX_PATH`].
    TooLong {
        /// Its length in bytes.
        len: usize,
    },
    /// The first byte is not `/`.
    NoLeadingSlash,
    /// Two slashes in a row, or one at the end.
    EmptyStep {
        /// The offset at which a step should begin.
        at: usize,
    },
    /// A byte that paths cannot hold.
    InvalidByte {
        /// Its offset.
        at: usize,
        /// Its value.
        byte: u8,
    },
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the path is empty"),
            Self::TooLong { len } => {
                write!(f, "the path has {len} bytes, more than {MAX_PATH}")
            }
            Self::NoLeadingSlash => f.write_str("the path does not start with '/'"),
            Self::EmptyStep { at } => write!(f, "the path has an empty step at byte {at}"),
            Self::InvalidByte { at, byte } => {
                write!(f, "the path has the invalid byte {byte:#04x} at {at}")
            }
        }
    }
}

impl core::error::Error for PathError {}

/// A valid path, borrowed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path<'a>(&'a [u8]);

impl Path<'static> {
    /// A path that is checked when the kernel is compiled.
    ///
    /// ```
    /// use host::Path;
    /// const HEAD: Path<'static> = Path::literal("/evm/state/head");
    /// assert_eq!(HEAD.as_bytes(), b"/evm/state/head");
    /// ```
    /// ```compile_fail
    /// const WRONG: host::Path<'static> = host::Path::literal("no/slash");
    /// ```
    #[must_use]
    pub const fn literal(path: &'static str) -> Self {
        assert!(check(path.as_bytes()).is_ok(), "not a valid path");
        Self(path.as_bytes())
    }
}

impl<'a> Path<'a> {
    /// The path in `bytes`.
    ///
    /// # Errors
    /// If they do not follow the grammar.
    pub const fn new(bytes: &'a [u8]) -> Result<Self, PathError> {
        match check(bytes) {
            Ok(()) => Ok(Self(bytes)),
            Err(error) => Err(error),
        }
    }

    /// The path's bytes, all ASCII.
    #[must_use]
    pub const fn as_bytes(self) -> &'a [u8] {
        self.0
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(core::str::from_utf8(self.0).unwrap_or("(not ASCII)"))
    }
}

impl fmt::Debug for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A path under construction, on the stack: building one never allocates.
///
/// A kernel whose paths are short says so by `CAPACITY`, in bytes: every byte of
/// it is cleared and moved, and the machine charges for each.
#[derive(Clone)]
pub struct PathBuf<const CAPACITY: usize = MAX_PATH> {
    bytes: [u8; CAPACITY],
    len: usize,
}

impl<const CAPACITY: usize> PathBuf<CAPACITY> {
    /// Starts from `path`, which fits.
    ///
    /// # Panics
    /// If `path` is longer than the capacity; for a constant, when compiled.
    #[must_use]
    pub const fn from_path(path: Path<'_>) -> Self {
        let mut start = Self::EMPTY;
        start.restart(path);
        start
    }

    /// A path of no steps yet, which is none: see [`PathBuf::restart`].
    pub const EMPTY: Self = Self {
        bytes: [0; CAPACITY],
        len: 0,
    };

    /// Becomes `path`, which fits, where it lies: each move of a path costs its bytes.
    ///
    /// # Panics
    /// As [`PathBuf::from_path`].
    #[inline(always)]
    pub const fn restart(&mut self, path: Path<'_>) {
        let len = path.0.len();
        self.bytes.split_at_mut(len).0.copy_from_slice(path.0);
        self.len = len;
    }

    /// Appends `/` and `step`.
    ///
    /// # Errors
    /// If the step is empty, holds a byte that paths cannot hold, or makes
    /// the path too long; the path is then unchanged.
    #[inline]
    pub fn push(&mut self, step: &[u8]) -> Result<(), PathError> {
        let start = self.len + 1;
        let end = start + step.len();
        if step.is_empty() {
            return Err(PathError::EmptyStep { at: start });
        }
        if end > CAPACITY {
            return Err(PathError::TooLong { len: end });
        }
        if let Some(at) = step.iter().position(|byte| !STEP_BYTES[usize::from(*byte)]) {
            return Err(PathError::InvalidByte {
                at: start + at,
                byte: step[at],
            });
        }
        self.bytes[self.len] = b'/';
        self.bytes[start..end].copy_from_slice(step);
        self.len = end;
        Ok(())
    }

    /// Appends `/` and `key` in base64url without padding (RFC 4648 §5), which is
    /// legal in paths: 4 characters for every 3 bytes, no look at each of them.
    ///
    /// # Errors
    /// If the key is empty or makes the path too long; the path is then
    /// unchanged.
    #[inline]
    pub fn push_key(&mut self, key: &[u8]) -> Result<(), PathError> {
        let start = self.len + 1;
        let end = start + (key.len() * 4).div_ceil(3);
        if key.is_empty() {
            return Err(PathError::EmptyStep { at: start });
        }
        if end > CAPACITY {
            return Err(PathError::TooLong { len: end });
        }
        self.bytes[self.len] = b'/';
        let (groups, rest) = key.as_chunks::<3>();
        let (places, tail) = self.bytes[start..end].as_chunks_mut::<4>();
        for (place, [a, b, c]) in places.iter_mut().zip(groups) {
            *place = base64url(*a, *b, *c);
        }
        let last = match rest {
            [a, b] => base64url(*a, *b, 0),
            [a] => base64url(*a, 0, 0),
            _ => [0; 4],
        };
        tail.copy_from_slice(&last[..tail.len()]);
        self.len = end;
        Ok(())
    }

    /// Appends `/` and `number` in decimal.
    ///
    /// # Errors
    /// If it makes the path too long; the path is then unchanged.
    pub fn push_number(&mut self, mut number: u64) -> Result<(), PathError> {
        let mut digits = [b'0'; 20];
        let mut start = digits.len();
        loop {
            start -= 1;
            digits[start] = b'0' + (number % 10) as u8;
            number /= 10;
            if number == 0 {
                return self.push(&digits[start..]);
            }
        }
    }

    /// The current end of the path, to come back to with [`PathBuf::reset`].
    #[must_use]
    pub const fn mark(&self) -> Mark {
        Mark(self.len)
    }

    /// Drops the steps that were appended since `mark` was taken of this path.
    pub fn reset(&mut self, mark: Mark) {
        self.len = self.len.min(mark.0);
    }

    /// The path as far as it is built.
    #[must_use]
    pub fn as_path(&self) -> Path<'_> {
        Path(&self.bytes[..self.len])
    }
}

impl<const CAPACITY: usize> fmt::Debug for PathBuf<CAPACITY> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.as_path(), f)
    }
}

/// The characters of base64url (RFC 4648 §5), by the six bits that they stand for.
const KEY_ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The end of a [`PathBuf`] at some moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark(usize);

/// The four characters of three bytes.
#[inline(always)]
const fn base64url(a: u8, b: u8, c: u8) -> [u8; 4] {
    let word = (a as u32) << 16 | (b as u32) << 8 | c as u32;
    [
        KEY_ALPHABET[(word >> 18) as usize & 63],
        KEY_ALPHABET[(word >> 12) as usize & 63],
        KEY_ALPHABET[(word >> 6) as usize & 63],
        KEY_ALPHABET[word as usize & 63],
    ]
}

/// The bytes behind a step that [`PathBuf::push_key`] wrote, or `None` if it is
/// none of so many bytes.
///
/// ```
/// use host::path::decode_key;
/// assert_eq!(decode_key(b"dGVzdA"), Some(*b"test"));
/// assert_eq!(decode_key::<5>(b"dGVzdA"), None);
/// assert_eq!(decode_key::<4>(b"dGVz.A"), None);
/// ```
#[must_use]
pub fn decode_key<const LEN: usize>(step: &[u8]) -> Option<[u8; LEN]> {
    if step.len() != (LEN * 4).div_ceil(3) {
        return None;
    }
    let mut bytes = [0; LEN];
    for (group, out) in step.chunks(4).zip(bytes.chunks_mut(3)) {
        let mut word = 0;
        for (index, character) in group.iter().enumerate() {
            let value = KEY_ALPHABET.iter().position(|known| known == character)?;
            word |= u32::try_from(value).ok()? << (18 - 6 * index);
        }
        for (index, byte) in out.iter_mut().enumerate() {
            *byte = (word >> (16 - 8 * index)) as u8;
        }
    }
    Some(bytes)
}

/// [`is_step_byte`] as a table: one load a byte.
const STEP_BYTES: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = is_step_byte(byte as u8);
        byte += 1;
    }
    table
};

const fn is_step_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_')
}

const fn check(bytes: &[u8]) -> Result<(), PathError> {
    if bytes.is_empty() || bytes.len() == 1 && bytes[0] == b'/' {
        return Err(PathError::Empty);
    }
    if bytes.len() > MAX_PATH {
        return Err(PathError::TooLong { len: bytes.len() });
    }
    if bytes[0] != b'/' {
        return Err(PathError::NoLeadingSlash);
    }
    let mut at = 1;
    while at < bytes.len() {
        let byte = bytes[at];
        if byte == b'/' {
            if bytes[at - 1] == b'/' {
                return Err(PathError::EmptyStep { at });
            }
        } else if !is_step_byte(byte) {
            return Err(PathError::InvalidByte { at, byte });
        }
        at += 1;
    }
    if bytes[bytes.len() - 1] == b'/' {
        return Err(PathError::EmptyStep { at: bytes.len() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(path: &[u8]) -> PathError {
        Path::new(path).unwrap_err()
    }

    #[test]
    fn a_path_has_240_bytes_at_most() {
        let path = |len: usize| [&b"/"[..], &vec![b'a'; len - 1]].concat();
        assert!(Path::new(&path(MAX_PATH)).is_ok());
        assert_eq!(error(&path(241)), PathError::TooLong { len: 241 });
        // The machine looks at the length before it looks at the bytes.
        assert_eq!(error(&[b'@'; 241]), PathError::TooLong { len: 241 });
    }

    #[test]
    fn an_error_says_where_it_is() {
        assert_eq!(error(b""), PathError::Empty);
        assert_eq!(error(b"/"), PathError::Empty);
        assert_eq!(error(b"a/b"), PathError::NoLeadingSlash);
        assert_eq!(error(b"//a"), PathError::EmptyStep { at: 1 });
        assert_eq!(error(b"/a//b"), PathError::EmptyStep { at: 3 });
        assert_eq!(error(b"/a/"), PathError::EmptyStep { at: 3 });
        let (at, byte) = (3, b'@');
        assert_eq!(error(b"/a/@"), PathError::InvalidByte { at, byte });
        let byte = "é".as_bytes()[0];
        assert_eq!(
            error("/a/é".as_bytes()),
            PathError::InvalidByte { at, byte }
        );
    }

    #[test]
    fn every_other_byte_is_refused() {
        let legal = (0..=u8::MAX).filter(|byte| Path::new(&[b'/', *byte]).is_ok());
        let expected: Vec<u8> = [b'-', b'.']
            .into_iter()
            .chain(b'0'..=b'9')
            .chain(b'A'..=b'Z')
            .chain([b'_'])
            .chain(b'a'..=b'z')
            .collect();
        assert_eq!(legal.collect::<Vec<u8>>(), expected);
    }

    #[test]
    fn keys_are_base64url_without_padding() {
        let pushed = |key: &[u8]| {
            let mut path: PathBuf = PathBuf::from_path(Path::literal("/a"));
            path.push_key(key).map(|()| path.as_path().to_string())
        };
        assert_eq!(pushed(b"test").unwrap(), "/a/dGVzdA");
        assert_eq!(pushed(b"tests").unwrap(), "/a/dGVzdHM");
        assert_eq!(pushed(b"\xff\xfe\xfd").unwrap(), "/a/__79");
        assert_eq!(pushed(b""), Err(PathError::EmptyStep { at: 3 }));
        assert!(pushed(&[0; 177]).is_ok());
        assert_eq!(pushed(&[0; 178]), Err(PathError::TooLong { len: 241 }));
        let legal = |byte: u8| Path::new(pushed(&[byte; 3]).unwrap().as_bytes()).is_ok();
        assert!((0..=u8::MAX).all(legal));
    }

    #[test]
    fn numbers_are_decimal() {
        for number in [0, 7, 10, u64::MAX] {
            let mut path: PathBuf = PathBuf::from_path(Path::literal("/a"));
            path.push_number(number).unwrap();
            assert_eq!(path.as_path().to_string(), format!("/a/{number}"));
        }
    }

    #[test]
    fn a_path_goes_back_to_its_mark() {
        let mut path: PathBuf = PathBuf::from_path(Path::literal("/a"));
        let mark = path.mark();
        path.push(b"b").unwrap();
        let later = path.mark();
        path.reset(mark);
        assert_eq!(path.as_path(), Path::literal("/a"));
        path.reset(later);
        assert_eq!(path.as_path(), Path::literal("/a"));
    }

    #[test]
    fn a_push_that_fails_leaves_the_path_as_it_is() {
        let mut path: PathBuf = PathBuf::from_path(Path::literal("/a"));
        let (at, byte) = (4, b'/');
        assert_eq!(path.push(b""), Err(PathError::EmptyStep { at: 3 }));
        assert_eq!(path.push(b"b/c"), Err(PathError::InvalidByte { at, byte }));
        // `/a/` and 238 bytes.
        assert_eq!(
            path.push(&[b'b'; 238]),
            Err(PathError::TooLong { len: 241 })
        );
        assert_eq!(path.as_path(), Path::literal("/a"));
        assert_eq!(path.push(&[b'b'; 237]), Ok(()));
        assert_eq!(path.as_path().as_bytes().len(), MAX_PATH);
        // Full: even one more byte does not fit.
        assert_eq!(path.push(b"c"), Err(PathError::TooLong { len: 242 }));
        assert_eq!(path.as_path().as_bytes().len(), MAX_PATH);
    }
}
