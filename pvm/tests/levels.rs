//! The level protocol, on small kernels written for the purpose.

use crate::imports::STORE;
use pvm::engine::{self, Trap};
use pvm::reveal::RevealError;
use pvm::{
    DebugSink, Durable, Error, Inbox, Kernel, LevelReport, Machine, Metering, Options, Status,
    Version,
};

/// A module with the imports that the probes use, a memory with `data` at 0,
/// and `body` as `kernel_run`.
fn kernel(data: &str, body: &str) -> Vec<u8> {
    let text = format!(
        r#"(module
  (import "smart_rollup_core" "read_input" (func $read_input (param i32 i32 i32) (result i32)))
  (import "smart_rollup_core" "write_output" (func $write_output (param i32 i32) (result i32)))
  (import "smart_rollup_core" "write_debug" (func $write_debug (param i32 i32)))
  {STORE}
  (import "smart_rollup_core" "reveal_preimage" (func $preimage (param i32 i32 i32 i32) (result i32)))
  (import "smart_rollup_core" "reveal_metadata" (func $metadata (param i32 i32) (result i32)))
  (memory 2) (export "memory" (memory 0))
  (data (i32.const 0) "{data}")
  (func (export "kernel_run") (local $i i32) {body}))"#
    );
    wat::parse_str(text).unwrap()
}

fn machine(wasm: &[u8], options: Options) -> Machine {
    Machine::new(
        wasm,
        Options {
            debug: DebugSink::Capture,
            // Each of these runs is one on both engines.
            check: Some(engine::interpreter()),
            ..options
        },
    )
    .unwrap()
}

fn inbox(messages: &[&[u8]]) -> Inbox {
    let messages = messages.iter().map(|message| message.to_vec()).collect();
    Inbox {
        timestamp: 3,
        predecessor: [5; 32],
        messages,
    }
}

fn run(machine: &mut Machine, messages: &[&[u8]]) -> LevelReport {
    machine.run_level(&inbox(messages)).unwrap()
}

fn value(machine: &Machine, path: &str) -> Option<Vec<u8>> {
    machine
        .durable()
        .get(path)
        .unwrap()
        .map(|value| value.to_vec())
}

/// Sends every message that it reads to the outbox, with 8 bytes of level and
/// index before it.
const ECHO: &str = "(loop $next
    (local.set $i (call $read_input (i32.const 1000) (i32.const 1008) (i32.const 4096)))
    (if (local.get $i) (then
      (drop (call $write_output (i32.const 1000) (i32.add (i32.const 8) (local.get $i))))
      (br $next))))";

#[test]
fn a_level_is_wrapped_in_what_layer_1_adds() {
    let options = Options {
        first_level: 7,
        ..Options::default()
    };
    let mut machine = machine(&kernel("", ECHO), options);
    let report = run(&mut machine, &[b"\x01hi"]);
    let message = |index: u8, bytes: &[u8]| [&[7, 0, 0, 0, index, 0, 0, 0], bytes].concat();
    let info = [&[0, 3, 0, 0, 0, 0, 0, 0, 0, 3][..], &[5; 32]].concat();
    assert_eq!(
        report.outbox,
        [
            message(0, &[0, 1]),
            message(1, &info),
            message(2, b"\x01hi"),
            message(3, &[0, 2])
        ]
    );
    assert_eq!((report.level, machine.level()), (7, 8));
    assert_eq!(report.status, Status::Yielded);
}

#[test]
fn a_message_longer_than_the_buffer_loses_its_end() {
    let body = "(drop (call $read_input (i32.const 0) (i32.const 8) (i32.const 1)))
      (drop (call $write_output (i32.const 0) (i32.add (i32.const 8)
        (call $read_input (i32.const 0) (i32.const 8) (i32.const 4096)))))";
    let report = run(&mut machine(&kernel("", body), Options::default()), &[]);
    assert_eq!(report.outbox[0][4], 1, "the second message comes next");
}

