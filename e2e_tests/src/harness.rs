//! A test harness whose tests can say, while they run, why they cannot: `#[ignore]` has to know
//! before. It reads the arguments and prints the lines of the standard one, for a `[[test]]` with
//! `harness = false`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::Mutex;

/// The outcome of a test that did not fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TestOutcome {
    /// It ran.
    Passed,
    /// It cannot run here, and why.
    Ignored(String),
}

/// A test, by its name. It fails with a reason, or by a panic.
pub struct Test {
    name: &'static str,
    run: Box<dyn FnOnce() -> Result<TestOutcome, String> + Send>,
}

impl Test {
    /// Gives a test its name.
    pub fn new(
        name: &'static str,
        run: impl FnOnce() -> Result<TestOutcome, String> + Send + 'static,
    ) -> Self {
        Self {
            name,
            run: Box::new(run),
        }
    }
}

/// Runs the tests that the program's arguments select, on all processors.
#[must_use]
pub fn run(tests: Vec<Test>) -> ExitCode {
    let selection = Selection::new(std::env::args().skip(1));
    let tests: Vec<Test> = tests
        .into_iter()
        .filter(|test| selection.takes(test.name))
        .collect();
    if selection.list {
        for test in &tests {
            println!("{}: test", test.name);
        }
        return ExitCode::SUCCESS;
    }
    println!("\nrunning {} tests", tests.len());
    let threads = std::thread::available_parallelism().map_or(1, Into::into);
    let (waiting, counts) = (Mutex::new(tests.into_iter()), Mutex::new([0; 3]));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                // The lock is held while a test is taken, not while it runs.
                let next = || waiting.lock().ok()?.next();
                while let Some(test) = next() {
                    let which = run_one(test);
                    if let Ok(mut counts) = counts.lock() {
                        counts[which] += 1;
                    }
                }
            });
        }
    });
    let [passed, failed, ignored] = counts.into_inner().unwrap_or([0, 1, 0]);
    let verdict = if failed == 0 { "ok" } else { "FAILED" };
    println!(
        "\ntest result: {verdict}. {passed} passed; {failed} failed; {ignored} ignored; \
         0 measured; 0 filtered out\n"
    );
    ExitCode::from(u8::from(failed > 0))
}

/// Runs a test and prints its line: 0 if it passed, 1 if it failed, 2 if it was ignored.
fn run_one(test: Test) -> usize {
    let outcome = catch_unwind(AssertUnwindSafe(test.run));
    match outcome {
        Ok(Ok(TestOutcome::Passed)) => {
            println!("test {} ... ok", test.name);
            0
        }
        Ok(Ok(TestOutcome::Ignored(why))) => {
            println!("test {} ... ignored, {why}", test.name);
            2
        }
        Ok(Err(why)) => {
            println!("test {} ... FAILED\n{why}", test.name);
            1
        }
        // The panic has said its reason already.
        Err(_) => {
            println!("test {} ... FAILED", test.name);
            1
        }
    }
}

/// Which tests the arguments select.
#[derive(Debug, Default)]
struct Selection {
    filters: Vec<String>,
    skipped: Vec<String>,
    exact: bool,
    list: bool,
    /// None of the tests is known to be ignored before it runs.
    only_ignored: bool,
}

impl Selection {
    fn new(mut arguments: impl Iterator<Item = String>) -> Self {
        let mut selection = Self::default();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--skip" => selection.skipped.extend(arguments.next()),
                "--exact" => selection.exact = true,
                "--list" => selection.list = true,
                "--ignored" => selection.only_ignored = true,
                "--test-threads" | "--format" | "--color" | "--logfile" => {
                    arguments.next();
                }
                flag if flag.starts_with('-') => {}
                filter => selection.filters.push(filter.to_owned()),
            }
        }
        selection
    }

    fn takes(&self, name: &str) -> bool {
        let fits = |filter: &String| {
            if self.exact {
                filter == name
            } else {
                name.contains(filter.as_str())
            }
        };
        !self.only_ignored
            && (self.filters.is_empty() || self.filters.iter().any(fits))
            && !self.skipped.iter().any(fits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selection(arguments: &str) -> Selection {
        Selection::new(arguments.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn names_are_selected_as_by_the_standard_harness() {
        assert!(selection("").takes("a_name"));
        assert!(selection("--nocapture nam").takes("a_name"));
        assert!(!selection("other").takes("a_name"));
        assert!(!selection("--exact nam").takes("a_name"));
        assert!(selection("--exact a_name --test-threads 1").takes("a_name"));
        assert!(!selection("--skip nam").takes("a_name"));
        assert!(!selection("--ignored").takes("a_name"));
    }

    #[test]
    fn a_test_passes_fails_panics_or_is_ignored() {
        let ran = |run: fn() -> Result<TestOutcome, String>| run_one(Test::new("t", run));
        assert_eq!(ran(|| Ok(TestOutcome::Passed)), 0);
        assert_eq!(ran(|| Err("no".to_owned())), 1);
        assert_eq!(ran(|| panic!("no")), 1);
        assert_eq!(ran(|| Ok(TestOutcome::Ignored("why".to_owned()))), 2);
    }
}
