//! Traces over JSON-RPC, of what ran in the compiled kernel.

use crate::common::forwarded::{scene, send};
use crate::common::{COUNTER, call, deploy, devnet, number, try_call};
use alloy_primitives::{Address, U256, hex};
use node::Handle;
use serde_json::{Value, json};

async fn traced(devnet: &Handle, hash: &Value, options: Value) -> Value {
    call(devnet, "debug_traceTransaction", json!([hash, options])).await
}

#[tokio::test]
async fn the_call_tracer_shows_the_tree_of_calls() {
    let (devnet, counter, forwarder, hash) = scene().await;
    let receipt = call(&devnet, "eth_getTransactionReceipt", json!([hash])).await;
    let tracer = json!({ "tracer": "callTracer", "tracerConfig": { "withLog": true } });
    let trace = traced(&devnet, &hash, tracer).await;
    assert_eq!(trace["type"], "CALL");
    assert_eq!(trace["gasUsed"], receipt["gasUsed"]);
    assert_eq!(trace["to"], json!(format!("{forwarder:#x}")));
    let inner = &trace["calls"][0];
    assert_eq!(inner["to"], json!(format!("{counter:#x}")));
    assert_eq!(inner["input"], "0x01020304");
    assert_eq!(number(&inner["output"]), 1);
    assert_eq!(inner["logs"][0]["topics"], receipt["logs"][0]["topics"]);
    let top = json!({ "tracer": "callTracer", "tracerConfig": { "onlyTopCall": true } });
    assert_eq!(traced(&devnet, &hash, top).await["calls"], Value::Null);
}

#[tokio::test]
async fn each_tracer_answers_in_its_form() {
    let (devnet, counter, forwarder, hash) = scene().await;
    let of = async |name: &str, config: Value| {
        traced(
            &devnet,
            &hash,
            json!({ "tracer": name, "tracerConfig": config }),
        )
        .await
    };
    let counter = format!("{counter:#x}");
    let prestate = of("prestateTracer", json!({})).await;
    assert_eq!(
        prestate[&counter]["code"],
        json!(hex::encode_prefixed(COUNTER))
    );
    assert!(prestate[&format!("{forwarder:#x}")].is_object());
    let bare = of("prestateTracer", json!({ "disableCode": true })).await;
    assert_eq!(bare[&counter]["code"], Value::Null);
    let diff = of("prestateTracer", json!({ "diffMode": true })).await;
    let slot = "0x0000000000000000000000000000000000000000000000000000000000000000";
    assert_eq!(number(&diff["post"][&counter]["storage"][slot]), 1);
    assert_eq!(diff["pre"][&counter]["storage"][slot], Value::Null);
    assert_eq!(of("4byteTracer", json!({})).await["0x01020304-0"], 1);
    let flat = of("flatCallTracer", json!({})).await;
    assert_eq!(flat[1]["traceAddress"], json!([0]));
    assert_eq!(flat[1]["action"]["to"], json!(counter));
    let mux = of("muxTracer", json!({ "callTracer": {}, "4byteTracer": {} })).await;
    assert_eq!(mux["callTracer"]["type"], "CALL");
    assert_eq!(mux["4byteTracer"]["0x01020304-0"], 1);
    assert_eq!(of("noopTracer", json!({})).await, json!({}));
    let unknown = json!([hash, { "tracer": "nosuchTracer" }]);
    assert!(
        try_call(&devnet, "debug_traceTransaction", unknown)
            .await
            .is_err()
    );
}

#[tokio::test]
async fn the_struct_logger_has_memory_only_when_asked() {
    let (devnet, _, _, hash) = scene().await;
    let receipt = call(&devnet, "eth_getTransactionReceipt", json!([hash])).await;
    let trace = traced(&devnet, &hash, json!({})).await;
    assert_eq!(
        json!(format!("{:#x}", trace["gas"].as_u64().unwrap())),
        receipt["gasUsed"]
    );
    assert_eq!(trace["failed"], false);
    let steps = trace["structLogs"].as_array().unwrap();
    assert!(
        steps
            .iter()
            .any(|step| step["op"] == "SSTORE" && step["depth"] == 2)
    );
    assert!(steps.iter().all(|step| step["memory"].is_null()));
    assert!(steps.iter().all(|step| step["stack"].is_array()));
    let options = json!({ "enableMemory": true, "disableStack": true, "disableStorage": true });
    let trace = traced(&devnet, &hash, options).await;
    let steps = trace["structLogs"].as_array().unwrap();
    assert!(steps.iter().any(|step| step["memory"].is_array()));
    assert!(
        steps
            .iter()
            .all(|step| step["stack"].is_null() && step["storage"].is_null())
    );
}

