//! The official `RLPTests`.

use alloy_primitives::U512;
use e2e_tests::suites::Files;
use ethereum::rlp::{Decoder, Encode, Error, Item, Str, encode};
use serde_json::Value;

#[derive(Debug, PartialEq)]
enum Tree {
    String(Vec<u8>),
    List(Vec<Tree>),
}

impl Encode for Tree {
    fn length(&self) -> usize {
        match self {
            Self::String(bytes) => Str(bytes).length(),
            Self::List(items) => items.length(),
        }
    }

    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::String(bytes) => Str(bytes).encode(out),
            Self::List(items) => items.encode(out),
        }
    }
}

fn integer(digits: &str) -> Tree {
    Tree::String(
        digits
            .parse::<U512>()
            .expect("decimal")
            .to_be_bytes_trimmed_vec(),
    )
}

fn expected(value: &Value) -> Tree {
    match value {
        Value::Array(items) => Tree::List(items.iter().map(expected).collect()),
        Value::Number(number) => integer(&number.to_string()),
        Value::String(text) => match text.strip_prefix('#') {
            Some(digits) => integer(digits),
            None => Tree::String(text.clone().into_bytes()),
        },
        other => panic!("unexpected {other}"),
    }
}

fn item(decoder: &mut Decoder<'_>) -> Result<Tree, Error> {
    match decoder.item()? {
        Item::String(bytes) => Ok(Tree::String(bytes.to_vec())),
        Item::List(mut items) => {
            let mut list = Vec::new();
            while !items.is_empty() {
                list.push(item(&mut items)?);
            }
            Ok(Tree::List(list))
        }
    }
}

fn decode(bytes: &[u8]) -> Result<Tree, Error> {
    let mut decoder = Decoder::new(bytes);
    let tree = item(&mut decoder)?;
    decoder.finish()?;
    Ok(tree)
}

pub(crate) fn every_official_rlp_is_read_and_written_as_it_says(files: &Files) {
    let (mut run, mut invalid) = (0, 0);
    for (path, text) in files.iter().filter(|(path, _)| path.contains("/RLPTests/")) {
        let tests: Value = serde_json::from_slice(text).expect("JSON");
        for (name, test) in tests.as_object().expect("tests") {
            let bytes = super::bytes(test["out"].as_str().expect("out"));
            let decoded = decode(&bytes);
            match test["in"].as_str() {
                Some("INVALID") => {
                    assert!(decoded.is_err(), "{path} {name}: accepted");
                    invalid += 1;
                }
                Some("VALID") => assert_eq!(encode(&decoded.unwrap()), bytes, "{path} {name}"),
                _ => {
                    let tree = expected(&test["in"]);
                    assert_eq!(encode(&tree), bytes, "{path} {name}");
                    assert_eq!(decoded, Ok(tree), "{path} {name}");
                }
            }
            run += 1;
        }
    }
    assert!(run >= 55 && invalid >= 26, "{run} run, {invalid} invalid");
}
