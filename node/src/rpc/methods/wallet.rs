//! Methods for wallets: accounts, signatures, transactions that nobody signs.

use crate::accounts::Account;
use crate::error::NodeError;
use crate::miner::MinerHandle;
use crate::node::Node;
use crate::request::CallRequest;
use crate::rpc::RpcError;
use crate::rpc::json;
use crate::rpc::load;
use crate::rpc::params::Params;
use crate::rpc::typed_data::TypedData;
use crate::simulate::fill::{fill, with_gas};
use alloy_primitives::{Address, B256, Bytes, keccak256};
use serde_json::Value;

/// `eth_sign(address, bytes)`.
pub(super) fn sign(node: &Node, params: &Params) -> Result<Value, RpcError> {
    sign_message(node, params.required(0)?, &params.required(1)?)
}

/// `personal_sign(bytes, address)`.
pub(super) fn personal_sign(node: &Node, params: &Params) -> Result<Value, RpcError> {
    sign_message(node, params.required(1)?, &params.required(0)?)
}

/// `eth_signTypedData_v4(address, data)` and its older names (EIP-712).
pub(super) fn sign_typed_data(node: &Node, params: &Params) -> Result<Value, RpcError> {
    let account = node.account(&params.required(0)?)?;
    let data: TypedData = params.required(1)?;
    let hash = data
        .hash()
        .map_err(|why| RpcError::invalid_params(format_args!("invalid argument 1: {why}")))?;
    signature(account, &hash)
}

/// Signs a message (EIP-191, version 0x45).
fn sign_message(node: &Node, address: Address, message: &Bytes) -> Result<Value, RpcError> {
    let mut prefixed = format!("\x19Ethereum Signed Message:\n{}", message.len()).into_bytes();
    prefixed.extend_from_slice(message);
    signature(node.account(&address)?, &keccak256(prefixed))
}

/// The signature of a hash: r, s, and 27 or 28.
fn signature(account: &Account, hash: &B256) -> Result<Value, RpcError> {
    let signature = account.sign_hash(hash).map_err(NodeError::from)?;
    let mut bytes = [0; 65];
    bytes[..32].copy_from_slice(&signature.r.to_be_bytes::<32>());
    bytes[32..64].copy_from_slice(&signature.s.to_be_bytes::<32>());
    bytes[64] = 27 + u8::from(signature.y_parity);
    Ok(json::data(bytes))
}

/// `eth_sendUnsignedTransaction(call)`: as if its sender had signed it.
pub(super) async fn send_unsigned(miner: &MinerHandle, params: &Params) -> Result<Value, RpcError> {
    let request: CallRequest = params.required(0)?;
    let sender = request
        .from
        .ok_or_else(|| RpcError::invalid_params("invalid argument 0: missing field from"))?;
    send_as(miner, sender, request).await
}

/// Sends a transaction of a sender whose key nobody has.
pub(super) async fn send_as(
    miner: &MinerHandle,
    sender: Address,
    request: CallRequest,
) -> Result<Value, RpcError> {
    let node = miner.node();
    if node.follows() {
        // A rollup's kernel takes what is signed alone, and whoever posts it would pay for it.
        return Err(RpcError::server("unknown account"));
    }
    // The slow part, where nobody else waits.
    let request = load::call(node, move |node, interrupt| {
        Ok(with_gas(node, request.clone(), interrupt)?)
    })
    .await?;
    let submitted = {
        let _choosing = node.choosing();
        node.submit_unsigned(sender, fill(node, &request, sender)?)?
    };
    Ok(json::data(node.settled(submitted).await?))
}

/// `eth_pendingTransactions()`: those that wait, of accounts whose keys the node has or
/// which are impersonated.
pub(super) fn pending(node: &Node, _: &Params) -> Result<Value, RpcError> {
    let waiting: Vec<_> = node.pool().pending().cloned().collect();
    let own = waiting.iter().filter(|waiting| {
        node.account(&waiting.sender).is_ok() || node.impersonation.is_on(&waiting.sender)
    });
    Ok(own
        .map(|waiting| json::pending_transaction(&waiting.transaction, &waiting.sender))
        .collect())
}
