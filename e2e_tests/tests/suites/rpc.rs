//! The conformance files of execution-apis, as far as they apply: the state
//! after the chain's last block is our genesis, the chain itself is not ours.

use alloy_primitives::{U256, hex, keccak256};
use e2e_tests::suites;
use node::Options;
use node::genesis::Genesis;
use node::proofs::Proofs;
use node::rpc::params::Params;
use pvm::Durable;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use storage::Account;
use storage::layout::{ACCOUNTS, SLOTS};
use storage::table::Value as _;

const STATE: &str = "replay-states/state-at-54.json";

/// Files that ask for what we do not have, and why not.
const SKIPPED: [(&str, &str); 9] = [
    ("eth_getProof/", "a test of their own below"),
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

struct Files<'a>(BTreeMap<&'a str, &'a [u8]>);

impl<'a> Files<'a> {
    fn new(files: &'a suites::Files) -> Self {
        let files = files.iter().map(|(path, bytes)| {
            let path = path.strip_prefix("rpc-compat/").unwrap_or(path);
            (path, bytes.as_slice())
        });
        Self(files.collect())
    }

    fn text(&self, path: &str) -> String {
        String::from_utf8(self.0[path].to_vec()).expect("text")
    }
}

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

pub(crate) fn answers_are_those_of_the_conformance_files(files: &suites::Files) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(compare_answers(&Files::new(files)));
}

async fn compare_answers(files: &Files<'_>) {
    let text = |path: &str| files.text(path);
    let state: Value = serde_json::from_str(&text(STATE)).expect("JSON");
    let mut file: Map<String, Value> = serde_json::from_str(&text("genesis.json")).expect("JSON");
    file.insert("alloc".into(), state["alloc"].clone());
    let mut genesis = Genesis::from_json(&Value::Object(file).to_string()).expect("a genesis");
    genesis.config.base_fee_floor = 7;
    let kernel = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../target/kernel/evm_kernel.wasm"
    );
    let mut options = Options::new(kernel);
    options.chain_id = genesis.config.chain_id;
    options.genesis = genesis;
    let devnet = node::devnet(options).await.expect("the devnet starts");
    let manifest = text("MANIFEST.tsv");
    let mut files: Vec<&str> = manifest.lines().skip(1).collect();
    // What changes the state comes last.
    files.sort_by_key(|line| line.starts_with("eth_send"));
    let (mut passed, mut wrong) = (0, Vec::new());
    let mut skipped: BTreeMap<&str, usize> = BTreeMap::new();
    for line in files {
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
            let params = request["params"].as_array().cloned().unwrap_or_default();
            let actual = node::rpc::call(devnet.miner(), method, Params::new(params)).await;
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
        println!("not compared: {count} files: {why}");
    }
    assert!(
        wrong.is_empty(),
        "{passed} answers fit, these do not:\n{}",
        wrong.join("\n")
    );
    assert!(passed > 30, "{passed} answers");
}

/// Durable storage with these accounts, those that are empty included.
fn durable(genesis: &Genesis) -> Durable {
    let mut durable = Durable::new();
    for (address, account) in &genesis.alloc {
        let code_hash = keccak256(&account.code);
        let stored = Account {
            nonce: account.nonce,
            balance: account.balance,
            code_hash,
        };
        let path = ACCOUNTS.path(address).expect("a path");
        durable.write(path, stored.encode()).expect("written");
        for (slot, value) in account.storage.iter().filter(|(_, value)| !value.is_zero()) {
            let path = SLOTS.path(&(*address, *slot)).expect("a path");
            durable.write(path, value.encode()).expect("written");
        }
    }
    durable
}

pub(crate) fn roots_and_proofs_are_those_of_the_conformance_chain(files: &suites::Files) {
    let files = Files::new(files);
    let proofs = Proofs::default();
    let mut newest = Durable::new();
    // From one state to the next, and back to the first.
    for number in [41, 44, 47, 54, 41, 54] {
        let text = files.text(&format!("replay-states/state-at-{number}.json"));
        let state: Value = serde_json::from_str(&text).expect("JSON");
        newest = durable(&Genesis::from_json(&text).expect("accounts"));
        let root = proofs.root(&newest).expect("a root");
        assert_eq!(state["stateRoot"], root.to_string(), "block {number}");
    }
    let hex = |nodes: &[Vec<u8>]| json!(nodes.iter().map(hex::encode_prefixed).collect::<Vec<_>>());
    for name in ["blockhash", "latest", "with-storage"] {
        let path = format!("eth_getProof/get-account-proof-{name}.io");
        for (request, answer) in calls(&files.text(&path)) {
            let word = |value: &Value| {
                value
                    .as_str()
                    .expect("text")
                    .parse::<U256>()
                    .expect("a slot")
            };
            let address = request["params"][0]
                .as_str()
                .expect("text")
                .parse()
                .expect("an address");
            let slots: Vec<U256> = request["params"][1]
                .as_array()
                .expect("slots")
                .iter()
                .map(word)
                .collect();
            let proof = proofs.prove(&newest, &address, &slots).expect("a proof");
            assert_eq!(
                hex(&proof.nodes),
                answer["result"]["accountProof"],
                "{path}"
            );
            assert_eq!(
                answer["result"]["storageHash"],
                proof.storage_root.to_string()
            );
            for (index, (value, nodes)) in proof.slots.iter().enumerate() {
                let expected = &answer["result"]["storageProof"][index];
                assert_eq!(
                    (*value, hex(nodes)),
                    (word(&expected["value"]), expected["proof"].clone())
                );
            }
        }
    }
}
