//! The state as a whole: dumped, loaded, gone back to.

use crate::fork::{Fork, ForkOptions, Manner, Remote};
use crate::miner::MinerHandle;
use crate::node::Node;
use crate::request::{CallRequest, Submission};
use crate::rpc::RpcError;
use crate::rpc::json;
use crate::rpc::load::{self, MAX_ANSWER};
use crate::rpc::params::{Param, Params};
use crate::rpc::text;
use crate::state_file::{self, DumpError};
use alloy_primitives::Bytes;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

/// `anvil_dumpState()`: anvil's JSON, in hexadecimal.
pub(super) fn dump(node: &Node, _: &Params) -> Result<String, RpcError> {
    // Each byte takes two digits.
    match state_file::write(node, MAX_ANSWER / 2) {
        Ok(text) => Ok(json::data(text).to_string()),
        Err(DumpError::TooLarge(_)) => Err(text::too_large()),
        Err(DumpError::Chain(error)) => Err(error.into()),
        Err(DumpError::Node(error)) => Err(error.into()),
        Err(DumpError::Storage(error)) => Err(error.into()),
    }
}

/// `anvil_loadState(bytes)`: puts the accounts of a dump into the newest state, or makes the
/// chain that of the dump, if it has blocks.
pub(super) async fn load(miner: &MinerHandle, params: &Params) -> Result<Value, RpcError> {
    let bytes: Bytes = params.required(0)?;
    let dump = state_file::read(&bytes)
        .map_err(|why| RpcError::invalid_params(format_args!("invalid argument 0: {why}")))?;
    miner.load(dump).await?;
    Ok(Value::Bool(true))
}

/// `anvil_reset({forking: {jsonRpcUrl, blockNumber}})`: back to genesis, or to a block of
/// another chain; without a URL to another block of the chain that this one is a fork of.
pub(super) async fn reset(miner: &MinerHandle, params: &Params) -> Result<Value, RpcError> {
    let fork = match forking(miner.node(), params)? {
        None => None,
        Some(options) => {
            let connect = move |node: &Node| {
                check_other(node, &options.url)?;
                Fork::connect(options)
                    .map_err(|error| RpcError::server(format_args!("fork: {error}")))
            };
            Some(Arc::new(load::blocking(miner.node(), connect).await?))
        }
    };
    miner.reset(fork).await?;
    Ok(Value::Null)
}

/// The chain that is forked; `None`: the chain is one of its own.
fn forking(node: &Node, params: &Params) -> Result<Option<ForkOptions>, RpcError> {
    let invalid = |why: &str| RpcError::invalid_params(format_args!("invalid argument 0: {why}"));
    let Some(options) = params.optional::<Value>(0)? else {
        return Ok(None);
    };
    let forking = match options.get("forking") {
        Some(nested) => nested.clone(),
        None => options,
    };
    let given = |name: &str| forking.get(name).filter(|value| !value.is_null()).cloned();
    let block = given("blockNumber");
    let block = block.map(|number| u64::read(&number)).transpose();
    let block = block.map_err(|why| invalid(&why))?;
    let now = node.fork().map(|fork| fork.options().clone());
    match given("jsonRpcUrl") {
        Some(Value::String(url)) => {
            let named = ForkOptions::parse(&url, block);
            let named = named.map_err(|error| invalid(&format!("jsonRpcUrl: {error}")))?;
            let block = named.block;
            let options = now.filter(|options| options.url == named.url);
            let options = options.unwrap_or(named);
            Ok(Some(ForkOptions { block, ..options }))
        }
        Some(_) => Err(invalid("jsonRpcUrl is not text")),
        None if block.is_some() => match now {
            Some(options) => Ok(Some(ForkOptions { block, ..options })),
            None => Err(invalid("this chain is not a fork: a jsonRpcUrl is missing")),
        },
        None => Ok(None),
    }
}

/// `anvil_setRpcUrl(url)`: asks another node of the chain that this one is a fork of.
pub(super) async fn set_url(miner: &MinerHandle, params: &Params) -> Result<Value, RpcError> {
    let url: String = params.required(0)?;
    let options = ForkOptions::parse(&url, None);
    let options = options
        .map_err(|error| RpcError::invalid_params(format_args!("invalid argument 0: {error}")))?;
    if options.block.is_some() {
        return Err(RpcError::invalid_params(
            "invalid argument 0: the block stays the same",
        ));
    }
    load::blocking(miner.node(), move |node| {
        if let Some(fork) = node.fork() {
            check_other(node, &options.url)?;
            fork.remote().set_url(&options.url);
        }
        Ok(Value::Null)
    })
    .await
}

