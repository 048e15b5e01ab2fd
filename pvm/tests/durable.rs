//! [`Durable`] against a map of whole paths, which is what it stands for.

use host::HostError;
use proptest::prelude::*;
use pvm::store::{self, Key};
use pvm::{Durable, Value};
use std::collections::{BTreeMap, BTreeSet};

/// The naive storage.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Model(BTreeMap<String, Vec<u8>>);

impl Model {
    fn below<'m>(&'m self, path: &str) -> impl Iterator<Item = (&'m String, &'m Vec<u8>)> {
        let prefix = format!("{path}/");
        self.0
            .iter()
            .filter(move |(key, _)| key.starts_with(&prefix))
    }

    fn take(&mut self, path: &str) -> BTreeMap<String, Vec<u8>> {
        let subtree = self.subtree(path);
        self.0
            .retain(|key, _| key != path && !key.starts_with(&format!("{path}/")));
        subtree
    }

    /// The values at and below a path, by the rest of the path.
    fn subtree(&self, path: &str) -> BTreeMap<String, Vec<u8>> {
        let own = self.0.get(path).map(|value| (String::new(), value.clone()));
        let below = self
            .below(path)
            .map(|(key, value)| (key[path.len()..].to_owned(), value.clone()));
        own.into_iter().chain(below).collect()
    }

    fn put(&mut self, path: &str, subtree: BTreeMap<String, Vec<u8>>) {
        self.take(path);
        self.0.extend(
            subtree
                .into_iter()
                .map(|(rest, value)| (format!("{path}{rest}"), value)),
        );
    }

    fn children(&self, path: &str) -> Vec<String> {
        let steps = self.below(path).map(|(key, _)| {
            key[path.len() + 1..]
                .split('/')
                .next()
                .unwrap_or_default()
                .to_owned()
        });
        steps.collect::<BTreeSet<_>>().into_iter().collect()
    }
}

#[derive(Clone, Debug)]
enum Op {
    Write(String, usize, Vec<u8>),
    Delete(String),
    DeleteValue(String),
    Copy(String, String),
    Move(String, String),
    Snapshot,
}

/// Few steps, some with common beginnings, so that edges split and merge.
fn path() -> impl Strategy<Value = String> {
    let step = prop::sample::select(vec!["a", "ab", "abc", "b", "a-", "a.b", "0", "a0"]);
    prop::collection::vec(step, 1..5).prop_map(|steps| format!("/{}", steps.join("/")))
}

fn op() -> impl Strategy<Value = Op> {
    let bytes = prop::collection::vec(any::<u8>(), 0..20);
    prop_oneof![
        5 => (path(), 0usize..30, bytes).prop_map(|(path, at, bytes)| Op::Write(path, at, bytes)),
        2 => path().prop_map(Op::Delete),
        1 => path().prop_map(Op::DeleteValue),
        2 => (path(), path()).prop_map(|(from, to)| Op::Copy(from, to)),
        2 => (path(), path()).prop_map(|(from, to)| Op::Move(from, to)),
        1 => Just(Op::Snapshot),
    ]
}

fn key(path: &str) -> Key<'_> {
    Key::new(path.as_bytes()).unwrap()
}

/// Applies an operation to both; their answers must agree.
fn apply(op: &Op, durable: &mut Durable, model: &mut Model) -> Result<(), TestCaseError> {
    match op {
        Op::Write(path, offset, bytes) => {
            let size = model.0.get(path).map_or(0, Vec::len);
            let len = bytes.len() as i32;
            let done = store::write(durable, key(path), *offset as i32, len, || Ok(bytes));
            let done = done.map_err(HostError::from);
            if *offset > size {
                prop_assert_eq!(done, Err(HostError::InvalidAccess));
            } else {
                prop_assert_eq!(done, Ok(()));
                let value = model.0.entry(path.clone()).or_default();
                value.resize(size.max(offset + bytes.len()), 0);
                value[*offset..offset + bytes.len()].copy_from_slice(bytes);
            }
        }
        Op::Delete(path) => {
            prop_assert_eq!(
                store::delete(durable, key(path)).map_err(HostError::from),
                Ok(())
            );
            model.take(path);
        }
        Op::DeleteValue(path) => {
            prop_assert_eq!(
                store::delete_value(durable, key(path)).map_err(HostError::from),
                Ok(())
            );
            model.0.remove(path);
        }
        Op::Copy(from, to) => {
            let subtree = model.subtree(from);
            let expected = if subtree.is_empty() {
                Err(HostError::NotANode)
            } else {
                Ok(())
            };
            let copied = store::copy(durable, key(from), key(to));
            prop_assert_eq!(copied.map_err(HostError::from), expected);
            if expected.is_ok() {
                model.put(to, subtree);
            }
        }
        Op::Move(from, to) => {
            let subtree = model.subtree(from);
            let expected = if subtree.is_empty() {
                Err(HostError::NotANode)
            } else {
                Ok(())
            };
            let moved = store::move_(durable, key(from), key(to));
            prop_assert_eq!(moved.map_err(HostError::from), expected);
            if expected.is_ok() {
                model.take(from);
                model.put(to, subtree);
            }
        }
        Op::Snapshot => {}
    }
    Ok(())
}

