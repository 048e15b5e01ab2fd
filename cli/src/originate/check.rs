//! Compares the originated rollup with the plan.

use super::plan::{self, Plan};
use super::scripts::{SCRIPTS, script_of};
use super::source::{Source, get};
use crate::address::Kt1;
use alloy_primitives::Address;
use anyhow::Context;
use messages::hash::blake2b_256;
use michelson::{Contract, Node, Value, encoding};
use node::genesis::config_of;
use pvm::setup::Instruction;
use serde_json::Value as Json;
use std::collections::BTreeSet;
use std::path::Path;
use storage::Config;
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
    let at = CONFIG.path(&())?.as_path().to_string();
    let mut paths: Vec<String> = settings.iter().map(|(to, _)| (*to).clone()).collect();
    paths.extend([at, KERNEL.to_owned()]);
    let mut values = source.values(&paths)?.into_iter();
    for (to, planned) in settings {
        let name = to.strip_prefix(&root).unwrap_or(to);
        let fault = setting(name, planned, values.next().flatten().as_deref());
        checks.push(check(format!("setting {name} ({to})"), fault));
    }
    let planned = config_of(&setup)?;
    let fault = compiled(&planned, values.next().flatten().as_deref());
    checks.push(check(
        "settings as the kernel compiled them",
        fault.map(|fault| format!("{fault}: changed by governance, or not what was planned")),
    ));
    let kernel = plan.kernel()?;
    let fault = match values.next().flatten() {
        Some(found) if found == kernel => None,
        Some(found) => Some(format!(
            "blake2b {}, not {}: an upgrade, or not what was planned",
            hex::encode(blake2b_256(&found)),
            hex::encode(blake2b_256(&kernel))
        )),
        None => Some("there is none".to_owned()),
    };
    checks.push(check("kernel", fault));
    Ok(checks)
}

/// The difference between the value of a setting and the planned one.
fn setting(name: &str, planned: &[u8], found: Option<&[u8]>) -> Option<String> {
    match found {
        Some(found) if found == planned => None,
        Some(found) => Some(format!(
            "{}, not {}",
            value(name, found),
            value(name, planned)
        )),
        None => Some(format!("not set, instead of {}", value(name, planned))),
    }
}

/// The value of a setting, as people write it.
fn value(name: &str, bytes: &[u8]) -> String {
    let number = <[u8; 8]>::try_from(bytes).map(u64::from_be_bytes);
    let hash = <[u8; 20]>::try_from(bytes);
    match (name, number, hash) {
        ("ticketer" | "delayed_bridge" | "kernel_governance", _, Ok([0, rest @ ..]))
            if rest == [0; 19] =>
        {
            "none".to_owned()
        }
        ("ticketer" | "delayed_bridge" | "kernel_governance", _, Ok(hash)) => Kt1(hash).to_string(),
        (_, _, Ok(hash)) => Address::new(hash).to_string(),
        ("revisions", ..) => format!("0x{}", hex::encode(bytes)),
        (_, Ok(number), _) => number.to_string(),
        _ => format!("0x{}", hex::encode(bytes)),
    }
}

/// The settings that differ between the compiled ones and the planned.
fn compiled(planned: &Config, found: Option<&[u8]>) -> Option<String> {
    let Some(bytes) = found else {
        return Some("there are none: the kernel has not run".to_owned());
    };
    if bytes == planned.encode() {
        return None;
    }
    let Some(found) = Config::decode(bytes) else {
        return Some(format!("they cannot be read: 0x{}", hex::encode(bytes)));
    };
    // Those that are the default may be left out: each is looked for on both sides.
    let (found, planned) = (found.to_setup(), planned.to_setup());
    let of = |all: &[(&str, Vec<u8>)], name: &str| {
        let mut all = all.iter();
        all.find(|(other, _)| *other == name)
            .map(|(_, bytes)| value(name, bytes))
    };
    let defaults = Config::default();
    let names: BTreeSet<&str> = found
        .iter()
        .chain(&planned)
        .map(|(name, _)| *name)
        .collect();
    let default = |name: &str| match name {
        "reassign_after" => defaults.reassign_after.to_string(),
        "kept_blocks" => defaults.kept_blocks.to_string(),
        "data_fee" => defaults.data_fee.to_string(),
        _ => "none".to_owned(),
    };
    let differences = names.into_iter().filter_map(|name| {
        let ours = of(&planned, name).unwrap_or_else(|| default(name));
        let theirs = of(&found, name).unwrap_or_else(|| default(name));
        (ours != theirs).then(|| format!("{name} {theirs}, not {ours}"))
    });
    Some(differences.collect::<Vec<_>>().join("; "))
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
    fn settings_that_differ_are_told_by_name_and_value() {
        let planned = Config {
            chain_id: 7,
            ticketer: Some([1; 20]),
            ..Config::default()
        };
        let same = planned.encode();
        assert_eq!(compiled(&planned, Some(&same[..])), None);
        let other = Config {
            ticketer: None,
            data_fee: 5,
            ..planned.clone()
        };
        let other = other.encode();
        let told = compiled(&planned, Some(&other[..])).unwrap();
        let kt1 = Kt1([1; 20]);
        assert_eq!(told, format!("data_fee 5, not 0; ticketer none, not {kt1}"));
        let set = |name, value: &[u8]| setting(name, &7_u64.to_be_bytes(), Some(value));
        assert_eq!(set("chain_id", &7_u64.to_be_bytes()), None);
        let told = set("chain_id", &8_u64.to_be_bytes());
        assert_eq!(told.as_deref(), Some("8, not 7"));
        assert_eq!(
            setting("chain_id", &7_u64.to_be_bytes(), None).as_deref(),
            Some("not set, instead of 7")
        );
    }

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
