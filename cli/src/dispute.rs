//! `evm-rollup dispute`: an honest and a faulty operator before a judge who has no state.

use crate::start::StartArgs;
use crate::{BAD_USAGE, FOUND_WRONG};
use anyhow::{Context, ensure};
use clap::Args;
use dispute::{Event, Fault, Level, Operator, PlayError, Report, Side, play};
use indicatif::{ProgressBar, ProgressStyle};
use node::recorded::DataDir;
use pvm::NodeHash;
use serde_json::{Value, json};
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Sources of levels and the output of the command.
const ABOUT: &str = "The level is one of these:\n  \
    --data-dir DIR    the folder of a stopped devnet or node (a copy of it will do)\n  \
    --inputs FILE     the messages of a run, with --kernel FILE from its first level on,\n                    \
    or with --from SNAPSHOT from there on\n\n\
    Both operators commit to what the level came to, with 10,000 tez at stake each. In turns they \
    dissect what the other published, up to 32 points at a time, until they disagree about \
    one step; one of them proves it, and the judge, who has none of the state, decides. The honest \
    operator must win: exit code 1 if it does not. What is proved, and what not: docs/proofs.md.\n\n\
    Faults: root, state (durable storage), outbox, skipped (a message of the inbox), inbox (a message read \
    as another), kernel (a bit of its code), decoding (a bit of the code that is made of it), memory, stack, \
    global, preimage.";

/// The options of `dispute`.
#[derive(Args, Debug)]
#[command(after_help = ABOUT)]
pub(crate) struct DisputeArgs {
    /// The data folder of a stopped devnet or node
    #[arg(
        long,
        value_name = "DIR",
        conflicts_with_all = ["inputs", "from", "kernel", "setup", "pvm_version", "legacy", "rollup"]
    )]
    data_dir: Option<PathBuf>,
    #[command(flatten)]
    start: StartArgs,
    /// The level [default: the last one]
    #[arg(long, value_name = "LEVEL")]
    level: Option<u32>,
    /// The fault of the faulty operator: one of the faults below, or all
    #[arg(long, value_name = "KIND", default_value = "all", value_parser = faults)]
    fault: Faults,
    /// The seed of the faults' places and of the side that begins
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// The number of disputes, with consecutive seeds; faults take turns [default: one
    /// of each fault]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    games: Option<u64>,
    /// The most steps that the level may take
    #[arg(long, value_name = "STEPS", default_value_t = 100_000_000_000)]
    most_steps: u64,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// One fault, or all.
#[derive(Clone, Debug)]
struct Faults(Vec<Fault>);

fn faults(name: &str) -> Result<Faults, String> {
    match name {
        "all" => Ok(Faults(Fault::ALL.to_vec())),
        name => match name.parse() {
            Ok(fault) => Ok(Faults(vec![fault])),
            Err(_) => {
                let names = Fault::ALL.map(Fault::name).join(", ");
                Err(format!("it is one of {names}, or all"))
            }
        },
    }
}

