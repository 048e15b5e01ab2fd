//! Snapshots of the data folder, written while the node goes on.

use crate::folder_file;
use crate::store::Store;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::{Builder, JoinHandle};
use std::time::Instant;

/// The ending of a file's name.
const ENDING: &str = ".snapshot";

/// The interval of snapshots, and the number that is kept.
#[derive(Clone, Debug)]
pub struct SnapshotPlan {
    /// Behind the levels that this divides.
    pub every: u32,
    /// The newest that stay; older ones are deleted.
    pub kept: usize,
    /// The folder: `LEVEL.snapshot` each.
    pub folder: PathBuf,
}

/// Writes them, one at a time.
#[derive(Debug)]
pub(super) struct Snapshots {
    plan: SnapshotPlan,
    store: Arc<Store>,
    writing: Option<JoinHandle<()>>,
    /// The lowest level to which layer 1 went back since the last snapshot was begun.
    back_to: Arc<AtomicU32>,
}

impl Snapshots {
    /// None are written yet.
    ///
    /// # Errors
    /// If there is no folder for them.
    pub(super) fn new(plan: SnapshotPlan, store: Arc<Store>) -> io::Result<Self> {
        fs::create_dir_all(&plan.folder)?;
        sweep(&plan.folder)?;
        Ok(Self {
            plan,
            store,
            writing: None,
            back_to: Arc::new(AtomicU32::new(u32::MAX)),
        })
    }

    /// Layer 1 went back from one level to another: snapshots behind those in between are of no
    /// use, for a node made from one would know no block of layer 1 as it is.
    pub(super) fn went_back(&self, from: u32, to: u32) {
        self.back_to.fetch_min(to, Ordering::SeqCst);
        if let Err(error) = remove(&self.plan.folder, to.saturating_add(1)..=from) {
            tracing::warn!("snapshots of levels that are gone cannot be removed: {error}");
        }
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
        let back_to = Arc::clone(&self.back_to);
        back_to.store(u32::MAX, Ordering::SeqCst);
        let write = move || {
            let start = Instant::now();
            match write(&plan, &store, level) {
                // It was written while layer 1 went back.
                Ok(path) if back_to.load(Ordering::SeqCst) < level => {
                    let _ = fs::remove_file(path);
                }
                Ok(path) => tracing::info!(
                    "snapshot {} written in {:.1?}",
                    path.display(),
                    start.elapsed()
                ),
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
    if let Err(error) = prune(plan, level) {
        tracing::warn!("old snapshots cannot be removed: {error}");
    }
    Ok(path)
}

/// Deletes those behind earlier levels that are too many, and what a kill left.
fn prune(plan: &SnapshotPlan, newest: u32) -> io::Result<()> {
    let mut levels = Vec::new();
    for entry in fs::read_dir(&plan.folder)? {
        let entry = entry?;
        let Some(level) = level_of(&entry.file_name()) else {
            continue;
        };
        if level < newest && entry.file_type()?.is_file() {
            levels.push((level, entry.path()));
        }
    }
    levels.sort_unstable();
    // The newest has just been written.
    for (_, path) in levels.iter().rev().skip(plan.kept.saturating_sub(1)) {
        fs::remove_file(path)?;
    }
    Ok(())
}

/// Deletes those behind these levels.
fn remove(folder: &Path, levels: RangeInclusive<u32>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let is_one = level_of(&entry.file_name()).is_some_and(|level| levels.contains(&level));
        if is_one && entry.file_type()?.is_file() {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// The level of a snapshot by its file's name; files with other names are somebody else's.
fn level_of(name: &OsStr) -> Option<u32> {
    let name = name.to_str()?;
    let level: u32 = name.strip_suffix(ENDING)?.parse().ok()?;
    (format!("{level}{ENDING}") == name).then_some(level)
}

/// Deletes what a kill left half written.
fn sweep(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let is_part = path.extension().is_some_and(|end| end == "part");
        if is_part && path.file_stem().and_then(level_of).is_some() {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_older_snapshots_go_and_nothing_of_others() {
        let folder = std::env::temp_dir().join(format!("snapshots-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(folder.join("7.snapshot")).unwrap();
        let foreign = ["0001.snapshot", "notes.txt", "900000.snapshot", "x.part"];
        for name in foreign {
            fs::write(folder.join(name), name).unwrap();
        }
        for level in [2, 4, 6, 8] {
            fs::write(folder.join(format!("{level}.snapshot")), "s").unwrap();
        }
        fs::write(folder.join("5.snapshot.part"), "half").unwrap();
        let plan = SnapshotPlan {
            every: 2,
            kept: 2,
            folder: folder.clone(),
        };
        sweep(&folder).unwrap();
        prune(&plan, 8).unwrap();
        let mut left: Vec<_> = fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        let mut expected = foreign.to_vec();
        expected.extend(["6.snapshot", "7.snapshot", "8.snapshot"]);
        expected.sort_unstable();
        assert_eq!(left, expected);
        // Layer 1 went back.
        remove(&folder, 7..=9).unwrap();
        let is_there = |name| folder.join(name).exists();
        assert!(is_there("6.snapshot") && is_there("7.snapshot"));
        assert!(!is_there("8.snapshot") && is_there("900000.snapshot"));
        fs::remove_dir_all(&folder).unwrap();
    }
}
