//! The devnet on the real kernel: calls in, answers out, without the network.

use crate::common::{COUNTER, call, deploy, devnet, initcode, number, raw, try_call};
use alloy_primitives::{Address, B256, Bytes, U256, hex, keccak256};
use node::Handle;
use serde_json::{Value, json};

#[tokio::test]
async fn a_transfer_is_mined_when_its_hash_is_answered() {
    let devnet = devnet(|_| {}).await;
    let account = &devnet.accounts()[0];
    let before = number(&call(&devnet, "eth_blockNumber", json!([])).await);
    let hash = call(
        &devnet,
        "eth_sendRawTransaction",
        json!([raw(account, 0, |_| {})]),
    )
    .await;
    let receipt = call(&devnet, "eth_getTransactionReceipt", json!([hash])).await;
    assert_eq!(receipt["status"], "0x1");
    assert_eq!(receipt["gasUsed"], "0x5208");
    assert_eq!(number(&receipt["blockNumber"]), before + 1);
    let block = call(&devnet, "eth_getBlockByNumber", json!(["latest", true])).await;
    assert_eq!(block["transactions"][0]["hash"], hash);
    assert_eq!(block["hash"], receipt["blockHash"]);
    let same = call(
        &devnet,
        "eth_getBlockByHash",
        json!([receipt["blockHash"], true]),
    )
    .await;
    assert_eq!(same, block);
    let balance = call(
        &devnet,
        "eth_getBalance",
        json!([Address::repeat_byte(0x11), "latest"]),
    )
    .await;
    assert_eq!(balance, "0x1");
    let balance = call(
        &devnet,
        "eth_getBalance",
        json!([Address::repeat_byte(0x11), receipt["blockNumber"]]),
    )
    .await;
    assert_eq!(balance, "0x1");
    let earlier = format!("{before:#x}");
    let balance = call(
        &devnet,
        "eth_getBalance",
        json!([Address::repeat_byte(0x11), earlier]),
    )
    .await;
    assert_eq!(balance, "0x0");
}

#[tokio::test]
async fn nonces_out_of_order_go_out_in_order() {
    let devnet = devnet(|_| {}).await;
    let account = &devnet.accounts()[1];
    let mut hashes = Vec::new();
    for nonce in [2, 1, 0] {
        hashes.push(
            call(
                &devnet,
                "eth_sendRawTransaction",
                json!([raw(account, nonce, |_| {})]),
            )
            .await,
        );
        if nonce > 0 {
            let pending = call(
                &devnet,
                "eth_getTransactionCount",
                json!([account.address, "pending"]),
            )
            .await;
            assert_eq!(pending, "0x0");
        }
    }
    let mut places = Vec::new();
    for hash in hashes.iter().rev() {
        let mut receipt = Value::Null;
        while receipt.is_null() {
            receipt = call(&devnet, "eth_getTransactionReceipt", json!([hash])).await;
        }
        places.push((
            number(&receipt["blockNumber"]),
            number(&receipt["transactionIndex"]),
        ));
    }
    assert!(places.is_sorted(), "{places:?}");
    let count = call(
        &devnet,
        "eth_getTransactionCount",
        json!([account.address, "latest"]),
    )
    .await;
    assert_eq!(count, "0x3");
}

#[tokio::test]
async fn a_flood_is_mined_to_the_last_transaction() {
    let devnet = devnet(|_| {}).await;
    let mut sends = Vec::new();
    for account in devnet.accounts() {
        for nonce in 0..40 {
            sends.push(
                devnet
                    .node()
                    .submit(raw(account, nonce, |_| {}).parse().unwrap())
                    .unwrap(),
            );
        }
    }
    for send in sends {
        assert_eq!(send.fate.await, Ok(Ok(())));
        let receipt = call(&devnet, "eth_getTransactionReceipt", json!([send.hash])).await;
        assert_eq!(receipt["status"], "0x1");
    }
}

