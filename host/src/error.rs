//! The machine's error codes, as a type.

use core::fmt;

/// Why the machine refused a host call (`spec` names and codes of `wasm_2_0_0`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HostError {
    /// −1: the path is longer than the machine takes (240 bytes).
    KeyTooLarge,
    /// −2: the path does not follow the grammar.
    InvalidKey,
    /// −3: no value lies at the path.
    NotAValue,
    /// −4: the offset is past the value's end.
    InvalidAccess,
    /// −5: the value would be larger than 2^31 − 1 bytes.
    ValueSizeExceeded,
    /// −6: a pointer lies outside of the memory.
    MemoryInvalidAccess,
    /// −7: more bytes than one call moves.
    TooLarge,
    /// −8: anything unexpected.
    GenericInvalidAccess,
    /// −9: the root and `/readonly` cannot be changed.
    ReadOnly,
    /// −10: nothing lies at the path.
    NotANode,
    /// −11: the outbox of this level is full.
    FullOutbox,
    /// −12: the index is past the last child.
    InvalidSubkeyIndex,
    /// −13: a value exists already.
    ValueAlreadyExists,
    /// A code that this SDK does not know.
    Unknown(i32),
}

impl HostError {
    /// The error behind a negative code.
    #[must_use]
    pub const fn from_code(code: i32) -> Self {
        match code {
            -1 => Self::KeyTooLarge,
            -2 => Self::InvalidKey,
            -3 => Self::NotAValue,
            -4 => Self::InvalidAccess,
            -5 => Self::ValueSizeExceeded,
            -6 => Self::MemoryInvalidAccess,
            -7 => Self::TooLarge,
            -8 => Self::GenericInvalidAccess,
            -9 => Self::ReadOnly,
            -10 => Self::NotANode,
            -11 => Self::FullOutbox,
            -12 => Self::InvalidSubkeyIndex,
            -13 => Self::ValueAlreadyExists,
            code => Self::Unknown(code),
        }
    }

    /// The machine's code for this error.
    #[must_use]
    pub const fn code(self) -> i32 {
        match self {
            Self::KeyTooLarge => -1,
            Self::InvalidKey => -2,
            Self::NotAValue => -3,
            Self::InvalidAccess => -4,
            Self::ValueSizeExceeded => -5,
            Self::MemoryInvalidAccess => -6,
            Self::TooLarge => -7,
            Self::GenericInvalidAccess => -8,
            Self::ReadOnly => -9,
            Self::NotANode => -10,
            Self::FullOutbox => -11,
            Self::InvalidSubkeyIndex => -12,
            Self::ValueAlreadyExists => -13,
            Self::Unknown(code) => code,
        }
    }
}

impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::KeyTooLarge => "path longer than 240 bytes",
            Self::InvalidKey => "invalid path",
            Self::NotAValue => "no value at this path",
            Self::InvalidAccess => "offset past the end of the value",
            Self::ValueSizeExceeded => "value larger than 2^31 - 1 bytes",
            Self::MemoryInvalidAccess => "pointer outside of the memory",
            Self::TooLarge => "more bytes than one host call moves",
            Self::GenericInvalidAccess => "unexpected failure of the machine",
            Self::ReadOnly => "the path is read-only",
            Self::NotANode => "nothing at this path",
            Self::FullOutbox => "the outbox of this level is full",
            Self::InvalidSubkeyIndex => "no child with this index",
            Self::ValueAlreadyExists => "a value exists already",
            Self::Unknown(code) => return write!(f, "unknown host error {code}"),
        };
        f.write_str(text)
    }
}

impl core::error::Error for HostError {}
