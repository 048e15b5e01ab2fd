//! The calls of a transaction page by page, as the pages for browsers show them.

use super::debug::{parent, place};
use crate::node::Node;
use crate::rpc::RpcError;
use crate::rpc::json;
use crate::rpc::params::{Param, Params};
use crate::rpc::text;
use crate::trace::calls::{Calls, Failure, Row, Wanted, code_sizes};
use crate::trace::{Before, Bounded, Budget, replay};
use evm_kernel::native::simulate::Interrupt;
use evm_kernel::native::trace::Traced;
use host::ReadStore;
use serde_json::{Value, json};

/// The most calls of a page.
const MAX_PAGE: u64 = 1_000;

/// The calls of a page if nobody says how many.
const PAGE: u64 = 100;

/// The most bytes of what a call was given, and of what it gave back.
const MAX_BYTES: u64 = 4 << 20;

/// The bytes of these if nobody says how many.
const BYTES: u64 = 4_096;

/// The most bytes of all of these, beyond those of the first call.
const ROOM: usize = 2 << 20;

/// The calls at both ends of the way to a failure that are told.
const ENDS: usize = 6;

/// The most bytes of the changes of the state.
const MAX_CHANGES: usize = 4 << 20;

/// The options of [`of_transaction`].
struct Asked {
    wanted: Wanted,
    /// With what the transaction changed.
    changes: bool,
}

impl Param for Asked {
    fn read(value: &Value) -> Result<Self, String> {
        let number = |name: &str, usual: u64, most: u64| {
            let number = value.get(name).filter(|field| !field.is_null());
            let number = number.map_or(Ok(usual), u64::read);
            let number = number.map_err(|why| format!("{name}: {why}"))?;
            Ok::<_, String>(usize::try_from(number.min(most)).unwrap_or(usize::MAX))
        };
        let from = number("from", 0, u64::MAX)?;
        let count = number("count", PAGE, MAX_PAGE)?;
        Ok(Self {
            wanted: Wanted {
                calls: from..from.saturating_add(count),
                bytes: number("bytes", BYTES, MAX_BYTES)?,
            },
            changes: value.get("changes").and_then(Value::as_bool) == Some(true),
        })
    }
}

/// `rollup_getCalls(hash, {from?, count?, bytes?, changes?})`: the calls of a transaction from number
/// `from` on, in the order in which they were made, each with the first `bytes` bytes that it was
/// given and gave back; what made the transaction fail; and what it changed.
pub(super) fn of_transaction(
    node: &Node,
    params: &Params,
    interrupt: &Interrupt,
) -> Result<String, RpcError> {
    let (block, index) = place(node, &params.required(0)?)?;
    let asked = match params.optional(1)? {
        Some(asked) => asked,
        None => Asked::read(&Value::Null).map_err(RpcError::invalid_params)?,
    };
    let parent = parent(node, &block)?;
    let inspector = Bounded::new(Calls::new(asked.wanted.clone()), Budget::new(&node.load));
    let mut text = String::new();
    let wanted = index..index + 1;
    replay((&block, &parent), wanted, inspector, interrupt, |looked| {
        let before = Before {
            state: looked.state,
            accounts: &looked.traced.before,
        };
        let calls = looked.replay.inspector().tracer();
        calls.finish(&looked.traced);
        let mut answer = told(calls, &asked.wanted);
        if looked.traced.out_of_work && answer["failure"].is_object() {
            answer["failure"]["outOfWork"] = true.into();
        }
        if asked.changes {
            answer["changes"] = changes(calls, &looked.traced, &before)?;
        }
        text = text::value(&answer)?;
        Ok::<_, RpcError>(())
    })?;
    Ok(text)
}

