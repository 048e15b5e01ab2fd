#![doc = include_str!("../README.md")]
//!
//! Every map of the kernel and of the engine in it is keyed here and nowhere else.
//! The module has no randomness: where foldhash looks for some, it finds the same
//! in every run, and keys that collide could be computed from the module's bytes.
//! So the key of a level is made of all of the level's inputs: nobody knows it
//! before the keys are chosen that a map will hold, and whoever chooses the last
//! of them cannot try many.
//!
//! A map takes the key as it is made, with a number of its own, and keeps both: a
//! later [`set_key`] changes nothing for it. Off the chain the randomness of the
//! process is added, so that what a node hashes is nobody's choice either.
#![cfg_attr(not(feature = "std"), no_std)]

pub mod fast;
mod sip;

use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

static KEY: [AtomicU64; 2] = [AtomicU64::new(0), AtomicU64::new(0)];
static MAPS: AtomicU64 = AtomicU64::new(0);

/// Keys the maps that are made from now on. Nobody who chooses what is put into
/// them may know `key` in time.
pub fn set_key(key: [u8; 16]) {
    let key = u128::from_le_bytes(key);
    KEY[0].store(key as u64, Relaxed);
    KEY[1].store((key >> 64) as u64, Relaxed);
}

/// The key of the next map. Two maps never have the same: what is moved from one
/// into the other, in the order of its buckets, would fill few buckets there.
#[inline]
fn next_key() -> [u64; 2] {
    let number = MAPS.fetch_add(1, Relaxed);
    let [k0, k1] = process_key();
    [
        (KEY[0].load(Relaxed) ^ k0).wrapping_add(number),
        KEY[1].load(Relaxed) ^ k1,
    ]
}

/// The randomness of this process.
#[cfg(feature = "std")]
fn process_key() -> [u64; 2] {
    use core::hash::BuildHasher;
    use std::hash::RandomState;
    use std::sync::OnceLock;

    static RANDOM: OnceLock<[u64; 2]> = OnceLock::new();
    *RANDOM.get_or_init(|| [0, 1].map(|half: u8| RandomState::new().hash_one(half)))
}

/// The module has none.
#[cfg(not(feature = "std"))]
const fn process_key() -> [u64; 2] {
    [0; 2]
}
