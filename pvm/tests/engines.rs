//! Two engines, one machine: how deep calls may go on each, and what is said
//! where they do not do the same.

use pvm::engine::{self, Compiled, Engine, Module};
use pvm::{
    DebugSink, Error, Inbox, KernelError, LevelReport, Machine, Metering, Options, Status, Version,
};
use std::sync::Arc;

fn level(wasm: &[u8], options: Options) -> Result<LevelReport, Error> {
    let options = Options {
        debug: DebugSink::Capture,
        ..options
    };
    Machine::new(wasm, options)?.run_level(&Inbox {
        timestamp: 0,
        predecessor: [0; 32],
        messages: Vec::new(),
    })
}

/// One on each engine, measured and not.
fn every_way(version: Version) -> Vec<Options> {
    let mut all = Vec::new();
    for engine in [engine::fast(), engine::interpreter(), engine::step()] {
        for metering in [Metering::Off, Metering::Full] {
            all.push(Options {
                version,
                metering,
                engine: Arc::clone(&engine),
                ..Options::default()
            });
        }
    }
    all
}

/// A kernel that has `calls` calls open at once, the entry point's included.
fn deep(calls: u32) -> Vec<u8> {
    wat::parse_str(format!(
        r#"(module (memory (export "m") 1)
          (func $f (param i32) (if (local.get 0)
            (then (call $f (i32.sub (local.get 0) (i32.const 1))))))
          (func (export "kernel_run") (call $f (i32.const {}))))"#,
        calls - 2
    ))
    .unwrap()
}

#[track_caller]
fn assert_limit(version: Version, limit: u32) {
    for options in every_way(version) {
        let report = level(&deep(limit), options.clone()).unwrap();
        assert_eq!(report.status, Status::Yielded, "{options:?}");
        let mut machine = Machine::new(&deep(limit + 1), options.clone()).unwrap();
        let stuck = Status::Stuck {
            reason: format!("more than {limit} calls were open"),
        };
        for runs in [1, 0] {
            let report = machine.run_messages(Vec::new()).unwrap();
            assert_eq!(
                (&report.status, report.runs.len()),
                (&stuck, runs),
                "{options:?}"
            );
        }
    }
}

#[test]
fn version_2_0_0_allows_299_open_calls_and_is_stuck_for_good_beyond() {
    assert_limit(Version::V0, 299);
}

#[test]
fn later_versions_allow_59_999_open_calls_and_are_stuck_for_good_beyond() {
    assert_limit(Version::V1, 59_999);
    assert_limit(Version::V5, 59_999);
}

/// Frames so large that 59,999 of them fit no stack.
fn wide() -> Vec<u8> {
    let locals = "(local i64 i64 i64 i64 i64 i64 i64 i64)".repeat(32);
    let sum: String = (1..257)
        .map(|local| format!("(local.set {local} (i64.load offset={local} (i32.const 0)))"))
        .collect();
    let used: String = (1..257)
        .map(|local| format!("(i64.store offset={local} (i32.const 0) (local.get {local}))"))
        .collect();
    wat::parse_str(format!(
        r#"(module (memory (export "m") 1)
          (func $f (param i32) {locals} {sum} (call $f (local.get 0)) {used})
          (func (export "kernel_run") (call $f (i32.const 1))))"#
    ))
    .unwrap()
}

#[test]
fn a_full_stack_is_the_end_not_a_trap() {
    for options in every_way(Version::V5) {
        let options = Options {
            stack: 4 << 20,
            ..options
        };
        let report = level(&wide(), options.clone()).unwrap();
        let exhausted = Status::Stuck {
            reason: "the stack is exhausted".to_owned(),
        };
        assert_eq!(report.status, exhausted, "{options:?}");
        assert_eq!(report.runs[0].trap, None);
    }
}

/// Runs another kernel than it is given, under this name.
#[derive(Debug)]
struct Liar(&'static str, Vec<u8>);

impl Engine for Liar {
    fn name(&self) -> &'static str {
        self.0
    }

    fn compile(&self, module: &Module<'_>) -> Result<Arc<dyn Compiled>, KernelError> {
        engine::interpreter().compile(&Module {
            wasm: &self.1,
            ..*module
        })
    }
}

