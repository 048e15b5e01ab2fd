//! Keccak-256 (Yellow Paper, "KEC"; FIPS 202 without its domain bits).
//!
//! The same function as [`alloy_primitives::keccak256`], which stays the engine's:
//! after signatures, hashes are what a transaction costs most. Here the state
//! lives in 25 locals for all rounds, which takes a sixth fewer wasm
//! instructions than the libraries that keep it in memory.

use alloy_primitives::B256;

/// The bytes that one permutation absorbs.
const RATE: usize = 136;

/// The hash of `bytes`.
#[must_use]
pub fn keccak256(bytes: impl AsRef<[u8]>) -> B256 {
    let mut hasher = Keccak256::new();
    hasher.update(bytes);
    hasher.finalize()
}

/// A hash of bytes that come in pieces.
#[derive(Clone, Debug)]
pub struct Keccak256 {
    state: [u64; 25],
    /// Bytes that do not fill a block yet.
    rest: [u8; RATE],
    len: usize,
}

impl Default for Keccak256 {
    fn default() -> Self {
        Self::new()
    }
}

impl Keccak256 {
    /// No bytes yet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            state: [0; 25],
            rest: [0; RATE],
            len: 0,
        }
    }

    /// Adds `bytes`.
    pub fn update(&mut self, bytes: impl AsRef<[u8]>) {
        let mut bytes = bytes.as_ref();
        if self.len > 0 {
            let missing = RATE - self.len;
            let Some((head, tail)) = bytes.split_at_checked(missing) else {
                return self.keep(bytes);
            };
            self.keep(head);
            absorb(&mut self.state, &self.rest);
            self.len = 0;
            bytes = tail;
        }
        while let Some((block, tail)) = bytes.split_first_chunk() {
            absorb(&mut self.state, block);
            bytes = tail;
        }
        self.keep(bytes);
    }

    /// The hash of all bytes that were added.
    #[must_use]
    pub fn finalize(mut self) -> B256 {
        if let Some(padding) = self.rest.get_mut(self.len..) {
            padding.fill(0);
        }
        if let Some(first) = self.rest.get_mut(self.len) {
            *first = 0x01;
        }
        self.rest[RATE - 1] |= 0x80;
        absorb(&mut self.state, &self.rest);
        let mut hash = B256::ZERO;
        for (word, lane) in hash.0.chunks_exact_mut(8).zip(&self.state) {
            word.copy_from_slice(&lane.to_le_bytes());
        }
        hash
    }

    /// Keeps bytes that fit beside those kept already.
    fn keep(&mut self, bytes: &[u8]) {
        if let Some(place) = self.rest.get_mut(self.len..self.len + bytes.len()) {
            place.copy_from_slice(bytes);
            self.len += bytes.len();
        }
    }
}

/// Mixes one block into the state.
fn absorb(state: &mut [u64; 25], block: &[u8; RATE]) {
    let (words, _) = block.as_chunks();
    for (lane, word) in state.iter_mut().zip(words) {
        *lane ^= u64::from_le_bytes(*word);
    }
    permute(state);
}

