//! Inputs that always trap, kept for a later kernel.

use crate::{Cursor, Layout};
use host::{HostError, PathBuf, Store};

/// Keeps the input at `cursor` at [`Layout::dead_letters`]`/LEVEL/OFFSET`.
///
/// # Errors
/// If the machine refuses a host call.
pub fn keep(
    store: &mut impl Store,
    layout: &Layout,
    cursor: Cursor,
    bytes: &[u8],
) -> Result<(), HostError> {
    let mut path = PathBuf::<64>::from_path(layout.dead_letters);
    for number in [cursor.level, cursor.offset] {
        path.push_number(number.into())
            .map_err(|_| HostError::KeyTooLarge)?;
    }
    store.write_alone(path.as_path(), bytes)
}
