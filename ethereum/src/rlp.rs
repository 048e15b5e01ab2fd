//! Recursive Length Prefix: the strict, canonical form (Yellow Paper, appendix B).
//!
//! [`Decoder`] walks a byte slice without copying. It accepts only what
//! [`Encode`] would have written: shortest prefixes, integers without leading
//! zeros, nothing behind the last item.

use alloc::vec::Vec;
use alloy_primitives::{Address, B64, B256, Bloom, Bytes, TxKind, U256};
use core::fmt;

/// Bytes that are not the RLP that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error {
    /// Where the refused item starts, counted from the first byte given to
    /// [`Decoder::new`].
    pub offset: usize,
    /// What is wrong with it.
    pub kind: ErrorKind,
}

/// Why an item was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The input ends inside the item, or before it.
    UnexpectedEnd,
    /// A list stands where a string was asked for.
    UnexpectedList,
    /// A string stands where a list was asked for.
    UnexpectedString,
    /// The prefix is longer than the item needs.
    NonCanonicalPrefix,
    /// An integer with leading zeros.
    LeadingZero,
    /// An integer that is too large for its field, with the field's bytes.
    Overflow {
        /// Bytes that the field has.
        limit: usize,
    },
    /// A string of the wrong length for its field.
    WrongLength {
        /// Bytes that the field has.
        expected: usize,
        /// Bytes that were there.
        actual: usize,
    },
    /// Bytes behind the last item.
    TrailingBytes,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            ErrorKind::UnexpectedEnd => f.write_str("input ends too early"),
            ErrorKind::UnexpectedList => f.write_str("a list instead of a string"),
            ErrorKind::UnexpectedString => f.write_str("a string instead of a list"),
            ErrorKind::NonCanonicalPrefix => f.write_str("non-canonical prefix"),
            ErrorKind::LeadingZero => f.write_str("leading zero in an integer"),
            ErrorKind::Overflow { limit } => write!(f, "integer of more than {limit} bytes"),
            ErrorKind::WrongLength { expected, actual } => {
                write!(f, "{actual} bytes instead of {expected}")
            }
            ErrorKind::TrailingBytes => f.write_str("bytes behind the last item"),
        }?;
        write!(f, " at byte {}", self.offset)
    }
}

impl core::error::Error for Error {}

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

/// The encoding of the empty string, of zero and of false.
pub const EMPTY_STRING: u8 = 0x80;

/// The encoding of the empty list.
pub const EMPTY_LIST: u8 = 0xc0;

/// A value that has an RLP form.
pub trait Encode {
    /// Bytes that [`Encode::encode`] appends.
    fn length(&self) -> usize;
    /// Appends the encoding.
    fn encode(&self, out: &mut Vec<u8>);
}

/// The encoding of one value, in a vector of exactly its length.
#[must_use]
pub fn encode(value: &(impl Encode + ?Sized)) -> Vec<u8> {
    let mut out = Vec::with_capacity(value.length());
    value.encode(&mut out);
    out
}

/// The encoding of a list, in a vector of exactly its length.
#[must_use]
pub fn encode_list(items: &[&dyn Encode]) -> Vec<u8> {
    encode(&List(items))
}

/// A list of values of different types.
pub struct List<'a>(
    /// Its items in order.
    pub &'a [&'a dyn Encode],
);

impl List<'_> {
    fn payload(&self) -> usize {
        self.0.iter().map(|item| item.length()).sum()
    }
}

impl Encode for List<'_> {
    fn length(&self) -> usize {
        let payload = self.payload();
        prefix_length(payload) + payload
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(Prefix::list(self.payload()).as_ref());
        for item in self.0 {
            item.encode(out);
        }
    }
}

impl<T: Encode + ?Sized> Encode for &T {
    fn length(&self) -> usize {
        (**self).length()
    }

    fn encode(&self, out: &mut Vec<u8>) {
        (**self).encode(out);
    }
}

