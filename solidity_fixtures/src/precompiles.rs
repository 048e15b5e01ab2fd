//! `Precompiles.sol`: calls precompiles, by address and as the language offers them.

use alloy_primitives::{B256, U256};
use alloy_sol_types::sol;

use crate::typed::{calldata, creation_code, topics};

sol!(Precompiles, "artifacts/Precompiles.json");

creation_code! {
    /// Creation code.
    fn deploy() => Precompiles;
}

calldata! {
    /// Calls a precompile with up to `gas`; returns and logs ([`answered`]) whether it succeeded,
    /// and what it returned.
    fn ask(precompile: u64, gas: u64, input: &[u8]) => Precompiles::askCall {
        precompile: U256::from(precompile),
        gas_: U256::from(gas),
        input: input.to_vec().into(),
    };

    /// By CALL, with the ether that came along, and by DELEGATECALL; returns whether both answered
    /// the same.
    fn ask_otherwise(precompile: u64, input: &[u8]) => Precompiles::askOtherwiseCall {
        precompile: U256::from(precompile),
        input: input.to_vec().into(),
    };

    /// `ecrecover`, `sha256` and `ripemd160` as Solidity calls them; the signature is over the hash
    /// of `data`.
    fn built(v: u8, r: B256, s: B256, data: &[u8]) => Precompiles::builtCall {
        v,
        r,
        s,
        data: data.to_vec().into(),
    };
}

topics! {
    answered => Precompiles::Answered;
    built_event => Precompiles::Built;
}
