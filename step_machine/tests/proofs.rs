//! Every step can be proved: what is recorded beside a state suffices to make the step without it,
//! leads to the same state, and nothing else is taken for it.

use proptest::prelude::*;
use std::sync::Arc;
use step_machine::{
    Backing, Bounds, End, Event, Hash, Plain, ProofError, Recording, Region, check, decode, step,
};

const BOUNDS: Bounds = Bounds {
    stack: 1 << 16,
    frames: 299,
};

/// Calls, tables, bulk copies, vectors, a memory that grows.
const PROGRAM: &str = r#"(module
  (memory (export "memory") 2 40)
  (table $t 6 40 funcref)
  (table $u 3 funcref)
  (global $g (mut i64) (i64.const 7))
  (global $v (mut v128) (v128.const i64x2 1 2))
  (data (i32.const 65530) "across the end of a page")
  (data $passive "passive bytes that are copied where they are asked for, piece by piece, over a leaf's end")
  (elem (table $t) (i32.const 0) func $double $fib)
  (elem $functions funcref (ref.func $double) (ref.null func) (ref.func $fib))
  (type $unary (func (param i32) (result i32)))
  (func $double (type $unary) (i32.mul (local.get 0) (i32.const 2)))
  (func $fib (type $unary) (local i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 v128)
    (if (result i32) (i32.lt_u (local.get 0) (i32.const 2))
      (then (local.get 0))
      (else (i32.add
        (call $fib (i32.sub (local.get 0) (i32.const 1)))
        (call $fib (i32.sub (local.get 0) (i32.const 2)))))))
  (func (export "kernel_run") (local $i i32) (local $v v128)
    (drop (call $fib (i32.const 5)))
    (i64.store (i32.const 65533) (i64.const 0x1122334455667788))
    (global.set $g (i64.load (i32.const 65531)))
    (memory.init $passive (i32.const 130900) (i32.const 3) (i32.const 80))
    (data.drop $passive)
    (memory.copy (i32.const 130910) (i32.const 130900) (i32.const 62))
    (memory.fill (i32.const 100) (i32.const 0xab) (i32.const 200))
    (drop (memory.grow (i32.const 3)))
    (i32.store8 (i32.const 327679) (i32.const 1))
    (drop (call_indirect $t (type $unary) (i32.const 21) (i32.const 0)))
    (table.init $u $functions (i32.const 0) (i32.const 0) (i32.const 3))
    (table.copy $t $u (i32.const 1) (i32.const 0) (i32.const 3))
    (drop (table.grow $t (ref.null func) (i32.const 19)))
    (table.fill $t (i32.const 4) (ref.func $fib) (i32.const 20))
    (drop (call_indirect $t (type $unary) (i32.const 2) (i32.const 23)))
    (local.set $v (i32x4.add (global.get $v) (i32x4.splat (i32.const 3))))
    (global.set $v (i8x16.shuffle 0 17 2 19 4 21 6 23 8 25 10 27 12 29 14 31 (local.get $v) (global.get $v)))
    (v128.store (i32.const 60) (global.get $v))
    (loop $l
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (block (block (br_table 0 1 0 (i32.rem_u (local.get $i) (i32.const 3)))) (global.set $g (i64.add (global.get $g) (i64.const 1))))
      (br_if $l (i32.lt_u (local.get $i) (i32.const 9))))
    (drop (i32.div_u (i32.const 1) (i32.const 0)))))"#;

fn machine() -> Plain {
    let wasm = wat::parse_str(PROGRAM).unwrap();
    Plain::new(Arc::new(decode(&wasm, "kernel_run").unwrap()), BOUNDS)
}

struct Proved {
    proof: Vec<u8>,
    before: Hash,
    after: Hash,
}

/// Makes the next step, with its proof; `None` once the run is over.
fn next(plain: &mut Plain) -> Option<Proved> {
    if plain.end().is_some() {
        return None;
    }
    let before = plain.root();
    let mut recording = Recording::new(plain);
    let Ok(event) = step(&mut recording);
    assert!(!matches!(event, Event::Call(_)));
    let recorded = recording.finish();
    let proof = plain.proof(&recorded);
    plain.apply(recorded);
    let after = plain.root();
    Some(Proved {
        proof,
        before,
        after,
    })
}