#[tokio::test]
async fn a_block_is_traced_with_what_comes_before_in_it() {
    let devnet = devnet(|_| {}).await;
    let counter = deploy(&devnet, &[], COUNTER).await;
    call(&devnet, "evm_setAutomine", json!([false])).await;
    for account in &devnet.accounts()[..3] {
        let request = json!([{ "from": account.address, "to": counter, "gas": "0x20000" }]);
        call(&devnet, "eth_sendTransaction", request).await;
    }
    call(&devnet, "evm_mine", json!([])).await;
    let block = call(&devnet, "eth_getBlockByNumber", json!(["latest", false])).await;
    let tracer = json!({ "tracer": "callTracer" });
    let by_number = call(
        &devnet,
        "debug_traceBlockByNumber",
        json!(["latest", tracer]),
    )
    .await;
    let by_hash = call(
        &devnet,
        "debug_traceBlockByHash",
        json!([block["hash"], tracer]),
    )
    .await;
    assert_eq!(by_number, by_hash);
    let counts: Vec<u64> = by_number
        .as_array()
        .unwrap()
        .iter()
        .map(|trace| number(&trace["result"]["output"]))
        .collect();
    assert_eq!(counts, [1, 2, 3]);
    for (trace, hash) in by_number
        .as_array()
        .unwrap()
        .iter()
        .zip(block["transactions"].as_array().unwrap())
    {
        assert_eq!(&trace["txHash"], hash);
        let alone = call(&devnet, "debug_traceTransaction", json!([hash, tracer])).await;
        assert_eq!(alone, trace["result"]);
    }
    let diff = json!({ "tracer": "prestateTracer", "tracerConfig": { "diffMode": true } });
    let last = &block["transactions"][2];
    let diff = call(&devnet, "debug_traceTransaction", json!([last, diff])).await;
    let slot = "0x0000000000000000000000000000000000000000000000000000000000000000";
    let counter = format!("{counter:#x}");
    assert_eq!(number(&diff["pre"][&counter]["storage"][slot]), 2);
    assert_eq!(number(&diff["post"][&counter]["storage"][slot]), 3);
    let error = try_call(&devnet, "debug_traceBlockByNumber", json!(["0x0"])).await;
    assert_eq!(error.unwrap_err().message, "genesis is not traceable");
}

#[tokio::test]
async fn calls_are_traced_under_overrides() {
    let (devnet, counter, _, _) = scene().await;
    let request = json!({ "to": counter });
    let slot = "0x0000000000000000000000000000000000000000000000000000000000000000";
    let options = json!({
        "tracer": "callTracer",
        "stateOverrides": { format!("{counter:#x}"): { "stateDiff": { slot: "0x0000000000000000000000000000000000000000000000000000000000000029" } } },
    });
    let trace = call(
        &devnet,
        "debug_traceCall",
        json!([request, "latest", options]),
    )
    .await;
    assert_eq!(number(&trace["output"]), 42);
    // Before the transaction that counted.
    let options = json!({ "tracer": "callTracer", "txIndex": "0x0" });
    let trace = call(
        &devnet,
        "debug_traceCall",
        json!([request, "latest", options]),
    )
    .await;
    assert_eq!(number(&trace["output"]), 1);
}

