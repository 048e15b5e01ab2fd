//! Every further method of the devnet, on the real kernel.

use crate::common::{COUNTER, call, deploy, devnet, number, raw, try_call};
use alloy_primitives::{Address, B256, U256, hex};
use serde_json::{Value, json};

#[tokio::test]
async fn blocks_are_counted_indexed_and_have_their_receipts() {
    let devnet = devnet(|_| {}).await;
    let raw = raw(&devnet.accounts()[0], 0, |_| {});
    let hash = call(&devnet, "eth_sendRawTransaction", json!([raw])).await;
    let receipt = call(&devnet, "eth_getTransactionReceipt", json!([hash])).await;
    let (number, block) = (&receipt["blockNumber"], &receipt["blockHash"]);
    for (suffix, id) in [("Number", number), ("Hash", block)] {
        let method = |name: &str| format!("eth_get{name}{suffix}");
        let count = call(&devnet, &method("BlockTransactionCountBy"), json!([id])).await;
        assert_eq!(count, "0x1");
        let ommers = call(&devnet, &method("UncleCountByBlock"), json!([id])).await;
        assert_eq!(ommers, "0x0");
    }
    let whole = call(&devnet, "eth_getTransactionByHash", json!([hash])).await;
    for (suffix, id) in [("Number", number), ("Hash", block)] {
        let method = format!("eth_getTransactionByBlock{suffix}AndIndex");
        assert_eq!(call(&devnet, &method, json!([id, "0x0"])).await, whole);
        assert_eq!(
            call(&devnet, &method, json!([id, "0x1"])).await,
            Value::Null
        );
    }
    for id in [number, block] {
        let receipts = call(&devnet, "eth_getBlockReceipts", json!([id])).await;
        assert_eq!(receipts, json!([receipt]));
    }
    assert_eq!(
        call(&devnet, "eth_getBlockReceipts", json!(["0xffff"])).await,
        Value::Null
    );
    assert_eq!(call(&devnet, "eth_blobBaseFee", json!([])).await, "0x1");
    assert_eq!(call(&devnet, "net_listening", json!([])).await, true);
}

/// Returns NUMBER, TIMESTAMP, GASLIMIT, COINBASE, PREVRANDAO, BASEFEE, SELFBALANCE.
const ENVIRONMENT: &[u8] =
    &hex!("43600052426020524560405241606052446080524860a0524760c05260e06000f3");

