//! Arguments as somebody typed them → a call.

use crate::ask::hex_of;
use crate::names::{self, plain};
use crate::query::Query;
use alloy_dyn_abi::{DynSolType, DynSolValue, JsonAbiExt, Specifier};
use alloy_json_abi::{Function, Param};
use alloy_primitives::{Address, U256};
use serde_json::{Value, json};

/// The decimal places of wei in a tez.
const PLACES: u8 = 18;

/// An argument as somebody typed it.
fn typed(param: &Param, text: &str) -> Result<DynSolValue, String> {
    let kind = param
        .resolve()
        .map_err(|error| format!("a type that is not known: {error}"))?;
    if !names::fits(&kind, 1 << 16) {
        return Err("a type that is too large".into());
    }
    // Letters of another kind of bytes mean nothing.
    let is_sure = |kind: &str| {
        kind.contains("address") && !kind.contains("bytes") && !kind.contains("string")
    };
    if let Some(wrong) = mistyped(text).filter(|_| is_sure(&kind.sol_type_name())) {
        return Err(format!(
            "{wrong} is mistyped: capital and small letters of an address are a checksum, which is another. Without a checksum it has small letters alone"
        ));
    }
    match kind {
        DynSolType::String => Ok(DynSolValue::String(text.to_owned())),
        DynSolType::Bytes if text.is_empty() => Ok(DynSolValue::Bytes(Vec::new())),
        kind => {
            let digits = match kind {
                DynSolType::Uint(_) | DynSolType::Int(_) => digits(text),
                _ => None,
            };
            kind.coerce_str(digits.as_deref().unwrap_or(text))
                .map_err(|_| format!("{:?} is no {}", plain(text), kind.sol_type_name()))
        }
    }
}

/// The first address in a text whose capital letters are not those of its checksum (EIP-55); one
/// without capital letters, or with no others, has none.
pub(crate) fn mistyped(text: &str) -> Option<&str> {
    let mut words = text.split(|letter: char| !letter.is_ascii_alphanumeric());
    words.find(|word| {
        let digits = word.strip_prefix("0x").unwrap_or_default();
        let mixed = digits.bytes().any(|byte| byte.is_ascii_uppercase())
            && digits.bytes().any(|byte| byte.is_ascii_lowercase());
        let parsed = word
            .parse::<Address>()
            .ok()
            .filter(|_| digits.len() == 40 && mixed);
        parsed.is_some_and(|address| address.to_checksum(None) != *word)
    })
}

/// A number whose thousands are apart, as the pages show it, without its commas.
fn digits(text: &str) -> Option<String> {
    let whole = text.split('.').next().unwrap_or_default();
    let mut groups = whole.strip_prefix('-').unwrap_or(whole).split(',');
    let first = groups.next().unwrap_or_default();
    let all = |group: &str| !group.is_empty() && group.bytes().all(|byte| byte.is_ascii_digit());
    let apart =
        first.len() <= 3 && all(first) && groups.all(|group| group.len() == 3 && all(group));
    (apart && whole.contains(',')).then(|| text.replace(',', ""))
}

/// A gas limit; none: it is estimated.
fn gas(text: &str) -> Result<Option<u64>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let number = digits(text).unwrap_or_else(|| text.to_owned()).parse();
    number
        .map(Some)
        .map_err(|_| format!("{:?} is no amount of gas", plain(text)))
}

/// Tez with decimal places → wei.
fn wei(text: &str) -> Result<U256, String> {
    if text.is_empty() {
        return Ok(U256::ZERO);
    }
    let without = digits(text);
    let parsed = alloy_primitives::utils::parse_units(without.as_deref().unwrap_or(text), PLACES);
    let parsed = parsed.ok().filter(|amount| !amount.is_negative());
    parsed
        .map(|amount| amount.get_absolute())
        .ok_or_else(|| format!("{:?} is no amount of tez", plain(text)))
}

/// Arguments that are none: their fields, and why.
pub(crate) type Wrong = Vec<(String, String)>;

/// A call as the node's methods take it; the arguments that are none, by their place.
pub(super) fn request(who: &Address, function: &Function, query: &Query) -> Result<Value, Wrong> {
    let call = call_of(function, query);
    match (call, gas(query.get("gas"))) {
        (Ok((input, value)), Ok(gas)) => {
            let mut request =
                json!({ "to": who, "data": hex_of(input), "value": format!("{value:#x}") });
            if let Some(gas) = gas {
                request["gas"] = json!(format!("{gas:#x}"));
            }
            Ok(request)
        }
        (call, gas) => {
            let mut wrong = call.err().unwrap_or_default();
            wrong.extend(gas.err().map(|why| ("gas".to_owned(), why)));
            Err(wrong)
        }
    }
}

