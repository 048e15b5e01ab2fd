//! Transactions: sent, signed, looked up.

use super::Reply;
use super::blocks::FEW;
use super::wallet;
use crate::accounts::Account;
use crate::error::NodeError;
use crate::miner::MinerHandle;
use crate::node::Node;
use crate::request::CallRequest;
use crate::rpc::RpcError;
use crate::rpc::json;
use crate::rpc::load;
use crate::rpc::params::Params;
use crate::rpc::text;
use crate::simulate::fill::{fill, with_gas};
use crate::submit::Submitted;
use alloy_primitives::B256;
use ethereum::{Signature, SignedTransaction};
use evm_kernel::native::simulate::Interrupt;
use serde_json::Value;
use std::time::Duration;

/// `eth_sendRawTransaction(bytes)`.
pub(super) async fn send_raw(miner: &MinerHandle, params: &Params) -> Result<Value, RpcError> {
    let node = miner.node();
    let submitted = node.submit(params.required(0)?)?;
    Ok(json::data(node.settled(submitted).await?))
}

/// The time that `eth_sendRawTransactionSync` waits by default, and at most.
const SYNC_PATIENCE: Duration = Duration::from_secs(2);
const SYNC_MOST: Duration = Duration::from_secs(60);

/// `eth_sendRawTransactionSync(bytes, milliseconds)` (EIP-7966): the receipt.
pub(super) async fn send_raw_sync(miner: &MinerHandle, params: &Params) -> Result<Value, RpcError> {
    let node = miner.node();
    let patience = params
        .optional(1)?
        .map_or(SYNC_PATIENCE, Duration::from_millis)
        .min(SYNC_MOST);
    let Submitted { hash, ready, fate } = node.submit(params.required(0)?)?;
    if !ready {
        node.kept(hash).await?;
        let next = json::quantity(expected_nonce(node, &hash)?);
        return Err(RpcError {
            code: RpcError::NONCE_GAP,
            message: "the transaction waits for those before it: nonce gap".into(),
            data: Some(next),
        });
    }
    match tokio::time::timeout(patience, fate).await {
        Ok(Ok(fate)) => fate.map_err(NodeError::from)?,
        _ => {
            node.kept(hash).await?;
            return Err(RpcError {
                code: RpcError::TIMEOUT,
                message: format!(
                    "the transaction was added to the mempool but wasn't processed within {patience:?}"
                ),
                data: Some(json::data(hash)),
            });
        }
    }
    receipt_of(node, &hash)
}

/// The nonce that the sender of a waiting transaction should use first.
fn expected_nonce(node: &Node, hash: &B256) -> Result<u64, RpcError> {
    let sender = node.pool().get(hash).map(|candidate| candidate.sender);
    match sender {
        Some(sender) => Ok(node.pending_nonce(&sender)?),
        None => Ok(0),
    }
}

/// `eth_sendTransaction(call)`, from an account whose key the node has, or that
/// is impersonated.
pub(super) async fn send(miner: &MinerHandle, params: &Params) -> Result<Value, RpcError> {
    let node = miner.node();
    let request: CallRequest = params.required(0)?;
    if let Some(sender) = request
        .from
        .filter(|sender| node.impersonation.is_on(sender))
    {
        return wallet::send_as(miner, sender, request).await;
    }
    signer(node, &request)?;
    // The slow part, where nobody else waits.
    let request = load::call(node, move |node, interrupt| {
        Ok(with_gas(node, request.clone(), interrupt)?)
    })
    .await?;
    let submitted = {
        let _choosing = node.choosing();
        node.submit(sign_request(node, &request)?.0.encode().into())?
    };
    Ok(json::data(node.settled(submitted).await?))
}

