//! Folders of tests.

use alloy_primitives::hex;
use pvm::preimages::page_tree;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

/// A folder that is deleted at the end.
#[derive(Debug)]
pub struct Folder(pub PathBuf);

impl Folder {
    /// A new one, whatever others have this name.
    ///
    /// # Panics
    /// If it cannot be made.
    #[must_use]
    pub fn new(name: &str) -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("evm-rollup-{name}-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        // A process with the same number may have left one.
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).expect("a folder for temporary files");
        Self(path)
    }

    /// The path of a file in it, as text.
    ///
    /// # Panics
    /// If it is no text.
    #[must_use]
    pub fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().expect("text").to_owned()
    }

    /// Writes a file; gives its path, as text.
    ///
    /// # Panics
    /// If it cannot be written.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        std::fs::write(&path, content).expect("the folder is ours");
        path
    }

    /// Writes a page where a node looks for it.
    ///
    /// # Panics
    /// If it cannot be written.
    pub fn put(&self, hash: &[u8; 33], page: &[u8]) {
        std::fs::write(self.0.join(hex::encode(hash)), page).expect("the folder is ours");
    }

    /// Publishes a payload, page by page; gives its root hash.
    #[must_use]
    pub fn publish(&self, payload: &[u8]) -> [u8; 33] {
        let tree = page_tree(payload);
        for (hash, page) in &tree.pages {
            self.put(hash, page);
        }
        tree.root
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
