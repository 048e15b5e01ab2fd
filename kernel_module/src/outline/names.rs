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
    /// its index and its name, below one that says whose they are: `of` is blake2b-256 of the module
    /// that goes without them. Empty if the module has no names.
    #[must_use]
    pub fn names_file(&self, of: &[u8; 32]) -> String {
        if self.names.is_empty() {
            return String::new();
        }
        let hash: String = of.iter().map(|byte| format!("{byte:02x}")).collect();
        let line = |index| format!("{index} {}\n", self.name(index));
        let lines: String = self.names.keys().map(|index| line(*index)).collect();
        format!("# blake2b {hash}\n{lines}")
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