#[tokio::test]
async fn a_long_transaction_travels_in_chunks() {
    let devnet = devnet(|_| {}).await;
    let runtime = vec![0x5b; 20_000];
    let contract = deploy(&devnet, &[], &runtime).await;
    let code = call(&devnet, "eth_getCode", json!([contract, "latest"])).await;
    assert_eq!(code, hex::encode_prefixed(runtime));
}

#[tokio::test]
async fn contracts_are_deployed_called_and_their_logs_found() {
    let devnet = devnet(|_| {}).await;
    let from = devnet.accounts()[0].address;
    let contract = deploy(&devnet, &[], COUNTER).await;
    let mut blocks = Vec::new();
    for _ in 0..2 {
        let hash = call(
            &devnet,
            "eth_sendTransaction",
            json!([{ "from": from, "to": contract }]),
        )
        .await;
        let receipt = call(&devnet, "eth_getTransactionReceipt", json!([hash])).await;
        assert_eq!(
            receipt["logs"][0]["topics"],
            json!([B256::from(U256::from(0xaa))])
        );
        blocks.push(receipt["blockNumber"].clone());
    }
    let slot = call(
        &devnet,
        "eth_getStorageAt",
        json!([contract, "0x0", "latest"]),
    )
    .await;
    assert_eq!(slot, json!(B256::from(U256::from(2))));
    // The state of an old block answers as it did then.
    let count = |block: Value| call(&devnet, "eth_call", json!([{ "to": contract }, block]));
    assert_eq!(
        count(json!("latest")).await,
        json!(B256::from(U256::from(3)))
    );
    assert_eq!(
        count(blocks[0].clone()).await,
        json!(B256::from(U256::from(2)))
    );
    let query = json!([{ "address": contract, "fromBlock": "0x0", "topics": [B256::from(U256::from(0xaa))] }]);
    let logs = call(&devnet, "eth_getLogs", query).await;
    let data: Vec<_> = logs
        .as_array()
        .unwrap()
        .iter()
        .map(|log| log["data"].clone())
        .collect();
    assert_eq!(
        data,
        [
            json!(B256::from(U256::from(1))),
            json!(B256::from(U256::from(2)))
        ]
    );
    let none = call(
        &devnet,
        "eth_getLogs",
        json!([{ "fromBlock": "0x0", "topics": [B256::ZERO] }]),
    )
    .await;
    assert_eq!(none, json!([]));
    // An override stands in front of the state.
    let overrides = json!({ contract.to_string(): { "stateDiff": { "0x0": "0x29" } } });
    let overridden = call(
        &devnet,
        "eth_call",
        json!([{ "to": contract }, "latest", overrides]),
    )
    .await;
    assert_eq!(overridden, json!(B256::from(U256::from(42))));
}

#[tokio::test]
async fn a_revert_is_code_3_with_its_data() {
    let devnet = devnet(|_| {}).await;
    let contract = deploy(&devnet, &[], &hex!("63deadbeef6000526004601cfd")).await;
    for method in ["eth_call", "eth_estimateGas"] {
        let error = try_call(&devnet, method, json!([{ "to": contract }]))
            .await
            .unwrap_err();
        assert_eq!(
            (error.code, error.data),
            (3, Some(json!("0xdeadbeef"))),
            "{method}"
        );
        assert_eq!(error.message, "execution reverted");
    }
}

/// The least gas limit with which a call succeeds.
async fn least_gas(devnet: &Handle, request: &Value) -> u64 {
    let (mut low, mut high) = (20_999, 16_777_216);
    while high - low > 1 {
        let middle = (low + high) / 2;
        let mut request = request.clone();
        request["gas"] = json!(format!("{middle:#x}"));
        match try_call(devnet, "eth_call", json!([request, "pending"])).await {
            Ok(_) => high = middle,
            Err(_) => low = middle,
        }
    }
    high
}