#[tokio::test]
async fn calls_are_traced_between_the_transactions_of_a_block() {
    let devnet = devnet(|_| {}).await;
    let counter = deploy(&devnet, &[], COUNTER).await;
    // NUMBER, PREVRANDAO, the hash of the block before by BLOCKHASH and by the history contract.
    let surroundings = hex!(
        "43600052" "44602052" "6001430340604052" "6001430360005260206060602060006000"
        "730000f90827f1c53a10cb7a02335b175320002935" "5af1" "43600052" "60806000f3"
    );
    let surroundings = deploy(&devnet, &[], &surroundings).await;
    call(&devnet, "evm_setAutomine", json!([false])).await;
    let created = &devnet.accounts()[3];
    for account in &devnet.accounts()[..3] {
        let request = json!([{ "from": account.address, "to": counter, "gas": "0x20000" }]);
        call(&devnet, "eth_sendTransaction", request).await;
    }
    let request = json!([{ "from": created.address, "data": crate::common::initcode(&[], COUNTER), "gas": "0x30000" }]);
    call(&devnet, "eth_sendTransaction", request).await;
    call(&devnet, "evm_mine", json!([])).await;
    let counted = async |index: u64, overrides: Value| {
        let options = json!({
            "tracer": "callTracer", "txIndex": format!("{index:#x}"), "stateOverrides": overrides,
        });
        let params = json!([{ "to": counter }, "latest", options]);
        number(&call(&devnet, "debug_traceCall", params).await["output"])
    };
    for index in 0..4 {
        assert_eq!(counted(index, json!({})).await, index + 1);
    }
    // What is overridden is on top of what the transactions did.
    let slot = format!("{:#066x}", 0);
    let forty =
        json!({ format!("{counter:#x}"): { "stateDiff": { &slot: format!("{:#066x}", 40) } } });
    assert_eq!(counted(2, forty).await, 41);
    let other = json!({ format!("{:#x}", Address::repeat_byte(5)): { "balance": "0x1" } });
    assert_eq!(counted(2, other).await, 3);
    // Balances and nonces, too: the first account has paid.
    let from = devnet.accounts()[0].address;
    let broke = json!({ format!("{from:#x}"): { "balance": "0x0" } });
    let options = json!({ "tracer": "callTracer", "txIndex": "0x2", "stateOverrides": broke });
    let params = json!([{ "from": from, "to": counter, "value": "0x1" }, "latest", options]);
    let error = try_call(&devnet, "debug_traceCall", params)
        .await
        .unwrap_err();
    assert!(error.message.contains("insufficient funds"), "{error:?}");
    let options = json!({ "tracer": "callTracer", "txIndex": "0x4" });
    let params = json!([{ "to": counter }, "latest", options]);
    let error = try_call(&devnet, "debug_traceCall", params)
        .await
        .unwrap_err();
    assert!(
        error
            .message
            .starts_with("transaction index 4 out of range"),
        "{error:?}"
    );
    // The block's own surroundings, and those that overrides name.
    let block = call(&devnet, "eth_getBlockByNumber", json!(["latest", false])).await;
    let seen = async |options: Value| {
        let params = json!([{ "to": surroundings }, "latest", options]);
        let trace = call(&devnet, "debug_traceCall", params).await;
        let output = hex::decode(trace["output"].as_str().unwrap()).unwrap();
        output
            .chunks(32)
            .map(hex::encode_prefixed)
            .collect::<Vec<_>>()
    };
    let named = json!({ "tracer": "callTracer", "txIndex": "0x1" });
    let words = seen(named.clone()).await;
    let own = format!("{:#066x}", number(&block["number"]));
    assert_eq!(words[0], own);
    assert_eq!(words[1], block["mixHash"]);
    assert_eq!(words[2], block["parentHash"]);
    assert_eq!(words[3], block["parentHash"]);
    let mut moved = named;
    moved["blockOverrides"] = json!({ "random": format!("{:#066x}", 9), "number": "0x1000" });
    let words = seen(moved).await;
    assert_eq!(words[0], format!("{:#066x}", 0x1000));
    assert_eq!(words[1], format!("{:#066x}", 9));
}

#[tokio::test]
async fn a_failure_is_explained() {
    let devnet = devnet(|_| {}).await;
    // Reverts with the bytes behind it: Error("no").
    let mut code = hex!("6064600c60003960646000fd08c379a0").to_vec();
    for word in [U256::from(0x20), U256::from(2), U256::from(0x6e6f) << 240] {
        code.extend(word.to_be_bytes::<32>());
    }
    let failing = deploy(&devnet, &[], &code).await;
    let hash = send(&devnet, failing, &[], "0x0").await;
    let trace = traced(&devnet, &hash, json!({ "tracer": "callTracer" })).await;
    assert_eq!(trace["error"], "execution reverted");
    assert_eq!(trace["revertReason"], "no");
    let output = call(&devnet, "ots_getTransactionError", json!([hash])).await;
    assert_eq!(output, trace["output"]);
}

