//! HTTP and WebSocket on one port.

use super::access::{self, Access};
use super::dispatch::{MAX_BODY, answers, pieces, too_large};
use super::error::RpcError;
use super::listener::Peer;
use super::load::{Held, MAX_ANSWER, Text};
use super::protocol::{Incoming, NO_ID, Request, answer};
use super::site::{Asked, SharedSite};
use super::text;
use super::websocket;
use crate::miner::MinerHandle;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::extract::ws::{WebSocketUpgrade, rejection::WebSocketUpgradeRejection};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use futures_util::{StreamExt, stream};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

/// The time in which a body has to arrive.
const BODY_TIME: Duration = Duration::from_secs(20);

/// Bytes of a body that are not counted, and of a piece of an answer.
const PIECE: usize = 64 << 10;

/// Bytes of a WebSocket that are read at once.
const READ_BUFFER: usize = 16 << 10;

/// Bytes of a WebSocket that may wait to be sent: a batch and its last answer, and a
/// pong.
const WRITE_BUFFER: usize = 2 * MAX_ANSWER + (1 << 20);

/// The service on the node's port, for clients that `access` lets in, with the pages of
/// `site` for browsers.
pub fn router(miner: MinerHandle, access: Access, site: SharedSite) -> Router {
    let cors = access.cors();
    Router::new()
        .route("/", get(upgrade).post(post))
        .route("/health", get(health))
        .route("/metrics", get(metrics))
        .fallback(get(upgrade).post(post))
        .layer(Extension(site))
        .layer(cors)
        .layer(middleware::from_fn_with_state(
            Arc::new(access),
            access::check,
        ))
        .with_state(miner)
}

/// The node's health: status 503 during trouble.
async fn health(State(miner): State<MinerHandle>) -> Response {
    let node = miner.node();
    let block = node.chain().newest();
    let trouble = node.trouble();
    let ready = block.is_some() && trouble.is_none();
    let mut health = serde_json::json!({ "ready": ready, "block": block, "trouble": trouble });
    if let Some(following) = node.following() {
        // Levels are those of layer 1, the block is the rollup's.
        health["level"] = following.level.into();
        health["headLevel"] = following.head.into();
        health["lag"] = following.lag().into();
    }
    let status = match health["ready"].as_bool() {
        Some(true) => StatusCode::OK,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    };
    (status, axum::Json(health)).into_response()
}

/// The node's counters, for Prometheus.
async fn metrics(State(miner): State<MinerHandle>) -> Response {
    const TEXT: &str = "text/plain; version=0.0.4";
    ([(header::CONTENT_TYPE, TEXT)], miner.node().metrics()).into_response()
}

/// Why a body is not taken.
type Refused = (StatusCode, RpcError);

async fn post(
    State(miner): State<MinerHandle>,
    Extension(Peer { share, .. }): Extension<Peer>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    share.lend(answered(&miner, headers, body)).await
}

async fn answered(miner: &MinerHandle, headers: HeaderMap, body: Body) -> Response {
    let body = tokio::time::timeout(BODY_TIME, read(miner, &headers, body)).await;
    let late = || (StatusCode::REQUEST_TIMEOUT, "the body does not arrive");
    let (body, mut held) = match body {
        Ok(Ok(body)) => body,
        Ok(Err((status, error))) => return refuse(status, error),
        Err(_) => {
            let (status, why) = late();
            return refuse(status, RpcError::invalid_request(why));
        }
    };
    let incoming = Incoming::parse(&body);
    drop(body);
    held.shrink(incoming.as_ref().map_or(0, Incoming::size));
    let text = match incoming {
        Ok(Incoming::One(Ok(request))) if request.method == STREAMED => {
            return traced(miner, request).await;
        }
        Ok(incoming) => answers(miner, incoming).await,
        Err(error) => Some(answer(NO_ID, Err(error)).into()),
    };
    match text {
        Some(text) => json(text),
        None => StatusCode::OK.into_response(),
    }
}

/// The method whose answer may be sent while it is made.
const STREAMED: &str = "debug_traceTransaction";

