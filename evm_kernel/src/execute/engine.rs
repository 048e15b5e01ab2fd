//! The engine with the one rule that it lacks: no contract is created where
//! slots lie already (EIP-7610).
//!
//! Only a genesis can make an account of slots without nonce and code. So the
//! check costs a host call only where an account exists without both.

use crate::execute::interpreter;
use crate::execute::precompiles::MeteredPrecompiles;
use crate::execute::world::{World, WorldError};
use alloc::string::String;
use alloy_primitives::Address;
use host::ReadStore;
use revm::context::result::{EVMError, ExecutionResult, InvalidTransaction};
use revm::context::{BlockEnv, CfgEnv, Context, ContextSetters, Evm, FrameStack, Journal, TxEnv};
use revm::context_interface::JournalTr;
use revm::context_interface::context::ContextError;
use revm::handler::evm::{ContextDbError, FrameInitResult};
use revm::handler::instructions::EthInstructions;
use revm::handler::{
    EthFrame, EvmTr, FrameInitOrResult, FrameResult, Handler, ItemOrResult, MainnetHandler,
};
use revm::interpreter::interpreter::EthInterpreter;
use revm::interpreter::interpreter_action::{FrameInit, FrameInput};
use revm::interpreter::{InstructionResult, InterpreterAction};
use revm::primitives::constants::CALL_STACK_LIMIT;

pub(crate) type EngineContext<'s, S> =
    Context<BlockEnv, TxEnv, CfgEnv, World<'s, S>, Journal<World<'s, S>>, ()>;

type Stock<'s, S, I> = Evm<
    EngineContext<'s, S>,
    I,
    EthInstructions<EthInterpreter, EngineContext<'s, S>>,
    MeteredPrecompiles,
    EthFrame,
>;

/// The engine; inside is the stock one, with our precompiles. `I` looks on: nobody
/// does in the shipped bytes.
pub(crate) struct Engine<'s, S: ReadStore, I = ()>(pub(crate) Stock<'s, S, I>);

impl<S: ReadStore, I> Engine<'_, S, I> {
    /// Runs a transaction; its changes stay in the journal.
    pub(crate) fn transact(
        &mut self,
        environment: TxEnv,
    ) -> Result<ExecutionResult, EVMError<WorldError, InvalidTransaction>> {
        self.0.ctx.set_tx(environment);
        MainnetHandler::default().run(self)
    }

    /// Runs a call that no transaction makes: nobody pays for its gas.
    pub(crate) fn system_call(
        &mut self,
        environment: TxEnv,
    ) -> Result<ExecutionResult, EVMError<WorldError, InvalidTransaction>> {
        self.0.ctx.set_tx(environment);
        MainnetHandler::default().run_system_call(self)
    }

    /// The address that a frame is about to create a contract at, where slots
    /// lie without a nonce or code.
    fn occupied(&mut self, frame: &FrameInit) -> Result<Option<Address>, WorldError> {
        let FrameInput::Create(inputs) = &frame.frame_input else {
            return Ok(None);
        };
        let journal = &mut self.0.ctx.journaled_state;
        let caller = &journal.load_account(inputs.caller())?.data.info;
        let (nonce, balance) = (caller.nonce, caller.balance);
        let address = inputs.created_address(nonce);
        let goes_on = frame.depth <= CALL_STACK_LIMIT as usize
            && balance >= inputs.value()
            && nonce < u64::MAX;
        Ok((goes_on && journal.database.has_slots_only(address)?).then_some(address))
    }
}

impl<'s, S: ReadStore, I> EvmTr for Engine<'s, S, I> {
    type Context = EngineContext<'s, S>;
    type Instructions = EthInstructions<EthInterpreter, Self::Context>;
    type Precompiles = MeteredPrecompiles;
    type Frame = EthFrame;

    fn all(
        &self,
    ) -> (
        &Self::Context,
        &Self::Instructions,
        &Self::Precompiles,
        &FrameStack<Self::Frame>,
    ) {
        self.0.all()
    }

    fn all_mut(
        &mut self,
    ) -> (
        &mut Self::Context,
        &mut Self::Instructions,
        &mut Self::Precompiles,
        &mut FrameStack<Self::Frame>,
    ) {
        self.0.all_mut()
    }

    fn frame_init(
        &mut self,
        frame: FrameInit,
    ) -> Result<FrameInitResult<'_, Self::Frame>, ContextDbError<Self::Context>> {
        let Some(address) = self.occupied(&frame)? else {
            return self.0.frame_init(frame);
        };
        // The engine sees a collision by the nonce: it is shown one.
        self.show_nonce(address, 1)?;
        let result = match self.0.frame_init(frame)? {
            ItemOrResult::Result(result) => result,
            ItemOrResult::Item(_) => return Err(ContextError::Custom(String::new())),
        };
        self.show_nonce(address, 0)?;
        Ok(ItemOrResult::Result(result))
    }

    fn frame_run(
        &mut self,
    ) -> Result<FrameInitOrResult<Self::Frame>, ContextDbError<Self::Context>> {
        let frame = self.0.frame_stack.get();
        if !self.0.ctx.journaled_state.database.must_end() {
            let instructions = &self.0.instruction;
            let action = interpreter::run(
                &mut frame.interpreter,
                instructions.instruction_table(),
                instructions.gas_table(),
                &mut self.0.ctx,
            );
            let next: Result<FrameInitOrResult<EthFrame>, _> =
                frame.process_next_action(&mut self.0.ctx, action);
            if let Ok(ItemOrResult::Result(_)) = next {
                frame.set_finished(true);
            }
            return next;
        }
        // All frames end, the innermost first, as if out of gas.
        frame.interpreter.gas.spend_all();
        let action =
            InterpreterAction::new_halt(InstructionResult::OutOfGas, frame.interpreter.gas);
        let ended: Result<_, ContextDbError<EngineContext<'s, S>>> =
            frame.process_next_action(&mut self.0.ctx, action);
        frame.set_finished(true);
        ended
    }

    fn frame_return_result(
        &mut self,
        result: FrameResult,
    ) -> Result<Option<FrameResult>, ContextDbError<Self::Context>> {
        self.0.frame_return_result(result)
    }
}

impl<S: ReadStore, I> Engine<'_, S, I> {
    /// Sets the nonce of an account, which is loaded as the engine is about to.
    fn show_nonce(&mut self, address: Address, nonce: u64) -> Result<(), WorldError> {
        let journal = &mut self.0.ctx.journaled_state;
        journal.load_account(address)?;
        if let Some(account) = journal.inner.state.get_mut(&address) {
            account.info.nonce = nonce;
        }
        Ok(())
    }
}
