//! Calls → answers.

use super::error::RpcError;
use super::load::{self, Held, MAX_ANSWER, Pieces, Text};
use super::methods::debug::{names_script, stream_transaction};
use super::methods::{Answer, Reply, find, known};
use super::params::Params;
use super::past;
use super::protocol::{Incoming, Request, answer};
use super::text;
use crate::miner::MinerHandle;
use crate::node::Node;
use crate::printable;
use crate::trace::console;
use alloy_primitives::hex;
use futures_util::{StreamExt, stream};
use serde_json::Value;
use std::time::Instant;

/// Most bytes of a request's body and of a WebSocket message, as in go-ethereum.
pub const MAX_BODY: usize = 5 << 20;

/// The calls of a batch that run together, so that several sends share a level.
const TOGETHER: usize = 64;

/// The name under which calls of unknown methods are counted.
const OTHER: &str = "other";

/// Answers a call.
///
/// # Errors
/// The method's; −32601 if there is no such method.
pub async fn call(miner: &MinerHandle, method: &str, params: Params) -> Result<Value, RpcError> {
    let text = outcome(miner, method, params).await;
    let text = text.map_err(|error| error.with_reason(miner.node()))?.text;
    serde_json::from_str(&text).map_err(RpcError::internal)
}

/// As [`call`], for who takes answers of at most `most` bytes.
///
/// # Errors
/// The method's; −32003 if the answer is longer.
pub async fn call_within(
    miner: &MinerHandle,
    method: &str,
    params: Params,
    most: usize,
) -> Result<Value, RpcError> {
    let text = outcome(miner, method, params).await;
    let text = text.map_err(|error| error.with_reason(miner.node()))?;
    if text.text.len() > most {
        return Err(text::too_large());
    }
    serde_json::from_str(&text.text).map_err(RpcError::internal)
}

/// Answers a call, as text.
async fn outcome(miner: &MinerHandle, method: &str, params: Params) -> Result<Text, RpcError> {
    let node = miner.node();
    if let Some(answer) = past::answer(node, method, &params).await {
        return answer;
    }
    if node.follows() && is_development(method) {
        return Err(RpcError {
            message: format!("{method} is for devnets: this node follows a rollup"),
            ..RpcError::method_not_found(method)
        });
    }
    let method_of = find(method);
    if params.name_pending()
        && matches!(
            method_of,
            Some(Answer::AtOnce(_) | Answer::Blocking(_) | Answer::Long(_) | Answer::Sized(_))
        )
    {
        // It is there then, for the method to look at.
        load::call(node, |node, interrupt| {
            Ok(node.pending(interrupt).map(|_| ())?)
        })
        .await?;
    }
    let value = match method_of {
        Some(Answer::AtOnce(method)) => method(node, &params)?,
        Some(Answer::Waiting(method)) => method(miner, &params).await?,
        Some(Answer::Blocking(method)) => {
            return load::large(node, move |node| text::value(&method(node, &params)?)).await;
        }
        Some(Answer::Long(method)) => load::long(node, move |node| method(node, &params)).await?,
        Some(Answer::Large(method)) => {
            return load::large(node, move |node| method(node, &params)).await;
        }
        Some(Answer::Sized(method)) => match method(node, &params)? {
            Reply::Small(value) => value,
            Reply::Large(write) => return load::large(node, write).await,
        },
        Some(Answer::Calling(method)) => {
            load::call(node, move |node, interrupt| {
                method(node, &params, interrupt)
            })
            .await?
        }
        Some(Answer::Tracing(method)) if names_script(&params) && node.runs_scripts() => {
            return load::script(node, move |node, interrupt| {
                method(node, &params, interrupt)
            })
            .await;
        }
        Some(Answer::Tracing(method)) => {
            return load::large_call(node, move |node, interrupt| {
                method(node, &params, interrupt)
            })
            .await;
        }
        Some(Answer::Subscription(_)) | None => return Err(RpcError::method_not_found(method)),
    };
    node.load.keep(text::value(&value)?)
}

/// The pieces of an answer that is too large to be made first, if it can be sent meanwhile.
pub(super) async fn pieces(miner: &MinerHandle, request: &Request) -> Option<Pieces> {
    if request.method != "debug_traceTransaction" || request.id.is_none() {
        return None;
    }
    let params = request.params.read().ok()?;
    if params.names_tracer(1) {
        return None;
    }
    let stream = load::stream(miner.node(), move |node, interrupt, out| {
        stream_transaction(node, &params, interrupt, out)
    });
    stream.await.ok()
}

/// Answers a call or a batch; `None` if no call asks for an answer.
pub(super) async fn answers(miner: &MinerHandle, incoming: Incoming) -> Option<Text> {
    match incoming {
        Incoming::One(call) => one(miner, call).await,
        Incoming::Batch(calls) => batch(miner, calls).await,
    }
}

