//! The compiled kernel step by step: all its calls of the host, and steps in between, are proved and
//! checked.

use alloy_primitives::{TxKind, U256};
use e2e_tests::{Rollup, Setup, User};
use pvm::steps::{Phase, Steps, check};
use solidity_fixtures::erc20;
use std::time::{Duration, Instant};
use storage::Config;

/// Steps between two that are proved, where the host is not called.
const APART: u64 = 30_011;

/// The same, while the kernel is decoded.
const APART_DECODING: u64 = 1_009;

#[derive(Default)]
struct Sizes {
    calls: Vec<usize>,
    others: Vec<usize>,
    between: Vec<usize>,
    decoding: Vec<usize>,
    checking: Duration,
}

/// Proves the next step, and checks the proof.
fn prove(steps: &mut Steps, sizes: &mut Sizes) {
    let (call, phase, before) = (steps.next_call(), steps.phase(), steps.root());
    let evidence = steps.prove().unwrap();
    let after = steps.root();
    let start = Instant::now();
    let checked = check(&evidence, &before, &after);
    sizes.checking += start.elapsed();
    assert_eq!(checked, Ok(()), "step {}, {call:?}", steps.count());
    match call {
        _ if phase == Phase::Decoding => sizes.decoding.push(evidence.proof.len()),
        _ if phase != Phase::Running => sizes.between.push(evidence.proof.len()),
        Some(_) => sizes.calls.push(evidence.proof.len()),
        None => sizes.others.push(evidence.proof.len()),
    }
}

#[test]
fn calls_of_the_host_and_steps_between_them_are_proved() {
    let (mut alice, bob) = (User::new("alice"), User::new("bob"));
    let mut rollup = Rollup::new(&Setup::funded(&[&alice]));
    rollup.empty_level();
    let chain_id = Config::default().chain_id;
    let mut send = |to, input| {
        let transaction = alice.send(chain_id, to, U256::ZERO, input, 2_000_000);
        transaction.encode()
    };
    let token = User::new("alice").address.create(0);
    rollup.level(&[send(TxKind::Create, erc20::deploy(U256::from(1_000)))]);
    let transfers = [1, 2, 3].map(|value| {
        let input = erc20::transfer(bob.address, U256::from(value));
        send(TxKind::Call(token), input)
    });
    let messages = rollup.messages(&transfers);
    let mut steps = rollup.steps(messages.clone());
    let mut sizes = Sizes::default();
    while !steps.phase().is_over() {
        prove(&mut steps, &mut sizes);
        steps.advance_to_call(match steps.phase() {
            Phase::Decoding => APART_DECODING,
            _ => APART,
        });
    }
    assert_eq!(steps.end(), Some(pvm::steps::End::Returned));
    let report = rollup.level_of(messages);
    assert_eq!(report.runs.len(), 1);
    let values = |storage: &pvm::Durable| storage.values("/evm").unwrap();
    assert!(values(&report.durable) == values(steps.durable()));
    sizes.calls.sort_unstable();
    sizes.others.sort_unstable();
    sizes.decoding.sort_unstable();
    let decoding = &sizes.decoding;
    eprintln!(
        "{} steps of {} in which the kernel is decoded: {} bytes in the middle, {} at most",
        decoding.len(),
        steps.first_decoding().1,
        decoding[decoding.len() / 2],
        decoding[decoding.len() - 1],
    );
    assert!(decoding.len() > 500 && decoding[decoding.len() - 1] <= 6_000);
    let (calls, others) = (&sizes.calls, &sizes.others);
    let all = calls.len() + others.len() + decoding.len() + sizes.between.len();
    eprintln!(
        "{} steps, {} instructions; {} calls of the host: {} bytes in the middle, {} at most; \
         {} other steps: {} in the middle, {} at most; {} between runs: {} at most; a check takes {} µs",
        steps.count(),
        steps.instructions(),
        calls.len(),
        calls[calls.len() / 2],
        calls[calls.len() - 1],
        others.len(),
        others[others.len() / 2],
        others[others.len() - 1],
        sizes.between.len(),
        sizes.between.iter().max().unwrap(),
        sizes.checking.as_micros() / all as u128,
    );
    assert!(
        calls.len() > 20 && others.len() > 50,
        "{} and {}",
        calls.len(),
        others.len()
    );
    assert!(calls[calls.len() - 1] <= 24_000 && others[others.len() - 1] <= 24_000);
    assert!(others[others.len() / 2] <= 4_000);
}
