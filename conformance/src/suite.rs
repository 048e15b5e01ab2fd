//! Files and folders of state tests, on several threads; the skipped cases.

use crate::fixture::{self, File, Post, Test};
use crate::rollup::Rollup;
use crate::{Revision, blockchain, reference, statetest};
use pvm::Options;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// The most bytes of a file of tests.
const MAX_FILE: u64 = 512 << 20;

/// One case of a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct CaseName {
    /// The file, below the folder that was asked for.
    pub file: String,
    /// The test's name.
    pub test: String,
    /// The fork.
    pub fork: String,
    /// The position in the fork's list.
    pub index: usize,
}

/// The outcome of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CaseOutcome {
    /// All is as expected.
    Passed,
    /// Something is not.
    Failed,
    /// It is in the list of what a rollup cannot do, and did fail.
    Skipped,
}

/// A case's result.
#[derive(Clone, Debug, Serialize)]
pub struct CaseResult {
    /// Which case.
    #[serde(flatten)]
    pub name: CaseName,
    /// Its outcome.
    pub outcome: CaseOutcome,
    /// The reason why it failed, or is skipped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The gas that the transaction used.
    #[serde(skip)]
    pub gas_used: u64,
    /// Executed wasm instructions; 0 without metering.
    #[serde(skip)]
    pub instructions: u64,
    /// The most wasm calls open at once; 0 without metering.
    #[serde(skip)]
    pub max_call_depth: u32,
    /// Its duration.
    #[serde(skip)]
    pub wall: Duration,
}

/// The cases to run.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Only this fork.
    pub fork: Option<String>,
    /// Only tests whose name contains this.
    pub test: Option<String>,
    /// Of all cases, taken in the order of their names, only each `every`th; 0
    /// and 1: all.
    pub every: usize,
}

/// The settings of a run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The kernel's module: the evaluation build.
    pub kernel: Vec<u8>,
    /// The number of threads.
    pub jobs: usize,
    /// The machine's options: the engine, and what is measured.
    pub options: Options,
    /// The cases to run.
    pub selection: Selection,
    /// Cases that may fail.
    pub skips: Skips,
}

/// Why tests cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder cannot be read.
    #[error("{0}: {1}")]
    Io(PathBuf, std::io::Error),
    /// A file holds no state tests.
    #[error("{0}: not a file of state tests: {1}")]
    Syntax(PathBuf, serde_json::Error),
    /// The bytes are not a valid kernel.
    #[error(transparent)]
    Machine(#[from] pvm::Error),
    /// A line of the skip list is invalid.
    #[error("line {0} of the skip list is not file, test, fork, index and reason, split by tabs")]
    SkipList(usize),
}

/// A file of tests, and its name in results.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Its path.
    pub path: PathBuf,
    /// Its name: its path below the folder that was asked for.
    pub name: String,
}

