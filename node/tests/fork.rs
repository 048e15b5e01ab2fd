//! A devnet that goes on from a block of another one.

use crate::common::{COUNTER, call, deploy, devnet, number, raw, try_call};
use alloy_primitives::{Address, TxKind, U256, hex};
use node::fork::{CachePlace, Fork, Manner};
use node::{ForkOptions, Handle};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// BLOCKHASH of the block whose number is the call's data.
const BLOCK_HASH: &[u8] = &hex!("6000354060005260206000f3");

/// Writes the word of its data to slot 7, or gives slot 7 without data.
const KEEP: &[u8] = &hex!("36600f5760075460005260206000f35b60003560075500");

fn fork_of(url: String) -> ForkOptions {
    ForkOptions {
        manner: Manner {
            retries: 1,
            backoff: Duration::from_millis(20),
            timeout: Duration::from_secs(5),
            headers: Vec::new(),
        },
        ..ForkOptions::new(url)
    }
}

async fn fork(options: ForkOptions) -> Handle {
    devnet(|devnet| devnet.fork = Some(options)).await
}

async fn state_of(devnet: &Handle, address: Address) -> Vec<Value> {
    vec![
        call(devnet, "eth_getBalance", json!([address, "latest"])).await,
        call(
            devnet,
            "eth_getTransactionCount",
            json!([address, "latest"]),
        )
        .await,
        call(devnet, "eth_getCode", json!([address, "latest"])).await,
        call(
            devnet,
            "eth_getStorageAt",
            json!([address, "0x0", "latest"]),
        )
        .await,
    ]
}

/// Sends a transaction and gives its receipt, once there is one.
async fn sent(devnet: &Handle, request: Value) -> Value {
    let hash = call(devnet, "eth_sendTransaction", json!([request])).await;
    receipt(devnet, &hash).await.expect("a receipt")
}

