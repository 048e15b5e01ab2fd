//! Stock clients against the devnet: ethers 6 and Foundry's cast, from npm, as people use them.
//!
//! The scripts are in `clients/`. Where Node.js is missing they are skipped with a loud line;
//! with `CI` set that is a failure.

use std::{
    env,
    io::Write,
    path::PathBuf,
    process::{Command, Output},
    sync::LazyLock,
};

use node::{Options, devnet};

#[test]
fn ethers_deploys_writes_reads_and_watches_events() {
    client("ethers.mjs");
}

#[test]
fn cast_sends_calls_and_reads_receipts_and_logs() {
    client("cast.mjs");
}

/// Runs a script against a devnet of its own. Each of its steps has a time limit.
fn client(script: &str) {
    if let Err(why) = &*PACKAGES {
        assert!(env::var_os("CI").is_none(), "CI must run {script}: {why}");
        say(&format!("!!! SKIPPED: {script}: {why}"));
        return;
    }
    let kernel = folder().join("../target/kernel/evm_kernel.wasm");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let devnet = runtime
        .block_on(devnet(Options::new(kernel)))
        .expect("the devnet starts");
    let output = nodejs(&[script, &devnet.url()]).expect("node was there a moment ago");
    devnet.stop();

    let printed = String::from_utf8_lossy(&output.stdout);
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script}: {printed}\n{complaints}");
    let last = printed.lines().last().unwrap_or_default();
    let last: serde_json::Value = serde_json::from_str(last).expect("the last line is JSON");
    assert_eq!(last["ok"], true, "{last}");
    let steps = last["steps"].as_array().map_or(0, Vec::len);
    assert!(steps > 5, "only {steps} steps: {last}");
    say(&format!("{script}: {steps} steps passed"));
}

/// The scripts' packages, installed once: by the lock file, without scripts of theirs.
static PACKAGES: LazyLock<Result<(), String>> = LazyLock::new(|| {
    let version =
        nodejs(&["--version"]).map_err(|_| "Node.js is missing (apt-get install nodejs npm)")?;
    if !version.status.success() {
        return Err("Node.js does not run".to_owned());
    }
    let fresh = |path: &str| {
        folder()
            .join("clients")
            .join(path)
            .metadata()
            .and_then(|file| file.modified())
    };
    let installed = fresh("node_modules/.package-lock.json");
    if let (Ok(installed), Ok(wanted)) = (installed, fresh("package-lock.json"))
        && installed >= wanted
    {
        return Ok(());
    }
    // Not `npm ci`: it refuses a lock file without cast's packages for systems
    // other than this one. What is locked is installed as locked all the same.
    let install = Command::new("npm")
        .args([
            "install",
            "--no-save",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
        ])
        .current_dir(folder().join("clients"))
        .output()
        .map_err(|error| format!("npm is missing (apt-get install npm): {error}"))?;
    if install.status.success() {
        Ok(())
    } else {
        Err(format!(
            "npm install failed: {}",
            String::from_utf8_lossy(&install.stderr)
        ))
    }
});

fn nodejs(args: &[&str]) -> std::io::Result<Output> {
    Command::new("node")
        .args(args)
        .current_dir(folder().join("clients"))
        .output()
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Writes a line that is seen without `--nocapture` too.
fn say(line: &str) {
    // A test's verdict does not hang on whether its log can be written.
    let _ = writeln!(std::io::stderr(), "{line}");
}
