//! Computations on vectors, lane by lane. Instructions are given by their numbers behind `fd`; a width
//! is 8, 16, 32 or 64 bits.

/// The ones of a lane.
const fn mask(width: u32) -> u64 {
    u64::MAX >> (64 - width)
}

const fn count(width: u32) -> u32 {
    128 / width
}

/// A lane, without a sign.
pub(super) const fn lane(width: u32, vector: u128, lane: u32) -> u64 {
    (vector >> (width * lane % 128)) as u64 & mask(width)
}

/// A lane with its sign.
pub(super) const fn signed_lane(width: u32, vector: u128, at: u32) -> i64 {
    signed(width, lane(width, vector, at))
}

const fn signed(width: u32, word: u64) -> i64 {
    (word << (64 - width)).cast_signed() >> (64 - width)
}

pub(super) const fn with_lane(width: u32, vector: u128, lane: u32, word: u64) -> u128 {
    let shift = width * lane % 128;
    let cleared = vector & !((mask(width) as u128) << shift);
    cleared | ((word & mask(width)) as u128) << shift
}

/// A vector of which each lane is computed from its number.
fn vector(width: u32, of: impl Fn(u32) -> u64) -> u128 {
    (0..count(width)).fold(0, |vector, at| with_lane(width, vector, at, of(at)))
}

pub(super) fn splat(width: u32, word: u64) -> u128 {
    vector(width, |_| word)
}

/// The lanes of half a vector, twice as wide.
pub(super) fn extended(width: u32, half: u64, with_sign: bool) -> u128 {
    vector(2 * width, |at| {
        wide(width, half.into(), at, with_sign).cast_unsigned()
    })
}

/// A lane as a wider number.
const fn wide(width: u32, vector: u128, at: u32, with_sign: bool) -> i64 {
    if with_sign {
        signed_lane(width, vector, at)
    } else {
        lane(width, vector, at).cast_signed()
    }
}

/// The lanes' width of the instructions from `60` to `df`, which stand in rows of 32.
const fn row(number: u16) -> u32 {
    8 << ((number - 0x60) >> 5)
}

/// The width of a shift's lanes.
pub(super) const fn shift(number: u16) -> Option<u32> {
    match number {
        0x60..=0xdf if matches!(number & 0x1f, 0x0b..=0x0d) => Some(row(number)),
        _ => None,
    }
}

pub(super) fn shifted(number: u16, width: u32, left: u128, by: u32) -> u128 {
    let by = by % width;
    vector(width, |at| match number & 0x1f {
        0x0b => lane(width, left, at) << by,
        0x0c => (signed_lane(width, left, at) >> by).cast_unsigned(),
        _ => lane(width, left, at) >> by,
    })
}

/// True if it makes a number of a vector.
pub(super) const fn is_test(number: u16) -> bool {
    match number {
        0x53 => true,
        0x60..=0xdf => matches!(number & 0x1f, 3 | 4),
        _ => false,
    }
}

pub(super) fn tested(number: u16, vector: u128) -> u64 {
    if number == 0x53 {
        return u64::from(vector != 0);
    }
    let width = row(number);
    let mut lanes = 0..count(width);
    if number & 0x1f == 3 {
        return u64::from(lanes.all(|at| lane(width, vector, at) != 0));
    }
    lanes.fold(0, |bits, at| {
        bits | u64::from(signed_lane(width, vector, at) < 0) << at
    })
}

/// True if it takes one vector, and gives one.
pub(super) const fn is_unary(number: u16) -> bool {
    match number {
        0x4d | 0x62 | 0x7c..=0x7f => true,
        0x87..=0x8a | 0xa7..=0xaa | 0xc7..=0xca => true,
        0x60..=0xdf => matches!(number & 0x1f, 0 | 1),
        _ => false,
    }
}

pub(super) fn unary(number: u16, of: u128) -> Option<u128> {
    Some(match number {
        0x4d => !of,
        0x62 => vector(8, |at| lane(8, of, at).count_ones().into()),
        0x7c..=0x7f => {
            let width = if number < 0x7e { 8 } else { 16 };
            let with_sign = number.is_multiple_of(2);
            vector(2 * width, |at| {
                let sides = [2 * at, 2 * at + 1].map(|at| wide(width, of, at, with_sign));
                (sides[0] + sides[1]).cast_unsigned()
            })
        }
        0x60..=0xdf => {
            let width = row(number);
            match number & 0x1f {
                0 => vector(width, |at| signed_lane(width, of, at).unsigned_abs()),
                1 => vector(width, |at| lane(width, of, at).wrapping_neg()),
                part @ 7..=0x0a => {
                    let half = if part % 2 == 1 {
                        of as u64
                    } else {
                        (of >> 64) as u64
                    };
                    extended(width / 2, half, part < 9)
                }
                _ => return None,
            }
        }
        _ => return None,
    })
}

