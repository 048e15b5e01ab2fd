//! Calls that are tried and not sent: the kernel's own execution on a
//! read-only view.

use crate::node::Node;
use crate::request::{BlockId, BlockOverrides, CallRequest, StateOverrides};
use crate::rpc::RpcError;
use crate::rpc::json;
use crate::rpc::params::Params;
use crate::rpc::words;
use crate::simulate::blocks::moves;
use crate::simulate::overrides::Overridden;
use crate::simulate::recording::Recording;
use crate::simulate::{CallError, apply, call_of, estimate, execute, halt, output, see};
use alloy_primitives::{Address, B256, U256};
use ethereum::transaction::AccessListItem;
use evm_kernel::native::simulate::{Call, Environment, Interrupt, Rejection};
use host::ReadStore;
use pvm::Durable;
use serde_json::{Value, json};

/// The gas of a call that names none, and the most that it gets, as in
/// go-ethereum.
pub(super) const CALL_GAS: u64 = 50_000_000;

/// The gas of a call.
pub(super) fn gas_of(request: &CallRequest) -> u64 {
    request.gas.unwrap_or(CALL_GAS).min(CALL_GAS)
}

/// `eth_call(call, block, overrides, block overrides)`.
pub(super) fn call(node: &Node, params: &Params, interrupt: &Interrupt) -> Result<Value, RpcError> {
    let request: CallRequest = params.required(0)?;
    let scene = Scene::at(node, params, (BlockId::Latest, interrupt))?;
    let (state, environment) = (&scene.state, &scene.environment);
    let gas_limit = gas_of(&request);
    let call = call_of(&request, environment, gas_limit)?.until(interrupt);
    match params.optional::<StateOverrides>(2)? {
        None => scene.called(state, call),
        Some(overrides) => {
            let moves = moves(&overrides, environment)?;
            let call = Call { moves, ..call };
            scene.called(&Overridden::new(state, &overrides)?, call)
        }
    }
}

/// The surroundings of a call.
struct Scene {
    state: Durable,
    environment: Environment,
    overrides: BlockOverrides,
}

impl Scene {
    /// State and environment of the block that the second parameter names, under the
    /// block overrides of the fourth.
    fn at(
        node: &Node,
        params: &Params,
        (default, interrupt): (BlockId, &Interrupt),
    ) -> Result<Self, RpcError> {
        let id = params.optional(1)?.unwrap_or(default);
        let (state, mut environment) = block(node, id, interrupt)?;
        let overrides: BlockOverrides = params.optional(3)?.unwrap_or_default();
        apply(&overrides, &mut environment);
        Ok(Self {
            state,
            environment,
            overrides,
        })
    }

    /// The base fee, in wei per gas.
    fn base_fee(&self) -> U256 {
        let own = self.overrides.base_fee;
        own.unwrap_or_else(|| U256::from(self.environment.base_fee))
    }

    /// The output of a call on `state`.
    fn called(&self, state: &impl ReadStore, mut call: Call) -> Result<Value, RpcError> {
        let environment = &self.environment;
        let seen = see(&self.overrides, &mut call);
        let execution = match seen.and_then(|()| execute(state, environment, &call)) {
            Err(CallError::Rejected(rejection)) if rejection != Rejection::Interrupted => {
                let words = words::rejected_call(&rejection, &call, self.base_fee());
                let gas = call.gas_limit;
                let message = format_args!("err: {words} (supplied gas {gas})");
                return Err(RpcError::server(message));
            }
            executed => executed?,
        };
        if let Some(error) = halt::explained(state, environment, &call, &execution)? {
            return Err(error.into());
        }
        Ok(json::data(output(execution)?))
    }

    /// The gas that a call needs on `state`.
    fn estimated(&self, state: &impl ReadStore, call: &Call) -> Result<u64, CallError> {
        let mut call = call.clone();
        see(&self.overrides, &mut call)?;
        estimate::gas(state, &self.environment, &call)
    }
}

/// `eth_estimateGas(call, block, overrides, block overrides)`; by default against
/// the block to come.
pub(super) fn estimate(
    node: &Node,
    params: &Params,
    interrupt: &Interrupt,
) -> Result<Value, RpcError> {
    let request: CallRequest = params.required(0)?;
    let scene = Scene::at(node, params, (BlockId::Pending, interrupt))?;
    let (state, environment) = (&scene.state, &scene.environment);
    let overrides = params.optional::<StateOverrides>(2)?;
    let call = call_of(&request, environment, request.gas.unwrap_or(0))?.until(interrupt);
    let gas = match overrides {
        None => scene.estimated(state, &call),
        Some(overrides) => {
            let moves = moves(&overrides, environment)?;
            let call = Call {
                moves,
                ..call.clone()
            };
            scene.estimated(&Overridden::new(state, &overrides)?, &call)
        }
    };
    match gas {
        Err(CallError::Rejected(rejection)) if rejection != Rejection::Interrupted => {
            let words = words::rejected_call(&rejection, &call, scene.base_fee());
            let most = match call.gas_limit {
                0 => environment.gas_limit,
                named => named.min(environment.gas_limit),
            };
            let message = format_args!("failed with {most} gas: {words}");
            Err(RpcError::server(message))
        }
        gas => Ok(json::quantity(gas?)),
    }
}

/// `eth_createAccessList(call, block)`: the accounts and slots that a call reads,
/// and the gas that it uses when it names them.
pub(super) fn create_access_list(
    node: &Node,
    params: &Params,
    interrupt: &Interrupt,
) -> Result<Value, RpcError> {
    let request: CallRequest = params.required(0)?;
    let (state, environment) = block(
        node,
        params.optional(1)?.unwrap_or(BlockId::Pending),
        interrupt,
    )?;
    let gas_limit = request.gas.unwrap_or(environment.gas_limit).min(CALL_GAS);
    let call = call_of(&request, &environment, gas_limit)?.until(interrupt);
    let recording = Recording::new(&state);
    execute(&recording, &environment, &call)?;
    let access_list = access_list(recording, &call, &environment);
    let call = Call {
        access_list: access_list.clone(),
        ..call
    };
    let execution = execute(&state, &environment, &call)?;
    let mut result = json!({
        "accessList": json::access_list(&access_list),
        "gasUsed": json::quantity(execution.gas_used),
    });
    if let Err(error) = output(execution) {
        result["error"] = Value::String(words::call(&error));
    }
    Ok(result)
}

fn access_list<S: ReadStore>(
    recording: Recording<'_, S>,
    call: &Call,
    environment: &Environment,
) -> Vec<AccessListItem> {
    // These are warm anyway: naming them pays only if slots are named too.
    let is_warm = |address: &Address| {
        *address == call.from
            || Some(*address) == call.to
            || *address == environment.beneficiary
            || (U256::from_be_slice(address.as_slice()) <= U256::from(0x100))
    };
    recording
        .into_seen()
        .into_iter()
        .filter(|(address, slots)| !slots.is_empty() || !is_warm(address))
        .map(|(address, slots)| AccessListItem {
            address,
            storage_keys: slots.into_iter().map(B256::from).collect(),
        })
        .collect()
}

/// State and environment of a block; `pending` is the one to come.
pub(super) fn block(
    node: &Node,
    id: BlockId,
    interrupt: &Interrupt,
) -> Result<(Durable, Environment), RpcError> {
    if id == BlockId::Pending {
        let pending = node.pending(interrupt)?;
        return Ok((pending.block.state()?.clone(), pending.environment));
    }
    let block = node.block(id)?;
    let environment = Environment::of_head(block.state()?)?;
    Ok((block.state()?.clone(), environment))
}
