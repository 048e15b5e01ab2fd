//! `make conformance` unpacks the open state tests with this.

use std::process::ExitCode;

fn main() -> ExitCode {
    match e2e_tests::suites::state_tests() {
        Ok(Some(folder)) => {
            println!("{}", folder.display());
            ExitCode::SUCCESS
        }
        Ok(None) => {
            eprintln!(
                "error: no open-statetests.tar.zst in ../shared/suites; name a folder: make conformance SUITE=FOLDER"
            );
            ExitCode::from(2)
        }
        Err(error) => {
            eprintln!("error: the state tests cannot be unpacked: {error}");
            ExitCode::from(2)
        }
    }
}
