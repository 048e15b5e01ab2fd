//! The struct logger: each step of a transaction as go-ethereum writes it, as soon as it is
//! done, so that no trace is kept but its text.

use alloy_primitives::{Address, Bytes, U256, hex};
use alloy_rpc_types_trace::geth::GethDefaultTracingOptions;
use revm::Inspector;
use revm::bytecode::opcode::{SLOAD, SSTORE};
use revm::context::result::ExecutionResult;
use revm::context_interface::{ContextTr, JournalTr};
use revm::interpreter::interpreter::EthInterpreter;
use revm::interpreter::interpreter_types::{InputsTr, Jumps, LoopControl, MemoryTr, ReturnData};
use revm::interpreter::{InstructionResult, Interpreter, InterpreterAction};
use std::collections::{BTreeMap, HashMap};
use std::fmt::{self, Write};

/// Writes the steps of transactions.
pub struct Steps<W> {
    options: GethDefaultTracingOptions,
    out: W,
    /// Nothing more is taken.
    full: bool,
    /// The steps of this transaction so far.
    count: u64,
    /// The gas, the contract and the slot that it reads of the step that runs.
    open: Option<(u64, Address, Option<U256>)>,
    /// Its text, but for what is known at its end.
    line: String,
    /// The slots that each contract has read or written so far.
    storage: HashMap<Address, BTreeMap<U256, U256>>,
}

impl<W> fmt::Debug for Steps<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Steps")
            .field("count", &self.count)
            .finish_non_exhaustive()
    }
}

impl<W: Write> Steps<W> {
    /// Writes to `out`.
    pub fn new(options: GethDefaultTracingOptions, out: W) -> Self {
        Self {
            options,
            out,
            full: false,
            count: 0,
            open: None,
            line: String::new(),
            storage: HashMap::new(),
        }
    }

