//! `Amm.sol`: a constant-product market of two tokens (0.3 %), and a router in front of it.

use alloy_primitives::{Address, U256};
use alloy_sol_types::sol;

use crate::typed::{calldata, creation_code, revert_data, topics};

sol!(Pair, "artifacts/Pair.json");
sol!(Router, "artifacts/Router.json");

creation_code! {
    /// Creation code of a market of two ERC-20 tokens, in any order.
    fn deploy_pair(first: Address, second: Address) => Pair { first, second };

    /// Creation code of the router: one serves all pairs.
    fn deploy_router() => Router;
}

/// The arguments of [`swap`].
#[derive(Clone, Copy, Debug)]
pub struct Swap {
    /// The market.
    pub pair: Address,
    /// True if the token with the lower address is paid.
    pub zero_for_one: bool,
    /// The amount that is paid, in the token's smallest unit.
    pub amount: U256,
    /// The least that it should buy; else [`too_little`].
    pub least: U256,
    /// The last second at which it may run; else [`expired`].
    pub deadline: u64,
}

calldata! {
    /// Router: puts both amounts into the pair; returns the shares made.
    /// The tokens are in the order of their addresses.
    fn add(pair: Address, amount0: U256, amount1: U256) => Router::addCall { pair, amount0, amount1 };

    /// Router: sells an exact amount; returns what it bought.
    fn swap(order: &Swap) => Router::swapCall {
        pair: order.pair,
        zeroForOne: order.zero_for_one,
        amount: order.amount,
        least: order.least,
        deadline: U256::from(order.deadline),
    };

    /// Router: returns what `amount` buys now.
    fn quote(pair: Address, zero_for_one: bool, amount: U256) => Router::quoteCall {
        pair,
        zeroForOne: zero_for_one,
        amount,
    };

    /// Pair: gives shares back for their part of both reserves.
    fn burn(shares: U256) => Pair::burnCall { taken: shares };

    /// Pair: takes what was not paid for; reverts with `ProductFell`.
    fn take(out0: U256, out1: U256, to: Address) => Pair::swapCall { out0, out1, to };

    /// Pair: returns both reserves.
    fn reserves() => Pair::reservesCall;
}

/// The amount that `amount` buys from reserves `given` and `taken`, computed here.
#[must_use]
pub fn bought(given: U256, taken: U256, amount: U256) -> U256 {
    let net = amount * U256::from(997);
    net * taken / (given * U256::from(1000) + net)
}

topics! {
    swapped => Pair::Swap;
}

revert_data! {
    /// Revert data of a swap after its deadline.
    fn expired(deadline: u64) => Router::Expired { deadline: U256::from(deadline) };

    /// Revert data of a swap that would buy `out` where `least` was asked.
    fn too_little(out: U256, least: U256) => Router::TooLittle { out, least };

    /// Revert data of a swap that takes more than is paid for: the product of reserves, times 10⁶,
    /// before and after.
    fn product_fell(before: U256, after: U256) => Pair::ProductFell { before, after_: after };

    /// Revert data of a [`burn`] of more shares than one has.
    fn too_many_shares(wanted: U256, owned: U256) => Pair::TooManyShares { wanted, owned };
}
