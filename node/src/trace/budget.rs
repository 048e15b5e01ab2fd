//! The memory of traces: what a tracer keeps of a transaction is counted while it runs, and
//! bounded for each trace and for all together.

use super::keeps::Keeps;
use super::watched::{MOST, Overdrawn, Watched};
use crate::load::Load;
use revm::Inspector;
use revm::context_interface::ContextTr;
use revm::interpreter::interpreter::EthInterpreter;
use revm::interpreter::interpreter_types::Jumps;
use revm::interpreter::{
    CallInputs, CallOutcome, CreateInputs, CreateOutcome, FrameInput, InstructionResult,
    Interpreter,
};
use revm::primitives::{Address, Log, U256};
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// So many bytes are counted for all traces at once; fewer are not counted.
const STEP: usize = 1 << 20;

/// What a tracer may keep.
#[derive(Debug)]
pub struct Budget {
    /// Megabytes for all traces.
    places: Arc<Semaphore>,
    /// Those that this trace has.
    held: Option<OwnedSemaphorePermit>,
    /// Bytes for which no more are needed.
    free: usize,
    kept: usize,
    over: Option<Overdrawn>,
}

impl Budget {
    /// For a trace.
    pub(crate) fn new(load: &Load) -> Self {
        Self {
            places: Arc::clone(&load.traces),
            held: None,
            free: STEP,
            kept: 0,
            over: None,
        }
    }

    fn set(&mut self, kept: usize) {
        self.kept = kept;
        if kept > self.free && self.over.is_none() {
            self.over = self.extend().err();
        }
    }

    fn add(&mut self, bytes: usize) {
        self.set(self.kept.saturating_add(bytes));
    }

    fn extend(&mut self) -> Result<(), Overdrawn> {
        if self.kept > MOST {
            return Err(Overdrawn::One);
        }
        let more = (self.kept - self.free).div_ceil(STEP);
        let places = u32::try_from(more).map_err(|_| Overdrawn::One)?;
        let permit = Arc::clone(&self.places).try_acquire_many_owned(places);
        let permit = permit.map_err(|_| Overdrawn::All)?;
        match &mut self.held {
            None => self.held = Some(permit),
            Some(held) => held.merge(permit),
        }
        self.free += more * STEP;
        Ok(())
    }
}

/// A tracer that keeps no more than it may: a transaction of which it would ends early, and
/// there is no trace of it.
#[derive(Debug)]
pub struct Bounded<I> {
    tracer: I,
    budget: Budget,
    /// As [`Keeps::copied`] of the tracer, last time.
    copied: usize,
}

impl<I: Keeps> Bounded<I> {
    /// Lets `tracer` keep what `budget` allows.
    pub const fn new(tracer: I, budget: Budget) -> Self {
        Self {
            tracer,
            budget,
            copied: 0,
        }
    }

    /// The tracer, to take its result.
    pub const fn tracer(&mut self) -> &mut I {
        &mut self.tracer
    }

    /// Takes the tracer with what it saw; `fresh` is there for the next transaction.
    pub fn replace(&mut self, fresh: I) -> I {
        self.reset();
        std::mem::replace(&mut self.tracer, fresh)
    }

    /// Begins with the next transaction: of the one before nothing is kept.
    pub const fn reset(&mut self) {
        self.budget.kept = 0;
        self.copied = 0;
    }

    /// Tells the tracer, and counts what it keeps of that; nothing once it is too much.
    fn tell<T>(&mut self, bytes: usize, told: impl FnOnce(&mut I) -> Option<T>) -> Option<T> {
        self.budget.add(bytes);
        if self.budget.over.is_some() {
            return None;
        }
        told(&mut self.tracer)
    }

    /// Counts what the tracer counted itself.
    fn recount(&mut self) {
        let copied = self.tracer.copied();
        let more = copied.saturating_sub(self.copied);
        self.copied = copied;
        if more > 0 {
            self.budget.add(more);
        }
    }
}

