//! Bytes → values, by an ABI that may be anybody's.

use super::measure::is_bounded;
use alloy_dyn_abi::{DynSolType, DynSolValue, EventExt, FunctionExt, JsonAbiExt, Specifier};
use alloy_json_abi::{Error, Event, Function, Param};
use alloy_primitives::{B256, U256};

/// A name with values.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Decoded {
    /// The name of the function, event or error.
    pub(crate) name: String,
    /// Its signature.
    pub(crate) signature: String,
    /// Its values.
    pub(crate) values: Vec<Named>,
}

/// A value with its name and type.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) value: DynSolValue,
    /// The components of a struct, or of the structs in a list.
    pub(crate) components: Vec<Param>,
    /// It is the hash of what was meant, as in topics.
    pub(crate) hashed: bool,
}

/// The deepest nesting of a type.
const DEEPEST: usize = 16;

/// True if values of a type can be in so many bytes: an ABI may say that there are more of them
/// than memory holds.
pub(crate) fn fits(kind: &DynSolType, bytes: usize) -> bool {
    kind.nesting_depth() <= DEEPEST && parts_fit(kind, bytes / 32 + 1)
}

/// True if each part, of lists the items too, takes at least one of so many words, and no more.
fn parts_fit(kind: &DynSolType, words: usize) -> bool {
    let inside = match kind {
        DynSolType::Array(inner) => parts_fit(inner, words),
        DynSolType::FixedArray(inner, count) => *count > 0 && parts_fit(inner, words),
        DynSolType::Tuple(parts) => {
            !parts.is_empty() && parts.iter().all(|part| parts_fit(part, words))
        }
        _ => true,
    };
    inside && kind.minimum_words() <= words
}

/// True if values of parameters are in bytes, and no more than the bytes have room for.
fn all_fit<'p, P: Specifier<DynSolType> + 'p>(
    params: impl Iterator<Item = &'p P>,
    data: &[u8],
) -> bool {
    let kinds: Option<Vec<DynSolType>> = params.map(|param| param.resolve().ok()).collect();
    kinds.is_some_and(|kinds| {
        kinds.iter().all(|kind| fits(kind, data.len())) && is_bounded(kinds.iter(), data)
    })
}

fn named(params: &[Param], values: Vec<DynSolValue>) -> Vec<Named> {
    let pair = |(param, value): (&Param, DynSolValue)| Named {
        name: param.name.clone(),
        kind: param.selector_type().into_owned(),
        components: param.components.clone(),
        value,
        hashed: false,
    };
    params.iter().zip(values).map(pair).collect()
}

pub(super) fn input(function: &Function, input: &[u8]) -> Option<Decoded> {
    let data = input.get(4..)?;
    if !all_fit(function.inputs.iter(), data) {
        return None;
    }
    let values = function.abi_decode_input(data).ok()?;
    Some(Decoded {
        name: function.name.clone(),
        signature: function.signature(),
        values: named(&function.inputs, values),
    })
}

pub(crate) fn output(function: &Function, output: &[u8]) -> Option<Decoded> {
    if function.outputs.is_empty() || !all_fit(function.outputs.iter(), output) {
        return None;
    }
    let values = function.abi_decode_output(output).ok()?;
    Some(Decoded {
        name: function.name.clone(),
        signature: function.signature(),
        values: named(&function.outputs, values),
    })
}

pub(super) fn error(error: &Error, bytes: &[u8]) -> Option<Decoded> {
    let data = bytes.get(4..)?;
    if !all_fit(error.inputs.iter(), data) {
        return None;
    }
    let values = error.abi_decode_input(data).ok()?;
    Some(Decoded {
        name: error.name.clone(),
        signature: error.signature(),
        values: named(&error.inputs, values),
    })
}

pub(super) fn log(event: &Event, topics: &[B256], data: &[u8]) -> Option<Decoded> {
    let indexed = event.inputs.iter().filter(|param| param.indexed).count();
    if indexed + 1 != topics.len() {
        return None;
    }
    let body = event.inputs.iter().filter(|param| !param.indexed);
    if !all_fit(body, data) {
        return None;
    }
    let decoded = event.decode_log_parts(topics.iter().copied(), data).ok()?;
    let (mut indexed, mut body) = (decoded.indexed.into_iter(), decoded.body.into_iter());
    let mut values = Vec::with_capacity(event.inputs.len());
    for param in &event.inputs {
        let value = match param.indexed {
            true => indexed.next()?,
            false => body.next()?,
        };
        let kind = param.selector_type().into_owned();
        let hashed =
            param.indexed && matches!(value, DynSolValue::FixedBytes(_, 32)) && kind != "bytes32";
        values.push(Named {
            name: param.name.clone(),
            kind,
            components: param.components.clone(),
            value,
            hashed,
        });
    }
    Some(Decoded {
        name: event.name.clone(),
        signature: event.signature(),
        values,
    })
}

