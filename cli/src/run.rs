//! `evm-rollup run`: runs a kernel on the messages of a file, level by level.

use crate::FOUND_WRONG;
use crate::files;
use crate::kernel_args::{KernelArgs, failed};
use crate::patience::Patience;
use crate::snapshot::writing::{Every, Snapshots};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use pvm::{
    DebugSink, Durable, Inbox, LevelReport, Machine, Metering, Options, Profile, RunReport, Status,
};
use serde_json::{Value, json};
use std::fmt;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

pub(crate) mod profile;

/// The options of `run`.
#[derive(Args, Debug)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    kernel: KernelArgs,
    /// The messages: an array of levels, each an array of {"external": HEX}, {"serialized": HEX}
    /// or {"payload": MICHELSON, "sender": KT1…, "source": tz…, "destination": sr1…}
    #[arg(long, value_name = "FILE")]
    inputs: PathBuf,
    /// At the end, print the values of durable storage at and below this path, such as /evm/state; /
    /// for all
    #[arg(long, value_name = "PREFIX")]
    dump: Option<String>,
    /// Do not count instructions and calls, which is faster
    #[arg(long)]
    no_metering: bool,
    /// The most instructions of a run; a longer one ends the command with an error [default: as
    /// many as the machine's limit on ticks allows]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    max_instructions: Option<u64>,
    /// At the end, print the count and the instructions of each opcode that the EVM kernel executed
    #[arg(long, conflicts_with = "no_metering")]
    profile: bool,
    /// Do not print the kernel's debug log (by default, the first 16 MiB of each level)
    #[arg(long)]
    no_kernel_debug: bool,
    /// Write a snapshot every N levels (`N`), or every N seconds (`Ns`)
    #[arg(long, value_name = "LEVELS|SECONDSs", requires = "snapshots")]
    snapshot_every: Option<Every>,
    /// The folder of the snapshots, each named by the level that runs next; made if it is not there
    #[arg(long, value_name = "DIR", requires = "snapshot_every")]
    snapshots: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Runs the command. Exit code 1 if a run trapped, an upgrade failed, reboots ran
