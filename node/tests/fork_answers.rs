//! A devnet that goes on from a block of a node that answers nonsense, or whose chain is
//! reorganised.

use crate::common::{COUNTER, call, deploy, devnet, number, try_call};
use alloy_primitives::{Address, B256};
use node::fork::{CachePlace, Fork, Manner};
use node::{ForkOptions, Handle};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

type Lie = Box<dyn Fn(&str, &Value) -> Option<Value> + Send>;

/// Somebody before a node who answers some requests instead of it.
struct Liar {
    address: SocketAddr,
    lie: Arc<Mutex<Option<Lie>>>,
    asked: Arc<Mutex<Vec<(String, Value)>>>,
}

impl Liar {
    fn before(node: &Handle) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let liar = Self {
            address: listener.local_addr().unwrap(),
            lie: Arc::default(),
            asked: Arc::default(),
        };
        let (url, lie, asked) = (node.url(), Arc::clone(&liar.lie), Arc::clone(&liar.asked));
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (url, lie, asked) = (url.clone(), Arc::clone(&lie), Arc::clone(&asked));
                std::thread::spawn(move || {
                    let mut client = client.unwrap();
                    while let Some(body) = request(&mut client) {
                        let request: Value = serde_json::from_slice(&body).unwrap();
                        let answer = match &request {
                            Value::Array(calls) => calls
                                .iter()
                                .map(|call| answer(&url, &lie, &asked, call))
                                .collect(),
                            call => answer(&url, &lie, &asked, call),
                        };
                        let answer = answer.to_string();
                        let length = answer.len();
                        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n");
                        // The client may leave.
                        let _ = client.write_all((head + &answer).as_bytes());
                    }
                });
            }
        });
        liar
    }

    /// Answers with what `lie` gives from now on: `result` or `error`.
    fn tell(&self, lie: impl Fn(&str, &Value) -> Option<Value> + Send + 'static) {
        *self.lie.lock().unwrap() = Some(Box::new(lie));
    }

    /// Gives this result of a method from now on.
    fn always(&self, liar: &'static str, result: Value) {
        self.tell(move |method, _| (method == liar).then(|| json!({ "result": result })));
    }

    fn honest(&self) {
        *self.lie.lock().unwrap() = None;
    }

    fn asked(&self) -> Vec<(String, Value)> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }

    fn options(&self) -> ForkOptions {
        ForkOptions {
            manner: Manner {
                retries: 1,
                backoff: Duration::from_millis(20),
                timeout: Duration::from_secs(5),
                headers: Vec::new(),
            },
            ..ForkOptions::new(format!("http://{}", self.address))
        }
    }
}

fn answer(
    url: &str,
    lie: &Mutex<Option<Lie>>,
    asked: &Mutex<Vec<(String, Value)>>,
    call: &Value,
) -> Value {
    let (method, params) = (call["method"].as_str().unwrap(), &call["params"]);
    asked
        .lock()
        .unwrap()
        .push((method.to_owned(), params.clone()));
    let told = lie
        .lock()
        .unwrap()
        .as_ref()
        .and_then(|lie| lie(method, params));
    let mut answer = told.unwrap_or_else(|| {
        let mut there = ureq::post(url).send(call.to_string()).unwrap();
        serde_json::from_str(&there.body_mut().read_to_string().unwrap()).unwrap()
    });
    answer["jsonrpc"] = json!("2.0");
    answer["id"] = call["id"].clone();
    answer
}

/// The body of a request; `None`: the client left.
fn request(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        head.push(byte[0]);
    }
    let text = String::from_utf8_lossy(&head).to_lowercase();
    let length = text
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"))?;
    let mut body = vec![0; length.trim().parse().unwrap()];
    stream.read_exact(&mut body).ok()?;
    Some(body)
}

async fn fork(options: ForkOptions) -> Handle {
    devnet(|devnet| devnet.fork = Some(options)).await
}

/// A chain with a counter that was called twice.
async fn other_chain() -> (Handle, Address) {
    let other = devnet(|_| {}).await;
    let counter = deploy(&other, &[], COUNTER).await;
    for _ in 0..2 {
        sent(&other, counter).await;
    }
    (other, counter)
}

/// Calls the counter and gives the receipt.
async fn sent(devnet: &Handle, counter: Address) -> Value {
    let from = devnet.accounts()[1].address;
    let request = json!({ "from": from, "to": counter, "gas": "0x186a0" });
    let hash = call(devnet, "eth_sendTransaction", json!([request])).await;
    receipt(devnet, &hash, 200).await.expect("a receipt")
}

