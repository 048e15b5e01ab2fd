//! Snapshots of the data folder, written while the node goes on.

use crate::folder_file;
use crate::store::Store;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::Instant;

/// How a file's name ends.
const ENDING: &str = ".snapshot";

/// How often snapshots are written, and how many stay.
#[derive(Clone, Debug)]
pub struct SnapshotPlan {
    /// Behind the levels that this divides.
    pub every: u32,
    /// The newest that stay; older ones are deleted.
    pub kept: usize,
    /// Where they are: `LEVEL.snapshot` each.
    pub folder: PathBuf,
}

/// Writes them, one at a time.
#[derive(Debug)]
pub(super) struct Snapshots {
    plan: SnapshotPlan,
    store: Arc<Store>,
    writing: Option<JoinHandle<()>>,
}

impl Snapshots {
    /// None are written yet.
    ///
    /// # Errors
    /// If there is no folder for them.
    pub(super) fn new(plan: SnapshotPlan, store: Arc<Store>) -> io::Result<Self> {
        fs::create_dir_all(&plan.folder)?;
        Ok(Self {
            plan,
            store,
            writing: None,
        })
    }

    /// A level is committed: begins to write a snapshot behind it, if it is time.
    pub(super) fn level(&mut self, level: u32) {
        if !level.is_multiple_of(self.plan.every) {
            return;
        }
        if self
            .writing
            .as_ref()
            .is_some_and(|writing| !writing.is_finished())
        {
            tracing::warn!("no snapshot of level {level}: the one before is still being written");
            return;
        }
        let (plan, store) = (self.plan.clone(), Arc::clone(&self.store));
        let write = move || {
            let start = Instant::now();
            match write(&plan, &store, level) {
                Ok(path) => tracing::info!("{} written in {:.1?}", path.display(), start.elapsed()),
                Err(why) => tracing::warn!("no snapshot of level {level}: {why}"),
            }
        };
        match Builder::new().name("snapshot".into()).spawn(write) {
            Ok(writing) => self.writing = Some(writing),
            Err(error) => tracing::warn!("no snapshot of level {level}: {error}"),
        }
    }
}

/// Writes one, and lets those go that are too many.
fn write(
    plan: &SnapshotPlan,
    store: &Store,
    level: u32,
) -> Result<PathBuf, folder_file::FolderFileError> {
    let path = plan.folder.join(format!("{level}{ENDING}"));
    pvm::files::replace(&path, |out| {
        folder_file::export_store(store, Some(level), out).map(|_| ())
    })?;
    let mut levels = written(&plan.folder)?;
    levels.sort_unstable();
    for level in levels.iter().rev().skip(plan.kept) {
        fs::remove_file(plan.folder.join(format!("{level}{ENDING}")))?;
    }
    Ok(path)
}

/// The levels of the snapshots in a folder; files with other names are somebody else's.
fn written(folder: &Path) -> io::Result<Vec<u32>> {
    let mut levels = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let level = name.to_str().and_then(|name| name.strip_suffix(ENDING));
        levels.extend(level.and_then(|level| level.parse::<u32>().ok()));
    }
    Ok(levels)
}
