use super::*;
use crate::durable::Durable;
use crate::value::Value;
use host::HostError;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// Values by their whole paths, which copies make longer than any that a kernel can name.
type Model = BTreeMap<String, u8>;

#[derive(Clone, Debug)]
enum Op {
    Write(String, u8),
    Cut(String, bool),
    Copy(String, String),
    Move(String, String),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => (path(), any::<u8>()).prop_map(|(path, byte)| Op::Write(path, byte)),
        2 => (path(), any::<bool>()).prop_map(|(path, all)| Op::Cut(path, all)),
        3 => (path(), path()).prop_map(|(from, to)| Op::Copy(from, to)),
        3 => (path(), path()).prop_map(|(from, to)| Op::Move(from, to)),
    ]
}

/// Paths that have much in common, many of them nearly as long as a path can be.
fn path() -> impl Strategy<Value = String> {
    let len = prop_oneof![1_usize..5, 50_usize..70, 115_usize..125, 230_usize..236];
    let steps = prop::collection::vec(len, 0..3);
    (steps, "[ab]{1,3}").prop_map(|(steps, end)| {
        let steps = steps.iter().map(|len| format!("/{}", "a".repeat(*len)));
        let mut path: String = steps.collect();
        path.truncate(MAX_EDGE - 1 - end.len());
        format!("{}/{end}", path.trim_end_matches('/'))
    })
}

fn subtree(model: &Model, path: &str) -> Vec<(String, u8)> {
    let below = model.iter().filter_map(|(at, byte)| {
        let rest = at.strip_prefix(path)?;
        (rest.is_empty() || rest.starts_with('/')).then(|| (rest.to_owned(), *byte))
    });
    below.collect()
}

fn take(model: &mut Model, path: &str) {
    for (rest, _) in subtree(model, path) {
        model.remove(&format!("{path}{rest}"));
    }
}

fn apply(op: &Op, durable: &mut Durable, model: &mut Model) {
    match op {
        Op::Write(path, byte) => {
            durable.set(path.as_bytes(), Value::new(&[*byte])).unwrap();
            model.insert(path.clone(), *byte);
        }
        Op::Cut(path, true) => {
            durable.delete(path).unwrap();
            take(model, path);
        }
        Op::Cut(path, false) => {
            durable.delete_value(path).unwrap();
            model.remove(path);
        }
        Op::Copy(from, to) | Op::Move(from, to) => {
            let moves = matches!(op, Op::Move(..));
            let taken = subtree(model, from);
            let done = match moves {
                true => durable.move_(from, to),
                false => durable.copy(from, to),
            };
            if taken.is_empty() {
                return assert_eq!(done, Err(HostError::NotANode.into()));
            }
            done.unwrap();
            if from == to {
                return;
            }
            if moves {
                take(model, from);
            }
            take(model, to);
            let moved = taken.into_iter();
            model.extend(moved.map(|(rest, byte)| (format!("{to}{rest}"), byte)));
        }
    }
}

/// Each node has the form that follows from what lies below.
fn check_form(link: &Link, is_root: bool) {
    if let Link::Branch(branch) = link {
        return branch.sides.iter().for_each(|side| check_form(side, false));
    }
    let view = link.view().unwrap().unwrap();
    assert!(view.edge.len() <= MAX_EDGE);
    let Some(below) = view.below else {
        return assert!(is_root || view.value.is_some());
    };
    if let (false, None, Some(child)) = (is_root, view.value, below.view().unwrap()) {
        assert_eq!(child.edge.len(), MAX_EDGE);
    }
    check_form(below, false);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn edges_have_a_bounded_length_and_the_tree_is_the_map(
        ops in prop::collection::vec(op(), 0..40),
    ) {
        let (mut durable, mut model) = (Durable::new(), Model::new());
        for op in &ops {
            let before = durable.clone();
            let mut changed = model.clone();
            apply(op, &mut durable, &mut model);
            if model.len() > 60 || model.keys().any(|path| path.len() > 3_000) {
                break;
            }
            check_form(&durable.root, true);
            let values = durable.values("").unwrap();
            let values = values.into_iter().map(|(path, value)| (path, value.bytes()[0]));
            prop_assert_eq!(&values.collect::<Model>(), &model);
            durable.changes(&before, "", |path, value| {
                let path = String::from_utf8(path.to_vec()).unwrap();
                match value {
                    Some(value) => changed.insert(path, value.bytes()[0]),
                    None => changed.remove(&path),
                };
            }).unwrap();
            prop_assert_eq!(&changed, &model);
        }
        for path in model.keys().filter(|path| path.len() <= MAX_EDGE) {
            let value = durable.get(path).unwrap().map(|value| value.bytes()[0]);
            prop_assert_eq!(value, model.get(path).copied());
        }
        let watched = durable.watched();
        watched.values("").unwrap();
        let again = Durable::partial(durable.root_hash(), &watched.touched()).unwrap();
        prop_assert_eq!(again.values("").unwrap().len(), durable.values("").unwrap().len());
    }
}
