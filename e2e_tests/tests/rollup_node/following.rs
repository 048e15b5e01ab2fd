//! Following, serving and posting where nothing goes wrong.

use alloy_primitives::{Address, TxKind, U256, hex};
use e2e_tests::followed::{CHAIN_ID, Lab, call, level_with, number, settle, until};
use node::follower::{FollowError, Origin};
use node::rpc::params::Params;
use serde_json::{Value, json};

const RECEIVER: Address = Address::repeat_byte(0x43);

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_and_a_deposit_go_through_the_rollup() {
    let mut lab = Lab::new("transfer", 1, |_| {}).await;
    let node = lab.node().await;
    assert_eq!(number(&node, "eth_chainId", json!([])).await, CHAIN_ID);
    let (hash, raw) = lab.transfer(0);
    assert_eq!(
        call(&node, "eth_sendRawTransaction", json!([raw])).await,
        json!(hash)
    );
    until("the batcher has it", async || lab.double.waiting() > 0).await;
    let receipt = call(&node, "eth_getTransactionReceipt", json!([hash])).await;
    assert!(receipt.is_null(), "no level has it yet: {receipt}");
    lab.deposit(RECEIVER, 5);
    lab.double.levels(1).unwrap();
    level_with(&node, &lab.double).await;
    let receipt = call(&node, "eth_getTransactionReceipt", json!([hash])).await;
    assert_eq!(receipt["status"], "0x1");
    let balance = call(&node, "eth_getBalance", json!([RECEIVER, "latest"])).await;
    assert_eq!(balance, json!(U256::from(5_000_000_000_000_u64)));
    let waiting = call(&node, "txpool_status", json!([])).await;
    assert_eq!(waiting, json!({ "pending": "0x0", "queued": "0x0" }));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_transactions_of_many_senders_are_included_once_each() {
    let mut lab = Lab::new("many", 5, |_| {}).await;
    let node = lab.node().await;
    let mut hashes = Vec::new();
    for round in 0..3 {
        for user in 0..5 {
            for _ in 0..4 {
                let (hash, raw) = lab.transfer(user);
                call(&node, "eth_sendRawTransaction", json!([raw])).await;
                hashes.push(hash);
            }
        }
        lab.double.levels(1 + round % 2).unwrap();
    }
    settle(&lab, &node, &hashes).await;
    for user in &lab.users {
        let next = json!([user.address, "latest"]);
        assert_eq!(number(&node, "eth_getTransactionCount", next).await, 12);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn safe_and_finalized_are_what_layer_1_says() {
    let lab = Lab::new("final", 1, |options| {
        options.finality = 3;
        options.parameters.commitment_period = 4;
        options.parameters.challenge_window = 6;
    })
    .await;
    let node = lab.node().await;
    let tag = async |tag: &str| {
        let block = call(&node, "eth_getBlockByNumber", json!([tag, false])).await;
        u64::from_str_radix(
            block["number"].as_str().unwrap().trim_start_matches("0x"),
            16,
        )
        .unwrap()
    };
    lab.double.levels(20).unwrap();
    level_with(&node, &lab.double).await;
    // A level makes one block here; the first made block 0.
    until("finality is known", async || tag("safe").await == 17).await;
    assert_eq!(tag("latest").await, 20);
    let finalized = tag("finalized").await;
    assert!((8..17).contains(&finalized), "{finalized}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_a_devnet_does_is_refused() {
    let lab = Lab::new("refused", 1, |_| {}).await;
    let node = lab.node().await;
    for method in ["evm_mine", "hardhat_setBalance", "anvil_impersonateAccount"] {
        let answer = node::rpc::call(node.miner(), method, Params::new(Vec::new())).await;
        let error = answer.unwrap_err();
        assert_eq!(error.code, -32601, "{error:?}");
        assert!(error.message.contains("for devnets"), "{error:?}");
    }
    let deposit = vec![json!({ "receiver": RECEIVER, "amount": "1" })];
    let answer = node::rpc::call(node.miner(), "rollup_deposit", Params::new(deposit)).await;
    assert!(answer.unwrap_err().message.contains("only a devnet"));
    assert_eq!(call(&node, "eth_accounts", json!([])).await, json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_starts_late_catches_up_or_copies() {
    let mut lab = Lab::new("late", 1, |_| {}).await;
    let hash = {
        let node = lab.node().await;
        let (hash, raw) = lab.transfer(0);
        call(&node, "eth_sendRawTransaction", json!([raw])).await;
        settle(&lab, &node, &[hash]).await;
        node.stop().unwrap();
        hash
    };
    lab.double.levels(100).unwrap();
    let all = lab.node().await;
    level_with(&all, &lab.double).await;
    let receipt = call(&all, "eth_getTransactionReceipt", json!([hash])).await;
    assert_eq!(receipt["status"], "0x1");
    let copied = lab
        .node_with(node::follower::Options {
            origin: Origin::Storage { level: None },
            ..lab.options()
        })
        .await;
    level_with(&copied, &lab.double).await;
    let same = call(&copied, "eth_getTransactionReceipt", json!([hash])).await;
    assert_eq!(same, receipt);
    // It goes on from there, and posts.
    let (hash, raw) = lab.transfer(0);
    call(&copied, "eth_sendRawTransaction", json!([raw])).await;
    settle(&lab, &copied, &[hash]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_rollup_is_refused() {
    let lab = Lab::new("other", 1, |_| {}).await;
    let options = node::follower::Options {
        rollup: Some("sr163Lv22CdE8QagCwf48PWDTquk6isQwv57".into()),
        ..lab.options()
    };
    let started = node::follower::start(options, Default::default()).await;
    let error = started.expect_err("it is another").to_string();
    assert!(
        error.contains("not sr163Lv22CdE8QagCwf48PWDTquk6isQwv57"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_differs_stops_the_node_with_both_values() {
    let lab = Lab::new("differs", 1, |_| {}).await;
    let mut node = lab.node().await;
    lab.double.levels(1).unwrap();
    level_with(&node, &lab.double).await;
    // The rollup node says something else from here on.
    lab.double.tamper("/evm/state/s", b"another").unwrap();
    let mut head = lab
        .double
        .durable()
        .get("/evm/state/h")
        .unwrap()
        .unwrap()
        .bytes()
        .to_vec();
    // The first block whose receipts lie below its header: each head takes it over.
    const NESTED: usize = 197;
    head[NESTED] ^= 1;
    lab.double.tamper("/evm/state/h", &head).unwrap();
    lab.double.levels(1).unwrap();
    node.finished().await;
    let Err(FollowError::Disagrees { ours, theirs, .. }) = node.stop() else {
        panic!("it does not say that they differ");
    };
    assert_ne!(ours, theirs);
    assert_ne!(ours, "nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_is_told_of_logs_that_are_gone() {
    let lab = Lab::new("removed", 1, |_| {}).await;
    let node = lab.node().await;
    let bridge = "0xff00000000000000000000000000000000000001";
    let filter = call(&node, "eth_newFilter", json!([{ "address": bridge }])).await;
    // The level after this one has another predecessor on another branch, and so another hash.
    lab.double.levels(1).unwrap();
    lab.deposit(RECEIVER, 1);
    lab.double.levels(1).unwrap();
    level_with(&node, &lab.double).await;
    let news = call(&node, "eth_getFilterChanges", json!([filter])).await;
    assert_eq!(shown(&news), [json!(false)]);
    lab.double.reorganise(2, false).unwrap();
    level_with(&node, &lab.double).await;
    let again = call(&node, "eth_getFilterChanges", json!([filter])).await;
    assert_eq!(shown(&again), [json!(true), json!(false)]);
    assert_eq!(again[0]["blockHash"], news[0]["blockHash"]);
    assert_ne!(again[1]["blockHash"], news[0]["blockHash"]);
    let balance = call(&node, "eth_getBalance", json!([RECEIVER, "latest"])).await;
    assert_eq!(balance, json!(U256::from(1_000_000_000_000_u64)), "once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawal_is_followed_until_it_is_executed() {
    let mut lab = Lab::new("withdrawal", 1, |options| {
        options.parameters.commitment_period = 2;
        options.parameters.challenge_window = 4;
    })
    .await;
    let node = lab.node().await;
    // What is burned has to be there as tickets.
    lab.deposit(lab.users[0].address, 7_000_000);
    let bridge = solidity_fixtures::bridge::native::ADDRESS;
    let data = solidity_fixtures::bridge::native::withdraw(layer1::devnet::ACCOUNTS[1]);
    let value = U256::from(3_000_000_000_000_000_000_u64);
    let signed = lab.users[0].send(CHAIN_ID, TxKind::Call(bridge), value, data, 1_000_000);
    let raw = hex::encode_prefixed(signed.encode());
    call(&node, "eth_sendRawTransaction", json!([raw])).await;
    settle(&lab, &node, &[signed.hash]).await;
    let statuses = async || {
        let all = call(&node, "rollup_withdrawals", json!([])).await;
        assert_eq!(all.as_array().unwrap().len(), 1, "{all}");
        all[0].clone()
    };
    let mut seen = vec![statuses().await["status"].clone()];
    for _ in 0..12 {
        lab.double.levels(1).unwrap();
        level_with(&node, &lab.double).await;
        let status = statuses().await["status"].clone();
        if seen.last() != Some(&status) {
            seen.push(status);
        }
    }
    assert_eq!(json!(seen), json!(["inOutbox", "cementing", "executable"]));
    let withdrawal = statuses().await;
    let place = json!([withdrawal["outboxLevel"], withdrawal["messageIndex"]]);
    let proof = call(&node, "rollup_executeOutboxMessage", place).await;
    let command = proof["command"].as_str().unwrap();
    assert!(command.starts_with("octez-client execute outbox message of smart rollup sr1"));
    assert!(command.contains(proof["commitment"].as_str().unwrap()));
    let number = |field: &str| u32::try_from(withdrawal[field].as_u64().unwrap()).unwrap();
    lab.double
        .execute(number("outboxLevel"), number("messageIndex"))
        .unwrap();
    assert_eq!(statuses().await["status"], "executed");
    let status = call(&node, "rollup_status", json!([])).await;
    assert_eq!(status["level"], lab.double.level());
    assert_eq!(status["posted"], 0);
}

/// The `removed` flag of each log.
fn shown(logs: &Value) -> Vec<Value> {
    let logs = logs.as_array().unwrap().iter();
    logs.map(|log| log["removed"].clone()).collect()
}
