//! The loop's position in the code, and its stack.

use crate::execute::words;
use alloc::vec::Vec;
use core::slice;
use revm::bytecode::JumpTable;
use revm::primitives::U256;

/// Adds a word where there is room, which always is: the vector never grows here, and so can live
/// in registers.
#[inline(always)]
pub(super) fn put(stack: &mut Vec<U256>, word: U256) {
    if stack.len() != stack.capacity() {
        stack.push(word);
    }
}

/// The code behind the instruction that a jump leads to, if it may. It is a JUMPDEST, whose gas
/// goes with the jump's.
#[inline(always)]
pub(super) fn target<'c>(
    code: &'c [u8],
    jumps: &JumpTable,
    to: U256,
) -> Option<slice::Iter<'c, u8>> {
    let to = words::index(to)?;
    if !jumps.is_valid(to) {
        return None;
    }
    let mut rest = code.iter();
    rest.nth(to)?;
    Some(rest)
}

/// The code behind the instruction that comes next.
#[inline(always)]
pub(super) fn after<'c>(next: &slice::Iter<'c, u8>) -> slice::Iter<'c, u8> {
    let mut rest = next.clone();
    rest.next();
    rest
}
