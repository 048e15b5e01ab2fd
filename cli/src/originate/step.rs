//! A step of a plan: a command of `octez-client`, and the operation for other signers.

use super::scripts::SCRIPTS;
use crate::installer;
use michelson::Node;
use serde_json::{Value, json};
use std::path::Path;

/// A step.
#[derive(Clone, Debug)]
pub(super) struct Step {
    /// Its name.
    pub(super) name: String,
    /// Its purpose.
    pub(super) purpose: &'static str,
    /// The first letters of the address that it gives; empty for a call.
    pub(super) gives: &'static str,
    /// True if it is done.
    pub(super) done: bool,
    /// The command, once the addresses in it are known.
    pub(super) command: Option<String>,
    /// The operation without fee, counter and limits, which the signer adds.
    operation: Option<Value>,
}

impl Step {
    /// A step whose addresses are not known yet.
    pub(super) fn new(name: &str, purpose: &'static str, gives: &'static str, done: bool) -> Self {
        Self {
            name: name.to_owned(),
            purpose,
            gives,
            done,
            command: None,
            operation: None,
        }
    }

    /// Originates a contract.
    pub(super) fn originate(&mut self, source: &str, script: &str, file: &Path, storage: &Node) {
        let name = &self.name;
        self.command = Some(format!(
            "octez-client originate contract {name} transferring 0 from {source} \\\n  \
             running {} --init '{storage}' --burn-cap 2",
            file.display()
        ));
        let scripts = SCRIPTS.iter();
        let mut text = scripts.filter(|(known, _)| *known == script);
        let code = text.next().and_then(|(_, text)| Node::parse(text).ok());
        self.operation = code.map(|code| {
            json!({
                "kind": "origination",
                "source": source,
                "balance": "0",
                "script": { "code": code.to_json(), "storage": storage.to_json() },
            })
        });
    }

    /// Originates the rollup.
    pub(super) fn rollup(&mut self, source: &str, installer: &Path, parameters: &str) {
        let command = installer::command(installer, parameters);
        self.command = Some(
            command
                .replace("ALIAS", "evm_rollup")
                .replace("SOURCE", source),
        );
        let kernel = std::fs::read_to_string(installer).ok();
        let ty = Node::parse(parameters).ok();
        self.operation = kernel.zip(ty).map(|(kernel, ty)| {
            json!({
                "kind": "smart_rollup_originate",
                "source": source,
                "pvm_kind": "wasm_2_0_0",
                "kernel": kernel.trim(),
                "parameters_ty": ty.to_json(),
            })
        });
    }

    /// Calls a contract.
    pub(super) fn call(&mut self, source: &str, (contract, entrypoint): (&str, &str), arg: &Node) {
        self.command = Some(format!(
            "octez-client call {contract} from {source} \\\n  \
             --entrypoint {entrypoint} --arg '{arg}' --burn-cap 1"
        ));
        self.operation = Some(json!({
            "kind": "transaction",
            "source": source,
            "amount": "0",
            "destination": contract,
            "parameters": { "entrypoint": entrypoint, "value": arg.to_json() },
        }));
    }

    /// The step as JSON.
    pub(super) fn json(&self) -> Value {
        json!({
            "name": self.name,
            "purpose": self.purpose,
            "done": self.done,
            "gives": self.gives,
            "command": self.command,
            "operation": self.operation,
        })
    }
}