async fn receipt(devnet: &Handle, hash: &Value) -> Option<Value> {
    for _ in 0..200 {
        let receipt = call(devnet, "eth_getTransactionReceipt", json!([hash])).await;
        if !receipt.is_null() {
            return Some(receipt);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    None
}

/// A counter that was called twice, and a sender without a key of ours.
async fn other_chain() -> (Handle, Address) {
    let other = devnet(|_| {}).await;
    let counter = deploy(&other, &[], COUNTER).await;
    let from = other.accounts()[1].address;
    for _ in 0..2 {
        sent(&other, json!({ "from": from, "to": counter })).await;
    }
    (other, counter)
}

const STRANGER: Address = Address::repeat_byte(0x77);

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_has_the_state_of_the_other_chain_and_its_own_from_then_on() {
    let (other, counter) = other_chain().await;
    let funds = json!([STRANGER, "0x1234"]);
    call(&other, "anvil_setBalance", funds).await;
    let fork = fork(fork_of(other.url())).await;
    let height = call(&other, "eth_blockNumber", json!([])).await;
    assert_eq!(call(&fork, "eth_blockNumber", json!([])).await, height);
    for address in [counter, STRANGER, Address::repeat_byte(1)] {
        assert_eq!(
            state_of(&fork, address).await,
            state_of(&other, address).await
        );
    }
    let count = json!([{ "to": counter }, "latest"]);
    assert_eq!(call(&fork, "eth_call", count.clone()).await, json!(word(3)));
    // Through the kernel's module.
    let from = fork.accounts()[1].address;
    let receipt = sent(&fork, json!({ "from": from, "to": counter })).await;
    assert_eq!(receipt["status"], "0x1");
    assert_eq!(receipt["logs"][0]["data"], word(3));
    assert_eq!(number(&receipt["blockNumber"]), number(&height) + 1);
    assert_eq!(call(&fork, "eth_call", count.clone()).await, json!(word(4)));
    // The nonce goes on, too.
    let nonce = json!([from, "latest"]);
    assert_eq!(call(&fork, "eth_getTransactionCount", nonce).await, "0x3");
    // The other chain knows nothing of it.
    assert_eq!(call(&other, "eth_call", count).await, json!(word(3)));
    let block = call(&fork, "eth_getBlockByNumber", json!(["latest", false])).await;
    let parent = call(&other, "eth_getBlockByNumber", json!([height, false])).await;
    assert_eq!(block["parentHash"], parent["hash"]);
}

fn word(number: u64) -> String {
    format!("{number:#066x}")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_fork_deletes_does_not_come_back() {
    let other = devnet(|_| {}).await;
    let keep = deploy(&other, &[], KEEP).await;
    let from = other.accounts()[0].address;
    sent(&other, json!({ "from": from, "to": keep, "data": word(9) })).await;
    let fork = fork(fork_of(other.url())).await;
    let slot = json!([keep, "0x7", "latest"]);
    assert_eq!(call(&fork, "eth_getStorageAt", slot.clone()).await, word(9));
    let receipt = sent(&fork, json!({ "from": from, "to": keep, "data": word(0) })).await;
    assert_eq!(receipt["status"], "0x1");
    let state = call(&fork, "eth_getStorageAt", slot.clone()).await;
    assert_eq!(state, word(0));
    let count = json!([{ "to": keep }, "latest"]);
    assert_eq!(call(&fork, "eth_call", count).await, word(0));
    // Until the chain goes back.
    let before = number(&receipt["blockNumber"]) - 1;
    let before = json!([keep, "0x7", format!("{before:#x}")]);
    assert_eq!(call(&fork, "eth_getStorageAt", before).await, word(9));
    call(&fork, "anvil_rollback", json!([1])).await;
    assert_eq!(call(&fork, "eth_getStorageAt", slot).await, word(9));
    let error = try_call(&fork, "anvil_rollback", json!([1])).await;
    error.expect_err("the block before is the other chain's");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_past_is_the_other_chains() {
    let (other, counter) = other_chain().await;
    let hash_of = deploy(&other, &[], BLOCK_HASH).await;
    let height = number(&call(&other, "eth_blockNumber", json!([])).await);
    let options = ForkOptions {
        block: Some(height - 1),
        ..fork_of(other.url())
    };
    let fork = fork(options).await;
    let at = height - 1;
    assert_eq!(number(&call(&fork, "eth_blockNumber", json!([])).await), at);
    // What came later on the other chain is not here.
    let later = json!([format!("{height:#x}"), false]);
    assert!(call(&fork, "eth_getBlockByNumber", later).await.is_null());
    let code = json!([hash_of, "latest"]);
    assert_eq!(call(&fork, "eth_getCode", code).await, "0x");
    let last = call(
        &other,
        "eth_getBlockByNumber",
        json!([format!("{height:#x}"), true]),
    )
    .await;
    let later = json!([last["transactions"][0]["hash"]]);
    assert!(
        call(&fork, "eth_getTransactionReceipt", later)
            .await
            .is_null()
    );
    let later = json!([last["hash"], false]);
    assert!(call(&fork, "eth_getBlockByHash", later).await.is_null());
    // Nor is what waits there.
    call(&other, "evm_setAutomine", json!([false])).await;
    let waits = json!([{ "from": other.accounts()[2].address, "to": STRANGER }]);
    let waits = json!([call(&other, "eth_sendTransaction", waits).await]);
    let there = call(&other, "eth_getTransactionByHash", waits.clone()).await;
    assert!(there["blockNumber"].is_null() && there.is_object());
    assert!(
        call(&fork, "eth_getTransactionByHash", waits)
            .await
            .is_null()
    );
    // What was before is as there: blocks, transactions, receipts, state, traces.
    let tag = format!("{at:#x}");
    let block = call(&other, "eth_getBlockByNumber", json!([tag, true])).await;
    let (hash, sent) = (&block["hash"], &block["transactions"][0]["hash"]);
    let from = other.accounts()[1].address;
    let old = format!("{:#x}", at - 1);
    for (method, params) in [
        ("eth_getBlockByNumber", json!([tag, true])),
        ("eth_getBlockByHash", json!([hash, false])),
        ("eth_getBlockReceipts", json!([tag])),
        ("eth_getTransactionByHash", json!([sent])),
        ("eth_getTransactionReceipt", json!([sent])),
        (
            "eth_getTransactionByBlockNumberAndIndex",
            json!([tag, "0x0"]),
        ),
        ("eth_getBlockTransactionCountByHash", json!([hash])),
        ("eth_getBalance", json!([from, old])),
        ("eth_getStorageAt", json!([counter, "0x0", old])),
        ("eth_call", json!([{ "to": counter }, old])),
        ("eth_getProof", json!([counter, ["0x0"], tag])),
        (
            "debug_traceTransaction",
            json!([sent, { "tracer": "callTracer" }]),
        ),
        ("eth_getLogs", json!([{ "blockHash": hash }])),
    ] {
        let expected = call(&other, method, params.clone()).await;
        assert!(!expected.is_null(), "{method}");
        assert_eq!(
            call(&fork, method, params.clone()).await,
            expected,
            "{method} {params}"
        );
    }
    let newest = call(&fork, "eth_getBlockByNumber", json!(["latest", false])).await;
    assert_eq!(newest["hash"], *hash);
    // Logs of both.
    let here = self::sent(&fork, json!({ "from": from, "to": counter })).await;
    let logs = json!([{ "fromBlock": "0x0", "address": counter }]);
    let logs = call(&fork, "eth_getLogs", logs).await;
    let blocks: Vec<u64> = logs
        .as_array()
        .unwrap()
        .iter()
        .map(|log| number(&log["blockNumber"]))
        .collect();
    assert_eq!(blocks, [at - 1, at, at + 1]);
    assert_eq!(logs[2], here["logs"][0]);
    // Hashes of blocks, within the kernel.
    let deployed = deploy(&fork, &[], BLOCK_HASH).await;
    let there = call(&other, "eth_getBlockByNumber", json!(["0x1", false])).await;
    let asked = json!([{ "to": deployed, "data": word(1) }, "latest"]);
    assert_eq!(call(&fork, "eth_call", asked).await, there["hash"]);
    // What was executed here is traced here.
    let trace = json!([here["transactionHash"], { "tracer": "callTracer" }]);
    let trace = call(&fork, "debug_traceTransaction", trace).await;
    assert_eq!(trace["to"], json!(counter));
    let proof = try_call(&fork, "eth_getProof", json!([counter, [], "latest"])).await;
    assert!(proof.unwrap_err().message.contains("on a fork"));
}

#[tokio::test(flavor = "multi_thread")]
async fn tools_see_what_is_forked_and_can_change_it() {
    let (other, counter) = other_chain().await;
    let third = devnet(|options| options.chain_id = 999).await;
    let fork = fork(fork_of(other.url())).await;
    let at = number(&call(&other, "eth_blockNumber", json!([])).await);
    let info = call(&fork, "anvil_nodeInfo", json!([])).await;
    assert_eq!(info["forkConfig"]["forkUrl"], other.url());
    assert_eq!(info["forkConfig"]["forkBlockNumber"], at);
    let metadata = call(&fork, "hardhat_metadata", json!([])).await;
    let newest = call(&other, "eth_getBlockByNumber", json!(["latest", false])).await;
    let forked = json!({ "chainId": 1337, "forkBlockNumber": at, "forkBlockHash": newest["hash"] });
    assert_eq!(metadata["forkedNetwork"], forked);
    // Another block of the same chain, another chain, none.
    let earlier = json!([{ "forking": { "blockNumber": at - 1 } }]);
    call(&fork, "anvil_reset", earlier).await;
    assert_eq!(
        number(&call(&fork, "eth_blockNumber", json!([])).await),
        at - 1
    );
    assert_eq!(
        call(&fork, "eth_call", json!([{ "to": counter }])).await,
        word(2)
    );
    let there = json!([{ "forking": { "jsonRpcUrl": third.url() } }]);
    call(&fork, "hardhat_reset", there).await;
    assert_eq!(call(&fork, "eth_chainId", json!([])).await, "0x3e7");
    assert_eq!(call(&fork, "eth_getCode", json!([counter])).await, "0x");
    let from = fork.accounts()[0].address;
    let receipt = sent(
        &fork,
        json!({ "from": from, "to": STRANGER, "value": "0x1" }),
    )
    .await;
    assert_eq!(receipt["status"], "0x1");
    call(&fork, "anvil_reset", json!([])).await;
    assert_eq!(call(&fork, "eth_blockNumber", json!([])).await, "0x0");
    assert_eq!(call(&fork, "eth_chainId", json!([])).await, "0x539");
    let metadata = call(&fork, "hardhat_metadata", json!([])).await;
    assert!(metadata.get("forkedNetwork").is_none());
    let receipt = sent(
        &fork,
        json!({ "from": from, "to": STRANGER, "value": "0x1" }),
    )
    .await;
    assert_eq!(receipt["status"], "0x1");
    // What is nowhere is refused, and nothing changes.
    let nowhere = json!([{ "forking": { "jsonRpcUrl": "http://127.0.0.1:1" } }]);
    try_call(&fork, "anvil_reset", nowhere).await.unwrap_err();
    assert_eq!(call(&fork, "eth_blockNumber", json!([])).await, "0x1");
}

/// The states of a [`Gate`].
const OPEN: u8 = 0;
const LIMITED: u8 = 1;
const CLOSED: u8 = 2;
const NO_BATCHES: u8 = 3;

/// A node's port, with somebody before it who counts and may refuse.
struct Gate {
    address: SocketAddr,
    mode: Arc<AtomicU8>,
    requests: Arc<AtomicU64>,
    bodies: Arc<Mutex<Vec<String>>>,
}

impl Gate {
    fn before(node: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let mode = Arc::new(AtomicU8::new(OPEN));
        let requests = Arc::new(AtomicU64::new(0));
        let bodies = Arc::new(Mutex::new(Vec::new()));
        let gate = Self {
            address,
            mode: Arc::clone(&mode),
            requests: Arc::clone(&requests),
            bodies: Arc::clone(&bodies),
        };
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (mode, requests, bodies) = (
                    Arc::clone(&mode),
                    Arc::clone(&requests),
                    Arc::clone(&bodies),
                );
                std::thread::spawn(move || {
                    // The client may leave.
                    let _ = serve(client?, node, &mode, &requests, &bodies);
                    Ok::<_, std::io::Error>(())
                });
            }
        });
        gate
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn set(&self, mode: u8) {
        self.mode.store(mode, Ordering::SeqCst);
    }

    fn requests(&self) -> u64 {
        self.requests.load(Ordering::SeqCst)
    }

    fn bodies(&self) -> Vec<String> {
        std::mem::take(&mut *self.bodies.lock().unwrap())
    }
}

/// Passes requests on, one after the other.
fn serve(
    mut client: TcpStream,
    node: SocketAddr,
    mode: &AtomicU8,
    requests: &AtomicU64,
    bodies: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    loop {
        let Some((head, body)) = message(&mut client)? else {
            return Ok(());
        };
        requests.fetch_add(1, Ordering::SeqCst);
        bodies
            .lock()
            .unwrap()
            .push(String::from_utf8_lossy(&body).into_owned());
        let refusal: &[u8] = match mode.load(Ordering::SeqCst) {
            CLOSED => return Ok(()),
            LIMITED => b"HTTP/1.1 429 Too Many Requests\r\ncontent-length: 9\r\n\r\nslow down",
            NO_BATCHES if body.starts_with(b"[") => {
                b"HTTP/1.1 200 OK\r\ncontent-length: 62\r\n\r\n{\"id\":null,\"error\":{\"code\":-32600,\"message\":\"batches are off\"}}"
            }
            _ => {
                let mut there = TcpStream::connect(node)?;
                there.write_all(&head)?;
                there.write_all(&body)?;
                let Some((head, body)) = message(&mut there)? else {
                    return Ok(());
                };
                client.write_all(&head)?;
                client.write_all(&body)?;
                continue;
            }
        };
        client.write_all(refusal)?;
    }
}

/// A message of HTTP: its head, and a body of the length that it names.
fn message(stream: &mut TcpStream) -> std::io::Result<Option<(Vec<u8>, Vec<u8>)>> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte)? == 0 {
            return Ok(None);
        }
        head.push(byte[0]);
    }
    let text = String::from_utf8_lossy(&head).to_lowercase();
    let length = text
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"));
    let length = length.map_or(0, |length| length.trim().parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Ok(Some((head, body)))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_away_is_an_error_and_no_zero() {
    let (other, counter) = other_chain().await;
    let gate = Gate::before(other.address());
    let fork = fork(fork_of(gate.url())).await;
    for (mode, words) in [(LIMITED, "limits the rate"), (CLOSED, "does not answer")] {
        gate.set(mode);
        for (method, params) in [
            ("eth_call", json!([{ "to": counter }, "latest"])),
            ("eth_estimateGas", json!([{ "to": counter }])),
            ("eth_getBalance", json!([counter, "latest"])),
            ("eth_getBlockByNumber", json!(["0x1", false])),
            ("eth_getLogs", json!([{ "fromBlock": "0x1" }])),
        ] {
            let error = try_call(&fork, method, params).await.unwrap_err();
            assert_eq!(error.code, -32000, "{method}: {error:?}");
            assert!(error.message.contains(words), "{method}: {error:?}");
        }
    }
    // A block waits for what it needs, and is not made of zeros.
    let sign = raw(&fork.accounts()[2], 0, |transaction| {
        transaction.to = TxKind::Call(counter);
        transaction.gas_limit = 100_000;
        transaction.value = U256::ZERO;
    });
    let hash = call(&fork, "eth_sendRawTransaction", json!([sign])).await;
    let at = number(&call(&fork, "eth_blockNumber", json!([])).await);
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(number(&call(&fork, "eth_blockNumber", json!([])).await), at);
    gate.set(OPEN);
    let receipt = receipt(&fork, &hash).await.expect("a receipt");
    assert_eq!(receipt["status"], "0x1");
    assert_eq!(receipt["logs"][0]["data"], word(3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_takes_one_round_trip_and_the_cache_none() {
    let (other, counter) = other_chain().await;
    let gate = Gate::before(other.address());
    let folder = std::env::temp_dir().join(format!("fork-test-{}", std::process::id()));
    let options = ForkOptions {
        cache: CachePlace::Folder(folder.clone()),
        ..fork_of(gate.url())
    };
    let first = fork(options.clone()).await;
    let start = gate.requests();
    let count = json!([{ "to": counter }, "latest"]);
    assert_eq!(call(&first, "eth_call", count.clone()).await, word(3));
    // The account of the caller, that of the counter, its slot; the fee's receiver.
    gate.bodies();
    let cold = gate.requests() - start;
    assert!(cold <= 4, "{cold} requests: {:?}", gate.bodies());
    assert_eq!(call(&first, "eth_call", count.clone()).await, word(3));
    assert_eq!(gate.requests() - start, cold);
    let old = json!(["0x1", true]);
    let block = call(&first, "eth_getBlockByNumber", old.clone()).await;
    first.stop();
    // The next start knows it all but the newest block.
    let second = fork(options).await;
    gate.set(CLOSED);
    assert_eq!(call(&second, "eth_call", count).await, word(3));
    assert_eq!(call(&second, "eth_getBlockByNumber", old).await, block);
    second.stop();
    std::fs::remove_dir_all(&folder).unwrap();
    // Somebody who takes no batches is asked one by one.
    gate.set(NO_BATCHES);
    let third = fork(fork_of(gate.url())).await;
    assert_eq!(
        state_of(&third, counter).await,
        state_of(&other, counter).await
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn impersonated_accounts_wait_for_the_other_chain_like_others() {
    let (other, counter) = other_chain().await;
    call(
        &other,
        "anvil_setBalance",
        json!([STRANGER, "0xde0b6b3a7640000"]),
    )
    .await;
    let gate = Gate::before(other.address());
    let fork = fork(fork_of(gate.url())).await;
    call(&fork, "anvil_impersonateAccount", json!([STRANGER])).await;
    // Admitted while the node answers; its block needs the counter.
    let nonce = call(&fork, "eth_getTransactionCount", json!([STRANGER])).await;
    assert_eq!(nonce, "0x0");
    call(&fork, "evm_setAutomine", json!([false])).await;
    let request = json!([{ "from": STRANGER, "to": counter, "gas": "0x186a0" }]);
    let hash = call(&fork, "eth_sendTransaction", request).await;
    gate.set(CLOSED);
    let error = try_call(&fork, "evm_mine", json!([])).await.unwrap_err();
    assert!(error.message.contains("does not answer"), "{error:?}");
    gate.set(OPEN);
    call(&fork, "evm_mine", json!([])).await;
    let receipt = receipt(&fork, &hash).await.expect("a receipt");
    assert_eq!(receipt["status"], "0x1");
    assert_eq!(receipt["logs"][0]["data"], word(3));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_other_chain_is_refused_at_the_start() {
    let other = devnet(|_| {}).await;
    let options = ForkOptions {
        block: Some(99),
        ..fork_of(other.url())
    };
    let connect = tokio::task::spawn_blocking(|| Fork::connect(options));
    let error = connect.await.unwrap().unwrap_err().to_string();
    assert!(error.contains("has no block 99"), "{error}");
    let options = fork_of("http://127.0.0.1:1".into());
    let connect = tokio::task::spawn_blocking(|| Fork::connect(options));
    let error = connect.await.unwrap().unwrap_err().to_string();
    assert!(error.contains("does not answer"), "{error}");
}
