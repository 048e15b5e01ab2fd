//! `evm-rollup debug`: looks into a kernel while it runs.

use crate::kernel_args::{KernelArgs, failed};
use crate::names;
use clap::Args;
use pvm::probe::Probed;
use pvm::{DebugSink, Error, Inbox, LevelReport, Machine, Metering, Options};
use session::{Next, Session};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

mod command;
mod interrupt;
mod lines;
mod scene;
mod session;
mod show;
mod stops;

/// The options of `debug`.
#[derive(Args, Debug)]
#[command(
    after_help = "Type `help` for the commands. Without a terminal they are read from the \
    standard input, one a line, and the first that is wrong ends the command."
)]
pub(crate) struct DebugArgs {
    #[command(flatten)]
    kernel: KernelArgs,
    /// The messages, as for `run`; more can be loaded later
    #[arg(long, value_name = "FILE")]
    inputs: Option<PathBuf>,
    /// Execute these commands, separated by semicolons, and exit
    #[arg(long, short, value_name = "COMMANDS")]
    commands: Option<String>,
    /// Execute the commands of a file, one a line, and exit
    #[arg(long, value_name = "FILE", conflicts_with = "commands")]
    script: Option<PathBuf>,
    /// The names of the kernel's functions [default: the file beside it that ends in .names]
    #[arg(long, value_name = "FILE")]
    names: Option<PathBuf>,
    /// Do not print the kernel's debug log
    #[arg(long)]
    no_kernel_debug: bool,
}

/// Runs the command. Exit code 2 where a command of a script is wrong.
pub(crate) fn debug(args: &DebugArgs) -> anyhow::Result<ExitCode> {
    let names = names::of(&args.kernel.kernel, args.names.as_deref())?;
    let lines = lines::Lines::new(args.commands.as_deref(), args.script.as_deref())?;
    let levels = match &args.inputs {
        Some(path) => args.kernel.levels(path)?,
        None => Vec::new(),
    };
    if lines.are_typed() {
        interrupt::listen();
    }
    let session = Arc::new(session::Shared::new(Session::new(names, lines, levels)));
    let options = args.kernel.options(Options {
        metering: Metering::Full,
        probe: Probed::by(Arc::clone(&session) as _),
        debug: if args.no_kernel_debug {
            DebugSink::Off
        } else {
            DebugSink::Call(Arc::new(|text| print!("{}", crate::output::plain(text))))
        },
        ..Options::default()
    });
    let mut machine = match Machine::from_durable(args.kernel.durable()?, options) {
        Ok(machine) => machine,
        Err(error) => return Ok(failed(&error)),
    };
    session.lock().welcome(&machine);
    loop {
        let next = session.lock().between_levels(&machine);
        match next {
            Next::Stop(code) => return Ok(code),
            Next::Back(snapshot) => session.lock().go_back(snapshot, &mut machine),
            Next::Load(path) => {
                let loaded = args.kernel.levels(&path);
                session.lock().loaded(loaded);
            }
            Next::Level => {
                let inbox = session.lock().next_level(&machine);
                let ran = run(&mut machine, inbox);
                session.lock().level_ended(&mut machine, ran);
            }
        }
    }
}

fn run(machine: &mut Machine, messages: Vec<Vec<u8>>) -> Result<LevelReport, Error> {
    machine.run_level(&Inbox {
        timestamp: 0,
        predecessor: [0; 32],
        messages,
    })
}
