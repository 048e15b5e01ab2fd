//! The small encodings of a batch, and what its transactions share.

use super::error::BadBatch;
use alloc::vec::Vec;
use alloy_primitives::{Address, U256};

/// Takes values off the front of a batch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'b>(pub(super) &'b [u8]);

impl<'b> Reader<'b> {
    pub(super) fn take(&mut self, len: usize) -> Result<&'b [u8], BadBatch> {
        let (taken, rest) = self.0.split_at_checked(len).ok_or(BadBatch::Short)?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn array<const LEN: usize>(&mut self) -> Result<&'b [u8; LEN], BadBatch> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(BadBatch::Short)?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn byte(&mut self) -> Result<u8, BadBatch> {
        self.array().map(|[byte]| *byte)
    }

    /// Unsigned LEB128.
    pub(super) fn leb(&mut self) -> Result<u64, BadBatch> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if bits << shift >> shift != bits {
                break;
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(BadBatch::Number)
    }

    /// An index into `items`.
    pub(super) fn index<'i, T>(&mut self, items: &'i [T]) -> Result<&'i T, BadBatch> {
        let index = self.leb()?;
        let at = usize::try_from(index).ok();
        at.and_then(|at| items.get(at))
            .ok_or(BadBatch::Index(index))
    }

    /// Bytes behind their length.
    pub(super) fn bytes(&mut self) -> Result<&'b [u8], BadBatch> {
        let len = self.leb()?;
        self.take(usize::try_from(len).map_err(|_| BadBatch::Short)?)
    }

    /// A mantissa and an exponent.
    pub(super) fn number(&mut self) -> Result<U256, BadBatch> {
        let head = self.byte()?;
        let len = match head >> 5 {
            7 => usize::from(self.byte()?),
            code => LENGTHS.get(usize::from(code)).copied().unwrap_or_default(),
        };
        if len > 32 {
            return Err(BadBatch::Number);
        }
        let mut number = U256::from_be_slice(self.take(len)?);
        let mut left = u32::from(head & MOST_EXPONENT);
        while left > 0 {
            // The largest power of ten in a word is 10^19.
            let some = left.min(19);
            number = number
                .checked_mul(U256::from(10_u64.pow(some)))
                .ok_or(BadBatch::Number)?;
            left -= some;
        }
        Ok(number)
    }
}

/// The lengths of a number's mantissa by its code.
const LENGTHS: [usize; 7] = [0, 1, 2, 3, 4, 6, 8];

/// The largest exponent, all of its bits.
const MOST_EXPONENT: u8 = 31;

