//! Entries of sections: imports, functions, tables, the memory, globals, exports.

use super::arrays::reader;
use super::arrays::{WINDOW, pair};
use super::names::Tree;
use super::state::Stage;
use super::types::{ANY, FUNC, I32, I64, Type, V128, cells, kind};
use super::{Arrays, Decoder, Done, Source, Stop};
use crate::backing::{MAX_TABLE, Region};
use crate::op::{self, halves, low};
use kernel_module::imports::{self, ENTRY, IMPORTS, Import, LEGACY_ENTRY, LEGACY_MODULE, MODULE};
use wasmparser::{BinaryReader, HeapType, Operator, OperatorsReader, RefType, ValType};

/// The limit of the sizes of types that are imported and exported, as of wasmparser.
const MAX_TYPE_SIZE: u32 = 1_000_000;

/// The most pages of a memory.
const MAX_PAGES: u32 = 65_536;

/// A constant expression's value, and its type.
pub(super) struct Constant {
    pub(super) value: u128,
    pub(super) kind: u8,
    /// The function that it refers to.
    function: Option<u32>,
}

/// Reads a constant expression: one constant, and its end.
pub(super) fn constant<M>(reader: &mut BinaryReader<'_>) -> Result<Constant, Stop<M>> {
    let before = reader.bytes_remaining();
    let mut operators = OperatorsReader::new(reader.clone());
    let (value, kind, function) = match operators.read()? {
        Operator::I32Const { value } => (value.cast_unsigned().into(), I32, None),
        Operator::I64Const { value } => (value.cast_unsigned().into(), I64, None),
        Operator::V128Const { value } => (u128::from_le_bytes(*value.bytes()), V128, None),
        Operator::RefNull { hty } => (0, reference(hty)?, None),
        Operator::RefFunc { function_index } => {
            let value = u128::from(function_index) + 1;
            (value, FUNC, Some(function_index))
        }
        _ => return Err(Stop::Refused),
    };
    let Operator::End = operators.read()? else {
        return Err(Stop::Refused);
    };
    let read = before - operators.get_binary_reader().bytes_remaining();
    reader.read_bytes(read)?;
    Ok(Constant {
        value,
        kind,
        function,
    })
}

/// The type of a null.
pub(super) fn reference<M>(ty: HeapType) -> Result<u8, Stop<M>> {
    let ty = RefType::new(true, ty).ok_or(Stop::Refused)?;
    kind(ValType::Ref(ty))
}

