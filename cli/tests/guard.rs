//! `evm-rollup guard`.

use crate::support::{Folder, command, stderr, stdout};
use messages::hash::blake2b_256;

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
    assert!(
        stdout(&made).contains("  again: 297 calls can be open; one more traps"),
        "{}",
        stdout(&made)
    );
    let names = std::fs::read_to_string(folder.path("guarded.names")).unwrap();
    let hash = hex::encode(blake2b_256(&std::fs::read(&guarded).unwrap()));
    assert_eq!(names, format!("# blake2b {hash}\n0 again\n"));

    // Once more: there is no second guard, and the names are not in the module any more.
    let once = std::fs::read(&guarded).unwrap();
    let again = command(&["guard", &guarded, "-o", &guarded]);
    assert_eq!(again.status.code(), Some(0), "{}", stderr(&again));
    assert!(
        stdout(&again).contains("has its guard already"),
        "{}",
        stdout(&again)
    );
    assert_eq!(std::fs::read(&guarded).unwrap(), once);
    assert_eq!(
        std::fs::read_to_string(folder.path("guarded.names")).unwrap(),
        names
    );
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
    // The guard is named where it strikes, on each engine, and in the debugger.
    let struck = "unreachable (the stack guard: too many calls were open)";
    assert!(text.contains(struck), "{text}");
    let both = command(&[
        "run", &guarded, "--inputs", &inputs, "--engine", "both", "--json",
    ]);
    assert!(stdout(&both).contains(struck), "{}", stdout(&both));
    let script = "break function nowhere; continue";
    let debugged = command(&["debug", &guarded, "--inputs", &inputs, "-c", script]);
    let said = stdout(&debugged);
    assert!(said.contains(struck), "{said}");
    assert!(
        said.contains("warning: no function of the kernel has \"nowhere\" in its name"),
        "{said}"
    );
}

#[test]
fn names_of_another_module_are_not_taken_for_its_own() {
    let folder = Folder::new("guard-names");
    let plain = folder.file("plain.wasm", wat::parse_str(ENDLESS).unwrap());
    let guarded = folder.path("guarded.wasm");
    let names = folder.path("guarded.names");
    assert!(command(&["guard", &plain, "-o", &guarded]).status.success());
    // Elsewhere, too.
    let other = folder.path("other.wasm");
    assert!(command(&["guard", &guarded, "-o", &other]).status.success());
    let moved = std::fs::read_to_string(folder.path("other.names")).unwrap();
    assert_eq!(moved, std::fs::read_to_string(&names).unwrap());

    let nameless = r#"(module (memory (export "memory") 1)
        (func) (func (export "kernel_run") (call 0)))"#;
    let nameless = folder.file("nameless.wasm", wat::parse_str(nameless).unwrap());
    let inputs = folder.file("inputs.json", "[[]]");
    let profile = ["profile", &nameless, "--inputs", &inputs];
    let named = command(&[&profile[..], &["--names", &names]].concat());
    assert!(
        stderr(&named).contains("has the names of the module"),
        "{}",
        stderr(&named)
    );
    // They are there, but not its own.
    std::fs::copy(&names, folder.path("nameless.names")).unwrap();
    let left_out = command(&profile);
    assert!(
        stderr(&left_out).contains("shown by their numbers")
            && !stdout(&left_out).contains("again"),
        "{}{}",
        stderr(&left_out),
        stdout(&left_out)
    );
    let made = command(&["guard", &nameless, "-o", &guarded]);
    assert!(stdout(&made).contains("is removed"), "{}", stdout(&made));
    assert!(!std::path::Path::new(&names).exists());
    assert!(
        stdout(&made).contains("no function of it can call itself"),
        "{}",
        stdout(&made)
    );
}

#[test]
fn a_kernel_without_the_guard_is_warned_of() {
    let folder = Folder::new("unguarded");
    let plain = folder.file("plain.wasm", wat::parse_str(ENDLESS).unwrap());
    let guarded = folder.path("guarded.wasm");
    assert!(command(&["guard", &plain, "-o", &guarded]).status.success());
    let flat = r#"(module (memory (export "memory") 1) (func (export "kernel_run")))"#;
    let flat = folder.file("flat.wasm", wat::parse_str(flat).unwrap());
    for (kernel, warned) in [(&plain, true), (&guarded, false), (&flat, false)] {
        let verified = command(&["verify", kernel]);
        assert_eq!(verified.status.code(), Some(0), "{}", stderr(&verified));
        let said = stderr(&verified);
        assert_eq!(
            said.contains("has no stack guard: 1 function"),
            warned,
            "{said}"
        );
        let json = stdout(&command(&["verify", kernel, "--json"]));
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json["unguarded"], u64::from(warned), "{json}");
    }
    // A shipped kernel has it.
    let shipped = command(&["verify", &crate::support::kernel("evm_kernel.wasm")]);
    assert!(
        !stderr(&shipped).contains("stack guard"),
        "{}",
        stderr(&shipped)
    );
    let pages = folder.path("pages");
    let made = |kernel: &str, more: &[&str]| {
        let output = folder.path("installer.hex");
        let args = ["installer", "--kernel", kernel, "-o", &output, "-p", &pages];
        let base = crate::support::kernel("installer_kernel.wasm");
        let base = ["--installer-kernel", &base];
        let made = command(&[&args[..], &base, more].concat());
        assert_eq!(made.status.code(), Some(0), "{}", stderr(&made));
        stderr(&made)
    };
    // Run once, the kernel that calls itself for ever would not boot.
    let warned = "not the EVM kernel, but the command below has the EVM kernel's type";
    let said = made(&flat, &[]);
    assert!(
        said.contains(warned) && !said.contains("stack guard"),
        "{said}"
    );
    let said = made(&flat, &["--parameters-type", "unit"]);
    assert!(!said.contains("warning"), "{said}");
    let branches = r#"(module (memory (export "memory") 1)
        (func $again (param i32) local.get 0 (if (then i32.const 0 call $again)))
        (func (export "kernel_run") i32.const 0 call $again))"#;
    let branches = folder.file("branches.wasm", wat::parse_str(branches).unwrap());
    let said = made(&branches, &["--parameters-type", "unit"]);
    assert!(said.contains("has no stack guard: 1 function"), "{said}");
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
