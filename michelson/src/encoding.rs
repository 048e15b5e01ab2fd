//! Values from nodes and back, in the form that layer 1 calls optimized: addresses,
//! keys and signatures in bytes, combs as nested pairs.
//!
//! For combs of four and more layer 1 writes sequences to rollups, and nested pairs in
//! `PACK`; types that a rollup takes have none.

use crate::error::Error;
use crate::syntax::Node;
use crate::ty::Type;
use crate::value::{Ticket, Value};
use messages::micheline::{self, View, prim, write};
use messages::{DecodeError, ErrorKind};
use std::collections::BTreeSet;

/// Kinds of base58 on layer 1: the type, the prefix, the bytes that stand in
/// front in binary, the length of the rest.
struct Kind {
    ty: Type,
    prefix: &'static [u8],
    tag: &'static [u8],
    len: usize,
}

const fn kind(ty: Type, prefix: &'static [u8], tag: &'static [u8], len: usize) -> Kind {
    Kind {
        ty,
        prefix,
        tag,
        len,
    }
}

const KINDS: &[Kind] = &[
    kind(Type::KeyHash, &[0x06, 0xa1, 0x9f], &[0], 20),
    kind(Type::KeyHash, &[0x06, 0xa1, 0xa1], &[1], 20),
    kind(Type::KeyHash, &[0x06, 0xa1, 0xa4], &[2], 20),
    kind(Type::KeyHash, &[0x06, 0xa1, 0xa6], &[3], 20),
    kind(Type::Address, &[0x02, 0x5a, 0x79], &[1], 20),
    kind(Type::Address, &[0x06, 0x7c, 0x75], &[3], 20),
    kind(Type::Key, &[0x0d, 0x0f, 0x25, 0xd9], &[0], 32),
    kind(Type::Key, &[0x03, 0xfe, 0xe2, 0x56], &[1], 33),
    kind(Type::Key, &[0x03, 0xb2, 0x8b, 0x7f], &[2], 33),
    kind(Type::Key, &[0x06, 0x95, 0x87, 0xcc], &[3], 48),
    kind(Type::Signature, &[0x09, 0xf5, 0xcd, 0x86, 0x12], &[], 64),
    kind(Type::Signature, &[0x0d, 0x73, 0x65, 0x13, 0x3f], &[], 64),
    kind(Type::Signature, &[0x36, 0xf0, 0x2c, 0x34], &[], 64),
    kind(Type::Signature, &[0x04, 0x82, 0x2b], &[], 64),
    kind(Type::ChainId, &[0x57, 0x52, 0x00], &[], 4),
];

/// The bytes of an address, key, key hash, signature or chain id in base58.
///
/// # Errors
/// An error that names the fault.
pub fn from_base58(text: &str, ty: &Type) -> Result<Vec<u8>, String> {
    let (text, entrypoint) = match text.split_once('%') {
        Some((text, name)) if *ty == Type::Address => (text, name),
        _ => (text, ""),
    };
    let bytes = bs58::decode(text)
        .with_check(None)
        .into_vec()
        .map_err(|_| "the checksum is wrong: a letter is wrong or missing".to_owned())?;
    let found = KINDS.iter().find_map(|kind| {
        let rest = bytes.strip_prefix(kind.prefix)?;
        (rest.len() == kind.len).then_some((kind, rest))
    });
    let (kind, rest) = found.ok_or("of no known kind")?;
    let mut out = match (ty, &kind.ty) {
        (wanted, found) if wanted == found => [kind.tag, rest].concat(),
        (Type::Address, Type::KeyHash) => [&[0], kind.tag, rest].concat(),
        (_, found) => return Err(format!("it is of the type {found}")),
    };
    if kind.ty == Type::Address {
        out.push(0);
    }
    if entrypoint != "default" {
        out.extend_from_slice(entrypoint.as_bytes());
    }
    Ok(out)
}