#[tokio::test]
async fn estimates_are_enough_and_at_most_two_percent_too_much() {
    let devnet = devnet(|_| {}).await;
    let from = devnet.accounts()[0].address;
    let counter = deploy(&devnet, &[], COUNTER).await;
    // Slot 0 is set at first, and cleared by a call: a refund.
    let clears = deploy(&devnet, &hex!("6001600055"), &hex!("600060005500")).await;
    // Hands all its gas on (63/64) and reverts where that was not enough.
    let mut forward = hex!(
        "600060006000600060007300000000000000000000000000000000000000005af115602657005b60006000fd"
    )
    .to_vec();
    forward[11..31].copy_from_slice(counter.as_slice());
    let forwards = deploy(&devnet, &[], &forward).await;
    let mut twice = forward.clone();
    twice[11..31].copy_from_slice(forwards.as_slice());
    let forwards_twice = deploy(&devnet, &[], &twice).await;
    for request in [
        json!({ "from": from, "to": Address::repeat_byte(0x22), "value": "0x1" }),
        json!({ "from": from, "to": Address::repeat_byte(0x22), "data": vec![Bytes::from(vec![1; 500])][0] }),
        json!({ "from": from, "to": counter }),
        json!({ "from": from, "to": clears }),
        json!({ "from": from, "to": forwards }),
        json!({ "from": from, "to": forwards_twice }),
        json!({ "from": from, "data": initcode(&[], COUNTER) }),
    ] {
        let estimate = number(&call(&devnet, "eth_estimateGas", json!([request])).await);
        let least = least_gas(&devnet, &request).await;
        assert!(
            estimate >= least && estimate * 100 <= least * 102,
            "{estimate} for {least}: {request}"
        );
        let mut request = request.clone();
        request["gas"] = json!(format!("{estimate:#x}"));
        let hash = call(&devnet, "eth_sendTransaction", json!([request])).await;
        let receipt = call(&devnet, "eth_getTransactionReceipt", json!([hash])).await;
        assert_eq!(receipt["status"], "0x1", "{request}");
    }
}

#[tokio::test]
async fn what_cannot_be_included_is_refused_at_the_door() {
    let devnet = devnet(|_| {}).await;
    let account = &devnet.accounts()[0];
    call(
        &devnet,
        "eth_sendRawTransaction",
        json!([raw(account, 0, |_| {})]),
    )
    .await;
    for (sent, words) in [
        (
            raw(account, 0, |tx| tx.value = U256::from(7)),
            "nonce too low: next nonce 1, tx nonce 0",
        ),
        (
            raw(account, 1, |tx| tx.value = U256::MAX >> 8),
            "insufficient funds for gas * price + value",
        ),
        (
            raw(account, 1, |tx| tx.gas_limit = 20_000),
            "intrinsic gas too low",
        ),
        (
            raw(account, 1, |tx| tx.max_fee_per_gas = U256::from(1)),
            "max fee per gas less than block base fee",
        ),
        (
            raw(account, 1, |tx| tx.chain_id = 1),
            "invalid chain id for signer",
        ),
        ("0x03c0".into(), "transaction type not supported"),
    ] {
        let error = try_call(&devnet, "eth_sendRawTransaction", json!([sent]))
            .await
            .unwrap_err();
        assert_eq!(error.code, -32000);
        assert!(error.message.contains(words), "{}", error.message);
    }
}

#[tokio::test]
async fn errors_have_their_codes() {
    let devnet = devnet(|_| {}).await;
    let code = async |method, params| try_call(&devnet, method, params).await.unwrap_err().code;
    assert_eq!(code("eth_nothing", json!([])).await, -32601);
    assert_eq!(code("eth_getBalance", json!([])).await, -32602);
    assert_eq!(code("eth_getBalance", json!(["0x1"])).await, -32602);
    assert_eq!(
        code("eth_getBalance", json!([Address::ZERO, "0xffff"])).await,
        -32000
    );
    assert_eq!(code("eth_getFilterChanges", json!(["0x77"])).await, -32000);
}

