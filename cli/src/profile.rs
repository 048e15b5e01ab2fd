//! `evm-rollup profile`: where a kernel's instructions go, as a picture and as tables.

use crate::FOUND_WRONG;
use crate::files;
use crate::kernel_args::{KernelArgs, failed};
use crate::names;
use crate::run::is_sound;
use anyhow::Context;
use clap::Args;
use pvm::call_profile::{self, CallProfile, Calls, Frame, Path as CallPath};
use pvm::names::Names;
use pvm::probe::Probed;
use pvm::{DebugSink, Inbox, Machine, Metering, Options, Profile};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

/// The options of `profile`.
#[derive(Args, Debug)]
pub(crate) struct ProfileArgs {
    #[command(flatten)]
    kernel: KernelArgs,
    /// The messages, as for `run`
    #[arg(long, value_name = "FILE")]
    inputs: PathBuf,
    /// The first level that counts, from 0; those before are set-up
    #[arg(long, value_name = "LEVEL", default_value_t = 0)]
    from: u32,
    /// Write a flame graph: instructions by the functions of the module that are open
    #[arg(long, short, value_name = "FILE.svg")]
    output: Option<PathBuf>,
    /// Write one line for each call path, as input for other flame-graph tools
    #[arg(long, value_name = "FILE")]
    collapsed: Option<PathBuf>,
    /// The names of the kernel's functions [default: the file beside it that ends in .names]
    #[arg(long, value_name = "FILE")]
    names: Option<PathBuf>,
    /// The number of rows of each table
    #[arg(long, value_name = "COUNT", default_value_t = 20)]
    rows: usize,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Runs the command. Exit code 1 if a level cannot be run, or does not end well.
pub(crate) fn profile(args: &ProfileArgs) -> anyhow::Result<ExitCode> {
    let names = names::of(&args.kernel.kernel, args.names.as_deref())?;
    let measured = match measure(args)? {
        Ok(measured) => measured,
        Err(error) => return Ok(failed(&error)),
    };
    let paths = measured.calls.paths();
    let lines = call_profile::collapsed(&paths, &names);
    if let Some(path) = &args.collapsed {
        files::write(path, lines.join("\n") + "\n")?;
    }
    for level in &measured.unsound {
        eprintln!("{level}");
    }
    if let Some(path) = &args.output {
        anyhow::ensure!(
            !lines.is_empty(),
            "nothing was executed: there is no picture"
        );
        let svg = pvm::flame_graph("Instructions by wasm calls", &lines);
        files::write(path, svg.context("no picture can be made")?)?;
    }
    if args.json {
        println!("{}", as_json(&measured, &paths, &names));
    } else {
        tables(args, &measured, &paths, &names);
    }
    Ok(match measured.unsound.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::from(FOUND_WRONG),
    })
}

/// Costs of the levels.
#[derive(Default)]
struct Measured {
    calls: Calls,
    opcodes: Profile,
    /// The levels that did not end well: which, and how.
    unsound: Vec<String>,
    /// Of all runs, as metered.
    instructions: u64,
    host_calls: BTreeMap<String, u64>,
}

/// Runs the levels: once to see who calls whom, and once more by opcode.
fn measure(args: &ProfileArgs) -> anyhow::Result<Result<Measured, pvm::Error>> {
    let levels = args.kernel.levels(&args.inputs)?;
    anyhow::ensure!(
        (args.from as usize) < levels.len(),
        "there are {} levels: --from {} leaves none",
        levels.len(),
        args.from
    );
    let (before, counted) = levels.split_at(args.from as usize);
    let start = args.kernel.durable()?;
    let run = || {
        let set_up = options(args, Metering::Off, Probed::default());
        let mut machine = Machine::from_durable(start, set_up)?;
        for messages in before {
            machine.run_level(&inbox(messages))?;
        }
        count(args, &machine, counted)
    };
    Ok(run())
}

fn options(args: &ProfileArgs, metering: Metering, probe: Probed) -> Options {
    args.kernel.options(Options {
        metering,
        probe,
        debug: DebugSink::Off,
        ..Options::default()
    })
}

