//! The files of all crates: none imports another in a circle, and none of the tests is forgotten.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::circles;
use crate::kernel::workspace;

/// Prints the files that import each other in a circle, and those in `tests` that no program has.
///
/// # Errors
/// When there is one, or when a file cannot be read.
pub(crate) fn check(metadata: &Value) -> Result<()> {
    let (mut count, mut wrong, mut forgotten) = (0, Vec::new(), Vec::new());
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let mut files = BTreeSet::new();
        for target in package["targets"].as_array().into_iter().flatten() {
            let root = target["src_path"]
                .as_str()
                .context("target without a file")?;
            let (own, circles) = circles::of_crate(Path::new(root))?;
            count += own.len();
            files.extend(own);
            wrong.extend(circles.iter().map(|circle| in_words(circle)));
        }
        let manifest = package["manifest_path"]
            .as_str()
            .context("package without a manifest")?;
        let tests = sources(&Path::new(manifest).with_file_name("tests"))?;
        let lost = tests.iter().filter(|file| !files.contains(*file));
        forgotten.extend(lost.map(|file| name(file)));
    }
    ensure!(
        wrong.is_empty(),
        "files that import each other in a circle\n  {}\n\
         Move what both need to a file of its own, or pass it in.",
        wrong.join("\n  ")
    );
    ensure!(
        forgotten.is_empty(),
        "files of tests that nobody runs\n  {}\n\
         `mod` lines in `tests/main.rs` name the files of the crate's tests.",
        forgotten.join("\n  ")
    );
    println!("arrows: {count} files, no circle between them, no test forgotten");
    Ok(())
}

/// The Rust files of a folder, if it is there, and of those in it.
fn sources(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    if !folder.is_dir() {
        return Ok(found);
    }
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(sources(&path)?);
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// `a.rs -> b.rs -> a.rs`, from the top folder.
fn in_words(circle: &[PathBuf]) -> String {
    let files = circle.iter().chain(circle.first());
    files
        .map(|file| name(file))
        .collect::<Vec<_>>()
        .join(" -> ")
}

/// A file, from the top folder.
fn name(file: &Path) -> String {
    let file = file.strip_prefix(workspace()).unwrap_or(file);
    file.display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// The complaint about a crate of two files of tests, one of which `main` names.
    #[test]
    fn a_file_of_tests_that_nobody_names_is_found() {
        let folder = std::env::temp_dir().join(format!("xtask-forgotten-{}", std::process::id()));
        let tests = folder.join("tests");
        fs::create_dir_all(tests.join("more")).unwrap();
        let check_with = |main: &str| {
            fs::write(tests.join("main.rs"), main).unwrap();
            fs::write(tests.join("one.rs"), "").unwrap();
            fs::write(tests.join("more/mod.rs"), "").unwrap();
            check(&json!({ "packages": [{
                "manifest_path": folder.join("Cargo.toml"),
                "targets": [{ "src_path": tests.join("main.rs") }],
            }] }))
        };
        let complaint = check_with("mod one;").unwrap_err().to_string();
        let all = check_with("mod more; mod one;");
        fs::remove_dir_all(&folder).unwrap();
        assert!(complaint.contains("more/mod.rs"), "{complaint}");
        assert!(!complaint.contains("one.rs"), "{complaint}");
        all.unwrap();
    }
}
