//! What the devnet's layer 1 offers: `rollup_deposit` and the others.

use crate::miner::layer1::{Stage, Withdrawal};
use crate::node::Node;
use crate::rpc::RpcError;
use crate::rpc::json;
use crate::rpc::micheline;
use crate::rpc::params::{Param, Params};
use ::layer1::contracts::{Asked, Bridge, Code, DelayedInbox, Governance};
use ::layer1::devnet::{self, Contracts};
use ::layer1::michelson::Michelson;
use ::layer1::outbox::{Place, Status};
use ::layer1::value::{Ticket, TicketId};
use ::layer1::{Account, Address as L1Address, Call, Layer1, Mutez, Receipt};
use alloy_primitives::{Address, Bytes, keccak256};
use messages::contract::Contract;
use messages::inbox;
use messages::micheline::Node as Micheline;
use messages::outbox::{Message, Transaction};
use serde_json::{Map, Value, json};
use std::fmt::Display;
use std::str::FromStr;

/// The most levels of one call.
const MAX_LEVELS: u64 = 100_000;

/// Whether `method` is one of these.
pub(super) fn is_known(method: &str) -> bool {
    matches!(
        method,
        "rollup_deposit"
            | "rollup_depositTokens"
            | "rollup_withdrawals"
            | "rollup_executeOutboxMessage"
            | "rollup_advanceLevels"
            | "rollup_inbox"
            | "rollup_outbox"
            | "rollup_layer1"
            | "rollup_layer1Balance"
            | "rollup_sendDelayed"
            | "rollup_govern"
            | "rollup_payOut"
    )
}

/// Answers one of these.
pub(super) async fn call(node: &Node, method: &str, params: &Params) -> Result<Value, RpcError> {
    match method {
        "rollup_deposit" => deposit(node, params).await,
        "rollup_depositTokens" => deposit_tokens(node, params).await,
        "rollup_withdrawals" => {
            let all = node
                .control(|miner| miner.withdrawals().map_err(RpcError::internal))
                .await?;
            Ok(all.iter().map(withdrawal).collect())
        }
        "rollup_executeOutboxMessage" => execute(node, params).await,
        "rollup_advanceLevels" => advance(node, params).await,
        "rollup_inbox" => inbox(node, params).await,
        "rollup_outbox" => outbox(node, params).await,
        "rollup_layer1" => node.layer1(overview).await,
        "rollup_layer1Balance" => {
            let Text(account): Text<Account> = params.required(0)?;
            node.layer1(move |layer1| balance(layer1, account)).await
        }
        "rollup_sendDelayed" => {
            let transaction: Bytes = params.required(0)?;
            let source = Source::optional(params, 1)?;
            let send = |at: &Contracts| DelayedInbox::send(at.delayed_inbox, transaction.into());
            operate(node, source, send).await
        }
        "rollup_govern" => {
            let payload: Bytes = params.required(0)?;
            let source = Source::optional(params, 1)?;
            operate(node, source, |at| {
                Governance::say(at.governance, payload.into())
            })
            .await
        }
        "rollup_payOut" => pay_out(node, params).await,
        method => Err(RpcError::method_not_found(method)),
    }
}

/// `[{receiver, amount: mutez, routing?, from?}]`.
async fn deposit(node: &Node, params: &Params) -> Result<Value, RpcError> {
    let fields: Fields = params.required(0)?;
    let amount = fields.required::<Decimal<u64>>("amount")?.0;
    let source = fields.optional("from")?.unwrap_or_default();
    let routing = fields.routing(None)?;
    let rollup = node.layer1(Layer1::rollup).await?;
    operate(node, source, |at| {
        Bridge::deposit(at.bridge, rollup, routing, Mutez(amount))
    })
    .await
}