async fn receipt(devnet: &Handle, hash: &Value, attempts: u32) -> Option<Value> {
    for _ in 0..attempts {
        let receipt = call(devnet, "eth_getTransactionReceipt", json!([hash])).await;
        if !receipt.is_null() {
            return Some(receipt);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    None
}

fn word(number: u64) -> String {
    format!("{number:#066x}")
}

async fn refused(devnet: &Handle, method: &str, params: Value, words: &str) {
    let error = try_call(devnet, method, params.clone()).await;
    let error = error.expect_err(&format!("{method} {params}"));
    assert!(
        error.message.contains(words),
        "{method} {params}: {error:?}"
    );
}

fn folder(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("fork-answers-{name}-{}", std::process::id()))
}

fn nonsense() -> Vec<Value> {
    vec![
        json!(""),
        json!(5),
        json!([]),
        json!({}),
        json!(null),
        json!("5"),
        json!("0xzz"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn nonsense_is_no_state() {
    let (other, counter) = other_chain().await;
    let liar = Liar::before(&other);
    let fork = fork(liar.options()).await;
    let no_quantities = || nonsense().into_iter().chain([json!("0x")]);
    let slots = [
        json!("0x"),
        json!("0x0"),
        json!("0x3"),
        json!(&word(3)[2..]),
    ];
    let stranger = Address::repeat_byte(0x77);
    let state = json!([stranger, "latest"]);
    for wrong in no_quantities() {
        liar.always("eth_getBalance", wrong.clone());
        refused(&fork, "eth_getBalance", state.clone(), "fork: ").await;
        liar.always("eth_getTransactionCount", wrong);
        refused(&fork, "eth_getTransactionCount", state.clone(), "fork: ").await;
    }
    for wrong in nonsense().into_iter().chain([json!("0x123")]) {
        liar.always("eth_getCode", wrong);
        refused(&fork, "eth_getCode", state.clone(), "fork: ").await;
    }
    let slot = json!([counter, "0x0", "latest"]);
    for wrong in nonsense().into_iter().chain(slots) {
        liar.always("eth_getStorageAt", wrong);
        refused(&fork, "eth_getStorageAt", slot.clone(), "fork: ").await;
        refused(&fork, "eth_call", json!([{ "to": counter }]), "fork: ").await;
    }
    // A transaction waits; nothing was kept.
    liar.always("eth_getStorageAt", json!("0x"));
    let from = fork.accounts()[1].address;
    let request = json!([{ "from": from, "to": counter, "gas": "0x186a0" }]);
    let hash = call(&fork, "eth_sendTransaction", request).await;
    assert!(receipt(&fork, &hash, 20).await.is_none());
    liar.honest();
    let receipt = receipt(&fork, &hash, 200).await.expect("a receipt");
    assert_eq!(receipt["logs"][0]["data"], word(3));
    assert_eq!(call(&fork, "eth_getBalance", state).await, "0x0");
}

#[tokio::test(flavor = "multi_thread")]
async fn nonsense_at_the_start_is_no_chain() {
    let (other, _) = other_chain().await;
    let liar = Liar::before(&other);
    let newest = call(&other, "eth_getBlockByNumber", json!(["latest", false])).await;
    let connect = |options| tokio::task::spawn_blocking(|| Fork::connect(options));
    for wrong in nonsense() {
        liar.always("eth_chainId", wrong);
        connect(liar.options()).await.unwrap().unwrap_err();
    }
    for name in ["number", "timestamp", "gasLimit", "hash", "parentHash"] {
        let mut block = newest.clone();
        block[name] = json!("");
        liar.always("eth_getBlockByNumber", block);
        connect(liar.options()).await.unwrap().unwrap_err();
    }
    // Another block than asked.
    liar.always("eth_getBlockByNumber", newest);
    let options = ForkOptions {
        block: Some(1),
        ..liar.options()
    };
    connect(options).await.unwrap().unwrap_err();
}

#[tokio::test(flavor = "multi_thread")]
async fn nonsense_about_the_past_is_neither_kept_nor_passed_on() {
    let (other, counter) = other_chain().await;
    let liar = Liar::before(&other);
    let options = ForkOptions {
        cache: CachePlace::Folder(folder("past")),
        ..liar.options()
    };
    let fork = fork(options).await;
    let block = call(&other, "eth_getBlockByNumber", json!(["0x2", false])).await;
    let hash = &block["transactions"][0];
    for (method, params) in [
        ("eth_getBlockByNumber", json!(["0x2", false])),
        ("eth_getBlockByHash", json!([block["hash"], false])),
        ("eth_getTransactionByHash", json!([hash])),
        ("eth_getTransactionReceipt", json!([hash])),
        ("eth_getBlockReceipts", json!(["0x2"])),
        ("eth_getBalance", json!([counter, "0x1"])),
        ("eth_getStorageAt", json!([counter, "0x0", "0x2"])),
        ("eth_getCode", json!([counter, "0x2"])),
        ("eth_call", json!([{ "to": counter }, "0x2"])),
        ("eth_getLogs", json!([{ "blockHash": block["hash"] }])),
        (
            "debug_traceTransaction",
            json!([hash, { "tracer": "callTracer" }]),
        ),
    ] {
        for wrong in [json!(""), json!(5), json!("0xzz"), json!([5]), json!(true)] {
            let lied = method;
            // What makes sure of the fork's block is left alone.
            let own = params.clone();
            liar.tell(move |method, params| {
                let asked = params[0] == own[0] || method == "eth_getLogs";
                (method == lied && asked).then(|| json!({ "result": wrong }))
            });
            refused(&fork, method, params.clone(), "fork: ").await;
        }
        liar.honest();
        let expected = call(&other, method, params.clone()).await;
        assert_eq!(call(&fork, method, params).await, expected, "{method}");
    }
    std::fs::remove_dir_all(folder("past")).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn state_is_asked_for_by_hash_and_a_reorganisation_is_an_error() {
    for takes_hashes in [true, false] {
        let (other, counter) = other_chain().await;
        let liar = Liar::before(&other);
        let numbers_alone = |_: &str, params: &Value| {
            let named = params.as_array()?.last()?.get("blockHash").is_some();
            named.then(|| json!({ "error": { "code": -32602, "message": "invalid block" } }))
        };
        if !takes_hashes {
            liar.tell(numbers_alone);
        }
        let place = folder(&format!("reorganised-{takes_hashes}"));
        let options = ForkOptions {
            cache: CachePlace::Folder(place.clone()),
            ..liar.options()
        };
        let fork = fork(options.clone()).await;
        let newest = call(&other, "eth_getBlockByNumber", json!(["latest", false])).await;
        liar.asked();
        let code = json!([counter, "latest"]);
        assert_ne!(call(&fork, "eth_getCode", code).await, "0x");
        for (method, params) in liar.asked() {
            let at = &params.as_array().unwrap().last().unwrap()["blockHash"];
            if takes_hashes {
                assert_eq!(*at, newest["hash"], "{method}");
            }
        }
        // The counter is one less, and then has another block at the same height.
        call(&other, "anvil_rollback", json!([1])).await;
        let request = json!([{ "from": other.accounts()[2].address, "to": counter, "gas": "0x186a0", "gasPrice": "0x3b9aca01" }]);
        call(
            &other,
            "anvil_setStorageAt",
            json!([counter, "0x0", word(41)]),
        )
        .await;
        let hash = call(&other, "eth_sendTransaction", request).await;
        receipt(&other, &hash, 200).await.expect("a receipt");
        let height = call(&other, "eth_blockNumber", json!([])).await;
        assert!(number(&height) >= number(&newest["number"]));
        let slot = json!([counter, "0x0", "latest"]);
        for (method, params) in [
            ("eth_getStorageAt", slot.clone()),
            ("eth_call", json!([{ "to": counter }])),
            ("eth_getBalance", json!([Address::repeat_byte(9), "latest"])),
            ("eth_getBlockByNumber", json!(["0x1", true])),
            ("eth_getStorageAt", json!([counter, "0x0", "0x1"])),
            ("eth_getLogs", json!([{ "fromBlock": "0x0" }])),
        ] {
            refused(&fork, method, params, "was reorganised").await;
        }
        // Nothing foreign was kept under the name of the block.
        fork.stop();
        let files = std::fs::read_dir(place.join("1337")).unwrap();
        for file in files {
            let bytes = std::fs::read(file.unwrap().path()).unwrap();
            let block = B256::from(alloy_primitives::U256::from(42));
            assert!(!bytes.windows(32).any(|word| word == block.as_slice()));
        }
        std::fs::remove_dir_all(&place).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fee_history_names_the_blocks_that_it_has() {
    let (other, counter) = other_chain().await;
    let at = number(&call(&other, "eth_blockNumber", json!([])).await);
    let fork = fork(Liar::before(&other).options()).await;
    sent(&fork, counter).await;
    let asked = json!(["0x4", "latest", [50]]);
    let history = call(&fork, "eth_feeHistory", asked.clone()).await;
    assert_eq!(number(&history["oldestBlock"]), at + 1);
    for (name, count) in [("gasUsedRatio", 1), ("reward", 1), ("baseFeePerGas", 2)] {
        assert_eq!(history[name].as_array().unwrap().len(), count, "{name}");
    }
    // Up to the fork it is the other chain's.
    let asked = json!(["0x4", format!("{at:#x}"), [50]]);
    let expected = call(&other, "eth_feeHistory", asked.clone()).await;
    assert_eq!(call(&fork, "eth_feeHistory", asked).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_searched_is_said() {
    let (other, counter) = other_chain().await;
    let at = number(&call(&other, "eth_blockNumber", json!([])).await);
    let fork = fork(Liar::before(&other).options()).await;
    let sent = sent(&fork, counter).await;
    let from = fork.accounts()[1].address;
    let first = format!("{:#x}", at + 1);
    let words = "only the blocks that are here";
    for (method, params) in [
        (
            "trace_filter",
            json!([{ "fromBlock": "0x1", "toBlock": first }]),
        ),
        (
            "trace_filter",
            json!([{ "fromBlock": format!("{at:#x}"), "toBlock": first }]),
        ),
        ("eth_getTransactionBySenderAndNonce", json!([from, "0x0"])),
        ("ots_getTransactionBySenderAndNonce", json!([from, 0])),
        ("ots_searchTransactionsBefore", json!([from, 0, 25])),
        ("ots_searchTransactionsAfter", json!([from, 0, 25])),
        ("ots_getContractCreator", json!([counter])),
    ] {
        refused(&fork, method, params, words).await;
    }
    refused(
        &fork,
        "anvil_rollback",
        json!([2]),
        "does not go back beyond",
    )
    .await;
    // What is here is found.
    let asked = json!([{ "fromBlock": first, "toBlock": first }]);
    let traces = call(&fork, "trace_filter", asked).await;
    assert_eq!(traces[0]["transactionHash"], sent["transactionHash"]);
    let asked = json!([from, "0x2"]);
    let found = call(&fork, "eth_getTransactionBySenderAndNonce", asked).await;
    assert_eq!(found["hash"], sent["transactionHash"]);
    let page = call(&fork, "ots_searchTransactionsAfter", json!([from, at, 25])).await;
    assert_eq!(page["txs"][0]["hash"], sent["transactionHash"]);
    let page = call(&fork, "ots_searchTransactionsBefore", json!([from, 0, 1])).await;
    assert_eq!(page["txs"][0]["hash"], sent["transactionHash"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn urls_that_cannot_be_asked_are_refused() {
    let (other, _) = other_chain().await;
    let fork = fork(Liar::before(&other).options()).await;
    let height = call(&fork, "eth_blockNumber", json!([])).await;
    let start = Instant::now();
    for (url, words) in [
        ("ws://localhost:1".to_owned(), "expected http://"),
        (String::new(), "no host"),
        ("http://localhost:99999".to_owned(), "no port 99999"),
        (fork.url(), "its own chain"),
    ] {
        let forking = json!([{ "forking": { "jsonRpcUrl": url } }]);
        refused(&fork, "anvil_reset", forking, words).await;
        refused(&fork, "anvil_setRpcUrl", json!([url]), words).await;
    }
    let two = json!([{ "forking": { "jsonRpcUrl": other.url() + "@1", "blockNumber": 2 } }]);
    refused(&fork, "anvil_reset", two, "names a block").await;
    assert!(start.elapsed() < Duration::from_secs(20));
    assert_eq!(call(&fork, "eth_blockNumber", json!([])).await, height);
}

#[tokio::test(flavor = "multi_thread")]
async fn words_of_the_other_node_are_short_and_visible() {
    let (other, _) = other_chain().await;
    let liar = Liar::before(&other);
    let fork = fork(liar.options()).await;
    let long = format!("\u{1b}[2J\u{202e}{}", "x".repeat(5_000));
    let state = json!([Address::repeat_byte(9), "latest"]);
    let old = json!([Address::repeat_byte(9), "0x1"]);
    let told = long.clone();
    liar.tell(move |method, _| {
        let error = json!({ "code": -32000, "message": told, "data": told });
        (method == "eth_getBalance").then(|| json!({ "error": error }))
    });
    for params in [state.clone(), old.clone()] {
        visible(try_call(&fork, "eth_getBalance", params).await);
    }
    liar.always("eth_getBalance", json!(long));
    for params in [state, old] {
        visible(try_call(&fork, "eth_getBalance", params).await);
    }
}

fn visible(outcome: Result<Value, node::rpc::RpcError>) {
    let error = outcome.unwrap_err();
    let text = format!("{}{}", error.message, error.data.unwrap_or_default());
    assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text:?}");
    assert!(text.len() < 700, "{text}");
}
