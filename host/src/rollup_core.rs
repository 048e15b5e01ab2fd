//! The raw imports of the machine, and the only `unsafe` of the project beside
//! what [`crate::kernel_entry!`] expands to.
//!
//! Each wrapper makes one host call. The machine checks paths, offsets and
//! sizes; a wrapper promises that pointers and lengths belong together.
#![expect(unsafe_code, reason = "imports are unsafe to call")]

use crate::{HostError, MAX_MESSAGE, Path};
use alloc::vec::Vec;

#[cfg_attr(
    not(feature = "legacy-abi"),
    link(wasm_import_module = "smart_rollup_core")
)]
#[cfg_attr(feature = "legacy-abi", link(wasm_import_module = "rollup_safe_core"))]
unsafe extern "C" {
    #[link_name = "read_input"]
    fn raw_read_input(info: *mut i32, dst: *mut u8, max_bytes: usize) -> i32;
    #[link_name = "write_output"]
    fn raw_write_output(src: *const u8, num_bytes: usize) -> i32;
    #[link_name = "write_debug"]
    fn raw_write_debug(src: *const u8, num_bytes: usize);
    #[link_name = "store_has"]
    fn raw_store_has(path: *const u8, path_len: usize) -> i32;
    #[link_name = "store_exists"]
    fn raw_store_exists(path: *const u8, path_len: usize) -> i32;
    #[link_name = "store_create"]
    fn raw_store_create(path: *const u8, path_len: usize, size: usize) -> i32;
    #[link_name = "store_get_nth_key"]
    fn raw_store_get_nth_key(
        path: *const u8,
        path_len: usize,
        index: i64,
        dst: *mut u8,
        max_size: usize,
    ) -> i32;
    #[link_name = "__internal_store_get_hash"]
    fn raw_store_get_hash(path: *const u8, path_len: usize, dst: *mut u8, max_size: usize) -> i32;
    #[link_name = "store_delete"]
    fn raw_store_delete(path: *const u8, path_len: usize) -> i32;
    #[link_name = "store_delete_value"]
    fn raw_store_delete_value(path: *const u8, path_len: usize) -> i32;
    #[link_name = "store_list_size"]
    fn raw_store_list_size(path: *const u8, path_len: usize) -> i64;
    #[link_name = "store_copy"]
    fn raw_store_copy(from: *const u8, from_len: usize, to: *const u8, to_len: usize) -> i32;
    #[link_name = "store_move"]
    fn raw_store_move(from: *const u8, from_len: usize, to: *const u8, to_len: usize) -> i32;
    #[link_name = "store_read"]
    fn raw_store_read(
        path: *const u8,
        path_len: usize,
        offset: usize,
        dst: *mut u8,
        max_bytes: usize,
    ) -> i32;
    #[link_name = "store_write"]
    fn raw_store_write(
        path: *const u8,
        path_len: usize,
        offset: usize,
        src: *const u8,
        num_bytes: usize,
    ) -> i32;
    #[link_name = "store_value_size"]
    fn raw_store_value_size(path: *const u8, path_len: usize) -> i32;
    #[link_name = "reveal_preimage"]
    fn raw_reveal_preimage(hash: *const u8, hash_len: usize, dst: *mut u8, max_bytes: usize)
    -> i32;
    #[link_name = "reveal"]
    fn raw_reveal(payload: *const u8, payload_len: usize, dst: *mut u8, max_bytes: usize) -> i32;
    #[link_name = "reveal_metadata"]
    fn raw_reveal_metadata(dst: *mut u8, max_bytes: usize) -> i32;
}

/// A code of the machine: a count, or an error below zero.
const fn count(code: i32) -> Result<usize, HostError> {
    if code < 0 {
        Err(HostError::from_code(code))
    } else {
        Ok(code as usize)
    }
}

/// `read_input`: level, id and length of the message put into `buffer`.
pub(crate) fn read_input(buffer: &mut [u8; MAX_MESSAGE]) -> Result<(i32, i32, usize), HostError> {
    let mut info = [0_i32; 2];
    // SAFETY: `info` has the two i32 that the machine writes, `buffer` the bytes.
    let code = unsafe { raw_read_input(info.as_mut_ptr(), buffer.as_mut_ptr(), buffer.len()) };
    let [level, id] = info;
    Ok((level, id, count(code)?))
}