/// The answer of [`STREAMED`]; a large one is sent while it is made, once it is known that
/// the transaction does again what it did.
async fn traced(miner: &MinerHandle, request: Request) -> Response {
    let id = request.id.clone().unwrap_or_default();
    let Some(text) = answers(miner, Incoming::One(Ok(request.clone()))).await else {
        return StatusCode::OK.into_response();
    };
    if text.text != answer(&id, Err(text::too_large())) {
        return json(text);
    }
    let Some(pieces) = pieces(miner, &request).await else {
        return json(text);
    };
    let start = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":"#);
    let pieces = stream::unfold(pieces, async |mut pieces| {
        let piece = pieces.recv().await?;
        Some((piece, pieces))
    });
    let whole = stream::iter([Ok(Bytes::from(start))])
        .chain(pieces)
        .chain(stream::iter([Ok(Bytes::from_static(b"}"))]));
    let kind = [(header::CONTENT_TYPE, "application/json")];
    (kind, Body::from_stream(whole)).into_response()
}

/// Reads a body; the bytes of large ones are counted until they are answered.
async fn read(
    miner: &MinerHandle,
    headers: &HeaderMap,
    body: Body,
) -> Result<(Vec<u8>, Held), Refused> {
    let large = || (StatusCode::PAYLOAD_TOO_LARGE, too_large());
    let length = headers.get(header::CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > MAX_BODY as u64) {
        return Err(large());
    }
    let (mut bytes, mut held) = (Vec::new(), Held::default());
    let mut pieces = body.into_data_stream();
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|error| {
            (
                StatusCode::BAD_REQUEST,
                RpcError::invalid_request(format_args!("the body cannot be read: {error}")),
            )
        })?;
        if bytes.len() + piece.len() > MAX_BODY {
            return Err(large());
        }
        bytes.extend_from_slice(&piece);
        if bytes.len() > PIECE {
            let counted = miner.node().load.request(&mut held, bytes.len());
            counted.ok_or_else(|| {
                (
                    StatusCode::SERVICE_UNAVAILABLE,
                    RpcError::limit("too many large requests at once"),
                )
            })?;
        }
    }
    Ok((bytes, held))
}

fn refuse(status: StatusCode, error: RpcError) -> Response {
    // What is left of the body is not read.
    let close = [(header::CONNECTION, "close")];
    (status, close, json(answer(NO_ID, Err(error)).into())).into_response()
}

/// An answer; a large one leaves piece by piece, and is counted until it has left.
fn json(Text { text, held }: Text) -> Response {
    let kind = (header::CONTENT_TYPE, "application/json");
    if text.len() <= PIECE {
        return ([kind], text).into_response();
    }
    let length = (header::CONTENT_LENGTH, text.len().to_string());
    let pieces = stream::unfold((Bytes::from(text), held), async |(mut rest, held)| {
        if rest.is_empty() {
            return None;
        }
        let piece = rest.split_to(rest.len().min(PIECE));
        Some((Ok::<_, Infallible>(piece), (rest, held)))
    });
    ([kind], [length], Body::from_stream(pieces)).into_response()
}

async fn upgrade(
    State(miner): State<MinerHandle>,
    Extension(Peer { share, meter }): Extension<Peer>,
    Extension(site): Extension<SharedSite>,
    uri: Uri,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let Ok(upgrade) = upgrade else {
        if let Some(site) = site {
            let asked = Asked {
                path: uri.path().to_owned(),
                query: uri.query().unwrap_or_default().to_owned(),
            };
            return share.lend(site.page(miner, asked)).await;
        }
        return format!(
            "{}: send JSON-RPC by POST, or open a WebSocket\n",
            miner.node().client()
        )
        .into_response();
    };
    let Some(place) = miner.node().load.socket() else {
        return (StatusCode::SERVICE_UNAVAILABLE, "too many WebSockets\n").into_response();
    };
    upgrade
        .max_message_size(MAX_BODY)
        .max_frame_size(MAX_BODY)
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_write_buffer_size(WRITE_BUFFER)
        .on_upgrade(async move |socket| {
            meter.start(Arc::clone(miner.node()));
            websocket::serve(miner, share, meter, socket).await;
            drop(place);
        })
}
