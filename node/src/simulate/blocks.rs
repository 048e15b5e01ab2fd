//! `eth_simulateV1`: blocks that are only tried, one upon the other, by the kernel's own
//! steps on a copy of durable storage.

use super::amended;
use super::call::{apply, call_of};
use super::error::CallError;
use super::transaction::{Fees, Fields};
use super::transfers::Transfers;
use crate::chain::Block;
use crate::error::NodeError;
use crate::request::{BlockOverrides, CallRequest, StateOverrides};
use alloy_primitives::{Log, TxKind, U256};
use ethereum::{Signature, SignedTransaction};
use evm_kernel::native::simulate::{
    Call, Environment, Execution, Interrupt, Moves, Rejection, is_precompile,
};
use evm_kernel::native::trace::TraceError;
use evm_kernel::native::trial::Trial;
use pvm::Durable;
use storage::commit;

/// Most blocks of a simulation, as in go-ethereum.
pub const MAX_BLOCKS: u64 = 256;

/// Seconds between two blocks whose time nobody says.
const INTERVAL: u64 = 12;

/// A simulation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Simulation {
    /// The blocks.
    pub blocks: Vec<SimulatedBlock>,
    /// Moved wei leave logs, too.
    pub trace_transfers: bool,
    /// Nonces and fees are checked as those of transactions.
    pub validation: bool,
}

/// A block that is simulated.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SimulatedBlock {
    /// Its surroundings.
    pub overrides: BlockOverrides,
    /// Overrides of the state before it.
    pub state: StateOverrides,
    /// Its transactions.
    pub calls: Vec<CallRequest>,
}

/// The result of a block.
#[derive(Clone, Debug)]
pub struct BlockOutcome {
    /// The block, with the state after it.
    pub block: Block,
    /// The result of each of its calls, with the logs that are shown.
    pub calls: Vec<(Execution, Vec<Log>)>,
}

