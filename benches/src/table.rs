//! The table: our figures beside Etherlink's.

use crate::metered::{Metered, Row};
use crate::speed::Speed;
use serde::Serialize;
use std::fmt;

/// All figures of a run.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) metered: Metered,
    pub(crate) speed: Vec<Speed>,
}

/// Etherlink's Farfadet r6 on the same workload, measured in November 2026:
/// instructions of a transaction or of a unit of gas, host calls, bytes read and
/// written.
struct Peer {
    name: &'static str,
    instructions: Option<f64>,
    per_gas: Option<f64>,
    host_calls: Option<f64>,
    bytes: Option<(u64, u64)>,
    speed: Option<f64>,
}

const PEERS: [Peer; 7] = [
    Peer {
        name: "transfers_200",
        instructions: Some(3_697_000.0),
        per_gas: None,
        host_calls: Some(47.5),
        bytes: Some((543, 1384)),
        speed: Some(31.0),
    },
    Peer {
        name: "erc20_200",
        instructions: Some(3_978_000.0),
        per_gas: None,
        host_calls: Some(40.7),
        bytes: Some((2842, 1594)),
        speed: Some(72.0),
    },
    Peer {
        name: "compute_1",
        instructions: None,
        per_gas: Some(41.4),
        host_calls: None,
        bytes: None,
        speed: Some(153.0),
    },
    Peer {
        name: "keccak_1",
        instructions: None,
        per_gas: Some(48.1),
        host_calls: None,
        bytes: None,
        speed: None,
    },
    Peer {
        name: "sstore_6",
        instructions: Some(13_350_000.0),
        per_gas: None,
        host_calls: Some(634.0),
        bytes: None,
        speed: None,
    },
    Peer {
        name: "deploy_10",
        instructions: Some(13_600_000.0),
        per_gas: None,
        host_calls: Some(151.0),
        bytes: None,
        speed: None,
    },
    // Not measured there.
    Peer {
        name: "amm_50",
        instructions: None,
        per_gas: None,
        host_calls: None,
        bytes: None,
        speed: None,
    },
];

/// Farfadet's stripped kernel, in bytes, and its empty level.
const PEER_KERNEL: usize = 6_210_774;
const PEER_EMPTY: (u64, u64, usize) = (453_000, 202, 3);

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let empty = &self.metered.empty_level;
        writeln!(
            f,
            "kernel: {} bytes (Etherlink {PEER_KERNEL})",
            self.metered.kernel_bytes
        )?;
        writeln!(
            f,
            "empty level: {} instructions, {} host calls, {} run(s) (Etherlink {}, {}, {})\n",
            empty.instructions,
            empty.host_calls,
            empty.runs,
            PEER_EMPTY.0,
            PEER_EMPTY.1,
            PEER_EMPTY.2
        )?;
        writeln!(
            f,
            "{:<14} {:>13} {:>11} {:>8} {:>6} {:>7} {:>6} {:>10} {:>10} {:>5} {:>6}",
            "a transaction:",
            "instructions",
            "(peer)",
            "per gas",
            "(peer)",
            "calls",
            "(peer)",
            "read",
            "written",
            "runs",
            "depth"
        )?;
        for (row, peer) in self.metered.rows.iter().zip(&PEERS) {
            debug_assert_eq!(row.name, peer.name);
            line(f, row, peer)?;
        }
        self.posted(f)?;
        writeln!(
            f,
            "\n{:<14} {:>13} {:>13} {:>13} {:>13} {:>9}",
            "Mgas/s:", "fast VM", "(best)", "(Etherlink)", "native revm", "ratio"
        )?;
        for (speed, peer) in self.speed.iter().zip(&PEERS) {
            writeln!(
                f,
                "{:<14} {:>13.1} {:>13.1} {:>13} {:>13.1} {:>9.2}",
                speed.name,
                speed.fast_vm_median,
                speed.fast_vm_best,
                peer.speed
                    .map_or_else(|| "-".to_owned(), |speed| format!("{speed:.0}")),
                speed.native_median,
                speed.ratio
            )?;
        }
        Ok(())
    }
}

impl Report {
    /// Bytes posted for a transaction, one by one and in batches.
    fn posted(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "\n{:<24} {:>13} {:>8} {:>7} {:>10} {:>10} {:>5} {:>6}",
            "posted:", "instructions", "posted", "calls", "read", "written", "runs", "depth"
        )?;
        for row in self.metered.rows.iter().chain(&self.metered.batched) {
            posted(f, row)?;
        }
        Ok(())
    }
}

/// A row with what is posted: bytes of inbox messages for each transaction.
fn posted(f: &mut fmt::Formatter<'_>, row: &Row) -> fmt::Result {
    let each = |total: u64| total as f64 / row.transactions as f64;
    let cost = &row.cost;
    writeln!(
        f,
        "{:<24} {:>13.0} {:>8.1} {:>7.1} {:>10.0} {:>10.0} {:>5} {:>6}",
        row.name,
        each(cost.instructions),
        each(row.posted),
        each(cost.host_calls),
        each(cost.bytes_read),
        each(cost.bytes_written),
        cost.runs,
        cost.max_call_depth,
    )
}

fn line(f: &mut fmt::Formatter<'_>, row: &Row, peer: &Peer) -> fmt::Result {
    let each = |total: u64| total as f64 / row.transactions as f64;
    let cost = &row.cost;
    let known = |figure: Option<f64>, digits: usize| {
        figure.map_or_else(|| "-".to_owned(), |figure| format!("{figure:.digits$}"))
    };
    let bytes = |ours: u64, peer: Option<u64>| match peer {
        Some(peer) => format!("{:.0}/{peer}", each(ours)),
        None => format!("{:.0}", each(ours)),
    };
    writeln!(
        f,
        "{:<14} {:>13.0} {:>11} {:>8.2} {:>6} {:>7.1} {:>6} {:>10} {:>10} {:>5} {:>6}",
        row.name,
        each(cost.instructions),
        known(peer.instructions, 0),
        cost.instructions as f64 / row.gas as f64,
        known(peer.per_gas, 1),
        each(cost.host_calls),
        known(peer.host_calls, 1),
        bytes(cost.bytes_read, peer.bytes.map(|bytes| bytes.0)),
        bytes(cost.bytes_written, peer.bytes.map(|bytes| bytes.1)),
        cost.runs,
        cost.max_call_depth,
    )
}