/// Base58 of an address, key, key hash or chain id in its bytes; of what has none, hex.
#[must_use]
pub fn to_base58(bytes: &[u8], ty: &Type) -> String {
    let (ty, bytes, rest) = match (ty, bytes) {
        (Type::Address, [0, rest @ ..]) => (&Type::KeyHash, rest, &[][..]),
        (Type::Address, bytes) if bytes.len() >= 22 => (ty, &bytes[..21], &bytes[22..]),
        _ => (ty, bytes, &[][..]),
    };
    let (bytes, rest) = match ty {
        Type::KeyHash if bytes.len() > 21 => bytes.split_at(21),
        _ => (bytes, rest),
    };
    let found = KINDS.iter().find_map(|kind| {
        let inside = bytes.strip_prefix(kind.tag)?;
        (kind.ty == *ty && inside.len() == kind.len).then_some((kind, inside))
    });
    let Some((kind, inside)) = found else {
        return hex::encode(bytes);
    };
    let whole = [kind.prefix, inside].concat();
    let text = bs58::encode(whole).with_check().into_string();
    match std::str::from_utf8(rest) {
        Ok("") | Err(_) => text,
        Ok(entrypoint) => format!("{text}%{entrypoint}"),
    }
}

/// The lengths of binary values, where they are fixed.
fn fits(bytes: &[u8], ty: &Type) -> bool {
    let known = |bytes: &[u8]| {
        let mut kinds = KINDS.iter();
        kinds.any(|kind| {
            kind.ty == *ty
                && bytes
                    .strip_prefix(kind.tag)
                    .is_some_and(|rest| rest.len() == kind.len)
        })
    };
    match (ty, bytes) {
        (Type::Address, [0, 0..=4, rest @ ..]) => rest.len() >= 20,
        (Type::Address, [1 | 3, rest @ ..]) => rest.len() >= 21 && rest[20] == 0,
        (Type::Address, _) => false,
        (Type::Signature, bytes) => [64, 96].contains(&bytes.len()),
        (_, bytes) => known(bytes),
    }
}

/// The value of this type that a node is.
///
/// # Errors
/// [`Error::NoValue`].
pub fn read(node: &Node, ty: &Type) -> Result<Value, Error> {
    let no = |why: String| Error::NoValue {
        value: Box::new(node.clone()),
        ty: Box::new(ty.clone()),
        why,
    };
    let prim = match node {
        Node::Prim { name, args, .. } => Some((name.as_str(), &args[..])),
        _ => None,
    };
    Ok(match (ty, node, prim) {
        (Type::Unit, _, Some(("Unit", []))) => Value::Unit,
        (Type::Bool, _, Some(("True", []))) => Value::Bool(true),
        (Type::Bool, _, Some(("False", []))) => Value::Bool(false),
        (Type::Int | Type::Timestamp, Node::Int(number), _) => Value::Int(*number),
        (Type::Nat, Node::Int(number), _) if *number >= 0 => Value::Int(*number),
        (Type::Mutez, Node::Int(number), _) if (0..=i64::MAX.into()).contains(number) => {
            Value::Int(*number)
        }
        (Type::String, Node::Text(text), _) => Value::Text(text.clone()),
        (Type::Bytes, Node::Bytes(bytes), _) => Value::Bytes(bytes.clone()),
        (
            Type::Address | Type::Key | Type::KeyHash | Type::Signature | Type::ChainId,
            Node::Text(text),
            _,
        ) => Value::Bytes(from_base58(text, ty).map_err(no)?),
        (
            Type::Address | Type::Key | Type::KeyHash | Type::Signature | Type::ChainId,
            Node::Bytes(bytes),
            _,
        ) if fits(bytes, ty) => Value::Bytes(bytes.clone()),
        (Type::Option(_), _, Some(("None", []))) => Value::Option(None),
        (Type::Option(inside), _, Some(("Some", [some]))) => {
            Value::option(Some(read(some, inside)?))
        }
        (Type::Or(left, _), _, Some(("Left", [inside]))) => Value::left(read(inside, left)?),
        (Type::Or(_, right), _, Some(("Right", [inside]))) => Value::right(read(inside, right)?),
        (Type::Pair(first, second), _, Some(("Pair", parts))) => pair(parts, first, second, &no)?,
        (Type::Pair(first, second), Node::Sequence(parts), _) => pair(parts, first, second, &no)?,
        (Type::List(inside), Node::Sequence(items), _) => {
            let items = items.iter().map(|item| read(item, inside));
            Value::List(items.collect::<Result<_, _>>()?)
        }
        (Type::Set(inside), Node::Sequence(items), _) => {
            let items = items.iter().map(|item| read(item, inside));
            let items: Vec<Value> = items.collect::<Result<_, _>>()?;
            if !items.is_sorted_by(|a, b| a < b) {
                return Err(no("a set is written in rising order, each once".into()));
            }
            Value::Set(BTreeSet::from_iter(items))
        }
        (Type::Map(key, inside) | Type::BigMap(key, inside), Node::Sequence(items), _) => {
            map(items, key, inside, &no)?
        }
        (Type::Ticket(content), _, Some(("Pair", parts))) => ticket(parts, content, &no)?,
        _ => return Err(no(String::new())),
    })
}

