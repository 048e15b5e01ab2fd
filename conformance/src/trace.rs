//! Each step of an execution as a line of JSON (EIP-3155). The engine has a
//! tracer of its own, but its feature changes `serde_json` for the whole
//! workspace.

use alloy_primitives::{Bytes, U256};
use revm::Inspector;
use revm::bytecode::opcode::OpCode;
use revm::context_interface::{ContextTr, JournalTr};
use revm::interpreter::interpreter::EthInterpreter;
use revm::interpreter::interpreter_types::{Jumps, LoopControl, MemoryTr};
use revm::interpreter::{CallInputs, CallOutcome, CreateInputs, CreateOutcome, Interpreter};
use serde::Serialize;
use std::io::Write;

/// Writes the steps to `out` as they come.
#[derive(Debug)]
pub(crate) struct Tracer<W> {
    out: W,
    /// The step that is executed.
    step: Step,
    /// The output of the last call.
    returned: Bytes,
}

/// The fields of a step, as the EIP names them.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Step {
    pc: usize,
    op: u8,
    gas: String,
    gas_cost: String,
    mem_size: usize,
    stack: Vec<U256>,
    depth: usize,
    return_data: Bytes,
    refund: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    op_name: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip)]
    gas_left: u64,
}

impl<W: Write> Tracer<W> {
    pub(crate) fn new(out: W) -> Self {
        Self {
            out,
            step: Step::default(),
            returned: Bytes::new(),
        }
    }

    /// Writes a line; a reader that went away is no error of the execution.
    fn line(&mut self, value: &impl Serialize) {
        if serde_json::to_writer(&mut self.out, value).is_ok() {
            let _ = self.out.write_all(b"\n");
        }
    }
}

impl<C: ContextTr, W: Write> Inspector<C, EthInterpreter> for Tracer<W> {
    fn step(&mut self, interpreter: &mut Interpreter<EthInterpreter>, context: &mut C) {
        let op = interpreter.bytecode.opcode();
        let gas = interpreter.gas.remaining();
        self.step = Step {
            pc: interpreter.bytecode.pc(),
            op,
            gas: format!("{gas:#x}"),
            gas_left: gas,
            mem_size: interpreter.memory.size(),
            stack: interpreter.stack.data().to_vec(),
            depth: context.journal_mut().depth(),
            return_data: self.returned.clone(),
            refund: format!("{:#x}", interpreter.gas.refunded()),
            op_name: OpCode::new(op).map(|op| op.as_str()),
            ..Step::default()
        };
    }

    fn step_end(&mut self, interpreter: &mut Interpreter<EthInterpreter>, _: &mut C) {
        let mut step = std::mem::take(&mut self.step);
        let spent = step.gas_left.saturating_sub(interpreter.gas.remaining());
        step.gas_cost = format!("{spent:#x}");
        let action = interpreter.bytecode.action().as_ref();
        let result = action.and_then(|action| action.instruction_result());
        step.error = result
            .filter(|result| result.is_halt())
            .map(|result| format!("{result:?}"));
        self.line(&step);
    }

    fn call_end(&mut self, _: &mut C, _: &CallInputs, outcome: &mut CallOutcome) {
        self.returned = outcome.result.output.clone();
    }

    fn create_end(&mut self, _: &mut C, _: &CreateInputs, outcome: &mut CreateOutcome) {
        self.returned = outcome.result.output.clone();
    }
}
