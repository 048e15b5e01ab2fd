//! Transactions: sent, signed, looked up.

use super::{blocking, execution, fees};
use crate::accounts::Account;
use crate::node::{Node, Submitted};
use crate::rpc::RpcError;
use crate::rpc::json;
use crate::rpc::params::{CallRequest, Params};
use alloy_primitives::{Address, B256, Bytes, TxKind, U256, keccak256};
use ethereum::transaction::{Eip1559, Eip2930, Eip7702, Legacy, Transaction};
use ethereum::{Signature, SignedTransaction};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

/// `eth_sendRawTransaction(bytes)`.
pub(super) async fn send_raw(node: &Node, params: &Params) -> Result<Value, RpcError> {
    let submitted = node.submit(params.required(0)?)?;
    node.settled(submitted).await.map(json::data)
}

/// How long `eth_sendRawTransactionSync` waits by default, and at most.
const SYNC_PATIENCE: Duration = Duration::from_secs(2);
const SYNC_MOST: Duration = Duration::from_secs(60);

/// `eth_sendRawTransactionSync(bytes, milliseconds)` (EIP-7966): the receipt.
pub(super) async fn send_raw_sync(node: &Node, params: &Params) -> Result<Value, RpcError> {
    let patience = params
        .optional(1)?
        .map_or(SYNC_PATIENCE, Duration::from_millis)
        .min(SYNC_MOST);
    let Submitted { hash, ready, fate } = node.submit(params.required(0)?)?;
    if !ready {
        let next = json::quantity(expected_nonce(node, &hash)?);
        return Err(RpcError {
            code: RpcError::NONCE_GAP,
            message: "the transaction waits for those before it: nonce gap".into(),
            data: Some(next),
        });
    }
    match tokio::time::timeout(patience, fate).await {
        Ok(Ok(fate)) => fate.map_err(RpcError::server)?,
        _ => {
            return Err(RpcError {
                code: RpcError::TIMEOUT,
                message: format!(
                    "the transaction was added to the mempool but wasn't processed within {patience:?}"
                ),
                data: Some(json::data(hash)),
            });
        }
    }
    Ok(receipt_of(node, &hash))
}

/// The nonce that the sender of a waiting transaction should use first.
fn expected_nonce(node: &Node, hash: &B256) -> Result<u64, RpcError> {
    let sender = node.pool().get(hash).map(|candidate| candidate.sender);
    sender.map_or(Ok(0), |sender| node.pending_nonce(&sender))
}

/// `eth_sendTransaction(call)`, from an account whose key the node has, or that
/// is impersonated.
pub(super) async fn send(node: &Arc<Node>, params: Params) -> Result<Value, RpcError> {
    let sender = params.required::<CallRequest>(0)?.from;
    if let Some(sender) = sender.filter(|sender| node.is_impersonated(sender)) {
        return send_as(node, sender, params).await;
    }
    let submitted = {
        let _choosing = node.choosing.lock().await;
        let raw = blocking(node, params, |node, params| {
            Ok(json::data(signed(node, &params.required(0)?)?.0.encode()))
        });
        node.submit(Params::new(vec![raw.await?]).required(0)?)?
    };
    node.settled(submitted).await.map(json::data)
}

/// Sends in the name of `sender`, at once and in a block of its own.
async fn send_as(node: &Arc<Node>, sender: Address, params: Params) -> Result<Value, RpcError> {
    let filler = Arc::clone(node);
    let request: CallRequest = params.required(0)?;
    node.control(move |miner| {
        let transaction = filled(&filler, &request, sender)?;
        miner.send_as(sender, transaction.with_signature(placeholder(sender)))
    })
    .await
    .map(json::data)
}

/// What stands for the signature that an impersonated sender did not make: it
/// keeps the hashes of transactions of several senders apart.
fn placeholder(sender: Address) -> Signature {
    Signature {
        r: U256::from_be_slice(sender.as_slice()).max(U256::ONE),
        s: U256::ONE,
        y_parity: false,
    }
}

/// `eth_fillTransaction(call)`: all that the request leaves open, not signed.
pub(super) fn fill(node: &Node, params: &Params) -> Result<Value, RpcError> {
    let request: CallRequest = params.required(0)?;
    let sender = request.from.unwrap_or_default();
    let unsigned = filled(node, &request, sender)?.with_signature(Signature::default());
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
pub(super) fn sign(node: &Node, params: &Params) -> Result<Value, RpcError> {
    let (signed, account) = signed(node, &params.required(0)?)?;
    Ok(json::raw_transaction(&signed, &account.address))
}

/// The request with all that it leaves open, signed.
fn signed<'n>(
    node: &'n Node,
    request: &CallRequest,
) -> Result<(SignedTransaction, &'n Account), RpcError> {
    let sender = request
        .from
        .ok_or_else(|| RpcError::invalid_params("invalid argument 0: missing field from"))?;
    let account = node.account(&sender)?;
    let signed = account
        .sign(filled(node, request, sender)?)
        .map_err(RpcError::internal)?;
    Ok((signed, account))
}