/// `read_input`: level and id of the message that was put behind what `buffer` holds.
pub(crate) fn append_input(buffer: &mut Vec<u8>) -> Result<(i32, i32), HostError> {
    let mut info = [0_i32; 2];
    buffer.reserve(MAX_MESSAGE);
    let place = buffer.spare_capacity_mut().as_mut_ptr();
    // SAFETY: `info` has the two i32 that the machine writes, `buffer` room for the bytes.
    let code = unsafe { raw_read_input(info.as_mut_ptr(), place.cast(), MAX_MESSAGE) };
    let len = count(code)?.min(MAX_MESSAGE);
    // SAFETY: so many bytes were reserved, and the machine wrote them.
    unsafe { buffer.set_len(buffer.len() + len) };
    let [level, id] = info;
    Ok((level, id))
}

/// `write_output`.
pub(crate) fn write_output(message: &[u8]) -> Result<(), HostError> {
    // SAFETY: pointer and length are those of one slice, which is only read.
    count(unsafe { raw_write_output(message.as_ptr(), message.len()) }).map(drop)
}

/// `write_debug`.
pub(crate) fn write_debug(line: &[u8]) {
    // SAFETY: pointer and length are those of one slice, which is only read.
    unsafe { raw_write_debug(line.as_ptr(), line.len()) }
}

/// `store_has`: 0 nothing, 1 value, 2 subtree, 3 both.
pub(crate) fn store_has(path: Path<'_>) -> Result<usize, HostError> {
    let path = path.as_bytes();
    // SAFETY: pointer and length are those of one slice, which is only read.
    count(unsafe { raw_store_has(path.as_ptr(), path.len()) })
}

/// `store_exists`: 0 nothing, 1 something.
pub(crate) fn store_exists(path: Path<'_>) -> Result<bool, HostError> {
    let path = path.as_bytes();
    // SAFETY: pointer and length are those of one slice, which is only read.
    count(unsafe { raw_store_exists(path.as_ptr(), path.len()) }).map(|exists| exists == 1)
}

/// `store_create`.
pub(crate) fn store_create(path: Path<'_>, size: usize) -> Result<(), HostError> {
    let path = path.as_bytes();
    // SAFETY: pointer and length are those of one slice, which is only read.
    count(unsafe { raw_store_create(path.as_ptr(), path.len(), size) }).map(drop)
}

/// `store_get_nth_key`: how many bytes were put into `buffer`.
pub(crate) fn store_get_nth_key(
    path: Path<'_>,
    index: i64,
    buffer: &mut [u8],
) -> Result<usize, HostError> {
    let path = path.as_bytes();
    // SAFETY: each pointer and length are those of one slice; the machine writes
    // at most `buffer.len()` bytes.
    count(unsafe {
        raw_store_get_nth_key(
            path.as_ptr(),
            path.len(),
            index,
            buffer.as_mut_ptr(),
            buffer.len(),
        )
    })
}

/// `__internal_store_get_hash`.
pub(crate) fn store_get_hash(path: Path<'_>) -> Result<[u8; 32], HostError> {
    let path = path.as_bytes();
    let mut hash = [0; 32];
    // SAFETY: each pointer and length are those of one slice or array; the
    // machine writes at most the 32 bytes of the array.
    count(unsafe { raw_store_get_hash(path.as_ptr(), path.len(), hash.as_mut_ptr(), hash.len()) })?;
    Ok(hash)
}

/// `store_delete`.
pub(crate) fn store_delete(path: Path<'_>) -> Result<(), HostError> {
    let path = path.as_bytes();
    // SAFETY: pointer and length are those of one slice, which is only read.
    count(unsafe { raw_store_delete(path.as_ptr(), path.len()) }).map(drop)
}