#[test]
fn a_buffer_that_ends_where_the_memory_ends_is_refused() {
    for (dst, expected) in [(131_072 - 100, -6_i32), (131_072 - 101, 2)] {
        let body = format!(
            "(i32.store (i32.const 100)
               (call $read_input (i32.const 0) (i32.const {dst}) (i32.const 100)))
             (drop (call $write_output (i32.const 100) (i32.const 4)))"
        );
        let report = run(&mut machine(&kernel("", &body), Options::default()), &[]);
        assert_eq!(report.outbox[0], expected.to_le_bytes());
    }
}

#[test]
fn unread_messages_are_kept_by_a_reboot_and_dropped_by_a_yield() {
    // Reads one message; reboots as long as the path /again is absent, which
    // it makes when it has read an external message.
    let body = "
      (local.set $i (call $read_input (i32.const 1000) (i32.const 1008) (i32.const 4096)))
      (drop (call $write_output (i32.const 1000) (i32.add (i32.const 8) (local.get $i))))
      (if (i32.eqz (i32.load8_u (i32.const 1008)))
        (then (drop (call $write (i32.const 0) (i32.const 18) (i32.const 0) (i32.const 0) (i32.const 0)))))";
    let mut machine = machine(&kernel("/kernel/env/reboot", body), Options::default());
    let report = run(&mut machine, &[b"\x01one", b"\x01two"]);
    assert_eq!(report.runs.len(), 3);
    let indices: Vec<u8> = report.outbox.iter().map(|message| message[4]).collect();
    assert_eq!(indices, [0, 1, 2]);
    let report = run(&mut machine, &[b"\x01three"]);
    assert_eq!(report.outbox[2][8..], *b"\x01three", "two is gone");
}

#[test]
fn the_reboot_counter_falls_and_the_flag_is_absent_at_entry() {
    // Writes the counter and what lies at the flag's path to the outbox.
    let data = "/kernel/env/reboot/readonly/kernel/env/reboot_counter";
    let body = "
      (drop (call $read (i32.const 18) (i32.const 35) (i32.const 0) (i32.const 100) (i32.const 4)))
      (i32.store (i32.const 104) (call $has (i32.const 0) (i32.const 18)))
      (drop (call $write_output (i32.const 100) (i32.const 8)))
      (if (i32.gt_s (i32.load (i32.const 100)) (i32.const 998))
        (then (drop (call $write (i32.const 0) (i32.const 18) (i32.const 0) (i32.const 0) (i32.const 3)))))";
    let mut machine = machine(&kernel(data, body), Options::default());
    let counter = "/readonly/kernel/env/reboot_counter";
    assert_eq!(value(&machine, counter), None, "before the first level");
    for _ in 0..2 {
        let report = run(&mut machine, &[]);
        let seen: Vec<i64> = report
            .outbox
            .iter()
            .map(|bytes| i64::from_le_bytes(bytes.as_slice().try_into().unwrap()))
            .collect();
        assert_eq!(seen, [1000, 999, 998]);
        assert_eq!(value(&machine, counter).unwrap(), 1001_i32.to_le_bytes());
    }
}

#[test]
fn the_flag_of_too_many_reboots_lasts_until_a_normal_yield() {
    // Reboots forever at level 0; later just says whether it sees the flag.
    let data = "/kernel/env/reboot/readonly/kernel/env/too_many_reboot";
    let body = "
      (drop (call $read_input (i32.const 100) (i32.const 108) (i32.const 4096)))
      (if (i32.load (i32.const 100))
        (then (i32.store (i32.const 104) (call $has (i32.const 18) (i32.const 36)))
              (drop (call $write_output (i32.const 104) (i32.const 4))))
        (else (drop (call $write (i32.const 0) (i32.const 18) (i32.const 0) (i32.const 0) (i32.const 0)))))";
    let mut machine = machine(&kernel(data, body), Options::default());
    let report = run(&mut machine, &[]);
    assert_eq!(
        (report.runs.len(), report.status),
        (1001, Status::TooManyReboots)
    );
    for seen in [1_u8, 0] {
        let report = run(&mut machine, &[]);
        assert_eq!(report.status, Status::Yielded);
        assert_eq!(report.outbox, [[seen, 0, 0, 0]]);
    }
}

