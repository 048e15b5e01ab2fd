//! Makes flat code of a module, once for all its runs.
//!
//! Blocks and loops become places in the code, the heights of the stack are worked out, and code that
//! is never reached is left out. So an instruction says all that it does, and whoever judges one
//! step need know nothing else of the module.

mod function;
mod parts;

pub(crate) use function::{lane, memarg, small};

use crate::image::{Image, Imported};
use crate::op::{self, halves, word};
use kernel_module::Outline;
use std::collections::HashMap;
use wasmparser::{
    BinaryReaderError, ExternalKind, FuncType, FuncValidatorAllocations, Parser, ValType,
    ValidPayload, Validator, WasmFeatures,
};

/// Why there is no image of a module.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// It is not valid.
    #[error("{} (byte {:#x})", .0, .1)]
    Invalid(String, usize),
    /// It has what this machine does not.
    #[error("the step machine has no {0}")]
    Unknown(&'static str),
    /// There is no function to call.
    #[error("there is no function {0}")]
    NoEntry(String),
}

impl From<BinaryReaderError> for DecodeError {
    fn from(error: BinaryReaderError) -> Self {
        Self::Invalid(error.message().to_owned(), error.offset())
    }
}

type Result<T> = std::result::Result<T, DecodeError>;

/// Decodes a module that passed [`fn@kernel_module::check`], to run this export.
///
/// # Errors
/// If it is none, or one with what kernels may not have.
pub fn decode(wasm: &[u8], entry: &str) -> Result<Image> {
    let image = image(wasm, Some(entry))?;
    if image.exports.functions.contains_key(entry) {
        Ok(image)
    } else {
        Err(DecodeError::NoEntry(entry.to_owned()))
    }
}

/// The same, where each import has the number that `link` gives: by it the code calls.
///
/// # Errors
/// As [`fn@decode`]; where `link` gives none.
pub fn decode_linked(
    wasm: &[u8],
    entry: &str,
    link: impl Fn(&Imported) -> Option<u32>,
) -> Result<Image> {
    let mut image = decode(wasm, entry)?;
    let links: Option<Vec<u32>> = image.imports.iter().map(link).collect();
    let links = links.ok_or(DecodeError::Unknown("function that is imported"))?;
    image.link(&links);
    Ok(image)
}

/// Decodes a module whose exports are called one by one.
///
/// # Errors
/// As [`fn@decode`].
pub fn decode_library(wasm: &[u8]) -> Result<Image> {
    image(wasm, None)
}

fn image(wasm: &[u8], entry: Option<&str>) -> Result<Image> {
    let outline = Outline::read(wasm)?;
    if !outline.refused.is_empty() || outline.memories.len() > 1 {
        return Err(DecodeError::Unknown("instruction or type of this kind"));
    }
    let mut decoder = Decoder::new(&outline, wasm)?;
    let mut validator = Validator::new_with_features(WasmFeatures::all());
    let mut allocations = FuncValidatorAllocations::default();
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload?;
        match validator.payload(&payload)? {
            ValidPayload::Func(function, body) => {
                let validator = function.into_validator(std::mem::take(&mut allocations));
                allocations = function::decode(&mut decoder, validator, &body)?;
            }
            _ => decoder.part(payload)?,
        }
    }
    decoder.finish(entry)
}

/// The number of cells of a value.
const fn cells(ty: ValType) -> u32 {
    match ty {
        ValType::V128 => 2,
        _ => 1,
    }
}

fn cells_of(types: &[ValType]) -> u32 {
    types.iter().map(|ty| cells(*ty)).sum()
}

struct Decoder<'w> {
    outline: &'w Outline<'w>,
    wasm: &'w [u8],
    image: Image,
    /// The first instruction of each function with code.
    begins: Vec<u32>,
    /// Instructions that call a function, which they name by its number so far.
    calls: Vec<usize>,
    /// Numbers of types, the same for types that are the same.
    types: HashMap<FuncType, u32>,
    /// The first cell of each global, and how many it has.
    globals: Vec<(u32, u32)>,
    /// The first words of the data segments among all segments.
    first_data: u32,
}

