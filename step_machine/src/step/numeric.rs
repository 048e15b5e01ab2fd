//! Numbers. A value of 32 bits is the lower half of its cell; the upper one is 0.

use crate::registers::End;

const fn int(value: i32) -> u64 {
    value.cast_unsigned() as u64
}

const fn long(value: i64) -> u64 {
    value.cast_unsigned()
}

/// An instruction of one number: `eqz`, `clz`, `ctz`, `popcnt`, conversions.
#[inline(always)]
pub(super) const fn unary(op: u16, word: u64) -> u64 {
    let short = word as u32;
    match op {
        0x45 => (short == 0) as u64,
        0x50 => (word == 0) as u64,
        0x67 => short.leading_zeros() as u64,
        0x68 => short.trailing_zeros() as u64,
        0x69 => short.count_ones() as u64,
        0x79 => word.leading_zeros() as u64,
        0x7a => word.trailing_zeros() as u64,
        0x7b => word.count_ones() as u64,
        0xac | 0xc4 => long(short.cast_signed() as i64),
        0xc0 => int(word as i8 as i32),
        0xc1 => int(word as i16 as i32),
        0xc2 => long(word as i8 as i64),
        0xc3 => long(word as i16 as i64),
        // 0xa7, 0xad
        _ => short as u64,
    }
}

/// An instruction of two numbers.
#[inline(always)]
pub(super) fn binary(op: u16, left: u64, right: u64) -> Result<u64, End> {
    match op {
        0x46..=0x4f => Ok(ints::compared(op - 0x46, left as u32, right as u32)),
        0x51..=0x5a => Ok(longs::compared(op - 0x51, left, right)),
        0x6a..=0x78 => ints::computed(op - 0x6a, left as u32, right as u32).map(u64::from),
        _ => longs::computed(op.wrapping_sub(0x7c), left, right),
    }
}

/// The same tables for numbers of 32 and of 64 bits, in the order of the opcodes.
macro_rules! numbers {
    ($name:ident, $ty:ty) => {
        mod $name {
            use crate::registers::End;

            #[inline(always)]
            pub(super) fn compared(place: u16, left: $ty, right: $ty) -> u64 {
                let (signed, other) = (left.cast_signed(), right.cast_signed());
                u64::from(match place {
                    0 => left == right,
                    1 => left != right,
                    2 => signed < other,
                    3 => left < right,
                    4 => signed > other,
                    5 => left > right,
                    6 => signed <= other,
                    7 => left <= right,
                    8 => signed >= other,
                    _ => left >= right,
                })
            }

            #[inline(always)]
            pub(super) fn computed(place: u16, left: $ty, right: $ty) -> Result<$ty, End> {
                let (signed, other) = (left.cast_signed(), right.cast_signed());
                let shift = (right % (<$ty>::BITS as $ty)) as u32;
                Ok(match place {
                    0 => left.wrapping_add(right),
                    1 => left.wrapping_sub(right),
                    2 => left.wrapping_mul(right),
                    3..=6 if right == 0 => return Err(End::IntegerDivisionByZero),
                    3 => {
                        let quotient = signed.checked_div(other);
                        quotient.ok_or(End::IntegerOverflow)?.cast_unsigned()
                    }
                    4 => left / right,
                    5 => signed.wrapping_rem(other).cast_unsigned(),
                    6 => left % right,
                    7 => left & right,
                    8 => left | right,
                    9 => left ^ right,
                    10 => left << shift,
                    11 => (signed >> shift).cast_unsigned(),
                    12 => left >> shift,
                    13 => left.rotate_left(shift),
                    14 => left.rotate_right(shift),
                    _ => return Err(End::NoInstruction),
                })
            }
        }
    };
}

numbers!(ints, u32);
numbers!(longs, u64);