/// Runs the command. Exit code 1 if the honest operator does not win.
pub(crate) fn run(args: &DisputeArgs) -> anyhow::Result<ExitCode> {
    let mut shown = Shown::new(args);
    let Taken {
        level,
        after,
        _folder,
    } = args.level()?;
    let operator = Operator::new(level, &mut |event| shown.tell(event))?;
    ensure!(
        after.is_none_or(|after| after == operator.player().claim().durable),
        "what the folder keeps of the level does not lead from one state to the other; a devnet has blocks \
         that no messages make, by impersonated accounts or chosen randomness"
    );
    shown.level(&operator);
    let faults = &args.fault.0;
    let games = args.games.unwrap_or(faults.len() as u64);
    let (mut reports, mut left_out) = (Vec::new(), Vec::new());
    for game in 0..games {
        let fault = faults[(game % faults.len() as u64) as usize];
        let seed = args.seed.wrapping_add(game);
        shown.dispute(fault, seed);
        match play(&operator, fault, seed, &mut |event| shown.tell(event)) {
            Ok(report) => {
                shown.end(&report);
                reports.push(report);
            }
            // Not every level has a place for every fault.
            Err(error @ (PlayError::NoPlace(_) | PlayError::NoEffect(_))) if faults.len() > 1 => {
                shown.left_out(&error);
                left_out.push(json!({ "fault": fault, "seed": seed, "why": error.to_string() }));
            }
            Err(error) => return Err(error.into()),
        }
    }
    let lost = reports.iter().filter(|report| lost(report)).count();
    shown.summary(&operator, &reports, &left_out);
    Ok(match (lost, reports.is_empty()) {
        (0, false) => ExitCode::SUCCESS,
        (0, true) => ExitCode::from(BAD_USAGE),
        _ => ExitCode::from(FOUND_WRONG),
    })
}

/// True if a false claim won.
fn lost(report: &Report) -> bool {
    report.winner != Side::Honest || report.false_messages > 0 || !report.cemented
}

/// The level in dispute.
struct Taken {
    level: Level,
    /// The root that it led to, where that is known.
    after: Option<NodeHash>,
    /// The folder that its states are read from, open as long as they are.
    _folder: Option<DataDir>,
}

impl DisputeArgs {
    fn level(&self) -> anyhow::Result<Taken> {
        let mut after = None;
        let mut kept = None;
        let (machine, messages) = match &self.data_dir {
            Some(folder) => {
                let folder = DataDir::open(folder)?;
                let level = match self.level {
                    Some(level) => level,
                    None => folder.newest()?,
                };
                let recorded = folder.level(level)?;
                let machine = self.start.resume(&recorded)?;
                after = Some(recorded.after);
                kept = Some(folder);
                (machine, recorded.messages)
            }
            None => {
                let mut recorded = self.start.start()?;
                let level = self.level.map_or_else(|| recorded.last(), Ok)?;
                let named = || format!("level {level}");
                recorded.run_to(level).with_context(named)?;
                let messages = recorded.inbox()?.wrapped();
                (recorded.machine, messages)
            }
        };
        ensure!(
            machine.stuck().is_none(),
            "the machine is stuck: nothing runs"
        );
        Ok(Taken {
            level: Level {
                machine,
                messages,
                most_steps: self.most_steps,
            },
            after,
            _folder: kept,
        })
    }
}

/// The command's output, on standard output or as JSON.
struct Shown {
    json: bool,
    colours: bool,
    /// Each move, or one line for each dispute.
    moves: bool,
    bar: ProgressBar,
}

impl Shown {
    fn new(args: &DisputeArgs) -> Self {
        let bar = match std::io::stderr().is_terminal() {
            true => ProgressBar::no_length(),
            false => ProgressBar::hidden(),
        };
        let style = ProgressStyle::with_template("{spinner} {msg} {human_pos} steps");
        Self {
            json: args.json,
            colours: std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none(),
            moves: !args.json && args.games.is_none(),
            bar: match style {
                Ok(style) => bar.with_style(style),
                Err(_) => bar,
            },
        }
    }

    fn paint(&self, side: Side) -> String {
        let colour = match side {
            Side::Honest => 32,
            Side::Faulty => 31,
        };
        match self.colours {
            true => format!("\x1b[{colour}m{side}\x1b[0m"),
            false => side.to_string(),
        }
    }

    fn line(&self, text: &str) {
        self.bar.suspend(|| println!("{text}"));
    }

    fn level(&self, operator: &Operator) {
        let player = operator.player();
        if !self.json {
            self.line(&format!(
                "level {}: {} messages, {} steps in {} runs, {} calls of the host; its root is {}",
                player.claim().level,
                operator.messages().len(),
                player.total(),
                player.runs(),
                player.calls().len(),
                hex::encode(player.claim().durable),
            ));
        }
    }

