//! ABIs, for who shows bytes to people: `rollup_addAbi`, `rollup_abis`.

use crate::abis::Contract;
use crate::artefacts;
use crate::node::Node;
use crate::rpc::params::Params;
use crate::rpc::{RpcError, json};
use alloy_primitives::Address;
use serde_json::{Value, json};

/// `rollup_addAbi(artefact, name?, address?)`: an ABI as a list, or in the object that a
/// compiler or a development tool wrote, which may have the contract's name and sources.
pub(super) fn add(node: &Node, params: &Params) -> Result<Value, RpcError> {
    if node.follows() {
        return Err(RpcError::server(
            "rollup_addAbi is for devnets: this node follows a rollup, and shows names to everybody; its operator gives some with --abis",
        ));
    }
    let name: Option<String> = params.optional(1)?;
    let address: Option<Address> = params.optional(2)?;
    let invalid = |why: &dyn std::fmt::Display| {
        RpcError::invalid_params(format_args!("invalid argument 0: {why}"))
    };
    let all = artefacts::contracts(params.required(0)?).map_err(|error| invalid(&error))?;
    let [artefact] = <[_; 1]>::try_from(all).map_err(|all| {
        invalid(&format_args!(
            "build information of {} contracts; give one after the other",
            all.len()
        ))
    })?;
    let name = name.or_else(|| artefact.name.clone()).ok_or_else(|| {
        RpcError::invalid_params(
            "missing value for required argument 1: the artefact does not say the contract's name",
        )
    })?;
    let mut counts = json!({
        "name": name,
        "functions": artefact.abi.functions().count(),
        "events": artefact.abi.events().count(),
        "errors": artefact.abi.errors().count(),
    });
    let files = node.abis.add(&name, address, artefact);
    counts["sources"] = files.map_err(RpcError::limit)?.into();
    let names = node.abis.names();
    let kept = names.contract(&name).and_then(Contract::code_size);
    counts["code"] = kept.into();
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
            "sources": contract.sources.len(),
            "code": contract.code_size(),
        })
    });
    Ok(contracts.collect())
}
