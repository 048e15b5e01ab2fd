//! The hasher, by the names that `alloy-primitives` and `hashbrown` know.

use crate::next_key;
use crate::sip::Sip;
use core::fmt;
use core::hash::{BuildHasher, Hasher};
use core::marker::PhantomData;

/// Makes the hashers of one map, under that map's key.
#[derive(Clone)]
pub struct RandomState {
    key: [u64; 2],
}

impl Default for RandomState {
    #[inline]
    fn default() -> Self {
        Self { key: next_key() }
    }
}

impl BuildHasher for RandomState {
    type Hasher = FoldHasher<'static>;

    #[inline(always)]
    fn build_hasher(&self) -> FoldHasher<'static> {
        let [k0, k1] = self.key;
        FoldHasher::with_key(k0, k1)
    }
}

impl fmt::Debug for RandomState {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RandomState").finish_non_exhaustive()
    }
}

/// SipHash-1-3 of the bytes that are written, numbers in little-endian order.
#[derive(Clone)]
pub struct FoldHasher<'a> {
    state: Sip,
    /// Bytes that fill no word yet, the first lowest.
    tail: u64,
    /// All bytes so far, of which the last `len % 8` are in `tail`.
    len: usize,
    _like_foldhash: PhantomData<&'a ()>,
}

impl FoldHasher<'_> {
    /// Nothing hashed yet, under the key `k0 ++ k1` of SipHash.
    #[inline(always)]
    #[must_use]
    pub const fn with_key(k0: u64, k1: u64) -> Self {
        Self {
            state: Sip::new(k0, k1),
            tail: 0,
            len: 0,
            _like_foldhash: PhantomData,
        }
    }

    /// Takes the `len` low bytes of `word`, whose others are zero; at most 8.
    #[inline(always)]
    const fn take(&mut self, word: u64, len: usize) {
        let before = self.len % 8;
        self.len = self.len.wrapping_add(len);
        self.tail |= word << (8 * before);
        if before + len >= 8 {
            self.state.absorb(self.tail);
            self.tail = if before == 0 {
                0
            } else {
                word >> (64 - 8 * before)
            };
        }
    }
}

macro_rules! numbers {
    ($($write:ident($number:ty) $len:literal,)*) => {$(
        #[inline(always)]
        fn $write(&mut self, number: $number) {
            self.take(number as u64, $len);
        }
    )*};
}

impl Hasher for FoldHasher<'_> {
    #[inline(always)]
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks();
        for word in words {
            self.take(u64::from_le_bytes(*word), 8);
        }
        let (halves, rest) = rest.as_chunks();
        for half in halves {
            self.take(u32::from_le_bytes(*half).into(), 4);
        }
        for byte in rest {
            self.take((*byte).into(), 1);
        }
    }

    numbers! {
        write_u8(u8) 1,
        write_u16(u16) 2,
        write_u32(u32) 4,
        write_u64(u64) 8,
    }

    #[inline(always)]
    fn write_u128(&mut self, number: u128) {
        self.take(number as u64, 8);
        self.take((number >> 64) as u64, 8);
    }

    #[inline(always)]
    fn write_usize(&mut self, number: usize) {
        self.take(number as u64, size_of::<usize>());
    }

    #[inline(always)]
    fn finish(&self) -> u64 {
        let len = self.len as u64;
        self.state.clone().finish(self.tail | len << 56)
    }
}

impl fmt::Debug for FoldHasher<'_> {
    /// Without what leads to the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FoldHasher").finish_non_exhaustive()
    }
}
