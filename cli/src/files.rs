//! Files of commands.

use anyhow::{Context, bail};
use node::genesis::config_of;
use pvm::setup::Instruction;
use std::path::{Path, PathBuf};
use tx_kernel::inbox::Framing;
use tx_kernel::layout::FRAME;

/// The path of a built file: `named` if given, else `name` beside this program or in
/// `../kernel`. The error tells of `option`, which names another file.
pub(crate) fn built(name: &str, named: Option<&Path>, option: &str) -> anyhow::Result<PathBuf> {
    if let Some(path) = named {
        return Ok(path.to_path_buf());
    }
    let program = std::env::current_exe().context("cannot find the path of this program")?;
    let folder = program.parent().unwrap_or(Path::new("."));
    let places = [
        folder.join(name),
        folder.join("..").join("kernel").join(name),
    ];
    if let Some(path) = places.iter().find(|path| path.is_file()) {
        return Ok(path.clone());
    }
    bail!(
        "no {name} at {} or {}: build it with `make kernel`, or pass {option} FILE",
        places[0].display(),
        places[1].display()
    )
}

/// The bytes of a module; a file of hex digits is decoded.
pub(crate) fn module(path: &Path) -> anyhow::Result<Vec<u8>> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(hex::decode(bytes.trim_ascii()).unwrap_or(bytes))
}

/// The text of a file.
pub(crate) fn text(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

/// The instructions of a setup file that the kernels accept.
pub(crate) fn setup(path: &Path) -> anyhow::Result<Vec<Instruction>> {
    checked_setup(&text(path)?).with_context(|| path.display().to_string())
}

/// The instructions of the text of a setup file that the kernels accept: on an
/// invalid value a rollup does not start, and cannot be mended.
pub(crate) fn checked_setup(text: &str) -> anyhow::Result<Vec<Instruction>> {
    let instructions = pvm::setup::parse(text)?;
    config_of(&instructions)?;
    for instruction in &instructions {
        if let Instruction::Set { value, to } = instruction
            && to.as_bytes() == FRAME.as_bytes()
            && Framing::decode(Some(value)).is_none()
        {
            bail!("invalid setup value {FRAME}: expected 00 (optional) or 01 (required)");
        }
    }
    Ok(instructions)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the kernels judge them: `storage::config` has the cases.
    #[test]
    fn a_setup_file_with_an_invalid_value_is_refused() {
        let setup = |value: &str, to: &str| {
            checked_setup(&format!(
                "instructions:\n- set: {{ value: \"{value}\", to: {to} }}\n"
            ))
        };
        for (value, to) in [
            ("07", "/evm/config/chain_id"),
            ("00", "/evm/config/ticketer"),
            ("02", "/tx/config/frame"),
        ] {
            let error = setup(value, to).unwrap_err();
            assert!(error.to_string().contains(to), "{error}");
        }
        setup("0000000000000007", "/evm/config/chain_id").unwrap();
        setup("00", "/tx/config/frame").unwrap();
    }

    #[test]
    fn a_file_that_is_named_is_taken() {
        let named = Path::new("k.wasm");
        assert_eq!(built("x.wasm", Some(named), "--kernel").unwrap(), named);
        let missing = built("x.wasm", None, "--kernel").unwrap_err();
        assert!(missing.to_string().contains("--kernel FILE"), "{missing}");
    }
}
