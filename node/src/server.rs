//! HTTP and WebSocket on one port.

use crate::methods;
use crate::node::Node;
use crate::params::Params;
use crate::rpc::{Incoming, Request, RpcError, answer};
use crate::ws;
use axum::Router;
use axum::body::Bytes;
use axum::extract::ws::{WebSocketUpgrade, rejection::WebSocketUpgradeRejection};
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures_util::future::join_all;
use serde_json::Value;
use std::sync::Arc;
use tower_http::cors::CorsLayer;

/// Most bytes of a request's body.
const MAX_BODY: usize = 32 << 20;

/// Most bytes of a WebSocket message.
const MAX_MESSAGE: usize = 32 << 20;

/// What answers on the node's port, open to pages from anywhere.
pub fn router(node: Arc<Node>) -> Router {
    Router::new()
        .route("/", get(upgrade).post(post))
        .fallback(get(upgrade).post(post))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(CorsLayer::very_permissive())
        .with_state(node)
}

async fn post(State(node): State<Arc<Node>>, body: Bytes) -> Response {
    let text = match Incoming::parse(&body) {
        Ok(incoming) => answers(&node, incoming).await,
        Err(error) => Some(answer(&Value::Null, &Err(error))),
    };
    match text {
        Some(text) => ([(header::CONTENT_TYPE, "application/json")], text).into_response(),
        None => StatusCode::OK.into_response(),
    }
}

async fn upgrade(
    State(node): State<Arc<Node>>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    match upgrade {
        Ok(upgrade) => upgrade
            .max_message_size(MAX_MESSAGE)
            .max_frame_size(MAX_MESSAGE)
            .on_upgrade(move |socket| ws::serve(node, socket)),
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
