//! Answers of the other chain's node. An answer of another form is an error: it is not
//! taken for zero, not kept and not passed on.

use alloy_primitives::{B256, Bytes, U256, hex};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::HashMap;

/// The most characters of what a node says in an error.
const SHOWN: usize = 200;

/// The most entries of what a node says besides an error.
const MAX_ENTRIES: usize = 16;

/// A quantity: `0x` and 1 to 64 digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Quantity(pub(super) U256);

impl TryFrom<String> for Quantity {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let digits = digits(&text).filter(|digits| (1..=64).contains(&digits.len()));
        let number = digits.and_then(|digits| U256::from_str_radix(digits, 16).ok());
        number
            .map(Self)
            .ok_or_else(|| format!("{text:?} is not a quantity"))
    }
}

/// A quantity of at most 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Quantity")]
pub(super) struct Number(pub(super) u64);

impl TryFrom<Quantity> for Number {
    type Error = String;

    fn try_from(Quantity(number): Quantity) -> Result<Self, String> {
        let narrow = u64::try_from(number).map(Self);
        narrow.map_err(|_| format!("{number:#x} has more than 64 bits"))
    }
}

/// 32 bytes: `0x` and 64 digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Word(pub(super) B256);

impl TryFrom<String> for Word {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let word = digits(&text).and_then(|digits| digits.parse().ok());
        word.map(Self)
            .ok_or_else(|| format!("{text:?} is not 32 bytes"))
    }
}

/// Bytes: `0x` and an even count of digits.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Data(pub(super) Bytes);

impl TryFrom<String> for Data {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let bytes = digits(&text).and_then(|digits| hex::decode(digits).ok());
        bytes
            .map(|bytes| Self(bytes.into()))
            .ok_or_else(|| format!("{text:?} are no bytes"))
    }
}

/// The digits behind `0x`, if there are only digits.
fn digits(text: &str) -> Option<&str> {
    let digits = text.strip_prefix("0x")?;
    let all = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    all.then_some(digits)
}

/// The identity of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct BlockName {
    hash: Word,
    number: Number,
}

/// The hash of the block with a number, from an answer to `eth_getBlockByNumber`; `None`: there
/// is no such block.
pub(super) fn block_hash(answer: &RawValue, number: u64) -> Result<Option<B256>, String> {
    let block: Option<BlockName> = object(answer)?;
    match block {
        Some(block) if block.number.0 != number => {
            Err(format!("it is block {}, not {number}", block.number.0))
        }
        block => Ok(block.map(|block| block.hash.0)),
    }
}

/// Reads an answer.
pub(super) fn read<'a, T: Deserialize<'a>>(answer: &'a RawValue) -> Result<T, String> {
    serde_json::from_str(answer.get()).map_err(|error| error.to_string())
}

/// Checks the answer to a method that the answer is passed on of.
///
/// # Errors
/// An error that names the fault.
pub(super) fn check(method: &str, params: &Value, answer: &RawValue) -> Result<(), String> {
    match method {
        "eth_getBalance" | "eth_getTransactionCount" | "eth_estimateGas" => {
            read::<Quantity>(answer).map(|_| ())
        }
        "eth_getStorageAt" => read::<Word>(answer).map(|_| ()),
        "eth_getCode" | "eth_call" => read::<Data>(answer).map(|_| ()),
        "eth_getBlockTransactionCountByNumber"
        | "eth_getBlockTransactionCountByHash"
        | "eth_getUncleCountByBlockNumber"
        | "eth_getUncleCountByBlockHash" => read::<Option<Quantity>>(answer).map(|_| ()),
        "eth_getRawTransactionByHash"
        | "eth_getRawTransactionByBlockNumberAndIndex"
        | "eth_getRawTransactionByBlockHashAndIndex"
        | "debug_getRawTransaction"
        | "debug_getRawBlock"
        | "debug_getRawHeader"
        | "ots_getTransactionError" => read::<Option<Data>>(answer).map(|_| ()),
        "debug_getRawReceipts" => read::<Option<Vec<Data>>>(answer).map(|_| ()),
        "ots_hasCode" => read::<bool>(answer).map(|_| ()),
        "eth_getBlockByNumber"
        | "eth_getBlockByHash"
        | "eth_getHeaderByNumber"
        | "eth_getHeaderByHash"
        | "erigon_getHeaderByNumber" => block(params, answer),
        "eth_getTransactionByHash" => transaction(params, answer, "hash"),
        "eth_getTransactionReceipt" => transaction(params, answer, "transactionHash"),
        "eth_getLogs" => logs(answer),
        _ => compound(method, params, answer),
    }
}