impl<'w> Decoder<'w> {
    fn new(outline: &'w Outline<'w>, wasm: &'w [u8]) -> Result<Self> {
        let mut decoder = Self {
            outline,
            wasm,
            image: Image::default(),
            begins: Vec::new(),
            calls: Vec::new(),
            types: HashMap::new(),
            globals: Vec::new(),
            first_data: 0,
        };
        decoder.emit(op::HALT | op::FREE, 0, 0);
        for import in &outline.imports {
            let Some(ty) = import.function.and_then(|ty| outline.type_at(ty)) else {
                return Err(DecodeError::Unknown("imports but functions"));
            };
            let number = decoder.image.imports.len() as u32;
            let begin = decoder.emit(op::THUNK | op::FREE, cells_of(ty.results()) as u16, number);
            decoder.emit_literal(cells_of(ty.params()).into());
            decoder.begins.push(begin);
            decoder.image.host_calls.push(begin);
            decoder.image.imports.push(Imported {
                module: import.module.to_owned(),
                name: import.name.to_owned(),
                ty: ty.clone(),
            });
        }
        Ok(decoder)
    }

    /// Appends an instruction; gives its place.
    fn emit(&mut self, op: u16, short: u16, operand: u32) -> u32 {
        self.emit_literal(word(op, short, operand))
    }

    fn emit_literal(&mut self, literal: u64) -> u32 {
        let place = self.here();
        self.image.code.push(literal);
        place
    }

    fn here(&self) -> u32 {
        self.image.code.len() as u32
    }

    /// A number for a type, the same for the same types.
    fn type_number(&mut self, ty: u32) -> Result<u32> {
        let ty = self.outline.type_at(ty);
        let ty = ty.ok_or(DecodeError::Unknown("types but functions'"))?;
        let next = self.types.len() as u32;
        Ok(*self.types.entry(ty.clone()).or_insert(next))
    }

    fn finish(mut self, entry: Option<&str>) -> Result<Image> {
        for place in std::mem::take(&mut self.calls) {
            let called = op::high(self.image.code[place]) as usize;
            let begin = self.begins.get(called).copied().unwrap_or_default();
            let low = op::low(self.image.code[place]);
            self.image.code[place] = halves(low, begin);
        }
        for function in 0..self.begins.len() {
            let ty = self.outline.functions[function];
            let number = self.type_number(ty)?;
            let begin = self.begins[function];
            self.image.functions.push(halves(begin, number));
        }
        self.exports();
        self.image.begin = self.here();
        if let Some((start, _)) = self.outline.start {
            let begin = self.begins[start as usize];
            self.emit(op::CALL | op::FREE, 0, begin);
        }
        self.emit(op::STARTED | op::FREE, 0, 0);
        let entry = entry.and_then(|entry| self.image.exports.functions.get(entry));
        if let Some(entry) = entry {
            let begin = self.begins[*entry as usize];
            self.emit(op::CALL | op::FREE, 0, begin);
        }
        self.emit(op::HALT | op::FREE, 0, 0);
        Ok(self.image)
    }

    fn exports(&mut self) {
        let exports = &mut self.image.exports;
        for export in &self.outline.exports {
            match export.kind {
                ExternalKind::Func => {
                    exports
                        .functions
                        .insert(export.name.to_owned(), export.index);
                    if let Some(ty) = self.outline.function_type(export.index) {
                        exports.types.insert(export.index, ty.clone());
                    }
                }
                ExternalKind::Global => {
                    let global = self.globals.get(export.index as usize);
                    exports
                        .globals
                        .insert(export.name.to_owned(), global.copied().unwrap_or_default());
                }
                _ => {}
            }
        }
    }
}
