//! Calls → answers.

use super::blocking::blocking;
use super::error::RpcError;
use super::methods::{Answer, find};
use super::params::Params;
use super::protocol::{Incoming, Request, answer};
use crate::miner::MinerHandle;
use futures_util::future::join_all;
use serde_json::Value;

/// Most bytes of a request's body and of a WebSocket message, as in go-ethereum.
pub const MAX_BODY: usize = 5 << 20;

/// Answers a call.
///
/// # Errors
/// The method's; −32601 if there is no such method.
pub async fn call(miner: &MinerHandle, method: &str, params: Params) -> Result<Value, RpcError> {
    match find(method) {
        Some(Answer::AtOnce(method)) => method(miner.node(), &params),
        Some(Answer::Blocking(method)) => {
            blocking(miner.node(), move |node| method(node, &params)).await
        }
        Some(Answer::Waiting(method)) => method(miner, &params).await,
        Some(Answer::Subscription(_)) | None => Err(RpcError::method_not_found(method)),
    }
}

/// Answers a call or a batch; `None` if no call asks for an answer.
pub(super) async fn answers(miner: &MinerHandle, incoming: Incoming) -> Option<String> {
    match incoming {
        Incoming::One(call) => one(miner, call).await,
        Incoming::Batch(calls) => {
            // Together, so that several sends share a level; each starts in order.
            let answers = join_all(calls.into_iter().map(|call| one(miner, call))).await;
            let answers: Vec<String> = answers.into_iter().flatten().collect();
            (!answers.is_empty()).then(|| format!("[{}]", answers.join(",")))
        }
    }
}

async fn one(miner: &MinerHandle, call: Result<Request, (Value, RpcError)>) -> Option<String> {
    let Request { id, method, params } = match call {
        Ok(request) => request,
        Err((id, error)) => return Some(answer(&id, &Err(error))),
    };
    let outcome = self::call(miner, &method, Params::new(params)).await;
    match &outcome {
        Ok(_) => tracing::info!(target: "node::rpc", "{method}"),
        Err(error) => {
            tracing::info!(target: "node::rpc", "{method}: {} ({})", error.message, error.code);
        }
    }
    Some(answer(&id?, &outcome))
}

/// The error of a request over [`MAX_BODY`].
pub(super) fn too_large() -> RpcError {
    RpcError::invalid_request(format_args!(
        "content length too large: more than {MAX_BODY} bytes"
    ))
}
