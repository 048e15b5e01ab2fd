//! Runs transactions on a block's view of the world.
//!
//! One engine and one journal serve the whole block, so that what one
//! transaction has read or changed is warm memory to the next. Nothing is
//! written: [`Executor::finish`] gives the changes as a value.

use crate::bridge;
use crate::environment::{Environment, history::HISTORY_ADDRESS, source};
use crate::error::KernelError;
use crate::execute::data_fee::DataFee;
use crate::execute::engine::Engine;
use crate::execute::precompiles::MeteredPrecompiles;
use crate::execute::validate::{self, ValidTransaction};
use crate::execute::work::{self, Work};
use crate::execute::world::{World, WorldError};
use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::vec::Vec;
use alloy_primitives::{Address, B256, Bytes, Log, U256};
use core::fmt;
use ethereum::transaction::Deposit;
use host::ReadStore;
#[cfg(feature = "simulate")]
use revm::context::CfgEnv;
use revm::context::result::{EVMError, ExecutionResult, InvalidTransaction};
use revm::context::{BlockEnv, Context, Journal, TxEnv};
use revm::context_interface::{JournalTr, block::BlobExcessGasAndPrice};
use revm::primitives::hardfork::SpecId;
use revm::state::Account as EngineAccount;
use revm::{ExecuteEvm, MainBuilder};
use storage::config::Revision;
use storage::diff::AccountChange;
use storage::overlay::{Overlay, Touched};
use storage::{Account, Diff};

/// The result of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Executed {
    pub(crate) success: bool,
    /// Includes the payment for its bytes.
    pub(crate) gas_used: u64,
    pub(crate) data_gas: u64,
    pub(crate) logs: Vec<Log>,
    /// Messages to layer 1.
    pub(crate) messages: Vec<Bytes>,
}

/// The outcome of a transaction.
#[derive(Debug)]
pub(crate) enum Transacted {
    /// It was executed.
    Executed(ExecutionResult),
    /// It was refused, and changed nothing.
    Refused(InvalidTransaction),
}

/// The engine's result.
pub(crate) type Ran = Result<ExecutionResult, EVMError<WorldError, InvalidTransaction>>;

/// The engine on one block.
pub(crate) struct Executor<'s, S: ReadStore, I = ()> {
    pub(crate) engine: Engine<'s, S, I>,
    /// Units of work since somebody asked.
    work: u64,
    /// The most work of a transaction besides its gas.
    transaction_work: u64,
    beneficiary: Address,
    base_fee: u64,
}

impl<'s, S: ReadStore> Executor<'s, S> {
    /// The engine on the block after `parent`, whose hash the history contract
    /// gets (EIP-2935; the slot is written directly, which the EIP allows, and
    /// spares a call for each block).
    pub(crate) fn new(
        store: &'s S,
        environment: &Environment,
        parent: B256,
    ) -> Result<Self, KernelError> {
        let history = source::history_slot(store, environment, parent)?;
        Self::with_history(store, environment, history, ())
    }

    /// The engine on a block as it stands in durable storage already.
    #[cfg(feature = "simulate")]
    pub(crate) fn view(store: &'s S, environment: &Environment) -> Result<Self, KernelError> {
        Self::with_history(store, environment, None, ())
    }
}

impl<'s, S: ReadStore, I> Executor<'s, S, I> {
    /// The engine on a block that sets this slot of the history contract; `inspector`
    /// may look on.
    pub(crate) fn with_history(
        store: &'s S,
        environment: &Environment,
        history: Option<(U256, U256)>,
        inspector: I,
    ) -> Result<Self, KernelError> {
        let world = World::new(store, history);
        let spec = spec(environment.revision);
        let mut context = Context::new(world, spec);
        context.cfg.chain_id = environment.chain_id;
        context.block = BlockEnv {
            number: U256::from(environment.number),
            beneficiary: environment.beneficiary,
            timestamp: U256::from(environment.timestamp),
            gas_limit: environment.gas_limit,
            basefee: environment.base_fee,
            difficulty: U256::ZERO,
            prevrandao: Some(environment.prevrandao),
            blob_excess_gas_and_price: Some(BlobExcessGasAndPrice {
                excess_blob_gas: 0,
                blob_gasprice: source::blob_base_fee(store)?,
            }),
            slot_num: environment.number,
        };
        let engine = context.build_mainnet_with_inspector(inspector);
        let precompiles = MeteredPrecompiles::new(
            engine.precompiles.clone(),
            environment.revision,
            environment.ticketer,
        );
        let mut engine = engine.with_precompiles(precompiles);
        crate::execute::instructions::install(&mut engine.instruction);
        Ok(Self {
            engine: Engine(engine),
            work: 0,
            transaction_work: environment.transaction_work,
            beneficiary: environment.beneficiary,
            base_fee: environment.base_fee,
        })
    }

