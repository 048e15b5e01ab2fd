//! Compares the originated rollup with the plan.

use super::plan::{self, Plan};
use super::scripts::{SCRIPTS, script_of};
use super::source::{Source, get};
use anyhow::Context;
use michelson::{Contract, Node, Value, encoding};
use node::genesis::config_of;
use pvm::setup::Instruction;
use serde_json::Value as Json;
use std::path::Path;
use storage::layout::{CONFIG, SETUP};
use storage::table::Value as _;

/// The path of the kernel.
const KERNEL: &str = "/kernel/boot.wasm";

/// Something that was compared.
#[derive(Debug)]
pub(super) struct Check {
    /// The compared item.
    pub(super) what: String,
    /// The difference, if there is one.
    pub(super) fault: Option<String>,
}

fn check(what: impl Into<String>, fault: Option<String>) -> Check {
    Check {
        what: what.into(),
        fault,
    }
}

/// The rollup's address, kernel and settings.
pub(super) fn rollup(plan: &Plan, setup: &str, source: &Source) -> anyhow::Result<Vec<Check>> {
    let mut checks = Vec::new();
    if let Some(found) = source.rollup()? {
        let fault = match plan.result(plan::ROLLUP) {
            Some(planned) if planned == found => None,
            Some(planned) => Some(format!("{found}, not {planned}")),
            None => Some(format!("{found}, and the plan has none yet")),
        };
        checks.push(check("rollup address", fault));
    }
    let setup = pvm::setup::parse(setup)?;
    let root = format!("{SETUP}/");
    let settings: Vec<(&String, &Vec<u8>)> = setup
        .iter()
        .filter_map(|instruction| match instruction {
            Instruction::Set { value, to } if to.starts_with(&root) => Some((to, value)),
            _ => None,
        })
        .collect();
    let compiled = CONFIG.path(&())?.as_path().to_string();
    let mut paths: Vec<String> = settings.iter().map(|(to, _)| (*to).clone()).collect();
    paths.extend([compiled, KERNEL.to_owned()]);
    let mut values = source.values(&paths)?.into_iter();
    for (to, planned) in settings {
        let found = values.next().flatten();
        checks.push(check(to, differs(planned, found.as_deref())));
    }
    let config = config_of(&setup)?.encode();
    let found = values.next().flatten();
    let fault = differs(&config, found.as_deref());
    checks.push(check(
        "settings as the kernel compiled them",
        fault.map(|fault| format!("{fault}: changed by governance, or not what was planned")),
    ));
    let kernel = plan.kernel()?;
    let fault = match values.next().flatten() {
        Some(found) if found == kernel => None,
        Some(found) => Some(format!(
            "another one of {} bytes: an upgrade, or not what was planned",
            found.len()
        )),
        None => Some("there is none".to_owned()),
    };
    checks.push(check("kernel", fault));
    Ok(checks)
}

/// The difference between a value and the planned one.
fn differs(planned: &[u8], found: Option<&[u8]>) -> Option<String> {
    match found {
        Some(found) if found == planned => None,
        Some(found) => Some(format!(
            "{}, not {}",
            hex::encode(found),
            hex::encode(planned)
        )),
        None => Some("there is none".to_owned()),
    }
}

/// The chain of layer 1, and each contract's code and storage.
pub(super) fn contracts(plan: &Plan, folder: &Path, url: &str) -> anyhow::Result<Vec<Check>> {
    let chain = chain(plan, url)?;
    if chain.fault.is_some() {
        return Ok(vec![chain]);
    }
    let mut checks = vec![chain];
    for (name, address) in plan.contracts(folder) {
        let wanted = |planned: &Contract| plan.wired(&name, planned);
        checks.push(originated(&name, &address, url, wanted)?);
    }
    Ok(checks)
}

/// The chain of layer 1, and what a step put there.
pub(super) fn step(
    plan: &Plan,
    name: &str,
    address: &str,
    url: &str,
) -> anyhow::Result<Vec<Check>> {
    let chain = chain(plan, url)?;
    if chain.fault.is_some() {
        return Ok(vec![chain]);
    }
    if name != plan::ROLLUP {
        let wanted = |planned: &Contract| plan.first(name, planned);
        return Ok(vec![chain, originated(name, address, url, wanted)?]);
    }
    let path = "/chains/main/blocks/head/context/smart_rollups/smart_rollup";
    let fault = match get(url, &format!("{path}/{address}/kind")) {
        Err(_) => Some(format!("{address} is not there")),
        Ok(kind) if kind == "wasm_2_0_0" => None,
        Ok(kind) => Some(format!("it is of the kind {kind}, not wasm_2_0_0")),
    };
    Ok(vec![chain, check("rollup on layer 1", fault)])
}

fn chain(plan: &Plan, url: &str) -> anyhow::Result<Check> {
    let chain = get(url, "/chains/main/chain_id")?;
    let chain = chain.as_str().unwrap_or_default();
    let fault = (chain != plan.network).then(|| {
        format!(
            "{chain}, not {}: contracts of another network",
            plan.network
        )
    });
    Ok(check("chain of layer 1", fault))
}

/// A contract at an address, whose storage is to be `wanted`.
fn originated(
    name: &str,
    address: &str,
    url: &str,
    wanted: impl FnOnce(&Contract) -> anyhow::Result<Value>,
) -> anyhow::Result<Check> {
    let path = format!("/chains/main/blocks/head/context/contracts/{address}/script");
    let fault = match get(url, &path) {
        Err(_) => Some(format!("{address} is not there")),
        Ok(script) => contract(name, &script, wanted)?,
    };
    Ok(check(format!("{name} {address}"), fault))
}

/// The difference between a contract and the planned one.
fn contract(
    name: &str,
    script: &Json,
    wanted: impl FnOnce(&Contract) -> anyhow::Result<Value>,
) -> anyhow::Result<Option<String>> {
    let known = SCRIPTS.iter().find(|(known, _)| *known == script_of(name));
    let (_, text) = known.context("no script")?;
    let planned = Contract::parse(text)?;
    let code = script.get("code").and_then(Node::from_json);
    if code.as_ref() != Some(planned.script()) {
        return Ok(Some("its code is another".to_owned()));
    }
    let Some(mut storage) = script.get("storage").and_then(Node::from_json) else {
        return Ok(Some("its storage cannot be read".to_owned()));
    };
    forget_big_map(&mut storage, name);
    let Ok(found) = encoding::read(&storage, planned.storage()) else {
        return Ok(Some(format!("its storage is {storage}, of another type")));
    };
    let wanted = wanted(&planned)?;
    let same = match (name, &found, &wanted) {
        // Its counter counts.
        ("governance", Value::Pair(_, found), Value::Pair(_, wanted)) => found == wanted,
        _ => found == wanted,
    };
    Ok((!same).then(|| format!("its storage is {storage}, not {}", encoding::write(&wanted))))
}

/// A node shows a big map by its number.
fn forget_big_map(storage: &mut Node, name: &str) {
    if name == "fast_withdrawal"
        && let Node::Prim { args, .. } = storage
        && let Some(last @ Node::Int(_)) = args.last_mut()
    {
        *last = Node::Sequence(Vec::new());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_type_of_the_rollup_is_the_one_that_the_scripts_name() {
        let ty = michelson::Type::parse(crate::installer::PARAMETERS)
            .unwrap()
            .to_string();
        for (name, text) in SCRIPTS {
            if name == "exchanger" {
                continue;
            }
            let text = text.replace(['\n'], " ");
            let inside = ty.trim_start_matches('(').trim_end_matches(')');
            assert!(text.contains(inside), "{name}: {inside}");
        }
    }
}
