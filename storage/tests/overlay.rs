//! A block's view: one read for each cold thing, and a diff of what changed,
//! no more and no less.

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use host::mock::MockHost;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use storage::commit::{self, Block};
use storage::diff::{AccountChange, AccountDiff};
use storage::overlay::Touched;
use storage::{Account, Diff, Head, Overlay};

fn address(index: u8) -> Address {
    Address::repeat_byte(0xa0 + index)
}

fn code(index: u8) -> (B256, Bytes) {
    let bytes = vec![index + 1; [1, 2047, 2048][usize::from(index)]];
    (keccak256(&bytes), bytes.into())
}

/// An account with its slots, zero slots left out.
type Known = (Account, BTreeMap<U256, U256>);

fn account() -> impl Strategy<Value = Account> {
    (1..3_u64, 0..3_u64, proptest::option::of(0..3_u8)).prop_map(|(nonce, balance, index)| {
        Account {
            nonce,
            balance: U256::from(balance),
            code_hash: index.map_or(Account::default().code_hash, |index| code(index).0),
        }
    })
}

fn slots() -> impl Strategy<Value = BTreeMap<U256, U256>> {
    btree_map(
        (0..4_u8).prop_map(U256::from),
        (0..3_u8).prop_map(U256::from),
        0..4,
    )
}

fn world() -> impl Strategy<Value = BTreeMap<u8, Known>> {
    btree_map(0..4_u8, (account(), slots()), 0..4)
}

/// A host that holds `world`.
fn host(world: &BTreeMap<u8, Known>) -> MockHost {
    let mut host = MockHost::default();
    let accounts = world.iter().map(|(index, (account, slots))| AccountDiff {
        address: address(*index),
        account: AccountChange::Set(*account),
        had_code: false,
        cleared: false,
        slots: slots.clone().into_iter().collect(),
    });
    let block = Block {
        head: Head::default(),
        diff: Diff {
            accounts: accounts.collect(),
            code: (0..3).map(code).collect(),
        },
        ..Block::default()
    };
    commit::block(&mut host, &block).unwrap();
    host
}

/// The contents of `host`'s tables, empty accounts and zero slots left out.
fn read(host: &MockHost) -> BTreeMap<u8, Known> {
    let mut overlay = Overlay::new(host);
    let mut world = BTreeMap::new();
    for index in 0..4 {
        let account = overlay.account(address(index)).unwrap();
        let slots: BTreeMap<_, _> = (0..4_u8)
            .map(U256::from)
            .map(|slot| (slot, overlay.slot(address(index), slot).unwrap()))
            .filter(|(_, value)| !value.is_zero())
            .collect();
        match account {
            Some(account) => {
                world.insert(index, (account, slots));
            }
            None => assert_eq!(slots, BTreeMap::new(), "slots without an account"),
        }
    }
    world
}

/// The fate of an account in a block.
#[derive(Clone, Debug)]
enum Fate {
    /// It is looked at, and ends as it was.
    Same,
    /// It ends as this, its slots changed by these.
    Becomes(Account, BTreeMap<U256, U256>),
    /// It is destroyed and made anew.
    Reborn(Account, BTreeMap<U256, U256>),
    Gone,
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        Just(Fate::Same),
        (account(), slots()).prop_map(|(account, slots)| Fate::Becomes(account, slots)),
        (account(), slots()).prop_map(|(account, slots)| Fate::Reborn(account, slots)),
        Just(Fate::Gone),
    ]
}

