//! Durable storage against a model that has no tree: values by whole path.

use host::mock::MockHost;
use host::{HostError, MAX_CHUNK, Path, PathBuf, ReadStore, Store, ValueKind};
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Debug)]
enum Op {
    Write(String, usize, Vec<u8>),
    Create(String, usize),
    Delete(String),
    DeleteValue(String),
    Copy(String, String),
    Move(String, String),
    Snapshot,
    Restore,
}

type Model = BTreeMap<String, Vec<u8>>;

fn below<'m>(model: &'m Model, path: &str) -> impl Iterator<Item = (&'m String, &'m Vec<u8>)> {
    let prefix = format!("{path}/");
    model
        .iter()
        .filter(move |(key, _)| key.starts_with(&prefix))
}

fn node(model: &Model, path: &str) -> Vec<(String, Vec<u8>)> {
    let own = model.get_key_value(path).into_iter();
    own.chain(below(model, path))
        .map(|(key, value)| (key[path.len()..].to_owned(), value.clone()))
        .collect()
}

fn delete(model: &mut Model, path: &str) {
    for (key, _) in node(model, path) {
        model.remove(&format!("{path}{key}"));
    }
}

fn read_only(path: &str) -> Result<(), HostError> {
    if path == "/readonly" || path.starts_with("/readonly/") {
        return Err(HostError::ReadOnly);
    }
    Ok(())
}

fn apply_to_model(model: &mut Model, op: &Op) -> Result<(), HostError> {
    match op {
        Op::Write(path, offset, bytes) => {
            read_only(path)?;
            if bytes.len() > MAX_CHUNK {
                return Err(HostError::TooLarge);
            }
            let size = model.get(path).map_or(0, Vec::len);
            if *offset > size {
                return Err(HostError::InvalidAccess);
            }
            let old = model.get(path).cloned().unwrap_or_default();
            let mut new = old[..*offset].to_vec();
            new.extend(bytes);
            new.extend(old.iter().skip(new.len()));
            model.insert(path.clone(), new);
        }
        Op::Create(path, size) => {
            read_only(path)?;
            if model.contains_key(path) {
                return Err(HostError::ValueAlreadyExists);
            }
            model.insert(path.clone(), vec![0; *size]);
        }
        Op::Delete(path) => {
            read_only(path)?;
            delete(model, path);
        }
        Op::DeleteValue(path) => {
            read_only(path)?;
            model.remove(path);
        }
        Op::Copy(from, to) | Op::Move(from, to) => {
            let moved = matches!(op, Op::Move(..));
            if moved {
                read_only(from)?;
            }
            read_only(to)?;
            let node = node(model, from);
            if node.is_empty() {
                return Err(HostError::NotANode);
            }
            if moved {
                delete(model, from);
            }
            delete(model, to);
            for (key, value) in node {
                model.insert(format!("{to}{key}"), value);
            }
        }
        Op::Snapshot | Op::Restore => {}
    }
    Ok(())
}

fn path(text: &str) -> Path<'_> {
    Path::new(text.as_bytes()).unwrap()
}

fn apply(host: &mut MockHost, op: &Op) -> Result<(), HostError> {
    match op {
        Op::Write(at, offset, bytes) => host.store_write(path(at), *offset, bytes),
        Op::Create(at, size) => host.store_create(path(at), *size),
        Op::Delete(at) => host.store_delete(path(at)),
        Op::DeleteValue(at) => host.store_delete_value(path(at)),
        Op::Copy(from, to) => host.store_copy(path(from), path(to)),
        Op::Move(from, to) => host.store_move(path(from), path(to)),
        Op::Snapshot | Op::Restore => Ok(()),
    }
}

/// All that can be asked about a path.
fn look(host: &MockHost, model: &Model, at: &str) {
    let (value, below): (_, Vec<_>) = (model.get(at), below(model, at).collect());
    let kind = match (value, below.is_empty()) {
        (None, true) => None,
        (None, false) => Some(ValueKind::Subtree),
        (Some(_), true) => Some(ValueKind::Value),
        (Some(_), false) => Some(ValueKind::ValueWithSubtree),
    };
    let children: BTreeSet<&str> = below
        .iter()
        .filter_map(|(key, _)| key[at.len() + 1..].split('/').next())
        .collect();
    let size = children.len() + usize::from(value.is_some());
    assert_eq!(host.store_has(path(at)), Ok(kind), "{at}");
    assert_eq!(host.store_list_size(path(at)), Ok(size as u64), "{at}");
    assert_eq!(host.read_all(path(at)), Ok(value.cloned()), "{at}");
    let len = value.map(Vec::len).ok_or(HostError::NotAValue);
    assert_eq!(host.store_value_size(path(at)), len, "{at}");
}

