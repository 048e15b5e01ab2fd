//! HTTP and WebSocket on one port.

use super::access::{self, Access};
use super::dispatch::{MAX_BODY, answers, too_large};
use super::error::RpcError;
use super::methods::general::client_version;
use super::protocol::{Incoming, answer};
use super::websocket;
use crate::miner::MinerHandle;
use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::ws::{WebSocketUpgrade, rejection::WebSocketUpgradeRejection};
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::Value;
use std::sync::Arc;

/// The service on the node's port, for clients that `access` lets in.
pub fn router(miner: MinerHandle, access: Access) -> Router {
    let cors = access.cors();
    Router::new()
        .route("/", get(upgrade).post(post))
        .fallback(get(upgrade).post(post))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(cors)
        .layer(middleware::from_fn_with_state(
            Arc::new(access),
            access::check,
        ))
        .with_state(miner)
}

async fn post(State(miner): State<MinerHandle>, body: Result<Bytes, BytesRejection>) -> Response {
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
        Ok(incoming) => answers(&miner, incoming).await,
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

async fn upgrade(
    State(miner): State<MinerHandle>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    match upgrade {
        Ok(upgrade) => upgrade
            .max_message_size(MAX_BODY)
            .max_frame_size(MAX_BODY)
            .on_upgrade(move |socket| websocket::serve(miner, socket)),
        Err(_) => format!(
            "{}: send JSON-RPC by POST, or open a WebSocket\n",
            client_version()
        )
        .into_response(),
    }
}
