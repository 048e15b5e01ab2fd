//! Simulates a call: the kernel's own execution on a read-only view.
//!
//! Nodes use it for `eth_call`, gas estimates and the like, so that there is no
//! second implementation of the rules.

use crate::bridge;
use crate::error::KernelError;
use crate::execute::data_fee::DataFee;
use crate::execute::executor::{Executor, Transacted, spec};
use crate::execute::validate::{Underfunded, authorizations};
use crate::native::code_size;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use alloy_primitives::{Address, Bytes, Log, TxKind, U256};
use ethereum::header::Header;
use ethereum::transaction::{AccessListItem, SignedAuthorization, tx_type};
use host::ReadStore;
use revm::context::TxEnv;
use revm::context::result::{ExecutionResult, InvalidTransaction, Output};
use revm::context_interface::transaction::AccessList;
use storage::Config;
use storage::layout::{CONFIG, HEAD, HEADERS};

pub use crate::environment::Environment;
pub use crate::native::interrupt::Interrupt;
pub use crate::native::moves::Moves;
pub use revm::context::result::HaltReason;

pub use crate::execute::data_fee::gas as data_gas;

/// The most gas that a transaction may ask for on this chain, whatever the block
/// allows (EIP-7825, since Osaka).
pub use ethereum::transaction::MAX_TRANSACTION_GAS;

impl Environment {
    /// The environment that the block of `header` was executed in.
    #[must_use]
    pub fn of_header(header: &Header, config: &Config) -> Self {
        Self {
            timestamp: header.timestamp,
            base_fee: header.base_fee_per_gas,
            gas_limit: header.gas_limit,
            prevrandao: header.mix_hash,
            beneficiary: header.beneficiary,
            ..Self::of_config(header.number, config)
        }
    }

    /// The environment of the newest block in `store`: what a call at "latest" sees.
    ///
    /// # Errors
    /// [`KernelError::MissingState`] before genesis.
    pub fn of_head(store: &impl ReadStore) -> Result<Self, KernelError> {
        let (Some(head), Some(config)) = (HEAD.get(store, &())?, CONFIG.get(store, &())?) else {
            return Err(KernelError::MissingState);
        };
        let stored = HEADERS
            .get(store, &head.number)?
            .ok_or(KernelError::MissingState)?;
        let header = Header::decode(&stored.rlp).map_err(|_| KernelError::MissingState)?;
        Ok(Self::of_header(&header, &config))
    }

    /// The environment of the block to come: what a call at "pending" sees. Its
    /// PREVRANDAO is not known yet; the newest block's stands in.
    ///
    /// # Errors
    /// [`KernelError::MissingState`] before genesis.
    pub fn next(store: &impl ReadStore, timestamp: u64) -> Result<Self, KernelError> {
        let (Some(head), Some(config)) = (HEAD.get(store, &())?, CONFIG.get(store, &())?) else {
            return Err(KernelError::MissingState);
        };
        Ok(Self {
            prevrandao: Self::of_head(store)?.prevrandao,
            ..Self::after(&head, timestamp, &config)
        })
    }
}

/// A call to try.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Call {
    /// The caller; code at this address does not matter.
    pub from: Address,
    /// The callee; none: a contract is created from `input`.
    pub to: Option<Address>,
    /// The gas that it may use.
    pub gas_limit: u64,
    /// The most wei for a unit of gas. Zero: nothing is charged, and the base fee is not
    /// asked for.
    pub gas_price: U256,
    /// The most of it above the base fee (EIP-1559); `None`: all of it.
    pub priority_fee: Option<U256>,
    /// The wei sent along.
    pub value: U256,
    /// The call's data.
    pub input: Bytes,
    /// Accounts and slots that are warm from the start (EIP-2930).
    pub access_list: Vec<AccessListItem>,
    /// Delegations (EIP-7702).
    pub authorizations: Vec<SignedAuthorization>,
    /// The nonce, where it should be checked.
    pub nonce: Option<u64>,
    /// Ends it early, where somebody may lose patience.
    pub interrupt: Option<Interrupt>,
    /// The precompiles that are elsewhere.
    pub moves: Moves,
    /// The block's number, where it is not that of the environment.
    pub number: Option<U256>,
}

/// True if there is a precompile at `address`, by the rules in force in `environment`.
#[must_use]
pub fn is_precompile(environment: &Environment, address: &Address) -> bool {
    let spec = spec(environment.revision);
    revm::handler::EthPrecompiles::new(spec).contains(address)
}

impl Call {
    /// The call, which `interrupt` can end.
    #[must_use]
    pub fn until(self, interrupt: &Interrupt) -> Self {
        let interrupt = Some(interrupt.clone());
        Self { interrupt, ..self }
    }
}

