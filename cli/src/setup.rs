//! Setup files, looked at before a rollup is originated with one: what is wrong in
//! them cannot be mended later.
//!
//! A setup that the kernel would not start on, or would never read, is refused. A setup that it
//! starts on, but hardly anybody can mean, is a warning.

mod evm;
mod warnings;

use crate::files;
use anyhow::{Context, bail};
use pvm::setup::Instruction;
use std::collections::BTreeSet;
use std::path::Path;
use tx_kernel::inbox::Framing;
use tx_kernel::layout::FRAME;

/// Which kernel a setup file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// The EVM kernel.
    Evm,
    /// The transactions kernel.
    Transactions,
    /// A kernel whose storage nobody here knows.
    Other,
}

impl Target {
    /// The kernel that a module is, by the paths in it.
    pub(crate) fn of(module: &[u8]) -> Self {
        let has = |path: &[u8]| module.windows(path.len()).any(|bytes| bytes == path);
        if has(storage::layout::SETUP.as_bytes()) {
            Self::Evm
        } else if has(FRAME.as_bytes()) {
            Self::Transactions
        } else {
            Self::Other
        }
    }
}

/// A setup that the kernel accepts.
#[derive(Debug, Default)]
pub(crate) struct Checked {
    /// The instructions, in order.
    pub(crate) instructions: Vec<Instruction>,
    /// Warnings to consider before the origination.
    pub(crate) warnings: Vec<String>,
}

/// The setup in a file.
pub(crate) fn read(path: &Path, target: Target) -> anyhow::Result<Checked> {
    check(&files::text(path)?, target).with_context(|| path.display().to_string())
}

/// The setup of a rollup without a setup file.
pub(crate) fn none(target: Target) -> anyhow::Result<Checked> {
    checked(Vec::new(), target)
}

/// Warnings about a configuration.
pub(crate) fn warnings(config: &storage::Config) -> Vec<String> {
    warnings::of(config, &[])
}

/// The setup in a text.
///
/// # Errors
/// All that is wrong with it, a line each.
pub(crate) fn check(text: &str, target: Target) -> anyhow::Result<Checked> {
    checked(pvm::setup::parse(text)?, target)
}

fn checked(instructions: Vec<Instruction>, target: Target) -> anyhow::Result<Checked> {
    let mut faults = faults(&instructions, target);
    let mut warnings = Vec::new();
    match target {
        Target::Evm => match node::genesis::config_of(&instructions) {
            Ok(config) => warnings = warnings::of(&config, &instructions),
            Err(error) => faults.push(error.to_string()),
        },
        Target::Transactions => faults.extend(framing(&instructions)),
        Target::Other => {}
    }
    if !faults.is_empty() {
        bail!("{}", faults.join("\n"));
    }
    Ok(Checked {
        instructions,
        warnings,
    })
}

/// Faults of single instructions.
fn faults(instructions: &[Instruction], target: Target) -> Vec<String> {
    let mut faults = Vec::new();
    let mut seen = BTreeSet::new();
    for (index, instruction) in instructions.iter().enumerate() {
        let (Instruction::Set { to, .. }
        | Instruction::Reveal { to, .. }
        | Instruction::Move { to, .. }) = instruction;
        let mut fault = |why: String| faults.push(format!("instruction {index}: {to}: {why}"));
        if let Some(why) = reserved(to) {
            fault(why.to_owned());
        } else if !seen.insert(to) {
            fault("written twice: which one is meant?".to_owned());
        } else if let Some(why) = match target {
            Target::Evm => evm::fault(instruction),
            Target::Transactions if !below(to, "/tx") => {
                Some("the transactions kernel keeps nothing outside /tx".to_owned())
            }
            _ => None,
        } {
            fault(why);
        }
    }
    faults
}

/// True if a path is `root` or below it.
fn below(path: &str, root: &str) -> bool {
    path.strip_prefix(root)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Why no setup may write there, whatever the kernel.
fn reserved(path: &str) -> Option<&'static str> {
    if below(path, "/kernel") {
        return Some("here the installer puts the kernel, which this would replace");
    }
    if below(path, "/installer") || below(path, "/__installer_kernel") {
        return Some("here the installer works");
    }
    None
}

/// The frame of batches, as the transactions kernel judges it.
fn framing(instructions: &[Instruction]) -> Option<String> {
    instructions
        .iter()
        .find_map(|instruction| match instruction {
            Instruction::Set { value, to }
                if to.as_bytes() == FRAME.as_bytes() && Framing::decode(Some(value)).is_none() =>
            {
                Some(format!(
                    "invalid setup value {FRAME}: expected 00 (optional) or 01 (required)"
                ))
            }
            _ => None,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(value: &str, to: &str, target: Target) -> anyhow::Result<Checked> {
        let text = format!("instructions:\n- set: {{ value: \"{value}\", to: {to} }}\n");
        check(&text, target)
    }

    /// As the kernels judge them: `storage::config` has the cases.
    #[test]
    fn a_setup_file_with_an_invalid_value_is_refused() {
        for (value, to, target) in [
            ("07", "/evm/config/chain_id", Target::Evm),
            ("00", "/evm/config/ticketer", Target::Evm),
            ("02", "/tx/config/frame", Target::Transactions),
        ] {
            let error = one(value, to, target).unwrap_err();
            assert!(error.to_string().contains(to), "{error}");
        }
        one("0000000000000007", "/evm/config/chain_id", Target::Evm).unwrap();
        one("00", "/tx/config/frame", Target::Transactions).unwrap();
    }

    #[test]
    fn what_no_kernel_reads_is_refused_and_all_of_it_is_named() {
        let text = "
instructions:
- set: { value: '0000000000000007', to: /evm/config/chainid }
- set: { value: '00', to: /kernel/boot.wasm }
- set: { value: '00', to: /evn/config/chain_id }
- reveal: '000000000000000000000000000000000000000000000000000000000000000000'
  to: /evm/config/chain_id
";
        let error = check(text, Target::Evm).unwrap_err().to_string();
        for word in [
            "instruction 0: /evm/config/chainid",
            "did you mean chain_id",
            "instruction 1: /kernel",
            "instruction 2: /evn",
            "instruction 3: /evm/config/chain_id",
        ] {
            assert!(error.contains(word), "{word} in {error}");
        }
        one("00", "/evn/x", Target::Other).unwrap();
        one("00", "/evm/x", Target::Transactions).unwrap_err();
    }

    #[test]
    fn a_value_that_is_set_twice_is_refused() {
        let text = "
instructions:
- set: { value: '0000000000000007', to: /evm/config/chain_id }
- set: { value: '0000000000000008', to: /evm/config/chain_id }
";
        let error = check(text, Target::Evm).unwrap_err().to_string();
        assert!(error.contains("written twice"), "{error}");
    }

    #[test]
    fn a_module_is_known_by_its_paths() {
        assert_eq!(Target::of(b"..../evm/config...."), Target::Evm);
        assert_eq!(Target::of(b"/tx/config/frame"), Target::Transactions);
        assert_eq!(Target::of(b""), Target::Other);
    }
}
