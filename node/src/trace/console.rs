//! `console.log` of Hardhat and Foundry: calls of an address without code, whose data are
//! the values to print.

use crate::abis::Given;
use crate::rpc::revert_words;
use crate::simulate::revert::RevertReason;
use alloy_primitives::{Address, Bytes, U256, address, hex, keccak256};
use revm::Inspector;
use revm::context_interface::ContextTr;
use revm::interpreter::interpreter::EthInterpreter;
use revm::interpreter::{CallInputs, CallOutcome};
use std::collections::HashMap;
use std::sync::LazyLock;

/// The address that is called.
const CONSOLE: Address = address!("0x000000000000000000636F6e736F6c652e6c6f67");

/// Most lines of a transaction.
const MAX_LINES: usize = 1_000;

/// Most bytes of these lines' values.
const MAX_BYTES: usize = 4 << 20;

/// Gathers what contracts print.
#[derive(Clone, Debug, Default)]
pub struct Console {
    calls: Vec<Bytes>,
    bytes: usize,
}

impl Console {
    /// Takes the lines so far.
    pub fn take(&mut self) -> Vec<String> {
        let Self { calls, .. } = std::mem::take(self);
        calls.iter().filter_map(|data| line(data)).collect()
    }
}

impl<C: ContextTr> Inspector<C, EthInterpreter> for Console {
    fn call(&mut self, context: &mut C, inputs: &mut CallInputs) -> Option<CallOutcome> {
        let bytes = self.bytes.saturating_add(inputs.input.len());
        if inputs.bytecode_address == CONSOLE && self.calls.len() < MAX_LINES && bytes <= MAX_BYTES
        {
            self.bytes = bytes;
            self.calls.push(inputs.input.bytes(context));
        }
        None
    }
}

/// True if code or initcode may print: the address is in it.
#[must_use]
pub fn may_print(code: &[u8]) -> bool {
    const NAME: &[u8] = b"console.log";
    code.windows(NAME.len()).any(|window| window == NAME)
}

/// Why a transaction failed, in words.
pub(crate) fn reason(output: Option<&Bytes>, halt: Option<String>, names: &Given) -> String {
    let output: &[u8] = output.map_or(&[], |output| output);
    halt.unwrap_or_else(|| reverted(output, names))
}

/// The reason that a call reverted, in words.
pub(crate) fn reverted(output: &[u8], names: &Given) -> String {
    let custom = match RevertReason::read(output) {
        None => names.custom_error(output),
        Some(_) => None,
    };
    match custom {
        Some(custom) => format!("execution reverted: {custom}"),
        None => revert_words(output),
    }
}

/// The types of a value that can be printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Bytes,
    Unsigned,
    Signed,
    Bool,
    Address,
    /// So many bytes.
    Word(usize),
}

