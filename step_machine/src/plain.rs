//! The state in memory, as it is: for speed. What changed is marked, so that little is hashed again.

use crate::backing::{Backing, Region, TABLE_BITS};
use crate::blocks::Blocks;
use crate::image::Image;
use crate::marked::{BLOCK_BITS, Marked, take};
use crate::registers::{End, PAGE, Registers};
use crate::tree::Trees;
use std::convert::Infallible;
use std::sync::Arc;

/// The bounds of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Cells of the stack, of 8 bytes each.
    pub stack: u32,
    /// Calls that are open at once.
    pub frames: u32,
}

/// The state in memory.
#[derive(Clone, Debug)]
pub struct Plain {
    pub(crate) registers: Registers,
    pub(crate) image: Arc<Image>,
    pub(crate) stack: Marked,
    pub(crate) globals: Marked,
    pub(crate) segments: Marked,
    pub(crate) table_sizes: Marked,
    pub(crate) tables: Vec<Marked>,
    pub(crate) memory: Vec<u8>,
    pub(crate) changed_memory: Vec<bool>,
    /// As of the last time that the root was asked for.
    pub(crate) trees: Option<Box<Trees>>,
    /// The same, once a state was saved.
    pub(crate) blocks: Option<Box<Blocks>>,
}

impl Plain {
    /// A run's state before its first step.
    #[must_use]
    pub fn new(image: Arc<Image>, bounds: Bounds) -> Self {
        let mut plain = Self {
            registers: Registers {
                pc: image.begin,
                pages: image.pages,
                max_pages: image.max_pages,
                stack: bounds.stack,
                frames: bounds.frames,
                end: image.refused,
                ..Registers::default()
            },
            stack: Marked::zeros(bounds.stack),
            globals: Marked::new(&image.globals),
            segments: Marked::new(&image.segments),
            table_sizes: Marked::new(&image.table_sizes),
            tables: image
                .tables
                .iter()
                .map(|words| Marked::new(words))
                .collect(),
            memory: Vec::new(),
            changed_memory: Vec::new(),
            trees: None,
            blocks: None,
            image,
        };
        plain.grown();
        let len = plain.image.memory.len();
        plain.memory[..len].copy_from_slice(&plain.image.memory);
        plain.changed_memory[..len.div_ceil(8 << BLOCK_BITS)].fill(true);
        plain
    }

    /// The module.
    #[must_use]
    pub fn image(&self) -> &Image {
        &self.image
    }

    /// The same, to run it once more.
    #[must_use]
    pub fn shared_image(&self) -> Arc<Image> {
        Arc::clone(&self.image)
    }

    /// True if the start function is over, so that the host may be called.
    #[must_use]
    pub const fn started(&self) -> bool {
        self.registers.started
    }

    /// The end of the run, if it ended.
    #[must_use]
    pub const fn end(&self) -> Option<End> {
        self.registers.end
    }

    /// The registers.
    #[must_use]
    pub const fn state(&self) -> &Registers {
        &self.registers
    }

    /// The memory.
    #[must_use]
    pub fn memory(&self) -> &[u8] {
        &self.memory[..self.registers.memory_len() as usize]
    }

    /// The memory, of which any part is changed.
    pub fn memory_mut(&mut self) -> &mut [u8] {
        self.changed_memory.fill(true);
        let len = self.registers.memory_len() as usize;
        &mut self.memory[..len]
    }

    /// The cells of the stack, from one on.
    #[must_use]
    pub fn cells(&self, first: u32, count: u32) -> &[u64] {
        let end = (first as usize).saturating_add(count as usize);
        self.stack
            .words
            .get(first as usize..end)
            .unwrap_or_default()
    }

    /// The words of an exported global.
    #[must_use]
    pub fn global(&self, name: &str) -> Option<&[u64]> {
        let (first, cells) = *self.image.exports.globals.get(name)?;
        self.globals
            .words
            .get(first as usize..(first + cells) as usize)
    }

    /// The blocks of the memory that changed since the last time.
    pub(crate) fn take_changed_memory(&mut self) -> Vec<usize> {
        take(&mut self.changed_memory)
    }

    /// Sets the first cells of the stack.
    pub(crate) fn set_cells(&mut self, words: &[u64]) {
        for (at, word) in words.iter().enumerate() {
            self.stack.set(at, *word);
        }
    }

    #[inline(always)]
    fn mark_memory(&mut self, at: usize) {
        if let Some(changed) = self.changed_memory.get_mut(at >> (BLOCK_BITS + 3)) {
            *changed = true;
        }
    }
}

