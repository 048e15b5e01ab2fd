//! Tezos addresses and hashes in base58check: a prefix, the payload, and four
//! bytes of double SHA-256.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// What a base58check string stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `tz1…`: an implicit account with an ed25519 key.
    Tz1,
    /// `tz2…`: … with a secp256k1 key.
    Tz2,
    /// `tz3…`: … with a P-256 key.
    Tz3,
    /// `tz4…`: … with a BLS12-381 key.
    Tz4,
    /// `KT1…`: a contract.
    Kt1,
    /// `sr1…`: a smart rollup.
    Sr1,
    /// `B…`: a block.
    Block,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 7] = [
        Self::Tz1,
        Self::Tz2,
        Self::Tz3,
        Self::Tz4,
        Self::Kt1,
        Self::Sr1,
        Self::Block,
    ];

    /// The bytes in front of the payload.
    #[must_use]
    pub const fn prefix(self) -> &'static [u8] {
        match self {
            Self::Tz1 => &[0x06, 0xa1, 0x9f],
            Self::Tz2 => &[0x06, 0xa1, 0xa1],
            Self::Tz3 => &[0x06, 0xa1, 0xa4],
            Self::Tz4 => &[0x06, 0xa1, 0xa6],
            Self::Kt1 => &[0x02, 0x5a, 0x79],
            Self::Sr1 => &[0x06, 0x7c, 0x75],
            Self::Block => &[0x01, 0x34],
        }
    }

    /// The payload's length, in bytes.
    #[must_use]
    pub const fn len(self) -> usize {
        match self {
            Self::Block => 32,
            _ => 20,
        }
    }
}

/// Why text is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressError {
    /// Not base58, or its checksum does not hold.
    Base58,
    /// It stands for something else than what is wanted.
    WrongKind,
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Base58 => "not base58check: a letter is wrong or missing",
            Self::WrongKind => "an address of another kind",
        })
    }
}

impl core::error::Error for AddressError {}

/// The payload of `text`, which must be of `kind`.
///
/// # Errors
/// Where it is not base58check, or of another kind.
pub fn parse(kind: Kind, text: &str) -> Result<Vec<u8>, AddressError> {
    let bytes = bs58::decode(text)
        .with_check(None)
        .into_vec()
        .map_err(|_| AddressError::Base58)?;
    match bytes.strip_prefix(kind.prefix()) {
        Some(payload) if payload.len() == kind.len() => Ok(payload.to_vec()),
        _ => Err(AddressError::WrongKind),
    }
}

/// The 20 bytes behind `sr1…`.
///
/// # Errors
/// Where `text` is not the address of a smart rollup.
pub fn rollup(text: &str) -> Result<[u8; 20], AddressError> {
    parse(Kind::Sr1, text)?
        .try_into()
        .map_err(|_| AddressError::WrongKind)
}

/// `payload` as text.
#[must_use]
pub fn print(kind: Kind, payload: &[u8]) -> String {
    bs58::encode([kind.prefix(), payload].concat())
        .with_check()
        .into_string()
}
