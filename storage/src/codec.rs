//! The small encodings of stored values: numbers as LEB128, bytes behind their
//! length, words without leading zeros.

use alloc::vec::Vec;
use alloy_primitives::{Address, B256};

pub(crate) fn put_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

pub(crate) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_number(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// One length byte, then the word's bytes from the first that is not zero.
pub(crate) fn put_word(out: &mut Vec<u8>, word: &[u8; 32]) {
    let zeros = leading_zeros(word);
    out.push((32 - zeros) as u8);
    out.extend_from_slice(word.get(zeros..).unwrap_or_default());
}

/// The zeros in front, eight bytes at a time.
fn leading_zeros(word: &[u8; 32]) -> usize {
    let mut zeros = 0;
    for part in word.as_chunks().0 {
        let part = u64::from_le_bytes(*part);
        if part != 0 {
            return zeros + part.trailing_zeros() as usize / 8;
        }
        zeros += 8;
    }
    zeros
}

/// Takes values off the front of stored bytes; `None` if they run out.
pub(crate) struct Reader<'b>(pub(crate) &'b [u8]);

impl<'b> Reader<'b> {
    pub(crate) fn take(&mut self, len: usize) -> Option<&'b [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    pub(crate) fn array<const LEN: usize>(&mut self) -> Option<[u8; LEN]> {
        self.take(LEN)?.try_into().ok()
    }

    pub(crate) fn byte(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    pub(crate) fn hash(&mut self) -> Option<B256> {
        self.array().map(B256::new)
    }

    pub(crate) fn address(&mut self) -> Option<Address> {
        self.array().map(Address::new)
    }

    pub(crate) fn number(&mut self) -> Option<u64> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f).checked_shl(shift)?;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    pub(crate) fn bytes(&mut self) -> Option<&'b [u8]> {
        let len = usize::try_from(self.number()?).ok()?;
        self.take(len)
    }

    pub(crate) fn word(&mut self) -> Option<B256> {
        let len = usize::from(self.byte()?);
        let mut word = [0; 32];
        word.get_mut(32_usize.checked_sub(len)?..)?
            .copy_from_slice(self.take(len)?);
        Some(B256::new(word))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn values_survive_a_round_trip(number: u64, bytes: Vec<u8>, word: [u8; 32], zeros in 0..32_usize) {
            let mut word = word;
            word[..zeros].fill(0);
            let mut out = Vec::new();
            put_number(&mut out, number);
            put_bytes(&mut out, &bytes);
            put_word(&mut out, &word);
            let mut reader = Reader(&out);
            prop_assert_eq!(reader.number(), Some(number));
            prop_assert_eq!(reader.bytes(), Some(&bytes[..]));
            prop_assert_eq!(reader.word(), Some(B256::new(word)));
            prop_assert!(reader.is_empty());
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            let mut reader = Reader(&bytes);
            while reader.bytes().is_some() && !reader.is_empty() {}
            let mut reader = Reader(&bytes);
            while reader.word().is_some() && !reader.is_empty() {}
        }
    }
}
