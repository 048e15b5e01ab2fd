//! The compiled kernel on the fast VM and on another engine at once, the interpreter and the step
//! machine: every host call, durable root, outbox and line of the log is compared, and what differs
//! is an error of the level. `make engines` asks the rollup node's own engine.

use alloy_primitives::{Address, Bytes, TxKind, U256, address};
use e2e_tests::folder::Folder;
use e2e_tests::layer1::{self, GOVERNANCE, TICKETER};
use e2e_tests::{Build, Rollup, Setup, User, kernel};
use pvm::engine::{self, Engine};
use solidity_fixtures::{bridge::native, counter, erc20, precompiles, recursion};
use std::sync::Arc;
use storage::Config;
use storage::config::Revision;

/// The engines that run each level beside the fast VM.
fn others() -> [Arc<dyn Engine>; 2] {
    [engine::interpreter(), engine::step()]
}

const GAS: u64 = 2_000_000;
const TARGET: &str = "tz1Ke2h7sDdakHJQh8WX4Z372du1KChsksyU";
const NOBODY: Address = Address::repeat_byte(0xbb);
/// The address at which the build for tests of traps traps; see `traps.rs` of the kernel.
const POISON: Address = address!("7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e");

fn rollup(users: &[&User], build: Build, other: &Arc<dyn Engine>) -> Rollup {
    Rollup::new(&Setup {
        config: Config {
            ticketer: Some(TICKETER),
            ..Config::default()
        },
        build,
        check: Some(Arc::clone(other)),
        ..Setup::funded(users)
    })
}

fn send(user: &mut User, to: TxKind, value: u64, input: Bytes) -> Vec<u8> {
    let chain_id = Config::default().chain_id;
    user.send(chain_id, to, U256::from(value), input, GAS)
        .encode()
}

#[test]
fn contracts_run_alike() {
    others().iter().for_each(contracts_run_alike_on);
}

fn contracts_run_alike_on(other: &Arc<dyn Engine>) {
    let (mut alice, mut bob) = (User::new("alice"), User::new("bob"));
    let mut rollup = rollup(&[&alice, &bob], Build::Shipped, other);
    rollup.empty_level();
    let deployed = [
        erc20::deploy(U256::from(1_000)),
        counter::deploy(),
        recursion::deploy(),
        precompiles::deploy(),
    ];
    let contracts: Vec<Address> = (0..4).map(|nonce| alice.address.create(nonce)).collect();
    let raws: Vec<_> = deployed
        .into_iter()
        .map(|code| send(&mut alice, TxKind::Create, 0, code))
        .collect();
    rollup.level(&raws);
    let [token, counter, recursion, precompiles] = contracts[..] else {
        panic!("four contracts");
    };
    let before = rollup.head().number;
    rollup.level(&[
        send(
            &mut alice,
            TxKind::Call(token),
            0,
            erc20::transfer(bob.address, U256::from(7)),
        ),
        // More than he has.
        send(
            &mut bob,
            TxKind::Call(token),
            0,
            erc20::transfer(alice.address, U256::from(8)),
        ),
        send(&mut bob, TxKind::Call(counter), 0, counter::increment()),
        send(&mut bob, TxKind::Call(counter), 0, counter::divide(0)),
        send(&mut bob, TxKind::Call(alice.address), 5, Bytes::new()),
        send(&mut alice, TxKind::Call(recursion), 0, recursion::dive(60)),
        vec![0xc0, 1, 2],
    ]);
    let asked: Vec<_> = (1..=17)
        .map(|number| {
            let input = precompiles::ask(number, 100_000, &[number as u8; 213]);
            send(&mut alice, TxKind::Call(precompiles), 0, input)
        })
        .collect();
    rollup.level(&asked);
    let included = rollup.since(before);
    assert_eq!(included.len(), 6 + 17);
    let succeeded = included.iter().filter(|one| one.receipt.success).count();
    assert!(succeeded >= 4 + 15, "{succeeded}");
}

#[test]
fn the_bridge_runs_alike() {
    others().iter().for_each(the_bridge_runs_alike_on);
}

fn the_bridge_runs_alike_on(other: &Arc<dyn Engine>) {
    let mut alice = User::new("alice");
    let mut rollup = rollup(&[&alice], Build::Shipped, other);
    rollup.empty_level();
    let address = Setup::default().address;
    let deposit = layer1::native_deposit(address, alice.address.as_slice(), 1_000);
    rollup.level_of(vec![deposit]);
    let withdrawal = native::withdraw(TARGET);
    // Twelve decimals more than layer 1 has.
    let value = 500 * 1_000_000_000_000;
    let raw = send(&mut alice, TxKind::Call(native::ADDRESS), value, withdrawal);
    let report = rollup.level(&[raw]);
    assert_eq!(report.outbox.len(), 1);
}

