//! The devnet's limits, each with its error, over the network.

use crate::common::{COUNTER, call, deploy, devnet, try_call};
use alloy_primitives::{U256, hex};
use futures_util::{SinkExt, StreamExt};
use node::Handle;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::{self, Message};

/// Status and body of the answer to a POST with these headers.
async fn post(devnet: &Handle, headers: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(devnet.address()).await.unwrap();
    let head = format!(
        "POST / HTTP/1.1\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    // The node may answer before it has read all.
    let _ = stream.write_all((head + body).as_bytes()).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").expect("an answer");
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    (status.expect("a status"), body.to_owned())
}

const CALL: &str = r#"{"jsonrpc":"2.0","id":1,"method":"eth_chainId"}"#;

#[tokio::test]
async fn a_body_of_more_than_5_megabytes_is_refused() {
    let devnet = devnet(|_| {}).await;
    let padded = |len: usize| format!("{CALL}{}", " ".repeat(len - CALL.len()));
    let (status, _) = post(&devnet, "host: localhost\r\n", &padded(5 << 20)).await;
    assert_eq!(status, 200);
    let (status, body) = post(&devnet, "host: localhost\r\n", &padded((5 << 20) + 1)).await;
    let error: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, &error["error"]["code"]), (413, &json!(-32600)));
    assert!(body.contains("content length too large"), "{body}");
}

#[tokio::test]
async fn a_batch_has_at_most_1000_calls() {
    let devnet = devnet(|_| {}).await;
    let batch = |count: usize| format!("[{}]", vec![CALL; count].join(","));
    let (_, body) = post(&devnet, "host: localhost\r\n", &batch(1000)).await;
    let answers: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(answers.as_array().unwrap().len(), 1000);
    let (_, body) = post(&devnet, "host: localhost\r\n", &batch(1001)).await;
    let answer: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        (&answer["error"]["code"], &answer["error"]["message"]),
        (&json!(-32600), &json!("batch too large"))
    );
}

#[tokio::test]
async fn an_answer_has_at_most_10000_logs() {
    let devnet = devnet(|_| {}).await;
    // Makes as many logs as the call data say.
    let logger = deploy(
        &devnet,
        &[],
        &hex!("6000355b80156015576001900360006000a06003565b00"),
    )
    .await;
    let from = devnet.accounts()[0].address;
    for count in [5_000_u64, 5_000, 1] {
        let data = hex::encode_prefixed(U256::from(count).to_be_bytes::<32>());
        let request = json!([{ "from": from, "to": logger, "data": data, "gas": "0xf00000" }]);
        let hash = call(&devnet, "eth_sendTransaction", request).await;
        let receipt = call(&devnet, "eth_getTransactionReceipt", json!([hash])).await;
        assert_eq!(receipt["status"], "0x1");
        assert_eq!(receipt["logs"].as_array().unwrap().len() as u64, count);
    }
    let most = json!([{ "fromBlock": "0x0", "toBlock": "0x3" }]);
    assert_eq!(
        call(&devnet, "eth_getLogs", most)
            .await
            .as_array()
            .unwrap()
            .len(),
        10_000
    );
    for query in [
        json!({ "fromBlock": "0x0" }),
        json!({ "fromBlock": "0x0", "address": logger }),
    ] {
        let error = try_call(&devnet, "eth_getLogs", json!([query]))
            .await
            .unwrap_err();
        assert_eq!(error.code, -32005);
        assert!(
            error.message.contains("more than 10000 results"),
            "{}",
            error.message
        );
    }
}

#[tokio::test]
async fn a_long_reason_is_cut_where_it_is_told_in_words() {
    let devnet = devnet(|_| {}).await;
    // Reverts with Error(string) of so many zeros.
    let length = 4_900_000_u32;
    let code = [
        &hex!("7f08c379a000000000000000000000000000000000000000000000000000000000600052")[..],
        &hex!("602060045263"),
        &length.to_be_bytes(),
        &hex!("60245263"),
        &(length + 68).to_be_bytes(),
        &hex!("6000fd"),
    ]
    .concat();
    let contract = "0xc0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0";
    let overrides = json!({ contract: { "code": hex::encode_prefixed(code) } });
    let request = json!([{ "to": contract, "gas": "0x2faf080" }, "latest", overrides]);
    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "eth_call", "params": request });
    let (_, body) = post(&devnet, "", &call.to_string()).await;
    let answer: Value = serde_json::from_str(&body).unwrap();
    let error = &answer["error"];
    assert_eq!(error["code"], 3, "{}", &body[..200]);
    // It is all in the data, and was in the message, too, as six letters for each zero.
    let data = error["data"].as_str().unwrap();
    assert_eq!(data.len(), 2 + 2 * (length as usize + 68));
    let message = error["message"].as_str().unwrap();
    assert_eq!(
        message.chars().count(),
        "execution reverted: …".chars().count() + 1_024
    );
}

