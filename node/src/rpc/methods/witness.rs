//! `rollup_getWitness`: what proves a transaction to somebody who has neither the rollup nor a
//! node.

use crate::chain::{self, Block};
use crate::disputes::DisputeRefused;
use crate::miner::MinerHandle;
use crate::node::Node;
use crate::payment::Payment;
use crate::recorded::DataDir;
use crate::request::BlockId;
use crate::rpc::RpcError;
use crate::rpc::json;
use crate::rpc::load;
use crate::rpc::params::Params;
use alloy_primitives::B256;
use pvm::{Durable, Machine, NodeHash, Options};
use serde_json::Value;

/// The most bytes of a witness: twice as many digits are an answer.
const MOST: usize = 12_000_000;

/// A level that is run again.
struct Again {
    level: u32,
    before: Durable,
    after: NodeHash,
    messages: Vec<Vec<u8>>,
    options: Options,
}

/// `rollup_getWitness(hash)`: the witness of a transaction as `evm-rollup prove transaction`
/// writes it (docs/witnesses.md). The level that included it is run again.
pub(super) async fn of_transaction(
    miner: &MinerHandle,
    params: &Params,
) -> Result<Value, RpcError> {
    let hash: B256 = params.required(0)?;
    let node = miner.node();
    let kept = load::blocking(node, move |node| kept(node, &hash)).await?;
    let again = match kept {
        Kept::Whole(again) => again,
        Kept::WithoutMessages(mut again) => {
            let (level, messages) = miner.inbox(Some(again.level)).await?;
            let messages = messages.ok_or_else(|| {
                RpcError::server(format_args!("the messages of level {level} are not kept"))
            })?;
            again.messages = messages.to_vec();
            again
        }
    };
    load::long(node, move |_| prove(hash, *again)).await
}

/// The parts of a level that a node keeps.
enum Kept {
    Whole(Box<Again>),
    WithoutMessages(Box<Again>),
}

/// The level of a transaction, as the node keeps it.
fn kept(node: &Node, hash: &B256) -> Result<Kept, RpcError> {
    let (block, _) = node
        .transaction(hash)?
        .ok_or_else(|| RpcError::server("transaction not found"))?;
    let level = chain::head(block.state()?)?.level;
    let options = Options {
        engine: Options::default().engine,
        first_level: level,
        ..node.disputes.machine().unwrap_or_default()
    };
    if node.store().lasts() {
        let recorded = DataDir::of(node.store()).level(level);
        let recorded = recorded.map_err(RpcError::server)?;
        return Ok(Kept::Whole(Box::new(Again {
            level,
            before: recorded.before,
            after: recorded.after,
            messages: recorded.messages,
            options: Options {
                rollup: recorded.rollup,
                origination_level: recorded.origination_level,
                ..options
            },
        })));
    }
    if node.follows() {
        return Err(RpcError::server(
            "a node in front of a rollup keeps levels in a data folder alone (--data-dir)",
        ));
    }
    if node.fork().is_some() {
        return Err(RpcError::server(DisputeRefused::Fork));
    }
    let (before, after) = around(node, &block, level)?;
    Ok(Kept::WithoutMessages(Box::new(Again {
        level,
        before,
        after,
        messages: Vec::new(),
        options,
    })))
}

/// The state before a level, and the root after it; a block of it is known.
fn around(node: &Node, block: &Block, level: u32) -> Result<(Durable, NodeHash), RpcError> {
    let state = |number| -> Result<Option<(u32, Durable)>, RpcError> {
        let block = node.find(BlockId::Number(number))?;
        let state = block.and_then(|block| block.state.clone());
        let level = state.as_ref().map(chain::head).transpose()?;
        Ok(level.map(|head| head.level).zip(state))
    };
    let mut after = block.state()?.clone();
    let mut number = block.number() + 1;
    while let Some((found, state)) = state(number)?
        && found == level
    {
        (after, number) = (state, number + 1);
    }
    let mut number = block.number();
    loop {
        let below = number.checked_sub(1).ok_or(DisputeRefused::FirstLevel);
        number = below.map_err(RpcError::server)?;
        match state(number)? {
            Some((found, before)) if found < level => return Ok((before, after.root_hash())),
            Some(_) => {}
            None => return Err(RpcError::server(DisputeRefused::NotKept(level))),
        }
    }
}

fn prove(transaction: B256, again: Again) -> Result<Value, RpcError> {
    let machine = Machine::from_durable(again.before, again.options);
    let proved = machine.and_then(|machine| machine.prove(again.messages));
    let (level, _) = proved.map_err(RpcError::server)?;
    if level.after != again.after {
        return Err(RpcError::server(format_args!(
            "the messages of level {} do not lead to its state: a devnet has blocks that no \
             messages make, by impersonated accounts or chosen randomness",
            again.level
        )));
    }
    let bytes = Payment { transaction, level }.encode();
    match bytes.len() {
        length if length > MOST => Err(RpcError::limit(format_args!(
            "the witness has {length} bytes, more than {MOST}: evm-rollup prove writes it into a file"
        ))),
        _ => Ok(json::data(bytes)),
    }
}