/// The execution of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Execution {
    /// True if it succeeded.
    pub success: bool,
    /// The gas that it used, refunds taken off.
    pub gas_used: u64,
    /// The refund that was taken off.
    pub gas_refunded: u64,
    /// The bytes that it returned: the output, the revert data, or the created code.
    pub output: Bytes,
    /// Its logs.
    pub logs: Vec<Log>,
    /// Why it halted; `None` if it returned or reverted.
    pub halt: Option<HaltReason>,
    /// The contract that it created.
    pub created: Option<Address>,
}

/// The result of trying a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Simulated {
    /// It was executed; it may have failed.
    Executed(Execution),
    /// It cannot be executed.
    Rejected(Rejection),
}

impl Simulated {
    /// The execution.
    ///
    /// # Errors
    /// Why there is none.
    pub fn executed(self) -> Result<Execution, Rejection> {
        match self {
            Self::Executed(execution) => Ok(execution),
            Self::Rejected(rejection) => Err(rejection),
        }
    }
}

/// Why a call or a transaction cannot be executed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection {
    /// The gas price is 2^128 wei or more.
    #[error("the gas price is over 2^128 wei")]
    GasPriceTooHigh,
    /// The sender's balance is below the most that it may spend, in wei.
    #[error("balance of {balance} wei below {required}")]
    InsufficientFunds {
        /// Wei that it needs.
        required: U256,
        /// Wei that it has.
        balance: U256,
    },
    /// The gas limit is below the gas that is charged before the first instruction.
    #[error("gas limit {limit} below the intrinsic gas {required}")]
    IntrinsicGas {
        /// Gas that is needed.
        required: u64,
        /// The gas limit.
        limit: u64,
    },
    /// The gas limit is below the least gas for the data (EIP-7623).
    #[error("gas limit {limit} below the data's floor {required}")]
    FloorGas {
        /// Gas that is needed.
        required: u64,
        /// The gas limit.
        limit: u64,
    },
    /// The initcode is too long (EIP-3860).
    #[error("initcode too long")]
    InitcodeSize,
    /// The fee cap is below the base fee.
    #[error("fee cap below the base fee")]
    BelowBaseFee,
    /// The gas limit is below the gas of its bytes on layer 1.
    #[error("gas limit {limit} below the gas of its bytes, {required}")]
    Data {
        /// Gas that is needed.
        required: u64,
        /// The gas limit.
        limit: u64,
    },
    /// The gas limit is below the gas of its delegations (EIP-7702).
    #[error("gas limit {limit} below the delegations' gas {required}")]
    Delegations {
        /// Gas that is needed.
        required: u64,
        /// The gas limit.
        limit: u64,
    },
    /// The fee cap is 2^128 wei or more.
    #[error("the fee cap is over 2^128 wei")]
    FeeTooHigh,
    /// The nonce is below the sender's.
    #[error("nonce {nonce} below the account's, {next}")]
    NonceTooLow {
        /// The sender's.
        next: u64,
        /// The transaction's.
        nonce: u64,
    },
    /// The nonce is above the sender's.
    #[error("nonce {nonce} above the account's, {next}")]
    NonceTooHigh {
        /// The sender's.
        next: u64,
        /// The transaction's.
        nonce: u64,
    },
    /// The sender's nonce cannot rise (EIP-2681).
    #[error("the nonce has its highest value")]
    NonceOverflow,
    /// The sender is a contract (EIP-3607).
    #[error("the sender is a contract")]
    NotAnEoa,
    /// Somebody ended it.
    #[error("the call was interrupted")]
    Interrupted,
    /// Another rule of the engine, in its words.
    #[error("{0}")]
    Other(String),
}

impl From<Underfunded> for Rejection {
    fn from(why: Underfunded) -> Self {
        match why {
            Underfunded::Fee => Self::FeeTooHigh,
            Underfunded::Data { limit, required } => Self::Data { required, limit },
            Underfunded::Delegations { limit, required } => Self::Delegations { required, limit },
        }
    }
}

