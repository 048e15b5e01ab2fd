//! Requests that a rollup node does not have: they move layer 1, below `/double`.

use crate::double::Double;
use crate::faults::Faults;
use crate::refusal::Refusal;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use layer1::Mutez;
use layer1::contracts::{Bridge, DelayedInbox};
use layer1::devnet;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

type Answer = Result<Json<Value>, Refusal>;

pub(crate) fn router() -> Router<Double> {
    Router::new()
        .route("/levels", post(levels))
        .route("/reorganise", post(reorganise))
        .route("/restart", post(restart))
        .route("/faults", post(faults))
        .route("/deposit", post(deposit))
        .route("/delayed", post(delayed))
        .route("/govern", post(govern))
        .route("/execute", post(execute))
}

fn refused(error: impl std::fmt::Display) -> Refusal {
    Refusal(StatusCode::BAD_REQUEST, error.to_string())
}

/// Runs on a thread that may block: a level may take long.
async fn on_a_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, crate::DoubleError> + Send + 'static,
) -> Result<T, Refusal> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(refused)?.map_err(refused)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Count {
    #[serde(default = "one")]
    count: u32,
}

const fn one() -> u32 {
    1
}

/// The most levels of one call.
const MAX_LEVELS: u32 = 100_000;

async fn levels(State(double): State<Double>, Query(Count { count }): Query<Count>) -> Answer {
    if count > MAX_LEVELS {
        return Err(refused(format!("at most {MAX_LEVELS} levels at once")));
    }
    let worker = double.clone();
    on_a_thread(move || worker.levels(count)).await?;
    Ok(Json(json!({ "level": double.level() })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reorganisation {
    depth: u32,
    #[serde(default)]
    lose: bool,
    /// Of what is final as well.
    #[serde(default)]
    r#final: bool,
}

async fn reorganise(State(double): State<Double>, Query(asked): Query<Reorganisation>) -> Answer {
    let worker = double.clone();
    on_a_thread(move || match asked.r#final {
        true => worker.betray(asked.depth),
        false => worker.reorganise(asked.depth, asked.lose),
    })
    .await?;
    Ok(Json(json!({ "level": double.level() })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Restart {
    #[serde(default)]
    lose: bool,
}

async fn restart(State(double): State<Double>, Query(Restart { lose }): Query<Restart>) -> Answer {
    double.restart(lose);
    Ok(Json(json!({})))
}

async fn faults(State(double): State<Double>, body: Bytes) -> Answer {
    let faults: Faults = read(&body)?;
    double.set_faults(faults);
    Ok(Json(json!({})))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Deposit {
    /// The receiver on the rollup: 20 bytes in hex, and whatever follows in the routing.
    routing: String,
    mutez: u64,
}

async fn deposit(State(double): State<Double>, body: Bytes) -> Answer {
    let deposit: Deposit = read(&body)?;
    let routing = bytes(&deposit.routing)?;
    let (bridge, rollup) = {
        let options = &double.world().options;
        (options.contracts.bridge, options.rollup)
    };
    let call = Bridge::deposit(bridge, rollup, routing, Mutez(deposit.mutez));
    operate(&double, call)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Payload {
    bytes: String,
}

async fn delayed(State(double): State<Double>, body: Bytes) -> Answer {
    let payload: Payload = read(&body)?;
    let inbox = double.world().options.contracts.delayed_inbox;
    operate(&double, DelayedInbox::send(inbox, bytes(&payload.bytes)?))
}

async fn govern(State(double): State<Double>, body: Bytes) -> Answer {
    let payload: Payload = read(&body)?;
    let receipt = double.govern(bytes(&payload.bytes)?).map_err(refused)?;
    Ok(Json(json!({ "level": receipt.level })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Position {
    level: u32,
    index: u32,
}

async fn execute(State(double): State<Double>, Query(place): Query<Position>) -> Answer {
    let receipt = double.execute(place.level, place.index).map_err(refused)?;
    Ok(Json(json!({ "level": receipt.level })))
}

fn operate(double: &Double, call: layer1::Call) -> Answer {
    let source = devnet::accounts().first().copied().unwrap_or_default();
    let receipt = double.operate(source, vec![call]).map_err(refused)?;
    Ok(Json(json!({ "level": receipt.level })))
}

/// JSON, whatever the request says that it is.
fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(refused)
}

fn bytes(text: &str) -> Result<Vec<u8>, Refusal> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    hex::decode(digits).map_err(|error| refused(format!("no hex: {error}")))
}
