//! Loops of few instructions: what each of them costs on an empty or nearly empty stack, and
//! which order of them costs most, is found by going round.

use arbitrary::{Result, Unstructured};

const POP: u8 = 0x50;
const JUMP: u8 = 0x56;
const JUMPDEST: u8 = 0x5b;
const PUSH0: u8 = 0x5f;
const PUSH1: u8 = 0x60;
const DUP1: u8 = 0x80;
const SWAP1: u8 = 0x90;

/// Opcodes by the words that they take and give. Calls, creations, jumps and what ends a
/// program are not among them.
const OPCODES: [(&[u8], usize, usize); 6] = [
    (
        &[
            0x30, 0x32, 0x33, 0x34, 0x36, 0x38, 0x3a, 0x3d, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46,
            0x47, 0x48, 0x4a, 0x58, 0x59, 0x5a, PUSH0,
        ],
        0,
        1,
    ),
    (
        &[
            0x15, 0x19, 0x1e, 0x31, 0x35, 0x3b, 0x3f, 0x40, 0x49, 0x51, 0x54, 0x5c,
        ],
        1,
        1,
    ),
    (
        &[
            0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x0a, 0x0b, 0x10, 0x11, 0x12, 0x13, 0x14,
            0x16, 0x17, 0x18, 0x1a, 0x1b, 0x1c, 0x1d, 0x20,
        ],
        2,
        1,
    ),
    (&[0x08, 0x09], 3, 1),
    (&[0x52, 0x53, 0x55, 0x5d], 2, 0),
    (&[0x37, 0x39, 0x3e, 0x5e], 3, 0),
];

/// The most words that a round leaves besides those below the loop.
const HEIGHT: usize = 6;

struct Loop<'c, 'b> {
    choices: &'c mut Unstructured<'b>,
    code: Vec<u8>,
    height: usize,
}

/// A loop without end.
///
/// # Errors
/// None: behind the end of the bytes all choices are the first.
pub(crate) fn repeated(choices: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let (below, length) = (
        choices.int_in_range(0..=3_usize)?,
        choices.int_in_range(1..=40_usize)?,
    );
    let mut this = Loop {
        choices,
        code: Vec::new(),
        height: 0,
    };
    for _ in 0..below {
        this.push()?;
    }
    let start = this.code.len() as u8;
    this.code.push(JUMPDEST);
    for _ in 0..length {
        this.instruction()?;
        while this.height > below + HEIGHT {
            this.pop();
        }
    }
    while this.height < below {
        this.push()?;
    }
    while this.height > below {
        this.pop();
    }
    this.code.extend([PUSH1, start, JUMP]);
    Ok(this.code)
}

impl Loop<'_, '_> {
    /// A word: none, small, or of many bytes.
    fn push(&mut self) -> Result<()> {
        match self.choices.int_in_range(0..=3_u8)? {
            0 | 1 => self.code.push(PUSH0),
            2 => {
                let byte = self.choices.arbitrary()?;
                self.code.extend([PUSH1, byte]);
            }
            _ => {
                let word: [u8; 32] = self.choices.arbitrary()?;
                let len = self.choices.int_in_range(2..=32_u8)?;
                self.code.push(PUSH1 - 1 + len);
                self.code.extend(&word[..usize::from(len)]);
            }
        }
        self.height += 1;
        Ok(())
    }

    fn pop(&mut self) {
        self.code.push(POP);
        self.height -= 1;
    }

    fn instruction(&mut self) -> Result<()> {
        let kind = self.choices.int_in_range(0..=9_usize)?;
        match kind {
            6 if self.height > 0 => self.pop(),
            7 if self.height > 0 => {
                let place = self.choices.int_in_range(0..=self.height.min(16) - 1)?;
                self.code.push(DUP1 + place as u8);
                self.height += 1;
            }
            8 if self.height > 1 => {
                let place = self
                    .choices
                    .int_in_range(0..=(self.height - 1).min(16) - 1)?;
                self.code.push(SWAP1 + place as u8);
            }
            6.. => self.code.push(JUMPDEST),
            _ => {
                let (opcodes, taken, given) = OPCODES[kind];
                while self.height < taken {
                    self.push()?;
                }
                self.code.push(*self.choices.choose(opcodes)?);
                self.height = self.height - taken + given;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUSH32: u8 = 0x7f;

    /// Goes through a round as a machine does, and gives the height of the stack at each
    /// JUMPDEST at which the loop starts.
    fn round(code: &[u8]) -> (usize, usize) {
        let (mut at, mut height, mut before) = (0, 0, None);
        loop {
            let opcode = code[at];
            at += 1;
            match opcode {
                JUMPDEST => before = before.or(Some(height)),
                JUMP => return (before.unwrap(), height - 1),
                PUSH1..=PUSH32 => {
                    at += usize::from(opcode - PUSH1) + 1;
                    height += 1;
                }
                POP => height -= 1,
                0x80..0x90 => height += 1,
                0x90..0xa0 => {}
                _ => {
                    let row = OPCODES.iter().find(|row| row.0.contains(&opcode)).unwrap();
                    height = height - row.1 + row.2;
                }
            }
        }
    }

    #[test]
    fn a_round_ends_as_it_began() {
        let mut seed = 1_u64;
        let mut some = 0;
        for _ in 0..2_000 {
            let bytes: Vec<u8> = (0..300)
                .map(|_| {
                    seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    (seed >> 56) as u8
                })
                .collect();
            let code = repeated(&mut Unstructured::new(&bytes)).unwrap();
            let (before, after) = round(&code);
            assert_eq!(before, after, "{code:02x?}");
            some += usize::from(before == 0);
        }
        assert!(some > 200, "{some} loops on an empty stack");
    }
}
