//! Changes that are in the log alone, and logs of another store.

use super::behind::Logged;
use super::change::Change;
use super::levels::SavedLevel;
use super::state_name::StateName;
use super::testing::{Memory, identity};
use super::tests::{block, commit, state, whole_up_to};
use super::{Before, Store, StoreError};
use crate::chain::LogFilter;
use alloy_primitives::{Address, Log};
use std::sync::Arc;

/// The blocks with logs that pass, with their transactions.
fn found(store: &Store, from: u64, to: u64) -> Vec<(u64, usize, u64)> {
    let filter = LogFilter::new(vec![Address::repeat_byte(7)], Vec::new());
    let mut found = Vec::new();
    let each = |place: super::LogPlace, _: &Log| {
        found.push((place.number, place.index, place.log));
        Ok::<_, ()>(())
    };
    let searched = store.for_each_log(&filter, (from, to), each);
    searched.unwrap().unwrap();
    found
}

/// The same, the newest first, by pages.
fn newest(
    store: &Store,
    (first, mut before): (u64, Before),
    size: usize,
) -> Vec<(u64, usize, u64)> {
    let filter = LogFilter::new(vec![Address::repeat_byte(7)], Vec::new());
    let mut all = Vec::new();
    for _ in 0..100 {
        let found = store.newest_logs(&filter, (first, before), size).unwrap();
        assert!(found.logs.len() <= size);
        let places = found.logs.iter();
        all.extend(places.map(|(place, _)| (place.number, place.index, place.log)));
        match found.next {
            Some(next) => before = next,
            None => return all,
        }
    }
    unreachable!("the pages do not end")
}

/// Two stores with the same blocks, one of which has the last four in no table: it is asked the
/// same.
#[test]
fn what_is_in_the_log_alone_is_found() {
    let whole = Store::of(Memory::new(false), &identity()).unwrap();
    let logged = Store::of(Memory::new(false), &identity()).unwrap();
    for number in 0..8 {
        commit(&whole, number).unwrap();
        if number < 4 {
            commit(&logged, number).unwrap();
            continue;
        }
        let mut changes = vec![Change::Block(Arc::new(block(number, 1 + number % 3)))];
        let root = state(number).root_hash();
        let (name, records) = (StateName::Block(number), Vec::new());
        changes.push(Change::State {
            name,
            root,
            records,
        });
        changes.push(Change::StatesBefore(StateName::Block(number - 3)));
        logged.behind().push(Logged::new(number, changes));
    }
    for number in 0..9 {
        let parts = |store: &Store| {
            let block = store.block(number).unwrap()?;
            assert_eq!(store.hash(number).unwrap(), Some(block.hash));
            assert_eq!(store.number_of(&block.hash).unwrap(), Some(number));
            let transactions = block.transactions.iter().map(|included| {
                let hash = included.transaction.hash;
                (hash, store.place_of(&hash).unwrap(), included.first_log)
            });
            Some((block.hash, block.size, transactions.collect::<Vec<_>>()))
        };
        assert_eq!(parts(&logged), parts(&whole), "{number}");
        assert_eq!(parts(&logged).is_some(), number < 8);
    }
    for (from, to) in [(0, 9), (0, 3), (2, 5), (4, 4), (5, 7), (8, 9)] {
        assert_eq!(found(&logged, from, to), found(&whole, from, to));
    }
    assert_eq!(found(&whole, 0, 9).len(), 15);
    for size in 1..5 {
        for (first, before) in [
            (0, (9, 0)),
            (0, (u64::MAX, 9)),
            (2, (6, 1)),
            (0, (3, 0)),
            (5, (5, 0)),
        ] {
            let mut expected = found(&whole, first, before.0.min(9));
            expected.retain(|(number, _, log)| (*number, *log) < before);
            expected.reverse();
            for store in [&whole, &logged] {
                let newest = newest(store, (first, before), size);
                assert_eq!(newest, expected, "{size} a page, {first} to {before:?}");
            }
        }
    }
    // Their records are nowhere: that is told.
    assert!(logged.state(StateName::Block(7)).is_err());
    assert_eq!(logged.state(StateName::Block(3)).unwrap(), None);
}

