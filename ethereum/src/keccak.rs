//! Keccak-256 (Yellow Paper, "KEC"; FIPS 202 without its domain bits).
//!
//! The same function as [`alloy_primitives::keccak256`], which stays the engine's:
//! after signatures, hashes are what a transaction costs most. Here the state
//! lives in 25 locals for all rounds, which takes a sixth fewer wasm
//! instructions than the libraries that keep it in memory.

use alloc::vec::Vec;
use alloy_primitives::B256;
use core::array;

/// The bytes that one permutation absorbs.
const RATE: usize = 136;

/// The same as lanes.
const LANES: usize = RATE / 8;

/// Shorter inputs are copied, to be hashed in one piece.
const SHORT: usize = 1024;

/// The bit behind the last byte of a message, and the last bit of its last block.
const PADDING: (u64, u64) = (1, 1 << 63);

/// The hash of `bytes`.
#[must_use]
pub fn keccak256(bytes: impl AsRef<[u8]>) -> B256 {
    hash(bytes.as_ref())
}

/// The hash of `parts`, one after the other.
#[must_use]
pub fn keccak256_of(parts: &[&[u8]]) -> B256 {
    let len: usize = parts.iter().map(|part| part.len()).sum();
    if len < SHORT {
        return hash(&parts.concat());
    }
    let mut state = [0; 25];
    let mut kept = Vec::with_capacity(RATE);
    for part in parts {
        let missing = if kept.is_empty() {
            0
        } else {
            RATE - kept.len()
        };
        let (head, part) = part.split_at(missing.min(part.len()));
        kept.extend_from_slice(head);
        if let Ok(block) = <&[u8; RATE]>::try_from(&kept[..]) {
            absorb(&mut state, words(block));
            kept.clear();
        }
        let (blocks, rest) = part.as_chunks::<RATE>();
        for block in blocks {
            absorb(&mut state, words::<RATE, LANES>(block));
        }
        kept.extend_from_slice(rest);
    }
    absorb(&mut state, last(&kept));
    squeeze(&state)
}

fn hash(bytes: &[u8]) -> B256 {
    if let Ok(pair) = <&[u8; 64]>::try_from(bytes) {
        return hash_of_pair(pair);
    }
    let (blocks, rest) = bytes.as_chunks::<RATE>();
    let Some((start, blocks)) = blocks.split_first() else {
        return hash_of_block(last(bytes));
    };
    let mut state = array::from_fn(|at| if at < LANES { word(start, at) } else { 0 });
    permute(&mut state);
    for block in blocks {
        absorb(&mut state, words(block));
    }
    absorb(&mut state, last(rest));
    squeeze(&state)
}

/// The hash of two words, as the slots of mappings and the links of chains are.
fn hash_of_pair(pair: &[u8; 64]) -> B256 {
    let [l0, l1, l2, l3, l4, l5, l6, l7] = words(pair);
    let (first, end) = PADDING;
    one_block(
        l0, l1, l2, l3, l4, l5, l6, l7, first, 0, 0, 0, 0, 0, 0, 0, end,
    )
}

/// The hash of what fits one block, with its padding.
#[rustfmt::skip]
fn hash_of_block(block: [u64; LANES]) -> B256 {
    let [l0, l1, l2, l3, l4, l5, l6, l7, l8, l9, l10, l11, l12, l13, l14, l15, l16] = block;
    one_block(l0, l1, l2, l3, l4, l5, l6, l7, l8, l9, l10, l11, l12, l13, l14, l15, l16)
}

/// The hash of what is one block, whose lanes these are, as most messages are: of what is known at
/// the beginning or not asked for at the end, nothing is computed.
#[inline(never)]
#[expect(
    clippy::too_many_arguments,
    reason = "so they are locals: in memory each would be written and read once more"
)]
#[rustfmt::skip]
fn one_block(
    l0: u64, l1: u64, l2: u64, l3: u64, l4: u64, l5: u64, l6: u64, l7: u64, l8: u64,
    l9: u64, l10: u64, l11: u64, l12: u64, l13: u64, l14: u64, l15: u64, l16: u64,
) -> B256 {
    squeeze(&permuted([
        l0, l1, l2, l3, l4, l5, l6, l7, l8, l9, l10, l11, l12, l13, l14, l15, l16,
        0, 0, 0, 0, 0, 0, 0, 0,
    ]))
}

