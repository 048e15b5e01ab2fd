//! The forms of answers (`rollup_node_services.ml`, `sc_rollup_block.ml`,
//! `outbox_message.ml` of Octez 24).

use crate::batcher::{Message, Stage};
use crate::names::Kind;
use crate::world::{Level, World};
use messages::contract::Contract;
use messages::hash::blake2b_256;
use messages::outbox::{self, Transaction};
use serde_json::{Value, json};

/// The header of a block, as streams have it.
pub(crate) fn header(world: &World, level: &Level) -> Value {
    let number = level.level;
    let commitment = |level: u32| Kind::Commitment.text(&commitment_hash(level));
    let parameters = world.layer1.parameters();
    let own = (parameters.commitment(number) == number).then(|| commitment(number));
    let previous = number
        .saturating_sub(1)
        .max(world.options.origination_level);
    let previous =
        previous - (previous - parameters.origination) % parameters.commitment_period.max(1);
    json!({
        "block_hash": Kind::Block.text(&level.hash),
        "level": number,
        "predecessor": Kind::Block.text(&level.predecessor),
        "commitment_hash": own,
        "previous_commitment_hash": commitment(previous),
        "inbox_witness": Kind::State.text(&blake2b_256(&level.messages.concat())),
        "inbox_hash": Kind::State.text(&blake2b_256(&level.hash)),
        "initial_tick": "0",
        "num_ticks": "0",
        "state_hash": Kind::State.text(&level.after.durable().root_hash()),
        "pvm_status": level.status,
    })
}

/// A block with its messages, and its outbox if it is asked for.
pub(crate) fn block(world: &World, level: &Level, with_outbox: bool) -> Value {
    let mut block = header(world, level);
    block["inbox"] = json!({ "level": level.level, "old_levels_messages": {} });
    block["messages"] = level.messages.iter().map(hex::encode).collect();
    if with_outbox {
        let messages = level.outbox.iter().enumerate();
        block["outbox"] = messages
            .filter_map(|(index, message)| {
                let mut message = summary(message)?;
                message["message_index"] = json!(index);
                Some(message)
            })
            .collect();
    }
    block
}

/// The hash of the commitment of a level.
pub(crate) fn commitment_hash(level: u32) -> [u8; 32] {
    blake2b_256(&[b"commitment ".as_slice(), &level.to_be_bytes()].concat())
}

/// The commitment of a level.
pub(crate) fn commitment(world: &World, level: &Level) -> Value {
    let period = world.layer1.parameters().commitment_period.max(1);
    json!({
        "compressed_state": Kind::State.text(&level.after.durable().root_hash()),
        "inbox_level": level.level,
        "predecessor": Kind::Commitment.text(&commitment_hash(level.level.saturating_sub(period))),
        "number_of_ticks": "0",
    })
}

/// The status of the commitment that covers a level.
pub(crate) fn committed_status(world: &World, level: &Level) -> Value {
    // Times are estimates; a double has none.
    const TIME: &str = "1970-01-01T00:00:00Z";
    let at = world.layer1.parameters().commitment(level.level);
    let hash = Kind::Commitment.text(&commitment_hash(at));
    let cemented = world.cemented();
    if cemented.is_some_and(|cemented| cemented >= level.level) {
        return json!({ "cemented": {
            "commitment_hash": hash,
            "commitment_level": at,
            "first_published_level": at + 1,
            "published_level": at + 1,
            "blocks_since_cemented": cemented.map(|cemented| cemented - level.level),
        } });
    }
    if at < world.tip().level {
        return json!({ "committed": {
            "commitment_hash": hash,
            "commitment_level": at,
            "first_published_level": at + 1,
            "published_level": at + 1,
            "estimated_cementation_time": TIME,
        } });
    }
    json!({ "uncommitted": {
        "commitment_level": at,
        "estimated_commitment_time": TIME,
        "estimated_cementation_time": TIME,
    } })
}