/// The input of a call, and its value in wei; the arguments that are none, by their place.
fn call_of(function: &Function, query: &Query) -> Result<(Vec<u8>, U256), Wrong> {
    let (mut values, mut wrong) = (Vec::new(), Vec::new());
    for (place, param) in function.inputs.iter().enumerate() {
        let field = format!("a{place}");
        match typed(param, query.get(&field)) {
            Ok(value) => values.push(value),
            Err(why) => wrong.push((field, why)),
        }
    }
    let value = wei(query.get("value"));
    if let Err(why) = &value {
        wrong.push(("value".into(), why.clone()));
    }
    let input = match wrong.is_empty() {
        true => function
            .abi_encode_input(&values)
            .map_err(|error| error.to_string()),
        false => Err(String::new()),
    };
    match (input, value) {
        (Ok(input), Ok(value)) => Ok((input, value)),
        (Err(why), _) if !why.is_empty() => Err(vec![("f".into(), why)]),
        _ => Err(wrong),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ask::bytes;

    fn function(text: &str) -> Function {
        Function::parse(text).unwrap()
    }

    #[test]
    fn arguments_are_read_by_their_types() {
        let all = function(
            "function f(address a, int8 b, bytes4 c, bool d, string e, uint256[] f, (uint8,bool) g)",
        );
        let who = "0x1111111111111111111111111111111111111111";
        let query =
            format!("a0={who}&a1=-5&a2=0x01020304&a3=true&a4=%22hi%22&a5=[1,2]&a6=(3,false)");
        let (input, value) = call_of(&all, &Query::parse(&query)).unwrap();
        let decoded = all.abi_decode_input(&input[4..]).unwrap();
        assert_eq!(decoded[4], DynSolValue::String("\"hi\"".into()));
        assert_eq!(decoded.len(), 7);
        assert_eq!(value, U256::ZERO);
    }

    #[test]
    fn each_wrong_argument_is_named() {
        let all = function("function f(address a, uint8 b, bytes4 c, bool d) payable");
        let query = Query::parse("a0=0x11&a1=256&a2=0x0102&a3=perhaps&value=-1");
        let wrong = call_of(&all, &query).unwrap_err();
        let fields: Vec<&str> = wrong.iter().map(|(field, _)| field.as_str()).collect();
        assert_eq!(fields, ["a0", "a1", "a2", "a3", "value"]);
        assert!(wrong[1].1.contains("256"), "{wrong:?}");
    }

    #[test]
    fn an_address_with_another_checksum_is_refused() {
        let right = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";
        let wrong = right.replace("Fd6", "fd6");
        for text in [right, &right.to_lowercase(), "[0x12]", ""] {
            assert_eq!(mistyped(text), None, "{text}");
        }
        assert_eq!(mistyped(&format!("(1,{wrong})")), Some(wrong.as_str()));
        let all = function("function f(address a, (uint8,address)[] b)");
        let query = format!("a0={right}&a1=[(1,{right})]");
        assert!(call_of(&all, &Query::parse(&query)).is_ok());
        let query = format!("a0={wrong}&a1=[(1,{wrong})]");
        let refused = call_of(&all, &Query::parse(&query)).unwrap_err();
        assert_eq!(refused.len(), 2);
        assert!(refused[0].1.contains("checksum"), "{refused:?}");
        // Bytes may have any letters.
        let bytes = function("function f(bytes20 a)");
        assert!(call_of(&bytes, &Query::parse(&format!("a0={wrong}"))).is_ok());
    }

    #[test]
    fn numbers_that_the_pages_show_may_be_typed_again() {
        let all = function("function f(uint256 a, int64 b) payable");
        let query = Query::parse("a0=1,234,567&a1=-1,000&value=1,000.5&gas=21,000");
        let request = request(&Address::ZERO, &all, &query).unwrap();
        assert_eq!(request["gas"], "0x5208");
        assert_eq!(wei("1,000.5"), wei("1000.5"));
        let input = bytes(&request["data"]).unwrap();
        let decoded = all.abi_decode_input(&input[4..]).unwrap();
        assert_eq!(decoded[0], DynSolValue::Uint(U256::from(1_234_567), 256));
        for text in ["1,2", "1,2345", ",123", "1,,234", "12345,678"] {
            assert_eq!(digits(text), None, "{text}");
            let query = Query::parse(&format!("a0={text}&a1=1&gas={text}"));
            let wrong = super::request(&Address::ZERO, &all, &query).unwrap_err();
            assert_eq!(wrong.len(), 2, "{text}: {wrong:?}");
        }
        let list = function("function f(uint256[] a)");
        assert!(call_of(&list, &Query::parse("a0=[1,x]")).is_err());
    }

    #[test]
    fn amounts_are_tez() {
        assert_eq!(wei("1.5"), Ok(U256::from(1_500_000_000_000_000_000_u64)));
        assert_eq!(wei(""), Ok(U256::ZERO));
        assert!(wei("x").is_err());
    }
}
