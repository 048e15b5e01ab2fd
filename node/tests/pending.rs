//! The block to come, and blocks that are only simulated.

use crate::common::{COUNTER, call, deploy, devnet, number, raw, try_call};
use alloy_primitives::{Address, B256, TxKind, U256, hex};
use node::Handle;
use serde_json::{Value, json};

/// A devnet that mines on request, with a counter.
async fn manual() -> (Handle, Address) {
    let devnet = devnet(|_| {}).await;
    let counter = deploy(&devnet, &[], COUNTER).await;
    call(&devnet, "evm_setAutomine", json!([false])).await;
    (devnet, counter)
}

async fn count(devnet: &Handle, counter: Address) -> Value {
    let from = devnet.accounts()[0].address;
    let request = json!([{ "from": from, "to": counter, "gas": "0x20000" }]);
    call(devnet, "eth_sendTransaction", request).await
}

#[tokio::test]
async fn pending_sees_what_waits_and_latest_does_not() {
    let (devnet, counter) = manual().await;
    let hash = count(&devnet, counter).await;
    let ask = async |method: &str, params: Value| call(&devnet, method, params).await;
    for (block, slot) in [("latest", 0), ("pending", 1)] {
        let stored = ask("eth_getStorageAt", json!([counter, "0x0", block])).await;
        assert_eq!(number(&stored), slot, "{block}");
        let counted = ask("eth_call", json!([{ "to": counter }, block])).await;
        assert_eq!(number(&counted), slot + 1, "{block}");
    }
    let object = json!({ "blockNumber": "pending" });
    let stored = ask("eth_getStorageAt", json!([counter, "0x0", object])).await;
    assert_eq!(number(&stored), 1);
    let newest = number(&ask("eth_blockNumber", json!([])).await);
    let block = ask("eth_getBlockByNumber", json!(["pending", true])).await;
    assert_eq!(number(&block["number"]), newest + 1);
    assert_eq!(block["transactions"][0]["hash"], hash);
    assert_eq!(
        (&block["hash"], &block["nonce"], &block["miner"]),
        (&Value::Null, &Value::Null, &Value::Null)
    );
    assert_ne!(block["gasUsed"], "0x0");
    let header = ask("eth_getHeaderByNumber", json!(["pending"])).await;
    assert_eq!(header["number"], block["number"]);
    let receipts = ask("eth_getBlockReceipts", json!(["pending"])).await;
    assert_eq!(receipts[0]["transactionHash"], hash);
    assert_eq!(receipts[0]["gasUsed"], block["gasUsed"]);
    let count = ask("eth_getBlockTransactionCountByNumber", json!(["pending"])).await;
    assert_eq!(count, "0x1");
    // It follows the pool, and the newest block.
    let raw = raw(&devnet.accounts()[1], 0, |_| {});
    ask("eth_sendRawTransaction", json!([raw])).await;
    let count = ask("eth_getBlockTransactionCountByNumber", json!(["pending"])).await;
    assert_eq!(count, "0x2");
    ask("evm_mine", json!([])).await;
    let block = ask("eth_getBlockByNumber", json!(["pending", true])).await;
    assert_eq!(block["transactions"], json!([]));
    let receipts = ask("eth_getBlockReceipts", json!(["pending"])).await;
    assert_eq!(receipts, json!([]));
}

