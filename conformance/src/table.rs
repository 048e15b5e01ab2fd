//! Results for people: a table by folder and fork.

use crate::suite::{CaseOutcome, CaseResult, Skips};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

/// Results by folder and fork, with what was skipped and the extremes.
#[derive(Clone, Copy, Debug)]
pub struct Table<'r> {
    results: &'r [CaseResult],
    wall: Duration,
}

/// The numbers of cases that passed, failed and were skipped.
#[derive(Clone, Copy, Debug, Default)]
struct Counts([usize; 3]);

impl<'r> Table<'r> {
    /// A table of `results`, which took `wall` in all.
    #[must_use]
    pub const fn new(results: &'r [CaseResult], wall: Duration) -> Self {
        Self { results, wall }
    }
}

/// The folder that a case is counted in: two steps of its file's path.
fn folder(file: &str) -> String {
    let mut steps: Vec<&str> = file.split('/').collect();
    steps.pop();
    steps.truncate(3);
    if steps.is_empty() {
        ".".to_owned()
    } else {
        steps.join("/")
    }
}

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rows: BTreeMap<String, BTreeMap<&str, Counts>> = BTreeMap::new();
        let mut forks = BTreeSet::new();
        let mut sums: BTreeMap<&str, Counts> = BTreeMap::new();
        for result in self.results {
            let fork = result.name.fork.as_str();
            forks.insert(fork);
            let row = rows.entry(folder(&result.name.file)).or_default();
            row.entry(fork).or_default().add(result.outcome);
            sums.entry(fork).or_default().add(result.outcome);
        }
        let width = rows.keys().map(String::len).max().unwrap_or(0).max(6);
        let line = |f: &mut fmt::Formatter<'_>, name: &str, row: &BTreeMap<&str, Counts>| {
            write!(f, "{name:width$}")?;
            for fork in &forks {
                let cell = row.get(fork).map(Counts::to_string).unwrap_or_default();
                write!(f, "  {cell:>16}")?;
            }
            writeln!(f)
        };
        write!(f, "{:width$}", "passed/failed/skipped")?;
        for fork in &forks {
            write!(f, "  {fork:>16}")?;
        }
        writeln!(f)?;
        for (name, row) in &rows {
            line(f, name, row)?;
        }
        line(f, "all", &sums)?;
        for (reason, count) in Skips::reasons(self.results) {
            writeln!(f, "skipped: {count} cases: {reason}")?;
        }
        self.extremes(f)
    }
}

impl Table<'_> {
    fn extremes(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let deepest = self.results.iter().max_by_key(|one| one.max_call_depth);
        if let Some(deepest) = deepest.filter(|one| one.max_call_depth > 0) {
            let depth = deepest.max_call_depth;
            writeln!(f, "deepest: {depth} wasm calls in {}", deepest.name)?;
        }
        if let Some(longest) = self.results.iter().max_by_key(|one| one.wall) {
            let wall = longest.wall.as_millis();
            writeln!(f, "longest: {wall} ms in {}", longest.name)?;
        }
        let cases = self.results.len();
        writeln!(f, "{cases} cases in {} s", self.wall.as_secs())
    }
}

impl Counts {
    fn add(&mut self, outcome: CaseOutcome) {
        self.0[outcome as usize] += 1;
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [passed, failed, skipped] = self.0;
        write!(f, "{passed}/{failed}/{skipped}")
    }
}
