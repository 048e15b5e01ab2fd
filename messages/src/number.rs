//! Numbers of any size: Z (signed, as Micheline has them) and N (natural).
//!
//! Both are groups of 7 bits, lowest first, the highest bit of a byte set on all
//! but the last; the first byte of a Z has 6 bits behind its sign.

use crate::error::{DecodeError, ErrorKind};
use crate::reader::Reader;
use alloc::vec::Vec;

/// A number, borrowed from its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Integer<'b> {
    bytes: &'b [u8],
    /// The bits of the first byte: 6 of a Z, 7 of an N.
    first: u32,
    negative: bool,
}

impl<'b> Integer<'b> {
    pub(crate) fn read_z(reader: &mut Reader<'b>) -> Result<Self, DecodeError> {
        let bytes = groups(reader)?;
        let negative = bytes.first().is_some_and(|first| first & 0x40 != 0);
        Ok(Self {
            bytes,
            first: 6,
            negative,
        })
    }

    /// The Z that `bytes` begin with, and its length in bytes.
    ///
    /// # Errors
    /// If the bytes are not a number, or have a needless last one.
    pub fn parse_z(bytes: &'b [u8]) -> Result<(Self, usize), DecodeError> {
        let number = Self::read_z(&mut Reader::new(bytes))?;
        Ok((number, number.bytes.len()))
    }

    /// The N that `bytes` begin with, and its length in bytes.
    ///
    /// # Errors
    /// If the bytes are not a number, or have a needless last one.
    pub fn parse_n(bytes: &'b [u8]) -> Result<(Self, usize), DecodeError> {
        let bytes = groups(&mut Reader::new(bytes))?;
        let number = Self {
            bytes,
            first: 7,
            negative: false,
        };
        Ok((number, bytes.len()))
    }

    /// The number's bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &'b [u8] {
        self.bytes
    }

    /// True if a minus stands in front of it (of zero too, if it was written so).
    #[must_use]
    pub const fn is_negative(&self) -> bool {
        self.negative
    }

    /// Its size without the sign, big-endian; `None` if it has more bytes.
    #[must_use]
    pub fn magnitude<const LEN: usize>(&self) -> Option<[u8; LEN]> {
        let mut number = [0_u8; LEN];
        let mut at = 0;
        for (index, byte) in self.bytes.iter().enumerate() {
            let width = if index == 0 { self.first } else { 7 };
            for bit in 0..width {
                if byte >> bit & 1 == 1 {
                    let place = LEN.checked_sub(1 + at / 8)?;
                    *number.get_mut(place)? |= 1 << (at % 8);
                }
                at += 1;
            }
        }
        Some(number)
    }

    /// The number, if it is not negative and has at most 64 bits.
    #[must_use]
    pub fn to_u64(&self) -> Option<u64> {
        let number = u64::from_be_bytes(self.magnitude()?);
        (!self.negative || number == 0).then_some(number)
    }

    /// The number, if it has at most 64 bits, its sign included.
    #[must_use]
    pub fn to_i64(&self) -> Option<i64> {
        let number = i128::from(u64::from_be_bytes(self.magnitude()?));
        i64::try_from(if self.negative { -number } else { number }).ok()
    }
}

/// Bytes up to the first without its highest bit. A last byte of zero would add
/// nothing; layer 1 refuses it.
fn groups<'b>(reader: &mut Reader<'b>) -> Result<&'b [u8], DecodeError> {
    let start = *reader;
    let mut first = true;
    loop {
        let at = *reader;
        let byte = reader.byte()?;
        if byte & 0x80 == 0 {
            if byte == 0 && !first {
                return Err(at.error(ErrorKind::Padded));
            }
            let len = start.remaining() - reader.remaining();
            return Ok(start.bytes().get(..len).unwrap_or_default());
        }
        first = false;
    }
}

/// Appends a Z; its size is `magnitude`, big-endian.
pub fn put_z(out: &mut Vec<u8>, negative: bool, magnitude: &[u8]) {
    let zero = magnitude.iter().all(|byte| *byte == 0);
    let sign = if negative && !zero { 0x40 } else { 0 };
    put_groups(out, magnitude, 6, sign);
}

/// Appends an N; its size is `magnitude`, big-endian.
pub fn put_n(out: &mut Vec<u8>, magnitude: &[u8]) {
    put_groups(out, magnitude, 7, 0);
}

fn put_groups(out: &mut Vec<u8>, magnitude: &[u8], first: usize, sign: u8) {
    let bit = |at: usize| {
        let place = magnitude.len().checked_sub(1 + at / 8);
        let byte = place.and_then(|place| magnitude.get(place));
        byte.map_or(0, |byte| byte >> (at % 8) & 1)
    };
    let zeros = magnitude.iter().take_while(|byte| **byte == 0).count();
    let top = magnitude
        .get(zeros)
        .map_or(0, |byte| byte.leading_zeros() as usize);
    let bits = 8 * (magnitude.len() - zeros) - top;
    let (mut at, mut width, mut flags) = (0, first, sign);
    loop {
        let group = (0..width).fold(flags, |group, index| group | bit(at + index) << index);
        at += width;
        if at >= bits {
            return out.push(group);
        }
        out.push(group | 0x80);
        (width, flags) = (7, 0);
    }
}
