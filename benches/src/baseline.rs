//! The gate on cost: exact figures against those that are committed.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// The committed figures, seen from the root of the repository.
pub(crate) const PATH: &str = "benches/baseline.json";

/// A figure fails if it is more than this many parts in a thousand above the baseline.
const TOLERANCE: u64 = 5;

/// Names of workloads, and of what is counted of each: instructions, host calls, bytes, gas.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Baseline(BTreeMap<String, BTreeMap<String, u64>>);

impl Baseline {
    /// Adds what was counted of a workload.
    pub(crate) fn add<const N: usize>(&mut self, name: &str, figures: [(&str, u64); N]) {
        let figures = figures.map(|(name, figure)| (name.to_owned(), figure));
        self.0.entry(name.to_owned()).or_default().extend(figures);
    }

    /// Reads the committed figures.
    ///
    /// # Errors
    /// If the file is absent or malformed.
    pub(crate) fn read() -> Result<Self, Box<dyn Error>> {
        let text = fs::read_to_string(path()).map_err(|error| format!("{PATH}: {error}"))?;
        let figures = serde_json::from_str(&text).map_err(|error| format!("{PATH}: {error}"))?;
        Ok(figures)
    }

    /// Replaces the committed figures.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub(crate) fn write(&self) -> Result<(), Box<dyn Error>> {
        Ok(fs::write(
            path(),
            serde_json::to_string_pretty(self)? + "\n",
        )?)
    }

    /// Compares `measured` with these figures.
    pub(crate) fn compare(&self, measured: &Self) -> Comparison {
        let names: BTreeSet<(&String, &String)> = self.names().chain(measured.names()).collect();
        let changes = names.into_iter().filter_map(|(workload, count)| {
            let of = |figures: &Self| figures.0.get(workload)?.get(count).copied();
            let (before, after) = (of(self), of(measured));
            (before != after).then(|| Change {
                name: format!("{workload} {count}"),
                before,
                after,
            })
        });
        Comparison {
            changes: changes.collect(),
            count: measured.names().count(),
            accepted: false,
        }
    }

    fn names(&self) -> impl Iterator<Item = (&String, &String)> {
        let workloads = self.0.iter();
        workloads.flat_map(|(workload, counts)| counts.keys().map(move |count| (workload, count)))
    }
}

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(PATH)
}

/// A figure that differs from the baseline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    name: String,
    before: Option<u64>,
    after: Option<u64>,
}

impl Change {
    /// True if it costs too much more, or is on one side only.
    fn failed(&self) -> bool {
        let (Some(before), Some(after)) = (self.before, self.after) else {
            return true;
        };
        u128::from(after) * 1_000 > u128::from(before) * u128::from(1_000 + TOLERANCE)
    }
}

/// Every figure that differs from the baseline.
#[derive(Debug)]
pub(crate) struct Comparison {
    changes: Vec<Change>,
    count: usize,
    accepted: bool,
}

impl Comparison {
    /// The same figures, none of which fails.
    pub(crate) fn accepted(self) -> Self {
        Self {
            accepted: true,
            ..self
        }
    }

    /// True if a figure is above the baseline, missing or new.
    pub(crate) fn failed(&self) -> bool {
        self.failures() > 0
    }
}

impl Comparison {
    fn failures(&self) -> usize {
        let failed = self.changes.iter().filter(|change| change.failed());
        if self.accepted { 0 } else { failed.count() }
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = |figure: Option<u64>| {
            figure.map_or_else(|| "-".to_owned(), |figure| figure.to_string())
        };
        if !self.changes.is_empty() {
            writeln!(
                f,
                "{:<45} {:>15} {:>15} {:>9}",
                "figure", "before", "after", "change"
            )?;
        }
        for change in &self.changes {
            let percent = match (change.before, change.after) {
                (Some(before), Some(after)) if before > 0 => {
                    let percent = (after as f64 / before as f64 - 1.0) * 100.0;
                    format!("{percent:+.2} %")
                }
                (None, _) => "new".to_owned(),
                (_, None) => "gone".to_owned(),
                _ => "-".to_owned(),
            };
            writeln!(
                f,
                "{:<45} {:>15} {:>15} {percent:>9}{}",
                change.name,
                known(change.before),
                known(change.after),
                if change.failed() && !self.accepted {
                    "  FAILED"
                } else {
                    ""
                }
            )?;
        }
        let failed = self.failures();
        writeln!(
            f,
            "{} figures: {} differ from {PATH}, {failed} by too much (0.{TOLERANCE} % more)",
            self.count,
            self.changes.len()
        )?;
        if failed > 0 {
            writeln!(
                f,
                "if the cost is wanted, `make bench-accept` writes {PATH} anew"
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(figure: u64) -> Baseline {
        let mut baseline = Baseline::default();
        baseline.add("a", [("instructions", figure)]);
        baseline
    }

    #[test]
    fn half_a_percent_more_passes_and_a_unit_more_fails() {
        let before = one(10_000);
        assert!(!before.compare(&one(10_050)).failed());
        assert!(before.compare(&one(10_051)).failed());
        assert!(!before.compare(&one(1)).failed());
        let text = before.compare(&one(10_051)).to_string();
        for part in ["a instructions", "10000", "10051", "+0.51 %", "FAILED"] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }

    #[test]
    fn a_cost_where_there_was_none_fails() {
        assert!(one(0).compare(&one(1)).failed());
        assert!(!one(0).compare(&one(0)).failed());
    }

    #[test]
    fn a_figure_that_is_missing_or_new_fails() {
        assert!(one(5).compare(&Baseline::default()).failed());
        assert!(Baseline::default().compare(&one(5)).failed());
    }

    #[test]
    fn the_committed_figures_can_be_read() {
        assert!(Baseline::read().unwrap().names().count() > 30);
    }
}
