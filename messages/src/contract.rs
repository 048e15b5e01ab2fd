//! Contracts of layer 1, in their 22 bytes.

use crate::address::{self, AddressError, Kind};
use crate::error::{DecodeError, ErrorKind};
use crate::reader::Reader;
use alloc::string::String;

/// The bytes of a contract.
pub const CONTRACT: usize = 22;

/// An account or contract of layer 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Contract {
    /// An account of a key: curve tag and public key hash (`tz…`).
    Implicit([u8; 21]),
    /// A contract with code, by its hash (`KT1…`).
    Originated([u8; 20]),
}

impl Contract {
    /// The contract in 22 bytes.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownTag`] for another kind or curve;
    /// [`ErrorKind::Trailing`] for padding that is not zero.
    pub fn parse(bytes: &[u8; CONTRACT]) -> Result<Self, DecodeError> {
        Self::read(&mut Reader::new(bytes))
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let start = *reader;
        match reader.byte()? {
            0 => Ok(Self::Implicit(*public_key_hash(reader)?)),
            1 => {
                let hash = reader.array()?;
                let padding = *reader;
                match reader.byte()? {
                    0 => Ok(Self::Originated(hash)),
                    _ => Err(padding.error(ErrorKind::Trailing)),
                }
            }
            tag => Err(start.error(ErrorKind::UnknownTag(tag))),
        }
    }

    /// The contract's 22 bytes.
    #[must_use]
    pub fn encode(&self) -> [u8; CONTRACT] {
        let mut bytes = [0; CONTRACT];
        let (tag, rest) = bytes.split_at_mut(1);
        match self {
            Self::Implicit(account) => rest.copy_from_slice(account),
            Self::Originated(hash) => {
                tag.fill(1);
                rest.split_at_mut(20).0.copy_from_slice(hash);
            }
        }
        bytes
    }

    /// The contract behind `tz…` or `KT1…`.
    ///
    /// # Errors
    /// If the text is no address of these kinds.
    ///
    /// ```
    /// use messages::contract::Contract;
    /// let text = "KT18amZmM5W7qDWVt2pH6uj7sCEd3kbzLrHT";
    /// let contract = Contract::from_base58(text).unwrap();
    /// assert_eq!(contract, Contract::Originated([0; 20]));
    /// assert_eq!(contract.to_base58().as_deref(), Ok(text));
    /// ```
    pub fn from_base58(text: &str) -> Result<Self, AddressError> {
        let (kind, payload) = address::decode(text)?;
        let actual = payload.len();
        let hash = payload.try_into().map_err(|_| AddressError::Length {
            expected: 20,
            actual,
        })?;
        let curve = match kind {
            Kind::Tz1 => 0,
            Kind::Tz2 => 1,
            Kind::Tz3 => 2,
            Kind::Tz4 => 3,
            Kind::Kt1 => return Ok(Self::Originated(hash)),
            actual => {
                return Err(AddressError::WrongKind {
                    expected: Kind::Kt1,
                    actual,
                });
            }
        };
        let mut account = [curve; 21];
        account.split_at_mut(1).1.copy_from_slice(&hash);
        Ok(Self::Implicit(account))
    }

    /// The contract as text.
    ///
    /// # Errors
    /// [`AddressError::UnknownKind`] for a curve without a kind here.
    pub fn to_base58(&self) -> Result<String, AddressError> {
        match self {
            Self::Implicit(account) => address::public_key_hash(account),
            Self::Originated(hash) => address::print(Kind::Kt1, hash),
        }
    }

    /// The hash of a contract with code.
    #[must_use]
    pub const fn originated(&self) -> Option<&[u8; 20]> {
        match self {
            Self::Originated(hash) => Some(hash),
            Self::Implicit(_) => None,
        }
    }
}

/// The last curve's tag: 0 ed25519 (`tz1`) to 4 ML-DSA-44 (`tz5`).
const LAST_CURVE: u8 = 4;

/// Curve tag and public key hash.
pub(crate) fn public_key_hash<'b>(reader: &mut Reader<'b>) -> Result<&'b [u8; 21], DecodeError> {
    let start = *reader;
    let hash: &[u8; 21] = reader.array_ref()?;
    match hash {
        [curve, ..] if *curve <= LAST_CURVE => Ok(hash),
        [curve, ..] => Err(start.error(ErrorKind::UnknownTag(*curve))),
    }
}
