//! Measures a level's cost beside the kernel's own work:
//! `cargo run --release --example level_cost -- KERNEL`.

use pvm::{Inbox, Machine, Options};
use std::time::{Duration, Instant};

fn main() {
    let kernel = std::env::args().nth(1).expect("a kernel's file");
    let wasm = std::fs::read(kernel).expect("readable");
    let start = Instant::now();
    let mut machine = Machine::new(&wasm, Options::default()).expect("a kernel");
    println!("load: {:?}", start.elapsed());
    let (mut level, mut run, mut hash) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
    let levels = 200;
    for number in 0..levels {
        let inbox = Inbox {
            timestamp: number,
            predecessor: [0; 32],
            messages: Vec::new(),
        };
        let start = Instant::now();
        let report = machine.run_level(&inbox).expect("a level");
        level += start.elapsed();
        run += report.runs.iter().map(|run| run.wall).sum::<Duration>();
        let start = Instant::now();
        let _ = report.durable_root();
        hash += start.elapsed();
    }
    let each = |total: Duration| total / levels as u32;
    println!(
        "level: {:?}, of it runs: {:?}; hash: {:?}",
        each(level),
        each(run),
        each(hash)
    );
}
