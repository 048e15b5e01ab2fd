//! Changes of the chain by developers' tools.

#[path = "../examples/devnet.rs"]
#[expect(dead_code, reason = "its main is not called")]
mod example;

use crate::common::{COUNTER, call, deploy, devnet, number, raw, try_call};
use alloy_primitives::{Address, B256, U256, hex};
use node::Handle;
use serde_json::{Value, json};

const SOMEBODY: Address = Address::repeat_byte(0x42);
const UNIT: &str = "0xde0b6b3a7640000";

async fn height(devnet: &Handle) -> u64 {
    number(&call(devnet, "eth_blockNumber", json!([])).await)
}

async fn latest(devnet: &Handle) -> Value {
    call(devnet, "eth_getBlockByNumber", json!(["latest", false])).await
}

async fn balance(devnet: &Handle, address: Address) -> Value {
    call(devnet, "eth_getBalance", json!([address, "latest"])).await
}

#[tokio::test]
async fn a_snapshot_is_gone_back_to() {
    let devnet = devnet(|_| {}).await;
    let account = &devnet.accounts()[0];
    let contract = deploy(&devnet, &[], COUNTER).await;
    let before = (
        latest(&devnet).await,
        balance(&devnet, account.address).await,
    );
    let first = call(&devnet, "evm_snapshot", json!([])).await;
    let request = json!([{ "from": account.address, "to": contract }]);
    let hash = call(&devnet, "eth_sendTransaction", request.clone()).await;
    let second = call(&devnet, "evm_snapshot", json!([])).await;
    call(&devnet, "evm_mine", json!([])).await;
    let blocks = call(&devnet, "eth_newBlockFilter", json!([])).await;
    assert_eq!(call(&devnet, "evm_revert", json!([first])).await, true);
    assert_eq!(
        (
            latest(&devnet).await,
            balance(&devnet, account.address).await
        ),
        before
    );
    assert_eq!(
        call(&devnet, "eth_getTransactionReceipt", json!([hash])).await,
        Value::Null
    );
    let logs = json!([{ "address": contract, "fromBlock": "0x0" }]);
    assert_eq!(call(&devnet, "eth_getLogs", logs.clone()).await, json!([]));
    // Used up, and so is what came after it.
    assert_eq!(call(&devnet, "evm_revert", json!([first])).await, false);
    assert_eq!(call(&devnet, "evm_revert", json!([second])).await, false);
    // The chain goes on from there.
    let again = call(&devnet, "eth_sendTransaction", request).await;
    let receipt = call(&devnet, "eth_getTransactionReceipt", json!([again])).await;
    assert_eq!(
        (&receipt["status"], &receipt["logs"][0]["data"]),
        (&json!("0x1"), &json!(B256::from(U256::from(1))))
    );
    let new = latest(&devnet).await;
    assert_eq!(new["parentHash"], before.0["hash"]);
    assert_eq!(
        call(&devnet, "eth_getFilterChanges", json!([blocks])).await,
        json!([new["hash"]])
    );
    assert_eq!(
        call(&devnet, "eth_getLogs", logs)
            .await
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn levels_are_mined_when_they_are_asked_for() {
    let devnet = devnet(|_| {}).await;
    let start = height(&devnet).await;
    assert_eq!(call(&devnet, "evm_mine", json!([])).await, "0x0");
    assert_eq!(height(&devnet).await, start + 1);
    let before = number(&latest(&devnet).await["timestamp"]);
    call(&devnet, "hardhat_mine", json!(["0xa", "0x3c"])).await;
    assert_eq!(height(&devnet).await, start + 11);
    let after = number(&latest(&devnet).await["timestamp"]);
    assert!(after >= before + 9 * 60, "{before} to {after}");
    call(&devnet, "anvil_mine", json!([2])).await;
    assert_eq!(height(&devnet).await, start + 13);
    // Without automining, transactions wait.
    call(&devnet, "evm_setAutomine", json!([false])).await;
    assert_eq!(call(&devnet, "anvil_getAutomine", json!([])).await, false);
    let account = &devnet.accounts()[0];
    let mut hashes = Vec::new();
    for nonce in 0..3 {
        let raw = raw(account, nonce, |_| {});
        hashes.push(call(&devnet, "eth_sendRawTransaction", json!([raw])).await);
    }
    assert_eq!(height(&devnet).await, start + 13);
    call(&devnet, "evm_mine", json!([])).await;
    assert_eq!(latest(&devnet).await["transactions"], json!(hashes));
    let raw = raw(account, 3, |_| {});
    let waits = call(&devnet, "eth_sendRawTransaction", json!([raw])).await;
    call(&devnet, "evm_setAutomine", json!([true])).await;
    let mut receipt = Value::Null;
    while receipt.is_null() {
        receipt = call(&devnet, "eth_getTransactionReceipt", json!([waits])).await;
    }
    assert_eq!(receipt["status"], "0x1");
}

#[tokio::test]
async fn time_is_moved() {
    let devnet = devnet(|_| {}).await;
    let contract = deploy(&devnet, &[], &hex!("4260005260206000f3")).await;
    let time = async |block: &str| {
        let word = call(&devnet, "eth_call", json!([{ "to": contract }, block])).await;
        U256::from_be_slice(&hex::decode(word.as_str().unwrap()).unwrap()).to::<u64>()
    };
    // Levels that follow each other within a second run ahead of the clock: time moves from there.
    call(&devnet, "hardhat_mine", json!([20])).await;
    let start = number(&latest(&devnet).await["timestamp"]);
    let ahead = call(&devnet, "evm_increaseTime", json!([3600])).await;
    assert!(ahead.as_i64().unwrap() >= 3600, "{ahead}");
    assert!(time("pending").await >= start + 3600);
    call(&devnet, "evm_mine", json!([])).await;
    let later = number(&latest(&devnet).await["timestamp"]);
    assert!(later >= start + 3600);
    let wanted = later + 100_000;
    call(&devnet, "evm_setNextBlockTimestamp", json!([wanted])).await;
    assert_eq!(time("pending").await, wanted);
    call(&devnet, "evm_mine", json!([])).await;
    assert_eq!(number(&latest(&devnet).await["timestamp"]), wanted);
    assert_eq!(time("latest").await, wanted);
    let error = try_call(&devnet, "evm_setNextBlockTimestamp", json!([wanted]))
        .await
        .unwrap_err();
    assert!(
        error.message.contains("lower than or equal to"),
        "{}",
        error.message
    );
    call(&devnet, "evm_mine", json!([wanted + 50])).await;
    assert_eq!(number(&latest(&devnet).await["timestamp"]), wanted + 50);
}

#[tokio::test]
async fn accounts_are_changed_in_place() {
    let devnet = devnet(|_| {}).await;
    let start = height(&devnet).await;
    call(&devnet, "anvil_setBalance", json!([SOMEBODY, UNIT])).await;
    assert_eq!(balance(&devnet, SOMEBODY).await, UNIT);
    call(&devnet, "hardhat_setNonce", json!([SOMEBODY, "0x7"])).await;
    call(
        &devnet,
        "hardhat_setCode",
        json!([SOMEBODY, hex::encode_prefixed(COUNTER)]),
    )
    .await;
    let five = B256::from(U256::from(5));
    let done = call(
        &devnet,
        "hardhat_setStorageAt",
        json!([SOMEBODY, "0x0", five]),
    )
    .await;
    assert_eq!(done, true);
    let info = call(&devnet, "eth_getAccountInfo", json!([SOMEBODY, "latest"])).await;
    assert_eq!(
        info,
        json!({ "balance": UNIT, "nonce": "0x7", "code": hex::encode_prefixed(COUNTER) })
    );
    assert_eq!(height(&devnet).await, start);
    // The kernel finds what was put there.
    let from = devnet.accounts()[0].address;
    let hash = call(
        &devnet,
        "eth_sendTransaction",
        json!([{ "from": from, "to": SOMEBODY }]),
    )
    .await;
    let receipt = call(&devnet, "eth_getTransactionReceipt", json!([hash])).await;
    assert_eq!(receipt["logs"][0]["data"], json!(B256::from(U256::from(6))));
    // Slots go, and code goes, and the account goes.
    call(
        &devnet,
        "anvil_setStorageAt",
        json!([SOMEBODY, "0x0", B256::ZERO]),
    )
    .await;
    let slot = call(
        &devnet,
        "eth_getStorageAt",
        json!([SOMEBODY, "0x0", "latest"]),
    )
    .await;
    assert_eq!(slot, json!(B256::ZERO));
    for (method, nothing) in [
        ("anvil_setCode", "0x"),
        ("anvil_setNonce", "0x0"),
        ("anvil_setBalance", "0x0"),
    ] {
        call(&devnet, method, json!([SOMEBODY, nothing])).await;
    }
    let info = call(&devnet, "eth_getAccountInfo", json!([SOMEBODY, "latest"])).await;
    assert_eq!(
        info,
        json!({ "balance": "0x0", "nonce": "0x0", "code": "0x" })
    );
    call(&devnet, "evm_mine", json!([])).await;
    // Older blocks keep their states.
    let then = call(
        &devnet,
        "eth_getBalance",
        json!([SOMEBODY, format!("{:#x}", start + 1)]),
    )
    .await;
    assert_eq!(then, "0x0");
    let then = call(
        &devnet,
        "eth_getBalance",
        json!([SOMEBODY, format!("{start:#x}")]),
    )
    .await;
    assert_eq!(then, UNIT);
}

#[tokio::test]
async fn an_impersonated_account_sends_without_a_key() {
    let devnet = devnet(|_| {}).await;
    let contract = deploy(&devnet, &[], COUNTER).await;
    // A contract sends, too: EIP-3607 is about keys.
    call(&devnet, "anvil_setBalance", json!([contract, UNIT])).await;
    let request = json!([{ "from": contract, "to": SOMEBODY, "value": "0x5" }]);
    let error = try_call(&devnet, "eth_sendTransaction", request.clone())
        .await
        .unwrap_err();
    assert!(
        error
            .message
            .starts_with("unknown account: there is no key of 0x")
    );
    call(&devnet, "hardhat_impersonateAccount", json!([contract])).await;
    let start = latest(&devnet).await;
    let hash = call(&devnet, "eth_sendTransaction", request.clone()).await;
    let receipt = call(&devnet, "eth_getTransactionReceipt", json!([hash])).await;
    for (name, value) in [
        ("status", json!("0x1")),
        ("from", json!(contract)),
        ("gasUsed", json!("0x5208")),
    ] {
        assert_eq!(receipt[name], value, "{name}");
    }
    assert_eq!(balance(&devnet, SOMEBODY).await, "0x5");
    let block = latest(&devnet).await;
    assert_eq!(
        (&block["parentHash"], &block["transactions"]),
        (&start["hash"], &json!([hash]))
    );
    let sent = call(&devnet, "eth_getTransactionByHash", json!([hash])).await;
    assert_eq!(
        (&sent["from"], &sent["nonce"]),
        (&json!(contract), &json!("0x1"))
    );
    // Two senders with the same nonce have transactions of their own.
    let others = [Address::repeat_byte(0x51), Address::repeat_byte(0x52)];
    let mut hashes = Vec::new();
    call(&devnet, "anvil_autoImpersonateAccount", json!([true])).await;
    for other in others {
        call(&devnet, "anvil_setBalance", json!([other, UNIT])).await;
        let request = json!([{ "from": other, "to": contract }]);
        hashes.push(call(&devnet, "eth_sendTransaction", request).await);
    }
    assert_ne!(hashes[0], hashes[1]);
    let receipt = call(&devnet, "eth_getTransactionReceipt", json!([hashes[1]])).await;
    assert_eq!(receipt["logs"][0]["data"], json!(B256::from(U256::from(2))));
    let poor = json!([{ "from": Address::repeat_byte(0x53), "to": contract, "gas": "0x20000" }]);
    let error = try_call(&devnet, "eth_sendTransaction", poor)
        .await
        .unwrap_err();
    assert!(
        error.message.contains("insufficient funds"),
        "{}",
        error.message
    );
    call(&devnet, "anvil_autoImpersonateAccount", json!([false])).await;
    call(
        &devnet,
        "hardhat_stopImpersonatingAccount",
        json!([contract]),
    )
    .await;
    assert!(
        try_call(&devnet, "eth_sendTransaction", request)
            .await
            .is_err()
    );
    // The kernel goes on from these blocks.
    let raw = raw(&devnet.accounts()[1], 0, |_| {});
    let parent = latest(&devnet).await;
    let hash = call(&devnet, "eth_sendRawTransaction", json!([raw])).await;
    let receipt = call(&devnet, "eth_getTransactionReceipt", json!([hash])).await;
    assert_eq!(receipt["status"], "0x1");
    assert_eq!(latest(&devnet).await["parentHash"], parent["hash"]);
}

#[tokio::test]
async fn the_next_base_fee_is_set() {
    let devnet = devnet(|_| {}).await;
    for fee in ["0xba43b7400", "0x7", "0x0"] {
        call(&devnet, "anvil_setNextBlockBaseFeePerGas", json!([fee])).await;
        let pending = call(&devnet, "eth_getBlockByNumber", json!(["pending", false])).await;
        assert_eq!(pending["baseFeePerGas"], fee);
        call(&devnet, "evm_mine", json!([])).await;
        assert_eq!(latest(&devnet).await["baseFeePerGas"], fee);
    }
}

#[tokio::test]
async fn tools_are_told_what_node_this_is() {
    let devnet = devnet(|_| {}).await;
    let info = call(&devnet, "anvil_nodeInfo", json!([])).await;
    let latest = latest(&devnet).await;
    assert_eq!(
        (&info["currentBlockNumber"], &info["currentBlockHash"]),
        (&latest["number"], &latest["hash"])
    );
    assert_eq!(
        (&info["hardFork"], &info["environment"]["chainId"]),
        (&json!("osaka"), &json!("0x539"))
    );
    let metadata = call(&devnet, "hardhat_metadata", json!([])).await;
    assert_eq!(metadata["latestBlockHash"], latest["hash"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_prints_the_receipt_of_a_transfer() {
    let kernel =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/kernel/evm_kernel.wasm");
    let receipt = example::receipt(&kernel).await.unwrap();
    assert_eq!(receipt["status"], "0x1");
    assert_eq!(receipt["gasUsed"], "0x5208");
    assert_eq!(receipt["to"], json!(Address::repeat_byte(0x11)));
}
