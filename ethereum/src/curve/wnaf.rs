//! Factors in signed odd digits, far apart: the width-w non-adjacent form.

/// Bit positions of a number of 128 bits: one more for the carry out of the highest digit.
pub(super) const POSITIONS: usize = 129;

/// An odd digit: (2 · `multiple` + 1) · 2^`position`, or minus that.
#[derive(Clone, Copy, Debug)]
pub(super) struct Digit {
    pub(super) position: usize,
    pub(super) multiple: usize,
    pub(super) negative: bool,
}

/// The digits of a number of two words, the lower one first: each below 2^(`width` - 1),
/// and `width` bits from the next at least. `width` is below 64.
#[inline(always)]
pub(super) fn digits(words: [u64; 2], width: u32, mut each: impl FnMut(Digit)) {
    let [mut low, mut high] = words;
    let mut position = 0;
    while low | high != 0 {
        if low == 0 {
            (low, high) = (high, 0);
            position += 64;
        }
        let zeros = low.trailing_zeros();
        (low, high) = shifted(low, high, zeros);
        position += zeros as usize;
        let window = low & ((1 << width) - 1);
        (low, high) = shifted(low, high, width);
        // From half on, the digit is the window less 2^width, which the rest makes up for.
        let negative = window >> (width - 1) == 1;
        let digit = if negative {
            (1 << width) - window
        } else {
            window
        };
        let (sum, over) = low.overflowing_add(u64::from(negative));
        (low, high) = (sum, high + u64::from(over));
        each(Digit {
            position,
            multiple: (digit >> 1) as usize,
            negative,
        });
        position += width as usize;
    }
}

/// `low` and `high` shifted right by less than 64 bits.
fn shifted(low: u64, high: u64, bits: u32) -> (u64, u64) {
    // In two steps, since a shift by 64 is none.
    (low >> bits | high << (63 - bits) << 1, high >> bits)
}
