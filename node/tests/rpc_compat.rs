//! The conformance files of execution-apis, as far as they apply: the state
//! after the chain's last block is our genesis, the chain itself is not ours.

mod common;
#[allow(dead_code, reason = "not all of it is used here")]
#[path = "../../ethereum/tests/suites/mod.rs"]
mod suites;

use common::{devnet, try_call};
use node::genesis::Genesis;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

const STATE: &str = "replay-states/state-at-54.json";

/// Files that ask for what we do not have, and why not.
const SKIPPED: [(&str, &str); 8] = [
    ("eth_simulateV1/", "not offered"),
    ("testing_", "not offered"),
    (
        "eth_config/",
        "not offered: a rollup's forks are its configuration",
    ),
    ("debug_", "blocks and traces of a chain that is not ours"),
    ("eth_blockNumber/", "the height of a chain that is not ours"),
    (
        "eth_getBlockReceipts/get-block-receipts-empty",
        "a block of a chain that is not ours",
    ),
    (
        "eth_getBlockTransactionCountByNumber/",
        "a block of a chain that is not ours",
    ),
    ("eth_baseFee/", "the fee of a chain that is not ours"),
];

/// A file's calls with the answers that are expected.
fn calls(text: &str) -> Vec<(Value, Value)> {
    let lines = |mark: &'static str| {
        let lines = text.lines().filter_map(move |line| line.strip_prefix(mark));
        lines.map(|line| serde_json::from_str(line).expect("JSON"))
    };
    lines(">> ").zip(lines("<< ")).collect()
}

/// Whether `actual` has the shape of `expected`: the same fields with values of
/// the same kinds.
fn same_shape(expected: &Value, actual: &Value) -> bool {
    match (expected, actual) {
        (Value::Object(expected), Value::Object(actual)) => {
            let fits = |(name, value): (&String, &Value)| {
                actual
                    .get(name)
                    .is_some_and(|actual| same_shape(value, actual))
            };
            expected.len() == actual.len() && expected.iter().all(fits)
        }
        (Value::Array(expected), Value::Array(actual)) => expected
            .iter()
            .zip(actual)
            .all(|(expected, actual)| same_shape(expected, actual)),
        (Value::String(expected), Value::String(actual)) => {
            expected.starts_with("0x") == actual.starts_with("0x")
        }
        (expected, actual) => std::mem::discriminant(expected) == std::mem::discriminant(actual),
    }
}

#[tokio::test]
async fn answers_are_those_of_the_conformance_files() {
    let Some(files) = suites::open("open-rpc-compat.tar.zst") else {
        return;
    };
    let files: BTreeMap<String, Vec<u8>> = files
        .into_iter()
        .map(|(path, bytes)| (path.trim_start_matches("rpc-compat/").to_owned(), bytes))
        .collect();
    let text = |path: &str| String::from_utf8(files[path].clone()).expect("text");
    let state: Value = serde_json::from_str(&text(STATE)).expect("JSON");
    let mut file: Map<String, Value> = serde_json::from_str(&text("genesis.json")).expect("JSON");
    file.insert("alloc".into(), state["alloc"].clone());
    let mut genesis = Genesis::from_json(&Value::Object(file).to_string()).expect("a genesis");
    genesis.config.base_fee_floor = 7;
    let devnet = devnet(|options| {
        options.chain_id = genesis.config.chain_id;
        options.genesis = genesis;
    })
    .await;
    let Some(devnet) = devnet else { return };
    let manifest = text("MANIFEST.tsv");
    let (mut passed, mut wrong) = (0, Vec::new());
    let mut skipped: BTreeMap<&str, usize> = BTreeMap::new();
    for line in manifest.lines().skip(1) {
        let (path, class) = line.split_once('\t').expect("two columns");
        let known = SKIPPED.iter().find(|(prefix, _)| path.starts_with(prefix));
        let class = &class[..1];
        if let Some(why) = known.map(|(_, why)| *why).or_else(|| {
            (!matches!(class, "V" | "E" | "S")).then_some("hashes of a chain that is not ours")
        }) {
            *skipped.entry(why).or_default() += 1;
            continue;
        }
        for (request, expected) in calls(&text(path)) {
            let method = request["method"].as_str().expect("a method");
            let params = request
                .get("params")
                .cloned()
                .unwrap_or_else(|| Value::Array(Vec::new()));
            let actual = try_call(&devnet, method, params).await;
            let fits = match (&expected["result"], &actual) {
                (Value::Null, Err(error)) if !expected["error"].is_null() => {
                    expected["error"]["code"] == error.code
                        && expected["error"].get("data") == error.data.as_ref()
                }
                (expected, Ok(actual)) if class == "S" => same_shape(expected, actual),
                (result, Ok(actual)) if expected["error"].is_null() => result == actual,
                _ => false,
            };
            if fits {
                passed += 1;
            } else {
                wrong.push(format!(
                    "{path}\n  expected {expected}\n  actual   {actual:?}"
                ));
            }
        }
    }
    for (why, count) in skipped {
        eprintln!("SKIPPED: {count} files: {why}");
    }
    assert!(
        wrong.is_empty(),
        "{passed} answers fit, these do not:\n{}",
        wrong.join("\n")
    );
    assert!(passed > 30, "{passed} answers");
}
