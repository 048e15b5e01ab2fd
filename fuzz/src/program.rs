//! Programs by a grammar: statements that keep the stack in order, over all
//! opcodes, and now and then any byte at all.

use crate::precompiles::question;
use alloy_primitives::{Address, U256};
use arbitrary::{Result, Unstructured};

const PUSH0: u8 = 0x5f;
const SSTORE: u8 = 0x55;
const CODECOPY: u8 = 0x39;
const JUMPI: u8 = 0x57;
const JUMPDEST: u8 = 0x5b;

/// The callees of a program.
#[derive(Clone, Debug)]
pub struct Pool {
    /// Accounts of the case, the absent and the precompiled among them.
    pub addresses: Vec<Address>,
}

/// A program, and the data behind it.
#[derive(Debug)]
struct Program<'c, 'b, 'p> {
    choices: &'c mut Unstructured<'b>,
    pool: &'p Pool,
    code: Vec<u8>,
    data: Vec<u8>,
    /// The places in code that refer to the data: the place of two bytes, the place
    /// in the data.
    links: Vec<(usize, usize)>,
}

/// A program of some statements; `depth` more may be nested in its creations.
///
/// # Errors
/// None: behind the end of the bytes all choices are the first.
pub fn program(choices: &mut Unstructured<'_>, pool: &Pool, depth: u8) -> Result<Vec<u8>> {
    let statements = choices.int_in_range(1..=if depth > 1 { 14 } else { 6 })?;
    let mut program = Program {
        choices,
        pool,
        code: Vec::new(),
        data: Vec::new(),
        links: Vec::new(),
    };
    for _ in 0..statements {
        program.statement(depth)?;
    }
    program.end()?;
    Ok(program.link())
}

/// Initcode that leaves `runtime` as a contract's code.
#[must_use]
pub fn deployer(runtime: &[u8]) -> Vec<u8> {
    let len = (runtime.len() as u16).to_be_bytes();
    // PUSH2 len DUP1 PUSH1 12 PUSH0 CODECOPY PUSH0 RETURN, then the code.
    let mut code = vec![
        0x61, len[0], len[1], 0x80, 0x60, 0x0a, PUSH0, CODECOPY, PUSH0, 0xf3,
    ];
    code.extend_from_slice(runtime);
    code
}

