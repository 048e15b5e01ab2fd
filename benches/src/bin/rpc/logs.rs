//! Finding logs: one sender's 20 among 100,000, through the port.

use crate::time;
use node::Handle;
use serde_json::{Value, json};
use std::error::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Logs of a transaction, and transactions.
const LOGS: u64 = 5_000;
const TRANSACTIONS: u64 = 20;

/// Initcode of a contract that makes 5,000 logs with topics 0xaa and n / 20,
/// for n from the word in the call data on.
const LOGGER: &str = "0x602480600b6000396000f360003580611388015b81811460225760019003806014900460aa60206000a26008565b00";

pub(crate) async fn measure() -> Result<(), Box<dyn Error>> {
    let devnet = crate::devnet().await?;
    let from = devnet.accounts()[0].address;
    let create = json!({ "from": from, "data": LOGGER });
    let receipt = sent(&devnet, create).await?;
    let logger = receipt["contractAddress"].clone();
    for index in 0..TRANSACTIONS {
        let data = format!("0x{:064x}", index * LOGS);
        let call = json!({ "from": from, "to": logger, "data": data, "gas": "0xf00000" });
        let receipt = sent(&devnet, call).await?;
        let logs = receipt["logs"].as_array().map_or(0, Vec::len);
        assert_eq!(logs as u64, LOGS, "{}", receipt["status"]);
    }
    let topic = |number: u64| format!("0x{number:064x}");
    let sender = topic(LOGS * TRANSACTIONS / 20 / 2);
    let mut stream = TcpStream::connect(devnet.address()).await?;
    for (name, filter) in [
        (
            "address and topics",
            json!({ "address": logger, "topics": [topic(0xaa), sender], "fromBlock": "0x0" }),
        ),
        (
            "topic alone",
            json!({ "topics": [null, sender], "fromBlock": "0x0" }),
        ),
        (
            "one block",
            json!({ "topics": [null, sender], "fromBlock": "0xb", "toBlock": "0xb" }),
        ),
    ] {
        let call =
            json!({ "jsonrpc": "2.0", "id": 1, "method": "eth_getLogs", "params": [filter] });
        let answer = post(&mut stream, &call).await?;
        let found = answer["result"].as_array().map_or(0, Vec::len);
        let name = format!(
            "eth_getLogs, {found} of {} logs by {name}",
            LOGS * TRANSACTIONS
        );
        let stream = tokio::sync::Mutex::new(&mut stream);
        time(&name, 101, async || {
            post(*stream.lock().await, &call).await.is_ok()
        })
        .await;
    }
    devnet.stop();
    Ok(())
}

pub(crate) async fn sent(devnet: &Handle, transaction: Value) -> Result<Value, Box<dyn Error>> {
    let call = async |method, param: Value| {
        let params = node::rpc::params::Params::new(vec![param]);
        let outcome = node::rpc::call(devnet.miner(), method, params).await;
        outcome.map_err(|error| error.message)
    };
    let hash = call("eth_sendTransaction", transaction).await?;
    Ok(call("eth_getTransactionReceipt", hash).await?)
}

/// Posts a call on an open connection.
pub(crate) async fn post(stream: &mut TcpStream, call: &Value) -> Result<Value, Box<dyn Error>> {
    let body = call.to_string();
    let request = format!(
        "POST / HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    let mut buffer = [0; 1 << 16];
    loop {
        let read = stream.read(&mut buffer).await?;
        answer.extend_from_slice(&buffer[..read]);
        let text = std::str::from_utf8(&answer)?;
        if read == 0 {
            return Err("the connection ended".into());
        }
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head.lines().find_map(|line| {
            line.to_lowercase()
                .strip_prefix("content-length: ")?
                .parse()
                .ok()
        });
        if length.is_some_and(|length: usize| body.len() >= length) {
            return Ok(serde_json::from_str(body)?);
        }
    }
}
