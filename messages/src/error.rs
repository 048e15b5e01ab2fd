//! Why bytes do not decode.

/// A fault in some bytes, and its offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} at byte {offset}")]
pub struct DecodeError {
    /// The offset of the byte at fault.
    pub offset: usize,
    /// The fault.
    pub kind: ErrorKind,
}

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ErrorKind {
    /// The bytes end too early.
    #[error("the bytes end too early")]
    Truncated,
    /// Bytes are left over.
    #[error("bytes are left over")]
    Trailing,
    /// The tag is none of those known.
    #[error("unknown tag {0:#04x}")]
    UnknownTag(u8),
    /// Text that is not UTF-8.
    #[error("not the text that is expected")]
    Text,
    /// A length or number out of range.
    #[error("a number out of range")]
    OutOfRange,
    /// A number of variable length with a needless last byte.
    #[error("a number with a needless byte")]
    Padded,
    /// Well-formed, but something else than what is wanted.
    #[error("not what is expected")]
    NotThis,
}
