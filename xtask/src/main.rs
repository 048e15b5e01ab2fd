#![doc = include_str!("../README.md")]
#![cfg_attr(not(test), warn(clippy::too_many_lines))]

use std::env;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, ensure};
use kernel::Recovery;
use kernel_module::Purpose;

mod arrows;
mod circles;
mod features;
mod files;
mod imports;
mod kernel;
mod module;
mod release;

const USAGE: &str =
    "usage: cargo xtask kernel [--c-secp256k1 | --twice | --others | --traps | --evaluation]
       cargo xtask check-module FILE
       cargo xtask arrows
       cargo xtask features [PACKAGE]...
       cargo xtask release
       cargo xtask work [opcodes | calls | precompiles | inputs | ordinary]...";

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let done = match args[..] {
        ["kernel"] => kernel::build(Recovery::Rust, Purpose::Ship),
        ["kernel", "--twice"] => kernel::build_twice(),
        ["kernel", "--others"] => kernel::build_others(),
        ["kernel", "--c-secp256k1"] => kernel::build(Recovery::C, Purpose::Ship),
        ["kernel", "--traps"] => kernel::build(Recovery::Rust, Purpose::Traps),
        ["kernel", "--evaluation"] => kernel::build(Recovery::Rust, Purpose::Evaluation),
        ["check-module", file] => check_module(Path::new(file)),
        ["release"] => release::build(),
        ["arrows"] => arrows::check(),
        ["features", ref packages @ ..] => features::check(packages),
        ["work", ref parts @ ..] => work(parts),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the measuring program, which is built of more crates than this one.
fn work(parts: &[&str]) -> Result<()> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build.args(["build", "--bin", "work"]);
    // What cargo says of this package is not of those that are built: build scripts that heed it would
    // run again, and at the next build once more.
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            build.env_remove(name);
        }
    }
    let built = build.status().context("cannot start cargo")?;
    ensure!(built.success(), "the measuring program does not build");
    let program = env::current_exe()?.with_file_name("work");
    let status = Command::new(program).args(parts).status()?;
    ensure!(status.success(), "something takes more than its work says");
    Ok(())
}

fn check_module(file: &Path) -> Result<()> {
    let bytes = std::fs::read(file)?;
    module::check(&bytes)?;
    ensure!(
        Purpose::of(&bytes) == Purpose::Ship,
        "{}: built for tests, never to be shipped",
        file.display()
    );
    println!(
        "{}: the machine accepts it at version {}",
        file.display(),
        kernel_module::Version::default()
    );
    Ok(())
}
