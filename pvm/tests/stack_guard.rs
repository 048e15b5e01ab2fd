//! A guarded module traps before too many calls are open.

use kernel_module::stack_guard::{FRAMES, Guarded, apply, too_deep, unguarded};
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

/// A module whose function calls itself between what takes from a global and what gives back; with
/// the global's first value, more before the call, code behind all, and more functions.
fn spoofed(first: i32, before: &str, behind: &str, more: &str) -> Vec<u8> {
    let text = format!(
        r#"(module
          (memory (export "m") 1)
          (global $left (mut i32) (i32.const {first}))
          (global $other (mut i32) (i32.const 200))
          (func $again
            (global.set $left (i32.sub (global.get $left) (i32.const 2)))
            (if (i32.lt_s (global.get $left) (i32.const 0)) (then unreachable))
            (block {before} (call $again))
            (global.set $left (i32.add (global.get $left) (i32.const 2))) {behind})
          {more}
          (func (export "kernel_run") (call $again)))"#
    );
    wat::parse_str(text).unwrap()
}

/// Code that only looks like a guard is none: a kernel with it would be stuck by one message.
#[test]
fn a_guard_that_does_not_bound_is_none() {
    let sound = spoofed(200, "", "", "");
    assert!(unguarded(&sound).unwrap().is_empty());
    for report in levels(&sound) {
        assert_eq!(report.runs[0].trap, Some(Trap::Unreachable));
    }
    let again = "(global.set $left (i32.const 200))";
    let chain: String = (0..FRAMES)
        .map(|link| format!("(func $f{link} (call $f{}))", link + 1))
        .collect();
    let chain = format!("{chain}(func $f{FRAMES} (call $again))");
    for (name, spoofed) in [
        ("it is set again", spoofed(200, again, "", "")),
        ("it begins with too much", spoofed(i32::MAX, "", "", "")),
        ("a call behind it", spoofed(200, "", "(call $again)", "")),
        (
            "another function sets it",
            spoofed(200, "(call $reset)", "", &format!("(func $reset {again})")),
        ),
        (
            "it returns",
            spoofed(200, "(if (i32.const 0) (then return))", "", ""),
        ),
        (
            "two of them",
            spoofed(
                200,
                "(call $two)",
                "",
                "(func $two
                    (global.set $other (i32.sub (global.get $other) (i32.const 2)))
                    (if (i32.lt_s (global.get $other) (i32.const 0)) (then unreachable))
                    (block (call $two))
                    (global.set $other (i32.add (global.get $other) (i32.const 2))))",
            ),
        ),
        ("many calls between", spoofed(200, "(call $f0)", "", &chain)),
        (
            "it traps at the start",
            spoofed(200, "", "", "(start $again)"),
        ),
    ] {
        assert!(!unguarded(&spoofed).unwrap().is_empty(), "{name}");
        // It gets one that does, where a trap is survived.
        if name == "it traps at the start" {
            continue;
        }
        if let Ok((guarded, _)) = apply(&spoofed, FRAMES) {
            assert!(unguarded(&guarded).unwrap().is_empty(), "{name}");
            let report = &levels(&guarded)[0];
            assert_eq!(report.runs[0].trap, Some(Trap::Unreachable), "{name}");
        }
    }
}

/// Modules of some hundred kilobytes that make a search of all functions by all others long.
#[test]
fn large_modules_are_guarded_soon() {
    let many = 5_000;
    let entry = r#"(memory (export "m") 1) (func (export "kernel_run") (call $f0))"#;
    let next = |one: usize| (one + 1) % many;
    let circle: String = (0..many)
        .map(|one| format!("(func $f{one} (call $f{}))", next(one)))
        .collect();
    let table: String = (0..many).map(|one| format!("$f{one} ")).collect();
    let all: String = (0..many)
        .map(|one| format!("(func $f{one} (call_indirect (i32.const 0)))"))
        .collect();
    let all = format!("(table {many} funcref) (elem (i32.const 0) {table}) {all}");
    let pairs: String = (0..many)
        .map(|one| format!("(func $f{one} (call $f{}))", one ^ 1))
        .collect();
    for functions in [circle, all, pairs] {
        let module = wat::parse_str(format!("(module {functions} {entry})")).unwrap();
        let start = std::time::Instant::now();
        assert!(!unguarded(&module).unwrap().is_empty());
        let (guarded, _) = apply(&module, FRAMES).unwrap();
        assert!(unguarded(&guarded).unwrap().is_empty());
        // It took minutes.
        assert!(start.elapsed().as_secs() < 30, "{:?}", start.elapsed());
    }
    let chain: String = (0..60_000)
        .map(|one| format!("(func $f{one} (call $f{}))", one + 1))
        .collect();
    let text = format!("(module {chain} (func $f60000) {entry})");
    let module = wat::parse_str(text).unwrap();
    assert_eq!(too_deep(&module).unwrap(), Some(60_002));
    assert!(apply(&module, FRAMES).is_err());
}

/// Changes of guarded modules: whatever still counts as guarded is bounded. `MUTATIONS`: how many.
#[test]
fn no_change_of_a_guarded_module_makes_a_guard_that_does_not_bound() {
    let count = std::env::var("MUTATIONS").map_or(4_000, |count| count.parse().unwrap());
    let entry = r#"(func (export "kernel_run") (drop (call $recurse (i32.const 7))))"#;
    let two = "(func $recurse (param i32) (result i32) (call $other (local.get 0)))
        (func $other (param i32) (result i32) (i32.add (i32.const 1) (call $recurse (local.get 0))))";
    let branching = "(func $recurse (param i32) (result i32)
        (block $out (br_if $out (i32.eqz (local.get 0))) (drop (call $again (local.get 0))))
        (return (call_indirect (type $again) (local.get 0) (i32.const 0))))";
    let bases = [two, branching].map(|functions| guarded(&format!("{functions} {entry}")).0);
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut below = |most: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed % most as u64) as usize
    };
    let (mut counted, mut refused) = (0, 0);
    for number in 0..count {
        let mut module = bases[number % bases.len()].clone();
        for _ in 0..=below(3) {
            let at = 8 + below(module.len() - 8);
            module[at] = match below(3) {
                0 => module[8 + below(module.len() - 8)],
                1 => module[at].wrapping_add(1),
                _ => below(256) as u8,
            };
        }
        let version = Version::V0;
        if pvm::check(&module, version).is_err() {
            continue;
        }
        if !unguarded(&module).unwrap().is_empty() || too_deep(&module).unwrap().is_some() {
            refused += 1;
            continue;
        }
        counted += 1;
        let options = Options {
            version,
            metering: Metering::Full,
            max_instructions: Some(100_000),
            ..Options::default()
        };
        let inbox = Inbox {
            timestamp: 0,
            predecessor: [0; 32],
            messages: Vec::new(),
        };
        // One that runs for ever without more calls is cut off.
        let Ok(report) = Machine::new(&module, options).unwrap().run_level(&inbox) else {
            continue;
        };
        assert!(
            !matches!(report.status, Status::Stuck { .. }),
            "{:?}: {}",
            report.status,
            hex::encode(&module)
        );
        for run in report.runs {
            assert!(run.max_call_depth <= FRAMES, "{}", hex::encode(&module));
        }
    }
    println!("{counted} count as guarded, {refused} do not");
    assert!(counted > 20 && refused > 20, "{counted}, {refused}");
}
