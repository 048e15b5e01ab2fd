//! Makes the host calls that its messages ask for, and keeps what they answer:
//! so the same calls can be compared between machines.
//!
//! A message is a tag, the lengths of two paths (1 byte each), a number (8 bytes,
//! big-endian), the paths, and bytes. The answer to the *n*-th lies at `/probe/n`:
//! the result or error code (8 bytes, big-endian), then the bytes that were read.
#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

use alloc::vec::Vec;
use host::{HostError, MAX_MESSAGE, Path, PathBuf, Runtime, ValueKind};

host::kernel_entry!(run);

/// The result of a call: a number, and bytes if it reads.
type Answer = Result<(i64, Vec<u8>), HostError>;

/// Answers every message of the level.
pub fn run(host: &mut impl Runtime) {
    let mut buffer = [0; MAX_MESSAGE];
    let mut asked = 0;
    while let Ok(Some(message)) = host.read_input(&mut buffer) {
        let [1, request @ ..] = message.payload else {
            continue;
        };
        let answer = call(host, request).unwrap_or(Err(HostError::GenericInvalidAccess));
        let (number, bytes) = answer.unwrap_or_else(|error| (error.code().into(), Vec::new()));
        let mut path: PathBuf = PathBuf::from_path(Path::literal("/probe"));
        let kept = path.push_number(asked).is_ok()
            && host
                .write_chunks(
                    path.as_path(),
                    0,
                    &[&number.to_be_bytes(), &bytes[..]].concat(),
                )
                .is_ok();
        if !kept {
            host.write_debug("an answer is lost\n");
        }
        asked += 1;
    }
}

/// Makes the call of a request; `None` if it is invalid.
fn call(host: &mut impl Runtime, request: &[u8]) -> Option<Answer> {
    let (head, rest) = request.split_first_chunk::<3>()?;
    let (number, rest) = rest.split_first_chunk()?;
    let number = u64::from_be_bytes(*number);
    let size = usize::try_from(number).ok()?;
    let [tag, first, second] = *head;
    let (first, rest) = rest.split_at_checked(first.into())?;
    let (second, bytes) = rest.split_at_checked(second.into())?;
    let path = Path::new(first).ok()?;
    let to = Path::new(second);
    let done = |result: Result<(), HostError>| result.map(|()| (0, Vec::new()));
    Some(match tag {
        0 => host.store_has(path).map(|kind| {
            let kind = match kind {
                None => 0,
                Some(ValueKind::Value) => 1,
                Some(ValueKind::Subtree) => 2,
                Some(ValueKind::ValueWithSubtree) => 3,
            };
            (kind, Vec::new())
        }),
        1 => host
            .store_exists(path)
            .map(|exists| (exists.into(), Vec::new())),
        2 => done(host.store_delete(path)),
        3 => done(host.store_delete_value(path)),
        4 => host
            .store_list_size(path)
            .map(|size| (size as i64, Vec::new())),
        5 => read(16, |buffer| host.store_get_nth_key(path, number, buffer)),
        6 => done(host.store_copy(path, to.ok()?)),
        7 => done(host.store_move(path, to.ok()?)),
        8 => done(host.store_create(path, size)),
        // The length to read stands where others have bytes.
        9 => {
            let len = u16::from_be_bytes(*bytes.first_chunk()?);
            read(len.into(), |buffer| host.store_read(path, size, buffer))
        }
        10 => done(host.store_write(path, size, bytes)),
        11 => host
            .store_value_size(path)
            .map(|size| (size as i64, Vec::new())),
        12 => done(host.write_output(bytes)),
        13 => read(64, |buffer| host.reveal(bytes, buffer)),
        _ => return None,
    })
}

/// The bytes that `fill` puts into a buffer of `len` bytes.
fn read(len: usize, fill: impl FnOnce(&mut [u8]) -> Result<usize, HostError>) -> Answer {
    let mut buffer = alloc::vec![0; len];
    let read = fill(&mut buffer)?;
    buffer.truncate(read);
    Ok((read as i64, buffer))
}
