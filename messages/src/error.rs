//! Why bytes do not decode.

use core::fmt;

/// What is wrong with some bytes, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeError {
    /// The offset of the byte at fault.
    pub offset: usize,
    /// What is wrong there.
    pub kind: ErrorKind,
}

/// What can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The bytes end too early.
    Truncated,
    /// Bytes are left over.
    Trailing,
    /// The tag is none of those known.
    UnknownTag(u8),
    /// Text that is not UTF-8.
    Text,
    /// A length or number out of range.
    OutOfRange,
    /// A number of variable length with a needless last byte.
    Padded,
    /// Well-formed, but something else than what is wanted.
    NotThis,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            ErrorKind::Truncated => f.write_str("the bytes end too early")?,
            ErrorKind::Trailing => f.write_str("bytes are left over")?,
            ErrorKind::UnknownTag(tag) => write!(f, "unknown tag {tag:#04x}")?,
            ErrorKind::Text => f.write_str("not the text that is expected")?,
            ErrorKind::OutOfRange => f.write_str("a number out of range")?,
            ErrorKind::NotThis => f.write_str("not what is expected")?,
            ErrorKind::Padded => f.write_str("a number with a needless byte")?,
        }
        write!(f, " at byte {}", self.offset)
    }
}

impl core::error::Error for DecodeError {}