/// `eth_fillTransaction(call)`: all that the request leaves open, not signed.
pub(super) fn filled(
    node: &Node,
    params: &Params,
    interrupt: &Interrupt,
) -> Result<Value, RpcError> {
    let request = with_gas(node, params.required(0)?, interrupt)?;
    let sender = request.from.unwrap_or_default();
    let unsigned = fill(node, &request, sender)?.with_signature(Signature::default());
    let mut filled = json::raw_transaction(&unsigned, &sender);
    if let Some(fields) = filled["tx"].as_object_mut() {
        for name in [
            "blockHash",
            "blockNumber",
            "blockTimestamp",
            "transactionIndex",
            "from",
        ] {
            fields.remove(name);
        }
    }
    Ok(filled)
}

/// `eth_signTransaction(call)`.
pub(super) fn signed(
    node: &Node,
    params: &Params,
    interrupt: &Interrupt,
) -> Result<Value, RpcError> {
    let request = params.required(0)?;
    signer(node, &request)?;
    let request = with_gas(node, request, interrupt)?;
    let (signed, account) = sign_request(node, &request)?;
    Ok(json::raw_transaction(&signed, &account.address))
}

/// The request with all that it leaves open, signed.
fn sign_request<'n>(
    node: &'n Node,
    request: &CallRequest,
) -> Result<(SignedTransaction, &'n Account), RpcError> {
    let account = signer(node, request)?;
    let transaction = fill(node, request, account.address)?;
    let signed = account.sign(transaction).map_err(NodeError::from)?;
    Ok((signed, account))
}

/// The account that signs a request.
fn signer<'n>(node: &'n Node, request: &CallRequest) -> Result<&'n Account, RpcError> {
    let sender = request
        .from
        .ok_or_else(|| RpcError::invalid_params("invalid argument 0: missing field from"))?;
    Ok(node.account(&sender)?)
}

/// `eth_getTransactionByHash(hash)`: in a block, or waiting for one.
pub(super) fn by_hash(node: &Node, params: &Params) -> Result<Value, RpcError> {
    let hash: B256 = params.required(0)?;
    if let Some(included) = included(node, &hash)? {
        return Ok(included);
    }
    let waiting = node
        .pool()
        .get(&hash)
        .map(|candidate| json::pending_transaction(&candidate.transaction, &candidate.sender));
    // It may have been included in between.
    match waiting {
        Some(waiting) => Ok(waiting),
        None => Ok(included(node, &hash)?.unwrap_or_default()),
    }
}

fn included(node: &Node, hash: &B256) -> Result<Option<Value>, RpcError> {
    let place = node.transaction(hash)?;
    Ok(place.and_then(|(block, index)| {
        let included = block.transactions.get(index)?;
        Some(json::included_transaction(&block, index, included))
    }))
}

/// `eth_getTransactionReceipt(hash)`.
pub(super) fn receipt(node: &Node, params: &Params) -> Result<Reply, RpcError> {
    let Some((block, index)) = node.transaction(&params.required(0)?)? else {
        return Ok(Reply::Small(Value::Null));
    };
    let Some(included) = block.transactions.get(index) else {
        return Ok(Reply::Small(Value::Null));
    };
    if included.receipt.logs.len() <= FEW {
        return Ok(Reply::Small(json::receipt(&block, index, included)));
    }
    Ok(Reply::Large(Box::new(move |_| {
        let included = block.transactions.get(index);
        let receipt = included.map(|included| json::receipt(&block, index, included));
        text::value(&receipt)
    })))
}

fn receipt_of(node: &Node, hash: &B256) -> Result<Value, RpcError> {
    let place = node.transaction(hash)?;
    let receipt = place.as_ref().and_then(|(block, index)| {
        Some(json::receipt(
            block,
            *index,
            block.transactions.get(*index)?,
        ))
    });
    Ok(receipt.unwrap_or_default())
}

/// `eth_getRawTransactionByHash(hash)`.
pub(super) fn raw(node: &Node, params: &Params) -> Result<Value, RpcError> {
    let hash: B256 = params.required(0)?;
    let included = node.transaction(&hash)?.and_then(|(block, index)| {
        let included = block.transactions.get(index)?;
        Some(json::data(included.transaction.encode()))
    });
    Ok(included
        .or_else(|| {
            node.pool()
                .get(&hash)
                .map(|candidate| json::data(&candidate.raw))
        })
        .unwrap_or_default())
}
