//! The shell blocks of all pages: each is run by a test as it stands, or says why none runs it.

use crate::shell::{self, Checkout, blocks};
use e2e_tests::harness::{Test, TestOutcome};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The pages with shell blocks: how many of these are run, how many are not, and which test runs
/// them.
const PAGES: &[(&str, usize, usize, &str)] = &[
    ("README.md", 10, 0, "readme.rs"),
    ("CONTRIBUTING.md", 0, 1, "none"),
    ("benches/README.md", 1, 1, "docs.rs"),
    ("cli/README.md", 1, 1, "docs.rs"),
    ("conformance/README.md", 0, 1, "none"),
    ("e2e_tests/README.md", 0, 1, "none"),
    ("engines/README.md", 0, 1, "none"),
    ("evm_kernel/README.md", 0, 1, "none"),
    ("fuzz/README.md", 0, 1, "none"),
    ("installer_kernel/README.md", 1, 0, "docs.rs"),
    ("opinions/README.md", 0, 1, "none"),
    ("random_modules/README.md", 0, 1, "none"),
    ("site/README.md", 0, 1, "none"),
    ("tx_kernel/README.md", 0, 1, "none"),
    ("xtask/README.md", 1, 1, "docs.rs"),
    ("docs/bridge.md", 7, 0, "docs.rs"),
    ("docs/debugging.md", 3, 0, "docs.rs"),
    ("docs/first_contract.md", 9, 0, "docs.rs"),
    ("docs/first_rollup.md", 7, 0, "docs.rs"),
    ("docs/machine.md", 0, 2, "none"),
    ("docs/operating.md", 1, 3, "docs.rs"),
    ("docs/origination.md", 9, 1, "origination.rs"),
    ("docs/proofs.md", 0, 1, "none"),
    ("docs/rpc.md", 5, 0, "docs.rs"),
    ("docs/security.md", 0, 1, "none"),
    ("docs/start.md", 1, 1, "docs.rs"),
    ("docs/transactions.md", 6, 0, "docs.rs and transactions.rs"),
    ("docs/upgrade.md", 1, 0, "docs.rs"),
    ("docs/witnesses.md", 3, 0, "witnesses.rs"),
    ("docs/writing_a_kernel.md", 6, 0, "docs.rs"),
];