#[tokio::test]
async fn deposits_and_forced_transactions_are_traced() {
    let devnet = devnet(|_| {}).await;
    let receiver = devnet.accounts()[0].address;
    call(
        &devnet,
        "rollup_deposit",
        json!([{ "receiver": receiver, "amount": "1000000" }]),
    )
    .await;
    let block = call(&devnet, "eth_getBlockByNumber", json!(["latest", true])).await;
    assert_eq!(block["transactions"][0]["type"], "0x7e");
    let tracer = json!({ "tracer": "callTracer" });
    let traces = call(
        &devnet,
        "debug_traceBlockByNumber",
        json!(["latest", tracer]),
    )
    .await;
    assert_eq!(traces.as_array().unwrap().len(), 1);
    assert_eq!(traces[0]["result"]["type"], "CALL");
    let forced = crate::common::raw(&devnet.accounts()[1], 0, |_| {});
    call(&devnet, "rollup_sendDelayed", json!([forced])).await;
    let traces = call(&devnet, "trace_block", json!(["latest"])).await;
    assert_eq!(traces[0]["action"]["value"], "0x1");
}

#[tokio::test]
async fn impersonated_accounts_and_changed_states_are_traced() {
    let (devnet, counter, forwarder, _) = scene().await;
    let rich = json!([forwarder, "0xde0b6b3a7640000"]);
    call(&devnet, "anvil_setBalance", rich).await;
    call(&devnet, "anvil_impersonateAccount", json!([forwarder])).await;
    let slot = json!([
        counter,
        "0x0",
        "0x0000000000000000000000000000000000000000000000000000000000000063"
    ]);
    call(&devnet, "anvil_setStorageAt", slot).await;
    let request = json!([{ "from": forwarder, "to": counter }]);
    let hash = call(&devnet, "eth_sendTransaction", request).await;
    let trace = traced(&devnet, &hash, json!({ "tracer": "callTracer" })).await;
    assert_eq!(number(&trace["output"]), 100);
}

