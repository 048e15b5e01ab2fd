//! Proofs of steps: a short search of what `fuzz step_proofs` and `fuzz proof_size` search for longer.

use fuzz::random::random;
use fuzz::steps;

#[test]
fn a_changed_proof_leads_nowhere_else() {
    for number in 0..4_000 {
        let found = steps::evidence(&random(11, number, 200));
        assert_eq!(found, Ok(()), "case {number}");
    }
}

#[test]
fn no_proof_is_large_whatever_lies_in_storage() {
    for number in 0..200 {
        let found = steps::size(&random(12, number, 400));
        assert_eq!(found, Ok(()), "case {number}");
    }
}
