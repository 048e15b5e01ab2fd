//! Layer 1 as JSON: inbox, outbox, withdrawals, accounts.

use super::{json, micheline};
use crate::batches;
use crate::miner::{
    Followed, Holdings, Operated, OutboxProof, Overview, RollupStatus, Withdrawal, WithdrawalStage,
};
use alloy_primitives::keccak256;
use layer1::contracts::Asked;
use layer1::devnet;
use layer1::michelson::Michelson;
use layer1::outbox::Status;
use layer1::value::{Ticket, TicketId};
use layer1::{Account, Address, Receipt};
use messages::contract::Contract;
use messages::inbox;
use messages::micheline::Node as Micheline;
use messages::outbox::{Message, Transaction, TypedTransaction};
use serde_json::{Map, Value, json};

/// The level, and the inbox messages that an operation brought; `messageId` is
/// the first. `refused` is why the kernel does not do what they ask for; `ran` is `false` if
/// their level has not run, and `waits` is why, if the rollup waits.
pub(super) fn receipt(operated: &Operated) -> Value {
    let Operated {
        receipt,
        kernel,
        waits,
    } = operated;
    let mut json = json!({ "level": receipt.level, "messageIds": receipt.messages });
    if let Some(first) = receipt.messages.first() {
        json["messageId"] = Value::from(*first);
    }
    if let Some(why) = refusal(receipt, kernel.as_deref().unwrap_or_default()) {
        json["refused"] = Value::from(why);
    }
    if kernel.is_none() {
        json["ran"] = Value::from(false);
    }
    if let Some(why) = waits {
        json["waits"] = Value::from(why.as_str());
    }
    json
}

/// The kernel's log about the messages: a refusal, or a transaction that is dropped.
fn refusal(receipt: &Receipt, kernel: &[String]) -> Option<String> {
    // The kernel names itself at the start of a line.
    let of_message = receipt.messages.iter().find_map(|id| {
        let start = format!("message {id} of level {} refused: ", receipt.level);
        let line = kernel.iter().find_map(|line| line.split_once(&start));
        line.map(|(_, why)| why.to_owned())
    });
    let dropped = |line: &String| {
        let (_, rest) = line.split_once("transaction ")?;
        let (_, why) = rest.split_once(" dropped: ")?;
        Some(why.to_owned())
    };
    of_message.or_else(|| kernel.iter().find_map(dropped))
}

/// An inbox message, decoded.
pub(super) fn inbox_message(bytes: &[u8]) -> Value {
    match inbox::Message::parse(bytes) {
        Ok(inbox::Message::Transfer(transfer)) => json!({
            "kind": "transfer",
            "payload": node(transfer.payload),
            "sender": Account::originated(*transfer.sender).to_string(),
            "source": Account::from(Contract::Implicit(*transfer.source)).to_string(),
            "destination": Account::Rollup(*transfer.destination).to_string(),
        }),
        Ok(inbox::Message::StartOfLevel) => json!({ "kind": "start_of_level" }),
        Ok(inbox::Message::EndOfLevel) => json!({ "kind": "end_of_level" }),
        Ok(inbox::Message::InfoPerLevel(info)) => json!({
            "kind": "info_per_level",
            "predecessorTimestamp": info.predecessor_timestamp,
            "predecessor": json::data(info.predecessor),
        }),
        Ok(inbox::Message::ProtocolMigration(name)) => {
            json!({ "kind": "protocol_migration", "protocol": name })
        }
        Ok(inbox::Message::DalAttestedSlots(_)) => json!({ "kind": "dal_attested_slots" }),
        Ok(inbox::Message::External(_)) => match batches::count(bytes) {
            Some(count) => json!({ "kind": "external", "transactions": count }),
            None => json!({ "kind": "external" }),
        },
        Err(error) => json!({ "kind": "unreadable", "error": error.to_string() }),
    }
}

