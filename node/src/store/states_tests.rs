//! States that come and go in any order, against a map of them.

use super::rows;
use super::state_name::StateName;
use super::tables::{DEAD, DEATHS, NODES, SETTLED, SHARED, VERSIONS};
use super::testing::{Memory, identity};
use super::{Store, StoreError};
use proptest::prelude::*;
use pvm::Durable;
use pvm::durable::{NodeHash, named};
use redb::ReadableTable;
use std::collections::{BTreeMap, BTreeSet};

/// A change of the newest state.
#[derive(Clone, Debug)]
enum Change {
    Write(String, usize, u8),
    Append(String, usize, u8),
    Delete(String),
    Copy(String, String),
    Move(String, String),
}

/// An action on a store.
#[derive(Clone, Debug)]
enum Step {
    /// The newest state is changed, and kept under a name.
    Put(Vec<Change>, u8),
    /// It is one of before, kept again under a name.
    Back(prop::sample::Index, u8),
    Remove(prop::sample::Index),
    /// The change is lost.
    Fail(Vec<Change>),
    /// It is closed, or its power fails, and opened again.
    Reopen(bool),
}

fn path() -> impl Strategy<Value = String> {
    "(/[a-dA0]{1,2}){1,2}"
}

fn change() -> impl Strategy<Value = Change> {
    let len = prop_oneof![4 => 0_usize..70, 1 => 1_000_usize..40_000];
    prop_oneof![
        5 => (path(), len.clone(), 0_u8..3).prop_map(|(path, len, byte)| Change::Write(path, len, byte)),
        1 => (path(), len, 0_u8..3).prop_map(|(path, len, byte)| Change::Append(path, len, byte)),
        2 => path().prop_map(Change::Delete),
        1 => (path(), path()).prop_map(|(from, to)| Change::Copy(from, to)),
        1 => (path(), path()).prop_map(|(from, to)| Change::Move(from, to)),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let changes = || prop::collection::vec(change(), 1..6);
    prop_oneof![
        6 => (changes(), 0_u8..12).prop_map(|(changes, name)| Step::Put(changes, name)),
        2 => (any::<prop::sample::Index>(), 0_u8..12).prop_map(|(index, name)| Step::Back(index, name)),
        3 => any::<prop::sample::Index>().prop_map(Step::Remove),
        1 => changes().prop_map(Step::Fail),
        1 => any::<bool>().prop_map(Step::Reopen),
    ]
}

fn apply(state: &mut Durable, change: &Change) {
    // What is refused changes nothing.
    let _ = match change {
        Change::Write(path, len, byte) => state.write(path, vec![*byte; *len]),
        Change::Append(path, len, byte) => {
            let mut bytes = state
                .get(path)
                .unwrap()
                .map_or(Vec::new(), |value| value.to_vec());
            bytes.extend(vec![*byte; *len]);
            state.write(path, bytes)
        }
        Change::Delete(path) => state.delete(path),
        Change::Copy(from, to) => state.copy(from, to),
        Change::Move(from, to) => state.move_(from, to),
    };
}

fn name(number: u8) -> StateName {
    match number {
        0..6 => StateName::Block(number.into()),
        6..8 => StateName::Level(number.into()),
        8..10 => StateName::Snapshot(number.into()),
        10 => StateName::Origin,
        number => StateName::Aside(number.into()),
    }
}

/// The same storage, nothing of which is from a store.
fn apart(state: &Durable) -> Durable {
    let mut apart = Durable::new();
    for (path, value) in state.values("").unwrap() {
        apart.write(&path, value.to_vec()).unwrap();
    }
    apart
}

fn reach(store: &Store, root: NodeHash, found: &mut BTreeSet<NodeHash>) {
    let mut next = vec![root];
    while let Some(hash) = next.pop() {
        if found.insert(hash) {
            let record = store.read(|transaction| rows::record(transaction, &hash));
            let record = record.unwrap().expect("a record is missing");
            let (named_hash, names) = named(&record).unwrap();
            assert_eq!(named_hash, hash);
            next.extend(names);
        }
    }
}

/// There is what states need, and nothing else.
fn check(store: &Store, expected: &BTreeMap<u8, Durable>, newest: Option<&Durable>) {
    let (mut all, mut live) = (BTreeSet::new(), BTreeSet::new());
    for (number, expected) in expected {
        let state = store
            .state(name(*number))
            .unwrap()
            .expect("a state is lost");
        assert_eq!(state.root_hash(), expected.root_hash());
        assert_eq!(
            state.values("").unwrap().len(),
            expected.values("").unwrap().len()
        );
        reach(store, expected.root_hash(), &mut all);
    }
    if let Some(newest) = newest {
        reach(store, newest.root_hash(), &mut live);
    }
    all.extend(&live);
    let (nodes, dead) = store
        .read(|transaction| {
            let keys = |table| -> Result<BTreeSet<NodeHash>, StoreError> {
                let table = transaction.open_table(table)?;
                table.iter()?.map(|row| Ok(row?.0.value())).collect()
            };
            Ok((keys(NODES)?, keys(DEAD)?))
        })
        .unwrap();
    assert_eq!(nodes, live, "the newest state's records");
    // One that lived again is kept as if it had always.
    let missing: Vec<_> = all
        .difference(&nodes)
        .filter(|hash| !dead.contains(*hash))
        .collect();
    assert!(missing.is_empty());
    if expected.is_empty() {
        let lists = store.read(|transaction| {
            let deaths = transaction.open_table(DEATHS)?.iter()?.count();
            Ok(deaths + transaction.open_table(SETTLED)?.iter()?.count())
        });
        assert_eq!(
            (dead.len(), lists.unwrap()),
            (0, 0),
            "nothing is left of others"
        );
    }
}

/// Nothing is behind the newest state but what it needs, when all others are gone.
fn end(store: &Store, newest: Option<&Durable>) {
    let kinds = [
        StateName::Block(0),
        StateName::Level(0),
        StateName::Snapshot(0),
        StateName::Origin,
        StateName::Aside(0),
    ];
    for kind in kinds {
        store.write(|batch| batch.remove_states_from(kind)).unwrap();
    }
    check(store, &BTreeMap::new(), newest);
    let empty = Durable::new();
    store
        .write(|batch| batch.put_state(StateName::Block(0), &empty).map(drop))
        .unwrap();
    let left = store.read(|transaction| {
        let versions = transaction.open_table(VERSIONS)?.iter()?.count();
        let shared = transaction.open_table(SHARED)?.iter()?.count();
        Ok((versions, shared))
    });
    assert_eq!(left.unwrap(), (1, 0));
    check(store, &BTreeMap::from([(0, empty.clone())]), Some(&empty));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn states_come_back_as_they_were(
        steps in prop::collection::vec(step(), 1..40),
        has_log: bool,
        checked in 1_usize..20,
    ) {
        let mut memory = Memory::new(has_log);
        let mut store = Store::of(memory.clone(), &identity()).unwrap();
        let mut expected: BTreeMap<u8, Durable> = BTreeMap::new();
        let mut newest: Option<Durable> = None;
        // As a machine has it: behind the store, as far as it is there.
        let mut working = Durable::new();
        for (number, step) in steps.into_iter().enumerate() {
            match step {
                Step::Put(changes, number) => {
                    changes.iter().for_each(|change| apply(&mut working, change));
                    working = store.write(|batch| batch.put_state(name(number), &working)).unwrap();
                    expected.insert(number, apart(&working));
                    newest = Some(apart(&working));
                }
                Step::Back(index, number) if !expected.is_empty() => {
                    let from = *index.get(&expected.keys().copied().collect::<Vec<_>>());
                    let state = store.state(name(from)).unwrap().unwrap();
                    working = store.write(|batch| batch.put_state(name(number), &state)).unwrap();
                    expected.insert(number, apart(&working));
                    newest = Some(apart(&working));
                }
                Step::Remove(index) if !expected.is_empty() => {
                    let number = *index.get(&expected.keys().copied().collect::<Vec<_>>());
                    store.write(|batch| batch.remove_state(name(number))).unwrap();
                    expected.remove(&number);
                }
                Step::Fail(changes) => {
                    let mut other = working.clone();
                    changes.iter().for_each(|change| apply(&mut other, change));
                    let failed = store.write(|batch| {
                        batch.put_state(StateName::Block(0), &other)?;
                        batch.remove_states_from(StateName::Block(0))?;
                        Err::<(), _>(StoreError::Bounds(0))
                    });
                    prop_assert!(failed.is_err());
                }
                Step::Reopen(crashes) => {
                    if crashes {
                        memory = memory.lose_power();
                    }
                    store.close();
                    store = Store::of(memory.clone(), &identity()).unwrap();
                    if let Some(newest) = &newest {
                        working = store.let_go(newest).unwrap();
                    }
                }
                Step::Back(..) | Step::Remove(_) => {}
            }
            // That waits for the tables; else some of it is in the log alone.
            if number % checked == 0 {
                check(&store, &expected, newest.as_ref());
            }
            for (number, expected) in &expected {
                let state = store.state(name(*number)).unwrap().expect("a state is lost");
                prop_assert_eq!(state.values("").unwrap().len(), expected.values("").unwrap().len());
            }
        }
        check(&store, &expected, newest.as_ref());
        end(&store, newest.as_ref());
    }
}

/// Many states in a row, the old ones going, as on a chain; one from the start stays.
#[test]
fn a_chain_keeps_the_newest_states_and_its_origin() {
    [false, true].into_iter().for_each(keeps_the_newest);
}

fn keeps_the_newest(has_log: bool) {
    let store = Store::of(Memory::new(has_log), &identity()).unwrap();
    let mut state = Durable::new();
    for account in 0..300_u32 {
        let path = format!("/a/{:03}/{}", account * 7 % 1_000, account);
        state.write(path, [1; 40]).unwrap();
    }
    let mut states = vec![apart(&state)];
    state = store
        .write(|batch| batch.put_state(StateName::Origin, &state))
        .unwrap();
    for number in 1..400_u64 {
        for account in [number % 300, number * number % 300] {
            let path = format!("/a/{:03}/{}", account * 7 % 1_000, account);
            state.write(path, [(number % 250) as u8; 40]).unwrap();
        }
        states.push(apart(&state));
        state = store
            .write(|batch| {
                let state = batch.put_state(StateName::Block(number), &state)?;
                batch.remove_states_before(StateName::Block((number + 1).saturating_sub(150)))?;
                Ok(state)
            })
            .unwrap();
    }
    for (number, expected) in (0_u64..).zip(&states).skip(1) {
        let found = store.state(StateName::Block(number)).unwrap();
        match number {
            250.. => assert_eq!(
                found.unwrap().values("").unwrap().len(),
                expected.values("").unwrap().len()
            ),
            _ => assert_eq!(found, None),
        }
    }
    let origin = store.state(StateName::Origin).unwrap().unwrap();
    assert_eq!(apart(&origin), states[0]);
    assert_eq!(
        apart(&store.state(StateName::Block(250)).unwrap().unwrap()),
        states[250]
    );
    end(&store, states.last());
}

/// A state after so many changes of many accounts.
fn accounts(number: u64) -> Durable {
    let mut state = Durable::new();
    for account in 0..60_u64 {
        let changed = number - (number + account) % 13 % (number + 1);
        let path = format!("/a/{:02}/{account}", account * 7 % 100);
        state.write(path, changed.to_be_bytes()).unwrap();
    }
    state
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// What is not synced is forgotten when the power fails at any write, while states come and
    /// go with each commit: those that are kept are there, and nothing of others.
    #[test]
    fn states_outlive_the_power(writes in 0_u64..3_000, kept in 1_u64..5, has_log: bool) {
        let memory = Memory::new(has_log);
        let store = Store::of(memory.clone(), &identity()).unwrap();
        let commit = |store: &Store, number: u64| {
            store.write(|batch| {
                batch.put_meta("newest", &number.to_le_bytes())?;
                batch.put_state(StateName::Block(number), &accounts(number))?;
                batch.remove_states_before(StateName::Block((number + 1).saturating_sub(kept)))
            })
        };
        let origin = accounts(0);
        store.write(|batch| batch.put_state(StateName::Origin, &origin)).unwrap();
        commit(&store, 1).unwrap();
        memory.fill_up(writes);
        let acknowledged = (2..30).take_while(|number| commit(&store, *number).is_ok()).last();
        let memory = memory.lose_power();
        store.close();
        drop(store);
        let store = Store::of(memory, &identity()).unwrap();
        let newest = store.meta("newest").unwrap().unwrap();
        let newest = u64::from_le_bytes(newest.try_into().unwrap());
        let acknowledged = acknowledged.unwrap_or(1);
        prop_assert!(newest == acknowledged || newest == acknowledged + 1);
        for newest in newest..newest + 3 {
            if store.state(StateName::Block(newest)).unwrap().is_none() {
                commit(&store, newest).unwrap();
            }
            for number in (newest + 1).saturating_sub(kept).max(1)..=newest {
                let state = store.state(StateName::Block(number)).unwrap().unwrap();
                prop_assert_eq!(apart(&state), accounts(number));
            }
            let oldest = newest.saturating_sub(kept);
            prop_assert!(store.state(StateName::Block(oldest)).unwrap().is_none());
        }
        prop_assert_eq!(apart(&store.state(StateName::Origin).unwrap().unwrap()), origin);
        end(&store, Some(&accounts(newest + 2)));
    }
}