/// out or the rollup got stuck; also if the kernel is invalid or engines differ.
pub(crate) fn run(args: &RunArgs) -> anyhow::Result<ExitCode> {
    let levels = args.kernel.levels(&args.inputs)?;
    let mut machine = match Machine::from_durable(args.kernel.durable()?, options(args)) {
        Ok(machine) => machine,
        Err(error) => return Ok(failed(&error)),
    };
    let bar = progress(levels.len(), args);
    let mut printer = Printer::new(args);
    let snapshots = args.snapshot_every.zip(args.snapshots.as_deref());
    let snapshots = snapshots.map(|(every, folder)| Snapshots::new(every, folder));
    let mut snapshots = snapshots.transpose()?;
    let mut unsound = Vec::new();
    let patience = Patience::new("--max-instructions COUNT ends a run that never ends");
    for messages in levels {
        let inbox = Inbox {
            timestamp: 0,
            predecessor: [0; 32],
            messages,
        };
        patience.level(machine.level());
        let report = match machine.run_level(&inbox) {
            Ok(report) => report,
            Err(error) => {
                bar.finish_and_clear();
                printer.finish(machine.durable(), args)?;
                return Ok(failed(&error));
            }
        };
        if !is_sound(&report) {
            unsound.push(report.level);
        }
        bar.suspend(|| printer.level(&report))?;
        if let Some(snapshots) = &mut snapshots {
            snapshots.level(&machine)?;
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    printer.finish(machine.durable(), args)?;
    if unsound.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    let shown: Vec<String> = unsound
        .iter()
        .take(SHOWN_LEVELS)
        .map(u32::to_string)
        .collect();
    let more = if unsound.len() > SHOWN_LEVELS {
        ", …"
    } else {
        ""
    };
    eprintln!(
        "error: a run trapped, or the level did not end well: level {}{more}",
        shown.join(", ")
    );
    Ok(ExitCode::from(FOUND_WRONG))
}

/// The most levels that are named at the end.
const SHOWN_LEVELS: usize = 10;

/// True if a level, and each of its runs, ended well.
pub(crate) fn is_sound(report: &LevelReport) -> bool {
    report.status == Status::Yielded && !report.runs.iter().any(RunReport::trapped)
}

fn options(args: &RunArgs) -> Options {
    args.kernel.options(Options {
        metering: if args.no_metering {
            Metering::Off
        } else if args.profile {
            Metering::Profile
        } else {
            Metering::Full
        },
        max_instructions: match args.max_instructions {
            None if !args.no_metering => Some(u64::MAX),
            most => most,
        },
        patience: (args.no_metering && args.max_instructions.is_none()).then_some(PATIENCE),
        debug: if args.no_kernel_debug {
            DebugSink::Off
        } else {
            DebugSink::Capture
        },
        ..Options::default()
    })
}

/// A run that is not counted and takes longer is counted, so that it ends at the machine's limit.
const PATIENCE: Duration = Duration::from_secs(10);

/// A bar on standard error, if that is a terminal and the levels are many.
fn progress(levels: usize, args: &RunArgs) -> ProgressBar {
    if levels < 10 || args.json && !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} levels, {eta} left");
    let bar = ProgressBar::new(levels as u64);
    if let Ok(style) = style {
        bar.with_style(style)
    } else {
        bar
    }
}

/// Prints levels as they come; as JSON they are the items of one list of one object.
struct Printer {
    /// The number of levels that are printed as JSON; `None` prints text.
    json: Option<usize>,
    colours: bool,
    profile: Profile,
}

impl Printer {
    fn new(args: &RunArgs) -> Self {
        let colours = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Self {
            json: args.json.then_some(0),
            colours,
            profile: Profile::default(),
        }
    }

    fn level(&mut self, report: &LevelReport) -> anyhow::Result<()> {
        for run in &report.runs {
            if let Some(profile) = &run.profile {
                self.profile += profile;
            }
        }
        let mut out = std::io::stdout().lock();
        match &mut self.json {
            Some(printed) => {
                let before = if *printed == 0 { "{\"levels\":[" } else { "," };
                write!(out, "{before}{}", level_json(report))?;
                *printed += 1;
            }
            None => {
                let colours = self.colours;
                write!(out, "{}", Text { report, colours })?;
            }
        }
        Ok(())
    }

    fn finish(self, durable: &Durable, args: &RunArgs) -> anyhow::Result<()> {
        let prefix = args.dump.as_deref().map(files::storage_path);
        let dump = prefix.as_deref().map(|prefix| durable.values(prefix));
        let dump = dump.transpose()?;
        if let (Some(prefix), Some([])) = (&prefix, dump.as_deref()) {
            let prefix = if prefix.is_empty() { "/" } else { prefix };
            eprintln!("warning: durable storage has nothing at or below {prefix}");
        }
        let mut out = std::io::stdout().lock();
        if let Some(printed) = self.json {
            let before = if printed == 0 { "{\"levels\":[" } else { "" };
            write!(out, "{before}]")?;
            if let Some(values) = dump {
                let hex = |value: pvm::Value| Value::from(hex::encode(value.bytes()));
                let values = values.into_iter().map(|(path, value)| (path, hex(value)));
                write!(out, ",\"dump\":{}", values.collect::<Value>())?;
            }
            if args.profile {
                write!(out, ",\"profile\":{}", profile::json(&self.profile))?;
            }
            writeln!(out, "}}")?;
            return Ok(());
        }
        for (path, value) in dump.into_iter().flatten() {
            writeln!(out, "{path} = {}", hex::encode(value.bytes()))?;
        }
        if args.profile {
            write!(out, "{}", self.profile.table(node::trace::opcode_name))?;
        }
        Ok(())
    }
}

fn level_json(report: &LevelReport) -> Value {
    let (status, reason) = match &report.status {
        Status::Yielded => ("yielded", None),
        Status::TooManyReboots => ("too_many_reboots", None),
        Status::UpgradeFailed { reason } => ("upgrade_failed", Some(reason)),
        Status::Stuck { reason } => ("stuck", Some(reason)),
    };
    let mut level = json!({
        "level": report.level,
        "status": status,
        "runs": report.runs.iter().map(run_json).collect::<Vec<_>>(),
        "unread": report.unread,
        "outbox": report.outbox.iter().map(hex::encode).collect::<Vec<_>>(),
        "durable_root": hex::encode(report.durable_root()),
    });
    if let Some(reason) = reason {
        level["reason"] = reason.as_str().into();
    }
    if !report.debug.is_empty() {
        level["debug"] = report.debug.concat().into();
    }
    level
}

fn run_json(run: &RunReport) -> Value {
    json!({
        "instructions": run.instructions,
        "ticks": run.ticks,
        "max_call_depth": run.max_call_depth,
        "host_calls": run.host_calls,
        "bytes_read": run.bytes_read,
        "bytes_written": run.bytes_written,
        "wall_ms": milliseconds(run.wall),
        "trapped": run.trapped(),
        "trap": run.trap_words(),
    })
}

#[expect(clippy::float_arithmetic, reason = "a time for people, off chain")]
fn milliseconds(time: Duration) -> f64 {
    // Microseconds are exact enough, and short to print.
    time.as_micros() as f64 / 1000.0
}

/// A level for people to read.
struct Text<'r> {
    report: &'r LevelReport,
    colours: bool,
}

