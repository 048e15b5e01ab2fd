//! Old blocks leave durable storage, through the compiled kernel.

use alloy_primitives::{B256, Bytes, TxKind, U256};
use e2e_tests::growth::Growth;
use e2e_tests::{Rollup, Setup, User};
use pvm::Durable;
use storage::block::{Receipts, Transactions};
use storage::layout::{CONFIG, HEADERS, RECEIPTS, TRANSACTIONS};
use storage::table::Value;
use storage::{Config, history};

const KEPT: u64 = 512;

/// The paths below a table of the state.
fn paths(rollup: &Rollup, table: &str) -> usize {
    rollup
        .durable()
        .values(format!("/evm/state/{table}"))
        .unwrap()
        .len()
}

fn is_kept(rollup: &Rollup, number: u64) -> [bool; 3] {
    let durable = rollup.durable();
    [
        HEADERS.get(durable, &number).unwrap().is_some(),
        history::transactions(durable, number).unwrap() != Transactions::default(),
        history::receipts(durable, number).unwrap() != Receipts::default(),
    ]
}

#[test]
fn the_state_does_not_grow_with_transfers() {
    let mut growth = Growth::new(KEPT);
    for _ in 0..600 {
        growth.level(1);
    }
    let before = growth.size();
    // Many in a block, as long as they are kept.
    for _ in 0..10 {
        growth.level(300);
    }
    assert!(growth.size().bytes > before.bytes + 300_000);
    for _ in 0..KEPT {
        growth.level(1);
    }
    let after = growth.size();
    assert!(after.is_as_large_as(&before), "{before:?}, {after:?}");

    let rollup = &growth.rollup;
    let number = rollup.head().number;
    assert_eq!(number, 600 + 10 + KEPT);
    assert_eq!(rollup.head().oldest, number + 1 - KEPT);
    assert_eq!(is_kept(rollup, number - KEPT), [false; 3]);
    assert_eq!(is_kept(rollup, number + 1 - KEPT), [true; 3]);
    assert_eq!(is_kept(rollup, number), [true; 3]);
    // Header, transactions and receipts of each, and nothing beside.
    assert_eq!(paths(rollup, "b"), 3 * KEPT as usize);
    assert_eq!((paths(rollup, "t"), paths(rollup, "r")), (0, 0));
}

/// Code that stores the BLOCKHASH of its input in slot 0.
const BLOCKHASH: [u8; 6] = [0x5f, 0x35, 0x40, 0x5f, 0x55, 0x00];

#[test]
fn blockhash_knows_256_blocks_whatever_is_pruned() {
    let mut user = User::new("who asks");
    let mut rollup = Rollup::new(&Setup {
        config: Config {
            kept_blocks: KEPT,
            ..Config::default()
        },
        ..Setup::funded(&[&user])
    });
    rollup.empty_level();
    let give = [0x5f, 0x52, 0x60, 6, 0x60, 26, 0xf3];
    let code = [&[0x65][..], &BLOCKHASH, &give].concat();
    let create = user.send(1337, TxKind::Create, U256::ZERO, code.into(), 200_000);
    rollup.level(&[create.encode()]);
    let contract = user.address.create(0);
    assert_eq!(rollup.code(contract), Bytes::from_static(&BLOCKHASH));
    while rollup.head().number < KEPT + 100 {
        rollup.empty_level();
    }
    for back in [1, 255, 256, 257] {
        let number = rollup.head().number + 1 - back;
        let expected = match back {
            257 => B256::ZERO,
            _ => rollup.header(number).0,
        };
        let input = U256::from(number).to_be_bytes::<32>().to_vec();
        let ask = user.send(
            1337,
            TxKind::Call(contract),
            U256::ZERO,
            input.into(),
            200_000,
        );
        rollup.level(&[ask.encode()]);
        assert_eq!(
            rollup.slot(contract, U256::ZERO),
            U256::from_be_bytes(expected.0),
            "{back}"
        );
    }
}

#[test]
fn pruning_costs_a_block_one_host_call() {
    let mut rollup = Rollup::new(&Setup {
        config: Config {
            kept_blocks: KEPT,
            ..Config::default()
        },
        metering: pvm::Metering::Full,
        ..Setup::default()
    });
    let calls = |rollup: &mut Rollup| -> u64 {
        let report = rollup.empty_level();
        assert_eq!(report.runs.len(), 1);
        report.runs[0].host_calls.values().sum()
    };
    // The first ones meet what the setup left.
    calls(&mut rollup);
    calls(&mut rollup);
    let before = calls(&mut rollup);
    while rollup.head().number < KEPT - 1 {
        assert_eq!(calls(&mut rollup), before);
    }
    assert_eq!(rollup.head().oldest, 0);
    assert_eq!(calls(&mut rollup), before + 1);
    assert_eq!(rollup.head().oldest, 1);
}

