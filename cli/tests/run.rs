//! `evm-rollup run`, as it is called.

use crate::support::{Folder, command, stderr, stdout};
use serde_json::{Value, json};
use std::process::Output;

/// Yields at once.
const MINIMAL: &str = "0061736d01000000010401600000030201000503010001071402036d656d02000a6b65726e656c5f72756e00000a040102000b";
/// Traps after having written 2 bytes at /x.
const WRITES_AND_TRAPS: &str = "0061736d01000000010d0260057f7f7f7f7f017f60000002210111736d6172745f726f6c6c75705f636f72650b73746f72655f77726974650000030201010503010001071402036d656d02000a6b65726e656c5f72756e00010a120110004100410241004100410210001a000b0b08010041000b022f78";
/// A float.
const FLOAT: &str = "0061736d01000000010401600000030201000503010001071402036d656d02000a6b65726e656c5f72756e00000a0e010c0044000000000000f03f1a0b";

/// Yields at once, under the name of 2022.
const LEGACY: &str = "0061736d01000000010401600000030201000503010001071502036d656d02000b6b65726e656c5f6e65787400000a040102000b";

fn run(args: &[&str]) -> Output {
    command(&[&["run"], args].concat())
}

#[test]
fn json_has_the_shape_that_tests_rely_on() {
    let folder = Folder::new("json");
    let kernel = folder.file("kernel.hex", MINIMAL);
    let inputs = folder.file("inputs.json", r#"[[{"external": "aa"}], []]"#);
    let setup = folder.file(
        "setup.yaml",
        "instructions: [{set: {value: 0a0b, to: /a/b}}]",
    );
    let output = run(&[
        &kernel, "--inputs", &inputs, "--setup", &setup, "--json", "--dump", "/a",
    ]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let mut all: Value = serde_json::from_str(&stdout(&output)).unwrap();
    let levels = all["levels"].as_array_mut().unwrap();
    assert_eq!(levels.len(), 2);
    assert_eq!(levels[0]["durable_root"], levels[1]["durable_root"]);
    assert_eq!(levels[0]["durable_root"].as_str().unwrap().len(), 64);
    assert!(levels[0]["runs"][0]["wall_ms"].is_f64());
    levels[1]["durable_root"] = json!("");
    levels[1]["runs"][0]["wall_ms"] = json!(0);
    assert!(levels[0]["runs"][0]["ticks"].as_u64() > Some(0));
    levels[1]["runs"][0]["ticks"] = json!(0);
    let expected_run = json!({
        "instructions": 1, "ticks": 0, "max_call_depth": 1, "host_calls": {},
        "bytes_read": 0, "bytes_written": 0, "wall_ms": 0, "trapped": false, "trap": null,
    });
    assert_eq!(
        levels[1],
        json!({
            "level": 1, "status": "yielded", "runs": [expected_run], "unread": 3, "outbox": [],
            "durable_root": "",
        })
    );
    assert_eq!(all["dump"], json!({ "/a/b": "0a0b" }));
}

#[test]
fn engines_give_the_same() {
    let folder = Folder::new("engines");
    let kernel = folder.file("kernel.hex", WRITES_AND_TRAPS);
    let inputs = folder.file("inputs.json", "[[], []]");
    let all = ["fast", "interpreter", "step", "both"].map(|engine| {
        let output = run(&[
            &kernel, "--inputs", &inputs, "--json", "--dump", "/", "--engine", engine,
        ]);
        assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
        let mut all: Value = serde_json::from_str(&stdout(&output)).unwrap();
        for level in all["levels"].as_array_mut().unwrap() {
            assert!(level["runs"][0]["instructions"].as_u64() > Some(0));
            level["runs"][0]["wall_ms"] = json!(0);
        }
        all
    });
    assert_eq!(all[0], all[1]);
    assert_eq!(all[0], all[2]);
    assert_eq!(all[0], all[3]);
}

#[test]
fn a_trap_is_shown_and_found_wrong() {
    let folder = Folder::new("trap");
    let kernel = folder.file("kernel.hex", WRITES_AND_TRAPS);
    let inputs = folder.file("inputs.json", "[[]]");
    let output = run(&[&kernel, "--inputs", &inputs, "--dump", "/x"]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let text = stdout(&output);
    assert!(text.contains("level 0: yielded"), "{text}");
    assert!(text.contains("unreachable"), "{text}");
    assert!(text.contains("store_write 1"), "{text}");
    assert!(text.ends_with("/x = 2f78\n"), "{text}");
    assert!(!text.contains('\x1b'), "no colours in a pipe");
}

#[test]
fn an_invalid_kernel_is_found_wrong_with_the_reason() {
    let folder = Folder::new("float");
    let kernel = folder.file("kernel.hex", FLOAT);
    let inputs = folder.file("inputs.json", "[[]]");
    let output = run(&[&kernel, "--inputs", &inputs]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("F64Const"), "{}", stderr(&output));
}

#[test]
fn a_kernel_of_2022_is_refused_with_advice_and_runs_on_request() {
    let folder = Folder::new("legacy");
    let kernel = folder.file("kernel.hex", LEGACY);
    let inputs = folder.file("inputs.json", "[[]]");
    let verified = command(&["verify", &kernel]);
    assert_eq!(verified.status.code(), Some(1));
    let refused = run(&[&kernel, "--inputs", &inputs]);
    assert_eq!(refused.status.code(), Some(1));
    for words in [stdout(&verified), stderr(&refused)] {
        assert!(words.contains("only kernel_next is exported"), "{words}");
        assert!(
            words.contains("without the feature `legacy-abi`"),
            "{words}"
        );
    }
    let ran = run(&[&kernel, "--inputs", &inputs, "--legacy"]);
    assert_eq!(ran.status.code(), Some(0), "{}", stderr(&ran));
}

#[test]
fn what_cannot_be_read_is_bad_usage() {
    let folder = Folder::new("usage");
    let kernel = folder.file("kernel.hex", MINIMAL);
    let inputs = folder.file("inputs.json", "[[]]");
    let wrong = folder.file("wrong.json", r#"[[{"external": "a"}]]"#);
    for args in [
        &[&*kernel][..],
        &[&kernel, "--inputs", "no such file"],
        &["no such file", "--inputs", &inputs],
        &[&kernel, "--inputs", &wrong],
        &[
            &kernel,
            "--inputs",
            &inputs,
            "--rollup",
            "tz1Ke2h7sDdakHJQh8WX4Z372du1KChsksyU",
        ],
        &[&kernel, "--inputs", &inputs, "--pvm-version", "3"],
        &[&kernel, "--inputs", &inputs, "--setup", &inputs],
        &[&kernel, "--inputs", &inputs, "--engine", "slow"],
    ] {
        let output = run(args);
        assert_eq!(
            output.status.code(),
            Some(2),
            "{args:?}: {}",
            stderr(&output)
        );
        assert!(!output.stderr.is_empty(), "{args:?}");
    }
}

/// Runs for ever.
const ENDLESS: &str = "0061736d01000000010401600000030201000503010001071402036d656d02000a6b65726e656c5f72756e00000a0901070003400c000b0b";

#[test]
fn a_run_that_takes_too_long_is_an_error() {
    let folder = Folder::new("endless");
    let kernel = folder.file("kernel.hex", ENDLESS);
    let inputs = folder.file("inputs.json", "[[]]");
    let output = run(&[
        &kernel,
        "--inputs",
        &inputs,
        "--max-instructions",
        "1000000",
    ]);
    assert_eq!(output.status.code(), Some(1));
    let text = stderr(&output);
    assert!(
        text.contains("run 0 of level 0 takes more than 1000000 instructions"),
        "{text}"
    );
}

/// Too little memory on this computer is not the kernel's fault.
#[cfg(target_os = "linux")]
#[test]
fn what_this_computer_lacks_is_not_the_kernels_fault() {
    let folder = Folder::new("no-memory");
    let kernel = folder.file("kernel.hex", MINIMAL);
    let inputs = folder.file("inputs.json", "[[]]");
    // In KiB: enough to start, not to reserve a kernel's memory.
    let script = "ulimit -v 3000000; exec \"$@\"";
    let args = ["sh", "run", &kernel, "--inputs", &inputs];
    let output = std::process::Command::new("sh")
        .args(["-c", script, args[0], crate::support::PROGRAM])
        .args(&args[1..])
        .output()
        .unwrap();
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(2), "{}{text}", stdout(&output));
    assert!(text.contains("this computer lacks"), "{text}");
    assert!(!stdout(&output).contains("stuck"), "{}", stdout(&output));
}
