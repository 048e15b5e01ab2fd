//! The hash of a state in memory.

use crate::backing::Region;
use crate::marked::Marked;
use crate::plain::Plain;
use crate::tree::{
    BLOCK, HEIGHT, Hash, LEAF, LEAF_BITS, TABLE, Tree, Trees, fixed, pair, state, subtree, zero,
};
use std::sync::Arc;

fn update(tree: &mut Tree, array: &mut Marked) {
    let changed = array.take_changed();
    if changed.is_empty() {
        return;
    }
    let blocks = changed.last().map_or(0, |last| last + 1);
    let words = &array.words;
    tree.update(blocks, changed, |at| {
        words.get(at as usize).copied().unwrap_or_default()
    });
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
        update(&mut trees.stack, &mut self.stack);
        update(&mut trees.globals, &mut self.globals);
        update(&mut trees.segments, &mut self.segments);
        update(&mut trees.table_sizes, &mut self.table_sizes);
        trees.tables.resize(self.tables.len(), Tree::default());
        for (tree, table) in trees.tables.iter_mut().zip(&mut self.tables) {
            update(tree, table);
        }
        let changed = self.take_changed_memory();
        if let Some(last) = changed.last() {
            let blocks = last + 1;
            trees
                .memory
                .update(blocks, changed, |at| self.word(Region::Memory, at));
        }
        self.trees = Some(trees);
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
