//! Shell blocks of the pages in `docs`, and a folder to run them in.

use e2e_tests::folder::Folder;
use std::fmt::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The compiled command.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_evm-rollup");

/// The first words of a block that no test runs. The reason follows.
pub(crate) const NOT_RUN: &str = "# Not run by the tests: ";

/// Lines that a test leaves out: it has built and installed all of this already.
const SET_UP: [&str; 4] = [
    "make kernel",
    "cargo build --bin evm-rollup",
    "PATH=\"$PWD/target/debug:$PATH\"",
    CLIENTS,
];

/// The line that installs Foundry's programs and others. Pages must not run it at the same time.
pub(crate) const CLIENTS: &str = "(cd e2e_tests/clients && npm ci)";

/// A shell block of a page.
pub(crate) struct Block {
    /// The line of the page that it begins at, counted from 1.
    pub(crate) line: usize,
    /// Its lines, without indentation.
    pub(crate) text: String,
}

impl Block {
    /// Returns `true` if tests run it.
    pub(crate) fn is_run(&self) -> bool {
        !self.text.starts_with(NOT_RUN)
    }
}

/// The blocks between "```sh" and "```" of a page.
pub(crate) fn blocks(page: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut open = None;
    for (line, text) in page.lines().enumerate() {
        let indentation = text.len() - text.trim_start().len();
        match (open, text.trim_start()) {
            (None, "```sh") => {
                open = Some(indentation);
                blocks.push(Block {
                    line: line + 1,
                    text: String::new(),
                });
            }
            (Some(_), "```") => open = None,
            (Some(before), _) => {
                let block = blocks.last_mut().expect("one is open");
                let text = text.get(before..).unwrap_or_default();
                writeln!(block.text, "{text}").expect("a string takes it");
            }
            (None, _) => {}
        }
    }
    blocks
}

/// The commands of all blocks that tests run, without those that build and install.
pub(crate) fn script(page: &str) -> String {
    let mut script = String::new();
    for block in blocks(page).iter().filter(|block| block.is_run()) {
        writeln!(script, "echo '== line {}' >&2", block.line).expect("a string takes it");
        for line in block.text.lines().filter(|line| !SET_UP.contains(line)) {
            writeln!(script, "{line}").expect("a string takes it");
        }
    }
    script
}

/// The top folder of the sources.
pub(crate) fn root() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    root.canonicalize().expect("it is there")
}

/// A folder that looks like a checkout, into which pages may write: its sources are links, its
/// `target` has the kernels alone.
pub(crate) struct Checkout(pub(crate) Folder);

impl Checkout {
    /// Makes one.
    pub(crate) fn new(name: &str) -> Self {
        let folder = Folder::new(name);
        for entry in std::fs::read_dir(root()).expect("sources").flatten() {
            if entry.file_name() != "target" && entry.file_name() != ".git" {
                let link = folder.0.join(entry.file_name());
                std::os::unix::fs::symlink(entry.path(), link).expect("the folder is ours");
            }
        }
        std::fs::create_dir(folder.0.join("target")).expect("the folder is ours");
        let kernels = root().join("target/kernel");
        std::os::unix::fs::symlink(kernels, folder.0.join("target/kernel")).expect("as above");
        Self(folder)
    }

    /// Runs a script with bash, as the pages want it: in this folder, with the program on the
    /// path, and with ports that are free in place of 8545 and 8932. What it left running is
    /// ended.
    pub(crate) fn run(&self, script: &str) -> Output {
        let [node, rollup_node] = free_ports();
        let script = script
            .replace("evm-rollup devnet", "evm-rollup devnet --port 8545")
            .replace("evm-rollup double", "evm-rollup double --port 8932")
            .replace("evm-rollup node", "evm-rollup node --port 8545")
            .replace("'^evm-rollup node --port 8545'", "'^evm-rollup node'")
            .replace(
                "EVM_ROLLUP=$PWD",
                &format!("EVM_ROLLUP={}", root().display()),
            )
            .replace("8545", &node)
            .replace("8932", &rollup_node);
        let path = std::env::var("PATH").unwrap_or_default();
        let programs = Path::new(PROGRAM).parent().expect("a folder");
        let script = format!("set -m; trap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n{script}");
        Command::new("timeout")
            .args(["400", "bash", "-e", "-u", "-o", "pipefail", "-c", &script])
            .current_dir(&self.0.0)
            .env("PATH", format!("{}:{path}", programs.display()))
            .env("ETH_RPC_URL", format!("http://127.0.0.1:{node}"))
            .env_remove("CARGO_TARGET_DIR")
            .env("CARGO_NET_OFFLINE", "true")
            .stdin(Stdio::null())
            .output()
            .expect("bash starts")
    }
}

/// Two ports that nobody uses, below those that the system gives to programs that ask for any.
fn free_ports() -> [String; 2] {
    let first = 20_000 + (std::process::id() % 5_000) as u16 * 2;
    let mut free = (first..first + 1_000).filter(|port| {
        static TAKEN: std::sync::Mutex<Vec<u16>> = std::sync::Mutex::new(Vec::new());
        let mut taken = TAKEN.lock().expect("no test panics here");
        let free = !taken.contains(port) && TcpListener::bind(("127.0.0.1", *port)).is_ok();
        if free {
            taken.push(*port);
        }
        free
    });
    [(); 2].map(|()| free.next().expect("a free port").to_string())
}