fn told(calls: &Calls, wanted: &Wanted) -> Value {
    let (mut rows, mut room) = (Vec::new(), ROOM);
    for number in wanted.calls.clone() {
        let Some(row) = calls.row(number) else {
            break;
        };
        let output = row.frame.output.as_ref().map_or(0, |output| output.len());
        let size = row.input_size.min(wanted.bytes) + output.min(wanted.bytes);
        if size > room && !rows.is_empty() {
            break;
        }
        room = room.saturating_sub(size);
        rows.push(shown(&row, wanted.bytes));
    }
    json!({
        "count": calls.count(),
        "calls": rows,
        "failure": failed(calls, wanted.bytes),
    })
}

/// The way to what made it fail; null if it did not.
fn failed(calls: &Calls, bytes: usize) -> Value {
    let Failure { path, before } = calls.failure();
    let Some(depth) = path.len().checked_sub(1) else {
        return Value::Null;
    };
    let row = |number: usize| calls.row(number).map(|row| shown(&row, bytes));
    let (first, rest) = path.split_at(path.len().min(ENDS));
    let (_, last) = rest.split_at(rest.len().saturating_sub(ENDS));
    let ends = first.iter().chain(last);
    json!({
        "depth": depth,
        "path": ends.filter_map(|number| row(*number)).collect::<Vec<_>>(),
        "before": before.and_then(row),
    })
}

/// A call, with so many bytes of input and of output.
fn shown(row: &Row<'_>, bytes: usize) -> Value {
    let frame = &row.frame;
    let output = frame.output.clone().unwrap_or_default();
    let first = |all: &[u8]| json::data(all.get(..bytes).unwrap_or(all));
    let mut shown = json!({
        "number": row.number,
        "depth": row.depth,
        "by": row.by,
        "calls": row.calls,
        "type": frame.typ,
        "from": json::address(&frame.from),
        "to": frame.to.as_ref().map(json::address),
        "value": frame.value.map(json::word),
        "gas": json::word(frame.gas),
        "gasUsed": json::word(frame.gas_used),
        "input": first(row.input),
        "inputSize": row.input_size,
        "output": first(&output),
        "outputSize": output.len(),
        "error": frame.error,
    });
    if let Some((heir, value)) = &row.destroyed {
        let destroyed = json!({ "to": json::address(heir), "value": json::word(*value) });
        shown["destroyed"] = destroyed;
    }
    shown
}

/// What a transaction changed, as `prestateTracer` with `diffMode` tells it, with the number of bytes
/// of codes (`codeSize`) in place of them; null if it is too much.
fn changes<S: ReadStore>(
    calls: &Calls,
    traced: &Traced,
    before: &Before<'_, S>,
) -> Result<Value, RpcError> {
    let changes = calls.changes(traced, before).map_err(RpcError::internal)?;
    let mut changes = serde_json::to_value(changes).map_err(RpcError::internal)?;
    let sizes = code_sizes(traced, before).map_err(RpcError::internal)?;
    for (address, sizes) in sizes {
        for (side, size) in ["pre", "post"].into_iter().zip(sizes) {
            let accounts = changes.get_mut(side).and_then(Value::as_object_mut);
            let account = accounts.and_then(|accounts| accounts.get_mut(&format!("{address:#x}")));
            if let Some(account) = account {
                account["codeSize"] = size.into();
            }
        }
    }
    let size = text::value(&changes)?.len();
    Ok(if size > MAX_CHANGES {
        Value::Null
    } else {
        changes
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_have_bounds() {
        let read = |value: Value| Asked::read(&value).unwrap().wanted;
        let usual = read(json!({}));
        assert_eq!((usual.calls, usual.bytes), (0..100, 4_096));
        let most = read(json!({ "from": "0x7", "count": u64::MAX, "bytes": 1_u64 << 40 }));
        assert_eq!((most.calls, most.bytes), (7..1_007, 4 << 20));
        assert_eq!(read(json!({ "from": u64::MAX })).calls.len(), 0);
        assert!(Asked::read(&json!({ "from": "x" })).is_err());
    }
}