#[test]
fn a_trap_keeps_writes_messages_and_the_reboot_flag() {
    // First run: flag, message, write, trap. Second: says what it sees.
    let data = "/kernel/env/reboot/readonly/kernel/env/stuck/x";
    let body = "
      (i32.store (i32.const 100) (call $has (i32.const 18) (i32.const 26)))
      (drop (call $write_output (i32.const 100) (i32.const 4)))
      (if (i32.eqz (i32.load (i32.const 100))) (then
        (drop (call $write (i32.const 0) (i32.const 18) (i32.const 0) (i32.const 0) (i32.const 0)))
        (drop (call $write (i32.const 44) (i32.const 2) (i32.const 0) (i32.const 0) (i32.const 1)))
        (drop (i32.div_u (i32.const 1) (i32.load (i32.const 200))))))";
    let mut machine = machine(&kernel(data, body), Options::default());
    let report = run(&mut machine, &[]);
    assert_eq!(report.runs.len(), 2);
    assert_eq!(report.runs[0].trap, Some(Trap::IntegerDivisionByZero));
    assert!(!report.runs[1].trapped());
    assert_eq!(report.outbox, [[0, 0, 0, 0], [1, 0, 0, 0]]);
    assert_eq!(value(&machine, "/x").unwrap(), b"/");
    assert_eq!(
        value(&machine, "/readonly/kernel/env/stuck"),
        None,
        "a good run removes it"
    );
}

#[test]
fn memory_does_not_survive_a_run() {
    let body = "
      (drop (call $write_output (i32.const 100) (i32.const 4)))
      (i32.store (i32.const 100) (i32.const 9))";
    let mut machine = machine(&kernel("", body), Options::default());
    for _ in 0..2 {
        assert_eq!(run(&mut machine, &[]).outbox, [[0; 4]]);
    }
}

#[test]
fn a_kernel_upgrades_itself_at_the_next_run() {
    // Moves /next onto itself and reboots.
    let data = "/kernel/boot.wasm/next/kernel/env/reboot";
    let body = "
      (drop (call $move (i32.const 17) (i32.const 5) (i32.const 0) (i32.const 17)))
      (drop (call $write (i32.const 22) (i32.const 18) (i32.const 0) (i32.const 0) (i32.const 0)))";
    let first = kernel(data, body);
    let next = kernel("", ECHO);
    let mut machine = machine(&first, Options::default());
    machine.durable_mut().write("/next", &next).unwrap();
    let report = run(&mut machine, &[]);
    assert_eq!(
        (report.runs.len(), report.outbox.len()),
        (2, 3),
        "the new one reads the inbox"
    );
    assert_eq!(value(&machine, "/kernel/boot.wasm").unwrap(), next);
    assert_eq!(value(&machine, "/readonly/kernel/boot.wasm").unwrap(), next);
}

#[test]
fn an_invalid_upgrade_is_undone_and_the_level_is_lost() {
    let data = "/kernel/boot.wasm/next/kernel/env/reboot";
    let body = format!(
        "(if (call $has (i32.const 17) (i32.const 5)) (then
          (drop (call $move (i32.const 17) (i32.const 5) (i32.const 0) (i32.const 17)))
          (drop (call $write (i32.const 22) (i32.const 18) (i32.const 0) (i32.const 0) (i32.const 0))))
        (else {ECHO}))"
    );
    let good = kernel(data, &body);
    for bad in [&b"no module"[..], &wat::parse_str("(module (memory 1) (func (export \"kernel_run\")))").unwrap(),
        &wat::parse_str("(module (memory (export \"m\") 1) (data (i32.const 65536) \"x\") (func (export \"kernel_run\")))").unwrap(),
        &wat::parse_str("(module (import \"smart_rollup_core\" \"store_exists\" (func (param i32 i32) (result i32))) (memory (export \"m\") 1) (func $s (drop (call 0 (i32.const 0) (i32.const 1)))) (start $s) (func (export \"kernel_run\")))").unwrap(),
    ] {
        let mut machine = machine(&good, Options::default());
        machine.durable_mut().write("/next", bad).unwrap();
        let report = run(&mut machine, &[b"\x01lost"]);
        assert!(matches!(report.status, Status::UpgradeFailed { .. }), "{:?}", report.status);
        assert_eq!((report.runs.len(), report.outbox.len()), (1, 0));
        assert_eq!(value(&machine, "/kernel/boot.wasm").unwrap(), good);
        assert!(machine.durable().get("/readonly/kernel/env/upgrade_error").unwrap().is_some());
        let report = run(&mut machine, &[b"\x01next"]);
        assert_eq!((report.runs.len(), report.outbox.len()), (1, 4));
        assert_eq!(machine.durable().get("/readonly/kernel/env/upgrade_error").unwrap(), None);
    }
}