/// Solidity's meaning of the code of `Panic(uint256)`.
pub(super) fn panic_words(error: &Decoded) -> Option<(U256, &'static str)> {
    let code = match (error.signature.as_str(), error.values.first()) {
        ("Panic(uint256)", Some(named)) => match named.value {
            DynSolValue::Uint(code, _) => code,
            _ => return None,
        },
        _ => return None,
    };
    let words = match code.saturating_to::<u64>() {
        0x00 => "a panic that the compiler put there",
        0x01 => "an assertion does not hold",
        0x11 => "arithmetic overflow or underflow",
        0x12 => "division by zero",
        0x21 => "a number that its enumeration does not have",
        0x22 => "bytes in storage are encoded wrongly",
        0x31 => "pop of an empty array",
        0x32 => "an index beyond the end of an array",
        0x41 => "too much memory",
        0x51 => "a call of a function that was never set",
        _ => "a code that Solidity does not have",
    };
    Some((code, words))
}

#[cfg(test)]
mod tests {
    use super::super::{Names, Room};
    use super::*;
    use alloy_primitives::{Address, hex, keccak256};
    use std::sync::Arc;

    fn names() -> Names {
        Names::new(Arc::default(), &[])
    }

    fn word(number: u64) -> Vec<u8> {
        U256::from(number).to_be_bytes::<32>().to_vec()
    }

    #[test]
    fn a_call_has_its_function_and_arguments() {
        let mut input = hex!("a9059cbb").to_vec();
        input.extend(Address::repeat_byte(7).into_word());
        input.extend(word(5));
        let decoded = names().input(&input).unwrap();
        assert_eq!(decoded.signature, "transfer(address,uint256)");
        let values: Vec<_> = decoded
            .values
            .into_iter()
            .map(|named| named.value)
            .collect();
        let expected = [
            DynSolValue::Address(Address::repeat_byte(7)),
            DynSolValue::Uint(U256::from(5), 256),
        ];
        assert_eq!(values, expected);
        // Too short, and nobody's.
        assert_eq!(names().input(&input[..40]), None);
        assert_eq!(names().input(&hex!("01020304")), None);
        assert_eq!(names().input(&[]), None);
    }

    #[test]
    fn events_with_one_signature_are_told_apart_by_their_topics() {
        let transfer = keccak256("Transfer(address,address,uint256)");
        let who = Address::repeat_byte(1).into_word();
        let id = B256::new(U256::from(9).to_be_bytes());
        let fungible = names().log(&[transfer, who, who], &word(9)).unwrap();
        assert_eq!(fungible.values[2].name, "value");
        let other = names().log(&[transfer, who, who, id], &[]).unwrap();
        assert_eq!(other.values[2].name, "id");
        assert_eq!(names().log(&[transfer], &[]), None);
        assert_eq!(names().log(&[], &[]), None);
    }

    #[test]
    fn panics_have_words() {
        let mut bytes = hex!("4e487b71").to_vec();
        bytes.extend(word(0x11));
        let error = names().error(&bytes).unwrap();
        assert_eq!(
            panic_words(&error),
            Some((U256::from(0x11), "arithmetic overflow or underflow"))
        );
        let text = names().revert(&bytes, Room::of(500)).into_string();
        assert!(
            text.contains("0x11</code>: arithmetic overflow or underflow"),
            "{text}"
        );
        // What nobody named leads to where names are given.
        let unknown = names()
            .revert(&hex!("01020304"), Room::of(500))
            .into_string();
        assert!(unknown.contains("href=\"/abis\""), "{unknown}");
        let node = names().fixed(true).revert(&hex!("01020304"), Room::of(500));
        assert!(!node.into_string().contains("/abis"));
    }

    #[test]
    fn an_abi_whose_types_do_not_fit_the_bytes_names_nothing() {
        let too_large = Function::parse("function f(uint256[4000000000] x)").unwrap();
        let mut call = too_large.selector().to_vec();
        call.extend(word(1));
        assert_eq!(input(&too_large, &call), None);
        for kind in [
            "uint256[4000000000][]",
            "(uint256[60000][60000],bool)[]",
            "uint256[][][][][][][][][][][][][][][][][]",
        ] {
            let function = Function::parse(&format!("function f({kind} x)")).unwrap();
            assert_eq!(input(&function, &call), None, "{kind}");
        }
    }
}
