//! The devnet's limits, each with its error, over the network.

mod common;

use alloy_primitives::{U256, hex};
use common::{call, deploy, devnet, try_call};
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
