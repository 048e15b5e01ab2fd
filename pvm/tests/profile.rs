//! Profiles of a run.

use pvm::{Inbox, Machine, Metering, Options, engine};

/// An interpreter of a language with 130 instructions: the first 128 do nothing, 128 calls a
/// function, 129 ends.
const INTERPRETER: &str = r#"(module
    (import "smart_rollup_core" "write_debug" (func (param i32 i32)))
    (memory (export "m") 1)
    (data (i32.const 0) "\01\80\01\80\81")
    (func $called (param i32) (result i32) (i32.mul (local.get 0) (i32.const 2)))
    (func $interpret (result i32) (local $at i32) (local $op i32)
      (loop $next (result i32)
        (local.set $op (i32.load8_u (local.get $at)))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (block $other (block $end (block $call
          (br_table {NOTHING} $call $end $other (local.get $op)))
          (drop (call $called (local.get $at)))
          (br $next))
          (return (i32.const 3)))
        (br $next)))
    (func (export "kernel_run") (drop (call $interpret)) (drop (call $interpret))))"#;

#[test]
fn a_profile_tells_each_arm_of_the_dispatch_and_adds_up() {
    let wasm = wat::parse_str(INTERPRETER.replace("{NOTHING}", &"$other ".repeat(128))).unwrap();
    let run = |metering, engine| {
        let options = Options {
            metering,
            engine,
            ..Options::default()
        };
        let inbox = Inbox {
            timestamp: 0,
            predecessor: [0; 32],
            messages: Vec::new(),
        };
        let mut machine = Machine::new(&wasm, options).unwrap();
        machine.run_level(&inbox).unwrap().runs.swap_remove(0)
    };
    for engine in [engine::fast, engine::interpreter] {
        let plain = run(Metering::Full, engine());
        let profiled = run(Metering::Profile, engine());
        assert_eq!(plain.profile, None);
        assert_eq!(profiled.instructions, plain.instructions);
        assert_eq!(profiled.ticks, plain.ticks);
        let profile = profiled.profile.unwrap();
        assert_eq!(profile.total(), plain.instructions);
        let counts: Vec<(u8, u64)> = profile
            .arms
            .iter()
            .map(|(arm, cost)| (*arm, cost.count))
            .collect();
        assert_eq!(counts, [(1, 4), (128, 4), (129, 2)]);
        let each = |arm: u8| profile.arms[&arm].instructions / profile.arms[&arm].count;
        // Fetching takes 9; the call 4 and its branch, the called function 3.
        assert_eq!(each(1), 1 + 9);
        assert_eq!(each(128), 2 + 1 + 3 + 1 + 9);
    }
}

#[test]
fn a_kernel_without_a_dispatch_is_all_outside() {
    let wasm = wat::parse_str(
        r#"(module (import "smart_rollup_core" "write_debug" (func (param i32 i32)))
            (memory (export "m") 1)
            (func (export "kernel_run") (call 0 (i32.const 0) (i32.const 1))))"#,
    )
    .unwrap();
    let options = Options {
        metering: Metering::Profile,
        ..Options::default()
    };
    let inbox = Inbox {
        timestamp: 0,
        predecessor: [0; 32],
        messages: Vec::new(),
    };
    let mut machine = Machine::new(&wasm, options).unwrap();
    let run = machine.run_level(&inbox).unwrap().runs.swap_remove(0);
    let profile = run.profile.unwrap();
    assert!(profile.arms.is_empty());
    assert_eq!(profile.outside, run.instructions);
}