impl<A: Arrays, S: Source> Decoder<'_, A, S> {
    /// Reads the next entry of a section, of so many bytes at most, if there is one.
    fn next_entry<const BYTES: usize>(
        &mut self,
        read: impl FnOnce(&mut Self, &mut BinaryReader<'_>) -> Done<A>,
    ) -> Done<A> {
        if self.over()? {
            return Ok(());
        }
        let end = self.state().end;
        let mut bytes = [0; BYTES];
        let bytes = self.window(end, &mut bytes)?;
        let mut reader = reader(bytes);
        read(self, &mut reader)?;
        self.entry_read(reader.current_position());
        Ok(())
    }

    pub(super) fn import(&mut self) -> Done<A> {
        self.next_entry::<WINDOW>(|decoder, reader| {
            let (module, name) = (reader.read_string()?, reader.read_string()?);
            let offered = module == MODULE || module == LEGACY_MODULE && decoder.terms.legacy;
            let known = imports::import(name).filter(|_| offered);
            let known = known.filter(|known| known.since <= decoder.terms.version);
            let known = known.ok_or(Stop::Refused)?;
            if reader.read_u8()? != 0 {
                return Err(Stop::Refused);
            }
            let number = reader.read_var_u32()?;
            let ty = decoder.type_at(number)?.ok_or(Stop::Refused)?;
            decoder.fits(ty, known)?;
            decoder.type_grows(2 + ty.params + u32::from(ty.result != ANY))?;
            let place = IMPORTS.iter().position(|import| import.name == name);
            let place = place.unwrap_or_default() as u32;
            let begin = decoder.emit(op::THUNK | op::FREE, cells(ty.result) as u16, place)?;
            let params = decoder.param_cells(ty)?;
            decoder.emit_literal(params.into())?;
            let function = decoder.state().functions;
            decoder.set(Region::Declared, pair(function), number.into())?;
            decoder.set(Region::Declared, pair(function) | 1, halves(begin, place))?;
            let state = decoder.state();
            state.functions = function.wrapping_add(1);
            state.imported = function.wrapping_add(1);
            Ok(())
        })
    }

    /// The type of an import is the machine's.
    fn fits(&mut self, ty: Type, known: &Import) -> Done<A> {
        let mut result = ANY;
        if let Some(ty) = known.result {
            result = kind(ty)?;
        }
        if ty.result != result || ty.params as usize != known.params.len() {
            return Err(Stop::Refused);
        }
        for (place, param) in known.params.iter().enumerate() {
            let found = self.byte(Region::Kinds, ty.first.wrapping_add(place as u32))?;
            if found != kind(*param)? {
                return Err(Stop::Refused);
            }
        }
        Ok(())
    }

    fn type_grows(&mut self, size: u32) -> Done<A> {
        let state = self.state();
        state.type_size = state.type_size.wrapping_add(size);
        match state.type_size < MAX_TYPE_SIZE {
            true => Ok(()),
            false => Err(Stop::Refused),
        }
    }

    pub(super) fn function(&mut self) -> Done<A> {
        self.next_entry::<8>(|decoder, reader| {
            let ty = reader.read_var_u32()?;
            if ty >= decoder.state().types {
                return Err(Stop::Refused);
            }
            let function = decoder.state().functions;
            decoder.set(Region::Declared, pair(function), ty.into())?;
            decoder.state().functions = function.wrapping_add(1);
            Ok(())
        })
    }

    pub(super) fn table(&mut self) -> Done<A> {
        self.next_entry::<32>(|decoder, reader| {
            let ty = kind(ValType::Ref(reader.read()?))?;
            let (size, most) = limits(reader)?;
            let most = most.unwrap_or(MAX_TABLE).min(MAX_TABLE);
            let table = decoder.state().tables;
            decoder.set(Region::TableSizes, table, halves(size, most))?;
            decoder.set(Region::TableTypes, table, ty.into())?;
            decoder.state().tables = table.wrapping_add(1);
            Ok(())
        })
    }

    pub(super) fn memory(&mut self) -> Done<A> {
        self.next_entry::<32>(|decoder, reader| {
            let (size, most) = limits(reader)?;
            let most = most.unwrap_or(MAX_PAGES);
            if size > MAX_PAGES || most > MAX_PAGES {
                return Err(Stop::Refused);
            }
            let state = decoder.state();
            state.pages = size;
            state.max_pages = most;
            state.memories = state.memories.wrapping_add(1);
            Ok(())
        })
    }

    pub(super) fn global(&mut self) -> Done<A> {
        self.next_entry::<WINDOW>(|decoder, reader| {
            let ty = kind(reader.read()?)?;
            let mutable = reader.read_u8()?;
            if mutable > 1 {
                return Err(Stop::Refused);
            }
            let value = decoder.typed(reader, ty)?;
            let (number, first) = (decoder.state().globals, decoder.state().global_cells);
            let words = [value as u64, (value >> 64) as u64];
            for (place, word) in words.into_iter().take(cells(ty) as usize).enumerate() {
                decoder.set(Region::Globals, first.wrapping_add(place as u32), word)?;
            }
            let about = u32::from(ty) | u32::from(mutable) << 8;
            decoder.set(Region::GlobalTypes, number, halves(first, about))?;
            let state = decoder.state();
            state.globals = number.wrapping_add(1);
            state.global_cells = first.wrapping_add(cells(ty));
            Ok(())
        })
    }

    /// The value of a constant expression of a type.
    pub(super) fn typed(&mut self, reader: &mut BinaryReader<'_>, ty: u8) -> Done<A, u128> {
        let constant = constant(reader)?;
        if constant.kind != ty {
            return Err(Stop::Refused);
        }
        if let Some(function) = constant.function {
            self.refer(function)?;
        }
        Ok(constant.value)
    }

    /// A function is referred to: code may do so, too.
    pub(super) fn refer(&mut self, function: u32) -> Done<A> {
        if function >= self.state().functions {
            return Err(Stop::Refused);
        }
        let word = self.get(Region::Declared, pair(function))?;
        self.set(
            Region::Declared,
            pair(function),
            halves(low(word), op::high(word) | 1),
        )
    }

    pub(super) fn export(&mut self) -> Done<A> {
        match self.over()? {
            true => Ok(()),
            false => self.name(Stage::ExportName),
        }
    }

    pub(super) fn export_name(&mut self) -> Done<A> {
        if self.state().name_left == 0 {
            self.state().stage = Stage::ExportKind;
            return Ok(());
        }
        self.characters(|decoder, bytes| {
            let state = decoder.state();
            let before = state.hash.map(u64::to_le_bytes);
            state.hash = super::names::hash(&[before.as_flattened(), bytes]);
            // A name of another length begins otherwise.
            state.name_is = match bytes.len() == state.name_len as usize {
                true if bytes == ENTRY.as_bytes() => 1,
                true if bytes == LEGACY_ENTRY.as_bytes() => 2,
                _ => 0,
            };
        })
    }

    pub(super) fn export_kind(&mut self) -> Done<A> {
        let end = self.state().end;
        let mut bytes = [0; 8];
        let bytes = self.window(end, &mut bytes)?;
        let mut reader = reader(bytes);
        let (kind, index) = (reader.read_u8()?, reader.read_var_u32()?);
        self.forward(reader.current_position());
        let state = self.state();
        let most = match kind {
            0 => state.functions,
            1 => state.tables,
            2 => state.memories,
            3 => state.globals,
            _ => 0,
        };
        if index >= most {
            return Err(Stop::Refused);
        }
        if kind == 2 {
            state.memory_exported = 1;
        }
        let mut size = 1;
        if kind == 0 {
            match state.name_is {
                1 => state.entry = index.wrapping_add(1),
                2 => state.legacy_entry = index.wrapping_add(1),
                _ => {}
            }
            self.refer(index)?;
            let ty = self.function_type(index)?.ok_or(Stop::Refused)?;
            size = 2 + ty.params + u32::from(ty.result != ANY);
        }
        self.type_grows(size)?;
        let state = self.state();
        state.node = 0;
        state.depth = 0;
        state.stage = Stage::ExportTree;
        Ok(())
    }

    /// No name is exported twice.
    pub(super) fn export_tree(&mut self) -> Done<A> {
        let number = self.state().exports;
        match self.tree(Region::NameTree, number)? {
            Tree::On => return Ok(()),
            Tree::Known(_) => return Err(Stop::Refused),
            Tree::New => {}
        }
        let state = self.state();
        state.exports = number.wrapping_add(1);
        state.left = state.left.wrapping_sub(1);
        state.stage = Stage::Export;
        Ok(())
    }
}

/// The size of a table or a memory, and the most that it may have.
fn limits<M>(reader: &mut BinaryReader<'_>) -> Result<(u32, Option<u32>), Stop<M>> {
    let flags = reader.read_u8()?;
    let size = reader.read_var_u32()?;
    let most = match flags {
        0 => None,
        1 => Some(reader.read_var_u32()?),
        _ => return Err(Stop::Refused),
    };
    match most {
        Some(most) if size > most => Err(Stop::Refused),
        most => Ok((size, most)),
    }
}
