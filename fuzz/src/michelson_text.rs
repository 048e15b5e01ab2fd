//! Michelson that nobody vouches for: scripts, types, values and addresses as text, as
//! JSON of nodes and in binary.

use crate::random::some_bytes;
use arbitrary::{Result as Chosen, Unstructured};
use michelson::{Contract, Node, Type, encoding};

/// Texts that are changed.
const SOURCES: &[&str] = &[
    include_str!("../../contracts/layer1/bridge.tz"),
    include_str!("../../contracts/layer1/delayed_inbox.tz"),
    include_str!("../../contracts/layer1/exchanger.tz"),
    include_str!("../../contracts/layer1/fast_withdrawal.tz"),
    include_str!("../../contracts/layer1/governance.tz"),
    include_str!("../../contracts/layer1/token_wrapper.tz"),
    "Pair (Pair 0 1) (Left (Pair \"sr163Lv22CdE8QagCwf48PWDTquk6isQwv57\" 0xc001)) {}",
    "{ Elt \"edpkuBknW28nW72KG6RoHtYW7p12T6GKc7nAbwYX5m8Wd9sDVC9yav\" -17 ; Elt \"a\\\\n\" Unit }",
    "or (or (pair bytes (ticket (pair nat (option bytes)))) bytes) bytes",
    "map key (pair :a (big_map %b nat (set address)) (lambda unit (list operation)))",
];

/// Texts that are inserted.
const PIECES: &[&str] = &[
    "{",
    "}",
    "(",
    ")",
    ";",
    "\"",
    "#",
    "\\",
    "0x",
    "-",
    "Pair",
    "PAIR 170141183460469231731687303715884105727",
    "DIP 99999999999999999999",
    "DUP 0",
    "PUSH nat -1",
    "UNPAIR 1000000000",
    "GET 1000000000",
    "DIG 1000",
    "IF {} {}",
    "LOOP {}",
    "ITER {}",
    "FAILWITH",
    "%x",
    "@@",
    "\u{e9}",
];

/// The types that values are read as.
const TYPES: &[Type] = &[
    Type::Nat,
    Type::Mutez,
    Type::Timestamp,
    Type::Bytes,
    Type::Address,
    Type::Key,
    Type::KeyHash,
    Type::Signature,
    Type::ChainId,
];

/// A text with some changes.
fn text(choices: &mut Unstructured<'_>) -> Chosen<String> {
    let mut text: Vec<char> = choices.choose(SOURCES)?.chars().collect();
    for _ in 0..choices.int_in_range(0..=6_u8)? {
        let at = choices.int_in_range(0..=text.len())?;
        let end = (at + choices.int_in_range(0..=40_usize)?).min(text.len());
        match choices.int_in_range(0..=3_u8)? {
            0 => {
                text.drain(at..end);
            }
            1 => {
                let again: Vec<char> = text[at..end].to_vec();
                text.splice(at..at, again);
            }
            2 => {
                let times = choices.int_in_range(1..=300_usize)?;
                let piece = choices.choose(PIECES)?.repeat(times);
                text.splice(at..at, piece.chars());
            }
            _ => {
                let piece = format!(" {} ", choices.choose(PIECES)?);
                text.splice(at..end, piece.chars());
            }
        }
    }
    Ok(text.into_iter().collect())
}

/// Reads what `bytes` make; a node that is read is written and read again.
///
/// # Errors
/// If it comes back as another.
pub fn run(bytes: &[u8]) -> Result<(), String> {
    let mut choices = Unstructured::new(bytes);
    let Ok(text) = text(&mut choices) else {
        return Ok(());
    };
    if let Ok(node) = Node::parse(&text) {
        let shown = node.to_string();
        let again = Node::parse(&shown);
        if again.as_ref() != Ok(&node) {
            return Err(format!("{shown}\ncomes back as {again:?}"));
        }
        if Node::from_json(&node.to_json()).as_ref() != Some(&node) {
            return Err(format!("{shown}\nis another as JSON"));
        }
        values(&node)?;
    }
    let _ = Type::parse(&text);
    let _ = Contract::parse(&text);
    let binary = some_bytes(&mut choices, 200).unwrap_or_default();
    let seeded = [&[7, 7][..], &binary].concat();
    for bytes in [binary, seeded] {
        if let Ok(node) = encoding::from_binary(&bytes) {
            let again = encoding::binary(&node).map_err(|error| error.to_string())?;
            let read = encoding::from_binary(&again);
            if read.as_ref() != Ok(&node) {
                return Err(format!("{node} comes back as {read:?}"));
            }
            values(&node)?;
        }
    }
    Ok(())
}

/// Reads a node as values of some types, and what is text in it as base58.
fn values(node: &Node) -> Result<(), String> {
    for ty in TYPES {
        if let Ok(value) = encoding::read(node, ty) {
            let written = encoding::write(&value);
            let again = encoding::read(&written, ty);
            if again.as_ref() != Ok(&value) {
                return Err(format!("{node} of {ty} comes back as {again:?}"));
            }
        }
        if let Node::Text(text) = node {
            let _ = encoding::from_base58(text, ty);
        }
    }
    if let Node::Sequence(inside) | Node::Prim { args: inside, .. } = node {
        inside.iter().try_for_each(values)?;
    }
    Ok(())
}
