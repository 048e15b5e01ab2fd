//! The storage functions of the machine, check by check in its order, on a
//! [`Durable`]: what the wasm imports, the capability traits and the tests
//! share. Lengths and offsets are the i32 that a kernel passes.

pub use crate::durable::StoreError;
use crate::durable::{Cut, Durable, Unavailable};
use crate::value::{MAX_VALUE, Value};
use host::path::MAX_PATH;
use host::{HostError, MAX_CHUNK, Path, ReadStore, Store, ValueKind};
use std::borrow::Cow;

impl From<StoreError> for HostError {
    fn from(failure: StoreError) -> Self {
        match failure {
            StoreError::Host(error) => error,
            StoreError::Unavailable(why) => why.into(),
        }
    }
}

/// A path that a kernel may use; the empty one is the root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key<'k>(&'k [u8]);

impl<'k> Key<'k> {
    /// Checks the grammar.
    ///
    /// # Errors
    /// [`HostError::KeyTooLarge`], [`HostError::InvalidKey`].
    pub fn new(bytes: &'k [u8]) -> Result<Self, HostError> {
        if bytes.len() > MAX_PATH {
            return Err(HostError::KeyTooLarge);
        }
        if bytes.is_empty() {
            return Ok(Self(bytes));
        }
        let mut previous = b'a';
        for byte in bytes {
            match *byte {
                b'/' if previous == b'/' => return Err(HostError::InvalidKey),
                b'/' | b'.' | b'-' | b'_' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => {}
                _ => return Err(HostError::InvalidKey),
            }
            previous = *byte;
        }
        if bytes[0] != b'/' || previous == b'/' {
            return Err(HostError::InvalidKey);
        }
        Ok(Self(bytes))
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(self) -> &'k [u8] {
        self.0
    }

    /// The root and `/readonly` are not for kernels to change.
    ///
    /// # Errors
    /// [`HostError::ReadOnly`].
    pub fn writable(self) -> Result<Self, HostError> {
        match self.0.strip_prefix(b"/readonly") {
            Some([] | [b'/', ..]) => Err(HostError::ReadOnly),
            _ if self.0.is_empty() => Err(HostError::ReadOnly),
            _ => Ok(self),
        }
    }
}

/// A path with its own bytes.
pub(crate) struct OwnedKey(Vec<u8>);

impl OwnedKey {
    /// Checks the grammar, as [`Key::new`] does.
    pub(crate) fn new(bytes: Vec<u8>) -> Result<Self, HostError> {
        Key::new(&bytes)?;
        Ok(Self(bytes))
    }

    /// The path.
    pub(crate) fn key(&self) -> Key<'_> {
        Key(&self.0)
    }
}

/// The names below a path, listed before.
#[derive(Clone, Debug)]
pub(crate) struct Listed {
    /// `true` if there is anything at the path.
    pub(crate) any: bool,
    /// Number of names; the path's own value counts as one.
    pub(crate) count: u64,
    /// The name that was looked for.
    pub(crate) name: Option<Vec<u8>>,
}

impl Listed {
    /// As [`nth_key`].
    pub(crate) fn name(self) -> Result<Vec<u8>, HostError> {
        if !self.any {
            return Err(HostError::NotANode);
        }
        self.name.ok_or(HostError::InvalidSubkeyIndex)
    }
}

impl<'k> From<Path<'k>> for Key<'k> {
    fn from(path: Path<'k>) -> Self {
        Self(path.as_bytes())
    }
}

/// `store_has`: 0 nothing, 1 a value, 2 a subtree, 3 both.
///
/// # Errors
/// If a part of the storage cannot be loaded, as of all of these functions.
pub fn has(durable: &Durable, key: Key<'_>) -> Result<i32, StoreError> {
    let (value, below) = kinds(durable, key.0)?;
    Ok(i32::from(value) + 2 * i32::from(below))
}

/// True if there is a value, and something below. Below a path that is not here there is
/// nothing, whatever stands behind the storage.
fn kinds(durable: &Durable, key: &[u8]) -> Result<(bool, bool), Unavailable> {
    let (value, below) = durable.has(key)?;
    Ok((value || durable.look(key)?.is_some(), below))
}