#[tokio::test]
async fn calls_see_block_and_state_as_they_are_overridden() {
    let devnet = devnet(|_| {}).await;
    let contract = deploy(&devnet, &[], ENVIRONMENT).await;
    let block = json!({
        "number": "0x1234", "time": "0x77777777", "gasLimit": "0x2000000",
        "feeRecipient": Address::repeat_byte(0xfe), "prevRandao": B256::repeat_byte(0x5a),
        "baseFeePerGas": "0x64",
    });
    let state = json!({ contract.to_string(): { "balance": "0x9" } });
    let request = json!({ "to": contract, "gasPrice": "0x64", "gas": "0x10000" });
    let rich = json!({ contract.to_string(): { "balance": "0x9" }, Address::ZERO.to_string(): { "balance": "0xffffffffff" } });
    let words = call(&devnet, "eth_call", json!([request, "latest", rich, block])).await;
    let expected = [
        U256::from(0x1234),
        U256::from(0x7777_7777),
        U256::from(0x200_0000),
        U256::from_be_slice(Address::repeat_byte(0xfe).as_slice()),
        U256::from_be_bytes([0x5a; 32]),
        U256::from(100),
        U256::from(9),
    ];
    let expected: Vec<u8> = expected.iter().flat_map(U256::to_be_bytes::<32>).collect();
    assert_eq!(words, hex::encode_prefixed(expected));
    let estimate = call(
        &devnet,
        "eth_estimateGas",
        json!([{ "to": contract }, "latest", state, block]),
    )
    .await;
    assert!(number(&estimate) > 21_000);
    // Numbers over 64 bits, where go-ethereum takes them.
    let high = U256::from(1) << 200;
    let wide = json!({ "number": high, "baseFeePerGas": U256::MAX });
    let words = call(
        &devnet,
        "eth_call",
        json!([{ "to": contract }, "latest", {}, wide]),
    )
    .await;
    let words = hex::decode(words.as_str().unwrap()).unwrap();
    let word = |index: usize| U256::from_be_slice(&words[32 * index..32 * (index + 1)]);
    // A call without a gas price sees no base fee.
    assert_eq!((word(0), word(5)), (high, U256::ZERO));
    let options = json!({ "tracer": "callTracer", "blockOverrides": wide });
    let traced = json!([{ "to": contract }, "latest", options]);
    let traced = call(&devnet, "debug_traceCall", traced).await;
    assert_eq!(traced["output"], hex::encode_prefixed(&words));
    let estimate = json!([{ "to": contract }, "latest", {}, wide]);
    call(&devnet, "eth_estimateGas", estimate).await;
    let priced = json!([request, "latest", rich, wide]);
    let error = try_call(&devnet, "eth_call", priced).await.unwrap_err();
    assert_eq!(error.code, -32000);
    let base_fee = format!("maxFeePerGas: 100, baseFee: {}", U256::MAX);
    assert!(error.message.contains(&base_fee), "{}", error.message);
    let blocks = json!([{ "blockOverrides": { "number": high } }]);
    let simulated = json!([{ "blockStateCalls": blocks }]);
    let error = try_call(&devnet, "eth_simulateV1", simulated).await;
    assert_eq!(error.unwrap_err().code, -38026);
    for refused in [
        json!({ "blobBaseFee": "0x2" }),
        json!({ "time": "soon" }),
        json!({ "time": high }),
        json!({ "gasLimit": high }),
        json!({ "number": format!("0x1{}", "0".repeat(64)) }),
    ] {
        let params = json!([{ "to": contract }, "latest", {}, refused]);
        let error = try_call(&devnet, "eth_call", params).await.unwrap_err();
        assert_eq!(error.code, -32602, "{}", error.message);
    }
    let identity = "0x0000000000000000000000000000000000000004";
    let moved = json!({ identity: { "movePrecompileToAddress": Address::repeat_byte(0x99) } });
    let at = async |to: Value, overrides: &Value| {
        let request = json!({ "to": to, "data": "0x0102" });
        call(&devnet, "eth_call", json!([request, "latest", overrides])).await
    };
    assert_eq!(
        at(json!(Address::repeat_byte(0x99)), &moved).await,
        "0x0102"
    );
    assert_eq!(at(json!(identity), &moved).await, "0x");
    // Returns 7.
    let replaced = json!({ identity: { "code": "0x600760005260206000f3" } });
    assert_eq!(number(&at(json!(identity), &replaced).await), 7);
    let nowhere = json!({ contract.to_string(): { "movePrecompileToAddress": identity } });
    let params = json!([{ "to": contract }, "latest", nowhere]);
    let error = try_call(&devnet, "eth_call", params).await.unwrap_err();
    assert!(
        error.message.contains("is not a precompile"),
        "{}",
        error.message
    );
}

#[tokio::test]
async fn a_call_gets_code_nonce_and_slots_from_its_overrides() {
    let devnet = devnet(|_| {}).await;
    let nowhere = Address::repeat_byte(0x77).to_string();
    let count = async |overrides: Value| {
        let overrides = json!({ nowhere.clone(): overrides });
        call(
            &devnet,
            "eth_call",
            json!([{ "to": nowhere }, "latest", overrides]),
        )
        .await
    };
    let code = hex::encode_prefixed(COUNTER);
    let word = |number: u64| json!(B256::from(U256::from(number)));
    assert_eq!(count(json!({ "code": code })).await, word(1));
    let slot = json!({ B256::ZERO.to_string(): B256::from(U256::from(5)) });
    assert_eq!(count(json!({ "code": code, "state": slot })).await, word(6));
    assert_eq!(
        count(json!({ "code": code, "stateDiff": slot })).await,
        word(6)
    );
    // A creation's address follows from the nonce: CREATE of nothing, returned.
    let create = "0x600060006000f060005260206000f3";
    let created = count(json!({ "code": create, "nonce": "0x7" })).await;
    let expected = Address::repeat_byte(0x77).create(7).into_word();
    assert_eq!(created, json!(expected));
}

