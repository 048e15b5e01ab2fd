//! Reading RLP, strictly.

use super::encode::EMPTY_STRING;
use alloc::vec::Vec;
use alloy_primitives::{Address, B256, Bytes, TxKind, U256};

/// Bytes that are not the RLP that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} at byte {offset}")]
pub struct Error {
    /// Start of the refused item, counted from the first byte given to
    /// [`Decoder::new`].
    pub offset: usize,
    /// The fault.
    pub kind: ErrorKind,
}

/// Why an item was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ErrorKind {
    /// The input ends inside the item, or before it.
    #[error("input ends too early")]
    UnexpectedEnd,
    /// A list stands where a string was asked for.
    #[error("a list instead of a string")]
    UnexpectedList,
    /// A string stands where a list was asked for.
    #[error("a string instead of a list")]
    UnexpectedString,
    /// The prefix is longer than the item needs.
    #[error("non-canonical prefix")]
    NonCanonicalPrefix,
    /// An integer with leading zeros.
    #[error("leading zero in an integer")]
    LeadingZero,
    /// An integer that is too large for its field, with the field's bytes.
    #[error("integer of more than {limit} bytes")]
    Overflow {
        /// Bytes that the field has.
        limit: usize,
    },
    /// A string of the wrong length for its field.
    #[error("{actual} bytes instead of {expected}")]
    WrongLength {
        /// Bytes that the field has.
        expected: usize,
        /// Bytes that were there.
        actual: usize,
    },
    /// Bytes behind the last item.
    #[error("bytes behind the last item")]
    TrailingBytes,
}

/// One decoded item.
#[derive(Clone, Debug)]
pub enum Item<'a> {
    /// The bytes of a string.
    String(&'a [u8]),
    /// The items of a list, not looked at yet.
    List(Decoder<'a>),
}

/// Reads items one after the other from a slice.
#[derive(Clone, Debug)]
pub struct Decoder<'a> {
    rest: &'a [u8],
    offset: usize,
}

