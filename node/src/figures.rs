//! Figures of the newest levels: runs, instructions, calls of the host.

use pvm::LevelReport;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The most levels whose figures are kept.
const LEVELS: usize = 1_024;

/// The cost of a level, all runs together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LevelFigures {
    /// The level.
    pub level: u32,
    /// The calls of the kernel.
    pub runs: u64,
    /// Those of them that trapped.
    pub traps: u64,
    /// Executed wasm instructions; 0 where nothing counts them.
    pub instructions: u64,
    /// Bytes that the kernel read.
    pub bytes_read: u64,
    /// Bytes that the kernel wrote.
    pub bytes_written: u64,
    /// The number of calls of each host function.
    pub host_calls: BTreeMap<String, u64>,
    /// The time of all runs on this machine.
    pub wall: Duration,
}

impl LevelFigures {
    /// The figures of a report.
    #[must_use]
    pub fn of(report: &LevelReport) -> Self {
        let mut figures = Self {
            level: report.level,
            ..Self::default()
        };
        for run in &report.runs {
            figures.runs += 1;
            figures.traps += u64::from(run.trap.is_some());
            figures.instructions += run.instructions;
            figures.bytes_read += run.bytes_read;
            figures.bytes_written += run.bytes_written;
            figures.wall += run.wall;
            for (name, count) in &run.host_calls {
                *figures.host_calls.entry(name.clone()).or_default() += count;
            }
        }
        figures
    }
}

/// The figures of the newest levels, oldest first.
#[derive(Debug, Default)]
pub struct Figures(Mutex<VecDeque<LevelFigures>>);

impl Figures {
    /// Keeps those of a level, instead of what there was of it and of later ones.
    pub(crate) fn keep(&self, figures: LevelFigures) {
        let mut kept = self.lock();
        while kept.back().is_some_and(|last| last.level >= figures.level) {
            kept.pop_back();
        }
        if kept.len() >= LEVELS {
            kept.pop_front();
        }
        kept.push_back(figures);
    }

    /// Those of a level; `None`: they are not kept.
    #[must_use]
    pub fn of(&self, level: u32) -> Option<LevelFigures> {
        let kept = self.lock();
        let place = kept.binary_search_by_key(&level, |figures| figures.level);
        kept.get(place.ok()?).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<LevelFigures>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(level: u32, runs: u64) -> LevelFigures {
        LevelFigures {
            level,
            runs,
            ..LevelFigures::default()
        }
    }

    #[test]
    fn those_of_the_newest_levels_are_kept_and_a_branch_replaces_them() {
        let kept = Figures::default();
        for level in 0..LEVELS as u32 + 10 {
            kept.keep(figures(level, 1));
        }
        assert_eq!(kept.of(9), None);
        assert_eq!(kept.of(10), Some(figures(10, 1)));
        kept.keep(figures(500, 2));
        assert_eq!(kept.of(500), Some(figures(500, 2)));
        assert_eq!(kept.of(501), None);
        assert_eq!(kept.of(499), Some(figures(499, 1)));
    }
}