#[tokio::test]
async fn an_access_list_names_what_a_call_touches() {
    let devnet = devnet(|_| {}).await;
    let contract = deploy(&devnet, &[], COUNTER).await;
    let from = devnet.accounts()[0].address;
    let request = json!({ "from": from, "to": contract });
    let answer = call(&devnet, "eth_createAccessList", json!([request])).await;
    let list = json!([{ "address": contract, "storageKeys": [B256::ZERO] }]);
    assert_eq!(answer["accessList"], json!(list.clone()), "{answer}");
    // The gas is that of the call which names them.
    let mut named = request.clone();
    named["accessList"] = list;
    named["gas"] = answer["gasUsed"].clone();
    let hash = call(&devnet, "eth_sendTransaction", json!([named])).await;
    let receipt = call(&devnet, "eth_getTransactionReceipt", json!([hash])).await;
    assert_eq!(
        (&receipt["status"], &receipt["gasUsed"]),
        (&json!("0x1"), &answer["gasUsed"])
    );
    let plain = json!([{ "from": from, "to": Address::repeat_byte(3), "value": "0x1" }]);
    let answer = call(&devnet, "eth_createAccessList", plain).await;
    assert_eq!(
        (&answer["accessList"], &answer["gasUsed"]),
        (&json!([]), &json!("0x5208"))
    );
}

#[tokio::test]
async fn account_info_is_balance_nonce_and_code() {
    let devnet = devnet(|_| {}).await;
    let contract = deploy(&devnet, &[], COUNTER).await;
    let info = call(&devnet, "eth_getAccountInfo", json!([contract, "latest"])).await;
    assert_eq!(
        info,
        json!({ "balance": "0x0", "nonce": "0x1", "code": hex::encode_prefixed(COUNTER) })
    );
    let info = call(
        &devnet,
        "eth_getAccountInfo",
        json!([Address::repeat_byte(9), "latest"]),
    )
    .await;
    assert_eq!(
        info,
        json!({ "balance": "0x0", "nonce": "0x0", "code": "0x" })
    );
}

#[tokio::test]
async fn a_filled_transaction_lacks_only_its_signature() {
    let devnet = devnet(|_| {}).await;
    let from = devnet.accounts()[0].address;
    let request = json!([{ "from": from, "to": Address::repeat_byte(9), "value": "0x5" }]);
    let filled = call(&devnet, "eth_fillTransaction", request).await;
    let tx = &filled["tx"];
    for (name, value) in [
        ("nonce", "0x0"),
        ("gas", "0x5208"),
        ("value", "0x5"),
        ("type", "0x2"),
        ("chainId", "0x539"),
        ("r", "0x0"),
    ] {
        assert_eq!(tx[name], value, "{name}");
    }
    assert!(filled["raw"].as_str().unwrap().starts_with("0x02"));
    assert_eq!(
        call(&devnet, "eth_getTransactionCount", json!([from, "pending"])).await,
        "0x0"
    );
}

#[tokio::test]
async fn a_synchronous_send_answers_with_the_receipt_or_says_why_not() {
    let devnet = devnet(|_| {}).await;
    let account = &devnet.accounts()[0];
    let method = "eth_sendRawTransactionSync";
    let receipt = call(&devnet, method, json!([raw(account, 0, |_| {})])).await;
    assert_eq!(
        (&receipt["status"], &receipt["from"]),
        (&json!("0x1"), &json!(account.address))
    );
    let error = try_call(&devnet, method, json!([raw(account, 5, |_| {})]))
        .await
        .unwrap_err();
    assert_eq!((error.code, error.data), (6, Some(json!("0x1"))));
    call(&devnet, "evm_setAutomine", json!([false])).await;
    let error = try_call(&devnet, method, json!([raw(account, 1, |_| {}), 50]))
        .await
        .unwrap_err();
    assert_eq!(error.code, 4);
    let hash = error.data.expect("the hash");
    let waiting = call(&devnet, "eth_getTransactionByHash", json!([hash])).await;
    assert_eq!(
        (&waiting["hash"], &waiting["blockHash"]),
        (&hash, &Value::Null)
    );
}

