//! Measures of the node: `cargo run --release -p benches --bin rpc`.
#![expect(
    clippy::float_arithmetic,
    reason = "times are told to people, not computed with"
)]

mod logs;
mod state_root;

use std::error::Error;
use std::time::{Duration, Instant};

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Box<dyn Error>> {
    logs::measure().await?;
    state_root::measure().await
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
        "{name:<60} {:>9.3} ms (median of {times}), {:.3} ms at worst",
        ms(took.get(times / 2)),
        ms(took.last())
    );
}
