//! Development methods: mining, time, snapshots, changes of accounts, impersonation.

use crate::clock::LATEST;
use crate::miner::{Change, MinerHandle};
use crate::node::{BlockTime, Node};
use crate::rpc::RpcError;
use crate::rpc::json;
use crate::rpc::params::{Param, Params, StorageKey};
use alloy_primitives::{Address, U256};
use serde_json::Value;
use storage::layout::ACCOUNTS;

/// The most levels of one call.
const MAX_LEVELS: u64 = 100_000;

/// `evm_snapshot()`: the snapshot's number.
pub(super) async fn snapshot(miner: &MinerHandle) -> Result<Value, RpcError> {
    Ok(json::quantity(miner.snapshot().await?))
}

/// `evm_revert(snapshot)`.
pub(super) async fn revert(miner: &MinerHandle, params: &Params) -> Result<Value, RpcError> {
    Ok(Value::Bool(miner.revert(params.required(0)?).await?))
}

/// `evm_mine(options)`.
pub(super) async fn mine_one(miner: &MinerHandle, params: &Params) -> Result<Value, RpcError> {
    let MineOptions { timestamp, blocks } = params.optional(0)?.unwrap_or_default();
    if let Some(timestamp) = timestamp {
        want_timestamp(miner.node(), timestamp)?;
    }
    run_levels(miner, blocks.unwrap_or(1), None).await?;
    Ok(json::quantity(0))
}

/// `hardhat_intervalMine()`: one block, as an interval would make it.
pub(super) async fn interval_mine(miner: &MinerHandle) -> Result<Value, RpcError> {
    run_levels(miner, 1, None).await?;
    Ok(Value::Bool(true))
}

/// `hardhat_mine(count, interval)`, the interval in seconds.
pub(super) async fn mine(miner: &MinerHandle, params: &Params) -> Result<Value, RpcError> {
    let count = params.optional(0)?.unwrap_or(1);
    let interval = params.optional(1)?.unwrap_or(INTERVAL);
    run_levels(miner, count, Some(interval)).await?;
    Ok(Value::Null)
}

/// The seconds between levels that are mined together.
const INTERVAL: u64 = 1;

/// `evm_mine_detailed(options)`: the blocks, with whole transactions.
pub(super) async fn mine_detailed(miner: &MinerHandle, params: &Params) -> Result<Value, RpcError> {
    let node = miner.node();
    let before = node.latest()?.number();
    mine_one(miner, params).await?;
    let new = node.blocks(before + 1, u64::MAX)?;
    Ok(new.iter().map(|block| json::block(block, true)).collect())
}

async fn run_levels(
    miner: &MinerHandle,
    count: u64,
    interval: Option<u64>,
) -> Result<(), RpcError> {
    if count > MAX_LEVELS {
        return Err(RpcError::invalid_params(format_args!(
            "more than {MAX_LEVELS} blocks at once"
        )));
    }
    Ok(miner.mine(count, interval).await?)
}

/// `evm_increaseTime(seconds)`: the seconds that the clock is ahead in all.
pub(super) fn increase_time(node: &Node, params: &Params) -> Result<Value, RpcError> {
    let last = node.latest()?.header.timestamp;
    let seconds = params.required(0)?;
    let ahead = node.clock.advance(seconds, last);
    node.keep_clock()?;
    ahead.map(Value::from).ok_or_else(|| too_late(seconds))
}

pub(super) fn too_late(seconds: u64) -> RpcError {
    RpcError::invalid_params(format_args!(
        "{seconds} seconds are too many: the clock goes up to {LATEST}"
    ))
}

/// `evm_setNextBlockTimestamp(timestamp)`.
pub(super) fn set_next_timestamp(node: &Node, params: &Params) -> Result<Value, RpcError> {
    want_timestamp(node, params.required(0)?)?;
    Ok(Value::Null)
}

fn want_timestamp(node: &Node, timestamp: u64) -> Result<(), RpcError> {
    let latest = node.latest()?.header.timestamp;
    if timestamp <= latest {
        return Err(RpcError::server(format_args!(
            "Timestamp {timestamp} is lower than or equal to previous block's timestamp {latest}"
        )));
    }
    if timestamp > LATEST {
        return Err(too_late(timestamp));
    }
    node.clock.want(timestamp);
    Ok(node.keep_clock()?)
}

