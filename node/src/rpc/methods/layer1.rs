//! The devnet's layer 1: deposits, withdrawals, levels (`rollup_…`).

use crate::batches;
use crate::chain::{Kept, kept};
use crate::miner::{MinerHandle, Operated};
use crate::node::Node;
use crate::request::BlockId;
use crate::rpc::params::{Param, Params};
use crate::rpc::{RpcError, json, layer1_json, load};
use ::layer1::contracts::{Bridge, DelayedInbox};
use ::layer1::devnet;
use ::layer1::outbox::OutboxPosition;
use ::layer1::{Account, Call, Mutez};
use alloy_primitives::{Address, Bytes};
use messages::contract::Contract;
use serde_json::{Map, Value, json};
use std::fmt::Display;
use std::str::FromStr;
use storage::known_keys;

/// The most levels of one call.
const MAX_LEVELS: u64 = 100_000;

/// `rollup_deposit({receiver, amount: mutez, routing?, from?})`.
pub(super) async fn deposit(miner: &MinerHandle, params: &Params) -> Result<Value, RpcError> {
    let fields: Fields = params.required(0)?;
    let amount = fields.required::<Decimal<u64>>("amount")?.0;
    let source = fields.optional("from")?.unwrap_or_default();
    let routing = fields.routing(None)?;
    let overview = miner.overview().await?;
    let bridge = overview.contracts.bridge;
    let call = Bridge::deposit(bridge, overview.rollup, routing, Mutez(amount));
    let Source(source) = source;
    let receipt = miner.operate(source, vec![call]).await?;
    deposited(miner.node(), &receipt)
}

/// The newest blocks in which a deposit is looked for: others may have come behind it.
const DEPOSITED: u64 = 16;

/// As [`layer1_json::receipt`]; `kept` is `true` if the bridge keeps the deposit until it is claimed,
/// and `depositId` then names one of tokens.
fn deposited(node: &Node, operated: &Operated) -> Result<Value, RpcError> {
    let mut json = layer1_json::receipt(operated);
    let Operated {
        receipt, kernel, ..
    } = operated;
    let (Some(message), Some(_)) = (receipt.messages.first(), kernel) else {
        return Ok(json);
    };
    let newest = node.latest()?.header.number;
    for number in newest.saturating_sub(DEPOSITED)..=newest {
        let Some(block) = node.find(BlockId::Number(number))? else {
            continue;
        };
        let mut made = block.transactions.iter();
        match made.find_map(|included| kept(&included.receipt.logs, receipt.level, *message)) {
            Some(Kept::Tez) => json["kept"] = Value::from(true),
            Some(Kept::Tokens(number)) => {
                json["kept"] = Value::from(true);
                json["depositId"] = Value::from(number.to_string());
            }
            None => {}
        }
    }
    Ok(json)
}

/// `rollup_depositTokens({receiver, amount: tokens, proxy?, routing?, from?})`.
pub(super) async fn deposit_tokens(
    miner: &MinerHandle,
    params: &Params,
) -> Result<Value, RpcError> {
    let fields: Fields = params.required(0)?;
    let amount = fields.required::<Decimal<u128>>("amount")?.0;
    let Source(source) = fields.optional("from")?.unwrap_or_default();
    let routing = fields.routing(fields.optional("proxy")?)?;
    let receipt = miner.deposit_tokens(source, routing, amount).await?;
    deposited(miner.node(), &receipt)
}

/// `rollup_sendDelayed(transaction, from?)`.
pub(super) async fn send_delayed(miner: &MinerHandle, params: &Params) -> Result<Value, RpcError> {
    let transaction: Bytes = params.required(0)?;
    let source = Source::optional(params, 1)?;
    let inbox = miner.overview().await?.contracts.delayed_inbox;
    operate(miner, source, DelayedInbox::send(inbox, transaction.into())).await
}

/// `rollup_govern(payload, from?)`.
pub(super) async fn govern(miner: &MinerHandle, params: &Params) -> Result<Value, RpcError> {
    let payload: Bytes = params.required(0)?;
    let Source(source) = Source::optional(params, 1)?;
    let receipt = miner.govern(source, payload.into()).await?;
    Ok(layer1_json::receipt(&receipt))
}

async fn operate(
    miner: &MinerHandle,
    Source(source): Source,
    call: Call,
) -> Result<Value, RpcError> {
    let receipt = miner.operate(source, vec![call]).await?;
    Ok(layer1_json::receipt(&receipt))
}

/// `rollup_withdrawals()`.
pub(super) async fn withdrawals(miner: &MinerHandle) -> Result<Value, RpcError> {
    let withdrawals = miner.withdrawals().await?;
    Ok(withdrawals.iter().map(layer1_json::withdrawal).collect())
}

/// `rollup_executeOutboxMessage(level, index, from?)`. A node in front of a rollup gives the
/// proof, and the command that executes it.
pub(super) async fn execute(miner: &MinerHandle, params: &Params) -> Result<Value, RpcError> {
    let place = place(params)?;
    if miner.node().follows() {
        return Ok(layer1_json::proof(&miner.outbox_proof(place).await?));
    }
    let Source(source) = Source::optional(params, 2)?;
    let receipt = miner.execute(source, place).await?;
    Ok(layer1_json::receipt(&receipt))
}

/// `rollup_status()`: where a node in front of a rollup is.
pub(super) async fn status(miner: &MinerHandle) -> Result<Value, RpcError> {
    Ok(layer1_json::status(&miner.rollup_status().await?))
}

