//! `SelfDestruct.sol`: contracts that end themselves in all the ways that EIP-6780 tells apart.

use alloy_primitives::{Address, B256, Bytes, keccak256};

use crate::{abi::Word, fixture::artifact};

artifact!(MORTAL, mortal, "Mortal");
artifact!(REAPER, reaper, "Reaper");

/// Creation code of a mortal; with an heir it ends in its constructor.
#[must_use]
pub fn deploy_mortal(heir: Address) -> Bytes {
    MORTAL.deploy(&[heir.word()])
}

/// Creation code of the reaper, which takes ether.
#[must_use]
pub fn deploy_reaper() -> Bytes {
    REAPER.deploy(&[])
}

/// Where the reaper makes the mortal of this salt (EIP-1014).
#[must_use]
pub fn mortal_address(reaper: Address, salt: B256) -> Address {
    reaper.create2(salt, keccak256(deploy_mortal(Address::ZERO)))
}

/// Mortal: all it has goes to `heir`.
#[must_use]
pub fn end(heir: Address) -> Bytes {
    MORTAL.call("end(address)", &[heir.word()])
}

/// Mortal: returns 7, while its storage is there.
#[must_use]
pub fn value() -> Bytes {
    MORTAL.call("value()", &[])
}

/// Reaper: makes a mortal with so many wei.
#[must_use]
pub fn make(salt: B256, endowment: u64) -> Bytes {
    REAPER.call("make(bytes32,uint256)", &[salt, endowment.word()])
}

/// Reaper: makes and ends a mortal in one transaction; all of it goes.
#[must_use]
pub fn make_and_end(salt: B256, heir: Address) -> Bytes {
    REAPER.call("makeAndEnd(bytes32,address)", &[salt, heir.word()])
}

/// Reaper: the mortal is its own heir; its ether is burned.
#[must_use]
pub fn make_and_burn(salt: B256) -> Bytes {
    REAPER.call("makeAndBurn(bytes32)", &[salt])
}

/// Reaper: three wei that come after the end are burned.
#[must_use]
pub fn make_end_and_pay(salt: B256, heir: Address) -> Bytes {
    REAPER.call("makeEndAndPay(bytes32,address)", &[salt, heir.word()])
}

/// Reaper: ended twice, with two wei between.
#[must_use]
pub fn make_and_end_twice(salt: B256, heir: Address) -> Bytes {
    REAPER.call("makeAndEndTwice(bytes32,address)", &[salt, heir.word()])
}

/// Reaper: a mortal that ends in its constructor.
#[must_use]
pub fn end_in_constructor(heir: Address) -> Bytes {
    REAPER.call("endInConstructor(address)", &[heir.word()])
}

/// Reaper: the frame of the end reverts.
#[must_use]
pub fn make_and_undo_the_end(salt: B256, heir: Address) -> Bytes {
    REAPER.call("makeAndUndoTheEnd(bytes32,address)", &[salt, heir.word()])
}

/// Reaper: tries to make the mortal again in the same transaction.
#[must_use]
pub fn make_end_and_make(salt: B256, heir: Address) -> Bytes {
    REAPER.call("makeEndAndMake(bytes32,address)", &[salt, heir.word()])
}

/// Reaper: runs a mortal's end as its own.
#[must_use]
pub fn end_myself(code: Address, heir: Address) -> Bytes {
    REAPER.call("endMyself(address,address)", &[code.word(), heir.word()])
}

/// Reaper: a static end, which must fail.
#[must_use]
pub fn end_statically(mortal: Address, heir: Address) -> Bytes {
    REAPER.call(
        "endStatically(address,address)",
        &[mortal.word(), heir.word()],
    )
}

/// Topic of `Seen(uint256 balance, uint256 codeSize, uint256 value)`.
#[must_use]
pub fn seen() -> B256 {
    REAPER.topic("Seen(uint256,uint256,uint256)")
}
