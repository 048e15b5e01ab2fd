//! Engines without references to things of the host run modules that have them.

use wasm_encoder::reencode::{Error, Reencode, utils};
use wasm_encoder::{AbstractHeapType, CustomSection, Module};
use wasmparser::{CustomSectionReader, Parser};

/// The module with references to functions for those to things of the host (`externref`). No host
/// function gives or takes such a thing, so that all of them are null, and null stays null.
///
/// # Errors
/// If the module cannot be read; one that passed the check can be.
pub fn replace(wasm: &[u8]) -> Result<Vec<u8>, Error> {
    let mut module = Module::new();
    Replace.parse_core_module(&mut module, Parser::new(0), wasm)?;
    Ok(module.finish())
}

struct Replace;

impl Reencode for Replace {
    type Error = std::convert::Infallible;

    /// Custom sections are copied as they are: they do not matter, even if they cannot be read.
    fn parse_custom_section(
        &mut self,
        module: &mut Module,
        section: CustomSectionReader<'_>,
    ) -> Result<(), Error> {
        module.section(&CustomSection {
            name: section.name().into(),
            data: section.data().into(),
        });
        Ok(())
    }

    fn abstract_heap_type(
        &mut self,
        ty: wasmparser::AbstractHeapType,
    ) -> Result<AbstractHeapType, Error> {
        match ty {
            wasmparser::AbstractHeapType::Extern => Ok(AbstractHeapType::Func),
            other => Ok(utils::abstract_heap_type(self, other)),
        }
    }
}
