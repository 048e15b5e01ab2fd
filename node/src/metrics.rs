//! Counters of a node, in the text form of Prometheus (version 0.0.4).

use crate::finality::Following;
use crate::installed::Kernel;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The upper bounds of the buckets of times, in milliseconds.
const BUCKETS: [u64; 7] = [1, 5, 25, 100, 500, 2_500, 10_000];

/// Times, counted by buckets.
#[derive(Clone, Copy, Debug, Default)]
struct Times {
    /// Each counts what its bound is the least for; the last has no bound.
    buckets: [u64; BUCKETS.len() + 1],
    sum: Duration,
}

impl Times {
    fn add(&mut self, time: Duration) {
        let over = |bound: &&u64| time > Duration::from_millis(**bound);
        let bucket = BUCKETS.iter().take_while(over).count();
        if let Some(bucket) = self.buckets.get_mut(bucket) {
            *bucket += 1;
        }
        self.sum += time;
    }

    /// Writes a histogram; `label` is empty, or `name="value"`.
    fn write(&self, text: &mut String, name: &str, label: &str) {
        let comma = if label.is_empty() { "" } else { "," };
        let mut count = 0;
        let bounds = BUCKETS.map(seconds).into_iter().chain(["+Inf".into()]);
        for (bucket, bound) in self.buckets.iter().zip(bounds) {
            count += bucket;
            let _ = writeln!(
                text,
                "{name}_bucket{{{label}{comma}le=\"{bound}\"}} {count}"
            );
        }
        let labels = match label {
            "" => String::new(),
            label => format!("{{{label}}}"),
        };
        let micros = self.sum.as_micros();
        let (whole, rest) = (micros / 1_000_000, micros % 1_000_000);
        let _ = writeln!(text, "{name}_sum{labels} {whole}.{rest:06}");
        let _ = writeln!(text, "{name}_count{labels} {count}");
    }
}

/// Milliseconds as seconds.
fn seconds(milliseconds: u64) -> String {
    format!("{}.{:03}", milliseconds / 1_000, milliseconds % 1_000)
}

/// Counters of a node.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    /// By method: those of the table alone, so that nobody makes labels.
    calls: Mutex<BTreeMap<&'static str, Times>>,
    levels: Mutex<Times>,
    transactions: AtomicU64,
}

/// Values that are looked up on request.
#[derive(Clone, Debug)]
pub(crate) struct Gauges {
    pub(crate) block: u64,
    /// The status of a node in front of a rollup.
    pub(crate) following: Option<Following>,
    pub(crate) kernel: Option<Kernel>,
    pub(crate) ready: bool,
    /// Transactions that can be included, and those behind a gap.
    pub(crate) pool: (u64, u64),
    pub(crate) store: Option<u64>,
}

impl Metrics {
    /// A call was answered.
    pub(crate) fn call(&self, method: &'static str, time: Duration) {
        lock(&self.calls).entry(method).or_default().add(time);
    }

    /// A level ran.
    pub(crate) fn level(&self, time: Duration) {
        lock(&self.levels).add(time);
    }

    /// Blocks were shown with so many transactions.
    pub(crate) fn transactions(&self, count: usize) {
        self.transactions.fetch_add(count as u64, Ordering::Relaxed);
    }

    /// All of it.
    pub(crate) fn text(&self, gauges: &Gauges) -> String {
        let mut text = gauges.text();
        let transactions = self.transactions.load(Ordering::Relaxed);
        let name = "evm_rollup_transactions_total";
        let _ = writeln!(
            text,
            "# HELP {name} Transactions of blocks since the start."
        );
        let _ = writeln!(text, "# TYPE {name} counter\n{name} {transactions}");
        let name = "evm_rollup_level_seconds";
        let _ = writeln!(text, "# HELP {name} Time of the machine for a level.");
        let _ = writeln!(text, "# TYPE {name} histogram");
        lock(&self.levels).write(&mut text, name, "");
        let name = "evm_rollup_rpc_seconds";
        let _ = writeln!(text, "# HELP {name} Time of the answer to a call.");
        let _ = writeln!(text, "# TYPE {name} histogram");
        for (method, times) in lock(&self.calls).iter() {
            times.write(&mut text, name, &format!("method=\"{method}\""));
        }
        text
    }
}