#[test]
fn an_upgrade_without_an_entry_point_is_the_end() {
    let data = "/kernel/boot.wasm/next";
    let body = "(drop (call $move (i32.const 17) (i32.const 5) (i32.const 0) (i32.const 17)))";
    let mut machine = machine(&kernel(data, body), Options::default());
    let bad = wat::parse_str("(module (memory (export \"m\") 1))").unwrap();
    machine.durable_mut().write("/next", bad).unwrap();
    assert_eq!(run(&mut machine, &[]).status, Status::Yielded);
    let report = run(&mut machine, &[]);
    assert!(
        matches!(report.status, Status::Stuck { .. }),
        "{:?}",
        report.status
    );
    assert!(machine.stuck().unwrap().contains("kernel_run"));
}

#[test]
fn a_migration_message_changes_the_version() {
    let wasm = wat::parse_str(
        r#"(module (import "smart_rollup_core" "store_exists" (func (param i32 i32) (result i32)))
            (memory (export "m") 1) (func (export "kernel_run")))"#,
    )
    .unwrap();
    let old = Options {
        version: Version::V1,
        ..Options::default()
    };
    let refused = Machine::new(&wasm, old.clone()).unwrap_err().to_string();
    assert!(
        refused.contains("store_exists") && refused.contains("2.0.0-r2"),
        "{refused}"
    );

    let mut machine = machine(&kernel("", ""), old);
    assert_eq!(
        value(&machine, "/readonly/wasm_version").unwrap(),
        b"2.0.0-r1"
    );
    run(&mut machine, &[b"\0\x04\0\0\0\x0aoxford_018"]);
    assert_eq!(machine.version(), Version::V2);
    assert_eq!(
        value(&machine, "/readonly/wasm_version").unwrap(),
        b"2.0.0-r2"
    );
    run(&mut machine, &[b"\0\x04\0\0\0\x0aoxford_019"]);
    assert_eq!(
        machine.version(),
        Version::V2,
        "an unknown name changes nothing"
    );
}

#[test]
fn the_outbox_of_a_level_takes_100_messages() {
    let body = "(loop $next
      (i32.store (i32.const 0) (call $write_output (i32.const 0) (i32.const 4)))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $i) (i32.const 101))))
      (call $write_debug (i32.const 0) (i32.const 1))";
    let mut machine = machine(&kernel("", body), Options::default());
    for _ in 0..2 {
        let report = run(&mut machine, &[]);
        assert_eq!(report.outbox.len(), 100);
        // −11, of which the debug line shows the lowest byte, no UTF-8.
        assert_eq!(report.debug, ["\u{fffd}"]);
    }
}

#[test]
fn an_outbox_message_longer_than_4096_bytes_is_refused() {
    let body = "(i32.store (i32.const 0) (call $write_output (i32.const 0) (i32.const 4097)))
      (drop (call $write_output (i32.const 0) (i32.const 4096)))";
    let report = run(&mut machine(&kernel("", body), Options::default()), &[]);
    assert_eq!(report.outbox.len(), 1);
    assert_eq!(report.outbox[0][..4], (-7_i32).to_le_bytes());
    assert_eq!(report.outbox[0].len(), 4096);
}

