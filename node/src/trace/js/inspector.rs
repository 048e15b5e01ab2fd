//! The execution as a tracer is told of it, in the order of go-ethereum.

use super::engine::Hook;
use super::measure::{MOST_STEPS, Measured, failed};
use super::moment::{Entered, Left};
use super::script::{Frame, Script};
use crate::trace::steps::words;
use alloy_primitives::{Address, Bytes, U256};
use revm::Inspector;
use revm::context_interface::{ContextTr, CreateScheme, JournalTr};
use revm::inspector::JournalExt;
use revm::interpreter::interpreter::EthInterpreter;
use revm::interpreter::interpreter_types::{InputsTr, Jumps};
use revm::interpreter::{
    CallInputs, CallOutcome, CallScheme, CreateInputs, CreateOutcome, InstructionResult,
    Interpreter, InterpreterResult,
};

/// True if go-ethereum finds the error before it executes the step.
const fn is_before(error: InstructionResult) -> bool {
    matches!(
        error,
        InstructionResult::StackUnderflow
            | InstructionResult::StackOverflow
            | InstructionResult::OutOfGas
            | InstructionResult::MemoryOOG
            | InstructionResult::MemoryLimitOOG
            | InstructionResult::InvalidOperandOOG
            | InstructionResult::ReentrancySentryOOG
    )
}

impl Script {
    /// Calls a function of the tracer, which sees the state of `context`.
    fn tell<C: ContextTr<Journal: JournalExt>>(&mut self, context: &mut C, hook: Hook) {
        let state = context.journal_mut().evm_state_mut();
        std::mem::swap(state, &mut self.moment.borrow_mut().state);
        self.call(hook);
        std::mem::swap(state, &mut self.moment.borrow_mut().state);
    }

    /// Takes what a tracer may ask of a step.
    fn look(&self, interpreter: &Interpreter, measured: Measured) {
        let mut moment = self.moment.borrow_mut();
        let step = &mut moment.step;
        step.op = interpreter.bytecode.opcode();
        step.pc = interpreter.bytecode.pc();
        step.gas = interpreter.gas.remaining();
        step.cost = measured.cost;
        step.depth = self.frames.len();
        step.refund = self.refunds(interpreter);
        step.error = measured.error.filter(|error| is_before(*error)).map(words);
        step.stack.clear();
        step.stack.extend_from_slice(interpreter.stack.data());
        step.memory = Some(interpreter.memory.clone());
        step.caller = interpreter.input.caller_address();
        step.address = interpreter.input.target_address();
        step.value = interpreter.input.call_value();
        step.input = self
            .frames
            .last()
            .map(|frame| frame.input.clone())
            .unwrap_or_default();
    }

    /// The refunds of all frames so far.
    fn refunds(&self, interpreter: &Interpreter) -> i64 {
        let outer = self.frames.last().map_or(0, |frame| frame.refunds);
        outer.saturating_add(interpreter.gas.refunded())
    }

    fn enter<C: ContextTr<Journal: JournalExt>>(&mut self, context: &mut C, entered: Entered) {
        if self.is_done {
            self.is_done = false;
            if let Err(why) = self.restart() {
                self.fail(why);
            }
        }
        if self.moment.borrow().precompiles.is_empty() {
            let addresses = context.journal_ref().precompile_addresses();
            self.moment.borrow_mut().precompiles = addresses.iter().copied().collect();
        }
        let is_create = entered.kind.starts_with("CREATE");
        let input = match is_create {
            true => Bytes::new(),
            false => entered.input.clone(),
        };
        let is_outermost = self.frames.is_empty();
        let refunds = self.refund;
        self.frames.push(Frame { input, refunds });
        if !is_outermost && self.engine.has_frames() {
            self.moment.borrow_mut().entered = entered;
            self.tell(context, Hook::Enter);
        }
    }

