//! Disputes about levels of the devnet (`rollup_dispute`).

use crate::disputes::{DisputeRefused, Progress, Wanted, level};
use crate::miner::MinerHandle;
use crate::node::Node;
use crate::rpc::RpcError;
use crate::rpc::load;
use crate::rpc::params::{Param, Params};
use dispute::Fault;
use serde_json::{Map, Value, json};

/// `rollup_dispute({fault, level?, seed?})`: begins a dispute; its number.
pub(super) async fn begin(miner: &MinerHandle, params: &Params) -> Result<Value, RpcError> {
    let wanted: Wanted = params.required(0)?;
    let node = miner.node();
    node.disputes.free().map_err(RpcError::server)?;
    let wanted_level = wanted.level;
    let kept = load::blocking(node, move |node| {
        level::kept(node, wanted_level).map_err(RpcError::server)
    });
    let kept = kept.await?;
    let (level, messages) = miner.inbox(Some(kept.level)).await?;
    let messages = messages.ok_or(DisputeRefused::NoMessages(level));
    let messages = messages.map_err(RpcError::server)?;
    let stopping = node.ending();
    let id = node
        .disputes
        .begin(kept, messages.to_vec(), &wanted, stopping)
        .map_err(RpcError::server)?;
    Ok(json!({ "id": id, "level": level }))
}

/// `rollup_disputeStatus(id?)`: how far the newest dispute is; null if there is none.
pub(super) fn status(node: &Node, params: &Params) -> Result<Value, RpcError> {
    let id = params.optional(0)?;
    Ok(node
        .disputes
        .progress(id)
        .map_or(Value::Null, |progress| show(&progress)))
}

fn show(progress: &Progress) -> Value {
    let (status, report, error) = match &progress.end {
        None => ("running", None, None),
        Some(Ok(report)) => ("decided", Some(report), None),
        Some(Err(error)) => ("failed", None, Some(error)),
    };
    json!({
        "id": progress.id,
        "level": progress.level,
        "fault": progress.fault,
        "seed": progress.seed,
        "status": status,
        "running": progress.running.map(|(side, steps)| json!({ "side": side, "steps": steps })),
        "moves": progress.moves,
        "report": report,
        "error": error,
    })
}

impl Param for Wanted {
    fn read(value: &Value) -> Result<Self, String> {
        let fields = value.as_object().ok_or("expected an object")?;
        let name = fields.get("fault").and_then(Value::as_str);
        let fault = name.ok_or("fault: its name is missing")?;
        let fault: Fault = fault.parse().map_err(|_| {
            let names = Fault::ALL.map(Fault::name).join(", ");
            format!("fault: one of {names}")
        })?;
        let level = number(fields, "level")?;
        let level = level.map(u32::try_from).transpose();
        Ok(Self {
            fault,
            level: level.map_err(|_| "level: below 2^32")?,
            seed: number(fields, "seed")?.unwrap_or(1),
        })
    }
}

fn number(fields: &Map<String, Value>, name: &str) -> Result<Option<u64>, String> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => u64::read(value)
            .map(Some)
            .map_err(|why| format!("{name}: {why}")),
    }
}
