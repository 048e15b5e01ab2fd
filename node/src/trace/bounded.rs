//! A bound on what an inspector keeps while it looks on: a transaction can make more calls, give
//! them more bytes and take more steps than there is memory.

use revm::Inspector;
use revm::context_interface::ContextTr;
use revm::handler::FrameResult;
use revm::interpreter::{
    CallInputs, CallOutcome, CreateInputs, CreateOutcome, FrameInput, Interpreter,
};
use revm::primitives::{Address, Log, U256};
use revm_inspectors::tracing::types::{CallTraceNode, CallTraceStep};
use revm_inspectors::tracing::{
    DebugInspector, StackSnapshotType, TraceLimits, TracingInspector, TracingInspectorConfig,
};

/// The most bytes that an inspector keeps of an execution, about. It is more than an answer has
/// room for.
const MOST: usize = 128 << 20;

/// What an inspector keeps of an execution beside its calls and what they gave back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// What calls were given.
    pub inputs: bool,
    /// Steps.
    pub steps: bool,
    /// With each step the whole stack.
    pub stacks: bool,
}

impl Kept {
    fn of(config: &TracingInspectorConfig) -> Self {
        Self {
            inputs: config.record_inputs,
            steps: config.record_steps,
            stacks: matches!(
                config.record_stack_snapshots,
                StackSnapshotType::Full | StackSnapshotType::All
            ),
        }
    }
}

/// An inspector that is told nothing more once it would keep too much.
#[derive(Debug)]
pub struct Bounded<I> {
    inner: I,
    kept: Kept,
    left: usize,
    full: bool,
}

impl<I> Bounded<I> {
    /// Tells `inner`, which keeps this of what it is told.
    pub const fn new(inner: I, kept: Kept) -> Self {
        Self {
            inner,
            kept,
            left: MOST,
            full: false,
        }
    }

    /// The inspector, if it was told everything.
    pub fn whole(&mut self) -> Option<&mut I> {
        (!self.full).then_some(&mut self.inner)
    }

    /// The inspector, if it was told everything.
    pub fn into_whole(self) -> Option<I> {
        (!self.full).then_some(self.inner)
    }

    /// It keeps nothing any more.
    pub const fn renew(&mut self) {
        (self.left, self.full) = (MOST, false);
    }

    /// Counts what will be kept; `false`: it is too much.
    const fn takes(&mut self, bytes: usize) -> bool {
        match self.left.checked_sub(bytes) {
            Some(left) if !self.full => self.left = left,
            _ => self.full = true,
        }
        !self.full
    }

    /// Counts a call that is given so many bytes.
    const fn takes_call(&mut self, input: usize) -> bool {
        let input = if self.kept.inputs { input } else { 0 };
        self.takes(size_of::<CallTraceNode>() + input)
    }

    fn takes_step(&mut self, interpreter: &Interpreter) -> bool {
        let stack = match self.kept.stacks {
            true => interpreter.stack.len() * size_of::<U256>(),
            false => 0,
        };
        !self.kept.steps || self.takes(size_of::<CallTraceStep>() + stack)
    }
}

impl Bounded<TracingInspector> {
    /// One that keeps what `config` says.
    #[must_use]
    pub fn tracing(config: TracingInspectorConfig) -> Self {
        let inspector = TracingInspector::new(config).with_limits(limits());
        Self::new(inspector, Kept::of(&config))
    }

    /// The inspector, if it kept everything.
    #[must_use]
    pub fn into_tracing(self) -> Option<TracingInspector> {
        let inspector = self.into_whole()?;
        (!inspector.limit_exceeded()).then_some(inspector)
    }
}

impl Bounded<DebugInspector> {
    /// A tracer of go-ethereum's.
    #[must_use]
    pub fn debug(inspector: DebugInspector) -> Self {
        use DebugInspector::{CallTracer, Erc7562Tracer, FlatCallTracer};
        let limited = |tracing: TracingInspector| {
            let kept = Kept::of(tracing.config());
            (tracing.with_limits(limits()), kept)
        };
        match inspector {
            CallTracer(tracing, config) => {
                let (tracing, kept) = limited(tracing);
                Self::new(CallTracer(tracing, config), kept)
            }
            FlatCallTracer(tracing) => {
                let (tracing, kept) = limited(tracing);
                Self::new(FlatCallTracer(tracing), kept)
            }
            Erc7562Tracer(tracing, config) => {
                let (tracing, kept) = limited(tracing);
                Self::new(Erc7562Tracer(tracing, config), kept)
            }
            // The multiplexer's tracers keep calls alone.
            other => Self::new(
                other,
                Kept {
                    inputs: true,
                    ..Kept::default()
                },
            ),
        }
    }