type Refuse<'a> = &'a dyn Fn(String) -> Error;

fn pair(parts: &[Node], first: &Type, second: &Type, no: Refuse<'_>) -> Result<Value, Error> {
    match parts {
        [a, b] => Ok(Value::pair(read(a, first)?, read(b, second)?)),
        [a, rest @ ..] if rest.len() > 1 => {
            let rest = Node::prim("Pair", rest.to_vec());
            Ok(Value::pair(read(a, first)?, read(&rest, second)?))
        }
        _ => Err(no("a pair has two parts".into())),
    }
}

fn map(items: &[Node], key: &Type, inside: &Type, no: Refuse<'_>) -> Result<Value, Error> {
    let mut entries = Vec::new();
    for item in items {
        match item {
            Node::Prim { name, args, .. } if name == "Elt" && args.len() == 2 => {
                entries.push((read(&args[0], key)?, read(&args[1], inside)?));
            }
            _ => return Err(no("a map is made of Elt".into())),
        }
    }
    if !entries.is_sorted_by(|a, b| a.0 < b.0) {
        return Err(no("a map is written in rising order, each key once".into()));
    }
    Ok(Value::Map(entries.into_iter().collect()))
}

fn ticket(parts: &[Node], content: &Type, no: Refuse<'_>) -> Result<Value, Error> {
    let whole = Type::Pair(
        Box::new(Type::Address),
        Box::new(Type::Pair(Box::new(content.clone()), Box::new(Type::Nat))),
    );
    match read(&Node::prim("Pair", parts.to_vec()), &whole)? {
        Value::Pair(ticketer, rest) => match (*ticketer, *rest) {
            (Value::Bytes(ticketer), Value::Pair(content, amount)) => match *amount {
                Value::Int(amount) if amount > 0 => Ok(Value::Ticket(Box::new(Ticket {
                    ticketer,
                    content: *content,
                    amount,
                }))),
                _ => Err(no("there are no zero tickets".into())),
            },
            _ => Err(no(String::new())),
        },
        _ => Err(no(String::new())),
    }
}

/// The value as a node.
#[must_use]
pub fn write(value: &Value) -> Node {
    let prim =
        |name: &str, args: &[&Value]| Node::prim(name, args.iter().map(|arg| write(arg)).collect());
    match value {
        Value::Unit => prim("Unit", &[]),
        Value::Bool(true) => prim("True", &[]),
        Value::Bool(false) => prim("False", &[]),
        Value::Int(number) => Node::Int(*number),
        Value::Text(text) => Node::Text(text.clone()),
        Value::Bytes(bytes) | Value::Contract(bytes) => Node::Bytes(bytes.clone()),
        Value::Option(None) => prim("None", &[]),
        Value::Option(Some(inside)) => prim("Some", &[inside]),
        Value::Left(inside) => prim("Left", &[inside]),
        Value::Right(inside) => prim("Right", &[inside]),
        Value::Pair(first, second) => prim("Pair", &[first, second]),
        Value::List(items) => Node::Sequence(items.iter().map(write).collect()),
        Value::Set(items) => Node::Sequence(items.iter().map(write).collect()),
        Value::Map(entries) => {
            let entries = entries
                .iter()
                .map(|(key, value)| prim("Elt", &[key, value]));
            Node::Sequence(entries.collect())
        }
        Value::Ticket(ticket) => {
            let rest = Value::pair(ticket.content.clone(), Value::Int(ticket.amount));
            prim("Pair", &[&Value::Bytes(ticket.ticketer.clone()), &rest])
        }
        // Nothing that is stored or sent has one in it.
        Value::Operation(_) => prim("Unit", &[]),
    }
}

