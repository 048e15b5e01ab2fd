//! The part of Solidity's contract ABI that the fixtures need: arguments of one word each, then
//! `bytes` and `string`.

use alloy_primitives::{Address, B256, Bytes, FixedBytes, U256, keccak256};

/// A value of a static type, as the ABI lays it out: 32 bytes, numbers big endian.
pub trait Word {
    /// The value's 32 bytes.
    fn word(self) -> B256;
}

impl Word for B256 {
    fn word(self) -> B256 {
        self
    }
}

impl Word for U256 {
    fn word(self) -> B256 {
        self.into()
    }
}

impl Word for u64 {
    fn word(self) -> B256 {
        U256::from(self).into()
    }
}

impl Word for bool {
    fn word(self) -> B256 {
        U256::from(u8::from(self)).into()
    }
}

impl Word for Address {
    fn word(self) -> B256 {
        self.into_word()
    }
}

/// The first four bytes of calldata, from `name(type,…)`.
#[must_use]
pub fn selector(signature: &str) -> FixedBytes<4> {
    FixedBytes::from_slice(&keccak256(signature)[..4])
}

/// Calldata: the selector of `name(type,…)` and its arguments, a word each.
#[must_use]
pub fn call(signature: &str, arguments: &[B256]) -> Bytes {
    call_with(signature, arguments, &[])
}

/// [`call`] with `bytes` or `string` arguments behind the others.
#[must_use]
pub fn call_with(signature: &str, words: &[B256], dynamic: &[&[u8]]) -> Bytes {
    [&selector(signature)[..], &arguments(words, dynamic)]
        .concat()
        .into()
}

/// Arguments: words, then an offset for each `bytes` or `string`, then these, each with its
/// length in front and zeros behind.
#[must_use]
pub fn arguments(words: &[B256], dynamic: &[&[u8]]) -> Vec<u8> {
    let mut head = words.concat();
    let mut tail = Vec::new();
    let start = 32 * (words.len() + dynamic.len());
    for bytes in dynamic {
        head.extend(U256::from(start + tail.len()).word());
        tail.extend(U256::from(bytes.len()).word());
        tail.extend_from_slice(bytes);
        tail.resize(tail.len().next_multiple_of(32), 0);
    }
    [head, tail].concat()
}

/// An argument of a call.
#[derive(Clone, Copy, Debug)]
pub enum Argument<'a> {
    /// Of a static type.
    Word(B256),
    /// `bytes` or `string`.
    Bytes(&'a [u8]),
}

/// As [`arguments`], in any order.
#[must_use]
pub fn mixed(arguments: &[Argument<'_>]) -> Vec<u8> {
    let (mut head, mut tail) = (Vec::new(), Vec::new());
    for argument in arguments {
        match argument {
            Argument::Word(word) => head.extend_from_slice(word.as_slice()),
            Argument::Bytes(bytes) => {
                head.extend(U256::from(32 * arguments.len() + tail.len()).word());
                tail.extend(U256::from(bytes.len()).word());
                tail.extend_from_slice(bytes);
                tail.resize(tail.len().next_multiple_of(32), 0);
            }
        }
    }
    [head, tail].concat()
}

/// The `bytes` or `string` whose offset is word `index` of `data`; `None` where it is cut short.
#[must_use]
pub fn bytes(data: &[u8], index: usize) -> Option<&[u8]> {
    let word = |at: usize| usize::try_from(number(data.get(at..at.checked_add(32)?)?)?).ok();
    let at = word(32 * index)?;
    let length = word(at)?;
    let start = at.checked_add(32)?;
    data.get(start..start.checked_add(length)?)
}

/// The number that a call returned or an event carries; `None` unless it is one word.
#[must_use]
pub fn number(data: &[u8]) -> Option<U256> {
    let word: [u8; 32] = data.try_into().ok()?;
    Some(U256::from_be_bytes(word))
}

/// The address that a call returned; `None` unless it is one word with 12 leading zeros.
#[must_use]
pub fn address(data: &[u8]) -> Option<Address> {
    let word: [u8; 32] = data.try_into().ok()?;
    word[..12]
        .iter()
        .all(|byte| *byte == 0)
        .then(|| Address::from_slice(&word[12..]))
}

/// The text of `require(…, "text")`, from revert data (`Error(string)`).
#[must_use]
pub fn revert_text(data: &[u8]) -> Option<String> {
    let string = data.strip_prefix(&selector("Error(string)")[..])?;
    String::from_utf8(bytes(string, 0)?.to_vec()).ok()
}

/// Revert data of a panic (`Panic(uint256)`): 0x01 assert, 0x11 overflow, 0x12 division by zero.
#[must_use]
pub fn panic(code: u64) -> Bytes {
    call("Panic(uint256)", &[code.word()])
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{address as addr, hex};

    use super::*;

    #[test]
    fn well_known_selectors() {
        assert_eq!(selector("transfer(address,uint256)").0, hex!("a9059cbb"));
        assert_eq!(selector("balanceOf(address)").0, hex!("70a08231"));
        assert_eq!(selector("Error(string)").0, hex!("08c379a0"));
        assert_eq!(selector("Panic(uint256)").0, hex!("4e487b71"));
    }

    #[test]
    fn arguments_are_words_after_the_selector() {
        let to = addr!("0x00000000000000000000000000000000000000aa");
        let expected = hex!(
            "a9059cbb"
            "00000000000000000000000000000000000000000000000000000000000000aa"
            "0000000000000000000000000000000000000000000000000000000000000102"
        );
        assert_eq!(
            call("transfer(address,uint256)", &[to.word(), 0x0102.word()])[..],
            expected
        );
    }

    #[test]
    fn bytes_stand_behind_the_words() {
        let encoded = arguments(&[7.word()], &[b"abc", &[1; 33]]);
        assert_eq!(encoded.len(), 32 * (3 + 2 + 3));
        assert_eq!(encoded[32..64], 96.word()[..]);
        assert_eq!(encoded[64..96], 160.word()[..]);
        assert_eq!(bytes(&encoded, 1), Some(&b"abc"[..]));
        assert_eq!(bytes(&encoded, 2), Some(&[1; 33][..]));
        assert_eq!(bytes(&encoded[..190], 2), None);
        assert_eq!(bytes(&encoded, 8), None);
    }

    #[test]
    fn words_are_read_back_and_other_lengths_are_not() {
        assert_eq!(number(7.word().as_slice()), Some(U256::from(7)));
        assert_eq!(number(&[7]), None);
        let someone = addr!("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266");
        assert_eq!(address(someone.word().as_slice()), Some(someone));
        assert_eq!(address(U256::MAX.word().as_slice()), None);
    }

    #[test]
    fn revert_text_is_read_and_short_data_is_not() {
        let data = hex!(
            "08c379a0"
            "0000000000000000000000000000000000000000000000000000000000000020"
            "000000000000000000000000000000000000000000000000000000000000000c"
            "616c7265616479207a65726f0000000000000000000000000000000000000000"
        );
        assert_eq!(revert_text(&data).as_deref(), Some("already zero"));
        assert_eq!(revert_text(&data[..70]), None);
        assert_eq!(revert_text(&panic(0x12)), None);
    }
}
