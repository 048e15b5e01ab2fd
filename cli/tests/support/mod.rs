//! Helpers for tests of the command: files, and the command as a process.

pub(crate) mod shell;

pub(crate) use e2e_tests::folder::Folder;
pub(crate) use shell::PROGRAM;

use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// The time in which something has to happen, with some for a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Runs the command to its end.
pub(crate) fn command(args: &[&str]) -> Output {
    let ran = Command::new(PROGRAM).args(args).output();
    ran.expect("the command starts")
}

/// Its exit code.
pub(crate) fn code(output: &Output) -> Option<i32> {
    output.status.code()
}

/// What it prints where all goes well.
pub(crate) fn passes(args: &[&str]) -> String {
    let output = command(args);
    assert_eq!(code(&output), Some(0), "{args:?}: {}", stderr(&output));
    stdout(&output)
}

/// The same, as JSON.
pub(crate) fn object(args: &[&str]) -> Value {
    serde_json::from_str(&passes(args)).expect("JSON")
}

/// Messages for the purse's `a`: 5, then 256 and 7, then nothing.
pub(crate) const INPUTS: &str =
    r#"[[{"external": "610005"}], [{"external": "610100"}, {"external": "610007"}], []]"#;

/// Its standard output.
pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("text")
}

/// Its standard error.
pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The path of a kernel that `make kernel` builds.
pub(crate) fn kernel(name: &str) -> String {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/kernel");
    folder.join(name).to_str().expect("text").to_owned()
}

/// A process that is ended with the test.
pub(crate) struct Process {
    /// The process.
    pub(crate) child: Child,
    /// Its URL; empty if nobody asked.
    pub(crate) url: String,
    /// The lines that it has printed, but for what somebody else reads.
    pub(crate) said: Arc<Mutex<Vec<String>>>,
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Process {
    /// Starts the command in a folder and waits until it says where it listens.
    pub(crate) fn start(folder: &Path, args: &[&str]) -> Self {
        Self::start_with(folder, args, None)
    }

    /// Starts a devnet whose data are in `data` of a folder.
    pub(crate) fn devnet(folder: &Path, more: &[&str]) -> Self {
        let args = ["devnet", "--port", "0", "--data-dir", "data"];
        Self::start(folder, &[&args[..], more].concat())
    }

    /// The same as [`Process::start`], with a variable of the environment.
    pub(crate) fn start_with(folder: &Path, args: &[&str], variable: Option<(&str, &str)>) -> Self {
        let mut child = Command::new(PROGRAM)
            .args(args)
            .envs(variable)
            .current_dir(folder)
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut output = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let mut before = Vec::new();
        let url = loop {
            let line = output.next().expect("it does not end").expect("text");
            before.push(line.clone());
            // A devnet says its address alone.
            if let Some(rest) = line.strip_prefix("Listening on ") {
                let address = rest.split(' ').next().unwrap_or_default();
                break format!("http://{address}");
            }
            if let Some(start) = line.find("http://") {
                break line[start..].trim().to_owned();
            }
        };
        // What it says further is read, so that it does not wait for that.
        let said = Arc::new(Mutex::new(before));
        let lines = Arc::clone(&said);
        std::thread::spawn(move || {
            for line in output.map_while(Result::ok) {
                lines.lock().expect("no test panics here").push(line);
            }
        });
        Self { child, url, said }
    }

    /// Returns `true` if it has printed a line with this text.
    pub(crate) fn says(&self, text: &str) -> bool {
        let said = self.said.lock().expect("no test panics here");
        said.iter().any(|line| line.contains(text))
    }

    /// Posts JSON to a path; JSON is the answer.
    pub(crate) fn post(&self, path: &str, body: &Value) -> Value {
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

    /// The answer to a call.
    pub(crate) fn call(&self, method: &str, params: &Value) -> Value {
        let call = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        self.post("", &call)
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, name: &str) {
        signal(&self.child, name);
    }

    /// Its exit code, if it ends in time.
    pub(crate) fn ended(&mut self) -> Option<i32> {
        ended(&mut self.child, PATIENCE)
    }
}

/// Sends a process a signal.
pub(crate) fn signal(child: &Child, name: &str) {
    let status = Command::new("kill")
        .args([&format!("-{name}"), &child.id().to_string()])
        .status();
    assert!(status.expect("kill runs").success());
}

/// The exit code of a process, if it ends in this time.
pub(crate) fn ended(child: &mut Child, patience: Duration) -> Option<i32> {
    let start = Instant::now();
    while start.elapsed() < patience {
        if let Some(status) = child.try_wait().expect("a status") {
            return status.code();
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    None
}

/// Waits for something that has to happen.
pub(crate) fn until(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < PATIENCE, "{what} does not happen");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A double whose rollup has a bridge and governance.
pub(crate) fn double(folder: &Path) -> Process {
    let contracts = layer1::devnet::Contracts::default();
    let ticketer = layer1::Account::originated(contracts.exchanger);
    let governance = layer1::Account::originated(contracts.governance);
    let made = Command::new(PROGRAM)
        .args(["genesis", "--chain-id", "421337", "-o", "setup.yaml"])
        .args(["--ticketer", &ticketer.to_string()])
        .args(["--kernel-governance", &governance.to_string()])
        .current_dir(folder)
        .output()
        .expect("it runs");
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    let (evm, installer) = (kernel("evm_kernel.wasm"), kernel("installer_kernel.wasm"));
    let files = ["--kernel", &evm, "--installer-kernel", &installer];
    double_of_setup(folder, &files)
}

/// A double whose rollup is as `setup.yaml` of the folder says; it makes a level when it is asked to.
pub(crate) fn double_of_setup(folder: &Path, more: &[&str]) -> Process {
    let setup = ["double", "--setup", "setup.yaml"];
    let levels = ["--port", "0", "--block-time", "0"];
    Process::start(folder, &[&setup[..], &levels, more].concat())
}

/// A node in front of that rollup, from its genesis on.
pub(crate) fn node_of(folder: &Path, double: &Process, more: &[&str]) -> Process {
    let args = ["node", "--rollup-node", &double.url, "--port", "0"];
    Process::start(folder, &[&args[..], &GENESIS, more].concat())
}

/// The options that name that rollup to a node, from its genesis on.
pub(crate) const GENESIS: [&str; 6] = [
    "--kernel",
    "double/installer.wasm",
    "--preimages",
    "double/wasm_2_0_0",
    "--origination-level",
    "1000",
];