/// Finds the files of tests at `path`: itself, or all `.json` below it.
///
/// # Errors
/// If a folder cannot be read.
pub fn sources(path: &Path) -> Result<Vec<Source>, Error> {
    if path.is_file() {
        let name = path.file_name().unwrap_or_default();
        return Ok(vec![Source {
            path: path.to_owned(),
            name: name.to_string_lossy().into_owned(),
        }]);
    }
    let mut found = Vec::new();
    let mut folders = vec![path.to_owned()];
    while let Some(folder) = folders.pop() {
        let io = |error| Error::Io(folder.clone(), error);
        for entry in std::fs::read_dir(&folder).map_err(io)? {
            let entry = entry.map_err(io)?.path();
            if entry.is_dir() {
                folders.push(entry);
            } else if entry
                .extension()
                .is_some_and(|extension| extension == "json")
            {
                let name = entry.strip_prefix(path).unwrap_or(&entry);
                found.push(Source {
                    name: name.to_string_lossy().replace('\\', "/"),
                    path: entry,
                });
            }
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

/// Runs the tests of `sources`; `progress` hears of each file that is done.
///
/// # Errors
/// If a file cannot be read, or is not a valid kernel.
pub fn run(
    sources: &[Source],
    settings: &Settings,
    progress: &(dyn Fn(&[CaseResult]) + Sync),
) -> Result<Vec<CaseResult>, Error> {
    let order = Mutex::new(heavy_first(sources));
    let position = AtomicUsize::new(0);
    let (send, results) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..settings.jobs.max(1) {
            let send = send.clone();
            let next = || {
                let order = order.lock().ok()?;
                order.get(position.fetch_add(1, Ordering::Relaxed)).copied()
            };
            scope.spawn(move || {
                let mut rollup = match Rollup::new(&settings.kernel, settings.options.clone()) {
                    Ok(rollup) => rollup,
                    Err(error) => return drop(send.send(Err(error.into()))),
                };
                while let Some(source) = next() {
                    let done = run_file(&mut rollup, source, settings);
                    if let Ok(cases) = &done {
                        progress(cases);
                    }
                    if send.send(done).is_err() {
                        return;
                    }
                }
            });
        }
        drop(send);
        let mut all = Vec::new();
        for cases in results {
            all.extend(cases?);
        }
        all.sort_by(|a: &CaseResult, b| a.name.cmp(&b.name));
        Ok(all)
    })
}

/// The files that take longest at the front, so that no thread ends up alone
/// with one.
fn heavy_first(sources: &[Source]) -> Vec<&Source> {
    let heavy = ["stTimeConsuming", "vmPerformance", "stQuadraticComplexity"];
    let (mut first, rest): (Vec<_>, Vec<_>) = sources
        .iter()
        .partition(|source| heavy.iter().any(|name| source.name.contains(name)));
    first.extend(rest);
    first
}

fn run_file(
    rollup: &mut Rollup,
    source: &Source,
    settings: &Settings,
) -> Result<Vec<CaseResult>, Error> {
    let mut results = Vec::new();
    each_case(source, &settings.selection, |name, case| {
        let start = Instant::now();
        let judged = match case {
            Case::State(test, revision, post) => statetest::judge(rollup, test, revision, post),
            Case::Blockchain(test) => blockchain::judge(rollup, test),
        };
        let (outcome, reason) = settings.skips.outcome(&name, judged.wrong);
        results.push(CaseResult {
            name,
            outcome,
            reason,
            gas_used: judged.gas_used,
            instructions: judged.instructions,
            max_call_depth: judged.max_call_depth,
            wall: start.elapsed(),
        });
    })?;
    Ok(results)
}

/// Prints each step of the selected cases (EIP-3155) to the standard output,
/// from plain revm.
///
/// # Errors
/// If a file cannot be read.
pub fn trace(sources: &[Source], selection: &Selection) -> Result<(), Error> {
    for source in sources {
        each_case(source, selection, |name, case| {
            let Case::State(test, revision, post) = case else {
                return;
            };
            println!("{}", serde_json::json!({ "case": name }));
            let traced = statetest::surroundings(test, revision).and_then(|surroundings| {
                reference::trace(&test.pre, &surroundings, &post.txbytes, std::io::stdout())
            });
            let end = match traced {
                Ok(result) => serde_json::json!({
                    "pass": result.is_success(),
                    "gasUsed": format!("{:#x}", result.tx_gas_used()),
                    "output": result.output().cloned().unwrap_or_default(),
                }),
                Err(why) => serde_json::json!({ "refused": why }),
            };
            println!("{end}");
        })?;
    }
    Ok(())
}

/// A case, as its file has it.
enum Case<'t> {
    State(&'t Test, Revision, &'t Post),
    Blockchain(&'t blockchain::Test),
}

/// Hands the selected cases of a file to `act`.
fn each_case(
    source: &Source,
    selection: &Selection,
    mut act: impl FnMut(CaseName, Case<'_>),
) -> Result<(), Error> {
    let io = |error| Error::Io(source.path.clone(), error);
    let text = pvm::files::read(&source.path, MAX_FILE).map_err(io)?;
    let mut select = |test: &str, fork: &str, index, case: Case<'_>| {
        let name = CaseName {
            file: source.name.clone(),
            test: test.to_owned(),
            fork: fork.to_owned(),
            index,
        };
        if selection.takes(&name) {
            act(name, case);
        }
    };
    if let Ok(file) = serde_json::from_slice::<blockchain::File>(&text) {
        for (name, test) in &file {
            select(name, &test.network, 0, Case::Blockchain(test));
        }
        return Ok(());
    }
    let file: File =
        serde_json::from_slice(&text).map_err(|error| Error::Syntax(source.path.clone(), error))?;
    for (name, test) in &file {
        for (fork, posts) in &test.post {
            let Some(revision) = fixture::revision(fork) else {
                continue;
            };
            for (index, post) in posts.iter().enumerate() {
                select(name, fork, index, Case::State(test, revision, post));
            }
        }
    }
    Ok(())
}

impl Selection {
    fn takes(&self, name: &CaseName) -> bool {
        let sampled = || {
            let every = self.every.max(1) as u64;
            name.number().is_multiple_of(every)
        };
        self.fork.as_ref().is_none_or(|fork| *fork == name.fork)
            && self
                .test
                .as_ref()
                .is_none_or(|test| name.test.contains(test))
            && sampled()
    }
}

impl fmt::Display for CaseName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            file,
            test,
            fork,
            index,
        } = self;
        write!(f, "{file} {test} {fork} {index}")
    }
}

impl CaseName {
    /// A number that is the same on every run and machine (FNV-1a), to take
    /// samples by.
    fn number(&self) -> u64 {
        let index = self.index.to_string();
        let bytes = [&self.file, &self.test, &self.fork, &index];
        let bytes = bytes.iter().flat_map(|text| text.bytes());
        bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        })
    }
}