#[tokio::test]
async fn a_call_gets_at_most_50_million_gas() {
    let devnet = devnet(|_| {}).await;
    // Returns GAS.
    let contract = deploy(&devnet, &[], &hex!("5a60005260206000f3")).await;
    let left = call(
        &devnet,
        "eth_call",
        json!([{ "to": contract, "gas": "0xffffffffff" }]),
    )
    .await;
    let left = U256::from_be_slice(&hex::decode(left.as_str().unwrap()).unwrap());
    assert_eq!(left, U256::from(50_000_000 - 21_000 - 2));
}

#[tokio::test]
async fn a_connection_has_at_most_1000_subscriptions() {
    let devnet = devnet(|_| {}).await;
    let (mut socket, _) = connect_async(format!("ws://{}", devnet.address()))
        .await
        .unwrap();
    let mut subscribe = async |id: usize| {
        let request = json!({ "jsonrpc": "2.0", "id": id, "method": "eth_subscribe", "params": ["newHeads"] });
        socket
            .send(Message::text(request.to_string()))
            .await
            .unwrap();
        let answer = socket.next().await.expect("an answer").unwrap();
        serde_json::from_str::<Value>(answer.to_text().unwrap()).unwrap()
    };
    for id in 0..1000 {
        assert!(subscribe(id).await["result"].is_string());
    }
    let refused = subscribe(1000).await;
    assert_eq!(refused["error"]["code"], -32005);
    assert!(
        refused["error"]["message"]
            .as_str()
            .unwrap()
            .contains("too many subscriptions")
    );
}