#[test]
fn many_runs_of_a_level_run_alike() {
    others().iter().for_each(many_runs_of_a_level_run_alike_on);
}

fn many_runs_of_a_level_run_alike_on(other: &Arc<dyn Engine>) {
    let mut alice = User::new("alice");
    let mut rollup = Rollup::new(&Setup {
        config: Config {
            block_gas_limit: 1_000_000,
            run_budget: 2_000_000,
            level_budget: 4_000_000,
            ..Config::default()
        },
        check: Some(Arc::clone(other)),
        ..Setup::funded(&[&alice])
    });
    rollup.empty_level();
    // INVALID burns all gas.
    let burns: Vec<_> = (0..6)
        .map(|_| {
            let (code, chain_id) = (Bytes::from(vec![0xfe]), Config::default().chain_id);
            let burn = alice.send(chain_id, TxKind::Create, U256::ZERO, code, 900_000);
            burn.encode()
        })
        .collect();
    let report = rollup.level(&burns);
    assert!(report.runs.len() > 1, "{} runs", report.runs.len());
    // What was over the level's budget.
    rollup.empty_level();
    rollup.empty_level();
    assert_eq!(rollup.since(0).len(), 6);
}

#[test]
fn traps_run_alike() {
    others().iter().for_each(traps_run_alike_on);
}

fn traps_run_alike_on(other: &Arc<dyn Engine>) {
    let mut alice = User::new("alice");
    let mut rollup = rollup(&[&alice], Build::Traps, other);
    rollup.empty_level();
    let raws =
        [NOBODY, POISON, NOBODY].map(|to| send(&mut alice, TxKind::Call(to), 0, Bytes::new()));
    let messages = raws
        .iter()
        .flat_map(|raw| evm_kernel::inputs::encode::messages(&Setup::default().address, raw));
    let report = rollup.level_with_traps(messages.collect());
    let trapped = report.runs.iter().filter(|run| run.trapped()).count();
    // It traps, it traps under its mark, it is charged.
    assert_eq!(trapped, 2);
    let included = rollup.since(0);
    let succeeded: Vec<_> = included.iter().map(|one| one.receipt.success).collect();
    assert_eq!(succeeded, [true, false, true]);
}

#[test]
fn calls_as_deep_as_the_evm_goes_run_alike() {
    others()
        .iter()
        .for_each(calls_as_deep_as_the_evm_goes_run_alike_on);
}

fn calls_as_deep_as_the_evm_goes_run_alike_on(other: &Arc<dyn Engine>) {
    let mut alice = User::new("alice");
    // Without the gas cap of Osaka (EIP-7825), and with gas for 63/64 of 63/64 …
    let gas = 1 << 40;
    let mut rollup = Rollup::new(&Setup {
        config: Config {
            block_gas_limit: gas,
            revisions: vec![(0, Revision::Prague)],
            ..Config::default()
        },
        balances: vec![(alice.address, U256::MAX >> 1)],
        check: Some(Arc::clone(other)),
        ..Setup::default()
    });
    rollup.empty_level();
    rollup.level(&[send(&mut alice, TxKind::Create, 0, recursion::deploy())]);
    let contract = TxKind::Call(alice.address.create(0));
    let chain_id = Config::default().chain_id;
    let dive = alice.send(chain_id, contract, U256::ZERO, recursion::dive(5_000), gas);
    rollup.level(&[dive.encode()]);
    let included = rollup.block(rollup.head().number);
    let reached = &included[0].receipt.logs[0].data.data[32..];
    assert_eq!(U256::from_be_slice(reached), U256::from(1024));
}

#[test]
fn an_upgrade_runs_alike() {
    others().iter().for_each(an_upgrade_runs_alike_on);
}

fn an_upgrade_runs_alike_on(other: &Arc<dyn Engine>) {
    let pages = Folder::new("engines");
    let mut alice = User::new("alice");
    let mut rollup = Rollup::new(&Setup {
        config: Config {
            kernel_governance: Some(GOVERNANCE),
            ..Config::default()
        },
        preimages: Some(pages.0.clone()),
        check: Some(Arc::clone(other)),
        ..Setup::funded(&[&alice])
    });
    rollup.empty_level();
    // A custom section at its end: other bytes that do the same.
    let new = [&kernel()[..], &[0, 6, 5], b"other"].concat();
    let root = pages.publish(&new);
    let address = Setup::default().address;
    rollup.level_of(vec![layer1::upgrade(address, GOVERNANCE, &root, 0)]);
    let installed = rollup
        .durable()
        .get("/kernel/boot.wasm")
        .unwrap()
        .expect("a kernel");
    assert!(installed.to_vec() == new, "the old kernel is there");
    rollup.level(&[send(&mut alice, TxKind::Call(NOBODY), 1, Bytes::new())]);
    assert_eq!(rollup.account(NOBODY).balance, U256::ONE);
}
