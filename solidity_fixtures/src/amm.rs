//! `Amm.sol`: a constant-product market of two tokens (0.3 %), and a router in front of it.

use alloy_primitives::{Address, B256, Bytes, U256};

use crate::{abi::Word, fixture::artifact};

artifact!(PAIR, pair, "Pair");
artifact!(ROUTER, router, "Router");

/// Creation code of a market of two ERC-20 tokens, in any order.
#[must_use]
pub fn deploy_pair(first: Address, second: Address) -> Bytes {
    PAIR.deploy(&[first.word(), second.word()])
}

/// Creation code of the router: one serves all pairs.
#[must_use]
pub fn deploy_router() -> Bytes {
    ROUTER.deploy(&[])
}

/// Router: puts both amounts into the pair; returns the shares made.
/// The tokens are in the order of their addresses.
#[must_use]
pub fn add(pair: Address, amount0: U256, amount1: U256) -> Bytes {
    let arguments = [pair.word(), amount0.word(), amount1.word()];
    ROUTER.call("add(address,uint256,uint256)", &arguments)
}

/// What a [`swap`] asks for.
#[derive(Clone, Copy, Debug)]
pub struct Swap {
    /// The market.
    pub pair: Address,
    /// Whether the token with the lower address is paid.
    pub zero_for_one: bool,
    /// What is paid, in the token's smallest unit.
    pub amount: U256,
    /// The least that it should buy; else [`too_little`].
    pub least: U256,
    /// The last second at which it may run; else [`expired`].
    pub deadline: u64,
}

/// Router: sells an exact amount; returns what it bought.
#[must_use]
pub fn swap(order: &Swap) -> Bytes {
    ROUTER.call(
        "swap(address,bool,uint256,uint256,uint256)",
        &[
            order.pair.word(),
            order.zero_for_one.word(),
            order.amount.word(),
            order.least.word(),
            order.deadline.word(),
        ],
    )
}

/// Router: returns what `amount` buys now.
#[must_use]
pub fn quote(pair: Address, zero_for_one: bool, amount: U256) -> Bytes {
    let arguments = [pair.word(), zero_for_one.word(), amount.word()];
    ROUTER.call("quote(address,bool,uint256)", &arguments)
}

/// Pair: gives shares back for their part of both reserves.
#[must_use]
pub fn burn(shares: U256) -> Bytes {
    PAIR.call("burn(uint256)", &[shares.word()])
}

/// Pair: takes what was not paid for; reverts with `ProductFell`.
#[must_use]
pub fn take(out0: U256, out1: U256, to: Address) -> Bytes {
    let arguments = [out0.word(), out1.word(), to.word()];
    PAIR.call("swap(uint256,uint256,address)", &arguments)
}

/// Pair: returns both reserves.
#[must_use]
pub fn reserves() -> Bytes {
    PAIR.call("reserves()", &[])
}

/// What `amount` buys from reserves `given` and `taken`, computed here.
#[must_use]
pub fn bought(given: U256, taken: U256, amount: U256) -> U256 {
    let net = amount * U256::from(997);
    net * taken / (given * U256::from(1000) + net)
}

/// Topic of `Swap(address indexed to, uint256 in0, uint256 in1, uint256 out0, uint256 out1)`.
#[must_use]
pub fn swapped() -> B256 {
    PAIR.topic("Swap(address,uint256,uint256,uint256,uint256)")
}

/// Revert data of a swap after its deadline.
#[must_use]
pub fn expired(deadline: u64) -> Bytes {
    ROUTER.error("Expired(uint256)", &[deadline.word()])
}

/// Revert data of a swap that would buy `out` where `least` was asked.
#[must_use]
pub fn too_little(out: U256, least: U256) -> Bytes {
    ROUTER.error("TooLittle(uint256,uint256)", &[out.word(), least.word()])
}

/// Revert data of a swap that takes more than is paid for: the product of reserves, times 10⁶,
/// before and after.
#[must_use]
pub fn product_fell(before: U256, after: U256) -> Bytes {
    PAIR.error(
        "ProductFell(uint256,uint256)",
        &[before.word(), after.word()],
    )
}

/// Revert data of a [`burn`] of more shares than one has.
#[must_use]
pub fn too_many_shares(wanted: U256, owned: U256) -> Bytes {
    PAIR.error(
        "TooManyShares(uint256,uint256)",
        &[wanted.word(), owned.word()],
    )
}