pub(super) fn binary(number: u16, left: u128, right: u128) -> Option<u128> {
    Some(match number {
        0x0e => vector(8, |at| match lane(8, right, at) {
            place @ 0..16 => lane(8, left, place as u32),
            _ => 0,
        }),
        0x23..=0x40 => {
            let place = number - 0x23;
            compared(place % 10, 8 << (place / 10), left, right)
        }
        0x4e => left & right,
        0x4f => left & !right,
        0x50 => left | right,
        0x51 => left ^ right,
        0x82 => vector(16, |at| {
            let (left, right) = (signed_lane(16, left, at), signed_lane(16, right, at));
            limited(16, (left * right + 0x4000) >> 15)
        }),
        0xba => vector(32, |at| {
            let product = |at| signed_lane(16, left, at) * signed_lane(16, right, at);
            (product(2 * at) + product(2 * at + 1)).cast_unsigned()
        }),
        // Of the ten comparisons those without a sign are missing.
        0xd6..=0xdb => {
            let place = [0, 1, 2, 4, 6, 8][usize::from(number - 0xd6)];
            compared(place, 64, left, right)
        }
        0x65 | 0x66 | 0x85 | 0x86 => narrow(row(number), left, right, number % 2 == 1),
        0x9c..=0x9f | 0xbc..=0xbf | 0xdc..=0xdf => {
            let (width, part) = (row(number) / 2, number & 3);
            let first = count(2 * width) * u32::from(part % 2);
            vector(2 * width, |at| {
                let sides = [left, right].map(|side| wide(width, side, first + at, part < 2));
                sides[0].wrapping_mul(sides[1]).cast_unsigned()
            })
        }
        0x60..=0xdf => return arithmetic(number & 0x1f, row(number), left, right),
        _ => return None,
    })
}

/// All ones where it holds.
fn compared(place: u16, width: u32, left: u128, right: u128) -> u128 {
    vector(width, |at| {
        let (left, right) = (lane(width, left, at), lane(width, right, at));
        let (signed_left, signed_right) = (signed(width, left), signed(width, right));
        let holds = match place {
            0 => left == right,
            1 => left != right,
            2 => signed_left < signed_right,
            3 => left < right,
            4 => signed_left > signed_right,
            5 => left > right,
            6 => signed_left <= signed_right,
            7 => left <= right,
            8 => signed_left >= signed_right,
            _ => left >= right,
        };
        if holds { u64::MAX } else { 0 }
    })
}

/// The lanes of two vectors in half their width, or the nearest number that has room there.
fn narrow(width: u32, left: u128, right: u128, with_sign: bool) -> u128 {
    let half = count(width) / 2;
    vector(width, |at| {
        let (side, at) = if at < half {
            (left, at)
        } else {
            (right, at - half)
        };
        let number = signed_lane(2 * width, side, at);
        if with_sign {
            limited(width, number)
        } else {
            unsigned_limited(width, number)
        }
    })
}

/// The nearest number with a sign that has room.
const fn limited(width: u32, number: i64) -> u64 {
    let most = (mask(width) >> 1).cast_signed();
    let number = if number > most { most } else { number };
    let number = if number < -most - 1 {
        -most - 1
    } else {
        number
    };
    number.cast_unsigned()
}

/// The nearest number without a sign that has room.
const fn unsigned_limited(width: u32, number: i64) -> u64 {
    if number < 0 {
        return 0;
    }
    let number = number.cast_unsigned();
    if number > mask(width) {
        mask(width)
    } else {
        number
    }
}

/// The instructions at the same place of each row.
fn arithmetic(place: u16, width: u32, left: u128, right: u128) -> Option<u128> {
    if !matches!(place, 0x0e..=0x13 | 0x15..=0x19 | 0x1b) {
        return None;
    }
    Some(vector(width, |at| {
        let (left, right) = (lane(width, left, at), lane(width, right, at));
        let (signed_left, signed_right) = (signed(width, left), signed(width, right));
        let (wide_left, wide_right) = (left.cast_signed(), right.cast_signed());
        match place {
            0x0e => left.wrapping_add(right),
            0x0f => limited(width, signed_left.wrapping_add(signed_right)),
            0x10 => unsigned_limited(width, wide_left.wrapping_add(wide_right)),
            0x11 => left.wrapping_sub(right),
            0x12 => limited(width, signed_left.wrapping_sub(signed_right)),
            0x13 => unsigned_limited(width, wide_left.wrapping_sub(wide_right)),
            0x15 => left.wrapping_mul(right),
            0x16 => signed_left.min(signed_right).cast_unsigned(),
            0x17 => left.min(right),
            0x18 => signed_left.max(signed_right).cast_unsigned(),
            0x19 => left.max(right),
            _ => left.wrapping_add(right).wrapping_add(1) >> 1,
        }
    }))
}
