//! Rules for a built module.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use kernel_module::Version;
use kernel_module::report::Fault;

/// Fails if the machine would refuse the module, with every place that breaks a rule.
///
/// Functions are named by the module's `name` section, so check before it is stripped.
///
/// # Errors
/// The rules that are broken, and where.
pub(crate) fn check(wasm: &[u8]) -> Result<()> {
    let rules = kernel_module::report(wasm, Version::default()).rules;
    let faults: Vec<String> = rules
        .iter()
        .flat_map(|rule| rule.faults.iter().map(|fault| in_words(rule.name, fault)))
        .collect();
    ensure!(faults.is_empty(), "{}", faults.join("\n"));
    Ok(())
}

fn in_words(rule: &str, fault: &Fault) -> String {
    let function = fault.function.as_deref().map(|name| format!(" in {name}"));
    format!(
        "{rule}: {}, at byte {:#x}{}",
        fault.what,
        fault.offset,
        function.unwrap_or_default()
    )
}

/// A path below one of these folders, or below one that people or builds live in, that stands in
/// the module.
pub(crate) fn path_in(wasm: &[u8], folders: impl Iterator<Item = PathBuf>) -> Option<String> {
    let usual = ["/home", "/Users"].map(PathBuf::from);
    folders.chain(usual).find_map(|folder| {
        let start = format!("{}/", folder.display());
        let at = wasm
            .windows(start.len())
            .position(|bytes| bytes == start.as_bytes())?;
        let path = wasm[at..].split(|byte| !byte.is_ascii_graphic()).next();
        Some(String::from_utf8_lossy(path.unwrap_or_default()).into_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_that_the_machine_refuses_is_refused_with_its_function() {
        let kernel = |code: &str| {
            let text = format!(
                r#"(module (memory (export "m") 1) (func (export "kernel_run"))
                  (func $the_culprit {code}))"#
            );
            wat::parse_str(text).unwrap()
        };
        check(&kernel("(drop (i32.const 1))")).unwrap();
        let refusal = check(&kernel("(drop (f32.const 1))")).unwrap_err();
        let refusal = refusal.to_string();
        assert!(
            refusal.contains("the_culprit") && refusal.contains("float"),
            "{refusal}"
        );
    }

    #[test]
    fn a_path_of_the_machine_is_found() {
        let folders = || [PathBuf::from("/src/rollup")].into_iter();
        let found = |wasm: &[u8]| path_in(wasm, folders());
        let panic = b"\0panic at /src/rollup/host/src/lib.rs\0";
        assert_eq!(found(panic).as_deref(), Some("/src/rollup/host/src/lib.rs"));
        let home = b"/home/somebody/.cargo/lib.rs:1";
        assert_eq!(
            found(home).as_deref(),
            Some("/home/somebody/.cargo/lib.rs:1")
        );
        assert_eq!(found(b"/src/rollups/lib.rs /cargo/revm/lib.rs"), None);
    }
}
