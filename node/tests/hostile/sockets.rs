//! Clients of WebSockets that send much, or read nothing.

use super::{Socket, make_21_megabytes, request, socket};
use crate::common::{deploy, devnet};
use alloy_primitives::{Address, hex};
use futures_util::{SinkExt, StreamExt};
use node::Handle;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

/// The most that sockets of the system may hold besides the node.
const SOCKET_BUFFERS: usize = 24 << 20;

/// Sends until the node takes nothing for a second; gives the bytes that it took.
async fn flood(socket: &mut Socket, message: &Message, most: usize) -> usize {
    let mut sent = 0;
    while sent < most {
        let send = socket.send(message.clone());
        match tokio::time::timeout(Duration::from_secs(1), send).await {
            Ok(Ok(())) => sent += message.len() + 6,
            _ => break,
        }
    }
    sent
}

/// A call of the identity precompile: its answer is as long as the call.
fn echo(bytes: usize) -> String {
    let to = Address::with_last_byte(4);
    let data = hex::encode_prefixed(vec![0; bytes]);
    request("eth_call", &json!([{ "to": to, "data": data }])).to_string()
}

#[tokio::test]
async fn who_sends_calls_and_reads_no_answer_is_held_up() {
    let devnet = devnet(|_| {}).await;
    let mut socket = socket(&devnet).await;
    let message = Message::text(echo(10_000));
    let sent = flood(&mut socket, &message, 4 * SOCKET_BUFFERS).await;
    assert!(sent < 2 * SOCKET_BUFFERS, "{sent} bytes");
}

#[tokio::test]
async fn who_sends_pings_and_reads_no_pong_is_held_up() {
    let devnet = devnet(|_| {}).await;
    let mut socket = socket(&devnet).await;
    let ping = Message::Ping(vec![7; 125].into());
    let sent = flood(&mut socket, &ping, 4 * SOCKET_BUFFERS).await;
    assert!(sent < 2 * SOCKET_BUFFERS, "{sent} bytes");
}

#[tokio::test]
async fn who_never_reads_is_dropped() {
    let devnet = devnet(|_| {}).await;
    let mut socket = socket(&devnet).await;
    let message = Message::text(echo(100_000));
    let sent = flood(&mut socket, &message, 4 * SOCKET_BUFFERS).await;
    assert!(sent < 2 * SOCKET_BUFFERS, "{sent} bytes");
    // 20 s in which it takes less than 1 MB.
    let gone = async {
        while socket.send(Message::Ping(vec![].into())).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    let gone = tokio::time::timeout(Duration::from_secs(60), gone).await;
    assert!(gone.is_ok(), "the connection is still there");
}

#[tokio::test]
async fn who_leaves_is_noticed_while_calls_are_pending() {
    let devnet = devnet(|_| {}).await;
    let looping = deploy(&devnet, &[], &hex!("5b600056")).await;
    let mut socket = socket(&devnet).await;
    let text = request("eth_call", &json!([{ "to": looping }])).to_string();
    for _ in 0..90 {
        socket.send(Message::text(text.clone())).await.unwrap();
    }
    socket.close(None).await.unwrap();
    let mut answers = 0;
    while let Some(Ok(message)) = socket.next().await {
        answers += usize::from(message.is_text());
    }
    assert!(
        answers < 20,
        "{answers} calls were answered before the end was seen"
    );
}

/// A socket whose client sent most of a message of 5 MB: in one frame, or in a first part.
async fn half_sent(devnet: &Handle, whole: bool) -> Socket {
    let mut socket = socket(devnet).await;
    let sent: u64 = 4_900_000;
    let (fin, length) = if whole { (0x80, sent + 1) } else { (0, sent) };
    let mut frame = vec![fin | 1, 0x80 | 127];
    frame.extend(length.to_be_bytes());
    frame.extend([0; 4]);
    frame.resize(frame.len() + 4_900_000, b' ');
    // Who is refused may be gone already.
    let _ = socket.get_mut().write_all(&frame).await;
    socket
}

/// The code and reason with which the node closed a connection.
async fn closed(socket: &mut Socket, within: Duration) -> Option<(CloseCode, String)> {
    let next = tokio::time::timeout(within, socket.next()).await.ok()??;
    match next {
        Ok(Message::Close(Some(frame))) => Some((frame.code, frame.reason.to_string())),
        Err(_) => Some((CloseCode::Abnormal, String::new())),
        Ok(_) => None,
    }
}

#[tokio::test]
async fn messages_that_do_not_end_do_not_pile_up() {
    for whole in [true, false] {
        let devnet = devnet(|_| {}).await;
        let mut held = Vec::new();
        for _ in 0..20 {
            held.push(half_sent(&devnet, whole).await);
        }
        let mut refused = 0;
        for socket in &mut held {
            refused += usize::from(closed(socket, Duration::from_millis(200)).await.is_some());
        }
        // 48 MB are taken.
        assert!((10..=11).contains(&refused), "{refused} of 20 refused");
        // Small ones go on, and large ones when those are gone.
        let small = request("eth_chainId", &json!([])).to_string();
        let mut socket = socket(&devnet).await;
        assert_eq!(ask(&mut socket, small).await["result"], "0x539");
        drop(held);
        let mut answer = Value::Null;
        for _ in 0..50 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let large = echo(50_000) + &" ".repeat(1_000_000);
            answer = ask(&mut socket, large).await;
            if answer["result"].is_string() {
                break;
            }
        }
        assert!(answer["result"].is_string(), "{answer}");
    }
}

