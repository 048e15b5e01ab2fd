//! ABIs that nobody vouches for, with types that nest and lists that are long, and bytes that claim
//! to be values of them.

use arbitrary::{Result as Chosen, Unstructured};
use serde_json::{Value, json};
use std::time::Duration;

/// The most bytes that pages show of a case: what is decoded is bounded by the bytes that there are.
const MOST: usize = 4 << 20;

/// Types without components.
const PLAIN: &[&str] = &[
    "uint256", "int8", "uint", "address", "bool", "bytes", "bytes32", "bytes1", "string", "uint64",
];

/// Types that there are not, or that no ABI has.
const ODD: &[&str] = &[
    "function",
    "uint7",
    "int264",
    "bytes33",
    "fixed128x18",
    "",
    "tuple",
    "uint256[",
    "a b",
    "\u{202e}",
];

/// The end of a type: no array, or arrays of some length.
const ENDS: &[&str] = &["", "", "", "", "[]", "[1]", "[3]", "[][]", "[2][]", "[][2]"];

/// Ends of types that no bytes have room for, or that are invalid.
const ODD_ENDS: &[&str] = &[
    "[0]",
    "[4294967295]",
    "[18446744073709551615]",
    "[99999999999999999999999]",
    "[-1]",
    "[1",
    "[x]",
    "[][][][][][][][][][][][][][][][][][]",
];

/// Names of parameters.
const NAMES: &[&str] = &["", "value", "a", "to", "_1", "x", LONG];

/// As long as a name may be.
const LONG: &str = {
    const BYTES: [u8; 1_000] = [b'n'; 1_000];
    match std::str::from_utf8(&BYTES) {
        Ok(text) => text,
        Err(_) => "",
    }
};

/// Texts that want to be more.
const TEXTS: &[&str] = &[
    "<script>hacked()</script>       ",
    "\"><img src=x onerror=hacked()>  ",
    "\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"",
    "&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&",
];

/// Runs a case.
///
/// # Errors
/// If pages would show more than what the bytes can be.
pub fn run(bytes: &[u8]) -> Result<(), String> {
    let mut input = Unstructured::new(bytes);
    // Whatever is missing at the end is zero.
    let Ok((artefact, data)) = case(&mut input) else {
        return Ok(());
    };
    let shown = page::fuzzing::shown(artefact.clone(), &data).bytes;
    if shown > MOST {
        return Err(format!("{shown} bytes are shown of {}", data.len()));
    }
    check(&artefact, name(bytes), &data)
}

/// The most bytes of a page, without its frame.
const PAGE: usize = 96_000;

/// The most time for one: this program is not optimised, and others run beside it.
const TIME: Duration = Duration::from_millis(100);

/// Looks at all pages of a case: their size, what is in them, and how long they take.
fn check(artefact: &Value, name: &str, data: &[u8]) -> Result<(), String> {
    let mut slow = None;
    // Something else may take the processor.
    for _ in 0..3 {
        slow = None;
        for page in page::fuzzing::pages(artefact.clone(), name, data) {
            let (what, size) = (page.name, page.html.len());
            if size > PAGE {
                return Err(format!("the page {what} has {size} bytes"));
            }
            if let Some(stranger) = page::fuzzing::stranger(&page.html) {
                return Err(format!("the page {what} has {stranger}"));
            }
            if page.took > TIME {
                slow = Some((what, page.took));
            }
        }
        if slow.is_none() {
            break;
        }
    }
    match slow {
        None => Ok(()),
        Some((what, took)) => Err(format!("the page {what} takes {} ms", took.as_millis())),
    }
}

/// Names of contracts, which may be any text.
const CONTRACTS: &[&str] = &[
    "A",
    "\"><script>hacked()</script>",
    "' onmouseover='x",
    "</title><img src=x>",
    "\u{202e}\u{200b}",
    "&amp;&lt;&#x3c;b>",
    "javascript:alert(1)",
    "//evil.example/",
    "\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"",
];

fn name(bytes: &[u8]) -> &'static str {
    let number = bytes.last().copied().unwrap_or_default();
    CONTRACTS[usize::from(number) % CONTRACTS.len()]
}

