//! Attacks of hostile clients, and their costs: bounds are on counts and bytes.

use crate::common::{call, deploy, devnet, raw, try_call};
use alloy_primitives::{Address, B256, U256, hex};
use futures_util::{SinkExt, StreamExt};
use node::Handle;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

mod sockets;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn socket(devnet: &Handle) -> Socket {
    let url = format!("ws://{}", devnet.address());
    connect_async(url).await.unwrap().0
}

fn request(method: &str, params: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params })
}

/// The answer to a POST over the network.
async fn post(devnet: &Handle, body: &Value) -> Value {
    let body = body.to_string();
    let head = format!(
        "POST / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let mut stream = TcpStream::connect(devnet.address()).await.unwrap();
    stream.write_all((head + &body).as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").expect("an answer");
    serde_json::from_str(body).expect("JSON")
}

/// Makes as many logs of as many bytes as the call data say: count, then size.
async fn logger(devnet: &Handle) -> Address {
    let code = hex!("6000355b801560165760019003602035" "6000a06003565b00");
    deploy(devnet, &[], &code).await
}

async fn make_logs(devnet: &Handle, logger: Address, count: u64, size: u64) {
    let words = [U256::from(count), U256::from(size)];
    let data: Vec<u8> = words.iter().flat_map(U256::to_be_bytes::<32>).collect();
    let from = devnet.accounts()[0].address;
    let data = hex::encode_prefixed(data);
    let request = json!([{ "from": from, "to": logger, "data": data, "gas": "0xf00000" }]);
    let hash = call(devnet, "eth_sendTransaction", request).await;
    let receipt = call(devnet, "eth_getTransactionReceipt", json!([hash])).await;
    assert_eq!(receipt["status"], "0x1", "{}", receipt["gasUsed"]);
    assert_eq!(receipt["logs"].as_array().unwrap().len() as u64, count);
}

/// Logs that are some 21 MB of an answer.
async fn make_21_megabytes(devnet: &Handle) {
    let logger = logger(devnet).await;
    for _ in 0..9 {
        make_logs(devnet, logger, 20, 60_000).await;
    }
}

/// The beginning of an answer: version and status of HTTP.
async fn status(stream: &mut TcpStream) -> [u8; 12] {
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn a_log_query_names_at_most_1000_addresses_and_topics() {
    let devnet = devnet(|_| {}).await;
    let addresses = |count: u64| -> Vec<Address> {
        (0..count)
            .map(|index| Address::left_padding_from(&index.to_be_bytes()))
            .collect()
    };
    let topics =
        |count: u64| -> Vec<B256> { (0..count).map(|n| B256::from(U256::from(n))).collect() };
    for query in [
        json!({ "address": addresses(1_000) }),
        json!({ "topics": [null, topics(1_000)] }),
    ] {
        let logs = call(&devnet, "eth_getLogs", json!([query])).await;
        assert_eq!(logs, json!([]));
    }
    for query in [
        json!({ "address": addresses(1_001) }),
        json!({ "topics": [null, topics(1_001)] }),
        json!({ "topics": [null, null, null, null, null] }),
    ] {
        for method in ["eth_getLogs", "eth_newFilter"] {
            let error = try_call(&devnet, method, json!([query])).await.unwrap_err();
            assert_eq!(error.code, -32602, "{method}");
            assert!(error.message.contains("exceed max"), "{}", error.message);
        }
    }
}

#[tokio::test]
async fn a_fee_history_has_at_most_100_percentiles() {
    let devnet = devnet(|_| {}).await;
    let history = async |percentiles: Vec<f64>| {
        let params = json!(["0x400", "latest", percentiles]);
        try_call(&devnet, "eth_feeHistory", params).await
    };
    let rising = |count: u32| (0..count).map(|n| f64::from(n) / 10.0).collect();
    assert!(history(rising(100)).await.is_ok());
    let error = history(rising(101)).await.unwrap_err();
    assert_eq!(
        error.message,
        "invalid reward percentile: over the query limit 100"
    );
    let error = history(vec![0.0; 20_000]).await.unwrap_err();
    assert_eq!(error.code, -32000);
}

#[tokio::test]
async fn the_answers_of_a_batch_end_at_25_megabytes() {
    let devnet = devnet(|_| {}).await;
    let logger = logger(&devnet).await;
    // 20 logs of 60 kB: 2.4 MB of an answer.
    make_logs(&devnet, logger, 20, 60_000).await;
    let one = request("eth_getLogs", &json!([{ "fromBlock": "0x0" }]));
    let answers = post(&devnet, &Value::Array(vec![one; 40])).await;
    let answers = answers.as_array().unwrap();
    assert_eq!(answers.len(), 40);
    let given = answers.iter().filter(|answer| answer["error"].is_null());
    assert_eq!(given.count(), 11);
    for refused in &answers[11..] {
        assert_eq!(
            refused["error"],
            json!({ "code": -32003, "message": "response too large" })
        );
        assert_eq!(refused["id"], 1);
    }
}

#[tokio::test]
async fn an_answer_ends_at_25_megabytes() {
    let devnet = devnet(|_| {}).await;
    let logger = logger(&devnet).await;
    for _ in 0..12 {
        make_logs(&devnet, logger, 20, 60_000).await;
    }
    let all = json!([{ "fromBlock": "0x0" }]);
    let error = try_call(&devnet, "eth_getLogs", all).await.unwrap_err();
    assert_eq!(error.code, -32003);
}

#[tokio::test]
async fn a_trace_over_25_megabytes_is_sent_while_it_is_made() {
    let devnet = devnet(|_| {}).await;
    // Counts down from the number in its call data, with 30 words on the stack.
    let code = [
        &hex!("600035")[..],
        &[0x80; 30],
        &hex!("5b6001900380602157" "00"),
    ]
    .concat();
    let counter = deploy(&devnet, &[], &code).await;
    let from = devnet.accounts()[0].address;
    let data = hex::encode_prefixed(U256::from(20_000).to_be_bytes::<32>());
    let call_it = json!([{ "from": from, "to": counter, "data": data, "gas": "0xf00000" }]);
    let hash = call(&devnet, "eth_sendTransaction", call_it).await;
    let receipt = call(&devnet, "eth_getTransactionReceipt", json!([hash])).await;
    assert_eq!(receipt["status"], "0x1");
    let error = try_call(&devnet, "debug_traceTransaction", json!([hash])).await;
    assert_eq!(error.unwrap_err().code, -32003);
    let body = request("debug_traceTransaction", &json!([hash])).to_string();
    let mut stream = TcpStream::connect(devnet.address()).await.unwrap();
    // The answer of HTTP/1.0 ends with the connection, and is not cut into chunks.
    let head = format!(
        "POST / HTTP/1.0\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all((head + &body).as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.len() > 25_000_000, "{}", answer.len());
    let (_, answer) = answer.split_once("\r\n\r\n").unwrap();
    let answer: Value = serde_json::from_str(answer).unwrap();
    let steps = answer["result"]["structLogs"].as_array().unwrap();
    assert!(steps.len() > 60_000);
    assert_eq!(steps.last().unwrap()["op"], "STOP");
}

#[tokio::test]
async fn a_large_batch_does_not_hold_up_others() {
    let devnet = devnet(|_| {}).await;
    let logger = logger(&devnet).await;
    make_logs(&devnet, logger, 5_000, 0).await;
    let receipts = request("eth_getBlockReceipts", &json!(["latest"]));
    let batch = Value::Array(vec![receipts; 100]);
    let batch = post(&devnet, &batch);
    let meanwhile = async {
        for _ in 0..20 {
            post(&devnet, &request("eth_blockNumber", &json!([]))).await;
        }
    };
    tokio::select! {
        _ = batch => panic!("20 small calls wait for a large batch"),
        () = meanwhile => {}
    }
}

#[tokio::test]
async fn a_batch_of_endless_calls_leaves_others_their_turn() {
    let devnet = devnet(|_| {}).await;
    let looping = deploy(&devnet, &[], &hex!("5b600056")).await;
    let one = request("eth_call", &json!([{ "to": looping }]));
    let large = Value::Array(vec![one.clone(); 200]);
    let large = futures_util::future::join(post(&devnet, &large), post(&devnet, &large));
    let other = async {
        for _ in 0..3 {
            let answer = post(&devnet, &one).await;
            // Out of gas, or out of time; not out of patience.
            assert_eq!(answer["error"]["code"], -32000, "{answer}");
        }
    };
    tokio::select! {
        _ = large => panic!("three calls wait for two batches of 200"),
        () = other => {}
    }
}

#[tokio::test]
async fn the_subscriptions_of_a_connection_are_bounded_in_size() {
    let devnet = devnet(|_| {}).await;
    let mut socket = socket(&devnet).await;
    let addresses: Vec<Address> = (0..1_000_u64)
        .map(|index| Address::left_padding_from(&index.to_be_bytes()))
        .collect();
    let subscribe = request("eth_subscribe", &json!(["logs", { "address": addresses }]));
    for index in 0..11 {
        socket
            .send(Message::text(subscribe.to_string()))
            .await
            .unwrap();
        let answer = socket.next().await.unwrap().unwrap();
        let answer: Value = serde_json::from_str(answer.to_text().unwrap()).unwrap();
        assert_eq!(answer["error"].is_null(), index < 10, "{answer}");
    }
}

#[tokio::test]
async fn bodies_that_do_not_end_do_not_pile_up() {
    let devnet = devnet(|_| {}).await;
    let mut held = Vec::new();
    let mut refused = 0;
    for _ in 0..16 {
        let mut stream = TcpStream::connect(devnet.address()).await.unwrap();
        let head = "POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5000000\r\n\r\n";
        stream.write_all(head.as_bytes()).await.unwrap();
        // One that is refused closes.
        let _ = stream.write_all(&vec![b' '; 4_900_000]).await;
        let mut answer = [0; 12];
        let read = stream.read_exact(&mut answer);
        if let Ok(Ok(_)) = tokio::time::timeout(Duration::from_millis(300), read).await {
            assert_eq!(&answer, b"HTTP/1.1 503");
            refused += 1;
        }
        held.push(stream);
    }
    assert!(refused >= 5, "{refused} of 16 refused");
    // Small ones go on.
    let answer = post(&devnet, &request("eth_chainId", &json!([]))).await;
    assert_eq!(answer["result"], "0x539");
}

#[tokio::test]
async fn a_body_in_tiny_pieces_takes_no_more_than_its_bytes() {
    let devnet = devnet(|_| {}).await;
    let mut stream = TcpStream::connect(devnet.address()).await.unwrap();
    let head = "POST / HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n";
    // More pieces than there are kilobytes for all large requests.
    let body = format!("10000\r\n{}\r\n", " ".repeat(65_536)) + &"1\r\n \r\n".repeat(50_000);
    let body = body + "1\r\n[\r\n1\r\n]\r\n0\r\n\r\n";
    stream
        .write_all((head.to_owned() + &body).as_bytes())
        .await
        .unwrap();
    assert_eq!(&status(&mut stream).await, b"HTTP/1.1 200");
}

#[tokio::test]
async fn a_head_of_many_kilobytes_is_refused() {
    let devnet = devnet(|_| {}).await;
    let mut stream = TcpStream::connect(devnet.address()).await.unwrap();
    let head = format!(
        "GET / HTTP/1.1\r\nhost: localhost\r\nx: {}",
        "a".repeat(200_000)
    );
    // It is refused before it has come.
    let _ = stream.write_all(head.as_bytes()).await;
    assert_eq!(&status(&mut stream).await, b"HTTP/1.1 431");
}

#[tokio::test]
async fn a_body_that_is_announced_too_long_is_refused_before_it_comes() {
    let devnet = devnet(|_| {}).await;
    let mut stream = TcpStream::connect(devnet.address()).await.unwrap();
    let head = "POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 10000000000\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    assert_eq!(&status(&mut stream).await, b"HTTP/1.1 413");
}

#[tokio::test]
async fn idle_connections_make_room() {
    let devnet = devnet(|options| options.connections = 8).await;
    let mut idle = Vec::new();
    for _ in 0..40 {
        idle.push(TcpStream::connect(devnet.address()).await.unwrap());
    }
    for _ in 0..4 {
        let answer = post(&devnet, &request("eth_chainId", &json!([]))).await;
        assert_eq!(answer["result"], "0x539");
    }
}

#[tokio::test]
async fn a_send_does_not_wait_for_the_estimate_of_another() {
    let devnet = devnet(|_| {}).await;
    // Runs until the gas is used up: each estimate fails, after it took all.
    let looping = deploy(&devnet, &[], &hex!("5b600056")).await;
    let accounts = devnet.accounts();
    let estimates = async {
        let sends = (1..9).map(|index| {
            let request = json!([{ "from": accounts[index].address, "to": looping }]);
            try_call(&devnet, "eth_sendTransaction", request)
        });
        futures_util::future::join_all(sends).await
    };
    let transfer = json!([{ "from": accounts[0].address, "to": Address::ZERO, "value": "0x1" }]);
    tokio::select! {
        biased;
        _ = estimates => panic!("a transfer waits for eight estimates"),
        sent = try_call(&devnet, "eth_sendTransaction", transfer) => {
            sent.unwrap();
        }
    }
}

#[tokio::test]
async fn a_poll_tells_of_all_logs_that_are_gone() {
    let devnet = devnet(|_| {}).await;
    let logger = logger(&devnet).await;
    for _ in 0..3 {
        make_logs(&devnet, logger, 5_000, 0).await;
    }
    let filter = call(&devnet, "eth_newFilter", json!([{}])).await;
    call(&devnet, "anvil_rollback", json!([3])).await;
    for expected in [15_000, 0] {
        let logs = call(&devnet, "eth_getFilterChanges", json!([filter])).await;
        let logs = logs.as_array().unwrap();
        assert_eq!(logs.len(), expected);
        assert!(logs.iter().all(|log| log["removed"] == true));
    }
}

#[tokio::test]
async fn the_calls_of_a_batch_start_in_their_order() {
    let devnet = devnet(|options| options.block_time = node::BlockTime::Manual).await;
    let account = devnet.accounts()[0].clone();
    let sends = (0..900).map(|nonce| {
        let raw = raw(&account, nonce, |_| {});
        request("eth_sendRawTransaction", &json!([raw]))
    });
    let arrivals = call(&devnet, "eth_newPendingTransactionFilter", json!([])).await;
    let answers = post(&devnet, &sends.collect()).await;
    let hashes: Vec<&Value> = answers
        .as_array()
        .unwrap()
        .iter()
        .map(|answer| &answer["result"])
        .collect();
    let arrived = call(&devnet, "eth_getFilterChanges", json!([arrivals])).await;
    assert_eq!(
        arrived.as_array().unwrap().iter().collect::<Vec<_>>(),
        hashes
    );
}

/// A request of `body` over HTTP, whose answer is not read.
async fn send(devnet: &Handle, body: &str) -> TcpStream {
    let head = format!(
        "POST / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let mut stream = TcpStream::connect(devnet.address()).await.unwrap();
    stream.write_all((head + body).as_bytes()).await.unwrap();
    stream
}

#[tokio::test]
async fn busy_connections_are_not_more_than_there_may_be() {
    let devnet = devnet(|options| options.connections = 8).await;
    let mut busy = Vec::new();
    for _ in 0..8 {
        let mut stream = TcpStream::connect(devnet.address()).await.unwrap();
        let head = "POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\n";
        stream.write_all(head.as_bytes()).await.unwrap();
        busy.push(stream);
    }
    // The heads are read.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let mut another = TcpStream::connect(devnet.address()).await.unwrap();
    let mut answer = [0];
    let closed = tokio::time::timeout(Duration::from_secs(5), another.read(&mut answer)).await;
    assert!(matches!(closed, Ok(Ok(0) | Err(_))), "{closed:?}");
    drop(busy);
    tokio::time::sleep(Duration::from_millis(500)).await;
    let answer = post(&devnet, &request("eth_chainId", &json!([]))).await;
    assert_eq!(answer["result"], "0x539");
}

#[tokio::test]
async fn who_downloads_is_not_idle() {
    let devnet = devnet(|options| options.connections = 4).await;
    make_21_megabytes(&devnet).await;
    let query = request("eth_getLogs", &json!([{ "fromBlock": "0x0" }])).to_string();
    let mut download = send(&devnet, &query).await;
    let mut answer = vec![0; 1_000_000];
    download.read_exact(&mut answer).await.unwrap();
    let mut others = Vec::new();
    for _ in 0..20 {
        others.push(TcpStream::connect(devnet.address()).await.unwrap());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    download.read_to_end(&mut answer).await.unwrap();
    assert!(answer.ends_with(b"]}"), "{} bytes", answer.len());
}

#[tokio::test]
async fn who_reads_a_little_now_and_then_is_dropped() {
    let devnet = devnet(|_| {}).await;
    make_21_megabytes(&devnet).await;
    let query = request("eth_getLogs", &json!([{ "fromBlock": "0x0" }])).to_string();
    let mut stream = send(&devnet, &query).await;
    let mut piece = [0; 1_000];
    for _ in 0..45 {
        stream.read_exact(&mut piece).await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let mut rest = Vec::new();
    let end = stream.read_to_end(&mut rest).await;
    assert!(!rest.ends_with(b"]}"), "{end:?}");
}

#[tokio::test]
async fn large_requests_that_are_read_leave_room_for_others() {
    let devnet = devnet(|_| {}).await;
    let looping = deploy(&devnet, &[], &hex!("5b600056")).await;
    let endless = request("eth_call", &json!([{ "to": looping }]));
    let batch = Value::from(vec![endless; 200]).to_string() + &" ".repeat(4_800_000);
    let mut busy = Vec::new();
    for _ in 0..10 {
        busy.push(send(&devnet, &batch).await);
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut large = send(&devnet, &format!("[{}1]", " ".repeat(1_000_000))).await;
    assert_eq!(&status(&mut large).await, b"HTTP/1.1 200");
}

#[tokio::test]
async fn a_poll_of_many_logs_goes_on_with_the_next() {
    let devnet = devnet(|_| {}).await;
    let logger = logger(&devnet).await;
    let filter = call(&devnet, "eth_newFilter", json!([{}])).await;
    for _ in 0..3 {
        make_logs(&devnet, logger, 5_000, 0).await;
    }
    for expected in [10_000, 5_000, 0] {
        let logs = call(&devnet, "eth_getFilterChanges", json!([filter])).await;
        assert_eq!(logs.as_array().unwrap().len(), expected);
    }
}

#[tokio::test]
async fn states_older_than_the_window_are_gone_and_blocks_stay() {
    let devnet = devnet(|options| options.keep_states = 3).await;
    let logger = logger(&devnet).await;
    make_logs(&devnet, logger, 3, 40).await;
    let query = json!([{ "address": logger, "fromBlock": "0x0" }]);
    let logs = call(&devnet, "eth_getLogs", query.clone()).await;
    assert_eq!(logs.as_array().unwrap().len(), 3);
    let receipt = json!([logs[0]["transactionHash"]]);
    let recent = call(&devnet, "eth_getTransactionReceipt", receipt.clone()).await;
    let account = &devnet.accounts()[0];
    for nonce in 2..8 {
        let params = json!([raw(account, nonce, |_| {})]);
        call(&devnet, "eth_sendRawTransaction", params).await;
    }
    assert_eq!(call(&devnet, "eth_getLogs", query).await, logs);
    let old = call(&devnet, "eth_getTransactionReceipt", receipt).await;
    assert_eq!(old, recent);
    let newest = crate::common::number(&call(&devnet, "eth_blockNumber", json!([])).await);
    for number in 1..=newest {
        let id = format!("{number:#x}");
        let balance = try_call(&devnet, "eth_getBalance", json!([account.address, id])).await;
        if number + 3 > newest {
            assert!(balance.is_ok(), "{number}");
        } else {
            let error = balance.unwrap_err();
            assert_eq!(error.code, -32000);
            assert!(
                error.message.contains("is not available"),
                "{}",
                error.message
            );
        }
        let block = call(&devnet, "eth_getBlockByNumber", json!([id, true])).await;
        assert_eq!(block["number"], json!(id));
        assert_eq!(block["transactions"].as_array().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn batches_of_cheap_calls_share_the_room_for_answers() {
    let devnet = devnet(|_| {}).await;
    let contract = Address::repeat_byte(0xcc);
    let code = hex::encode_prefixed(vec![0; 24_576]);
    call(&devnet, "hardhat_setCode", json!([contract, code])).await;
    // Each asks for 25 MB.
    let one = request("eth_getCode", &json!([contract, "latest"]));
    let batch = Value::from(vec![one; 500]);
    let batches = (0..8).map(|_| post(&devnet, &batch));
    let answers = futures_util::future::join_all(batches).await;
    let full = |answer: &&Value| answer.get("result").is_some();
    let counts: Vec<usize> = answers
        .iter()
        .map(|answers| answers.as_array().unwrap().iter().filter(full).count())
        .collect();
    let bytes = 49_000 * counts.iter().sum::<usize>();
    assert!(bytes < 110 << 20, "{counts:?}");
    let refused = |answer: &Value| answer["error"]["code"] == -32005;
    let mut all = answers
        .iter()
        .flat_map(|answers| answers.as_array().unwrap());
    assert!(all.any(refused), "{counts:?}");
    // When they are gone there is room again.
    let again = post(&devnet, &Value::from(vec![batch[0].clone(); 400])).await;
    assert!(again.as_array().unwrap().iter().all(|answer| full(&answer)));
}
