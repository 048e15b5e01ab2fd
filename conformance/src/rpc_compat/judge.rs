//! An answer against the one that was recorded.

use node::rpc::RpcError;
use serde_json::{Map, Value, json};

/// The fields whose form alone is compared, and why.
pub const OWN_FIELDS: &[(&str, &str)] = &[
    ("hash", "of a block of our own"),
    ("parentHash", "of a block of our own"),
    ("blockHash", "of a block of our own"),
    (
        "accountProof",
        "the bridge's contracts are accounts, and empty ones are none",
    ),
    (
        "parentBeaconBlockRoot",
        "there is no beacon chain behind this one",
    ),
    (
        "mixHash",
        "the randomness of a level, not of a beacon chain",
    ),
    ("stateRoot", "the kernel's commitment is not a trie's root"),
    ("receiptsRoot", "gas by our rules, and types of our own"),
    (
        "transactionsRoot",
        "blocks without the transactions that a rollup cannot have",
    ),
];

/// Judges an answer; `shape`: by its form alone.
pub(super) fn judge(
    expected: &Value,
    actual: &Result<Value, RpcError>,
    shape: bool,
) -> Result<(), String> {
    match (expected.get("error"), actual) {
        (Some(error), Err(actual)) => {
            let (code, data) = (&error["code"], error.get("data"));
            if *code != json!(actual.code) || data != actual.data.as_ref() {
                return Err(format!("expected {error}, not {actual:?}"));
            }
            Ok(())
        }
        (Some(error), Ok(actual)) => Err(format!("expected {error}, not {actual}")),
        (None, Err(actual)) => Err(format!("expected a result, not {actual:?}")),
        (None, Ok(actual)) => {
            let compare = if shape { same_shape } else { same };
            compare(&expected["result"], actual, "result")
        }
    }
}

/// Compares an answer, but for the fields of [`OWN_FIELDS`].
fn same(expected: &Value, actual: &Value, place: &str) -> Result<(), String> {
    match (expected, actual) {
        (Value::Object(fields), Value::Object(others)) => {
            let (fields, others) = &without_root(fields, others);
            same_fields(fields, others, place)?;
            for (name, value) in fields {
                let place = format!("{place}.{name}");
                let own = OWN_FIELDS.iter().any(|(field, _)| field == name);
                let other = others.get(name).unwrap_or(&Value::Null);
                if own && is_form(value) {
                    same_shape(value, other, &place)?;
                } else {
                    same(value, other, &place)?;
                }
            }
            Ok(())
        }
        (Value::Array(items), Value::Array(others)) => {
            if items.len() != others.len() {
                return Err(format!(
                    "{place}: expected {} items, not {}",
                    items.len(),
                    others.len()
                ));
            }
            let mut pairs = items.iter().zip(others).enumerate();
            pairs.try_for_each(|(index, (item, other))| {
                same(item, other, &format!("{place}[{index}]"))
            })
        }
        _ if expected == actual => Ok(()),
        _ => Err(format!("{place}: expected {expected}, not {actual}")),
    }
}

/// Before Byzantium a receipt had the state's root; ours have a status.
const ROOT: &str = "root";
const STATUS: &str = "status";

/// The fields of two receipts without those, if one has the one and one the other.
fn without_root(
    expected: &Map<String, Value>,
    actual: &Map<String, Value>,
) -> (Map<String, Value>, Map<String, Value>) {
    let (mut expected, mut actual) = (expected.clone(), actual.clone());
    let is_root = expected.get(ROOT).is_some_and(is_form);
    if is_root && !expected.contains_key(STATUS) && actual.contains_key(STATUS) {
        expected.remove(ROOT);
        actual.remove(STATUS);
    }
    (expected, actual)
}

/// True if the value is a hash, or a list.
fn is_form(value: &Value) -> bool {
    value.is_array() || value.as_str().is_some_and(|text| text.len() == 66)
}

/// Compares the fields and the kinds of an answer.
fn same_shape(expected: &Value, actual: &Value, place: &str) -> Result<(), String> {
    match (expected, actual) {
        (Value::Object(fields), Value::Object(others)) => {
            same_fields(fields, others, place)?;
            fields.iter().try_for_each(|(name, value)| {
                let other = others.get(name).unwrap_or(&Value::Null);
                same_shape(value, other, &format!("{place}.{name}"))
            })
        }
        (Value::Array(items), Value::Array(others)) => {
            let mut pairs = items.iter().zip(others);
            pairs.try_for_each(|(item, other)| same_shape(item, other, place))
        }
        (Value::String(text), Value::String(other))
            if text.starts_with("0x") == other.starts_with("0x")
                && (text.len() == 66) == (other.len() == 66) =>
        {
            Ok(())
        }
        (Value::Number(_), Value::Number(_)) | (Value::Bool(_), Value::Bool(_)) => Ok(()),
        (Value::Null, Value::Null) => Ok(()),
        _ => Err(format!(
            "{place}: expected the form of {expected}, not {actual}"
        )),
    }
}

fn same_fields(
    expected: &Map<String, Value>,
    actual: &Map<String, Value>,
    place: &str,
) -> Result<(), String> {
    let missing = expected.keys().find(|name| !actual.contains_key(*name));
    let extra = actual.keys().find(|name| !expected.contains_key(*name));
    match (missing, extra) {
        (Some(name), _) => Err(format!("{place}: {name} is missing")),
        (_, Some(name)) => Err(format!("{place}: {name} is too much")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::B256;

    #[test]
    fn own_fields_are_compared_by_their_form() {
        let hash = |byte: u8| B256::repeat_byte(byte).to_string();
        let expected = json!({ "hash": hash(1), "gas": "0x1" });
        assert!(same(&expected, &json!({ "hash": hash(2), "gas": "0x1" }), "").is_ok());
        assert!(same(&expected, &json!({ "hash": "0x2", "gas": "0x1" }), "").is_err());
        assert!(same(&expected, &json!({ "hash": hash(1), "gas": "0x2" }), "").is_err());
        assert!(same(&expected, &json!({ "hash": hash(1) }), "").is_err());
        let root = json!({ "root": hash(3), "gas": "0x1" });
        let status = json!({ "status": "0x1", "gas": "0x1" });
        assert!(same(&root, &status, "").is_ok());
        assert!(same(&status, &root, "").is_err());
        assert!(same(&json!({ "gas": "0x1" }), &status, "").is_err());
        let more = json!({ "hash": hash(1), "gas": "0x1", "more": 1 });
        assert!(same(&expected, &more, "").is_err());
    }

    #[test]
    fn errors_are_compared_by_code_and_data() {
        let expected = json!({ "error": { "code": 3, "message": "reverted", "data": "0x01" } });
        let error = |code, data: &str| {
            Err(RpcError {
                code,
                message: "other words".into(),
                data: Some(json!(data)),
            })
        };
        assert!(judge(&expected, &error(3, "0x01"), false).is_ok());
        assert!(judge(&expected, &error(4, "0x01"), false).is_err());
        assert!(judge(&expected, &error(3, "0x02"), false).is_err());
        assert!(judge(&expected, &Ok(json!(1)), false).is_err());
    }
}