/// `store_delete_value`.
pub(crate) fn store_delete_value(path: Path<'_>) -> Result<(), HostError> {
    let path = path.as_bytes();
    // SAFETY: pointer and length are those of one slice, which is only read.
    count(unsafe { raw_store_delete_value(path.as_ptr(), path.len()) }).map(drop)
}

/// `store_list_size`.
pub(crate) fn store_list_size(path: Path<'_>) -> Result<u64, HostError> {
    let path = path.as_bytes();
    // SAFETY: pointer and length are those of one slice, which is only read.
    let size = unsafe { raw_store_list_size(path.as_ptr(), path.len()) };
    u64::try_from(size).map_err(|_| HostError::from_code(size as i32))
}

/// `store_copy`.
pub(crate) fn store_copy(from: Path<'_>, to: Path<'_>) -> Result<(), HostError> {
    let (from, to) = (from.as_bytes(), to.as_bytes());
    // SAFETY: each pointer and length are those of one slice, which is only read.
    count(unsafe { raw_store_copy(from.as_ptr(), from.len(), to.as_ptr(), to.len()) }).map(drop)
}

/// `store_move`.
pub(crate) fn store_move(from: Path<'_>, to: Path<'_>) -> Result<(), HostError> {
    let (from, to) = (from.as_bytes(), to.as_bytes());
    // SAFETY: each pointer and length are those of one slice, which is only read.
    count(unsafe { raw_store_move(from.as_ptr(), from.len(), to.as_ptr(), to.len()) }).map(drop)
}

/// `store_read`: how many bytes were put into `buffer`.
pub(crate) fn store_read(
    path: Path<'_>,
    offset: usize,
    buffer: &mut [u8],
) -> Result<usize, HostError> {
    let path = path.as_bytes();
    // SAFETY: each pointer and length are those of one slice; the machine writes
    // at most `buffer.len()` bytes.
    count(unsafe {
        raw_store_read(
            path.as_ptr(),
            path.len(),
            offset,
            buffer.as_mut_ptr(),
            buffer.len(),
        )
    })
}

/// `store_write`.
pub(crate) fn store_write(path: Path<'_>, offset: usize, bytes: &[u8]) -> Result<(), HostError> {
    let path = path.as_bytes();
    // SAFETY: each pointer and length are those of one slice, which is only read.
    count(unsafe {
        raw_store_write(
            path.as_ptr(),
            path.len(),
            offset,
            bytes.as_ptr(),
            bytes.len(),
        )
    })
    .map(drop)
}

/// `store_value_size`.
pub(crate) fn store_value_size(path: Path<'_>) -> Result<usize, HostError> {
    let path = path.as_bytes();
    // SAFETY: pointer and length are those of one slice, which is only read.
    count(unsafe { raw_store_value_size(path.as_ptr(), path.len()) })
}

/// `reveal_preimage`: how many bytes were put into `buffer`.
pub(crate) fn reveal_preimage(
    hash: &[u8; 33],
    buffer: &mut [u8; MAX_MESSAGE],
) -> Result<usize, HostError> {
    // SAFETY: each pointer and length are those of one array; the machine writes
    // at most `buffer.len()` bytes.
    count(unsafe {
        raw_reveal_preimage(hash.as_ptr(), hash.len(), buffer.as_mut_ptr(), buffer.len())
    })
}

/// `reveal`: how many bytes were put into `buffer`.
pub(crate) fn reveal(request: &[u8], buffer: &mut [u8]) -> Result<usize, HostError> {
    // SAFETY: each pointer and length are those of one slice; the machine writes
    // at most `buffer.len()` bytes.
    count(unsafe {
        raw_reveal(
            request.as_ptr(),
            request.len(),
            buffer.as_mut_ptr(),
            buffer.len(),
        )
    })
}

/// `reveal_metadata`: address, then origination level (big-endian).
pub(crate) fn reveal_metadata() -> Result<[u8; 24], HostError> {
    let mut metadata = [0; 24];
    // SAFETY: the machine writes at most the 24 bytes of the array.
    count(unsafe { raw_reveal_metadata(metadata.as_mut_ptr(), metadata.len()) })?;
    Ok(metadata)
}
