//! Inputs files: the messages of some levels, as JSON (docs/machine.md, "Inputs files").
//!
//! ```json
//! [[{"external": "c0ffee"}, {"payload": "Pair 1 Unit", "sender": "KT1…"}],
//!  [{"serialized": "0102"}]]
//! ```

use crate::michelson::{self, MichelsonError};
use messages::address::{self, AddressError, Kind};
use serde::Deserialize;
use serde_json::Value;

/// The messages of each level, the inbox tag included.
pub type Levels = Vec<Vec<Vec<u8>>>;

/// Why a file is no inputs file.
#[derive(Debug, thiserror::Error)]
pub enum InputsError {
    /// It is not JSON of the right shape.
    #[error("not an inputs file, which is a list of levels, each a list of messages: {0}")]
    Syntax(#[from] serde_json::Error),
    /// A message has no sense.
    #[error("message {message} of level {level}: {why}")]
    Message {
        /// In which level, from 0 on.
        level: usize,
        /// Which message of it, from 0 on.
        message: usize,
        /// The fault.
        why: MessageError,
    },
}

/// Why an entry is no message.
#[derive(Debug, thiserror::Error)]
pub enum MessageError {
    /// None of the three forms.
    #[error(
        "expected {{\"external\": HEX}}, {{\"serialized\": HEX}} or {{\"payload\": MICHELSON}} (with \
         \"sender\", \"source\" and \"destination\" if you like): {0}"
    )]
    Form(String),
    /// Not hex.
    #[error("invalid hex: {0}")]
    Hex(#[from] hex::FromHexError),
    /// No address of the kind that belongs there.
    #[error("{field}: {why}")]
    Address {
        /// The field of the entry.
        field: &'static str,
        /// Why.
        why: AddressError,
    },
    /// No data.
    #[error("invalid payload: {0}")]
    Michelson(#[from] MichelsonError),
    /// Layer 1 takes no longer messages.
    #[error("{0} bytes, more than the {max} that fit a message", max = host::MAX_MESSAGE)]
    TooLong(usize),
    /// Layer 1 makes none without a tag.
    #[error("no bytes: each message begins with a tag, 00 or 01")]
    Empty,
}

enum Entry {
    External(External),
    Serialized(Serialized),
    Transfer(Transfer),
}

impl Entry {
    /// Reads an entry by the field that tells its form.
    fn read(entry: Value) -> Result<Self, MessageError> {
        let has = |field| entry.get(field).is_some();
        let read = match (has("external"), has("serialized"), has("payload")) {
            (true, false, false) => serde_json::from_value(entry).map(Self::External),
            (false, true, false) => serde_json::from_value(entry).map(Self::Serialized),
            (false, false, true) => serde_json::from_value(entry).map(Self::Transfer),
            (false, false, false) => {
                let found = match entry.as_object() {
                    Some(fields) => match fields.keys().next() {
                        Some(field) => format!("there is a field {field:?} instead"),
                        None => "it has no field".to_owned(),
                    },
                    None => "it is no object".to_owned(),
                };
                return Err(MessageError::Form(found));
            }
            _ => return Err(MessageError::Form("it has two of them".to_owned())),
        };
        read.map_err(|error| MessageError::Form(error.to_string()))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct External {
    external: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Serialized {
    serialized: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Transfer {
    payload: String,
    sender: Option<String>,
    source: Option<String>,
    destination: Option<String>,
}

/// The levels in the text of an inputs file. Transfers that name no
/// destination go to `rollup`.
///
/// # Errors
/// If the text is not a valid inputs file.
pub fn parse(text: &str, rollup: &[u8; 20]) -> Result<Levels, InputsError> {
    let levels: Vec<Vec<Value>> = serde_json::from_str(text)?;
    let levels = levels.into_iter().enumerate().map(|(level, entries)| {
        let messages = entries.into_iter().enumerate().map(|(message, entry)| {
            let bytes = Entry::read(entry).and_then(|entry| bytes(&entry, rollup));
            bytes.map_err(|why| InputsError::Message {
                level,
                message,
                why,
            })
        });
        messages.collect()
    });
    levels.collect()
}

fn bytes(entry: &Entry, rollup: &[u8; 20]) -> Result<Vec<u8>, MessageError> {
    let bytes = match entry {
        Entry::External(External { external }) => {
            let mut bytes = vec![1];
            bytes.extend(decode_hex(external)?);
            bytes
        }
        Entry::Serialized(Serialized { serialized }) => match decode_hex(serialized)? {
            bytes if bytes.is_empty() => return Err(MessageError::Empty),
            bytes => bytes,
        },
        Entry::Transfer(transfer) => transfer.bytes(rollup)?,
    };
    if bytes.len() > host::MAX_MESSAGE {
        return Err(MessageError::TooLong(bytes.len()));
    }
    Ok(bytes)
}

/// The bytes of hex digits, with `0x` in front or without.
pub(crate) fn decode_hex(text: &str) -> Result<Vec<u8>, hex::FromHexError> {
    hex::decode(text.strip_prefix("0x").unwrap_or(text))
}

impl Transfer {
    /// Sender and source are null addresses by default.
    fn bytes(&self, rollup: &[u8; 20]) -> Result<Vec<u8>, MessageError> {
        let mut bytes = vec![0, 0];
        bytes.extend(michelson::encode(&self.payload)?);
        match &self.sender {
            Some(sender) => {
                let parsed = address::parse(Kind::Kt1, sender);
                bytes.extend(parsed.map_err(in_field("sender"))?);
            }
            None => bytes.extend([0; 20]),
        }
        bytes.extend(match &self.source {
            Some(source) => public_key_hash(source).map_err(in_field("source"))?,
            None => vec![0; 21],
        });
        match &self.destination {
            Some(destination) => {
                let parsed = address::rollup(destination);
                bytes.extend(parsed.map_err(in_field("destination"))?);
            }
            None => bytes.extend(rollup),
        }
        Ok(bytes)
    }
}

/// An error of an address, with its field.
fn in_field(field: &'static str) -> impl Fn(AddressError) -> MessageError {
    move |why| MessageError::Address { field, why }
}

/// Curve tag and hash.
fn public_key_hash(text: &str) -> Result<Vec<u8>, AddressError> {
    let (kind, hash) = address::decode(text)?;
    let tag = match kind {
        Kind::Tz1 => 0,
        Kind::Tz2 => 1,
        Kind::Tz3 => 2,
        Kind::Tz4 => 3,
        actual => {
            return Err(AddressError::WrongKind {
                expected: Kind::Tz1,
                actual,
            });
        }
    };
    Ok([&[tag], &hash[..]].concat())
}

/// The 20 bytes behind a rollup's address `sr1…`.
///
/// # Errors
/// If the text is no such address.
pub fn rollup_address(text: &str) -> Result<[u8; 20], AddressError> {
    address::rollup(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_message_is_taken() {
        let text = r#"[
            [{"external": "aabb"}, {"serialized": "0102"}],
            [],
            [{"payload": "Unit"},
             {"payload": "1", "sender": "KT18amZmM5W7qDWVt2pH6uj7sCEd3kbzLrHT",
              "source": "tz1Ke2h7sDdakHJQh8WX4Z372du1KChsksyU",
              "destination": "sr163Lv22CdE8QagCwf48PWDTquk6isQwv57"}]
        ]"#;
        let levels = parse(text, &[7; 20]).unwrap();
        assert_eq!(levels[0], [vec![1, 0xaa, 0xbb], vec![1, 2]]);
        assert!(levels[1].is_empty());
        let to_us = [&[0, 0, 3, 11], &[0; 41][..], &[7; 20]].concat();
        let to_null = [&[0, 0, 0, 1][..], &[0; 61]].concat();
        assert_eq!(levels[2], [to_us, to_null]);
    }

    #[test]
    fn a_wrong_message_is_named_by_its_place() {
        for wrong in [
            r#"{"external": "abc"}"#.to_owned(),
            r#"{"serialized": ""}"#.to_owned(),
            r#"{"payload": "Unit", "sender": "tz1Ke2h7sDdakHJQh8WX4Z372du1KChsksyU"}"#.to_owned(),
            r#"{"payload": "Unit", "source": "KT18amZmM5W7qDWVt2pH6uj7sCEd3kbzLrHT"}"#.to_owned(),
            r#"{"payload": "(Unit"}"#.to_owned(),
            format!(r#"{{"external": "{}"}}"#, "00".repeat(4096)),
        ] {
            let error = parse(&format!(r#"[[], [{{"external": ""}}, {wrong}]]"#), &[0; 20]);
            let error = error.unwrap_err().to_string();
            assert!(error.starts_with("message 1 of level 1: "), "{error}");
        }
        for (text, told) in [
            (
                "{}",
                "a list of levels, each a list of messages: invalid type: map",
            ),
            (
                r#"[{"external": "00"}]"#,
                "each a list of messages: invalid type: map",
            ),
            (
                r#"[[{"internal": "00"}]]"#,
                "there is a field \"internal\" instead",
            ),
            (r#"[["00"]]"#, "it is no object"),
            (r#"[[{}]]"#, "it has no field"),
            (
                r#"[[{"external": "00", "payload": "1"}]]"#,
                "it has two of them",
            ),
            (r#"[[{"external": 7}]]"#, "expected a string"),
            (
                r#"[[{"external": "00", "from": "x"}]]"#,
                "unknown field `from`",
            ),
            (
                r#"[[{"external": "0"}]]"#,
                "invalid hex: Odd number of digits",
            ),
        ] {
            let error = parse(text, &[0; 20]).unwrap_err().to_string();
            assert!(error.contains(told), "{text}: {error}");
        }
    }
}