/// A page that is run here, with texts that it must print.
type Page = (&'static str, &'static [&'static str]);

const RUN_HERE: [Page; 14] = [
    ("benches/README.md", &["SSTORE"]),
    ("cli/README.md", &["/purse/a = 0000000000000005"]),
    ("installer_kernel/README.md", &["ROOT_HASH"]),
    ("xtask/README.md", &["the machine accepts it"]),
    (
        "docs/bridge.md",
        &["1000000 tez", "12.5 tez", "1000012.5 tez", "\n700", "\n450"],
    ),
    (
        "docs/debugging.md",
        &["/purse/a = 000000000000000c", "purse::give"],
    ),
    (
        "docs/first_contract.md",
        &["\"hello\"", "\"good morning\"", "empty greeting"],
    ),
    (
        "docs/first_rollup.md",
        &["\n1000000000000000000", "12.5 tez"],
    ),
    ("docs/operating.md", &["root"]),
    (
        "docs/rpc.md",
        &[
            "\"result\":\"0x21e19e0c9bab2400000\"",
            "[{\"jsonrpc\":\"2.0\",\"id\":3,",
            "\"id\":8,\"result\":true",
            "\"errors\":1",
        ],
    ),
    ("docs/start.md", &[]),
    (
        "docs/transactions.md",
        &["transaction 0 refused: insufficient balance"],
    ),
    ("docs/upgrade.md", &["ROOT_HASH"]),
    (
        "docs/writing_a_kernel.md",
        &[
            "test result: ok. 1 passed",
            "frames at most",
            "/sum = 0000000000000105",
            "message dropped",
            "/count",
            "\"entrypoint\":\"counted\"",
            "/newest = 68656c6c6f",
        ],
    ),
];

pub(crate) fn tests() -> Vec<Test> {
    let mut tests = vec![
        Test::new("every_block_is_in_the_list", || in_the_list().map(passed)),
        Test::new("no_command_stands_outside_of_a_block", || {
            outside().map(passed)
        }),
        Test::new("the_example_is_the_crate_of_the_page", || {
            example().map(passed)
        }),
        Test::new("no_block_waits_for_what_may_never_come", || {
            endless().map(passed)
        }),
    ];
    for (page, prints) in RUN_HERE {
        tests.push(Test::new(page, move || run(page, prints)));
    }
    tests
}

fn passed((): ()) -> TestOutcome {
    TestOutcome::Passed
}

fn read(page: &str) -> Result<String, String> {
    std::fs::read_to_string(shell::root().join(page)).map_err(|error| format!("{page}: {error}"))
}

/// The pages at the root, in `docs` and beside crates.
fn all() -> Vec<String> {
    let root = shell::root();
    let folders = std::fs::read_dir(&root).into_iter().flatten().flatten();
    let folders = folders.map(|entry| entry.path()).filter(|path| {
        path.is_dir() && !path.ends_with("target") && !path.ends_with("node_modules")
    });
    let folders: Vec<PathBuf> = folders.chain([root.clone()]).collect();
    let files = folders
        .iter()
        .flat_map(std::fs::read_dir)
        .flatten()
        .flatten();
    let pages = files.map(|entry| entry.path());
    let pages = pages.filter(|path| path.extension().is_some_and(|end| end == "md"));
    let mut names: Vec<String> = pages
        .filter_map(|path| Some(path.strip_prefix(&root).ok()?.to_str()?.to_owned()))
        .collect();
    names.sort();
    names
}

fn in_the_list() -> Result<(), String> {
    let mut wrong = Vec::new();
    for page in all() {
        let blocks = blocks(&read(&page)?);
        let run = blocks.iter().filter(|block| block.is_run()).count();
        let found = (run, blocks.len() - run);
        let listed = PAGES.iter().find(|(name, ..)| *name == page);
        let listed = listed.map_or((0, 0), |(_, run, not, _)| (*run, *not));
        if found != listed {
            wrong.push(format!("{page}: {found:?}, where the list has {listed:?}"));
        }
    }
    let run: usize = PAGES.iter().map(|(_, run, ..)| run).sum();
    let not_run: usize = PAGES.iter().map(|(_, _, not_run, _)| not_run).sum();
    println!("{run} blocks are run, {not_run} are not");
    none(&wrong)
}

/// Commands in blocks that are only indented, which no test sees.
fn outside() -> Result<(), String> {
    let mut wrong = Vec::new();
    for page in all() {
        for (number, line) in read(&page)?.lines().enumerate() {
            let command = line.strip_prefix("    ").unwrap_or_default();
            let starts = ["make ", "cargo ", "evm-rollup ", "cast ", "curl ", "npm "];
            let is_picture = line.contains('\u{2500}');
            if !is_picture && starts.iter().any(|start| command.starts_with(start)) {
                let fenced = blocks(&read(&page)?)
                    .iter()
                    .any(|block| block.line <= number && block.text.contains(command));
                if !fenced {
                    wrong.push(format!("{page}:{}: {command}", number + 1));
                }
            }
        }
    }
    none(&wrong)
}

/// Loops that go on if the program that they wait for has failed.
fn endless() -> Result<(), String> {
    let mut wrong = Vec::new();
    for page in all() {
        for block in blocks(&read(&page)?) {
            for line in block.text.lines() {
                let is_bounded = line.contains("&& kill -0 ") || !line.contains("; do ");
                let starts = line.split("; ").any(|part| {
                    let part = part.trim_start();
                    part.starts_with("until ") || part.starts_with("while ")
                });
                if starts && !is_bounded {
                    wrong.push(format!("{page}:{}: {line}", block.line));
                }
            }
        }
    }
    none(&wrong)
}

/// `examples/tally` has the files that the page on kernels writes.
fn example() -> Result<(), String> {
    let page = read("docs/writing_a_kernel.md")?;
    let mut wrong = Vec::new();
    for file in ["Cargo.toml", ".cargo/config.toml", "src/lib.rs"] {
        let text = read(&format!("examples/tally/{file}"))?;
        let text = text.replace("../../host", "$EVM_ROLLUP/host");
        if !page.contains(&text) {
            wrong.push(format!("examples/tally/{file} is another"));
        }
    }
    none(&wrong)
}

fn none(wrong: &[String]) -> Result<(), String> {
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(wrong.join("\n"))
    }
}

/// Installs the clients, once for all pages; the reason if it cannot be done and need not be.
fn clients() -> Option<String> {
    static INSTALLED: OnceLock<Option<String>> = OnceLock::new();
    let installed = INSTALLED.get_or_init(|| {
        let ran = Command::new("bash")
            .args(["-c", shell::CLIENTS])
            .current_dir(shell::root())
            .output();
        match ran {
            Ok(ran) if ran.status.success() => None,
            Ok(ran) => Some(String::from_utf8_lossy(&ran.stderr).into_owned()),
            Err(error) => Some(error.to_string()),
        }
    });
    let why = installed.as_ref()?;
    assert!(std::env::var_os("CI").is_none(), "npm ci fails: {why}");
    let line = why.lines().find(|line| line.contains("npm")).unwrap_or(why);
    Some(format!("npm ci fails: {line}"))
}

/// A program of another crate that a page runs, and that is not built: `cargo test --test pages`
/// alone does not build it.
fn missing_program(text: &str) -> Option<&'static str> {
    let script = shell::script(text);
    let folder = Path::new(shell::PROGRAM).parent()?;
    ["benches", "xtask"].into_iter().find(|program| {
        let start = format!("{program} ");
        let is_run = script.lines().any(|line| line.starts_with(&start));
        is_run && !folder.join(program).is_file()
    })
}

/// Runs the blocks of a page in their order, in one shell.
fn run(page: &str, prints: &[&str]) -> Result<TestOutcome, String> {
    let name = page.replace(['/', '.'], "-");
    let text = read(page)?;
    if text.contains(shell::CLIENTS)
        && let Some(why) = clients()
    {
        return Ok(TestOutcome::Ignored(why));
    }
    if let Some(program) = missing_program(&text) {
        return match std::env::var_os("CI") {
            None => Ok(TestOutcome::Ignored(format!("{program} is not built"))),
            Some(_) => Err(format!("{program} is not built")),
        };
    }
    let ran = Checkout::new(&name).run(&shell::script(&text));
    let out = String::from_utf8_lossy(&ran.stdout);
    let errors = String::from_utf8_lossy(&ran.stderr);
    if !ran.status.success() {
        return Err(format!("{}\n{out}\n{errors}", ran.status));
    }
    let missing = prints
        .iter()
        .find(|part| !out.contains(**part) && !errors.contains(**part));
    match missing {
        Some(part) => Err(format!("no {part:?} in:\n{out}\n{errors}")),
        None => Ok(TestOutcome::Passed),
    }
}