/// Answers the calls of a batch; each starts in order. Those behind [`MAX_ANSWER`] are
/// refused, those for whose answers the batches of all clients leave no room, and those
/// that its time does not suffice for.
async fn batch(
    miner: &MinerHandle,
    calls: Vec<Result<Request, (String, RpcError)>>,
) -> Option<Text> {
    let ids: Vec<Option<String>> = calls.iter().map(id).collect();
    let mut answers = stream::iter(calls)
        .map(async |call| {
            let text = one(miner, call).await;
            // Others want to be answered, too. It is not before the call, as it changes their order.
            tokio::task::yield_now().await;
            text
        })
        .buffered(TOGETHER);
    let load = &miner.node().load;
    let (mut all, mut held, mut answered) = (String::from("["), Held::default(), 0);
    let mut refused = text::too_large();
    let mut push = |text: &str| {
        if all.len() > 1 {
            all.push(',');
        }
        all.push_str(text);
        all.len()
    };
    let end = tokio::time::Instant::now() + load::batch_time(miner.node());
    loop {
        let next = match tokio::time::timeout_at(end, answers.next()).await {
            Ok(Some(next)) => next,
            Ok(None) => break,
            Err(_) => {
                refused = load::timed_out();
                break;
            }
        };
        answered += 1;
        // What the text takes is counted for the batch from here on.
        let Some(Text { text, .. }) = next else {
            continue;
        };
        let len = push(&text);
        if len > MAX_ANSWER {
            break;
        }
        if load.batch(&mut held, len).is_none() {
            refused = load::crowded();
            break;
        }
    }
    drop(answers);
    for id in ids.into_iter().skip(answered).flatten() {
        push(&answer(&id, Err(refused.clone())));
    }
    if all.len() == 1 {
        return None;
    }
    all.push(']');
    Some(Text { text: all, held })
}

/// The id that the answer to a call has.
fn id(call: &Result<Request, (String, RpcError)>) -> Option<String> {
    match call {
        Ok(request) => request.id.clone(),
        Err((id, _)) => Some(id.clone()),
    }
}

async fn one(miner: &MinerHandle, call: Result<Request, (String, RpcError)>) -> Option<Text> {
    let Request { id, method, params } = match call {
        Ok(request) => request,
        Err((id, error)) => return Some(answer(&id, Err(error)).into()),
    };
    let start = Instant::now();
    let outcome = match params.read() {
        Ok(params) => outcome(miner, &method, params).await,
        Err(error) => Err(error),
    };
    let node = miner.node();
    let outcome = outcome.map_err(|error| error.with_reason(node));
    let metrics = &node.metrics;
    metrics.call(known(&method).unwrap_or(OTHER), start.elapsed());
    let name = name(&method);
    match &outcome {
        _ if !node.is_logging() => {}
        // Who serves many is not told of each.
        Ok(_) if node.follows() => tracing::debug!(target: "node::rpc", "{name}"),
        Err(error) if node.follows() => {
            tracing::debug!(target: "node::rpc", "{name}: {} ({})", told(error, node), error.code);
        }
        Ok(_) => tracing::info!(target: "node::rpc", "{name}"),
        Err(error) => {
            tracing::info!(target: "node::rpc", "{name}: {} ({})", told(error, node), error.code);
        }
    }
    let id = id?;
    Some(match outcome {
        Ok(Text { text, held }) => Text {
            text: answer(&id, Ok(&text)),
            held,
        },
        Err(error) => refusal(node, &id, error),
    })
}

/// The text of an error, counted as answers are: what a call reverted with may be large, too.
fn refusal(node: &Node, id: &str, error: RpcError) -> Text {
    let text = answer(id, Err(error));
    let kept = match text.len() > MAX_ANSWER {
        true => Err(text::too_large()),
        false => node.load.keep(text),
    };
    kept.unwrap_or_else(|why| answer(id, Err(why)).into())
}

/// Text of a client in a line of the log: escaped, and then cut.
fn shown(text: &str, most: usize) -> String {
    let mut letters = text.chars().flat_map(printable::letter);
    let mut shown: String = letters.by_ref().take(most).collect();
    if letters.next().is_some() {
        shown.push('…');
    }
    shown
}

/// True if a method changes a chain as only a devnet can, or sends what nobody signed.
pub(super) fn is_development(method: &str) -> bool {
    let spaces = ["evm_", "hardhat_", "anvil_", "tenderly_"];
    spaces.iter().any(|space| method.starts_with(space)) || method == "eth_sendUnsignedTransaction"
}

fn name(method: &str) -> String {
    shown(method, 64)
}

/// An error for the log: what a call reverted with has its name there.
fn told(error: &RpcError, node: &Node) -> String {
    let reverted = || {
        let output = error.data.as_ref()?.as_str()?;
        hex::decode(output).ok()
    };
    match reverted() {
        Some(output) if error.code == RpcError::REVERTED => {
            message(&console::reverted(&output, &node.abis))
        }
        _ => message(&error.message),
    }
}

fn message(message: &str) -> String {
    shown(message, 256)
}

/// The error of a request over [`MAX_BODY`].
pub(super) fn too_large() -> RpcError {
    RpcError::invalid_request(format_args!(
        "content length too large: more than {MAX_BODY} bytes"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_names_is_escaped_and_cut_in_the_log() {
        assert_eq!(name("eth_call"), "eth_call");
        assert_eq!(name("a\nINFO forged"), "a\\nINFO forged");
        assert_eq!(name(&"x".repeat(4_000_000)).chars().count(), 65);
    }
}
