//! Speed: the fast VM without metering, against native revm on the same
//! transactions with native sender recovery in C, in turns in one process.

use crate::workload::Workloads;
use alloy_primitives::Address;
use conformance::Revision;
use conformance::reference::Reference;
use conformance::rollup::Surroundings;
use conformance::world::World;
use ethereum::SignedTransaction;
use indicatif::ProgressBar;
use pvm::Metering;
use serde::Serialize;
use std::error::Error;
use std::time::{Duration, Instant};

/// Repetitions of each timing.
const TURNS: usize = 7;

/// A workload's speeds, in million gas a second.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Speed {
    pub(crate) name: String,
    pub(crate) fast_vm_median: f64,
    pub(crate) fast_vm_best: f64,
    pub(crate) native_median: f64,
    /// The fast VM's median over native revm's.
    pub(crate) ratio: f64,
}

/// Times every workload on both sides.
pub(crate) fn measure(
    workloads: &Workloads,
    progress: &ProgressBar,
) -> Result<Vec<Speed>, Box<dyn Error>> {
    progress.set_message("setup, native");
    let start = workloads.start()?;
    let chain_id = workloads.setup.config.chain_id;
    let world = World::funded(&workloads.setup.balances);
    let mut native = Reference::new(&world, Revision::Osaka, chain_id);
    let header = workloads.rollup(&start, Metering::Off).header(1).1;
    native.enter(&Surroundings::of_header(&header, chain_id, Revision::Osaka));
    for level in &workloads.setup_levels {
        run_native(&mut native, level)?;
    }
    progress.inc(1);
    let mut speeds = Vec::new();
    for (name, raws) in &workloads.named {
        progress.set_message(format!("{name}, timed"));
        let (mut fast, mut plain, mut gas) = (Vec::new(), Vec::new(), 0);
        for _ in 0..TURNS {
            let mut rollup = workloads.rollup(&start, Metering::Off);
            rollup.empty_level();
            let report = rollup.level(raws);
            fast.push(report.runs.iter().map(|run| run.wall).sum::<Duration>());
            let mut native = native.fork();
            let begin = Instant::now();
            gas = run_native(&mut native, raws)?;
            plain.push(begin.elapsed());
        }
        fast.sort_unstable();
        plain.sort_unstable();
        let speed = |wall: Duration| gas as f64 / 1e6 / wall.as_secs_f64();
        let (fast_vm_median, native_median) = (speed(fast[TURNS / 2]), speed(plain[TURNS / 2]));
        speeds.push(Speed {
            name: name.clone(),
            fast_vm_median,
            fast_vm_best: speed(fast[0]),
            native_median,
            ratio: fast_vm_median / native_median,
        });
        progress.inc(1);
    }
    Ok(speeds)
}

/// Decodes, recovers and executes: what the kernel does, without a rollup.
fn run_native(native: &mut Reference, raws: &[Vec<u8>]) -> Result<u64, Box<dyn Error>> {
    let decoded = raws.iter().map(|raw| ethereum::transaction::decode(raw));
    let decoded: Vec<SignedTransaction> = decoded
        .collect::<Result<_, _>>()
        .map_err(|error| error.to_string())?;
    let senders: Vec<Address> = ethereum::senders(&decoded)
        .into_iter()
        .collect::<Result<_, _>>()
        .map_err(|error| error.to_string())?;
    Ok(native.transact_all(decoded.iter().zip(senders))?)
}