/// `store_list_size`: how many children, the value itself counted as one.
///
/// # Errors
/// If a child cannot be loaded.
pub fn list_size(durable: &Durable, key: Key<'_>) -> Result<i64, StoreError> {
    let mut count = i64::from(durable.has(key.0)?.0);
    durable.for_each_child(key.0, &mut |_| count += 1)?;
    Ok(count)
}

/// `store_get_nth_key`: the name of a child, in the order of the machine's
/// step names, where the value itself is called `@` and given as "".
///
/// # Errors
/// [`HostError::NotANode`], [`HostError::InvalidSubkeyIndex`].
pub fn nth_key(durable: &Durable, key: Key<'_>, index: i64) -> Result<Vec<u8>, StoreError> {
    let (value, below) = durable.has(key.0)?;
    if !value && !below {
        return Err(HostError::NotANode.into());
    }
    let mut names: Vec<Vec<u8>> = Vec::new();
    if value {
        names.push(b"@".to_vec());
    }
    durable.for_each_child(key.0, &mut |name| names.push(name.to_vec()))?;
    names.sort_unstable();
    // As recorded.
    let index = if index == i64::MIN { 0 } else { index };
    let index = usize::try_from(index).map_err(|_| HostError::InvalidSubkeyIndex)?;
    let name = names
        .into_iter()
        .nth(index)
        .ok_or(HostError::InvalidSubkeyIndex)?;
    Ok(if name == b"@" { Vec::new() } else { name })
}

/// `store_value_size`.
///
/// # Errors
/// [`HostError::NotAValue`].
pub fn value_size(durable: &Durable, key: Key<'_>) -> Result<i32, StoreError> {
    let value = durable.look(key.0)?.ok_or(HostError::NotAValue)?;
    i32::try_from(value.len()).map_err(|_| HostError::GenericInvalidAccess.into())
}

/// The checks of `store_read`: the value, where to start, and how many bytes
/// there are to move.
///
/// # Errors
/// [`HostError::TooLarge`], [`HostError::NotAValue`],
/// [`HostError::InvalidAccess`]; [`HostError::GenericInvalidAccess`] for a
/// negative `max_bytes`.
pub fn read<'d>(
    durable: &'d Durable,
    key: Key<'_>,
    offset: i32,
    max_bytes: i32,
) -> Result<(Cow<'d, Value>, usize, usize), StoreError> {
    if max_bytes > MAX_CHUNK as i32 {
        return Err(HostError::TooLarge.into());
    }
    let value = durable.look(key.0)?.ok_or(HostError::NotAValue)?;
    let offset = usize::try_from(offset).map_err(|_| HostError::InvalidAccess)?;
    if offset >= value.len() {
        return Err(HostError::InvalidAccess.into());
    }
    let max_bytes = usize::try_from(max_bytes).map_err(|_| HostError::GenericInvalidAccess)?;
    let len = max_bytes.min(value.len() - offset);
    Ok((value, offset, len))
}

/// `store_write`; `bytes` is asked for in the middle of the checks and gives
/// the source, or the error of the memory.
///
/// # Errors
/// [`HostError::ValueSizeExceeded`], what `bytes` says,
/// [`HostError::ReadOnly`], [`HostError::TooLarge`],
/// [`HostError::InvalidAccess`].
pub fn write<B: AsRef<[u8]>>(
    durable: &mut Durable,
    key: Key<'_>,
    offset: i32,
    num_bytes: i32,
    bytes: impl FnOnce() -> Result<B, StoreError>,
) -> Result<(), StoreError> {
    let size = durable.look(key.0)?.map_or(0, |value| value.len());
    let num_bytes = usize::try_from(num_bytes).map_err(|_| HostError::ValueSizeExceeded)?;
    if size + num_bytes > MAX_VALUE {
        return Err(HostError::ValueSizeExceeded.into());
    }
    let bytes = bytes()?;
    let key = key.writable()?;
    if num_bytes > MAX_CHUNK {
        return Err(HostError::TooLarge.into());
    }
    match usize::try_from(offset) {
        Ok(offset) if offset <= size => {
            durable.bring(key.0)?;
            durable.write_value(key.0, offset, bytes.as_ref())?;
        }
        Ok(_) => return Err(HostError::InvalidAccess.into()),
        Err(_) => return Err(HostError::GenericInvalidAccess.into()),
    }
    Ok(())
}

