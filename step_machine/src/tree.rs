//! The hash of the state. Each region is a binary tree of fixed height over leaves of 64 bytes; the root
//! is of the registers and of the regions' roots. blake2b-256 of:
//!
//! | what | bytes |
//! | --- | --- |
//! | leaf | `10`, its 8 words |
//! | pair | `11`, the hashes of its sides |
//! | state | `12`, the registers' 8 words, the roots of the ten regions |
//! | module that is being decoded | `13`, the state of decoding, the roots of its 23 regions |
//!
//! Words are little-endian. What was never written is 0.

use crate::backing::{Region, TABLE_BITS};
use crate::marked::BLOCK_BITS;
use crate::registers::{Registers, WORDS};
use blake2::{Blake2b, Digest, digest::consts::U32};
use std::sync::OnceLock;

/// A hash.
pub type Hash = [u8; 32];

/// The words of a leaf, as a power of 2.
pub(crate) const LEAF_BITS: u32 = 3;
/// The words of a leaf.
pub(crate) const LEAF: usize = 1 << LEAF_BITS;
/// The height of each region's tree: it has room for all words that 32 bits name.
pub(crate) const HEIGHT: u32 = 32 - LEAF_BITS;
/// The height of a block, which is hashed as a whole.
pub(crate) const BLOCK: u32 = BLOCK_BITS - LEAF_BITS;
/// The height of a table's tree.
pub(crate) const TABLE: u32 = TABLE_BITS - LEAF_BITS;

fn hashed(tag: u8, parts: &[&[u8]]) -> Hash {
    let mut hasher = Blake2b::<U32>::new();
    hasher.update([tag]);
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// The hash of a leaf.
pub(crate) fn leaf(words: &[u64; LEAF]) -> Hash {
    if words.iter().all(|word| *word == 0) {
        return zero(0);
    }
    let mut bytes = [0; 8 * LEAF];
    for (to, word) in bytes.chunks_exact_mut(8).zip(words) {
        to.copy_from_slice(&word.to_le_bytes());
    }
    hashed(0x10, &[&bytes])
}

/// The hash of two sides.
pub(crate) fn pair(left: &Hash, right: &Hash) -> Hash {
    hashed(0x11, &[left, right])
}

/// The hash of a state.
pub(crate) fn state(registers: &Registers, roots: &[Hash; Region::ALL.len()]) -> Hash {
    let words: [u64; WORDS] = registers.words();
    let words = words.map(u64::to_le_bytes);
    hashed(0x12, &[words.as_flattened(), roots.as_flattened()])
}

/// The hash of a module that is being decoded.
pub(crate) fn draft(state: &[u8], roots: &[Hash]) -> Hash {
    hashed(0x13, &[state, roots.as_flattened()])
}

static ZEROS: OnceLock<[Hash; HEIGHT as usize + 1]> = OnceLock::new();

/// The hash of zeros of some height.
pub(crate) fn zero(height: u32) -> Hash {
    let zeros = ZEROS.get_or_init(|| {
        let mut zeros = [hashed(0x10, &[&[0; 8 * LEAF]]); HEIGHT as usize + 1];
        for height in 1..zeros.len() {
            zeros[height] = pair(&zeros[height - 1], &zeros[height - 1]);
        }
        zeros
    });
    zeros[height.min(HEIGHT) as usize]
}

/// The hashes of an array, from its blocks up to one root, above which are zeros beside it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tree {
    levels: Vec<Vec<Hash>>,
}

impl Tree {
    /// Computes again what the blocks changed, of which there are so many.
    pub(crate) fn update(
        &mut self,
        blocks: usize,
        mut changed: Vec<usize>,
        word: impl Fn(u32) -> u64,
    ) {
        let mut len = blocks;
        for height in 0.. {
            if self.levels.len() == height {
                self.levels.push(Vec::new());
            }
            let (below, here) = self.levels.split_at_mut(height);
            let here = &mut here[0];
            here.resize(here.len().max(len), zero(BLOCK + height as u32));
            for at in &changed {
                here[*at] = match below.last() {
                    None => subtree(BLOCK, *at as u32, &word),
                    Some(below) => {
                        let side = |at: usize| below.get(at).copied();
                        let side = |at| side(at).unwrap_or(zero(BLOCK + height as u32 - 1));
                        pair(&side(2 * at), &side(2 * at + 1))
                    }
                };
            }
            if here.len() <= 1 {
                break;
            }
            // Where the array grew, what was its root has a neighbour now.
            changed.push(0);
            for at in &mut changed {
                *at /= 2;
            }
            changed.sort_unstable();
            changed.dedup();
            len = here.len().div_ceil(2);
        }
    }

    /// The number of blocks that it has hashes of.
    pub(crate) fn blocks(&self) -> usize {
        self.levels.first().map_or(0, Vec::len)
    }

    /// The hash at a place, at or above the blocks.
    pub(crate) fn hash(&self, height: u32, at: u32) -> Hash {
        let top = BLOCK + self.levels.len().saturating_sub(1) as u32;
        if height <= top {
            let level = self.levels.get((height - BLOCK) as usize);
            let hash = level.and_then(|level| level.get(at as usize));
            return hash.copied().unwrap_or(zero(height));
        }
        if at > 0 || self.levels.is_empty() {
            return zero(height);
        }
        (top..height).fold(self.hash(top, 0), |hash, height| pair(&hash, &zero(height)))
    }
}

/// The hash of a few words.
pub(crate) fn subtree(height: u32, at: u32, word: &impl Fn(u32) -> u64) -> Hash {
    if height == 0 {
        let first = at << LEAF_BITS;
        return leaf(&std::array::from_fn(|place| word(first + place as u32)));
    }
    pair(
        &subtree(height - 1, 2 * at, word),
        &subtree(height - 1, 2 * at + 1, word),
    )
}

/// The hashes of a state in memory.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trees {
    pub(crate) code: Tree,
    pub(crate) functions: Tree,
    pub(crate) elements: Tree,
    pub(crate) data: Tree,
    pub(crate) segments: Tree,
    pub(crate) stack: Tree,
    pub(crate) globals: Tree,
    pub(crate) table_sizes: Tree,
    pub(crate) tables: Vec<Tree>,
    pub(crate) memory: Tree,
}

impl Trees {
    pub(crate) fn of(&self, region: Region) -> &Tree {
        match region {
            Region::Code => &self.code,
            Region::Functions => &self.functions,
            Region::Elements => &self.elements,
            Region::Data => &self.data,
            Region::Segments => &self.segments,
            Region::Stack => &self.stack,
            Region::Globals => &self.globals,
            Region::TableSizes => &self.table_sizes,
            _ => &self.memory,
        }
    }
}

/// All blocks of an array that does not change.
pub(crate) fn fixed(words: &[u64]) -> Tree {
    let mut tree = Tree::default();
    let blocks = words.len().div_ceil(1 << BLOCK_BITS);
    let all = (0..blocks).collect();
    tree.update(blocks, all, |at| {
        words.get(at as usize).copied().unwrap_or_default()
    });
    tree
}