impl Gauges {
    /// All of them.
    fn text(&self) -> String {
        let mut text = String::new();
        let mut gauge = |name: &str, help: &str, value: u64| {
            let _ = writeln!(text, "# HELP evm_rollup_{name} {help}");
            let _ = writeln!(text, "# TYPE evm_rollup_{name} gauge");
            let _ = writeln!(text, "evm_rollup_{name} {value}");
        };
        gauge("block", "Number of the newest block.", self.block);
        gauge(
            "ready",
            "1 if nothing is wrong, as in /health.",
            self.ready.into(),
        );
        if let Some(following) = &self.following {
            gauge(
                "level",
                "Newest level of layer 1 that ran here.",
                following.level.into(),
            );
            gauge(
                "head_level",
                "Newest level of layer 1 that the rollup node has told of.",
                following.head.into(),
            );
            gauge(
                "lag_levels",
                "Levels that are still to run: head_level less level.",
                following.lag().into(),
            );
        }
        let (pending, parked) = self.pool;
        gauge(
            "pool_pending",
            "Waiting transactions without a gap before them.",
            pending,
        );
        gauge("pool_parked", "Waiting transactions behind a gap.", parked);
        if let Some(bytes) = self.store {
            gauge(
                "store_bytes",
                "Bytes of the disk that the store takes.",
                bytes,
            );
        }
        if let Some(kernel) = &self.kernel {
            let name = "evm_rollup_kernel_info";
            let _ = writeln!(
                text,
                "# HELP {name} The kernel that runs, in labels; always 1."
            );
            let _ = writeln!(text, "# TYPE {name} gauge");
            let _ = writeln!(
                text,
                "{name}{{blake2b=\"{}\",machine=\"{}\",layout=\"{}\"}} 1",
                kernel.hash,
                kernel.machine.escape_default(),
                kernel.layout
            );
        }
        text
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_counted_in_their_buckets() {
        let metrics = Metrics::default();
        for milliseconds in [0, 1, 2, 100, 101, 60_000] {
            metrics.call("eth_call", Duration::from_millis(milliseconds));
        }
        metrics.transactions(3);
        metrics.level(Duration::from_micros(1_500));
        let text = metrics.text(&Gauges {
            block: 7,
            following: Some(Following {
                level: 9,
                head: 11,
                trouble: None,
            }),
            kernel: Some(Kernel {
                hash: "ab".into(),
                bytes: 3,
                machine: "2.0.0-r4".into(),
                layout: 2,
            }),
            ready: true,
            pool: (1, 0),
            store: None,
        });
        for line in [
            "evm_rollup_block 7",
            "evm_rollup_level 9",
            "evm_rollup_head_level 11",
            "evm_rollup_lag_levels 2",
            "evm_rollup_kernel_info{blake2b=\"ab\",machine=\"2.0.0-r4\",layout=\"2\"} 1",
            "evm_rollup_transactions_total 3",
            "evm_rollup_level_seconds_sum 0.001500",
            "evm_rollup_level_seconds_bucket{le=\"0.001\"} 0",
            "evm_rollup_level_seconds_bucket{le=\"0.005\"} 1",
            "evm_rollup_rpc_seconds_bucket{method=\"eth_call\",le=\"0.001\"} 2",
            "evm_rollup_rpc_seconds_bucket{method=\"eth_call\",le=\"0.100\"} 4",
            "evm_rollup_rpc_seconds_bucket{method=\"eth_call\",le=\"+Inf\"} 6",
            "evm_rollup_rpc_seconds_count{method=\"eth_call\"} 6",
            "evm_rollup_rpc_seconds_sum{method=\"eth_call\"} 60.204000",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        assert!(!text.contains("store_bytes"));
    }

    /// `docs/operating.md` has each name.
    #[test]
    fn the_page_for_operators_has_each_name() {
        let page = include_str!("../../docs/operating.md");
        let text = Metrics::default().text(&Gauges {
            block: 0,
            following: Some(Following::default()),
            kernel: Some(Kernel::default()),
            ready: true,
            pool: (0, 0),
            store: Some(1),
        });
        let types = text
            .lines()
            .filter_map(|line| line.strip_prefix("# TYPE evm_rollup_"));
        let names: Vec<&str> = types.filter_map(|line| line.split(' ').next()).collect();
        assert!(names.len() > 10, "{names:?}");
        for name in names {
            assert!(page.contains(&format!("`{name}`")), "{name}");
        }
    }
}
