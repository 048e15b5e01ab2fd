//! States that are kept, to go back to: blocks that are alike in two of them are there once.

use crate::backing::Region;
use crate::blocks::{Array, Blocks};
use crate::image::Image;
use crate::marked::BLOCK_BITS;
use crate::plain::Plain;
use crate::registers::Registers;
use crate::tree::{Trees, fixed};
use std::sync::{Arc, OnceLock};

/// A state that is kept.
#[derive(Clone, Debug)]
pub struct Saved {
    registers: Registers,
    image: Arc<Image>,
    trees: Arc<Trees>,
    blocks: Arc<Blocks>,
    /// The words of the arrays whose sizes change: tables one by one, memory with its room.
    tables: Vec<usize>,
    memory: usize,
}

impl Plain {
    /// The state as it is now, to go back to. After the first time that costs what changed since, and
    /// the hashes of all.
    pub fn save(&mut self) -> Saved {
        self.root();
        let trees = Trees::clone(self.trees.get_or_insert_default());
        let blocks = match &self.blocks {
            Some(blocks) => Blocks::clone(blocks),
            None => blocks(self, &trees),
        };
        self.blocks = Some(Box::new(blocks.clone()));
        Saved {
            registers: self.registers.clone(),
            image: Arc::clone(&self.image),
            trees: Arc::new(trees),
            blocks: Arc::new(blocks),
            tables: self.tables.iter().map(|table| table.words.len()).collect(),
            memory: self.memory.len(),
        }
    }

    /// Puts another word into the code: for those who play a machine that errs.
    pub fn change_code(&mut self, at: u32, word: u64) {
        let mut image = Image::clone(&self.image);
        if let Some(place) = image.code.get_mut(at as usize) {
            *place = word;
        }
        image.trees = OnceLock::new();
        if let Some(trees) = &mut self.trees {
            trees.code = fixed(&image.code);
        }
        self.image = Arc::new(image);
    }
}

impl Saved {
    /// Back to the state.
    #[must_use]
    pub fn plain(&self) -> Plain {
        let blocks = &self.blocks;
        let mut tables = Vec::new();
        for (table, len) in blocks.tables.iter().zip(&self.tables) {
            tables.push(table.words(*len));
        }
        let mut memory = vec![0; self.memory];
        blocks.memory.each(|first, words| {
            for (at, word) in words.iter().enumerate() {
                let at = (first + at) << 3;
                if let Some(to) = memory.get_mut(at..at + 8) {
                    to.copy_from_slice(&word.to_le_bytes());
                }
            }
        });
        let image = &self.image;
        Plain {
            stack: blocks.stack.words(self.registers.stack as usize),
            globals: blocks.globals.words(image.globals.len()),
            segments: blocks.segments.words(image.segments.len()),
            table_sizes: blocks.table_sizes.words(image.table_sizes.len()),
            tables,
            changed_memory: vec![false; (memory.len() >> (BLOCK_BITS + 3)) + 1],
            memory,
            trees: Some(Box::new(Trees::clone(&self.trees))),
            blocks: Some(Box::new(Blocks::clone(blocks))),
            registers: self.registers.clone(),
            image: Arc::clone(image),
        }
    }
}

/// All blocks of a state.
fn blocks(plain: &Plain, trees: &Trees) -> Blocks {
    let all = |tree, region| Array::all(tree, |at| plain.word(region, at));
    let mut tables = Vec::new();
    for (tree, table) in trees.tables.iter().zip(&plain.tables) {
        tables.push(Array::all(tree, |at| {
            table.words.get(at as usize).copied().unwrap_or_default()
        }));
    }
    Blocks {
        stack: all(&trees.stack, Region::Stack),
        globals: all(&trees.globals, Region::Globals),
        segments: all(&trees.segments, Region::Segments),
        table_sizes: all(&trees.table_sizes, Region::TableSizes),
        tables,
        memory: all(&trees.memory, Region::Memory),
    }
}
