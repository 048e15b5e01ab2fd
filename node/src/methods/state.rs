//! Balances, nonces, code and slots.

use crate::json;
use crate::node::Node;
use crate::params::{BlockId, Params, StorageKey};
use crate::rpc::RpcError;
use alloy_primitives::{Address, Bytes};
use pvm::Durable;
use serde_json::Value;
use storage::Account;
use storage::layout::{ACCOUNTS, CODE, SLOTS};

/// `eth_getBalance(address, block)`.
pub(super) fn balance(node: &Node, params: &Params) -> Result<Value, RpcError> {
    let address = params.required(0)?;
    Ok(json::word(
        account(&state(node, params, 1)?, &address)?.balance,
    ))
}

/// `eth_getTransactionCount(address, block)`; `pending` counts what waits.
pub(super) fn nonce(node: &Node, params: &Params) -> Result<Value, RpcError> {
    let address = params.required(0)?;
    if params.optional(1)? == Some(BlockId::Pending) {
        return node.pending_nonce(&address).map(json::quantity);
    }
    Ok(json::quantity(
        account(&state(node, params, 1)?, &address)?.nonce,
    ))
}

/// `eth_getCode(address, block)`.
pub(super) fn code(node: &Node, params: &Params) -> Result<Value, RpcError> {
    let address = params.required(0)?;
    let state = state(node, params, 1)?;
    let account = account(&state, &address)?;
    let code = match account.has_code() {
        true => CODE
            .get(&state, &account.code_hash)
            .map_err(RpcError::internal)?
            .unwrap_or_default(),
        false => Bytes::new(),
    };
    Ok(json::data(code))
}

/// `eth_getStorageAt(address, slot, block)`.
pub(super) fn slot(node: &Node, params: &Params) -> Result<Value, RpcError> {
    let address: Address = params.required(0)?;
    let StorageKey(slot) = StorageKey::required(params, 1)?;
    let state = state(node, params, 2)?;
    let value = SLOTS
        .get(&state, &(address, slot))
        .map_err(RpcError::internal)?;
    Ok(json::data(value.unwrap_or_default().to_be_bytes::<32>()))
}

/// The state after the block at parameter `index`, the newest by default.
fn state(node: &Node, params: &Params, index: usize) -> Result<Durable, RpcError> {
    let id = params.optional(index)?.unwrap_or_default();
    Ok(node.block(id)?.state.clone())
}

fn account(state: &Durable, address: &Address) -> Result<Account, RpcError> {
    let account = ACCOUNTS.get(state, address).map_err(RpcError::internal)?;
    Ok(account.unwrap_or_default())
}
