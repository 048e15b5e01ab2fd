//! The compiled kernel on the fast VM and on the interpreter at once: every host
//! call, durable root, outbox and line of the log is compared, and what differs
//! is an error of the level. `make engines` asks the rollup node's own engine.

use alloy_primitives::{Address, Bytes, TxKind, U256};
use e2e_tests::layer1::{self, TICKETER};
use e2e_tests::{Build, Rollup, Setup, User};
use solidity_fixtures::{bridge::native, counter, erc20, precompiles, recursion};
use storage::Config;

const GAS: u64 = 2_000_000;
const TARGET: &str = "tz1Ke2h7sDdakHJQh8WX4Z372du1KChsksyU";

fn rollup(users: &[&User], build: Build) -> Rollup {
    Rollup::new(&Setup {
        config: Config {
            ticketer: Some(TICKETER),
            ..Config::default()
        },
        build,
        check: Some(pvm::engine::interpreter()),
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
    let (mut alice, mut bob) = (User::new("alice"), User::new("bob"));
    let mut rollup = rollup(&[&alice, &bob], Build::Shipped);
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
    let mut alice = User::new("alice");
    let mut rollup = rollup(&[&alice], Build::Shipped);
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
