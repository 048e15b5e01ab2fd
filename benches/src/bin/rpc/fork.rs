//! The extra cost of a call on a fork, compared with the chain itself: once its slots are known here,
//! and the first time.

use crate::logs::post;
use alloy_primitives::{Address, U256};
use node::ForkOptions;
use node::fork::CachePlace;
use node::genesis::GenesisAccount;
use serde_json::{Value, json};
use std::error::Error;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;

const CONTRACT: Address = Address::repeat_byte(0xc0);

/// Calls of each kind.
const TIMES: usize = 2_000;

/// The slots that a call reads.
const SLOTS: [u8; 2] = [1, 100];

pub(crate) async fn measure() -> Result<(), Box<dyn Error>> {
    for slots in SLOTS {
        let mut options = crate::options();
        options.genesis.alloc.insert(CONTRACT, adder(slots));
        let remote = node::devnet(options).await?;
        let mut options = crate::options();
        options.fork = Some(ForkOptions {
            cache: CachePlace::Memory,
            ..ForkOptions::new(remote.url())
        });
        let fork = node::devnet(options).await?;
        let mut plain = TcpStream::connect(remote.address()).await?;
        let mut forked = TcpStream::connect(fork.address()).await?;
        let asked = || Some(fork.node().fork()?.remote().requests());
        let before = asked();
        let cold = called(&mut forked, slots).await?;
        let requests = asked().zip(before).map(|(after, before)| after - before);
        let requests = requests.ok_or("no fork")?;
        println!(
            "eth_call of {slots} slots on a fork, the first: {:.3} ms, {requests} requests",
            ms(cold)
        );
        let (mut plainly, mut cached) = (Vec::new(), Vec::new());
        for _ in 0..TIMES {
            // By turns, so that both meet the same machine.
            plainly.push(called(&mut plain, slots).await?);
            cached.push(called(&mut forked, slots).await?);
        }
        let (plainly, cached) = (median(plainly), median(cached));
        println!(
            "eth_call of {slots} slots: {:.3} ms on the chain, {:.3} ms on its fork once they are known: {:+.3} ms (medians of {TIMES})",
            ms(plainly),
            ms(cached),
            ms(cached) - ms(plainly)
        );
        fork.stop();
        remote.stop();
    }
    Ok(())
}

/// A contract that gives the sum of its first slots.
fn adder(slots: u8) -> GenesisAccount {
    // PUSH0; for each slot PUSH1 SLOAD ADD; then the sum is returned.
    let reads = (0..slots).flat_map(|slot| [0x60, slot, 0x54, 0x01]);
    let code: Vec<u8> = [0x5f]
        .into_iter()
        .chain(reads)
        .chain([0x5f, 0x52, 0x60, 0x20, 0x5f, 0xf3])
        .collect();
    GenesisAccount {
        balance: U256::ZERO,
        nonce: 1,
        code: code.into(),
        storage: (0..slots)
            .map(|slot| (U256::from(slot), U256::from(7)))
            .collect(),
    }
}

/// The time of a call, whose answer is the sum.
async fn called(stream: &mut TcpStream, slots: u8) -> Result<Duration, Box<dyn Error>> {
    let params = json!([{ "to": CONTRACT }, "latest"]);
    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "eth_call", "params": params });
    let start = Instant::now();
    let answer: Value = post(stream, &call).await?;
    let took = start.elapsed();
    let sum = answer["result"].as_str().and_then(|text| text.parse().ok());
    match sum == Some(U256::from(7 * u64::from(slots))) {
        true => Ok(took),
        false => Err(answer.to_string().into()),
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