/// Why nothing is simulated.
#[derive(Debug, thiserror::Error)]
pub enum SimulationError {
    /// There is no block.
    #[error("empty input")]
    Empty,
    /// More blocks than [`MAX_BLOCKS`].
    #[error("too many blocks")]
    TooManyBlocks,
    /// A block has no higher number than the one before.
    #[error("block numbers must be in order: {number} <= {before}")]
    Number {
        /// Its number.
        number: u64,
        /// That of the block before.
        before: u64,
    },
    /// A block is no later than the one before.
    #[error("block timestamps must be in order: {time} <= {before}")]
    Time {
        /// Its time, in seconds since 1970.
        time: u64,
        /// That of the block before.
        before: u64,
    },
    /// A call asks for more gas than its block has left.
    #[error("block gas limit reached: {used} >= {limit}")]
    BlockGas {
        /// The gas used so far.
        used: u64,
        /// The block's gas limit.
        limit: u64,
    },
    /// Overrides that do not go together.
    #[error("{0}")]
    Overrides(String),
    /// A call cannot be in its block.
    #[error("{rejection}")]
    Rejected {
        /// Why.
        rejection: Rejection,
        /// The call.
        call: Box<Call>,
        /// The base fee of its block, in wei per gas.
        base_fee: u64,
    },
    /// It was ended.
    #[error("execution aborted")]
    Interrupted,
    /// A call says what no call can be.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The node failed.
    #[error(transparent)]
    Node(#[from] NodeError),
}

/// Simulates blocks after `base`, with at most `gas` for all calls together.
///
/// # Errors
/// [`SimulationError`].
pub fn simulate(
    base: &Block,
    simulation: Simulation,
    mut gas: u64,
    interrupt: &Interrupt,
) -> Result<Vec<BlockOutcome>, SimulationError> {
    let Simulation {
        blocks,
        trace_transfers,
        validation,
    } = simulation;
    let blocks = in_order(base, blocks)?;
    let mut durable = base.state().map_err(NodeError::from)?.clone();
    let mut outcomes = Vec::with_capacity(blocks.len());
    // Of these a block has what the one before had.
    let (mut beneficiary, mut gas_limit) = (base.header.beneficiary, base.header.gas_limit);
    for block in blocks {
        let mut environment = Environment::next(&durable, block.overrides.time.unwrap_or_default())
            .map_err(NodeError::from)?;
        environment.beneficiary = beneficiary;
        environment.gas_limit = gas_limit;
        environment.prevrandao = Default::default();
        if !validation {
            environment.base_fee = 0;
        }
        apply(&block.overrides, &mut environment);
        (beneficiary, gas_limit) = (environment.beneficiary, environment.gas_limit);
        let moves = override_state(&mut durable, &block.state, &environment)?;
        let rules = Rules {
            environment,
            moves,
            validation,
            trace_transfers,
        };
        let (block, calls) = rules.run(&durable, block.calls, &mut gas, interrupt)?;
        commit::block(&mut durable, &block).map_err(NodeError::from)?;
        let block = Block::read(durable.clone()).map_err(NodeError::from)?;
        outcomes.push(BlockOutcome { block, calls });
    }
    Ok(outcomes)
}

/// The blocks with their numbers and times, and with those between that nobody names.
fn in_order(
    base: &Block,
    blocks: Vec<SimulatedBlock>,
) -> Result<Vec<SimulatedBlock>, SimulationError> {
    if blocks.is_empty() {
        return Err(SimulationError::Empty);
    }
    if blocks.len() as u64 > MAX_BLOCKS {
        return Err(SimulationError::TooManyBlocks);
    }
    let (mut last, mut last_time) = (base.number(), base.header.timestamp);
    let mut all = Vec::new();
    for mut block in blocks {
        let number = match block.overrides.number {
            Some(number) => u64::try_from(number).map_err(|_| SimulationError::TooManyBlocks)?,
            None => last.saturating_add(1),
        };
        if number <= last {
            return Err(SimulationError::Number {
                number,
                before: last,
            });
        }
        if number - base.number() > MAX_BLOCKS {
            return Err(SimulationError::TooManyBlocks);
        }
        for between in last + 1..number {
            last_time = last_time.saturating_add(INTERVAL);
            all.push(SimulatedBlock {
                overrides: BlockOverrides {
                    number: Some(U256::from(between)),
                    time: Some(last_time),
                    ..BlockOverrides::default()
                },
                ..SimulatedBlock::default()
            });
        }
        let time = block
            .overrides
            .time
            .unwrap_or(last_time.saturating_add(INTERVAL));
        if time <= last_time {
            return Err(SimulationError::Time {
                time,
                before: last_time,
            });
        }
        if let Some(base_fee) = block.overrides.base_fee
            && base_fee > U256::from(u64::MAX)
        {
            return Err(CallError::BaseFee(base_fee).into());
        }
        block.overrides.number = Some(U256::from(number));
        block.overrides.time = Some(time);
        (last, last_time) = (number, time);
        all.push(block);
    }
    Ok(all)
}

/// The precompiles that overrides move or put away.
///
/// # Errors
/// [`SimulationError::Overrides`] if they do not go together.
pub fn moves(
    overrides: &StateOverrides,
    environment: &Environment,
) -> Result<Moves, SimulationError> {
    let error = |text: String| Err(SimulationError::Overrides(text));
    let mut moves = Moves::default();
    for (address, account) in overrides {
        if moves.to.contains_key(address) {
            return error(format!(
                "account {address} has already been overridden by a precompile"
            ));
        }
        let precompile = is_precompile(environment, address);
        if let Some(to) = account.move_precompile_to {
            if !precompile {
                return error(format!("account {address} is not a precompile"));
            }
            if overrides.contains_key(&to) {
                return error(format!("account {to} is already overridden"));
            }
            moves.to.insert(to, *address);
        }
        if precompile {
            moves.gone.insert(*address);
        }
    }
    Ok(moves)
}

/// Writes overrides into the state, and tells which precompiles they move.
///
/// # Errors
/// If they do not go together, or the state cannot be read.
pub fn override_state(
    durable: &mut Durable,
    overrides: &StateOverrides,
    environment: &Environment,
) -> Result<Moves, SimulationError> {
    let moves = moves(overrides, environment)?;
    amended::override_accounts(durable, overrides).map_err(NodeError::from)?;
    Ok(moves)
}

/// A block while it is simulated.
struct Rules {
    environment: Environment,
    moves: Moves,
    validation: bool,
    trace_transfers: bool,
}

/// A block, and what each of its calls did.
type Ran = (commit::Block, Vec<(Execution, Vec<Log>)>);

impl Rules {
    fn run(
        &self,
        durable: &Durable,
        calls: Vec<CallRequest>,
        gas: &mut u64,
        interrupt: &Interrupt,
    ) -> Result<Ran, SimulationError> {
        let transfers = Transfers::new(self.trace_transfers);
        let mut trial =
            Trial::new(durable, &self.environment, transfers).map_err(NodeError::from)?;
        trial.interrupt_by(interrupt.clone());
        let mut nonces = std::collections::BTreeMap::new();
        let mut outcomes = Vec::with_capacity(calls.len());
        for request in calls {
            let sender = request.from.unwrap_or_default();
            let next = match nonces.get(&sender) {
                Some(next) => *next,
                None => crate::node::nonce(durable, &sender).map_err(NodeError::from)?,
            };
            let nonce = request.nonce.unwrap_or(next);
            let (left, limit) = (trial.gas_left(), self.environment.gas_limit);
            let wanted = request.gas.unwrap_or(left);
            if wanted > left {
                let used = limit - left;
                return Err(SimulationError::BlockGas { used, limit });
            }
            let gas_limit = wanted.min(*gas);
            let call = Call {
                nonce: self.validation.then_some(nonce),
                moves: self.moves.clone(),
                ..call_of(&request, &self.environment, gas_limit)?
            };
            if self.validation
                && let Some(rejection) = wrong_nonce(nonce, next)
            {
                return Err(self.rejected(rejection, call));
            }
            let signed = unsigned(&call, &request, nonce, self.environment.chain_id)?;
            let run = if self.validation {
                Trial::checked_call
            } else {
                Trial::call
            };
            let executed = run(&mut trial, &call, &signed);
            if interrupt.is_set() {
                return Err(SimulationError::Interrupted);
            }
            let execution = match executed {
                Ok(execution) => execution,
                Err(TraceError::Kernel(error)) => return Err(NodeError::from(error).into()),
                Err(TraceError::Rejected(rejection)) => {
                    return Err(self.rejected(rejection, call));
                }
            };
            *gas = gas.saturating_sub(execution.gas_used);
            // It overflows as in go-ethereum.
            nonces.insert(sender, nonce.wrapping_add(1));
            let logs = match trial.inspector().take() {
                seen if self.trace_transfers => seen,
                _ => execution.logs.clone(),
            };
            outcomes.push((execution, logs));
        }
        Ok((trial.finish(), outcomes))
    }

