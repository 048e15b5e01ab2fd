//! `evm-rollup debug` and `profile`, as they are called, on compiled kernels.

use crate::support::{Folder, command, kernel, stdout};
use serde_json::Value;
use std::process::Output;

/// 5, then 256 and 7, for `a`.
const INPUTS: &str =
    r#"[[{"external": "610005"}], [{"external": "610100"}, {"external": "610007"}]]"#;

/// The debugger's output for these commands, on the purse.
fn debug(folder: &Folder, commands: &str, more: &[&str]) -> Output {
    let inputs = folder.file("purse.json", INPUTS);
    let purse = kernel("purse.wasm");
    let args = ["debug", &purse, "--inputs", &inputs, "-c", commands];
    command(&[&args[..], more].concat())
}

fn shown(folder: &Folder, commands: &str) -> String {
    let output = debug(folder, commands, &[]);
    assert!(output.status.success(), "{}", stdout(&output));
    stdout(&output)
}

/// The page on debugging finds the mistake with these commands.
#[test]
fn the_mistake_of_the_page_is_found() {
    let folder = Folder::new("debug-page");
    let page = include_str!("../../docs/debugging.md");
    let commands = page
        .split("-c '")
        .nth(1)
        .and_then(|rest| rest.split('\'').next());
    let commands = commands.expect("the page has the commands");
    assert!(commands.split(';').count() < 10, "{commands}");
    let text = shown(&folder, commands);
    assert!(text.contains("read_amount begins"), "{text}");
    assert!(
        text.contains("2 read external, 4 bytes: 01610100"),
        "{text}"
    );
    assert!(
        text.contains(r#"store_write("/purse/a", 0x0000000000000005"#),
        "{text}"
    );
    assert!(text.contains("0 purse::give"), "{text}");
}

#[test]
fn a_run_stops_where_it_is_told_on_both_engines() {
    let folder = Folder::new("debug-stops");
    let commands = "step call; show status; step 100; show stack; step result; step kernel_run; \
        show key /purse/a; show durable storage /purse; ls /; show outbox at level 0";
    let by = |engine| {
        let output = debug(&folder, commands, &["--engine", engine]);
        assert!(output.status.success(), "{}", stdout(&output));
        let text = stdout(&output);
        // Times differ.
        let lines = text.lines().filter(|line| !line.contains(" ms"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let fast = by("fast");
    assert_eq!(fast, by("interpreter"));
    let text = fast.join("\n");
    assert!(text.contains("read_input("), "{text}");
    assert!(text.contains("Evaluating: level 0, run 0"), "{text}");
    assert!(text.contains("00 00 00 00 00 00 00 05"), "{text}");
}

/// Stopping changes nothing of what a run does or counts.
#[test]
fn a_run_that_was_looked_at_is_the_same() {
    let folder = Folder::new("debug-same");
    let inputs = folder.file("purse.json", INPUTS);
    let plain = command(&["run", &kernel("purse.wasm"), "--inputs", &inputs]);
    let without_times = |text: String| {
        let lines = text
            .lines()
            .filter(|line| line.contains("level") || line.contains("root"));
        let lines = lines.map(|line| line.split(" call depth").next().unwrap().to_owned());
        lines.filter(|line| !line.contains('>')).collect::<Vec<_>>()
    };
    let looked_at = shown(
        &folder,
        "break call store_write; continue; step 7; step into; continue; continue; continue",
    );
    let expected = without_times(stdout(&plain));
    let mut found = without_times(looked_at);
    found.retain(|line| expected.contains(line));
    assert_eq!(found, expected);
}

#[test]
fn going_back_runs_the_same_again() {
    let folder = Folder::new("debug-back");
    let text = shown(
        &folder,
        "snapshot start; continue; show key /purse/a; back start; show subkeys /kernel; step inbox; \
         show key /purse/a; step call; back; show status; continue; show key /purse/a",
    );
    let values: Vec<_> = text
        .lines()
        .filter(|line| line.starts_with("00000000 00"))
        .collect();
    assert_eq!(values.len(), 3, "{text}");
    assert_eq!(values[0], values[2]);
    assert_ne!(values[0], values[1]);
    assert!(text.contains("Waiting for input: level 1"), "{text}");
}

#[test]
fn going_back_twice_does_not_go_forward() {
    let folder = Folder::new("debug-back-twice");
    let text = shown(&folder, "step inbox; step inbox; back 1; back; back");
    let places: Vec<_> = text
        .lines()
        .filter(|line| line.starts_with("before level "))
        .collect();
    assert_eq!(places.len(), 3, "{text}");
    assert!(places.iter().all(|place| *place == places[0]), "{text}");
}

#[test]
fn a_trap_shows_the_functions_that_were_open() {
    let folder = Folder::new("debug-trap");
    // Writes, then calls itself once and divides by zero.
    let wat = r#"(module
        (import "smart_rollup_core" "write_debug" (func (param i32 i32)))
        (memory (export "mem") 1)
        (func (export "kernel_run") (call 0 (i32.const 0) (i32.const 0)) (call 2))
        (func (drop (i32.div_u (i32.const 1) (i32.const 0)))))"#;
    let kernel = folder.0.join("trap.wasm");
    std::fs::write(&kernel, wat::parse_str(wat).unwrap()).unwrap();
    folder.file("trap.names", "1 entry\n2 divides\n");
    let output = command(&[
        "debug",
        kernel.to_str().unwrap(),
        "-c",
        "step inbox; show memory at 0 for 4 bytes",
    ]);
    let text = stdout(&output);
    assert!(text.contains("divide by zero"), "{text}");
    let (inner, outer) = (text.find("0 divides"), text.find("1 entry"));
    assert!(inner.is_some() && inner < outer, "{text}");
}

/// A kernel that imports nothing, and one that calls itself as deep as it can.
#[test]
fn kernels_of_all_kinds_are_looked_into() {
    let folder = Folder::new("debug-kinds");
    let inputs = folder.file("inputs.json", "[[]]");
    let module = |name: &str, wat: &str| {
        let path = folder.0.join(name);
        std::fs::write(&path, wat::parse_str(wat).unwrap()).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let alone = module(
        "alone.wasm",
        r#"(module (memory (export "mem") 1) (func $f unreachable)
            (func (export "kernel_run") (call $f)))"#,
    );
    let output = command(&[
        "debug",
        &alone,
        "--inputs",
        &inputs,
        "-c",
        "step into; step inbox",
    ]);
    let text = stdout(&output);
    assert!(text.contains("0 function 0\n   1 function 1"), "{text}");
    let output = command(&["profile", &alone, "--inputs", &inputs]);
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(
        error.contains("level 0: yielded, trap: unreachable"),
        "{error}"
    );
    // 40,000 calls deep: what is too deep belongs to its caller, and nothing is lost.
    let deep = module(
        "deep.wasm",
        r#"(module (memory (export "mem") 1)
            (func $f (param i32) (if (local.get 0)
                (then (call $f (i32.sub (local.get 0) (i32.const 1))))))
            (func (export "kernel_run") (call $f (i32.const 40000))))"#,
    );
    let collapsed = folder.0.join("collapsed");
    let output = command(&[
        "profile",
        &deep,
        "--inputs",
        &inputs,
        "--json",
        "--collapsed",
        collapsed.to_str().unwrap(),
    ]);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let profile: Value = serde_json::from_slice(&output.stdout).unwrap();
    let total = profile["instructions"].as_u64().unwrap();
    assert!(total > 40_000, "{total}");
    let lines = std::fs::read_to_string(&collapsed).unwrap();
    assert!(lines.len() < 4_000_000, "{} bytes", lines.len());
    let counts = lines
        .lines()
        .map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap());
    assert_eq!(counts.sum::<u64>(), total);
}

/// The first wrong command of a script ends it, with what is wrong.
#[test]
fn a_wrong_command_ends_a_script() {
    let folder = Folder::new("debug-wrong");
    for (commands, words) in [
        ("step inbox; stpe call; show status", "no such command"),
        ("break call store_raed", "not a function of the host"),
        ("show memory at 0 for 4 bytes", "only while a kernel runs"),
        (
            "step call; show memory at 4_000_000_000 for 4 bytes",
            "the memory ends at",
        ),
        ("back", "nothing was kept"),
        ("load inputs /nowhere.json", "/nowhere.json"),
        ("step call; snapshot", "only between two levels"),
        ("continue; continue", "no level is left"),
    ] {
        let output = debug(&folder, commands, &[]);
        let text = stdout(&output);
        assert_eq!(output.status.code(), Some(2), "{commands}: {text}");
        assert!(text.contains(words), "{commands}: {text}");
        let after = text.split(words).nth(1).unwrap_or_default();
        assert!(!after.contains("Waiting for input"), "{commands}: {text}");
    }
}

/// A script may ask for what is not there, and reads numbers in both orders.
#[test]
fn what_is_not_there_is_an_answer() {
    let folder = Folder::new("debug-nothing");
    let commands = "step inbox; show key /nothing; ls /nothing; show key /purse/a as number; \
                    show key /purse/a as i64; show status";
    let output = debug(&folder, commands, &[]);
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("no value is at /nothing"), "{text}");
    assert!(
        text.contains("> show key /purse/a as number\n5\n"),
        "{text}"
    );
    let little = u64::from_le_bytes(5_u64.to_be_bytes());
    let expected = format!("> show key /purse/a as i64\n{little}\n");
    assert!(text.contains(&expected), "{text}");
}

