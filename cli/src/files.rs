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

/// A folder that is there.
pub(crate) fn folder(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    if path.is_dir() {
        return Ok(path);
    }
    Err("there is no such folder".into())
}

/// The most bytes of a module, of hex digits twice as many.
const MAX_MODULE: u64 = 256 << 20;

/// The most bytes of a text.
const MAX_TEXT: u64 = 512 << 20;

/// The bytes of a module; a file of hex digits is decoded. `-`: of the standard input.
pub(crate) fn module(path: &Path) -> anyhow::Result<Vec<u8>> {
    let bytes = read(path, MAX_MODULE)?;
    let digits = bytes.trim_ascii();
    let digits = digits.strip_prefix(b"0x").unwrap_or(digits);
    Ok(hex::decode(digits).unwrap_or(bytes))
}

/// The text of a file. `-`: of the standard input.
pub(crate) fn text(path: &Path) -> anyhow::Result<String> {
    let text = String::from_utf8(read(path, MAX_TEXT)?);
    text.with_context(|| format!("{} is not text", path.display()))
}

fn read(path: &Path, most: u64) -> anyhow::Result<Vec<u8>> {
    let bytes = if path.as_os_str() == "-" {
        pvm::files::bounded(std::io::stdin().lock(), most)
    } else {
        pvm::files::read(path, most)
    };
    bytes.with_context(|| format!("cannot read {}", path.display()))
}

/// Writes a file. A named pipe is refused: nobody may ever read it.
pub(crate) fn write(path: &Path, bytes: impl AsRef<[u8]>) -> anyhow::Result<()> {
    let in_the_way = || format!("cannot write {}", path.display());
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        // What a shell makes of the standard output is one, too.
        let is_pipe = std::fs::metadata(path).is_ok_and(|found| found.file_type().is_fifo());
        anyhow::ensure!(
            !is_pipe || path.starts_with("/dev"),
            "{}: it is a named pipe",
            in_the_way()
        );
    }
    std::fs::write(path, bytes).with_context(in_the_way)
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