/// Counts levels from where a machine is.
fn count(
    args: &ProfileArgs,
    from: &Machine,
    levels: &[Vec<Vec<u8>>],
) -> Result<Measured, pvm::Error> {
    let probe = Arc::new(CallProfile::default());
    let again = |metering, probe| {
        let options = Options {
            first_level: from.level(),
            ..options(args, metering, probe)
        };
        Machine::from_durable(from.durable().clone(), options)
    };
    let mut by_calls = again(Metering::Full, Probed::by(Arc::clone(&probe) as _))?;
    let mut by_opcode = again(Metering::Profile, Probed::default())?;
    let mut measured = Measured::default();
    for messages in levels {
        let report = by_calls.run_level(&inbox(messages))?;
        if !is_sound(&report) {
            let mut traps: BTreeMap<String, usize> = BTreeMap::new();
            for trap in report.runs.iter().filter_map(|run| run.trap) {
                *traps.entry(trap.to_string()).or_default() += 1;
            }
            let traps = traps.into_iter().map(|(trap, count)| match count {
                1 => trap,
                count => format!("{trap} ({count} times)"),
            });
            let ends: Vec<_> = std::iter::once(report.status.to_string())
                .chain(traps)
                .collect();
            let text = format!("level {}: {}", report.level, ends.join(", "));
            measured.unsound.push(text);
        }
        for run in report.runs {
            measured.instructions += run.instructions;
            for (name, count) in run.host_calls {
                *measured.host_calls.entry(name).or_default() += count;
            }
        }
        for run in by_opcode.run_level(&inbox(messages))?.runs {
            if let Some(profile) = &run.profile {
                measured.opcodes += profile;
            }
        }
    }
    measured.calls = probe.calls();
    Ok(measured)
}

fn inbox(messages: &[Vec<u8>]) -> Inbox {
    Inbox {
        timestamp: 0,
        predecessor: [0; 32],
        messages: messages.to_vec(),
    }
}

/// Cost of a function.
#[derive(Clone, Copy, Default)]
struct Taken {
    calls: u64,
    /// By itself.
    own: u64,
    /// With all that it called; a function that calls itself counts once.
    all: u64,
}

fn by_function(paths: &[CallPath]) -> Vec<(u32, Taken)> {
    let mut taken: BTreeMap<u32, Taken> = BTreeMap::new();
    for path in paths {
        if let Some(Frame::Function(function)) = path.frames.last() {
            let of = taken.entry(*function).or_default();
            of.calls += path.count;
            of.own += path.instructions;
        }
        let open: BTreeSet<&Frame> = path.frames.iter().collect();
        for frame in open {
            if let Frame::Function(function) = frame {
                taken.entry(*function).or_default().all += path.instructions;
            }
        }
    }
    let mut taken: Vec<_> = taken.into_iter().collect();
    taken.sort_by_key(|(_, of)| std::cmp::Reverse(of.own));
    taken
}

fn tables(args: &ProfileArgs, measured: &Measured, paths: &[CallPath], names: &Names) {
    let total = measured.instructions.max(1);
    println!("{:>15} instructions", measured.instructions);
    println!();
    println!(
        "{:>15}       {:>15} {:>12}  function",
        "by itself", "with calls", "calls"
    );
    for (function, of) in by_function(paths).into_iter().take(args.rows) {
        let tenths = u128::from(of.own) * 1_000 / u128::from(total);
        let (percent, tenth) = (tenths / 10, tenths % 10);
        let name = names.get(function);
        println!(
            "{:>15}{percent:>4}.{tenth}%{:>15} {:>12}  {name}",
            of.own, of.all, of.calls
        );
    }
    println!();
    println!("{:>15} host function", "calls");
    for (name, count) in &measured.host_calls {
        println!("{count:>15} {name}");
    }
    if !measured.opcodes.arms.is_empty() {
        println!();
        print!("{}", measured.opcodes.table(node::trace::opcode_name));
    }
    if let Some(path) = &args.output {
        println!();
        println!(
            "The flame graph is in {}: open it in a browser.",
            path.display()
        );
    }
}

fn as_json(measured: &Measured, paths: &[CallPath], names: &Names) -> serde_json::Value {
    let functions = by_function(paths).into_iter().map(|(function, of)| {
        json!({
            "function": function,
            "name": names.get(function),
            "calls": of.calls,
            "instructions": of.own,
            "with_calls": of.all,
        })
    });
    json!({
        "instructions": measured.instructions,
        "functions": functions.collect::<Vec<_>>(),
        "outside": paths.iter().filter(|path| path.frames.is_empty())
            .map(|path| path.instructions).sum::<u64>(),
        "host_calls": measured.host_calls,
        "profile": crate::run::profile::json(&measured.opcodes),
    })
}
