//! What random ABIs and bytes are tried on: `fuzz abis`.

use crate::names::Names;
use alloy_primitives::B256;
use node::abis;
use node::artefacts;
use serde_json::Value;
use std::sync::Arc;

/// What pages show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Inputs, outputs, errors and logs that were decoded.
    pub decoded: usize,
    /// The bytes of what is shown.
    pub bytes: usize,
}

/// Takes an artefact as the node does, and shows bytes by it as the pages do: as the input and the
/// output of each function, as each error and as each event's log.
#[must_use]
pub fn shown(artefact: Value, bytes: &[u8]) -> Shown {
    let mut given = abis::Names::default();
    for one in artefacts::contracts(artefact).unwrap_or_default() {
        let _ = given.add("A", None, one);
    }
    let names = Names::new(Arc::new(given.clone()), &[]);
    let with = |selector: &[u8]| [selector, bytes].concat();
    let mut all = Vec::new();
    for contract in given.contracts() {
        for function in contract.abi.functions() {
            let input = with(function.selector().as_slice());
            all.extend(names.input(&input));
            all.extend(names.output(&input, bytes));
        }
        for error in contract.abi.errors() {
            let error = with(error.selector().as_slice());
            all.extend(names.error(&error));
            let _ = names.revert(&error);
        }
        for event in contract.abi.events() {
            let topics = bytes.chunks_exact(32).take(3).map(B256::from_slice);
            let topics: Vec<B256> = std::iter::once(event.selector()).chain(topics).collect();
            for count in 1..=topics.len() {
                all.extend(names.log(topics.get(..count).unwrap_or_default(), bytes));
            }
        }
    }
    let text = all.iter().map(|decoded| {
        let table = names.table(decoded, "Values").into_string();
        table.len() + names.line(decoded).into_string().len()
    });
    let raw = crate::format::bytes(bytes).into_string().len();
    Shown {
        decoded: all.len(),
        bytes: text.sum::<usize>() + raw,
    }
}
