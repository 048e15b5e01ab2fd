//! A node in front of a rollup: how many levels a second it follows, of a double on this machine
//! with 20 ERC-20 transfers in each, and how long reads take meanwhile.

use crate::latency::cpu_ms;
use crate::logs::post;
use alloy_primitives::{Address, Bytes, TxKind, U256, hex};
use e2e_tests::folder::Folder;
use e2e_tests::followed::{CHAIN_ID, Lab, call, level_with, number, settle, until};
use node::follower::{self, Handle};
use serde_json::{Value, json};
use solidity_fixtures::erc20;
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;

/// The levels that are followed.
const LEVELS: u32 = 400;
/// The transfers of a level, each by a sender of its own.
const TRANSFERS: usize = 20;
/// The clients that read at once.
const READERS: usize = 2;

pub(crate) async fn measure() -> Result<(), Box<dyn Error>> {
    let mut lab = Lab::new("bench of following", TRANSFERS, |_| {}).await;
    let token = fill(&mut lab).await?;
    println!(
        "{LEVELS} levels with {TRANSFERS} ERC-20 transfers each, from a double on this machine:"
    );
    catch_up(&lab, token, None, false).await?;
    let folder = Folder::new("bench of following, store");
    catch_up(&lab, token, Some(&folder), false).await?;
    let folder = Folder::new("bench of reading, store");
    catch_up(&lab, token, Some(&folder), true).await
}

/// Makes the levels, with what a node posts; gives the token's address.
async fn fill(lab: &mut Lab) -> Result<Address, Box<dyn Error>> {
    let node = lab.node().await;
    let sent = |lab: &mut Lab, user: usize, to, input: Bytes, gas| {
        let signed = lab.users[user].send(CHAIN_ID, to, U256::ZERO, input, gas);
        (signed.hash, hex::encode_prefixed(signed.encode()))
    };
    let (hash, raw) = sent(
        lab,
        0,
        TxKind::Create,
        erc20::deploy(U256::from(1_000_000_000)),
        2_000_000,
    );
    call(&node, "eth_sendRawTransaction", json!([raw])).await;
    settle(lab, &node, &[hash]).await;
    let receipt = call(&node, "eth_getTransactionReceipt", json!([hash])).await;
    let token: Address = serde_json::from_value(receipt["contractAddress"].clone())?;
    // Everybody gets some.
    let mut given = Vec::new();
    for user in 1..TRANSFERS {
        let input = erc20::transfer(lab.users[user].address, U256::from(1_000_000));
        let (hash, raw) = sent(lab, 0, TxKind::Call(token), input, 80_000);
        call(&node, "eth_sendRawTransaction", json!([raw])).await;
        given.push(hash);
    }
    settle(lab, &node, &given).await;
    for level in 0..LEVELS {
        for user in 0..TRANSFERS {
            let number = u64::from(level) * TRANSFERS as u64 + user as u64;
            let mut receiver = [0x99; 20];
            receiver[..8].copy_from_slice(&number.to_be_bytes());
            let input = erc20::transfer(receiver.into(), U256::from(1));
            let (_, raw) = sent(lab, user, TxKind::Call(token), input, 80_000);
            call(&node, "eth_sendRawTransaction", json!([raw])).await;
        }
        until("all are posted", async || {
            let waiting = call(&node, "rollup_status", json!([])).await;
            waiting["posted"].as_u64() == Some(TRANSFERS as u64)
        })
        .await;
        lab.double.levels(1)?;
        level_with(&node, &lab.double).await;
    }
    let newest = call(&node, "eth_getBlockByNumber", json!(["latest", false])).await;
    let count = newest["transactions"].as_array().map_or(0, Vec::len);
    assert_eq!(count, TRANSFERS, "each level has all of its transfers");
    node.stop()?;
    Ok(token)
}

/// Follows all levels, and reads meanwhile.
async fn catch_up(
    lab: &Lab,
    token: Address,
    store: Option<&Folder>,
    reads: bool,
) -> Result<(), Box<dyn Error>> {
    let options = follower::Options {
        data_dir: store.map(|folder| folder.0.clone()),
        ..lab.options()
    };
    let node = lab.node_with(options).await;
    let before = cpu_ms();
    let (start, first) = (
        Instant::now(),
        number(&node, "eth_blockNumber", json!([])).await,
    );
    let done = Arc::new(AtomicBool::new(false));
    let mut readers = Vec::new();
    for reader in 0..if reads { READERS } else { 0 } {
        let owner = lab.users[reader].address;
        readers.push(tokio::spawn(read(
            node.url(),
            (token, owner),
            Arc::clone(&done),
        )));
    }
    wait(&node, lab).await;
    let (took, used) = (start.elapsed(), cpu_ms().zip(before));
    done.store(true, Ordering::Relaxed);
    let levels = number(&node, "eth_blockNumber", json!([])).await - first;
    let used = used.map_or(0.0, |(after, before)| (after - before) / levels as f64);
    println!(
        "{:<60} {:>9.1} levels a second, {used:.1} CPU ms each, with the double",
        match (store.is_some(), reads) {
            (false, _) => "without a store",
            (true, false) => "with a store",
            (true, true) => "with a store, and two clients that read",
        },
        levels as f64 / took.as_secs_f64()
    );
    let mut times = [Vec::new(), Vec::new()];
    for reader in readers {
        let read = reader
            .await?
            .map_err(|error| -> Box<dyn Error> { error.into() })?;
        for (times, more) in times.iter_mut().zip(read) {
            times.extend(more);
        }
    }
    for (name, mut times) in ["eth_call", "eth_getBalance"].into_iter().zip(times) {
        times.sort_unstable();
        let ms = |part: usize| times.get(times.len() * part / 1000).map_or(0.0, ms);
        if reads {
            println!(
                "{name:<60} {:>9.3} ms (median of {}), {:.3} ms for 99 of 100, {:.3} ms for 999 of 1,000",
                ms(500),
                times.len(),
                ms(990),
                ms(999)
            );
        }
    }
    node.stop()?;
    Ok(())
}

fn ms(time: &Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// Waits for the newest level, however long it takes.
async fn wait(node: &Handle, lab: &Lab) {
    let wanted = e2e_tests::followed::head(&lab.double).hash;
    while node
        .node()
        .latest()
        .is_ok_and(|latest| latest.hash != wanted)
    {
        assert!(!node.has_ended(), "it ended");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Times of calls of a token's `balanceOf`, and of balances, until it is done.
async fn read(
    url: String,
    (token, owner): (Address, Address),
    done: Arc<AtomicBool>,
) -> Result<[Vec<Duration>; 2], String> {
    let text = |error: Box<dyn Error>| error.to_string();
    let mut stream = TcpStream::connect(url.trim_start_matches("http://"))
        .await
        .map_err(|error| error.to_string())?;
    let balance_of = erc20::balance_of(owner);
    let called = json!([{ "to": token, "data": hex::encode_prefixed(balance_of) }, "latest"]);
    let calls = [
        ("eth_call", called),
        ("eth_getBalance", json!([owner, "latest"])),
    ];
    let mut times = [Vec::new(), Vec::new()];
    while !done.load(Ordering::Relaxed) {
        for ((method, params), times) in calls.iter().zip(&mut times) {
            let call = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
            let start = Instant::now();
            let answer: Value = post(&mut stream, &call).await.map_err(text)?;
            times.push(start.elapsed());
            if !answer["result"].is_string() {
                return Err(format!("{method}: {answer}"));
            }
        }
        // As clients do that have something else to do as well.
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Ok(times)
}