#[tokio::test]
async fn a_call_is_estimated_on_one_that_waits() {
    let devnet = devnet(|_| {}).await;
    // Without data: reverts unless slot 0 is set. With data: sets it.
    let code = hex!("36601057600054600e57600080fd5b005b600160005500");
    let contract = deploy(&devnet, &[], &code[..]).await;
    call(&devnet, "evm_setAutomine", json!([false])).await;
    let from = devnet.accounts()[0].address;
    let spend = json!([{ "from": from, "to": contract }]);
    let error = try_call(&devnet, "eth_estimateGas", spend.clone()).await;
    assert_eq!(error.unwrap_err().code, 3);
    let approve = json!([{ "from": from, "to": contract, "data": "0x01", "gas": "0x20000" }]);
    call(&devnet, "eth_sendTransaction", approve).await;
    call(&devnet, "eth_estimateGas", spend.clone()).await;
    // Filled in by the same.
    call(&devnet, "eth_sendTransaction", spend.clone()).await;
    let mut latest = spend;
    latest.as_array_mut().unwrap().push(json!("latest"));
    assert!(try_call(&devnet, "eth_estimateGas", latest).await.is_err());
    call(&devnet, "evm_mine", json!([])).await;
    let block = call(&devnet, "eth_getBlockReceipts", json!(["latest"])).await;
    let fine = block.as_array().unwrap().iter();
    assert_eq!(fine.filter(|receipt| receipt["status"] == "0x1").count(), 2);
}

#[tokio::test]
async fn simulated_blocks_build_upon_each_other() {
    let devnet = devnet(|_| {}).await;
    let counter = deploy(&devnet, &[], COUNTER).await;
    let request = json!({ "to": counter });
    let blocks = json!([
        { "calls": [request, request] },
        { "blockOverrides": { "number": "0x9" }, "calls": [request] },
    ]);
    let simulated = call(
        &devnet,
        "eth_simulateV1",
        json!([{ "blockStateCalls": blocks }]),
    )
    .await;
    let simulated = simulated.as_array().unwrap();
    let newest = number(&call(&devnet, "eth_blockNumber", json!([])).await);
    assert_eq!(simulated.len() as u64, 9 - newest);
    let counts: Vec<u64> = simulated
        .iter()
        .flat_map(|block| block["calls"].as_array().unwrap())
        .map(|call| number(&call["returnData"]))
        .collect();
    assert_eq!(counts, [1, 2, 3]);
    for pair in simulated.windows(2) {
        assert_eq!(pair[1]["parentHash"], pair[0]["hash"]);
    }
    assert_eq!(simulated[0]["calls"][1]["logs"][0]["logIndex"], "0x1");
    // Nothing of it happened.
    let counted = call(&devnet, "eth_call", json!([request])).await;
    assert_eq!(number(&counted), 1);
}

#[tokio::test]
async fn a_simulation_checks_what_it_is_asked_to() {
    let devnet = devnet(|_| {}).await;
    let poor = Address::repeat_byte(0x77);
    let send = |value: &str| json!([{ "calls": [{ "from": poor, "to": poor, "value": value }] }]);
    let simulate =
        async |options: Value| try_call(&devnet, "eth_simulateV1", json!([options])).await;
    let error = simulate(json!({ "blockStateCalls": send("0x1") }))
        .await
        .unwrap_err();
    assert_eq!(error.code, -38014);
    let error = simulate(json!({ "blockStateCalls": send("0x0"), "validation": true })).await;
    assert_eq!(error.unwrap_err().code, -38012);
    assert!(
        simulate(json!({ "blockStateCalls": send("0x0") }))
            .await
            .is_ok()
    );
    let error = simulate(json!({ "blockStateCalls": [] }))
        .await
        .unwrap_err();
    assert_eq!(error.code, -32602);
    let from = devnet.accounts()[0].address;
    let transfer = json!({ "from": from, "to": poor, "value": "0x5" });
    let options = json!({ "blockStateCalls": [{ "calls": [transfer] }], "traceTransfers": true });
    let block = simulate(options).await.unwrap();
    let log = &block[0]["calls"][0]["logs"][0];
    assert_eq!(number(&log["data"]), 5);
    assert_eq!(log["address"], "0xeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee");
}

