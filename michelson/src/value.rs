//! Values, as the evaluator has them on its stack.

use std::collections::{BTreeMap, BTreeSet};

/// A value. Its order is that of Michelson among values of one comparable type.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// `Unit`.
    Unit,
    /// `False` or `True`.
    Bool(bool),
    /// `nat`, `int`, `mutez`, or seconds of a `timestamp`.
    Int(i128),
    /// `string`.
    Text(String),
    /// `bytes`; also `address`, `key`, `key_hash`, `signature` and `chain_id` in their
    /// bytes.
    Bytes(Vec<u8>),
    /// `None` or `Some`.
    Option(Option<Box<Self>>),
    /// `Pair`.
    Pair(Box<Self>, Box<Self>),
    /// `Left`.
    Left(Box<Self>),
    /// `Right`.
    Right(Box<Self>),
    /// `list`.
    List(Vec<Self>),
    /// `set`.
    Set(BTreeSet<Self>),
    /// `map` or `big_map`.
    Map(BTreeMap<Self, Self>),
    /// `ticket`.
    Ticket(Box<Ticket>),
    /// `contract`: an address whose entrypoint was found to be there.
    Contract(Vec<u8>),
    /// `operation`.
    Operation(Box<Transfer>),
}

/// Tickets of one kind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket {
    /// Their issuer: 22 bytes.
    pub ticketer: Vec<u8>,
    /// Their contents.
    pub content: Value,
    /// Their number; more than zero.
    pub amount: i128,
}

/// A call that code emits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Transfer {
    /// Whom: 22 bytes, and the name of an entrypoint unless it is `default`.
    pub destination: Vec<u8>,
    /// The tez that go along, in mutez.
    pub amount: u64,
    /// The parameter.
    pub parameter: Value,
}

impl Value {
    /// `Pair first second`.
    #[must_use]
    pub fn pair(first: Self, second: Self) -> Self {
        Self::Pair(Box::new(first), Box::new(second))
    }

    /// `Some inside`, or `None`.
    #[must_use]
    pub fn option(inside: Option<Self>) -> Self {
        Self::Option(inside.map(Box::new))
    }

    /// `Left inside`.
    #[must_use]
    pub fn left(inside: Self) -> Self {
        Self::Left(Box::new(inside))
    }

    /// `Right inside`.
    #[must_use]
    pub fn right(inside: Self) -> Self {
        Self::Right(Box::new(inside))
    }
}