/// Makes what a kernel from before layout 2 left: transactions and receipts apart,
/// a head without what came later.
fn make_first(rollup: &mut Rollup) -> Durable {
    let head = rollup.head();
    let mut durable = rollup.durable().clone();
    for number in 0..=head.number {
        for (table, old) in [
            (TRANSACTIONS.path(&number), "t"),
            (RECEIPTS.path(&number), "r"),
        ] {
            let path = table.unwrap().as_path().to_string();
            let to = format!("/evm/state/{old}/{number}");
            if durable.get(&path).unwrap().is_some() {
                durable.move_(&path, &to).unwrap();
            }
        }
    }
    let bytes = head.encode();
    let old = &bytes[..182];
    durable.delete_value("/evm/state/h").unwrap();
    durable.write("/evm/state/h", old).unwrap();
    let mut version = durable.get("/evm/state/v").unwrap().unwrap().to_vec();
    version[..4].copy_from_slice(&1_u32.to_be_bytes());
    durable.write("/evm/state/v", &version).unwrap();
    durable
}

#[test]
fn the_backlog_of_an_older_chain_goes_two_blocks_with_each() {
    let mut growth = Growth::new(KEPT + 2_000);
    for _ in 0..KEPT + 48 {
        growth.level(1);
    }
    let mut durable = make_first(&mut growth.rollup);
    let config = Config {
        kept_blocks: KEPT,
        ..CONFIG.get(&durable, &()).unwrap().unwrap()
    };
    durable.delete_value("/evm/state/o").unwrap();
    durable.write("/evm/state/o", config.encode()).unwrap();
    let newest = growth.rollup.head().number;
    let all = growth.rollup.since(0);
    growth.rollup = Rollup::from_durable(durable, &Setup::default());
    assert_eq!(growth.rollup.head().nested, 0);

    let report = growth.level(1);
    let said = report.debug.concat();
    assert!(said.contains("layout 1 became 2"), "{said}");
    let head = growth.rollup.head();
    assert_eq!((head.nested, head.oldest), (newest + 1, 2));
    // What is kept is read from its old place.
    assert_eq!(is_kept(&growth.rollup, 1), [false; 3]);
    assert_eq!(is_kept(&growth.rollup, 2), [true; 3]);
    assert_eq!(growth.rollup.block(newest), all[all.len() - 1..]);
    assert_eq!(
        (paths(&growth.rollup, "t"), paths(&growth.rollup, "b")),
        (
            newest as usize - 1,
            // Headers 2 to the newest, and the first block with all below it.
            newest as usize - 1 + 3,
        )
    );
    let mut backlog = head.number + 1 - KEPT - head.oldest;
    while backlog > 0 {
        growth.level(1);
        let head = growth.rollup.head();
        let rest = head.number + 1 - KEPT - head.oldest;
        assert_eq!(rest, backlog - 1);
        backlog = rest;
    }
    // One with each from now on, until nothing lies apart.
    while growth.rollup.head().oldest <= newest {
        growth.level(1);
    }
    let rollup = &growth.rollup;
    assert_eq!((paths(rollup, "t"), paths(rollup, "r")), (0, 0));
    assert_eq!(paths(rollup, "b"), 3 * KEPT as usize);
}

#[test]
fn a_block_that_prunes_lands_whole_or_not_at_all() {
    let mut growth = Growth::new(KEPT);
    while growth.rollup.head().number < KEPT + 1 {
        growth.level(1);
    }
    let start = growth.rollup.durable().clone();
    growth.level(1);
    let made = growth.rollup.block(growth.rollup.head().number);
    let transfer = made[0].transaction.raw.to_vec();
    let setup = Setup::default();
    let count = {
        let mut rollup = Rollup::from_durable(
            start.clone(),
            &Setup {
                metering: pvm::Metering::Full,
                ..setup.clone()
            },
        );
        let report = rollup.level(&[&transfer]);
        report.runs[0].host_calls.values().sum::<u64>()
    };
    for call in 1..count {
        let mut rollup = Rollup::from_durable(start.clone(), &setup);
        let message = rollup.simple(&transfer);
        rollup.trap_after(call);
        rollup.level_with_traps(vec![message]);
        let head = rollup.head();
        let oldest = head.number + 1 - KEPT;
        assert_eq!(head.oldest, oldest, "call {call}");
        let blocks = rollup.durable().children("/evm/state/b").unwrap();
        assert_eq!(blocks.len() as u64, KEPT, "call {call}");
        assert_eq!(is_kept(&rollup, oldest - 1), [false; 3], "call {call}");
        assert!(is_kept(&rollup, head.number)[0], "call {call}");
    }
}