impl Backing for Plain {
    type Missing = Infallible;

    #[inline(always)]
    fn registers(&self) -> &Registers {
        &self.registers
    }

    #[inline(always)]
    fn registers_mut(&mut self) -> &mut Registers {
        &mut self.registers
    }

    #[inline(always)]
    fn get(&mut self, region: Region, at: u32) -> Result<u64, Infallible> {
        Ok(self.word(region, at))
    }

    #[inline(always)]
    fn set(&mut self, region: Region, at: u32, word: u64) -> Result<(), Infallible> {
        let place = at as usize;
        match region {
            Region::Stack => self.stack.set(place, word),
            Region::Globals => self.globals.set(place, word),
            Region::Segments => self.segments.set(place, word),
            Region::TableSizes => self.table_sizes.set(place, word),
            Region::Tables => {
                if let Some(table) = self.tables.get_mut(place >> TABLE_BITS) {
                    let element = place & ((1 << TABLE_BITS) - 1);
                    table.grow(element);
                    table.set(element, word);
                }
            }
            Region::Memory => {
                if let Some(bytes) = self.memory.get_mut(place << 3..(place << 3) + 8) {
                    bytes.copy_from_slice(&word.to_le_bytes());
                    self.mark_memory(place << 3);
                }
            }
            _ => {}
        }
        Ok(())
    }

    #[inline(always)]
    fn load<const N: usize>(&mut self, at: u64) -> Result<[u8; N], Infallible> {
        let bytes = self.memory.get(at as usize..).and_then(<[u8]>::first_chunk);
        Ok(bytes.copied().unwrap_or([0; N]))
    }

    #[inline(always)]
    fn store<const N: usize>(&mut self, at: u64, bytes: [u8; N]) -> Result<(), Infallible> {
        let at = at as usize;
        let target = self.memory.get_mut(at..).and_then(<[u8]>::first_chunk_mut);
        if let Some(target) = target {
            *target = bytes;
            self.mark_memory(at);
            self.mark_memory(at + N - 1);
        }
        Ok(())
    }

    fn store_slice(&mut self, at: u64, bytes: &[u8]) -> Result<(), Infallible> {
        let at = at as usize;
        if let Some(target) = self.memory.get_mut(at..at + bytes.len())
            && !bytes.is_empty()
        {
            target.copy_from_slice(bytes);
            self.mark_memory(at);
            self.mark_memory(at + bytes.len() - 1);
        }
        Ok(())
    }

    fn load_slice(&mut self, at: u64, bytes: &mut [u8]) -> Result<(), Infallible> {
        let at = at as usize;
        if let Some(from) = self.memory.get(at..at + bytes.len()) {
            bytes.copy_from_slice(from);
        }
        Ok(())
    }

    /// Room is made for twice as much, in zeros that take no memory until they are written.
    fn grown(&mut self) {
        let len = self.registers.memory_len() as usize;
        if len <= self.memory.len() {
            return;
        }
        let most = self.registers.max_pages as usize * PAGE as usize;
        let room = (2 * self.memory.len()).clamp(len, most.max(len));
        let mut memory = vec![0; room];
        memory[..self.memory.len()].copy_from_slice(&self.memory);
        self.memory = memory;
        self.changed_memory
            .resize((room >> (BLOCK_BITS + 3)) + 1, false);
    }
}

impl Plain {
    /// A word of a region; 0 where none was written.
    #[inline(always)]
    pub(crate) fn word(&self, region: Region, at: u32) -> u64 {
        let place = at as usize;
        let words = match region {
            Region::Code => &self.image.code,
            Region::Stack => &self.stack.words,
            Region::Globals => &self.globals.words,
            Region::Functions => &self.image.functions,
            Region::Elements => &self.image.elements,
            Region::Data => &self.image.data,
            Region::Segments => &self.segments.words,
            Region::TableSizes => &self.table_sizes.words,
            Region::Tables => {
                let table = self.tables.get(place >> TABLE_BITS);
                let element = place & ((1 << TABLE_BITS) - 1);
                let word = table.and_then(|table| table.words.get(element));
                return word.copied().unwrap_or_default();
            }
            Region::Memory => {
                let bytes = self.memory.get(place << 3..).and_then(<[u8]>::first_chunk);
                return bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes));
            }
            _ => return 0,
        };
        words.get(place).copied().unwrap_or_default()
    }
}