impl From<&InvalidTransaction> for Rejection {
    fn from(why: &InvalidTransaction) -> Self {
        match *why {
            InvalidTransaction::LackOfFundForMaxFee {
                ref fee,
                ref balance,
            } => Self::InsufficientFunds {
                required: **fee,
                balance: **balance,
            },
            InvalidTransaction::CallGasCostMoreThanGasLimit {
                initial_gas,
                gas_limit,
            } => Self::IntrinsicGas {
                required: initial_gas,
                limit: gas_limit,
            },
            InvalidTransaction::GasFloorMoreThanGasLimit {
                gas_floor,
                gas_limit,
            } => Self::FloorGas {
                required: gas_floor,
                limit: gas_limit,
            },
            InvalidTransaction::CreateInitCodeSizeLimit => Self::InitcodeSize,
            InvalidTransaction::GasPriceLessThanBasefee => Self::BelowBaseFee,
            InvalidTransaction::NonceTooLow { tx, state } => Self::NonceTooLow {
                next: state,
                nonce: tx,
            },
            InvalidTransaction::NonceTooHigh { tx, state } => Self::NonceTooHigh {
                next: state,
                nonce: tx,
            },
            InvalidTransaction::NonceOverflowInTransaction => Self::NonceOverflow,
            InvalidTransaction::RejectCallerWithCode => Self::NotAnEoa,
            ref other => Self::Other(other.to_string()),
        }
    }
}

/// Tries `call` on what `store` holds. Nothing is written.
///
/// # Errors
/// If durable storage cannot be read.
pub fn call(
    store: &impl ReadStore,
    environment: &Environment,
    call: &Call,
) -> Result<Simulated, KernelError> {
    let transaction = match environment_of(call, environment.chain_id) {
        Ok(transaction) => transaction,
        Err(rejection) => return Ok(Simulated::Rejected(rejection)),
    };
    let mut executor = Executor::view(store, environment)?;
    code_size::heed(&mut executor, store)?;
    configure(&mut executor, call);
    if let Some(interrupt) = &call.interrupt {
        executor.interrupt_by(interrupt.clone());
    }
    let transacted = executor.transact(transaction, DataFee::default())?;
    if call.interrupt.as_ref().is_some_and(Interrupt::is_set) {
        return Ok(Simulated::Rejected(Rejection::Interrupted));
    }
    Ok(match transacted {
        Transacted::Executed(result) => Simulated::Executed(Execution::of(result)),
        Transacted::Refused(why) => Simulated::Rejected(Rejection::from(&why)),
    })
}

/// The engine's environment for a call.
pub(crate) fn environment_of(call: &Call, chain_id: u64) -> Result<TxEnv, Rejection> {
    let fee = |wei: U256| u128::try_from(wei).map_err(|_| Rejection::GasPriceTooHigh);
    let gas_price = fee(call.gas_price)?;
    let priority_fee = call.priority_fee.map(fee).transpose()?;
    Ok(TxEnv {
        tx_type: if !call.authorizations.is_empty() {
            tx_type::SET_CODE
        } else if priority_fee.is_some() {
            tx_type::DYNAMIC_FEE
        } else {
            tx_type::ACCESS_LIST
        },
        caller: call.from,
        gas_limit: call.gas_limit,
        gas_price,
        kind: call.to.map_or(TxKind::Create, TxKind::Call),
        value: call.value,
        data: call.input.clone(),
        nonce: call.nonce.unwrap_or_default(),
        chain_id: Some(chain_id),
        access_list: AccessList(call.access_list.clone()),
        gas_priority_fee: match priority_fee {
            None if !call.authorizations.is_empty() => Some(gas_price),
            priority_fee => priority_fee,
        },
        blob_hashes: Vec::new(),
        max_fee_per_blob_gas: 0,
        authorization_list: authorizations(&call.authorizations),
    })
}

/// Takes off the checks that are for transactions alone.
pub(crate) fn configure<S: ReadStore, I>(executor: &mut Executor<'_, S, I>, call: &Call) {
    executor.engine.0.precompiles.moves = call.moves.clone();
    executor.configure(|config, block| {
        config.disable_eip3607 = true;
        config.disable_block_gas_limit = true;
        config.disable_nonce_check = call.nonce.is_none();
        config.tx_gas_limit_cap = Some(u64::MAX);
        block.number = call.number.unwrap_or(block.number);
        if call.gas_price.is_zero() {
            config.disable_base_fee = true;
            block.basefee = 0;
        }
    });
}

impl Execution {
    pub(crate) fn of(result: ExecutionResult) -> Self {
        let gas_used = result.tx_gas_used();
        let base = Self {
            success: false,
            gas_used,
            gas_refunded: result.gas().final_refunded(),
            output: Bytes::new(),
            logs: Vec::new(),
            halt: None,
            created: None,
        };
        match result {
            ExecutionResult::Success {
                mut logs, output, ..
            } => {
                // They are no logs of the receipt.
                bridge::messages(&mut logs);
                let (output, created) = match output {
                    Output::Call(output) => (output, None),
                    Output::Create(code, created) => (code, created),
                };
                Self {
                    success: true,
                    output,
                    logs,
                    created,
                    ..base
                }
            }
            ExecutionResult::Revert { output, .. } => Self { output, ..base },
            ExecutionResult::Halt { reason, .. } => Self {
                halt: Some(reason),
                ..base
            },
        }
    }
}
