//! Errors of contracts as text, for lines of a log.

use super::decode::{self, Decoded};
use super::{own, plain};
use alloy_dyn_abi::DynSolValue;
use alloy_primitives::{Selector, hex};
use node::abis::Names;

/// The most items of a list, and bytes of a value, that are told.
const MOST: usize = 32;

/// The most characters of an error.
const LONGEST: usize = 400;

/// What a call reverted with, by the ABIs that were given and the list of our own: the error's name
/// with its arguments. `None`: nobody has named it, or the arguments are not those of its ABI.
#[must_use]
pub fn error_words(given: &Names, output: &[u8]) -> Option<String> {
    let selector = Selector::from_slice(output.get(..4)?);
    let own = own::names().errors(&selector);
    let mut known = given.errors(&selector).iter().chain(own);
    let text = words(&known.find_map(|error| decode::error(error, output))?);
    Some(match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    })
}

fn words(error: &Decoded) -> String {
    let values = error.values.iter().map(|named| {
        let value = value(&named.value);
        match named.name.as_str() {
            "" => value,
            name => format!("{}: {value}", plain(name)),
        }
    });
    let values: Vec<String> = values.collect();
    format!("{}({})", plain(&error.name), values.join(", "))
}

fn value(value: &DynSolValue) -> String {
    match value {
        DynSolValue::Bool(yes) => yes.to_string(),
        DynSolValue::Int(number, _) => number.to_string(),
        DynSolValue::Uint(number, _) => number.to_string(),
        DynSolValue::FixedBytes(word, size) => bytes(word.get(..*size).unwrap_or_default()),
        DynSolValue::Address(address) => address.to_string(),
        DynSolValue::Function(function) => bytes(function.as_slice()),
        DynSolValue::Bytes(all) => bytes(all),
        DynSolValue::String(text) => format!("\"{}\"", plain(text)),
        DynSolValue::Tuple(items) => format!("({})", many(items)),
        DynSolValue::Array(items) | DynSolValue::FixedArray(items) => format!("[{}]", many(items)),
    }
}

fn many(items: &[DynSolValue]) -> String {
    let mut shown: Vec<String> = items.iter().take(MOST).map(value).collect();
    if items.len() > MOST {
        shown.push("…".to_owned());
    }
    shown.join(", ")
}

fn bytes(bytes: &[u8]) -> String {
    match bytes.get(..MOST) {
        Some(start) if bytes.len() > MOST => format!("{}…", hex::encode_prefixed(start)),
        _ => hex::encode_prefixed(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_dyn_abi::JsonAbiExt;
    use alloy_json_abi::JsonAbi;
    use alloy_primitives::U256;
    use node::abis::Artefact;

    #[test]
    fn an_error_is_told_by_its_name_and_arguments() {
        let abi = JsonAbi::parse(["error Late(uint256 by, string why)"]).unwrap();
        let error = abi.errors().next().unwrap().clone();
        let mut names = Names::default();
        let output = |why: &str| {
            let values = [
                DynSolValue::Uint(U256::from(7), 256),
                DynSolValue::String(why.to_owned()),
            ];
            let mut bytes = error.selector().to_vec();
            bytes.extend(error.abi_encode_input_raw(&values).unwrap());
            bytes
        };
        assert_eq!(error_words(&names, &output("x")), None);
        names.add("Clock", None, Artefact::of(abi)).unwrap();
        assert_eq!(
            error_words(&names, &output("it's\n")).as_deref(),
            Some("Late(by: 7, why: \"it's\\u{a}\")")
        );
        let long = error_words(&names, &output(&"x".repeat(9_000))).unwrap();
        assert_eq!(long.chars().count(), LONGEST + 1);
        // Arguments that are not those of the ABI, and no error at all.
        assert_eq!(error_words(&names, &output("x")[..9]), None);
        assert_eq!(error_words(&names, &[1, 2]), None);
    }
}
