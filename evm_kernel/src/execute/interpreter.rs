//! The engine's loop, with the instructions that programs mostly consist of done in place: the
//! engine calls a function for each, which reads and writes the whole state of the frame.
//!
//! Instructions here succeed, touch nothing but stack, memory and program counter, and
//! costs a fixed gas. Everything else, each failure included, is left untouched to the engine's own
//! table ([`Interpreter::step`]), so that there is one place that says how an instruction fails.

mod code;
mod gas;

use crate::execute::instructions::{charge, keccak_work};
use crate::execute::words;
use crate::execute::work::Counts;
use code::{after, put, target};
use core::mem;
use ethereum::keccak256;
use revm::bytecode::opcode as op;
use revm::bytecode::{Bytecode, JumpTable};
use revm::context_interface::{ContextTr, Host};
use revm::interpreter::instructions::GasTable;
use revm::interpreter::interpreter::EthInterpreter;
use revm::interpreter::interpreter_types::{Jumps, LoopControl};
use revm::interpreter::{
    CallInput, InstructionResult, InstructionTable, Interpreter, InterpreterAction, STACK_LIMIT,
};
use revm::primitives::U256;
use revm::primitives::hints_util::cold_path;

/// Runs a frame until it ends, calls or creates.
#[inline(never)]
pub(crate) fn run<H: Host + ContextTr<Db: Counts>>(
    interpreter: &mut Interpreter<EthInterpreter>,
    instructions: &InstructionTable<EthInterpreter, H>,
    gas: &GasTable,
    host: &mut H,
) -> InterpreterAction {
    let code = Bytecode::clone(&interpreter.bytecode);
    let Some(jumps) = code.legacy_jump_table() else {
        return interpreter.run_plain(instructions, gas, host);
    };
    let end = loop {
        match run_common(interpreter, code.bytes_slice(), jumps, host) {
            Next::End => break InstructionResult::Stop,
            Next::Table => {
                if let Err(end) = interpreter.step(instructions, gas, host) {
                    break end;
                }
            }
        }
    };
    if interpreter.bytecode.action().is_none() {
        interpreter.halt(end);
    }
    interpreter.take_next_action()
}

/// The work besides its gas of an instruction on an empty stack: the table does it, and what empties
/// the stack again, which takes some 600 instructions more than here. Unit tests compare this loop
/// with the engine's, which counts none of it; `cargo xtask work` has a row for each such opcode.
const IDLE: u64 = if cfg!(test) { 0 } else { 3 };

/// The end of the common instructions.
enum Next {
    /// The frame stops.
    End,
    /// An instruction that the table has to do.
    Table,
}