/// `[{receiver, amount: tokens, proxy?, routing?, from?}]`.
async fn deposit_tokens(node: &Node, params: &Params) -> Result<Value, RpcError> {
    let fields: Fields = params.required(0)?;
    let amount = fields.required::<Decimal<u128>>("amount")?.0;
    let Source(source) = fields.optional("from")?.unwrap_or_default();
    let routing = fields.routing(fields.optional("proxy")?)?;
    let receipt = node
        .control(move |miner| {
            let wrapper = Contracts::default().token_wrapper;
            let rollup = miner.layer1.rollup();
            let Some(Code::TokenWrapper(code)) = miner.layer1.contract(&wrapper) else {
                return Err(RpcError::internal("no token wrapper"));
            };
            let calls = code.deposit(wrapper, rollup, routing, amount);
            miner.operate(&source, calls.into())
        })
        .await?;
    Ok(receipt_json(&receipt))
}

async fn operate(
    node: &Node,
    Source(source): Source,
    make: impl FnOnce(&Contracts) -> Call,
) -> Result<Value, RpcError> {
    let call = make(&Contracts::default());
    let receipt = node
        .control(move |miner| miner.operate(&source, vec![call]))
        .await?;
    Ok(receipt_json(&receipt))
}

/// The level, and the inbox messages that an operation brought; `messageId` is
/// the first.
fn receipt_json(receipt: &Receipt) -> Value {
    let mut json = json!({ "level": receipt.level, "messageIds": receipt.messages });
    if let Some(first) = receipt.messages.first() {
        json["messageId"] = Value::from(*first);
    }
    json
}

/// `[level, index, from?]`.
async fn execute(node: &Node, params: &Params) -> Result<Value, RpcError> {
    let place = place(params)?;
    let Source(source) = Source::optional(params, 2)?;
    let receipt = node
        .control(move |miner| miner.execute(&source, place))
        .await?;
    Ok(receipt_json(&receipt))
}

/// `[level, index, from?]`: pays a fast withdrawal that stands in the outbox.
async fn pay_out(node: &Node, params: &Params) -> Result<Value, RpcError> {
    let place = place(params)?;
    let Source(source) = Source::optional(params, 2)?;
    let receipt = node
        .control(move |miner| {
            let message = miner.layer1.outbox().get(&place);
            let asked = message.and_then(|bytes| match Message::parse(bytes).ok()? {
                Message::Batch(calls) => Some((
                    calls.first()?.destination,
                    Asked::read(calls.first()?.parameters)?,
                )),
                _ => None,
            });
            let (contract, asked) =
                asked.ok_or_else(|| RpcError::server("there is no fast withdrawal there"))?;
            let amount = u64::try_from(asked.ticket.amount).map_err(RpcError::server)?;
            let call = asked.claim.pay(contract, Mutez(amount));
            miner.operate(&source, vec![call])
        })
        .await?;
    Ok(receipt_json(&receipt))
}

fn place(params: &Params) -> Result<Place, RpcError> {
    Ok(Place {
        level: small(params.required(0)?)?,
        index: small(params.required(1)?)?,
    })
}

fn small(number: u64) -> Result<u32, RpcError> {
    u32::try_from(number).map_err(RpcError::invalid_params)
}

/// `[count?]`: without one, until everything in the outbox can be executed.
async fn advance(node: &Node, params: &Params) -> Result<Value, RpcError> {
    let count: Option<u64> = params.optional(0)?;
    if count.is_some_and(|count| count > MAX_LEVELS) {
        return Err(RpcError::invalid_params(format_args!(
            "more than {MAX_LEVELS} levels at once"
        )));
    }
    node.control(move |miner| {
        let ran = miner.advance(count, MAX_LEVELS)?;
        Ok(json!({
            "levels": ran,
            "level": miner.layer1.level(),
            "cemented": miner.layer1.parameters().cemented(miner.layer1.level()),
        }))
    })
    .await
}

/// `[level?]`: the newest level that is over, if none is named.
async fn inbox(node: &Node, params: &Params) -> Result<Value, RpcError> {
    let level = params.optional(0)?.map(small).transpose()?;
    let found = node
        .layer1(move |layer1| {
            let level = level.unwrap_or_else(|| layer1.level().saturating_sub(1));
            (level, layer1.inbox(level).cloned())
        })
        .await?;
    let (level, Some(messages)) = found else {
        return Ok(Value::Null);
    };
    let messages: Vec<Value> = messages
        .iter()
        .enumerate()
        .map(|(id, bytes)| {
            let mut json = inbox_message(bytes);
            json["id"] = Value::from(id);
            json["raw"] = json::data(bytes);
            json
        })
        .collect();
    Ok(json!({ "level": level, "messages": messages }))
}

