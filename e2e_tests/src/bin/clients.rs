//! `make clients`: runs every stock client against a devnet and prints how each fared.
//! Exits with 1 where a step failed.

use std::process::ExitCode;

use e2e_tests::clients::{Client, ClientOutcome};

fn main() -> ExitCode {
    let outcomes = Client::ALL.map(|client| {
        eprintln!("{client} …");
        let outcome = client.run();
        if let ClientOutcome::Ran(report) = &outcome
            && !report.failed.is_empty()
        {
            eprintln!("{}", report.complaints);
        }
        (client, outcome)
    });
    println!(
        "{:<11} {:<9} {:>7}  not passed",
        "client", "version", "passed"
    );
    let mut all_passed = true;
    for (client, outcome) in outcomes {
        match outcome {
            ClientOutcome::Skipped(why) => {
                let why = why.lines().next().unwrap_or_default().to_owned();
                println!("{client:<11} {:<9} {:>7}  skipped: {why}", "-", "-");
            }
            ClientOutcome::Ran(report) => {
                all_passed &= report.failed.is_empty();
                let steps = report.passed.len() + report.failed.len();
                let failed: Vec<_> = report.failed.into_iter().map(|(name, _)| name).collect();
                let passed = format!("{}/{steps}", report.passed.len());
                let version = report.version;
                println!(
                    "{client:<11} {version:<9} {passed:>7}  {}",
                    failed.join("; ")
                );
            }
        }
    }
    ExitCode::from(u8::from(!all_passed))
}