pub(super) fn put_leb(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

pub(super) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_leb(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// The shorter of a number as it is and without its decimal zeros.
pub(super) fn put_number(out: &mut Vec<u8>, number: U256) {
    let ten = U256::from(10);
    let mut shortest = with_exponent(number, 0);
    let mut mantissa = number;
    for exponent in 1..=MOST_EXPONENT {
        let (less, rest) = mantissa.div_rem(ten);
        if !rest.is_zero() || mantissa.is_zero() {
            break;
        }
        mantissa = less;
        let shorter = with_exponent(mantissa, exponent);
        if shorter.len() <= shortest.len() {
            shortest = shorter;
        }
    }
    out.extend_from_slice(&shortest);
}

fn with_exponent(mantissa: U256, exponent: u8) -> Vec<u8> {
    let bytes = mantissa.to_be_bytes_trimmed_vec();
    let code = LENGTHS.iter().position(|len| *len >= bytes.len());
    let mut out = Vec::new();
    let len = match code {
        Some(code) => {
            out.push((code as u8) << 5 | exponent);
            LENGTHS.get(code).copied().unwrap_or_default()
        }
        None => {
            out.extend([7 << 5 | exponent, bytes.len() as u8]);
            bytes.len()
        }
    };
    out.resize(out.len() + len - bytes.len(), 0);
    out.extend_from_slice(&bytes);
    out
}

/// The words of a batch, and the selectors.
#[derive(Clone, Debug, Default)]
pub(super) struct Words {
    words: Vec<[u8; 32]>,
    selectors: Vec<[u8; 4]>,
}

/// The first byte of a word.
const RIGHT: u8 = 0x20;
const NUMBER: u8 = 0x41;
const SENDER: u8 = 0x42;
const INDEXED: u8 = 0x43;
const NEAR: u8 = 0x80;

/// From so many bytes on, a word that stands in the batch can be named later.
const NAMED: usize = 4;

/// An address as a word.
fn padded(address: &Address) -> [u8; 32] {
    address.into_word().0
}

impl Words {
    /// Adds a receiver that stands in the batch.
    pub(super) fn push_receiver(&mut self, address: &Address) {
        self.words.push(padded(address));
    }

    /// Reads the index of a receiver.
    pub(super) fn receiver(&self, reader: &mut Reader<'_>) -> Result<Address, BadBatch> {
        let mut peeked = *reader;
        let index = peeked.leb()?;
        match reader.index(&self.words)?.split_first_chunk::<12>() {
            Some(([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], address)) => {
                Ok(Address::from_slice(address))
            }
            _ => Err(BadBatch::NoAddress(index)),
        }
    }

    /// The index of a receiver, if it is a word of the batch.
    pub(super) fn find_receiver(&self, address: &Address) -> Option<u64> {
        self.find(&padded(address))
    }

    fn find(&self, word: &[u8; 32]) -> Option<u64> {
        let at = self.words.iter().position(|other| other == word);
        at.map(|at| at as u64)
    }

    /// Reads call data of `len` bytes.
    pub(super) fn data(
        &mut self,
        reader: &mut Reader<'_>,
        len: usize,
        sender: &Address,
    ) -> Result<Vec<u8>, BadBatch> {
        let mut data = Vec::with_capacity(len);
        if len >= 4 {
            let selector = match reader.byte()? {
                0 => {
                    let selector = *reader.array()?;
                    self.selectors.push(selector);
                    selector
                }
                named => {
                    let at = usize::from(named) - 1;
                    let selector = self.selectors.get(at).copied();
                    selector.ok_or(BadBatch::Index(at as u64))?
                }
            };
            data.extend_from_slice(&selector);
        }
        while len - data.len() >= 32 {
            data.extend_from_slice(&self.word(reader, sender)?);
        }
        data.extend_from_slice(reader.take(len - data.len())?);
        Ok(data)
    }

    fn word(&mut self, reader: &mut Reader<'_>, sender: &Address) -> Result<[u8; 32], BadBatch> {
        let head = reader.byte()?;
        match head {
            0..=0x40 => {
                let mut word = [0; 32];
                let right = head > RIGHT;
                let len = usize::from(if right { head - RIGHT } else { head });
                let bytes = reader.take(len)?;
                let place = if right {
                    word.get_mut(..len)
                } else {
                    word.get_mut(32 - len..)
                };
                if let Some(place) = place {
                    place.copy_from_slice(bytes);
                }
                if len >= NAMED {
                    self.words.push(word);
                }
                Ok(word)
            }
            NUMBER => Ok(reader.number()?.to_be_bytes()),
            SENDER => Ok(padded(sender)),
            INDEXED => reader.index(&self.words).copied(),
            NEAR.. => {
                let at = usize::from(head - NEAR);
                let word = self.words.get(at).copied();
                word.ok_or(BadBatch::Index(at as u64))
            }
            _ => Err(BadBatch::Word(head)),
        }
    }

    /// Writes call data behind its length.
    pub(super) fn put_data(&mut self, out: &mut Vec<u8>, data: &[u8], sender: &Address) {
        put_leb(out, data.len() as u64);
        let mut rest = data;
        if let Some((selector, arguments)) = data.split_first_chunk() {
            let named = self.selectors.iter().position(|other| other == selector);
            match named.and_then(|at| u8::try_from(at + 1).ok()) {
                Some(named) => out.push(named),
                None => {
                    out.push(0);
                    out.extend_from_slice(selector);
                    self.selectors.push(*selector);
                }
            }
            rest = arguments;
        }
        let (words, rest) = rest.as_chunks();
        for word in words {
            self.put_word(out, word, sender);
        }
        out.extend_from_slice(rest);
    }

    /// Writes a word in the fewest bytes.
    fn put_word(&mut self, out: &mut Vec<u8>, word: &[u8; 32], sender: &Address) {
        let zeros = word.iter().take_while(|byte| **byte == 0).count();
        let behind = word.iter().rev().take_while(|byte| **byte == 0).count();
        let (head, bytes) = if zeros >= behind {
            ((32 - zeros) as u8, word.get(zeros..))
        } else {
            (RIGHT + (32 - behind) as u8, word.get(..32 - behind))
        };
        let bytes = bytes.unwrap_or_default();
        let mut shortest = Vec::from([head]);
        shortest.extend_from_slice(bytes);
        let mut short = |other: Vec<u8>| {
            if other.len() < shortest.len() {
                shortest = other;
            }
        };
        let mut number = Vec::from([NUMBER]);
        put_number(&mut number, U256::from_be_bytes(*word));
        short(number);
        if let Some(at) = self.find(word) {
            short(match u8::try_from(at) {
                Ok(at) if at < NEAR => Vec::from([NEAR + at]),
                _ => {
                    let mut indexed = Vec::from([INDEXED]);
                    put_leb(&mut indexed, at);
                    indexed
                }
            });
        }
        if *word == padded(sender) {
            short(Vec::from([SENDER]));
        }
        out.extend_from_slice(&shortest);
        let stands = shortest.first() == Some(&head);
        if stands && bytes.len() >= NAMED {
            self.words.push(*word);
        }
    }
}
