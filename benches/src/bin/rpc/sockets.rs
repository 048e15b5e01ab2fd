//! Sockets that subscribe and never read: what another client waits for meanwhile, and the
//! memory.

use crate::logs::post;
use crate::time;
use serde_json::json;
use std::error::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The sockets, and the subscriptions of each.
const SOCKETS: usize = 300;
const SUBSCRIPTIONS: usize = 1_000;
/// Blocks that come, one after every so many questions.
const BLOCKS: usize = 40;
const QUESTIONS: usize = 10;

pub(crate) async fn measure() -> Result<(), Box<dyn Error>> {
    let devnet = crate::devnet().await?;
    let mut silent = Vec::new();
    for _ in 0..SOCKETS {
        silent.push(subscribed(devnet.address()).await?);
    }
    let stream = TcpStream::connect(devnet.address()).await?;
    let question = json!({ "jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber", "params": [] });
    let state = tokio::sync::Mutex::new((stream, 0_usize));
    let miner = devnet.miner();
    let ask = async || -> Result<(), Box<dyn Error>> {
        let (stream, asked) = &mut *state.lock().await;
        *asked += 1;
        if *asked % QUESTIONS == 0 {
            let miner = miner.clone();
            tokio::spawn(async move { miner.mine(1, None).await });
        }
        post(stream, &question).await?;
        Ok(())
    };
    let name =
        format!("eth_blockNumber beside {SOCKETS} silent sockets × {SUBSCRIPTIONS} newHeads");
    time(&name, BLOCKS * QUESTIONS, ask).await;
    if let Some(megabytes) = crate::memory_mb() {
        println!("the memory then, clients included: {megabytes:.0} MB");
    }
    drop(silent);
    devnet.stop();
    Ok(())
}

/// A WebSocket with its subscriptions, whose answers are read, and nothing more.
async fn subscribed(address: std::net::SocketAddr) -> Result<TcpStream, Box<dyn Error>> {
    let mut stream = TcpStream::connect(address).await?;
    let head = "GET / HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
                sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(head.as_bytes()).await?;
    let mut answer = Vec::new();
    let mut buffer = vec![0; 1 << 16];
    while !answer.windows(4).any(|end| end == b"\r\n\r\n") {
        let read = stream.read(&mut buffer).await?;
        answer.extend_from_slice(buffer.get(..read).unwrap_or_default());
        if read == 0 {
            return Err("the connection ended".into());
        }
    }
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"eth_subscribe","params":["newHeads"]}"#;
    // A text frame with a mask of zeros.
    let mut frame = vec![0x81, 0x80 | u8::try_from(call.len())?, 0, 0, 0, 0];
    frame.extend_from_slice(call.as_bytes());
    let mut answered = 0;
    for _ in 0..SUBSCRIPTIONS {
        stream.write_all(&frame).await?;
        while answered == 0 {
            answered = stream.read(&mut buffer).await?;
        }
        answered = 0;
    }
    Ok(stream)
}