/// Refuses the URL of this node itself, which would wait for its own answers.
fn check_other(node: &Node, url: &str) -> Result<(), RpcError> {
    let manner = Manner {
        retries: 0,
        timeout: Duration::from_secs(5),
        ..Manner::default()
    };
    match Remote::new(url, manner).instance() == Some(node.instance()) {
        true => Err(RpcError::invalid_params(
            "invalid argument 0: this node cannot go on from its own chain",
        )),
        false => Ok(()),
    }
}

/// `anvil_rollback(depth)`: so many blocks back; one without.
pub(super) async fn rollback(miner: &MinerHandle, params: &Params) -> Result<Value, RpcError> {
    miner.rollback(params.optional(0)?.unwrap_or(1)).await?;
    Ok(Value::Null)
}

/// `anvil_reorg({depth, tx_block_pairs})`: so many blocks back and as many others
/// instead, with these transactions.
pub(super) async fn reorg(miner: &MinerHandle, params: &Params) -> Result<Value, RpcError> {
    let Reorg { depth, pairs } = match params.optional::<Reorg>(0)? {
        // Geth's clients give two parameters.
        None => {
            return Err(RpcError::invalid_params(
                "missing value for required argument 0",
            ));
        }
        Some(reorg) if reorg.pairs.is_empty() => Reorg {
            pairs: params.optional::<Pairs>(1)?.unwrap_or_default().0,
            ..reorg
        },
        Some(reorg) => reorg,
    };
    if pairs.len() > MAX_PAIRS {
        return Err(RpcError::limit(format_args!(
            "at most {MAX_PAIRS} transactions of other blocks"
        )));
    }
    let mut blocks = Vec::new();
    blocks.resize_with(usize::try_from(depth.min(MAX_DEPTH)).unwrap_or(0), Vec::new);
    for (transaction, block) in pairs {
        let place = usize::try_from(block).ok();
        let Some(block) = place.and_then(|place| blocks.get_mut(place)) else {
            return Err(RpcError::invalid_params(format_args!(
                "invalid argument 0: block {block} is beyond the depth"
            )));
        };
        block.push(transaction);
    }
    miner.reorg(depth, blocks).await?;
    Ok(Value::Null)
}

/// The most transactions of blocks that are made anew.
const MAX_PAIRS: usize = 256;

/// The most blocks that are made anew.
const MAX_DEPTH: u64 = 4_096;

/// The parameter of [`reorg`].
struct Reorg {
    depth: u64,
    pairs: Vec<(Submission, u64)>,
}

#[derive(Default)]
struct Pairs(Vec<(Submission, u64)>);

impl Param for Pairs {
    fn read(value: &Value) -> Result<Self, String> {
        let pairs = value.as_array().ok_or("the transactions are not a list")?;
        let pair = |pair: &Value| {
            let [transaction, block] = pair.as_array().map_or(&[][..], Vec::as_slice) else {
                return Err("a transaction and its block are a pair".to_owned());
            };
            let transaction = match transaction {
                Value::String(_) => Submission::Raw(Bytes::read(transaction)?),
                request => Submission::Request(Box::new(CallRequest::read(request)?)),
            };
            Ok((transaction, u64::read(block)?))
        };
        pairs.iter().map(pair).collect::<Result<_, _>>().map(Self)
    }
}

impl Param for Reorg {
    fn read(value: &Value) -> Result<Self, String> {
        let Value::Object(fields) = value else {
            let depth = u64::read(value)?;
            return Ok(Self {
                depth,
                pairs: Vec::new(),
            });
        };
        let depth = u64::read(fields.get("depth").unwrap_or(&Value::Null))?;
        let pairs = fields.get("tx_block_pairs").or(fields.get("txBlockPairs"));
        let pairs = pairs.map_or(Ok(Pairs::default()), Pairs::read)?;
        Ok(Self {
            depth,
            pairs: pairs.0,
        })
    }
}
