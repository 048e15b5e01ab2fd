//! Nodes with a store that are killed at random points, as by a power cut of their process:
//! what they acknowledged is there, once.
//!
//! 25 times each here; `CRASHES=1000 cargo test --test cli crashes:: -- --nocapture` for more,
//! `CRASH_SEED=N` for other points in time.

use crate::support::{Folder, PROGRAM, Process, double_of_setup, node_of};
use alloy_primitives::{Address, B256, TxKind, U256, hex};
use ethereum::Transaction;
use ethereum::transaction::Eip1559;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::process::Command;
use std::time::{Duration, Instant};

/// The time in which something has to happen, with some for a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// The senders, of the devnet's mnemonic.
const SENDERS: u32 = 4;

/// The number of times that a node is killed.
fn crashes() -> u64 {
    variable("CRASHES").unwrap_or(25)
}

/// A number in the environment.
fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// A generator of numbers that are the same on every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(0x5851_f42d_4c95_7f2d)
            .wrapping_add(0x1405_7b7e_f767_814f);
        (self.0 >> 33) % sides
    }
}

fn post(url: &str, body: &Value) -> Option<Value> {
    let agent = ureq::Agent::config_builder()
        .timeout_global(Some(Duration::from_secs(20)))
        .build()
        .new_agent();
    let sent = agent.post(url).header("content-type", "application/json");
    let mut answer = sent.send(body.to_string()).ok()?;
    serde_json::from_str(&answer.body_mut().read_to_string().ok()?).ok()
}

/// The answer of a node to a call; `None`: it does not come.
fn ask(process: &Process, method: &str, params: &Value) -> Option<Value> {
    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    post(&process.url, &call)
}

/// A transfer of 1 wei.
fn transfer(account: &node::accounts::Account, chain_id: u64, nonce: u64) -> (B256, String) {
    let transfer = Transaction::DynamicFee(Eip1559 {
        chain_id,
        nonce,
        max_fee_per_gas: U256::from(100_000_000_000_u64),
        gas_limit: 30_000,
        to: TxKind::Call(Address::repeat_byte(0x42)),
        value: U256::from(1),
        ..Eip1559::default()
    });
    let signed = account.sign(transfer).expect("a key signs");
    (signed.hash, hex::encode_prefixed(signed.encode()))
}

/// Sends transfers of one sender until the node no longer answers; gives the hashes that it
/// acknowledged.
fn flood(
    url: String,
    account: node::accounts::Account,
    chain_id: u64,
) -> std::thread::JoinHandle<Vec<B256>> {
    std::thread::spawn(move || {
        let call = |method: &str, params: Value| {
            let call = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
            post(&url, &call)
        };
        let mut acknowledged = Vec::new();
        let from = json!([account.address, "pending"]);
        let Some(first) = call("eth_getTransactionCount", from) else {
            return acknowledged;
        };
        let first = first["result"].as_str().expect("a quantity");
        let first = u64::from_str_radix(first.trim_start_matches("0x"), 16).expect("a number");
        for nonce in first.. {
            let (hash, raw) = transfer(&account, chain_id, nonce);
            match call("eth_sendRawTransaction", json!([raw])) {
                Some(answer) if answer["result"] == json!(hash) => acknowledged.push(hash),
                Some(answer) => panic!("refused: {answer}"),
                None => break,
            }
        }
        acknowledged
    })
}

/// Kills a node again and again while it is flooded; then each transaction that it
/// acknowledged has a receipt, and no block has one twice.
fn killed(start: impl Fn() -> Process, chain_id: u64, seed: u64, mut levels: impl FnMut()) {
    let accounts = node::accounts::derive(SENDERS).expect("accounts");
    let seed = variable("CRASH_SEED").unwrap_or(seed);
    let (mut dice, mut acknowledged) = (Dice(seed), Vec::new());
    for crash in 0..crashes() {
        if crash > 0 && crash.is_multiple_of(25) {
            println!("{crash} crashes, {} acknowledged", acknowledged.len());
        }
        let mut process = start();
        let floods: Vec<_> = accounts
            .iter()
            .map(|account| flood(process.url.clone(), account.clone(), chain_id))
            .collect();
        let end = Instant::now() + Duration::from_millis(dice.roll(600));
        while Instant::now() < end {
            levels();
            std::thread::sleep(Duration::from_millis(1 + dice.roll(60)));
        }
        process.child.kill().expect("it runs");
        process.child.wait().expect("it ends");
        for flood in floods {
            acknowledged.extend(flood.join().expect("no refusal"));
        }
    }
    let process = start();
    println!(
        "seed {seed}: {} transactions were acknowledged in {} lives",
        acknowledged.len(),
        crashes()
    );
    for hash in &acknowledged {
        // The checks before took some time, too.
        let patience = Instant::now() + PATIENCE;
        loop {
            let answer = ask(&process, "eth_getTransactionReceipt", &json!([hash]));
            let answer = answer.expect("an answer");
            if answer["result"]["status"] == "0x1" {
                break;
            }
            assert!(Instant::now() < patience, "{hash} is lost: {answer}");
            levels();
            std::thread::sleep(Duration::from_millis(250));
        }
    }
    let newest = ask(&process, "eth_blockNumber", &json!([])).expect("an answer");
    let newest = newest["result"].as_str().expect("a quantity");
    let newest = u64::from_str_radix(newest.trim_start_matches("0x"), 16).expect("a number");
    let mut count: BTreeMap<String, u32> = BTreeMap::new();
    let mut parent = Value::Null;
    for number in 0..=newest {
        let params = json!([format!("{number:#x}"), false]);
        let answer = ask(&process, "eth_getBlockByNumber", &params).expect("an answer");
        let block = &answer["result"];
        assert!(
            parent.is_null() || block["parentHash"] == parent,
            "{number}"
        );
        parent = block["hash"].clone();
        for hash in block["transactions"].as_array().expect("a list") {
            *count.entry(hash.to_string()).or_default() += 1;
        }
    }
    for hash in &acknowledged {
        assert_eq!(count.get(&json!(hash).to_string()), Some(&1), "{hash}");
    }
    // Each pays 1 wei; one that was never acknowledged may have been executed, too.
    let paid = ask(
        &process,
        "eth_getBalance",
        &json!(["0x4242424242424242424242424242424242424242", "latest"]),
    );
    let paid = paid.expect("an answer")["result"].clone();
    assert_eq!(paid, json!(format!("{:#x}", count.len())));
}

