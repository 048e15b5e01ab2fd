//! Kernels with much of what makes proofs large: each step in which one is decoded has a small proof, and the
//! judge comes to an end whatever it is shown.

use blake2::{Blake2b, Digest, digest::consts::U32};
use pvm::steps::{Evidence, Hash, Judge, Phase};
use pvm::{DebugSink, Machine, Options, engine};
use std::fmt::Write;
use std::time::{Duration, Instant};

/// The most bytes of a proof of decoding.
const MOST: usize = 12_000;

/// Wide types, many locals, deep blocks, long tables of branches, many calls of what comes later, many names,
/// segments of all kinds.
fn unusual() -> Vec<u8> {
    let wide = "i32 v128 i64 funcref externref ".repeat(200);
    let values: String = (0..200)
        .map(|number| {
            format!(
                "(i32.const {number}) (v128.const i64x2 1 {number}) (i64.const {number}) (ref.func $f0) (ref.null extern) "
            )
        })
        .collect();
    let mut text = format!(
        r#"(module
  (import "smart_rollup_core" "store_has" (func $has (param i32 i32) (result i32)))
  (type $wide (func (param {wide}) (result v128)))
  (memory (export "memory") 3 500)
  (table $funcs 400 funcref)
  (table $things 3 100 externref)
  (table $more 10 funcref)
  (elem $passive funcref (ref.func $f0) (ref.null func) (ref.func $last))
  (elem declare func $f2)
  (global $v (mut v128) (v128.const i64x2 3 4))
  (global $f funcref (ref.func $f1))
  (data $later "passive bytes")
  (start $start)
  (func $start (call $quiet))
  (func $quiet (drop (i32.const 7)))
  (func (export "kernel_run")
    (drop (call $has (i32.const 0) (i32.const 0)))
    (call $last)
    (drop (call $wide {values})))
  (func $wide (type $wide) (local.get 1))
"#
    );
    for number in 0..300 {
        let next = (number * 7 + 11) % 300;
        write!(
            text,
            r#"(func $f{number} (export "a rather long name of a function, so that it takes two steps: {number}")
  (param i32 i64) (result i32) (call $f{next} (local.get 0) (local.get 1)))
  (type (func (param i32 i64) (param {})))
"#,
            "i32 ".repeat(number % 40)
        )
        .unwrap();
    }
    let locals = "(local i32) (local v128 i64) ".repeat(600);
    let targets: String = (0..300).map(|depth| format!("{depth} ")).collect();
    write!(
        text,
        "(func $last {locals}
  (local.set 1500 (i32.const 5)) (local.set 1201 (v128.const i64x2 5 6))
  {} (br_table {targets} (local.get 1500)) {}
  (if (local.get 0) (then (return)) (else (br 0))))",
        "(block ".repeat(300),
        ")".repeat(300),
    )
    .unwrap();
    write!(
        text,
        "(elem (table $funcs) (i32.const 30) func {})",
        "$f7 ".repeat(300)
    )
    .unwrap();
    for at in [0, 7, 65_530, 100_001] {
        write!(text, r#"(data (i32.const {at}) "{}")"#, "data ".repeat(80)).unwrap();
    }
    text.push(')');
    let mut wasm = wat::parse_str(&text).unwrap();
    // A custom section whose name is long, of characters of three bytes.
    let name = "名".repeat(3_000);
    let leb = |number: usize| {
        [
            (number & 0x7f | 0x80) as u8,
            (number >> 7 & 0x7f | 0x80) as u8,
            (number >> 14) as u8,
        ]
    };
    wasm.push(0);
    wasm.extend(leb(name.len() + 3));
    wasm.extend(leb(name.len()));
    wasm.extend(name.as_bytes());
    wasm
}

fn machine(kernel: &[u8]) -> Machine {
    let options = Options {
        engine: engine::step(),
        debug: DebugSink::Off,
        first_level: 1,
        ..Options::default()
    };
    Machine::new(kernel, options).unwrap()
}