    fn dispute(&self, fault: Fault, seed: u64) {
        if self.moves {
            let side = self.paint(Side::Faulty);
            self.line(&format!(
                "\nthe {side} operator {} (seed {seed})",
                fault.about()
            ));
        }
    }

    fn tell(&mut self, event: &Event) -> bool {
        if let Event::Running { side, steps } = event {
            self.bar.set_message(format!("the {side} operator runs:"));
            self.bar.set_position(*steps);
            return true;
        }
        if self.moves {
            self.line(&format!("  {}", self.text(event)));
        }
        true
    }

    fn text(&self, event: &Event) -> String {
        match event {
            Event::Running { side, steps } => format!("{} runs: {steps} steps", self.paint(*side)),
            Event::Committed {
                side,
                root,
                outbox,
                steps,
                stuck,
            } => format!(
                "{} commits to root {root}, {outbox} outbox messages, {steps} steps{}",
                self.paint(*side),
                if *stuck { ", stuck for good" } else { "" },
            ),
            Event::Fault { fault, step } => format!("the fault ({fault}) is after step {step}"),
            Event::Dissected {
                by,
                from,
                to,
                hashes,
            } => format!(
                "{} dissects steps {from} to {to}: {hashes} hashes",
                self.paint(*by)
            ),
            Event::Proved {
                by,
                step,
                bytes,
                what,
            } => format!(
                "{} proves step {step}, {what}: {bytes} bytes",
                self.paint(*by)
            ),
            Event::Judged { winner, why } => {
                format!(
                    "the judge decides for the {} side: {why}",
                    self.paint(*winner)
                )
            }
        }
    }

    fn end(&self, report: &Report) {
        if self.json {
            return;
        }
        let winner = self.paint(report.winner);
        let text = match self.moves {
            true => format!(
                "  {winner} wins after {} rounds, in {:.1?}; its commitment is {}, \
                 {} tez of the loser are gone, half of them to the winner; {} false outbox messages came through",
                report.rounds,
                Duration::from_millis(report.milliseconds),
                if report.cemented {
                    "cemented"
                } else {
                    "not cemented"
                },
                report.stakes.lost / 1_000_000,
                report.false_messages,
            ),
            false => format!(
                "{:>8}: {winner} wins after {} rounds, step {}",
                report.fault.name(),
                report.rounds,
                report.step.unwrap_or_default(),
            ),
        };
        self.line(&text);
    }

    fn left_out(&self, error: &PlayError) {
        if !self.json {
            self.line(&format!("  left out: {error}"));
        }
    }

    fn summary(&self, operator: &Operator, reports: &[Report], left_out: &[Value]) {
        self.bar.finish_and_clear();
        let won = reports.len() - reports.iter().filter(|report| lost(report)).count();
        let most = |of: fn(&Report) -> u64| reports.iter().map(of).max().unwrap_or_default();
        let rounds = most(|report| report.rounds.into());
        let bytes = most(|report| report.proof_bytes.unwrap_or_default() as u64);
        let slowest = most(|report| report.milliseconds);
        let player = operator.player();
        if self.json {
            let all = json!({
                "level": player.claim().level,
                "steps": player.total(),
                "runs": player.runs(),
                "durable_root": hex::encode(player.claim().durable),
                "played": reports.len(),
                "won": won,
                "most_rounds": rounds,
                "most_proof_bytes": bytes,
                "most_milliseconds": slowest,
                "disputes": reports,
                "left_out": left_out,
            });
            println!("{all}");
            return;
        }
        println!(
            "\nthe honest operator won {won} of {} disputes: {rounds} rounds, proofs of {bytes} bytes \
             and {:.1?} at most",
            reports.len(),
            Duration::from_millis(slowest),
        );
        if !left_out.is_empty() {
            println!(
                "left out, without a place in this level: {}",
                left_out.len()
            );
        }
    }
}