#[test]
fn a_devnet_that_is_killed_loses_nothing_that_it_acknowledged() {
    let folder = Folder::new("crashes of a devnet");
    let start = || Process::devnet(&folder.0, &[]);
    killed(start, 1337, 3, || {});
}

#[test]
fn a_devnet_whose_blocks_come_in_time_loses_nothing_that_it_acknowledged() {
    let folder = Folder::new("crashes of a slow devnet");
    let start = || Process::devnet(&folder.0, &["--block-time", "0.1"]);
    killed(start, 1337, 5, || {});
}

/// Sends transfers and takes blocks back until the node no longer answers.
fn reorganise(url: String, account: node::accounts::Account) -> std::thread::JoinHandle<u64> {
    std::thread::spawn(move || {
        let call = |method: &str, params: Value| {
            let call = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
            post(&url, &call)
        };
        for turn in 0.. {
            let from = json!([account.address, "latest"]);
            let Some(nonce) = call("eth_getTransactionCount", from) else {
                return turn;
            };
            let nonce = quantity(&nonce["result"]);
            for nonce in nonce..nonce + 1 + turn % 3 {
                let (_, raw) = transfer(&account, 1337, nonce);
                if call("eth_sendRawTransaction", json!([raw])).is_none() {
                    return turn;
                }
            }
            let depth = 1 + turn % 2;
            match call("anvil_reorg", json!([depth, []])) {
                Some(answer) => assert!(answer.get("error").is_none(), "{answer}"),
                None => return turn,
            }
        }
        0
    })
}

fn quantity(text: &Value) -> u64 {
    let text = text.as_str().expect("a quantity");
    u64::from_str_radix(text.trim_start_matches("0x"), 16).expect("a number")
}

/// Killed in the middle of a reorganisation it goes on from before, in between or after; never
/// from a state that is not that of its blocks.
#[test]
fn a_devnet_that_is_killed_while_it_reorganises_is_whole() {
    let folder = Folder::new("crashes of a devnet that goes back");
    let account = node::accounts::derive(1).expect("accounts").remove(0);
    let (mut dice, mut turns) = (Dice(variable("CRASH_SEED").unwrap_or(11)), 0);
    for _ in 0..crashes() {
        let args = ["devnet", "--port", "0", "--data-dir", "data"];
        let mut process = Process::start(&folder.0, &args);
        let ask = |method: &str, params: Value| {
            let answer = ask(&process, method, &params).expect("an answer");
            answer["result"].clone()
        };
        let newest = quantity(&ask("eth_blockNumber", json!([])));
        let (mut parent, mut count) = (Value::Null, 0);
        for number in 0..=newest {
            let block = ask(
                "eth_getBlockByNumber",
                json!([format!("{number:#x}"), false]),
            );
            assert!(
                parent.is_null() || block["parentHash"] == parent,
                "{number}"
            );
            parent = block["hash"].clone();
            count += block["transactions"].as_array().map_or(0, Vec::len) as u64;
        }
        let sent = ask(
            "eth_getTransactionCount",
            json!([account.address, "latest"]),
        );
        assert_eq!(quantity(&sent), count);
        let receiver = Address::repeat_byte(0x42);
        let paid = ask("eth_getBalance", json!([receiver, "latest"]));
        assert_eq!(quantity(&paid), count);
        let flood = reorganise(process.url.clone(), account.clone());
        std::thread::sleep(Duration::from_millis(50 + dice.roll(400)));
        process.child.kill().expect("it runs");
        process.child.wait().expect("it ends");
        turns += flood.join().expect("no refusal");
    }
    println!("{turns} reorganisations in {} lives", crashes());
    assert!(turns > 0);
}

#[test]
fn a_node_that_is_killed_loses_nothing_that_it_acknowledged() {
    let folder = Folder::new("crashes of a node");
    let accounts = node::accounts::derive(SENDERS).expect("accounts");
    let rich = |account: &node::accounts::Account| {
        let balance = json!({ "balance": "0x3635c9adc5dea00000" });
        (account.address.to_string(), balance)
    };
    let alloc: serde_json::Map<String, Value> = accounts.iter().map(rich).collect();
    let alloc = json!({ "config": { "chainId": 421_337 }, "alloc": alloc });
    std::fs::write(folder.0.join("genesis.json"), alloc.to_string()).expect("a file");
    let genesis = Command::new(PROGRAM)
        .args(["genesis", "--alloc", "genesis.json", "-o", "setup.yaml"])
        .current_dir(&folder.0)
        .output()
        .expect("it starts");
    assert!(genesis.status.success(), "{genesis:?}");
    let double = double_of_setup(&folder.0, &[]);
    let start = || node_of(&folder.0, &double, &["--data-dir", "data"]);
    let levels = || {
        let made = ureq::post(format!("{}/double/levels?count=1", double.url)).send_empty();
        made.expect("a level");
    };
    killed(start, 421_337, 9, levels);
}