impl<T: Encode> Encode for [T] {
    fn length(&self) -> usize {
        let payload = self.iter().map(Encode::length).sum();
        prefix_length(payload) + payload
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(Prefix::list(self.iter().map(Encode::length).sum()).as_ref());
        for item in self {
            item.encode(out);
        }
    }
}

impl<T: Encode> Encode for Vec<T> {
    fn length(&self) -> usize {
        self.as_slice().length()
    }

    fn encode(&self, out: &mut Vec<u8>) {
        self.as_slice().encode(out);
    }
}

/// Bytes of the prefix of a list, or of a string of several bytes.
#[must_use]
pub const fn prefix_length(payload: usize) -> usize {
    if payload < 56 {
        1
    } else {
        1 + significant_bytes(payload as u64)
    }
}

const fn significant_bytes(value: u64) -> usize {
    (u64::BITS as usize - value.leading_zeros() as usize).div_ceil(8)
}

/// The bytes in front of a payload.
#[derive(Clone, Copy, Debug)]
pub struct Prefix {
    bytes: [u8; 9],
    start: usize,
}

impl Prefix {
    /// The prefix of a list with a payload of so many bytes.
    #[must_use]
    pub const fn list(payload: usize) -> Self {
        Self::new(payload, EMPTY_LIST)
    }

    /// The prefix of a string of so many bytes (a single byte below 0x80 has none).
    #[must_use]
    pub const fn string(length: usize) -> Self {
        Self::new(length, EMPTY_STRING)
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "each is below 256: see the lines above"
    )]
    const fn new(payload: usize, base: u8) -> Self {
        let mut bytes = [0; 9];
        if payload < 56 {
            bytes[8] = base + payload as u8;
            return Self { bytes, start: 8 };
        }
        let digits = (payload as u64).to_be_bytes();
        let mut at = 0;
        while at < 8 {
            bytes[at + 1] = digits[at];
            at += 1;
        }
        let width = significant_bytes(payload as u64);
        let start = 8 - width;
        bytes[start] = base + 55 + width as u8;
        Self { bytes, start }
    }
}

impl AsRef<[u8]> for Prefix {
    fn as_ref(&self) -> &[u8] {
        self.bytes.get(self.start..).unwrap_or_default()
    }
}

/// A string of any length, encoded from a borrowed slice.
#[derive(Clone, Copy, Debug)]
pub struct Str<'a>(
    /// Its bytes.
    pub &'a [u8],
);

impl Encode for Str<'_> {
    fn length(&self) -> usize {
        match self.0 {
            [0..=0x7f] => 1,
            bytes => prefix_length(bytes.len()) + bytes.len(),
        }
    }

    fn encode(&self, out: &mut Vec<u8>) {
        if !matches!(self.0, [0..=0x7f]) {
            out.extend_from_slice(Prefix::string(self.0.len()).as_ref());
        }
        out.extend_from_slice(self.0);
    }
}

/// Bytes that are encoded already.
#[derive(Clone, Copy, Debug)]
pub struct Raw<'a>(
    /// One or more encoded items.
    pub &'a [u8],
);

impl Encode for Raw<'_> {
    fn length(&self) -> usize {
        self.0.len()
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.0);
    }
}

/// An integer is the string of its big-endian digits without leading zeros.
fn without_leading_zeros(digits: &[u8]) -> Str<'_> {
    let zeros = digits.iter().take_while(|digit| **digit == 0).count();
    Str(digits.get(zeros..).unwrap_or_default())
}

impl Encode for u64 {
    fn length(&self) -> usize {
        if *self < 0x80 {
            1
        } else {
            1 + significant_bytes(*self)
        }
    }

    fn encode(&self, out: &mut Vec<u8>) {
        without_leading_zeros(&self.to_be_bytes()).encode(out);
    }
}

impl Encode for u8 {
    fn length(&self) -> usize {
        u64::from(*self).length()
    }

    fn encode(&self, out: &mut Vec<u8>) {
        u64::from(*self).encode(out);
    }
}

impl Encode for bool {
    fn length(&self) -> usize {
        1
    }

    fn encode(&self, out: &mut Vec<u8>) {
        u64::from(*self).encode(out);
    }
}

