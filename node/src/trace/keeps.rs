//! How many bytes a tracer keeps of what it sees, with what its result is made of: at most so
//! many, by the sizes of its records.

use super::calls::Calls;
use alloy_rpc_types_trace::geth::CallFrame;
use alloy_rpc_types_trace::parity::{LocalizedTransactionTrace, VmInstruction};
use revm::bytecode::opcode::OpCode;
use revm::primitives::Log;
use revm_inspectors::otterscan::InternalOperationsInspector;
use revm_inspectors::tracing::types::{CallLog, CallTraceNode, CallTraceStep, StepDelta};
use revm_inspectors::tracing::{DebugInspector, TracingInspector};
use std::mem::size_of;

/// What lists of a frame in its parent, and what the allocator adds.
const LISTS: usize = 128;

/// A frame among those of a transaction, and in the result.
const FRAME: usize = size_of::<CallTraceNode>() + LISTS;
const LOCALIZED: usize = size_of::<LocalizedTransactionTrace>();
const TREE: usize = size_of::<CallFrame>();

/// A step among those of a frame, and in the result.
const STEP: usize =
    size_of::<CallTraceStep>() + size_of::<VmInstruction>() + size_of::<StepDelta>() + LISTS;

/// A number of the stack.
const WORD: usize = 32;

/// A selector with a size among those of a transaction, and as text.
const SELECTOR: usize = 256;

/// A tracer whose records can be counted. What calls give back is counted for all.
pub trait Keeps {
    /// The bytes that it keeps of a call or creation at `depth`.
    fn frame(&self, depth: usize) -> usize;

    /// The bytes that it keeps of a call's input, or of a creation's code.
    fn input(&self, size: usize) -> usize {
        size
    }

    /// The bytes that it keeps of a step with so many numbers on the stack; zero: it keeps
    /// none.
    fn step(&self, opcode: u8, stack: usize) -> usize;

    /// The bytes that it keeps of a log.
    fn log(&self, log: &Log) -> usize;

    /// The bytes of memory that it copied of this transaction's steps.
    fn copied(&self) -> usize;
}

/// The place in the tree of calls: in a list, and while the list is made.
const fn path(depth: usize) -> usize {
    2 * size_of::<usize>() * depth
}

fn log_of(log: &Log) -> usize {
    // In the record and in the result; the data are shared.
    2 * (size_of::<CallLog>() + WORD * log.data.topics().len()) + log.data.data.0.len() + LISTS
}

impl Keeps for TracingInspector {
    fn frame(&self, depth: usize) -> usize {
        FRAME + LOCALIZED + path(depth)
    }

    fn input(&self, size: usize) -> usize {
        let config = self.config();
        match config.record_inputs || config.record_bytecode {
            true => size,
            false => 0,
        }
    }

    fn step(&self, opcode: u8, stack: usize) -> usize {
        let config = self.config();
        if !config.record_steps {
            return 0;
        }
        let snapshots = config.record_stack_snapshots;
        let pushed = OpCode::new(opcode).map_or(0, |opcode| usize::from(opcode.outputs()));
        let words = match snapshots.is_full() || snapshots.is_all() {
            true => stack + 2 * pushed,
            false => 2 * pushed,
        };
        STEP + WORD * words
    }

    fn log(&self, log: &Log) -> usize {
        match self.config().record_logs {
            true => log_of(log),
            false => 0,
        }
    }

    fn copied(&self) -> usize {
        match self.config().record_steps {
            true => self.recorded_bytes(),
            false => 0,
        }
    }
}

impl Keeps for DebugInspector {
    fn frame(&self, depth: usize) -> usize {
        match self {
            Self::CallTracer(..) | Self::Erc7562Tracer(..) => FRAME + TREE,
            // It makes its result of a copy.
            Self::FlatCallTracer(_) => 2 * FRAME + LOCALIZED + path(depth),
            Self::Mux(..) => 2 * FRAME + LOCALIZED + TREE + SELECTOR + path(depth),
            Self::FourByte(_) => SELECTOR,
            Self::PreStateTracer(..) | Self::Default(..) => FRAME,
            Self::Noop(_) | Self::StateGasTracer(_) => 0,
        }
    }

    fn step(&self, opcode: u8, stack: usize) -> usize {
        match self {
            Self::Erc7562Tracer(inspector, _) | Self::Default(inspector, _) => {
                inspector.step(opcode, stack)
            }
            _ => 0,
        }
    }

    fn log(&self, log: &Log) -> usize {
        match self {
            Self::Noop(_) | Self::StateGasTracer(_) | Self::FourByte(_) => 0,
            _ => log_of(log),
        }
    }

    fn copied(&self) -> usize {
        match self {
            Self::Erc7562Tracer(inspector, _) | Self::Default(inspector, _) => inspector.copied(),
            _ => 0,
        }
    }
}

impl Keeps for Calls {
    fn frame(&self, _: usize) -> usize {
        FRAME + Self::GIVEN
    }

    fn input(&self, _: usize) -> usize {
        // It has a bound of its own on these.
        0
    }

    fn step(&self, _: u8, _: usize) -> usize {
        0
    }

    fn log(&self, _: &Log) -> usize {
        0
    }

    fn copied(&self) -> usize {
        0
    }
}

impl Keeps for InternalOperationsInspector {
    fn frame(&self, _: usize) -> usize {
        LISTS
    }

    fn input(&self, _: usize) -> usize {
        0
    }

    fn step(&self, _: u8, _: usize) -> usize {
        0
    }

    fn log(&self, _: &Log) -> usize {
        0
    }

    fn copied(&self) -> usize {
        0
    }
}
