//! Random bytes, and strings of bytes among them.

use arbitrary::{Result, Unstructured};

/// At most `most` bytes; fewer where no more are left.
///
/// # Errors
/// None: behind the end of the bytes the string is empty.
pub fn some_bytes(choices: &mut Unstructured<'_>, most: usize) -> Result<Vec<u8>> {
    let len = choices.int_in_range(0..=most)?;
    choices.bytes(len.min(choices.len())).map(<[u8]>::to_vec)
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
