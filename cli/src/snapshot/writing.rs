//! Writes snapshots.

use anyhow::Context;
use pvm::Machine;
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Writes a machine to a file, which is there as a whole or not at all.
pub(crate) fn write(machine: &Machine, path: &Path) -> anyhow::Result<()> {
    let snapshot = machine.snapshot([0; 32])?;
    write_with(path, |out| Ok(snapshot.write(out)?))
}

/// Writes a file, which is there as a whole or not at all.
pub(crate) fn write_with(
    path: &Path,
    content: impl FnOnce(&mut BufWriter<File>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    pvm::files::replace(path, content).with_context(|| path.display().to_string())
}

/// The interval of snapshots.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Every {
    Levels(u32),
    Time(Duration),
}

impl std::str::FromStr for Every {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str| text.parse().ok().filter(|number| *number > 0);
        let every = match text.strip_suffix('s') {
            Some(seconds) => {
                number(seconds).map(|seconds: u32| Self::Time(Duration::from_secs(seconds.into())))
            }
            None => number(text).map(Self::Levels),
        };
        every.ok_or_else(|| "neither a number of levels nor of seconds (20s)".to_owned())
    }
}

/// Writes snapshots of a run.
#[derive(Debug)]
pub(crate) struct Snapshots {
    every: Every,
    folder: PathBuf,
    last: Instant,
}

impl Snapshots {
    /// Into `folder`, which is made if it is not there.
    pub(crate) fn new(every: Every, folder: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        Ok(Self {
            every,
            folder: folder.to_path_buf(),
            last: Instant::now(),
        })
    }

    /// A level is done: writes `LEVEL.snapshot`, if it is time, named by the level that
    /// runs next.
    pub(crate) fn level(&mut self, machine: &Machine) -> anyhow::Result<()> {
        let due = match self.every {
            Every::Levels(levels) => machine.level().is_multiple_of(levels),
            Every::Time(time) => self.last.elapsed() >= time,
        };
        if due {
            let name = format!("{}.snapshot", machine.level());
            write(machine, &self.folder.join(name))?;
            self.last = Instant::now();
        }
        Ok(())
    }
}
