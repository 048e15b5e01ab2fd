//! Requests about what was before a fork: the other chain's node answers them.

use super::error::RpcError;
use super::load::{self, Text};
use super::params::Params;
use crate::chain::LogFilter;
use crate::fork::{Fork, RemoteError};
use crate::node::Node;
use crate::request::BlockId;
use alloy_primitives::B256;
use serde_json::{Value, json};
use std::sync::Arc;

/// The subject of a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum About {
    /// The state after the block at this parameter: that of the fork's block is here.
    State(usize),
    /// The block at this parameter, or what only its own chain knows: the fork's block is not
    /// here.
    Block(usize),
    /// The transaction with the hash at the first parameter.
    Transaction,
}

/// The subject of a method; `None`: it is not about the past.
fn about(method: &str) -> Option<About> {
    Some(match method {
        "eth_getBalance"
        | "eth_getCode"
        | "eth_getTransactionCount"
        | "eth_getStorageValues"
        | "eth_getAccountInfo"
        | "eth_call"
        | "eth_estimateGas"
        | "eth_createAccessList"
        | "eth_simulateV1"
        | "debug_traceCall"
        | "ots_hasCode" => About::State(1),
        "eth_getStorageAt" | "trace_call" => About::State(2),
        "eth_getProof" => About::Block(2),
        "eth_getAccount" | "eth_feeHistory" => About::Block(1),
        "eth_getBlockByNumber"
        | "eth_getBlockByHash"
        | "eth_getHeaderByNumber"
        | "eth_getHeaderByHash"
        | "eth_getBlockTransactionCountByNumber"
        | "eth_getBlockTransactionCountByHash"
        | "eth_getTransactionByBlockNumberAndIndex"
        | "eth_getTransactionByBlockHashAndIndex"
        | "eth_getRawTransactionByBlockNumberAndIndex"
        | "eth_getRawTransactionByBlockHashAndIndex"
        | "eth_getBlockReceipts"
        | "eth_getUncleCountByBlockNumber"
        | "eth_getUncleCountByBlockHash"
        | "eth_getUncleByBlockNumberAndIndex"
        | "eth_getUncleByBlockHashAndIndex"
        | "debug_traceBlockByNumber"
        | "debug_traceBlockByHash"
        | "debug_getRawBlock"
        | "debug_getRawHeader"
        | "debug_getRawReceipts"
        | "trace_block"
        | "trace_replayBlockTransactions"
        | "ots_getBlockDetails"
        | "ots_getBlockDetailsByHash"
        | "ots_getBlockTransactions"
        | "erigon_getHeaderByNumber" => About::Block(0),
        "eth_getTransactionByHash"
        | "eth_getTransactionReceipt"
        | "eth_getRawTransactionByHash"
        | "debug_getRawTransaction"
        | "debug_traceTransaction"
        | "trace_transaction"
        | "trace_get"
        | "trace_replayTransaction"
        | "ots_getInternalOperations"
        | "ots_getTransactionError"
        | "ots_traceTransaction" => About::Transaction,
        _ => return None,
    })
}

/// The answer of the other chain's node; `None`: this chain has it, or there is no other.
pub(super) async fn answer(
    node: &Arc<Node>,
    method: &str,
    params: &Params,
) -> Option<Result<Text, RpcError>> {
    let fork = node.fork()?;
    let params = request(node, &fork, about(method)?, params)?;
    let method = method.to_owned();
    let answer = load::blocking(node, move |_| {
        let answer = fork.past(&method, &params);
        answer
            .map(|answer| answer.get().to_owned())
            .map_err(refused)
    });
    Some(match answer.await {
        Ok(text) => node.load.keep(text),
        Err(error) => Err(error),
    })
}

/// The parameters for the other chain's node, if it is to be asked.
fn request(node: &Node, fork: &Fork, about: About, params: &Params) -> Option<Value> {
    let mut values = params.values().to_vec();
    match about {
        About::Transaction => {
            let hash: B256 = params.required(0).ok()?;
            let here =
                !matches!(node.transaction(&hash), Ok(None)) || node.pool().get(&hash).is_some();
            if here {
                return None;
            }
        }
        About::State(place) | About::Block(place) => {
            let id: BlockId = params.optional(place).ok()?.unwrap_or_default();
            let number = match id {
                BlockId::Pending => return None,
                BlockId::Number(number) => Some(number),
                BlockId::Hash(hash) => node
                    .find(BlockId::Hash(hash))
                    .ok()?
                    .map(|block| block.number()),
                id => Some(node.block(id).ok()?.number()),
            };
            let first_here = match about {
                About::State(_) => fork.number(),
                _ => fork.number() + 1,
            };
            if number.is_some_and(|number| number >= first_here) {
                return None;
            }
            // To the other chain a tag means another block.
            if let (Some(number), false) = (number, matches!(id, BlockId::Hash(_))) {
                values.resize(values.len().max(place + 1), Value::Null);
                values[place] = super::json::quantity(number);
            }
        }
    }
    Some(Value::Array(values))
}

/// The query of the logs from one block of the other chain to another.
pub(super) fn logs_between(filter: &LogFilter, from: u64, to: u64) -> Value {
    let mut query = conditions(filter);
    query["fromBlock"] = super::json::quantity(from);
    query["toBlock"] = super::json::quantity(to);
    query
}

/// The query of the logs of a block.
pub(super) fn logs_of_block(filter: &LogFilter, hash: B256) -> Value {
    let mut query = conditions(filter);
    query["blockHash"] = super::json::data(hash);
    query
}

/// The logs of the other chain, as its node writes them.
pub(super) fn logs(fork: &Fork, query: &Value) -> Result<String, RpcError> {
    let answer = fork.past("eth_getLogs", &json!([query]));
    let answer = answer.map_err(refused)?;
    Ok(answer.get().to_owned())
}

/// The addresses and topics of a filter.
fn conditions(filter: &LogFilter) -> Value {
    let (addresses, topics) = filter.parts();
    let topics = topics.iter().map(|words| match words.is_empty() {
        true => Value::Null,
        false => json!(words),
    });
    let mut query = json!({ "topics": topics.collect::<Vec<_>>() });
    if !addresses.is_empty() {
        query["address"] = json!(addresses);
    }
    query
}

/// Searches look through what is here alone.
///
/// # Errors
/// If a block is the other chain's: what is left out silently would be missed.
pub(super) fn check_here(node: &Node, number: u64) -> Result<(), RpcError> {
    match node.fork() {
        // Genesis has no transactions.
        Some(fork) if (1..=fork.number()).contains(&number) => Err(RpcError::server(format_args!(
            "fork: only the blocks that are here are searched, those after {}",
            fork.number()
        ))),
        _ => Ok(()),
    }
}

/// A refusal by the other chain's node, in its own words.
pub(super) fn refused(error: RemoteError) -> RpcError {
    match error {
        RemoteError::Refused {
            code,
            message,
            data,
            ..
        } => RpcError {
            code,
            message,
            data,
        },
        error => RpcError::server(format_args!("fork: {error}")),
    }
}