#[test]
fn the_metadata_are_address_and_origination_level() {
    let body = "(drop (call $write_output (i32.const 0)
        (call $metadata (i32.const 0) (i32.const 100))))";
    let options = Options {
        rollup: [8; 20],
        origination_level: 123_456,
        ..Options::default()
    };
    let report = run(&mut machine(&kernel("", body), options), &[]);
    // The layout of the vector "reveal_metadata answer" in hashes.json.
    assert_eq!(
        report.outbox,
        [[&[8; 20][..], &[0, 1, 0xe2, 0x40]].concat()]
    );
}

#[test]
fn preimages_come_from_their_folder_and_a_missing_one_undoes_the_level() {
    let folder = std::env::temp_dir().join(format!("pvm-levels-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let hash = pvm::reveal::hash(b"secret");
    let data: String = b"/x"
        .iter()
        .chain(&hash)
        .map(|byte| format!("\\{byte:02x}"))
        .collect();
    let body = "
      (drop (call $write (i32.const 0) (i32.const 2) (i32.const 0) (i32.const 0) (i32.const 2)))
      (drop (call $write_output (i32.const 100)
        (call $preimage (i32.const 2) (i32.const 33) (i32.const 100) (i32.const 4096))))
      (drop (call $write_output (i32.const 100)
        (call $preimage (i32.const 2) (i32.const 32) (i32.const 100) (i32.const 4096))))";
    let options = Options {
        preimages: Some(folder.clone()),
        ..Options::default()
    };
    let mut machine = machine(&kernel(&data, body), options);
    let before = machine.durable().root_hash();
    let missing = machine.run_level(&inbox(&[])).unwrap_err();
    assert!(
        matches!(missing, Error::Reveal(RevealError::Unreadable { .. })),
        "{missing}"
    );
    assert_eq!(
        (machine.durable().root_hash(), machine.level()),
        (before, 0)
    );

    std::fs::write(folder.join(hex::encode(hash)), b"secret").unwrap();
    let report = run(&mut machine, &[]);
    assert_eq!(
        report.outbox,
        [b"secret".to_vec(), Vec::new()],
        "what is not a hash has no bytes"
    );
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn a_move_onto_a_checkpoint_records_the_storage_of_that_moment() {
    let data = "/staging/state";
    let body = "(loop $next
      (i32.store (i32.const 100) (local.get $i))
      (drop (call $write (i32.const 0) (i32.const 8) (i32.const 0) (i32.const 100) (i32.const 4)))
      (drop (call $move (i32.const 0) (i32.const 8) (i32.const 8) (i32.const 6)))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $i) (i32.const 3))))";
    let options = Options {
        checkpoints: vec!["/state".to_owned()],
        ..Options::default()
    };
    let report = run(&mut machine(&kernel(data, body), options), &[]);
    let states: Vec<u8> = report
        .checkpoints
        .iter()
        .map(|durable: &Durable| durable.get("/state").unwrap().unwrap().to_vec()[0])
        .collect();
    assert_eq!(states, [0, 1, 2]);
}

#[test]
fn host_calls_and_bytes_are_counted_by_run() {
    let data = "/value";
    let body = "
      (drop (call $read_input (i32.const 1000) (i32.const 1008) (i32.const 4096)))
      (drop (call $write (i32.const 0) (i32.const 6) (i32.const 0) (i32.const 0) (i32.const 100)))
      (drop (call $write (i32.const 0) (i32.const 6) (i32.const 200) (i32.const 0) (i32.const 100)))
      (drop (call $read (i32.const 0) (i32.const 6) (i32.const 90) (i32.const 0) (i32.const 2000)))
      (drop (call $write_output (i32.const 0) (i32.const 7)))";
    let options = Options {
        metering: Metering::Full,
        ..Options::default()
    };
    let mut machine = machine(&kernel(data, body), options);
    for _ in 0..2 {
        let report = run(&mut machine, &[]);
        let run = &report.runs[0];
        let calls: Vec<_> = run
            .host_calls
            .iter()
            .map(|(name, count)| (name.as_str(), *count))
            .collect();
        assert_eq!(
            calls,
            [
                ("read_input", 1),
                ("store_read", 1),
                ("store_write", 2),
                ("write_output", 1)
            ]
        );
        assert_eq!((run.bytes_read, run.bytes_written), (2 + 10, 100 + 7));
        assert_eq!(run.max_call_depth, 1);
    }
}

