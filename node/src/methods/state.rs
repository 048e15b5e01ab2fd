//! Balances, nonces, code and slots.

use crate::json;
use crate::node::Node;
use crate::params::{BlockId, Params, StorageKey};
use crate::rpc::RpcError;
use alloy_primitives::{Address, Bytes};
use pvm::Durable;
use serde_json::{Value, json};
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
    code_of(&state, &account(&state, &address)?).map(json::data)
}

/// `eth_getAccountInfo(address, block)`: balance, nonce and code in one.
pub(super) fn info(node: &Node, params: &Params) -> Result<Value, RpcError> {
    let address = params.required(0)?;
    let state = state(node, params, 1)?;
    let account = account(&state, &address)?;
    Ok(json!({
        "balance": json::word(account.balance),
        "nonce": json::quantity(account.nonce),
        "code": json::data(code_of(&state, &account)?),
    }))
}

fn code_of(state: &Durable, account: &Account) -> Result<Bytes, RpcError> {
    if !account.has_code() {
        return Ok(Bytes::new());
    }
    let code = CODE
        .get(state, &account.code_hash)
        .map_err(RpcError::internal)?;
    Ok(code.unwrap_or_default())
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
