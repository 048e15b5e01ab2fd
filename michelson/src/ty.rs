//! Types.

use crate::syntax::{Node, SyntaxError};
use std::fmt;

/// Why something is no type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TypeError {
    /// The text is no Micheline.
    #[error(transparent)]
    Syntax(#[from] SyntaxError),
    /// A node is no type.
    #[error("`{0}` is not a type that is known here")]
    NoType(Node),
    /// A type has the name of a field, and is not a field.
    #[error("`{0}` has a name, and is not a field of a pair or an alternative")]
    Field(Node),
}

/// A type.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names are Michelson's")]
pub enum Type {
    Unit,
    Bool,
    Nat,
    Int,
    Mutez,
    Timestamp,
    String,
    Bytes,
    Address,
    Key,
    KeyHash,
    Signature,
    ChainId,
    Operation,
    Option(Box<Self>),
    List(Box<Self>),
    Set(Box<Self>),
    Contract(Box<Self>),
    Ticket(Box<Self>),
    Pair(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
    Map(Box<Self>, Box<Self>),
    BigMap(Box<Self>, Box<Self>),
}

impl Type {
    /// The type that a node is; `pair a b c` is `pair a (pair b c)`, and names of fields
    /// make no difference, but stand in pairs and alternatives alone.
    ///
    /// # Errors
    /// [`TypeError::NoType`], [`TypeError::Field`].
    pub fn read(node: &Node) -> Result<Self, TypeError> {
        match node.field() {
            Some(_) => Err(TypeError::Field(node.clone())),
            None => Self::read_field(node),
        }
    }

    /// The type of a field, which may have a name; also of a parameter.
    pub(crate) fn read_field(node: &Node) -> Result<Self, TypeError> {
        let no_type = || TypeError::NoType(node.clone());
        let Node::Prim { name, args, .. } = node else {
            return Err(no_type());
        };
        if let Some((_, ty)) = ATOMS.iter().find(|(known, _)| *known == name) {
            return if args.is_empty() {
                Ok(ty.clone())
            } else {
                Err(no_type())
            };
        }
        let read = if name == "pair" || name == "or" {
            Self::read_field
        } else {
            Self::read
        };
        let args = args.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        let ty = match (name.as_str(), &args[..]) {
            ("option", [a]) => Self::Option(a.boxed()),
            ("list", [a]) => Self::List(a.boxed()),
            ("set", [a]) if a.is_comparable() => Self::Set(a.boxed()),
            ("contract", [a]) => Self::Contract(a.boxed()),
            ("ticket", [a]) if a.is_comparable() => Self::Ticket(a.boxed()),
            ("or", [a, b]) => Self::Or(a.boxed(), b.boxed()),
            ("map", [a, b]) if a.is_comparable() => Self::Map(a.boxed(), b.boxed()),
            ("big_map", [a, b]) if a.is_comparable() => Self::BigMap(a.boxed(), b.boxed()),
            ("pair", [first, rest @ ..]) if !rest.is_empty() => Self::comb(first, rest),
            _ => return Err(no_type()),
        };
        Ok(ty)
    }

    /// The type in a text.
    ///
    /// # Errors
    /// [`TypeError::Syntax`], [`TypeError::NoType`].
    pub fn parse(text: &str) -> Result<Self, TypeError> {
        Self::read(&Node::parse(text)?)
    }

    fn boxed(&self) -> Box<Self> {
        Box::new(self.clone())
    }

    fn comb(first: &Self, rest: &[Self]) -> Self {
        match rest {
            [second, rest @ ..] if !rest.is_empty() => {
                Self::Pair(first.boxed(), Self::comb(second, rest).boxed())
            }
            [last, ..] => Self::Pair(first.boxed(), last.boxed()),
            [] => first.clone(),
        }
    }

    /// Refuses a node that is no type of a rollup's parameter. Of one that is, each part has a name of
    /// Michelson's and as many parts as that takes (those that this crate has no values of, too), and
    /// none is an operation.
    ///
    /// # Errors
    /// [`TypeError::NoType`], with the part.
    pub fn check_parameter(node: &Node) -> Result<(), TypeError> {
        let Node::Prim { name, args, .. } = node else {
            return Err(TypeError::NoType(node.clone()));
        };
        let parts = PARTS.iter().find(|(known, _)| *known == name);
        let is_sized = matches!(&args[..], [Node::Int(_)]);
        // Keys and contents have an order.
        let ordered = match name.as_str() {
            "set" | "ticket" | "map" | "big_map" => args.first(),
            _ => None,
        };
        if let Some(unordered) = ordered.filter(|node| !is_ordered(node)) {
            return Err(TypeError::NoType(unordered.clone()));
        }
        match (parts, args.len()) {
            (Some((_, Parts::Size)), _) if is_sized => Ok(()),
            (Some((_, Parts::Count(parts))), len) if *parts == len => {
                args.iter().try_for_each(Self::check_parameter)
            }
            (Some((_, Parts::TwoAndMore)), 2..) => args.iter().try_for_each(Self::check_parameter),
            _ => Err(TypeError::NoType(node.clone())),
        }
    }

    /// True if its values have an order: keys of maps, contents of tickets.
    #[must_use]
    pub fn is_comparable(&self) -> bool {
        match self {
            Self::Operation
            | Self::List(_)
            | Self::Set(_)
            | Self::Contract(_)
            | Self::Ticket(_)
            | Self::Map(..)
            | Self::BigMap(..) => false,
            Self::Option(a) => a.is_comparable(),
            Self::Pair(a, b) | Self::Or(a, b) => a.is_comparable() && b.is_comparable(),
            _ => true,
        }
    }

