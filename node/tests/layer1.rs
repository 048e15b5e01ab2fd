//! The layer 1 that the devnet plays, through its methods.

use crate::common::{call, devnet, number, raw, try_call};
use alloy_primitives::{Address, Bytes, U256};
use layer1::devnet::{ACCOUNTS, BALANCE};
use node::{BlockTime, Handle};
use serde_json::{Value, json};

const RECEIVER: Address = Address::repeat_byte(0x42);
const BRIDGE: &str = "0xff00000000000000000000000000000000000001";
/// `withdraw_base58(string)`.
const WITHDRAW: [u8; 4] = [0xcd, 0xa4, 0xfe, 0xe2];

async fn balance(devnet: &Handle, address: Address) -> U256 {
    let balance = call(devnet, "eth_getBalance", json!([address, "latest"])).await;
    balance.as_str().unwrap().parse().unwrap()
}

async fn mutez(devnet: &Handle, address: &str) -> u64 {
    let balance = call(devnet, "rollup_layer1Balance", json!([address])).await;
    balance["mutez"].as_str().unwrap().parse().unwrap()
}

async fn deposit(devnet: &Handle, amount: &str) -> Value {
    let deposit = json!([{ "receiver": RECEIVER, "amount": amount }]);
    call(devnet, "rollup_deposit", deposit).await
}

/// The data of a withdrawal to `target`.
fn withdrawal(target: &str) -> Bytes {
    let mut data = WITHDRAW.to_vec();
    for word in [32, target.len()] {
        data.extend(U256::from(word).to_be_bytes::<32>());
    }
    data.extend(target.bytes());
    data.resize(4 + 32 * (2 + target.len().div_ceil(32)), 0);
    data.into()
}

/// Withdraws mutez of the first account to `target`.
async fn withdraw(devnet: &Handle, target: &str, mutez: u64) -> Value {
    let value = U256::from(mutez) * U256::from(1_000_000_000_000_u64);
    let request = json!([{
        "from": devnet.accounts()[0].address, "to": BRIDGE, "value": value,
        "data": withdrawal(target), "gas": "0xf4240",
    }]);
    let hash = call(devnet, "eth_sendTransaction", request).await;
    call(devnet, "eth_getTransactionReceipt", json!([hash])).await
}

