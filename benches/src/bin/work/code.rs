//! Programs of the EVM, put together.

use alloy_primitives::{Address, U256};

/// Opcodes that programs here are made of.
pub(crate) mod op {
    pub(crate) const STOP: u8 = 0x00;
    pub(crate) const SUB: u8 = 0x03;
    pub(crate) const POP: u8 = 0x50;
    pub(crate) const JUMPI: u8 = 0x57;
    pub(crate) const JUMPDEST: u8 = 0x5b;
    pub(crate) const DUP1: u8 = 0x80;
    pub(crate) const SWAP1: u8 = 0x90;
}

/// Pushes a number, in as few bytes as it takes.
pub(crate) fn push(number: impl TryInto<U256>) -> Vec<u8> {
    let number = number.try_into().unwrap_or_default();
    let bytes = number.to_be_bytes_trimmed_vec();
    let mut code = vec![0x5f + bytes.len() as u8];
    code.extend(bytes);
    code
}

/// Pushes an address.
pub(crate) fn push_address(address: Address) -> Vec<u8> {
    [&[0x73][..], address.as_slice()].concat()
}

/// `before`, then `body` `unrolled` times in each of `rounds` rounds, then STOP.
/// The body finds the number of rounds that are left on top of the stack, below it
/// what `before` left there, and leaves the stack as it was.
pub(crate) fn repeat(before: &[u8], body: &[u8], unrolled: usize, rounds: u32) -> Vec<u8> {
    let [_, a, b, c] = rounds.to_be_bytes();
    let mut code = [before, &[0x62, a, b, c]].concat();
    let [_, _, high, low] = (code.len() as u32).to_be_bytes();
    code.push(op::JUMPDEST);
    code.extend(body.repeat(unrolled));
    // SUB takes the top from below: [rounds 1] is swapped first.
    code.extend([0x60, 1, op::SWAP1, op::SUB, op::DUP1]);
    code.extend([0x61, high, low, op::JUMPI, op::STOP]);
    code
}
