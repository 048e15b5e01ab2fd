//! Ethereum's official test suites, which are no part of the repository: `SUITES=DIR` names a
//! folder that holds them. `conformance/SUITES` says what belongs there.

use std::fs;
use std::path::{Path, PathBuf};

/// Files as (path below the suites' folder, bytes).
pub type Files = Vec<(String, Vec<u8>)>;

/// The folder of one suite: `statetests`, `tx-rlp` or `rpc-compat`.
///
/// # Errors
/// The reason why there is no suite, for people.
pub fn folder(suite: &str) -> Result<PathBuf, String> {
    let Some(suites) = std::env::var_os("SUITES").filter(|suites| !suites.is_empty()) else {
        return Err("SUITES is not set: see conformance/SUITES".to_owned());
    };
    // Tests run in the folder of their package.
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let folder = root.join(suites).join(suite);
    if folder.is_dir() {
        Ok(folder)
    } else {
        Err(format!("{} is not a folder", folder.display()))
    }
}

/// The files of one suite whose path `wanted` accepts, in the order of their paths.
///
/// # Errors
/// As [`folder`], or that a file cannot be read.
pub fn files(suite: &str, wanted: impl Fn(&str) -> bool) -> Result<Files, String> {
    let root = folder(suite)?;
    let mut files = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        let explain = |error| format!("{}: {error}", folder.display());
        for entry in fs::read_dir(&folder).map_err(explain)? {
            let path = entry.map_err(explain)?.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let below = path.strip_prefix(&root).unwrap_or(&path);
            let name = format!("{suite}/{}", below.display());
            if wanted(&name) {
                let bytes = fs::read(&path).map_err(|error| format!("{name}: {error}"))?;
                files.push((name, bytes));
            }
        }
    }
    files.sort_unstable();
    Ok(files)
}
