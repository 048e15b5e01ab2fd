//! The pages of `evm-rollup node` in front of a rollup: names by `--abis`, what was dropped, how
//! transactions came, and files that prove them.

use crate::support::{Folder, Process, command, double, kernel, node_of, stdout, until};
use alloy_primitives::{Address, Bytes, TxKind, U256, hex, keccak256};
use e2e_tests::User;
use ethereum::SignedTransaction;
use serde_json::{Value, json};
use std::path::Path;

/// The chain's number, as the setup of the double says.
const CHAIN: u64 = 421_337;

/// A node in front of a rollup.
struct Pages {
    node: Process,
}

impl Pages {
    fn start(folder: &Path, double: &Process, more: &[&str]) -> Self {
        let node = node_of(folder, double, more);
        Self { node }
    }

    /// The answer at a path: status, `Location`, bytes.
    fn answer(&self, path: &str) -> (u16, String, Vec<u8>) {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .build()
            .into();
        let url = format!("{}{path}", self.node.url);
        let mut answer = agent.get(url).call().unwrap();
        let location = answer.headers().get("location");
        let location = location
            .map_or("", |value| value.to_str().unwrap())
            .to_owned();
        let status = answer.status().as_u16();
        (status, location, answer.body_mut().read_to_vec().unwrap())
    }

    /// A page that is there, and is ours.
    fn page(&self, path: &str) -> String {
        let (status, _, bytes) = self.answer(path);
        let text = String::from_utf8(bytes).unwrap();
        assert_eq!(status, 200, "{path}: {text}");
        assert!(text.len() <= 100_000, "{path}: {} bytes", text.len());
        assert_eq!(page::fuzzing::stranger(&text), None, "{path}");
        text
    }

    /// A page with all of these.
    fn has(&self, path: &str, all: &[&str]) -> String {
        let text = self.page(path);
        for expected in all {
            assert!(text.contains(expected), "{path}, {expected}: {text}");
        }
        text
    }

    fn send(&self, signed: &SignedTransaction) {
        let raw = hex::encode_prefixed(signed.encode());
        let sent = self.node.call("eth_sendRawTransaction", &json!([raw]));
        assert_eq!(sent["result"], json!(signed.hash), "{sent}");
    }

    fn receipt(&self, hash: &Value) -> Value {
        let receipt = self.node.call("eth_getTransactionReceipt", &json!([hash]));
        receipt["result"].clone()
    }
}

/// The code that an artefact of ours deploys.
fn initcode(name: &str) -> Bytes {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../solidity_fixtures/artifacts");
    let text = std::fs::read_to_string(file.join(format!("{name}.json"))).unwrap();
    let artefact: Value = serde_json::from_str(&text).unwrap();
    let code = artefact["bytecode"].as_str().unwrap();
    hex::decode(code).unwrap().into()
}

/// Puts artefacts into a folder, one of them with sources.
fn artefacts(folder: &Path) {
    std::fs::create_dir(folder).unwrap();
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../solidity_fixtures/artifacts");
    for name in ["Counter", "Errors"] {
        let text = std::fs::read_to_string(from.join(format!("{name}.json"))).unwrap();
        let mut artefact: Value = serde_json::from_str(&text).unwrap();
        artefact["sources"] = json!({ format!("{name}.sol"): format!("contract {name} {{}} // as the operator has it") });
        std::fs::write(folder.join(format!("{name}.json")), artefact.to_string()).unwrap();
    }
}

