//! The seam between [`step`](fn@crate::step) and the holder of the state's arrays.

use crate::registers::Registers;

/// An array of words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Region {
    /// The flat code.
    Code,
    /// Of each function where it begins, and its type.
    Functions,
    /// The elements of the segments, one behind the other.
    Elements,
    /// The bytes of the data segments.
    Data,
    /// Of each segment where it begins and how long it is, those of elements first.
    Segments,
    /// The stack of values and calls.
    Stack,
    /// Globals.
    Globals,
    /// Of each table its size, and the most that it may have.
    TableSizes,
    /// Tables, 16,777,216 words for each.
    Tables,
    /// The memory, in words.
    Memory,
    /// While a module is decoded: of each type its parameters and result, and the first that is the same.
    Types,
    /// The types of parameters and results, a byte each.
    Kinds,
    /// The tree of types.
    TypeTree,
    /// Of each function its type, whether it is referred to, where it begins, and the last call that waits
    /// for that.
    Declared,
    /// Of each global its first cell, its type, and whether it changes.
    GlobalTypes,
    /// The types of tables.
    TableTypes,
    /// The types of segments of elements.
    ElementTypes,
    /// The tree of exported names.
    NameTree,
    /// Of each function where its code lies in the module.
    Bodies,
    /// Of each group of locals the first, its first cell, how many, and their type.
    Locals,
    /// The types of operands, a byte each.
    Operands,
    /// Blocks that are open.
    Blocks,
    /// Functions that the start function calls.
    Waiting,
}

impl Region {
    /// Those of a machine, in the order in which they are hashed.
    pub const ALL: [Self; 10] = [
        Self::Code,
        Self::Functions,
        Self::Elements,
        Self::Data,
        Self::Segments,
        Self::Stack,
        Self::Globals,
        Self::TableSizes,
        Self::Tables,
        Self::Memory,
    ];

    /// Those of a module that is being decoded: the machine's to be, and others.
    pub(crate) const DECODING: [Self; 23] = [
        Self::Code,
        Self::Functions,
        Self::Elements,
        Self::Data,
        Self::Segments,
        Self::Stack,
        Self::Globals,
        Self::TableSizes,
        Self::Tables,
        Self::Memory,
        Self::Types,
        Self::Kinds,
        Self::TypeTree,
        Self::Declared,
        Self::GlobalTypes,
        Self::TableTypes,
        Self::ElementTypes,
        Self::NameTree,
        Self::Bodies,
        Self::Locals,
        Self::Operands,
        Self::Blocks,
        Self::Waiting,
    ];
}

/// The words that are set aside for each table, as a power of 2.
pub(crate) const TABLE_BITS: u32 = 24;

/// The most elements of a table: all that have a place.
pub(crate) const MAX_TABLE: u32 = 1 << TABLE_BITS;

/// A holder of a machine's state. Words that were never written are 0.
pub trait Backing {
    /// Why a word is not here.
    type Missing;

    /// The part of the state that is not in an array.
    fn registers(&self) -> &Registers;

    /// The same, to change.
    fn registers_mut(&mut self) -> &mut Registers;

    /// A word of a region.
    ///
    /// # Errors
    /// If it is not here.
    fn get(&mut self, region: Region, at: u32) -> Result<u64, Self::Missing>;

    /// Writes a word of a region.
    ///
    /// # Errors
    /// If it is not here.
    fn set(&mut self, region: Region, at: u32, word: u64) -> Result<(), Self::Missing>;

    /// Bytes of the memory, little-endian as in words. They lie within it.
    ///
    /// # Errors
    /// If they are not here.
    fn load<const N: usize>(&mut self, at: u64) -> Result<[u8; N], Self::Missing> {
        let mut bytes = [0; N];
        let mut done = 0;
        while done < N {
            let (word, within) = place(at + done as u64);
            let from = self.get(Region::Memory, word)?.to_le_bytes();
            let count = (8 - within).min(N - done);
            bytes[done..done + count].copy_from_slice(&from[within..within + count]);
            done += count;
        }
        Ok(bytes)
    }

    /// Writes bytes of the memory. They lie within it.
    ///
    /// # Errors
    /// If they are not here.
    fn store<const N: usize>(&mut self, at: u64, bytes: [u8; N]) -> Result<(), Self::Missing> {
        self.store_slice(at, &bytes)
    }

    /// Writes bytes of the memory. They lie within it.
    ///
    /// # Errors
    /// If they are not here.
    fn store_slice(&mut self, at: u64, bytes: &[u8]) -> Result<(), Self::Missing> {
        let mut done = 0;
        while done < bytes.len() {
            let (word, within) = place(at + done as u64);
            let count = (8 - within).min(bytes.len() - done);
            let mut to = match count {
                8 => [0; 8],
                _ => self.get(Region::Memory, word)?.to_le_bytes(),
            };
            to[within..within + count].copy_from_slice(&bytes[done..done + count]);
            self.set(Region::Memory, word, u64::from_le_bytes(to))?;
            done += count;
        }
        Ok(())
    }

    /// Reads bytes of the memory. They lie within it.
    ///
    /// # Errors
    /// If they are not here.
    fn load_slice(&mut self, at: u64, bytes: &mut [u8]) -> Result<(), Self::Missing> {
        let mut done = 0;
        while done < bytes.len() {
            let (word, within) = place(at + done as u64);
            let from = self.get(Region::Memory, word)?.to_le_bytes();
            let count = (8 - within).min(bytes.len() - done);
            bytes[done..done + count].copy_from_slice(&from[within..within + count]);
            done += count;
        }
        Ok(())
    }

    /// The registers say that the memory is larger now.
    fn grown(&mut self) {}
}

/// The word that a byte of the memory is in, and which byte of it.
const fn place(at: u64) -> (u32, usize) {
    ((at >> 3) as u32, (at & 7) as usize)
}
