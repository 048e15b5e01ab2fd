//! Instructions for a unit of work, through the compiled kernel: every opcode,
//! every precompile, every path of an input, and ordinary code, which has to fit.
//!
//! `cargo xtask work` runs it. Figures are exact and repeatable.

mod calls;
mod code;
mod inputs;
mod known;
mod opcodes;
mod ordinary;
mod precompiles;
mod row;

use e2e_tests::lab::Lab;
use row::{Kind, Row};
use serde_json::json;
use std::error::Error;
use std::process::ExitCode;
use storage::Config;

/// The most instructions for a unit of work.
const BOUND: u64 = 80;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let only: Vec<String> = std::env::args().skip(1).collect();
    let wants = |name: &str| only.is_empty() || only.iter().any(|one| one == name);
    let mut lab = Lab::new(Config::default());
    let mut rows: Vec<Row> = Vec::new();
    println!(
        "{:<10} {:<40} {:>8} {:>13} {:>10} {:>10} {:>7}",
        "", "", "a unit", "instructions", "work", "gas", "calls"
    );
    let mut done = |row: Row| {
        println!("{}", row.line());
        rows.push(row);
    };
    if wants("opcodes") {
        opcodes::rows(&lab, &mut done);
    }
    if wants("precompiles") {
        precompiles::rows(&lab, &mut done)?;
    }
    if wants("inputs") {
        inputs::rows(&mut done);
    }
    if wants("ordinary") {
        ordinary::rows(&mut done)?;
    }
    if wants("known") {
        known::rows(&mut done)?;
    }
    if wants("calls") {
        calls::rows(&mut lab, &mut done);
    }
    let over: Vec<&Row> = rows
        .iter()
        .filter(|row| row.hundredths() > 100 * BOUND)
        .collect();
    let unfit = |row: &&Row| row.kind == Kind::Ordinary && !row.succeeded;
    let unfit: Vec<&Row> = rows.iter().filter(unfit).collect();
    let worst = rows.iter().max_by_key(|row| row.hundredths());
    if let Some(worst) = worst {
        println!("\nthe worst:\n{}", worst.line());
    }
    let all: Vec<_> = rows.iter().map(Row::to_json).collect();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/work.json");
    std::fs::write(
        path,
        serde_json::to_string_pretty(&json!({ "bound": BOUND, "rows": all }))?,
    )?;
    println!("{} rows, written to target/work.json", rows.len());
    for row in &over {
        println!("over {BOUND}: {}", row.line());
    }
    for row in &unfit {
        println!("does not fit: {}", row.line());
    }
    Ok(if over.is_empty() && unfit.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
