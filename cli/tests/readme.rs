//! The shell blocks of `README.md` work in the order in which they stand, and the files that the
//! pages name are there.
//!
//! One shell runs all of them, at the root of the repository, against a devnet on a free port.
//! If npm cannot install the clients the test is ignored, with the reason; with `CI` set it fails.

use crate::shell::{self, PROGRAM, root};
use e2e_tests::harness::{Test, TestOutcome};
use std::error::Error;
use std::fmt::Write;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Lines that are not run as they stand, and their substitutes. `make devnet` runs already, from the
/// dev build; the others are looked at only, as the tests run in the one and behind the other.
const INSTEAD: [(&str, &str); 3] = [
    ("make devnet", "make --dry-run devnet >/dev/null"),
    ("make test", "make --dry-run test >/dev/null"),
    ("make kernel", "make --dry-run kernel >/dev/null"),
];

pub(crate) fn tests() -> Vec<Test> {
    vec![
        Test::new("every_block_of_the_readme_is_found", || {
            let blocks = blocks(include_str!("../../README.md"));
            let text = blocks.concat();
            let missing = INSTEAD.iter().find(|(_, instead)| !text.contains(instead));
            match missing {
                Some((line, _)) => Err(format!("no block says {line}")),
                None if blocks.len() < 10 => Err(format!("{} blocks", blocks.len())),
                None => Ok(TestOutcome::Passed),
            }
        }),
        Test::new("the_pages_name_files_that_exist", || {
            let missing = missing_files().map_err(|error| error.to_string())?;
            if missing.is_empty() {
                Ok(TestOutcome::Passed)
            } else {
                Err(missing.join("\n"))
            }
        }),
        Test::new("the_blocks_of_the_readme_work_in_their_order", || {
            run().map_err(|error| error.to_string())
        }),
    ]
}

/// The page's blocks, as they are run here.
fn blocks(page: &str) -> Vec<String> {
    let blocks = shell::blocks(page);
    let blocks = blocks.iter().map(|block| block.text.lines().map(run_here));
    blocks.map(Iterator::collect).collect()
}

fn run_here(line: &str) -> String {
    let instead = INSTEAD.iter().find(|(stands, _)| *stands == line);
    format!("{}\n", instead.map_or(line, |(_, instead)| instead))
}

/// Paths in backticks and targets of links, in the pages at the root and in `docs`, that are not
/// there.
fn missing_files() -> Result<Vec<String>, Box<dyn Error>> {
    let root = root();
    let mut pages: Vec<PathBuf> = Vec::new();
    for folder in [root.clone(), root.join("docs")] {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            // The changelog names files as they were.
            if path.extension().is_some_and(|end| end == "md") && !path.ends_with("CHANGELOG.md") {
                pages.push(path);
            }
        }
    }
    let mut missing = Vec::new();
    for page in pages {
        let text = std::fs::read_to_string(&page)?;
        let links = text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split([')', '#']).next());
        let links = links.filter(|link| !link.contains(':') && !link.is_empty());
        let links = links.map(|link| page.with_file_name(link));
        // Every second piece stands in backticks; what is built and what has holes is left out.
        let spans = text.split('`').skip(1).step_by(2);
        let spans = spans.filter(|span| {
            let top = span.split_once('/').map_or("", |(top, _)| top);
            let name = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./".contains(&byte);
            top != "target" && root.join(top).is_dir() && span.bytes().all(name)
        });
        let spans = spans.filter(|span| span.contains('/') && !span.starts_with('/'));
        for path in links.chain(spans.map(|span| root.join(span))) {
            if !path.exists() {
                let name = page.file_name().unwrap_or_default().display().to_string();
                missing.push(format!("{name} names {}", path.display()));
            }
        }
    }
    Ok(missing)
}

fn run() -> Result<TestOutcome, Box<dyn Error>> {
    let root = root();
    let devnet = Devnet::start(&root)?;
    let programs = Path::new(PROGRAM).parent().expect("a folder");
    let mut script = String::new();
    for (number, block) in blocks(include_str!("../../README.md")).iter().enumerate() {
        let block = block
            .replace("http://127.0.0.1:8545", &devnet.url)
            .replace("$PWD/target/debug", &programs.display().to_string());
        // The last line of this kind says which block failed.
        write!(script, "echo '== block {number}' >&2\n{block}")?;
    }
    let ran = Command::new("bash")
        .args(["-e", "-u", "-o", "pipefail", "-c", &script])
        .current_dir(&root)
        .stdin(Stdio::null())
        .output()?;
    drop(devnet);
    // Hardhat's packages are in it: 240 MB. There is none if the script came to its end early.
    let _ = std::fs::remove_dir_all(root.join("target/readme"));
    let out = String::from_utf8_lossy(&ran.stdout);
    let errors = String::from_utf8_lossy(&ran.stderr);
    if !ran.status.success() {
        let last = errors.rfind("== block").unwrap_or_default();
        let why = &errors[last..];
        let npm = why.contains("npm error") || why.contains("npm: command not found");
        return if npm && std::env::var_os("CI").is_none() {
            let line = why.lines().find(|line| line.contains("npm")).unwrap_or("");
            Ok(TestOutcome::Ignored(format!("npm ci fails: {line}")))
        } else {
            Err(format!("{out}\n{errors}").into())
        };
    }
    // What the page promises.
    for part in [
        "1000000000000000000\n",
        "Deployed to: 0x",
        " counts 1\n",
        "deployed 0x",
        "index 0  cementing",
        "1000012.5",
        "/count",
    ] {
        if !out.contains(part) {
            return Err(format!("no {part:?} in:\n{out}\n{errors}").into());
        }
    }
    Ok(TestOutcome::Passed)
}

/// A running devnet; it ends with this value.
struct Devnet {
    child: Child,
    url: String,
}

impl Devnet {
    fn start(root: &Path) -> Result<Self, Box<dyn Error>> {
        let mut child = Command::new(PROGRAM)
            .args(["devnet", "--port", "0", "--kernel"])
            .arg(root.join("target/kernel/evm_kernel.wasm"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let stdout = child.stdout.take().expect("it is piped");
        let mut devnet = Self {
            child,
            url: String::new(),
        };
        let mut lines = BufReader::new(stdout).lines();
        for line in lines.by_ref() {
            let line = line?;
            let address = line.strip_prefix("Listening on ");
            if let Some(address) = address.and_then(|text| text.split(' ').next()) {
                devnet.url = format!("http://{address}");
                break;
            }
        }
        if devnet.url.is_empty() {
            return Err("the devnet says no address".into());
        }
        // It goes on printing.
        std::thread::spawn(move || lines.count());
        Ok(devnet)
    }
}

impl Drop for Devnet {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
