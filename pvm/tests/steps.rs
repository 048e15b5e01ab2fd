//! Runs step by step: each step has a proof that is checked without the state, calls of the host
//! included, and what comes out is what a level gives.

use crate::imports::STORE;
use pvm::steps::{Evidence, Hash, StepProofError, Steps, check};
use pvm::{DebugSink, Machine, Options, engine, reveal};
use std::path::PathBuf;

/// Calls every function of the host.
fn kernel() -> Vec<u8> {
    let preimage = reveal::hash(b"a preimage");
    let hash: String = preimage
        .iter()
        .map(|byte| format!("\\{byte:02x}"))
        .collect();
    let text = format!(
        r#"(module
  (import "smart_rollup_core" "read_input" (func $input (param i32 i32 i32) (result i32)))
  (import "smart_rollup_core" "write_output" (func $output (param i32 i32) (result i32)))
  (import "smart_rollup_core" "write_debug" (func $debug (param i32 i32)))
  {STORE}
  (import "smart_rollup_core" "__internal_store_get_hash" (func $hash (param i32 i32 i32 i32) (result i32)))
  (import "smart_rollup_core" "reveal_preimage" (func $preimage (param i32 i32 i32 i32) (result i32)))
  (import "smart_rollup_core" "reveal_metadata" (func $metadata (param i32 i32) (result i32)))
  (memory (export "memory") 3)
  (data (i32.const 0) "/a/value")
  (data (i32.const 16) "/a/other/way")
  (data (i32.const 32) "/readonly/wasm_version")
  (data (i32.const 64) "{hash}")
  (data (i32.const 128) "no path")
  (global $sum (mut i64) (i64.const 0))
  (func $keep (param i32)
    (global.set $sum (i64.add (i64.mul (global.get $sum) (i64.const 31)) (i64.extend_i32_s (local.get 0)))))
  (func (export "kernel_run") (local $n i32)
    (memory.fill (i32.const 70000) (i32.const 7) (i32.const 5000))
    (loop $messages
      (local.set $n (call $input (i32.const 2000) (i32.const 2030) (i32.const 4096)))
      (call $keep (local.get $n))
      (call $debug (i32.const 2030) (local.get $n))
      (drop (call $output (i32.const 2030) (local.get $n)))
      (br_if $messages (local.get $n)))
    (call $keep (call $write (i32.const 0) (i32.const 8) (i32.const 0) (i32.const 70000) (i32.const 2048)))
    (call $keep (call $write (i32.const 0) (i32.const 8) (i32.const 2048) (i32.const 70100) (i32.const 2048)))
    (call $keep (call $write (i32.const 16) (i32.const 12) (i32.const 0) (i32.const 0) (i32.const 9)))
    (call $keep (call $write (i32.const 128) (i32.const 7) (i32.const 0) (i32.const 0) (i32.const 9)))
    (call $keep (call $write (i32.const 32) (i32.const 22) (i32.const 0) (i32.const 0) (i32.const 9)))
    (call $keep (call $read (i32.const 0) (i32.const 8) (i32.const 1000) (i32.const 131000) (i32.const 2048)))
    (call $keep (call $read (i32.const 32) (i32.const 22) (i32.const 0) (i32.const 196603) (i32.const 20)))
    (call $keep (call $has (i32.const 0) (i32.const 2)))
    (call $keep (call $size (i32.const 0) (i32.const 8)))
    (call $keep (i32.wrap_i64 (call $list (i32.const 0) (i32.const 2))))
    (call $keep (call $nth (i32.const 0) (i32.const 2) (i64.const 1) (i32.const 9000) (i32.const 20)))
    (call $keep (call $hash (i32.const 0) (i32.const 2) (i32.const 9100) (i32.const 32)))
    (call $keep (call $copy (i32.const 0) (i32.const 8) (i32.const 16) (i32.const 12)))
    (call $keep (call $move (i32.const 0) (i32.const 2) (i32.const 17) (i32.const 0)))
    (call $keep (call $move (i32.const 16) (i32.const 12) (i32.const 0) (i32.const 2)))
    (call $keep (call $delete (i32.const 16) (i32.const 12)))
    (call $keep (call $preimage (i32.const 64) (i32.const 33) (i32.const 9200) (i32.const 100)))
    (call $keep (call $metadata (i32.const 9300) (i32.const 24)))
    (i64.store (i32.const 8000) (global.get $sum))
    (call $keep (call $write (i32.const 16) (i32.const 12) (i32.const 0) (i32.const 8000) (i32.const 8)))))"#
    );
    wat::parse_str(text).unwrap()
}

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("pvm-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let hash = reveal::hash(b"a preimage");
        std::fs::write(folder.join(hex::encode(hash)), b"a preimage").unwrap();
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn machine(folder: &Folder) -> Machine {
    let options = Options {
        preimages: Some(folder.0.clone()),
        engine: engine::step(),
        debug: DebugSink::Off,
        ..Options::default()
    };
    let mut machine = Machine::new(&kernel(), options).unwrap();
    for number in 0..300 {
        let path = format!("/b/{number}/value");
        machine
            .durable_mut()
            .write(&*path, [number as u8; 40])
            .unwrap();
    }
    machine
}

fn messages() -> Vec<Vec<u8>> {
    vec![vec![0, 1], vec![1; 4_096], vec![1, 2, 3], vec![0, 2]]
}

struct Proved {
    call: Option<&'static str>,
    evidence: Evidence,
    before: Hash,
    after: Hash,
}

fn next(steps: &mut Steps) -> Option<Proved> {
    if steps.phase().is_over() {
        return None;
    }
    let (call, before) = (steps.next_call(), steps.root());
    let evidence = steps.prove().unwrap();
    Some(Proved {
        call,
        evidence,
        before,
        after: steps.root(),
    })
}

#[test]
fn each_step_is_proved_and_leads_where_the_level_leads() {
    let folder = Folder::new("steps");
    let mut machine = machine(&folder);
    let mut steps = machine.steps(messages()).unwrap();
    let mut alone = machine.steps(messages()).unwrap();
    let mut sizes = Vec::new();
    let mut calls = Vec::new();
    while let Some(proved) = next(&mut steps) {
        let checked = check(&proved.evidence, &proved.before, &proved.after);
        assert_eq!(checked, Ok(()), "{:?}", proved.call);
        sizes.push(proved.evidence.proof.len());
        calls.extend(proved.call.map(|call| (proved.evidence.proof.len(), call)));
    }
    assert_eq!(alone.advance(u64::MAX).unwrap(), steps.count());
    assert_eq!(alone.root(), steps.root());
    assert_eq!(alone.end(), Some(pvm::steps::End::Returned));
    let report = machine.run_messages(messages()).unwrap();
    assert_eq!(report.outbox, steps.outbox());
    assert_eq!(report.outbox.len(), 5);
    let at = |storage: &pvm::Durable| storage.get("/a/other/way").unwrap();
    assert!(at(&report.durable).is_some());
    calls.sort_unstable();
    sizes.sort_unstable();
    eprintln!("{} in the middle, {calls:?}", sizes[sizes.len() / 2]);
    assert!(calls.len() > 25, "{calls:?}");
    assert!(sizes[sizes.len() - 1] <= 24_000 && sizes[sizes.len() / 2] <= 4_000);
}

#[test]
fn no_changed_byte_of_a_call_passes() {
    let folder = Folder::new("changed-steps");
    let mut steps = machine(&folder).steps(messages()).unwrap();
    let all: Vec<Proved> = std::iter::from_fn(|| next(&mut steps)).collect();
    let calls: Vec<&Proved> = all.iter().filter(|proved| proved.call.is_some()).collect();
    let mut state = 7_u64;
    for number in 0..2_000 {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let random = (state >> 16) as usize;
        // Calls and others in turn.
        let proved = match number % 2 {
            0 => calls[random % calls.len()],
            _ => &all[random % all.len()],
        };
        let mut evidence = proved.evidence.clone();
        let at = (random >> 8) % evidence.proof.len();
        evidence.proof[at] ^= 1 << (random % 8);
        let checked = check(&evidence, &proved.before, &proved.after);
        assert!(checked.is_err(), "byte {at} of {:?}", proved.call);
        evidence.proof.truncate(at);
        assert!(check(&evidence, &proved.before, &proved.after).is_err());
    }
}

#[test]
fn a_message_that_is_not_in_the_inbox_is_refused() {
    let folder = Folder::new("other-message");
    let machine = machine(&folder);
    let mut steps = machine.steps(messages()).unwrap();
    let mut skipped = machine.steps(messages()[1..].to_vec()).unwrap();
    assert_ne!(steps.root(), skipped.root());
    let reads = |steps: &mut Steps| {
        std::iter::from_fn(|| next(steps))
            .find(|proved| proved.call == Some("read_input"))
            .unwrap()
    };
    let (honest, other) = (reads(&mut steps), reads(&mut skipped));
    assert_eq!(
        check(&honest.evidence, &honest.before, &honest.after),
        Ok(())
    );
    assert!(check(&other.evidence, &honest.before, &other.after).is_err());
    // The message of one in the proof of the other.
    let mut forged = honest.evidence.clone();
    let from = &other.evidence.proof;
    let tail = from.len().min(700);
    forged.proof.truncate(honest.evidence.proof.len() - tail);
    forged.proof.extend(&from[from.len() - tail..]);
    let refused = check(&forged, &honest.before, &other.after);
    assert!(matches!(
        refused,
        Err(StepProofError::OtherMessage
            | StepProofError::Malformed(_)
            | StepProofError::Machine(_))
    ));
}
