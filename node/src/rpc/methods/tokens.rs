//! Balances and allowances of tokens, written where their contracts keep them.

use crate::miner::{Change, MinerHandle};
use crate::node::Node;
use crate::request::{AccountOverride, StateOverrides};
use crate::rpc::RpcError;
use crate::rpc::load;
use crate::rpc::params::Params;
use crate::simulate::execute;
use crate::simulate::overrides::Overridden;
use crate::simulate::recording::Recording;
use alloy_primitives::{Address, U256, keccak256};
use evm_kernel::native::simulate::{Call, Environment, Interrupt};
use host::ReadStore;
use serde_json::Value;

/// The gas of a question.
const GAS: u64 = 1_000_000;

/// `anvil_dealERC20(address, token, balance)`.
pub(super) async fn deal(miner: &MinerHandle, params: &Params) -> Result<Value, RpcError> {
    let (owner, token): (Address, Address) = (params.required(0)?, params.required(1)?);
    let question = call_data("balanceOf(address)", &[owner]);
    set(miner, token, question, params.required(2)?).await
}

/// `anvil_setERC20Allowance(owner, spender, token, amount)`.
pub(super) async fn set_allowance(miner: &MinerHandle, params: &Params) -> Result<Value, RpcError> {
    let (owner, spender): (Address, Address) = (params.required(0)?, params.required(1)?);
    let question = call_data("allowance(address,address)", &[owner, spender]);
    set(miner, params.required(2)?, question, params.required(3)?).await
}

fn call_data(signature: &str, addresses: &[Address]) -> Vec<u8> {
    let mut data = keccak256(signature)[..4].to_vec();
    for address in addresses {
        data.extend_from_slice(address.into_word().as_slice());
    }
    data
}

/// Sets what a token answers to a question.
async fn set(
    miner: &MinerHandle,
    token: Address,
    question: Vec<u8>,
    answer: U256,
) -> Result<Value, RpcError> {
    let found = load::call(miner.node(), move |node, interrupt| {
        find(node, token, &question, interrupt)
    });
    let (contract, slot) = found.await?.ok_or_else(|| {
        RpcError::server(format_args!("no slot of {token} decides what it answers"))
    })?;
    let change = Change {
        slot: Some((slot, answer)),
        ..Change::default()
    };
    miner.change(contract, change).await?;
    Ok(Value::Null)
}

/// The slot that a token's answer is read from: with another word there it answers that.
fn find(
    node: &Node,
    token: Address,
    question: &[u8],
    interrupt: &Interrupt,
) -> Result<Option<(Address, U256)>, RpcError> {
    let latest = node.latest()?;
    let state = latest.state()?;
    let environment = Environment::of_head(state)?;
    let call = Call {
        to: Some(token),
        gas_limit: GAS,
        input: question.to_vec().into(),
        interrupt: Some(interrupt.clone()),
        ..Call::default()
    };
    let recording = Recording::new(state);
    execute(&recording, &environment, &call)?;
    // No token has that by itself.
    let probe = U256::from_be_bytes(keccak256(question).0) >> 128;
    for (contract, slots) in recording.into_seen() {
        for slot in slots {
            let account = AccountOverride {
                state_diff: [(slot, probe)].into(),
                ..AccountOverride::default()
            };
            let overrides: StateOverrides = [(contract, account)].into();
            let state = Overridden::new(state, &overrides)?;
            if answers(&state, &environment, &call)? == Some(probe) {
                return Ok(Some((contract, slot)));
            }
        }
    }
    Ok(None)
}

fn answers(
    state: &impl ReadStore,
    environment: &Environment,
    call: &Call,
) -> Result<Option<U256>, RpcError> {
    let execution = execute(state, environment, call)?;
    let word = execution.output.get(..32).filter(|_| execution.success);
    Ok(word.map(U256::from_be_slice))
}
