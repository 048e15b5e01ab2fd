//! `evm-rollup govern`: what it makes is what the kernel reads and what the governance
//! contract takes; what cannot be meant is refused.

use ed25519_compact::{KeyPair, Noise, PublicKey, Seed, Signature};
use michelson::run::{Context, World};
use michelson::{Contract, Node, Type, Value, encoding};
use serde_json::Value as Json;
use std::process::{Command, Output};

const ROLLUP: &str = "sr1UX4Euo29Fd5bhmZypQffZJwy9M3A1D4Mb";
const OTHER: &str = "sr1Nztbb5igoR5wAg2Wv5aw3EHAhX6xDLpnK";
const GOVERNANCE: &str = "KT1LzC7jMi6Q4K1Sfy9CJcDAnWm8JLEE2JmZ";
const NETWORK: &str = "NetXdQprcVkpaWU";
const RECEIVER: &str = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";
const ROOT: &str = "00aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

fn govern(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_evm-rollup"))
        .arg("govern")
        .args(args)
        .output()
        .unwrap()
}

fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn made(args: &[&str]) -> Json {
    let output = govern(&[args, &["--json"]].concat());
    assert!(output.status.success(), "{args:?}: {}", errors(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Every command, and the bytes that docs/bridge.md and docs/upgrade.md tell of.
#[test]
fn payloads_are_the_lists_of_the_pages() {
    let rollup = hex::encode(&encoding::from_base58(ROLLUP, &Type::Address).unwrap()[1..21]);
    let receiver = RECEIVER[2..].to_lowercase();
    let name = |text: &str| hex::encode(text);
    for (args, payload) in [
        (
            &["upgrade", "--root", ROOT, "--at", "2100-01-01T00:00Z"][..],
            format!("eba1{ROOT}88005786f400000000"),
        ),
        (
            &["upgrade", "--root", ROOT, "--at", "now"],
            format!("eba1{ROOT}880000000000000000"),
        ),
        (
            &[
                "assign-deposit",
                "--rollup",
                ROLLUP,
                "--counter",
                "1",
                "--level",
                "200",
                "--message",
                "0",
                "--receiver",
                RECEIVER,
            ],
            format!(
                "f83d8e{}94{rollup}0181c88094{receiver}",
                name("assign-deposit")
            ),
        ),
        (
            &[
                "assign-tickets",
                "--rollup",
                ROLLUP,
                "--counter",
                "0",
                "--deposit",
                "7",
                "--receiver",
                RECEIVER,
                "--proxy",
                "none",
            ],
            format!(
                "f8508e{}94{rollup}800794{receiver}94{}",
                name("assign-tickets"),
                "00".repeat(20)
            ),
        ),
        (
            &["requeue", "--rollup", ROLLUP, "--number", "5"],
            format!("e68f{}94{rollup}05", name("requeue-message")),
        ),
    ] {
        let json = made(args);
        assert_eq!(json["payload"], format!("0x{payload}"), "{args:?}");
        // Shown, it is the same decision.
        let shown = made(&["show", &payload]);
        assert_eq!(shown["decision"], json["decision"], "{args:?}");
    }
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let deposit = |receiver: &'static str, rollup: &'static str| {
        vec![
            "assign-deposit",
            "--rollup",
            rollup,
            "--counter",
            "1",
            "--level",
            "2",
            "--message",
            "0",
            "--receiver",
            receiver,
        ]
    };
    let requeue = made(&["requeue", "--rollup", ROLLUP, "--number", "5"]);
    let requeue = requeue["payload"].as_str().unwrap();
    let signed = [
        "upgrade",
        "--root",
        ROOT,
        "--at",
        "now",
        "--rollup",
        ROLLUP,
        "--multisig",
        GOVERNANCE,
    ];
    let more = |rest: &[&'static str]| [&signed[..], rest].concat();
    for (args, word) in [
        (
            vec!["upgrade", "--root", ROOT, "--at", "2020-01-01T00:00Z"],
            "is past",
        ),
        (
            vec!["upgrade", "--root", ROOT, "--at", "soon"],
            "not a time",
        ),
        (
            vec!["upgrade", "--root", &ROOT[2..], "--at", "now"],
            "not a root hash",
        ),
        (
            vec!["upgrade", "--root", "01", "--at", "now"],
            "not a root hash",
        ),
        (
            vec![
                "upgrade",
                "--root",
                ROOT,
                "--at",
                "now",
                "--preimages",
                "nowhere",
            ],
            "nowhere",
        ),
        (
            deposit("0x0000000000000000000000000000000000000000", ROLLUP),
            "zero address",
        ),
        (deposit(GOVERNANCE, ROLLUP), "not an account of the rollup"),
        (deposit(RECEIVER, GOVERNANCE), "a contract; expected sr1"),
        (vec!["requeue", "--number", "5"], "which rollup"),
        (vec!["show", "c0"], "would refuse"),
        (vec!["show", "xyz"], "not hex"),
        (vec!["show", requeue, "--rollup", OTHER], "another rollup"),
        (
            more(&["--nonce", "0", "--expires", "2100-01-01T00:00Z"]),
            "--network",
        ),
        (
            more(&["--network", NETWORK, "--expires", "2100-01-01T00:00Z"]),
            "--nonce",
        ),
        (more(&["--network", NETWORK, "--nonce", "0"]), "--expires"),
        (
            more(&[
                "--network",
                NETWORK,
                "--nonce",
                "0",
                "--expires",
                "2020-01-01T00:00Z",
            ]),
            "expired",
        ),
        (
            more(&[
                "--network",
                "NetX",
                "--nonce",
                "0",
                "--expires",
                "2100-01-01T00:00Z",
            ]),
            "--network NetX",
        ),
        (
            more(&[
                "--network",
                NETWORK,
                "--nonce",
                "0",
                "--expires",
                "2100-01-01T00:00Z",
                "--signature",
                "edpk=edsig",
            ]),
            "is not a key",
        ),
        (
            vec![
                "requeue", "--rollup", ROLLUP, "--number", "5", "--nonce", "1",
            ],
            "--multisig",
        ),
        (
            vec![
                "requeue",
                "--rollup",
                ROLLUP,
                "--number",
                "5",
                "--send",
                "--url",
                "http://127.0.0.1:9",
            ],
            "no devnet",
        ),
        // One that is sent is meant for the rollup that is asked.
        (
            vec![
                "settings",
                "base_fee_floor=2000000000",
                "--send",
                "--url",
                "http://127.0.0.1:9",
            ],
            "no devnet",
        ),
        (
            vec!["settings", "base_fee_floor=2000000000"],
            "evm-rollup l1 info",
        ),
    ] {
        let output = govern(&args);
        assert!(!output.status.success(), "{args:?} passes");
        assert!(
            errors(&output).contains(word),
            "{args:?}: {}",
            errors(&output)
        );
    }
}

#[test]
fn what_is_odd_is_warned_of() {
    let unseen = govern(&["upgrade", "--root", ROOT, "--at", "now"]);
    assert!(errors(&unseen).contains("warning: what the pages hold"));
    let far = govern(&["upgrade", "--root", ROOT, "--at", "2100-01-01T00:00Z"]);
    assert!(errors(&far).contains("calls off an upgrade"));
}

/// A signature of something else would make the contract refuse all of them.
#[test]
fn a_signature_of_another_decision_is_refused() {
    let key = KeyPair::from_seed(Seed::new([1; 32]));
    let at = |nonce: &'static str| {
        vec![
            "requeue",
            "--rollup",
            ROLLUP,
            "--number",
            "5",
            "--multisig",
            GOVERNANCE,
            "--network",
            NETWORK,
            "--nonce",
            nonce,
            "--expires",
            "2100-01-01T00:00Z",
        ]
    };
    let json = made(&at("4"));
    let bytes = json["multisig"]["sign"].as_str().unwrap();
    let hash = messages::hash::blake2b_256(&hex::decode(&bytes[2..]).unwrap());
    let signature = key.sk.sign(hash, None::<Noise>);
    let whole = [&[0x09, 0xf5, 0xcd, 0x86, 0x12], &signature[..]].concat();
    let edsig = bs58::encode(whole).with_check().into_string();
    let edpk = encoding::to_base58(&[&[0], &key.pk[..]].concat(), &Type::Key);
    let pair = format!("{edpk}={edsig}");
    made(&[&at("4")[..], &["--signature", &pair]].concat());
    let other_key = "edpkuBknW28nW72KG6RoHtYW7p12T6GKc7nAbwYX5m8Wd9sDVC9yav";
    for (nonce, pair) in [("5", pair), ("4", format!("{other_key}={edsig}"))] {
        let refused = govern(&[&at(nonce)[..], &["--signature", &pair]].concat());
        assert_eq!(refused.status.code(), Some(2));
        let said = errors(&refused);
        assert!(
            said.contains("is not a signature of this decision"),
            "{said}"
        );
    }
}

/// Layer 1 as far as the governance contract asks.
struct Layer1;

impl World for Layer1 {
    fn takes(&self, address: &[u8], ty: &Type) -> bool {
        let rollup = encoding::from_base58(ROLLUP, &Type::Address).unwrap();
        let parameters = "or (or (pair bytes (ticket (pair nat (option bytes)))) bytes) bytes";
        address == rollup && *ty == Type::parse(parameters).unwrap()
    }

    fn is_signed(&self, key: &[u8], signature: &[u8], message: &[u8]) -> bool {
        let key = PublicKey::from_slice(&key[1..]).unwrap();
        let signature = Signature::from_slice(signature).unwrap();
        key.verify(messages::hash::blake2b_256(message), &signature)
            .is_ok()
    }
}

/// From options to signatures to a call that the contract takes, and what it sends.
#[test]
fn keys_sign_what_the_contract_checks() {
    let options = [
        "upgrade",
        "--root",
        ROOT,
        "--at",
        "now",
        "--rollup",
        ROLLUP,
        "--multisig",
        GOVERNANCE,
        "--network",
        NETWORK,
        "--nonce",
        "4",
        "--expires",
        "2100-01-01T00:00Z",
    ];
    let unsigned = made(&options);
    let bytes = unsigned["multisig"]["sign"].as_str().unwrap();
    let bytes = hex::decode(bytes.trim_start_matches("0x")).unwrap();
    assert!(unsigned["multisig"]["parameter"].is_null());

    let keys = [1, 2].map(|seed| KeyPair::from_seed(Seed::new([seed; 32])));
    let binary = |key: &KeyPair| [&[0], &key.pk[..]].concat();
    let base58 = |prefix: &[u8], bytes: &[u8]| {
        bs58::encode([prefix, bytes].concat())
            .with_check()
            .into_string()
    };
    let mut args: Vec<String> = options.iter().map(|one| (*one).to_owned()).collect();
    for key in &keys {
        let signature = key
            .sk
            .sign(messages::hash::blake2b_256(&bytes), None::<Noise>);
        let edpk = encoding::to_base58(&binary(key), &Type::Key);
        let edsig = base58(&[0x09, 0xf5, 0xcd, 0x86, 0x12], &signature[..]);
        args.extend(["--signature".into(), format!("{edpk}={edsig}")]);
    }
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let signed = made(&args);
    let parameter = Node::from_json(&signed["multisig"]["parameter"]).unwrap();

    let script = include_str!("../../contracts/layer1/governance.tz");
    let contract = Contract::parse(script).unwrap();
    let argument = encoding::read(&parameter, &contract.entrypoint("default").unwrap()).unwrap();
    let set = keys.iter().map(|key| Value::Bytes(binary(key))).collect();
    let storage = Value::pair(Value::Int(4), Value::pair(Value::Int(2), Value::Set(set)));
    let network = encoding::from_base58(NETWORK, &Type::ChainId).unwrap();
    let context = Context {
        own: encoding::from_base58(GOVERNANCE, &Type::Address).unwrap(),
        sender: vec![0; 22],
        amount: 0,
        now: 1_000,
        chain_id: network.try_into().unwrap(),
    };
    let called = contract
        .call(("default", argument), storage, &context, &Layer1)
        .unwrap();
    let payload = hex::decode(&signed["payload"].as_str().unwrap()[2..]).unwrap();
    assert_eq!(called.transfers.len(), 1);
    let sent = &called.transfers[0].parameter;
    assert_eq!(*sent, Value::right(Value::Bytes(payload)));
}