#[tokio::test]
async fn traces_of_parity_are_flat() {
    let (devnet, counter, forwarder, hash) = scene().await;
    let traces = call(&devnet, "trace_transaction", json!([hash])).await;
    let traces = traces.as_array().unwrap();
    assert_eq!(traces.len(), 2);
    assert_eq!(traces[0]["subtraces"], 1);
    assert_eq!(traces[1]["traceAddress"], json!([0]));
    assert_eq!(traces[1]["transactionHash"], hash);
    let got = call(&devnet, "trace_get", json!([hash, ["0x0"]])).await;
    assert_eq!(got, traces[1]);
    assert_eq!(
        call(&devnet, "trace_get", json!([hash, ["0x7"]])).await,
        Value::Null
    );
    let block = call(&devnet, "trace_block", json!(["latest"])).await;
    assert_eq!(block.as_array().unwrap(), traces);
    let newest = call(&devnet, "eth_blockNumber", json!([])).await;
    let filter = json!([{ "fromBlock": "0x1", "toBlock": newest, "toAddress": [counter] }]);
    let filtered = call(&devnet, "trace_filter", filter).await;
    for (from, to) in [
        ("earliest", "latest"),
        ("0x0", "latest"),
        ("earliest", "finalized"),
    ] {
        let tags = json!([{ "fromBlock": from, "toBlock": to }]);
        let all = call(&devnet, "trace_filter", tags).await;
        assert!(all.as_array().unwrap().len() >= filtered.as_array().unwrap().len());
    }
    let wrong = json!([{ "fromBlock": "soon" }]);
    assert!(try_call(&devnet, "trace_filter", wrong).await.is_err());
    let filtered = filtered.as_array().unwrap();
    assert_eq!(filtered.len(), 2, "its creation, and the call");
    assert_eq!(filtered[1], traces[1]);
    let page = json!([{ "fromBlock": "0x1", "toBlock": newest, "after": 1, "count": 1 }]);
    assert_eq!(
        call(&devnet, "trace_filter", page)
            .await
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let results = call(
        &devnet,
        "trace_replayTransaction",
        json!([hash, ["trace", "stateDiff", "vmTrace"]]),
    )
    .await;
    assert_eq!(
        results["trace"][1]["action"]["to"],
        json!(format!("{counter:#x}"))
    );
    assert!(results["stateDiff"][&format!("{counter:#x}")]["storage"].is_object());
    assert!(results["vmTrace"]["ops"].is_array());
    let block = call(
        &devnet,
        "trace_replayBlockTransactions",
        json!(["latest", ["trace"]]),
    )
    .await;
    assert_eq!(block[0]["transactionHash"], hash);
    let request = json!([{ "to": forwarder, "data": format!("0x{}", hex::encode(counter.into_word())) }, ["trace"]]);
    let tried = call(&devnet, "trace_call", request).await;
    assert_eq!(tried["trace"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn otterscan_gets_what_it_asks_for() {
    let (devnet, counter, forwarder, hash) = scene().await;
    let from = devnet.accounts()[0].address;
    let ask = async |method: &str, params: Value| call(&devnet, method, params).await;
    assert_eq!(ask("ots_getApiLevel", json!([])).await, 8);
    let header = ask("erigon_getHeaderByNumber", json!(["latest"])).await;
    assert_eq!(ask("ots_hasCode", json!([counter, "latest"])).await, true);
    assert_eq!(ask("ots_hasCode", json!([from, "latest"])).await, false);
    let entries = ask("ots_traceTransaction", json!([hash])).await;
    assert_eq!(entries[1]["depth"], 1);
    assert_eq!(entries[1]["to"], json!(format!("{counter:#x}")));
    assert_eq!(ask("ots_getTransactionError", json!([hash])).await, "0x");
    let data = [counter.into_word().as_slice(), &[1]].concat();
    let paid = send(&devnet, forwarder, &data, "0x8").await;
    let operations = ask("ots_getInternalOperations", json!([paid])).await;
    assert_eq!(operations[0]["value"], "0x4");
    let details = ask("ots_getBlockDetails", json!([header["number"]])).await;
    assert_eq!(details["block"]["transactionCount"], 1);
    let same = ask("ots_getBlockDetailsByHash", json!([header["hash"]])).await;
    assert_eq!(same, details);
    let page = ask("ots_getBlockTransactions", json!([header["number"], 0, 10])).await;
    assert_eq!(page["fullblock"]["transactions"][0]["hash"], hash);
    assert_eq!(page["receipts"][0]["transactionHash"], hash);
    let before = ask("ots_searchTransactionsBefore", json!([counter, 0, 2])).await;
    let hashes = |page: &Value| -> Vec<Value> {
        page["txs"]
            .as_array()
            .unwrap()
            .iter()
            .map(|tx| tx["hash"].clone())
            .collect()
    };
    assert_eq!(hashes(&before), [paid.clone(), hash.clone()]);
    assert_eq!(
        (&before["firstPage"], &before["lastPage"]),
        (&json!(true), &json!(false))
    );
    let after = ask("ots_searchTransactionsAfter", json!([counter, 0, 25])).await;
    assert_eq!(hashes(&after).len(), 3, "the creation, too");
    let nonce = ask("ots_getTransactionBySenderAndNonce", json!([from, 2])).await;
    assert_eq!(nonce, hash);
    let creator = ask("ots_getContractCreator", json!([counter])).await;
    assert_eq!(creator["creator"], json!(format!("{from:#x}")));
    assert_eq!(
        ask("ots_getContractCreator", json!([from])).await,
        Value::Null
    );
}

#[tokio::test]
async fn blocks_are_given_as_bytes() {
    use alloy_primitives::keccak256;
    let (devnet, _, _, hash) = scene().await;
    let bytes = |value: &Value| hex::decode(value.as_str().unwrap()).unwrap();
    let block = call(&devnet, "eth_getBlockByNumber", json!(["latest", false])).await;
    let header = bytes(&call(&devnet, "debug_getRawHeader", json!(["latest"])).await);
    assert_eq!(json!(keccak256(&header)), block["hash"]);
    let raw = bytes(&call(&devnet, "debug_getRawBlock", json!(["latest"])).await);
    assert_eq!(raw.len() as u64, number(&block["size"]));
    let transaction = bytes(&call(&devnet, "debug_getRawTransaction", json!([hash])).await);
    assert_eq!(json!(keccak256(&transaction)), hash);
    let receipts = call(&devnet, "debug_getRawReceipts", json!(["latest"])).await;
    let root = alloy_trie::root::ordered_trie_root_with_encoder(
        &receipts
            .as_array()
            .unwrap()
            .iter()
            .map(bytes)
            .collect::<Vec<_>>(),
        |receipt, out| out.extend_from_slice(receipt),
    );
    assert_eq!(json!(root), block["receiptsRoot"]);
}
