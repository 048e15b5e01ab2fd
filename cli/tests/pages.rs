//! The shell blocks of `README.md` and of all other pages, run as they stand. A program of its own: its
//! tests say, while they run, why they cannot.

mod docs;
mod readme;
#[path = "support/shell.rs"]
mod shell;

use std::process::ExitCode;

fn main() -> ExitCode {
    // Not at a time: both install the clients in the same folder.
    let readme = e2e_tests::harness::run(readme::tests());
    let docs = e2e_tests::harness::run(docs::tests());
    if readme == ExitCode::SUCCESS {
        docs
    } else {
        readme
    }
}