/// The request with all that it leaves open: nonce, gas, fees.
fn filled(node: &Node, request: &CallRequest, sender: Address) -> Result<Transaction, RpcError> {
    if request.to.is_none() && request.input.is_empty() {
        return Err(RpcError::server(
            "contract creation without any data provided",
        ));
    }
    let chain_id = request.chain_id.unwrap_or_else(|| node.chain_id());
    let nonce = match request.nonce {
        Some(nonce) => nonce,
        None => node.pending_nonce(&sender)?,
    };
    let gas_limit = match request.gas {
        Some(gas) => gas,
        None => execution::pending_gas(node, request)?,
    };
    let to = request.to.map_or(TxKind::Create, TxKind::Call);
    let (value, input) = (request.value, request.input.clone());
    let access_list = request.access_list.clone().unwrap_or_default();
    if let Some(gas_price) = request.gas_price {
        return Ok(match request.access_list {
            None => Transaction::Legacy(Legacy {
                chain_id: Some(chain_id),
                nonce,
                gas_price,
                gas_limit,
                to,
                value,
                input,
            }),
            Some(_) => Transaction::AccessList(Eip2930 {
                chain_id,
                nonce,
                gas_price,
                gas_limit,
                to,
                value,
                input,
                access_list,
            }),
        });
    }
    let max_priority_fee_per_gas = request
        .max_priority_fee_per_gas
        .unwrap_or(U256::from(fees::PRIORITY_FEE));
    let max_fee_per_gas = match request.max_fee_per_gas {
        Some(fee) => fee,
        None => U256::from(fees::next_base_fee(node)?)
            .saturating_mul(U256::from(2))
            .saturating_add(max_priority_fee_per_gas),
    };
    if let Some(authorization_list) = request.authorization_list.clone() {
        let to = request.to.ok_or_else(|| {
            RpcError::server("EIP-7702 transaction cannot be used to create contract")
        })?;
        return Ok(Transaction::SetCode(Eip7702 {
            chain_id,
            nonce,
            max_priority_fee_per_gas,
            max_fee_per_gas,
            gas_limit,
            to,
            value,
            input,
            access_list,
            authorization_list,
        }));
    }
    Ok(Transaction::DynamicFee(Eip1559 {
        chain_id,
        nonce,
        max_priority_fee_per_gas,
        max_fee_per_gas,
        gas_limit,
        to,
        value,
        input,
        access_list,
    }))
}

/// `eth_sign(address, bytes)` and `personal_sign` (EIP-191, version 0x45).
pub(super) fn sign_message(
    node: &Node,
    address: Address,
    message: &Bytes,
) -> Result<Value, RpcError> {
    let mut prefixed = format!("\x19Ethereum Signed Message:\n{}", message.len()).into_bytes();
    prefixed.extend_from_slice(message);
    let signature = node
        .account(&address)?
        .sign_hash(&keccak256(prefixed))
        .map_err(RpcError::internal)?;
    let mut bytes = [0; 65];
    bytes[..32].copy_from_slice(&signature.r.to_be_bytes::<32>());
    bytes[32..64].copy_from_slice(&signature.s.to_be_bytes::<32>());
    bytes[64] = 27 + u8::from(signature.y_parity);
    Ok(json::data(bytes))
}

/// `eth_getTransactionByHash(hash)`: in a block, or waiting for one.
pub(super) fn by_hash(node: &Node, params: &Params) -> Result<Value, RpcError> {
    let hash: B256 = params.required(0)?;
    if let Some(included) = included(node, &hash) {
        return Ok(included);
    }
    let waiting = node
        .pool()
        .get(&hash)
        .map(|candidate| json::pending_transaction(&candidate.transaction, &candidate.sender));
    // It may have been included in between.
    Ok(waiting
        .or_else(|| included(node, &hash))
        .unwrap_or_default())
}

fn included(node: &Node, hash: &B256) -> Option<Value> {
    let chain = node.chain();
    let (block, index) = chain.transaction(hash)?;
    Some(json::included_transaction(
        block,
        index,
        block.transactions.get(index)?,
    ))
}

/// `eth_getTransactionReceipt(hash)`.
pub(super) fn receipt(node: &Node, params: &Params) -> Result<Value, RpcError> {
    Ok(receipt_of(node, &params.required(0)?))
}

fn receipt_of(node: &Node, hash: &B256) -> Value {
    let chain = node.chain();
    let receipt = chain.transaction(hash).and_then(|(block, index)| {
        Some(json::receipt(block, index, block.transactions.get(index)?))
    });
    receipt.unwrap_or_default()
}

/// `eth_getRawTransactionByHash(hash)`.
pub(super) fn raw(node: &Node, params: &Params) -> Result<Value, RpcError> {
    let hash: B256 = params.required(0)?;
    let included = {
        let chain = node.chain();
        chain.transaction(&hash).and_then(|(block, index)| {
            Some(json::data(
                block.transactions.get(index)?.transaction.encode(),
            ))
        })
    };
    Ok(included
        .or_else(|| {
            node.pool()
                .get(&hash)
                .map(|candidate| json::data(&candidate.raw))
        })
        .unwrap_or_default())
}
