//! `evm-rollup originate`: the originations of a rollup with its contracts, in order, each
//! as a command and as an operation; and what is there compared with what was planned.

mod check;
mod plan;
mod public;
mod scripts;
mod source;
mod step;

use crate::settings::Settings;
use crate::{FOUND_WRONG, files};
use anyhow::{Context, bail, ensure};
use clap::{Args, Subcommand};
use plan::Plan;
use serde_json::{Value, json};
use source::Source;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use step::Step;

/// The options of `originate`.
#[derive(Args, Debug)]
pub(crate) struct OriginateArgs {
    /// Print one JSON object
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Write a plan: all steps from the contracts to the wiring
    Plan(Box<PlanArgs>),
    /// Note the result of a step, and show the next one
    Next(NextArgs),
    /// Compare a rollup's durable storage, and the contracts, with the plan
    Check {
        /// The plan
        plan: PathBuf,
        #[command(flatten)]
        source: Source,
        /// The URL of a node of layer 1: checks its chain, the contracts' code and storage
        #[arg(long, value_name = "URL")]
        layer1_node: Option<String>,
    },
}

#[derive(Args, Debug)]
struct NextArgs {
    /// The plan
    plan: PathBuf,
    /// The address of the originated contract (KT1…) or rollup (sr1…)
    #[arg(long, value_name = "ADDRESS")]
    address: Option<String>,
    /// The URL of a rollup node that runs the rollup at the address: compares it with the
    /// plan before anything is wired to it
    #[arg(long, value_name = "URL", requires = "address")]
    rollup_node: Option<String>,
    /// The URL of a node of layer 1: compares its chain and the contract at the address with
    /// the plan
    #[arg(long, value_name = "URL", requires = "address")]
    layer1_node: Option<String>,
    /// Do not check the rollup's address; a wrong one is wired for good
    #[arg(long, requires = "address", conflicts_with = "rollup_node")]
    unchecked: bool,
    /// Note that the step, which is a call, is done
    #[arg(long, conflicts_with = "address")]
    done: bool,
}

#[derive(Args, Debug)]
pub(crate) struct PlanArgs {
    /// The chain of layer 1 (`octez-client rpc get /chains/main/chain_id`)
    #[arg(long, value_name = "Net…")]
    network: String,
    /// The account that originates and wires
    #[arg(long, value_name = "tz…")]
    deployer: String,
    /// A file of settings; contracts that it names are there already
    #[arg(long, value_name = "FILE.toml")]
    settings: Option<PathBuf>,
    /// Settings of the command line come first
    #[command(flatten)]
    options: Settings,
    /// A go-ethereum genesis file with accounts
    #[arg(long, value_name = "FILE")]
    alloc: Option<PathBuf>,
    /// A key of governance; once for each
    #[arg(long = "governance-key", value_name = "edpk…")]
    keys: Vec<String>,
    /// The number of keys that must sign, as many as there are at most
    #[arg(
        long,
        value_name = "NUMBER",
        default_value_t = 0,
        hide_default_value = true
    )]
    threshold: usize,
    /// A token to wrap; once for each
    #[arg(long = "token", value_name = "fa12:KT1…|fa2:KT1…:ID")]
    tokens: Vec<String>,
    /// The kernel [default: evm_kernel.wasm where `make kernel` puts it, or beside this
    /// program]
    #[arg(long, value_name = "FILE")]
    kernel: Option<PathBuf>,
    /// The installer kernel [default: as the kernel]
    #[arg(long, value_name = "FILE")]
    installer_kernel: Option<PathBuf>,
    /// The folder for the plan and its files
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
}

/// The default URLs of nodes.
const ROLLUP_NODE: &str = "http://127.0.0.1:8932";
const LAYER1_NODE: &str = "http://127.0.0.1:8732";

/// The name of the plan in its folder.
const PLAN: &str = "plan.json";

/// Runs the command. Exit code 1 if a check finds a difference.
pub(crate) fn run(args: &OriginateArgs) -> anyhow::Result<ExitCode> {
    match &args.command {
        Command::Plan(plan) => make(plan, args.json),
        Command::Next(next) => go_on(next, args.json),
        Command::Check {
            plan,
            source,
            layer1_node,
        } => compare(plan, source, layer1_node.as_deref(), args.json),
    }
}

fn make(args: &PlanArgs, json: bool) -> anyhow::Result<ExitCode> {
    let path = args.output.join(PLAN);
    ensure!(
        !path.exists(),
        "{} is there already: a plan is made once",
        path.display()
    );
    let (plan, warnings) = Plan::new(args)?;
    for warning in &warnings {
        eprintln!("warning: {warning}");
    }
    plan.write_scripts(&args.output)?;
    plan.save(&path)?;
    let steps = plan.steps(&args.output);
    if json {
        let steps: Vec<Value> = steps.iter().map(Step::json).collect();
        println!(
            "{:#}",
            json!({ "plan": path.display().to_string(), "steps": steps, "warnings": warnings })
        );
        return Ok(ExitCode::SUCCESS);
    }
    for (index, step) in steps.iter().enumerate() {
        println!("{:>2}. {}: {}", index + 1, step.name, step.purpose);
    }
    println!();
    show(&path, &plan)?;
    Ok(ExitCode::SUCCESS)
}

