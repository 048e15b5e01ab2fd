//! State roots and proofs.

use crate::chain::Block;
use crate::node::Node;
use crate::proofs::Proof;
use crate::rpc::RpcError;
use crate::rpc::json;
use crate::rpc::params::{Params, StorageKey};
use alloy_primitives::{Address, B256, U256};
use pvm::Durable;
use serde_json::{Value, json};

/// The most slots of a proof, as in go-ethereum.
const MAX_SLOTS: usize = 1024;

/// `eth_getAccount(address, block)`: as the state's trie has it.
pub(super) fn account(node: &Node, params: &Params) -> Result<Value, RpcError> {
    let address: Address = params.required(0)?;
    let block = node.block(params.optional(1)?.unwrap_or_default())?;
    let proof = node.proofs.prove(whole(&block)?, &address, &[])?;
    let account = proof.account.unwrap_or_default();
    Ok(json!({
        "balance": json::word(account.balance),
        "nonce": json::quantity(account.nonce),
        "codeHash": json::data(account.code_hash),
        "storageRoot": json::data(proof.storage_root),
    }))
}

/// The state after a block, if all of it is here.
fn whole(block: &Block) -> Result<&Durable, RpcError> {
    let state = block.state()?;
    match state.has_source() {
        false => Ok(state),
        true => Err(RpcError::server(
            "no state roots and proofs on a fork: the other chain's state is not here as a whole",
        )),
    }
}

/// `eth_getProof(address, slots, block)` (EIP-1186).
pub(super) fn prove(node: &Node, params: &Params) -> Result<Value, RpcError> {
    Ok(proof(node, params)?.0)
}

/// `rollup_getProof(address, slots, block)`: the same, and in `stateRoot` the root that it
/// proves against, which the header does not name.
pub(super) fn prove_with_root(node: &Node, params: &Params) -> Result<Value, RpcError> {
    let (mut proof, root) = proof(node, params)?;
    proof["stateRoot"] = json::data(root);
    Ok(proof)
}

/// A proof, and the root that it proves against.
fn proof(node: &Node, params: &Params) -> Result<(Value, B256), RpcError> {
    let address: Address = params.required(0)?;
    let keys: Vec<Value> = params.required(1)?;
    if keys.len() > MAX_SLOTS {
        return Err(RpcError::invalid_params(format_args!(
            "too many keys (max {MAX_SLOTS})"
        )));
    }
    let names: Vec<Value> = keys.iter().map(name).collect();
    let keys = Params::new(keys);
    let slots: Vec<U256> = (0..names.len())
        .map(|index| StorageKey::required(&keys, index).map(|StorageKey(slot)| slot))
        .collect::<Result<_, _>>()?;
    let block = node.block(params.optional(2)?.unwrap_or_default())?;
    let Proof {
        state_root,
        account,
        storage_root,
        nodes,
        slots,
    } = node.proofs.prove(whole(&block)?, &address, &slots)?;
    let account = account.unwrap_or_default();
    let list = |nodes: Vec<Vec<u8>>| nodes.into_iter().map(json::data).collect::<Value>();
    let slot = |(name, (value, nodes)): (Value, (U256, Vec<Vec<u8>>))| json!({ "key": name, "value": json::word(value), "proof": list(nodes) });
    let proof = json!({
        "address": json::address(&address),
        "balance": json::word(account.balance),
        "nonce": json::quantity(account.nonce),
        "codeHash": json::data(account.code_hash),
        "storageHash": json::data(storage_root),
        "accountProof": list(nodes),
        "storageProof": names.into_iter().zip(slots).map(slot).collect::<Value>(),
    });
    Ok((proof, state_root))
}

/// The name of a slot in the answer: as in the request, 32 bytes as data, fewer
/// as a quantity.
fn name(key: &Value) -> Value {
    match key.as_str() {
        Some(text) if text.len() < 66 => {
            let slot = U256::from_str_radix(text.trim_start_matches("0x"), 16);
            json::word(slot.unwrap_or_default())
        }
        _ => key.clone(),
    }
}

/// `rollup_stateRoot(block)`: Ethereum's state root after a block, with the block
/// that it is of.
pub(super) fn state_root(node: &Node, params: &Params) -> Result<Value, RpcError> {
    let block = node.block(params.optional(0)?.unwrap_or_default())?;
    let root: B256 = node.proofs.root(whole(&block)?)?;
    Ok(json::data(root))
}
