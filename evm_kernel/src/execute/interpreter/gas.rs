//! The gas of the instructions that the loop does itself, by the yellow paper's names. It is the
//! same in all revisions that the kernel knows.

use revm::interpreter::{Gas, SharedMemory};

pub(super) const JUMPDEST: u64 = 1;
pub(super) const BASE: u64 = 2;
pub(super) const VERY_LOW: u64 = 3;
pub(super) const LOW: u64 = 5;
pub(super) const MID: u64 = 8;
pub(super) const HIGH: u64 = 10;
pub(super) const KECCAK256: u64 = 30;
pub(super) const KECCAK256_WORD: u64 = 6;

/// The total price of memory of so many words.
pub(super) const fn memory(words: usize) -> u64 {
    let words = words as u64;
    words
        .wrapping_mul(3)
        .wrapping_add(words.wrapping_mul(words) / 512)
}

/// Gives a frame with `left` gas the memory for a word at `at`, if it can pay for that and for an
/// MLOAD or MSTORE there; gives what is then left.
#[inline(never)]
pub(super) fn grow(
    frame: &mut Gas,
    memory: &mut SharedMemory,
    at: usize,
    left: u64,
) -> Option<u64> {
    const WORD: usize = 32;
    let words = at.checked_add(2 * WORD - 1)? / WORD;
    if words <= frame.memory().words_num {
        return None;
    }
    let cost = self::memory(words);
    let extra = cost.saturating_sub(frame.memory().expansion_cost);
    let left = left.checked_sub(extra)?;
    if left < VERY_LOW {
        return None;
    }
    let _ = frame.memory_mut().set_words_num(words, cost);
    memory.resize(WORD * words);
    Some(left)
}