impl Encode for U256 {
    fn length(&self) -> usize {
        if self.bit_len() < 8 {
            1
        } else {
            1 + self.byte_len()
        }
    }

    fn encode(&self, out: &mut Vec<u8>) {
        without_leading_zeros(&self.to_be_bytes::<32>()).encode(out);
    }
}

impl Encode for Address {
    fn length(&self) -> usize {
        21
    }

    fn encode(&self, out: &mut Vec<u8>) {
        Str(self.as_slice()).encode(out);
    }
}

impl Encode for B256 {
    fn length(&self) -> usize {
        33
    }

    fn encode(&self, out: &mut Vec<u8>) {
        Str(self.as_slice()).encode(out);
    }
}

impl Encode for B64 {
    fn length(&self) -> usize {
        9
    }

    fn encode(&self, out: &mut Vec<u8>) {
        Str(self.as_slice()).encode(out);
    }
}

impl Encode for Bloom {
    fn length(&self) -> usize {
        259
    }

    fn encode(&self, out: &mut Vec<u8>) {
        Str(self.as_slice()).encode(out);
    }
}

impl Encode for Bytes {
    fn length(&self) -> usize {
        Str(self).length()
    }

    fn encode(&self, out: &mut Vec<u8>) {
        Str(self).encode(out);
    }
}

impl Encode for TxKind {
    fn length(&self) -> usize {
        match self {
            Self::Create => 1,
            Self::Call(to) => to.length(),
        }
    }

    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Create => out.push(EMPTY_STRING),
            Self::Call(to) => to.encode(out),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use proptest::prelude::*;

    fn kind<T: fmt::Debug>(result: Result<T, Error>) -> ErrorKind {
        result.expect_err("accepted").kind
    }

    #[test]
    fn examples_of_the_yellow_paper() {
        assert_eq!(encode(&Str(b"dog")), b"\x83dog");
        assert_eq!(
            encode_list(&[&Str(b"cat"), &Str(b"dog")]),
            b"\xc8\x83cat\x83dog"
        );
        assert_eq!(encode(&Str(b"")), [0x80]);
        assert_eq!(encode_list(&[]), [0xc0]);
        assert_eq!(encode(&0u64), [0x80]);
        assert_eq!(encode(&15u64), [0x0f]);
        assert_eq!(encode(&1024u64), [0x82, 0x04, 0x00]);
        let nested = encode_list(&[
            &List(&[]),
            &List(&[&List(&[])]),
            &List(&[&List(&[]), &List(&[&List(&[])])]),
        ]);
        assert_eq!(nested, [0xc7, 0xc0, 0xc1, 0xc0, 0xc3, 0xc0, 0xc1, 0xc0]);
    }

    #[test]
    fn a_string_of_56_bytes_has_a_long_prefix() {
        let text = b"Lorem ipsum dolor sit amet, consectetur adipisicing elit";
        assert_eq!(text.len(), 56);
        assert_eq!(encode(&Str(text))[..2], [0xb8, 0x38]);
    }

    #[test]
    fn longer_prefixes_than_needed_are_refused() {
        for bytes in [
            &[0x81, 0x7f][..],
            &[0xb8, 1, 0x80],
            &[0xb9, 0, 56],
            &[0xf8, 0],
            &[0xf9, 0, 60],
        ] {
            let mut padded = bytes.to_vec();
            padded.resize(80, 0);
            assert_eq!(
                kind(Decoder::new(&padded).item()),
                ErrorKind::NonCanonicalPrefix
            );
        }
    }

    #[test]
    fn integers_with_leading_zeros_are_refused() {
        assert_eq!(kind(Decoder::new(&[0]).u64()), ErrorKind::LeadingZero);
        assert_eq!(
            kind(Decoder::new(&[0x82, 0, 1]).u256()),
            ErrorKind::LeadingZero
        );
    }

