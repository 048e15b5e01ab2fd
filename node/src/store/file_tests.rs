//! Files that are empty, or gone under a store.

use super::testing::identity;
use super::tests::{Folder, commit, whole_up_to};
use super::{Store, StoreError};

/// No crash makes an empty file: a new one has its name when it is whole.
#[test]
fn an_empty_file_is_no_new_store() {
    let folder = Folder::new();
    let unfinished = folder.0.join("store.redb.new");
    for name in ["store.redb", "store.log"] {
        let path = folder.0.join(name);
        std::fs::write(&path, "").unwrap();
        let error = Store::open(&folder.0, &identity()).unwrap_err();
        assert!(error.to_string().contains("it is empty"), "{error}");
        // The file to be moved away is that one alone.
        assert!(error.to_string().contains(name), "{error}");
        assert_eq!(std::fs::metadata(&path).unwrap().len(), 0);
        std::fs::remove_file(&path).unwrap();
        // Somebody was interrupted who made one.
        std::fs::write(&unfinished, "half").unwrap();
        let store = Store::open(&folder.0, &identity()).unwrap();
        store.close();
        if name == "store.redb" {
            assert!(!unfinished.exists());
        }
    }
}

/// The folder is moved away under a store, another one is in its place, it comes back.
#[cfg(unix)]
#[test]
fn a_store_that_is_gone_is_noticed_and_written_again_when_it_is_back() {
    let (folder, other) = (Folder::new(), Folder::new());
    let store = Store::open(&folder.0, &identity()).unwrap();
    commit(&store, 0).unwrap();
    let moved = other.0.join("moved");
    std::fs::rename(&folder.0, &moved).unwrap();
    let refused = |store: &Store| {
        let gone = commit(store, 1).unwrap_err();
        assert!(matches!(gone, StoreError::Gone(_)), "{gone}");
        assert!(store.trouble().unwrap().contains("is gone"));
        whole_up_to(store, 0);
    };
    refused(&store);
    Store::open(&folder.0, &identity()).unwrap().close();
    refused(&store);
    std::fs::remove_dir_all(&folder.0).unwrap();
    std::fs::rename(&moved, &folder.0).unwrap();
    commit(&store, 1).unwrap();
    assert_eq!(store.trouble(), None);
    whole_up_to(&store, 1);
}
