//! What developers' tools do to the chain, under the names of Ganache
//! (`evm_`), Hardhat (`hardhat_`) and Foundry (`anvil_`).

use crate::miner::development::Change;
use crate::node::{BlockTime, Node};
use crate::rpc::RpcError;
use crate::rpc::json;
use crate::rpc::params::{Param, Params, StorageKey};
use alloy_primitives::{Address, Bytes, U256};
use serde_json::Value;

/// The most levels of one call.
const MAX_LEVELS: u64 = 100_000;

/// What is done, whoever's name it goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    Snapshot,
    Revert,
    MineOne,
    Mine,
    IncreaseTime,
    SetNextTimestamp,
    SetAutomine,
    Automine,
    SetBalance,
    SetCode,
    SetNonce,
    SetStorageAt,
    SetNextBaseFee,
    Impersonate(bool),
    ImpersonateAll,
}

fn act(method: &str) -> Option<Act> {
    let (prefix, name) = method.split_once('_')?;
    if !matches!(prefix, "evm" | "hardhat" | "anvil") {
        return None;
    }
    Some(match name {
        "snapshot" => Act::Snapshot,
        "revert" => Act::Revert,
        "mine" if prefix == "evm" => Act::MineOne,
        "mine" => Act::Mine,
        "increaseTime" => Act::IncreaseTime,
        "setNextBlockTimestamp" => Act::SetNextTimestamp,
        "setAutomine" => Act::SetAutomine,
        "getAutomine" => Act::Automine,
        "setBalance" => Act::SetBalance,
        "setCode" => Act::SetCode,
        "setNonce" => Act::SetNonce,
        "setStorageAt" => Act::SetStorageAt,
        "setNextBlockBaseFeePerGas" => Act::SetNextBaseFee,
        "impersonateAccount" => Act::Impersonate(true),
        "stopImpersonatingAccount" => Act::Impersonate(false),
        "autoImpersonateAccount" => Act::ImpersonateAll,
        _ => return None,
    })
}

/// Whether `method` is one of these.
pub(super) fn is_known(method: &str) -> bool {
    act(method).is_some()
}

/// Answers one of these.
pub(super) async fn call(node: &Node, method: &str, params: &Params) -> Result<Value, RpcError> {
    let act = act(method).ok_or_else(|| RpcError::method_not_found(method))?;
    match act {
        Act::Snapshot => {
            let id = node.control(|miner| Ok(miner.snapshot())).await?;
            return Ok(json::quantity(id));
        }
        Act::Revert => {
            let id = params.required(0)?;
            let found = node.control(move |miner| miner.revert(id)).await?;
            return Ok(Value::Bool(found));
        }
        Act::MineOne => {
            let MineOptions { timestamp, blocks } = params.optional(0)?.unwrap_or_default();
            if let Some(timestamp) = timestamp {
                set_next_timestamp(node, timestamp)?;
            }
            mine(node, blocks.unwrap_or(1), None).await?;
            return Ok(json::quantity(0));
        }
        Act::Mine => {
            let count = params.optional(0)?.unwrap_or(1);
            mine(node, count, params.optional(1)?).await?;
        }
        Act::IncreaseTime => {
            let last = node.latest()?.header.timestamp;
            let ahead = node.clock.advance(params.required(0)?, last);
            return Ok(Value::from(ahead));
        }
        Act::SetNextTimestamp => set_next_timestamp(node, params.required(0)?)?,
        Act::SetAutomine => node.set_block_time(match params.required(0)? {
            true => BlockTime::Auto,
            false => BlockTime::Manual,
        }),
        Act::Automine => return Ok(Value::Bool(node.block_time() == BlockTime::Auto)),
        Act::SetBalance => {
            let balance: U256 = params.required(1)?;
            change(
                node,
                params,
                Change {
                    balance: Some(balance),
                    ..Change::default()
                },
            )
            .await?;
        }
        Act::SetCode => {
            let code: Bytes = params.required(1)?;
            change(
                node,
                params,
                Change {
                    code: Some(code),
                    ..Change::default()
                },
            )
            .await?;
        }
        Act::SetNonce => {
            let nonce: u64 = params.required(1)?;
            change(
                node,
                params,
                Change {
                    nonce: Some(nonce),
                    ..Change::default()
                },
            )
            .await?;
        }
        Act::SetStorageAt => {
            let StorageKey(slot) = StorageKey::required(params, 1)?;
            let value = params.required(2)?;
            change(
                node,
                params,
                Change {
                    slot: Some((slot, value)),
                    ..Change::default()
                },
            )
            .await?;
            return Ok(Value::Bool(true));
        }
        Act::SetNextBaseFee => {
            let base_fee = params.required(0)?;
            node.control(move |miner| miner.set_next_base_fee(base_fee))
                .await?;
        }
        Act::Impersonate(yes) => node.impersonate(params.required(0)?, yes),
        Act::ImpersonateAll => node.impersonate_all(params.required(0)?),
    }
    Ok(Value::Null)
}

async fn mine(node: &Node, count: u64, interval: Option<u64>) -> Result<(), RpcError> {
    if count > MAX_LEVELS {
        return Err(RpcError::invalid_params(format_args!(
            "more than {MAX_LEVELS} blocks at once"
        )));
    }
    node.control(move |miner| miner.mine(count, interval)).await
}

fn set_next_timestamp(node: &Node, timestamp: u64) -> Result<(), RpcError> {
    let latest = node.latest()?.header.timestamp;
    if timestamp <= latest {
        return Err(RpcError::server(format_args!(
            "Timestamp {timestamp} is lower than or equal to previous block's timestamp {latest}"
        )));
    }
    node.clock.want(timestamp);
    Ok(())
}

/// Changes the account that is named first.
async fn change(node: &Node, params: &Params, change: Change) -> Result<(), RpcError> {
    let address: Address = params.required(0)?;
    node.control(move |miner| miner.change(address, change))
        .await
}

/// What `evm_mine` takes: a timestamp, or an object with one.
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