#[test]
fn each_step_of_a_run_is_proved() {
    let mut plain = machine();
    // The same run without proofs.
    let mut alone = machine();
    let mut sizes = Vec::new();
    while let Some(proved) = next(&mut plain) {
        check(&proved.proof, &proved.before, &proved.after).unwrap();
        assert!(proved.before != proved.after);
        sizes.push(proved.proof.len());
        alone.stretch(1);
        if sizes.len().is_multiple_of(7) {
            assert_eq!(alone.root(), proved.after, "step {}", sizes.len());
        }
    }
    assert_eq!(alone.root(), plain.root());
    assert_eq!(plain.end(), Some(End::IntegerDivisionByZero));
    assert_eq!(plain.end(), alone.end());
    sizes.sort_unstable();
    assert!(sizes.len() > 400, "{}", sizes.len());
    eprintln!(
        "{} steps, proofs of {} bytes in the middle, {} at most",
        sizes.len(),
        sizes[sizes.len() / 2],
        sizes[sizes.len() - 1]
    );
    assert!(sizes[sizes.len() / 2] <= 4_000 && sizes[sizes.len() - 1] <= 24_000);
}

#[test]
fn a_state_that_was_saved_goes_on_as_it_did() {
    let (mut plain, mut saved) = (machine(), Vec::new());
    while plain.end().is_none() {
        saved.push((plain.save(), plain.root(), plain.state().steps));
        plain.stretch(37);
    }
    let last = plain.root();
    assert!(saved.len() > 10);
    // Backwards, so that each is of another time than the one before.
    for (state, root, steps) in saved.into_iter().rev() {
        let mut again = state.plain();
        assert_eq!((again.root(), again.state().steps), (root, steps));
        // A save of what was restored is as good.
        again.stretch(11);
        let mut again = again.save().plain();
        let proved = next(&mut again);
        if let Some(proved) = proved {
            check(&proved.proof, &proved.before, &proved.after).unwrap();
        }
        again.stretch(u64::MAX);
        assert_eq!(again.root(), last);
        assert_eq!(again.memory(), plain.memory());
    }
}

#[test]
fn other_code_has_another_root() {
    let mut plain = machine();
    plain.stretch(50);
    let root = plain.root();
    let at = plain.state().pc;
    let Ok(word) = plain.get(Region::Code, at);
    plain.change_code(at, word ^ 1 << 40);
    assert_ne!(plain.root(), root);
    plain.change_code(at, word);
    assert_eq!(plain.root(), root);
}

#[test]
fn a_root_is_that_of_the_content() {
    // Asked for at each step, or at the end alone.
    let (mut often, mut once) = (machine(), machine());
    loop {
        often.root();
        if let Event::Ended(_) = often.stretch(1) {
            break;
        }
    }
    once.stretch(u64::MAX);
    assert_eq!(often.root(), once.root());
}

#[test]
fn another_result_is_refused() {
    let mut plain = machine();
    let first = next(&mut plain).unwrap();
    let second = next(&mut plain).unwrap();
    let refused = check(&first.proof, &first.before, &second.after);
    assert_eq!(refused, Err(ProofError::OtherResult));
    let refused = check(&second.proof, &first.before, &second.after);
    assert_eq!(refused, Err(ProofError::OtherState));
    let mut longer = first.proof.clone();
    longer.push(0);
    assert!(check(&longer, &first.before, &first.after).is_err());
    for len in 0..first.proof.len() {
        assert!(check(&first.proof[..len], &first.before, &first.after).is_err());
    }
}

/// The steps of the run.
fn all() -> Vec<Proved> {
    let mut plain = machine();
    std::iter::from_fn(|| next(&mut plain)).collect()
}

#[test]
fn no_changed_byte_passes() {
    let all = all();
    let mut state = 1_u64;
    for _ in 0..mutations() {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let random = (state >> 16) as usize;
        let proved = &all[random % all.len()];
        let mut proof = proved.proof.clone();
        let at = (random / all.len()) % proof.len();
        proof[at] ^= 1 << (state % 8) | u8::from(state.is_multiple_of(3)) << (state / 8 % 8);
        if proof == proved.proof {
            continue;
        }
        assert!(check(&proof, &proved.before, &proved.after).is_err());
    }
}

/// The number of mutations: `MUTATIONS`, or a few.
fn mutations() -> usize {
    let set = std::env::var("MUTATIONS").ok();
    set.and_then(|set| set.parse().ok()).unwrap_or(2_000)
}

proptest! {
    #[test]
    fn random_bytes_are_no_proof(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        prop_assert!(check(&bytes, &[0; 32], &[1; 32]).is_err());
    }
}
