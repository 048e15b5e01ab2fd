//! The hasher against another SipHash-1-3, and maps that are filled with it.

use core::hash::{BuildHasher, Hasher};
use foldhash::fast::{FoldHasher, RandomState};
use foldhash::set_key;
use proptest::collection::vec;
use proptest::prelude::*;
use siphasher::sip::SipHasher13;

/// Another implementation's hash of the bytes.
fn reference(key: [u64; 2], bytes: &[u8]) -> u64 {
    let mut hasher = SipHasher13::new_with_keys(key[0], key[1]);
    hasher.write(bytes);
    hasher.finish()
}

/// One call of a hasher, and the bytes it stands for.
#[derive(Clone, Debug)]
enum Write {
    Bytes(Vec<u8>),
    U8(u8),
    U16(u16),
    U32(u32),
    U64(u64),
    U128(u128),
    Usize(usize),
}

impl Write {
    fn to(&self, hasher: &mut impl Hasher) {
        match self {
            Self::Bytes(bytes) => hasher.write(bytes),
            Self::U8(number) => hasher.write_u8(*number),
            Self::U16(number) => hasher.write_u16(*number),
            Self::U32(number) => hasher.write_u32(*number),
            Self::U64(number) => hasher.write_u64(*number),
            Self::U128(number) => hasher.write_u128(*number),
            Self::Usize(number) => hasher.write_usize(*number),
        }
    }

    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Bytes(bytes) => bytes.clone(),
            Self::U8(number) => number.to_le_bytes().into(),
            Self::U16(number) => number.to_le_bytes().into(),
            Self::U32(number) => number.to_le_bytes().into(),
            Self::U64(number) => number.to_le_bytes().into(),
            Self::U128(number) => number.to_le_bytes().into(),
            Self::Usize(number) => (*number as u64).to_le_bytes().into(),
        }
    }
}

fn write() -> impl Strategy<Value = Write> {
    prop_oneof![
        vec(any::<u8>(), 0..70).prop_map(Write::Bytes),
        any::<u8>().prop_map(Write::U8),
        any::<u16>().prop_map(Write::U16),
        any::<u32>().prop_map(Write::U32),
        any::<u64>().prop_map(Write::U64),
        any::<u128>().prop_map(Write::U128),
        any::<usize>().prop_map(Write::Usize),
    ]
}

proptest! {
    #[test]
    fn any_writes_hash_as_their_bytes(key: [u64; 2], writes in vec(write(), 0..8)) {
        let mut hasher = FoldHasher::with_key(key[0], key[1]);
        for write in &writes {
            write.to(&mut hasher);
        }
        let bytes: Vec<u8> = writes.iter().flat_map(Write::bytes).collect();
        prop_assert_eq!(hasher.finish(), reference(key, &bytes));
    }
}

/// The longest chain of `keys` in a table with as many buckets, of which the
/// lowest bits tell, and the most keys with one tag.
fn longest_chain(state: &RandomState, keys: impl Iterator<Item = [u8; 32]>) -> usize {
    const BUCKETS: usize = 1 << 16;
    let mut chains = vec![0; BUCKETS];
    for key in keys.take(BUCKETS) {
        chains[state.hash_one(key) as usize % BUCKETS] += 1;
    }
    chains.into_iter().max().unwrap_or_default()
}

/// A word of 32 bytes with `number` in the limb `limb`, and `top` in the highest.
fn word(number: u64, limb: usize, top: u64) -> [u8; 32] {
    let mut limbs = [0, 0, 0, top];
    limbs[limb] = number;
    let mut bytes = [0; 32];
    for (bytes, limb) in bytes.chunks_mut(8).zip(limbs) {
        bytes.copy_from_slice(&limb.to_le_bytes());
    }
    bytes
}

/// Among 2^16 random keys in 2^16 buckets, a chain is longer than 14 once in
/// 10^8 times.
#[test]
fn keys_in_a_row_spread_over_the_buckets() {
    for limb in 0..4 {
        for stride in [1, 1 << 17, 1 << 32, 1 << 40, 0x9e37_79b9_7f4a_7c15_u64] {
            let numbers = (0..u64::MAX).map(|number| number.wrapping_mul(stride));
            let keys = numbers.map(|number| word(number, limb, 0));
            let longest = longest_chain(&RandomState::default(), keys);
            assert!(longest <= 14, "{longest}: limb {limb}, stride {stride:#x}");
        }
    }
}

/// The words of a map's key are no key to collisions, not even where they are known: what is
/// multiplied with them stays apart.
#[test]
fn words_with_the_key_in_them_spread_too() {
    let bytes = [7; 16];
    set_key(bytes);
    let half = u64::from_le_bytes([7; 8]);
    for top in [half, !half, half.swap_bytes(), 0, u64::MAX] {
        let keys = (0..u64::MAX).map(|number| word(number, 0, top));
        let longest = longest_chain(&RandomState::default(), keys);
        assert!(longest <= 14, "{longest}: top {top:#x}");
    }
}

#[test]
fn a_map_keeps_its_key_and_shares_it_with_none() {
    let first = RandomState::default();
    let before = first.hash_one(1);
    set_key([1; 16]);
    let second = RandomState::default();
    let copy = first.clone();
    assert_eq!([first.hash_one(1), copy.hash_one(1)], [before; 2]);
    assert_ne!(second.hash_one(1), before);
    assert_ne!(RandomState::default().hash_one(1), second.hash_one(1));
}