/// A message of an outbox as blocks and lists of what is pending show it; none for what
/// layer 1 cannot decode.
pub(crate) fn summary(message: &[u8]) -> Option<Value> {
    let of = |transactions: &mut dyn Iterator<Item = Transaction<'_>>| -> Option<Value> {
        let list: Option<Vec<Value>> = transactions.map(|one| call(&one)).collect();
        Some(json!({ "transactions": list? }))
    };
    match outbox::Message::parse(message).ok()? {
        outbox::Message::Batch(calls) => of(&mut calls.into_iter()),
        outbox::Message::TypedBatch(calls) => {
            of(&mut calls.into_iter().map(|call| call.transaction))
        }
        outbox::Message::WhitelistUpdate(keys) => {
            let keys = keys.unwrap_or_default();
            let keys: Vec<String> = keys
                .into_iter()
                .filter_map(|key| Contract::Implicit(*key).to_base58().ok())
                .collect();
            Some(json!({ "whitelist_update": keys }))
        }
        outbox::Message::CanonicalRollupSignal(signal) => {
            Some(json!({ "canonical_rollup_signal": signal }))
        }
    }
}

/// A message of an outbox as the list of a level has it.
pub(crate) fn outbox_message(level: u32, index: usize, message: &[u8]) -> Option<Value> {
    let mut content = summary(message)?;
    content["kind"] = json!(match message.first() {
        Some(0) => "untyped",
        Some(1) => "typed",
        Some(2) => "whitelist_update",
        _ => "canonical_rollup_signal",
    });
    Some(json!({
        "outbox_level": level,
        "message_index": index.to_string(),
        "message": content,
    }))
}

fn call(call: &Transaction<'_>) -> Option<Value> {
    let destination = Contract::Originated(call.destination).to_base58().ok()?;
    let parameters = michelson::encoding::from_binary(call.parameters.as_bytes()).ok()?;
    Some(json!({
        "destination": destination,
        "entrypoint": call.entrypoint.as_str(),
        "parameters": parameters.to_json(),
    }))
}

/// A message of the batcher's queue.
pub(crate) fn queued(message: &Message) -> Value {
    let mut queued = json!({
        "id": Kind::Message.text(&message.id),
        "message": {
            "counter": message.counter.to_string(),
            "content": hex::encode(&message.content),
        },
    });
    if let Some(order) = message.order {
        queued["order"] = json!(order.to_string());
    }
    queued
}

/// The status of a message of the batcher.
pub(crate) fn message_status(world: &World, id: &[u8; 32]) -> Value {
    let Some((stage, content)) = world.batcher.find(id) else {
        return json!({ "status": "unknown" });
    };
    let content = hex::encode(content);
    let Stage::Included {
        level,
        operation,
        index,
    } = stage
    else {
        return json!({ "content": content, "status": "pending_batch" });
    };
    let block = world.number(*level);
    let cemented = world.cemented().is_some_and(|cemented| cemented >= *level);
    let commitment_level = world.layer1.parameters().commitment(*level);
    let mut status = json!({
        "content": content,
        "status": "included",
        "operation": { "kind": "add_messages", "message": [content] },
        "layer1": {
            "operation_hash": Kind::Operation.text(operation),
            "operation_index": index,
            "block_hash": block.map(|block| Kind::Block.text(&block.hash)),
            "level": level,
        },
        "finalized": *level <= world.finalised(),
        "cemented": cemented,
    });
    if let Some(committed) = world.number(commitment_level)
        && commitment_level < world.tip().level
    {
        status["status"] = json!("committed");
        status["commitment"] = commitment(world, committed);
        status["hash"] = json!(Kind::Commitment.text(&commitment_hash(commitment_level)));
        status["first_published_at_level"] = json!(commitment_level + 1);
        status["published_at_level"] = json!(commitment_level + 1);
    }
    status
}