/// Keccak-f[1600]. Lanes are numbered x + 5 y.
#[allow(clippy::too_many_lines, reason = "the steps of a round, without loops")]
fn permute(state: &mut [u64; 25]) {
    let [
        mut a0,
        mut a1,
        mut a2,
        mut a3,
        mut a4,
        mut a5,
        mut a6,
        mut a7,
        mut a8,
        mut a9,
        mut a10,
        mut a11,
        mut a12,
        mut a13,
        mut a14,
        mut a15,
        mut a16,
        mut a17,
        mut a18,
        mut a19,
        mut a20,
        mut a21,
        mut a22,
        mut a23,
        mut a24,
    ] = *state;
    [a1, a2, a8, a12, a17, a20] = [!a1, !a2, !a8, !a12, !a17, !a20];
    for constant in ROUND_CONSTANTS {
        // θ: each column's parity goes into its neighbours.
        let c0 = a0 ^ a5 ^ a10 ^ a15 ^ a20;
        let c1 = a1 ^ a6 ^ a11 ^ a16 ^ a21;
        let c2 = a2 ^ a7 ^ a12 ^ a17 ^ a22;
        let c3 = a3 ^ a8 ^ a13 ^ a18 ^ a23;
        let c4 = a4 ^ a9 ^ a14 ^ a19 ^ a24;
        let d0 = c4 ^ c1.rotate_left(1);
        let d1 = c0 ^ c2.rotate_left(1);
        let d2 = c1 ^ c3.rotate_left(1);
        let d3 = c2 ^ c4.rotate_left(1);
        let d4 = c3 ^ c0.rotate_left(1);
        // ρ and π: lanes turn and change places.
        let b0 = a0 ^ d0;
        let b1 = (a6 ^ d1).rotate_left(44);
        let b2 = (a12 ^ d2).rotate_left(43);
        let b3 = (a18 ^ d3).rotate_left(21);
        let b4 = (a24 ^ d4).rotate_left(14);
        let b5 = (a3 ^ d3).rotate_left(28);
        let b6 = (a9 ^ d4).rotate_left(20);
        let b7 = (a10 ^ d0).rotate_left(3);
        let b8 = (a16 ^ d1).rotate_left(45);
        let b9 = (a22 ^ d2).rotate_left(61);
        let b10 = (a1 ^ d1).rotate_left(1);
        let b11 = (a7 ^ d2).rotate_left(6);
        let b12 = (a13 ^ d3).rotate_left(25);
        let b13 = (a19 ^ d4).rotate_left(8);
        let b14 = (a20 ^ d0).rotate_left(18);
        let b15 = (a4 ^ d4).rotate_left(27);
        let b16 = (a5 ^ d0).rotate_left(36);
        let b17 = (a11 ^ d1).rotate_left(10);
        let b18 = (a17 ^ d2).rotate_left(15);
        let b19 = (a23 ^ d3).rotate_left(56);
        let b20 = (a2 ^ d2).rotate_left(62);
        let b21 = (a8 ^ d3).rotate_left(55);
        let b22 = (a14 ^ d4).rotate_left(39);
        let b23 = (a15 ^ d0).rotate_left(41);
        let b24 = (a21 ^ d1).rotate_left(2);
        // χ along the rows, and ι. Six lanes are complemented, which leaves five
        // of χ's 25 complements to compute.
        a0 = b0 ^ (b1 | b2) ^ constant;
        a1 = b1 ^ (!b2 | b3);
        a2 = b2 ^ (b3 & b4);
        a3 = b3 ^ (b4 | b0);
        a4 = b4 ^ (b0 & b1);
        a5 = b5 ^ (b6 | b7);
        a6 = b6 ^ (b7 & b8);
        a7 = b7 ^ (b8 | !b9);
        a8 = b8 ^ (b9 | b5);
        a9 = b9 ^ (b5 & b6);
        let n13 = !b13;
        a10 = b10 ^ (b11 | b12);
        a11 = b11 ^ (b12 & b13);
        a12 = b12 ^ (n13 & b14);
        a13 = n13 ^ (b14 | b10);
        a14 = b14 ^ (b10 & b11);
        let n18 = !b18;
        a15 = b15 ^ (b16 & b17);
        a16 = b16 ^ (b17 | b18);
        a17 = b17 ^ (n18 | b19);
        a18 = n18 ^ (b19 & b15);
        a19 = b19 ^ (b15 | b16);
        let n21 = !b21;
        a20 = b20 ^ (n21 & b22);
        a21 = n21 ^ (b22 | b23);
        a22 = b22 ^ (b23 & b24);
        a23 = b23 ^ (b24 | b20);
        a24 = b24 ^ (b20 & b21);
    }
    [a1, a2, a8, a12, a17, a20] = [!a1, !a2, !a8, !a12, !a17, !a20];
    *state = [
        a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16, a17, a18, a19,
        a20, a21, a22, a23, a24,
    ];
}

/// What ι adds in each round.
const ROUND_CONSTANTS: [u64; 24] = [
    0x0000_0000_0000_0001,
    0x0000_0000_0000_8082,
    0x8000_0000_0000_808a,
    0x8000_0000_8000_8000,
    0x0000_0000_0000_808b,
    0x0000_0000_8000_0001,
    0x8000_0000_8000_8081,
    0x8000_0000_0000_8009,
    0x0000_0000_0000_008a,
    0x0000_0000_0000_0088,
    0x0000_0000_8000_8009,
    0x0000_0000_8000_000a,
    0x0000_0000_8000_808b,
    0x8000_0000_0000_008b,
    0x8000_0000_0000_8089,
    0x8000_0000_0000_8003,
    0x8000_0000_0000_8002,
    0x8000_0000_0000_0080,
    0x0000_0000_0000_800a,
    0x8000_0000_8000_000a,
    0x8000_0000_8000_8081,
    0x8000_0000_0000_8080,
    0x0000_0000_8000_0001,
    0x8000_0000_8000_8008,
];

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use alloy_primitives::{KECCAK256_EMPTY, b256};
    use proptest::prelude::*;

    #[test]
    fn known_bytes_have_known_hashes() {
        assert_eq!(keccak256(""), KECCAK256_EMPTY);
        assert_eq!(
            keccak256("abc"),
            b256!("4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45")
        );
    }

    #[test]
    fn every_length_hashes_as_elsewhere() {
        for len in 0..=4 * RATE {
            let bytes: Vec<u8> = (0..len).map(|at| at as u8).collect();
            assert_eq!(
                keccak256(&bytes),
                alloy_primitives::keccak256(&bytes),
                "{len} bytes"
            );
        }
    }

    proptest! {
        #[test]
        fn pieces_hash_as_the_whole(pieces: Vec<Vec<u8>>) {
            let mut hasher = Keccak256::new();
            for piece in &pieces {
                hasher.update(piece);
            }
            prop_assert_eq!(hasher.finalize(), alloy_primitives::keccak256(pieces.concat()));
        }
    }
}