fn writes(code: &str) -> Vec<u8> {
    wat::parse_str(format!(
        r#"(module
          (import "smart_rollup_core" "store_write"
            (func $write (param i32 i32 i32 i32 i32) (result i32)))
          (import "smart_rollup_core" "write_output" (func $output (param i32 i32) (result i32)))
          (memory (export "m") 1) (data (i32.const 0) "/a/b/c")
          (func (export "kernel_run")
            (drop (call $write (i32.const 0) (i32.const 2) (i32.const 0) (i32.const 3) (i32.const 1)))
            {code}))"#
    ))
    .unwrap()
}

#[test]
fn the_first_host_call_that_differs_is_named() {
    let write = |path| {
        format!(
            "(drop (call $write (i32.const {path}) (i32.const 2) (i32.const 0) (i32.const 3) (i32.const 1)))"
        )
    };
    let (kernel, other) = (writes(&write(0)), writes(&write(2)));
    let options = |name, of: &[u8]| Options {
        check: Some(Arc::new(Liar(name, of.to_vec()))),
        ..Options::default()
    };
    assert!(level(&kernel, options("honest", &kernel)).is_ok());
    let Err(Error::EnginesDiffer {
        level: 0,
        run: 0,
        what,
    }) = level(&kernel, options("liar", &other))
    else {
        panic!("not found")
    };
    assert_eq!(
        what,
        "host call 1 differs\n  \
         fast: store_write(\"/a\", \"b\", 0, 2, 0, 3, 1) = 0\n  \
         liar: store_write(\"/b\", \"b\", 2, 2, 0, 3, 1) = 0"
    );
    let Err(Error::EnginesDiffer { what, .. }) = level(&kernel, options("silent", &writes("")))
    else {
        panic!("not found")
    };
    assert!(what.ends_with("silent: none any more"), "{what}");
}

#[test]
fn an_end_that_differs_is_named() {
    let division = "(drop (i32.div_u (i32.const 1) (i32.const 0)))";
    let options = Options {
        check: Some(Arc::new(Liar("liar", writes("(unreachable)")))),
        ..Options::default()
    };
    let Err(Error::EnginesDiffer { what, .. }) = level(&writes(division), options) else {
        panic!("not found")
    };
    assert_eq!(
        what,
        "the end of the run differs\n  \
         fast: trap: integer divide by zero\n  \
         liar: trap: unreachable"
    );
}

#[test]
fn every_trap_is_the_same_on_both() {
    let traps = [
        "(unreachable)",
        "(drop (i32.load (i32.const 65536)))",
        "(memory.fill (i32.const 65535) (i32.const 0) (i32.const 2))",
        "(drop (i32.rem_s (i32.const 1) (i32.const 0)))",
        "(drop (i64.div_s (i64.const 0x8000000000000000) (i64.const -1)))",
        "(drop (call_indirect (param i32) (result i32) (i32.const 1) (i32.const 0)))",
        "(drop (table.get 0 (i32.const 9)))",
    ];
    let mut seen = std::collections::BTreeSet::new();
    for trap in traps {
        let wasm = wat::parse_str(format!(
            r#"(module (memory (export "m") 1) (table 2 funcref) (elem (i32.const 0) $entry)
              (func $entry (export "kernel_run") {trap}))"#
        ))
        .unwrap();
        for metering in [Metering::Off, Metering::Full] {
            let options = Options {
                metering,
                check: Some(engine::interpreter()),
                ..Options::default()
            };
            let report = level(&wasm, options).unwrap();
            assert_eq!(report.status, Status::Yielded, "{trap}");
            seen.insert(report.runs[0].trap.unwrap().to_string());
        }
    }
    assert_eq!(seen.len(), 6, "{seen:?}");
}

#[test]
fn an_indirect_call_to_nothing_sticks_the_rollup_and_is_no_trap() {
    for (index, words) in [(7, "beyond the table"), (1, "a null element")] {
        let wasm = wat::parse_str(format!(
            r#"(module (memory (export "m") 1) (table 2 funcref) (elem (i32.const 0) $entry)
              (func $entry (export "kernel_run") (call_indirect (i32.const {index}))))"#
        ))
        .unwrap();
        for options in every_way(Version::V5) {
            let report = level(&wasm, options.clone()).unwrap();
            let Status::Stuck { reason } = report.status else {
                panic!("{index} yielded, {options:?}");
            };
            assert!(reason.contains(words), "{reason}");
        }
    }
}