/// `evm_setAutomine(on)`.
pub(super) fn set_automine(node: &Node, params: &Params) -> Result<Value, RpcError> {
    node.set_block_time(match params.required(0)? {
        true => BlockTime::Auto,
        false => BlockTime::Manual,
    });
    Ok(Value::Null)
}

/// `anvil_getAutomine()`.
pub(super) fn automine(node: &Node, _: &Params) -> Result<Value, RpcError> {
    Ok(Value::Bool(node.block_time() == BlockTime::Auto))
}

/// `hardhat_setBalance(address, wei)`.
pub(super) async fn set_balance(miner: &MinerHandle, params: &Params) -> Result<Value, RpcError> {
    let balance = Some(params.required(1)?);
    let change = Change {
        balance,
        ..Change::default()
    };
    change_account(miner, params, change).await?;
    Ok(Value::Null)
}

/// `anvil_addBalance(address, wei)`.
pub(super) async fn add_balance(miner: &MinerHandle, params: &Params) -> Result<Value, RpcError> {
    let (address, more): (Address, U256) = (params.required(0)?, params.required(1)?);
    let latest = miner.node().latest()?;
    let account = ACCOUNTS.get(latest.state()?, &address)?.unwrap_or_default();
    let change = Change {
        balance: Some(account.balance.saturating_add(more)),
        ..Change::default()
    };
    change_account(miner, params, change).await?;
    Ok(Value::Null)
}

/// `hardhat_setCode(address, code)`.
pub(super) async fn set_code(miner: &MinerHandle, params: &Params) -> Result<Value, RpcError> {
    let code = Some(params.required(1)?);
    let change = Change {
        code,
        ..Change::default()
    };
    change_account(miner, params, change).await?;
    Ok(Value::Null)
}

/// `hardhat_setNonce(address, nonce)`.
pub(super) async fn set_nonce(miner: &MinerHandle, params: &Params) -> Result<Value, RpcError> {
    let nonce = Some(params.required(1)?);
    let change = Change {
        nonce,
        ..Change::default()
    };
    change_account(miner, params, change).await?;
    Ok(Value::Null)
}

/// `hardhat_setStorageAt(address, slot, value)`.
pub(super) async fn set_slot(miner: &MinerHandle, params: &Params) -> Result<Value, RpcError> {
    let StorageKey(slot) = StorageKey::required(params, 1)?;
    let slot = Some((slot, params.required(2)?));
    let change = Change {
        slot,
        ..Change::default()
    };
    change_account(miner, params, change).await?;
    Ok(Value::Bool(true))
}

/// Changes the account that the first parameter names.
async fn change_account(
    miner: &MinerHandle,
    params: &Params,
    change: Change,
) -> Result<(), RpcError> {
    let address: Address = params.required(0)?;
    Ok(miner.change(address, change).await?)
}

/// `hardhat_setNextBlockBaseFeePerGas(wei)`.
pub(super) async fn set_next_base_fee(
    miner: &MinerHandle,
    params: &Params,
) -> Result<Value, RpcError> {
    miner.set_next_base_fee(params.required(0)?).await?;
    Ok(Value::Null)
}

/// `hardhat_impersonateAccount(address)`.
pub(super) fn impersonate(node: &Node, params: &Params) -> Result<Value, RpcError> {
    node.impersonation.set(params.required(0)?, true);
    Ok(Value::Null)
}

/// `hardhat_stopImpersonatingAccount(address)`.
pub(super) fn stop_impersonating(node: &Node, params: &Params) -> Result<Value, RpcError> {
    node.impersonation.set(params.required(0)?, false);
    Ok(Value::Null)
}

/// `anvil_autoImpersonateAccount(on)`.
pub(super) fn impersonate_all(node: &Node, params: &Params) -> Result<Value, RpcError> {
    node.impersonation.set_all(params.required(0)?);
    Ok(Value::Null)
}

/// The parameter of `evm_mine`: a timestamp, or an object with one.
#[derive(Clone, Copy, Debug, Default)]
struct MineOptions {
    timestamp: Option<u64>,
    blocks: Option<u64>,
}

impl Param for MineOptions {
    fn read(value: &Value) -> Result<Self, String> {
        let Value::Object(fields) = value else {
            let timestamp = Some(u64::read(value)?);
            return Ok(Self {
                timestamp,
                blocks: None,
            });
        };
        let field = |name| match fields.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => u64::read(value).map(Some),
        };
        Ok(Self {
            timestamp: field("timestamp")?,
            blocks: field("blocks")?,
        })
    }
}
