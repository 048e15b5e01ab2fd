//! `SelfDestruct.sol`: contracts that end themselves in all the ways that EIP-6780 tells apart.

use alloy_primitives::{Address, B256, U256, keccak256};
use alloy_sol_types::sol;

use crate::typed::{calldata, creation_code, topics};

sol!(Mortal, "artifacts/Mortal.json");
sol!(Reaper, "artifacts/Reaper.json");

creation_code! {
    /// Creation code of a mortal; with an heir it ends in its constructor.
    fn deploy_mortal(heir: Address) => Mortal { heir };

    /// Creation code of the reaper, which takes ether.
    fn deploy_reaper() => Reaper;
}

/// The address at which the reaper makes the mortal of this salt (EIP-1014).
#[must_use]
pub fn mortal_address(reaper: Address, salt: B256) -> Address {
    reaper.create2(salt, keccak256(deploy_mortal(Address::ZERO)))
}

calldata! {
    /// Mortal: all it has goes to `heir`.
    fn end(heir: Address) => Mortal::endCall { heir };

    /// Mortal: returns 7, while its storage is there.
    fn value() => Mortal::valueCall;

    /// Reaper: makes a mortal with so many wei.
    fn make(salt: B256, endowment: u64) => Reaper::makeCall {
        salt,
        endowment: U256::from(endowment),
    };

    /// Reaper: makes and ends a mortal in one transaction; all of it goes.
    fn make_and_end(salt: B256, heir: Address) => Reaper::makeAndEndCall { salt, heir };

    /// Reaper: the mortal is its own heir; its ether is burned.
    fn make_and_burn(salt: B256) => Reaper::makeAndBurnCall { salt };

    /// Reaper: three wei that come after the end are burned.
    fn make_end_and_pay(salt: B256, heir: Address) => Reaper::makeEndAndPayCall { salt, heir };

    /// Reaper: ended twice, with two wei between.
    fn make_and_end_twice(salt: B256, heir: Address) => Reaper::makeAndEndTwiceCall { salt, heir };

    /// Reaper: a mortal that ends in its constructor.
    fn end_in_constructor(heir: Address) => Reaper::endInConstructorCall { heir };

    /// Reaper: the frame of the end reverts.
    fn make_and_undo_the_end(salt: B256, heir: Address) =>
        Reaper::makeAndUndoTheEndCall { salt, heir };

    /// Reaper: tries to make the mortal again in the same transaction.
    fn make_end_and_make(salt: B256, heir: Address) => Reaper::makeEndAndMakeCall { salt, heir };

    /// Reaper: runs a mortal's end as its own.
    fn end_myself(code: Address, heir: Address) => Reaper::endMyselfCall { code, heir };

    /// Reaper: a static end, which must fail.
    fn end_statically(mortal: Address, heir: Address) => Reaper::endStaticallyCall { mortal, heir };
}

topics! {
    seen => Reaper::Seen;
}