#[tokio::test]
async fn what_no_transaction_can_be_is_refused() {
    let devnet = devnet(|_| {}).await;
    let to = Address::repeat_byte(1);
    for (request, words) in [
        (json!({ "to": to, "blobVersionedHashes": [] }), "no blobs"),
        (json!({ "to": to, "maxFeePerBlobGas": "0x1" }), "no blobs"),
        (
            json!({ "to": to, "authorizationList": [] }),
            "empty auth list",
        ),
        (
            json!({ "data": "0x00", "authorizationList": [{ "chainId": "0x0", "address": to, "nonce": "0x0", "yParity": "0x0", "r": "0x1", "s": "0x1" }] }),
            "cannot be used to create contract",
        ),
    ] {
        for method in ["eth_call", "eth_estimateGas", "eth_fillTransaction"] {
            let error = try_call(&devnet, method, json!([request]))
                .await
                .unwrap_err();
            assert!(error.message.contains(words), "{method}: {}", error.message);
        }
    }
    let newest = call(&devnet, "eth_blockNumber", json!([])).await;
    let beyond = format!("{:#x}", number(&newest) + 1);
    for query in [
        json!({ "fromBlock": beyond }),
        json!({ "fromBlock": "0x0", "toBlock": beyond }),
        json!({ "fromBlock": "pending" }),
    ] {
        let error = try_call(&devnet, "eth_getLogs", json!([query])).await;
        assert_eq!(error.unwrap_err().code, -32602);
    }
    let error = try_call(&devnet, "rollup_inbox", json!([u64::MAX]))
        .await
        .unwrap_err();
    assert!(error.message.contains("below 2^32"), "{}", error.message);
    let late = json!([format!("{:#x}", u64::MAX)]);
    let error = try_call(&devnet, "evm_setNextBlockTimestamp", late)
        .await
        .unwrap_err();
    assert_eq!(error.code, -32602);
}

#[tokio::test]
async fn the_fee_cap_bounds_what_a_call_can_pay() {
    let devnet = devnet(|_| {}).await;
    let from = Address::repeat_byte(0x55);
    let wei = 100_000_u64 * 10_u64.pow(10);
    call(
        &devnet,
        "anvil_setBalance",
        json!([from, format!("{wei:#x}")]),
    )
    .await;
    let request = |cap: u64, gas: u64| json!({ "from": from, "to": from, "gas": format!("{gas:#x}"), "maxFeePerGas": format!("{cap:#x}"), "maxPriorityFeePerGas": "0x0" });
    // 10^10 wei for each of 100,000 units: all that there is.
    let fits = request(10_u64.pow(10), 100_000);
    assert!(try_call(&devnet, "eth_call", json!([fits])).await.is_ok());
    let over = request(10_u64.pow(10) + 1, 100_000);
    let error = try_call(&devnet, "eth_call", json!([over]))
        .await
        .unwrap_err();
    assert!(
        error.message.contains("insufficient funds"),
        "{}",
        error.message
    );
}

/// The payload attributes that made `block`.
fn attributes(block: &Value) -> Value {
    json!({
        "timestamp": block["timestamp"], "prevRandao": block["mixHash"],
        "suggestedFeeRecipient": block["miner"], "withdrawals": [],
        "parentBeaconBlockRoot": block["parentBeaconBlockRoot"],
    })
}

