//! `Bench.sol`: the contracts that the benchmarks run.

use alloy_primitives::{Address, B256, Bytes, U256};

use crate::{
    abi::{Word, selector},
    fixture::artifact,
};

artifact!(TOKEN, token, "BenchToken");
artifact!(BENCH, bench, "Bench");
artifact!(BIG_TOKEN, big_token, "BigToken");

/// Mints `amount` of the token's smallest unit to each account.
#[must_use]
pub fn mint_many(to: &[Address], amount: U256) -> Bytes {
    let head: [B256; 3] = [64_u64.word(), amount.word(), (to.len() as u64).word()];
    let words: Vec<B256> = head
        .into_iter()
        .chain(to.iter().map(|address| address.word()))
        .collect();
    [
        &selector("mintMany(address[],uint256)")[..],
        &words.concat(),
    ]
    .concat()
    .into()
}

/// Does `steps` steps of arithmetic.
#[must_use]
pub fn compute(steps: u64, seed: u64) -> Bytes {
    BENCH.call("compute(uint256,uint256)", &[steps.word(), seed.word()])
}

/// Hashes 64 bytes `steps` times.
#[must_use]
pub fn hashes(steps: u64, seed: u64) -> Bytes {
    BENCH.call("hashes(uint256,uint256)", &[steps.word(), seed.word()])
}

/// Fills `slots` empty slots from number `start` on.
#[must_use]
pub fn fill(start: u64, slots: u64) -> Bytes {
    BENCH.call("fill(uint256,uint256)", &[start.word(), slots.word()])
}

/// Creation code of the large contract and its administrator.
#[must_use]
pub fn deploy_big_token(admin: Address) -> Bytes {
    BIG_TOKEN.deploy(&[admin.word()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_array_follows_its_offset_and_length() {
        let call = mint_many(&[Address::repeat_byte(7); 2], U256::from(5));
        assert_eq!(call.len(), 4 + 5 * 32);
        assert_eq!(call[4 + 31], 64);
        assert_eq!(call[4 + 2 * 32 + 31], 2);
        assert!(
            token()
                .signatures("function")
                .contains(&"mintMany(address[],uint256)".to_owned())
        );
    }
}
