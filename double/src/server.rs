//! The HTTP interface.

use crate::batcher::MAX_CONTENT;
use crate::control;
use crate::double::Double;
use crate::faults::Fault;
use crate::json;
use crate::listening::Listening;
use crate::names::Kind;
use crate::refusal::Refusal;
use crate::world::{Level, World};
use axum::body::Body;
use axum::extract::{Path, Query, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures_util::stream;
use messages::address::{self, Kind as Address};
use pvm::Durable;
use serde::Deserialize;
use serde_json::{Value, json};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

/// An answer, or a status and what is wrong.
type Answer = Result<Json<Value>, Refusal>;

/// Routes below a block.
fn blocks() -> Router<Double> {
    Router::new()
        .route("/", get(block))
        .route(
            "/hash",
            get(async |s, p| of(s, p, |_, level| Some(json!(Kind::Block.text(&level.hash))))),
        )
        .route(
            "/level",
            get(async |s, p| of(s, p, |_, level| Some(json!(level.level)))),
        )
        .route(
            "/num_messages",
            get(async |s, p| {
                of(s, p, |_, level| {
                    Some(json!(level.messages.len().to_string()))
                })
            }),
        )
        .route(
            "/status",
            get(async |s, p| of(s, p, |_, level| Some(json!(level.status)))),
        )
        .route(
            "/state_hash",
            get(async |s, p| {
                of(s, p, |world, level| {
                    json::header(world, level).get("state_hash").cloned()
                })
            }),
        )
        .route(
            "/committed_status",
            get(async |s, p| {
                of(s, p, |world, level| {
                    Some(json::committed_status(world, level))
                })
            }),
        )
        .route("/durable/wasm_2_0_0/{what}", get(durable))
        .route("/outbox/{outbox_level}/messages", get(outbox))
        .route(
            "/helpers/proofs/outbox/{outbox_level}/messages",
            get(outbox_proof),
        )
}

pub(crate) fn router(double: Double) -> Router {
    Router::new()
        .route("/ping", get(async || ""))
        .route("/health", get(health))
        .route(
            "/version",
            get(async || {
                Json(json!({
                    "version": "double", "store_version": "0", "context_version": "0",
                }))
            }),
        )
        .route("/global/smart_rollup_address", get(rollup_address))
        .route("/global/tezos_head", get(tezos_head))
        .route("/global/tezos_level", get(tezos_level))
        .route(
            "/global/last_stored_commitment",
            get(last_stored_commitment),
        )
        .route("/global/monitor_blocks", get(monitor_blocks))
        .route(
            "/global/monitor_finalized_blocks",
            get(monitor_finalized_blocks),
        )
        .nest("/global/block/{block}", blocks())
        .route("/local/batcher/injection", post(inject))
        .route("/local/batcher/queue", get(queue))
        .route("/local/batcher/queue/{id}", get(message))
        .route("/local/outbox/pending", get(pending))
        .layer(middleware::from_fn_with_state(double.clone(), faults))
        .nest("/double", control::router())
        .fallback(async || Refusal(StatusCode::NOT_FOUND, "no such service".into()))
        .with_state(double)
}

fn invalid(why: impl Into<String>) -> Refusal {
    Refusal(StatusCode::BAD_REQUEST, why.into())
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn unreadable(why: pvm::Unavailable) -> Refusal {
    Refusal(StatusCode::INTERNAL_SERVER_ERROR, why.to_string())
}

fn missing(why: impl Into<String>) -> Refusal {
    Refusal(StatusCode::NOT_FOUND, why.into())
}

/// Lets go wrong what is to go wrong.
async fn faults(State(double): State<Double>, request: Request, next: Next) -> Response {
    let (fault, delay) = {
        let faults = &mut double.world().faults;
        (faults.next(), faults.delay_ms)
    };
    tokio::time::sleep(Duration::from_millis(delay)).await;
    match fault {
        Some(Fault::Refused) => Refusal(
            StatusCode::INTERNAL_SERVER_ERROR,
            "as it was asked to".into(),
        )
        .into_response(),
        // A stream has no half: it ends at once.
        Some(Fault::Halved) if request.uri().path().contains("/monitor_") => {
            StatusCode::OK.into_response()
        }
        Some(Fault::Halved) => {
            let (parts, body) = next.run(request).await.into_parts();
            let whole = axum::body::to_bytes(body, 1 << 20)
                .await
                .unwrap_or_default();
            let half = whole.slice(..whole.len() / 2);
            // The length that was promised does not come.
            let pieces = stream::iter([Ok(half), Err(std::io::Error::other("cut"))]);
            Response::from_parts(parts, Body::from_stream(pieces))
        }
        None => next.run(request).await,
    }
}

/// The level that a path names.
fn level(world: &World, id: &str) -> Result<Arc<Level>, Refusal> {
    let level = any_level(world, id)?;
    match world.faults.missing == Some(level.level) {
        true => Err(missing(format!("no block at level {}", level.level))),
        false => Ok(level),
    }
}

fn any_level(world: &World, id: &str) -> Result<Arc<Level>, Refusal> {
    let number = |level: u32| {
        let found = world.number(level).cloned();
        found.ok_or_else(|| missing(format!("no block at level {level}")))
    };
    match id {
        "head" => Ok(Arc::clone(world.tip())),
        "finalized" => number(world.finalised()),
        "cemented" => number(
            world
                .cemented()
                .ok_or_else(|| missing("nothing is cemented"))?,
        ),
        digits if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            number(digits.parse().map_err(|_| invalid("no level"))?)
        }
        hash => {
            let hash = Kind::Block.read(hash);
            let hash = hash.ok_or_else(|| invalid("neither a level nor the hash of a block"))?;
            let found = world.hash(&hash).cloned();
            found.ok_or_else(|| missing("no block with this hash"))
        }
    }
}

fn of(
    State(double): State<Double>,
    Path(id): Path<String>,
    what: impl FnOnce(&World, &Level) -> Option<Value>,
) -> Answer {
    let world = double.world();
    let level = level(&world, &id)?;
    Ok(Json(what(&world, &level).unwrap_or_default()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WithOutbox {
    #[serde(default)]
    outbox: bool,
}

async fn block(
    State(double): State<Double>,
    Path(id): Path<String>,
    Query(query): Query<WithOutbox>,
) -> Answer {
    let world = double.world();
    let level = level(&world, &id)?;
    Ok(Json(json::block(&world, &level, query.outbox)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Key {
    key: String,
}

async fn durable(
    State(double): State<Double>,
    Path((id, what)): Path<(String, String)>,
    Query(Key { key }): Query<Key>,
) -> Answer {
    let durable: Durable = {
        let world = double.world();
        let level = level(&world, &id)?;
        if let Some(said) = world.faults.values.get(&key).filter(|_| what == "value") {
            return Ok(Json(json!(said)));
        }
        level.after.durable().clone()
    };
    let is_root = key.is_empty();
    if !is_root && host_path(&key).is_none() {
        return Err(invalid(format!("{key:?} is not a path of durable storage")));
    }
    let value = match is_root {
        true => None,
        false => durable.get(&*key).map_err(unreadable)?,
    };
    let hex = |value: pvm::Value| json!(hex::encode(value.bytes()));
    let answer = match what.as_str() {
        "value" => value.map_or(Value::Null, hex),
        "length" => value.map_or(Value::Null, |value| json!(value.bytes().len().to_string())),
        "subkeys" => {
            let own = value.map(|_| String::new());
            let names = durable.children(&*key).map_err(unreadable)?;
            names.into_iter().chain(own).collect()
        }
        "values" => {
            if value.is_some() {
                return Err(invalid(format!("{key} has a value of its own")));
            }
            let mut values = Vec::new();
            for name in durable.children(&*key).map_err(unreadable)? {
                let path = format!("{key}/{name}");
                if let Some(value) = durable.get(&*path).map_err(unreadable)? {
                    values.push(json!({ "key": name, "value": hex(value) }));
                }
            }
            values.into()
        }
        _ => return Err(missing("no such service")),
    };
    Ok(Json(answer))
}

/// Checks the grammar of paths.
fn host_path(key: &str) -> Option<()> {
    let steps = key.strip_prefix('/')?.split('/');
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (key.len() <= 250)
        .then_some(steps)?
        .all(|step| !step.is_empty() && step.bytes().all(legal))
        .then_some(())
}

async fn outbox(
    State(double): State<Double>,
    Path((id, outbox_level)): Path<(String, u32)>,
) -> Answer {
    let world = double.world();
    let at = level(&world, &id)?;
    let of = world
        .number(outbox_level)
        .filter(|level| level.level <= at.level);
    let messages = of.iter().flat_map(|level| level.outbox.iter().enumerate());
    let shown =
        messages.filter_map(|(index, message)| json::outbox_message(outbox_level, index, message));
    Ok(Json(shown.collect()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Index {
    index: usize,
}

async fn outbox_proof(
    State(double): State<Double>,
    Path((id, outbox_level)): Path<(String, u32)>,
    Query(Index { index }): Query<Index>,
) -> Answer {
    let world = double.world();
    level(&world, &id)?;
    let message = world
        .number(outbox_level)
        .and_then(|level| level.outbox.get(index));
    let message = message.ok_or_else(|| missing("no such message"))?;
    let cemented = world
        .cemented()
        .filter(|cemented| *cemented >= outbox_level);
    let cemented = cemented.ok_or_else(|| missing("no cemented commitment covers it"))?;
    let proof = [b"no proof: a double ".as_slice(), message].concat();
    Ok(Json(json!({
        "commitment": Kind::Commitment.text(&json::commitment_hash(cemented)),
        "proof": hex::encode(proof),
    })))
}

async fn health(State(double): State<Double>) -> Json<Value> {
    let world = double.world();
    let (tip, late) = (world.tip(), world.faults.late);
    let connected = !world.faults.disconnected;
    Json(json!({
        "healthy": connected,
        "degraded": late > 0,
        "l1": {
            "connection": if connected { "connected" } else { "reconnecting" },
            "blocks_late": if connected { 0 } else { late },
            "last_seen_head": {
                "hash": Kind::Block.text(&tip.hash),
                "level": tip.level.saturating_add(late),
                "timestamp": "1970-01-01T00:00:00Z",
            },
        },
        "active_workers": [],
    }))
}

async fn rollup_address(State(double): State<Double>) -> Json<Value> {
    let world = double.world();
    let own = || address::print(Address::Sr1, &world.options.rollup).unwrap_or_default();
    Json(json!(world.faults.rollup.clone().unwrap_or_else(own)))
}

async fn tezos_head(State(double): State<Double>) -> Json<Value> {
    Json(json!(Kind::Block.text(&double.world().tip().hash)))
}

async fn tezos_level(State(double): State<Double>) -> Json<Value> {
    Json(json!(double.level()))
}

async fn last_stored_commitment(State(double): State<Double>) -> Json<Value> {
    let world = double.world();
    let (tip, parameters) = (world.tip().level, *world.layer1.parameters());
    let period = parameters.commitment_period.max(1);
    let last = tip - (tip - parameters.origination) % period;
    let level = world.number(last);
    Json(level.map_or(Value::Null, |level| {
        json!({
            "commitment": json::commitment(&world, level),
            "hash": Kind::Commitment.text(&json::commitment_hash(last)),
        })
    }))
}

async fn monitor_blocks(State(double): State<Double>) -> Response {
    monitor(double, |world, level| Some(json::header(world, level)))
}

async fn monitor_finalized_blocks(State(double): State<Double>) -> Response {
    monitor(double, |world, _| {
        let level = world.number(world.finalised())?;
        Some(json::header(world, level))
    })
}

/// A stream of lines, one for each level from now on, and one for the newest.
fn monitor(double: Double, line: fn(&World, &Level) -> Option<Value>) -> Response {
    let (heads, restarts) = (double.heads(), double.restarts());
    let first = {
        let world = double.world();
        line(&world, world.tip())
    };
    let state = Listening {
        double,
        heads,
        restarts,
        line,
        next: first,
        ended: false,
    };
    let lines = stream::unfold(state, async |mut state| {
        let text = state.next_line().await?;
        Some((Ok::<_, Infallible>(text), state))
    });
    let kind = [(header::CONTENT_TYPE, "application/json")];
    (kind, Body::from_stream(lines)).into_response()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Injection {
    #[serde(default)]
    drop_duplicate: bool,
    order: Option<i64>,
}

async fn inject(
    State(double): State<Double>,
    Query(query): Query<Injection>,
    Json(list): Json<Vec<String>>,
) -> Answer {
    let mut contents = Vec::with_capacity(list.len());
    for text in &list {
        let content = hex::decode(text).map_err(|_| invalid("a message is not hex"))?;
        if content.len() > MAX_CONTENT {
            return Err(invalid(format!(
                "a message of {} bytes: at most {MAX_CONTENT}",
                content.len()
            )));
        }
        contents.push(content);
    }
    let mut world = double.world();
    let forget = world.faults.forget > 0;
    let ids = contents.into_iter().map(|content| {
        world
            .batcher
            .add(content, query.order, query.drop_duplicate)
    });
    let ids: Vec<String> = ids.map(|id| Kind::Message.text(&id)).collect();
    if forget {
        world.faults.forget -= 1;
        world.batcher.forget();
    }
    Ok(Json(json!(ids)))
}

async fn queue(State(double): State<Double>) -> Json<Value> {
    let world = double.world();
    Json(world.batcher.queue().iter().map(json::queued).collect())
}

async fn message(State(double): State<Double>, Path(id): Path<String>) -> Answer {
    let id = Kind::Message
        .read(&id)
        .ok_or_else(|| invalid("no id of a message"))?;
    Ok(Json(json::message_status(&double.world(), &id)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OutboxLevel {
    outbox_level: Option<u32>,
}

async fn pending(
    State(double): State<Double>,
    Query(OutboxLevel { outbox_level }): Query<OutboxLevel>,
) -> Json<Value> {
    let world = double.world();
    let first = world.options.origination_level;
    let cemented = world.cemented();
    let levels = (first..=world.tip().level).filter_map(|level| world.number(level));
    let shown = levels
        .filter(|level| !level.outbox.is_empty())
        .filter(|level| outbox_level.is_none_or(|wanted| wanted == level.level))
        .map(|level| {
            let messages = level.outbox.iter().enumerate();
            let messages = messages.filter(|(index, _)| !world.is_executed(level.level, *index));
            let messages = messages.map(|(index, message)| {
                json!({ "message_index": index, "message": json::summary(message) })
            });
            let executable = cemented.is_some_and(|cemented| cemented >= level.level);
            json!({
                "outbox_level": level.level,
                "messages": messages.collect::<Vec<_>>(),
                "status": if executable { "executable" } else { "pending" },
            })
        });
    Json(shown.collect())
}