    #[test]
    fn integers_too_large_for_their_field_are_refused() {
        let bytes = [0x89, 1, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(
            kind(Decoder::new(&bytes).u64()),
            ErrorKind::Overflow { limit: 8 }
        );
        assert!(Decoder::new(&bytes).u256().is_ok());
    }

    #[test]
    fn cut_items_are_refused() {
        for bytes in [
            &[][..],
            &[0x83, 1, 2],
            &[0xb8],
            &[0xb9, 1],
            &[0xc2, 1],
            &[0xff; 9],
            &[0xbf; 9],
        ] {
            assert_eq!(kind(Decoder::new(bytes).item()), ErrorKind::UnexpectedEnd);
        }
    }

    #[test]
    fn an_error_tells_where() {
        let bytes = encode_list(&[&1u64, &List(&[&2u64, &Str(b"not an address")])]);
        let mut items = Decoder::new(&bytes).list().unwrap();
        items.u64().unwrap();
        let mut inner = items.list().unwrap();
        inner.u64().unwrap();
        assert_eq!(
            inner.address(),
            Err(Error {
                offset: 4,
                kind: ErrorKind::WrongLength {
                    expected: 20,
                    actual: 14
                }
            })
        );
    }

    #[test]
    fn lists_are_not_strings_nor_strings_lists() {
        assert_eq!(
            kind(Decoder::new(&[0xc0]).string()),
            ErrorKind::UnexpectedList
        );
        assert_eq!(
            kind(Decoder::new(&[0x80]).list()),
            ErrorKind::UnexpectedString
        );
        assert_eq!(
            kind(Decoder::new(&[0xc0]).kind()),
            ErrorKind::UnexpectedList
        );
    }

    /// A tree of items.
    #[derive(Clone, Debug, PartialEq)]
    enum Tree {
        String(Vec<u8>),
        List(Vec<Tree>),
    }

    impl Encode for Tree {
        fn length(&self) -> usize {
            match self {
                Self::String(bytes) => Str(bytes).length(),
                Self::List(items) => items.length(),
            }
        }

        fn encode(&self, out: &mut Vec<u8>) {
            match self {
                Self::String(bytes) => Str(bytes).encode(out),
                Self::List(items) => items.encode(out),
            }
        }
    }

    fn tree(decoder: &mut Decoder<'_>) -> Result<Tree, Error> {
        match decoder.item()? {
            Item::String(bytes) => Ok(Tree::String(bytes.to_vec())),
            Item::List(mut items) => {
                let mut trees = vec![];
                while !items.is_empty() {
                    trees.push(tree(&mut items)?);
                }
                Ok(Tree::List(trees))
            }
        }
    }

    fn trees() -> impl Strategy<Value = Tree> {
        let leaf = prop::collection::vec(any::<u8>(), 0..70).prop_map(Tree::String);
        leaf.prop_recursive(4, 64, 8, |inner| {
            prop::collection::vec(inner, 0..8).prop_map(Tree::List)
        })
    }

    proptest! {
        #[test]
        fn trees_come_back_from_their_bytes(original in trees()) {
            let bytes = encode(&original);
            prop_assert_eq!(bytes.len(), original.length());
            let mut decoder = Decoder::new(&bytes);
            prop_assert_eq!(tree(&mut decoder), Ok(original));
            prop_assert!(decoder.finish().is_ok());
        }

        #[test]
        fn what_decodes_is_what_would_be_encoded(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let mut decoder = Decoder::new(&bytes);
            if let Ok(decoded) = tree(&mut decoder) {
                let read = bytes.len() - decoder.rest().len();
                prop_assert_eq!(decoder.offset(), read);
                prop_assert_eq!(&encode(&decoded), &bytes[..read]);
            }
        }

        #[test]
        fn integers_come_back(small: u64, limbs: [u64; 4], shift in 0usize..256) {
            let bytes = encode(&small);
            prop_assert_eq!(bytes.len(), small.length());
            prop_assert_eq!(Decoder::new(&bytes).u64(), Ok(small));
            let large = U256::from_limbs(limbs) >> shift;
            let bytes = encode(&large);
            prop_assert_eq!(bytes.len(), large.length());
            prop_assert_eq!(Decoder::new(&bytes).u256(), Ok(large));
        }
    }
}
