//! `evm-rollup double` and `evm-rollup node` as processes, as docs/operating.md has them.

use e2e_tests::folder::Folder;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The time in which something has to happen, with some for a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

const RECEIVER: &str = "0x4242424242424242424242424242424242424242";

/// A process that is ended with the test.
struct Process {
    child: Child,
    /// Its URL.
    url: String,
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Process {
    /// Starts a command in a folder and waits until it says where it listens.
    fn start(folder: &Path, args: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_evm-rollup"))
            .args(args)
            .current_dir(folder)
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut output = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let url = loop {
            let line = output.next().expect("it does not end").expect("text");
            if let Some(start) = line.find("http://") {
                break line[start..].trim().to_owned();
            }
        };
        // What it says further is read, so that it does not wait for that.
        std::thread::spawn(move || output.for_each(drop));
        Self { child, url }
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        let answer = ureq::post(format!("{}{path}", self.url))
            .header("content-type", "application/json")
            .send(body.to_string());
        let text = answer
            .expect("an answer")
            .body_mut()
            .read_to_string()
            .expect("text");
        serde_json::from_str(&text).expect("JSON")
    }

    fn call(&self, method: &str, params: &Value) -> Value {
        let call = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        self.post("", &call)
    }

    fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .args([&format!("-{name}"), &self.child.id().to_string()])
            .status();
        assert!(status.expect("kill runs").success());
    }

    fn ended(&mut self) -> Option<i32> {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait().expect("a status") {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        None
    }
}

fn until(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < PATIENCE, "{what} does not happen");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn kernel(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../target/kernel")
        .join(name)
}

/// A double whose rollup has a bridge.
fn double(folder: &Path) -> Process {
    let ticketer = layer1::Account::originated(layer1::devnet::Contracts::default().exchanger);
    let made = Command::new(env!("CARGO_BIN_EXE_evm-rollup"))
        .args(["genesis", "--chain-id", "421337", "-o", "setup.yaml"])
        .args(["--ticketer", &ticketer.to_string()])
        .current_dir(folder)
        .output()
        .expect("it runs");
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    let (evm, installer) = (kernel("evm_kernel.wasm"), kernel("installer_kernel.wasm"));
    let args = [
        "double",
        "--setup",
        "setup.yaml",
        "--port",
        "0",
        "--block-time",
        "0",
    ];
    let files = [
        "--kernel",
        evm.to_str().unwrap(),
        "--installer-kernel",
        installer.to_str().unwrap(),
    ];
    Process::start(folder, &[&args[..], &files].concat())
}

fn node(folder: &Path, double: &Process, more: &[&str]) -> Process {
    let args = ["node", "--rollup-node", &double.url, "--port", "0"];
    Process::start(folder, &[&args[..], more].concat())
}

const GENESIS: [&str; 6] = [
    "--kernel",
    "double/installer.wasm",
    "--preimages",
    "double/wasm_2_0_0",
    "--origination-level",
    "1000",
];

#[test]
fn a_rollup_is_served_from_its_genesis_and_from_a_copy() {
    let folder = Folder::new("node command");
    let double = double(&folder.0);
    let mut first = node(&folder.0, &double, &GENESIS);
    let deposit = json!({ "routing": RECEIVER, "mutez": 7 });
    double.post("/double/deposit", &deposit);
    double.post("/double/levels?count=3", &json!({}));
    let balance = |node: &Process| {
        let answer = node.call("eth_getBalance", &json!([RECEIVER, "safe"]));
        answer["result"].clone()
    };
    until("the deposit is final", || {
        balance(&first) == "0x65dd0837000"
    });
    let health = ureq::get(format!("{}/health", first.url)).call().unwrap();
    assert_eq!(health.status(), 200);
    // The level of the deposit may be final before the newest one has run.
    until("all levels ran", || {
        first.call("rollup_status", &json!([]))["result"]["level"] == 1004
    });
    assert_eq!(first.call("eth_chainId", &json!([]))["result"], "0x66dd9");
    first.signal("TERM");
    assert_eq!(first.ended(), Some(0));

    let copy = node(
        &folder.0,
        &double,
        &["--from-storage", "--preimages", "double/wasm_2_0_0"],
    );
    until("the copy is there", || balance(&copy) != "0x0");
}

#[test]
fn a_node_that_cannot_start_says_why() {
    let folder = Folder::new("node refused");
    let run = |args: &[&str]| {
        let ran = Command::new(env!("CARGO_BIN_EXE_evm-rollup"))
            .arg("node")
            .args(args)
            .current_dir(&folder.0)
            .output()
            .expect("it runs");
        assert_eq!(ran.status.code(), Some(2), "{args:?}");
        String::from_utf8_lossy(&ran.stderr).into_owned()
    };
    let http = "http://127.0.0.1:1";
    for (args, why) in [
        (&["--rollup-node", http][..], "--kernel <FILE>"),
        (
            &["--rollup-node", "https://example.org", "--from-storage"],
            "only http:// is spoken",
        ),
        (
            &["--rollup-node", "127.0.0.1:8932", "--from-storage"],
            "expected http://HOST:PORT",
        ),
        (
            &["--rollup-node", http, "--kernel", "k.wasm"],
            "--origination-level",
        ),
        (
            &[
                "--rollup-node",
                http,
                "--kernel",
                "k.wasm",
                "--origination-level",
                "1",
            ],
            "k.wasm",
        ),
        (
            &[
                "--rollup-node",
                http,
                "--from-storage",
                "--preimages",
                "nowhere",
            ],
            "no such folder",
        ),
        (
            &[
                "--rollup-node",
                http,
                "--from-storage",
                "--verify-every",
                "0",
            ],
            "0 is not in 1..",
        ),
    ] {
        let said = run(args);
        assert!(said.contains(why), "{args:?}: {said}");
    }
}

#[test]
fn a_node_that_waits_for_its_rollup_node_ends_at_a_signal() {
    let folder = Folder::new("node waits");
    let mut child = Command::new(env!("CARGO_BIN_EXE_evm-rollup"))
        .args([
            "node",
            "--rollup-node",
            "http://127.0.0.1:1",
            "--from-storage",
            "--port",
            "0",
        ])
        .current_dir(&folder.0)
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let line = lines.next().expect("a line").expect("text");
    assert!(
        line.contains("waiting: the rollup node does not answer"),
        "{line}"
    );
    let mut process = Process {
        child,
        url: String::new(),
    };
    process.signal("TERM");
    assert_eq!(process.ended(), Some(0));
}
