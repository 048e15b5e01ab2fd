//! The parts of a module besides code: memory, tables, globals, segments.

use super::{DecodeError, Decoder, Result, cells};
use crate::backing::MAX_TABLE;
use crate::op::halves;
use crate::registers::{End, PAGE};
use wasmparser::{
    ConstExpr, Data, DataKind, Element, ElementItems, ElementKind, MemoryType, Operator, Payload,
    Table, TableInit,
};

/// The most pages of a memory.
const MAX_PAGES: u64 = 65_536;

impl Decoder<'_> {
    pub(super) fn part(&mut self, payload: Payload<'_>) -> Result<()> {
        match payload {
            Payload::TableSection(tables) => {
                for table in tables {
                    self.table(&table?)?;
                }
            }
            Payload::MemorySection(memories) => {
                for memory in memories {
                    self.memory(memory?)?;
                }
            }
            Payload::GlobalSection(globals) => {
                for global in globals {
                    let global = global?;
                    let cells = cells(global.ty.content_type);
                    let value = self.constant(&global.init_expr)?;
                    let first = self.image.globals.len() as u32;
                    let words = [value as u64, (value >> 64) as u64];
                    self.image.globals.extend(&words[..cells as usize]);
                    self.globals.push((first, cells));
                }
            }
            Payload::ElementSection(elements) => {
                for element in elements {
                    self.element(element?)?;
                }
            }
            // It stands before the code; their places are known before they are.
            Payload::DataCountSection { .. } | Payload::CodeSectionStart { .. } => {
                self.first_data = self.image.segments.len() as u32;
            }
            Payload::DataSection(data) => {
                for data in data {
                    self.data(&data?)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn table(&mut self, table: &Table<'_>) -> Result<()> {
        let most = table.ty.maximum.unwrap_or(MAX_TABLE.into());
        let most = most.min(MAX_TABLE.into()) as u32;
        let size = u32::try_from(table.ty.initial).ok();
        let size = size.filter(|size| *size <= MAX_TABLE);
        let size = size.ok_or(DecodeError::Unknown(
            "tables of more than 16,777,216 elements",
        ))?;
        let value = match &table.init {
            TableInit::RefNull => 0,
            TableInit::Expr(value) => self.constant(value)? as u64,
        };
        self.image.table_sizes.push(halves(size, most));
        self.image.tables.push(vec![value; size as usize]);
        Ok(())
    }

    fn memory(&mut self, memory: MemoryType) -> Result<()> {
        if memory.memory64 || memory.initial > MAX_PAGES || memory.page_size_log2.is_some() {
            return Err(DecodeError::Unknown("memory of this kind"));
        }
        self.image.pages = memory.initial as u32;
        self.image.max_pages = memory.maximum.unwrap_or(MAX_PAGES).min(MAX_PAGES) as u32;
        Ok(())
    }

    fn element(&mut self, element: Element<'_>) -> Result<()> {
        let first = self.image.elements.len();
        match element.items {
            ElementItems::Functions(functions) => {
                for function in functions {
                    self.image.elements.push(u64::from(function?) + 1);
                }
            }
            ElementItems::Expressions(_, expressions) => {
                for expression in expressions {
                    let value = self.constant(&expression?)? as u64;
                    self.image.elements.push(value);
                }
            }
        }
        let len = self.image.elements.len() - first;
        self.image.segments.push(halves(first as u32, len as u32));
        let segment = self.image.segments.len() - 1;
        match element.kind {
            ElementKind::Passive => return Ok(()),
            ElementKind::Declared => {}
            ElementKind::Active {
                table_index,
                offset_expr,
            } => {
                let at = self.constant(&offset_expr)? as u32 as usize;
                let table = table_index.unwrap_or_default() as usize;
                let target = self.image.tables.get_mut(table);
                let target = target.and_then(|table| table.get_mut(at..)?.get_mut(..len));
                match target {
                    Some(target) => target.copy_from_slice(&self.image.elements[first..]),
                    None => self.refuse(End::TableOutOfBounds),
                }
            }
        }
        self.image.drop_segment(segment);
        Ok(())
    }

    fn data(&mut self, data: &Data<'_>) -> Result<()> {
        match &data.kind {
            DataKind::Passive => {
                let first = self.image.data.len() as u32;
                let words = data.data.chunks(8).map(|bytes| {
                    let mut word = [0; 8];
                    word[..bytes.len()].copy_from_slice(bytes);
                    u64::from_le_bytes(word)
                });
                self.image.data.extend(words);
                let len = data.data.len() as u32;
                self.image.segments.push(halves(first, len));
            }
            DataKind::Active { offset_expr, .. } => {
                self.image.segments.push(0);
                let at = u64::from(self.constant(offset_expr)? as u32);
                let end = at + data.data.len() as u64;
                if end > u64::from(self.image.pages) * PAGE {
                    self.refuse(End::MemoryOutOfBounds);
                } else if self.image.refused.is_none() {
                    let memory = &mut self.image.memory;
                    memory.resize(memory.len().max(end as usize), 0);
                    memory[at as usize..end as usize].copy_from_slice(data.data);
                }
            }
        }
        Ok(())
    }

    /// The first reason stands.
    fn refuse(&mut self, end: End) {
        self.image.refused.get_or_insert(end);
    }

    /// A constant expression's value; a reference is 0 where it is null, or a function's number
    /// and one.
    fn constant(&self, expression: &ConstExpr<'_>) -> Result<u128> {
        let mut value = 0;
        for operator in expression.get_operators_reader() {
            value = match operator? {
                Operator::I32Const { value } => value.cast_unsigned().into(),
                Operator::I64Const { value } => value.cast_unsigned().into(),
                Operator::V128Const { value } => u128::from_le_bytes(*value.bytes()),
                Operator::RefFunc { function_index } => u128::from(function_index) + 1,
                Operator::RefNull { .. } => 0,
                Operator::GlobalGet { global_index } => self.global(global_index),
                Operator::End => continue,
                _ => return Err(DecodeError::Unknown("extended constant expressions")),
            };
        }
        Ok(value)
    }

    fn global(&self, index: u32) -> u128 {
        let (first, cells) = self
            .globals
            .get(index as usize)
            .copied()
            .unwrap_or_default();
        let words = self.image.globals.iter().skip(first as usize);
        let words = words.take(cells as usize).rev();
        words.fold(0, |value, word| value << 64 | u128::from(*word))
    }
}
