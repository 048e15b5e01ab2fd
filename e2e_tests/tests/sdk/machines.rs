//! `MockHost` is the machine: the same random calls, made by the same kernel,
//! natively on `MockHost` and compiled on `pvm`, and told a third time by a
//! model written from the specification alone.

use super::model::{Answer, Call, Model};
use e2e_tests::module;
use host::mock::{Level, MockHost};
use proptest::collection::vec;
use proptest::prelude::*;
use pvm::{Durable, Inbox, Machine, Options};
use std::collections::BTreeMap;

#[path = "../../../host/examples/probe.rs"]
#[expect(unreachable_pub, reason = "an example is a crate of its own")]
mod probe;

/// The message that asks the probe for a call.
fn request(call: &Call) -> Vec<u8> {
    let (tag, path, to, number, bytes): (u8, &str, &str, u64, &[u8]) = match call {
        Call::Has(path) => (0, path, "", 0, &[]),
        Call::Exists(path) => (1, path, "", 0, &[]),
        Call::Delete(path) => (2, path, "", 0, &[]),
        Call::DeleteValue(path) => (3, path, "", 0, &[]),
        Call::ListSize(path) => (4, path, "", 0, &[]),
        Call::NthKey(path, index) => (5, path, "", *index, &[]),
        Call::Copy(from, to) => (6, from, to, 0, &[]),
        Call::Move(from, to) => (7, from, to, 0, &[]),
        Call::Create(path, size) => (8, path, "", *size, &[]),
        Call::Read(path, offset, len) => (9, path, "", *offset, &len.to_be_bytes()),
        Call::Write(path, offset, bytes) => (10, path, "", *offset, bytes),
        Call::ValueSize(path) => (11, path, "", 0, &[]),
        Call::Output(bytes) => (12, "/x", "", 0, bytes),
    };
    let head = [tag, path.len() as u8, to.len() as u8];
    [
        &head,
        &number.to_be_bytes()[..],
        path.as_bytes(),
        to.as_bytes(),
        bytes,
    ]
    .concat()
}

type Values = BTreeMap<String, Vec<u8>>;

/// The answers that the probe kept, and all other values.
fn sorted(values: Values, calls: usize) -> (Vec<Answer>, Values) {
    let answer = |index: usize| {
        let (number, bytes) = values[&format!("/probe/{index}")]
            .split_first_chunk()
            .unwrap();
        (i64::from_be_bytes(*number), bytes.to_vec())
    };
    let answers = (0..calls).map(answer).collect();
    let other = |path: &str| {
        ["/probe/", "/kernel/", "/readonly/"]
            .iter()
            .all(|own| !path.starts_with(own))
    };
    let values = values.into_iter().filter(|(path, _)| other(path)).collect();
    (answers, values)
}

fn on_mock(calls: &[Call]) -> (Vec<Answer>, Values, Vec<Vec<u8>>) {
    let mut host = MockHost::default();
    let mut level = Level::default();
    calls.iter().for_each(|call| {
        level.external(&request(call));
    });
    let ended = host.run_level(&level, probe::mock_kernel_run);
    let text = |path| String::from_utf8(path).unwrap();
    let values = host
        .values()
        .into_iter()
        .map(|(path, value)| (text(path), value))
        .collect();
    let (answers, values) = sorted(values, calls.len());
    (answers, values, ended.outbox)
}

fn on_pvm(kernel: &[u8], calls: &[Call]) -> (Vec<Answer>, Values, Vec<Vec<u8>>) {
    let mut durable = Durable::new();
    durable.write("/kernel/boot.wasm", kernel).unwrap();
    let mut machine = Machine::from_durable(durable, Options::default()).unwrap();
    let messages = calls.iter().map(|call| [vec![1], request(call)].concat());
    let report = machine
        .run_level(&Inbox {
            timestamp: 0,
            predecessor: [0; 32],
            messages: messages.collect(),
        })
        .unwrap();
    assert!(
        report.runs.iter().all(|run| !run.trapped()),
        "{:?}",
        report.runs
    );
    let values = machine.durable().values("").unwrap().into_iter();
    let values = values.map(|(path, value)| (path, value.to_vec())).collect();
    let (answers, values) = sorted(values, calls.len());
    (answers, values, report.outbox)
}

/// Few steps, so that they meet; and one that only looks read-only.
fn path() -> impl Strategy<Value = String> {
    let step = proptest::sample::select(vec!["a", "b", "7", "a.b", "_", "readonlyx"]);
    let free =
        vec(step, 1..4).prop_map(|steps| steps.iter().map(|step| format!("/{step}")).collect());
    prop_oneof![20 => free, 1 => Just("/readonly/a".to_owned())]
}

fn call() -> impl Strategy<Value = Call> {
    let bytes = prop_oneof![
        8 => vec(any::<u8>(), 0..6),
        1 => (2_047..=2_049_usize).prop_map(|len| vec![7; len]),
    ];
    let offset = || prop_oneof![4 => Just(0), 3 => 0..7_u64, 1 => Just(2_048)];
    let len = prop_oneof![4 => 0..8_u16, 1 => 2_047..=2_049_u16];
    let size = prop_oneof![6 => 0..9_u64, 1 => Just(70_000), 1 => Just(1 << 31)];
    prop_oneof![
        1 => path().prop_map(Call::Has),
        1 => path().prop_map(Call::Exists),
        1 => path().prop_map(Call::Delete),
        1 => path().prop_map(Call::DeleteValue),
        1 => path().prop_map(Call::ListSize),
        2 => (path(), 0..5_u64).prop_map(|(path, index)| Call::NthKey(path, index)),
        2 => (path(), path()).prop_map(|(from, to)| Call::Copy(from, to)),
        2 => (path(), path()).prop_map(|(from, to)| Call::Move(from, to)),
        1 => (path(), size).prop_map(|(path, size)| Call::Create(path, size)),
        2 => (path(), offset(), len).prop_map(|(path, offset, len)| Call::Read(path, offset, len)),
        5 => (path(), offset(), bytes.clone()).prop_map(|(path, offset, bytes)| Call::Write(path, offset, bytes)),
        1 => path().prop_map(Call::ValueSize),
        1 => bytes.prop_map(Call::Output),
    ]
}

proptest! {
    /// The long form is `PROPTEST_CASES=100000`.
    #[test]
    fn the_machines_agree(calls in vec(call(), 1..60)) {
        let kernel = module("probe.wasm");
        let mut model = Model::default();
        let answers: Vec<Answer> = calls.iter().map(|call| model.answer(call)).collect();
        let mock = on_mock(&calls);
        for (index, call) in calls.iter().enumerate() {
            prop_assert_eq!(&mock.0[index], &answers[index], "MockHost: {:?}", call);
        }
        prop_assert_eq!(&mock.1, &model.values);
        prop_assert_eq!(&mock.2, &model.outbox);
        prop_assert_eq!(on_pvm(&kernel, &calls), mock);
    }
}

#[test]
fn the_outbox_is_full_after_a_hundred() {
    let calls: Vec<Call> = (0..101).map(|byte| Call::Output(vec![byte])).collect();
    let mut model = Model::default();
    let answers: Vec<Answer> = calls.iter().map(|call| model.answer(call)).collect();
    assert_eq!(answers[100].0, -11);
    let expected = (answers, BTreeMap::new(), model.outbox);
    assert_eq!(on_mock(&calls), expected);
    assert_eq!(on_pvm(&module("probe.wasm"), &calls), expected);
}