/// The block that was asked for, or null.
fn block(params: &Value, answer: &RawValue) -> Result<(), String> {
    let block: Option<BlockName> = object(answer)?;
    let asked = params.get(0).cloned().unwrap_or_default();
    let asked = asked.as_str().unwrap_or_default().to_owned();
    let Some(block) = block else {
        return Ok(());
    };
    // A hash is a quantity by its form, too.
    let other = match Word::try_from(asked.clone()) {
        Ok(hash) => hash != block.hash,
        Err(_) => Quantity::try_from(asked.clone())
            .is_ok_and(|number| number.0 != U256::from(block.number.0)),
    };
    match other {
        true => Err(format!("it is another block than {asked}")),
        false => Ok(()),
    }
}

/// The transaction that was asked for, or null.
fn transaction(params: &Value, answer: &RawValue, name: &str) -> Result<(), String> {
    let fields: Option<Value> = object(answer)?;
    let Some(fields) = fields else {
        return Ok(());
    };
    let hash = fields.get(name).and_then(Value::as_str);
    let hash = hash.ok_or_else(|| format!("it has no {name}"))?;
    let hash = Word::try_from(hash.to_owned())?;
    let asked = params.get(0).and_then(Value::as_str).unwrap_or_default();
    match Word::try_from(asked.to_owned()) {
        Ok(asked) if asked != hash => Err(format!("it is another transaction: {}", hash.0)),
        _ => Ok(()),
    }
}

fn logs(answer: &RawValue) -> Result<(), String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Log {
        #[serde(rename = "address")]
        _address: Data,
        #[serde(rename = "topics")]
        _topics: Vec<Word>,
        #[serde(rename = "data")]
        _data: Data,
        #[serde(rename = "blockNumber")]
        _block: Number,
    }
    read::<Vec<Object>>(answer)?;
    read::<Vec<Log>>(answer).map(|_| ())
}

/// Lists and objects.
fn compound(method: &str, params: &Value, answer: &RawValue) -> Result<(), String> {
    let first = answer.get().bytes().next().unwrap_or_default();
    let fits = match method {
        "eth_getProof"
        | "eth_feeHistory"
        | "eth_createAccessList"
        | "eth_getStorageValues"
        | "eth_getAccountInfo"
        | "trace_call"
        | "trace_replayTransaction" => first == b'{',
        "eth_simulateV1" => first == b'[',
        "eth_getBlockReceipts"
        | "debug_traceBlockByNumber"
        | "debug_traceBlockByHash"
        | "trace_block"
        | "trace_transaction"
        | "trace_replayBlockTransactions"
        | "ots_getInternalOperations"
        | "ots_traceTransaction" => return read::<Option<Vec<Object>>>(answer).map(|_| ()),
        "debug_traceTransaction" | "debug_traceCall" => return trace(params, answer),
        _ => matches!(first, b'{' | b'n'),
    };
    match fits {
        true => Ok(()),
        false => Err(format!("{} is of another type", answer.get())),
    }
}

/// Tracers write objects, but for the flat one; those that only the other node has, such as ones
/// in JavaScript, write what they like.
fn trace(params: &Value, answer: &RawValue) -> Result<(), String> {
    let mut options = params.as_array().into_iter().flatten();
    let tracer = options.find_map(|options| options.get("tracer")?.as_str());
    match tracer.unwrap_or_default() {
        "" | "callTracer" | "prestateTracer" | "4byteTracer" | "muxTracer" | "noopTracer" => {
            read::<Object>(answer).map(|_| ())
        }
        "flatCallTracer" => read::<Vec<Object>>(answer).map(|_| ()),
        _ if answer.get() == "null" => Err("there is no trace".into()),
        _ => Ok(()),
    }
}

/// Any object. (A struct would take lists, too.)
type Object = HashMap<String, IgnoredAny>;

/// Reads an object, or null.
fn object<'a, T: Deserialize<'a>>(answer: &'a RawValue) -> Result<Option<T>, String> {
    read::<Option<Object>>(answer)?;
    read(answer)
}

/// The start of a text, in one line; what a terminal would obey, or a reader not see, is escaped.
pub(super) fn start(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut shown = String::new();
    let mut count = 0;
    for letter in line.chars() {
        let letter: String = match is_hidden(letter) {
            true => letter.escape_unicode().collect(),
            false => letter.into(),
        };
        count += letter.chars().count();
        if count > SHOWN {
            break;
        }
        shown.push_str(&letter);
    }
    shown
}