async fn ask(socket: &mut Socket, text: String) -> Value {
    socket.send(Message::text(text)).await.unwrap();
    let answer = socket.next().await.unwrap().unwrap();
    serde_json::from_str(answer.to_text().unwrap()).unwrap()
}

#[tokio::test]
async fn a_message_that_does_not_end_in_time_ends_its_connection() {
    let devnet = devnet(|_| {}).await;
    let mut socket = half_sent(&devnet, true).await;
    let (code, reason) = closed(&mut socket, Duration::from_secs(60)).await.unwrap();
    assert_eq!(code, CloseCode::Policy);
    assert_eq!(reason, "the message does not arrive");
}

#[tokio::test]
async fn pings_between_the_parts_of_a_message_do_not_hide_it() {
    let devnet = devnet(|_| {}).await;
    let mut held = Vec::new();
    for _ in 0..20 {
        let mut socket = half_sent(&devnet, false).await;
        // A thousand pings of 125 bytes, which count for nothing, and then for no less.
        let mut ping = vec![0x89, 0x80 | 125, 0, 0, 0, 0];
        ping.resize(ping.len() + 125, 7);
        let _ = socket.get_mut().write_all(&ping.repeat(1_000)).await;
        held.push(socket);
    }
    let mut gone = 0;
    for socket in &mut held {
        while let Ok(Some(Ok(message))) =
            tokio::time::timeout(Duration::from_millis(200), socket.next()).await
        {
            if message.is_close() {
                gone += 1;
                break;
            }
        }
    }
    assert!(gone >= 5, "{gone} of 20 refused");
}

#[tokio::test]
async fn who_asks_for_much_leaves_others_a_place() {
    let devnet = devnet(|_| {}).await;
    let looping = deploy(&devnet, &[], &hex!("5b600056")).await;
    let text = request("eth_call", &json!([{ "to": looping }])).to_string();
    let mut sockets = Vec::new();
    for _ in 0..40 {
        let mut socket = socket(&devnet).await;
        for _ in 0..40 {
            socket.send(Message::text(text.clone())).await.unwrap();
        }
        sockets.push(socket);
    }
    // Nothing is free but its own place.
    let mut other = socket(&devnet).await;
    let small = request("eth_chainId", &json!([])).to_string();
    for _ in 0..5 {
        let answer = tokio::time::timeout(Duration::from_secs(5), ask(&mut other, small.clone()));
        assert_eq!(answer.await.expect("an answer")["result"], "0x539");
    }
}

#[tokio::test]
async fn buffers_that_stay_large_are_counted_until_their_connection_ends() {
    let devnet = devnet(|_| {}).await;
    let large = request("eth_chainId", &json!([])).to_string() + &" ".repeat(4_900_000);
    let mut sockets = Vec::new();
    for _ in 0..40 {
        let mut socket = socket(&devnet).await;
        // Each is answered, whatever comes then.
        assert_eq!(ask(&mut socket, large.clone()).await["result"], "0x539");
        sockets.push(socket);
    }
    let mut closed_ones = 0;
    for socket in &mut sockets {
        let closed = closed(socket, Duration::from_millis(50)).await;
        closed_ones += usize::from(closed.is_some_and(|(code, _)| code == CloseCode::Again));
    }
    // 128 MB are 27 of these.
    assert_eq!(closed_ones, 13);
    sockets.truncate(20);
    let mut socket = socket(&devnet).await;
    assert_eq!(ask(&mut socket, large).await["result"], "0x539");
    assert_eq!(closed(&mut socket, Duration::from_millis(200)).await, None);
}

#[tokio::test]
async fn who_reads_slowly_gets_the_whole_answer() {
    let devnet = devnet(|_| {}).await;
    make_21_megabytes(&devnet).await;
    let mut socket = socket(&devnet).await;
    // It has been idle for longer than the time that is looked at.
    tokio::time::sleep(Duration::from_secs(22)).await;
    let query = request("eth_getLogs", &json!([{ "fromBlock": "0x0" }])).to_string();
    socket.send(Message::text(query)).await.unwrap();
    // Some 21 MB at 1.3 MB a second: longer than a client may take that reads nothing.
    let (mut bytes, mut piece) = (0, vec![0; 128 << 10]);
    while bytes < 21_000_000 {
        let read = socket.get_mut().read(&mut piece).await.unwrap();
        assert!(read > 0, "it ends after {bytes} bytes");
        bytes += read;
        tokio::time::sleep(Duration::from_millis(u64::try_from(read / 1_300).unwrap())).await;
    }
}