#[tokio::test]
async fn the_pool_shows_what_waits_and_what_is_replaced_is_gone() {
    let devnet = devnet(|_| {}).await;
    call(&devnet, "evm_setAutomine", json!([false])).await;
    let account = &devnet.accounts()[0];
    let send = async |nonce, fee: u64, value: u64| {
        let raw = raw(account, nonce, |tx| {
            tx.max_fee_per_gas = U256::from(fee);
            tx.max_priority_fee_per_gas = U256::from(fee / 10);
            tx.value = U256::from(value);
        });
        try_call(&devnet, "eth_sendRawTransaction", json!([raw])).await
    };
    let first = send(0, 10_000_000_000, 1).await.unwrap();
    let parked = send(3, 10_000_000_000, 2).await.unwrap();
    let status = call(&devnet, "txpool_status", json!([])).await;
    assert_eq!(status, json!({ "pending": "0x1", "queued": "0x1" }));
    let content = call(&devnet, "txpool_content", json!([])).await;
    let who = account.address.to_checksum(None);
    assert_eq!(content["pending"][&who]["0"]["hash"], first);
    assert_eq!(content["queued"][&who]["3"]["hash"], parked);
    let own = call(&devnet, "txpool_contentFrom", json!([account.address])).await;
    assert_eq!(own["pending"]["0"], content["pending"][&who]["0"]);
    let lines = call(&devnet, "txpool_inspect", json!([])).await;
    let to = Address::repeat_byte(0x11).to_checksum(None);
    assert_eq!(
        lines["pending"][&who]["0"],
        format!("{to}: 1 wei + 21000 gas × 10000000000 wei")
    );
    let error = send(0, 10_900_000_000, 3).await.unwrap_err();
    assert_eq!(
        (error.code, error.message.as_str()),
        (-32000, "replacement transaction underpriced")
    );
    let second = send(0, 11_000_000_000, 3).await.unwrap();
    for method in ["eth_getTransactionByHash", "eth_getTransactionReceipt"] {
        assert_eq!(call(&devnet, method, json!([first])).await, Value::Null);
    }
    call(&devnet, "evm_mine", json!([])).await;
    let receipt = call(&devnet, "eth_getTransactionReceipt", json!([second])).await;
    assert_eq!(receipt["status"], "0x1");
    // All that waits must be paid for together: 3 × half of the balance is too much.
    let half = U256::from(node::devnet::BALANCE / 2);
    let costly = |nonce| raw(account, nonce, |tx| tx.value = half);
    call(&devnet, "eth_sendRawTransaction", json!([costly(1)])).await;
    let error = try_call(&devnet, "eth_sendRawTransaction", json!([costly(2)]))
        .await
        .unwrap_err();
    assert!(
        error
            .message
            .contains("insufficient funds for gas * price + value"),
        "{}",
        error.message
    );
    assert!(error.message.contains("queued cost"), "{}", error.message);
}

#[tokio::test]
async fn logs_of_a_filter_are_those_of_its_query() {
    let devnet = devnet(|_| {}).await;
    let contract = deploy(&devnet, &[], COUNTER).await;
    let from = devnet.accounts()[0].address;
    let query = json!([{ "address": contract, "fromBlock": "earliest" }]);
    let filter = call(&devnet, "eth_newFilter", query.clone()).await;
    for _ in 0..3 {
        call(
            &devnet,
            "eth_sendTransaction",
            json!([{ "from": from, "to": contract }]),
        )
        .await;
    }
    let logs = call(&devnet, "eth_getFilterLogs", json!([filter])).await;
    assert_eq!(logs.as_array().unwrap().len(), 3);
    assert_eq!(call(&devnet, "eth_getLogs", query).await, logs);
    let block = &logs[1]["blockHash"];
    let one = call(&devnet, "eth_getLogs", json!([{ "blockHash": block }])).await;
    assert_eq!(one, json!([logs[1]]));
    let other = Address::repeat_byte(4);
    let both = json!([{ "address": [other, contract], "fromBlock": logs[1]["blockNumber"] }]);
    assert_eq!(
        call(&devnet, "eth_getLogs", both).await,
        json!([logs[1], logs[2]])
    );
    let blocks = call(&devnet, "eth_newBlockFilter", json!([])).await;
    let error = try_call(&devnet, "eth_getFilterLogs", json!([blocks]))
        .await
        .unwrap_err();
    assert_eq!(
        (error.code, error.message.as_str()),
        (-32000, "filter not found")
    );
}

