//! Stock clients against the devnet, as people install and use them.
//!
//! The scripts are in `clients/`. Where one cannot be had it is skipped with a loud line; with
//! `CI` set that is a failure.

use std::env;
use std::io::Write;

use e2e_tests::clients::{Client, Outcome};

#[test]
fn ethers_deploys_writes_reads_and_watches_events() {
    passes(Client::Ethers);
}

#[test]
fn viem_simulates_watches_batches_and_sends_every_type() {
    passes(Client::Viem);
}

#[test]
fn cast_sends_calls_and_reads_receipts_and_logs() {
    passes(Client::Cast);
}

#[test]
fn forge_creates_and_broadcasts_scripts() {
    passes(Client::Forge);
}

#[test]
fn web3_py_filters_subscribes_and_sends_every_type() {
    passes(Client::Web3Py);
}

#[test]
fn hardhat_builds_deploys_and_forks() {
    passes(Client::Hardhat);
}

#[test]
fn ethers_deposits_spends_and_withdraws_over_the_bridge() {
    passes(Client::Bridge);
}

/// Every step of the client's script passes.
fn passes(client: Client) {
    match client.run() {
        Outcome::Skipped(why) => {
            assert!(env::var_os("CI").is_none(), "CI must run {client}: {why}");
            say(&format!("!!! SKIPPED: {client}: {why}"));
        }
        Outcome::Ran(report) => {
            assert!(report.failed.is_empty(), "{client}: {}", report.complaints);
            let steps = report.passed.len();
            assert!(steps > 5, "only {steps} steps: {:?}", report.passed);
            say(&format!(
                "{client} {}: {steps} steps passed",
                report.version
            ));
        }
    }
}

/// Writes a line that is seen without `--nocapture` too.
fn say(line: &str) {
    // A test's verdict does not hang on whether its log can be written.
    let _ = writeln!(std::io::stderr(), "{line}");
}
