//! The methods: name → what answers it.

mod blocks;
mod development;
mod execution;
mod fees;
mod filters;
mod layer1;
mod proofs;
mod state;
mod transactions;
mod txpool;

use super::json;
use super::params::Params;
use crate::node::Node;
use crate::rpc::RpcError;
use alloy_primitives::{Address, Bytes, keccak256};
use serde_json::{Value, json};
use std::sync::Arc;

pub use blocks::logs_of;

/// Answers a call.
///
/// # Errors
/// What the method refuses; −32601 for a method that there is not.
pub async fn call(node: &Arc<Node>, method: &str, params: Params) -> Result<Value, RpcError> {
    match method {
        "eth_sendRawTransaction" => transactions::send_raw(node, &params).await,
        "eth_sendRawTransactionSync" => transactions::send_raw_sync(node, &params).await,
        "eth_sendTransaction" => transactions::send(node, params).await,
        "eth_call" => blocking(node, params, execution::call).await,
        "eth_estimateGas" => blocking(node, params, execution::estimate).await,
        "eth_createAccessList" => blocking(node, params, execution::create_access_list).await,
        "eth_fillTransaction" => blocking(node, params, transactions::fill).await,
        "eth_signTransaction" => blocking(node, params, transactions::sign).await,
        "eth_getProof" => blocking(node, params, proofs::prove).await,
        "rollup_stateRoot" => blocking(node, params, proofs::state_root).await,
        "eth_getLogs" => blocking(node, params, blocks::logs).await,
        "eth_getFilterLogs" => blocking(node, params, filters::logs).await,
        "eth_getFilterChanges" => blocking(node, params, filters::changes).await,
        "eth_feeHistory" => blocking(node, params, fees::history).await,
        method if development::is_known(method) => development::call(node, method, &params).await,
        method if layer1::is_known(method) => layer1::call(node, method, &params).await,
        method => at_once(node, method, &params),
    }
}

/// The methods that are answered in a few microseconds.
fn at_once(node: &Arc<Node>, method: &str, params: &Params) -> Result<Value, RpcError> {
    match method {
        "eth_chainId" => Ok(json::quantity(node.chain_id())),
        "eth_blockNumber" => Ok(json::quantity(node.latest()?.number())),
        "eth_accounts" => Ok(node
            .accounts()
            .iter()
            .map(|account| json::address(&account.address))
            .collect()),
        "eth_coinbase" => Ok(json::address(&node.latest()?.header.beneficiary)),
        "eth_syncing" | "eth_mining" => Ok(Value::Bool(false)),
        "eth_hashrate" | "net_peerCount" => Ok(json::quantity(0)),
        "eth_protocolVersion" => Ok(json::quantity(68)),
        "net_version" => Ok(Value::String(node.chain_id().to_string())),
        "net_listening" => Ok(Value::Bool(true)),
        "web3_clientVersion" => Ok(Value::String(client_version())),
        "web3_sha3" => Ok(json::data(keccak256(params.required::<Bytes>(0)?))),
        "rpc_modules" => Ok(
            json!({ "eth": "1.0", "net": "1.0", "web3": "1.0", "txpool": "1.0", "debug": "1.0", "evm": "1.0", "anvil": "1.0", "hardhat": "1.0", "rollup": "1.0" }),
        ),
        "hardhat_metadata" | "anvil_metadata" => metadata(node),
        "anvil_nodeInfo" => node_info(node),

        "eth_gasPrice" => fees::gas_price(node),
        // No blobs: their price stays at its least.
        "eth_blobBaseFee" => Ok(json::quantity(1)),
        "eth_baseFee" => fees::next_base_fee(node).map(json::quantity),
        "eth_maxPriorityFeePerGas" => Ok(json::quantity(fees::PRIORITY_FEE)),

        "eth_getBalance" => state::balance(node, params),
        "eth_getCode" => state::code(node, params),
        "eth_getStorageValues" => state::slots(node, params),
        "eth_getStorageAt" => state::slot(node, params),
        "eth_getAccountInfo" => state::info(node, params),
        "eth_getTransactionCount" => state::nonce(node, params),

        "eth_getBlockByNumber" | "eth_getBlockByHash" => blocks::block(node, params),
        "eth_getHeaderByNumber" | "eth_getHeaderByHash" => blocks::header(node, params),
        "eth_getBlockTransactionCountByNumber" | "eth_getBlockTransactionCountByHash" => {
            blocks::transaction_count(node, params)
        }
        "eth_getTransactionByBlockNumberAndIndex" | "eth_getTransactionByBlockHashAndIndex" => {
            blocks::transaction(node, params)
        }
        "eth_getBlockReceipts" => blocks::receipts(node, params),
        "eth_getUncleCountByBlockNumber" | "eth_getUncleCountByBlockHash" => {
            blocks::ommer_count(node, params)
        }
        "eth_getUncleByBlockNumberAndIndex" | "eth_getUncleByBlockHashAndIndex" => Ok(Value::Null),

        "eth_getTransactionByHash" => transactions::by_hash(node, params),
        "eth_getTransactionReceipt" => transactions::receipt(node, params),
        "eth_getRawTransactionByHash" | "debug_getRawTransaction" => {
            transactions::raw(node, params)
        }
        "eth_sign" => {
            transactions::sign_message(node, params.required::<Address>(0)?, &params.required(1)?)
        }
        "personal_sign" => {
            transactions::sign_message(node, params.required::<Address>(1)?, &params.required(0)?)
        }
        "txpool_status" => txpool::status(node),
        "txpool_content" => txpool::content(node),
        "txpool_contentFrom" => txpool::content_from(node, params),
        "txpool_inspect" => txpool::inspect(node),

        "eth_newFilter" => filters::new_logs(node, params),
        "eth_newBlockFilter" => filters::new_blocks(node),
        "eth_newPendingTransactionFilter" => filters::new_arrivals(node),
        "eth_uninstallFilter" => filters::uninstall(node, params),

        method => Err(RpcError::method_not_found(method)),
    }
}

/// Answers where waiting does not hold others up.
async fn blocking(
    node: &Arc<Node>,
    params: Params,
    method: fn(&Node, &Params) -> Result<Value, RpcError>,
) -> Result<Value, RpcError> {
    let node = Arc::clone(node);
    tokio::task::spawn_blocking(move || method(&node, &params))
        .await
        .map_err(RpcError::internal)?
}

/// Name and version of this node.
#[must_use]
pub fn client_version() -> String {
    format!(
        "evm-rollup/v{}/{}-{}/rust",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::OS,
        std::env::consts::ARCH
    )
}

/// What Hardhat asks a node on chain 31337.
fn metadata(node: &Node) -> Result<Value, RpcError> {
    let (latest, genesis) = (
        node.latest()?,
        node.block(crate::rpc::params::BlockId::Number(0))?,
    );
    Ok(json!({
        "clientVersion": client_version(),
        "chainId": node.chain_id(),
        "instanceId": json::data(genesis.hash),
        "latestBlockNumber": latest.number(),
        "latestBlockHash": json::data(latest.hash),
    }))
}

/// What Foundry's tools ask a node.
fn node_info(node: &Node) -> Result<Value, RpcError> {
    let latest = node.latest()?;
    let next = node.next_environment(&latest)?;
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
            "gasPrice": fees::gas_price(node)?,
        },
        "forkConfig": { "forkUrl": null, "forkBlockNumber": null, "forkRetryBackoff": null },
        "network": null,
    }))
}