#[tokio::test]
async fn calls_that_halt_say_what_go_ethereum_says() {
    let devnet = devnet(|_| {}).await;
    let contract = Address::repeat_byte(0xc0);
    let says = async |code: &str| {
        let overrides = json!({ contract.to_string(): { "code": code } });
        let params = json!([{ "to": contract }, "latest", overrides]);
        let error = try_call(&devnet, "eth_call", params).await.unwrap_err();
        assert_eq!(error.code, -32000);
        error.message
    };
    assert_eq!(says("0x0c").await, "invalid opcode: opcode 0xc not defined");
    assert_eq!(says("0xfe").await, "invalid opcode: INVALID");
    assert_eq!(says("0x5f01").await, "stack underflow (1 <=> 2)");
    assert_eq!(says("0x600056").await, "invalid jump destination");
    // Pushes for ever.
    let full = says("0x5b5f600056").await;
    assert_eq!(full, "stack limit reached 1024 (1023)");
    // What a call within halts with is its caller's business.
    let inner = json!({
        contract.to_string(): { "code": "0x5f5f5f5f5f60c15af15f5260205ff3" },
        Address::with_last_byte(0xc1).to_string(): { "code": "0x0c" },
    });
    let outcome = call(
        &devnet,
        "eth_call",
        json!([{ "to": contract }, "latest", inner]),
    )
    .await;
    assert_eq!(outcome, format!("0x{}", "0".repeat(64)));
}

#[tokio::test]
async fn calls_without_means_name_the_account_and_the_gas() {
    let devnet = devnet(|_| {}).await;
    let poor = Address::repeat_byte(0x9d);
    let request = json!({ "from": poor, "to": Address::ZERO, "value": "0x5" });
    let words = format!(
        "insufficient funds for gas * price + value: address {} have 0 want 5",
        poor.to_checksum(None)
    );
    let error = try_call(&devnet, "eth_call", json!([request]))
        .await
        .unwrap_err();
    assert_eq!(
        error.message,
        format!("err: {words} (supplied gas 50000000)")
    );
    let error = try_call(&devnet, "eth_estimateGas", json!([request])).await;
    let message = error.unwrap_err().message;
    assert!(
        message.starts_with("failed with ") && message.ends_with(&words),
        "{message}"
    );
}

#[tokio::test]
async fn blocks_are_named_by_quantities() {
    let devnet = devnet(|_| {}).await;
    call(&devnet, "evm_mine", json!([])).await;
    for (id, why) in [
        (json!(1), "cannot read number as block number"),
        (json!("0x01"), "hex number with leading zero digits"),
        (json!("1"), "hex string without 0x prefix"),
    ] {
        for method in ["eth_getBlockByNumber", "eth_getBlockReceipts"] {
            let error = try_call(&devnet, method, json!([id, false]))
                .await
                .unwrap_err();
            assert_eq!(error.code, -32602);
            assert_eq!(error.message, format!("invalid argument 0: {why}"));
        }
    }
    // Otterscan sends numbers.
    let details = call(&devnet, "ots_getBlockDetails", json!([1])).await;
    assert_eq!(details["block"]["number"], "0x1");
    let header = call(&devnet, "erigon_getHeaderByNumber", json!([1])).await;
    assert_eq!(header["hash"], details["block"]["hash"]);
}
