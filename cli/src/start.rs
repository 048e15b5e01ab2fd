//! Where a recorded run is taken up: before its first level, or at a snapshot.

use crate::files;
use crate::kernel_args::EngineName;
use anyhow::{Context, ensure};
use clap::Args;
use pvm::inputs::{self, Levels};
use pvm::{DEFAULT_ROLLUP, Durable, Inbox, Machine, Options, Snapshot, Version, setup};
use std::fs::File;
use std::path::{Path, PathBuf};

/// The most that a snapshot may unpack to by default, in bytes.
const MOST: u64 = 8 << 30;

/// A recorded run, and where it is taken up.
#[derive(Args, Debug)]
pub(crate) struct StartArgs {
    /// The messages of all levels, as `run` takes them; the first level is level 0
    #[arg(long, value_name = "FILE")]
    inputs: PathBuf,
    /// The snapshot to start from
    #[arg(long, value_name = "SNAPSHOT", required_unless_present = "kernel")]
    from: Option<PathBuf>,
    /// The kernel to start with, before the first level
    #[arg(long, value_name = "FILE", conflicts_with = "from")]
    kernel: Option<PathBuf>,
    /// A setup file of the installer, applied to durable storage before the first level
    #[arg(long, value_name = "FILE.yaml", conflicts_with = "from")]
    setup: Option<PathBuf>,
    /// The version of the machine before the first level
    #[arg(long, default_value_t, conflicts_with = "from")]
    pvm_version: Version,
    /// The rollup's address [default: the null address, or the snapshot's]
    #[arg(long, value_name = "sr1…", value_parser = inputs::rollup_address, conflicts_with = "from")]
    rollup: Option<[u8; 20]>,
    /// The folder of preimage pages, each named by the hex of its hash
    #[arg(long, value_name = "DIR", value_parser = files::folder)]
    preimages: Option<PathBuf>,
    /// The engine that executes the module
    #[arg(long, value_enum, default_value_t)]
    engine: EngineName,
    /// The most bytes that the snapshot may unpack to
    #[arg(long, value_name = "BYTES", default_value_t = MOST)]
    most: u64,
}

/// A machine, and the messages of the levels from the first on.
pub(crate) struct Recorded {
    pub(crate) machine: Machine,
    levels: Levels,
}

impl StartArgs {
    pub(crate) fn start(&self) -> anyhow::Result<Recorded> {
        let options = self.engine.choose(Options {
            version: self.pvm_version,
            preimages: self.preimages.clone(),
            rollup: self.rollup.unwrap_or(DEFAULT_ROLLUP),
            ..Options::default()
        });
        let machine = match (&self.from, &self.kernel) {
            (Some(path), _) => Machine::from_snapshot(&snapshot(path, self.most)?, options)?,
            (None, Some(kernel)) => Machine::from_durable(self.durable(kernel)?, options)?,
            (None, None) => anyhow::bail!("neither --from nor --kernel is given"),
        };
        let levels = inputs::parse(&files::text(&self.inputs)?, &machine.options().rollup)
            .with_context(|| self.inputs.display().to_string())?;
        Ok(Recorded { machine, levels })
    }

    fn durable(&self, kernel: &Path) -> anyhow::Result<Durable> {
        let mut durable = Durable::new();
        durable.write("/kernel/boot.wasm", files::module(kernel)?)?;
        if let Some(path) = &self.setup {
            let name = || path.display().to_string();
            let instructions = setup::parse(&files::text(path)?).with_context(name)?;
            let folder = self.preimages.as_deref();
            setup::apply(&instructions, &mut durable, folder).with_context(name)?;
        }
        Ok(durable)
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

    /// Runs all levels before this one.
    pub(crate) fn run_to(&mut self, level: u32) -> anyhow::Result<()> {
        let next = self.machine.level();
        ensure!(
            next <= level,
            "it starts at level {next}, behind level {level}"
        );
        while self.machine.level() < level {
            let inbox = self.inbox()?;
            self.machine.run_level(&inbox)?;
        }
        Ok(())
    }
}

/// Reads and checks a snapshot.
pub(crate) fn snapshot(path: &Path, most: u64) -> anyhow::Result<Snapshot> {
    let name = || path.display().to_string();
    let file = File::open(path).with_context(name)?;
    ensure!(
        file.metadata().with_context(name)?.is_file(),
        "{} is no regular file",
        name()
    );
    Snapshot::read(file, most).with_context(name)
}
