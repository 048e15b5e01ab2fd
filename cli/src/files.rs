//! Files of commands.

use anyhow::{Context, bail};
use std::path::{Path, PathBuf};

/// The path of a built file: `named` if given, else where builds and packages put it. The error
/// tells how it is built, and of `option`, which names another file.
pub(crate) fn built(name: &str, named: Option<&Path>, option: &str) -> anyhow::Result<PathBuf> {
    if let Some(path) = named {
        return Ok(path.to_path_buf());
    }
    let program = std::env::current_exe().context("cannot find the path of this program")?;
    // A link to it lies elsewhere.
    let program = program.canonicalize().unwrap_or(program);
    let places = places(name, program.parent().unwrap_or(Path::new(".")));
    if let Some(path) = places.iter().find(|path| path.is_file()) {
        return Ok(path.clone());
    }
    let places: Vec<String> = places
        .iter()
        .map(|path| format!("  {}", path.display()))
        .collect();
    bail!(
        "no {name}: build it with `make kernel` in the folder of the sources (or `cargo xtask kernel`), \
         or pass {option} FILE; it is not at\n{}",
        places.join("\n")
    )
}

/// Where a built file may be, for a program in `folder`: beside it, in `kernel/` beside it, where
/// `make kernel` puts it for a program in `target/debug` or `target/release`, and where it does
/// for somebody who stands in the folder of the sources.
fn places(name: &str, folder: &Path) -> [PathBuf; 4] {
    let beside = folder.parent().unwrap_or(folder);
    [
        folder.join(name),
        folder.join("kernel").join(name),
        beside.join("kernel").join(name),
        Path::new("target/kernel").join(name),
    ]
}

/// A folder that is there.
pub(crate) fn folder(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    if path.is_dir() {
        return Ok(path);
    }
    Err("there is no such folder".into())
}

/// A path of durable storage as somebody types it: the slash in front may be left out. Nothing
/// stands for the root.
pub(crate) fn storage_path(text: &str) -> String {
    match text.trim_matches('/') {
        "" => String::new(),
        path => format!("/{path}"),
    }
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

/// The same of a module that is to be run: what is none is told as such.
pub(crate) fn kernel(path: &Path) -> anyhow::Result<Vec<u8>> {
    let module = module(path)?;
    anyhow::ensure!(
        module.starts_with(MAGIC),
        "{} is not a wasm module, binary or in hex: a kernel is the compiled .wasm",
        path.display()
    );
    Ok(module)
}

/// The first bytes of a module.
pub(crate) const MAGIC: &[u8] = b"\0asm";

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
        assert!(missing.to_string().contains("`make kernel`"), "{missing}");
    }

    #[test]
    fn a_path_of_storage_begins_with_a_slash_or_gets_one() {
        for (text, path) in [("/", ""), ("", ""), ("a/b", "/a/b"), ("/a/b/", "/a/b")] {
            assert_eq!(storage_path(text), path);
        }
    }

    #[test]
    fn a_built_file_is_found_where_builds_and_packages_put_it() {
        let places = places("k.wasm", Path::new("/a/target/debug"));
        for place in [
            "/a/target/debug/k.wasm",
            "/a/target/debug/kernel/k.wasm",
            "/a/target/kernel/k.wasm",
            "target/kernel/k.wasm",
        ] {
            assert!(places.contains(&PathBuf::from(place)), "{place}");
        }
    }
}