/// Few steps, so that they meet; and one that only looks read-only.
fn any_path() -> impl Strategy<Value = String> {
    let step = proptest::sample::select(vec!["a", "b", "ab", "a.b", "readonly", "readonlyx"]);
    vec(step, 1..4).prop_map(|steps| steps.iter().map(|step| format!("/{step}")).collect())
}

fn any_op() -> impl Strategy<Value = Op> {
    let bytes = prop_oneof![
        8 => vec(any::<u8>(), 0..5),
        1 => (MAX_CHUNK - 1..=MAX_CHUNK + 1).prop_map(|len| vec![7; len]),
    ];
    let offset = prop_oneof![4 => Just(0), 3 => 0_usize..6, 1 => Just(MAX_CHUNK)];
    prop_oneof![
        6 => (any_path(), offset, bytes).prop_map(|(at, offset, bytes)| Op::Write(at, offset, bytes)),
        1 => (any_path(), 0_usize..5000).prop_map(|(at, size)| Op::Create(at, size)),
        1 => any_path().prop_map(Op::Delete),
        1 => any_path().prop_map(Op::DeleteValue),
        2 => (any_path(), any_path()).prop_map(|(from, to)| Op::Copy(from, to)),
        2 => (any_path(), any_path()).prop_map(|(from, to)| Op::Move(from, to)),
        1 => Just(Op::Snapshot),
        1 => Just(Op::Restore),
    ]
}

proptest! {
    #[test]
    fn storage_does_what_a_flat_map_does(
        ops in vec(any_op(), 1..40), paths in vec(any_path(), 1..8),
    ) {
        let mut host = MockHost::default();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let mut model: Model =
            host.values().into_iter().map(|(key, value)| (text(key), value)).collect();
        let mut kept = (host.durable().clone(), model.clone());
        for op in &ops {
            match op {
                Op::Snapshot => kept = (host.durable().clone(), model.clone()),
                Op::Restore => {
                    host.restore(kept.0.clone());
                    model.clone_from(&kept.1);
                }
                op => prop_assert_eq!(apply(&mut host, op), apply_to_model(&mut model, op), "{:?}", op),
            }
            let values: Model =
                host.values().into_iter().map(|(key, value)| (text(key), value)).collect();
            prop_assert_eq!(&values, &model, "{:?}", op);
        }
        for at in paths.iter().chain(model.keys()) {
            look(&host, &model, at);
        }
    }

    #[test]
    fn a_read_gives_the_bytes_of_the_value(
        value in vec(any::<u8>(), 0..5000), offset in 0_usize..6000, len in 0_usize..3000,
    ) {
        let mut host = MockHost::default();
        host.write_all(Path::literal("/v"), &value).unwrap();
        let mut buffer = vec![0; len];
        let result = host.store_read(Path::literal("/v"), offset, &mut buffer);
        let expected = match value.get(offset..) {
            _ if len > MAX_CHUNK => Err(HostError::TooLarge),
            None | Some([]) => Err(HostError::InvalidAccess),
            Some(rest) => Ok(rest[..rest.len().min(len)].to_vec()),
        };
        prop_assert_eq!(result.map(|len| buffer[..len].to_vec()), expected);
    }

    /// Bytes are a path by the grammar, however they are put together.
    #[test]
    fn a_path_is_what_the_grammar_says(bytes in "[/ab.@é]{0,12}") {
        let bytes = bytes.as_bytes();
        let steps: Vec<&[u8]> = bytes.split(|byte| *byte == b'/').collect();
        let legal = |step: &&[u8]| !step.is_empty() && step.iter().all(|byte| b"ab.".contains(byte));
        let expected = matches!(&steps[..], [[], steps @ ..] if !steps.is_empty() && steps.iter().all(legal));
        prop_assert_eq!(Path::new(bytes).is_ok(), expected);
    }

    #[test]
    fn a_step_that_does_not_fit_changes_nothing(steps in vec("[a-z@]{0,60}", 1..8)) {
        let mut path: PathBuf = PathBuf::from_path(Path::literal("/a"));
        let mut text = "/a".to_owned();
        for step in steps {
            let longer = format!("{text}/{step}");
            let legal = Path::new(longer.as_bytes()).is_ok();
            prop_assert_eq!(path.push(step.as_bytes()).is_ok(), legal, "{}", step);
            if legal {
                text = longer;
            }
            prop_assert_eq!(path.as_path().as_bytes(), text.as_bytes());
        }
    }
}
