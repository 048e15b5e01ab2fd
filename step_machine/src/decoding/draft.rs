//! The state of decoding in memory, and steps beside it that note what they look at.

use super::state::State;
use super::{Arrays, Verdict};
use crate::backing::{Region, TABLE_BITS};
use crate::image::Image;
use crate::marked::{BLOCK_BITS, take};
use crate::op::low;
use crate::plain::{Bounds, Plain};
use crate::proof::encode;
use crate::registers::PAGE;
use crate::tree::{BLOCK, HEIGHT, Hash, LEAF_BITS, Tree, draft, subtree};
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::Arc;

const WORDS: usize = 1 << BLOCK_BITS;
const REGIONS: usize = Region::DECODING.len();

/// The words of an array by blocks, which a clone shares.
#[derive(Clone, Debug, Default)]
struct Array {
    blocks: Vec<Option<Arc<[u64; WORDS]>>>,
    changed: Vec<bool>,
    /// As of the last root.
    tree: Tree,
}

impl Array {
    fn word(&self, at: u32) -> u64 {
        let block = self.blocks.get(at as usize >> BLOCK_BITS);
        match block {
            Some(Some(block)) => block[at as usize % WORDS],
            _ => 0,
        }
    }

    fn set(&mut self, at: u32, word: u64) {
        let block = at as usize >> BLOCK_BITS;
        if block >= self.blocks.len() {
            self.blocks.resize(block + 1, None);
            self.changed.resize(block + 1, false);
        }
        let words = self.blocks[block].get_or_insert_with(|| Arc::new([0; WORDS]));
        Arc::make_mut(words)[at as usize % WORDS] = word;
        self.changed[block] = true;
    }

    fn update(&mut self) {
        let changed = take(&mut self.changed);
        if changed.is_empty() {
            return;
        }
        let mut tree = std::mem::take(&mut self.tree);
        tree.update(self.blocks.len(), changed, |at| self.word(at));
        self.tree = tree;
    }

    fn hash(&self, height: u32, at: u32) -> Hash {
        match height < BLOCK {
            true => subtree(height, at, &|at| self.word(at)),
            false => self.tree.hash(height, at),
        }
    }

    fn words(&self, len: u32) -> Vec<u64> {
        (0..len).map(|at| self.word(at)).collect()
    }
}

/// The state of decoding in memory. A clone shares what does not change.
#[derive(Clone, Debug)]
pub struct Draft {
    state: State,
    arrays: Box<[Array; REGIONS]>,
}

impl Default for Draft {
    fn default() -> Self {
        Self {
            state: State::default(),
            arrays: Box::new(std::array::from_fn(|_| Array::default())),
        }
    }
}

impl Draft {
    /// The verdict, if it is there.
    #[must_use]
    pub const fn verdict(&self) -> Option<Verdict> {
        self.state.verdict()
    }

    /// The hash of the state. What changed since the last time is hashed again.
    pub fn root(&mut self) -> Hash {
        for array in self.arrays.iter_mut() {
            array.update();
        }
        let roots = self.arrays.each_ref().map(|array| array.hash(HEIGHT, 0));
        draft(&self.state.encode(), &roots)
    }

    /// The first state of a machine, of a module that is valid.
    #[must_use]
    pub fn finish(&self, bounds: Bounds) -> Plain {
        Plain::new(Arc::new(self.image()), bounds)
    }

    fn image(&self) -> Image {
        let state = &self.state;
        let words = |region: Region, len| self.arrays[region as usize].words(len);
        let mut tables = Vec::new();
        for table in 0..state.tables {
            let size = low(self.arrays[Region::TableSizes as usize].word(table));
            let first = table << TABLE_BITS;
            let array = &self.arrays[Region::Tables as usize];
            tables.push((0..size).map(|at| array.word(first | at)).collect());
        }
        Image {
            code: words(Region::Code, state.code),
            functions: words(Region::Functions, state.functions),
            elements: words(Region::Elements, state.element_words),
            data: words(Region::Data, state.data_words),
            segments: words(Region::Segments, state.segments),
            globals: words(Region::Globals, state.global_cells),
            table_sizes: words(Region::TableSizes, state.tables),
            tables,
            memory: self.memory(),
            pages: state.pages,
            max_pages: state.max_pages,
            begin: state.body_begin,
            ..Image::default()
        }
    }

