//! The flat code: words of 64 bits, an instruction in one or more.
//!
//! | bits | what |
//! | --- | --- |
//! | 0 to 14 | the opcode: that of WebAssembly where there is one (`fd n` as 256 + n, `fc n` as 224 + n) |
//! | 15 | set where the instruction is not counted |
//! | 16 to 31 | a short operand |
//! | 32 to 63 | an operand: a place in the code, a number, an offset |
//!
//! Some have further words behind the first: constants, and for branches that unwind the stack
//! where they lead to: the height, and the place in the code (32 bits each).

/// Not counted: block structure, `drop`, what was added.
pub(crate) const FREE: u16 = 0x8000;

pub(crate) const UNREACHABLE: u16 = 0x00;
/// The run is over.
pub(crate) const HALT: u16 = 0x01;
/// The start function is over.
pub(crate) const STARTED: u16 = 0x02;
/// A function begins. Cells of its parameters; of these and its other locals; behind it the cells that
/// it needs in all.
pub(crate) const ENTER: u16 = 0x03;
/// A call of an imported function. Cells of its result; which.
pub(crate) const HOST: u16 = 0x04;
/// The same, of one that was called through a table.
pub(crate) const THUNK: u16 = 0x05;
/// A branch that unwinds. Cells to keep; behind it where to.
pub(crate) const JUMP_UNWIND: u16 = 0x06;
pub(crate) const BR_IF_UNWIND: u16 = 0x07;
/// A branch where the condition fails.
pub(crate) const BR_UNLESS: u16 = 0x08;
pub(crate) const JUMP: u16 = 0x0c;
pub(crate) const BR_IF: u16 = 0x0d;
/// Cells to keep; how many targets without the default. They stand behind it.
pub(crate) const BR_TABLE: u16 = 0x0e;
/// Cells of the result; cells of the locals.
pub(crate) const RETURN: u16 = 0x0f;
/// The place at which the function begins.
pub(crate) const CALL: u16 = 0x10;
/// The table; the type.
pub(crate) const CALL_INDIRECT: u16 = 0x11;
/// Locals and globals of two cells.
pub(crate) const LOCAL_GET_PAIR: u16 = 0x12;
pub(crate) const LOCAL_SET_PAIR: u16 = 0x13;
pub(crate) const LOCAL_TEE_PAIR: u16 = 0x14;
pub(crate) const GLOBAL_GET_PAIR: u16 = 0x15;
pub(crate) const GLOBAL_SET_PAIR: u16 = 0x16;
/// Cells.
pub(crate) const DROP: u16 = 0x1a;
pub(crate) const SELECT: u16 = 0x1b;
pub(crate) const LOCAL_GET: u16 = 0x20;
pub(crate) const LOCAL_SET: u16 = 0x21;
pub(crate) const LOCAL_TEE: u16 = 0x22;
pub(crate) const GLOBAL_GET: u16 = 0x23;
pub(crate) const GLOBAL_SET: u16 = 0x24;
pub(crate) const TABLE_GET: u16 = 0x25;
pub(crate) const TABLE_SET: u16 = 0x26;
pub(crate) const MEMORY_SIZE: u16 = 0x3f;
pub(crate) const MEMORY_GROW: u16 = 0x40;
pub(crate) const I32_CONST: u16 = 0x41;
/// The number behind it.
pub(crate) const I64_CONST: u16 = 0x42;
/// Of 32 bits with their sign.
pub(crate) const I64_CONST_SHORT: u16 = 0x43;
pub(crate) const REF_IS_NULL: u16 = 0xd1;

/// `fc n`.
pub(crate) const BULK: u16 = 224;
pub(crate) const MEMORY_INIT: u16 = BULK + 8;
pub(crate) const DATA_DROP: u16 = BULK + 9;
pub(crate) const MEMORY_COPY: u16 = BULK + 10;
pub(crate) const MEMORY_FILL: u16 = BULK + 11;
pub(crate) const TABLE_INIT: u16 = BULK + 12;
pub(crate) const ELEM_DROP: u16 = BULK + 13;
pub(crate) const TABLE_COPY: u16 = BULK + 14;
pub(crate) const TABLE_GROW: u16 = BULK + 15;
pub(crate) const TABLE_SIZE: u16 = BULK + 16;
pub(crate) const TABLE_FILL: u16 = BULK + 17;

/// `fd n`.
pub(crate) const SIMD: u16 = 256;
/// The number in the two words behind it.
pub(crate) const V128_CONST: u16 = SIMD + 12;

/// An instruction's first word.
pub(crate) const fn word(op: u16, short: u16, operand: u32) -> u64 {
    op as u64 | (short as u64) << 16 | (operand as u64) << 32
}

/// Two halves of a word.
pub(crate) const fn halves(low: u32, high: u32) -> u64 {
    low as u64 | (high as u64) << 32
}

/// The lower half of a word.
pub(crate) const fn low(word: u64) -> u32 {
    word as u32
}

/// The upper half.
pub(crate) const fn high(word: u64) -> u32 {
    (word >> 32) as u32
}
