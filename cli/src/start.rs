//! The start of a recorded run: before its first level, or at a snapshot.

use crate::kernel_args::{self, RollupArgs};
use crate::patience::Patience;
use anyhow::{Context, bail, ensure};
use clap::Args;
use node::recorded::RecordedLevel;
use pvm::inputs::Levels;
use pvm::{Inbox, Machine, Options, Snapshot};
use std::fs::File;
use std::path::{Path, PathBuf};

/// The most that a snapshot may unpack to by default, in bytes.
const MOST: u64 = 8 << 30;
/// The same for a small one, and how many times its size that of a large one may be.
const SMALL: u64 = 64 << 20;
const TIMES: u64 = 100;

/// A recorded run, and where it is taken up.
#[derive(Args, Debug)]
pub(crate) struct StartArgs {
    /// The messages of all levels, as `run` takes them; the first level is level 0
    #[arg(long, value_name = "FILE")]
    inputs: Option<PathBuf>,
    /// The snapshot to start from, instead of a kernel
    #[arg(
        long,
        value_name = "SNAPSHOT",
        conflicts_with_all = ["kernel", "setup", "pvm_version", "legacy", "rollup"]
    )]
    from: Option<PathBuf>,
    /// The kernel to start with, before the first level
    #[arg(long, value_name = "FILE")]
    kernel: Option<PathBuf>,
    #[command(flatten)]
    rollup: RollupArgs,
    /// The most bytes that the snapshot may unpack to [default: 64 MiB and 100 times its size, at
    /// most 8 GiB]
    #[arg(long, value_name = "BYTES")]
    most: Option<u64>,
}

/// A machine, and the messages of the levels from the first on.
pub(crate) struct Recorded {
    pub(crate) machine: Machine,
    levels: Levels,
}

impl StartArgs {
    pub(crate) fn start(&self) -> anyhow::Result<Recorded> {
        let options = self.rollup.options(Options::default());
        let machine = match (&self.from, &self.kernel) {
            (Some(path), _) => Machine::from_snapshot(&snapshot(path, self.most)?, options)?,
            (None, Some(kernel)) => Machine::from_durable(self.rollup.durable(kernel)?, options)?,
            (None, None) => bail!("where does it start? Give --kernel FILE, or --from SNAPSHOT"),
        };
        let inputs = self.inputs.as_ref();
        let inputs = inputs.context("what happened? Give the messages as --inputs FILE")?;
        let levels = kernel_args::levels(inputs, &machine.options().rollup)?;
        Ok(Recorded { machine, levels })
    }

    /// A machine before a level that a data folder has. Of the options those count that say how
    /// levels are run.
    pub(crate) fn resume(&self, level: &RecordedLevel) -> anyhow::Result<Machine> {
        let options = self.rollup.options(Options {
            first_level: level.level,
            origination_level: level.origination_level,
            ..Options::default()
        });
        let options = Options {
            rollup: level.rollup,
            ..options
        };
        Ok(Machine::from_durable(level.before.clone(), options)?)
    }
}

impl Recorded {
    /// The last level whose messages are known.
    pub(crate) fn last(&self) -> anyhow::Result<u32> {
        let last = self.levels.len().checked_sub(1);
        Ok(u32::try_from(last.context("the inputs have no level")?)?)
    }

    /// The inbox of the level that runs next.
    pub(crate) fn inbox(&self) -> anyhow::Result<Inbox> {
        let level = self.machine.level();
        let messages = self.levels.get(level as usize);
        Ok(Inbox {
            timestamp: 0,
            predecessor: [0; 32],
            messages: messages
                .with_context(|| format!("the inputs have no level {level}"))?
                .clone(),
        })
    }

    /// Refuses a level that comes after the one behind the last of the inputs.
    pub(crate) fn has_levels_to(&self, level: u32) -> anyhow::Result<()> {
        let count = self.levels.len();
        ensure!(
            level as usize <= count,
            "there is no level {level}: the inputs have {count}, numbered from 0"
        );
        Ok(())
    }

    /// Runs all levels before this one.
    pub(crate) fn run_to(&mut self, level: u32) -> anyhow::Result<()> {
        let next = self.machine.level();
        ensure!(
            next <= level,
            "it starts at level {next}, which is after level {level}"
        );
        self.has_levels_to(level)?;
        let patience = Patience::new("Ctrl-C ends this, if the kernel does not come to an end");
        while self.machine.level() < level {
            patience.level(self.machine.level());
            let inbox = self.inbox()?;
            self.machine.run_level(&inbox)?;
        }
        Ok(())
    }
}

/// The most bytes that a snapshot in a file may unpack to: as asked for, or by its size.
pub(crate) fn most(file: &File, asked: Option<u64>) -> std::io::Result<u64> {
    let by_size = |size: u64| SMALL.saturating_add(size.saturating_mul(TIMES)).min(MOST);
    match asked {
        Some(most) => Ok(most),
        None => Ok(by_size(file.metadata()?.len())),
    }
}

/// Reads and checks a snapshot.
pub(crate) fn snapshot(path: &Path, asked: Option<u64>) -> anyhow::Result<Snapshot> {
    let name = || path.display().to_string();
    let file = pvm::files::open(path).with_context(name)?;
    let most = most(&file, asked).with_context(name)?;
    Snapshot::read(file, most).with_context(name)
}