#[tokio::test]
async fn all_connections_have_at_most_200000_subscriptions_with_their_topics() {
    let devnet = devnet(|_| {}).await;
    let topics: Vec<Value> = (0..999).map(|number| json!(word(number))).collect();
    let large = json!(["logs", { "topics": [topics] }]);
    let mut sockets = Vec::new();
    let mut refused = None;
    for _ in 0..21 {
        let (mut socket, _) = connect_async(format!("ws://{}", devnet.address()))
            .await
            .unwrap();
        for _ in 0..10 {
            let answer = subscribe(&mut socket, &large).await;
            if answer.get("error").is_some() {
                refused = Some((sockets.len(), answer));
                break;
            }
        }
        sockets.push(socket);
    }
    // A thousand places each.
    let (socket, answer) = refused.expect("an error");
    assert_eq!((socket, &answer["error"]["code"]), (20, &json!(-32005)));
    let message = answer["error"]["message"].as_str().unwrap();
    assert!(message.contains("of all clients"), "{message}");
    // Small ones find places all the same, and a connection that ends leaves its own.
    let answer = subscribe(&mut sockets[20], &json!(["newHeads"])).await;
    assert!(answer["result"].is_string(), "{answer}");
    drop(sockets.remove(0));
    let mut free = false;
    for _ in 0..100 {
        let answer = subscribe(sockets.last_mut().unwrap(), &large).await;
        free = answer["result"].is_string();
        if free {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert!(free);
}

fn word(number: u64) -> String {
    format!("{number:#066x}")
}

async fn subscribe(
    socket: &mut (
             impl SinkExt<Message, Error: std::fmt::Debug>
             + StreamExt<Item = Result<Message, tungstenite::Error>>
             + Unpin
         ),
    params: &Value,
) -> Value {
    let request = json!({ "jsonrpc": "2.0", "id": 1, "method": "eth_subscribe", "params": params });
    socket
        .send(Message::text(request.to_string()))
        .await
        .unwrap();
    let answer = socket.next().await.expect("an answer").unwrap();
    serde_json::from_str(answer.to_text().unwrap()).unwrap()
}

#[tokio::test]
async fn a_large_message_ends_a_connection_with_a_reason() {
    let devnet = devnet(|_| {}).await;
    let (mut socket, _) = connect_async(format!("ws://{}", devnet.address()))
        .await
        .unwrap();
    // The node stops reading before all is sent.
    let _ = socket.send(Message::text(" ".repeat((5 << 20) + 1))).await;
    let answer = socket.next().await.expect("an answer");
    let text = answer.expect("a reason").to_text().unwrap().to_owned();
    assert!(text.contains("content length too large"), "{text}");
}

#[tokio::test]
async fn a_name_that_is_not_the_nodes_own_is_turned_away() {
    let devnet = devnet(|_| {}).await;
    for (host, expected) in [
        ("localhost:8545", 200),
        ("127.0.0.1", 200),
        ("evil.example:8545", 403),
    ] {
        let (status, body) = post(&devnet, &format!("host: {host}\r\n"), CALL).await;
        assert_eq!(status, expected, "{host}: {body}");
    }
    let mut request = tungstenite::client::IntoClientRequest::into_client_request(format!(
        "ws://{}",
        devnet.address()
    ))
    .unwrap();
    request
        .headers_mut()
        .insert("host", "evil.example".parse().unwrap());
    let Err(tungstenite::Error::Http(answer)) = connect_async(request).await else {
        panic!("a WebSocket under another name");
    };
    assert_eq!(answer.status(), 403);
}

#[tokio::test]
async fn only_pages_of_the_named_origin_may_call() {
    let change = |options: &mut node::Options| options.cors = "http://app.example".into();
    let devnet = devnet(change).await;
    for (origin, expected) in [("http://app.example", 200), ("http://evil.example", 403)] {
        let headers = format!("host: localhost\r\norigin: {origin}\r\n");
        assert_eq!(post(&devnet, &headers, CALL).await.0, expected, "{origin}");
    }
}

/// The code with which the node closes a connection after these bytes.
async fn close_code(devnet: &Handle, bytes: &[u8]) -> u16 {
    let mut stream = TcpStream::connect(devnet.address()).await.unwrap();
    let head = "GET / HTTP/1.1\r\nhost: localhost\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
        sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    // The node may close before it has read all.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    // The last frame: a close with its code and reason, unmasked.
    let start = (0..answer.len())
        .rev()
        .find(|start| answer[*start] == 0x88)
        .expect("a close frame");
    u16::from_be_bytes([answer[start + 2], answer[start + 3]])
}

#[tokio::test]
async fn a_connection_that_breaks_a_rule_is_closed_with_its_code() {
    let devnet = devnet(|_| {}).await;
    // A frame with a reserved bit; text that is none; one of 6 MB.
    assert_eq!(close_code(&devnet, &[0xf1, 0x80, 0, 0, 0, 0]).await, 1002);
    assert_eq!(
        close_code(&devnet, &[0x81, 0x81, 0, 0, 0, 0, 0xff]).await,
        1007
    );
    let large = [&[0x81, 0xff][..], &(6_u64 << 20).to_be_bytes(), &[0; 4]].concat();
    assert_eq!(close_code(&devnet, &large).await, 1009);
}

/// The most bytes of memory that this process ever had (Linux).
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes << 10)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_keeps_no_more_than_there_is_memory_for() {
    let devnet = devnet(|_| {}).await;
    let code = |code: String| json!({ HERE: { "code": code } });
    let request = json!({ "to": HERE, "gas": "0x1312d00" });
    // Calls an account without code with a megabyte, as often as there is gas.
    let calling = code("0x5f62100000525b5f5f621000005f5f60995ff150600656".into());
    // Steps, as many as there is gas for.
    let stepping = code(format!("0x5b{}5f56", "5f50".repeat(1_000)));
    let debug = |tracer: &str, overrides: &Value| {
        let options = json!({ "tracer": tracer, "tracerConfig": { "callTracer": {} }, "stateOverrides": overrides });
        ("debug_traceCall", json!([request, "latest", options]))
    };
    let parity = |kind: &str, overrides: &Value| {
        ("trace_call", json!([request, [kind], "latest", overrides]))
    };
    let before = peak();
    for (method, params) in [
        parity("trace", &calling),
        parity("vmTrace", &stepping),
        debug("callTracer", &calling),
        debug("flatCallTracer", &calling),
        debug("muxTracer", &calling),
        debug("erc7562Tracer", &stepping),
    ] {
        let error = try_call(&devnet, method, params.clone()).await.unwrap_err();
        assert!(
            [-32003, -32000].contains(&error.code),
            "{params}: {error:?}"
        );
    }
    // Not two gigabytes more, with all other tests beside it, where each of these was several.
    if let Some((before, after)) = before.zip(peak()) {
        assert!(after - before < 2 << 30, "{before} {after}");
    }
    // One that has room is told as ever.
    let small = json!({ HERE: { "code": "0x5f5f60205f5f60995ff100" } });
    let (method, params) = debug("callTracer", &small);
    let trace = call(&devnet, method, params).await;
    assert_eq!(trace["calls"][0]["input"].as_str().map(str::len), Some(66));
    devnet.stop();
}

/// An account.
const HERE: &str = "0x00000000000000000000000000000000000c0de0";

/// Sends all the gas that a transaction may have to a contract of this code; gives the hash.
async fn run(devnet: &Handle, code: &[u8], gas: &str) -> Value {
    let to = deploy(devnet, &[], code).await;
    let from = devnet.accounts()[0].address;
    let request = json!([{ "from": from, "to": to, "gas": gas, "value": "0x7" }]);
    call(devnet, "eth_sendTransaction", request).await
}

/// The rows of a tree of `callTracer`, in the order of calls, but for numbers of bytes; a
/// self-destruct belongs to its call.
fn flat(call: &Value, depth: usize, by: &Value, rows: &mut Vec<Value>) {
    let number = rows.len();
    let inner: Vec<&Value> = call["calls"].as_array().into_iter().flatten().collect();
    let (gone, inner): (Vec<&Value>, Vec<&Value>) = inner
        .into_iter()
        .partition(|inner| inner["type"] == "SELFDESTRUCT");
    let mut row = json!({ "number": number, "depth": depth, "by": by, "calls": inner.len() });
    for field in [
        "type", "from", "to", "value", "gas", "gasUsed", "input", "error",
    ] {
        row[field] = call[field].clone();
    }
    row["output"] = call.get("output").cloned().unwrap_or_else(|| json!("0x"));
    for field in ["input", "output"] {
        let digits = row[field].as_str().unwrap().len();
        row[format!("{field}Size")] = json!(digits / 2 - 1);
    }
    if let Some(gone) = gone.first() {
        row["destroyed"] = json!({ "to": gone["to"], "value": gone["value"] });
    }
    rows.push(row);
    for call in inner {
        flat(call, depth + 1, &json!(number), rows);
    }
}

/// Creates a contract that destroys itself, asks the identity, calls one that reverts with 36 bytes,
/// delegates to the counter and has the last call fail, as it does itself if `fails`.
async fn various(devnet: &Handle, fails: bool) -> Value {
    let reverts = deploy(devnet, &[], &hex!("60245ffd")).await;
    let counter = deploy(devnet, &[], COUNTER).await;
    let mut code = hex!("6133ff5f526002601e34f0505f5f60205f60045afa505f5f60245f5f73").to_vec();
    code.extend(reverts);
    code.extend(hex!("5af1505f5f5f5f73"));
    code.extend(counter);
    code.extend(hex!("5af4505f5f5f5f5f73"));
    code.extend(reverts);
    code.extend(hex!("5af1"));
    if fails {
        // With what the last call gave back.
        code.extend(hex!("3d5f5f3e3d5ffd"));
    }
    run(devnet, &code, "0x989680").await
}

#[tokio::test]
async fn calls_are_a_list_with_what_the_tree_has() {
    let devnet = devnet(|_| {}).await;
    for fails in [false, true] {
        let hash = various(&devnet, fails).await;
        let tracer = json!([hash, { "tracer": "callTracer" }]);
        let tree = call(&devnet, "debug_traceTransaction", tracer).await;
        let mut expected = Vec::new();
        flat(&tree, 0, &Value::Null, &mut expected);
        assert_eq!(expected.len(), 6, "{tree}");
        assert_eq!(expected[1]["destroyed"]["value"], "0x7", "{tree}");
        let options = json!([hash, { "changes": true }]);
        let told = call(&devnet, "rollup_getCalls", options).await;
        assert_eq!(told["count"], 6);
        assert_eq!(told["calls"], json!(expected));
        let failure = &told["failure"];
        match fails {
            false => assert_eq!(failure, &Value::Null),
            true => {
                let way = json!([expected[0], expected[5]]);
                assert_eq!(failure, &json!({ "depth": 1, "path": way, "before": null }));
            }
        }
        // As the tracer of states tells it, codes as numbers of bytes.
        let options = json!({ "diffMode": true, "disableCode": true });
        let tracer = json!([hash, { "tracer": "prestateTracer", "tracerConfig": options }]);
        let changes = call(&devnet, "debug_traceTransaction", tracer).await;
        assert_eq!(told["changes"], changes);
        // Some of them, and some of their bytes.
        let options = json!([hash, { "from": 3, "count": 2, "bytes": 20 }]);
        let told = call(&devnet, "rollup_getCalls", options).await;
        assert_eq!(told["calls"].as_array().unwrap().len(), 2);
        let row = &told["calls"][0];
        assert_eq!((&row["number"], &row["inputSize"]), (&json!(3), &json!(36)));
        assert_eq!(row["input"].as_str().unwrap().len(), 42);
        assert_eq!(row["output"].as_str().unwrap().len(), 42);
        assert_eq!(told.get("changes"), None);
    }
    let unknown = json!([format!("0x{}", "17".repeat(32))]);
    assert!(try_call(&devnet, "rollup_getCalls", unknown).await.is_err());
    devnet.stop();
}

#[tokio::test]
async fn a_contract_that_is_made_changes_the_size_of_its_code() {
    let devnet = devnet(|_| {}).await;
    let to = deploy(&devnet, &[], COUNTER).await;
    let block = call(&devnet, "eth_getBlockByNumber", json!(["latest", false])).await;
    let options = json!([block["transactions"][0], { "changes": true, "count": 0 }]);
    let told = call(&devnet, "rollup_getCalls", options).await;
    let made = &told["changes"]["post"][format!("{to:#x}")];
    assert_eq!(made["codeSize"], COUNTER.len(), "{told}");
    assert_eq!((&told["calls"], &told["count"]), (&json!([]), &json!(1)));
    devnet.stop();
}

#[tokio::test]
async fn calls_as_deep_as_gas_allows_are_a_list_and_fail_by_the_innermost() {
    let devnet = devnet(|_| {}).await;
    // Calls itself, and fails as that does.
    let hash = run(&devnet, &hex!("5f5f5f5f5f305af15f5ffd"), "0x1000000").await;
    let tracer = json!([hash, { "tracer": "flatCallTracer" }]);
    let deep = call(&devnet, "debug_traceTransaction", tracer).await;
    let deep = deep.as_array().unwrap();
    assert!(deep.len() > 400, "{}", deep.len());
    let last = deep.len() - 1;
    let options = json!([hash, { "from": last - 1 }]);
    let told = call(&devnet, "rollup_getCalls", options).await;
    assert_eq!(told["count"], deep.len());
    let rows = told["calls"].as_array().unwrap();
    assert_eq!(rows.len(), 2);
    for (row, flat) in rows.iter().zip(&deep[last - 1..]) {
        let depth = flat["traceAddress"].as_array().unwrap().len();
        assert_eq!(row["depth"], depth);
        assert_eq!(row["by"], depth - 1);
        assert_eq!(row["gas"], flat["action"]["gas"]);
    }
    assert_eq!(rows[1]["error"], "out of gas");
    let failure = &told["failure"];
    assert_eq!(failure["depth"], last);
    let path = failure["path"].as_array().unwrap();
    let numbers: Vec<u64> = path
        .iter()
        .map(|row| row["number"].as_u64().unwrap())
        .collect();
    let end = last as u64;
    let ends: Vec<u64> = (0..6).chain(end - 5..=end).collect();
    assert_eq!(numbers, ends);
    devnet.stop();
}