/// A transaction of an inbox message, with the first four bytes of its input.
pub(super) fn inside(inside: &batches::Inside) -> Value {
    let mut object = json!({
        "hash": json::data(inside.hash),
        "from": json::address(&inside.sender),
        "bytes": inside.weight,
    });
    if let Ok(signed) = ethereum::transaction::decode(&inside.raw) {
        let transaction = &signed.transaction;
        let input = transaction.input();
        object["to"] = transaction.kind().to().map(json::address).into();
        object["nonce"] = json::quantity(transaction.nonce());
        object["value"] = json::word(transaction.value());
        object["input"] = json::data(input.get(..4).unwrap_or(input));
    }
    object
}

fn node(bytes: &[u8]) -> Value {
    Micheline::parse(bytes).map_or(Value::Null, micheline::json)
}

/// An outbox message as the rollup node gives it; null if layer 1 cannot read it.
#[must_use]
pub fn outbox_message(bytes: &[u8]) -> Value {
    match Message::parse(bytes) {
        Ok(Message::Batch(calls)) => {
            let calls: Value = calls.iter().map(transaction).collect();
            json!({ "kind": "untyped", "transactions": calls })
        }
        Ok(Message::TypedBatch(calls)) => {
            let call = |typed: &TypedTransaction<'_>| {
                let mut json = transaction(&typed.transaction);
                json["parameters_ty"] = micheline::json(typed.parameters_ty);
                json
            };
            let calls: Value = calls.iter().map(call).collect();
            json!({ "kind": "typed", "transactions": calls })
        }
        Ok(Message::WhitelistUpdate(None)) => json!({ "kind": "whitelist_update" }),
        Ok(Message::WhitelistUpdate(Some(accounts))) => {
            let text =
                |account: &&[u8; 21]| Account::from(Contract::Implicit(**account)).to_string();
            let accounts: Value = accounts.iter().map(text).collect();
            json!({ "kind": "whitelist_update", "whitelist": accounts })
        }
        Ok(Message::CanonicalRollupSignal(payload)) => {
            json!({ "kind": "canonical_rollup_signal", "payload": payload })
        }
        Err(_) => Value::Null,
    }
}

fn transaction(call: &Transaction<'_>) -> Value {
    json!({
        "parameters": micheline::json(call.parameters),
        "destination": Account::originated(call.destination).to_string(),
        "entrypoint": call.entrypoint.as_str(),
    })
}

/// A message on its way to layer 1, with what it pays and to whom.
pub(super) fn withdrawal(withdrawal: &Withdrawal) -> Value {
    let mut json = match withdrawal.stage {
        WithdrawalStage::Queued(number) => json!({ "status": "queued", "number": number }),
        WithdrawalStage::Doubtful(number) => json!({ "status": "doubtful", "number": number }),
        WithdrawalStage::Left(place, status, cover) => {
            let mut json = json!({
                "outboxLevel": place.level,
                "messageIndex": place.index,
                "commitment": cover.commitment,
                // A commitment is published one level after its own.
                "publishedAt": cover.commitment.saturating_add(1),
                "executableAt": cover.executable_at,
            });
            json["status"] = match status {
                Status::InOutbox { .. } => "inOutbox",
                Status::Cementing { .. } => "cementing",
                Status::Executable => "executable",
                Status::Executed { .. } => "executed",
                Status::Expired => "expired",
            }
            .into();
            if let Status::Executed { at } = status {
                json["executedAt"] = at.into();
            }
            json
        }
        WithdrawalStage::Followed(place, stage) => {
            let mut json = json!({ "outboxLevel": place.level, "messageIndex": place.index });
            let (word, commitment) = followed(stage);
            json["status"] = word.into();
            if let Some(level) = commitment {
                json["commitment"] = level.into();
            }
            json
        }
    };
    json["kind"] = "other".into();
    let calls = match Message::parse(&withdrawal.message) {
        Ok(Message::Batch(calls)) => calls,
        _ => Vec::new(),
    };
    if let [call] = &calls[..]
        && let Some((kind, ticket, receiver)) = paid(call)
    {
        json["kind"] = kind.into();
        json["amount"] = ticket.amount.to_string().into();
        json["receiver"] = receiver.to_string().into();
        json["ticketer"] = Account::from(ticket.id.ticketer).to_string().into();
        json["destination"] = Account::originated(call.destination).to_string().into();
    }
    json["raw"] = json::data(&withdrawal.message);
    json
}

