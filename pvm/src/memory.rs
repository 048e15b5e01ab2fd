//! The kernel's memory as the host sees it: all of it, or what a proof has of it.

use crate::durable::{StoreError, Unavailable};
use host::{HostError, MAX_CHUNK};

/// The kernel's memory. Places and lengths that are given to it lie within.
pub(crate) trait Memory {
    /// Its bytes.
    fn len(&self) -> usize;

    /// Reads bytes from `at` on.
    fn read(&mut self, at: usize, into: &mut [u8]) -> Result<(), Unavailable>;

    /// Writes bytes from `at` on.
    fn write(&mut self, at: usize, bytes: &[u8]) -> Result<(), Unavailable>;

    /// All of it, for those who look into a run; nothing where it is not here.
    fn whole(&self) -> &[u8] {
        &[]
    }
}

/// A memory that is here.
pub(crate) struct Flat<'m>(pub(crate) &'m mut [u8]);

impl Memory for Flat<'_> {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn read(&mut self, at: usize, into: &mut [u8]) -> Result<(), Unavailable> {
        into.copy_from_slice(&self.0[at..at + into.len()]);
        Ok(())
    }

    fn write(&mut self, at: usize, bytes: &[u8]) -> Result<(), Unavailable> {
        self.0[at..at + bytes.len()].copy_from_slice(bytes);
        Ok(())
    }

    fn whole(&self) -> &[u8] {
        self.0
    }
}

/// True if `len` bytes from `at` on are within; no bytes are wherever they are.
pub(crate) fn holds(memory: &dyn Memory, at: usize, len: usize) -> bool {
    len == 0 || at + len <= memory.len()
}

/// A place and a length that a kernel gives, which must be within.
fn within(memory: &dyn Memory, addr: i32, len: i32) -> Result<(usize, usize), StoreError> {
    let len = usize::try_from(len).map_err(|_| HostError::GenericInvalidAccess)?;
    let at = addr.cast_unsigned() as usize;
    match holds(memory, at, len) {
        true => Ok((at, len)),
        false => Err(HostError::MemoryInvalidAccess.into()),
    }
}

/// `len` bytes from an address on, no more of them than storage takes at once: of a write that is too
/// long nothing is looked at, so that no proof need have it.
pub(crate) fn chunk(memory: &mut dyn Memory, addr: i32, len: i32) -> Result<Vec<u8>, StoreError> {
    match within(memory, addr, len)? {
        (_, len) if len > MAX_CHUNK => Ok(Vec::new()),
        _ => slice(memory, addr, len),
    }
}

/// `len` bytes from an address on, which a kernel gives, as it gives the length.
pub(crate) fn slice(memory: &mut dyn Memory, addr: i32, len: i32) -> Result<Vec<u8>, StoreError> {
    let (at, len) = within(memory, addr, len)?;
    let mut bytes = vec![0; len];
    if len > 0 {
        memory.read(at, &mut bytes)?;
    }
    Ok(bytes)
}

/// Writes bytes from an address on; gives whether they are within.
pub(crate) fn put(memory: &mut dyn Memory, addr: i32, bytes: &[u8]) -> Result<bool, Unavailable> {
    let at = addr.cast_unsigned() as usize;
    let within = holds(memory, at, bytes.len());
    if within && !bytes.is_empty() {
        memory.write(at, bytes)?;
    }
    Ok(within)
}
