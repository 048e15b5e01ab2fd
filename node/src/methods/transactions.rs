//! Transactions: sent, signed, looked up.

use super::{blocking, execution, fees};
use crate::accounts::Account;
use crate::json;
use crate::node::Node;
use crate::params::{CallRequest, Params};
use crate::rpc::RpcError;
use alloy_primitives::{Address, B256, Bytes, TxKind, U256, keccak256};
use ethereum::SignedTransaction;
use ethereum::transaction::{Eip1559, Eip2930, Eip7702, Legacy, Transaction};
use serde_json::{Value, json};
use std::sync::Arc;

/// `eth_sendRawTransaction(bytes)`.
pub(super) async fn send_raw(node: &Node, params: &Params) -> Result<Value, RpcError> {
    let submitted = node.submit(params.required(0)?)?;
    node.settled(submitted).await.map(json::data)
}

/// `eth_sendTransaction(call)`, from an account whose key the node has.
pub(super) async fn send(node: &Arc<Node>, params: Params) -> Result<Value, RpcError> {
    let submitted = {
        let _choosing = node.choosing.lock().await;
        let raw = blocking(node, params, |node, params| {
            Ok(json::data(signed(node, &params.required(0)?)?.0.encode()))
        });
        node.submit(Params::new(vec![raw.await?]).required(0)?)?
    };
    node.settled(submitted).await.map(json::data)
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
    let hash: B256 = params.required(0)?;
    let chain = node.chain();
    let receipt = chain.transaction(&hash).and_then(|(block, index)| {
        Some(json::receipt(block, index, block.transactions.get(index)?))
    });
    Ok(receipt.unwrap_or_default())
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

/// `txpool_status()`.
pub(super) fn pool_status(node: &Node) -> Result<Value, RpcError> {
    let (pending, queued) = node.pool().counts();
    Ok(
        json!({ "pending": json::quantity(pending as u64), "queued": json::quantity(queued as u64) }),
    )
}
