//! Balances, nonces, code and slots.

use crate::node::Node;
use crate::request::BlockId;
use crate::rpc::RpcError;
use crate::rpc::json;
use crate::rpc::objects::StorageRequests;
use crate::rpc::params::{Params, StorageKey};
use alloy_primitives::{Address, B256, Bytes, U256};
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
        return Ok(json::quantity(node.pending_nonce(&address)?));
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

/// `debug_codeByHash(hash, block)`.
pub(super) fn code_by_hash(node: &Node, params: &Params) -> Result<Value, RpcError> {
    let hash: B256 = params.required(0)?;
    let code = CODE.get(&state(node, params, 1)?, &hash)?;
    Ok(code.map_or(Value::Null, json::data))
}

/// `debug_dbGet(key)`: code, by `c` and its hash, as in go-ethereum's database.
pub(super) fn database(node: &Node, params: &Params) -> Result<Value, RpcError> {
    let key: Bytes = params.required(0)?;
    let hash = key.strip_prefix(b"c").and_then(|hash| hash.try_into().ok());
    let code = match hash.map(B256::new) {
        Some(hash) => CODE.get(node.latest()?.state()?, &hash)?,
        None => None,
    };
    let code = code.ok_or_else(|| RpcError::server("leveldb: not found"))?;
    Ok(json::data(code))
}

fn code_of(state: &Durable, account: &Account) -> Result<Bytes, RpcError> {
    if !account.has_code() {
        return Ok(Bytes::new());
    }
    let code = CODE.get(state, &account.code_hash)?;
    Ok(code.unwrap_or_default())
}

/// `eth_getStorageAt(address, slot, block)`.
pub(super) fn slot(node: &Node, params: &Params) -> Result<Value, RpcError> {
    let address: Address = params.required(0)?;
    let StorageKey(slot) = StorageKey::required(params, 1)?;
    slot_of(&state(node, params, 2)?, address, slot)
}

/// The most slots of `eth_getStorageValues`.
const MAX_SLOTS: usize = 1024;

/// `eth_getStorageValues({address: [slot]}, block)`.
pub(super) fn slots(node: &Node, params: &Params) -> Result<Value, RpcError> {
    let StorageRequests(requests) = params.required(0)?;
    let state = state(node, params, 1)?;
    let count: usize = requests.iter().map(|(_, slots)| slots.len()).sum();
    if count == 0 {
        return Err(RpcError::invalid_params("empty request"));
    }
    if count > MAX_SLOTS {
        return Err(RpcError::invalid_params(format_args!(
            "too many slots (max {MAX_SLOTS})"
        )));
    }
    let mut values = json!({});
    for (address, slots) in requests {
        let of_account: Result<Value, RpcError> = slots
            .into_iter()
            .map(|slot| slot_of(&state, address, slot))
            .collect();
        values[format!("{address:#x}")] = of_account?;
    }
    Ok(values)
}

fn slot_of(state: &Durable, address: Address, slot: U256) -> Result<Value, RpcError> {
    let value = SLOTS.get(state, &(address, slot))?;
    Ok(json::data(value.unwrap_or_default().to_be_bytes::<32>()))
}

/// The state after the block at parameter `index`, the newest by default.
fn state(node: &Node, params: &Params, index: usize) -> Result<Durable, RpcError> {
    let id = params.optional(index)?.unwrap_or_default();
    Ok(node.block(id)?.state()?.clone())
}

fn account(state: &Durable, address: &Address) -> Result<Account, RpcError> {
    let account = ACCOUNTS.get(state, address)?;
    Ok(account.unwrap_or_default())
}
