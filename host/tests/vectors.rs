//! The vectors of the specification, as far as a kernel with checked paths can
//! meet them.

use host::mock::MockHost;
use host::{
    DalParameters, HostError, Metadata, Path, PathBuf, PathError, ReadStore, Reveal, Store,
    ValueKind,
};
use serde_json::Value;

fn vectors(text: &str) -> Vec<Value> {
    let file: Value = serde_json::from_str(text).unwrap();
    file["vectors"].as_array().unwrap().clone()
}

/// The result of a step: the machine's number, and bytes if it reads.
type Answer = (i64, Option<Vec<u8>>);

fn answer(result: Result<i64, HostError>) -> Answer {
    (result.unwrap_or_else(|error| error.code().into()), None)
}

/// Why a step cannot be made through the traits.
#[derive(Debug, PartialEq)]
enum Skipped {
    /// No such path can be built; the machine would give this code.
    Path(i64),
    /// The root key.
    Root,
    /// A size below zero.
    Negative,
}

fn step(host: &mut MockHost, op: &[Value]) -> Result<Answer, Skipped> {
    let text = |at: usize| op[at].as_str().unwrap();
    let number = |at: usize| op[at].as_u64().unwrap() as usize;
    let path = |at: usize| match Path::new(text(at).as_bytes()) {
        Ok(path) => Ok(path),
        Err(_) if text(at).is_empty() => Err(Skipped::Root),
        Err(PathError::TooLong { .. }) => Err(Skipped::Path(-1)),
        Err(_) => Err(Skipped::Path(-2)),
    };
    Ok(match text(0) {
        "has" => answer(host.store_has(path(1)?).map(|kind| match kind {
            None => 0,
            Some(ValueKind::Value) => 1,
            Some(ValueKind::Subtree) => 2,
            Some(ValueKind::ValueWithSubtree) => 3,
        })),
        "size" => answer(host.store_value_size(path(1)?).map(|size| size as i64)),
        "list" => answer(host.store_list_size(path(1)?).map(|size| size as i64)),
        "delete" => answer(host.store_delete(path(1)?).map(|()| 0)),
        "delete_value" => answer(host.store_delete_value(path(1)?).map(|()| 0)),
        "write" => {
            let bytes = hex::decode(text(3)).unwrap();
            answer(host.store_write(path(1)?, number(2), &bytes).map(|()| 0))
        }
        "read" => {
            let mut buffer = vec![0; number(3)];
            match host.store_read(path(1)?, number(2), &mut buffer) {
                Ok(len) => (len as i64, Some(buffer[..len].to_vec())),
                Err(error) => answer(Err(error)),
            }
        }
        "copy" => answer(host.store_copy(path(1)?, path(2)?).map(|()| 0)),
        "move" => answer(host.store_move(path(1)?, path(2)?).map(|()| 0)),
        "create" => match usize::try_from(op[2].as_i64().unwrap()) {
            Ok(size) => answer(host.store_create(path(1)?, size).map(|()| 0)),
            Err(_) => return Err(Skipped::Negative),
        },
        op => panic!("unknown step {op}"),
    })
}

#[test]
fn every_storage_step_gives_what_the_machine_gives() {
    let (mut made, mut paths, mut others) = (0, 0, 0);
    for vector in vectors(include_str!("vectors/storage.json")) {
        let name = &vector["name"];
        let mut host = MockHost::default();
        for vector in vector["steps"].as_array().unwrap() {
            let returns = vector["returns"].as_i64().unwrap();
            match step(&mut host, vector["op"].as_array().unwrap()) {
                Ok((code, bytes)) => {
                    assert_eq!(code, returns, "{name}: {}", vector["op"]);
                    // The vectors spell long bytes out as well.
                    if let Some(data) = vector.get("data").and_then(Value::as_str) {
                        assert_eq!(bytes.map(hex::encode).as_deref(), Some(data), "{name}");
                    }
                    made += 1;
                }
                Err(Skipped::Path(code)) => {
                    assert_eq!(code, returns, "{name}: {}", vector["op"]);
                    paths += 1;
                }
                Err(Skipped::Root | Skipped::Negative) => others += 1,
            }
        }
    }
    assert_eq!((made, paths, others), (88, 6, 2));
}

