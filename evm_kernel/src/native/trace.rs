//! A block that is executed again, so that somebody can look on: the kernel's own
//! executor, on the state before the block, transaction by transaction.

use crate::bridge;
use crate::environment::{Environment, history};
use crate::error::KernelError;
use crate::execute::data_fee::DataFee;
use crate::execute::engine::{Engine, EngineContext};
use crate::execute::executor::{Executor, Ran, Transacted};
use crate::execute::precompiles::MeteredPrecompiles;
use crate::execute::validate;
use crate::execute::work::Counts;
use crate::native::code_size;
use crate::native::interrupt::Interrupt;
use crate::native::simulate::{Call, Rejection, configure, environment_of};
use alloc::vec::Vec;
use alloy_primitives::map::HashMap;
use alloy_primitives::{Address, Log, U256};
use ethereum::header::Header;
use ethereum::transaction::Transaction;
use ethereum::{Recovered, SignedTransaction};
use host::ReadStore;
use revm::context::result::{ExecutionResult, ResultAndState};
use revm::context::{BlockEnv, ContextSetters, FrameStack, TxEnv};
use revm::handler::evm::ContextDbError;
use revm::handler::instructions::EthInstructions;
use revm::handler::{EthFrame, EvmTr, FrameInitOrResult, ItemOrResult, MainnetHandler};
use revm::inspector::handler::frame_end;
use revm::inspector::{Inspector, InspectorEvmTr, InspectorHandler, inspect_instructions};
use revm::interpreter::interpreter::EthInterpreter;
use revm::state::{Account, AccountInfo, AccountStatus, EvmState};
use storage::layout::CONFIG;

/// A block that is executed again.
#[derive(Debug)]
pub struct Replay<'s, S: ReadStore, I> {
    executor: Executor<'s, S, I>,
    environment: Environment,
}

/// The result of a transaction that was observed.
#[derive(Clone, Debug)]
pub struct Traced {
    /// True if it succeeded.
    pub success: bool,
    /// True if it ended because it had done all the work that it may do besides its gas, though it
    /// looks as if it were out of gas.
    pub out_of_work: bool,
    /// The gas that it used, refunds taken off, what its bytes cost included. The
    /// engine's result knows nothing of that.
    pub gas_used: u64,
    /// Its logs, without messages to layer 1.
    pub logs: Vec<Log>,
    /// The engine's result, with the accounts that the transaction read or changed.
    pub result: ResultAndState,
    /// Those accounts that the block had read before, as they were before it.
    pub before: HashMap<Address, AccountInfo>,
    /// The engine's input.
    pub transaction: TxEnv,
}