fn inbox_message(bytes: &[u8]) -> Value {
    match inbox::Message::parse(bytes) {
        Ok(inbox::Message::Transfer(transfer)) => json!({
            "kind": "transfer",
            "payload": node_json(transfer.payload),
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
        Ok(inbox::Message::External(_)) => json!({ "kind": "external" }),
        Err(error) => json!({ "kind": "unreadable", "error": error.to_string() }),
    }
}

fn node_json(bytes: &[u8]) -> Value {
    Micheline::parse(bytes).map_or(Value::Null, micheline::json)
}

/// `[level?]`: all levels, if none is named.
async fn outbox(node: &Node, params: &Params) -> Result<Value, RpcError> {
    let level = params.optional(0)?.map(small).transpose()?;
    let messages: Vec<(Place, Vec<u8>)> = node
        .layer1(move |layer1| match level {
            Some(level) => owned(layer1.outbox().of_level(level)),
            None => owned(layer1.outbox().iter()),
        })
        .await?;
    Ok(messages
        .iter()
        .map(|(place, bytes)| {
            json!({
                "outbox_level": place.level,
                "message_index": place.index,
                "message": outbox_message(bytes),
                "raw": json::data(bytes),
            })
        })
        .collect())
}

fn owned<'m>(messages: impl Iterator<Item = (Place, &'m [u8])>) -> Vec<(Place, Vec<u8>)> {
    messages
        .map(|(place, bytes)| (place, bytes.to_vec()))
        .collect()
}

