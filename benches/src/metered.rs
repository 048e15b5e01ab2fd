//! Exact figures: instructions, host calls, bytes.

use crate::baseline::Baseline;
use crate::workload::Workloads;
use indicatif::ProgressBar;
use pvm::call_profile::{self, CallProfile};
use pvm::probe::Probed;
use pvm::{LevelReport, Metering, Profile};
use serde::Serialize;
use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;

/// The cost of a level.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Cost {
    pub(crate) instructions: u64,
    /// Of the slow machine.
    pub(crate) ticks: u64,
    pub(crate) host_calls: u64,
    pub(crate) calls_by_name: BTreeMap<String, u64>,
    pub(crate) bytes_read: u64,
    pub(crate) bytes_written: u64,
    pub(crate) max_call_depth: u32,
    pub(crate) runs: usize,
}

/// A workload's figures, net of the empty level.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) transactions: u64,
    pub(crate) gas: u64,
    /// The bytes of its inbox messages, tags included.
    pub(crate) posted: u64,
    pub(crate) cost: Cost,
}

/// All exact figures.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Metered {
    pub(crate) kernel_bytes: usize,
    pub(crate) empty_level: Cost,
    pub(crate) rows: Vec<Row>,
    /// Those that are posted in batches.
    pub(crate) batched: Vec<Row>,
}

impl Metered {
    /// Adds the figures of the empty level and of each workload.
    pub(crate) fn add_to(&self, baseline: &mut Baseline) {
        self.empty_level.add_to("empty_level", baseline);
        for row in self.rows.iter().chain(&self.batched) {
            row.cost.add_to(&row.name, baseline);
            baseline.add(&row.name, [("gas", row.gas), ("posted", row.posted)]);
        }
    }
}

/// Runs every workload with metering on.
pub(crate) fn measure(
    workloads: &Workloads,
    progress: &ProgressBar,
) -> Result<Metered, Box<dyn Error>> {
    progress.set_message("setup");
    let start = workloads.start()?;
    progress.inc(1);
    let mut rollup = workloads.rollup(&start, Metering::Full);
    // The first empty level meets what the setup left.
    rollup.empty_level();
    let empty_level = cost(&rollup.empty_level());
    let row = |name: &str, raws: &[Vec<u8>], points: Option<bool>| {
        progress.set_message(format!("{name}, metered"));
        let mut rollup = workloads.rollup(&start, Metering::Full);
        rollup.empty_level();
        let before = rollup.head().number;
        let messages = match points {
            Some(points) => rollup.batches(raws, points),
            None => rollup.messages(raws),
        };
        let posted = messages.iter().map(|message| message.len() as u64).sum();
        let cost = cost(&rollup.level_of(messages)).net_of(&empty_level);
        let included = rollup.since(before);
        if included.len() != raws.len() || !included.iter().all(|included| included.receipt.success)
        {
            return Err(format!(
                "{name}: {} of {} included",
                included.len(),
                raws.len()
            ));
        }
        let gas = included
            .iter()
            .map(|included| included.receipt.gas_used)
            .sum();
        progress.inc(1);
        Ok(Row {
            name: name.to_owned(),
            transactions: raws.len() as u64,
            gas,
            posted,
            cost,
        })
    };
    let named = workloads.named.iter();
    let rows = named.map(|(name, raws)| row(name, raws, None));
    let rows = rows.collect::<Result<_, _>>()?;
    let batched = workloads.batched.iter();
    let batched = batched.map(|batched| row(&batched.name, &batched.raws, Some(batched.points)));
    let batched = batched.collect::<Result<_, _>>()?;
    Ok(Metered {
        kernel_bytes: e2e_tests::kernel().len(),
        empty_level,
        rows,
        batched,
    })
}

/// Prints where the instructions of workloads go, by opcode: of those named, or of all.
pub(crate) fn profile(names: &[&str]) -> Result<(), Box<dyn Error>> {
    let workloads = Workloads::new();
    let start = workloads.start()?;
    let named = workloads.named.iter();
    let named = named.map(|(name, raws)| (name.as_str(), raws, None));
    let batched = workloads.batched.iter();
    let batched = batched.map(|row| (row.name.as_str(), &row.raws, Some(row.points)));
    let idle = ("empty_level", &Vec::new(), None);
    for (name, raws, points) in [idle].into_iter().chain(named).chain(batched) {
        if !names.is_empty() && !names.contains(&name) {
            continue;
        }
        let level = |metering, probe| {
            let mut rollup = workloads.probed(&start, metering, probe);
            rollup.empty_level();
            let messages = match points {
                Some(points) => rollup.batches(raws, points),
                None => rollup.messages(raws),
            };
            (rollup, messages)
        };
        let (mut rollup, messages) = level(Metering::Profile, Probed::default());
        let mut profile = Profile::default();
        for run in rollup.level_of(messages).runs {
            if let Some(run) = run.profile {
                profile += &run;
            }
        }
        let calls = Arc::new(CallProfile::default());
        let (mut rollup, messages) = level(Metering::Full, Probed::by(Arc::clone(&calls) as _));
        calls.clear();
        rollup.level_of(messages);
        let picture = picture(name, &calls)?;
        println!("the flame graph is in {picture}");
        println!("{name}\n{}", profile.table(node::trace::opcode_name));
    }
    Ok(())
}

/// Writes the flame graph of a workload; gives where it is.
fn picture(name: &str, calls: &CallProfile) -> Result<String, Box<dyn Error>> {
    let names = std::fs::read_to_string("target/kernel/evm_kernel.names")?.parse()?;
    let lines = call_profile::collapsed(&calls.calls().paths(), &names);
    let svg = pvm::flame_graph(&format!("{name}: instructions by wasm calls"), &lines)?;
    std::fs::create_dir_all("target/profile")?;
    let file = format!("target/profile/{name}.svg");
    std::fs::write(&file, svg)?;
    Ok(file)
}

fn cost(report: &LevelReport) -> Cost {
    let mut cost = Cost {
        runs: report.runs.len(),
        ..Cost::default()
    };
    for run in &report.runs {
        cost.instructions += run.instructions;
        cost.ticks += run.ticks;
        cost.bytes_read += run.bytes_read;
        cost.bytes_written += run.bytes_written;
        cost.max_call_depth = cost.max_call_depth.max(run.max_call_depth);
        for (name, count) in &run.host_calls {
            *cost.calls_by_name.entry(name.clone()).or_default() += count;
        }
    }
    cost.host_calls = cost.calls_by_name.values().sum();
    cost
}

impl Cost {
    fn add_to(&self, name: &str, baseline: &mut Baseline) {
        let figures = [
            ("instructions", self.instructions),
            ("ticks", self.ticks),
            ("host_calls", self.host_calls),
            ("bytes_read", self.bytes_read),
            ("bytes_written", self.bytes_written),
        ];
        baseline.add(name, figures);
    }

    fn net_of(mut self, empty: &Self) -> Self {
        self.instructions = self.instructions.saturating_sub(empty.instructions);
        self.ticks = self.ticks.saturating_sub(empty.ticks);
        self.host_calls = self.host_calls.saturating_sub(empty.host_calls);
        self.bytes_read = self.bytes_read.saturating_sub(empty.bytes_read);
        self.bytes_written = self.bytes_written.saturating_sub(empty.bytes_written);
        for (name, count) in &mut self.calls_by_name {
            *count = count.saturating_sub(empty.calls_by_name.get(name).copied().unwrap_or(0));
        }
        self
    }
}