/// The engine's report of `fate`, after looking at account and slots.
fn touched(overlay: &mut Overlay<'_, MockHost>, index: u8, fate: &Fate) -> Touched {
    let address = address(index);
    let before = overlay.account(address).unwrap();
    let looked: BTreeMap<_, _> = (0..4_u8)
        .map(U256::from)
        .map(|slot| (slot, overlay.slot(address, slot).unwrap()))
        .collect();
    let with = |changed: &BTreeMap<U256, U256>| {
        let mut slots = looked.clone();
        slots.extend(changed.clone());
        slots.into_iter().collect()
    };
    let known = |account: &Account| {
        (0..3)
            .map(code)
            .find(|(hash, _)| *hash == account.code_hash)
    };
    let base = Touched {
        address,
        account: before.map_or(AccountChange::Delete, AccountChange::Set),
        cleared: false,
        code: None,
        slots: looked.clone().into_iter().collect(),
    };
    match fate {
        Fate::Same => base,
        Fate::Becomes(account, slots) => Touched {
            account: AccountChange::Set(*account),
            code: known(account),
            slots: with(slots),
            ..base
        },
        Fate::Reborn(account, slots) => Touched {
            account: AccountChange::Set(*account),
            code: known(account),
            cleared: true,
            slots: slots.clone().into_iter().collect(),
            ..base
        },
        Fate::Gone => Touched {
            account: AccountChange::Delete,
            slots: vec![],
            ..base
        },
    }
}

/// The result of `fates` on `world`.
fn after(world: &BTreeMap<u8, Known>, fates: &BTreeMap<u8, Fate>) -> BTreeMap<u8, Known> {
    let mut world = world.clone();
    for (index, fate) in fates {
        match fate {
            Fate::Same => {}
            Fate::Becomes(account, slots) => {
                let known = world.entry(*index).or_default();
                known.0 = *account;
                known.1.extend(slots.clone());
            }
            Fate::Reborn(account, slots) => {
                world.insert(*index, (*account, slots.clone()));
            }
            Fate::Gone => {
                world.remove(index);
            }
        }
    }
    for (_, slots) in world.values_mut() {
        slots.retain(|_, value| !value.is_zero());
    }
    world
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_diff_makes_the_world_after_and_writes_no_more(
        world in world(),
        fates in btree_map(0..4_u8, fate(), 0..4),
    ) {
        let mut world = world;
        for (_, slots) in world.values_mut() {
            slots.retain(|_, value| !value.is_zero());
        }
        let mut host = host(&world);
        prop_assert_eq!(read(&host), world.clone());

        let mut overlay = Overlay::new(&host);
        // Any order will do.
        let touched = fates.iter().rev().map(|(index, fate)| touched(&mut overlay, *index, fate));
        let touched = touched.collect();
        let diff = overlay.diff(touched);

        for pair in diff.accounts.windows(2) {
            prop_assert!(pair[0].address < pair[1].address, "address order");
        }
        for change in &diff.accounts {
            let index = (0..4).find(|index| address(*index) == change.address).unwrap();
            let before = world.get(&index);
            prop_assert_eq!(change.had_code, before.is_some_and(|(account, _)| account.has_code()));
            prop_assert!(!matches!(fates[&index], Fate::Same));
            match change.account {
                AccountChange::Keep => prop_assert!(!change.slots.is_empty()),
                AccountChange::Set(account) => prop_assert!(
                    change.cleared || before.is_none_or(|(before, _)| *before != account)
                ),
                AccountChange::Delete => {
                    prop_assert!(before.is_some());
                    prop_assert!(change.slots.is_empty());
                }
            }
            for pair in change.slots.windows(2) {
                prop_assert!(pair[0].0 < pair[1].0, "slot order");
            }
            for (slot, value) in &change.slots {
                let origin = before
                    .filter(|_| !change.cleared)
                    .and_then(|(_, slots)| slots.get(slot).copied())
                    .unwrap_or_default();
                prop_assert_ne!(*value, origin, "an unchanged slot");
            }
        }

        let head = Head { number: 1, ..Head::default() };
        commit::block(&mut host, &Block { head, diff, ..Block::default() }).unwrap();
        prop_assert_eq!(read(&host), after(&world, &fates));
    }

    #[test]
    fn every_cold_thing_is_read_once(
        world in world(),
        looks in vec((0..3_u8, 0..4_u8, 0..4_u8), 0..64),
    ) {
        let host = host(&world);
        let before = host.total_calls();
        let mut overlay = Overlay::new(&host);
        let mut cold = BTreeSet::new();
        for (kind, index, slot) in looks {
            // The engine remembers the slots that it read, the zeros among them, too.
            if kind == 1 && cold.contains(&(kind, index, slot)) {
                continue;
            }
            let thing = match kind {
                0 => {
                    let account = overlay.account(address(index)).unwrap();
                    prop_assert_eq!(account, world.get(&index).map(|(account, _)| *account));
                    (kind, index, 0)
                }
                1 => {
                    let slot_value = overlay.slot(address(index), U256::from(slot)).unwrap();
                    let known = world.get(&index).and_then(|(_, slots)| slots.get(&U256::from(slot)));
                    prop_assert_eq!(slot_value, known.copied().unwrap_or_default());
                    (kind, index, slot)
                }
                _ => {
                    let (hash, bytes) = code(index % 3);
                    prop_assert_eq!(overlay.code(hash).unwrap(), bytes);
                    (kind, index % 3, 0)
                }
            };
            cold.insert(thing);
        }
        // Code of exactly one chunk takes a second call to find its end.
        let calls = cold.iter().map(|thing| if *thing == (2, 2, 0) { 2 } else { 1 }).sum::<u64>();
        // An account may be asked once whether it has slots, and if not, they are not read.
        let slots = cold.iter().filter(|(kind, ..)| *kind == 1);
        let slots: BTreeSet<u8> = slots.map(|(_, index, _)| *index).collect();
        let made = host.total_calls() - before;
        prop_assert!(made <= calls + slots.len() as u64, "{made} calls, {calls} things");
    }
}

