//! Vectors of 128 bits: what they take from the stack and from memory.

mod lanes;

use super::{Done, Instruction, Machine, Stop};
use crate::backing::Backing;
use crate::op;
use crate::registers::End;

impl<B: Backing> Machine<'_, B> {
    pub(super) fn simd(&mut self, instruction: Instruction) -> Done<B> {
        let Instruction { op, short, operand } = instruction;
        let lane = u32::from(short);
        match op - op::SIMD {
            0x00..=0x0a | 0x5c | 0x5d => self.vector_load(op - op::SIMD, operand),
            0x0b => {
                let vector = self.pop_pair()?;
                let base = self.pop_int()?;
                self.set_bytes(base, operand, vector.to_le_bytes())
            }
            0x0d => self.shuffle(),
            number @ 0x0f..=0x12 => {
                let word = self.pop()?;
                self.push_pair(lanes::splat(8 << (number - 0x0f), word))
            }
            number @ 0x15..=0x1e => self.lane(number, lane),
            0x52 => {
                let mask = self.pop_pair()?;
                let (second, first) = (self.pop_pair()?, self.pop_pair()?);
                self.push_pair(first & mask | second & !mask)
            }
            number @ 0x54..=0x57 => self.load_lane(8 << (number - 0x54), lane, operand),
            number @ 0x58..=0x5b => self.store_lane(8 << (number - 0x58), lane, operand),
            number => self.compute(number),
        }
    }

    /// Instructions that take vectors alone, or a vector and a number.
    fn compute(&mut self, number: u16) -> Done<B> {
        if let Some(width) = lanes::shift(number) {
            let by = self.pop_int()?;
            let vector = self.pop_pair()?;
            return self.push_pair(lanes::shifted(number, width, vector, by));
        }
        if lanes::is_test(number) {
            let vector = self.pop_pair()?;
            return self.push(lanes::tested(number, vector));
        }
        if lanes::is_unary(number) {
            let vector = self.pop_pair()?;
            let result = lanes::unary(number, vector);
            return self.push_pair(result.ok_or(Stop::End(End::NoInstruction))?);
        }
        let (right, left) = (self.pop_pair()?, self.pop_pair()?);
        let result = lanes::binary(number, left, right);
        self.push_pair(result.ok_or(Stop::End(End::NoInstruction))?)
    }

    fn vector_load(&mut self, number: u16, offset: u32) -> Done<B> {
        let base = self.pop_int()?;
        let vector = match number {
            0x00 => u128::from_le_bytes(self.bytes(base, offset)?),
            0x01..=0x06 => {
                let half = u64::from_le_bytes(self.bytes(base, offset)?);
                let width = 8 << ((number - 1) / 2);
                lanes::extended(width, half, number % 2 == 1)
            }
            0x07 => lanes::splat(8, u8::from_le_bytes(self.bytes(base, offset)?).into()),
            0x08 => lanes::splat(16, u16::from_le_bytes(self.bytes(base, offset)?).into()),
            0x09 => lanes::splat(32, u32::from_le_bytes(self.bytes(base, offset)?).into()),
            0x0a => lanes::splat(64, u64::from_le_bytes(self.bytes(base, offset)?)),
            0x5c => u32::from_le_bytes(self.bytes(base, offset)?).into(),
            _ => u64::from_le_bytes(self.bytes(base, offset)?).into(),
        };
        self.push_pair(vector)
    }

    fn shuffle(&mut self) -> Done<B> {
        let (low, high) = (self.literal(1)?, self.literal(2)?);
        let (second, first) = (self.pop_pair()?, self.pop_pair()?);
        let places = (u128::from(high) << 64 | u128::from(low)).to_le_bytes();
        let (first, second) = (first.to_le_bytes(), second.to_le_bytes());
        let bytes = places.map(|place| {
            let place = usize::from(place % 32);
            match place {
                16.. => second[place - 16],
                _ => first[place],
            }
        });
        self.next(2);
        self.push_pair(u128::from_le_bytes(bytes))
    }

    /// Takes a lane out, or puts one in.
    fn lane(&mut self, number: u16, lane: u32) -> Done<B> {
        let (width, signed, replaces) = match number {
            0x15 => (8, true, false),
            0x16 => (8, false, false),
            0x17 => (8, false, true),
            0x18 => (16, true, false),
            0x19 => (16, false, false),
            0x1a => (16, false, true),
            0x1b => (32, false, false),
            0x1c => (32, false, true),
            0x1d => (64, false, false),
            _ => (64, false, true),
        };
        if replaces {
            let word = self.pop()?;
            let vector = self.pop_pair()?;
            return self.push_pair(lanes::with_lane(width, vector, lane, word));
        }
        let vector = self.pop_pair()?;
        self.push(match signed {
            true => u64::from(lanes::signed_lane(width, vector, lane) as u32),
            false => lanes::lane(width, vector, lane),
        })
    }

    fn load_lane(&mut self, width: u32, lane: u32, offset: u32) -> Done<B> {
        let vector = self.pop_pair()?;
        let base = self.pop_int()?;
        let word = match width {
            8 => u8::from_le_bytes(self.bytes(base, offset)?).into(),
            16 => u16::from_le_bytes(self.bytes(base, offset)?).into(),
            32 => u32::from_le_bytes(self.bytes(base, offset)?).into(),
            _ => u64::from_le_bytes(self.bytes(base, offset)?),
        };
        self.push_pair(lanes::with_lane(width, vector, lane, word))
    }

    fn store_lane(&mut self, width: u32, lane: u32, offset: u32) -> Done<B> {
        let vector = self.pop_pair()?;
        let base = self.pop_int()?;
        let word = lanes::lane(width, vector, lane);
        match width {
            8 => self.set_bytes(base, offset, [word as u8]),
            16 => self.set_bytes(base, offset, (word as u16).to_le_bytes()),
            32 => self.set_bytes(base, offset, (word as u32).to_le_bytes()),
            _ => self.set_bytes(base, offset, word.to_le_bytes()),
        }
    }
}
