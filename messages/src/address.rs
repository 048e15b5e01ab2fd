//! Tezos addresses and hashes in base58check: a prefix, the payload, and four
//! bytes of double SHA-256.

use alloc::string::String;
use alloc::vec::Vec;

/// The kind of a base58check string.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
    /// `edpk…`: an ed25519 public key.
    Edpk,
    /// `BLpk…`: a BLS12-381 public key.
    Blpk,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 9] = [
        Self::Tz1,
        Self::Tz2,
        Self::Tz3,
        Self::Tz4,
        Self::Kt1,
        Self::Sr1,
        Self::Block,
        Self::Edpk,
        Self::Blpk,
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
            Self::Edpk => &[0x0d, 0x0f, 0x25, 0xd9],
            Self::Blpk => &[0x06, 0x95, 0x87, 0xcc],
        }
    }

    /// The payload's length, in bytes.
    #[must_use]
    pub const fn payload_len(self) -> usize {
        match self {
            Self::Block | Self::Edpk => 32,
            Self::Blpk => 48,
            _ => 20,
        }
    }

    /// The kind whose prefix and length `bytes` have, and the payload.
    fn split(bytes: &[u8]) -> Option<(Self, &[u8])> {
        Self::ALL.into_iter().find_map(|kind| {
            let payload = bytes.strip_prefix(kind.prefix())?;
            (payload.len() == kind.payload_len()).then_some((kind, payload))
        })
    }

    /// The first letters of this kind.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tz1 => "tz1",
            Self::Tz2 => "tz2",
            Self::Tz3 => "tz3",
            Self::Tz4 => "tz4",
            Self::Kt1 => "KT1",
            Self::Sr1 => "sr1",
            Self::Block => "B",
            Self::Edpk => "edpk",
            Self::Blpk => "BLpk",
        }
    }
}

/// Why text is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Longer than the text of any kind.
    #[error("{len} bytes are too long for an address")]
    TooLong {
        /// Its length in bytes.
        len: usize,
    },
    /// A letter that base58 does not have.
    #[error("no letter of base58 at byte {at}")]
    Letter {
        /// Its offset in bytes.
        at: usize,
    },
    /// The checksum does not hold: a letter is wrong or missing.
    #[error("the checksum is wrong: a letter is wrong or missing")]
    Checksum,
    /// It is of none of the kinds of [`Kind`].
    #[error("not an address of a known kind")]
    UnknownKind,
    /// It stands for something else than what is wanted.
    #[error("{}… is wanted, not {}…", .expected.name(), .actual.name())]
    WrongKind {
        /// The expected kind.
        expected: Kind,
        /// The actual kind.
        actual: Kind,
    },
    /// A payload that does not have its kind's length.
    #[error("a payload of {actual} bytes, not {expected}")]
    Length {
        /// The length of the kind, in bytes.
        expected: usize,
        /// The payload's, in bytes.
        actual: usize,
    },
}

/// The longest text that is looked at, in bytes: decoding takes the square of it.
const MAX_TEXT: usize = 128;

/// The kind of `text`, and its payload.
///
/// # Errors
/// If it is not base58check, or of none of the kinds.
///
/// ```
/// use messages::address::{self, Kind};
/// let (kind, payload) = address::decode("sr163Lv22CdE8QagCwf48PWDTquk6isQwv57").unwrap();
/// assert_eq!((kind, &payload[..]), (Kind::Sr1, &[0; 20][..]));
/// ```
pub fn decode(text: &str) -> Result<(Kind, Vec<u8>), AddressError> {
    if text.len() > MAX_TEXT {
        return Err(AddressError::TooLong { len: text.len() });
    }
    let bytes = bs58::decode(text)
        .with_check(None)
        .into_vec()
        .map_err(|error| match error {
            bs58::decode::Error::InvalidCharacter { index, .. }
            | bs58::decode::Error::NonAsciiCharacter { index } => {
                AddressError::Letter { at: index }
            }
            _ => AddressError::Checksum,
        })?;
    let (kind, payload) = Kind::split(&bytes).ok_or(AddressError::UnknownKind)?;
    Ok((kind, payload.to_vec()))
}

/// The payload of `text`, which must be of `kind`.
///
/// # Errors
/// If it is not base58check, or of another kind.
pub fn parse(kind: Kind, text: &str) -> Result<Vec<u8>, AddressError> {
    match decode(text)? {
        (actual, payload) if actual == kind => Ok(payload),
        (actual, _) => Err(AddressError::WrongKind {
            expected: kind,
            actual,
        }),
    }
}

/// The 20 bytes behind `sr1…`.
///
/// # Errors
/// If `text` is not the address of a smart rollup.
///
/// ```
/// use messages::address::{self, AddressError, Kind};
/// assert_eq!(address::rollup("sr163Lv22CdE8QagCwf48PWDTquk6isQwv57"), Ok([0; 20]));
/// let account = address::rollup("tz1Ke2h7sDdakHJQh8WX4Z372du1KChsksyU");
/// let (expected, actual) = (Kind::Sr1, Kind::Tz1);
/// assert_eq!(account, Err(AddressError::WrongKind { expected, actual }));
/// ```
pub fn rollup(text: &str) -> Result<[u8; 20], AddressError> {
    fixed(Kind::Sr1, text)
}

/// The 32 bytes behind a block's `B…`.
///
/// # Errors
/// If `text` is not the hash of a block.
pub fn block(text: &str) -> Result<[u8; 32], AddressError> {
    fixed(Kind::Block, text)
}

fn fixed<const LEN: usize>(kind: Kind, text: &str) -> Result<[u8; LEN], AddressError> {
    let payload = parse(kind, text)?;
    let actual = payload.len();
    payload.try_into().map_err(|_| AddressError::Length {
        expected: LEN,
        actual,
    })
}

/// `payload` as text.
///
/// # Errors
/// [`AddressError::Length`] if the payload is not as long as its kind's.
///
/// ```
/// use messages::address::{self, Kind};
/// let text = address::print(Kind::Sr1, &[0; 20]);
/// assert_eq!(text.as_deref(), Ok("sr163Lv22CdE8QagCwf48PWDTquk6isQwv57"));
/// ```
pub fn print(kind: Kind, payload: &[u8]) -> Result<String, AddressError> {
    if payload.len() != kind.payload_len() {
        return Err(AddressError::Length {
            expected: kind.payload_len(),
            actual: payload.len(),
        });
    }
    let bytes = [kind.prefix(), payload].concat();
    Ok(bs58::encode(bytes).with_check().into_string())
}

/// The text of a curve tag and public key hash (`tz…`), as transfers name
/// their source.
///
/// # Errors
/// [`AddressError::UnknownKind`] for a curve without a kind here.
pub fn public_key_hash(tagged: &[u8; 21]) -> Result<String, AddressError> {
    let [curve, hash @ ..] = tagged;
    let kind = match curve {
        0 => Kind::Tz1,
        1 => Kind::Tz2,
        2 => Kind::Tz3,
        3 => Kind::Tz4,
        _ => return Err(AddressError::UnknownKind),
    };
    print(kind, hash)
}