    /// The tracer, if it kept everything.
    pub fn debug_whole(&mut self) -> Option<&mut DebugInspector> {
        use DebugInspector::{CallTracer, Erc7562Tracer, FlatCallTracer};
        let whole = self.whole()?;
        let exceeded = match whole {
            CallTracer(tracing, _) | FlatCallTracer(tracing) | Erc7562Tracer(tracing, _) => {
                tracing.limit_exceeded()
            }
            _ => false,
        };
        (!exceeded).then_some(whole)
    }
}

/// Those on memory that is kept with steps, which is not counted here.
fn limits() -> TraceLimits {
    TraceLimits::default().set_max_recorded_bytes(Some(MOST))
}

impl<C: ContextTr, I: Inspector<C>> Inspector<C> for Bounded<I> {
    fn initialize_interp(&mut self, interpreter: &mut Interpreter, context: &mut C) {
        if !self.full {
            self.inner.initialize_interp(interpreter, context);
        }
    }

    fn step(&mut self, interpreter: &mut Interpreter, context: &mut C) {
        if !self.full && self.takes_step(interpreter) {
            self.inner.step(interpreter, context);
        }
    }

    fn step_end(&mut self, interpreter: &mut Interpreter, context: &mut C) {
        if !self.full {
            self.inner.step_end(interpreter, context);
        }
    }

    fn log(&mut self, context: &mut C, log: Log) {
        if !self.full {
            self.inner.log(context, log);
        }
    }

    fn log_full(&mut self, interpreter: &mut Interpreter, context: &mut C, log: Log) {
        if !self.full {
            self.inner.log_full(interpreter, context, log);
        }
    }

    fn frame_start(&mut self, context: &mut C, input: &mut FrameInput) -> Option<FrameResult> {
        if self.full {
            return None;
        }
        self.inner.frame_start(context, input)
    }

    fn frame_end(&mut self, context: &mut C, input: &FrameInput, result: &mut FrameResult) {
        if !self.full {
            self.inner.frame_end(context, input, result);
        }
    }

    fn call(&mut self, context: &mut C, inputs: &mut CallInputs) -> Option<CallOutcome> {
        if !self.takes_call(inputs.input.len()) {
            return None;
        }
        self.inner.call(context, inputs)
    }

    fn call_end(&mut self, context: &mut C, inputs: &CallInputs, outcome: &mut CallOutcome) {
        if self.takes(outcome.result.output.len()) {
            self.inner.call_end(context, inputs, outcome);
        }
    }

    fn create(&mut self, context: &mut C, inputs: &mut CreateInputs) -> Option<CreateOutcome> {
        if !self.takes_call(inputs.init_code().len()) {
            return None;
        }
        self.inner.create(context, inputs)
    }

    fn create_end(&mut self, context: &mut C, inputs: &CreateInputs, outcome: &mut CreateOutcome) {
        if self.takes(outcome.result.output.len()) {
            self.inner.create_end(context, inputs, outcome);
        }
    }

    fn selfdestruct(&mut self, contract: Address, target: Address, value: U256) {
        if !self.full {
            self.inner.selfdestruct(contract, target, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_counted_until_it_is_too_much() {
        let kept = Kept {
            inputs: true,
            ..Kept::default()
        };
        let mut bounded = Bounded::new((), kept);
        assert!(bounded.takes_call(MOST / 2));
        assert!(bounded.whole().is_some());
        assert!(!bounded.takes_call(MOST / 2));
        // Nothing has room any more, however small it is.
        assert!(!bounded.takes(0));
        assert!(bounded.whole().is_none());
        bounded.renew();
        assert!(bounded.takes_call(MOST / 2));
        assert!(bounded.into_whole().is_some());
        // What is not kept is not counted.
        let mut bounded = Bounded::new((), Kept::default());
        assert!((0..10).all(|_| bounded.takes_call(MOST)));
    }
}