/// Control characters, and those that change the direction of text or have no width.
fn is_hidden(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// A node's details of an error: bytes as they are, as of a revert, and the start of words.
pub(super) fn besides(data: Value) -> Value {
    match data {
        Value::String(text) if digits(&text).is_some() => Value::String(text),
        Value::String(text) => Value::String(start(&text)),
        Value::Array(list) => list.into_iter().take(MAX_ENTRIES).map(besides).collect(),
        Value::Object(fields) => {
            let fields = fields.into_iter().take(MAX_ENTRIES);
            let fields = fields.map(|(name, value)| (start(&name), besides(value)));
            Value::Object(fields.collect())
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn fits(method: &str, params: &Value, answer: &Value) -> bool {
        let answer = RawValue::from_string(answer.to_string()).unwrap();
        check(method, params, &answer).is_ok()
    }

    #[test]
    fn quantities_words_and_bytes_have_their_form_alone() {
        let word = format!("{:#066x}", 5);
        let nothing = [
            json!(""),
            json!("5"),
            json!(5),
            json!([]),
            json!({}),
            json!(null),
            json!(true),
            json!("0xg"),
            json!("0x+5"),
            json!("0X5"),
            json!(format!("0x{}", "1".repeat(65))),
        ];
        for (method, good, bad) in [
            (
                "eth_getBalance",
                vec![json!("0x0"), json!("0x5")],
                vec![json!("0x")],
            ),
            (
                "eth_getStorageAt",
                vec![json!(word)],
                vec![
                    json!("0x"),
                    json!("0x0"),
                    json!(&word[2..]),
                    json!(&word[..64]),
                ],
            ),
            (
                "eth_getCode",
                vec![json!("0x"), json!("0x00ff")],
                vec![json!("0x0")],
            ),
        ] {
            for answer in good {
                assert!(fits(method, &json!([]), &answer), "{method} {answer}");
            }
            for answer in bad.iter().chain(&nothing) {
                assert!(!fits(method, &json!([]), answer), "{method} {answer}");
            }
        }
    }

    #[test]
    fn another_block_or_transaction_is_no_answer() {
        let (hash, other) = (B256::repeat_byte(1), B256::repeat_byte(2));
        let block = json!({ "hash": hash, "number": "0x5" });
        for (asked, good) in [
            (json!("0x5"), true),
            (json!("0x6"), false),
            (json!(hash), true),
            (json!(other), false),
        ] {
            assert_eq!(fits("eth_getBlockByNumber", &json!([asked]), &block), good);
        }
        let list = json!([hash, "0x5"]);
        assert!(!fits("eth_getBlockByNumber", &json!(["0x5"]), &list));
        let sent = json!({ "hash": hash });
        assert!(fits("eth_getTransactionByHash", &json!([hash]), &sent));
        assert!(!fits("eth_getTransactionByHash", &json!([other]), &sent));
        for wrong in [
            json!(""),
            json!(5),
            json!([]),
            json!({}),
            json!({ "hash": 5 }),
        ] {
            for method in ["eth_getBlockByNumber", "eth_getTransactionByHash"] {
                assert!(!fits(method, &json!([hash]), &wrong), "{method} {wrong}");
            }
        }
        for method in ["eth_getBlockReceipts", "trace_block", "eth_getLogs"] {
            for wrong in [json!(""), json!({}), json!([5]), json!([""])] {
                assert!(!fits(method, &json!([]), &wrong), "{method} {wrong}");
            }
            assert!(fits(method, &json!([]), &json!([])));
        }
        for method in ["eth_getProof", "eth_feeHistory", "trace_get"] {
            assert!(!fits(method, &json!([]), &json!("0x")), "{method}");
            assert!(fits(method, &json!([]), &json!({})), "{method}");
        }
    }

    #[test]
    fn words_of_others_are_short_and_visible() {
        assert_eq!(start("a\u{1b}[2J\u{202e}b\n c"), "a\\u{1b}[2J\\u{202e}b c");
        assert_eq!(start(&"x".repeat(1_000)).len(), SHOWN);
        assert_eq!(start(&"\u{7}".repeat(1_000)).len(), SHOWN - SHOWN % 5);
        let data = json!({ "data": "0x08c379a0", "message": "\u{1b}" });
        let shown = json!({ "data": "0x08c379a0", "message": "\\u{1b}" });
        assert_eq!(besides(data), shown);
    }

    proptest! {
        #[test]
        fn any_text_is_shown_short(text: String) {
            let shown = start(&text);
            prop_assert!(shown.chars().count() <= SHOWN);
            prop_assert!(!shown.chars().any(is_hidden));
        }

        #[test]
        fn quantities_survive_a_round_trip(number: [u64; 4]) {
            let number = U256::from_limbs(number);
            prop_assert_eq!(Quantity::try_from(format!("{number:#x}")), Ok(Quantity(number)));
        }
    }
}
