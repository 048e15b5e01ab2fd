//! Makes proofs: a step is made beside a state in memory, and what it looks at is noted.

use crate::backing::{Backing, Region};
use crate::plain::Plain;
use crate::registers::Registers;
use crate::root::leaf_words;
use crate::tree::{HEIGHT, Hash, LEAF, LEAF_BITS, zero};
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

/// A state in memory that stays as it is, with a step beside it.
#[derive(Debug)]
pub struct Recording<'p> {
    plain: &'p Plain,
    registers: Registers,
    touched: BTreeSet<(Region, u32)>,
    written: BTreeMap<(Region, u32), u64>,
}

/// The changes of a step, and the parts that it read.
#[derive(Clone, Debug)]
pub struct Recorded {
    registers: Registers,
    /// Leaves.
    touched: BTreeSet<(Region, u32)>,
    written: BTreeMap<(Region, u32), u64>,
}

impl<'p> Recording<'p> {
    /// A step of this state.
    #[must_use]
    pub fn new(plain: &'p Plain) -> Self {
        Self {
            plain,
            registers: plain.registers.clone(),
            touched: BTreeSet::new(),
            written: BTreeMap::new(),
        }
    }

    /// The step is made.
    #[must_use]
    pub fn finish(self) -> Recorded {
        Recorded {
            registers: self.registers,
            touched: self.touched,
            written: self.written,
        }
    }
}

impl Backing for Recording<'_> {
    type Missing = Infallible;

    fn registers(&self) -> &Registers {
        &self.registers
    }

    fn registers_mut(&mut self) -> &mut Registers {
        &mut self.registers
    }

    fn get(&mut self, region: Region, at: u32) -> Result<u64, Infallible> {
        self.touched.insert((region, at >> LEAF_BITS));
        let written = self.written.get(&(region, at)).copied();
        Ok(written.unwrap_or_else(|| self.plain.word(region, at)))
    }

    fn set(&mut self, region: Region, at: u32, word: u64) -> Result<(), Infallible> {
        self.touched.insert((region, at >> LEAF_BITS));
        self.written.insert((region, at), word);
        Ok(())
    }
}

impl Recorded {
    /// The first word of the first leaf of a region that the step looked at.
    #[must_use]
    pub fn first_touched(&self, region: Region) -> Option<u32> {
        let mut leaves = self.touched.range((region, 0)..=(region, u32::MAX));
        leaves.next().map(|(_, leaf)| leaf << LEAF_BITS)
    }

    /// The number of leaves that the step read.
    #[must_use]
    pub fn leaves(&self) -> usize {
        self.touched.len()
    }
}

impl Plain {
    /// The proof of a step that was made beside this state.
    pub fn proof(&mut self, step: &Recorded) -> Vec<u8> {
        self.root();
        let words = self.registers.words().map(u64::to_le_bytes);
        let mut proof = words.as_flattened().to_vec();
        for region in Region::ALL {
            let all = step.touched.range((region, 0)..=(region, u32::MAX));
            let leaves: Vec<u32> = all.map(|(_, leaf)| *leaf).collect();
            let hash = |height, at| self.hash(region, height, at);
            let words = |at| leaf_words(self, region, at);
            encode((&hash, &words), (HEIGHT, 0), &leaves, &mut proof);
        }
        proof
    }

    /// Makes the step that was made beside this state.
    pub fn apply(&mut self, step: Recorded) {
        self.registers = step.registers;
        self.grown();
        for ((region, at), word) in step.written {
            let Ok(()) = self.set(region, at, word);
        }
    }
}

/// Functions that give the hashes of a region, and its leaves.
type Known<'k> = (&'k dyn Fn(u32, u32) -> Hash, &'k dyn Fn(u32) -> [u64; LEAF]);

/// Appends a part of a region, in which these leaves are whole.
pub(crate) fn encode(
    known: Known<'_>,
    (height, at): (u32, u32),
    leaves: &[u32],
    proof: &mut Vec<u8>,
) {
    let (hash_of, words) = known;
    if leaves.is_empty() {
        let hash = hash_of(height, at);
        if hash == zero(height) {
            proof.push(0);
        } else {
            proof.push(1);
            proof.extend(hash);
        }
    } else if height == 0 {
        let bytes = words(at).map(u64::to_le_bytes);
        let bytes = bytes.as_flattened();
        let last = bytes.iter().rposition(|byte| *byte != 0);
        let len = last.map_or(0, |last| last + 1);
        proof.extend([2, len as u8]);
        proof.extend(&bytes[..len]);
    } else {
        let (below, middle) = (height - 1, 2 * at + 1);
        let (left, right) = leaves.split_at(leaves.partition_point(|leaf| leaf >> below < middle));
        proof.push(3);
        encode(known, (below, 2 * at), left, proof);
        encode(known, (below, middle), right, proof);
    }
}
