//! `evm-rollup double` and `evm-rollup node` as processes, as docs/operating.md has them.

mod support;

use serde_json::json;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use support::{Folder, PROGRAM, Process, kernel, until};

const RECEIVER: &str = "0x4242424242424242424242424242424242424242";

/// A double whose rollup has a bridge.
fn double(folder: &Path) -> Process {
    let ticketer = layer1::Account::originated(layer1::devnet::Contracts::default().exchanger);
    let made = Command::new(PROGRAM)
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
    let files = ["--kernel", &evm, "--installer-kernel", &installer];
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
        let ran = Command::new(PROGRAM)
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
    let mut child = Command::new(PROGRAM)
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