#[derive(Clone, Copy)]
enum Colour {
    Bold = 1,
    Dim = 2,
    Red = 31,
    Green = 32,
    Yellow = 33,
}

impl Text<'_> {
    fn paint(&self, colour: Colour, text: &str) -> String {
        if self.colours {
            format!("\x1b[{}m{text}\x1b[0m", colour as u8)
        } else {
            text.to_owned()
        }
    }

    fn run(&self, f: &mut fmt::Formatter<'_>, index: usize, run: &RunReport) -> fmt::Result {
        write!(f, "  run {index}: ")?;
        if run.instructions > 0 {
            let calls: u64 = run.host_calls.values().sum();
            write!(
                f,
                "{} instructions, {} ticks, {calls} host calls, {} B read, {} B written, call depth {}, ",
                grouped(run.instructions),
                grouped(run.ticks),
                grouped(run.bytes_read),
                grouped(run.bytes_written),
                run.max_call_depth
            )?;
        }
        write!(f, "{:.3} ms", milliseconds(run.wall))?;
        if let Some(trap) = run.trap_words() {
            write!(f, ", {}", self.paint(Colour::Red, &trap))?;
        }
        writeln!(f)?;
        if run.host_calls.is_empty() {
            return Ok(());
        }
        let calls: Vec<String> = run
            .host_calls
            .iter()
            .map(|(name, count)| format!("{name} {count}"))
            .collect();
        writeln!(f, "    {}", self.paint(Colour::Dim, &calls.join(", ")))
    }
}

/// A level for people to read, in black and white.
pub(crate) fn text(report: &LevelReport) -> impl fmt::Display {
    Text {
        report,
        colours: false,
    }
}

/// The number of runs of a level that are shown one by one.
const SHOWN_RUNS: usize = 10;

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let report = self.report;
        let colour = match report.status {
            Status::Yielded => Colour::Green,
            Status::TooManyReboots | Status::UpgradeFailed { .. } => Colour::Yellow,
            Status::Stuck { .. } => Colour::Red,
        };
        let title = self.paint(Colour::Bold, &format!("level {}", report.level));
        writeln!(
            f,
            "{title}: {}",
            self.paint(colour, &report.status.to_string())
        )?;
        for (index, run) in report.runs.iter().take(SHOWN_RUNS).enumerate() {
            self.run(f, index, run)?;
        }
        if report.runs.len() > SHOWN_RUNS {
            writeln!(f, "  … {} runs in all", report.runs.len())?;
        }
        for line in crate::output::plain(&report.debug.concat()).lines() {
            writeln!(f, "  {}", self.paint(Colour::Dim, &format!("| {line}")))?;
        }
        for (index, message) in report.outbox.iter().enumerate() {
            writeln!(f, "  outbox {index}: {}", hex::encode(message))?;
            match node::rpc::outbox_message(message) {
                Value::Null => writeln!(f, "    layer 1 cannot read it, and drops it")?,
                read => {
                    let read = crate::output::plain(&read.to_string());
                    writeln!(f, "    {}", self.paint(Colour::Dim, &read))?;
                }
            }
        }
        match report.unread {
            0 => {}
            1 => writeln!(f, "  1 message was not read: it is lost")?,
            unread => writeln!(f, "  {unread} messages were not read: they are lost")?,
        }
        writeln!(f, "  durable root {}", hex::encode(report.durable_root()))
    }
}

/// Digits in groups of three.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1_234_567), "1,234,567");
    }
}
