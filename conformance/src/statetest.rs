//! One case of a state test, judged.

use crate::Revision;
use crate::fixture::{Post, Test, blob_base_fee};
use crate::rollup::{Rollup, Surroundings};
use crate::world::{World, logs_hash};
use alloy_primitives::{B256, Log, U256, keccak256};
use std::fmt;

/// The result of a case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Judged {
    /// The reason of the failure; `None` if the case passes.
    pub wrong: Option<String>,
    /// The gas that the transaction used; 0 where it was refused.
    pub gas_used: u64,
    /// Executed wasm instructions; 0 without metering.
    pub instructions: u64,
    /// The most wasm calls open at once; 0 without metering.
    pub max_call_depth: u32,
}

/// The chain id of the state tests.
pub const CHAIN_ID: u64 = 1;

/// The number of earlier blocks that BLOCKHASH knows.
const HASHES: u64 = 256;

/// Runs a case and compares what it left with what is expected.
pub fn judge(rollup: &mut Rollup, test: &Test, revision: Revision, post: &Post) -> Judged {
    let surroundings = match surroundings(test, revision) {
        Ok(surroundings) => surroundings,
        Err(why) => return Judged::wrong(why),
    };
    rollup.reset(&test.pre);
    let block = match rollup.block(&surroundings, std::slice::from_ref(&post.txbytes)) {
        Ok(block) => block,
        Err(failure) => return Judged::wrong(failure),
    };
    let receipt = block.receipts.first();
    let logs = receipt.map_or(&[][..], |receipt| &receipt.logs);
    let mut wrong = compare(rollup, test, post, receipt.is_some(), logs);
    if !block.log.is_empty()
        && let Some(wrong) = &mut wrong
    {
        wrong.push_str("\n    the kernel says: ");
        wrong.push_str(block.log.trim_end());
    }
    Judged {
        wrong,
        gas_used: receipt.map_or(0, |receipt| receipt.gas_used),
        instructions: block.instructions,
        max_call_depth: block.max_call_depth,
    }
}

/// Compares the kernel's result with the expected one.
fn compare(
    rollup: &Rollup,
    test: &Test,
    post: &Post,
    executed: bool,
    logs: &[Log],
) -> Option<String> {
    match (&post.expect_exception, executed) {
        (Some(why), true) => return Some(format!("it was executed, but {why} is expected")),
        (None, false) => return Some("it was refused".to_owned()),
        _ => {}
    }
    let world = match World::dump(rollup.durable()) {
        Ok(world) => world,
        Err(corrupt) => return Some(corrupt.to_string()),
    };
    let root = world.root();
    if root != post.hash {
        let (title, expected) = match &post.state {
            Some(state) => ("where it differs", state),
            None => (
                "the file does not say what it should be; what changed",
                &test.pre,
            ),
        };
        return Some(format!(
            "the state root is {root}, expected {}\n    {title}:\n{}",
            post.hash,
            world.differences(expected)
        ));
    }
    let logs = logs_hash(logs);
    (logs != post.logs).then(|| format!("the logs hash to {logs}, expected {}", post.logs))
}

impl Judged {
    fn wrong(why: impl fmt::Display) -> Self {
        Self {
            wrong: Some(why.to_string()),
            ..Self::default()
        }
    }
}

/// The surroundings that a state test asks for: no system calls, and BLOCKHASH
/// as test runners have it, the keccak-256 hash of the number's decimal digits.
///
/// # Errors
/// If a number is larger than a block can have.
pub fn surroundings(test: &Test, revision: Revision) -> Result<Surroundings, String> {
    let env = &test.env;
    let number = small("currentNumber", env.current_number)?;
    let excess = small("currentExcessBlobGas", env.current_excess_blob_gas)?;
    let base_fee = env.current_base_fee.unwrap_or(U256::from(10));
    Ok(Surroundings {
        number,
        timestamp: small("currentTimestamp", env.current_timestamp)?,
        base_fee: small("currentBaseFee", base_fee)?,
        gas_limit: small("currentGasLimit", env.current_gas_limit)?,
        prevrandao: env.current_random.into(),
        beneficiary: env.current_coinbase,
        blob_base_fee: blob_base_fee(revision, excess),
        chain_id: CHAIN_ID,
        revision,
        hashes: (number.saturating_sub(HASHES)..number)
            .map(|number| (number, hash_of_digits(number)))
            .collect(),
        parent: None,
    })
}

fn hash_of_digits(number: u64) -> B256 {
    keccak256(number.to_string())
}

fn small(name: &str, number: U256) -> Result<u64, String> {
    u64::try_from(number).map_err(|_| format!("{name} is {number}, more than 64 bits"))
}
