//! Instructions that differ from the engine's in cost alone: those that take more
//! than 80 wasm instructions for a unit of gas count their work before it is done.
//! `cargo xtask work` measures all of them.

use crate::execute::work::Counts;
use ethereum::keccak256 as hash;
use revm::bytecode::opcode;
use revm::context_interface::{ContextTr, Host};
use revm::handler::instructions::EthInstructions;
use revm::interpreter::instructions::{arithmetic, contract, host as world};
use revm::interpreter::interpreter::EthInterpreter;
use revm::interpreter::{
    Instruction, InstructionContext, InstructionExecResult, InstructionResult,
};
use revm::primitives::{KECCAK_EMPTY, U256};

/// The context of an instruction.
type Context<'c, H> = InstructionContext<'c, H, EthInterpreter>;

/// Defines instructions that count a fixed work before they do what the engine's do.
macro_rules! weighed {
    ($($name:ident, $opcode:ident, $extra:expr, $engine:expr;)*) => {
        $(fn $name<H: Host + ContextTr<Db: Counts>>(
            context: Context<'_, H>,
        ) -> InstructionExecResult {
            charge(context.host, $extra)?;
            $engine(context)
        })*

        /// Puts those with a fixed work over the engine's.
        fn install_weighed<H: Host + ContextTr<Db: Counts>>(
            table: &mut EthInstructions<EthInterpreter, H>,
        ) {
            $(put(table, opcode::$opcode, Instruction::new($name));)*
        }
    };
}

weighed! {
    div, DIV, 18, arithmetic::div;
    sdiv, SDIV, 21, arithmetic::sdiv;
    rem, MOD, 18, arithmetic::rem;
    smod, SMOD, 21, arithmetic::smod;
    addmod, ADDMOD, 23, arithmetic::addmod;
    mulmod, MULMOD, 76, arithmetic::mulmod;
}

/// Puts our instructions over the engine's; static gas stays as it is.
pub(crate) fn install<H: Host + ContextTr<Db: Counts>>(
    table: &mut EthInstructions<EthInterpreter, H>,
) {
    install_weighed(table);
    put(table, opcode::EXP, Instruction::new(exp));
    put(table, opcode::KECCAK256, Instruction::new(keccak256));
    put(table, opcode::BLOCKHASH, Instruction::new(block_hash));
    put(table, opcode::CREATE2, Instruction::new(create2));
    put(table, opcode::EXTCODESIZE, Instruction::new(code_size));
    put(table, opcode::EXTCODECOPY, Instruction::new(code_copy));
}

/// Lets jumps look whether somebody wants what runs to end: no loop is without one.
#[cfg(feature = "simulate")]
pub(crate) fn install_interruptible<H: Host + ContextTr<Db: Counts>>(
    table: &mut EthInstructions<EthInterpreter, H>,
) {
    use revm::interpreter::instructions::control;
    fn go_on<H: Host + ContextTr<Db: Counts>>(host: &mut H) -> InstructionExecResult {
        if host.db_mut().interrupted() {
            return Err(InstructionResult::OutOfGas);
        }
        Ok(())
    }
    fn jump<H: Host + ContextTr<Db: Counts>>(context: Context<'_, H>) -> InstructionExecResult {
        go_on(context.host)?;
        control::jump(context)
    }
    fn jumpi<H: Host + ContextTr<Db: Counts>>(context: Context<'_, H>) -> InstructionExecResult {
        go_on(context.host)?;
        control::jumpi(context)
    }
    put(table, opcode::JUMP, Instruction::new(jump));
    put(table, opcode::JUMPI, Instruction::new(jumpi));
}

fn put<H: Host>(
    table: &mut EthInstructions<EthInterpreter, H>,
    opcode: u8,
    instruction: Instruction<EthInterpreter, H>,
) {
    if let Some(place) = table.instruction_table_mut().get_mut(usize::from(opcode)) {
        *place = instruction;
    }
}

/// Counts `work` that is about to be done.
pub(crate) fn charge(host: &mut impl ContextTr<Db: Counts>, work: u64) -> InstructionExecResult {
    let charged = host.db_mut().work().charge(work);
    charged.map_err(|_| InstructionResult::OutOfGas)
}

/// Ends the transaction if what was done already is more than it may do.
fn check(host: &mut impl ContextTr<Db: Counts>) -> InstructionExecResult {
    charge(host, 0)
}

/// EXP: the work of each byte of the exponent.
fn exp<H: Host + ContextTr<Db: Counts>>(context: Context<'_, H>) -> InstructionExecResult {
    const BYTE: u64 = 23;
    let exponent = context.interpreter.stack.data().iter().rev().nth(1);
    let bytes = exponent.map_or(0, |exponent| exponent.byte_len() as u64);
    charge(context.host, BYTE * (1 + bytes))?;
    arithmetic::exp(context)
}

fn block_hash<H: Host + ContextTr<Db: Counts>>(context: Context<'_, H>) -> InstructionExecResult {
    let InstructionContext { interpreter, host } = context;
    charge(host, 20)?;
    world::blockhash(InstructionContext {
        interpreter,
        host: &mut *host,
    })?;
    check(host)
}

/// CREATE2: the hash of the initcode.
fn create2<H: Host + ContextTr<Db: Counts>>(context: Context<'_, H>) -> InstructionExecResult {
    const BLOCK: u64 = 32;
    let len = context.interpreter.stack.data().iter().rev().nth(2);
    let len = len.map_or(0, |len| u64::try_from(len).unwrap_or(u64::MAX));
    let most = context.host.max_initcode_size() as u64;
    charge(context.host, BLOCK * (len.min(most) / 136))?;
    contract::create::<true, _, _>(context)
}

fn code_size<H: Host + ContextTr<Db: Counts>>(context: Context<'_, H>) -> InstructionExecResult {
    let InstructionContext { interpreter, host } = context;
    world::extcodesize(InstructionContext {
        interpreter,
        host: &mut *host,
    })?;
    check(host)
}

fn code_copy<H: Host + ContextTr<Db: Counts>>(context: Context<'_, H>) -> InstructionExecResult {
    let InstructionContext { interpreter, host } = context;
    world::extcodecopy(InstructionContext {
        interpreter,
        host: &mut *host,
    })?;
    check(host)
}

/// The work of hashing `len` bytes, besides gas: of each block of the sponge.
pub(crate) const fn keccak_work(len: usize) -> u64 {
    const BLOCK: u64 = 95;
    BLOCK * (1 + (len / 136) as u64)
}

/// KECCAK256 with [`ethereum::keccak`], which takes fewer wasm instructions;
/// checks and gas are the engine's, in its order.
fn keccak256<H: Host + ContextTr<Db: Counts>>(context: Context<'_, H>) -> InstructionExecResult {
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
    charge(host, keccak_work(len))?;
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