/// Does what is common, up to something else.
#[inline(always)]
#[allow(clippy::too_many_lines, reason = "one arm for each instruction")]
fn run_common<H: Host + ContextTr<Db: Counts>>(
    interpreter: &mut Interpreter<EthInterpreter>,
    code: &[u8],
    jumps: &JumpTable,
    host: &mut H,
) -> Next {
    let Interpreter {
        bytecode,
        gas: frame_gas,
        stack: frame_stack,
        return_data,
        memory: frame_memory,
        input,
        ..
    } = interpreter;
    let mut next = code.iter();
    if let Some(last) = bytecode.pc().checked_sub(1) {
        next.nth(last);
    }
    // In locals, the uppermost word included: the engine's are in memory, and each instruction reads
    // and writes them. The vector never grows below, and is never without an uppermost word; where
    // there is none, there is no gas either, so that the table does the one instruction.
    let mut stack = mem::take(frame_stack.data_mut());
    if stack.capacity() != STACK_LIMIT {
        *frame_stack.data_mut() = stack;
        return Next::Table;
    }
    let idle = stack.is_empty();
    if idle {
        // It cannot fail by this alone: the allowance is over two units for each unit of gas, and an
        // instruction that fills the stack and one that empties it take four.
        let _ = charge(host, IDLE);
        // The one instruction that leaves no word on an empty stack: there may be 24 kB of it.
        let run = next.as_slice().iter();
        let run = run.take_while(|opcode| **opcode == op::JUMPDEST).count() as u64;
        let run = run.min(frame_gas.remaining());
        if frame_gas.record_regular_cost(run) {
            next = next
                .as_slice()
                .get(run as usize..)
                .unwrap_or_default()
                .iter();
        }
    }
    let mut gas = if idle { 0 } else { frame_gas.remaining() };
    let top = if idle { None } else { stack.pop() };
    // One by one, or the compiler keeps halves of some.
    let [mut a, mut b, mut c, mut d] = top.unwrap_or_default().into_limbs();
    let mut memory = frame_memory.context_memory_mut();

    /// Leaves the instruction to the table, which is rare: code for it stands out of the way.
    macro_rules! leave {
        () => {{
            cold_path();
            break;
        }};
    }
    /// Leaves the instruction to the table if it does not succeed.
    macro_rules! or_table {
        ($value:expr) => {
            match $value {
                Some(value) => value,
                None => leave!(),
            }
        };
    }
    macro_rules! top {
        () => {
            U256::from_limbs([a, b, c, d])
        };
        ($value:expr) => {
            [a, b, c, d] = $value.into_limbs()
        };
    }
    macro_rules! binary {
        ($gas:ident, $value:expr) => {{
            let left = or_table!(gas.checked_sub(gas::$gas));
            let second = or_table!(stack.pop());
            gas = left;
            top!($value(top!(), second));
            next.next();
        }};
    }
    macro_rules! unary {
        ($gas:ident, $value:expr) => {{
            gas = or_table!(gas.checked_sub(gas::$gas));
            top!($value(top!()));
            next.next();
        }};
    }
    macro_rules! push {
        ($gas:ident, $value:expr, $immediate:literal) => {{
            if stack.len() >= STACK_LIMIT - 1 {
                leave!();
            }
            gas = or_table!(gas.checked_sub(gas::$gas));
            put(&mut stack, top!());
            top!($value);
            next.nth($immediate);
        }};
        ($gas:ident, $value:expr) => {
            push!($gas, $value, 0)
        };
    }
    macro_rules! immediate {
        ($length:literal) => {{
            let (_, bytes) = or_table!(next.as_slice().split_first());
            let bytes = or_table!(bytes.first_chunk::<$length>());
            push!(VERY_LOW, words::from_bytes(bytes), $length);
        }};
    }
    /// Gives the frame the memory for a word.
    macro_rules! reach {
        ($at:expr) => {
            if $at.saturating_add(32) > memory.len() {
                cold_path();
                drop(memory);
                let left = gas::grow(frame_gas, frame_memory, $at, gas);
                memory = frame_memory.context_memory_mut();
                gas = or_table!(left);
            }
        };
    }
    macro_rules! division {
        ($work:expr, $value:expr) => {{
            let left = or_table!(gas.checked_sub(gas::LOW));
            let second = or_table!(stack.pop());
            let small = words::is_small(top!()) && words::is_small(second);
            if !small || charge(host, $work).is_err() {
                put(&mut stack, second);
                leave!();
            }
            gas = left;
            let value = $value(a, second.as_limbs()[0]);
            top!(words::small(value.unwrap_or_default()));
            next.next();
        }};
    }

    loop {
        // Code is padded with STOP, so that nothing is beyond its end.
        let opcode = next.clone().next().copied().unwrap_or(op::STOP);
        match opcode {
            op::PUSH1 => immediate!(1),
            op::DUP2
            | op::DUP3
            | op::DUP4
            | op::DUP5
            | op::DUP6
            | op::DUP7
            | op::DUP8
            | op::DUP9
            | op::DUP10
            | op::DUP11
            | op::DUP12
            | op::DUP13
            | op::DUP14
            | op::DUP15
            | op::DUP16 => {
                let depth = usize::from(opcode & 15);
                let at = stack.len().wrapping_sub(depth);
                if at >= stack.len() || stack.len() >= STACK_LIMIT - 1 {
                    leave!();
                }
                gas = or_table!(gas.checked_sub(gas::VERY_LOW));
                // Written first, so that what is read may take its place at once.
                put(&mut stack, top!());
                if let Some(value) = stack.get(at) {
                    top!(value);
                }
                next.next();
            }
            op::SWAP1
            | op::SWAP2
            | op::SWAP3
            | op::SWAP4
            | op::SWAP5
            | op::SWAP6
            | op::SWAP7
            | op::SWAP8
            | op::SWAP9
            | op::SWAP10
            | op::SWAP11
            | op::SWAP12
            | op::SWAP13
            | op::SWAP14
            | op::SWAP15
            | op::SWAP16 => {
                let depth = usize::from(opcode & 15) + 1;
                let at = stack.len().wrapping_sub(depth);
                let place = or_table!(stack.get_mut(at));
                gas = or_table!(gas.checked_sub(gas::VERY_LOW));
                let under = mem::replace(place, top!());
                top!(under);
                next.next();
            }
            op::PUSH2 => immediate!(2),
            op::ADD => binary!(VERY_LOW, words::add),
            op::DUP1 => push!(VERY_LOW, top!()),
            op::POP => binary!(BASE, |_, second: U256| second),
            op::JUMPI => {
                #[cfg(feature = "simulate")]
                if host.db_mut().interrupted() {
                    leave!();
                }
                let condition = or_table!(stack.pop());
                let (cost, to) = if words::is_zero(condition) {
                    (gas::HIGH, Some(after(&next)))
                } else {
                    (gas::HIGH + gas::JUMPDEST, target(code, jumps, top!()))
                };
                let (Some(left), Some(to)) = (gas.checked_sub(cost), to) else {
                    put(&mut stack, condition);
                    leave!();
                };
                let Some(third) = stack.pop() else {
                    put(&mut stack, condition);
                    leave!();
                };
                gas = left;
                top!(third);
                next = to;
            }
            op::JUMPDEST => {
                gas = or_table!(gas.checked_sub(gas::JUMPDEST));
                next.next();
            }
            op::JUMP => {
                #[cfg(feature = "simulate")]
                if host.db_mut().interrupted() {
                    leave!();
                }
                let to = or_table!(target(code, jumps, top!()));
                let left = or_table!(gas.checked_sub(gas::MID + gas::JUMPDEST));
                let second = or_table!(stack.pop());
                gas = left;
                top!(second);
                next = to;
            }
            op::ISZERO => unary!(VERY_LOW, |a| words::flag(words::is_zero(a))),
            op::MLOAD => {
                let at = or_table!(words::index(top!()));
                reach!(at);
                let word = or_table!(memory.get(at..).and_then(<[u8]>::first_chunk));
                unary!(VERY_LOW, |_| words::from_bytes::<32>(word));
            }
            op::MSTORE => {
                let at = or_table!(words::index(top!()));
                if stack.is_empty() {
                    leave!();
                }
                reach!(at);
                let place = memory.get_mut(at..).and_then(<[u8]>::first_chunk_mut);
                let place = or_table!(place);
                let left = or_table!(gas.checked_sub(gas::VERY_LOW));
                let value = or_table!(stack.pop());
                let Some(third) = stack.pop() else {
                    put(&mut stack, value);
                    leave!();
                };
                gas = left;
                words::to_bytes(value, place);
                top!(third);
                next.next();
            }
            op::AND => binary!(VERY_LOW, |a, b| words::zip(a, b, |a, b| a & b)),
            op::SUB => binary!(VERY_LOW, words::sub),
            op::MUL => binary!(LOW, words::mul),
            op::LT => binary!(VERY_LOW, |a, b| words::flag(words::less(a, b))),
            op::GT => binary!(VERY_LOW, |a, b| words::flag(words::less(b, a))),
            op::EQ => binary!(VERY_LOW, |a, b| words::flag(words::equal(a, b))),
            op::SHL => binary!(VERY_LOW, |by, word| words::shl(word, by)),
            op::SHR => binary!(VERY_LOW, |by, word| words::shr(word, by)),
            op::PUSH0 => push!(BASE, U256::ZERO),
            op::KECCAK256 => {
                let len = or_table!(stack.last().copied().and_then(words::index));
                let bytes = words::index(top!()).and_then(|at| memory.get(at..)?.get(..len));
                let bytes = or_table!(bytes);
                let cost = gas::KECCAK256 + gas::KECCAK256_WORD * len.div_ceil(32) as u64;
                let left = or_table!(gas.checked_sub(cost));
                if len == 0 || charge(host, keccak_work(len)).is_err() {
                    leave!();
                }
                gas = left;
                stack.pop();
                top!(words::from_bytes(&keccak256(bytes).0));
                next.next();
            }
            op::OR => binary!(VERY_LOW, |a, b| words::zip(a, b, |a, b| a | b)),
            op::NOT => unary!(VERY_LOW, words::not),
            op::SLT => binary!(VERY_LOW, |a, b| words::flag(words::signed_less(a, b))),
            op::CALLDATALOAD => {
                let left = or_table!(gas.checked_sub(gas::VERY_LOW));
                let at = words::index(top!());
                let value = match &input.input {
                    CallInput::Bytes(data) => words::padded(data, at),
                    // Of a call without data the engine's range lies behind all memory.
                    CallInput::SharedBuffer(range) if range.is_empty() => words::padded(&[], at),
                    CallInput::SharedBuffer(range) => {
                        // It lies in the callers' part of the same memory.
                        drop(memory);
                        let data = frame_memory.global_slice_range(range.clone());
                        let value = words::padded(&data, at);
                        drop(data);
                        memory = frame_memory.context_memory_mut();
                        value
                    }
                };
                gas = left;
                top!(value);
                next.next();
            }
            op::DIFFICULTY => push!(BASE, host.prevrandao().unwrap_or_default()),
            op::CALLER => push!(BASE, words::from_bytes(&input.caller_address.0.0)),
            op::CALLVALUE => push!(BASE, input.call_value),
            op::CALLDATASIZE => push!(BASE, words::small(input.input.len() as u64)),
            op::RETURNDATASIZE => push!(BASE, words::small(return_data.0.len() as u64)),
            op::ADDRESS => push!(BASE, words::from_bytes(&input.target_address.0.0)),
            op::GAS => push!(BASE, words::small(gas)),
            op::MOD => division!(18, u64::checked_rem),
            op::DIV => division!(18, u64::checked_div),
            op::XOR => binary!(VERY_LOW, |a, b| words::zip(a, b, |a, b| a ^ b)),
            op::SGT => binary!(VERY_LOW, |a, b| words::flag(words::signed_less(b, a))),
            op::MSIZE => push!(BASE, words::small(memory.len() as u64)),
            op::PC => {
                let at = code.len() - next.len();
                push!(BASE, words::small(at as u64));
            }
            op::PUSH4 => immediate!(4),
            op::PUSH20 => immediate!(20),
            op::PUSH32 => immediate!(32),
            op::PUSH3 => immediate!(3),
            op::PUSH5 => immediate!(5),
            op::PUSH6 => immediate!(6),
            op::PUSH7 => immediate!(7),
            op::PUSH8 => immediate!(8),
            op::PUSH9 => immediate!(9),
            op::PUSH10 => immediate!(10),
            op::PUSH11 => immediate!(11),
            op::PUSH12 => immediate!(12),
            op::PUSH13 => immediate!(13),
            op::PUSH14 => immediate!(14),
            op::PUSH15 => immediate!(15),
            op::PUSH16 => immediate!(16),
            op::PUSH17 => immediate!(17),
            op::PUSH18 => immediate!(18),
            op::PUSH19 => immediate!(19),
            op::PUSH21 => immediate!(21),
            op::PUSH22 => immediate!(22),
            op::PUSH23 => immediate!(23),
            op::PUSH24 => immediate!(24),
            op::PUSH25 => immediate!(25),
            op::PUSH26 => immediate!(26),
            op::PUSH27 => immediate!(27),
            op::PUSH28 => immediate!(28),
            op::PUSH29 => immediate!(29),
            op::PUSH30 => immediate!(30),
            op::PUSH31 => immediate!(31),
            op::STOP => {
                // To the end: a flag would be set for each instruction.
                next.nth(usize::MAX);
                break;
            }
            _ => break,
        }
    }
    drop(memory);
    // Back to the instruction that is left.
    bytecode.absolute_jump(code.len() - next.len());
    if !idle {
        frame_gas.set_remaining(gas);
        put(&mut stack, top!());
    }
    *frame_stack.data_mut() = stack;
    if next.len() == 0 {
        Next::End
    } else {
        Next::Table
    }
}

#[cfg(test)]
mod tests;