impl<C: ContextTr, I: Inspector<C, EthInterpreter> + Keeps> Inspector<C, EthInterpreter>
    for Bounded<I>
{
    fn initialize_interp(&mut self, interpreter: &mut Interpreter, context: &mut C) {
        self.tell(0, |tracer| {
            tracer.initialize_interp(interpreter, context);
            Some(())
        });
    }

    fn step(&mut self, interpreter: &mut Interpreter, context: &mut C) {
        let bytes = self
            .tracer
            .step(interpreter.bytecode.opcode(), interpreter.stack.len());
        let told = self.tell(bytes, |tracer| {
            Inspector::step(tracer, interpreter, context);
            Some(())
        });
        if told.is_none() {
            // Nothing of it matters any more.
            interpreter.halt(InstructionResult::Revert);
        } else if bytes > 0 {
            self.recount();
        }
    }

    fn step_end(&mut self, interpreter: &mut Interpreter, context: &mut C) {
        self.tell(0, |tracer| {
            tracer.step_end(interpreter, context);
            Some(())
        });
        self.recount();
    }

    fn log(&mut self, context: &mut C, log: Log) {
        self.tell(self.tracer.log(&log), |tracer| {
            Inspector::log(tracer, context, log);
            Some(())
        });
    }

    fn log_full(&mut self, interpreter: &mut Interpreter, context: &mut C, log: Log) {
        self.tell(self.tracer.log(&log), |tracer| {
            tracer.log_full(interpreter, context, log);
            Some(())
        });
    }

    fn frame_start(
        &mut self,
        context: &mut C,
        input: &mut FrameInput,
    ) -> Option<revm::handler::FrameResult> {
        self.tell(0, |tracer| tracer.frame_start(context, input))
    }

    fn frame_end(
        &mut self,
        context: &mut C,
        input: &FrameInput,
        result: &mut revm::handler::FrameResult,
    ) {
        self.tell(0, |tracer| {
            tracer.frame_end(context, input, result);
            Some(())
        });
    }

    fn call(&mut self, context: &mut C, inputs: &mut CallInputs) -> Option<CallOutcome> {
        let depth = depth(context);
        let bytes = self
            .tracer
            .frame(depth)
            .saturating_add(self.tracer.input(inputs.input.len()));
        self.tell(bytes, |tracer| tracer.call(context, inputs))
    }

    fn call_end(&mut self, context: &mut C, inputs: &CallInputs, outcome: &mut CallOutcome) {
        self.tell(outcome.result.output.len(), |tracer| {
            tracer.call_end(context, inputs, outcome);
            Some(())
        });
    }

    fn create(&mut self, context: &mut C, inputs: &mut CreateInputs) -> Option<CreateOutcome> {
        // The code is there once more, padded, while it runs.
        let code = self
            .tracer
            .input(inputs.init_code().len())
            .saturating_mul(2);
        let bytes = self.tracer.frame(depth(context)).saturating_add(code);
        self.tell(bytes, |tracer| tracer.create(context, inputs))
    }

    fn create_end(&mut self, context: &mut C, inputs: &CreateInputs, outcome: &mut CreateOutcome) {
        self.tell(outcome.result.output.len(), |tracer| {
            tracer.create_end(context, inputs, outcome);
            Some(())
        });
    }

    fn selfdestruct(&mut self, contract: Address, target: Address, value: U256) {
        let bytes = self.tracer.frame(0);
        self.tell(bytes, |tracer| {
            Inspector::<C, EthInterpreter>::selfdestruct(tracer, contract, target, value);
            Some(())
        });
    }
}

fn depth(context: &impl ContextTr) -> usize {
    use revm::context_interface::JournalTr;
    context.journal_ref().depth()
}

impl<I> Watched for Bounded<I> {
    fn overdrawn(&self) -> Option<Overdrawn> {
        self.budget.over
    }
}

/// Inspectors that are bounded otherwise.
macro_rules! bounded_otherwise {
    ($($inspector:ty),* $(,)?) => {
        $(impl Watched for $inspector {
            fn overdrawn(&self) -> Option<Overdrawn> {
                None
            }
        })*
    };
}

bounded_otherwise!(
    revm::inspector::NoOpInspector,
    super::console::Console,
    super::js::Script,
    super::js::Measuring,
    super::named::Named,
);

impl<W> Watched for super::steps::Steps<W> {
    fn overdrawn(&self) -> Option<Overdrawn> {
        None
    }
}
