//! As much of Solidity's ABI as the kernel and its bridges speak.

use alloc::vec::Vec;
use alloy_primitives::{Address, U256};

/// A call's data: selector, then words.
#[derive(Debug)]
pub(crate) struct Calldata(Vec<u8>);

impl Calldata {
    pub(crate) fn new(selector: [u8; 4]) -> Self {
        Self(selector.to_vec())
    }

    pub(crate) fn word(mut self, word: U256) -> Self {
        self.0.extend_from_slice(&word.to_be_bytes::<32>());
        self
    }

    pub(crate) fn number(self, number: u64) -> Self {
        self.word(U256::from(number))
    }

    pub(crate) fn address(self, address: &Address) -> Self {
        self.word(U256::from_be_slice(address.as_slice()))
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

/// The arguments of a call, behind its selector.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arguments<'b>(pub(crate) &'b [u8]);

impl<'b> Arguments<'b> {
    /// The word at `index`.
    pub(crate) fn word(&self, index: usize) -> Option<&'b [u8; 32]> {
        self.0.get(index.checked_mul(32)?..)?.first_chunk()
    }

    pub(crate) fn number(&self, index: usize) -> Option<U256> {
        self.word(index).map(|word| U256::from_be_bytes(*word))
    }

    pub(crate) fn address(&self, index: usize) -> Option<Address> {
        let (padding, address) = self.word(index)?.split_last_chunk::<20>()?;
        let clean = padding.iter().all(|byte| *byte == 0);
        clean.then(|| Address::new(*address))
    }

    /// The first `LEN` bytes of the word at `index`; the others are zero.
    pub(crate) fn fixed<const LEN: usize>(&self, index: usize) -> Option<&'b [u8; LEN]> {
        let (bytes, padding) = self.word(index)?.split_first_chunk::<LEN>()?;
        padding.iter().all(|byte| *byte == 0).then_some(bytes)
    }

    /// The bytes whose place the word at `index` tells.
    pub(crate) fn bytes(&self, index: usize) -> Option<&'b [u8]> {
        let at = usize::try_from(self.number(index)?).ok()?;
        let tail = self.0.get(at..)?;
        let (len, bytes) = tail.split_first_chunk::<32>()?;
        let len = usize::try_from(U256::from_be_bytes(*len)).ok()?;
        bytes.get(..len)
    }

    pub(crate) fn text(&self, index: usize) -> Option<&'b str> {
        core::str::from_utf8(self.bytes(index)?).ok()
    }
}

/// The output of `revert("…")`: `Error(string)`.
pub(crate) fn error(reason: &str) -> Vec<u8> {
    let mut data = Calldata::new([0x08, 0xc3, 0x79, 0xa0])
        .number(32)
        .number(reason.len() as u64)
        .into_bytes();
    data.extend_from_slice(reason.as_bytes());
    data.resize(4 + 64 + reason.len().next_multiple_of(32), 0);
    data
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn arguments_are_read_where_they_stand() {
        let call = Calldata::new([1, 2, 3, 4])
            .address(&Address::repeat_byte(7))
            .number(64)
            .number(5)
            .into_bytes();
        let mut words = call[4..].to_vec();
        words.extend_from_slice(b"hello");
        let arguments = Arguments(&words);
        assert_eq!(arguments.address(0), Some(Address::repeat_byte(7)));
        assert_eq!(arguments.text(1), Some("hello"));
        assert_eq!(arguments.fixed::<22>(0), None);
        assert_eq!(arguments.word(3), None);
        assert_eq!(Arguments(&words[..words.len() - 1]).text(1), None);
    }

    #[test]
    fn a_reason_is_padded() {
        let data = error("too long");
        assert_eq!(data.len(), 4 + 32 * 3);
        assert_eq!(Arguments(&data[4..]).text(0), Some("too long"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_arguments_or_not(bytes: Vec<u8>, index: usize) {
            let arguments = Arguments(&bytes);
            let _ = (arguments.bytes(index % 5), arguments.address(index), arguments.fixed::<22>(index));
        }
    }
}
