//! The devnet over its port: HTTP, batches, CORS, WebSocket, subscriptions.

use crate::common::devnet;
use futures_util::{SinkExt, StreamExt};
use node::Handle;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// The whole answer to a POST of `body` from a page elsewhere.
async fn post(devnet: &Handle, body: &str) -> (String, String) {
    let mut stream = TcpStream::connect(devnet.address()).await.unwrap();
    let request = format!(
        "POST / HTTP/1.1\r\nhost: localhost\r\norigin: http://page.example\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_lowercase(), body.to_owned())
}

async fn answer(devnet: &Handle, body: &str) -> Value {
    serde_json::from_str(&post(devnet, body).await.1).unwrap()
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn open(devnet: &Handle) -> Socket {
    let url = format!("ws://{}", devnet.address());
    connect_async(url).await.unwrap().0
}

async fn send(socket: &mut Socket, id: u64, method: &str, params: Value) {
    let call = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
    socket.send(Message::text(call.to_string())).await.unwrap();
}

/// The next message; there must be one soon.
async fn next(socket: &mut Socket) -> Value {
    let message = tokio::time::timeout(Duration::from_secs(10), socket.next()).await;
    let text = message
        .expect("a message in time")
        .expect("an open socket")
        .unwrap();
    serde_json::from_str(text.to_text().unwrap()).unwrap()
}

#[tokio::test]
async fn calls_batches_and_mistakes_are_answered_over_http() {
    let devnet = devnet(|_| {}).await;
    let (head, body) = post(
        &devnet,
        r#"{"jsonrpc":"2.0","id":7,"method":"eth_chainId"}"#,
    )
    .await;
    assert!(head.starts_with("http/1.1 200"), "{head}");
    assert!(head.contains("content-type: application/json"), "{head}");
    assert!(head.contains("access-control-allow-origin: *"), "{head}");
    assert_eq!(body, r#"{"jsonrpc":"2.0","id":7,"result":"0x539"}"#);
    let batch = r#"[{"jsonrpc":"2.0","id":1,"method":"net_version"},
                    {"jsonrpc":"2.0","method":"eth_chainId"},
                    {"jsonrpc":"2.0","id":"b","method":"eth_nothing"}, 5]"#;
    let answers = answer(&devnet, batch).await;
    assert_eq!(answers.as_array().unwrap().len(), 3);
    assert_eq!(answers[0]["result"], "1337");
    assert_eq!(
        (&answers[1]["id"], &answers[1]["error"]["code"]),
        (&json!("b"), &json!(-32601))
    );
    assert_eq!(
        (&answers[2]["id"], &answers[2]["error"]["code"]),
        (&Value::Null, &json!(-32600))
    );
    assert_eq!(answer(&devnet, "{").await["error"]["code"], -32700);
    assert_eq!(answer(&devnet, "[]").await["error"]["code"], -32600);
    let (_, silence) = post(&devnet, r#"{"jsonrpc":"2.0","method":"eth_chainId"}"#).await;
    assert_eq!(silence, "");
}

#[tokio::test]
async fn a_page_may_ask_first_what_it_may_send() {
    let devnet = devnet(|_| {}).await;
    let mut stream = TcpStream::connect(devnet.address()).await.unwrap();
    let request = "OPTIONS / HTTP/1.1\r\nhost: localhost\r\norigin: http://page.example\r\naccess-control-request-method: POST\r\naccess-control-request-headers: content-type\r\nconnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let answer = answer.to_lowercase();
    assert!(
        answer.contains("access-control-allow-origin: *"),
        "{answer}"
    );
    assert!(
        answer.contains("access-control-allow-headers: *"),
        "{answer}"
    );
}

#[tokio::test]
async fn subscribers_are_told_of_every_head_and_log() {
    let devnet = devnet(|_| {}).await;
    let mut socket = open(&devnet).await;
    send(&mut socket, 1, "eth_subscribe", json!(["newHeads"])).await;
    let heads = next(&mut socket).await["result"].clone();
    let from = devnet.accounts()[0].address;
    // Initcode that logs with topic 7 and leaves no code.
    let create = json!([{ "from": from, "data": "0x600760006000a1" }]);
    send(
        &mut socket,
        2,
        "eth_subscribe",
        json!(["logs", { "topics": [format!("0x{:064x}", 7)] }]),
    )
    .await;
    let logs = next(&mut socket).await["result"].clone();
    send(
        &mut socket,
        3,
        "eth_subscribe",
        json!(["logs", { "topics": [format!("0x{:064x}", 8)] }]),
    )
    .await;
    next(&mut socket).await;
    let mut told = Vec::new();
    let mut hash = Value::Null;
    send(&mut socket, 4, "eth_sendTransaction", create).await;
    while told.len() < 2 || hash.is_null() {
        let message = next(&mut socket).await;
        match message.get("result") {
            Some(result) => hash = result.clone(),
            None => told.push(message["params"].clone()),
        }
    }
    assert_eq!(
        (&told[0]["subscription"], &told[0]["result"]["number"]),
        (&heads, &json!("0x1"))
    );
    assert_eq!(
        (
            &told[1]["subscription"],
            &told[1]["result"]["transactionHash"]
        ),
        (&logs, &hash)
    );
    for (id, subscription, there) in [(5, &heads, true), (6, &logs, true), (7, &heads, false)] {
        send(&mut socket, id, "eth_unsubscribe", json!([subscription])).await;
        assert_eq!(next(&mut socket).await["result"], there);
    }
    send(&mut socket, 8, "eth_subscribe", json!(["nothing"])).await;
    assert_eq!(next(&mut socket).await["error"]["code"], -32601);
}

#[tokio::test]
async fn a_devnet_that_is_stopped_frees_its_port() {
    let devnet = devnet(|_| {}).await;
    let address = devnet.address();
    devnet.stop();
    let bound = async {
        while tokio::net::TcpListener::bind(address).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), bound)
        .await
        .unwrap();
}

#[tokio::test]
async fn receipts_and_logs_that_are_gone_are_told_and_nothing_of_synchronising() {
    let devnet = devnet(|_| {}).await;
    let counter = crate::common::deploy(&devnet, &[], crate::common::COUNTER).await;
    let mut socket = open(&devnet).await;
    let mut ids = Vec::new();
    let account = &devnet.accounts()[1];
    let raw = crate::common::raw(account, 0, |_| {});
    let hash = alloy_primitives::keccak256(alloy_primitives::hex::decode(&raw).unwrap());
    for (index, topic) in [
        json!(["transactionReceipts", { "transactionHashes": [hash] }]),
        json!(["logs", { "address": counter }]),
        json!(["syncing"]),
    ]
    .into_iter()
    .enumerate()
    {
        send(&mut socket, index as u64, "eth_subscribe", topic).await;
        ids.push(next(&mut socket).await["result"].clone());
    }
    crate::common::call(&devnet, "eth_sendRawTransaction", json!([raw])).await;
    let news = next(&mut socket).await;
    assert_eq!(news["params"]["subscription"], ids[0]);
    let receipt = crate::common::call(&devnet, "eth_getTransactionReceipt", json!([hash])).await;
    assert_eq!(news["params"]["result"], json!([receipt]));
    // Not one of the wanted, but one that logs; then it is taken back.
    let count = json!([{ "from": account.address, "to": counter, "gas": "0x20000" }]);
    crate::common::call(&devnet, "eth_sendTransaction", count).await;
    let news = next(&mut socket).await;
    assert_eq!(news["params"]["subscription"], ids[1]);
    assert_eq!(news["params"]["result"]["removed"], false);
    crate::common::call(&devnet, "anvil_rollback", json!([1])).await;
    let news = next(&mut socket).await;
    assert_eq!(news["params"]["subscription"], ids[1]);
    assert_eq!(news["params"]["result"]["removed"], true);
}
