//! The module of a kernel, as it lies in durable storage: which one it is, and its bytes for decoding.

use super::state::hashed;
use crate::durable::Unavailable;
use crate::value::Value;
use kernel_module::Version;
use step_machine::Hash;
use step_machine::decoding::Source;

/// The hash that tells a module, and the rules by which it was decoded, from others: of `26`, its length
/// (4 bytes), the hash of its pieces, and the number of the version.
pub(super) fn identity(module: &Value, version: Version) -> Hash {
    let len = (module.len() as u32).to_le_bytes();
    hashed(0x26, &[&len, &module.hash(), &[version as u8]])
}

/// A module, of which the parts that are not here are missing.
pub(super) struct Stored<'v> {
    module: &'v Value,
    /// Why a part is missing.
    pub(super) missing: Option<Unavailable>,
}

impl<'v> Stored<'v> {
    pub(super) const fn new(module: &'v Value) -> Self {
        Self {
            module,
            missing: None,
        }
    }
}

impl Source for Stored<'_> {
    fn len(&self) -> u32 {
        self.module.len() as u32
    }

    fn read(&mut self, at: u32, into: &mut [u8]) -> bool {
        match self.module.read_part(at as usize, into) {
            Ok(len) => len == into.len(),
            Err(missing) => {
                self.missing = Some(missing);
                false
            }
        }
    }
}