fn go_on(args: &NextArgs, json: bool) -> anyhow::Result<ExitCode> {
    let path = &args.plan;
    let mut plan = Plan::load(path)?;
    let folder = folder(path);
    let open = plan.steps(folder).into_iter().find(|step| !step.done);
    match (open, &args.address, args.done) {
        (None, Some(_), _) | (None, _, true) => bail!("all steps are done"),
        (Some(step), Some(address), _) => {
            plan.note(&step, address)?;
            compare_step(args, &plan, &step, address)?;
        }
        (Some(step), None, true) => plan.note_done(&step)?,
        (_, None, false) => {}
    }
    // Only now are all addresses known that the setup names.
    let mut root = None;
    if let Some(step) = plan.steps(folder).iter().find(|step| !step.done)
        && step.name == plan::ROLLUP
    {
        let made = plan.build(folder)?;
        for warning in made.warnings {
            eprintln!("warning: {warning}");
        }
        root = Some(hex::encode(made.installer.root));
    }
    plan.save(path)?;
    if !json {
        if let Some(root) = root {
            println!("ROOT_HASH: {root}");
        }
        show(path, &plan)?;
        return Ok(ExitCode::SUCCESS);
    }
    let steps = plan.steps(folder);
    let open = steps.iter().position(|step| !step.done);
    let step = open.and_then(|index| steps.get(index)).map(Step::json);
    println!(
        "{:#}",
        json!({
            "step": open.map(|index| index + 1),
            "of": steps.len(),
            "root_hash": root,
            "next": step,
        })
    );
    Ok(ExitCode::SUCCESS)
}

/// Checks that the contract at a step's address is the planned one, as far as nodes are named
/// that can tell; of the rollup one has to be, for contracts are wired to it once.
fn compare_step(args: &NextArgs, plan: &Plan, step: &Step, address: &str) -> anyhow::Result<()> {
    let mut checks = Vec::new();
    if let Some(url) = &args.layer1_node {
        checks.extend(check::step(plan, &step.name, address, url)?);
    }
    match (&args.rollup_node, step.name == plan::ROLLUP) {
        (Some(url), true) => {
            let setup = files::text(&folder(&args.plan).join(plan::SETUP))?;
            checks.extend(check::rollup(plan, &setup, &Source::node(url))?);
        }
        (None, true) => ensure!(
            args.unchecked,
            "contracts would be wired to {address} for good: name a rollup node that runs it \
             (--rollup-node URL), so that it is compared with the plan, or take it --unchecked"
        ),
        (_, false) => ensure!(
            args.rollup_node.is_none() && !args.unchecked,
            "--rollup-node and --unchecked are for the step {}",
            plan::ROLLUP
        ),
    }
    let faults = checks.into_iter().filter_map(|check| {
        let fault = check.fault?;
        Some(format!("{}: {fault}", check.what))
    });
    let faults: Vec<String> = faults.collect();
    ensure!(
        faults.is_empty(),
        "{address} is not what was planned, and is not noted:\n{}",
        faults.join("\n")
    );
    Ok(())
}

/// Prints the next step.
fn show(path: &Path, plan: &Plan) -> anyhow::Result<()> {
    let steps = plan.steps(folder(path));
    let open = steps.iter().enumerate().find(|(_, step)| !step.done);
    let Some((index, step)) = open else {
        println!(
            "All {} steps are done. Compare with what is there:\n",
            steps.len()
        );
        println!(
            "evm-rollup originate check {} --rollup-node {ROLLUP_NODE} \\\n  \
             --layer1-node {LAYER1_NODE}",
            path.display()
        );
        return Ok(());
    };
    let command = step
        .command
        .as_deref()
        .context("a step waits for another")?;
    println!(
        "step {} of {}: {}\n\n{command}\n",
        index + 1,
        steps.len(),
        step.name
    );
    let note = match step.gives {
        "" => "--done".to_owned(),
        "sr1" => format!("--address sr1… --rollup-node {ROLLUP_NODE}"),
        kind => format!("--address {kind}… --layer1-node {LAYER1_NODE}"),
    };
    println!("then: evm-rollup originate next {} {note}", path.display());
    Ok(())
}

fn compare(
    path: &Path,
    source: &Source,
    layer1: Option<&str>,
    json: bool,
) -> anyhow::Result<ExitCode> {
    let plan = Plan::load(path)?;
    let setup = files::text(&folder(path).join(plan::SETUP))
        .context("the plan has no setup yet: `originate next` makes it")?;
    let mut checks = Vec::new();
    if source.is_given() {
        checks.extend(check::rollup(&plan, &setup, source)?);
    }
    if let Some(url) = layer1 {
        checks.extend(check::contracts(&plan, folder(path), url)?);
    }
    ensure!(
        !checks.is_empty(),
        "nothing to compare with: --rollup-node URL, --dump FILE or --layer1-node URL"
    );
    let sound = checks.iter().all(|check| check.fault.is_none());
    if json {
        let checks: Vec<Value> = checks
            .iter()
            .map(|check| json!({ "what": check.what, "fault": check.fault }))
            .collect();
        println!("{:#}", json!({ "as_planned": sound, "checks": checks }));
    } else {
        for check in &checks {
            match &check.fault {
                None => println!("same  {}", check.what),
                Some(fault) => println!("FAIL  {}: {fault}", check.what),
            }
        }
    }
    Ok(if sound {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(FOUND_WRONG)
    })
}

fn folder(plan: &Path) -> &Path {
    plan.parent().unwrap_or(Path::new("."))
}