#[test]
fn every_reveal_is_asked_and_answered_as_the_machine_does() {
    let metadata = Metadata {
        address: hex::decode("f6907ec5484d46cbab922fd2d5e1a58fd4a2b9fb")
            .unwrap()
            .try_into()
            .unwrap(),
        origination_level: 123_456,
    };
    let mut host = MockHost::default().with_metadata(metadata);
    let empty = host.add_preimage(b"");
    host.set_dal_page(1_000, 3, 15, b"page".to_vec());
    host.set_dal_parameters(DalParameters {
        slots: 32,
        attestation_lag: 8,
        slot_size: 126_944,
        page_size: 3_967,
    });
    let ask = |request: &[u8]| {
        let mut answer = [0; 64];
        let len = host.reveal(request, &mut answer).unwrap();
        answer[..len].to_vec()
    };
    let mut seen = 0;
    for vector in vectors(include_str!("vectors/hashes.json")) {
        let bytes = hex::decode(vector["hex"].as_str().unwrap()).unwrap();
        let name = vector["name"].as_str().unwrap();
        match name
            .split(['(', ':'])
            .nth(usize::from(name.starts_with("generic")))
        {
            Some("well-known reveal hash ") => assert_eq!(bytes, empty),
            Some(" raw data for the empty preimage") => assert_eq!(ask(&bytes), b""),
            Some(" metadata") => assert_eq!(ask(&bytes).len(), 24),
            Some(" DAL page level 1000 slot 3 page 15") => assert_eq!(ask(&bytes), b"page"),
            Some(" DAL parameters") => assert_eq!(ask(&bytes).len(), 32),
            Some("reveal_metadata answer") => assert_eq!(ask(&[1]), bytes),
            Some("reveal DAL parameters answer") => assert_eq!(ask(&[3]), bytes),
            // Hashes of bytes: the tests of `messages` have them.
            _ => continue,
        }
        seen += 1;
    }
    assert_eq!(seen, 7);
    let mut page = [0; 8];
    assert_eq!(host.reveal_dal_page(1_000, 3, 15, &mut page), Ok(4));
}

#[test]
fn every_path_is_judged_as_the_machine_judges_it() {
    let mut seen = 0;
    for vector in vectors(include_str!("vectors/paths.json")) {
        let bytes = hex::decode(vector["hex"].as_str().unwrap()).unwrap();
        let class = vector["pvm"].as_str().unwrap();
        let path = Path::new(&bytes);
        match class {
            "writable" | "readonly" if !bytes.is_empty() => {
                let path = path.unwrap();
                assert_eq!(path.as_bytes(), bytes);
                let expected = match class {
                    "writable" => Ok(()),
                    _ => Err(HostError::ReadOnly),
                };
                let mut host = MockHost::default();
                assert_eq!(host.store_write(path, 0, b"1"), expected, "{path}");
                assert_eq!(host.store_delete(path), expected, "{path}");
                assert_eq!(host.store_delete_value(path), expected, "{path}");
                assert!(host.store_has(path).is_ok());
            }
            // The root, which kernels have no use for.
            "readonly" => assert_eq!(path, Err(PathError::Empty)),
            "invalid" => {
                assert!(path.is_err(), "{bytes:?}");
                assert!(!matches!(path, Err(PathError::TooLong { .. })));
            }
            "too_large" => {
                let len = bytes.len();
                assert_eq!(path, Err(PathError::TooLong { len }));
            }
            class => panic!("unknown class {class}"),
        }
        // Built step by step it is judged alike.
        let mut steps = bytes.split(|byte| *byte == b'/');
        if let (Some([]), Some(first)) = (steps.next(), steps.next()) {
            let first = [b"/", first].concat();
            let built = Path::new(&first).and_then(|first| {
                let mut built: PathBuf = PathBuf::from_path(first);
                steps.try_for_each(|step| built.push(step))?;
                Ok(built)
            });
            match (&path, built) {
                (Ok(path), Ok(built)) => assert_eq!(built.as_path(), *path),
                (Err(_), Err(_)) => {}
                (path, built) => panic!("{path:?} and {built:?}"),
            }
        }
        seen += 1;
    }
    assert_eq!(seen, 36);
}
