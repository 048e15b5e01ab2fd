//! A storage in a store of records: read as it is needed, written as it changes,
//! freed as it is forgotten.

use proptest::prelude::*;
use pvm::durable::{check, named, references};
use pvm::store::{self, Key};
use pvm::{Durable, NodeHash, NodeSource, StoreError, Unavailable};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// A store in memory that counts references, as one on disk does.
#[derive(Default)]
struct Store(Mutex<HashMap<NodeHash, (Vec<u8>, u64)>>);

impl NodeSource for Store {
    fn node(&self, hash: &NodeHash) -> Result<Option<Vec<u8>>, String> {
        let records = self.0.lock().unwrap();
        Ok(records.get(hash).map(|(record, _)| record.clone()))
    }
}

impl Store {
    /// Writes what is new of a storage, keeps its root, and gives how many records that
    /// were.
    fn keep(self: &Arc<Self>, storage: &Durable) -> (Durable, usize) {
        let source: Arc<dyn NodeSource> = Arc::clone(self) as _;
        let mut written = 0;
        let stored = storage.store(&source, |hash, record| {
            assert_eq!(check(hash, record), Ok(()));
            written += 1;
            let mut records = self.0.lock().unwrap();
            if records.contains_key(hash) {
                return Ok(());
            }
            for named in references(record).unwrap() {
                records.get_mut(&named).ok_or("a parent came first")?.1 += 1;
            }
            records.insert(*hash, (record.to_vec(), 0));
            Ok::<_, &str>(())
        });
        let stored = stored.unwrap();
        assert_eq!(stored.root_hash(), storage.root_hash());
        self.0
            .lock()
            .unwrap()
            .get_mut(&storage.root_hash())
            .unwrap()
            .1 += 1;
        (stored, written)
    }

    fn release(&self, root: NodeHash) {
        let mut records = self.0.lock().unwrap();
        let mut left = vec![root];
        while let Some(hash) = left.pop() {
            let (record, count) = records.get_mut(&hash).unwrap();
            *count -= 1;
            if *count == 0 {
                left.extend(references(record).unwrap());
                records.remove(&hash);
            }
        }
    }

    fn open(self: &Arc<Self>, root: NodeHash) -> Durable {
        Durable::open(root, Arc::clone(self) as _).unwrap()
    }

    fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

#[derive(Clone, Debug)]
enum Op {
    Write(String, usize, usize, u8),
    Delete(String),
    DeleteValue(String),
    Copy(String, String),
    Move(String, String),
    /// Stores it; then it goes on as it is, or with nothing loaded.
    Keep(bool),
    /// Forgets the oldest that is kept.
    Release,
}

fn path() -> impl Strategy<Value = String> {
    let step = prop::sample::select(vec!["a", "ab", "abc", "b", "a-", "a.b", "0", "a0", "Z"]);
    prop::collection::vec(step, 1..5).prop_map(|steps| format!("/{}", steps.join("/")))
}

fn op() -> impl Strategy<Value = Op> {
    let len = prop_oneof![0_usize..80, 1_000_usize..1_100, 3_000_usize..40_000];
    prop_oneof![
        6 => (path(), 0_usize..50_000, len, 0_u8..4).prop_map(|(path, at, len, byte)| Op::Write(path, at, len, byte)),
        2 => path().prop_map(Op::Delete),
        1 => path().prop_map(Op::DeleteValue),
        2 => (path(), path()).prop_map(|(from, to)| Op::Copy(from, to)),
        2 => (path(), path()).prop_map(|(from, to)| Op::Move(from, to)),
        3 => any::<bool>().prop_map(Op::Keep),
        1 => Just(Op::Release),
    ]
}

/// The result of a change.
fn change(storage: &mut Durable, op: &Op) -> Result<(), StoreError> {
    match op {
        Op::Write(path, offset, len, byte) => {
            let key = Key::new(path.as_bytes()).unwrap();
            let size = store::value_size(storage, key).unwrap_or(0);
            let mut offset = (*offset as i32).min(size);
            for part in vec![*byte; *len].chunks(2_048) {
                let len = part.len() as i32;
                store::write(storage, key, offset, len, || Ok(part))?;
                offset += len;
            }
            Ok(())
        }
        Op::Delete(path) => storage.delete(path),
        Op::DeleteValue(path) => storage.delete_value(path),
        Op::Copy(from, to) => storage.copy(from, to),
        Op::Move(from, to) => storage.move_(from, to),
        Op::Keep(_) | Op::Release => Ok(()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_storage_in_a_store_is_as_one_in_memory(ops in prop::collection::vec(op(), 1..60)) {
        let (mut plain, mut lazy) = (Durable::new(), Durable::new());
        let store = Arc::new(Store::default());
        let mut kept: Vec<(NodeHash, Durable)> = Vec::new();
        for op in &ops {
            prop_assert_eq!(change(&mut plain, op), change(&mut lazy, op), "{:?}", op);
            prop_assert_eq!(plain.root_hash(), lazy.root_hash(), "{:?}", op);
            match op {
                Op::Keep(reopen) => {
                    let (stored, _) = store.keep(&lazy);
                    prop_assert_eq!(store.keep(&stored).1, 0, "nothing is new");
                    store.release(stored.root_hash());
                    kept.push((plain.root_hash(), plain.clone()));
                    lazy = if *reopen { store.open(plain.root_hash()) } else { stored };
                }
                Op::Release if kept.len() > 1 => store.release(kept.remove(0).0),
                _ => {}
            }
        }
        for (root, storage) in &kept {
            let opened = store.open(*root);
            prop_assert_eq!(opened.root_hash(), *root);
            prop_assert_eq!(opened.values("").unwrap(), storage.values("").unwrap());
            let mut changes = Vec::new();
            plain.changes(&opened, "", |path, value| changes.push((path.to_vec(), value.cloned()))).unwrap();
            let mut expected = Vec::new();
            plain.changes(storage, "", |path, value| expected.push((path.to_vec(), value.cloned()))).unwrap();
            prop_assert_eq!(changes, expected);
        }
        for (root, _) in kept {
            store.release(root);
        }
        prop_assert_eq!(store.len(), 0, "all is freed");
    }

    #[test]
    fn a_corrupt_record_is_an_error_and_no_other_value(
        ops in prop::collection::vec(op(), 1..20),
        which: prop::sample::Index,
        at: prop::sample::Index,
        change_to: u8,
        cut: bool,
    ) {
        let mut storage = Durable::new();
        storage.write("/one", b"value").unwrap();
        for op in &ops {
            let _ = change(&mut storage, op);
        }
        let store = Arc::new(Store::default());
        store.keep(&storage);
        let values = storage.values("").unwrap();
        {
            let mut records = store.0.lock().unwrap();
            let mut hashes: Vec<_> = records.keys().copied().collect();
            hashes.sort_unstable();
            let record = &mut records.get_mut(which.get(&hashes)).unwrap().0;
            let at = at.index(record.len());
            if cut {
                record.truncate(at);
            } else if record[at] == change_to {
                return Ok(());
            } else {
                record[at] = change_to;
            }
        }
        let read = Durable::open(storage.root_hash(), Arc::clone(&store) as _)
            .and_then(|opened| opened.values(""));
        let corrupt = matches!(read, Err(Unavailable::Corrupt { .. }));
        prop_assert!(corrupt, "{read:?} for {values:?}");
    }
}

#[test]
fn a_record_that_is_missing_is_an_error_until_it_is_there() {
    let mut storage = Durable::new();
    for number in 0..200 {
        storage.write(format!("/a/{number}/b"), [7; 100]).unwrap();
    }
    let store = Arc::new(Store::default());
    store.keep(&storage);
    let all = store.0.lock().unwrap().clone();
    let lazy = store.open(storage.root_hash());
    store.0.lock().unwrap().clear();
    let missing = lazy.get("/a/77/b");
    assert!(
        matches!(missing, Err(Unavailable::Missing(_))),
        "{missing:?}"
    );
    let key = Key::new(b"/a/77/b").unwrap();
    assert!(matches!(
        store::has(&lazy, key),
        Err(StoreError::Unavailable(Unavailable::Missing(_)))
    ));
    let host = host::ReadStore::store_has(&lazy, host::Path::literal("/a/77/b"));
    assert_eq!(host, Err(host::HostError::Unknown(pvm::UNAVAILABLE)));
    *store.0.lock().unwrap() = all;
    assert_eq!(lazy.get("/a/77/b").unwrap().unwrap().to_vec(), [7; 100]);
}

#[test]
fn a_change_writes_what_lies_on_its_way() {
    let mut storage = Durable::new();
    for number in 0..10_000 {
        storage
            .write(format!("/accounts/{number:05}"), format!("{number:040}"))
            .unwrap();
    }
    let store = Arc::new(Store::default());
    let (mut stored, all) = store.keep(&storage);
    stored.write("/accounts/07312", [2; 40]).unwrap();
    let (_, changed) = store.keep(&stored);
    assert!(all > 1_000, "{all} records");
    assert!((2..=8).contains(&changed), "{changed} records are written");
}

#[test]
fn what_was_watched_is_enough_to_do_it_again() {
    let mut storage = Durable::new();
    for number in 0..1_000 {
        storage
            .write(format!("/a/{number}"), [number as u8; 40])
            .unwrap();
    }
    storage.write("/long", vec![7; 100_000]).unwrap();
    let run = |storage: &mut Durable| -> Result<(), StoreError> {
        let _ = storage.get("/a/17")?;
        storage.copy("/a", "/b")?;
        storage.write("/b/new", "value")?;
        storage.delete("/b/33")?;
        storage.move_("/b", "/a")?;
        let key = Key::new(b"/long").unwrap();
        store::write(storage, key, 50_000, 5, || Ok(b"bytes"))
    };
    let watched = storage.watched();
    let mut after = watched.clone();
    run(&mut after).unwrap();
    let touched = watched.touched();
    assert!(touched.len() < 8_000, "{} bytes", touched.len());
    let mut partial = Durable::partial(storage.root_hash(), &touched).unwrap();
    let blind = partial.get("/a/18");
    assert!(matches!(blind, Err(Unavailable::Blinded(_))), "{blind:?}");
    run(&mut partial).unwrap();
    assert_eq!(partial.root_hash(), after.root_hash());
    run(&mut storage).unwrap();
    assert_eq!(storage.root_hash(), after.root_hash());
    for at in 0..touched.len() {
        let mut changed = touched.clone();
        changed[at] ^= 1 << (at % 8);
        let refused = Durable::partial(watched.root_hash(), &changed);
        assert!(
            matches!(refused, Err(Unavailable::Corrupt { .. })),
            "byte {at}"
        );
    }
}

/// A part of a storage that nobody wrote, but whose hash is right: what two liars may agree on.
#[test]
fn a_crafted_part_of_a_storage_panics_nowhere() {
    let mut seed = 9_u64;
    let mut random = move || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 33) as usize
    };
    let mut storage = Durable::new();
    for (path, len) in [
        ("/a", 3),
        ("/a/b", 70),
        ("/a/c/d", 3_000),
        ("/b", 2_500),
        ("/ab", 0),
    ] {
        storage.write(path, vec![5; len]).unwrap();
    }
    let watched = storage.watched();
    for path in ["/a", "/a/b", "/a/c/d", "/b", "/ab", "/no"] {
        watched.get(path).unwrap();
    }
    let honest = watched.touched();
    let keys = [
        "", "/a", "/a/b", "/a/c", "/a/c/d", "/b", "/ab", "/no", "/a/b/c",
    ];
    let mut crafted = 0;
    for _ in 0..3_000 {
        let mut part = honest.clone();
        for _ in 0..=random() % 3 {
            // Not within the pieces of values, where most bytes are.
            let at = random() % part.len().min(400);
            match random() % 3 {
                0 => part[at] = [0, 1, 2, 3, 4, 8, 15, 16, 17, 18, 19, 0x7f, 0xff][random() % 13],
                1 => part[at] ^= 1 << (random() % 8),
                _ => drop(part.splice(at..at + random() % 2, [random() as u8])),
            }
        }
        let Ok((hash, _)) = named(&part) else {
            continue;
        };
        let Ok(mut durable) = Durable::partial(hash, &part) else {
            continue;
        };
        crafted += 1;
        for _ in 0..4 {
            let key = |at: usize| Key::new(keys[at % keys.len()].as_bytes()).unwrap();
            let (from, to) = (key(random()), key(random()));
            let number = [0, 1, 1_023, 2_047, i32::MAX][random() % 5];
            let _ = match random() % 8 {
                0 => store::has(&durable, from).map(drop),
                1 => store::nth_key(&durable, from, 1).map(drop),
                2 => store::read(&durable, from, number, 2_048).map(drop),
                3 => store::write(&mut durable, from, number, 9, || Ok([1; 9])),
                4 => store::delete(&mut durable, from),
                5 => store::copy(&mut durable, from, to),
                6 => store::move_(&mut durable, from, to),
                _ => store::delete_value(&mut durable, from),
            };
            let _ = durable.root_hash();
        }
    }
    assert!(crafted > 1_000, "{crafted}");
}