    /// True if its values may be doubled: those without tickets in them. A contract that
    /// takes tickets counts as such: not every interpreter doubles one.
    #[must_use]
    pub fn is_duplicable(&self) -> bool {
        match self {
            Self::Ticket(_) => false,
            Self::Option(a) | Self::List(a) | Self::Contract(a) => a.is_duplicable(),
            Self::Pair(a, b) | Self::Or(a, b) | Self::Map(a, b) | Self::BigMap(a, b) => {
                a.is_duplicable() && b.is_duplicable()
            }
            _ => true,
        }
    }

    /// True if its values may be written in code or be packed.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        match self {
            Self::Operation | Self::BigMap(..) | Self::Ticket(_) | Self::Contract(_) => false,
            Self::Option(a) | Self::List(a) | Self::Set(a) => a.is_plain(),
            Self::Pair(a, b) | Self::Or(a, b) | Self::Map(a, b) => a.is_plain() && b.is_plain(),
            _ => true,
        }
    }
}

/// True if the values of a type may be keys; only a type is asked about that.
fn is_ordered(node: &Node) -> bool {
    const OTHERS: [&str; 15] = [
        "operation",
        "list",
        "set",
        "contract",
        "ticket",
        "map",
        "big_map",
        "lambda",
        "bls12_381_g1",
        "bls12_381_g2",
        "bls12_381_fr",
        "chest",
        "chest_key",
        "sapling_state",
        "sapling_transaction",
    ];
    match node {
        Node::Prim { name, args, .. } => {
            !OTHERS.contains(&name.as_str()) && args.iter().all(is_ordered)
        }
        _ => false,
    }
}

/// The parts of a type.
enum Parts {
    Count(usize),
    TwoAndMore,
    /// A number.
    Size,
}

/// Michelson's types that layer 1 passes on.
const PARTS: &[(&str, Parts)] = &[
    ("unit", Parts::Count(0)),
    ("never", Parts::Count(0)),
    ("bool", Parts::Count(0)),
    ("nat", Parts::Count(0)),
    ("int", Parts::Count(0)),
    ("mutez", Parts::Count(0)),
    ("timestamp", Parts::Count(0)),
    ("string", Parts::Count(0)),
    ("bytes", Parts::Count(0)),
    ("address", Parts::Count(0)),
    ("key", Parts::Count(0)),
    ("key_hash", Parts::Count(0)),
    ("signature", Parts::Count(0)),
    ("chain_id", Parts::Count(0)),
    ("bls12_381_g1", Parts::Count(0)),
    ("bls12_381_g2", Parts::Count(0)),
    ("bls12_381_fr", Parts::Count(0)),
    ("chest", Parts::Count(0)),
    ("chest_key", Parts::Count(0)),
    ("option", Parts::Count(1)),
    ("list", Parts::Count(1)),
    ("set", Parts::Count(1)),
    ("contract", Parts::Count(1)),
    ("ticket", Parts::Count(1)),
    ("or", Parts::Count(2)),
    ("map", Parts::Count(2)),
    ("big_map", Parts::Count(2)),
    ("lambda", Parts::Count(2)),
    ("pair", Parts::TwoAndMore),
    ("sapling_state", Parts::Size),
    ("sapling_transaction", Parts::Size),
];

/// Types without arguments.
const ATOMS: &[(&str, Type)] = &[
    ("unit", Type::Unit),
    ("bool", Type::Bool),
    ("nat", Type::Nat),
    ("int", Type::Int),
    ("mutez", Type::Mutez),
    ("timestamp", Type::Timestamp),
    ("string", Type::String),
    ("bytes", Type::Bytes),
    ("address", Type::Address),
    ("key", Type::Key),
    ("key_hash", Type::KeyHash),
    ("signature", Type::Signature),
    ("chain_id", Type::ChainId),
    ("operation", Type::Operation),
];

/// In Michelson, in brackets where it has arguments.
impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, args): (_, Vec<&Self>) = match self {
            Self::Option(a) => ("option", vec![a]),
            Self::List(a) => ("list", vec![a]),
            Self::Set(a) => ("set", vec![a]),
            Self::Contract(a) => ("contract", vec![a]),
            Self::Ticket(a) => ("ticket", vec![a]),
            Self::Pair(a, b) => ("pair", vec![a, b]),
            Self::Or(a, b) => ("or", vec![a, b]),
            Self::Map(a, b) => ("map", vec![a, b]),
            Self::BigMap(a, b) => ("big_map", vec![a, b]),
            atom => {
                let known = ATOMS.iter().find(|(_, ty)| ty == atom);
                return f.write_str(known.map_or("?", |(name, _)| name));
            }
        };
        write!(f, "({name}")?;
        args.iter().try_for_each(|arg| write!(f, " {arg}"))?;
        f.write_str(")")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_read_and_printed() {
        for (text, printed) in [
            ("pair nat nat nat", "(pair nat (pair nat nat))"),
            ("or (unit %a) (list %b :x key)", "(or unit (list key))"),
            (
                "big_map (pair nat bytes) address",
                "(big_map (pair nat bytes) address)",
            ),
        ] {
            assert_eq!(Type::parse(text).unwrap().to_string(), printed);
        }
        for text in [
            "nat nat",
            "or %a nat nat",
            "list (nat %a)",
            "set (list nat)",
            "map (ticket nat) nat",
            "pair nat",
            "lambda",
            "5",
        ] {
            assert!(Type::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn tickets_and_contracts_that_take_some_are_not_doubled() {
        assert!(
            !Type::parse("option (pair nat (ticket nat))")
                .unwrap()
                .is_duplicable()
        );
    }
}