    fn leave<C: ContextTr<Journal: JournalExt>>(
        &mut self,
        context: &mut C,
        result: &InterpreterResult,
    ) {
        self.frames.pop();
        if self.frames.is_empty() {
            if self.engine.wants_state() && !self.has_failed() {
                let state = context.journal_mut().evm_state().clone();
                self.moment.borrow_mut().state = state;
            }
            return;
        }
        if self.engine.has_frames() {
            let gas = &result.gas;
            let gas_used = match result.result.is_halt() {
                true => gas.limit(),
                false => gas.limit().saturating_sub(gas.remaining()),
            };
            let error = (!result.result.is_ok()).then(|| words(result.result));
            self.moment.borrow_mut().left = Left {
                gas_used,
                output: result.output.clone(),
                error,
            };
            self.tell(context, Hook::Exit);
        }
    }
}

impl<C: ContextTr<Journal: JournalExt>> Inspector<C, EthInterpreter> for Script {
    fn step(&mut self, interpreter: &mut Interpreter, context: &mut C) {
        if self.has_failed() {
            // Nothing of it matters any more.
            interpreter.halt(InstructionResult::Revert);
            return;
        }
        self.refund = self.refunds(interpreter);
        if !self.engine.has_steps() {
            self.look(interpreter, Measured::default());
            return;
        }
        let next = self.measure.borrow_mut().next();
        let Some(measured) = next else {
            self.fail(format!("more than {MOST_STEPS} steps"));
            return;
        };
        self.look(interpreter, measured);
        self.tell(context, Hook::Step);
    }

    fn step_end(&mut self, interpreter: &mut Interpreter, context: &mut C) {
        self.refund = self.refunds(interpreter);
        if self.has_failed() {
            return;
        }
        if let Some(error) = failed(interpreter).filter(|error| !is_before(*error)) {
            self.moment.borrow_mut().step.error = Some(words(error));
            self.tell(context, Hook::Fault);
        }
    }

    fn call(&mut self, context: &mut C, inputs: &mut CallInputs) -> Option<CallOutcome> {
        let value = inputs.value.get();
        let (kind, from, value) = match inputs.scheme {
            CallScheme::Call => ("CALL", inputs.caller, Some(value)),
            CallScheme::CallCode => ("CALLCODE", inputs.caller, Some(value)),
            CallScheme::DelegateCall => ("DELEGATECALL", inputs.target_address, Some(value)),
            CallScheme::StaticCall => ("STATICCALL", inputs.caller, None),
        };
        let entered = Entered {
            kind,
            from,
            to: inputs.bytecode_address,
            input: inputs.input.bytes(context),
            gas: inputs.gas_limit,
            value,
        };
        self.enter(context, entered);
        None
    }

    fn call_end(&mut self, context: &mut C, _: &CallInputs, outcome: &mut CallOutcome) {
        self.leave(context, &outcome.result);
    }

    fn create(&mut self, context: &mut C, inputs: &mut CreateInputs) -> Option<CreateOutcome> {
        let state = context.journal_ref().evm_state();
        let creator = state.get(&inputs.caller());
        let nonce = creator.map_or(0, |creator| creator.info.nonce);
        let entered = Entered {
            kind: match inputs.scheme() {
                CreateScheme::Create2 { .. } => "CREATE2",
                CreateScheme::Create | CreateScheme::Custom { .. } => "CREATE",
            },
            from: inputs.caller(),
            to: inputs.created_address(nonce),
            input: inputs.init_code().clone(),
            gas: inputs.gas_limit(),
            value: Some(inputs.value()),
        };
        self.enter(context, entered);
        None
    }

    fn create_end(&mut self, context: &mut C, _: &CreateInputs, outcome: &mut CreateOutcome) {
        self.leave(context, &outcome.result);
    }

    fn selfdestruct(&mut self, contract: Address, target: Address, value: U256) {
        if !self.engine.has_frames() || self.has_failed() {
            return;
        }
        {
            let mut moment = self.moment.borrow_mut();
            moment.entered = Entered {
                kind: "SELFDESTRUCT",
                from: contract,
                to: target,
                input: Bytes::new(),
                gas: 0,
                value: Some(value),
            };
            moment.left = Left::default();
        }
        self.call(Hook::Enter);
        self.call(Hook::Exit);
    }
}