/// `rollup_payOut(level, index, from?)`: pays a fast withdrawal in the outbox.
pub(super) async fn pay_out(miner: &MinerHandle, params: &Params) -> Result<Value, RpcError> {
    let place = place(params)?;
    let Source(source) = Source::optional(params, 2)?;
    let receipt = miner.pay_out(source, place).await?;
    Ok(layer1_json::receipt(&receipt))
}

fn place(params: &Params) -> Result<OutboxPosition, RpcError> {
    Ok(OutboxPosition {
        level: small(params.required(0)?)?,
        index: small(params.required(1)?)?,
    })
}

fn small(number: u64) -> Result<u32, RpcError> {
    u32::try_from(number).map_err(|_| {
        RpcError::invalid_params(format_args!(
            "levels and indices are below 2^32, not {number}"
        ))
    })
}

/// `rollup_advanceLevels(count?)`: without a count, until every message in the
/// outbox can be executed.
pub(super) async fn advance(miner: &MinerHandle, params: &Params) -> Result<Value, RpcError> {
    let count: Option<u64> = params.optional(0)?;
    if count.is_some_and(|count| count > MAX_LEVELS) {
        return Err(RpcError::invalid_params(format_args!(
            "more than {MAX_LEVELS} levels at once"
        )));
    }
    let advanced = miner.advance(count, MAX_LEVELS).await?;
    Ok(json!({
        "levels": advanced.levels,
        "level": advanced.level,
        "cemented": advanced.cemented,
    }))
}

/// `rollup_inbox(level?)`: by default of the newest level that is over.
pub(super) async fn inbox(miner: &MinerHandle, params: &Params) -> Result<Value, RpcError> {
    let level = params.optional(0)?.map(small).transpose()?;
    let (level, Some(messages)) = miner.inbox(level).await? else {
        return Ok(Value::Null);
    };
    let messages: Vec<Value> = messages
        .iter()
        .enumerate()
        .map(|(id, bytes)| {
            let mut json = layer1_json::inbox_message(bytes);
            json["id"] = Value::from(id);
            json["raw"] = json::data(bytes);
            json
        })
        .collect();
    Ok(json!({ "level": level, "messages": messages }))
}

/// The most transactions of a page.
const MAX_PAGE: u64 = 100;

/// `rollup_getMessage(level, id, from?, size?)`: an inbox message with the transactions in it, from
/// number `from` on; null if there is none. Of those in a batch no signature is checked.
pub(super) async fn message(miner: &MinerHandle, params: &Params) -> Result<Value, RpcError> {
    let (level, id) = (small(params.required(0)?)?, small(params.required(1)?)?);
    let from = params.optional::<u64>(2)?.unwrap_or_default();
    let size = params.optional::<u64>(3)?.unwrap_or(50).clamp(1, MAX_PAGE);
    let (level, Some(messages)) = miner.inbox(Some(level)).await? else {
        return Ok(Value::Null);
    };
    let Some(bytes) = messages.get(id as usize).cloned() else {
        return Ok(Value::Null);
    };
    load::blocking(miner.node(), move |node| {
        let mut json = layer1_json::inbox_message(&bytes);
        json["level"] = level.into();
        json["id"] = id.into();
        json["raw"] = json::data(&bytes);
        match inside(node, &bytes)? {
            Ok(all) => {
                let at = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
                let page = all.iter().skip(at(from)).take(at(size));
                json["count"] = all.len().into();
                json["inside"] = page.map(layer1_json::inside).collect();
            }
            Err(batches::Invalid::Other) => {}
            Err(why) => json["dropped"] = why.to_string().into(),
        }
        Ok(json)
    })
    .await
}

/// The transactions in a message; inside, why it has none.
pub(super) fn inside(
    node: &Node,
    bytes: &[u8],
) -> Result<Result<Vec<batches::Inside>, batches::Invalid>, RpcError> {
    let latest = node.latest()?;
    let state = latest.state()?;
    let known = |index| {
        known_keys::get(state, index)
            .ok()?
            .map(|known| known.address)
    };
    Ok(batches::look(bytes, known))
}

/// `rollup_outbox(level?)`: by default the newest messages of all levels.
pub(super) async fn outbox(miner: &MinerHandle, params: &Params) -> Result<Value, RpcError> {
    let level = params.optional(0)?.map(small).transpose()?;
    let messages = miner.outbox(level).await?;
    let listed = move |_: &Node| {
        let all = messages.iter().map(|(place, bytes)| {
            json!({
                "outbox_level": place.level,
                "message_index": place.index,
                "message": layer1_json::outbox_message(bytes),
                "raw": json::data(bytes),
            })
        });
        Ok(all.collect())
    };
    load::blocking(miner.node(), listed).await
}

/// `rollup_layer1()`.
pub(super) async fn overview(miner: &MinerHandle) -> Result<Value, RpcError> {
    Ok(layer1_json::overview(&miner.overview().await?))
}

/// `rollup_layer1Balance(account)`.
pub(super) async fn balance(miner: &MinerHandle, params: &Params) -> Result<Value, RpcError> {
    let Text(account): Text<Account> = params.required(0)?;
    let holdings = miner.holdings(account).await?;
    Ok(layer1_json::holdings(account, &holdings))
}

/// An object of parameters.
struct Fields(Map<String, Value>);

impl Param for Fields {
    fn read(value: &Value) -> Result<Self, String> {
        let fields = value.as_object().cloned().map(Self);
        fields.ok_or_else(|| "expected an object".into())
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
            .ok_or_else(|| RpcError::invalid_params(format_args!("missing field {name}")))
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
        parsed.map_err(|error| format!("invalid decimal number {text:?}: {error}"))
    }
}

/// The account that signs an operation; by default the first of the devnet's.
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
            other => Err(format!("expected a tz… address, not {other}")),
        }
    }
}
