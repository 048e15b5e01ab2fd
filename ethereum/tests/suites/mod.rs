//! Opens the official suites that may lie in `shared/suites` beside the checkout.

use std::fmt;
use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

/// Files as (path, bytes).
pub(crate) type Files = Vec<(String, Vec<u8>)>;

/// The files of an archive; none, with a loud line, if the
/// archive is not there.
pub(crate) fn open(archive: &str) -> Option<Files> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../shared/suites")
        .join(archive);
    let Ok(file) = File::open(&path) else {
        say(format_args!("!!! SKIPPED: no suite at {}", path.display()));
        return None;
    };
    let mut archive = tar::Archive::new(zstd::Decoder::new(file).expect("zstd"));
    let mut files = Vec::new();
    for entry in archive.entries().expect("tar") {
        let mut entry = entry.expect("tar entry");
        if entry.header().entry_type().is_file() {
            let path = entry.path().expect("path").display().to_string();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).expect("contents");
            files.push((path, bytes));
        }
    }
    Some(files)
}

/// Bytes from hex with or without `0x`.
pub(crate) fn bytes(hex: &str) -> Vec<u8> {
    hex::decode(hex.trim_start_matches("0x")).expect("hex")
}

/// Writes a line that is seen without `--nocapture` too.
pub(crate) fn say(line: fmt::Arguments<'_>) {
    writeln!(std::io::stderr(), "{line}").expect("stderr");
}
