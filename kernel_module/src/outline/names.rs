//! The names of functions.

use super::Outline;
use wasmparser::{CustomSectionReader, KnownCustom, Name};

impl<'w> Outline<'w> {
    /// The name of a function, made readable, or its number.
    #[must_use]
    pub fn name(&self, function: u32) -> String {
        match self.names.get(&function) {
            Some(name) => format!("{:#}", rustc_demangle::demangle(name)),
            None => format!("function {function}"),
        }
    }

    /// The names of all functions as `evm-rollup debug` and `profile` read them: a line for each,
    /// its index and its name.
    #[must_use]
    pub fn names_file(&self) -> String {
        let line = |index| format!("{index} {}\n", self.name(index));
        self.names.keys().map(|index| line(*index)).collect()
    }

    /// Takes the names of functions out of a custom section, as far as they can be read.
    pub(super) fn custom(&mut self, section: &CustomSectionReader<'w>) {
        let KnownCustom::Name(names) = section.as_known() else {
            return;
        };
        for name in names.into_iter().flatten() {
            if let Name::Function(functions) = name {
                let names = functions.into_iter().flatten();
                self.names
                    .extend(names.map(|naming| (naming.index, naming.name)));
            }
        }
    }
}