#[tokio::test]
async fn filters_give_what_is_new() {
    let devnet = devnet(|_| {}).await;
    let from = devnet.accounts()[0].address;
    let contract = deploy(&devnet, &[], COUNTER).await;
    let logs = call(&devnet, "eth_newFilter", json!([{ "address": contract }])).await;
    let blocks = call(&devnet, "eth_newBlockFilter", json!([])).await;
    let arrivals = call(&devnet, "eth_newPendingTransactionFilter", json!([])).await;
    let hash = call(
        &devnet,
        "eth_sendTransaction",
        json!([{ "from": from, "to": contract }]),
    )
    .await;
    let new = call(&devnet, "eth_getFilterChanges", json!([logs])).await;
    assert_eq!(new[0]["transactionHash"], hash);
    assert_eq!(
        call(&devnet, "eth_getFilterChanges", json!([logs])).await,
        json!([])
    );
    let latest = call(&devnet, "eth_getBlockByNumber", json!(["latest", false])).await;
    assert_eq!(
        call(&devnet, "eth_getFilterChanges", json!([blocks])).await,
        json!([latest["hash"]])
    );
    assert_eq!(
        call(&devnet, "eth_getFilterChanges", json!([arrivals])).await,
        json!([hash])
    );
    assert_eq!(
        call(&devnet, "eth_uninstallFilter", json!([logs])).await,
        json!(true)
    );
    assert_eq!(
        call(&devnet, "eth_uninstallFilter", json!([logs])).await,
        json!(false)
    );
}

#[tokio::test]
async fn facts_about_the_chain_are_told() {
    let devnet = devnet(|options| {
        options.chain_id = 31337;
        options.accounts = 3;
    })
    .await;
    assert_eq!(call(&devnet, "eth_chainId", json!([])).await, "0x7a69");
    assert_eq!(call(&devnet, "net_version", json!([])).await, "31337");
    assert_eq!(
        call(&devnet, "eth_accounts", json!([]))
            .await
            .as_array()
            .unwrap()
            .len(),
        3
    );
    assert_eq!(
        call(&devnet, "hardhat_metadata", json!([])).await["chainId"],
        31337
    );
    assert_eq!(
        call(&devnet, "web3_sha3", json!(["0x"])).await,
        json!(keccak256([]))
    );
    let history = call(
        &devnet,
        "eth_feeHistory",
        json!(["0x4", "latest", [25, 75]]),
    )
    .await;
    let blocks = history["gasUsedRatio"].as_array().unwrap().len();
    assert_eq!(
        history["baseFeePerGas"].as_array().unwrap().len(),
        blocks + 1
    );
    assert_eq!(history["reward"].as_array().unwrap().len(), blocks);
    let pending = call(&devnet, "eth_getBlockByNumber", json!(["pending", false])).await;
    let latest = call(&devnet, "eth_getBlockByNumber", json!(["latest", false])).await;
    assert_eq!(pending["parentHash"], latest["hash"]);
    assert_eq!(
        call(&devnet, "eth_getBlockByNumber", json!(["0x100000", false])).await,
        Value::Null
    );
}

#[tokio::test]
async fn blocks_come_by_the_clock_where_they_should() {
    let period = std::time::Duration::from_millis(200);
    let devnet = devnet(|options| options.block_time = node::BlockTime::Every(period)).await;
    let first = number(&call(&devnet, "eth_blockNumber", json!([])).await);
    let raw = raw(&devnet.accounts()[0], 0, |_| {});
    let hash = call(&devnet, "eth_sendRawTransaction", json!([raw])).await;
    tokio::time::sleep(4 * period).await;
    let receipt = call(&devnet, "eth_getTransactionReceipt", json!([hash])).await;
    assert_eq!(receipt["status"], "0x1");
    let last = number(&call(&devnet, "eth_blockNumber", json!([])).await);
    assert!(last >= first + 2, "{first} to {last}");
}
