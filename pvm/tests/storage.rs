//! `vectors/storage.json` and `paths.json`, on the storage functions
//! themselves and through a kernel's imports.

use host::HostError;
use pvm::store::{self, Key};
use pvm::{Durable, Version};
use serde::Deserialize;
use serde_json::Value as Json;

#[derive(Deserialize)]
struct File<V> {
    count: usize,
    vectors: Vec<V>,
}

#[derive(Deserialize)]
struct Sequence {
    name: String,
    steps: Vec<Step>,
}

#[derive(Deserialize)]
struct Step {
    op: Vec<Json>,
    returns: i64,
    data: Option<String>,
}

#[derive(Deserialize)]
struct PathVector {
    name: String,
    hex: String,
    pvm: String,
    pvm_error: i32,
}

fn text(op: &[Json], index: usize) -> &[u8] {
    op[index].as_str().unwrap().as_bytes()
}

fn number(op: &[Json], index: usize) -> i32 {
    op[index].as_i64().unwrap().try_into().unwrap()
}

/// The result of the operation, and the bytes that it reads.
fn apply(durable: &mut Durable, op: &[Json]) -> Result<(i64, Option<Vec<u8>>), HostError> {
    let key = Key::new(text(op, 1))?;
    let done = |()| (0, None);
    Ok(match op[0].as_str().unwrap() {
        "has" => (store::has(durable, key)?.into(), None),
        "size" => (store::value_size(durable, key)?.into(), None),
        "list" => (store::list_size(durable, key)?, None),
        "delete" => store::delete(durable, key).map(done)?,
        "delete_value" => store::delete_value(durable, key).map(done)?,
        "copy" => store::copy(durable, key, Key::new(text(op, 2))?).map(done)?,
        "move" => store::move_(durable, key, Key::new(text(op, 2))?).map(done)?,
        "create" => store::create(durable, key, number(op, 2)).map(done)?,
        "write" => {
            let bytes = hex::decode(text(op, 3)).unwrap();
            let len = bytes.len().try_into().unwrap();
            store::write(durable, key, number(op, 2), len, || Ok(&bytes)).map(done)?
        }
        "read" => {
            let (value, offset, len) = store::read(durable, key, number(op, 2), number(op, 3))?;
            let mut bytes = vec![0; len];
            assert_eq!(value.read(offset, &mut bytes), len);
            (len as i64, Some(bytes))
        }
        other => panic!("unknown operation {other}"),
    })
}

#[test]
fn storage_answers_as_the_vectors_say() {
    let file: File<Sequence> = serde_json::from_str(include_str!("vectors/storage.json")).unwrap();
    let mut steps = 0;
    for sequence in file.vectors {
        let mut durable = Durable::new();
        durable
            .write("/readonly/wasm_version", Version::V5.name())
            .unwrap();
        for step in &sequence.steps {
            let (code, data) =
                apply(&mut durable, &step.op).unwrap_or_else(|error| (error.code().into(), None));
            let op = serde_json::to_string(&step.op).unwrap();
            assert_eq!(code, step.returns, "{}: {:.200}", sequence.name, op);
            if let Some(expected) = &step.data {
                assert_eq!(
                    hex::encode(data.unwrap()),
                    *expected,
                    "{}: {op:.200}",
                    sequence.name
                );
            }
            steps += 1;
        }
    }
    assert_eq!(steps, file.count);
}

#[test]
fn paths_are_what_the_vectors_say() {
    let file: File<PathVector> = serde_json::from_str(include_str!("vectors/paths.json")).unwrap();
    assert_eq!(file.vectors.len(), file.count);
    for vector in file.vectors {
        let bytes = hex::decode(&vector.hex).unwrap();
        let (class, code) = match Key::new(&bytes) {
            Err(HostError::KeyTooLarge) => ("too_large", -1),
            Err(error) => ("invalid", error.code()),
            Ok(key) if key.writable().is_err() => ("readonly", 0),
            Ok(_) => ("writable", 0),
        };
        assert_eq!(
            (class, code),
            (vector.pvm.as_str(), vector.pvm_error),
            "{}",
            vector.name
        );
    }
}