#[tokio::test]
async fn a_deposit_is_a_balance_at_once() {
    let devnet = devnet(|_| {}).await;
    let answer = deposit(&devnet, "1500000").await;
    assert_eq!(answer["messageId"], 2);
    let wei = U256::from(1_500_000_000_000_000_000_u64);
    assert_eq!(balance(&devnet, RECEIVER).await, wei);
    assert_eq!(mutez(&devnet, ACCOUNTS[0]).await, BALANCE.0 - 1_500_000);

    let inbox = call(&devnet, "rollup_inbox", json!([answer["level"]])).await;
    let kinds: Vec<&Value> = inbox["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|message| &message["kind"])
        .collect();
    let expected = [
        "start_of_level",
        "info_per_level",
        "transfer",
        "end_of_level",
    ];
    assert_eq!(kinds, expected);
    let transfer = &inbox["messages"][2];
    let overview = call(&devnet, "rollup_layer1", json!([])).await;
    assert_eq!(transfer["sender"], overview["contracts"]["bridge"]);
    assert_eq!(transfer["source"], ACCOUNTS[0]);
    assert_eq!(transfer["payload"]["prim"], "Left");
}

/// Messages that left with a level do not count for the price of the next place.
#[tokio::test]
async fn a_call_sees_the_outbox_as_the_next_block_does() {
    let devnet = devnet(|options| options.block_time = BlockTime::Manual).await;
    let from = devnet.accounts()[0].address;
    for _ in 0..60 {
        let value = U256::from(10).pow(U256::from(18));
        let request = json!([{
            "from": from, "to": BRIDGE, "value": value,
            "data": withdrawal(ACCOUNTS[1]), "gas": "0x493e0",
        }]);
        call(&devnet, "eth_sendTransaction", request).await;
    }
    call(&devnet, "evm_mine", json!([])).await;
    let withdrawals = call(&devnet, "rollup_withdrawals", json!([])).await;
    assert_eq!(withdrawals.as_array().unwrap().len(), 60);
    // `outboxPrice()`.
    let price = json!([{ "to": BRIDGE, "data": "0xd75895eb" }, "latest"]);
    let price = call(&devnet, "eth_call", price).await;
    assert_eq!(price, format!("0x{:064x}", 0));
}

#[tokio::test]
async fn a_deposit_waits_for_its_level_where_levels_do() {
    let devnet = devnet(|options| options.block_time = BlockTime::Manual).await;
    let (first, second) = (deposit(&devnet, "1").await, deposit(&devnet, "2").await);
    assert_eq!(first["level"], second["level"]);
    assert_eq!(
        (&first["messageId"], &second["messageId"]),
        (&json!(2), &json!(3))
    );
    assert_eq!(balance(&devnet, RECEIVER).await, U256::ZERO);
    call(&devnet, "evm_mine", json!([])).await;
    let wei = U256::from(3_000_000_000_000_u64);
    assert_eq!(balance(&devnet, RECEIVER).await, wei);
}

#[tokio::test]
async fn what_layer_1_refuses_changes_nothing() {
    let devnet = devnet(|_| {}).await;
    let height = call(&devnet, "eth_blockNumber", json!([])).await;
    for (method, params, code) in [
        (
            "rollup_deposit",
            json!([{ "receiver": RECEIVER, "amount": "0" }]),
            -32000,
        ),
        (
            "rollup_deposit",
            json!([{ "receiver": RECEIVER, "amount": "1.5" }]),
            -32602,
        ),
        ("rollup_deposit", json!([{ "receiver": RECEIVER }]), -32602),
        ("rollup_deposit", json!([{ "amount": "5" }]), -32602),
        (
            "rollup_deposit",
            json!([{ "receiver": RECEIVER, "amount": "5", "from": "tz1oops" }]),
            -32602,
        ),
        ("rollup_executeOutboxMessage", json!([0, 0]), -32000),
        ("rollup_payOut", json!([0, 0]), -32000),
        ("rollup_layer1Balance", json!(["0x42"]), -32602),
        ("rollup_advanceLevels", json!([1_000_000]), -32602),
        ("rollup_sendDelayed", json!(["0x"]), -32000),
    ] {
        let error = try_call(&devnet, method, params.clone()).await.unwrap_err();
        assert_eq!(error.code, code, "{method} {params}: {}", error.message);
    }
    assert_eq!(call(&devnet, "eth_blockNumber", json!([])).await, height);
    assert_eq!(mutez(&devnet, ACCOUNTS[0]).await, BALANCE.0);
}

/// The level of the commitment that covers a message of the outbox, that at which it is published,
/// and that from which on the message can be executed; a commitment comes every four levels.
fn covered(one: &Value, window: u64) -> [u64; 3] {
    let levels = ["commitment", "publishedAt", "executableAt"];
    let [commitment, published, executable] = levels.map(|name| one[name].as_u64().unwrap());
    let left = one["outboxLevel"].as_u64().unwrap();
    assert!(left <= commitment && commitment < left + 4, "{one}");
    assert_eq!(commitment % 4, 0, "{one}");
    assert_eq!(
        (published, executable),
        (commitment + 1, commitment + 1 + window),
        "{one}"
    );
    [commitment, published, executable]
}

#[tokio::test]
async fn a_withdrawal_is_paid_when_it_is_cemented() {
    let window = 5;
    let devnet = devnet(|options| options.layer1.challenge_window = window).await;
    deposit(&devnet, "9000000").await;
    let receipt = withdraw(&devnet, ACCOUNTS[1], 4_000_000).await;
    assert_eq!(receipt["status"], "0x1", "{receipt}");
    let all = call(&devnet, "rollup_withdrawals", json!([])).await;
    let one = &all[0];
    assert_eq!(one["amount"], "4000000");
    assert_eq!(
        (&one["kind"], &one["receiver"]),
        (&json!("native"), &json!(ACCOUNTS[1]))
    );
    assert_eq!(one["status"], "inOutbox", "{one}");
    let covered = covered(one, u64::from(window));
    let place = json!([one["outboxLevel"], one["messageIndex"]]);
    let error = try_call(&devnet, "rollup_executeOutboxMessage", place.clone()).await;
    let error = error.unwrap_err().message;
    assert!(error.contains("not cemented yet"), "{error}");

    let advanced = call(&devnet, "rollup_advanceLevels", json!([])).await;
    let executable = call(&devnet, "rollup_withdrawals", json!([])).await;
    assert_eq!(executable[0]["status"], "executable", "{executable}");
    assert_eq!(self::covered(&executable[0], u64::from(window)), covered);
    assert_eq!(advanced["level"], covered[2], "{executable}");
    assert!(advanced["levels"].as_u64().unwrap() >= u64::from(window));
    call(&devnet, "rollup_executeOutboxMessage", place.clone()).await;
    assert_eq!(mutez(&devnet, ACCOUNTS[1]).await, BALANCE.0 + 4_000_000);
    let executed = call(&devnet, "rollup_withdrawals", json!([])).await;
    assert_eq!(executed[0]["status"], "executed");
    assert_eq!(self::covered(&executed[0], u64::from(window)), covered);
    let again = try_call(&devnet, "rollup_executeOutboxMessage", place.clone()).await;
    assert!(again.is_err());

    let outbox = call(&devnet, "rollup_outbox", json!([place[0]])).await;
    let call_made = &outbox[0]["message"]["transactions"][0];
    assert_eq!(outbox[0]["message"]["kind"], "untyped");
    assert_eq!(call_made["entrypoint"], "burn");
}

#[tokio::test]
async fn a_return_to_a_snapshot_takes_layer_1_along() {
    let devnet = devnet(|_| {}).await;
    deposit(&devnet, "5").await;
    let snapshot = call(&devnet, "evm_snapshot", json!([])).await;
    deposit(&devnet, "7").await;
    withdraw(&devnet, ACCOUNTS[1], 3).await;
    assert_eq!(call(&devnet, "evm_revert", json!([snapshot])).await, true);
    assert_eq!(mutez(&devnet, ACCOUNTS[0]).await, BALANCE.0 - 5);
    assert_eq!(
        call(&devnet, "rollup_withdrawals", json!([])).await,
        json!([])
    );
    let answer = deposit(&devnet, "1").await;
    let inbox = call(&devnet, "rollup_inbox", json!([answer["level"]])).await;
    assert_eq!(inbox["level"], answer["level"]);
    assert_eq!(
        balance(&devnet, RECEIVER).await,
        U256::from(6_000_000_000_000_u64)
    );
}

#[tokio::test]
async fn a_delayed_transaction_is_executed() {
    let devnet = devnet(|_| {}).await;
    let account = &devnet.accounts()[3];
    let transaction = raw(account, 0, |transaction| {
        transaction.value = U256::from(77);
        transaction.to = alloy_primitives::TxKind::Call(RECEIVER);
    });
    let answer = call(&devnet, "rollup_sendDelayed", json!([transaction])).await;
    assert_eq!(answer["messageIds"], json!([2, 3]));
    assert_eq!(balance(&devnet, RECEIVER).await, U256::from(77));
    let nonce = call(
        &devnet,
        "eth_getTransactionCount",
        json!([account.address, "latest"]),
    )
    .await;
    assert_eq!(number(&nonce), 1);
}

/// The decision for these pages, due at once.
fn upgrade(root: &[u8; 33]) -> Value {
    let payload = [&[0xeb, 0xa1], &root[..], &[0x88], &[0; 8]].concat();
    json!([Bytes::from(payload)])
}

#[tokio::test]
async fn an_upgrade_can_be_rehearsed() {
    let pages = std::env::temp_dir().join(format!("evm-rollup-rehearsal-{}", std::process::id()));
    std::fs::create_dir_all(&pages).unwrap();
    let devnet = devnet(|options| options.preimages = Some(pages.clone())).await;
    let kernel = || {
        let latest = devnet.node().chain().latest().unwrap().unwrap();
        latest
            .state()
            .unwrap()
            .get("/kernel/boot.wasm")
            .unwrap()
            .unwrap()
            .to_vec()
    };
    let mut new = kernel();
    new.extend([0, 2, 1, b'x']);
    let tree = pvm::preimages::page_tree(&new);
    for (hash, page) in &tree.pages {
        std::fs::write(pages.join(hex::encode(hash)), page).unwrap();
    }
    call(&devnet, "rollup_govern", upgrade(&tree.root)).await;
    deposit(&devnet, "1").await;
    assert!(kernel() == new);
    let wei = U256::from(1_000_000_000_000_u64);
    assert_eq!(balance(&devnet, RECEIVER).await, wei);
    std::fs::remove_dir_all(&pages).unwrap();
}

#[tokio::test]
async fn a_page_that_is_missing_is_waited_for() {
    let pages = std::env::temp_dir().join(format!("evm-rollup-missing-{}", std::process::id()));
    std::fs::create_dir_all(&pages).unwrap();
    let devnet = devnet(|options| options.preimages = Some(pages.clone())).await;
    let latest = devnet.node().latest().unwrap();
    let mut new = latest
        .state()
        .unwrap()
        .get("/kernel/boot.wasm")
        .unwrap()
        .unwrap()
        .to_vec();
    new.extend([0, 2, 1, b'x']);
    let tree = pvm::preimages::page_tree(&new);
    // Layer 1 has done it; what comes of it waits.
    let decided = call(&devnet, "rollup_govern", upgrade(&tree.root)).await;
    let why = decided["waits"].as_str().unwrap();
    assert!(why.contains("preimage"), "{why}");
    // The chain serves.
    let number_before = call(&devnet, "eth_blockNumber", json!([])).await;
    call(&devnet, "eth_getBalance", json!([RECEIVER, "latest"])).await;
    call(&devnet, "rollup_layer1", json!([])).await;
    let refused = try_call(&devnet, "evm_mine", json!([])).await;
    assert!(refused.unwrap_err().message.contains("the chain waits"));
    let account = devnet.accounts()[0].clone();
    let sent = devnet
        .node()
        .submit(raw(&account, 0, |_| {}).parse().unwrap())
        .unwrap();
    assert_eq!(
        call(&devnet, "eth_blockNumber", json!([])).await,
        number_before
    );
    for (hash, page) in &tree.pages {
        std::fs::write(pages.join(hex::encode(hash)), page).unwrap();
    }
    // And goes on.
    assert_eq!(sent.fate.await, Ok(Ok(())));
    let latest = devnet.node().latest().unwrap();
    let kernel = latest
        .state()
        .unwrap()
        .get("/kernel/boot.wasm")
        .unwrap()
        .unwrap()
        .to_vec();
    assert!(kernel == new);
    std::fs::remove_dir_all(&pages).unwrap();
}

/// The bytes of a level's inbox while more transfers wait than the gas of a block is for.
async fn posted_with_a_level(devnet: &Handle) -> usize {
    for account in devnet.accounts() {
        let nonce = call(
            devnet,
            "eth_getTransactionCount",
            json!([account.address, "latest"]),
        )
        .await;
        for more in 0..145 {
            let raw = raw(account, number(&nonce) + more, |_| {});
            call(devnet, "eth_sendRawTransaction", json!([raw])).await;
        }
    }
    call(devnet, "evm_mine", json!([])).await;
    let inbox = call(devnet, "rollup_inbox", json!([])).await;
    let raws = inbox["messages"].as_array().unwrap().iter();
    let posted = raws
        .map(|message| message["raw"].as_str().unwrap().len())
        .sum();
    // The rest, before the next measure.
    while number(&call(devnet, "txpool_status", json!([])).await["pending"]) > 0 {
        call(devnet, "evm_mine", json!([])).await;
    }
    posted
}

/// Governance lowers what a level may do: less of what waits is posted with each.
#[tokio::test]
async fn a_level_is_filled_as_far_as_governance_lets_it() {
    use node::governance::{Decision, change, encode};
    let devnet = devnet(|options| options.block_time = BlockTime::Manual).await;
    // What a block of 30 M units of gas needs: fewer transfers than its gas is for.
    let least = |name| change(name, &75_000_000_u64);
    let before = posted_with_a_level(&devnet).await;
    let decision = Decision::Settings {
        rollup: [0; 20],
        changes: ["run_budget", "level_budget"].map(least).to_vec(),
    };
    let payload = Bytes::from(encode(&decision));
    let governed = call(&devnet, "rollup_govern", json!([payload])).await;
    // The level has not run: nobody knows yet what the kernel says.
    assert_eq!(governed["ran"], false);
    for _ in 0..2 {
        call(&devnet, "evm_mine", json!([])).await;
    }
    let after = posted_with_a_level(&devnet).await;
    assert!(after < before, "{before}, then {after}");
}
