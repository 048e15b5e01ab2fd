//! Waiting times of a client: for the first answer and for the receipt of a transaction, and the time that
//! a flood of transactions takes.

use crate::logs::post;
use crate::time;
use alloy_primitives::{Address, TxKind, U256, hex};
use ethereum::Transaction;
use ethereum::transaction::Eip1559;
use node::Handle;
use node::accounts::Account;
use serde_json::{Value, json};
use std::error::Error;
use std::time::Instant;
use tokio::net::TcpStream;

/// Transfers that are sent one after the other.
pub(crate) const ALONE: usize = 200;
/// Those of a flood, by each of its senders.
const EACH: u64 = 500;
/// The senders of a flood.
const SENDERS: usize = 8;

pub(crate) async fn measure() -> Result<(), Box<dyn Error>> {
    let start = Instant::now();
    let devnet = crate::devnet().await?;
    let mut stream = TcpStream::connect(devnet.address()).await?;
    post(&mut stream, &call("eth_blockNumber", &json!([]))).await?;
    let took = start.elapsed();
    println!("start of the devnet → first answer: {took:.1?}");
    alone(&devnet, stream).await?;
    flood(&devnet).await?;
    devnet.stop();
    Ok(())
}

fn call(method: &str, params: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params })
}

/// A transfer of one wei.
fn transfer(account: &Account, nonce: u64) -> Result<String, Box<dyn Error>> {
    let transfer = Transaction::DynamicFee(Eip1559 {
        chain_id: 1337,
        nonce,
        max_fee_per_gas: U256::from(10_000_000_000_u64),
        gas_limit: 21_000,
        to: TxKind::Call(Address::repeat_byte(0x11)),
        value: U256::from(1),
        ..Eip1559::default()
    });
    Ok(hex::encode_prefixed(account.sign(transfer)?.encode()))
}

/// Time from a transaction to its receipt.
pub(crate) async fn alone(devnet: &Handle, stream: TcpStream) -> Result<(), Box<dyn Error>> {
    let account = devnet.accounts().last().ok_or("no account")?;
    let raws: Result<Vec<String>, _> = (0..ALONE as u64)
        .map(|nonce| transfer(account, nonce))
        .collect();
    let state = tokio::sync::Mutex::new((stream, raws?.into_iter()));
    let send = async || -> Result<(), Box<dyn Error>> {
        let (stream, raws) = &mut *state.lock().await;
        let raw = raws.next().ok_or("no more")?;
        let sent = post(stream, &call("eth_sendRawTransaction", &json!([raw]))).await?;
        let hash = sent["result"].clone();
        let receipt = post(stream, &call("eth_getTransactionReceipt", &json!([hash]))).await?;
        assert_eq!(receipt["result"]["status"], "0x1", "{receipt}");
        Ok(())
    };
    time("eth_sendRawTransaction → receipt", ALONE, send).await;
    Ok(())
}

async fn flood(devnet: &Handle) -> Result<(), Box<dyn Error>> {
    let mut floods = Vec::new();
    for account in devnet.accounts().iter().take(SENDERS) {
        let raws: Result<Vec<String>, _> =
            (0..EACH).map(|nonce| transfer(account, nonce)).collect();
        floods.push((TcpStream::connect(devnet.address()).await?, raws?));
    }
    let (start, before) = (Instant::now(), cpu_ms());
    let floods = floods.into_iter().map(|(mut stream, raws)| {
        tokio::spawn(async move {
            for raw in raws {
                let call = call("eth_sendRawTransaction", &json!([raw]));
                let sent = post(&mut stream, &call)
                    .await
                    .map_err(|error| error.to_string())?;
                if !sent["error"].is_null() {
                    return Err(sent["error"].to_string());
                }
            }
            Ok(())
        })
    });
    for flood in floods.collect::<Vec<_>>() {
        flood.await??;
    }
    let count = EACH as f64 * SENDERS as f64;
    let rate = count / start.elapsed().as_secs_f64();
    print!("{count} transfers by {SENDERS} senders at once: {rate:.0} a second");
    match (before, cpu_ms()) {
        (Some(before), Some(after)) => {
            println!(
                ", {:.3} CPU ms each, with the client",
                (after - before) / count
            );
        }
        _ => println!(),
    }
    Ok(())
}

/// The milliseconds of CPU that this process has had; `None` if the system does not say.
pub(crate) fn cpu_ms() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    // Ticks of a hundredth of a second.
    Some((user + system) * 10.0)
}