    fn memory(&self) -> Vec<u8> {
        let blocks = &self.arrays[Region::Memory as usize].blocks;
        let len = (blocks.len() * WORDS * 8).min(self.state.pages as usize * PAGE as usize);
        let mut memory = vec![0; len];
        for (block, words) in blocks.iter().enumerate() {
            let first = block * WORDS * 8;
            let Some(words) = words else { continue };
            let bytes = words.map(u64::to_le_bytes);
            let bytes = bytes.as_flattened();
            let count = bytes.len().min(len.saturating_sub(first));
            memory[first..first + count].copy_from_slice(&bytes[..count]);
        }
        memory
    }

    /// The proof of a step that was made beside this state.
    pub fn proof(&mut self, step: &Noted) -> Vec<u8> {
        self.root();
        let mut proof = self.state.encode();
        for region in Region::DECODING {
            let array = &self.arrays[region as usize];
            let all = step.touched.range((region, 0)..=(region, u32::MAX));
            let leaves: Vec<u32> = all.map(|(_, leaf)| *leaf).collect();
            let hash = |height, at| array.hash(height, at);
            let words =
                |at: u32| std::array::from_fn(|word| array.word(at << LEAF_BITS | word as u32));
            encode((&hash, &words), (HEIGHT, 0), &leaves, &mut proof);
        }
        proof
    }

    /// Flips bits of a word of the code, so many before the newest: for those who play a machine that errs.
    pub fn flip(&mut self, before: u32, bits: u64) {
        let len = self.state.code.max(1);
        let array = &mut self.arrays[Region::Code as usize];
        let at = len - 1 - before % len;
        array.set(at, array.word(at) ^ bits);
    }
}

impl Arrays for Draft {
    type Missing = Infallible;

    fn state(&self) -> &State {
        &self.state
    }

    fn state_mut(&mut self) -> &mut State {
        &mut self.state
    }

    fn get(&mut self, region: Region, at: u32) -> Result<u64, Infallible> {
        Ok(self.arrays[region as usize].word(at))
    }

    fn set(&mut self, region: Region, at: u32, word: u64) -> Result<(), Infallible> {
        self.arrays[region as usize].set(at, word);
        Ok(())
    }
}

/// A state in memory that stays as it is, with a step beside it.
#[derive(Debug)]
pub struct Beside<'d> {
    draft: &'d Draft,
    state: State,
    noted: Noted,
}

/// The words that a step read.
#[derive(Clone, Debug, Default)]
pub struct Noted {
    /// Leaves.
    touched: BTreeSet<(Region, u32)>,
    written: BTreeMap<(Region, u32), u64>,
}

impl<'d> Beside<'d> {
    /// A step of this state.
    #[must_use]
    pub fn new(draft: &'d Draft) -> Self {
        Self {
            draft,
            state: draft.state.clone(),
            noted: Noted::default(),
        }
    }

    /// The step is made.
    #[must_use]
    pub fn finish(self) -> Noted {
        self.noted
    }
}

impl Arrays for Beside<'_> {
    type Missing = Infallible;

    fn state(&self) -> &State {
        &self.state
    }

    fn state_mut(&mut self) -> &mut State {
        &mut self.state
    }

    fn get(&mut self, region: Region, at: u32) -> Result<u64, Infallible> {
        self.noted.touched.insert((region, at >> LEAF_BITS));
        let written = self.noted.written.get(&(region, at)).copied();
        Ok(written.unwrap_or_else(|| self.draft.arrays[region as usize].word(at)))
    }

    fn set(&mut self, region: Region, at: u32, word: u64) -> Result<(), Infallible> {
        self.noted.touched.insert((region, at >> LEAF_BITS));
        self.noted.written.insert((region, at), word);
        Ok(())
    }
}
