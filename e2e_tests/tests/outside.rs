//! Tests that need what is not in the repository: Ethereum's suites, stock clients. A program of its
//! own: its tests say, while they run, why they cannot.

mod clients;
mod suites;

use std::process::ExitCode;

fn main() -> ExitCode {
    let (suites, clients) = (suites::tests(), clients::tests());
    e2e_tests::harness::run(suites.into_iter().chain(clients).collect())
}
