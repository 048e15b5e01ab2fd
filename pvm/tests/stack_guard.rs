//! A guarded module traps before too many calls are open.

use kernel_module::stack_guard::{FRAMES, Guarded, apply};
use pvm::{Inbox, LevelReport, Machine, Metering, Options, Status, Trap, Version};

fn guarded(functions: &str) -> (Vec<u8>, Guarded) {
    let text = format!(
        r#"(module
          (import "smart_rollup_core" "write_output" (func $output (param i32 i32) (result i32)))
          (memory (export "m") 1) (table 1 funcref) (elem (i32.const 0) $again)
          (type $again (func (param i32) (result i32)))
          (func $again (type $again) (call $recurse (local.get 0)))
          {functions})"#
    );
    apply(&wat::parse_str(text).unwrap(), FRAMES).unwrap()
}

fn levels(wasm: &[u8]) -> [LevelReport; 2] {
    let options = Options {
        version: Version::V0,
        metering: Metering::Full,
        check: Some(pvm::engine::interpreter()),
        ..Options::default()
    };
    let mut machine = Machine::new(wasm, options).unwrap();
    [0, 1].map(|timestamp| {
        let inbox = Inbox {
            timestamp,
            predecessor: [0; 32],
            messages: Vec::new(),
        };
        machine.run_level(&inbox).unwrap()
    })
}

#[test]
fn recursion_without_bound_traps_before_the_limit_and_the_rollup_lives() {
    let recursions = [
        "(func $recurse (param i32) (result i32) (call $recurse (local.get 0)))",
        "(func $recurse (param i32) (result i32) (call $other (local.get 0)))
         (func $other (param i32) (result i32) (i32.add (i32.const 1) (call $recurse (local.get 0))))",
        "(func $recurse (param i32) (result i32)
           (call_indirect (type $again) (local.get 0) (i32.const 0)))",
    ];
    for recursion in recursions {
        let entry = r#"(func (export "kernel_run")
          (drop (call $output (i32.const 0) (i32.const 4)))
          (drop (call $recurse (i32.const 7))))"#;
        let (wasm, figures) = guarded(&format!("{recursion} {entry}"));
        assert_eq!(figures.guarded, 1, "{recursion}");
        for report in levels(&wasm) {
            assert_eq!(report.status, Status::Yielded, "{recursion}");
            assert_eq!(report.runs[0].trap, Some(Trap::Unreachable));
            assert_eq!(report.outbox, [[0; 4]], "what came before the trap is kept");
            let depth = report.runs[0].max_call_depth;
            assert!(depth > FRAMES / 2 && depth <= FRAMES, "{depth} calls");
        }
    }
}

#[test]
fn every_way_out_gives_the_budget_back() {
    // By `return`, by a branch to the outermost label, by a table of them, and at the end.
    let (wasm, _) = guarded(
        r#"(func $recurse (param i32) (result i32)
             (if (i32.eqz (local.get 0)) (then (return (i32.const 1))))
             (block $table
               (block $branch
                 (br_table $branch $table (i32.rem_u (local.get 0) (i32.const 3))))
               (br 1 (call $recurse (i32.sub (local.get 0) (i32.const 1)))))
             (call $recurse (i32.sub (local.get 0) (i32.const 1))))
           (func (export "kernel_run") (local $i i32)
             (loop $next
               (i32.store (i32.const 0) (call $recurse (i32.const 8)))
               (local.set $i (i32.add (local.get $i) (i32.const 1)))
               (br_if $next (i32.lt_u (local.get $i) (i32.const 10000))))
             (drop (call $output (i32.const 0) (i32.const 4))))"#,
    );
    for report in levels(&wasm) {
        assert_eq!(report.runs[0].trap, None);
    }
}

#[test]
fn what_cannot_recurse_is_not_guarded() {
    let (wasm, figures) = guarded(
        r#"(func $recurse (param i32) (result i32) (local.get 0))
           (func (export "kernel_run")
             (drop (call_indirect (type $again) (i32.const 1) (i32.const 0))))"#,
    );
    assert_eq!((figures.guarded, figures.fixed), (0, 3));
    assert_eq!(levels(&wasm)[0].status, Status::Yielded);
}
