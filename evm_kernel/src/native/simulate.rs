//! What a call would do: the kernel's own execution on a read-only view.
//!
//! Nodes use it for `eth_call`, gas estimates and the like, so that there is no
//! second implementation of the rules.

use crate::bridge;
use crate::error::KernelError;
use crate::execute::executor::{Executor, Transacted};
use crate::execute::validate::authorizations;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use alloy_primitives::{Address, Bytes, Log, TxKind, U256};
use core::fmt;
use ethereum::header::Header;
use ethereum::transaction::{AccessListItem, SignedAuthorization, tx_type};
use host::ReadStore;
use revm::context::TxEnv;
use revm::context::result::{ExecutionResult, InvalidTransaction, Output};
use revm::context_interface::transaction::AccessList;
use storage::Config;
use storage::layout::{CONFIG, HEAD, HEADERS};

pub use crate::environment::Environment;

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
    /// Who calls; code at this address does not matter.
    pub from: Address,
    /// Who is called; none: a contract is created from `input`.
    pub to: Option<Address>,
    /// The gas that it may use.
    pub gas_limit: u64,
    /// Wei for a unit of gas. Zero: nothing is charged, and the base fee is not asked for.
    pub gas_price: U256,
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
}

/// What a call did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Whether it succeeded.
    pub success: bool,
    /// The gas that it used, refunds taken off.
    pub gas_used: u64,
    /// The refund that was taken off.
    pub gas_refunded: u64,
    /// What it returned: the output, the revert data, or the created code.
    pub output: Bytes,
    /// Its logs.
    pub logs: Vec<Log>,
    /// Why it halted, where it neither returned nor reverted.
    pub halt: Option<String>,
    /// The contract that it created.
    pub created: Option<Address>,
}

/// Why a call cannot be tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected(pub(crate) String);

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Tries `call` on what `store` holds. Nothing is written.
///
/// # Errors
/// Where durable storage cannot be read.
pub fn call(
    store: &impl ReadStore,
    environment: &Environment,
    call: &Call,
) -> Result<Result<Outcome, Rejected>, KernelError> {
    let Ok(gas_price) = u128::try_from(call.gas_price) else {
        return Ok(Err(Rejected("gas price is over 2^128 wei".to_string())));
    };
    let mut executor = Executor::view(store, environment)?;
    executor.configure(|config, block| {
        config.disable_eip3607 = true;
        config.disable_block_gas_limit = true;
        config.disable_nonce_check = call.nonce.is_none();
        config.tx_gas_limit_cap = Some(u64::MAX);
        if gas_price == 0 {
            config.disable_base_fee = true;
            block.basefee = 0;
        }
    });
    let transaction = TxEnv {
        tx_type: if call.authorizations.is_empty() {
            tx_type::ACCESS_LIST
        } else {
            tx_type::SET_CODE
        },
        caller: call.from,
        gas_limit: call.gas_limit,
        gas_price,
        kind: call.to.map_or(TxKind::Create, TxKind::Call),
        value: call.value,
        data: call.input.clone(),
        nonce: call.nonce.unwrap_or_default(),
        chain_id: Some(environment.chain_id),
        access_list: AccessList(call.access_list.clone()),
        gas_priority_fee: (!call.authorizations.is_empty()).then_some(gas_price),
        blob_hashes: Vec::new(),
        max_fee_per_blob_gas: 0,
        authorization_list: authorizations(&call.authorizations),
    };
    Ok(match executor.transact(transaction)? {
        Transacted::Executed(result) => Ok(Outcome::of(result)),
        Transacted::Refused(why) => Err(rejected(&why)),
    })
}

/// The engine's reason in the words that clients know from geth.
pub(crate) fn rejected(why: &InvalidTransaction) -> Rejected {
    Rejected(match why {
        InvalidTransaction::LackOfFundForMaxFee { fee, balance } => {
            alloc::format!("insufficient funds for gas * price + value: have {balance} want {fee}")
        }
        InvalidTransaction::CallGasCostMoreThanGasLimit {
            initial_gas,
            gas_limit,
        } => {
            alloc::format!("intrinsic gas too low: have {gas_limit}, want {initial_gas}")
        }
        InvalidTransaction::GasFloorMoreThanGasLimit {
            gas_floor,
            gas_limit,
        } => alloc::format!(
            "insufficient gas for floor data gas cost: have {gas_limit}, want {gas_floor}"
        ),
        InvalidTransaction::CreateInitCodeSizeLimit => "max initcode size exceeded".to_string(),
        InvalidTransaction::GasPriceLessThanBasefee => {
            "max fee per gas less than block base fee".to_string()
        }
        other => other.to_string(),
    })
}

impl Outcome {
    fn of(result: ExecutionResult) -> Self {
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
                halt: Some(reason.to_string()),
                ..base
            },
        }
    }
}
