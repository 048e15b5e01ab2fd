//! A rollup with a bridge.

use alloy_primitives::{Address, Bytes, TxKind, U256};
use e2e_tests::layer1::{self, DELAYED_BRIDGE, GOVERNANCE, TICKETER};
use e2e_tests::{Included, Rollup, Setup, User, events};
use ethereum::transaction::tx_type;
use evm_kernel::native::simulate::{self, Call, Environment, Execution};
use pvm::LevelReport;
use solidity_fixtures::SolValue;
use solidity_fixtures::bridge::native::NativeBridge;
use storage::Config;

/// The rollup's address.
pub(crate) const ROLLUP: [u8; 20] = [7; 20];

/// One mutez in wei.
pub(crate) const MUTEZ: u64 = 1_000_000_000_000;

pub(crate) fn config() -> Config {
    Config {
        ticketer: Some(TICKETER),
        delayed_bridge: Some(DELAYED_BRIDGE),
        kernel_governance: Some(GOVERNANCE),
        ..Config::default()
    }
}

/// A rollup with a bridge where these users have 100,000 units each, after its
/// first level.
pub(crate) fn rollup(users: &[&User]) -> Rollup {
    rollup_with(config(), users)
}

/// As [`rollup`], with another configuration.
pub(crate) fn rollup_with(config: Config, users: &[&User]) -> Rollup {
    let mut rollup = Rollup::new(&Setup {
        config,
        ..Setup::funded(users)
    });
    rollup.empty_level();
    rollup
}

/// The inbox message of a native deposit.
pub(crate) fn deposit(routing: &[u8], mutez: u64) -> Vec<u8> {
    layer1::native_deposit(ROLLUP, routing, mutez)
}

/// A transaction of `user`'s with 1,000,000 gas.
pub(crate) fn send(user: &mut User, to: Address, value: U256, input: Bytes) -> Vec<u8> {
    let signed = user.send(1337, TxKind::Call(to), value, input, 1_000_000);
    signed.encode()
}

/// Deploys a contract; `user` pays.
pub(crate) fn deploy(rollup: &mut Rollup, user: &mut User, code: Bytes) -> Address {
    let number = rollup.head().number;
    let address = user.address.create(user.nonce);
    let signed = user.send(1337, TxKind::Create, U256::ZERO, code, 5_000_000);
    rollup.level(&[signed.encode()]);
    assert!(rollup.since(number)[0].receipt.success);
    address
}

/// The number that a call returns, from the newest state.
pub(crate) fn ask(rollup: &Rollup, to: Address, input: Bytes) -> U256 {
    U256::abi_decode(&answer(rollup, to, input)).expect("a number")
}

/// The output of a call, on the newest state.
pub(crate) fn answer(rollup: &Rollup, to: Address, input: Bytes) -> Bytes {
    let environment = Environment::of_head(rollup.durable()).expect("a head");
    let call = Call {
        to: Some(to),
        gas_limit: 1_000_000,
        input,
        ..Call::default()
    };
    let outcome = simulate::call(rollup.durable(), &environment, &call);
    let executed = outcome.expect("readable").executed();
    executed.expect("a legal call").output
}

/// The result of a call with wei, on the newest state.
pub(crate) fn try_call(
    rollup: &Rollup,
    from: Address,
    to: Address,
    value: U256,
    input: Bytes,
) -> Execution {
    let environment = Environment::of_head(rollup.durable()).expect("a head");
    let call = Call {
        from,
        to: Some(to),
        gas_limit: 16_000_000,
        value,
        input,
        ..Call::default()
    };
    let outcome = simulate::call(rollup.durable(), &environment, &call);
    let executed = outcome.expect("readable").executed();
    executed.expect("a legal call")
}

/// The deposits among the transactions that are included after `number`.
pub(crate) fn deposits(rollup: &Rollup, number: u64) -> Vec<Included> {
    let all = rollup.since(number).into_iter();
    all.filter(|included| included.transaction.raw[0] == tx_type::DEPOSIT)
        .collect()
}

/// The levels and ids of the deposits that were kept.
pub(crate) fn kept(included: &[Included]) -> Vec<(u64, u64)> {
    let kept = events::<NativeBridge::DepositKept>(included).into_iter();
    kept.map(|event| (event.inboxLevel.to(), event.inboxMsgId.to()))
        .collect()
}

/// The kernel's log.
pub(crate) fn said(report: &LevelReport, text: &str) -> bool {
    report.debug.iter().any(|line| line.contains(text))
}