/// As the rollup node gives it; null where layer 1 could not read it.
fn outbox_message(bytes: &[u8]) -> Value {
    match Message::parse(bytes) {
        Ok(Message::Batch(calls)) => {
            let calls: Value = calls.iter().map(transaction).collect();
            json!({ "kind": "untyped", "transactions": calls })
        }
        Ok(Message::TypedBatch(calls)) => {
            let call = |typed: &messages::outbox::TypedTransaction<'_>| {
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

/// A message on its way, with what it pays and to whom.
fn withdrawal(withdrawal: &Withdrawal) -> Value {
    let mut json = match withdrawal.stage {
        Stage::Queued(number) => json!({ "status": "queued", "number": number }),
        Stage::Doubtful(number) => json!({ "status": "doubtful", "number": number }),
        Stage::Left(place, status) => {
            let mut json = json!({ "outboxLevel": place.level, "messageIndex": place.index });
            let (word, more) = match status {
                Status::InOutbox { commitment } => ("inOutbox", Some(("commitment", commitment))),
                Status::Cementing { executable_at } => {
                    ("cementing", Some(("executableAt", executable_at)))
                }
                Status::Executable => ("executable", None),
                Status::Executed { at } => ("executed", Some(("executedAt", at))),
                Status::Expired => ("expired", None),
            };
            json["status"] = word.into();
            if let Some((key, level)) = more {
                json[key] = level.into();
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

/// What a withdrawal's call pays, and to whom.
fn paid(call: &Transaction<'_>) -> Option<(&'static str, Ticket, L1Address)> {
    if let Some(Asked { claim, ticket }) = Asked::read(call.parameters) {
        return Some(("fast", ticket, claim.receiver));
    }
    let value = <(L1Address, Ticket)>::ty().read(call.parameters)?;
    let (receiver, ticket) = <(L1Address, Ticket)>::from_value(value)?;
    let own = Account::from(ticket.id.ticketer) == Account::originated(call.destination);
    let burned = own && call.entrypoint.as_str() == "burn";
    Some((if burned { "native" } else { "token" }, ticket, receiver))
}

/// Addresses, levels, and what is fixed.
fn overview(layer1: &Layer1) -> Value {
    let contracts: Map<String, Value> = Contracts::default()
        .named()
        .into_iter()
        .map(|(name, hash)| (name.into(), Account::originated(hash).to_string().into()))
        .collect();
    let parameters = layer1.parameters();
    let token = TicketId::of(Contracts::default().token_wrapper);
    let ticket_hash = keccak256(token.evm_preimage());
    json!({
        "rollup": Account::Rollup(layer1.rollup()).to_string(),
        "level": layer1.level(),
        "cemented": parameters.cemented(layer1.level()),
        "commitmentPeriod": parameters.commitment_period,
        "challengeWindow": parameters.challenge_window,
        "maxActiveLevels": parameters.max_active_levels,
        "accounts": devnet::ACCOUNTS,
        "token": { "content": json::data(&token.content), "ticketHash": json::data(ticket_hash) },
        "contracts": contracts,
    })
}

fn balance(layer1: &Layer1, account: Account) -> Value {
    let tez = match account {
        Account::Contract(contract) => layer1.ledger().balance(&contract),
        Account::Rollup(_) => Mutez::ZERO,
    };
    let tokens = match layer1.contract(&Contracts::default().token) {
        Some(Code::Token(token)) => token.balance(account),
        _ => 0,
    };
    let tickets: Vec<Value> = layer1
        .ledger()
        .tickets_of(account)
        .map(|(id, amount)| {
            json!({
                "ticketer": Account::from(id.ticketer).to_string(),
                "content": node_json(&id.content),
                "amount": amount.to_string(),
            })
        })
        .collect();
    json!({
        "address": account.to_string(),
        "mutez": tez.0.to_string(),
        "tokens": tokens.to_string(),
        "tickets": tickets,
    })
}

/// An object of parameters.
struct Fields(Map<String, Value>);

impl Param for Fields {
    fn read(value: &Value) -> Result<Self, String> {
        let fields = value.as_object().cloned().map(Self);
        fields.ok_or_else(|| "an object is wanted".into())
    }
}

impl Fields {
    fn optional<T: Param>(&self, name: &str) -> Result<Option<T>, RpcError> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => T::read(value)
                .map(Some)
                .map_err(|why| RpcError::invalid_params(format_args!("{name}: {why}"))),
        }
    }

    fn required<T: Param>(&self, name: &str) -> Result<T, RpcError> {
        self.optional(name)?
            .ok_or_else(|| RpcError::invalid_params(format_args!("{name} is missing")))
    }

    /// The routing bytes: as they are given, or of a receiver and a proxy.
    fn routing(&self, proxy: Option<Address>) -> Result<Vec<u8>, RpcError> {
        if let Some(routing) = self.optional::<Bytes>("routing")? {
            return Ok(routing.into());
        }
        let mut routing = self.required::<Address>("receiver")?.to_vec();
        routing.extend(proxy.iter().flat_map(|proxy| proxy.as_slice()));
        Ok(routing)
    }
}

/// A parameter that is text.
struct Text<T>(T);

impl<T: FromStr<Err: Display>> Param for Text<T> {
    fn read(value: &Value) -> Result<Self, String> {
        let text = String::read(value)?;
        let parsed = text.parse().map(Self);
        parsed.map_err(|error| format!("{text:?}: {error}"))
    }
}

/// A number as decimal digits, so that no client rounds it; a small one may be
/// a JSON number.
struct Decimal<T>(T);

impl<T: FromStr<Err: Display>> Param for Decimal<T> {
    fn read(value: &Value) -> Result<Self, String> {
        let text = match value {
            Value::Number(number) => number.to_string(),
            value => String::read(value)?,
        };
        let parsed = text.parse().map(Self);
        parsed.map_err(|error| format!("{text:?} is no decimal number: {error}"))
    }
}

/// Who signs an operation: the first of the devnet's accounts, if nobody is named.
struct Source([u8; 21]);

impl Default for Source {
    fn default() -> Self {
        Self(devnet::accounts().first().copied().unwrap_or_default())
    }
}

impl Source {
    fn optional(params: &Params, index: usize) -> Result<Self, RpcError> {
        Ok(params.optional(index)?.unwrap_or_default())
    }
}

impl Param for Source {
    fn read(value: &Value) -> Result<Self, String> {
        match Text::read(value)?.0 {
            Account::Contract(Contract::Implicit(account)) => Ok(Self(account)),
            other => Err(format!("{other} has no key: tz… is wanted")),
        }
    }
}
