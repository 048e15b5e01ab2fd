//! `Precompiles.sol`: calls precompiles, by address and as the language offers them.

use alloy_primitives::{B256, Bytes};

use crate::{abi::Word, fixture::artifact};

artifact!(FIXTURE, fixture, "Precompiles");

/// Creation code.
#[must_use]
pub fn deploy() -> Bytes {
    FIXTURE.deploy(&[])
}

/// Calls a precompile with up to `gas`; returns and logs ([`answered`]) whether it succeeded, and
/// what it returned.
#[must_use]
pub fn ask(precompile: u64, gas: u64, input: &[u8]) -> Bytes {
    FIXTURE.call_with(
        "ask(uint256,uint256,bytes)",
        &[precompile.word(), gas.word()],
        &[input],
    )
}

/// By CALL, with the ether that came along, and by DELEGATECALL; returns whether both answered
/// the same.
#[must_use]
pub fn ask_otherwise(precompile: u64, input: &[u8]) -> Bytes {
    let words = [precompile.word()];
    FIXTURE.call_with("askOtherwise(uint256,bytes)", &words, &[input])
}

/// `ecrecover`, `sha256` and `ripemd160` as Solidity calls them; the signature is over the hash
/// of `data`.
#[must_use]
pub fn built(v: u8, r: B256, s: B256, data: &[u8]) -> Bytes {
    FIXTURE.call_with(
        "built(uint8,bytes32,bytes32,bytes)",
        &[u64::from(v).word(), r, s],
        &[data],
    )
}

/// Topic of `Answered(uint256 indexed precompile, bool done, bytes output, uint256 gasUsed)`.
#[must_use]
pub fn answered() -> B256 {
    FIXTURE.topic("Answered(uint256,bool,bytes,uint256)")
}

/// Topic of `Built(address signer, bytes32 sha, bytes20 ripemd)`.
#[must_use]
pub fn built_event() -> B256 {
    FIXTURE.topic("Built(address,bytes32,bytes20)")
}
