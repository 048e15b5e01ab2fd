//! Types of values and functions.

use super::arrays::pair;
use super::names::Tree;
use super::state::Stage;
use super::{Arrays, Decoder, Done, Source, Stop};
use crate::backing::Region;
use crate::op::{halves, high, low};
use kernel_module::features::features;
use wasmparser::{BinaryReader, RefType, ValType};
use wasmparser::{FromReader, FuncType};

/// No value, or one of any type.
pub(super) const ANY: u8 = 0;
pub(super) const I32: u8 = 1;
pub(super) const I64: u8 = 2;
pub(super) const V128: u8 = 3;
pub(super) const FUNC: u8 = 4;
pub(super) const EXTERN: u8 = 5;
/// What instructions take that are never reached.
pub(super) const F32: u8 = 6;
pub(super) const F64: u8 = 7;

/// The cells of a value, none for none.
pub(super) const fn cells(kind: u8) -> u32 {
    match kind {
        ANY => 0,
        V128 => 2,
        _ => 1,
    }
}

/// The number of a type that kernels may have.
pub(super) fn kind<M>(ty: ValType) -> Result<u8, Stop<M>> {
    match ty {
        ValType::I32 => Ok(I32),
        ValType::I64 => Ok(I64),
        ValType::V128 => Ok(V128),
        ValType::Ref(RefType::FUNCREF) => Ok(FUNC),
        ValType::Ref(RefType::EXTERNREF) => Ok(EXTERN),
        _ => Err(Stop::Refused),
    }
}

/// The bytes of the longest type that is read at once.
const LONGEST: usize = 2_100;
/// The bytes that nearly all types take at most.
const SHORT: usize = 64;

/// A function's type: the first byte of its parameters, how many, its result, and the first type that is the
/// same.
#[derive(Clone, Copy)]
pub(super) struct Type {
    pub(super) first: u32,
    pub(super) params: u32,
    pub(super) result: u8,
}

impl<A: Arrays, S: Source> Decoder<'_, A, S> {
    pub(super) fn ty(&mut self) -> Done<A> {
        if self.over()? {
            return Ok(());
        }
        let end = self.state().end;
        let mut bytes = [0; SHORT];
        let bytes = self.window(end, &mut bytes)?;
        let read = match function_type(bytes) {
            Some(read) => read,
            None => {
                let mut bytes = vec![0; LONGEST];
                let bytes = self.window(end, &mut bytes)?;
                function_type(bytes).ok_or(Stop::Refused)?
            }
        };
        let (ty, len) = read;
        if ty.results().len() > 1 {
            return Err(Stop::Refused);
        }
        let mut kinds = Vec::new();
        for value in ty.params().iter().chain(ty.results()) {
            kinds.push(kind(*value)?);
        }
        let first = self.state().kinds;
        for (place, kind) in kinds.iter().enumerate() {
            self.set_byte(Region::Kinds, first.wrapping_add(place as u32), *kind)?;
        }
        // Things of the host are null: for an engine, they are references to functions.
        let alike = kinds
            .iter()
            .map(|kind| if *kind == EXTERN { FUNC } else { *kind });
        let alike: Vec<u8> = alike.collect();
        let results = ty.results().len() as u32;
        let params = ty.params().len() as u32;
        let hash = super::names::hash(&[&params.to_le_bytes(), &alike]);
        let number = self.state().types;
        self.set(
            Region::Types,
            pair(number),
            halves(first, params | results << 16),
        )?;
        self.forward(len);
        let state = self.state();
        state.hash = hash;
        state.kinds = first.wrapping_add(params + results);
        state.node = 0;
        state.depth = 0;
        state.stage = Stage::TypeTree;
        Ok(())
    }

    /// Looks for a type that is the same.
    pub(super) fn type_tree(&mut self) -> Done<A> {
        let number = self.state().types;
        let same = match self.tree(Region::TypeTree, number)? {
            Tree::On => return Ok(()),
            Tree::Known(same) => same,
            Tree::New => number,
        };
        self.set(Region::Types, pair(number) | 1, same.into())?;
        let state = self.state();
        state.types = number.wrapping_add(1);
        state.left = state.left.wrapping_sub(1);
        state.stage = Stage::Type;
        Ok(())
    }

    /// The type with this number, if there is one.
    pub(super) fn type_at(&mut self, number: u32) -> Done<A, Option<Type>> {
        if number >= self.state().types {
            return Ok(None);
        }
        let word = self.get(Region::Types, pair(number))?;
        let (first, params) = (low(word), high(word) & 0xffff);
        let result = match high(word) >> 16 {
            0 => ANY,
            _ => self.byte(Region::Kinds, first.wrapping_add(params))?,
        };
        Ok(Some(Type {
            first,
            params,
            result,
        }))
    }

    /// The type of a function, if there is one.
    pub(super) fn function_type(&mut self, function: u32) -> Done<A, Option<Type>> {
        if function >= self.state().functions {
            return Ok(None);
        }
        let ty = low(self.get(Region::Declared, pair(function))?);
        self.type_at(ty)
    }

    /// The number by which the machine knows a type, the same for types that are the same.
    pub(super) fn type_number(&mut self, ty: u32) -> Done<A, u32> {
        let same = low(self.get(Region::Types, pair(ty) | 1)?);
        let word = self.get(Region::Types, pair(same) | 1)?;
        if let Some(number) = high(word).checked_sub(1) {
            return Ok(number);
        }
        let number = self.state().type_numbers;
        self.state().type_numbers = number.wrapping_add(1);
        self.set(
            Region::Types,
            pair(same) | 1,
            halves(low(word), number.wrapping_add(1)),
        )?;
        Ok(number)
    }

    /// The cells of a function's parameters.
    pub(super) fn param_cells(&mut self, ty: Type) -> Done<A, u32> {
        let mut all = 0;
        for param in 0..ty.params {
            let kind = self.byte(Region::Kinds, ty.first.wrapping_add(param))?;
            all += cells(kind);
        }
        Ok(all)
    }
}

/// A function's type, and the bytes that it takes; `None` if it is none, or these are not enough.
fn function_type(bytes: &[u8]) -> Option<(FuncType, usize)> {
    let mut reader = BinaryReader::new_features(bytes, 0, features());
    let mut form = reader.read_u8().ok()?;
    // `sub final` without a supertype says the same as nothing.
    if form == 0x4f {
        if reader.read_var_u32().ok()? != 0 {
            return None;
        }
        form = reader.read_u8().ok()?;
    }
    if form != 0x60 {
        return None;
    }
    let ty = FuncType::from_reader(&mut reader).ok()?;
    Some((ty, reader.current_position()))
}
