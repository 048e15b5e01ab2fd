//! The hash of a state in memory.

use crate::backing::Region;
use crate::blocks::Array;
use crate::marked::Marked;
use crate::plain::Plain;
use crate::tree::{
    BLOCK, HEIGHT, Hash, LEAF, LEAF_BITS, TABLE, Tree, Trees, fixed, pair, state, subtree, zero,
};
use std::sync::Arc;

fn update(tree: &mut Tree, array: &mut Marked, kept: Option<&mut Array>) {
    let changed = array.take_changed();
    if changed.is_empty() {
        return;
    }
    let blocks = changed.last().map_or(0, |last| last + 1);
    let words = &array.words;
    let word = |at| words.get(at as usize).copied().unwrap_or_default();
    if let Some(kept) = kept {
        kept.update(changed.iter().copied(), word);
    }
    tree.update(blocks, changed, word);
}

impl Plain {
    /// The hash of the state. What changed since the last time is hashed again.
    pub fn root(&mut self) -> Hash {
        self.update_trees();
        state(&self.registers, &self.roots())
    }

    fn roots(&self) -> [Hash; Region::ALL.len()] {
        Region::ALL.map(|region| self.hash(region, HEIGHT, 0))
    }

    fn update_trees(&mut self) {
        let image = Arc::clone(&self.image);
        let fixed = image.trees.get_or_init(|| Trees {
            code: fixed(&image.code),
            functions: fixed(&image.functions),
            elements: fixed(&image.elements),
            data: fixed(&image.data),
            ..Trees::default()
        });
        let mut trees = self.trees.take().unwrap_or_else(|| Box::new(fixed.clone()));
        let mut blocks = self.blocks.take();
        macro_rules! update {
            ($($array:ident),*) => {
                $(
                    let kept = blocks.as_mut().map(|blocks| &mut blocks.$array);
                    update(&mut trees.$array, &mut self.$array, kept);
                )*
            };
        }
        update!(stack, globals, segments, table_sizes);
        trees.tables.resize(self.tables.len(), Tree::default());
        for (number, table) in self.tables.iter_mut().enumerate() {
            let kept = blocks.as_mut().map(|blocks| blocks.table(number));
            update(&mut trees.tables[number], table, kept);
        }
        let changed = self.take_changed_memory();
        if let Some(last) = changed.last() {
            let len = last + 1;
            let word = |at| self.word(Region::Memory, at);
            if let Some(kept) = &mut blocks {
                kept.memory.update(changed.iter().copied(), word);
            }
            trees.memory.update(len, changed, word);
        }
        self.trees = Some(trees);
        self.blocks = blocks;
    }

    /// The hash of a part of a region, as of the last root.
    pub(crate) fn hash(&self, region: Region, height: u32, at: u32) -> Hash {
        let Some(trees) = &self.trees else {
            return zero(height);
        };
        if height < BLOCK {
            return subtree(height, at, &|at| self.word(region, at));
        }
        if region != Region::Tables {
            return trees.of(region).hash(height, at);
        }
        if height > TABLE {
            if (at << (height - TABLE)) as usize >= trees.tables.len() {
                return zero(height);
            }
            let sides = [2 * at, 2 * at + 1].map(|at| self.hash(region, height - 1, at));
            return pair(&sides[0], &sides[1]);
        }
        let table = at >> (TABLE - height);
        let within = at & ((1 << (TABLE - height)) - 1);
        match trees.tables.get(table as usize) {
            Some(tree) => tree.hash(height, within),
            None => zero(height),
        }
    }
}

/// The words of a leaf.
pub(crate) fn leaf_words(plain: &Plain, region: Region, at: u32) -> [u64; LEAF] {
    let first = at << LEAF_BITS;
    std::array::from_fn(|place| plain.word(region, first | place as u32))
}
