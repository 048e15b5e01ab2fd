//! A module, decoded: what a run begins with.

use crate::op::{halves, high, low};
use crate::registers::End;
use crate::tree::Trees;
use std::collections::BTreeMap;
use std::sync::OnceLock;
use wasmparser::FuncType;

/// A module, decoded: the arrays with which a run begins.
#[derive(Clone, Debug, Default)]
pub struct Image {
    pub(crate) code: Vec<u64>,
    pub(crate) functions: Vec<u64>,
    pub(crate) elements: Vec<u64>,
    pub(crate) data: Vec<u64>,
    pub(crate) segments: Vec<u64>,
    pub(crate) globals: Vec<u64>,
    pub(crate) table_sizes: Vec<u64>,
    pub(crate) tables: Vec<Vec<u64>>,
    /// The memory's first bytes; the others are 0.
    pub(crate) memory: Vec<u8>,
    pub(crate) pages: u32,
    pub(crate) max_pages: u32,
    /// The place that calls the start function, and then the entry point.
    pub(crate) begin: u32,
    /// Why it cannot be instantiated.
    pub(crate) refused: Option<End>,
    pub(crate) imports: Vec<Imported>,
    /// The instructions that call them.
    pub(crate) host_calls: Vec<u32>,
    pub(crate) exports: Exports,
    /// Of what does not change.
    pub(crate) trees: OnceLock<Trees>,
}

/// A function of the host that the code calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// The module that it is imported from.
    pub module: String,
    /// Its name there.
    pub name: String,
    /// Its type: no `v128`.
    pub ty: FuncType,
}

/// The exports of a module.
#[derive(Clone, Debug, Default)]
pub(crate) struct Exports {
    /// Functions, by their numbers.
    pub(crate) functions: BTreeMap<String, u32>,
    /// The types of functions, by the functions' numbers.
    pub(crate) types: BTreeMap<u32, FuncType>,
    /// Globals, by their first cells, and how many they have.
    pub(crate) globals: BTreeMap<String, (u32, u32)>,
}

impl Image {
    /// The functions of the host that the code calls, by their numbers.
    #[must_use]
    pub fn imports(&self) -> &[Imported] {
        &self.imports
    }

    /// The number of an exported function, and its type.
    #[must_use]
    pub fn function(&self, name: &str) -> Option<(u32, &FuncType)> {
        let function = *self.exports.functions.get(name)?;
        Some((function, self.exports.types.get(&function)?))
    }

    /// Words of code, all instructions with their operands.
    #[must_use]
    pub const fn code_len(&self) -> usize {
        self.code.len()
    }

    /// Words of globals.
    #[must_use]
    pub const fn globals_len(&self) -> u32 {
        self.globals.len() as u32
    }

    /// Gives other numbers to the imports.
    pub(crate) fn link(&mut self, links: &[u32]) {
        for at in std::mem::take(&mut self.host_calls) {
            let Some(word) = self.code.get_mut(at as usize) else {
                continue;
            };
            if let Some(link) = links.get(high(*word) as usize) {
                *word = halves(low(*word), *link);
            }
        }
    }

    /// Sets the words of a segment, of those of elements or data, to what is left of it.
    pub(crate) fn drop_segment(&mut self, segment: usize) {
        if let Some(word) = self.segments.get_mut(segment) {
            *word = 0;
        }
    }
}
