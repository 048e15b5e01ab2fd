//! Counts of a metered module, against the fast VM's own count.

use kernel_module::check;
use kernel_module::metering::instrument;
use pvm::engine::{self, RunLimits};
use pvm::{Inbox, Kernel, Machine, Metering, Options, Version};
use wasmtime::{Config, Engine, Linker, Store};

/// The engine's count of the module as it is.
fn plain_fuel(wasm: &[u8]) -> u64 {
    let engine = Engine::new(Config::new().consume_fuel(true)).unwrap();
    let module = wasmtime::Module::new(&engine, wasm).unwrap();
    let mut store = Store::new(&engine, ());
    store.set_fuel(u64::MAX).unwrap();
    let instance = Linker::new(&engine)
        .instantiate(&mut store, &module)
        .unwrap();
    let entry = instance
        .get_typed_func::<(), ()>(&mut store, "kernel_run")
        .unwrap();
    let _ = entry.call(&mut store, ());
    u64::MAX - store.get_fuel().unwrap()
}

fn metered(wasm: &[u8]) -> (u64, u32) {
    let options = Options {
        metering: Metering::Full,
        check: Some(engine::interpreter()),
        ..Options::default()
    };
    let mut machine = Machine::new(wasm, options).unwrap();
    let inbox = Inbox {
        timestamp: 0,
        predecessor: [0; 32],
        messages: Vec::new(),
    };
    let report = machine.run_level(&inbox).unwrap();
    (report.runs[0].instructions, report.runs[0].max_call_depth)
}

#[track_caller]
fn assert_exact(functions: &str, depth: u32) {
    let text = format!(
        r#"(module (type $unary (func (param i32) (result i32))) (memory (export "m") 1)
          (table 2 funcref) (elem (i32.const 0) $double $fib) {functions}
          (func $double (param i32) (result i32) (i32.mul (local.get 0) (i32.const 2)))
          (func $fib (param $n i32) (result i32)
            (if (result i32) (i32.lt_u (local.get $n) (i32.const 2))
              (then (local.get $n))
              (else (i32.add
                (call $fib (i32.sub (local.get $n) (i32.const 1)))
                (call $fib (i32.sub (local.get $n) (i32.const 2))))))))"#
    );
    let wasm = wat::parse_str(text).unwrap();
    assert_eq!(metered(&wasm), (plain_fuel(&wasm), depth));
}

#[test]
fn instructions_are_those_of_the_module_as_it_was() {
    assert_exact("(func (export \"kernel_run\"))", 1);
    assert_exact(
        "(func (export \"kernel_run\") (drop (call $fib (i32.const 12))))",
        13,
    );
    assert_exact(
        "(func (export \"kernel_run\") (local $i i32)
           (loop $next
             (drop (call_indirect (type $unary)
               (i32.const 9) (i32.rem_u (local.get $i) (i32.const 2))))
             (local.set $i (i32.add (local.get $i) (i32.const 1)))
             (br_if $next (i32.lt_u (local.get $i) (i32.const 50)))))",
        10,
    );
    assert_exact(
        "(global $g (mut i64) (i64.const 5))
         (func (export \"kernel_run\")
           (global.set $g (i64.add (global.get $g) (i64.extend_i32_u (call $double (i32.const 3)))))
           (memory.fill (i32.const 0) (i32.const 1) (i32.const 1000)))",
        2,
    );
}

#[test]
fn instructions_are_exact_when_open_calls_end_in_unreachable() {
    assert_exact(
        "(func $deep (param i32)
           (drop (call $double (i32.const 1)))
           (if (i32.eqz (local.get 0)) (then (unreachable)))
           (call $deep (i32.sub (local.get 0) (i32.const 1))))
         (func (export \"kernel_run\") (call $deep (i32.const 7)))",
        10,
    );
}

#[test]
fn an_early_return_closes_its_call() {
    assert_exact(
        "(func $early (param i32) (result i32)
           (if (local.get 0) (then (return (i32.const 1))))
           (call $double (i32.const 4)))
         (func (export \"kernel_run\")
           (drop (call $early (i32.const 1)))
           (drop (call $early (i32.const 0))))",
        3,
    );
}

#[test]
fn the_rewritten_module_is_valid() {
    let wasm = wat::parse_str(
        r#"(module (import "smart_rollup_core" "write_debug" (func (param i32 i32)))
            (memory (export "m") 1)
            (func (export "kernel_run") (call 0 (i32.const 0) (i32.const 1))))"#,
    )
    .unwrap();
    let facts = check(&wasm, Version::V5).unwrap();
    let rewritten = instrument(&wasm, &facts, 299, None).unwrap();
    let after = check(&rewritten, Version::V5).unwrap();
    assert_eq!(after.globals, facts.globals + 6);
    let kernel = Kernel::load(&wasm, Version::V5).unwrap();
    let limits = RunLimits {
        frames: 299,
        stack: 1 << 20,
        counted: true,
        limit: None,
        patience: None,
        profiled: false,
        probed: false,
    };
    for engine in [engine::fast(), engine::interpreter(), engine::step()] {
        assert!(kernel.compiled(&*engine, limits).is_ok());
    }
}

/// Runs for ever.
const ENDLESS: &str = r#"(module
    (memory (export "mem") 1)
    (func (export "kernel_run") (loop (br 0))))"#;

/// Calls itself twice, forty calls deep, without a loop.
const CALLS: &str = r#"(module
    (memory (export "mem") 1)
    (func $f (param i32)
        (if (local.get 0) (then
            (call $f (i32.sub (local.get 0) (i32.const 1)))
            (call $f (i32.sub (local.get 0) (i32.const 1))))))
    (func (export "kernel_run") (call $f (i32.const 40))))"#;

fn run_with(wat: &str, change: impl FnOnce(&mut Options)) -> Result<u64, pvm::Error> {
    let mut options = Options {
        metering: Metering::Full,
        ..Options::default()
    };
    change(&mut options);
    let mut machine = Machine::new(&wat::parse_str(wat).unwrap(), options)?;
    let root = machine.durable().root_hash();
    let inbox = Inbox {
        timestamp: 0,
        predecessor: [0; 32],
        messages: Vec::new(),
    };
    let report = machine.run_level(&inbox);
    if report.is_err() {
        assert_eq!(machine.durable().root_hash(), root);
    }
    Ok(report?.runs[0].instructions)
}

#[test]
fn a_run_over_its_limit_is_an_error() {
    for wat in [ENDLESS, CALLS] {
        for interpreted in [false, true] {
            let error = run_with(wat, |options| {
                options.max_instructions = Some(1_000_000);
                if interpreted {
                    options.engine = engine::interpreter();
                }
            });
            let Err(pvm::Error::TooLong { level, run, limit }) = error else {
                panic!("{error:?}");
            };
            assert_eq!((level, run, limit.instructions), (0, 0, 1_000_000));
        }
    }
}

#[test]
fn a_run_within_its_limit_counts_as_without() {
    let few = CALLS.replace("40", "10");
    let counted = run_with(&few, |_| {}).unwrap();
    let limited = |most| run_with(&few, |options| options.max_instructions = Some(most));
    assert_eq!(limited(counted).unwrap(), counted);
    assert!(limited(counted - 5_000).is_err());
}

#[test]
fn a_run_that_nobody_counts_is_counted_when_it_takes_long() {
    let error = run_with(ENDLESS, |options| {
        options.metering = Metering::Off;
        options.max_instructions = Some(1_000_000);
        options.patience = Some(std::time::Duration::from_millis(200));
    });
    assert!(
        matches!(error, Err(pvm::Error::TooLong { .. })),
        "{error:?}"
    );
}
