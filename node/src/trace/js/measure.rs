//! The steps of transactions, measured before a tracer sees them: it is told what a step
//! costs before the step is done.

use revm::Inspector;
use revm::interpreter::interpreter::EthInterpreter;
use revm::interpreter::interpreter_types::LoopControl;
use revm::interpreter::{InstructionResult, Interpreter, InterpreterAction};
use std::cell::RefCell;
use std::rc::Rc;

/// The cost of a step, and its end.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Measured {
    pub(super) cost: u64,
    pub(super) error: Option<InstructionResult>,
}

/// Most steps that are measured: more would not be traced in the time of a call.
pub(super) const MOST_STEPS: usize = 8 << 20;

/// Steps and what they took.
#[derive(Debug, Default)]
pub(super) struct Measure {
    /// The cost of each step; none is over the gas limit of calls, which fits.
    costs: Vec<u32>,
    /// The steps that failed, by their number.
    errors: Vec<(usize, InstructionResult)>,
    /// The gas before the step that runs.
    open: u64,
    /// The steps, and the errors, that a tracer was told.
    told: (usize, usize),
}

/// Looks on before a tracer does, and measures.
#[derive(Clone, Debug, Default)]
pub struct Measuring(pub(super) Rc<RefCell<Measure>>);

impl<C> Inspector<C, EthInterpreter> for Measuring {
    fn step(&mut self, interpreter: &mut Interpreter, _: &mut C) {
        self.0.borrow_mut().begin(interpreter);
    }

    fn step_end(&mut self, interpreter: &mut Interpreter, _: &mut C) {
        self.0.borrow_mut().end(interpreter);
    }
}

impl Measure {
    fn begin(&mut self, interpreter: &Interpreter) {
        self.open = interpreter.gas.remaining();
    }

    fn end(&mut self, interpreter: &mut Interpreter) {
        if self.costs.len() >= MOST_STEPS {
            return;
        }
        if let Some(error) = failed(interpreter) {
            self.errors.push((self.costs.len(), error));
        }
        let cost = self.open.saturating_sub(interpreter.gas.remaining());
        self.costs.push(cost.try_into().unwrap_or(u32::MAX));
    }

    /// The next step; `None`: there are too many.
    pub(super) fn next(&mut self) -> Option<Measured> {
        let (step, error) = self.told;
        let cost = u64::from(*self.costs.get(step)?);
        let error = self.errors.get(error).filter(|(at, _)| *at == step);
        self.told = (step + 1, self.told.1 + usize::from(error.is_some()));
        Some(Measured {
            cost,
            error: error.map(|(_, error)| *error),
        })
    }
}

/// The failure of a step, if it failed.
pub(super) fn failed(interpreter: &mut Interpreter) -> Option<InstructionResult> {
    match interpreter.bytecode.action() {
        Some(InterpreterAction::Return(result)) if !result.result.is_ok() => Some(result.result),
        _ => None,
    }
}
