#![doc = include_str!("../README.md")]
#![cfg_attr(not(test), warn(clippy::too_many_lines))]
//!
//! The program lies at the end of the module, in a custom section: instructions,
//! each behind its length (u32), then the length of them all (u32). Everything is
//! little-endian. An instruction is `00` hash path (reveal), `01` path path (move)
//! or `02` value path (set); hashes and values stand behind a length of four
//! bytes, paths behind one of one byte.
#![cfg_attr(target_arch = "wasm32", no_std)]

use core::fmt;
use host::preimages::{self, PageError};
use host::{HostError, MAX_CHUNK, Path, ReadStore, Reveal, Runtime, Store, reserved};

host::kernel_entry!(install);

/// The path of this kernel while it overwrites itself.
const SELF: Path<'static> = Path::literal("/__installer_kernel/auxiliary/kernel/boot.wasm");

/// Runs the program behind this kernel and asks for a reboot. What fails is
/// logged and tried again at the next level.
pub fn install(host: &mut impl Runtime) {
    match run(host) {
        Ok(()) => {
            if host.mark_for_reboot().is_err() {
                host.write_debug("installer: no reboot\n");
            }
        }
        Err(failure) => host.write_debug(failure.text()),
    }
}

/// Why nothing, or not everything, is installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Failure {
    Host(HostError),
    Page(PageError),
    Program,
}

impl Failure {
    /// Formatting would take a third of the module.
    const fn text(self) -> &'static str {
        match self {
            Self::Host(_) => "installer: the machine refuses an instruction\n",
            Self::Page(_) => "installer: a page is none\n",
            Self::Program => "installer: there is no program behind this kernel\n",
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl From<HostError> for Failure {
    fn from(error: HostError) -> Self {
        Self::Host(error)
    }
}

impl From<PageError> for Failure {
    fn from(error: PageError) -> Self {
        Self::Page(error)
    }
}

fn run(host: &mut impl Runtime) -> Result<(), Failure> {
    host.store_copy(reserved::KERNEL, SELF)?;
    let mut buffer = [0; MAX_CHUNK];
    let end = host
        .store_value_size(SELF)?
        .checked_sub(4)
        .ok_or(Failure::Program)?;
    let mut at = end
        .checked_sub(number(host, end)?)
        .ok_or(Failure::Program)?;
    while at < end {
        let len = number(host, at)?;
        let instruction = buffer.get_mut(..len).ok_or(Failure::Program)?;
        host.store_read(SELF, at + 4, instruction)?;
        execute(host, instruction)?;
        at += 4 + len;
    }
    host.store_delete(SELF)?;
    Ok(())
}

/// A length that lies at `at`.
fn number(host: &impl ReadStore, at: usize) -> Result<usize, Failure> {
    let mut bytes = [0; 4];
    host.store_read(SELF, at, &mut bytes)?;
    Ok(u32::from_le_bytes(bytes) as usize)
}

fn execute(host: &mut (impl Store + Reveal), instruction: &[u8]) -> Result<(), Failure> {
    let (tag, rest) = instruction.split_first().ok_or(Failure::Program)?;
    match tag {
        0 => {
            let (hash, to) = bytes(rest)?;
            let hash = hash.try_into().map_err(|_| Failure::Program)?;
            let (to, _) = path(to)?;
            let mut offset = 0;
            preimages::reveal(host, hash, |host, content| {
                host.write_chunks(to, offset, content)?;
                offset += content.len();
                Ok(())
            })?;
        }
        1 => {
            let (from, to) = path(rest)?;
            host.store_move(from, path(to)?.0)?;
        }
        2 => {
            let (value, to) = bytes(rest)?;
            host.write_chunks(path(to)?.0, 0, value)?;
        }
        _ => return Err(Failure::Program),
    }
    Ok(())
}

/// Bytes behind their length.
fn bytes(from: &[u8]) -> Result<(&[u8], &[u8]), Failure> {
    let (len, rest) = from.split_first_chunk().ok_or(Failure::Program)?;
    rest.split_at_checked(u32::from_le_bytes(*len) as usize)
        .ok_or(Failure::Program)
}

fn path(from: &[u8]) -> Result<(Path<'_>, &[u8]), Failure> {
    let (len, rest) = from.split_first().ok_or(Failure::Program)?;
    let (path, rest) = rest
        .split_at_checked(usize::from(*len))
        .ok_or(Failure::Program)?;
    Ok((Path::new(path).map_err(|_| Failure::Program)?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use host::mock::{Level, MockHost};

    const BIG: Path<'static> = Path::literal("/big");

    fn path(path: &str) -> Vec<u8> {
        [&[path.len() as u8], path.as_bytes()].concat()
    }

    fn bytes(bytes: &[u8]) -> Vec<u8> {
        [&(bytes.len() as u32).to_le_bytes(), bytes].concat()
    }

    /// A module's end with these instructions.
    fn program(instructions: &[Vec<u8>]) -> Vec<u8> {
        let all: Vec<u8> = instructions.iter().flat_map(|one| bytes(one)).collect();
        [b"\0asm", &all[..], &(all.len() as u32).to_le_bytes()].concat()
    }

    fn host(module: &[u8]) -> MockHost {
        let mut host = MockHost::default();
        host.set(b"/kernel/boot.wasm", module);
        host
    }

    #[test]
    fn the_program_is_run_in_order() {
        let mut host = host(b"");
        let page = host.add_preimage(b"\0\0\0\0\x07content");
        let set = [vec![2], bytes(b"value"), path("/small")].concat();
        let moved = [vec![1], path("/small"), path("/moved")].concat();
        let reveal = [vec![0], bytes(&page), path("/big")].concat();
        host.set(b"/kernel/boot.wasm", &program(&[set, moved, reveal]));
        let mut runs = 0;
        let ended = host.run_level(Level::default().external(b"unread"), |host| {
            runs += 1;
            if runs == 1 {
                mock_kernel_run(host);
            }
        });
        assert_eq!((ended.runs, ended.unread), (2, 4));
        assert_eq!(
            host.read_all(Path::literal("/moved")),
            Ok(Some(b"value".to_vec()))
        );
        assert_eq!(host.read_all(BIG), Ok(Some(b"content".to_vec())));
        assert_eq!(host.store_has(SELF), Ok(None));
        assert_eq!(host.debug_log(), "");
    }

    #[test]
    fn what_is_no_program_installs_nothing() {
        let cut = |mut module: Vec<u8>, len: usize| {
            module.truncate(len);
            module
        };
        let readonly = [vec![2], bytes(b"1"), path("/readonly/x")].concat();
        for (module, why) in [
            (cut(program(&[]), 3), Failure::Program),
            (b"\0asm\xff\xff\xff\xff".to_vec(), Failure::Program),
            (program(&[vec![]]), Failure::Program),
            (program(&[vec![3]]), Failure::Program),
            (program(&[vec![1, 5, b'/']]), Failure::Program),
            (program(&[vec![2, 1, 0, 0, 0]]), Failure::Program),
            (program(&[vec![7; 3_000]]), Failure::Program),
            (
                program(&[[vec![0], bytes(&[0; 32]), path("/x")].concat()]),
                Failure::Program,
            ),
            (program(&[readonly]), Failure::Host(HostError::ReadOnly)),
        ] {
            let mut host = host(&module);
            assert_eq!(run(&mut host), Err(why));
            let ended = host.run_level(&Level::default(), mock_kernel_run);
            assert_eq!(ended.runs, 1);
            assert_eq!(host.debug_log(), why.to_string());
        }
    }
}
