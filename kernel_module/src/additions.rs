//! Additions to a module by a rewriting: imports, and a block around a function's body.

use crate::imports::Import;
use crate::outline::Outline;
use wasm_encoder::reencode::{Error, Reencode};
use wasm_encoder::{
    BlockType, EntityType, Function, ImportSection, Module, SectionId, TypeSection, ValType,
};

/// Functions to import behind those that the module imports, in order. The module's own functions
/// move up, and the types of the added ones stand behind its own.
#[derive(Debug)]
pub(crate) struct AddedImports {
    module: &'static str,
    imports: &'static [Import],
    /// The number of the first added function, and of the first of the module's own before.
    first: u32,
    /// The number of its type.
    first_type: u32,
    done: bool,
}

impl AddedImports {
    /// Functions of `module`, for the module that was read.
    pub(crate) fn new(
        outline: &Outline<'_>,
        module: &'static str,
        imports: &'static [Import],
    ) -> Self {
        Self {
            module,
            imports,
            first: outline.imported_functions,
            first_type: outline.types.len() as u32,
            done: false,
        }
    }

    /// The number of the added function with this place among them.
    pub(crate) const fn function(&self, place: u32) -> u32 {
        self.first + place
    }

    /// The number that a function of the module has with them.
    pub(crate) fn moved(&self, function: u32) -> u32 {
        match function < self.first {
            true => function,
            false => function + self.imports.len() as u32,
        }
    }

    /// True if a function of the module is imported.
    pub(crate) const fn is_imported(&self, function: u32) -> bool {
        function < self.first
    }

    /// The number, before they were added, of the module's own function with this place.
    pub(crate) const fn own(&self, place: u32) -> u32 {
        self.first + place
    }

    /// Adds their types behind the module's own.
    pub(crate) fn add_types(&self, types: &mut TypeSection) {
        for import in self.imports {
            let params = import.params.iter().copied().map(number);
            types.ty().function(params, import.result.map(number));
        }
    }

    /// Adds them behind the module's own.
    pub(crate) fn add(&mut self, imports: &mut ImportSection) {
        for (ty, import) in (self.first_type..).zip(self.imports) {
            imports.import(self.module, import.name, EntityType::Function(ty));
        }
        self.done = true;
    }

    /// Adds them in a section of their own, if the module has none. Called between sections;
    /// functions stand right behind imports.
    pub(crate) fn add_section(&mut self, module: &mut Module, before: Option<SectionId>) {
        if before == Some(SectionId::Function) && !self.done {
            let mut imports = ImportSection::new();
            self.add(&mut imports);
            module.section(&imports);
        }
    }
}

/// As the encoder has it: what is added takes and gives numbers alone.
const fn number(ty: wasmparser::ValType) -> ValType {
    match ty {
        wasmparser::ValType::I64 => ValType::I64,
        _ => ValType::I32,
    }
}

/// Begins a block that gives what a function gives, to stand around its whole body: branches out
/// of the body end there, and labels keep their numbers, as the block stands where the function's
/// own was. The body's last `end` closes it.
pub(crate) fn begin_block<R: Reencode>(
    rewrite: &mut R,
    code: &mut Function,
    result: Option<wasmparser::ValType>,
) -> Result<(), Error<R::Error>> {
    let block = match result {
        Some(result) => BlockType::Result(rewrite.val_type(result)?),
        None => BlockType::Empty,
    };
    code.instructions().block(block);
    Ok(())
}

/// The result type of a function; functions of kernels have one result at most.
pub(crate) fn result_of(outline: &Outline<'_>, function: u32) -> Option<wasmparser::ValType> {
    outline.function_type(function)?.results().first().copied()
}
