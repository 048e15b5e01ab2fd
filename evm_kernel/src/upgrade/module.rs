//! Checks that a value is a module that the machine can run: a small reader of wasm
//! sections, chunk by chunk.
//!
//! The machine undoes an upgrade to what is no module, or does not link. But one
//! without the function `kernel_run`, or with more than one memory, would stop
//! the rollup for good (docs/machine.md, "Kernels"): these are looked for
//! here, and the frame of the sections around them.

use crate::error::KernelError;
use alloc::vec::Vec;
use host::{HostError, MAX_CHUNK, Path, ReadStore};

/// The reason why a module is invalid.
type Wrong = &'static str;

/// Looks at the value at `path`; gives what is wrong with it. One host call for each chunk that holds more
/// than the inside of a section that does not matter.
pub(super) fn check(store: &impl ReadStore, path: Path<'_>) -> Result<Option<Wrong>, KernelError> {
    let end = store.store_value_size(path)?;
    let mut reader = Reader {
        store,
        path,
        at: 0,
        end,
        chunk: [0; MAX_CHUNK],
        from: 0,
        len: 0,
    };
    match module(&mut reader) {
        Ok(()) => Ok(None),
        Err(Stop::Wrong(reason)) => Ok(Some(reason)),
        Err(Stop::Host(error)) => Err(error.into()),
    }
}

/// Why reading ends.
enum Stop {
    Wrong(Wrong),
    Host(HostError),
}

impl From<Wrong> for Stop {
    fn from(reason: Wrong) -> Self {
        Self::Wrong(reason)
    }
}

const HEADER: [u8; 8] = *b"\0asm\x01\0\0\0";

/// The places of sections 1 to 12 in a module: `DataCount` (12) stands before
/// the code (10).
const ORDER: [u8; 13] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 10];

/// The facts of the sections that matter.
#[derive(Default)]
struct Outline {
    /// For each type, whether it is `() -> ()`.
    plain_types: Vec<bool>,
    /// For each function, whether it is of such a type.
    plain: Vec<bool>,
    /// The functions that are declared, less those with code.
    without_code: u32,
    memories: u32,
    exported_memories: u32,
    kernel_run: bool,
}

fn module<S: ReadStore>(reader: &mut Reader<'_, S>) -> Result<(), Stop> {
    for byte in HEADER {
        if reader.end < HEADER.len() || reader.byte()? != byte {
            return Err("it is no wasm module".into());
        }
    }
    let whole = reader.end;
    let mut outline = Outline::default();
    let mut place = 0;
    while reader.at < whole {
        let id = reader.byte()?;
        let size = reader.number()? as usize;
        reader.end = reader
            .at
            .checked_add(size)
            .filter(|end| *end <= whole)
            .ok_or("a section is cut short")?;
        if id != 0 {
            let here = *ORDER.get(usize::from(id)).ok_or("an unknown section")?;
            if here <= place {
                return Err("its sections are out of order".into());
            }
            place = here;
            section(reader, id, &mut outline)?;
        }
        reader.at = reader.end;
        reader.end = whole;
    }
    if outline.without_code != 0 {
        return Err("it has functions without code".into());
    }
    if outline.memories != 1 || outline.exported_memories != 1 {
        return Err("it has not just one memory, exported".into());
    }
    if !outline.kernel_run {
        return Err("it exports no function kernel_run that takes and gives nothing".into());
    }
    Ok(())
}

fn section<S: ReadStore>(
    reader: &mut Reader<'_, S>,
    id: u8,
    outline: &mut Outline,
) -> Result<(), Stop> {
    if !matches!(id, 1 | 2 | 3 | 5 | 7 | 10) {
        return Ok(());
    }
    let count = reader.number()?;
    match id {
        3 => outline.without_code = count,
        5 => {
            outline.memories = count;
            return Ok(());
        }
        10 => {
            outline.without_code = outline.without_code.wrapping_sub(count);
            return Ok(());
        }
        _ => {}
    }
    for _ in 0..count {
        entry(reader, id, outline)?;
    }
    if reader.at != reader.end {
        return Err("a section holds more than it says".into());
    }
    Ok(())
}

/// Reads an entry of a section.
fn entry<S: ReadStore>(
    reader: &mut Reader<'_, S>,
    id: u8,
    outline: &mut Outline,
) -> Result<(), Stop> {
    match id {
        1 => {
            if reader.byte()? != 0x60 {
                return Err("a type that is no function's".into());
            }
            let mut plain = true;
            for _ in 0..2 {
                let values = reader.number()?;
                plain &= values == 0;
                reader.skip(values)?;
            }
            outline.plain_types.push(plain);
        }
        2 => {
            let from_machine = reader.is_name(b"smart_rollup_core")?;
            reader.is_name(b"")?;
            if !from_machine || reader.byte()? != 0 {
                return Err("it imports what the machine does not offer".into());
            }
            outline.function(reader.number()?)?;
        }
        3 => outline.function(reader.number()?)?,
        _ => {
            let is_entry = reader.is_name(b"kernel_run")?;
            let kind = reader.byte()?;
            let index = reader.number()?;
            match kind {
                0 if is_entry => {
                    outline.kernel_run = outline.plain.get(index as usize) == Some(&true);
                }
                2 if index == 0 => outline.exported_memories += 1,
                2 => return Err("it exports a memory that it has not".into()),
                _ => {}
            }
        }
    }
    Ok(())
}

impl Outline {
    fn function(&mut self, of_type: u32) -> Result<(), Stop> {
        let plain = self.plain_types.get(of_type as usize);
        self.plain.push(*plain.ok_or("a function without a type")?);
        Ok(())
    }
}

/// Reads a value from its start on.
struct Reader<'s, S> {
    store: &'s S,
    path: Path<'s>,
    /// Position of the next byte, and end of the current section.
    at: usize,
    end: usize,
    /// The last chunk: its offset and its bytes.
    chunk: [u8; MAX_CHUNK],
    from: usize,
    len: usize,
}

impl<S: ReadStore> Reader<'_, S> {
    fn byte(&mut self) -> Result<u8, Stop> {
        if self.at >= self.end {
            return Err("it is cut short".into());
        }
        let here = self.at.checked_sub(self.from);
        let here = match here.filter(|here| *here < self.len) {
            Some(here) => here,
            None => {
                let read = self.store.store_read(self.path, self.at, &mut self.chunk);
                self.len = read.map_err(Stop::Host)?;
                self.from = self.at;
                0
            }
        };
        self.at += 1;
        let byte = self.chunk.get(here).copied();
        byte.ok_or(Stop::Wrong("it is cut short"))
    }

    /// An unsigned LEB128 of at most 32 bits.
    fn number(&mut self) -> Result<u32, Stop> {
        let mut number = 0_u64;
        for shift in [0, 7, 14, 21, 28] {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return u32::try_from(number).map_err(|_| Stop::Wrong("a number is too large"));
            }
        }
        Err("a number is too long".into())
    }

    fn skip(&mut self, len: u32) -> Result<(), Stop> {
        let to = self.at.checked_add(len as usize);
        self.at = to.filter(|to| *to <= self.end).ok_or("it is cut short")?;
        Ok(())
    }

    /// Reads a name; gives whether it is `expected`.
    fn is_name(&mut self, expected: &[u8]) -> Result<bool, Stop> {
        let len = self.number()?;
        if len as usize != expected.len() {
            self.skip(len)?;
            return Ok(false);
        }
        let mut same = true;
        for byte in expected {
            same &= self.byte()? == *byte;
        }
        Ok(same)
    }
}

#[cfg(test)]
mod tests;