    /// The engine's own knobs, for simulation.
    #[cfg(feature = "simulate")]
    pub(crate) fn configure(&mut self, change: impl FnOnce(&mut CfgEnv, &mut BlockEnv)) {
        change(&mut self.engine.0.ctx.cfg, &mut self.engine.0.ctx.block);
    }

    /// Lets somebody end what runs.
    #[cfg(feature = "simulate")]
    pub(crate) fn interrupt_by(&mut self, interrupt: crate::native::interrupt::Interrupt) {
        self.engine.0.ctx.journaled_state.database.interrupt = Some(interrupt);
        crate::execute::instructions::install_interruptible(&mut self.engine.0.instruction);
    }

    /// Runs a transaction, which pays `data` for its bytes.
    pub(crate) fn transact(
        &mut self,
        environment: TxEnv,
        data: DataFee,
    ) -> Result<Transacted, KernelError> {
        self.transact_by(environment, data, Engine::transact)
    }

    /// Runs a transaction by `run`.
    pub(crate) fn transact_by(
        &mut self,
        environment: TxEnv,
        data: DataFee,
        run: impl FnOnce(&mut Engine<'s, S, I>, TxEnv) -> Ran,
    ) -> Result<Transacted, KernelError> {
        self.begin(environment.gas_limit);
        let caller = environment.caller;
        if data.gas > 0
            && let Some(why) = self.take_data_fee(&environment, data)?
        {
            self.engine.0.ctx.journaled_state.discard_tx();
            self.end(0);
            return Ok(Transacted::Refused(why));
        }
        match run(&mut self.engine, environment) {
            Ok(result) => {
                self.end(result.gas().total_gas_spent());
                if data.gas > 0 {
                    self.give_data_fee(data)?;
                }
                Ok(Transacted::Executed(result))
            }
            Err(EVMError::Transaction(why)) => {
                self.end(0);
                // The engine undid what it did itself.
                let journal = &mut self.engine.0.ctx.journaled_state;
                if data.gas > 0
                    && let Some(sender) = journal.inner.state.get_mut(&caller)
                {
                    sender.info.balance = sender.info.balance.saturating_add(data.wei());
                }
                Ok(Transacted::Refused(why))
            }
            Err(EVMError::Database(WorldError(error))) => Err(error.into()),
            Err(error) => Err(KernelError::Engine(error.to_string())),
        }
    }

    /// Takes what the transaction pays for its bytes, if its sender has that beside the
    /// most that the rest may cost; or says why not.
    fn take_data_fee(
        &mut self,
        environment: &TxEnv,
        data: DataFee,
    ) -> Result<Option<InvalidTransaction>, KernelError> {
        let journal = &mut self.engine.0.ctx.journaled_state;
        load(journal, environment.caller)?;
        let gas = environment.gas_limit.saturating_add(data.gas);
        let most = U256::from(environment.gas_price)
            .checked_mul(U256::from(gas))
            .and_then(|fee| fee.checked_add(environment.value))
            .unwrap_or(U256::MAX);
        let Some(sender) = journal.inner.state.get_mut(&environment.caller) else {
            return Err(KernelError::MissingState);
        };
        let balance = sender.info.balance;
        match balance.checked_sub(data.wei()) {
            Some(rest) if balance >= most => {
                sender.info.balance = rest;
                Ok(None)
            }
            _ => Ok(Some(InvalidTransaction::LackOfFundForMaxFee {
                fee: Box::new(most),
                balance: Box::new(balance),
            })),
        }
    }

    /// Gives the fee recipient what the last transaction paid for its bytes.
    fn give_data_fee(&mut self, data: DataFee) -> Result<(), KernelError> {
        let journal = &mut self.engine.0.ctx.journaled_state;
        // The engine gave it the priority fees, so it is there.
        if !journal.inner.state.contains_key(&self.beneficiary) {
            load(journal, self.beneficiary)?;
            journal.inner.commit_tx();
        }
        if let Some(beneficiary) = journal.inner.state.get_mut(&self.beneficiary) {
            let balance = beneficiary.info.balance;
            beneficiary.info.balance = balance.saturating_add(data.wei());
            beneficiary.mark_touch();
        }
        Ok(())
    }

    /// The work since the last time, gas included.
    pub(crate) fn take_work(&mut self) -> u64 {
        core::mem::take(&mut self.work)
    }

    /// The counters for the next transaction.
    fn begin(&mut self, gas_limit: u64) {
        let allowance = work::besides_gas(gas_limit, self.transaction_work);
        self.engine.0.ctx.journaled_state.database.work = Work::new(allowance);
    }

    /// Counts what ran, `gas` being what it spent before refunds.
    fn end(&mut self, gas: u64) {
        let besides = self.engine.0.ctx.journaled_state.database.work.spent();
        let gas = work::of_gas(gas);
        self.work = self.work.saturating_add(gas).saturating_add(besides);
    }

    /// Charges a transaction that traps the engine: its nonce is spent, its gas
    /// limit paid, and nothing else happens. `None` if it cannot be charged.
    pub(crate) fn charge(
        &mut self,
        transaction: &ValidTransaction,
    ) -> Result<Option<Executed>, KernelError> {
        let (environment, data) = (&transaction.environment, transaction.data);
        self.begin(environment.gas_limit);
        let gas_used = environment.gas_limit.saturating_add(data.gas);
        let gas = U256::from(environment.gas_limit);
        let journal = &mut self.engine.0.ctx.journaled_state;
        load(journal, environment.caller)?;
        load(journal, self.beneficiary)?;
        let base_fee = U256::from(self.base_fee);
        let (Some(fee), Some(tip)) = (
            transaction.gas_price.checked_mul(U256::from(gas_used)),
            transaction
                .gas_price
                .checked_sub(base_fee)
                .and_then(|tip| tip.checked_mul(gas)?.checked_add(data.wei())),
        ) else {
            return Ok(None);
        };
        let Some(sender) = journal.inner.state.get_mut(&environment.caller) else {
            return Ok(None);
        };
        let nonce = sender.info.nonce.checked_add(1);
        let (Some(balance), Some(nonce)) = (sender.info.balance.checked_sub(fee), nonce) else {
            return Ok(None);
        };
        let chain_id = self.engine.0.ctx.cfg.chain_id;
        if sender.info.nonce != environment.nonce
            || environment.chain_id.is_some_and(|id| id != chain_id)
            || environment.gas_limit > self.engine.0.ctx.block.gas_limit
        {
            return Ok(None);
        }
        sender.info.balance = balance;
        sender.info.nonce = nonce;
        sender.mark_touch();
        if let Some(beneficiary) = journal.inner.state.get_mut(&self.beneficiary) {
            beneficiary.info.balance = beneficiary.info.balance.saturating_add(tip);
            beneficiary.mark_touch();
        }
        journal.inner.commit_tx();
        self.end(environment.gas_limit);
        Ok(Some(Executed {
            success: false,
            gas_used,
            data_gas: data.gas,
            logs: Vec::new(),
            messages: Vec::new(),
        }))
    }

    /// Lets the kernel call a contract: the wei appear at the caller before. `None`
    /// where the call fails, which then changed nothing.
    pub(crate) fn deposit(&mut self, deposit: &Deposit) -> Result<Option<Executed>, KernelError> {
        let result = self.deposit_by(deposit, Engine::system_call)?;
        Ok(result.map(Executed::of))
    }

    /// Lets the kernel call a contract by `run`.
    pub(crate) fn deposit_by(
        &mut self,
        deposit: &Deposit,
        run: impl FnOnce(&mut Engine<'s, S, I>, TxEnv) -> Ran,
    ) -> Result<Option<ExecutionResult>, KernelError> {
        let journal = &mut self.engine.0.ctx.journaled_state;
        journal
            .balance_incr(deposit.from, deposit.mint)
            .map_err(|WorldError(error)| error)?;
        self.begin(deposit.gas_limit);
        let result = match run(&mut self.engine, validate::deposit(deposit)) {
            Ok(result) => {
                self.end(result.gas().total_gas_spent());
                result
            }
            Err(EVMError::Database(WorldError(error))) => return Err(error.into()),
            Err(error) => return Err(KernelError::Engine(error.to_string())),
        };
        if result.is_success() {
            return Ok(Some(result));
        }
        let journal = &mut self.engine.0.ctx.journaled_state;
        if let Some(from) = journal.inner.state.get_mut(&deposit.from) {
            from.info.balance = from.info.balance.saturating_sub(deposit.mint);
        }
        Ok(None)
    }

    /// The changes of all transactions.
    pub(crate) fn finish(mut self) -> Diff {
        let state = self.engine.0.finalize();
        let World {
            overlay, history, ..
        } = self.engine.0.ctx.journaled_state.database;
        let mut touched = Vec::with_capacity(state.len() + 1);
        let mut history_touched = false;
        for (address, account) in state {
            if !account.is_touched() {
                continue;
            }
            let mut change = change(address, account);
            if address == HISTORY_ADDRESS {
                history_touched = true;
                if let Some((slot, value)) = history {
                    change.slots.retain(|(known, _)| *known != slot);
                    change.slots.push((slot, value));
                }
            }
            touched.push(change);
        }
        if let Some(slot) = history
            && !history_touched
        {
            touched.push(history_alone(slot));
        }
        overlay.diff(touched)
    }
}

fn load<S: ReadStore>(
    journal: &mut Journal<World<'_, S>>,
    address: Address,
) -> Result<(), KernelError> {
    journal
        .load_account(address)
        .map(|_| ())
        .map_err(|WorldError(error)| error.into())
}

/// The history contract's change in a block that does not touch it otherwise.
fn history_alone(slot: (U256, U256)) -> Touched {
    Touched {
        address: HISTORY_ADDRESS,
        account: AccountChange::Keep,
        cleared: false,
        code: None,
        slots: alloc::vec![slot],
    }
}

/// The changes of a block without transactions; the engine is not even made.
pub(crate) fn nothing(
    store: &impl ReadStore,
    environment: &Environment,
    parent: B256,
) -> Result<Diff, KernelError> {
    let touched = source::history_slot(store, environment, parent)?.map(history_alone);
    Ok(Overlay::new(store).diff(touched.into_iter().collect()))
}

/// The change of an account that the engine touched.
fn change(address: Address, account: EngineAccount) -> Touched {
    let gone = account.is_selfdestructed_locally();
    let cleared = account.is_selfdestructed();
    let slots = if gone {
        Vec::new()
    } else {
        account
            .storage
            .iter()
            .map(|(slot, value)| (*slot, value.present_value()))
            .collect()
    };
    let info = account.info;
    let (account, code) = if gone || info.is_empty() {
        // Empty accounts that are touched vanish (EIP-161).
        (AccountChange::Delete, None)
    } else {
        let account = Account {
            nonce: info.nonce,
            balance: info.balance,
            code_hash: info.code_hash,
        };
        let code = info.code.filter(|_| account.has_code());
        (
            AccountChange::Set(account),
            code.map(|code| (info.code_hash, code.original_bytes())),
        )
    };
    Touched {
        address,
        account,
        cleared,
        code,
        slots,
    }
}

/// The engine's name for a revision.
pub(crate) fn spec(revision: Revision) -> SpecId {
    match revision {
        Revision::Cancun => SpecId::CANCUN,
        Revision::Prague => SpecId::PRAGUE,
        Revision::Osaka => SpecId::OSAKA,
        Revision::Amsterdam => SpecId::AMSTERDAM,
    }
}

impl Executed {
    /// The same of a transaction that paid for its bytes besides.
    pub(crate) fn paying(self, data: DataFee) -> Self {
        Self {
            gas_used: self.gas_used.saturating_add(data.gas),
            data_gas: data.gas,
            ..self
        }
    }

    /// The part of the engine's result that the receipt needs.
    pub(crate) fn of(result: ExecutionResult) -> Self {
        let gas_used = result.tx_gas_used();
        match result {
            ExecutionResult::Success { mut logs, .. } => Self {
                success: true,
                gas_used,
                data_gas: 0,
                messages: bridge::messages(&mut logs),
                logs,
            },
            ExecutionResult::Revert { .. } | ExecutionResult::Halt { .. } => Self {
                success: false,
                gas_used,
                data_gas: 0,
                logs: Vec::new(),
                messages: Vec::new(),
            },
        }
    }
}

impl<S: ReadStore, I> fmt::Debug for Executor<'_, S, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Executor")
            .field("base_fee", &self.base_fee)
            .finish_non_exhaustive()
    }
}
