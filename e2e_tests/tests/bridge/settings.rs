//! Governance changes settings, between two levels.

use super::scene::{ROLLUP, config, rollup, rollup_with, said, send};
use alloy_primitives::{Address, Bytes, U256};
use e2e_tests::layer1::{self, GOVERNANCE};
use e2e_tests::{Rollup, Setup, User};
use evm_kernel::native::governance::{Decision, change, encode};
use storage::Config;
use storage::layout::{CONFIG, SETTINGS};

type Changes = Vec<(Bytes, Bytes)>;

fn message(sender: [u8; 20], rollup: [u8; 20], changes: Changes) -> Vec<u8> {
    let bytes = encode(&Decision::Settings { rollup, changes });
    layer1::governance(ROLLUP, sender, &bytes)
}

fn decide(changes: Changes) -> Vec<u8> {
    message(GOVERNANCE, ROLLUP, changes)
}

fn stored(rollup: &Rollup) -> Config {
    CONFIG.get(rollup.durable(), &()).unwrap().unwrap()
}

fn number(name: &str, value: u64) -> Changes {
    vec![change(name, &value)]
}

#[test]
fn all_settings_change_with_the_next_level() {
    let recipient = Address::repeat_byte(0xfe);
    let mut user = User::new("user");
    let mut rollup = rollup(&[&user]);
    let changes = vec![
        change("block_gas_limit", &20_000_000_u64),
        change("run_budget", &60_000_000_u64),
        change("level_budget", &70_000_000_u64),
        change("queue_bytes", &(1_u64 << 20)),
        change("base_fee_floor", &2_000_000_000_u64),
        change("reassign_after", &20_000_u64),
        change("kept_blocks", &600_u64),
        change("fee_recipient", &recipient),
    ];
    let pay = |user: &mut User| send(user, Address::repeat_byte(9), U256::ONE, Bytes::new());
    let first = pay(&mut user);
    let messages = vec![decide(changes), rollup.simple(&first)];
    let report = rollup.level_of(messages);
    assert!(said(&report, "settings changed"), "{:?}", report.debug);
    // The level itself still had the old ones.
    let (_, header) = rollup.header(rollup.head().number);
    assert_eq!(header.gas_limit, 30_000_000);
    assert_eq!(header.base_fee_per_gas, 1_000_000_000);
    assert_eq!(rollup.account(recipient).balance, U256::ZERO);
    let expected = Config {
        block_gas_limit: 20_000_000,
        run_budget: 60_000_000,
        level_budget: 70_000_000,
        queue_bytes: 1 << 20,
        base_fee_floor: 2_000_000_000,
        reassign_after: 20_000,
        kept_blocks: 600,
        fee_recipient: recipient,
        ..config()
    };
    assert_eq!(stored(&rollup), expected);
    assert_eq!(SETTINGS.get(rollup.durable(), &()).unwrap(), None);
    assert!(!rollup.head().settings);

    let second = pay(&mut user);
    rollup.level(&[second]);
    let (_, header) = rollup.header(rollup.head().number);
    assert_eq!(header.gas_limit, 20_000_000);
    assert_eq!(header.base_fee_per_gas, 2_000_000_000);
    assert_eq!(header.beneficiary, recipient);
    // The priority fee of 1 wei for each unit.
    assert_eq!(rollup.account(recipient).balance, U256::from(21_000));
}

#[test]
fn two_decisions_of_one_level_add_up() {
    let mut rollup = rollup(&[]);
    rollup.level_of(vec![
        decide(number("base_fee_floor", 7)),
        decide(number("kept_blocks", 700)),
        // Refused, and nothing of the others is lost.
        decide(number("kept_blocks", 1)),
    ]);
    let config = stored(&rollup);
    assert_eq!((config.base_fee_floor, config.kept_blocks), (7, 700));
    // The later one holds.
    rollup.level_of(vec![
        decide(number("kept_blocks", 800)),
        decide(number("kept_blocks", 900)),
    ]);
    assert_eq!(stored(&rollup).kept_blocks, 900);
}

