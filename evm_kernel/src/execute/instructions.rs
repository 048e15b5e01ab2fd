//! Instructions that differ from the engine's in cost alone.

use ethereum::keccak256 as hash;
use revm::bytecode::opcode::KECCAK256;
use revm::context_interface::Host;
use revm::handler::instructions::EthInstructions;
use revm::interpreter::interpreter::EthInterpreter;
use revm::interpreter::{
    Instruction, InstructionContext, InstructionExecResult, InstructionResult,
};
use revm::primitives::{KECCAK_EMPTY, U256};

/// Puts our instructions over the engine's; static gas stays as it is.
pub(crate) fn install<H: Host>(table: &mut EthInstructions<EthInterpreter, H>) {
    if let Some(instruction) = table
        .instruction_table_mut()
        .get_mut(usize::from(KECCAK256))
    {
        *instruction = Instruction::new(keccak256);
    }
}

/// KECCAK256 with [`ethereum::keccak`], which takes fewer wasm instructions;
/// checks and gas are the engine's, in its order.
fn keccak256<H: Host + ?Sized>(
    context: InstructionContext<'_, H, EthInterpreter>,
) -> InstructionExecResult {
    let InstructionContext { interpreter, host } = context;
    let Some([offset, len]) = interpreter.stack.popn() else {
        return Err(InstructionResult::StackUnderflow);
    };
    let len = size(len)?;
    if !interpreter
        .gas
        .record_regular_cost(host.gas_params().keccak256_cost(len))
    {
        return Err(InstructionResult::OutOfGas);
    }
    let word = if len == 0 {
        KECCAK_EMPTY
    } else {
        let offset = size(offset)?;
        interpreter.resize_memory(host.gas_params(), offset, len)?;
        hash(&*interpreter.memory.slice_len(offset, len))
    };
    if interpreter.stack.push(word.into()) {
        Ok(())
    } else {
        Err(InstructionResult::StackOverflow)
    }
}

/// A word as a size in memory; one that no memory has costs all gas.
fn size(word: U256) -> Result<usize, InstructionResult> {
    usize::try_from(word).map_err(|_| InstructionResult::InvalidOperandOOG)
}
