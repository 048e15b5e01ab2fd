//! `Ledger.sol`: storage in every shape, and much of it.

use alloy_primitives::{Address, Bytes};

use crate::{abi::Word, fixture::artifact};

artifact!(FIXTURE, fixture, "Ledger");

/// Creation code.
#[must_use]
pub fn deploy() -> Bytes {
    FIXTURE.deploy(&[])
}

/// Appends the next `count` numbers, a slot each.
#[must_use]
pub fn push(count: u64) -> Bytes {
    FIXTURE.call("push(uint256)", &[count.word()])
}

/// Sets `count` numbers.
#[must_use]
pub fn overwrite(from: u64, count: u64, value: u64) -> Bytes {
    let arguments = [from.word(), count.word(), value.word()];
    FIXTURE.call("overwrite(uint256,uint256,uint256)", &arguments)
}

/// Takes the last `count` numbers away.
#[must_use]
pub fn pop(count: u64) -> Bytes {
    FIXTURE.call("pop(uint256)", &[count.word()])
}

/// Takes all numbers away: more refund than is given (EIP-3529).
#[must_use]
pub fn clear() -> Bytes {
    FIXTURE.call("clear()", &[])
}

/// Writes one slot in all orders that EIP-2200 tells apart, and leaves it as it was.
#[must_use]
pub fn churn(place: u64) -> Bytes {
    FIXTURE.call("churn(uint256)", &[place.word()])
}

/// Keeps a struct of packed fields and a text, below two mappings.
#[must_use]
pub fn enter(who: Address, id: u64, debit: u64, note: &str) -> Bytes {
    FIXTURE.call_with(
        "enter(address,uint256,uint128,string)",
        &[who.word(), id.word(), debit.word()],
        &[note.as_bytes()],
    )
}

/// Returns what [`enter`] kept.
#[must_use]
pub fn entry(who: Address, id: u64) -> Bytes {
    FIXTURE.call("entry(address,uint256)", &[who.word(), id.word()])
}

/// Removes what [`enter`] kept.
#[must_use]
pub fn remove(who: Address, id: u64) -> Bytes {
    FIXTURE.call("remove(address,uint256)", &[who.word(), id.word()])
}

/// Adds to each of 64 bytes that lie in two slots.
#[must_use]
pub fn pack(step: u8) -> Bytes {
    FIXTURE.call("pack(uint8)", &[u64::from(step).word()])
}

/// Keeps bytes: up to 31 in one slot, more in slots of their own.
#[must_use]
pub fn write(data: &[u8]) -> Bytes {
    FIXTURE.call_with("write(bytes)", &[], &[data])
}

/// Returns the sum of all numbers.
#[must_use]
pub fn sum() -> Bytes {
    FIXTURE.call("sum()", &[])
}
