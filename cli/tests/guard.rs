//! `evm-rollup guard`.

mod support;

use messages::hash::blake2b_256;
use support::{Folder, command, stderr, stdout};

/// A kernel that calls itself for ever.
const ENDLESS: &str = r#"(module
    (memory (export "memory") 1)
    (func $again (export "kernel_run") (call $again)))"#;

#[test]
fn a_kernel_that_would_be_stuck_traps_once_it_is_guarded() {
    let folder = Folder::new("guard");
    let plain = folder.file("plain.wasm", wat::parse_str(ENDLESS).unwrap());
    let inputs = folder.file("inputs.json", "[[], []]");
    let guarded = folder.path("guarded.wasm");
    let made = command(&["guard", &plain, "-o", &guarded]);
    assert_eq!(made.status.code(), Some(0), "{}", stderr(&made));
    assert!(
        stdout(&made).contains("299 frames at most"),
        "{}",
        stdout(&made)
    );
    let names = std::fs::read_to_string(folder.path("guarded.names")).unwrap();
    assert_eq!(names, "0 again\n");

    // Once more: the names are not in the module any more.
    let again = command(&["guard", &guarded, "-o", &guarded]);
    assert_eq!(again.status.code(), Some(0), "{}", stderr(&again));
    let names = std::fs::read_to_string(folder.path("guarded.names")).unwrap();
    assert_eq!(names, "0 again\n");
    let hash = blake2b_256(&std::fs::read(&guarded).unwrap());
    let verified = command(&["verify", &guarded]);
    assert!(
        stdout(&verified).contains(&format!("\nblake2b {}\n", hex::encode(hash))),
        "{}",
        stdout(&verified)
    );

    let run = |kernel: &str| {
        let ran = command(&["run", kernel, "--inputs", &inputs]);
        stdout(&ran) + &stderr(&ran)
    };
    assert!(run(&plain).contains("stuck"), "{}", run(&plain));
    let text = run(&guarded);
    assert!(
        !text.contains("stuck") && text.contains("level 1: "),
        "{text}"
    );
}

#[test]
fn a_module_that_the_machine_refuses_is_not_guarded() {
    let folder = Folder::new("guard-refuses");
    let module = wat::parse_str("(module (memory (export \"memory\") 1))").unwrap();
    let plain = folder.file("plain.wasm", module);
    let guarded = folder.path("guarded.wasm");
    let made = command(&["guard", &plain, "-o", &guarded]);
    assert_eq!(made.status.code(), Some(1), "{}", stderr(&made));
    assert!(stderr(&made).contains("kernel_run"), "{}", stderr(&made));
    assert!(!std::path::Path::new(&guarded).exists());
}