impl<'a> Decoder<'a> {
    /// A reader of `bytes`, whose first byte has offset 0.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self {
            rest: bytes,
            offset: 0,
        }
    }

    /// A reader of `bytes`, whose first byte has the given offset in error reports.
    #[must_use]
    pub const fn at(bytes: &'a [u8], offset: usize) -> Self {
        Self {
            rest: bytes,
            offset,
        }
    }

    /// Bytes not read yet.
    #[must_use]
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Offset of the next item.
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.offset
    }

    /// True when every item was read.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// [`ErrorKind::TrailingBytes`] if something is left.
    pub const fn finish(self) -> Result<(), Error> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(Error {
                offset: self.offset,
                kind: ErrorKind::TrailingBytes,
            })
        }
    }

    const fn error<T>(&self, kind: ErrorKind) -> Result<T, Error> {
        Err(Error {
            offset: self.offset,
            kind,
        })
    }

    /// Moves behind an item with a prefix of `prefix` bytes; gives its payload.
    #[inline]
    fn advance(&mut self, prefix: usize, length: usize) -> Result<&'a [u8], Error> {
        let payload = self.rest.get(prefix..).unwrap_or_default();
        let Some((payload, rest)) = payload.split_at_checked(length) else {
            return self.error(ErrorKind::UnexpectedEnd);
        };
        self.rest = rest;
        self.offset += prefix + length;
        Ok(payload)
    }

    /// The length announced by a prefix whose last `width` bytes follow the first one.
    fn long_length(&self, width: usize) -> Result<usize, Error> {
        let Some(digits) = self.rest.get(1..=width) else {
            return self.error(ErrorKind::UnexpectedEnd);
        };
        if digits.first() == Some(&0) {
            return self.error(ErrorKind::NonCanonicalPrefix);
        }
        let length = digits
            .iter()
            .fold(0u64, |sum, digit| sum << 8 | u64::from(*digit));
        if length < 56 {
            return self.error(ErrorKind::NonCanonicalPrefix);
        }
        // What does not fit a `usize` is longer than any input.
        usize::try_from(length).or_else(|_| self.error(ErrorKind::UnexpectedEnd))
    }

    /// The next item.
    ///
    /// # Errors
    /// If there is none or its prefix is not canonical.
    pub fn item(&mut self) -> Result<Item<'a>, Error> {
        let Some(&first) = self.rest.first() else {
            return self.error(ErrorKind::UnexpectedEnd);
        };
        match first {
            0..=0x7f => self.advance(0, 1).map(Item::String),
            0x80..=0xb7 => {
                let length = usize::from(first - 0x80);
                if length == 1 && self.rest.get(1).is_some_and(|byte| *byte < 0x80) {
                    return self.error(ErrorKind::NonCanonicalPrefix);
                }
                self.advance(1, length).map(Item::String)
            }
            0xb8..=0xbf => {
                let width = usize::from(first - 0xb7);
                let length = self.long_length(width)?;
                self.advance(1 + width, length).map(Item::String)
            }
            0xc0..=0xf7 => self.sublist(1, usize::from(first - 0xc0)),
            0xf8..=0xff => {
                let width = usize::from(first - 0xf7);
                let length = self.long_length(width)?;
                self.sublist(1 + width, length)
            }
        }
    }

    fn sublist(&mut self, prefix: usize, length: usize) -> Result<Item<'a>, Error> {
        let offset = self.offset + prefix;
        let rest = self.advance(prefix, length)?;
        Ok(Item::List(Decoder { rest, offset }))
    }

    /// The next item, which must be a string.
    ///
    /// # Errors
    /// As [`Decoder::item`], and if it is a list.
    #[inline]
    pub fn string(&mut self) -> Result<&'a [u8], Error> {
        let offset = self.offset;
        match self.item()? {
            Item::String(bytes) => Ok(bytes),
            Item::List(_) => Err(Error {
                offset,
                kind: ErrorKind::UnexpectedList,
            }),
        }
    }

    /// The next item, which must be a list.
    ///
    /// # Errors
    /// As [`Decoder::item`], and if it is a string.
    #[inline]
    pub fn list(&mut self) -> Result<Self, Error> {
        let offset = self.offset;
        match self.item()? {
            Item::List(items) => Ok(items),
            Item::String(_) => Err(Error {
                offset,
                kind: ErrorKind::UnexpectedString,
            }),
        }
    }

    /// The next item as an integer of at most `N` bytes, padded on the left.
    fn integer<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let offset = self.offset;
        let digits = self.string()?;
        if digits.first() == Some(&0) {
            return Err(Error {
                offset,
                kind: ErrorKind::LeadingZero,
            });
        }
        let mut padded = [0; N];
        let start = N.checked_sub(digits.len());
        match start.and_then(|start| padded.get_mut(start..)) {
            Some(tail) => tail.copy_from_slice(digits),
            None => {
                return Err(Error {
                    offset,
                    kind: ErrorKind::Overflow { limit: N },
                });
            }
        }
        Ok(padded)
    }

    /// The next item as an integer below 2^8.
    ///
    /// # Errors
    /// As [`Decoder::string`]; leading zeros; overflow.
    pub fn u8(&mut self) -> Result<u8, Error> {
        self.integer().map(u8::from_be_bytes)
    }

    /// The next item as an integer below 2^64.
    ///
    /// # Errors
    /// As [`Decoder::string`]; leading zeros; overflow.
    pub fn u64(&mut self) -> Result<u64, Error> {
        self.integer().map(u64::from_be_bytes)
    }

    /// The next item as an integer below 2^256.
    ///
    /// # Errors
    /// As [`Decoder::string`]; leading zeros; overflow.
    pub fn u256(&mut self) -> Result<U256, Error> {
        self.integer().map(U256::from_be_bytes::<32>)
    }

    /// The next item as exactly `N` bytes.
    ///
    /// # Errors
    /// As [`Decoder::string`]; any other length.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let offset = self.offset;
        let bytes = self.string()?;
        bytes.try_into().map_err(|_| Error {
            offset,
            kind: ErrorKind::WrongLength {
                expected: N,
                actual: bytes.len(),
            },
        })
    }

    /// The next item as an address.
    ///
    /// # Errors
    /// As [`Decoder::array`].
    pub fn address(&mut self) -> Result<Address, Error> {
        self.array().map(Address::new)
    }

    /// The next item as 32 bytes.
    ///
    /// # Errors
    /// As [`Decoder::array`].
    pub fn b256(&mut self) -> Result<B256, Error> {
        self.array().map(B256::new)
    }

    /// The next item as the recipient of a transaction: an address, or nothing
    /// for a creation.
    ///
    /// # Errors
    /// As [`Decoder::array`], but the empty string is allowed.
    pub fn kind(&mut self) -> Result<TxKind, Error> {
        if self.rest.first() == Some(&EMPTY_STRING) {
            self.advance(1, 0)?;
            return Ok(TxKind::Create);
        }
        self.address().map(TxKind::Call)
    }

    /// The next item as bytes of any length, copied.
    ///
    /// # Errors
    /// As [`Decoder::string`].
    pub fn bytes(&mut self) -> Result<Bytes, Error> {
        self.string().map(Bytes::copy_from_slice)
    }

    /// The next item as a list whose items `item` reads.
    ///
    /// # Errors
    /// As [`Decoder::list`], and what `item` refuses.
    pub fn vec<T>(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        let mut items = self.list()?;
        let mut decoded = Vec::new();
        while !items.is_empty() {
            decoded.push(item(&mut items)?);
        }
        Ok(decoded)
    }
}