#[test]
fn the_same_levels_give_the_same_storage_with_and_without_metering() {
    let data = "/a/b";
    let body = "
      (i32.store (i32.const 100) (call $read_input (i32.const 1000) (i32.const 1008) (i32.const 4096)))
      (drop (call $write (i32.const 0) (i32.const 4) (i32.const 0) (i32.const 100) (i32.const 4)))
      (drop (call $copy (i32.const 0) (i32.const 4) (i32.const 0) (i32.const 2)))";
    let wasm = kernel(data, body);
    let roots: Vec<[u8; 32]> = [Metering::Off, Metering::Full]
        .into_iter()
        .map(|metering| {
            let mut machine = machine(
                &wasm,
                Options {
                    metering,
                    ..Options::default()
                },
            );
            run(&mut machine, &[]);
            run(&mut machine, &[]).durable_root()
        })
        .collect();
    assert_eq!(roots[0], roots[1]);
}

#[test]
fn loading_a_kernel_again_gives_the_same_one() {
    let wasm = kernel("", ECHO);
    let first = Kernel::load(&wasm, Version::V5).unwrap();
    let again = Kernel::load(&wasm, Version::V5).unwrap();
    assert!(std::sync::Arc::ptr_eq(&first, &again));
}

#[test]
fn a_storage_goes_on_where_another_machine_left_it() {
    let mut one = machine(&kernel("", ECHO), Options::default());
    run(&mut one, &[b"\x01a"]);
    let options = Options {
        first_level: one.level(),
        ..Options::default()
    };
    let mut two = Machine::from_durable(one.durable().clone(), options).unwrap();
    assert_eq!(
        run(&mut one, &[b"\x01b"]).outbox,
        run(&mut two, &[b"\x01b"]).outbox
    );
    assert_eq!(one.durable(), two.durable());
}