/// `store_create`: a value of `size` zero bytes.
///
/// # Errors
/// [`HostError::ValueSizeExceeded`], [`HostError::ReadOnly`],
/// [`HostError::ValueAlreadyExists`].
pub fn create(durable: &mut Durable, key: Key<'_>, size: i32) -> Result<(), StoreError> {
    let size = usize::try_from(size).map_err(|_| HostError::ValueSizeExceeded)?;
    let key = key.writable()?;
    if durable.look(key.0)?.is_some() {
        return Err(HostError::ValueAlreadyExists.into());
    }
    durable.set(key.0, Value::zeros(size))?;
    Ok(())
}

/// `store_delete`.
///
/// # Errors
/// [`HostError::ReadOnly`].
pub fn delete(durable: &mut Durable, key: Key<'_>) -> Result<(), StoreError> {
    durable.cut(key.writable()?.0, Cut::Subtree)?;
    Ok(())
}

/// `store_delete_value`.
///
/// # Errors
/// [`HostError::ReadOnly`].
pub fn delete_value(durable: &mut Durable, key: Key<'_>) -> Result<(), StoreError> {
    durable.cut(key.writable()?.0, Cut::Value)?;
    Ok(())
}

/// `store_copy`.
///
/// # Errors
/// [`HostError::ReadOnly`], [`HostError::NotANode`].
pub fn copy(durable: &mut Durable, from: Key<'_>, to: Key<'_>) -> Result<(), StoreError> {
    let to = to.writable()?;
    durable.bring(from.0)?;
    durable.copy_node(from.0, to.0)
}

/// `store_move`.
///
/// # Errors
/// [`HostError::ReadOnly`], [`HostError::NotANode`].
pub fn move_(durable: &mut Durable, from: Key<'_>, to: Key<'_>) -> Result<(), StoreError> {
    let (from, to) = (from.writable()?, to.writable()?);
    durable.bring(from.0)?;
    durable.move_node(from.0, to.0)
}

fn int(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

impl ReadStore for Durable {
    fn store_read(
        &self,
        path: Path<'_>,
        offset: usize,
        buffer: &mut [u8],
    ) -> Result<usize, HostError> {
        let (value, offset, len) = read(self, path.into(), int(offset), int(buffer.len()))?;
        Ok(value.read_part(offset, &mut buffer[..len])?)
    }

    fn store_has(&self, path: Path<'_>) -> Result<Option<ValueKind>, HostError> {
        Ok(match kinds(self, path.as_bytes())? {
            (false, false) => None,
            (true, false) => Some(ValueKind::Value),
            (false, true) => Some(ValueKind::Subtree),
            (true, true) => Some(ValueKind::ValueWithSubtree),
        })
    }

    fn store_value_size(&self, path: Path<'_>) -> Result<usize, HostError> {
        let value = self.look(path.as_bytes())?.ok_or(HostError::NotAValue)?;
        Ok(value.len())
    }

    fn store_list_size(&self, path: Path<'_>) -> Result<u64, HostError> {
        Ok(list_size(self, path.into())?.unsigned_abs())
    }
}

impl Store for Durable {
    fn store_write(
        &mut self,
        path: Path<'_>,
        offset: usize,
        bytes: &[u8],
    ) -> Result<(), HostError> {
        let len = int(bytes.len());
        Ok(write(self, path.into(), int(offset), len, || Ok(bytes))?)
    }

    fn store_create(&mut self, path: Path<'_>, size: usize) -> Result<(), HostError> {
        Ok(create(self, path.into(), int(size))?)
    }

    fn store_delete(&mut self, path: Path<'_>) -> Result<(), HostError> {
        Ok(delete(self, path.into())?)
    }

    fn store_delete_value(&mut self, path: Path<'_>) -> Result<(), HostError> {
        Ok(delete_value(self, path.into())?)
    }

    fn store_copy(&mut self, from: Path<'_>, to: Path<'_>) -> Result<(), HostError> {
        Ok(copy(self, from.into(), to.into())?)
    }

    fn store_move(&mut self, from: Path<'_>, to: Path<'_>) -> Result<(), HostError> {
        Ok(move_(self, from.into(), to.into())?)
    }
}
