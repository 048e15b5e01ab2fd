//! Inputs that always trap, kept for a later kernel.

use crate::Cursor;
use host::{HostError, Path, PathBuf, Store};

/// Keeps the input at `cursor` below `root` (of at most 40 bytes), at
/// `LEVEL/OFFSET`.
///
/// # Errors
/// Where the machine refuses.
pub fn keep(
    store: &mut impl Store,
    root: Path<'_>,
    cursor: Cursor,
    bytes: &[u8],
) -> Result<(), HostError> {
    let mut path = PathBuf::<64>::from_path(root);
    for number in [cursor.level, cursor.offset] {
        path.push_number(number.into())
            .map_err(|_| HostError::KeyTooLarge)?;
    }
    store.write_alone(path.as_path(), bytes)
}
