//! The node itself: chain, accounts, version.

use super::fees;
use crate::node::{BlockTime, Node};
use crate::request::BlockId;
use crate::rpc::RpcError;
use crate::rpc::json;
use crate::rpc::params::Params;
use alloy_primitives::{Bytes, keccak256};
use serde_json::{Value, json};

/// `eth_chainId()`.
pub(super) fn chain_id(node: &Node, _: &Params) -> Result<Value, RpcError> {
    Ok(json::quantity(node.chain_id()))
}

/// `net_version()`: the chain's number in decimal.
pub(super) fn network(node: &Node, _: &Params) -> Result<Value, RpcError> {
    Ok(Value::String(node.chain_id().to_string()))
}

/// `eth_blockNumber()`.
pub(super) fn block_number(node: &Node, _: &Params) -> Result<Value, RpcError> {
    Ok(json::quantity(node.latest()?.number()))
}

/// `eth_accounts()`: those whose keys the node has.
pub(super) fn accounts(node: &Node, _: &Params) -> Result<Value, RpcError> {
    let accounts = node.accounts().iter();
    Ok(accounts
        .map(|account| json::address(&account.address))
        .collect())
}

/// `eth_coinbase()`: the fee recipient.
pub(super) fn coinbase(node: &Node, _: &Params) -> Result<Value, RpcError> {
    Ok(json::address(&node.latest()?.header.beneficiary))
}

/// `eth_mining()`: whether blocks come by themselves.
pub(super) fn mining(node: &Node, _: &Params) -> Result<Value, RpcError> {
    Ok(Value::Bool(node.block_time() != BlockTime::Manual))
}

/// `web3_clientVersion()`.
pub(super) fn version(node: &Node, _: &Params) -> Result<Value, RpcError> {
    Ok(Value::from(node.client()))
}

/// `web3_sha3(bytes)`: Keccak-256.
pub(super) fn hash(_: &Node, params: &Params) -> Result<Value, RpcError> {
    Ok(json::data(keccak256(params.required::<Bytes>(0)?)))
}

/// `rpc_modules()`: the prefixes of method names.
pub(super) fn modules(node: &Node, _: &Params) -> Result<Value, RpcError> {
    let mut modules = json!({ "eth": "1.0", "net": "1.0", "web3": "1.0", "personal": "1.0", "txpool": "1.0", "debug": "1.0", "trace": "1.0", "ots": "1.0", "erigon": "1.0", "rollup": "1.0" });
    // These are refused in front of a rollup.
    for developers in ["evm", "anvil", "hardhat"] {
        if !node.follows() {
            modules[developers] = "1.0".into();
        }
    }
    Ok(modules)
}

/// `hardhat_metadata()`: Hardhat asks a node on chain 31337.
pub(super) fn metadata(node: &Node, _: &Params) -> Result<Value, RpcError> {
    let latest = node.latest()?;
    let mut metadata = json!({
        "clientVersion": node.client(),
        "chainId": node.chain_id(),
        "instanceId": json::data(node.instance()),
        "latestBlockNumber": latest.number(),
        "latestBlockHash": json::data(latest.hash),
    });
    if let Some(fork) = node.fork() {
        metadata["forkedNetwork"] = json!({
            "chainId": fork.chain_id(),
            "forkBlockNumber": fork.number(),
            "forkBlockHash": json::data(fork.hash()),
        });
    }
    Ok(metadata)
}

/// `anvil_getGenesisTime()`: the timestamp of the first block that is here, as a number.
pub(super) fn genesis_time(node: &Node, _: &Params) -> Result<Value, RpcError> {
    let first = BlockId::Number(node.chain().first());
    Ok(Value::from(node.block(first)?.header.timestamp))
}

/// `anvil_nodeInfo()`: Foundry's tools ask it.
pub(super) fn node_info(node: &Node, params: &Params) -> Result<Value, RpcError> {
    let latest = node.latest()?;
    let next = node.next_environment(&latest)?;
    let fork = node.fork();
    let fork = fork.as_ref();
    Ok(json!({
        "currentBlockNumber": json::quantity(latest.number()),
        "currentBlockTimestamp": json::quantity(latest.header.timestamp),
        "currentBlockHash": json::data(latest.hash),
        "hardFork": format!("{:?}", next.revision).to_lowercase(),
        "transactionOrder": "fifo",
        "environment": {
            "baseFee": json::quantity(next.base_fee),
            "chainId": json::quantity(next.chain_id),
            "gasLimit": json::quantity(next.gas_limit),
            "gasPrice": fees::gas_price(node, params)?,
        },
        "forkConfig": {
            // What follows the host may be a key.
            "forkUrl": fork.map(|fork| fork.remote().shown()),
            "forkBlockNumber": fork.map(|fork| fork.number()),
            "forkRetryBackoff": fork.map(|fork| fork.remote().manner().backoff.as_millis()),
        },
        "network": null,
    }))
}