fn assert_same(durable: &Durable, model: &Model) -> Result<(), TestCaseError> {
    let values: BTreeMap<String, Vec<u8>> = durable
        .values("")
        .unwrap()
        .into_iter()
        .map(|(path, value)| (path, value.to_vec()))
        .collect();
    prop_assert_eq!(&values, &model.0);
    // The same storage made from nothing has the same hash: the shape does
    // not depend on how it came about.
    let mut fresh = Durable::new();
    for (path, value) in &model.0 {
        fresh.put(path, Value::new(value)).map_err(|error| {
            // Copies can make paths longer than any that a kernel can name.
            TestCaseError::reject(error.to_string())
        })?;
    }
    prop_assert_eq!(durable.root_hash(), fresh.root_hash());
    Ok(())
}

fn assert_same_at(durable: &Durable, model: &Model, path: &str) -> Result<(), TestCaseError> {
    prop_assert_eq!(
        durable.get(path).unwrap().map(|value| value.to_vec()),
        model.0.get(path).cloned()
    );
    let children = model.children(path);
    prop_assert_eq!(durable.children(path).unwrap(), &*children);
    let own = model.0.contains_key(path);
    prop_assert_eq!(
        store::list_size(durable, key(path)).unwrap(),
        (children.len() + usize::from(own)) as i64
    );
    let has = i32::from(own) + 2 * i32::from(!children.is_empty());
    prop_assert_eq!(store::has(durable, key(path)), Ok(has));
    for (index, name) in children.iter().enumerate().filter(|_| !own) {
        let nth = store::nth_key(durable, key(path), index as i64);
        prop_assert_eq!(nth.as_deref(), Ok(name.as_bytes()));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_tree_is_the_map(ops in prop::collection::vec(op(), 0..60), looks in prop::collection::vec(path(), 10)) {
        let mut durable = Durable::new();
        let mut model = Model::default();
        let mut snapshots = Vec::new();
        for op in &ops {
            apply(op, &mut durable, &mut model)?;
            if matches!(op, Op::Snapshot) {
                snapshots.push((durable.clone(), durable.root_hash(), model.clone()));
            }
            if model.0.keys().any(|path| path.len() > 200) || model.0.len() > 300 {
                break;
            }
        }
        assert_same(&durable, &model)?;
        for path in &looks {
            assert_same_at(&durable, &model, path)?;
        }
        for (durable, root, model) in &snapshots {
            prop_assert_eq!(durable.root_hash(), *root);
            assert_same(durable, model)?;
        }
    }

    #[test]
    fn storages_that_differ_have_other_hashes(
        values in prop::collection::btree_map(path(), prop::collection::vec(any::<u8>(), 0..4), 1..10),
        other in path(),
    ) {
        let mut durable = Durable::new();
        for (path, value) in &values {
            durable.write(path, value).unwrap();
        }
        let mut changed = durable.clone();
        changed.write(&other, b"another value").unwrap();
        prop_assert_ne!(durable.root_hash(), changed.root_hash());
        prop_assert_ne!(&durable, &changed);
        match values.get(&other) {
            Some(value) => changed.write(&other, value).unwrap(),
            None => changed.delete_value(&other).unwrap(),
        }
        prop_assert_eq!(&durable, &changed);
    }
}

#[test]
fn the_own_value_is_the_child_without_a_name() {
    let mut durable = Durable::new();
    for path in ["/a", "/a/b", "/a/0", "/a/-"] {
        durable.write(path, b"x").unwrap();
    }
    let names: Vec<Vec<u8>> = (0..4)
        .map(|index| store::nth_key(&durable, key("/a"), index).unwrap())
        .collect();
    assert_eq!(names, [&b"-"[..], b"0", b"", b"b"]);
    let past = store::nth_key(&durable, key("/a"), 4);
    assert_eq!(past, Err(HostError::InvalidSubkeyIndex.into()));
    assert_eq!(
        store::nth_key(&durable, key("/a"), -1),
        Err(HostError::InvalidSubkeyIndex.into())
    );
    assert_eq!(
        store::nth_key(&durable, key("/b"), 0),
        Err(HostError::NotANode.into())
    );
}

#[test]
fn a_subtree_is_copied_and_kept_while_the_original_changes() {
    let mut durable = Durable::new();
    for number in 0..1000 {
        durable
            .write(format!("/state/{number}/balance"), number.to_string())
            .unwrap();
    }
    durable.copy("/state", "/staging").unwrap();
    let before = durable.clone();
    durable.write("/staging/7/balance", "changed").unwrap();
    durable.move_("/staging", "/state").unwrap();
    assert_eq!(
        durable.get("/state/7/balance").unwrap().unwrap().to_vec(),
        b"changed"
    );
    assert_eq!(
        durable.get("/state/8/balance").unwrap().unwrap().to_vec(),
        b"8"
    );
    assert_eq!(durable.children("").unwrap(), ["state"]);
    assert_eq!(
        before.get("/state/7/balance").unwrap().unwrap().to_vec(),
        b"7"
    );
    assert_eq!(before.children("").unwrap(), ["staging", "state"]);
}

#[test]
fn paths_that_are_none_are_refused() {
    let mut durable = Durable::new();
    assert_eq!(durable.write("a", b""), Err(HostError::InvalidKey.into()));
    assert_eq!(durable.write("", b""), Err(HostError::InvalidKey.into()));
    assert_eq!(durable.delete("/a/"), Err(HostError::InvalidKey.into()));
    let long = format!("/{}", "a".repeat(240));
    assert_eq!(
        durable.write(&long, b""),
        Err(HostError::KeyTooLarge.into())
    );
    assert_eq!(durable.get("a").unwrap(), None);
}
