//! A store that is filled from another one, and is there only when it is whole.

use super::backend::File;
use super::error::StoreError;
use super::store::{FILE, Store, make_folder};
use std::fs;
use std::path::Path;
use std::sync::Arc;

/// Its file's name until it is whole.
const UNFINISHED: &str = "store.redb.part";

impl Store {
    /// A store to be filled from another one, in a folder that has none; `None`: it has. The
    /// folder has it from [`Store::finish`] on.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn vacant(folder: &Path) -> Result<Option<Arc<Self>>, StoreError> {
        make_folder(folder)?;
        let (file, part) = (folder.join(FILE), folder.join(UNFINISHED));
        // One that was never filled is as good as none.
        if Self::is_in(folder) && Self::empty(&file)?.is_none() {
            return Ok(None);
        }
        let begun = match Self::empty(&part) {
            Err(error @ StoreError::Full { .. }) => {
                let _ = fs::remove_file(&part);
                let _ = fs::remove_dir(folder);
                return Err(error);
            }
            begun => begun?,
        };
        if let Some(store) = begun {
            return Ok(Some(store));
        }
        // Somebody was interrupted before its last step, or in its first.
        fs::remove_file(&part).map_err(|source| StoreError::Unopened {
            name: part.display().to_string(),
            source,
        })?;
        Self::empty(&part)
    }

    /// A store without anything; `None`: the file is something else.
    fn empty(file: &Path) -> Result<Option<Arc<Self>>, StoreError> {
        match Self::with(Arc::new(File::new(file.to_path_buf())), true) {
            Ok(store) if matches!(store.schema(), Ok(false)) => Ok(Some(store)),
            Ok(store) => {
                store.close();
                Ok(None)
            }
            Err(StoreError::Damaged { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Ends a store that could not be filled, and removes its file; its folder, too, if nothing
    /// else is there.
    pub fn abandon(&self, folder: &Path) {
        self.close();
        // What stays is written anew by the next attempt.
        let _ = fs::remove_file(folder.join(UNFINISHED));
        let _ = fs::remove_dir(folder);
    }

    /// Gives a store that was filled its place: the folder has it now, after a power cut, too.
    ///
    /// # Errors
    /// [`StoreError::Unopened`].
    pub fn finish(&self, folder: &Path) -> Result<(), StoreError> {
        self.close();
        pvm::files::rename(&folder.join(UNFINISHED), &folder.join(FILE)).map_err(|source| {
            StoreError::Unopened {
                name: folder.join(FILE).display().to_string(),
                source,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_there_only_when_it_is_whole() {
        let folder =
            std::env::temp_dir().join(format!("evm-rollup-filling-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        let part = folder.join(UNFINISHED);
        // Interrupted, twice: once with nothing done, once in the middle of its first page.
        drop(Store::vacant(&folder).unwrap().unwrap());
        assert!(!Store::is_in(&folder));
        fs::write(&part, b"half").unwrap();
        let store = Store::vacant(&folder).unwrap().unwrap();
        assert!(!Store::is_in(&folder));
        // Nobody else fills it meanwhile.
        assert!(matches!(Store::vacant(&folder), Err(StoreError::InUse(_))));
        // One that could not be filled leaves nothing.
        store.abandon(&folder);
        assert!(!folder.exists());
        let store = Store::vacant(&folder).unwrap().unwrap();
        store.finish(&folder).unwrap();
        assert!(Store::is_in(&folder) && !part.exists());
        fs::remove_dir_all(&folder).unwrap();
    }
}
