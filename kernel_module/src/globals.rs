//! Adds globals to a module that is rewritten.

use wasm_encoder::{ConstExpr, GlobalSection, GlobalType, Module, SectionId, ValType};

/// Mutable globals to add behind those of the module, in order, with their first values.
#[derive(Debug)]
pub(crate) struct AddedGlobals {
    first_values: Vec<Number>,
    done: bool,
}

/// A number with its type.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Number {
    I32(i32),
    I64(i64),
}

impl AddedGlobals {
    pub(crate) const fn new(first_values: Vec<Number>) -> Self {
        Self {
            first_values,
            done: false,
        }
    }

    /// Adds them behind the module's own.
    pub(crate) fn add(&mut self, globals: &mut GlobalSection) {
        for number in &self.first_values {
            let (val_type, value) = match number {
                Number::I32(number) => (ValType::I32, ConstExpr::i32_const(*number)),
                Number::I64(number) => (ValType::I64, ConstExpr::i64_const(*number)),
            };
            let ty = GlobalType {
                val_type,
                mutable: true,
                shared: false,
            };
            globals.global(ty, &value);
        }
        self.done = true;
    }

    /// Adds them in a section of their own, if the module has none. Called between sections;
    /// kernels export something, and globals stand right before exports.
    pub(crate) fn add_section(&mut self, module: &mut Module, before: Option<SectionId>) {
        if before == Some(SectionId::Export) && !self.done {
            let mut globals = GlobalSection::new();
            self.add(&mut globals);
            module.section(&globals);
        }
    }
}