/// The kind, ticket and receiver of a withdrawal.
fn paid(call: &Transaction<'_>) -> Option<(&'static str, Ticket, Address)> {
    if let Some(Asked { claim, ticket }) = Asked::read(call.parameters) {
        return Some(("fast", ticket, claim.receiver));
    }
    let value = <(Address, Ticket)>::ty().read(call.parameters)?;
    let (receiver, ticket) = <(Address, Ticket)>::from_value(value)?;
    let own = Account::from(ticket.id.ticketer) == Account::originated(call.destination);
    let burned = own && call.entrypoint.as_str() == "burn";
    Some((if burned { "native" } else { "token" }, ticket, receiver))
}

/// The proof of a message, with the command that executes it.
pub(super) fn proof(proof: &OutboxProof) -> Value {
    let OutboxProof {
        rollup,
        commitment,
        proof,
        stage,
    } = proof;
    json!({
        "status": stage.map(|stage| followed(stage).0),
        "commitment": commitment,
        "proof": format!("0x{proof}"),
        "command": format!(
            "octez-client execute outbox message of smart rollup {rollup} from SOURCE \
             for commitment hash {commitment} and output proof 0x{proof}"
        ),
    })
}

/// The word for how far a message is that a rollup node tells of, and the level of the commitment
/// that it waits for.
const fn followed(stage: Followed) -> (&'static str, Option<u32>) {
    match stage {
        Followed::Uncommitted(level) => ("inOutbox", Some(level)),
        Followed::Committed(level) => ("cementing", Some(level)),
        Followed::Executable => ("executable", None),
        Followed::Executed => ("executed", None),
        Followed::Lost => ("expired", None),
    }
}

/// The status of a node and of its rollup node.
pub(super) fn status(status: &RollupStatus) -> Value {
    let kernel = status.kernel.as_ref().map(|kernel| {
        json!({
            "blake2b": kernel.hash,
            "bytes": kernel.bytes,
            "machine": kernel.machine,
            "layout": kernel.layout,
        })
    });
    json!({
        "kernel": kernel,
        "rollup": status.rollup,
        "level": status.level,
        "hash": status.hash,
        "finalized": status.finalized,
        "cemented": status.cemented,
        "posted": status.posted,
        "trouble": status.trouble,
    })
}

/// Addresses, levels and constants.
pub(super) fn overview(overview: &Overview) -> Value {
    let contracts: Map<String, Value> = overview
        .contracts
        .named()
        .into_iter()
        .map(|(name, hash)| (name.into(), Account::originated(hash).to_string().into()))
        .collect();
    let Overview {
        rollup,
        level,
        parameters,
        contracts: at,
    } = *overview;
    let token = TicketId::of(at.token_wrapper);
    let ticket_hash = keccak256(token.evm_preimage());
    json!({
        "rollup": Account::Rollup(rollup).to_string(),
        "level": level,
        "cemented": parameters.cemented(level),
        "commitmentPeriod": parameters.commitment_period,
        "challengeWindow": parameters.challenge_window,
        "maxActiveLevels": parameters.max_active_levels,
        "accounts": devnet::ACCOUNTS,
        "token": { "content": json::data(&token.content), "ticketHash": json::data(ticket_hash) },
        "contracts": contracts,
    })
}

/// The possessions of an account.
pub(super) fn holdings(account: Account, holdings: &Holdings) -> Value {
    let tickets: Vec<Value> = holdings
        .tickets
        .iter()
        .map(|(id, amount)| {
            json!({
                "ticketer": Account::from(id.ticketer).to_string(),
                "content": node(&id.content),
                "amount": amount.to_string(),
            })
        })
        .collect();
    json!({
        "address": account.to_string(),
        "mutez": holdings.tez.0.to_string(),
        "tokens": holdings.tokens.to_string(),
        "tickets": tickets,
    })
}
