//! A storage with a source behind it, under a kernel, on both engines.

use pvm::engine;
use pvm::{Durable, Error, Inbox, Machine, Options, Source, Status, Unavailable, Value};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// Has `/s/a` = "there" and nothing else.
#[derive(Debug, Default)]
struct There {
    away: AtomicBool,
    asked: AtomicU32,
}

impl Source for There {
    fn value(&self, path: &[u8]) -> Result<Option<Value>, Unavailable> {
        if self.away.load(Ordering::Relaxed) {
            return Err(Unavailable::Elsewhere("nobody is there".into()));
        }
        self.asked.fetch_add(1, Ordering::Relaxed);
        Ok((path == b"/s/a").then(|| Value::new(b"there")))
    }
}

/// Copies what it reads at `/s/a` to `/t`, deletes it, and says at `/u` what is left of it; reads
/// `/s/b`, which is nowhere, and writes what it was told at `/v`.
const KERNEL: &str = r#"(module
  (import "smart_rollup_core" "store_has" (func $has (param i32 i32) (result i32)))
  (import "smart_rollup_core" "store_delete" (func $delete (param i32 i32) (result i32)))
  (import "smart_rollup_core" "store_read" (func $read (param i32 i32 i32 i32 i32) (result i32)))
  (import "smart_rollup_core" "store_write" (func $write (param i32 i32 i32 i32 i32) (result i32)))
  (memory 1) (export "memory" (memory 0))
  (data (i32.const 0) "/s/a/s/b/t/u/v")
  (func (export "kernel_run") (local $len i32)
    (local.set $len (call $read (i32.const 0) (i32.const 4) (i32.const 0) (i32.const 100) (i32.const 50)))
    (drop (call $write (i32.const 8) (i32.const 2) (i32.const 0) (i32.const 100) (local.get $len)))
    (drop (call $delete (i32.const 0) (i32.const 4)))
    (i32.store (i32.const 200) (call $has (i32.const 0) (i32.const 4)))
    (drop (call $write (i32.const 10) (i32.const 2) (i32.const 0) (i32.const 200) (i32.const 4)))
    (i32.store (i32.const 200)
      (call $read (i32.const 4) (i32.const 4) (i32.const 0) (i32.const 100) (i32.const 50)))
    (drop (call $write (i32.const 12) (i32.const 2) (i32.const 0) (i32.const 200) (i32.const 4)))))"#;

fn machine(source: &Arc<There>) -> Machine {
    let mut durable = Durable::new();
    let wasm = wat::parse_str(KERNEL).unwrap();
    durable.write("/kernel/boot.wasm", wasm).unwrap();
    let source = Arc::clone(source);
    let options = Options {
        check: Some(engine::interpreter()),
        ..Options::default()
    };
    Machine::from_durable(durable.with_source(b"/s", source), options).unwrap()
}

fn level() -> Inbox {
    Inbox {
        timestamp: 0,
        predecessor: [0; 32],
        messages: Vec::new(),
    }
}

#[test]
fn a_kernel_reads_what_stands_behind_its_storage() {
    let source = Arc::new(There::default());
    let mut machine = machine(&source);
    let report = machine.run_level(&level()).unwrap();
    assert_eq!(report.status, Status::Yielded);
    let value = |path: &str| {
        machine
            .durable()
            .get(path)
            .unwrap()
            .map(|value| value.to_vec())
    };
    assert_eq!(value("/t"), Some(b"there".to_vec()));
    // Deleted is deleted, whatever stands behind.
    assert_eq!(value("/u"), Some(vec![0; 4]));
    assert_eq!(value("/v"), Some((-3_i32).to_le_bytes().to_vec()));
    assert!(source.asked.load(Ordering::Relaxed) > 0);
}

#[test]
fn a_level_that_cannot_ask_has_not_been() {
    let source = Arc::new(There::default());
    source.away.store(true, Ordering::Relaxed);
    let mut machine = machine(&source);
    let before = machine.durable().root_hash();
    let error = machine.run_level(&level()).unwrap_err();
    assert_eq!(
        error,
        Error::Unavailable(Unavailable::Elsewhere("nobody is there".into()))
    );
    assert_eq!(
        (machine.durable().root_hash(), machine.level()),
        (before, 0)
    );
    source.away.store(false, Ordering::Relaxed);
    let report = machine.run_level(&level()).unwrap();
    assert_eq!(report.status, Status::Yielded);
    let there = machine
        .durable()
        .get("/t")
        .unwrap()
        .map(|value| value.to_vec());
    assert_eq!(there, Some(b"there".to_vec()));
}
