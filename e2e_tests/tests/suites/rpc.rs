//! The recorded cases of execution-apis: all of them with the suites, a sample that is kept
//! here without.

use alloy_primitives::{U256, hex, keccak256};
use conformance::rpc_compat::{self, Files};
use e2e_tests::suites;
use node::genesis::Genesis;
use node::proofs::Proofs;
use pvm::Durable;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use storage::Account;
use storage::layout::{ACCOUNTS, SLOTS};
use storage::table::Value as _;

/// The sample.
const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../conformance/rpc_compat");

/// The cases that are not answered as recorded, by the start of their path, and why.
const DIFFERENT: &[(&str, &str)] = &[
    ("debug_getRaw", "bytes with a header of the chain's own"),
    (
        "eth_getBlockByHash/get-block-by-hash",
        "a header from before London",
    ),
    (
        "eth_getBlockByNumber/get-block-london-fork",
        "a header from before Cancun",
    ),
    (
        "eth_getBlockByNumber/get-block-merge-fork",
        "a header from before Cancun",
    ),
    (
        "eth_getBlockByNumber/get-block-cancun-fork",
        "a header from before Prague",
    ),
    (
        "eth_getBlockByNumber/get-block-prague-fork",
        "a block with blobs",
    ),
    ("eth_getBlockReceipts/", "the gas of an older fork"),
    (
        "eth_getTransactionReceipt/get-legacy-contract",
        "the gas of an older fork",
    ),
    ("eth_getTransactionByHash/get-blob-tx", "no blobs"),
    (
        "eth_getLogs/contract-addr",
        "the gas of an older fork: a contract logs for as long as its gas lasts",
    ),
];

/// Files by their path below the suite.
fn named(files: &suites::Files) -> Files {
    let named = files.iter().map(|(path, bytes)| {
        let path = path.strip_prefix("rpc-compat/").unwrap_or(path);
        (path.to_owned(), bytes.clone())
    });
    named.collect()
}

fn text(files: &Files, path: &str) -> String {
    String::from_utf8(files[path].clone()).expect("text")
}

/// A file's calls with the answers that are expected.
fn calls(text: &str) -> Vec<(Value, Value)> {
    let lines = |mark: &'static str| {
        let lines = text.lines().filter_map(move |line| line.strip_prefix(mark));
        lines.map(|line| serde_json::from_str(line).expect("JSON"))
    };
    lines(">> ").zip(lines("<< ")).collect()
}

/// Runs the cases; those that do not pass are known, each with its reason.
fn run(files: &Files) -> rpc_compat::RpcCaseOutcome {
    let kernel = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../target/kernel/evm_kernel.wasm"
    );
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let outcome = runtime.block_on(rpc_compat::run(files, Path::new(kernel)));
    let outcome = outcome.expect("the chain is replayed");
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut wrong = Vec::new();
    for failure in &outcome.failed {
        let known = DIFFERENT
            .iter()
            .find(|(start, _)| failure.path.starts_with(start));
        let known = known.map(|(_, why)| *why);
        match rpc_compat::impossible(&failure.path).or(known) {
            Some(why) => {
                println!("{}", failure.why.chars().take(240).collect::<String>());
                *counts.entry(why).or_default() += 1;
            }
            None => wrong.push(failure.why.clone()),
        }
    }
    println!(
        "{} of {} cases pass; {} transactions replayed, {} left out",
        outcome.passed.len(),
        outcome.passed.len() + outcome.failed.len(),
        outcome.replayed,
        outcome.left_out.len()
    );
    let mut left_out: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, why) in &outcome.left_out {
        *left_out.entry(why).or_default() += 1;
    }
    for (why, count) in left_out {
        println!("left out: {count}: {why}");
    }
    for (why, count) in counts {
        println!("not passed: {count}: {why}");
    }
    assert!(wrong.is_empty(), "these do not fit:\n{}", wrong.join("\n"));
    outcome
}

pub(crate) fn answers_are_those_of_the_conformance_files(files: &suites::Files) {
    let outcome = run(&named(files));
    let all = outcome.passed.len() + outcome.failed.len();
    assert!(
        outcome.passed.len() + 14 >= all,
        "{} of {all}",
        outcome.passed.len()
    );
}

pub(crate) fn answers_are_those_of_the_sample() {
    let mut files = Files::new();
    let mut folders = vec![Path::new(SAMPLE).to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path
                .strip_prefix(SAMPLE)
                .expect("below")
                .display()
                .to_string();
            files.insert(name, std::fs::read(path).expect("a file"));
        }
    }
    let outcome = run(&files);
    assert!(outcome.passed.len() >= 50, "{}", outcome.passed.len());
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
    let files = &named(files);
    let proofs = Proofs::default();
    let mut newest = Durable::new();
    // From one state to the next, and back to the first.
    for number in [41, 44, 47, 54, 41, 54] {
        let json = text(files, &format!("replay-states/state-at-{number}.json"));
        let state: Value = serde_json::from_str(&json).expect("JSON");
        newest = durable(&rpc_compat::genesis(&json).expect("accounts"));
        let root = proofs.root(&newest).expect("a root");
        assert_eq!(state["stateRoot"], root.to_string(), "block {number}");
    }
    let hex = |nodes: &[Vec<u8>]| json!(nodes.iter().map(hex::encode_prefixed).collect::<Vec<_>>());
    for name in ["blockhash", "latest", "with-storage"] {
        let path = format!("eth_getProof/get-account-proof-{name}.io");
        for (request, answer) in calls(&text(files, &path)) {
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