/// Levels are found as in the table, the newest of the log first.
#[test]
fn levels_of_the_log_are_found() {
    let store = Store::of(Memory::new(true), &identity()).unwrap();
    for level in 10..60 {
        let saved = SavedLevel {
            level,
            hash: format!("B{level}"),
            newest: (level > 20).then(|| u64::from(level) - 20),
        };
        store.write(|batch| batch.put_level(&saved)).unwrap();
        for asked in 9..=level {
            let expected = (21..=asked).next_back().map(|level| u64::from(level) - 20);
            assert_eq!(store.newest_at(asked).unwrap(), expected);
        }
        assert_eq!(store.level(Some(level)).unwrap(), Some(saved));
    }
}

/// Power fails while rows are in the log: they go into the tables at the next start, once.
#[test]
fn what_was_logged_outlives_the_power() {
    let mut memory = Memory::new(true);
    for newest in 0..40 {
        let store = Store::of(memory.clone(), &identity()).unwrap();
        if newest > 0 {
            whole_up_to(&store, newest - 1);
        }
        commit(&store, newest).unwrap();
        memory = memory.lose_power();
    }
    whole_up_to(&Store::of(memory, &identity()).unwrap(), 39);
}

/// A backup of the store without its log, a log beside another store.
#[test]
fn a_log_that_is_not_the_stores_is_refused() {
    let memory = Memory::new(true);
    let store = Store::of(memory.clone(), &identity()).unwrap();
    commit(&store, 0).unwrap();
    whole_up_to(&store, 0);
    let early = memory.seen(false);
    (1..30).for_each(|number| commit(&store, number).unwrap());
    whole_up_to(&store, 29);
    (30..34).for_each(|number| commit(&store, number).unwrap());
    let memory = memory.lose_power();
    let (file, log) = (memory.seen(false), memory.seen(true));
    drop(store);
    let why = |file: Vec<u8>, log: Vec<u8>| {
        let memory = Memory::of(file, Some(log));
        match Store::of(memory, &identity()) {
            Err(StoreError::Log { why, .. }) => why,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(why(early, log.clone()), "the store is older than it");
    assert_eq!(why(Vec::new(), log.clone()), "it is of another store");
    // One with more in its tables than the log has.
    let other = Memory::new(true);
    let store = Store::of(other.clone(), &identity()).unwrap();
    (0..60).for_each(|number| commit(&store, number).unwrap());
    whole_up_to(&store, 59);
    store.close();
    assert_eq!(
        why(other.seen(false), log.clone()),
        "it is of another store"
    );
    // Without a log it goes on from what the tables have.
    for (log, newest) in [(log, 33), (Vec::new(), 29)] {
        let memory = Memory::of(file.clone(), Some(log));
        let store = Store::of(memory, &identity()).unwrap();
        let found = store.bounds().unwrap().unwrap().1;
        assert!((newest..34).contains(&found), "{found}");
        whole_up_to(&store, found);
    }
}

/// A store that was closed leaves nothing in its log that would be in another one's way.
#[test]
fn a_store_that_was_closed_needs_no_log() {
    let memory = Memory::new(true);
    let store = Store::of(memory.clone(), &identity()).unwrap();
    (0..5).for_each(|number| commit(&store, number).unwrap());
    store.close();
    let (file, log) = (memory.seen(false), memory.seen(true));
    for (file, log, newest) in [(file, Vec::new(), Some(4)), (Vec::new(), log, None)] {
        let memory = Memory::of(file, Some(log));
        let store = Store::of(memory, &identity()).unwrap();
        assert_eq!(store.bounds().unwrap().map(|(_, newest)| newest), newest);
        store.close();
    }
}

/// A store of before there were logs is one of now from its first opening on.
#[test]
fn a_store_without_a_log_gets_one() {
    let memory = Memory::new(false);
    let store = Store::of(memory.clone(), &identity()).unwrap();
    (0..5).for_each(|number| commit(&store, number).unwrap());
    let before = super::tables::WITHOUT_LOG.to_le_bytes();
    store
        .write(|batch| batch.put_meta("schema", &before))
        .unwrap();
    store.close();
    let memory = Memory::of(memory.seen(false), Some(Vec::new()));
    let store = Store::of(memory, &identity()).unwrap();
    whole_up_to(&store, 4);
    commit(&store, 5).unwrap();
    whole_up_to(&store, 5);
    let schema = store.meta("schema").unwrap().unwrap();
    assert_eq!(schema, super::tables::SCHEMA.to_le_bytes());
}