impl Kind {
    const ALL: [(&'static str, Self); 4] = [
        ("uint256", Self::Unsigned),
        ("string", Self::Text),
        ("bool", Self::Bool),
        ("address", Self::Address),
    ];
}

/// The types of the values, by the selector.
static SELECTORS: LazyLock<HashMap<[u8; 4], Vec<Kind>>> = LazyLock::new(|| {
    let mut table = HashMap::new();
    let mut add = |name: &str, types: &str, kinds: Vec<Kind>| {
        let hash = keccak256(format!("{name}({types})"));
        table.insert([hash[0], hash[1], hash[2], hash[3]], kinds);
    };
    add("log", "", Vec::new());
    let mut lists: Vec<(String, Vec<Kind>)> = vec![(String::new(), Vec::new())];
    for _ in 0..4 {
        lists = lists
            .iter()
            .flat_map(|(types, kinds)| {
                Kind::ALL.map(|(name, kind)| {
                    let comma = if types.is_empty() { "" } else { "," };
                    let kinds = [kinds.as_slice(), &[kind]].concat();
                    (format!("{types}{comma}{name}"), kinds)
                })
            })
            .collect();
        for (types, kinds) in &lists {
            add("log", types, kinds.clone());
            // As old versions named it.
            add("log", &types.replace("uint256", "uint"), kinds.clone());
        }
    }
    for name in ["log", "logUint"] {
        add(name, "uint256", vec![Kind::Unsigned]);
    }
    for name in ["log", "logInt"] {
        add(name, "int256", vec![Kind::Signed]);
        add(name, "int", vec![Kind::Signed]);
    }
    for name in ["log", "logBytes"] {
        add(name, "bytes", vec![Kind::Bytes]);
    }
    add("logString", "string", vec![Kind::Text]);
    add("logBool", "bool", vec![Kind::Bool]);
    add("logAddress", "address", vec![Kind::Address]);
    for size in 1..=32 {
        let types = format!("bytes{size}");
        add(&format!("logBytes{size}"), &types, vec![Kind::Word(size)]);
    }
    table
});

/// The line that call data print; `None` if they are none of `console.log`.
fn line(data: &[u8]) -> Option<String> {
    let (selector, values) = data.split_first_chunk::<4>()?;
    let kinds = SELECTORS.get(selector)?;
    let shown: Option<Vec<String>> = kinds
        .iter()
        .enumerate()
        .map(|(index, kind)| value(values, index, *kind))
        .collect();
    Some(format(shown?))
}

/// The first value may say where the others go: `%s` and its like.
fn format(values: Vec<String>) -> String {
    let mut values = values.into_iter();
    let Some(mut text) = values.next() else {
        return String::new();
    };
    let mut from = 0;
    for value in values {
        let place = ["%s", "%d", "%i", "%o", "%O"]
            .iter()
            .filter_map(|mark| text.get(from..)?.find(mark))
            .min();
        match place {
            Some(place) => {
                let start = from + place;
                text.replace_range(start..start + 2, &value);
                from = start + value.len();
            }
            None => {
                text.push(' ');
                text.push_str(&value);
                from = text.len();
            }
        }
    }
    text
}

fn value(values: &[u8], index: usize, kind: Kind) -> Option<String> {
    let word = values.get(32 * index..32 * index + 32)?;
    let number = U256::from_be_slice(word);
    Some(match kind {
        Kind::Unsigned => number.to_string(),
        Kind::Signed => alloy_primitives::I256::from_raw(number).to_string(),
        Kind::Bool => (!number.is_zero()).to_string(),
        Kind::Address => Address::from_slice(&word[12..]).to_checksum(None),
        Kind::Word(size) => hex::encode_prefixed(word.get(..size)?),
        Kind::Text | Kind::Bytes => {
            let offset = usize::try_from(number).ok()?;
            let length = values.get(offset..offset.checked_add(32)?)?;
            let length = usize::try_from(U256::from_be_slice(length)).ok()?;
            let start = offset + 32;
            let bytes = values.get(start..start.checked_add(length)?)?;
            match kind {
                Kind::Text => String::from_utf8_lossy(bytes).into_owned(),
                _ => hex::encode_prefixed(bytes),
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_printed_as_solidity_passes_them() {
        // console.log("balance", 7) and console.log("%s of %d", "one", 2, true), by solc.
        let text = hex!(
            "b60e72cc000000000000000000000000000000000000000000000000000000000000004000000000000000000000000000000000000000000000000000000000000000070000000000000000000000000000000000000000000000000000000000000007"
            "62616c616e636500000000000000000000000000000000000000000000000000"
        );
        assert_eq!(line(&text).as_deref(), Some("balance 7"));
        assert_eq!(line(&hex!("51973ec9")).as_deref(), Some(""));
        assert_eq!(line(&hex!("00112233")), None);
        assert_eq!(line(&text[..50]), None);
    }

    #[test]
    fn the_first_text_says_where_the_others_go() {
        let values = |values: &[&str]| values.iter().map(|text| (*text).to_owned()).collect();
        assert_eq!(
            format(values(&["%s of %d", "one", "2", "true"])),
            "one of 2 true"
        );
        assert_eq!(format(values(&["a", "%s", "b"])), "a %s b");
        assert_eq!(format(values(&["%s", "%s", "b"])), "%s b");
    }
}
