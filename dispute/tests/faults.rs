//! Random faults on small levels: the honest side wins each dispute, whoever begins.

use dispute::{Event, Fault, Level, Operator, PlayError, Side, play};
use pvm::{DebugSink, Machine, Options, engine, reveal};
use std::path::PathBuf;

/// Reads all messages, mixes them up, reveals a preimage, keeps and sends what comes of it.
fn kernel() -> Vec<u8> {
    let hash = reveal::hash(PREIMAGE);
    let hash: String = hash.iter().map(|byte| format!("\\{byte:02x}")).collect();
    let text = format!(
        r#"(module
  (import "smart_rollup_core" "read_input" (func $input (param i32 i32 i32) (result i32)))
  (import "smart_rollup_core" "write_output" (func $output (param i32 i32) (result i32)))
  (import "smart_rollup_core" "store_read" (func $read (param i32 i32 i32 i32 i32) (result i32)))
  (import "smart_rollup_core" "store_write" (func $write (param i32 i32 i32 i32 i32) (result i32)))
  (import "smart_rollup_core" "reveal_preimage" (func $preimage (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 3)
  (data (i32.const 0) "/sum")
  (data (i32.const 16) "/kernel/env/reboot")
  (data (i32.const 64) "{hash}")
  (global $sum (mut i64) (i64.const 7))
  (func $mix (param $from i32) (param $len i32)
    (loop $each
      (if (local.get $len) (then
        (local.set $len (i32.sub (local.get $len) (i32.const 1)))
        (global.set $sum (i64.add (i64.mul (global.get $sum) (i64.const 31))
          (i64.load8_u (i32.add (local.get $from) (local.get $len)))))
        (br $each)))))
  (func (export "kernel_run") (local $n i32)
    (drop (call $read (i32.const 0) (i32.const 4) (i32.const 0) (i32.const 1000) (i32.const 8)))
    (global.set $sum (i64.add (global.get $sum) (i64.load (i32.const 1000))))
    (local.set $n (call $input (i32.const 2000) (i32.const 2032) (i32.const 4096)))
    (if (local.get $n) (then
      (call $mix (i32.const 2032) (local.get $n))
      (drop (call $output (i32.const 2032) (local.get $n)))
      (drop (call $write (i32.const 16) (i32.const 18) (i32.const 0) (i32.const 0) (i32.const 1)))))
    (drop (call $preimage (i32.const 64) (i32.const 33) (i32.const 9200) (i32.const 300)))
    (call $mix (i32.const 9200) (i32.const 300))
    (memory.copy (i32.const 70000) (i32.const 9200) (i32.const 300))
    (call $mix (i32.const 70000) (i32.const 200))
    (i64.store (i32.const 1000) (global.get $sum))
    (drop (call $write (i32.const 0) (i32.const 4) (i32.const 0) (i32.const 1000) (i32.const 8)))))"#
    );
    wat::parse_str(text).unwrap()
}

const PREIMAGE: &[u8] = &[77; 300];

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("dispute-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(hex::encode(reveal::hash(PREIMAGE))), PREIMAGE).unwrap();
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn operator(folder: &Folder) -> Operator {
    let options = Options {
        preimages: Some(folder.0.clone()),
        engine: engine::step(),
        debug: DebugSink::Off,
        stack: 1 << 20,
        first_level: 1,
        ..Options::default()
    };
    let level = Level {
        machine: Machine::new(&kernel(), options).unwrap(),
        messages: vec![vec![0, 1], vec![1; 80], (1..=60).collect(), vec![0, 2]],
        most_steps: 1 << 30,
    };
    Operator::new(level, &mut |_| true).unwrap()
}

#[test]
fn the_honest_side_wins_whatever_the_fault_is() {
    let folder = Folder::new("faults");
    let operator = operator(&folder);
    assert_eq!(operator.player().runs(), 5);
    let count = std::env::var("GAMES").map_or(100, |count| count.parse().unwrap());
    let (mut rounds, mut bytes) = (0, 0);
    for seed in 0..count {
        let fault = Fault::ALL[seed as usize % Fault::ALL.len()];
        let mut moves = 0;
        let report = play(&operator, fault, seed, &mut |event| {
            moves += usize::from(matches!(
                event,
                Event::Dissected { .. } | Event::Proved { .. }
            ));
            true
        });
        let report = report.unwrap_or_else(|error| panic!("{fault} {seed}: {error}"));
        assert_eq!(report.winner, Side::Honest, "{fault} {seed}: {report:?}");
        assert_eq!(report.false_messages, 0);
        assert!(report.cemented);
        assert_eq!(report.stakes.won, 5_000_000_000);
        assert_eq!(report.stakes.lost, 10_000_000_000);
        assert_eq!(report.stakes.burned, 5_000_000_000);
        assert_eq!(moves, report.rounds as usize + 1);
        // The step that was proved is the one behind which the two part.
        assert_eq!(report.step, Some(report.fault_step - 1), "{fault} {seed}");
        rounds = rounds.max(report.rounds);
        bytes = bytes.max(report.proof_bytes.unwrap_or_default());
    }
    eprintln!("{count} disputes, {rounds} rounds and proofs of {bytes} bytes at most");
    assert!(rounds <= 5 && bytes <= 24_000);
}

/// Moves and reads values at paths of 240 bytes, and counts up in between.
fn walking_kernel() -> Vec<u8> {
    let text = r#"(module
  (import "smart_rollup_core" "store_move" (func $move (param i32 i32 i32 i32) (result i32)))
  (import "smart_rollup_core" "store_write" (func $write (param i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (global $sum (mut i64) (i64.const 7))
  (func $count (local $n i32)
    (local.set $n (i32.const 20))
    (loop $each
      (global.set $sum (i64.add (i64.mul (global.get $sum) (i64.const 31)) (i64.load (i32.const 1000))))
      (br_if $each (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.store (i32.const 1000) (global.get $sum))
    (drop (call $write (i32.const 256) (i32.const 240) (i32.const 0) (i32.const 1000) (i32.const 8))))
  (func (export "kernel_run")
    (memory.fill (i32.const 0) (i32.const 97) (i32.const 240))
    (memory.fill (i32.const 256) (i32.const 98) (i32.const 240))
    (i32.store8 (i32.const 0) (i32.const 47))
    (i32.store8 (i32.const 256) (i32.const 47))
    (call $count)
    (drop (call $move (i32.const 0) (i32.const 240) (i32.const 256) (i32.const 240)))
    (call $count)
    (drop (call $move (i32.const 256) (i32.const 240) (i32.const 0) (i32.const 240)))
    (call $count)))"#;
    wat::parse_str(text).unwrap()
}

/// A level most of whose steps are those of calls on much of storage.
fn walking() -> Operator {
    let options = Options {
        engine: engine::step(),
        debug: DebugSink::Off,
        stack: 1 << 20,
        first_level: 1,
        ..Options::default()
    };
    let mut machine = Machine::new(&walking_kernel(), options).unwrap();
    for byte in ["a", "b"] {
        let path = format!("/{}", byte.repeat(239));
        for at in 1..path.len() {
            for other in "09AZ_abcdhpz".chars() {
                let beside = format!("{}{other}", &path[..at]);
                machine.durable_mut().write(beside, [1; 64]).unwrap();
            }
        }
        machine.durable_mut().write(path, [1; 64]).unwrap();
    }
    let level = Level {
        machine,
        messages: vec![vec![0, 1], vec![0, 2]],
        most_steps: 1 << 30,
    };
    Operator::new(level, &mut |_| true).unwrap()
}

#[test]
fn the_honest_side_wins_in_the_middle_of_a_call_that_takes_many_steps() {
    let games = || {
        let operator = walking();
        let faults = [Fault::State, Fault::Stack, Fault::Global, Fault::Kernel];
        let mut walked = 0;
        for seed in 0..20 {
            let fault = faults[seed as usize % faults.len()];
            let report = play(&operator, fault, seed, &mut |_| true);
            let report = report.unwrap_or_else(|error| panic!("{fault} {seed}: {error}"));
            assert_eq!(report.winner, Side::Honest, "{fault} {seed}: {report:?}");
            assert_eq!(report.step, Some(report.fault_step - 1), "{fault} {seed}");
            // A proof of a piece of a way.
            walked += u32::from(report.proof_bytes.unwrap_or_default() > 2_500);
        }
        assert!(walked > 3, "{walked}");
    };
    // Without optimization a tree so deep needs it.
    let thread = std::thread::Builder::new().stack_size(64 << 20);
    thread.spawn(games).unwrap().join().unwrap();
}

#[test]
fn a_dispute_is_given_up_when_somebody_says_so() {
    let folder = Folder::new("given-up");
    let operator = operator(&folder);
    let mut left = 5;
    let given_up = play(&operator, Fault::Root, 1, &mut |_| {
        left -= 1;
        left > 0
    });
    assert!(given_up.is_err());
}

#[test]
fn a_level_without_a_place_for_a_fault_says_so() {
    let kernel =
        wat::parse_str(r#"(module (memory (export "memory") 1) (func (export "kernel_run")))"#);
    let options = Options {
        first_level: 1,
        ..Options::default()
    };
    let level = Level {
        machine: Machine::new(&kernel.unwrap(), options).unwrap(),
        messages: vec![vec![0, 1]],
        most_steps: 1_000,
    };
    let operator = Operator::new(level, &mut |_| true).unwrap();
    for fault in [Fault::Preimage, Fault::Skipped, Fault::Inbox] {
        let played = play(&operator, fault, 1, &mut |_| true);
        assert!(matches!(played, Err(PlayError::NoPlace(_))), "{played:?}");
    }
    assert!(matches!(
        play(&operator, Fault::Global, 1, &mut |_| true),
        Err(PlayError::NoEffect(_))
    ));
    let report = play(&operator, Fault::Outbox, 1, &mut |_| true).unwrap();
    assert_eq!(report.winner, Side::Honest);
}