/// The last block of a message: the bytes that fill none, and the padding.
#[inline(always)]
fn last(rest: &[u8]) -> [u64; LANES] {
    let (first, end) = PADDING;
    let (words, rest) = rest.as_chunks();
    let bytes = rest.iter().rev();
    let partial = bytes.fold(first, |lane, byte| (lane << 8) | u64::from(*byte));
    array::from_fn(|at| {
        let lane = match words.get(at) {
            Some(word) => u64::from_le_bytes(*word),
            None if at == words.len() => partial,
            None => 0,
        };
        if at == LANES - 1 { lane ^ end } else { lane }
    })
}

/// The lane of a message that stands here; zero where it does not reach.
#[inline(always)]
fn word(bytes: &[u8], at: usize) -> u64 {
    let bytes = bytes.get(8 * at..).unwrap_or_default();
    bytes
        .first_chunk()
        .map_or(0, |word| u64::from_le_bytes(*word))
}

/// Bytes as lanes.
#[inline(always)]
fn words<const BYTES: usize, const WORDS: usize>(bytes: &[u8; BYTES]) -> [u64; WORDS] {
    array::from_fn(|at| word(bytes, at))
}

/// Mixes one block into the state.
#[inline(always)]
fn absorb(state: &mut [u64; 25], block: [u64; LANES]) {
    for (lane, word) in state.iter_mut().zip(block) {
        *lane ^= word;
    }
    permute(state);
}

/// The hash that the state holds.
#[inline(always)]
fn squeeze(state: &[u64; 25]) -> B256 {
    let mut hash = B256::ZERO;
    for (word, lane) in hash.0.as_chunks_mut().0.iter_mut().zip(state) {
        *word = lane.to_le_bytes();
    }
    hash
}

/// Keccak-f[1600], in place.
#[inline(never)]
fn permute(state: &mut [u64; 25]) {
    *state = permuted(*state);
}

/// Keccak-f[1600]. Lanes are numbered x + 5 y. Its rounds stand one after the other, so that lanes
/// that change places need not be moved.
#[inline(always)]
fn permuted(mut lanes: [u64; 25]) -> [u64; 25] {
    complement(&mut lanes);
    // What ι adds in each round.
    macro_rules! rounds {
        ($($constant:literal)*) => {
            $(lanes = round(lanes, $constant);)*
        };
    }
    rounds!(
        0x0000_0000_0000_0001 0x0000_0000_0000_8082 0x8000_0000_0000_808a 0x8000_0000_8000_8000
        0x0000_0000_0000_808b 0x0000_0000_8000_0001 0x8000_0000_8000_8081 0x8000_0000_0000_8009
        0x0000_0000_0000_008a 0x0000_0000_0000_0088 0x0000_0000_8000_8009 0x0000_0000_8000_000a
        0x0000_0000_8000_808b 0x8000_0000_0000_008b 0x8000_0000_0000_8089 0x8000_0000_0000_8003
        0x8000_0000_0000_8002 0x8000_0000_0000_0080 0x0000_0000_0000_800a 0x8000_0000_8000_000a
        0x8000_0000_8000_8081 0x8000_0000_0000_8080 0x0000_0000_8000_0001 0x8000_0000_8000_8008
    );
    complement(&mut lanes);
    lanes
}

/// Complements six lanes, which leaves five of χ's 25 complements to compute.
#[inline(always)]
fn complement(state: &mut [u64; 25]) {
    for lane in [1, 2, 8, 12, 17, 20] {
        state[lane] = !state[lane];
    }
}

