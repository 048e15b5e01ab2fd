//! A block that is only tried: the kernel's own steps, and what they change as a value,
//! to commit to a copy of durable storage.

use crate::block::seal::{self, Body, Parent};
use crate::environment::{Environment, history};
use crate::error::KernelError;
use crate::execute::data_fee::DataFee;
use crate::execute::engine::Engine;
use crate::execute::executor::{Executed, Executor, Transacted};
use crate::execute::validate;
use crate::native::code_size;
use crate::native::interrupt::Interrupt;
use crate::native::simulate::{Call, Execution, Rejection, configure, environment_of};
use crate::native::trace::{Observer, TraceError};
use alloc::boxed::Box;
use alloy_primitives::Address;
use ethereum::{Recovered, SignedTransaction};
use host::ReadStore;
use revm::context::TxEnv;
use revm::context::result::ExecutionResult;
use storage::Head;
use storage::block::StoredTransaction;
use storage::commit::Block;
use storage::layout::HEAD;

/// A block that is only tried.
#[derive(Debug)]
pub struct Trial<'s, S: ReadStore, I> {
    executor: Executor<'s, S, I>,
    body: Body,
    parent: Parent,
    environment: Environment,
    head: Head,
}

impl<'s, S: ReadStore + 's, I: Observer<'s, S>> Trial<'s, S, I> {
    /// The block after the newest in `store`, empty; `inspector` looks on.
    ///
    /// # Errors
    /// If durable storage cannot be read, or before genesis.
    pub fn new(store: &'s S, environment: &Environment, inspector: I) -> Result<Self, KernelError> {
        let head = HEAD.get(store, &())?.ok_or(KernelError::MissingState)?;
        let parent = Parent::of(&head);
        let history = history::slot(environment, parent.hash);
        let mut executor = Executor::with_history(store, environment, history, inspector)?;
        code_size::heed(&mut executor, store)?;
        // Contracts may be impersonated.
        executor.configure(|config, _| config.disable_eip3607 = true);
        Ok(Self {
            executor,
            body: Body::default(),
            parent,
            environment: *environment,
            head,
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

    /// The gas that is left in the block.
    #[must_use]
    pub const fn gas_left(&self) -> u64 {
        self.environment
            .gas_limit
            .saturating_sub(self.body.execution_gas())
    }

    /// The gas of the block that a transaction may use.
    #[must_use]
    pub fn gas_limit(&self, signed: &SignedTransaction) -> u64 {
        let raw = signed.encode();
        self.environment.execution_gas(signed, raw.len())
    }

    /// Executes a transaction and puts it into the block; one that is refused leaves no
    /// trace.
    ///
    /// # Errors
    /// [`TraceError`].
    pub fn include(
        &mut self,
        sender: Address,
        signed: &SignedTransaction,
    ) -> Result<Execution, TraceError> {
        let recovered = Recovered::of(sender, signed.clone());
        let valid =
            validate::transaction(&recovered, &self.environment).map_err(Rejection::from)?;
        let data = valid.data;
        let transacted = self
            .executor
            .transact_by(valid.environment, data, Engine::inspect)?;
        self.push(recovered, data, transacted)
    }

    /// Executes a call without the checks that are for transactions alone, but for the
    /// nonce if it names one and the fees if it pays any, and puts it into the block as
    /// `signed`, which nobody signed.
    ///
    /// # Errors
    /// [`TraceError`].
    pub fn call(
        &mut self,
        call: &Call,
        signed: &SignedTransaction,
    ) -> Result<Execution, TraceError> {
        let environment = environment_of(call, self.environment.chain_id)?;
        configure(&mut self.executor, call);
        self.try_call(environment, signed)
    }

    /// Executes a call as a transaction of the block: with all the checks of its nonce and
    /// fees.
    ///
    /// # Errors
    /// [`TraceError`].
    pub fn checked_call(
        &mut self,
        call: &Call,
        signed: &SignedTransaction,
    ) -> Result<Execution, TraceError> {
        let environment = environment_of(call, self.environment.chain_id)?;
        self.executor.engine.0.precompiles.moves = call.moves.clone();
        let base_fee = self.environment.base_fee;
        self.executor.configure(|config, block| {
            config.tx_gas_limit_cap = Some(u64::MAX);
            block.basefee = base_fee;
        });
        self.try_call(environment, signed)
    }

    /// A call pays nothing for bytes: nobody posts it.
    fn try_call(
        &mut self,
        environment: TxEnv,
        signed: &SignedTransaction,
    ) -> Result<Execution, TraceError> {
        let recovered = Recovered::of(environment.caller, signed.clone());
        let data = DataFee::default();
        let transacted = self
            .executor
            .transact_by(environment, data, Engine::inspect)?;
        self.push(recovered, data, transacted)
    }

    fn push(
        &mut self,
        signed: Recovered<Box<SignedTransaction>>,
        data: DataFee,
        transacted: Transacted,
    ) -> Result<Execution, TraceError> {
        let result: ExecutionResult = match transacted {
            Transacted::Executed(result) => result,
            Transacted::Refused(why) => return Err(Rejection::from(&why).into()),
        };
        let Recovered {
            transaction,
            sender,
            raw,
            ..
        } = signed;
        self.body.push(
            transaction.transaction.tx_type(),
            StoredTransaction { sender, raw },
            Executed::of(result.clone()).paying(data),
        );
        Ok(Execution::of(result))
    }

    /// The block, to commit to a copy of durable storage.
    #[must_use]
    pub fn finish(self) -> Block {
        let Self {
            executor,
            body,
            parent,
            environment,
            head,
        } = self;
        let diff = executor.finish();
        let sealed = seal::block(&parent, &environment, body, &diff);
        Block {
            head: sealed.head(&environment, head),
            header: Some(sealed.header),
            transactions: sealed.transactions,
            receipts: sealed.receipts,
            diff,
            ..Block::default()
        }
    }
}
