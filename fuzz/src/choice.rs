//! Choices from bytes: the same bytes give the same choices, so a case is its
//! bytes, and an engine that mutates bytes mutates cases.

/// Bytes that are used up choice by choice; behind their end all are zero.
#[derive(Clone, Debug)]
pub struct Choices<'b> {
    bytes: &'b [u8],
}

impl<'b> Choices<'b> {
    /// The choices that `bytes` make.
    #[must_use]
    pub const fn new(bytes: &'b [u8]) -> Self {
        Self { bytes }
    }

    /// Whether all bytes are used up.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The next byte.
    pub fn byte(&mut self) -> u8 {
        match self.bytes.split_first() {
            Some((first, rest)) => {
                self.bytes = rest;
                *first
            }
            None => 0,
        }
    }

    /// The next bytes.
    pub fn array<const LEN: usize>(&mut self) -> [u8; LEN] {
        [(); LEN].map(|()| self.byte())
    }

    /// The next number.
    pub fn u64(&mut self) -> u64 {
        u64::from_be_bytes(self.array())
    }

    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        if end <= 256 {
            u64::from(self.byte()) % end.max(1)
        } else {
            self.u64() % end
        }
    }

    /// Whether something with a chance of `part` in 256 happens.
    pub fn chance(&mut self, part: u8) -> bool {
        self.byte() < part
    }

    /// One of these.
    ///
    /// # Panics
    /// Where there are none.
    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }

    /// At most `most` bytes.
    pub fn bytes(&mut self, most: u64) -> Vec<u8> {
        (0..self.below(most + 1)).map(|_| self.byte()).collect()
    }
}

/// The bytes of the case with this number of a run that starts at `seed`
/// (SplitMix64).
#[must_use]
pub fn random(seed: u64, number: u64, len: usize) -> Vec<u8> {
    let mut state = seed ^ number.wrapping_mul(0xd134_2543_de82_ef95);
    let words = std::iter::repeat_with(|| {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = state;
        word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ word >> 31
    });
    let mut bytes: Vec<u8> = words
        .take(len.div_ceil(8))
        .flat_map(u64::to_be_bytes)
        .collect();
    bytes.truncate(len);
    bytes
}
