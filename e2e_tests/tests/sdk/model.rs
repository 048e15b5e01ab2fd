//! Durable storage as its specification tells it, in the plainest words: values
//! by their whole paths.

use std::collections::{BTreeMap, BTreeSet};

/// A call of a kernel.
#[derive(Clone, Debug)]
pub(crate) enum Call {
    Has(String),
    Exists(String),
    Delete(String),
    DeleteValue(String),
    ListSize(String),
    NthKey(String, u64),
    Copy(String, String),
    Move(String, String),
    Create(String, u64),
    Read(String, u64, u16),
    Write(String, u64, Vec<u8>),
    ValueSize(String),
    Output(Vec<u8>),
}

/// The answer: a number (a code below zero), and bytes.
pub(crate) type Answer = (i64, Vec<u8>);

#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    pub(crate) values: BTreeMap<String, Vec<u8>>,
    pub(crate) outbox: Vec<Vec<u8>>,
}

/// The machine's error codes.
const NOT_A_VALUE: i64 = -3;
const INVALID_ACCESS: i64 = -4;
const SIZE_EXCEEDED: i64 = -5;
const TOO_LARGE: i64 = -7;
const READ_ONLY: i64 = -9;
const NOT_A_NODE: i64 = -10;
const FULL_OUTBOX: i64 = -11;
const INVALID_INDEX: i64 = -12;
const ALREADY_EXISTS: i64 = -13;

/// The most bytes that one call reads or writes.
const CHUNK: usize = 2_048;

fn read_only(path: &str) -> bool {
    path == "/readonly" || path.starts_with("/readonly/")
}

fn number(number: i64) -> Answer {
    (number, Vec::new())
}

impl Model {
    pub(crate) fn answer(&mut self, call: &Call) -> Answer {
        match call {
            Call::Has(path) => {
                let value = i64::from(self.values.contains_key(path));
                number(value + 2 * i64::from(!self.below(path).is_empty()))
            }
            Call::Exists(path) => number(i64::from(!self.node(path).is_empty())),
            Call::Delete(path) | Call::DeleteValue(path) if read_only(path) => number(READ_ONLY),
            Call::Delete(path) => {
                self.cut(path);
                number(0)
            }
            Call::DeleteValue(path) => {
                self.values.remove(path);
                number(0)
            }
            Call::ListSize(path) => number(self.names(path).len() as i64),
            Call::NthKey(path, index) => {
                let names = self.names(path);
                match names.iter().nth(*index as usize) {
                    _ if names.is_empty() => number(NOT_A_NODE),
                    None => number(INVALID_INDEX),
                    Some(name) => {
                        let name = name.strip_prefix('@').unwrap_or(name).as_bytes().to_vec();
                        (name.len() as i64, name)
                    }
                }
            }
            Call::Copy(_, to) if read_only(to) => number(READ_ONLY),
            Call::Move(from, to) if read_only(from) || read_only(to) => number(READ_ONLY),
            Call::Copy(from, to) | Call::Move(from, to) => {
                let node = self.node(from);
                if node.is_empty() {
                    return number(NOT_A_NODE);
                }
                if matches!(call, Call::Move(..)) {
                    self.cut(from);
                }
                self.cut(to);
                for (rest, value) in node {
                    self.values.insert(format!("{to}{rest}"), value);
                }
                number(0)
            }
            Call::Create(_, size) if *size > i32::MAX as u64 => number(SIZE_EXCEEDED),
            Call::Create(path, _) | Call::Write(path, _, _) if read_only(path) => number(READ_ONLY),
            Call::Create(path, _) if self.values.contains_key(path) => number(ALREADY_EXISTS),
            Call::Create(path, size) => {
                self.values.insert(path.clone(), vec![0; *size as usize]);
                number(0)
            }
            Call::Read(_, _, len) if usize::from(*len) > CHUNK => number(TOO_LARGE),
            Call::Read(path, offset, len) => match self.values.get(path) {
                None => number(NOT_A_VALUE),
                Some(value) if *offset >= value.len() as u64 => number(INVALID_ACCESS),
                Some(value) => {
                    let rest = &value[*offset as usize..];
                    let bytes = rest[..rest.len().min(usize::from(*len))].to_vec();
                    (bytes.len() as i64, bytes)
                }
            },
            Call::Write(_, _, bytes) if bytes.len() > CHUNK => number(TOO_LARGE),
            Call::Write(path, offset, bytes) => {
                let old = self.values.get(path).cloned().unwrap_or_default();
                let offset = *offset as usize;
                if offset > old.len() {
                    return number(INVALID_ACCESS);
                }
                let mut new = old[..offset].to_vec();
                new.extend(bytes);
                new.extend(old.iter().skip(new.len()));
                self.values.insert(path.clone(), new);
                number(0)
            }
            Call::ValueSize(path) => {
                let size = self.values.get(path).map(|value| value.len() as i64);
                number(size.unwrap_or(NOT_A_VALUE))
            }
            Call::Output(_) if self.outbox.len() == 100 => number(FULL_OUTBOX),
            Call::Output(bytes) => {
                self.outbox.push(bytes.clone());
                number(0)
            }
        }
    }

    fn below(&self, path: &str) -> Vec<&str> {
        let prefix = format!("{path}/");
        self.values
            .keys()
            .filter_map(|key| key.strip_prefix(&prefix))
            .collect()
    }

    /// The names of the children, the value as `@`, in the machine's order.
    fn names(&self, path: &str) -> BTreeSet<String> {
        let steps = self.below(path).into_iter();
        let mut names: BTreeSet<String> = steps
            .filter_map(|rest| rest.split('/').next())
            .map(str::to_owned)
            .collect();
        if self.values.contains_key(path) {
            names.insert("@".to_owned());
        }
        names
    }

    /// The values at and below a path, by the rest of their paths.
    fn node(&self, path: &str) -> Vec<(String, Vec<u8>)> {
        let below = self.values.iter().filter_map(|(key, value)| {
            let rest = key.strip_prefix(path)?;
            (rest.is_empty() || rest.starts_with('/')).then(|| (rest.to_owned(), value.clone()))
        });
        below.collect()
    }

    fn cut(&mut self, path: &str) {
        for (rest, _) in self.node(path) {
            self.values.remove(&format!("{path}{rest}"));
        }
    }
}
