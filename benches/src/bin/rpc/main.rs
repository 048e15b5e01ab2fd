//! Measures of the node: `cargo run --release --bin rpc [NAME…]`, with the names
//! latency, traces, sockets, logs, state_root, disk, follow, fork; all without.
#![expect(
    clippy::float_arithmetic,
    reason = "times are told to people, not computed with"
)]

mod disk;
mod follow;
mod fork;
mod latency;
mod logs;
mod sockets;
mod state_root;
mod traces;

use std::error::Error;
use std::time::{Duration, Instant};

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Box<dyn Error>> {
    let named: Vec<String> = std::env::args().skip(1).collect();
    let wanted = |name: &str| named.is_empty() || named.iter().any(|named| named == name);
    if wanted("latency") {
        latency::measure().await?;
    }
    if wanted("traces") {
        traces::measure().await?;
    }
    if wanted("sockets") {
        sockets::measure().await?;
    }
    if wanted("logs") {
        logs::measure().await?;
    }
    if wanted("state_root") {
        state_root::measure().await?;
    }
    if wanted("disk") {
        disk::measure().await?;
    }
    if wanted("follow") {
        follow::measure().await?;
    }
    if wanted("fork") {
        fork::measure().await?;
    }
    Ok(())
}

/// A devnet on the kernel that `make kernel` wrote.
async fn devnet() -> Result<node::Handle, node::DevnetError> {
    node::devnet(options()).await
}

/// Its options.
fn options() -> node::Options {
    let kernel =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/kernel/evm_kernel.wasm");
    node::Options::new(kernel)
}

/// The megabytes of memory of this process; `None` if the system does not say.
fn memory_mb() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: f64 = status.split_whitespace().nth(1)?.parse().ok()?;
    Some(pages * 4096.0 / 1e6)
}

/// Runs `act` so often, and prints the median and the worst of its times.
async fn time<T, F: Future<Output = T>>(name: &str, times: usize, mut act: impl FnMut() -> F) {
    let mut took = Vec::with_capacity(times);
    for _ in 0..times {
        let start = Instant::now();
        let _ = act().await;
        took.push(start.elapsed());
    }
    took.sort_unstable();
    let ms = |time: Option<&Duration>| time.map_or(0.0, |time| time.as_secs_f64() * 1e3);
    println!(
        "{name:<60} {:>9.3} ms (median of {times}), {:.3} ms for 99 of 100, {:.3} ms at worst",
        ms(took.get(times / 2)),
        ms(took.get(times * 99 / 100)),
        ms(took.last())
    );
}