/// The node of a value in binary.
///
/// # Errors
/// [`Error::NoInstruction`] for a primitive that no value has.
pub fn binary(node: &Node) -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    match node {
        Node::Int(number) => {
            let size = number.unsigned_abs().to_be_bytes();
            write::int(&mut out, *number < 0, &size);
        }
        Node::Text(text) => write::string(&mut out, text),
        Node::Bytes(bytes) => write::bytes(&mut out, bytes),
        Node::Sequence(nodes) => {
            let nodes = nodes.iter().map(binary).collect::<Result<Vec<_>, _>>()?;
            let nodes: Vec<&[u8]> = nodes.iter().map(Vec::as_slice).collect();
            write::sequence(&mut out, &nodes);
        }
        Node::Prim {
            name,
            args,
            annotations,
        } => {
            let number = PRIMS.iter().find(|(known, _)| known == name);
            let (_, number) = number.ok_or_else(|| Error::NoInstruction(node.clone()))?;
            let args = args.iter().map(binary).collect::<Result<Vec<_>, _>>()?;
            let args: Vec<&[u8]> = args.iter().map(Vec::as_slice).collect();
            write::prim(&mut out, *number, &args, &annotations.join(" "));
        }
    }
    Ok(out)
}

/// The node that bytes are, all of them; numbers of up to 127 bits.
///
/// # Errors
/// If they are no node of a value.
pub fn from_binary(bytes: &[u8]) -> Result<Node, DecodeError> {
    node(micheline::Node::parse(bytes)?)
}

fn node(node: micheline::Node<'_>) -> Result<Node, DecodeError> {
    let bad = || DecodeError {
        offset: 0,
        kind: ErrorKind::UnknownTag(node.as_bytes().first().copied().unwrap_or_default()),
    };
    Ok(match node.view()? {
        View::Int(number) => {
            let size = number.magnitude().map(u128::from_be_bytes);
            let size = size.and_then(|size| i128::try_from(size).ok());
            let size = size.ok_or_else(bad)?;
            Node::Int(if number.is_negative() { -size } else { size })
        }
        View::String(text) => Node::Text(text.to_owned()),
        View::Bytes(bytes) => Node::Bytes(bytes.to_vec()),
        View::Sequence(nodes) => Node::Sequence(nodes.map(self::node).collect::<Result<_, _>>()?),
        View::Prim {
            prim,
            args,
            annotations,
        } => {
            let name = PRIMS.iter().find(|(_, number)| *number == prim);
            let (name, _) = name.ok_or_else(bad)?;
            Node::Prim {
                name: (*name).to_owned(),
                args: args.map(self::node).collect::<Result<_, _>>()?,
                annotations: annotations.split_whitespace().map(str::to_owned).collect(),
            }
        }
    })
}

/// Primitives of values.
const PRIMS: &[(&str, u8)] = &[
    ("False", prim::FALSE),
    ("Elt", prim::ELT),
    ("Left", prim::LEFT),
    ("None", prim::NONE),
    ("Pair", prim::PAIR),
    ("Right", prim::RIGHT),
    ("Some", prim::SOME),
    ("True", prim::TRUE),
    ("Unit", prim::UNIT),
];