/// The profile adds up to what `run` counts, and its picture names functions.
#[test]
fn a_profile_adds_up_exactly() {
    let folder = Folder::new("profile");
    let inputs = folder.file("purse.json", INPUTS);
    let svg = folder.0.join("flame.svg");
    let lines = folder.0.join("collapsed");
    let purse = kernel("purse.wasm");
    let run = command(&["run", &purse, "--inputs", &inputs, "--json"]);
    let run: Value = serde_json::from_slice(&run.stdout).unwrap();
    let runs = run["levels"].as_array().unwrap().iter();
    let runs = runs.flat_map(|level| level["runs"].as_array().unwrap());
    let total: u64 = runs.map(|run| run["instructions"].as_u64().unwrap()).sum();
    let output = command(&[
        "profile",
        &purse,
        "--inputs",
        &inputs,
        "--json",
        "-o",
        svg.to_str().unwrap(),
        "--collapsed",
        lines.to_str().unwrap(),
    ]);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let profile: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(profile["instructions"], total);
    let own = profile["functions"].as_array().unwrap().iter();
    let own: u64 = own.map(|one| one["instructions"].as_u64().unwrap()).sum();
    assert_eq!(own + profile["outside"].as_u64().unwrap(), total);
    let collapsed = std::fs::read_to_string(&lines).unwrap();
    let counts = collapsed
        .lines()
        .map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap());
    assert_eq!(counts.sum::<u64>(), total);
    let picture = std::fs::read_to_string(&svg).unwrap();
    assert!(
        picture.contains("<svg") && picture.contains("give"),
        "no picture"
    );
}
