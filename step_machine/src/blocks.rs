//! The blocks of arrays, as they are kept: those that are alike in two states are there once.

use crate::marked::{BLOCK_BITS, Marked};
use crate::tree::Tree;
use std::sync::Arc;

/// The blocks of the arrays of a state, as of the last root.
#[derive(Clone, Debug, Default)]
pub(crate) struct Blocks {
    pub(crate) stack: Array,
    pub(crate) globals: Array,
    pub(crate) segments: Array,
    pub(crate) table_sizes: Array,
    pub(crate) tables: Vec<Array>,
    pub(crate) memory: Array,
}

/// The blocks of an array; zeros where there is none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Array(Vec<Option<Arc<[u64]>>>);

const BLOCK_WORDS: usize = 1 << BLOCK_BITS;

impl Array {
    /// Takes over some blocks.
    pub(crate) fn update(
        &mut self,
        changed: impl IntoIterator<Item = usize>,
        word: impl Fn(u32) -> u64,
    ) {
        for block in changed {
            let first = block << BLOCK_BITS;
            let words = (0..BLOCK_WORDS).map(|place| word((first + place) as u32));
            let words: Vec<u64> = words.collect();
            if self.0.len() <= block {
                self.0.resize(block + 1, None);
            }
            let zeros = words.iter().all(|word| *word == 0);
            self.0[block] = (!zeros).then(|| words.into());
        }
    }

    /// Takes over all that a tree has hashes of.
    pub(crate) fn all(tree: &Tree, word: impl Fn(u32) -> u64) -> Self {
        let mut array = Self::default();
        array.update(0..tree.blocks(), word);
        array
    }

    pub(crate) fn each(&self, mut take: impl FnMut(usize, &[u64])) {
        for (block, words) in self.0.iter().enumerate() {
            if let Some(words) = words {
                take(block << BLOCK_BITS, words);
            }
        }
    }

    pub(crate) fn words(&self, len: usize) -> Marked {
        let mut words = vec![0; len];
        self.each(|first, block| {
            let count = block.len().min(len.saturating_sub(first));
            if let Some(to) = words.get_mut(first..first + count) {
                to.copy_from_slice(&block[..count]);
            }
        });
        Marked::unchanged(words)
    }
}

impl Blocks {
    /// The blocks of a table.
    pub(crate) fn table(&mut self, number: usize) -> &mut Array {
        if self.tables.len() <= number {
            self.tables.resize(number + 1, Array::default());
        }
        &mut self.tables[number]
    }
}