fn case(input: &mut Unstructured<'_>) -> Chosen<(Value, Vec<u8>)> {
    // Few, or as many as an ABI may have.
    let count = match input.int_in_range(0..=15_usize)? {
        0 => 1_000,
        few => few.div_ceil(4),
    };
    let items: Vec<Value> = (0..count).map(|_| item(input)).collect::<Chosen<_>>()?;
    let artefact = match input.int_in_range(0..=5)? {
        0 => json!({ "abi": items, "contractName": "A" }),
        1 => {
            json!({ "abi": items, "metadata": { "sources": { "a": { "content": 1 }, "b": { "content": "x" } } } })
        }
        2 => {
            json!({ "input": { "sources": { "a": { "content": "x" } } }, "output": { "contracts": { "a": { "A": { "abi": items, "metadata": "{" } } } } })
        }
        _ => Value::Array(items),
    };
    let mut data = Vec::new();
    // A few words, or many.
    let most = if input.ratio(1, 4)? { 65_536 } else { 2_048 };
    if most > 2_048 {
        let word = word(input)?;
        let times = input.int_in_range(1..=1_900_usize)?;
        data.extend(word.repeat(times));
    }
    while !input.is_empty() && data.len() < most {
        data.extend(word(input)?);
    }
    if input.ratio(1, 4)? {
        data.pop();
    }
    Ok((artefact, data))
}

fn item(input: &mut Unstructured<'_>) -> Chosen<Value> {
    let inputs = params(input, 0)?;
    Ok(match input.int_in_range(0..=3)? {
        0 => {
            json!({ "type": "event", "name": "E", "anonymous": false, "inputs": indexed(input, inputs)? })
        }
        1 => json!({ "type": "error", "name": "R", "inputs": inputs }),
        _ => {
            let outputs = params(input, 0)?;
            json!({ "type": "function", "name": "f", "stateMutability": "view", "inputs": inputs, "outputs": outputs })
        }
    })
}

fn indexed(input: &mut Unstructured<'_>, inputs: Vec<Value>) -> Chosen<Vec<Value>> {
    let mark = |mut param: Value| {
        param["indexed"] = input.ratio(1, 3)?.into();
        Ok(param)
    };
    inputs.into_iter().map(mark).collect()
}

fn params(input: &mut Unstructured<'_>, depth: usize) -> Chosen<Vec<Value>> {
    let count = input.int_in_range(0..=3)?;
    (0..count).map(|_| param(input, depth)).collect()
}

fn param(input: &mut Unstructured<'_>, depth: usize) -> Chosen<Value> {
    let name = *input.choose(NAMES)?;
    let ends = if input.ratio(1, 12)? { ODD_ENDS } else { ENDS };
    let end = *input.choose(ends)?;
    if depth < 20 && input.ratio(1, 3)? {
        let components = params(input, depth + 1)?;
        return Ok(
            json!({ "name": name, "type": format!("tuple{end}"), "components": components }),
        );
    }
    let kinds = if input.ratio(1, 16)? { ODD } else { PLAIN };
    let kind = *input.choose(kinds)?;
    Ok(json!({ "name": name, "type": format!("{kind}{end}") }))
}

/// A word as encodings have them: offsets, lengths, numbers that are too large.
fn word(input: &mut Unstructured<'_>) -> Chosen<[u8; 32]> {
    let mut word = [0; 32];
    match input.int_in_range(0..=8)? {
        0..=3 => word[31] = input.choose(&[0, 0x20, 0x40, 0x60, 1, 2, 3])?.to_owned(),
        4 => word[30..].copy_from_slice(&input.int_in_range(0..=2_048_u16)?.to_be_bytes()),
        5 => word = [0xff; 32],
        6 => word[24..].copy_from_slice(&u64::MAX.to_be_bytes()),
        7 => word.copy_from_slice(input.choose(TEXTS)?.as_bytes()),
        _ => word = input.arbitrary()?,
    }
    Ok(word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::random;

    #[test]
    fn pages_of_many_cases_are_small_and_ours() {
        for number in 0..150 {
            let bytes = random(2, number, 3_000);
            if let Err(why) = run(&bytes) {
                panic!("case {number}: {why}");
            }
        }
    }

    #[test]
    fn many_cases_have_values_that_are_decoded() {
        let decoded = (0..200).filter(|number| {
            let bytes = random(1, *number, 1_500);
            let (artefact, data) = case(&mut Unstructured::new(&bytes)).unwrap();
            page::fuzzing::shown(artefact, &data).decoded > 0
        });
        assert!(decoded.count() >= 50);
    }
}
