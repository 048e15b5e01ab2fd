//! Traces: the calls of a swap, the steps of a loop.

use crate::logs::sent;
use crate::time;
use alloy_primitives::{Address, Bytes, U256};
use node::Handle;
use serde_json::{Value, json};
use solidity_fixtures::amm::{self, Swap};
use solidity_fixtures::erc20;
use std::error::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Initcode of a contract that counts down from the number in its call data, in seven steps.
const COUNTER: &str = "0x600d80600b6000396000f36000355b600190038060035700";

/// The steps of the loop, about.
const STEPS: u64 = 100_000;

pub(crate) async fn measure() -> Result<(), Box<dyn Error>> {
    let devnet = crate::devnet().await?;
    let swap = swap(&devnet).await?;
    let options = json!({ "tracer": "callTracer" });
    trace(&devnet, "callTracer of a swap", &json!([swap, options])).await?;
    let from = devnet.accounts()[0].address;
    let created = sent(&devnet, json!({ "from": from, "data": COUNTER })).await?;
    let counter = created["contractAddress"].clone();
    let data = format!("0x{:064x}", STEPS / 7);
    let request = json!({ "from": from, "to": counter, "data": data, "gas": "0xf00000" });
    let receipt = sent(&devnet, request).await?;
    assert_eq!(receipt["status"], "0x1", "the loop ends");
    let name = format!("struct logger of {STEPS} steps");
    trace(&devnet, &name, &json!([receipt["transactionHash"]])).await?;
    devnet.stop();
    Ok(())
}

async fn trace(devnet: &Handle, name: &str, params: &Value) -> Result<(), Box<dyn Error>> {
    let answer = read(devnet, params).await?;
    let (_, body) = answer.split_once("\r\n\r\n").ok_or("no answer")?;
    let answer: Value = serde_json::from_str(body)?;
    assert!(answer["error"].is_null(), "{}", answer["error"]);
    if let Some(steps) = answer["result"]["structLogs"].as_array() {
        assert!(steps.len() as u64 + 10 > STEPS, "{} steps", steps.len());
    }
    time(name, 11, async || read(devnet, params).await.is_ok()).await;
    Ok(())
}

/// The answer with its head, as it comes: one of HTTP/1.0 is not cut into chunks.
async fn read(devnet: &Handle, params: &Value) -> Result<String, Box<dyn Error>> {
    let call =
        json!({ "jsonrpc": "2.0", "id": 1, "method": "debug_traceTransaction", "params": params });
    let body = call.to_string();
    let head = format!(
        "POST / HTTP/1.0\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let mut stream = TcpStream::connect(devnet.address()).await?;
    stream.write_all((head + &body).as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

/// The hash of a swap on a market of two tokens.
async fn swap(devnet: &Handle) -> Result<Value, Box<dyn Error>> {
    let from = devnet.accounts()[0].address;
    let unit = U256::from(10).pow(U256::from(18));
    let create = async |code: Bytes| -> Result<Address, Box<dyn Error>> {
        let receipt = sent(devnet, json!({ "from": from, "data": code })).await?;
        let address = receipt["contractAddress"].as_str().ok_or("no contract")?;
        Ok(address.parse()?)
    };
    let mut tokens = Vec::new();
    for _ in 0..2 {
        tokens.push(create(erc20::deploy(unit * U256::from(10_000_000))).await?);
    }
    tokens.sort_unstable();
    let pair = create(amm::deploy_pair(tokens[0], tokens[1])).await?;
    let router = create(amm::deploy_router()).await?;
    let call = async |to: Address, data: Bytes| -> Result<Value, Box<dyn Error>> {
        let request = json!({ "from": from, "to": to, "data": data, "gas": "0x200000" });
        let receipt = sent(devnet, request).await?;
        assert_eq!(receipt["status"], "0x1", "{receipt}");
        Ok(receipt["transactionHash"].clone())
    };
    for token in &tokens {
        call(*token, erc20::approve(router, U256::MAX)).await?;
    }
    let million = unit * U256::from(1_000_000);
    call(router, amm::add(pair, million, million * U256::from(3))).await?;
    let order = Swap {
        pair,
        zero_for_one: true,
        amount: unit,
        least: U256::ONE,
        deadline: u64::MAX,
    };
    call(router, amm::swap(&order)).await
}
