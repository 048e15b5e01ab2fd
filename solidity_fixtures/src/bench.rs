//! `Bench.sol`: the contracts that the benchmarks run.

use alloy_primitives::{Address, U256};
use alloy_sol_types::sol;

use crate::typed::{calldata, creation_code};

sol!(BenchToken, "artifacts/BenchToken.json");
sol!(Bench, "artifacts/Bench.json");
sol!(BigToken, "artifacts/BigToken.json");

creation_code! {
    /// Creation code of the token.
    fn deploy_token() => BenchToken;

    /// Creation code of the contract that computes, hashes and fills slots.
    fn deploy() => Bench;

    /// Creation code of the large contract and its administrator.
    fn deploy_big_token(admin: Address) => BigToken { admin };
}

calldata! {
    /// Mints `amount` of the token's smallest unit to each account.
    fn mint_many(to: &[Address], amount: U256) => BenchToken::mintManyCall {
        to: to.to_vec(),
        amount,
    };

    /// Does `steps` steps of arithmetic.
    fn compute(steps: u64, seed: u64) => Bench::computeCall {
        n: U256::from(steps),
        seed: U256::from(seed),
    };

    /// Hashes 64 bytes `steps` times.
    fn hashes(steps: u64, seed: u64) => Bench::hashesCall {
        n: U256::from(steps),
        seed: U256::from(seed),
    };

    /// Fills `slots` empty slots from number `start` on.
    fn fill(start: u64, slots: u64) => Bench::fillCall {
        start: U256::from(start),
        n: U256::from(slots),
    };
}