impl Program<'_, '_, '_> {
    fn op(&mut self, opcode: u8) {
        self.code.push(opcode);
    }

    fn push(&mut self, value: U256) {
        let bytes = value.to_be_bytes_trimmed_vec();
        self.op(PUSH0 + bytes.len() as u8);
        self.code.extend_from_slice(&bytes);
    }

    fn small(&mut self, end: u64) -> Result<()> {
        let value = self.choices.int_in_range(0..=end - 1)?;
        self.push(U256::from(value));
        Ok(())
    }

    /// A word: small, at an edge, an address, anything.
    fn word(&mut self) -> Result<()> {
        let word = match self.choices.int_in_range(0..=7)? {
            0 => U256::ZERO,
            1 => U256::from(1),
            2 => U256::MAX,
            3 => U256::from(1) << self.choices.arbitrary::<u8>()?,
            4 => U256::from(self.choices.arbitrary::<u8>()?),
            5 => return self.address(),
            6 => U256::from(self.choices.arbitrary::<u64>()?),
            _ => U256::from_be_bytes(self.choices.arbitrary::<[u8; 32]>()?),
        };
        self.push(word);
        Ok(())
    }

    fn address(&mut self) -> Result<()> {
        let address = *self.choices.choose(&self.pool.addresses)?;
        self.push(U256::from_be_slice(address.as_slice()));
        Ok(())
    }

    /// A slot: few, so that they meet.
    fn slot(&mut self) -> Result<()> {
        self.small(5)
    }

    /// Keeps the word on top where it can be seen.
    fn keep(&mut self) -> Result<()> {
        self.slot()?;
        self.op(SSTORE);
        Ok(())
    }

    /// Copies `bytes` into memory at 0; gives how many.
    fn load(&mut self, bytes: &[u8]) -> u64 {
        let len = bytes.len() as u64;
        self.push(U256::from(len));
        self.op(0x61);
        self.links.push((self.code.len(), self.data.len()));
        self.code.extend([0, 0]);
        self.push(U256::ZERO);
        self.op(CODECOPY);
        self.data.extend_from_slice(bytes);
        len
    }

    fn statement(&mut self, depth: u8) -> Result<()> {
        match self.choices.int_in_range(0..=19)? {
            0..4 => self.arithmetic()?,
            4 => self.environment()?,
            5 => self.memory()?,
            6 | 7 => self.storage()?,
            8 => self.log()?,
            9..12 => self.call()?,
            12 => self.precompile()?,
            13 if depth > 0 => self.create(depth - 1)?,
            14 => self.account()?,
            15 => self.skip(depth)?,
            16 => self.copy_back()?,
            17 if self.choices.ratio(40, 256)? => {
                let any = self.choices.arbitrary::<u8>()?;
                self.op(any);
            }
            18 => self.repeat()?,
            _ => {
                self.word()?;
                self.keep()?;
            }
        }
        Ok(())
    }

    fn arithmetic(&mut self) -> Result<()> {
        // All that take words and give one: 0x01 to 0x0b, 0x10 to 0x1e, KECCAK256.
        let (opcode, takes) = *self.choices.choose(&[
            (0x01, 2),
            (0x02, 2),
            (0x03, 2),
            (0x04, 2),
            (0x05, 2),
            (0x06, 2),
            (0x07, 2),
            (0x08, 3),
            (0x09, 3),
            (0x0a, 2),
            (0x0b, 2),
            (0x10, 2),
            (0x11, 2),
            (0x12, 2),
            (0x13, 2),
            (0x14, 2),
            (0x15, 1),
            (0x16, 2),
            (0x17, 2),
            (0x18, 2),
            (0x19, 1),
            (0x1a, 2),
            (0x1b, 2),
            (0x1c, 2),
            (0x1d, 2),
            (0x1e, 1),
        ])?;
        for _ in 0..takes {
            self.word()?;
        }
        self.op(opcode);
        if self.choices.ratio(64, 256)? {
            let deep = self.deep()?;
            self.op(0x80 + deep);
        }
        self.keep()
    }

    /// The depth of a DUP: mostly one at which there is a value.
    fn deep(&mut self) -> Result<u8> {
        if self.choices.ratio(250, 256)? {
            Ok(0)
        } else {
            self.choices.int_in_range(0..=15)
        }
    }

    fn environment(&mut self) -> Result<()> {
        let opcode = *self.choices.choose(&[
            0x30, 0x32, 0x33, 0x34, 0x36, 0x38, 0x3a, 0x3d, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46,
            0x47, 0x48, 0x4a, 0x58, 0x59, 0x5a,
        ])?;
        self.op(opcode);
        self.keep()
    }

    fn memory(&mut self) -> Result<()> {
        match self.choices.int_in_range(0..=6)? {
            0 => {
                self.word()?;
                self.small(300)?;
                self.op(0x52);
            }
            1 => {
                self.word()?;
                self.small(300)?;
                self.op(0x53);
            }
            2 => {
                self.small(300)?;
                self.op(0x51);
                self.keep()?;
            }
            3 => {
                self.small(100)?;
                self.small(100)?;
                self.small(100)?;
                self.op(0x5e);
            }
            4 => {
                self.small(70)?;
                self.small(70)?;
                self.op(0x20);
                self.keep()?;
            }
            5 => {
                self.small(70)?;
                self.small(70)?;
                self.small(70)?;
                let copy = *self.choices.choose(&[0x37, CODECOPY])?;
                self.op(copy);
            }
            _ => {
                self.small(70)?;
                self.op(0x35);
                self.keep()?;
            }
        }
        Ok(())
    }

    fn storage(&mut self) -> Result<()> {
        match self.choices.int_in_range(0..=3)? {
            0 => {
                self.slot()?;
                self.op(0x54);
                self.keep()?;
            }
            1 => {
                self.word()?;
                self.slot()?;
                self.op(0x5d);
            }
            2 => {
                self.slot()?;
                self.op(0x5c);
                self.keep()?;
            }
            _ => {
                self.small(3)?;
                self.keep()?;
            }
        }
        Ok(())
    }

    fn log(&mut self) -> Result<()> {
        let topics = self.choices.int_in_range(0..=4)?;
        for _ in 0..topics {
            self.word()?;
        }
        self.small(40)?;
        self.small(40)?;
        self.op(0xa0 + topics);
        Ok(())
    }

    /// Keeps what a call gave back.
    fn keep_answer(&mut self) -> Result<()> {
        self.keep()?;
        if self.choices.ratio(128, 256)? {
            self.op(0x3d);
            self.keep()?;
        }
        Ok(())
    }

    fn call(&mut self) -> Result<()> {
        let opcode = *self.choices.choose(&[0xf1, 0xf1, 0xf2, 0xf4, 0xfa])?;
        // Memory for the answer and of the question.
        for _ in 0..4 {
            self.small(70)?;
        }
        if matches!(opcode, 0xf1 | 0xf2) {
            self.small(4)?;
        }
        self.address()?;
        self.gas()?;
        self.op(opcode);
        self.keep_answer()
    }

    fn gas(&mut self) -> Result<()> {
        match self.choices.int_in_range(0..=3)? {
            0 => self.push(U256::from(100_000)),
            1 => self.small(10_000)?,
            _ => self.op(0x5a),
        }
        Ok(())
    }

    fn precompile(&mut self) -> Result<()> {
        let number = self.choices.int_in_range(0..=18)?;
        let address = if number == 18 { 0x100 } else { number };
        let mut input = question(number, self.choices)?;
        if self.choices.ratio(80, 256)? && !input.is_empty() {
            let at = self.choices.int_in_range(0..=input.len() - 1)?;
            input[at] ^= 1 << self.choices.int_in_range(0..=7)?;
        }
        if self.choices.ratio(30, 256)? {
            input.truncate(self.choices.int_in_range(0..=199)?);
        }
        let len = self.load(&input);
        self.push(U256::from(64));
        self.push(U256::ZERO);
        self.push(U256::from(len));
        self.push(U256::ZERO);
        self.push(U256::from(address));
        self.gas()?;
        self.op(0xfa);
        self.keep_answer()?;
        self.push(U256::ZERO);
        self.op(0x51);
        self.keep()
    }

    fn create(&mut self, depth: u8) -> Result<()> {
        let inner = program(self.choices, self.pool, depth)?;
        let initcode = if self.choices.ratio(160, 256)? {
            deployer(&inner)
        } else {
            inner
        };
        let len = self.load(&initcode);
        let salted = self.choices.ratio(128, 256)?;
        if salted {
            self.small(2)?;
        }
        self.push(U256::from(len));
        self.push(U256::ZERO);
        self.small(3)?;
        self.op(if salted { 0xf5 } else { 0xf0 });
        if self.choices.ratio(128, 256)? {
            // Calls what it made.
            for _ in 0..4 {
                self.push(U256::ZERO);
            }
            self.op(0x84);
            self.op(0x5a);
            self.op(0xf4);
            self.keep()?;
        }
        self.keep()
    }

    fn account(&mut self) -> Result<()> {
        match self.choices.int_in_range(0..=4)? {
            0 => {
                self.address()?;
                self.op(0x31);
            }
            1 => {
                self.address()?;
                self.op(0x3b);
            }
            2 => {
                self.address()?;
                self.op(0x3f);
            }
            3 => {
                for _ in 0..3 {
                    self.small(50)?;
                }
                self.address()?;
                self.op(0x3c);
                return Ok(());
            }
            _ => {
                self.small(4)?;
                self.op(0x40);
            }
        }
        self.keep()
    }

    fn copy_back(&mut self) -> Result<()> {
        // What the last call returned; beyond its end this halts.
        self.op(0x3d);
        self.push(U256::ZERO);
        self.push(U256::ZERO);
        self.op(0x3e);
        if self.choices.ratio(10, 256)? {
            for _ in 0..3 {
                self.small(40)?;
            }
            self.op(0x3e);
        }
        Ok(())
    }

    /// A statement that is jumped over, or not.
    fn skip(&mut self, depth: u8) -> Result<()> {
        self.word()?;
        self.op(0x61);
        let link = self.code.len();
        self.code.extend([0, 0]);
        self.op(JUMPI);
        if depth > 0 {
            self.statement(depth - 1)?;
        }
        let here = (self.code.len() as u16).to_be_bytes();
        self.code[link..link + 2].copy_from_slice(&here);
        self.op(JUMPDEST);
        Ok(())
    }

    /// A loop of a few rounds around some work.
    fn repeat(&mut self) -> Result<()> {
        let rounds = self.choices.int_in_range(1..=5)?;
        self.push(U256::from(rounds));
        let start = self.code.len() as u16;
        self.op(JUMPDEST);
        self.slot()?;
        self.op(0x54);
        self.push(U256::from(1));
        self.op(0x01);
        self.keep()?;
        // n - 1, again while it is not zero.
        self.push(U256::from(1));
        self.op(0x90);
        self.op(0x03);
        self.op(0x80);
        self.op(0x61);
        self.code.extend(start.to_be_bytes());
        self.op(JUMPI);
        self.op(0x50);
        Ok(())
    }

    fn end(&mut self) -> Result<()> {
        match self.choices.int_in_range(0..=9)? {
            0 => {
                self.address()?;
                self.op(0xff);
            }
            1 => {
                self.small(70)?;
                self.small(70)?;
                self.op(0xfd);
            }
            2..4 => {
                self.small(70)?;
                self.small(70)?;
                self.op(0xf3);
            }
            4 => self.op(0xfe),
            _ => self.op(0),
        }
        Ok(())
    }

    fn link(mut self) -> Vec<u8> {
        for (place, at) in &self.links {
            let target = ((self.code.len() + at) as u16).to_be_bytes();
            self.code[*place..place + 2].copy_from_slice(&target);
        }
        self.code.extend_from_slice(&self.data);
        self.code
    }
}
