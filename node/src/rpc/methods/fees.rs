//! Gas prices.

use crate::chain::Block;
use crate::node::Node;
use crate::request::BlockId;
use crate::rpc::RpcError;
use crate::rpc::json;
use crate::rpc::params::Params;
use crate::simulate::fill::PRIORITY_FEE;
use alloy_primitives::U256;
use serde_json::{Value, json};

/// Most blocks of a fee history.
const MAX_HISTORY: u64 = 1024;

/// `eth_gasPrice()`: the next base fee and an eighth more, so that the price
/// still does after a full block.
pub(super) fn gas_price(node: &Node, _: &Params) -> Result<Value, RpcError> {
    let base_fee = node.next_base_fee()?;
    Ok(json::quantity(
        base_fee
            .saturating_add(base_fee.div_ceil(8))
            .saturating_add(PRIORITY_FEE),
    ))
}

/// `eth_baseFee()`: of the block to come.
pub(super) fn next_base_fee(node: &Node, _: &Params) -> Result<Value, RpcError> {
    Ok(json::quantity(node.next_base_fee()?))
}

/// `eth_maxPriorityFeePerGas()`.
pub(super) fn priority_fee(_: &Node, _: &Params) -> Result<Value, RpcError> {
    Ok(json::quantity(PRIORITY_FEE))
}

/// `eth_feeHistory(count, newest, percentiles)`.
pub(super) fn history(node: &Node, params: &Params) -> Result<Value, RpcError> {
    let count = params.required::<u64>(0)?.min(MAX_HISTORY);
    let newest = match params.required(1)? {
        BlockId::Pending => node.latest()?.number(),
        id => node.block(id)?.number(),
    };
    let percentiles: Option<Vec<f64>> = params.optional(2)?;
    check(percentiles.as_deref().unwrap_or_default())?;
    if count == 0 {
        return Ok(json!({ "oldestBlock": "0x0", "baseFeePerGas": [], "gasUsedRatio": [] }));
    }
    // Fewer where the earlier ones are not here: those before a fork are the other chain's.
    let first = match node.fork() {
        Some(fork) => fork.number() + 1,
        None => node.chain().first(),
    };
    let oldest = (newest + 1).saturating_sub(count);
    let oldest = oldest.max(first).min(newest);
    let blocks = node.blocks(oldest, newest + 1)?;
    let mut base_fees: Vec<u64> = blocks
        .iter()
        .map(|block| block.header.base_fee_per_gas)
        .collect();
    let span = usize::try_from(newest - oldest + 1).unwrap_or(usize::MAX);
    if blocks.len() == span {
        base_fees.push(node.next_base_fee()?);
    }
    let blocks = blocks.get(..span).unwrap_or(&blocks);
    let mut history = json!({
        "oldestBlock": json::quantity(oldest),
        "baseFeePerGas": base_fees.iter().map(|fee| json::quantity(*fee)).collect::<Vec<_>>(),
        "gasUsedRatio": blocks.iter().map(|block| used_ratio(block)).collect::<Vec<_>>(),
        // No blobs: their price stays at its least.
        "baseFeePerBlobGas": vec!["0x1"; base_fees.len()],
        "blobGasUsedRatio": vec![0; blocks.len()],
    });
    if let Some(percentiles) = percentiles.filter(|percentiles| !percentiles.is_empty()) {
        let rewards = blocks.iter().map(|block| rewards(block, &percentiles));
        history["reward"] = rewards.collect();
    }
    Ok(history)
}

/// The most percentiles.
const MAX_PERCENTILES: usize = 100;

fn check(percentiles: &[f64]) -> Result<(), RpcError> {
    const INVALID: &str = "invalid reward percentile";
    if percentiles.len() > MAX_PERCENTILES {
        return Err(RpcError::server(format_args!(
            "{INVALID}: over the query limit {MAX_PERCENTILES}"
        )));
    }
    for (index, percentile) in percentiles.iter().enumerate() {
        if !(0.0..=100.0).contains(percentile) {
            return Err(RpcError::server(format_args!("{INVALID}: {percentile:.6}")));
        }
        let before = index
            .checked_sub(1)
            .and_then(|index| percentiles.get(index));
        if let Some(last) = before
            && percentile <= last
        {
            return Err(RpcError::server(format_args!(
                "{INVALID}: #{}:{last:.6} >= #{index}:{percentile:.6}",
                index - 1
            )));
        }
    }
    Ok(())
}

#[expect(
    clippy::float_arithmetic,
    reason = "the format asks for a fraction; no state depends on it"
)]
fn used_ratio(block: &Block) -> f64 {
    if block.header.gas_limit == 0 {
        return 0.0;
    }
    // What bytes cost is no gas of the block's.
    let data = block.transactions.iter().map(|one| one.receipt.data_gas);
    let used = block.header.gas_used.saturating_sub(data.sum());
    used as f64 / block.header.gas_limit as f64
}

/// The priority fees that were paid at these percentiles of the block's gas.
#[expect(
    clippy::float_arithmetic,
    reason = "percentiles are fractions; no state depends on them"
)]
fn rewards(block: &Block, percentiles: &[f64]) -> Value {
    let base_fee = block.header.base_fee_per_gas;
    let mut paid: Vec<(U256, u64)> = block
        .transactions
        .iter()
        .map(|included| {
            let tip = included
                .gas_price(base_fee)
                .saturating_sub(U256::from(base_fee));
            (tip, included.receipt.gas_used)
        })
        .collect();
    paid.sort_unstable();
    // Both rise: one walk finds all.
    let (mut place, mut sum) = (0, 0);
    let mut at = |percentile: &f64| {
        let threshold = block.header.gas_used as f64 * percentile / 100.0;
        while let Some((_, gas)) = paid.get(place)
            && place + 1 < paid.len()
            && ((sum + gas) as f64) < threshold
        {
            sum += gas;
            place += 1;
        }
        json::word(paid.get(place).map_or(U256::ZERO, |(tip, _)| *tip))
    };
    percentiles.iter().map(&mut at).collect()
}