#[test]
fn arguments_are_checked_in_the_order_of_the_machine() {
    // Each call's answer goes to the outbox as i32.
    let calls = [
        // A path that is too long is refused before memory is looked at.
        ("(call $has (i32.const -1) (i32.const 241))", -1),
        ("(call $has (i32.const -1) (i32.const 2))", -6),
        ("(call $has (i32.const 131071) (i32.const 2))", -6),
        ("(call $has (i32.const 0) (i32.const -1))", -8),
        ("(call $has (i32.const 0) (i32.const 1))", -2),
        ("(call $has (i32.const 0) (i32.const 0))", 2),
        (
            "(i32.wrap_i64 (call $list (i32.const 0) (i32.const 1)))",
            -2,
        ),
        ("(i32.wrap_i64 (call $list (i32.const 0) (i32.const 0)))", 2),
        (
            "(call $read (i32.const 0) (i32.const 2) (i32.const 0) (i32.const 0) (i32.const 2049))",
            -7,
        ),
        (
            "(call $read (i32.const 0) (i32.const 2) (i32.const 0) (i32.const 0) (i32.const 1))",
            -3,
        ),
        (
            "(call $write (i32.const 0) (i32.const 2) (i32.const 0) (i32.const 0) (i32.const -1))",
            -5,
        ),
        (
            "(call $write (i32.const 0) (i32.const 0) (i32.const 0) (i32.const -1) (i32.const 1))",
            -6,
        ),
        (
            "(call $write (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 2049))",
            -9,
        ),
        (
            "(call $write (i32.const 0) (i32.const 2) (i32.const 1) (i32.const 0) (i32.const 2049))",
            -7,
        ),
        (
            "(call $write (i32.const 0) (i32.const 2) (i32.const 1) (i32.const 0) (i32.const 1))",
            -4,
        ),
        (
            "(call $write (i32.const 0) (i32.const 2) (i32.const 0) (i32.const 0) (i32.const 9))",
            0,
        ),
        (
            "(call $read (i32.const 0) (i32.const 2) (i32.const -1) (i32.const 0) (i32.const 1))",
            -4,
        ),
        (
            "(call $read (i32.const 0) (i32.const 2) (i32.const 0) (i32.const 131070) (i32.const 9))",
            -6,
        ),
        (
            "(call $read (i32.const 0) (i32.const 2) (i32.const 0) (i32.const 131063) (i32.const 9))",
            9,
        ),
        ("(call $size (i32.const 0) (i32.const 2))", 9),
        (
            "(call $nth (i32.const 0) (i32.const 2) (i64.const 0) (i32.const 0) (i32.const 9))",
            0,
        ),
        (
            "(call $nth (i32.const 0) (i32.const 2) (i64.const 1) (i32.const 0) (i32.const 9))",
            -12,
        ),
        (
            "(call $move (i32.const 0) (i32.const 2) (i32.const 0) (i32.const 0))",
            -9,
        ),
        (
            "(call $copy (i32.const 0) (i32.const 0) (i32.const 2) (i32.const 2))",
            0,
        ),
        ("(call $delete (i32.const 0) (i32.const 2))", 0),
        ("(call $delete (i32.const 0) (i32.const 0))", -9),
        (
            "(call $preimage (i32.const 0) (i32.const 4097) (i32.const 0) (i32.const 9))",
            -7,
        ),
        (
            "(call $preimage (i32.const -1) (i32.const 33) (i32.const 0) (i32.const 9))",
            -6,
        ),
        ("(call $metadata (i32.const 131070) (i32.const 2))", 2),
        ("(call $write_output (i32.const 131070) (i32.const 3))", -6),
        ("(call $write_output (i32.const -1) (i32.const -1))", -8),
        (
            "(call $write (i32.const 0) (i32.const 2) (i32.const -1) (i32.const 0) (i32.const 1))",
            -8,
        ),
        (
            "(call $read_input (i32.const 131064) (i32.const 0) (i32.const 1))",
            -6,
        ),
    ];
    let body: String = calls
        .iter()
        .map(|(call, _)| {
            format!(
                "(i32.store (i32.const 1000) {call})
                 (drop (call $write_output (i32.const 1000) (i32.const 4)))"
            )
        })
        .collect();
    let report = run(
        &mut machine(&kernel("/x/c", &body), Options::default()),
        &[],
    );
    assert_eq!(report.outbox.len(), calls.len());
    for ((call, expected), answer) in calls.iter().zip(&report.outbox) {
        assert_eq!(*answer, i32::to_le_bytes(*expected), "{call}");
    }
}

#[test]
fn generic_reveals_are_answered_by_their_tags() {
    // The payloads of hashes.json, and what they give here: the empty preimage, metadata, and
    // nothing for the data availability layer, which is not enabled.
    let file: serde_json::Value =
        serde_json::from_str(include_str!("vectors/hashes.json")).unwrap();
    let payload = |name: &str| {
        let vectors = file["vectors"].as_array().unwrap();
        let vector = vectors
            .iter()
            .find(|vector| vector["name"] == name)
            .unwrap();
        hex::decode(vector["hex"].as_str().unwrap()).unwrap()
    };
    let options = Options {
        rollup: [8; 20],
        origination_level: 3,
        ..Options::default()
    };
    let metadata = [&[8; 20][..], &[0, 0, 0, 3]].concat();
    for (name, answer) in [
        (
            "generic reveal payload: raw data for the empty preimage",
            Vec::new(),
        ),
        ("generic reveal payload: metadata", metadata),
        (
            "generic reveal payload: DAL page level 1000 slot 3 page 15",
            Vec::new(),
        ),
        ("generic reveal payload: DAL parameters", Vec::new()),
    ] {
        let payload = payload(name);
        let data: String = payload.iter().map(|byte| format!("\\{byte:02x}")).collect();
        let wasm = wat::parse_str(format!(
            r#"(module
              (import "smart_rollup_core" "reveal" (func $reveal (param i32 i32 i32 i32) (result i32)))
              (import "smart_rollup_core" "write_output" (func $out (param i32 i32) (result i32)))
              (memory (export "memory") 1) (data (i32.const 0) "{data}")
              (func (export "kernel_run") (drop (call $out (i32.const 100)
                (call $reveal (i32.const 0) (i32.const {}) (i32.const 100) (i32.const 4096))))))"#,
            payload.len()
        ))
        .unwrap();
        assert_eq!(
            run(&mut machine(&wasm, options.clone()), &[]).outbox,
            [answer],
            "{name}"
        );
    }
    let empty = payload("well-known reveal hash (0x00 ++ blake2b256 of empty)");
    assert_eq!(pvm::reveal::hash(b"").as_slice(), empty);
}

