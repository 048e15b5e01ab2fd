//! Operand and result types of the instructions without a rule of their own.

use super::types::{ANY, F32, F64, I32, I64, V128};

/// The types that an instruction takes, and the one that it gives.
pub(super) type Signature = (&'static [u8], u8);

const LOAD: &[u8] = &[I32];
const PAIR: &[u8] = &[V128, V128];

/// Of instructions of one byte; `None` for those with rules of their own, and for those that kernels may not
/// have.
pub(super) const fn plain(opcode: u8) -> Option<Signature> {
    Some(match opcode {
        0x28 | 0x2c..=0x2f => (LOAD, I32),
        0x29 | 0x30..=0x35 => (LOAD, I64),
        0x36 | 0x3a | 0x3b => (&[I32, I32], ANY),
        0x37 | 0x3c..=0x3e => (&[I32, I64], ANY),
        0x3f => (&[], I32),
        0x40 => (&[I32], I32),
        0x41 => (&[], I32),
        0x42 => (&[], I64),
        0x45 | 0x67..=0x69 | 0xc0 | 0xc1 => (&[I32], I32),
        0x46..=0x4f | 0x6a..=0x78 => (&[I32, I32], I32),
        0x50 | 0xa7 => (&[I64], I32),
        0x51..=0x5a => (&[I64, I64], I32),
        0x79..=0x7b | 0xc2..=0xc4 => (&[I64], I64),
        0x7c..=0x8a => (&[I64, I64], I64),
        0xa8 | 0xa9 | 0xbc => (&[F32], I32),
        0xaa | 0xab => (&[F64], I32),
        0xac | 0xad => (&[I32], I64),
        0xae | 0xaf => (&[F32], I64),
        0xb0 | 0xb1 | 0xbd => (&[F64], I64),
        _ => return None,
    })
}

/// Of `fc n`.
pub(super) const fn bulk(number: u32) -> Option<Signature> {
    Some(match number {
        0 | 1 => (&[F32], I32),
        2 | 3 => (&[F64], I32),
        4 | 5 => (&[F32], I64),
        6 | 7 => (&[F64], I64),
        8 | 10 | 11 | 12 | 14 => (&[I32, I32, I32], ANY),
        9 | 13 => (&[], ANY),
        16 => (&[], I32),
        _ => return None,
    })
}

/// Of `fd n`, those on floats left out.
pub(super) const fn simd(number: u32) -> Option<Signature> {
    Some(match number {
        0x00..=0x0a | 0x5c | 0x5d => (LOAD, V128),
        0x0b | 0x58..=0x5b => (&[I32, V128], ANY),
        0x0c => (&[], V128),
        0x0f..=0x11 => (&[I32], V128),
        0x12 => (&[I64], V128),
        0x15 | 0x16 | 0x18 | 0x19 | 0x1b => (&[V128], I32),
        0x17 | 0x1a | 0x1c => (&[V128, I32], V128),
        0x1d => (&[V128], I64),
        0x1e => (&[V128, I64], V128),
        0x52 => (&[V128, V128, V128], V128),
        0x53 | 0x63 | 0x64 | 0x83 | 0x84 | 0xa3 | 0xa4 | 0xc3 | 0xc4 => (&[V128], I32),
        0x54..=0x57 => (&[I32, V128], V128),
        0x6b..=0x6d | 0x8b..=0x8d | 0xab..=0xad | 0xcb..=0xcd => (&[V128, I32], V128),
        0x4d
        | 0x60..=0x62
        | 0x7c..=0x81
        | 0x87..=0x8a
        | 0xa0
        | 0xa1
        | 0xa7..=0xaa
        | 0xc0
        | 0xc1
        | 0xc7..=0xca => (&[V128], V128),
        0x0d | 0x0e | 0x23..=0x40 | 0x4e..=0x51 | 0x65..=0xdf => (PAIR, V128),
        _ => return None,
    })
}