/// Why a transaction cannot be looked at.
#[derive(Clone, Debug, thiserror::Error)]
pub enum TraceError {
    /// The kernel cannot read its state.
    #[error(transparent)]
    Kernel(#[from] KernelError),
    /// The transaction is not executed.
    #[error(transparent)]
    Rejected(#[from] Rejection),
}

/// An observer: any inspector that takes whatever context an engine has.
#[expect(private_bounds, reason = "the engine's context is its own")]
pub trait Observer<'s, S: ReadStore + 's>: Inspector<EngineContext<'s, S>> {}

impl<'s, S: ReadStore + 's, I: Inspector<EngineContext<'s, S>>> Observer<'s, S> for I {}

impl<'s, S: ReadStore + 's, I: Observer<'s, S>> Replay<'s, S, I> {
    /// The block of `header` again, on the state before it.
    ///
    /// # Errors
    /// If durable storage cannot be read, or before genesis.
    pub fn new(store: &'s S, header: &Header, inspector: I) -> Result<Self, KernelError> {
        let config = CONFIG.get(store, &())?.ok_or(KernelError::MissingState)?;
        let environment = Environment::of_header(header, &config);
        let history = history::slot(&environment, header.parent_hash);
        let mut executor = Executor::with_history(store, &environment, history, inspector)?;
        code_size::heed(&mut executor, store)?;
        // Whoever is in a block was allowed to: contracts that are impersonated, too.
        executor.configure(|config, _| config.disable_eip3607 = true);
        Ok(Self {
            executor,
            environment,
        })
    }

    /// A block that is in `store` already, to try calls on.
    ///
    /// # Errors
    /// If durable storage cannot be read.
    pub fn view(
        store: &'s S,
        environment: &Environment,
        inspector: I,
    ) -> Result<Self, KernelError> {
        let mut executor = Executor::with_history(store, environment, None, inspector)?;
        code_size::heed(&mut executor, store)?;
        Ok(Self {
            executor,
            environment: *environment,
        })
    }

    /// Lets somebody end what runs.
    pub fn interrupt_by(&mut self, interrupt: Interrupt) {
        self.executor.interrupt_by(interrupt);
    }

    /// The inspector.
    pub const fn inspector(&mut self) -> &mut I {
        &mut self.executor.engine.0.inspector
    }

    /// The block as the engine has it.
    pub const fn block(&self) -> &BlockEnv {
        &self.executor.engine.0.ctx.block
    }

    /// From now on calls see the block as it is in `environment`.
    pub fn set_surroundings(&mut self, environment: &Environment) {
        self.environment = *environment;
        self.executor.configure(|_, block| {
            block.number = U256::from(environment.number);
            block.timestamp = U256::from(environment.timestamp);
            block.gas_limit = environment.gas_limit;
            block.basefee = environment.base_fee;
            block.beneficiary = environment.beneficiary;
            block.prevrandao = Some(environment.prevrandao);
        });
    }

    /// Runs the next transaction of the block, and nobody looks on.
    ///
    /// # Errors
    /// [`TraceError`].
    pub fn run(
        &mut self,
        sender: Address,
        signed: &SignedTransaction,
    ) -> Result<Traced, TraceError> {
        self.next(sender, signed, false)
    }

    /// Runs the next transaction of the block while the inspector looks on.
    ///
    /// # Errors
    /// [`TraceError`].
    pub fn inspect(
        &mut self,
        sender: Address,
        signed: &SignedTransaction,
    ) -> Result<Traced, TraceError> {
        self.next(sender, signed, true)
    }

    /// Tries a call while the inspector looks on; what it changes stays for the next.
    ///
    /// # Errors
    /// [`TraceError`].
    pub fn call(&mut self, call: &Call) -> Result<Traced, TraceError> {
        let environment = environment_of(call, self.executor.engine.0.ctx.cfg.chain_id)?;
        configure(&mut self.executor, call);
        self.transact(environment, DataFee::default(), true)
    }

    fn next(
        &mut self,
        sender: Address,
        signed: &SignedTransaction,
        inspected: bool,
    ) -> Result<Traced, TraceError> {
        if let Transaction::Deposit(deposit) = &signed.transaction {
            let transaction = validate::deposit(deposit);
            let run = if inspected {
                Engine::inspect_system_call
            } else {
                Engine::system_call
            };
            return self.look(transaction, inspected, |executor, _| {
                executor.deposit_by(deposit, run)?.ok_or_else(|| {
                    let why = "the deposit fails when it is executed again";
                    Rejection::Other(why.into()).into()
                })
            });
        }
        let recovered = Recovered::of(sender, signed.clone());
        let valid =
            validate::transaction(&recovered, &self.environment).map_err(Rejection::from)?;
        self.transact(valid.environment, valid.data, inspected)
    }

    fn transact(
        &mut self,
        environment: TxEnv,
        data: DataFee,
        inspected: bool,
    ) -> Result<Traced, TraceError> {
        let run = if inspected {
            Engine::inspect
        } else {
            Engine::transact
        };
        let mut traced = self.look(
            environment,
            inspected,
            |executor, environment| match executor.transact_by(environment, data, run)? {
                Transacted::Executed(result) => Ok(result),
                Transacted::Refused(why) => Err(Rejection::from(&why).into()),
            },
        )?;
        traced.gas_used = traced.gas_used.saturating_add(data.gas);
        Ok(traced)
    }

    /// Runs `transaction`, and tells what it did.
    fn look(
        &mut self,
        transaction: TxEnv,
        inspected: bool,
        run: impl FnOnce(&mut Executor<'s, S, I>, TxEnv) -> Result<ExecutionResult, TraceError>,
    ) -> Result<Traced, TraceError> {
        // What the block has read so far.
        let before = match inspected {
            true => self
                .state()
                .iter()
                .map(|(address, account)| (*address, account.info.clone()))
                .collect(),
            false => HashMap::default(),
        };
        let id = self
            .executor
            .engine
            .0
            .ctx
            .journaled_state
            .inner
            .transaction_id;
        let result = run(&mut self.executor, transaction.clone())?;
        Ok(self.traced(result, (id, before), transaction))
    }

    /// The accounts that the block has read or changed.
    const fn state(&self) -> &EvmState {
        &self.executor.engine.0.ctx.journaled_state.inner.state
    }

    fn traced(
        &mut self,
        result: ExecutionResult,
        (id, before): (revm::state::TransactionId, HashMap<Address, AccountInfo>),
        transaction: TxEnv,
    ) -> Traced {
        let mut logs = result.logs().to_vec();
        bridge::messages(&mut logs);
        let state: EvmState = self
            .state()
            .iter()
            .filter(|(_, account)| account.transaction_id == id)
            .map(|(address, account)| (*address, own(account, id)))
            .collect();
        let world = &mut self.executor.engine.0.ctx.journaled_state.database;
        Traced {
            success: result.is_success(),
            out_of_work: world.work().is_exhausted(),
            gas_used: result.tx_gas_used(),
            logs,
            result: ResultAndState { result, state },
            before,
            transaction,
        }
    }
}

/// An account with what the transaction of this number alone did.
fn own(account: &Account, id: revm::state::TransactionId) -> Account {
    let mut own = account.clone();
    own.storage.retain(|_, slot| slot.transaction_id == id);
    if !own.is_created_locally() {
        own.status -= AccountStatus::Created;
    }
    if !own.is_selfdestructed_locally() {
        own.status -= AccountStatus::SelfDestructed;
    }
    own
}

impl<'s, S: ReadStore, I: Inspector<EngineContext<'s, S>>> Engine<'s, S, I> {
    /// Runs a transaction while the inspector looks on.
    pub(crate) fn inspect(&mut self, environment: TxEnv) -> Ran {
        self.0.ctx.set_tx(environment);
        MainnetHandler::default().inspect_run(self)
    }

    /// Runs a call that no transaction makes while the inspector looks on.
    fn inspect_system_call(&mut self, environment: TxEnv) -> Ran {
        self.0.ctx.set_tx(environment);
        MainnetHandler::default().inspect_run_system_call(self)
    }
}

impl<'s, S: ReadStore, I: Inspector<EngineContext<'s, S>>> InspectorEvmTr for Engine<'s, S, I> {
    type Inspector = I;

    fn all_inspector(
        &self,
    ) -> (
        &Self::Context,
        &EthInstructions<EthInterpreter, Self::Context>,
        &MeteredPrecompiles,
        &FrameStack<EthFrame>,
        &I,
    ) {
        self.0.all_inspector()
    }

    fn all_mut_inspector(
        &mut self,
    ) -> (
        &mut Self::Context,
        &mut EthInstructions<EthInterpreter, Self::Context>,
        &mut MeteredPrecompiles,
        &mut FrameStack<EthFrame>,
        &mut I,
    ) {
        self.0.all_mut_inspector()
    }

    fn inspect_frame_run(
        &mut self,
    ) -> Result<FrameInitOrResult<EthFrame>, ContextDbError<Self::Context>> {
        let mut result = if self.0.ctx.journaled_state.database.must_end() {
            self.frame_run()
        } else {
            let (context, inspector, frame, instructions) = self.ctx_inspector_frame_instructions();
            let action = inspect_instructions(
                context,
                &mut frame.interpreter,
                inspector,
                instructions.instruction_table(),
                instructions.gas_table(),
            );
            frame.process_next_action(context, action)
        };
        if let Ok(ItemOrResult::Result(ended)) = &mut result {
            let (context, inspector, frame) = self.ctx_inspector_frame();
            frame_end(context, inspector, &frame.input, ended);
            frame.set_finished(true);
        }
        result
    }
}
