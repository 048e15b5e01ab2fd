//! The memory of a devnet under mixed load: `load [SECONDS] [KEEP_STATES]`, 60 and 256
//! without.
//!
//! Transfers, calls that log, deployments, calls, log queries, traces, subscriptions; each
//! 1,000 blocks the memory is printed. It must be flat once as many blocks as are kept are
//! there, and the store has filled the 64 MB of its pages that are kept in memory, which takes
//! some 70,000 blocks: what stays of a block then is nothing but rows on disk.
//!
//! `load reorganisations [LEVELS] [SEED]`, 500 and 1 without: layer 1 goes back 1 to 10 levels at
//! random under a node in front of a rollup, with a store and without, and both sides are started
//! anew. Ends with an error if a transaction is lost or included twice, or a block is another one
//! than without.
#![expect(
    clippy::float_arithmetic,
    reason = "sizes are told to people, not computed with"
)]

use alloy_primitives::Address;
use e2e_tests::branches::{self, Plan};
use node::rpc::params::Params;
use node::store::bounds::CACHE;
use node::{Handle, Options};
use serde_json::{Value, json};
use std::error::Error;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// The blocks between two lines.
const WINDOW: u64 = 1_000;

/// The blocks that are looked at then, at least.
const FLAT: u64 = 5_000;

/// The most bytes that may stay of a block.
const MOST: f64 = 600.0;

/// Counts in slot 0 and logs the count; as initcode.
const COUNTER: &str = "0x601980600b6000396000f36000546001018060005560005260aa60206000a160206000f3";

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let first = arguments.next();
    if first.as_deref() == Some("reorganisations") {
        let levels = arguments.next().map_or(Ok(500), |text| text.parse())?;
        let seed = arguments.next().map_or(Ok(1), |text| text.parse())?;
        reorganisations(levels, seed).await;
        return Ok(ExitCode::SUCCESS);
    }
    let seconds = first.map_or(Ok(60), |text| text.parse())?;
    let keep_states = arguments.next().map_or(Ok(256), |text| text.parse())?;
    let kernel = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/kernel/evm_kernel.wasm");
    let mut options = Options::new(kernel);
    options.keep_states = keep_states;
    let devnet = node::devnet(options).await?;
    // Layer 1 keeps 4,096 levels, the kernel 1,024 blocks.
    let window = 4_096.max(keep_states) + 1_024;
    let start = Instant::now();
    let (mut next, mut first) = (WINDOW, None);
    let mut round = 0;
    let mut counter = String::new();
    while start.elapsed() < Duration::from_secs(seconds) {
        if round % 64 == 0 {
            counter = deploy(&devnet).await?;
        }
        step(&devnet, &counter, round).await?;
        round += 1;
        let blocks = devnet.node().latest()?.number();
        if blocks >= next {
            let memory = memory().ok_or("the system does not tell the memory")?;
            let megabytes = memory / 1e6;
            println!(
                "{blocks:>8} blocks  {megabytes:>8.1} MB  {:>6.1?}",
                start.elapsed()
            );
            next = blocks + WINDOW;
            if first.is_none() && blocks >= window && is_cache_full(&devnet)? {
                first = Some((blocks, memory));
            }
        }
    }
    let blocks = devnet.node().latest()?.number();
    let Some((from, before)) = first.filter(|(from, _)| blocks >= from + FLAT) else {
        println!(
            "too short: memory can be flat after {window} blocks and {} MB in the store, which has \
             {:.1} MB; {FLAT} blocks more are looked at",
            CACHE >> 20,
            stored(&devnet)? as f64 / 1e6
        );
        devnet.stop();
        return Ok(ExitCode::FAILURE);
    };
    let after = memory().unwrap_or(before);
    let each = (after - before) / (blocks - from).max(1) as f64;
    println!("from block {from} to {blocks}: {each:.0} bytes a block");
    devnet.stop();
    Ok(if each <= MOST {
        ExitCode::SUCCESS
    } else {
        eprintln!("error: memory grows by more than {MOST} bytes a block");
        ExitCode::FAILURE
    })
}

/// The bytes of the store's rows.
fn stored(devnet: &Handle) -> Result<u64, Box<dyn Error>> {
    let tables = devnet.node().store().tables()?;
    Ok(tables.iter().map(|(_, _, bytes)| bytes).sum())
}

/// Returns `true` if the store has more than it keeps in memory.
fn is_cache_full(devnet: &Handle) -> Result<bool, Box<dyn Error>> {
    Ok(stored(devnet)? > CACHE as u64)
}

async fn deploy(devnet: &Handle) -> Result<String, Box<dyn Error>> {
    let from = devnet.accounts()[0].address;
    let hash = ask(
        devnet,
        "eth_sendTransaction",
        json!([{ "from": from, "data": COUNTER }]),
    );
    let receipt = ask(devnet, "eth_getTransactionReceipt", json!([hash.await?])).await?;
    Ok(receipt["contractAddress"]
        .as_str()
        .ok_or("no contract")?
        .to_owned())
}

/// A transaction, and now and then what else clients ask for.
async fn step(devnet: &Handle, counter: &str, round: u64) -> Result<(), Box<dyn Error>> {
    let accounts = devnet.accounts();
    let from = accounts[usize::try_from(round)? % accounts.len()].address;
    let request = match round % 2 {
        0 => {
            json!({ "from": from, "to": Address::repeat_byte(0x11), "value": "0x1", "gas": "0x5208" })
        }
        _ => json!({ "from": from, "to": counter, "gas": "0x20000" }),
    };
    let hash = ask(devnet, "eth_sendTransaction", json!([request])).await?;
    match round % 16 {
        3 => ask(devnet, "eth_call", json!([{ "to": counter }, "latest"])).await?,
        5 => ask(devnet, "eth_getTransactionReceipt", json!([hash])).await?,
        7 => {
            let newest = devnet.node().latest()?.number();
            let query = json!([{ "address": counter, "fromBlock": format!("{:#x}", newest.saturating_sub(32)) }]);
            ask(devnet, "eth_getLogs", query).await?
        }
        11 => {
            let options = json!({ "tracer": "callTracer" });
            ask(devnet, "debug_traceTransaction", json!([hash, options])).await?
        }
        13 => ask(devnet, "eth_getBlockByNumber", json!(["latest", true])).await?,
        15 => ask(devnet, "eth_feeHistory", json!(["0x10", "latest", [50.0]])).await?,
        _ => Value::Null,
    };
    Ok(())
}

async fn ask(devnet: &Handle, method: &str, params: Value) -> Result<Value, Box<dyn Error>> {
    let Value::Array(params) = params else {
        return Err("params are no list".into());
    };
    let answer = node::rpc::call(devnet.miner(), method, Params::new(params)).await;
    answer.map_err(|error| format!("{method}: {}", error.message).into())
}

/// A node in front of a rollup, while layer 1 goes back and forth.
async fn reorganisations(levels: u32, seed: u64) {
    for (name, stored) in [("with a store", true), ("without a store", false)] {
        let start = Instant::now();
        let counts = branches::run(Plan {
            name,
            seed,
            levels,
            stored,
        })
        .await;
        println!("{name}, seed {seed}, {:.0?}: {counts:#?}", start.elapsed());
    }
}

/// The bytes of memory of this process; `None` if the system does not say.
fn memory() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: f64 = status.split_whitespace().nth(1)?.parse().ok()?;
    Some(pages * 4096.0)
}
