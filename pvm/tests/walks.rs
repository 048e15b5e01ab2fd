//! Calls of the host on storage that was made to have large proofs: each of their steps has a small one.

use crate::imports::STORE;
use pvm::steps::{Hash, Steps, check};
use pvm::{DebugSink, Machine, Options, engine};

/// The most bytes of a proof of a step.
const MOST: usize = 24_000;

/// A kernel that makes these calls, as text; its paths of 240 bytes are at 0 and 256, `/folder` at 512, and
/// `/large` at 528. What the calls give is summed up and written to storage.
fn kernel(from: &str, to: &str, calls: &str) -> Vec<u8> {
    let text = format!(
        r#"(module
  {STORE}
  (import "smart_rollup_core" "store_create" (func $create (param i32 i32 i32) (result i32)))
  (import "smart_rollup_core" "__internal_store_get_hash" (func $hash (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 3)
  (data (i32.const 0) "{from}")
  (data (i32.const 256) "{to}")
  (data (i32.const 512) "/folder")
  (data (i32.const 528) "/large")
  (global $sum (mut i64) (i64.const 0))
  (func $keep (param i32)
    (global.set $sum (i64.add (i64.mul (global.get $sum) (i64.const 31)) (i64.extend_i32_s (local.get 0)))))
  (func (export "kernel_run")
    {calls}
    (i64.store (i32.const 8000) (global.get $sum))
    (drop (call $write (i32.const 512) (i32.const 7) (i32.const 0) (i32.const 8000) (i32.const 8)))))"#
    );
    wat::parse_str(text).unwrap()
}

fn keep(calls: &[&str]) -> String {
    let calls = calls.iter();
    calls
        .map(|call| format!("(call $keep (call {call}))\n"))
        .collect()
}

/// A call of a function with the path at 0, or at 256, and other arguments.
fn on(function: &str, paths: &[u32], rest: &str) -> String {
    let paths: String = paths
        .iter()
        .map(|at| format!("(i32.const {at}) (i32.const 240) "))
        .collect();
    format!("${function} {paths}{rest}")
}

/// Writes a path of 240 bytes and others that part from it at each bit of each byte.
fn hostile(machine: &mut Machine, byte: u8) -> String {
    const BYTES: &[u8] = b"-./09AOPZ_abcdhpz";
    let mut path = b"/".to_vec();
    path.resize(240, byte);
    let durable = machine.durable_mut();
    for at in 1..path.len() {
        for byte in BYTES {
            let other = [&path[..at], &[*byte]].concat();
            // Those that end with a slash are none.
            let _ = durable.write(&*String::from_utf8(other).unwrap(), [*byte; 64]);
        }
    }
    let path = String::from_utf8(path).unwrap();
    durable.write(&path, [1; 64]).unwrap();
    path
}

fn machine(calls: &str) -> Machine {
    let options = Options {
        engine: engine::step(),
        debug: DebugSink::Off,
        ..Options::default()
    };
    let path = |byte: &str| format!("/{}", byte.repeat(239));
    let kernel = kernel(&path("a"), &path("b"), calls);
    Machine::new(&kernel, options).unwrap()
}

/// Makes the level and proves each `apart`-th step of a call of the host: how many such steps there were, and the
/// most bytes of a proof.
fn prove_calls(steps: &mut Steps, apart: u64) -> (u64, usize) {
    let (mut calls, mut largest) = (0, 0);
    while !steps.phase().is_over() {
        if steps.next_call().is_none() {
            let made = steps.advance_to_call(u64::MAX);
            if made > 0 {
                continue;
            }
        }
        if steps.next_call().is_none() || calls % apart == 0 {
            let before: Hash = steps.root();
            let evidence = steps.prove().unwrap();
            let checked = check(&evidence, &before, &steps.root());
            assert_eq!(checked, Ok(()), "{}", steps.about());
            largest = largest.max(evidence.proof.len());
        } else {
            steps.advance(1).unwrap();
        }
        calls += 1;
    }
    (calls, largest)
}

/// The level comes out as on the other engines, and each proof is small.
fn run(mut machine: Machine, apart: u64) -> (u64, usize) {
    let mut steps = machine.steps(vec![]).unwrap();
    let mut alone = machine.steps(vec![]).unwrap();
    let (calls, largest) = prove_calls(&mut steps, apart);
    assert_eq!(alone.advance(u64::MAX).unwrap(), steps.count());
    assert_eq!(alone.root(), steps.root());
    assert_eq!(alone.end(), Some(pvm::steps::End::Returned));
    let report = machine.run_messages(vec![]).unwrap();
    assert_eq!(report.durable.root_hash(), steps.durable().root_hash());
    eprintln!("{calls} steps of calls, {largest} bytes at most");
    assert!(largest <= MOST, "{largest} bytes");
    (calls, largest)
}

/// So that a tree can be deep without optimization.
fn on_a_large_stack(run: fn()) {
    let thread = std::thread::Builder::new().stack_size(64 << 20);
    thread.spawn(run).unwrap().join().unwrap();
}

#[test]
fn calls_on_paths_that_part_at_each_bit() {
    on_a_large_stack(hostile_paths);
}

fn hostile_paths() {
    let calls = [
        on("has", &[0], ""),
        on("size", &[256], ""),
        on(
            "read",
            &[0],
            "(i32.const 3) (i32.const 9000) (i32.const 2048)",
        ),
        on(
            "write",
            &[0],
            "(i32.const 64) (i32.const 7001) (i32.const 2048)",
        ),
        on(
            "write",
            &[0],
            "(i32.const 2112) (i32.const 7001) (i32.const 2048)",
        ),
        on(
            "read",
            &[0],
            "(i32.const 1000) (i32.const 65001) (i32.const 2048)",
        ),
        on("hash", &[0], "(i32.const 9100) (i32.const 32)"),
        on("copy", &[0, 256], ""),
        on("delete", &[0], ""),
        on("create", &[0], "(i32.const 2147483647)"),
        on(
            "write",
            &[0],
            "(i32.const 2147481000) (i32.const 7001) (i32.const 2048)",
        ),
        on(
            "read",
            &[0],
            "(i32.const 2147480000) (i32.const 65001) (i32.const 2048)",
        ),
        on("move", &[0, 256], ""),
        on("move", &[256, 0], ""),
        on("delete", &[0], ""),
        on("delete", &[256], ""),
        on(
            "write",
            &[0],
            "(i32.const 0) (i32.const 7001) (i32.const 2048)",
        ),
        on("copy", &[0, 256], ""),
    ];
    let calls: Vec<&str> = calls.iter().map(String::as_str).collect();
    let mut machine = machine(&keep(&calls));
    hostile(&mut machine, b'a');
    hostile(&mut machine, b'b');
    let (steps, _) = run(machine, 1);
    assert!(steps > 18 * 20, "{steps}");
}

#[test]
fn a_folder_of_many_is_listed() {
    let calls = keep(&[
        "$nth (i32.const 512) (i32.const 7) (i64.const 77777) (i32.const 9000) (i32.const 100)",
        "$nth (i32.const 512) (i32.const 7) (i64.const 100001) (i32.const 9000) (i32.const 100)",
    ]);
    let list = "(call $keep (i32.wrap_i64 (call $list (i32.const 512) (i32.const 7))))";
    let mut machine = machine(&format!("{calls}{list}"));
    for number in 0..100_000 {
        let path = format!("/folder/{}", number * 7_919 % 100_003);
        machine.durable_mut().write(&*path, [1]).unwrap();
    }
    let (steps, _) = run(machine, 40);
    assert!(steps > 3 * 500, "{steps}");
}

/// A kernel that copies what it copied makes a tree that is deeper than any path is long.
#[test]
fn a_tree_that_copies_make_deep_takes_no_deep_stack() {
    let copies = || {
        let mut durable = pvm::Durable::new();
        durable.write("/a/v", [1]).unwrap();
        for _ in 0..200_000 {
            durable.copy("/a", "/a/b").unwrap();
        }
        let (copy, root) = (durable.clone(), durable.root_hash());
        durable.write("/a/v", [2]).unwrap();
        assert_ne!(durable.root_hash(), root);
        drop(durable);
        assert_eq!(copy.root_hash(), root);
    };
    let thread = std::thread::Builder::new().stack_size(1 << 20);
    thread.spawn(copies).unwrap().join().unwrap();
}
