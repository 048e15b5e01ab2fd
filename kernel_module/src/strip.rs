//! A module without what only says how it was made.

use wasm_encoder::{Module, RawSection};
use wasmparser::{Parser, Result};

/// The module without its custom sections: they only say how it was made.
///
/// # Errors
/// Bytes that are not a module.
pub fn strip(wasm: &[u8]) -> Result<Vec<u8>> {
    let mut stripped = Module::new();
    for payload in Parser::new(0).parse_all(wasm) {
        if let Some((id, range)) = payload?.as_section()
            && id != 0
            && let Some(data) = wasm.get(range)
        {
            stripped.section(&RawSection { id, data });
        }
    }
    Ok(stripped.finish())
}