/// The cases that a rollup cannot run, each with its reason.
#[derive(Clone, Debug, Default)]
pub struct Skips(BTreeMap<CaseName, String>);

impl Skips {
    /// The project's own list, for the open packages.
    ///
    /// # Errors
    /// [`Error::SkipList`]
    pub fn open() -> Result<Self, Error> {
        Self::parse(include_str!("../skips.tsv"))
    }

    /// Reads lines of file, test, fork, index and reason, split by tabs; those
    /// that begin with `#` say something else.
    ///
    /// # Errors
    /// [`Error::SkipList`]
    pub fn parse(text: &str) -> Result<Self, Error> {
        let mut skips = BTreeMap::new();
        for (line, number) in text.lines().zip(1..) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let fields: Vec<&str> = line.split('\t').collect();
            let &[file, test, fork, index, reason] = &fields[..] else {
                return Err(Error::SkipList(number));
            };
            let name = CaseName {
                file: file.to_owned(),
                test: test.to_owned(),
                fork: fork.to_owned(),
                index: index.parse().map_err(|_| Error::SkipList(number))?,
            };
            skips.insert(name, reason.to_owned());
        }
        Ok(Self(skips))
    }

    /// The reasons, each with how many cases have it.
    #[must_use]
    pub fn reasons(results: &[CaseResult]) -> BTreeMap<&str, usize> {
        let mut reasons = BTreeMap::new();
        for result in results {
            if let (CaseOutcome::Skipped, Some(reason)) = (result.outcome, &result.reason) {
                *reasons.entry(reason.as_str()).or_default() += 1;
            }
        }
        reasons
    }

    /// The lines whose file was run whole, but that name none of its cases.
    #[must_use]
    pub fn stale(&self, results: &[CaseResult]) -> Vec<&CaseName> {
        let files: BTreeSet<&str> = results.iter().map(|one| one.name.file.as_str()).collect();
        let names: BTreeSet<&CaseName> = results.iter().map(|one| &one.name).collect();
        let stale = |name: &&CaseName| files.contains(name.file.as_str()) && !names.contains(name);
        self.0.keys().filter(stale).collect()
    }

    /// The reason to skip a case. Names of files are compared by their ends:
    /// the folder that was asked for may lie below the package's.
    fn reason(&self, name: &CaseName) -> Option<&String> {
        let exact = self.0.get(name);
        exact.or_else(|| {
            let same = |known: &&CaseName| {
                (&known.test, &known.fork, known.index) == (&name.test, &name.fork, name.index)
                    && Path::new(&known.file).ends_with(&name.file)
            };
            let known = self.0.keys().find(same)?;
            self.0.get(known)
        })
    }

    fn outcome(&self, name: &CaseName, wrong: Option<String>) -> (CaseOutcome, Option<String>) {
        match (self.reason(name), wrong) {
            (None, None) => (CaseOutcome::Passed, None),
            (None, Some(wrong)) => (CaseOutcome::Failed, Some(wrong)),
            (Some(reason), Some(_)) => (CaseOutcome::Skipped, Some(reason.clone())),
            (Some(_), None) => {
                let reason = "it is in the skip list, but passes".to_owned();
                (CaseOutcome::Failed, Some(reason))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(file: &str) -> CaseName {
        CaseName {
            file: file.to_owned(),
            test: "t".to_owned(),
            fork: "Osaka".to_owned(),
            index: 1,
        }
    }

    fn skips() -> Skips {
        Skips::parse("# file, test, …\na/b.json\tt\tOsaka\t1\tno blobs\n").unwrap()
    }

    #[test]
    fn a_case_in_the_skip_list_may_fail() {
        let expected = (CaseOutcome::Skipped, Some("no blobs".to_owned()));
        assert_eq!(
            skips().outcome(&name("a/b.json"), Some("x".into())),
            expected
        );
        assert_eq!(skips().outcome(&name("b.json"), Some("x".into())), expected);
    }

    #[test]
    fn a_case_in_the_skip_list_must_not_pass() {
        let (outcome, reason) = skips().outcome(&name("a/b.json"), None);
        assert_eq!(outcome, CaseOutcome::Failed);
        assert!(reason.unwrap().contains("skip list"));
    }

    #[test]
    fn a_case_that_is_not_in_the_skip_list_must_not_fail() {
        let (outcome, _) = skips().outcome(&name("c.json"), Some("x".into()));
        assert_eq!(outcome, CaseOutcome::Failed);
    }

    #[test]
    fn a_line_without_a_reason_is_refused() {
        assert!(matches!(
            Skips::parse("#\na/b.json\tt\tOsaka\t1"),
            Err(Error::SkipList(2))
        ));
    }
}
