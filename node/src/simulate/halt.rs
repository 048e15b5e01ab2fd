//! The details of a halt: the engine tells the kind alone, go-ethereum the instruction and
//! the stack, too.

use super::error::CallError;
use evm_kernel::native::simulate::{Call, Environment, Execution, HaltReason};
use evm_kernel::native::trace::Replay;
use host::ReadStore;
use revm::Inspector;
use revm::bytecode::opcode::OpCode;
use revm::interpreter::Interpreter;
use revm::interpreter::interpreter::EthInterpreter;
use revm::interpreter::interpreter_types::Jumps;

/// The words that each stack may have (yellow paper, section 9.1).
const STACK_LIMIT: usize = 1_024;

/// The instruction that a call came to last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Last {
    /// Its opcode.
    pub opcode: u8,
    /// The words on the stack before it.
    pub stack: usize,
}

impl<C> Inspector<C, EthInterpreter> for Last {
    fn step(&mut self, interpreter: &mut Interpreter, _: &mut C) {
        self.opcode = interpreter.bytecode.opcode();
        self.stack = interpreter.stack.len();
    }
}

impl Last {
    /// The words of a halt, if go-ethereum's are longer.
    #[must_use]
    pub fn words(&self, reason: &HaltReason) -> Option<String> {
        let code = OpCode::new(self.opcode).map(|code| code.info());
        let stack = self.stack;
        match (reason, code) {
            (HaltReason::OpcodeNotFound, _) => Some(format!(
                "invalid opcode: opcode {:#x} not defined",
                self.opcode
            )),
            (HaltReason::StackUnderflow, Some(code)) => {
                let needed = code.inputs();
                Some(format!("stack underflow ({stack} <=> {needed})"))
            }
            (HaltReason::StackOverflow, Some(code)) => {
                let most = STACK_LIMIT + usize::from(code.inputs()) - usize::from(code.outputs());
                Some(format!("stack limit reached {stack} ({most})"))
            }
            _ => None,
        }
    }
}

/// The error of a call that halted, with the instruction that it halted at: the call is
/// made once more to see it.
///
/// # Errors
/// If durable storage cannot be read.
pub fn explained(
    store: &impl ReadStore,
    environment: &Environment,
    call: &Call,
    execution: &Execution,
) -> Result<Option<CallError>, CallError> {
    let Some(
        reason @ (HaltReason::OpcodeNotFound
        | HaltReason::StackUnderflow
        | HaltReason::StackOverflow),
    ) = &execution.halt
    else {
        return Ok(None);
    };
    let mut replay = Replay::view(store, environment, Last::default())?;
    if let Some(interrupt) = &call.interrupt {
        replay.interrupt_by(interrupt.clone());
    }
    // It did so before.
    if replay.call(call).is_err() {
        return Ok(None);
    }
    let words = replay.inspector().words(reason);
    Ok(words.map(CallError::HaltedAt))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instruction_and_stack_are_told_as_go_ethereum_tells_them() {
        let words = |opcode, stack, reason| Last { opcode, stack }.words(&reason);
        assert_eq!(
            words(0x0c, 3, HaltReason::OpcodeNotFound).unwrap(),
            "invalid opcode: opcode 0xc not defined"
        );
        assert_eq!(
            words(0x01, 1, HaltReason::StackUnderflow).unwrap(),
            "stack underflow (1 <=> 2)"
        );
        assert_eq!(
            words(0x5f, 1_024, HaltReason::StackOverflow).unwrap(),
            "stack limit reached 1024 (1023)"
        );
        assert_eq!(words(0xfe, 0, HaltReason::InvalidFEOpcode), None);
    }
}
