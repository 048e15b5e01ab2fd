//! ABIs, for who shows bytes to people: `rollup_addAbi`, `rollup_abis`.

use crate::node::Node;
use crate::rpc::params::Params;
use crate::rpc::{RpcError, json};
use alloy_json_abi::JsonAbi;
use alloy_primitives::Address;
use serde_json::{Value, json};

/// `rollup_addAbi(artefact, name?, address?)`: an ABI as a list, or in the object that a
/// compiler or a development tool wrote, which may have the contract's name.
pub(super) fn add(node: &Node, params: &Params) -> Result<Value, RpcError> {
    if node.follows() {
        return Err(RpcError::server(
            "rollup_addAbi is for devnets: this node follows a rollup, and shows names to everybody",
        ));
    }
    let artefact: Value = params.required(0)?;
    let name: Option<String> = params.optional(1)?;
    let address: Option<Address> = params.optional(2)?;
    let mut named = ["contractName", "name"].into_iter();
    let named = named.find_map(|field| artefact.get(field)?.as_str().map(str::to_owned));
    // Foundry's artefacts have it in what the compiler was told.
    let targets = artefact.pointer("/metadata/settings/compilationTarget");
    let target = targets.and_then(|targets| targets.as_object()?.values().next()?.as_str());
    let name = name.or(named).or_else(|| target.map(str::to_owned));
    let name = name.ok_or_else(|| {
        RpcError::invalid_params(
            "missing value for required argument 1: the artefact does not say the contract's name",
        )
    })?;
    let abi = match artefact.get("abi") {
        Some(abi) => abi.clone(),
        None => artefact,
    };
    let size = abi.to_string().len();
    let abi: JsonAbi = serde_json::from_value(abi).map_err(|error| {
        RpcError::invalid_params(format_args!("invalid argument 0: no ABI: {error}"))
    })?;
    let counts = json!({
        "name": name,
        "functions": abi.functions().count(),
        "events": abi.events().count(),
        "errors": abi.errors().count(),
    });
    node.abis
        .add(&name, address, abi, size)
        .map_err(RpcError::limit)?;
    Ok(counts)
}

/// `rollup_abis()`: the contracts that were added.
pub(super) fn list(node: &Node, _: &Params) -> Result<Value, RpcError> {
    let names = node.abis.names();
    let contracts = names.contracts().map(|contract| {
        let addresses: Vec<Value> = contract.addresses.iter().map(json::address).collect();
        json!({
            "name": contract.name,
            "addresses": addresses,
            "functions": contract.abi.functions().count(),
            "events": contract.abi.events().count(),
            "errors": contract.abi.errors().count(),
        })
    });
    Ok(contracts.collect())
}
