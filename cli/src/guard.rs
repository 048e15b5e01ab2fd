//! `evm-rollup guard`: the last step of a kernel's build.

use crate::{FOUND_WRONG, files};
use anyhow::Context;
use clap::Args;
use messages::hash::blake2b_256;
use pvm::names::Names;
use pvm::{Outline, stack_guard};
use std::path::PathBuf;
use std::process::ExitCode;

/// The options of `guard`.
#[derive(Args, Debug)]
pub(crate) struct GuardArgs {
    /// The compiled kernel: a wasm module, binary or in hex
    kernel: PathBuf,
    /// The guarded kernel; the names of its functions go to a file beside it that ends in `.names`
    #[arg(short, long, value_name = "FILE.wasm")]
    output: PathBuf,
}

/// Words about a kernel some of whose functions can call themselves without a guard.
pub(crate) fn warning(unguarded: usize) -> Option<String> {
    let functions = match unguarded {
        0 => return None,
        1 => "1 function".to_owned(),
        count => format!("{count} functions"),
    };
    Some(format!(
        "the kernel has no stack guard: {functions} can call themselves, and if too many calls are \
         open the rollup is stuck for good, instead of a trap that it survives. The last step of \
         its build is `evm-rollup guard KERNEL -o GUARDED`"
    ))
}

/// Words about a kernel whose calls can be too deep without any recursion.
pub(crate) fn depth_warning(module: &[u8]) -> Option<String> {
    let deepest = stack_guard::too_deep(module).ok().flatten()?;
    Some(format!(
        "{deepest} calls can be open without any recursion, and machine 2.0.0 allows {}: where they are, \
         the rollup is stuck for good",
        stack_guard::FRAMES
    ))
}

/// The most functions of which it is said how often they can call themselves.
const SHOWN: usize = 5;

/// Runs the command. Exit code 1 if the machine would refuse the module. A kernel none of whose
/// functions can call itself without passing a guard gets no other one.
pub(crate) fn run(args: &GuardArgs) -> anyhow::Result<ExitCode> {
    let module = files::kernel(&args.kernel)?;
    if let Err(why) = pvm::check(&module, pvm::Version::default()) {
        eprintln!("error: the machine would refuse this kernel: {why}");
        return Ok(ExitCode::from(FOUND_WRONG));
    }
    let stripped = pvm::strip(&module).context("the module cannot be read")?;
    let (guarded, guard) = stack_guard::apply(&stripped, stack_guard::FRAMES)?;
    let needed = !stack_guard::unguarded(&stripped)?.is_empty();
    let outline = Outline::read(&module)?;
    let written = if needed { &guarded } else { &stripped };
    files::write(&args.output, written)?;
    println!("{}: {} bytes", args.output.display(), written.len());
    write_names(args, &module, &outline, written)?;
    if !needed {
        println!(
            "{}",
            match stack_guard::is_guarded(&stripped)? {
                true => "it has its guard already, and gets no second one",
                false => "it needs no guard: no function of it can call itself",
            }
        );
        return Ok(ExitCode::SUCCESS);
    }
    println!("{guard}");
    for (function, _) in guard.calls.iter().take_while(|(_, most)| *most == 0) {
        eprintln!(
            "warning: {} traps whenever it is called: it takes more of the stack than there is",
            outline.name(*function)
        );
    }
    for (function, most) in guard.calls.iter().take(SHOWN) {
        println!(
            "  {}: {most} calls can be open; one more traps",
            outline.name(*function)
        );
    }
    if let left @ 1.. = guard.calls.len().saturating_sub(SHOWN) {
        println!("  {left} others can call themselves at least as often");
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes the names of the functions beside the module. One that has none, such as one that is
/// guarded already, has those of the file beside it, if they are its own.
fn write_names(
    args: &GuardArgs,
    module: &[u8],
    outline: &Outline<'_>,
    written: &[u8],
) -> anyhow::Result<()> {
    let hash = blake2b_256(written);
    let path = args.output.with_extension("names");
    let mut names = outline.names_file(&hash);
    let before = args.kernel.with_extension("names");
    if names.is_empty() && before.is_file() {
        let text = files::text(&before)?;
        let is_of_it = |names: Names| names.of() == Some(blake2b_256(module));
        // Its first line says whose they are.
        if let Some((_, lines)) = text.split_once('\n')
            && text.parse().is_ok_and(is_of_it)
        {
            names = format!("# blake2b {}\n{lines}", hex::encode(hash));
        }
    }
    if !names.is_empty() {
        return files::write(&path, names);
    }
    if path.is_file() {
        std::fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
        println!(
            "the module has no names of functions: {}, which had those of another one, is removed",
            path.display()
        );
    }
    Ok(())
}