/// A contract that the operator's artefacts know, a transaction in pieces, and one that the kernel
/// drops; then the node is started again.
#[test]
fn what_a_node_in_front_of_a_rollup_shows() {
    let folder = Folder::new("follower page");
    artefacts(&folder.0.join("abis"));
    let double = double(&folder.0);
    let store = ["--data-dir", "data", "--abis", "abis"];
    let mut pages = Pages::start(&folder.0, &double, &store);
    let mut user = User::new("follower page");
    let deposit = json!({ "routing": user.address, "mutez": 50_000_000 });
    double.post("/double/deposit", &deposit);
    let level = || double.post("/double/levels?count=1", &json!({}));
    level();
    until("the deposit is there", || {
        let balance = pages
            .node
            .call("eth_getBalance", &json!([user.address, "latest"]));
        balance["result"] == json!(U256::from(50) * U256::from(10).pow(U256::from(18)))
    });
    let settled = |pages: &Pages, signed: &SignedTransaction| {
        pages.send(signed);
        until("it is in a block", || {
            level();
            !pages.receipt(&json!(signed.hash)).is_null()
        });
        pages.receipt(&json!(signed.hash))
    };

    // A contract: known by its code, though nobody said its address.
    let create = user.send(
        CHAIN,
        TxKind::Create,
        U256::ZERO,
        initcode("Counter"),
        3_000_000,
    );
    let counter = settled(&pages, &create)["contractAddress"].clone();
    let counter = counter.as_str().unwrap();
    pages.has(
        &format!("/address/{counter}"),
        &["Contract <q>Counter</q>", "✓ its code matches", "/source\""],
    );
    pages.has(
        &format!("/address/{counter}/source"),
        &["✓ its code matches", "as the operator has it"],
    );
    pages.has(
        &format!("/address/{counter}/contract"),
        &["By the ABI of <q>Counter</q>"],
    );
    pages.has("/abis", &["Errors", "--abis DIR"]);

    // A call that fails with an error of those artefacts.
    let create = user.send(
        CHAIN,
        TxKind::Create,
        U256::ZERO,
        initcode("Errors"),
        3_000_000,
    );
    let errors = settled(&pages, &create)["contractAddress"].clone();
    let errors: Address = errors.as_str().unwrap().parse().unwrap();
    let mut input = keccak256("fail(uint256,uint256)")[..4].to_vec();
    input.extend(U256::from(2).to_be_bytes::<32>());
    input.extend(U256::from(1).to_be_bytes::<32>());
    let failing = user.send(
        CHAIN,
        TxKind::Call(errors),
        U256::ZERO,
        input.into(),
        300_000,
    );
    assert_eq!(settled(&pages, &failing)["status"], "0x0");
    pages.has(
        &format!("/tx/{}", failing.hash),
        &["✗ It failed", "fail(uint256,uint256)", "a reason"],
    );

    // One in pieces, with all messages that brought it; its witness proves it.
    let long = Bytes::from(vec![7; 9_000]);
    let to = TxKind::Call(Address::repeat_byte(5));
    let long = user.send(CHAIN, to, U256::ZERO, long, 1_000_000);
    settled(&pages, &long);
    let path = format!("/tx/{}", long.hash);
    let text = pages.has(&path, &["announcement", "piece 3 of 3", "/witness\""]);
    let links = text.split("href=\"/level/").skip(1);
    let messages = links.map(|link| link.split('"').next().unwrap());
    let messages: Vec<&str> = messages.filter(|link| link.contains("/message/")).collect();
    assert_eq!(messages.len(), 4, "{text}");
    for message in messages {
        pages.has(
            &format!("/level/{message}"),
            &[&format!("/tx/{}", long.hash)],
        );
    }
    let (status, _, witness) = pages.answer(&format!("{path}/witness"));
    assert_eq!(status, 200, "{}", String::from_utf8_lossy(&witness));
    let file = folder.path("long.witness");
    std::fs::write(&file, witness).unwrap();
    let checked = command(&["check", &file, "--kernel", &kernel("evm_kernel.wasm")]);
    assert!(checked.status.success(), "{checked:?}");
    assert!(
        stdout(&checked).contains(&long.hash.to_string()),
        "{checked:?}"
    );
    let (status, _, proof) = pages.answer(&format!("/address/{counter}/proof?slots=0x0"));
    let proof: Value = serde_json::from_slice(&proof).unwrap();
    assert_eq!(
        (status, proof["storageProof"].as_array().unwrap().len()),
        (200, 1)
    );

    // One that somebody gives to the rollup node though its nonce is another: the kernel drops it.
    user.nonce += 100;
    let early = user.send(CHAIN, to, U256::ZERO, Bytes::new(), 21_000);
    let rollup = pages.node.call("rollup_status", &json!([]))["result"]["rollup"].clone();
    let rollup = messages::address::rollup(rollup.as_str().unwrap()).unwrap();
    let posted = node::encode::messages(&rollup, &early.encode());
    let posted: Vec<String> = posted
        .iter()
        .map(|message| hex::encode(&message[1..]))
        .collect();
    double.post("/local/batcher/injection", &json!(posted));
    let hash = json!(early.hash);
    until("the kernel has dropped it", || {
        level();
        !pages.node.call("rollup_getDropped", &json!([hash]))["result"].is_null()
    });
    let told = |pages: &Pages| {
        pages.has("/dropped", &[&format!("/tx/{}", early.hash)]);
        let (status, location, _) = pages.answer(&format!("/search?q={}", early.hash));
        assert_eq!((status, location), (303, format!("/tx/{}", early.hash)));
        pages.has(
            &format!("/tx/{}", early.hash),
            &[
                "It is in no block",
                "dropped by the kernel, which said: <strong>",
            ],
        );
    };
    told(&pages);
    // What is of layer 1 is another node's to tell.
    pages.has(
        "/layer1/tz1KqTpEZ7Yob7QbPE4Hy4Wo8fHG8LhKxZSx",
        &["knows nothing of accounts of layer 1"],
    );
    pages.node.signal("TERM");
    assert_eq!(pages.node.ended(), Some(0));
    let again = Pages::start(&folder.0, &double, &store);
    told(&again);
    again.has(&format!("/address/{counter}"), &["Contract <q>Counter</q>"]);
}

/// Without a folder there is no link to a witness that could not be had.
#[test]
fn a_node_without_a_folder_says_why_it_has_no_witness() {
    let folder = Folder::new("follower page, no folder");
    let double = double(&folder.0);
    let pages = Pages::start(&folder.0, &double, &[]);
    let mut user = User::new("follower page, no folder");
    let deposit = json!({ "routing": user.address, "mutez": 50_000_000 });
    double.post("/double/deposit", &deposit);
    double.post("/double/levels?count=1", &json!({}));
    until("the deposit is there", || {
        let balance = pages
            .node
            .call("eth_getBalance", &json!([user.address, "latest"]));
        balance["result"] != "0x0"
    });
    let to = TxKind::Call(Address::repeat_byte(5));
    let signed = user.send(CHAIN, to, U256::ZERO, Bytes::new(), 21_000);
    pages.send(&signed);
    until("it is in a block", || {
        double.post("/double/levels?count=1", &json!({}));
        !pages.receipt(&json!(signed.hash)).is_null()
    });
    let text = pages.has(&format!("/tx/{}", signed.hash), &["--data-dir"]);
    assert!(!text.contains("/witness\""), "{text}");
}