/// A round, on a state with complemented lanes.
#[inline(always)]
#[allow(clippy::too_many_lines, reason = "the steps of a round, without loops")]
const fn round(state: [u64; 25], constant: u64) -> [u64; 25] {
    let [
        a0,
        a1,
        a2,
        a3,
        a4,
        a5,
        a6,
        a7,
        a8,
        a9,
        a10,
        a11,
        a12,
        a13,
        a14,
        a15,
        a16,
        a17,
        a18,
        a19,
        a20,
        a21,
        a22,
        a23,
        a24,
    ] = state;
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
    // ρ and π, lanes turn and change places, then χ along a row, and ι.
    let b0 = a0 ^ d0;
    let b1 = (a6 ^ d1).rotate_left(44);
    let b2 = (a12 ^ d2).rotate_left(43);
    let b3 = (a18 ^ d3).rotate_left(21);
    let b4 = (a24 ^ d4).rotate_left(14);
    let e0 = b0 ^ (b1 | b2) ^ constant;
    let e1 = b1 ^ (!b2 | b3);
    let e2 = b2 ^ (b3 & b4);
    let e3 = b3 ^ (b4 | b0);
    let e4 = b4 ^ (b0 & b1);
    let b5 = (a3 ^ d3).rotate_left(28);
    let b6 = (a9 ^ d4).rotate_left(20);
    let b7 = (a10 ^ d0).rotate_left(3);
    let b8 = (a16 ^ d1).rotate_left(45);
    let b9 = (a22 ^ d2).rotate_left(61);
    let e5 = b5 ^ (b6 | b7);
    let e6 = b6 ^ (b7 & b8);
    let e7 = b7 ^ (b8 | !b9);
    let e8 = b8 ^ (b9 | b5);
    let e9 = b9 ^ (b5 & b6);
    let b10 = (a1 ^ d1).rotate_left(1);
    let b11 = (a7 ^ d2).rotate_left(6);
    let b12 = (a13 ^ d3).rotate_left(25);
    let b13 = (a19 ^ d4).rotate_left(8);
    let b14 = (a20 ^ d0).rotate_left(18);
    let n13 = !b13;
    let e10 = b10 ^ (b11 | b12);
    let e11 = b11 ^ (b12 & b13);
    let e12 = b12 ^ (n13 & b14);
    let e13 = n13 ^ (b14 | b10);
    let e14 = b14 ^ (b10 & b11);
    let b15 = (a4 ^ d4).rotate_left(27);
    let b16 = (a5 ^ d0).rotate_left(36);
    let b17 = (a11 ^ d1).rotate_left(10);
    let b18 = (a17 ^ d2).rotate_left(15);
    let b19 = (a23 ^ d3).rotate_left(56);
    let n18 = !b18;
    let e15 = b15 ^ (b16 & b17);
    let e16 = b16 ^ (b17 | b18);
    let e17 = b17 ^ (n18 | b19);
    let e18 = n18 ^ (b19 & b15);
    let e19 = b19 ^ (b15 | b16);
    let b20 = (a2 ^ d2).rotate_left(62);
    let b21 = (a8 ^ d3).rotate_left(55);
    let b22 = (a14 ^ d4).rotate_left(39);
    let b23 = (a15 ^ d0).rotate_left(41);
    let b24 = (a21 ^ d1).rotate_left(2);
    let n21 = !b21;
    let e20 = b20 ^ (n21 & b22);
    let e21 = n21 ^ (b22 | b23);
    let e22 = b22 ^ (b23 & b24);
    let e23 = b23 ^ (b24 | b20);
    let e24 = b24 ^ (b20 & b21);
    [
        e0, e1, e2, e3, e4, e5, e6, e7, e8, e9, e10, e11, e12, e13, e14, e15, e16, e17, e18, e19,
        e20, e21, e22, e23, e24,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
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

    #[test]
    fn long_pieces_hash_as_the_whole() {
        let bytes: Vec<u8> = (0..3_000).map(|at| at as u8).collect();
        for at in [0, 1, 135, 136, 137, 272, 1_500, 2_999, 3_000] {
            for len in [0, 1, 100, 136, 200] {
                let (head, tail) = bytes.split_at(at);
                let (middle, tail) = tail.split_at(len.min(tail.len()));
                assert_eq!(
                    keccak256_of(&[head, middle, tail]),
                    alloy_primitives::keccak256(&bytes),
                    "{at}, {len}"
                );
            }
        }
    }

    proptest! {
        #[test]
        fn pieces_hash_as_the_whole(pieces: Vec<Vec<u8>>) {
            let parts: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
            prop_assert_eq!(keccak256_of(&parts), alloy_primitives::keccak256(pieces.concat()));
        }
    }
}
