//! Files of commands.

use anyhow::{Context, bail};
use std::path::{Path, PathBuf};

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_named_is_taken() {
        let named = Path::new("k.wasm");
        assert_eq!(built("x.wasm", Some(named), "--kernel").unwrap(), named);
        let missing = built("x.wasm", None, "--kernel").unwrap_err();
        assert!(missing.to_string().contains("--kernel FILE"), "{missing}");
    }
}