#[test]
fn what_is_out_of_bounds_is_refused_and_changes_nothing() {
    let mut rollup = rollup(&[]);
    let both = |name: &str, value: u64| vec![change("kept_blocks", &900_u64), change(name, &value)];
    for (message, reason) in [
        (decide(vec![]), "no setting is named"),
        (decide(both("kept_blocks", 511)), "kept_blocks is 511"),
        (
            decide(both("run_budget", 100_000_001)),
            "run_budget is 100000001",
        ),
        (
            decide(both("run_budget", 74_999_999)),
            "under 2.5 times block_gas_limit",
        ),
        (decide(both("run_budget", 0)), "run_budget is 0"),
        (
            decide(both("level_budget", 150_000_001)),
            "level_budget is 150000001",
        ),
        (decide(both("level_budget", 99_999_999)), "under run_budget"),
        (
            decide(both("block_gas_limit", 16_777_215)),
            "block_gas_limit is 16777215",
        ),
        (
            decide(both("block_gas_limit", 40_000_001)),
            "block_gas_limit is 40000001",
        ),
        (decide(both("base_fee_floor", 0)), "base_fee_floor is 0"),
        (
            decide(both("base_fee_floor", u64::MAX)),
            "base_fee_floor is",
        ),
        (decide(both("queue_bytes", 1)), "queue_bytes is 1"),
        (
            decide(both("reassign_after", 14_399)),
            "reassign_after is 14399",
        ),
        (decide(both("chain_id", 7)), "no setting \"chain_id\""),
        (decide(both("ticketer", 7)), "no setting \"ticketer\""),
        (
            decide(vec![change("fee_recipient", &7_u64)]),
            "fee_recipient is of another form",
        ),
        (
            message(GOVERNANCE, [8; 20], both("kept_blocks", 900)),
            "meant for another rollup",
        ),
        (
            message([0x99; 20], ROLLUP, both("kept_blocks", 900)),
            "its sender may not say this",
        ),
    ] {
        let report = rollup.level_of(vec![message]);
        assert!(said(&report, reason), "{reason}: {:?}", report.debug);
        assert_eq!(stored(&rollup), config());
        assert!(!rollup.head().settings);
        assert_eq!(SETTINGS.get(rollup.durable(), &()).unwrap(), None);
    }
}

#[test]
fn a_trap_on_the_way_changes_all_or_nothing() {
    let rollup = rollup_with(config(), &[]);
    let start = rollup.durable().clone();
    let setup = Setup {
        config: config(),
        ..Setup::default()
    };
    let changed = Config {
        kept_blocks: 900,
        ..config()
    };
    for call in 1.. {
        let mut rollup = Rollup::from_durable(start.clone(), &setup);
        rollup.trap_after(call);
        let report = rollup.level_with_traps(vec![decide(number("kept_blocks", 900))]);
        if !report.runs.iter().any(|run| run.trapped()) {
            // All host calls of the level had their turn.
            assert!(call > 20, "{call}");
            assert_eq!(stored(&rollup), changed);
            return;
        }
        // Whatever the trap took of the level, nothing waits half done.
        rollup.empty_level();
        let now = stored(&rollup);
        assert!(now == changed || now == config(), "call {call}: {now:?}");
        assert!(!rollup.head().settings, "call {call}");
        assert_eq!(SETTINGS.get(rollup.durable(), &()).unwrap(), None);
        rollup.level_of(vec![decide(number("kept_blocks", 900))]);
        assert_eq!(stored(&rollup), changed, "call {call}");
    }
}

#[test]
fn blocks_that_a_lower_setting_outdates_go_two_with_each() {
    let mut rollup = rollup(&[]);
    while rollup.head().number < 530 {
        rollup.empty_level();
    }
    assert_eq!(rollup.head().oldest, 0);
    rollup.level_of(vec![decide(number("kept_blocks", 512))]);
    for blocks in 1..=10 {
        rollup.empty_level();
        assert_eq!(rollup.head().oldest, 2 * blocks);
    }
}
