//! The options of commands that run a kernel by themselves: `run`, `debug`, `profile`, and those
//! that take a recorded run up, `prove`, `replay`, `snapshot`.

use crate::{BAD_USAGE, FOUND_WRONG, files};
use anyhow::Context;
use clap::{Args, ValueEnum};
use pvm::DEFAULT_ROLLUP;
use pvm::inputs::{self, Levels};
use pvm::{Durable, Error, Options, Version, engine, setup};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// A kernel, and the rollup that it is run as.
#[derive(Args, Debug)]
pub(crate) struct KernelArgs {
    /// The kernel: a wasm module, binary or in hex
    pub(crate) kernel: PathBuf,
    #[command(flatten)]
    rollup: RollupArgs,
}

/// The rollup that a kernel is run as.
#[derive(Args, Debug)]
pub(crate) struct RollupArgs {
    /// A setup file of the installer, applied to durable storage before the first level
    #[arg(long, value_name = "FILE.yaml")]
    setup: Option<PathBuf>,
    /// The folder of preimage pages, each named by the hex of its hash
    #[arg(long, value_name = "DIR", value_parser = files::folder)]
    preimages: Option<PathBuf>,
    /// The version of the machine at the start
    #[arg(long, default_value_t)]
    pvm_version: Version,
    /// Also run kernels with the names of 2022 (module rollup_safe_core, entry kernel_next), which
    /// networks refuse
    #[arg(long)]
    legacy: bool,
    /// The engine that executes the module
    #[arg(long, value_enum, default_value_t)]
    engine: EngineName,
    /// The rollup's address [default: the null address]
    #[arg(long, value_name = "sr1…", value_parser = inputs::rollup_address)]
    rollup: Option<[u8; 20]>,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum EngineName {
    /// Compile the module
    #[default]
    Fast,
    /// Interpret the module, slowly
    Interpreter,
    /// Interpret the module by steps that can be proved
    Step,
    /// Run on the first two and stop at the first difference in a host call or result
    Both,
}

impl EngineName {
    /// `options` with this engine.
    pub(crate) fn choose(self, options: Options) -> Options {
        Options {
            engine: match self {
                Self::Fast | Self::Both => engine::fast(),
                Self::Interpreter => engine::interpreter(),
                Self::Step => engine::step(),
            },
            check: matches!(self, Self::Both).then(engine::interpreter),
            ..options
        }
    }
}

impl KernelArgs {
    /// The messages of an inputs file.
    pub(crate) fn levels(&self, path: &Path) -> anyhow::Result<Levels> {
        levels(path, &self.rollup.rollup())
    }

    /// The storage before the first level: the kernel and the setup.
    pub(crate) fn durable(&self) -> anyhow::Result<Durable> {
        self.rollup.durable(&self.kernel)
    }

    /// `options` with what is said here.
    pub(crate) fn options(&self, options: Options) -> Options {
        self.rollup.options(options)
    }
}

/// Says why a machine cannot be made or a level not be run: exit code 1 if that is the kernel's
/// fault, 2 if it is this computer's.
pub(crate) fn failed(error: &Error) -> ExitCode {
    eprintln!("error: {error}");
    ExitCode::from(match error {
        Error::Host(_) | Error::Internal(_) => BAD_USAGE,
        _ => FOUND_WRONG,
    })
}

/// The messages of an inputs file, for the rollup with this address.
pub(crate) fn levels(path: &Path, rollup: &[u8; 20]) -> anyhow::Result<Levels> {
    let text = files::text(path)?;
    inputs::parse(&text, rollup).with_context(|| path.display().to_string())
}

impl RollupArgs {
    /// The rollup's address.
    fn rollup(&self) -> [u8; 20] {
        self.rollup.unwrap_or(DEFAULT_ROLLUP)
    }

    /// The storage before the first level: the kernel and the setup.
    pub(crate) fn durable(&self, kernel: &Path) -> anyhow::Result<Durable> {
        let mut durable = Durable::new();
        durable.write("/kernel/boot.wasm", files::kernel(kernel)?)?;
        if let Some(path) = &self.setup {
            let name = || path.display().to_string();
            let instructions = setup::parse(&files::text(path)?).with_context(name)?;
            let preimages = self.preimages.as_deref();
            setup::apply(&instructions, &mut durable, preimages).with_context(name)?;
        }
        Ok(durable)
    }

    /// `options` with what is said here.
    pub(crate) fn options(&self, options: Options) -> Options {
        self.engine.choose(Options {
            version: self.pvm_version,
            legacy: self.legacy,
            rollup: self.rollup(),
            preimages: self.preimages.clone(),
            ..options
        })
    }
}