#[tokio::test]
async fn a_block_that_is_built_is_the_one_that_the_kernel_makes_and_is_not_kept() {
    let (devnet, counter) = manual().await;
    let ask = async |method: &str, params: Value| call(&devnet, method, params).await;
    let account = &devnet.accounts()[1];
    let first = raw(account, 0, |transaction| {
        transaction.max_priority_fee_per_gas = U256::from(7);
    });
    let second = raw(account, 1, |transaction| {
        transaction.to = TxKind::Call(counter);
        transaction.gas_limit = 100_000;
    });
    let parent = ask("eth_getBlockByNumber", json!(["latest", false])).await;
    for transaction in [&first, &second] {
        ask("eth_sendRawTransaction", json!([transaction])).await;
    }
    ask("evm_mine", json!([])).await;
    let mined = ask("eth_getBlockByNumber", json!(["latest", false])).await;
    assert_eq!(mined["transactions"].as_array().unwrap().len(), 2);
    // After the block before it, which is not the newest any more.
    let same = json!([parent["hash"], attributes(&mined), [first, second], "0x"]);
    let built = ask("testing_buildBlockV1", same).await;
    let payload = &built["executionPayload"];
    for (field, of_block) in [
        ("blockHash", "hash"),
        ("stateRoot", "stateRoot"),
        ("receiptsRoot", "receiptsRoot"),
        ("logsBloom", "logsBloom"),
        ("gasUsed", "gasUsed"),
        ("baseFeePerGas", "baseFeePerGas"),
        ("parentHash", "parentHash"),
        ("blockNumber", "number"),
    ] {
        assert_eq!(payload[field], mined[of_block], "{field}");
    }
    assert_eq!(payload["transactions"], json!([first, second]));
    assert_eq!(number(&built["blockValue"]), 7 * 21_000);
    assert_eq!(ask("eth_blockNumber", json!([])).await, mined["number"]);

    // What waits in the pool, or none of it.
    let third = raw(account, 2, |_| {});
    ask("eth_sendRawTransaction", json!([third])).await;
    let attributes = attributes(&mined);
    for (content, expected) in [(json!(null), json!([third])), (json!([]), json!([]))] {
        let next = json!([mined["hash"], attributes, content, "0x"]);
        let built = ask("testing_buildBlockV1", next).await;
        assert_eq!(built["executionPayload"]["transactions"], expected);
    }
    assert_eq!(ask("eth_blockNumber", json!([])).await, mined["number"]);
}

#[tokio::test]
async fn a_block_is_not_built_of_what_cannot_be_in_it() {
    let devnet = devnet(|options| options.genesis.config.block_gas_limit = 1 << 24).await;
    let ask = async |method: &str, params: Value| call(&devnet, method, params).await;
    ask("evm_mine", json!([])).await;
    let parent = ask("eth_getBlockByNumber", json!(["latest", false])).await;
    let account = &devnet.accounts()[1];
    let sound = raw(account, 0, |_| {});
    let refused = async |parent: Value, change: (&str, Value), content: Value, extra: &str| {
        let mut attributes = attributes(&parent);
        attributes[change.0] = change.1;
        let params = json!([parent["hash"], attributes, content, extra]);
        let error = try_call(&devnet, "testing_buildBlockV1", params).await;
        let error = error.expect_err("refused");
        (error.code, error.message)
    };
    let same = ("withdrawals", json!([]));
    let high = json!([raw(account, 999, |_| {})]);
    let (code, words) = refused(parent.clone(), same.clone(), high, "0x").await;
    assert_eq!(code, -32000);
    let address = account.address.to_checksum(None);
    assert_eq!(
        words,
        format!("nonce too high: address {address}, tx: 999 state: 0")
    );
    let twice = json!([sound, sound]);
    let (code, words) = refused(parent.clone(), same.clone(), twice, "0x").await;
    assert_eq!(code, -32000);
    assert!(words.starts_with("nonce too low"), "{words}");
    let many = json!([
        raw(account, 0, |_| {}),
        raw(account, 1, |transaction| transaction.gas_limit = 1 << 24),
        raw(account, 2, |transaction| transaction.gas_limit = 1 << 24),
    ]);
    let (code, words) = refused(parent.clone(), same.clone(), many, "0x").await;
    assert_eq!(code, -32000);
    assert!(words.starts_with("gas limit reached"), "{words}");
    let (code, _) = refused(parent.clone(), ("timestamp", json!("0x1")), json!([]), "0x").await;
    assert_eq!(code, -32000);
    let (code, _) = refused(
        parent.clone(),
        ("withdrawals", json!([{}])),
        json!([]),
        "0x",
    )
    .await;
    assert_eq!(code, -32602);
    let (code, _) = refused(parent.clone(), same.clone(), json!([]), "0x01").await;
    assert_eq!(code, -32602);
    let (code, _) = refused(parent.clone(), same.clone(), json!(["0x02"]), "0x").await;
    assert_eq!(code, -32000);
    let mut unknown = parent;
    unknown["hash"] = json!(B256::repeat_byte(9));
    let (code, _) = refused(unknown, same, json!([]), "0x").await;
    assert_eq!(code, -32000);
}