/// Proves steps of a level's decoding, all but so many behind each; gives the bytes of the proofs.
fn sizes_of(machine: &mut Machine, left_out: u64) -> Vec<usize> {
    let judge = Judge {
        facts: machine.facts(),
    };
    let mut steps = machine.steps(Vec::new()).unwrap();
    let (mut sizes, mut longest, mut all) = (Vec::new(), Duration::ZERO, Duration::ZERO);
    while !steps.phase().is_over() {
        let (phase, before) = (steps.phase(), steps.root());
        let evidence = steps.prove().unwrap();
        let after = steps.root();
        let check = || {
            let start = Instant::now();
            assert_eq!(judge.follow(&evidence, &before), Ok(after), "{phase:?}");
            start.elapsed()
        };
        let mut time = check();
        if phase == Phase::Decoding {
            // Once more, in case that another process came in between.
            for _ in 0..5 {
                if time > Duration::from_millis(1) {
                    time = time.min(check());
                }
            }
            sizes.push(evidence.proof.len());
            longest = longest.max(time);
            all += time;
            if steps.phase() == Phase::Decoding {
                steps.advance_to_call(left_out);
            }
        } else if steps.phase() == Phase::Running {
            steps.advance_to_call(1 << 20);
        }
    }
    sizes.sort_unstable();
    let most = sizes[sizes.len() - 1];
    eprintln!(
        "{} steps of decoding: {} bytes in the middle, {most} at most; a check takes {:?}, {longest:?} at most",
        sizes.len(),
        sizes[sizes.len() / 2],
        all / sizes.len() as u32,
    );
    let report = machine.run_messages(Vec::new()).unwrap();
    assert_eq!(steps.claim().unwrap().durable, report.durable_root());
    assert_eq!(steps.runs(), 1);
    sizes
}

#[test]
fn a_kernel_of_unusual_parts_has_small_proofs() {
    let sizes = sizes_of(&mut machine(&unusual()), 0);
    assert!(sizes.len() > 5_000 && sizes[sizes.len() - 1] <= 6_000);
}

/// Paths that part from that of the kernel at each bit at which paths can.
#[test]
fn what_lies_beside_a_kernel_makes_no_large_proofs() {
    let mut machine = machine(&unusual());
    let path = "/kernel/boot.wasm";
    for at in 1..path.len() {
        for byte in ('-'..='z').filter(|byte| byte.is_ascii_alphanumeric() || "-._".contains(*byte))
        {
            if path[at..].starts_with(byte) {
                continue;
            }
            let beside = format!("{}{byte}", &path[..at]);
            machine.durable_mut().write(beside, [1; 64]).unwrap();
        }
    }
    let sizes = sizes_of(&mut machine, 6);
    assert!(sizes[sizes.len() - 1] <= MOST);
}

/// States of decoding that two liars may agree on, and that no module comes to.
#[test]
fn states_that_no_module_comes_to_do_not_hold_the_judge_up() {
    let mut seed = 3_u64;
    let mut random = move || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 24) as u32
    };
    let machine = machine(&unusual());
    let judge = Judge {
        facts: machine.facts(),
    };
    // The proof of a step, with other numbers in the state of decoding.
    let mut steps = machine.steps(Vec::new()).unwrap();
    let mut followed = 0;
    let numbers = [0, 1, 2, 33, 64, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];
    while steps.phase() != Phase::Running {
        let phase = steps.phase();
        let evidence = steps.prove().unwrap();
        if phase != Phase::Decoding {
            continue;
        }
        steps.advance_to_call(97);
        for _ in 0..20 {
            let mut proof = evidence.proof.clone();
            for _ in 0..=random() % 3 {
                let at = 266 + 4 * (random() as usize % 67);
                let number = match random() % 4 {
                    0 => random(),
                    1 => random() % 32,
                    _ => numbers[random() as usize % numbers.len()],
                };
                proof[at..at + 4].copy_from_slice(&number.to_le_bytes());
            }
            let Ok((draft, _)) = step_machine::decoding::PartialDraft::decode(&proof[266..]) else {
                continue;
            };
            let mut hasher = Blake2b::<U32>::new();
            hasher.update([0x20]);
            hasher.update(draft.root());
            hasher.update(&proof[234..266]);
            hasher.update(&proof[..234]);
            let before: Hash = hasher.finalize().into();
            let start = Instant::now();
            followed += u32::from(judge.follow(&Evidence { proof }, &before).is_ok());
            assert!(start.elapsed() < Duration::from_secs(2));
        }
    }
    assert!(followed > 500, "{followed}");
}