    fn rejected(&self, rejection: Rejection, call: Call) -> SimulationError {
        SimulationError::Rejected {
            rejection,
            call: Box::new(call),
            base_fee: self.environment.base_fee,
        }
    }
}

/// Checks a nonce, `next` being the sender's; fees are checked later.
const fn wrong_nonce(nonce: u64, next: u64) -> Option<Rejection> {
    if nonce < next {
        return Some(Rejection::NonceTooLow { next, nonce });
    }
    if nonce > next {
        return Some(Rejection::NonceTooHigh { next, nonce });
    }
    if nonce == u64::MAX {
        return Some(Rejection::NonceOverflow);
    }
    None
}

/// The transaction of a call, which nobody signs.
fn unsigned(
    call: &Call,
    request: &CallRequest,
    nonce: u64,
    chain_id: u64,
) -> Result<SignedTransaction, CallError> {
    let fields = Fields {
        chain_id,
        nonce,
        gas_limit: call.gas_limit,
        to: call.to.map_or(TxKind::Create, TxKind::Call),
        value: call.value,
        input: call.input.clone(),
        access_list: request.access_list.clone(),
        authorizations: call.authorizations.clone(),
        fees: match request.gas_price {
            Some(price) => Fees::Price(price),
            None => Fees::Dynamic {
                max_fee: call.gas_price,
                priority: call.priority_fee.unwrap_or_default(),
            },
        },
    };
    Ok(fields.transaction()?.with_signature(Signature::default()))
}
