//! Writing RLP.

use alloc::vec::Vec;
use alloy_primitives::{Address, B64, B256, Bloom, Bytes, TxKind, U256};

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
        match self.0.len() {
            1 if matches!(self.0, [0..=0x7f]) => {}
            // One byte, mostly: no array for it.
            length @ 0..56 => out.push(EMPTY_STRING + low(length as u64)),
            length => out.extend_from_slice(Prefix::string(length).as_ref()),
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

/// The lowest byte.
const fn low(number: u64) -> u8 {
    number.to_le_bytes()[0]
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
        match *self {
            0 => out.push(EMPTY_STRING),
            small @ 1..0x80 => out.push(low(small)),
            number => {
                let digits = significant_bytes(number);
                out.push(EMPTY_STRING + low(digits as u64));
                let bytes = number.to_be_bytes();
                out.extend_from_slice(bytes.get(8 - digits..).unwrap_or_default());
            }
        }
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
        match u64::try_from(*self) {
            Ok(small) => small.encode(out),
            Err(_) => without_leading_zeros(&self.to_be_bytes::<32>()).encode(out),
        }
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
        out.push(EMPTY_STRING + 32);
        out.extend_from_slice(&self.0);
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