#[test]
fn what_is_absent_is_looked_for_once_and_leaves_no_trace() {
    let host = MockHost::default();
    let values = host.values();
    let mut overlay = Overlay::new(&host);
    for slot in 1..4 {
        assert_eq!(overlay.account(address(0)).unwrap(), None);
        assert_eq!(
            overlay.slot(address(0), U256::from(slot)).unwrap(),
            U256::ZERO
        );
        assert_eq!(overlay.code(B256::ZERO).unwrap(), Bytes::new());
    }
    // Of slots the first, and whether there are any.
    assert_eq!(host.total_calls(), 4);
    assert_eq!(host.values(), values);
}

#[test]
fn what_came_and_went_within_the_block_is_in_no_diff() {
    let host = MockHost::default();
    let mut overlay = Overlay::new(&host);
    assert_eq!(overlay.account(address(0)).unwrap(), None);
    let gone = Touched {
        address: address(0),
        account: AccountChange::Delete,
        cleared: true,
        code: Some(code(0)),
        slots: vec![(U256::from(1), U256::from(2))],
    };
    assert_eq!(overlay.diff(vec![gone]), Diff::default());
}

/// An account without slots is looked at twice, however many are asked for; one with slots is
/// asked about once, and then read.
#[test]
fn nobody_looks_for_slots_where_there_are_none() {
    let account = Account {
        nonce: 1,
        ..Account::default()
    };
    let some: BTreeMap<_, _> = [(U256::from(1), U256::from(7))].into();
    let world = [(0, (account, BTreeMap::new())), (1, (account, some))].into();
    let host = host(&world);
    let mut overlay = Overlay::new(&host);
    let mut reads = |index: u8, slots: std::ops::Range<u64>| {
        let before = overlay.reads();
        for slot in slots {
            let value = overlay.slot(address(index), U256::from(slot)).unwrap();
            let expected = u64::from((index, slot) == (1, 1)) * 7;
            assert_eq!(value, U256::from(expected), "{index} {slot}");
        }
        overlay.reads() - before
    };
    // The first slot, then whether there are any.
    assert_eq!(reads(0, 100..101), 1);
    assert_eq!(reads(0, 101..300), 1);
    // The first misses, so does the second: each is read, and once it is asked.
    assert_eq!(reads(1, 100..110), 11);
    // What was found out is known, whoever was looked at meanwhile.
    assert_eq!(reads(0, 300..400), 0);
    assert_eq!(reads(1, 200..210), 10);
    assert_eq!(reads(1, 1..2), 1);
    assert_eq!(reads(1, 1..2), 0);
    // Nobody at all has none either.
    assert_eq!(reads(3, 0..50), 2);
    // What holds something tells that there are some.
    let mut overlay = Overlay::new(&host);
    for slot in 1..11 {
        overlay.slot(address(1), U256::from(slot)).unwrap();
    }
    assert_eq!(overlay.reads(), 10);
}
