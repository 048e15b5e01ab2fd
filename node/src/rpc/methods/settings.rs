//! Settings of the chain and of the node that developers change, and what waits in the pool.

use super::development::too_late;
use crate::clock::LATEST;
use crate::error::NodeError;
use crate::miner::{MinerHandle, Setting};
use crate::node::{BlockTime, Node};
use crate::pool::DropReason;
use crate::rpc::RpcError;
use crate::rpc::params::{Param, Params};
use alloy_primitives::{Address, B256};
use serde_json::Value;
use std::time::Duration;

/// `evm_setIntervalMining(seconds)`: 0 for no more levels by themselves.
pub(super) fn set_interval_mining(node: &Node, params: &Params) -> Result<Value, RpcError> {
    let Seconds(seconds) = params.required(0)?;
    node.set_block_time(match seconds {
        0 => BlockTime::Manual,
        seconds => BlockTime::Every(Duration::from_secs(seconds)),
    });
    Ok(Value::Null)
}

/// `anvil_getIntervalMining()`: the seconds; null if levels do not come so.
pub(super) fn interval_mining(node: &Node, _: &Params) -> Result<Value, RpcError> {
    Ok(match node.block_time() {
        BlockTime::Every(period) => Value::from(period.as_secs()),
        BlockTime::Auto | BlockTime::Manual => Value::Null,
    })
}

/// A number of seconds, or a range of which the first counts.
struct Seconds(u64);

impl Param for Seconds {
    fn read(value: &Value) -> Result<Self, String> {
        let first = value.as_array().and_then(|range| range.first());
        u64::read(first.unwrap_or(value)).map(Self)
    }
}

/// Larger values are no time in seconds that anybody means: it is the year 5138.
const MILLISECONDS: u64 = 100_000_000_000;

/// `evm_setTime(timestamp)`, in seconds or milliseconds: the seconds that the clock is ahead.
pub(super) fn set_time(node: &Node, params: &Params) -> Result<Value, RpcError> {
    let time: u64 = params.required(0)?;
    // Ganache's clients send milliseconds.
    let time = match time {
        MILLISECONDS.. if time <= 1_000 * MILLISECONDS => time / 1_000,
        time => time,
    };
    if time > LATEST {
        return Err(too_late(time));
    }
    let ahead = node.clock.set(time);
    node.keep_clock()?;
    Ok(Value::from(ahead))
}

/// `anvil_setBlockTimestampInterval(seconds)`.
pub(super) fn set_timestamp_interval(node: &Node, params: &Params) -> Result<Value, RpcError> {
    let seconds: u64 = params.required(0)?;
    if seconds > LATEST {
        return Err(too_late(seconds));
    }
    node.clock.set_interval(Some(seconds));
    node.keep_clock()?;
    Ok(Value::Null)
}

/// `hardhat_setBlockTimestampInterval(milliseconds)`.
pub(super) fn set_timestamp_milliseconds(node: &Node, params: &Params) -> Result<Value, RpcError> {
    let milliseconds: u64 = params.required(0)?;
    node.clock.set_interval(Some(milliseconds / 1_000));
    node.keep_clock()?;
    Ok(Value::Null)
}

/// `anvil_removeBlockTimestampInterval()`: whether there was one.
pub(super) fn remove_timestamp_interval(node: &Node, _: &Params) -> Result<Value, RpcError> {
    let was_set = node.clock.set_interval(None).is_some();
    node.keep_clock()?;
    Ok(Value::Bool(was_set))
}

/// `evm_setBlockGasLimit(gas)`.
pub(super) async fn set_gas_limit(miner: &MinerHandle, params: &Params) -> Result<Value, RpcError> {
    miner.set(Setting::GasLimit(params.required(0)?)).await?;
    Ok(Value::Bool(true))
}

/// `hardhat_setCoinbase(address)`.
pub(super) async fn set_coinbase(miner: &MinerHandle, params: &Params) -> Result<Value, RpcError> {
    miner
        .set(Setting::FeeRecipient(params.required(0)?))
        .await?;
    Ok(Value::Bool(true))
}

/// `hardhat_setMinGasPrice(wei)`: the least base fee.
pub(super) async fn set_min_gas_price(
    miner: &MinerHandle,
    params: &Params,
) -> Result<Value, RpcError> {
    miner
        .set(Setting::BaseFeeFloor(params.required(0)?))
        .await?;
    Ok(Value::Bool(true))
}

/// `anvil_setChainId(number)`.
pub(super) async fn set_chain_id(miner: &MinerHandle, params: &Params) -> Result<Value, RpcError> {
    let chain_id = params.required(0)?;
    if chain_id == 0 {
        return Err(RpcError::invalid_params("the chain id is above 0"));
    }
    miner.set(Setting::ChainId(chain_id)).await?;
    Ok(Value::Null)
}

/// `hardhat_setPrevRandao(word)`: of the next block.
pub(super) async fn set_prevrandao(
    miner: &MinerHandle,
    params: &Params,
) -> Result<Value, RpcError> {
    let word: B256 = params.required(0)?;
    miner.set(Setting::Prevrandao(word)).await?;
    Ok(Value::Bool(true))
}

/// `hardhat_setLoggingEnabled(on)`.
pub(super) fn set_logging(node: &Node, params: &Params) -> Result<Value, RpcError> {
    node.set_logging(params.required(0)?);
    Ok(Value::Bool(true))
}

/// `anvil_dropTransaction(hash)`: its hash; null if it does not wait.
pub(super) fn drop_transaction(node: &Node, params: &Params) -> Result<Value, RpcError> {
    let hash: B256 = params.required(0)?;
    Ok(match drop_it(node, &hash)? {
        true => Value::String(format!("{hash:#x}")),
        false => Value::Null,
    })
}

/// `hardhat_dropTransaction(hash)`: whether it waited.
pub(super) fn was_dropped(node: &Node, params: &Params) -> Result<Value, RpcError> {
    Ok(Value::Bool(drop_it(node, &params.required(0)?)?))
}

fn drop_it(node: &Node, hash: &B256) -> Result<bool, RpcError> {
    let latest = node.latest()?;
    let mut pool = node.pool();
    let Some(sender) = pool.get(hash).map(|waiting| waiting.sender) else {
        return Ok(false);
    };
    let next = crate::node::nonce(latest.state()?, &sender)?;
    pool.discard(hash, DropReason::Request, next);
    drop(pool);
    keep(node)?;
    Ok(true)
}

/// `anvil_dropAllTransactions()`.
pub(super) fn drop_all(node: &Node, _: &Params) -> Result<Value, RpcError> {
    node.pool().clear(DropReason::Request);
    keep(node)?;
    Ok(Value::Null)
}

/// `anvil_removePoolTransactions(address)`.
pub(super) fn drop_sender(node: &Node, params: &Params) -> Result<Value, RpcError> {
    let sender: Address = params.required(0)?;
    let next = crate::node::nonce(node.latest()?.state()?, &sender)?;
    node.pool().discard_of(sender, next);
    keep(node)?;
    Ok(Value::Null)
}

/// What was dropped stays so.
fn keep(node: &Node) -> Result<(), RpcError> {
    node.keep_dropped()
        .map_err(|error| NodeError::from(error).into())
}
