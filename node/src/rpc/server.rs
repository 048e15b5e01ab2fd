//! HTTP and WebSocket on one port.

use super::access::{self, Door};
use super::methods;
use super::params::Params;
use super::protocol::{Incoming, Request, RpcError, answer};
use super::websocket;
use crate::node::Node;
use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::ws::{WebSocketUpgrade, rejection::WebSocketUpgradeRejection};
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures_util::future::join_all;
use serde_json::Value;
use std::sync::Arc;

/// Most bytes of a request's body and of a WebSocket message, as in go-ethereum.
pub const MAX_BODY: usize = 5 << 20;

/// What answers on the node's port to those whom `door` lets in.
pub fn router(node: Arc<Node>, door: Door) -> Router {
    let cors = door.cors();
    Router::new()
        .route("/", get(upgrade).post(post))
        .fallback(get(upgrade).post(post))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(cors)
        .layer(middleware::from_fn_with_state(
            Arc::new(door),
            access::check,
        ))
        .with_state(node)
}

async fn post(State(node): State<Arc<Node>>, body: Result<Bytes, BytesRejection>) -> Response {
    let incoming = match body {
        Ok(body) => Incoming::parse(&body),
        Err(rejection) => {
            let status = rejection.status();
            let error = match status {
                StatusCode::PAYLOAD_TOO_LARGE => too_large(),
                _ => RpcError::invalid_request(rejection.body_text()),
            };
            return (status, json(answer(&Value::Null, &Err(error)))).into_response();
        }
    };
    let text = match incoming {
        Ok(incoming) => answers(&node, incoming).await,
        Err(error) => Some(answer(&Value::Null, &Err(error))),
    };
    match text {
        Some(text) => json(text),
        None => StatusCode::OK.into_response(),
    }
}

fn json(text: String) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], text).into_response()
}

/// What is said to those who send more than [`MAX_BODY`].
pub(crate) fn too_large() -> RpcError {
    RpcError::invalid_request(format_args!(
        "content length too large: more than {MAX_BODY} bytes"
    ))
}

async fn upgrade(
    State(node): State<Arc<Node>>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    match upgrade {
        Ok(upgrade) => upgrade
            .max_message_size(MAX_BODY)
            .max_frame_size(MAX_BODY)
            .on_upgrade(move |socket| websocket::serve(node, socket)),
        Err(_) => format!(
            "{}: send JSON-RPC by POST, or open a WebSocket\n",
            methods::client_version()
        )
        .into_response(),
    }
}

/// Answers a call or a batch; none where nobody asked for an answer.
pub(crate) async fn answers(node: &Arc<Node>, incoming: Incoming) -> Option<String> {
    match incoming {
        Incoming::One(call) => one(node, call).await,
        Incoming::Batch(calls) => {
            // Together, so that several sends share a level; each starts in order.
            let answers = join_all(calls.into_iter().map(|call| one(node, call))).await;
            let answers: Vec<String> = answers.into_iter().flatten().collect();
            (!answers.is_empty()).then(|| format!("[{}]", answers.join(",")))
        }
    }
}

async fn one(node: &Arc<Node>, call: Result<Request, (Value, RpcError)>) -> Option<String> {
    let Request { id, method, params } = match call {
        Ok(request) => request,
        Err((id, error)) => return Some(answer(&id, &Err(error))),
    };
    let outcome = methods::call(node, &method, Params::new(params)).await;
    match &outcome {
        Ok(_) => tracing::info!(target: "node::rpc", "{method}"),
        Err(error) => {
            tracing::info!(target: "node::rpc", "{method}: {} ({})", error.message, error.code);
        }
    }
    Some(answer(&id?, &outcome))
}