    /// Begins the trace of a transaction.
    ///
    /// # Errors
    /// If the writer takes no more.
    pub fn begin(&mut self) -> fmt::Result {
        self.count = 0;
        self.storage.clear();
        self.open = None;
        self.out.write_str(r#"{"structLogs":["#)
    }

    /// Ends the trace of a transaction with its result.
    ///
    /// # Errors
    /// If the writer took not all.
    pub fn end(&mut self, result: &ExecutionResult) -> fmt::Result {
        if self.full {
            return Err(fmt::Error);
        }
        let failed = !result.is_success();
        let output = result.output().cloned().unwrap_or_default();
        write!(
            self.out,
            r#"],"gas":{},"failed":{failed},"returnValue":"{}"}}"#,
            result.tx_gas_used(),
            hex::encode_prefixed(output)
        )
    }

    /// The writer.
    pub const fn out(&mut self) -> &mut W {
        &mut self.out
    }

    fn wants_more(&self) -> bool {
        let limit = self.options.limit.unwrap_or(0);
        !self.full && (limit == 0 || self.count < limit)
    }

    fn write_stack(&mut self, stack: &[U256]) {
        self.line.push_str(r#","stack":["#);
        for (index, word) in stack.iter().enumerate() {
            self.line
                .push_str(if index == 0 { "\"0x" } else { ",\"0x" });
            push_digits(&mut self.line, word);
            self.line.push('"');
        }
        self.line.push(']');
    }

    fn write_memory(&mut self, memory: &[u8]) {
        self.line.push_str(r#","memory":["#);
        for (index, chunk) in memory.chunks(32).enumerate() {
            self.line
                .push_str(if index == 0 { "\"0x" } else { ",\"0x" });
            self.line.push_str(&hex::encode(chunk));
            self.line.push('"');
        }
        self.line.push(']');
    }

    fn write_storage(&mut self, contract: Address) -> fmt::Result {
        self.line.push_str(r#","storage":{"#);
        let slots = self.storage.get(&contract).into_iter().flatten();
        for (index, (slot, value)) in slots.enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(self.line, "{comma}\"{slot:#066x}\":\"{value:#066x}\"")?;
        }
        self.line.push('}');
        Ok(())
    }

    fn start(&mut self, interpreter: &Interpreter, depth: usize) -> fmt::Result {
        let op = interpreter.bytecode.opcode();
        let gas = interpreter.gas.remaining();
        let contract = interpreter.input.target_address();
        let stack = interpreter.stack.data();
        self.line.clear();
        let name = super::opcode_name(op);
        write!(
            self.line,
            r#"{{"pc":{},"op":"{name}","gas":{gas},"depth":{depth}"#,
            interpreter.bytecode.pc()
        )?;
        if !self.options.disable_stack.unwrap_or(false) {
            self.write_stack(stack);
        }
        if self.options.enable_memory.unwrap_or(false) {
            let memory = interpreter.memory.slice(0..interpreter.memory.size());
            if !memory.is_empty() {
                self.write_memory(&memory);
            }
        }
        let returned: &Bytes = interpreter.return_data.buffer();
        if self.options.enable_return_data.unwrap_or(false) && !returned.is_empty() {
            let returned = hex::encode_prefixed(returned);
            write!(self.line, r#","returnData":"{returned}""#)?;
        }
        let mut read = None;
        if !self.options.disable_storage.unwrap_or(false) {
            let mut words = stack.iter().rev();
            match (op, words.next(), words.next()) {
                (SLOAD, Some(slot), _) => read = Some(*slot),
                (SSTORE, Some(slot), Some(value)) => {
                    let slots = self.storage.entry(contract).or_default();
                    slots.insert(*slot, *value);
                    self.write_storage(contract)?;
                }
                _ => {}
            }
        }
        self.open = Some((gas, contract, read));
        Ok(())
    }

    fn finish(&mut self, interpreter: &mut Interpreter) -> fmt::Result {
        let Some((gas, contract, read)) = self.open.take() else {
            return Ok(());
        };
        let error = match interpreter.bytecode.action() {
            Some(InterpreterAction::Return(result)) if result.result.is_halt() => {
                Some(words(result.result))
            }
            _ => None,
        };
        if let (Some(slot), None) = (read, &error)
            && let Some(value) = interpreter.stack.data().last()
        {
            let slots = self.storage.entry(contract).or_default();
            slots.insert(slot, *value);
            self.write_storage(contract)?;
        }
        let cost = gas.saturating_sub(interpreter.gas.remaining());
        write!(self.line, r#","gasCost":{cost}"#)?;
        if let Some(error) = error {
            write!(self.line, r#","error":"{error}""#)?;
        }
        let refund = interpreter.gas.refunded();
        if refund != 0 {
            write!(self.line, r#","refund":{refund}"#)?;
        }
        self.line.push('}');
        if self.count > 0 {
            self.out.write_str(",")?;
        }
        self.count += 1;
        self.out.write_str(&self.line)
    }
}

impl<C: ContextTr, W: Write> Inspector<C, EthInterpreter> for Steps<W> {
    fn step(&mut self, interpreter: &mut Interpreter, context: &mut C) {
        if self.wants_more() {
            let depth = context.journal_ref().depth();
            self.full |= self.start(interpreter, depth).is_err();
        }
    }

    fn step_end(&mut self, interpreter: &mut Interpreter, _: &mut C) {
        if self.wants_more() {
            self.full |= self.finish(interpreter).is_err();
        }
    }
}

/// Appends the hexadecimal digits of a word, without leading zeros.
fn push_digits(text: &mut String, word: &U256) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut started = false;
    for limb in word.as_limbs().iter().rev() {
        if *limb == 0 && !started {
            continue;
        }
        let skip = if started { 0 } else { limb.leading_zeros() / 4 };
        for place in skip..16 {
            let digit = (limb >> (60 - 4 * place)) & 0xf;
            text.push(char::from(DIGITS[digit as usize]));
        }
        started = true;
    }
    if !started {
        text.push('0');
    }
}

/// A failure in go-ethereum's words.
pub(super) fn words(result: InstructionResult) -> String {
    match result {
        InstructionResult::StackUnderflow => "stack underflow".into(),
        InstructionResult::StackOverflow => "stack limit reached 1024".into(),
        InstructionResult::InvalidJump => "invalid jump destination".into(),
        InstructionResult::OpcodeNotFound | InstructionResult::InvalidFEOpcode => {
            "invalid opcode".into()
        }
        InstructionResult::StateChangeDuringStaticCall => "write protection".into(),
        InstructionResult::OutOfGas
        | InstructionResult::MemoryOOG
        | InstructionResult::MemoryLimitOOG
        | InstructionResult::PrecompileOOG
        | InstructionResult::ReentrancySentryOOG
        | InstructionResult::InvalidOperandOOG => "out of gas".into(),
        InstructionResult::Revert => "execution reverted".into(),
        InstructionResult::CallTooDeep => "max call depth exceeded".into(),
        InstructionResult::OutOfFunds => "insufficient balance for transfer".into(),
        InstructionResult::OutOfOffset => "return data out of bounds".into(),
        InstructionResult::NonceOverflow => "nonce uint64 overflow".into(),
        InstructionResult::CreateCollision => "contract address collision".into(),
        InstructionResult::CreateContractSizeLimit => "max code size exceeded".into(),
        InstructionResult::CreateInitCodeSizeLimit => "max initcode size exceeded".into(),
        InstructionResult::CreateContractStartingWithEF => {
            "invalid code: must not begin with 0xef".into()
        }
        other => format!("{other:?}"),
    }
}

/// Text up to a number of bytes.
#[derive(Debug, Default)]
pub struct BoundedText {
    text: String,
    most: usize,
}

impl BoundedText {
    /// At most `most` bytes.
    #[must_use]
    pub const fn new(most: usize) -> Self {
        Self {
            text: String::new(),
            most,
        }
    }

    /// Takes the text.
    pub fn take(&mut self) -> String {
        std::mem::take(&mut self.text)
    }
}

impl Write for BoundedText {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.text.len() + text.len() > self.most {
            return Err(fmt::Error);
        }
        self.text.push_str(text);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn digits_are_those_of_the_number(limbs: [u64; 4], shift in 0_usize..257) {
            let word = U256::from_limbs(limbs).checked_shr(shift).unwrap_or_default();
            let mut text = String::from("0x");
            push_digits(&mut text, &word);
            prop_assert_eq!(text, format!("{word:#x}"));
        }
    }
}