#[test]
fn what_the_real_node_does_not_survive_sticks_the_rollup() {
    for call in [
        "(call $metadata (i32.const 131070) (i32.const 3))",
        "(call $metadata (i32.const 0) (i32.const -1))",
        "(call $nth (i32.const 0) (i32.const 0) (i64.const 0) (i32.const 0) (i32.const -1))",
    ] {
        let body = format!("(drop {call}) (drop (call $write_output (i32.const 0) (i32.const 1)))");
        let mut machine = machine(&kernel("", &body), Options::default());
        for _ in 0..2 {
            let report = run(&mut machine, &[]);
            assert!(matches!(report.status, Status::Stuck { .. }), "{call}");
            assert_eq!(report.outbox, [] as [Vec<u8>; 0]);
        }
    }
}

#[test]
fn a_malformed_migration_sticks_the_rollup_before_it_runs() {
    let mut machine = machine(&kernel("", ECHO), Options::default());
    let report = machine.run_messages(vec![b"\0\x04\0\0\0\x01ab".to_vec()]);
    let report = report.unwrap();
    assert!(matches!(report.status, Status::Stuck { .. }));
    assert_eq!(report.runs, []);
    assert!(machine.stuck().is_some());
}

#[test]
fn the_new_durable_storage_is_not_enabled() {
    let wasm = wat::parse_str(
        r#"(module
          (import "smart_rollup_core" "write_output" (func $out (param i32 i32) (result i32)))
          (import "smart_rollup_core" "nds_registry_resize" (func $resize (param i64) (result i32)))
          (memory (export "memory") 1)
          (func (export "kernel_run")
            (i32.store (i32.const 0) (call $resize (i64.const 1)))
            (drop (call $out (i32.const 0) (i32.const 4)))))"#,
    )
    .unwrap();
    assert!(
        Machine::new(&wasm, Options::default()).is_err(),
        "it came with r6"
    );
    let options = Options {
        version: Version::V6,
        ..Options::default()
    };
    let report = run(&mut machine(&wasm, options), &[]);
    assert!(matches!(report.status, Status::Stuck { .. }));
    assert_eq!(report.outbox, [] as [Vec<u8>; 0]);
}

/// A kernel that talks without end is heard so far, and its level says what is left out.
#[test]
fn what_a_level_says_is_kept_up_to_a_bound() {
    let text = r#"(module
      (import "smart_rollup_core" "write_debug" (func $say (param i32 i32)))
      (memory 16) (export "memory" (memory 0))
      (func (export "kernel_run") (local $left i32)
        (local.set $left (i32.const 100))
        (loop $again
          (call $say (i32.const 0) (i32.const 400000))
          (local.set $left (i32.sub (local.get $left) (i32.const 1)))
          (br_if $again (local.get $left)))))"#;
    let options = Options {
        debug: DebugSink::Capture,
        ..Options::default()
    };
    let mut machine = Machine::new(&wat::parse_str(text).unwrap(), options).unwrap();
    let inbox = Inbox {
        timestamp: 0,
        predecessor: [0; 32],
        messages: Vec::new(),
    };
    for _ in 0..2 {
        let report = machine.run_level(&inbox).unwrap();
        let (last, kept) = report.debug.split_last().unwrap();
        let kept: usize = kept.iter().map(String::len).sum();
        assert!(
            kept <= pvm::MAX_DEBUG && kept > pvm::MAX_DEBUG - 500_000,
            "{kept}"
        );
        let lost = 100 * 400_000 - kept;
        assert_eq!(
            *last,
            format!("… {lost} bytes more of this level are left out\n")
        );
    }
}