/// The bytes that `PACK` makes of a value.
///
/// # Errors
/// As [`binary`]: never for a value that [`read`] gave.
pub fn pack(value: &Value) -> Result<Vec<u8>, Error> {
    Ok([vec![5], binary(&write(value))?].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str, ty: &str) -> Result<Value, Error> {
        read(&Node::parse(text).unwrap(), &Type::parse(ty).unwrap())
    }

    #[test]
    fn base58_goes_both_ways() {
        for (text, ty) in [
            ("tz1KqTpEZ7Yob7QbPE4Hy4Wo8fHG8LhKxZSx", Type::Address),
            ("KT1BuEZtb68c1Q4yjtckcNjGELqWt56Xyesc%burn", Type::Address),
            ("sr1UX4Euo29Fd5bhmZypQffZJwy9M3A1D4Mb", Type::Address),
            ("tz1KqTpEZ7Yob7QbPE4Hy4Wo8fHG8LhKxZSx", Type::KeyHash),
            (
                "edpkuBknW28nW72KG6RoHtYW7p12T6GKc7nAbwYX5m8Wd9sDVC9yav",
                Type::Key,
            ),
            ("NetXdQprcVkpaWU", Type::ChainId),
        ] {
            let bytes = from_base58(text, &ty).unwrap();
            assert!(fits(&bytes, &ty), "{text}");
            assert_eq!(to_base58(&bytes, &ty), text);
        }
        for (text, ty) in [
            ("tz1KqTpEZ7Yob7QbPE4Hy4Wo8fHG8LhKxZSy", Type::Address),
            ("tz1KqTpEZ7Yob7QbPE4Hy4Wo8fHG8LhKxZSx", Type::Key),
            ("NetXdQprcVkpaWU", Type::Address),
        ] {
            assert!(from_base58(text, &ty).is_err(), "{text}");
        }
    }

    #[test]
    fn values_of_a_type_are_read_and_others_refused() {
        for (text, ty) in [
            ("Pair 1 2 3", "pair nat nat nat"),
            ("{ 1 ; 2 ; 3 ; 4 }", "pair nat nat nat nat"),
            ("{ Elt 1 True ; Elt 2 False }", "map nat bool"),
            ("Right (Some 0xaa)", "or nat (option bytes)"),
            ("{ \"a\" ; \"b\" }", "set string"),
        ] {
            let read = value(text, ty).unwrap();
            let again = self::read(&write(&read), &Type::parse(ty).unwrap());
            assert_eq!(again, Ok(read), "{text}");
        }
        for (text, ty) in [
            ("-1", "nat"),
            ("9223372036854775808", "mutez"),
            ("{ 2 ; 1 }", "set nat"),
            ("{ 1 ; 1 }", "set nat"),
            ("{ Elt 1 True ; Elt 1 True }", "map nat bool"),
            ("Pair 1 2 3", "pair nat nat"),
            ("Pair 1", "pair nat nat"),
            ("0x00", "address"),
            ("\"x\"", "key"),
            ("Left Unit", "or nat unit"),
            (
                "Pair \"KT1BuEZtb68c1Q4yjtckcNjGELqWt56Xyesc\" 1 0",
                "ticket nat",
            ),
        ] {
            assert!(
                matches!(value(text, ty), Err(Error::NoValue { .. })),
                "{text}"
            );
        }
    }

    /// As the documentation of PACK and every client have it.
    #[test]
    fn values_are_packed_as_a_node_packs_them() {
        for (text, ty, hex) in [
            ("Pair 1 \"a\"", "pair nat string", "0507070001010000000161"),
            ("Unit", "unit", "05030b"),
            ("-64", "int", "0500c001"),
            ("{ True ; False }", "list bool", "05020000000403 0a 03 03"),
            (
                "\"tz1KqTpEZ7Yob7QbPE4Hy4Wo8fHG8LhKxZSx\"",
                "address",
                "050a00000016000002298c03ed7d454a101eb7022bc95f7e5f41ac78",
            ),
        ] {
            let packed = pack(&value(text, ty).unwrap()).unwrap();
            let read = from_binary(&packed[1..]).unwrap();
            assert_eq!(binary(&read).as_deref(), Ok(&packed[1..]));
            assert_eq!(hex::encode(packed), hex.replace(' ', ""), "{text}");
        }
    }
}
