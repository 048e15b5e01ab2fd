//! Michelson values with their types, as contracts see them.
//!
//! A value that is written anew always takes the form that layer 1 gives rollups:
//! nested pairs, addresses in bytes, tickets as pairs.

use crate::account::{Account, Address};
use messages::contract::Contract;
use messages::micheline::{Node, View, prim, write};
use messages::ticket;
use std::fmt;

/// A type, as far as the contracts here need them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    /// `unit`.
    Unit,
    /// `nat`.
    Nat,
    /// `bytes`.
    Bytes,
    /// `timestamp`.
    Timestamp,
    /// `address`.
    Address,
    /// `option`.
    Option(Box<Self>),
    /// `or`.
    Or(Box<Self>, Box<Self>),
    /// `pair`.
    Pair(Box<Self>, Box<Self>),
    /// `ticket`.
    Ticket(Box<Self>),
    /// Whatever a script takes that runs as it is.
    Script(michelson::Type),
}

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// `Unit`.
    Unit,
    /// A natural number.
    Nat(u128),
    /// Bytes.
    Bytes(Vec<u8>),
    /// Seconds since 1970.
    Timestamp(i64),
    /// Somebody's entrypoint.
    Address(Address),
    /// `None` or `Some`.
    Option(Option<Box<Self>>),
    /// `Left`.
    Left(Box<Self>),
    /// `Right`.
    Right(Box<Self>),
    /// `Pair`.
    Pair(Box<Self>, Box<Self>),
    /// Tickets of one kind.
    Ticket(Ticket),
    /// The argument of a script that runs as it is; no tickets.
    Script(michelson::Value),
}

/// Tickets of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// Their identity.
    pub id: TicketId,
    /// Their number.
    pub amount: u128,
}

/// The identity of tickets.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TicketId {
    /// Their issuer.
    pub ticketer: Contract,
    /// Their contents: a node, in the form that this module writes.
    pub content: Vec<u8>,
}

impl Type {
    /// `pair first second`.
    #[must_use]
    pub fn pair(first: Self, second: Self) -> Self {
        Self::Pair(Box::new(first), Box::new(second))
    }

    /// `or left right`.
    #[must_use]
    pub fn or(left: Self, right: Self) -> Self {
        Self::Or(Box::new(left), Box::new(right))
    }

    /// `ticket (pair nat (option bytes))`: all tickets of the bridge.
    #[must_use]
    pub fn bridge_ticket() -> Self {
        let content = Self::pair(Self::Nat, Self::Option(Box::new(Self::Bytes)));
        Self::Ticket(Box::new(content))
    }

    /// The rollup's type: `or (or (pair bytes ticket) bytes) bytes`.
    #[must_use]
    pub fn rollup() -> Self {
        let deposit = Self::pair(Self::Bytes, Self::bridge_ticket());
        Self::or(Self::or(deposit, Self::Bytes), Self::Bytes)
    }

    /// The type as a node.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        if let Self::Script(ty) = self {
            return script_node(ty).unwrap_or_default();
        }
        let (number, inside) = self.parts();
        let inside: Vec<_> = inside.into_iter().map(Self::encode).collect();
        let inside: Vec<_> = inside.iter().map(Vec::as_slice).collect();
        let mut node = Vec::new();
        write::prim(&mut node, number, &inside, "");
        node
    }

    /// True if a node is this type; annotations and flat pairs make no difference.
    #[must_use]
    pub fn is(&self, node: Node<'_>) -> bool {
        if let Self::Script(ty) = self {
            let node = michelson::encoding::from_binary(node.as_bytes()).ok();
            let found = node.and_then(|node| michelson::Type::read(&node).ok());
            return found.as_ref() == Some(ty);
        }
        let Ok(View::Prim { prim, args, .. }) = node.view() else {
            return false;
        };
        let args = Vec::from_iter(args);
        match (self.parts(), &args[..]) {
            ((number, _), _) if number != prim => false,
            ((prim::PAIR_TYPE, inside), [first, second, third @ ..]) if !third.is_empty() => {
                let rest: Vec<_> = [&[*second], third].concat();
                let rest: Vec<_> = rest.iter().map(Node::as_bytes).collect();
                let mut pair = Vec::new();
                write::prim(&mut pair, prim, &rest, "");
                let halves = [Some(*first), Node::parse(&pair).ok()];
                let mut both = inside.iter().zip(halves);
                both.all(|(ty, half)| half.is_some_and(|half| ty.is(half)))
            }
            ((_, inside), args) => {
                inside.len() == args.len() && inside.iter().zip(args).all(|(ty, arg)| ty.is(*arg))
            }
        }
    }

    /// The number of the primitive, and the types inside.
    fn parts(&self) -> (u8, Vec<&Self>) {
        match self {
            Self::Unit => (prim::UNIT_TYPE, vec![]),
            Self::Nat => (prim::NAT, vec![]),
            Self::Bytes => (prim::BYTES, vec![]),
            Self::Timestamp => (TIMESTAMP, vec![]),
            Self::Address => (prim::ADDRESS, vec![]),
            Self::Option(inside) => (prim::OPTION, vec![inside]),
            Self::Or(left, right) => (prim::OR, vec![left, right]),
            Self::Pair(first, second) => (prim::PAIR_TYPE, vec![first, second]),
            Self::Ticket(content) => (prim::TICKET_TYPE, vec![content]),
            // It is no primitive of this module's.
            Self::Script(_) => (u8::MAX, vec![]),
        }
    }

    /// The value of this type that a node is; none where it is not. Amounts above
    /// 128 bits are not modelled.
    #[must_use]
    pub fn read(&self, node: Node<'_>) -> Option<Value> {
        Some(match self {
            Self::Unit => node.args::<0>(prim::UNIT).map(|_| Value::Unit)?,
            Self::Nat => Value::Nat(nat(node)?),
            Self::Bytes => Value::Bytes(node.bytes()?.to_vec()),
            Self::Timestamp => Value::Timestamp(node.int()?.to_i64()?),
            Self::Address => Value::Address(match node.view().ok()? {
                View::String(text) => text.parse().ok()?,
                _ => Address::decode(node.bytes()?)?,
            }),
            Self::Option(_) if node.args::<0>(prim::NONE).is_some() => Value::Option(None),
            Self::Option(inside) => {
                let [some] = node.args(prim::SOME)?;
                Value::Option(Some(Box::new(inside.read(some)?)))
            }
            Self::Or(left, right) => match (node.args(prim::LEFT), node.args(prim::RIGHT)) {
                (Some([inside]), _) => Value::Left(Box::new(left.read(inside)?)),
                (_, Some([inside])) => Value::Right(Box::new(right.read(inside)?)),
                _ => return None,
            },
            Self::Pair(first, second) => {
                let (head, rest) = halves(node)?;
                let rest = Node::parse(&rest).ok()?;
                Value::pair(first.read(head)?, second.read(rest)?)
            }
            Self::Ticket(content) => {
                let ticket = ticket::Ticket::from_node(node).ok()?;
                let amount = u128::from_be_bytes(ticket.amount.magnitude()?);
                Value::Ticket(Ticket {
                    id: TicketId {
                        ticketer: ticket.ticketer,
                        content: content.read(ticket.content)?.encode(),
                    },
                    amount,
                })
            }
            Self::Script(ty) => {
                let node = michelson::encoding::from_binary(node.as_bytes()).ok()?;
                Value::Script(michelson::encoding::read(&node, ty).ok()?)
            }
        })
    }
}

/// A script's type as a node in binary.
fn script_node(ty: &michelson::Type) -> Option<Vec<u8>> {
    let node = michelson::Node::parse(&ty.to_string()).ok()?;
    michelson::encoding::binary(&node).ok()
}

/// The type `timestamp`, among the primitives.
const TIMESTAMP: u8 = 107;

fn nat(node: Node<'_>) -> Option<u128> {
    let number = node.int()?;
    let size = u128::from_be_bytes(number.magnitude()?);
    (!number.is_negative() || size == 0).then_some(size)
}

/// The first part of a pair and the rest, which of a flat `Pair a b c` is a pair
/// again.
fn halves(node: Node<'_>) -> Option<(Node<'_>, Vec<u8>)> {
    if let Some([first, second]) = node.pair() {
        return Some((first, second.as_bytes().to_vec()));
    }
    let View::Prim {
        prim: prim::PAIR,
        mut args,
        annotations: "",
    } = node.view().ok()?
    else {
        return None;
    };
    let first = args.next()?;
    let rest: Vec<_> = args.map(|arg| arg.as_bytes()).collect();
    (rest.len() >= 2).then(|| {
        let mut pair = Vec::new();
        write::prim(&mut pair, prim::PAIR, &rest, "");
        (first, pair)
    })
}

/// In Michelson.
impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unit => f.write_str("unit"),
            Self::Nat => f.write_str("nat"),
            Self::Bytes => f.write_str("bytes"),
            Self::Timestamp => f.write_str("timestamp"),
            Self::Address => f.write_str("address"),
            Self::Option(inside) => write!(f, "(option {inside})"),
            Self::Or(left, right) => write!(f, "(or {left} {right})"),
            Self::Pair(first, second) => write!(f, "(pair {first} {second})"),
            Self::Ticket(content) => write!(f, "(ticket {content})"),
            Self::Script(ty) => ty.fmt(f),
        }
    }
}

impl Value {
    /// `Pair first second`.
    #[must_use]
    pub fn pair(first: Self, second: Self) -> Self {
        Self::Pair(Box::new(first), Box::new(second))
    }

    /// `Left`.
    #[must_use]
    pub fn left(inside: Self) -> Self {
        Self::Left(Box::new(inside))
    }

    /// `Right`.
    #[must_use]
    pub fn right(inside: Self) -> Self {
        Self::Right(Box::new(inside))
    }

    /// The address of an account.
    #[must_use]
    pub fn account(account: impl Into<Account>) -> Self {
        Self::Address(account.into().into())
    }

    /// The value as a node.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.put(&mut out);
        out
    }

    fn put(&self, out: &mut Vec<u8>) {
        let applied = |out: &mut Vec<u8>, number, inside: &Self| {
            write::prim(out, number, &[&inside.encode()], "");
        };
        match self {
            Self::Unit => write::prim(out, prim::UNIT, &[], ""),
            Self::Nat(number) => write::int(out, false, &number.to_be_bytes()),
            Self::Timestamp(time) => {
                write::int(out, time.is_negative(), &time.unsigned_abs().to_be_bytes());
            }
            Self::Bytes(bytes) => write::bytes(out, bytes),
            Self::Address(address) => write::bytes(out, &address.encode()),
            Self::Option(None) => write::prim(out, prim::NONE, &[], ""),
            Self::Option(Some(inside)) => applied(out, prim::SOME, inside),
            Self::Left(inside) => applied(out, prim::LEFT, inside),
            Self::Right(inside) => applied(out, prim::RIGHT, inside),
            Self::Pair(first, second) => {
                write::pair(out, |out| first.put(out), |out| second.put(out));
            }
            Self::Script(value) => {
                let node = michelson::encoding::write(value);
                out.extend(michelson::encoding::binary(&node).unwrap_or_default());
            }
            Self::Ticket(Ticket { id, amount }) => {
                ticket::put(out, &id.ticketer, &id.content, |out| {
                    write::int(out, false, &amount.to_be_bytes());
                });
            }
        }
    }

    /// The tickets in it.
    #[must_use]
    pub fn tickets(&self) -> Vec<&Ticket> {
        match self {
            Self::Ticket(ticket) => vec![ticket],
            Self::Left(inside) | Self::Right(inside) | Self::Option(Some(inside)) => {
                inside.tickets()
            }
            Self::Pair(first, second) => [first.tickets(), second.tickets()].concat(),
            _ => Vec::new(),
        }
    }
}

impl TicketId {
    /// The tickets of `ticketer` that say `Pair 0 None`, as those of all bridges.
    #[must_use]
    pub fn of(ticketer: [u8; 20]) -> Self {
        Self {
            ticketer: Contract::Originated(ticketer),
            content: Value::pair(Value::Nat(0), Value::Option(None)).encode(),
        }
    }

    /// The bytes that the EVM bridge hashes (with keccak-256) to name these tickets.
    #[must_use]
    pub fn evm_preimage(&self) -> Vec<u8> {
        [&self.ticketer.encode()[..], &self.content].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(ty: &Type, bytes: &[u8]) -> Option<Value> {
        ty.read(Node::parse(bytes).unwrap())
    }

    fn ticket(amount: u128) -> Value {
        let id = TicketId::of([5; 20]);
        Value::Ticket(Ticket { id, amount })
    }

    #[test]
    fn a_value_survives_its_bytes() {
        let deposit = Value::pair(Value::Bytes(vec![1; 20]), ticket(77));
        for (ty, value) in [
            (Type::rollup(), Value::left(Value::left(deposit))),
            (Type::rollup(), Value::right(Value::Bytes(vec![]))),
            (Type::Timestamp, Value::Timestamp(-5)),
            (Type::Nat, Value::Nat(u128::MAX)),
            (Type::Unit, Value::Unit),
            (
                Type::Option(Box::new(Type::Nat)),
                Value::Option(Some(Box::new(Value::Nat(1)))),
            ),
        ] {
            assert_eq!(read(&ty, &value.encode()), Some(value));
        }
    }

    #[test]
    fn a_value_of_another_type_is_none() {
        assert_eq!(read(&Type::Nat, &[0, 0x41]), None, "-1");
        assert_eq!(read(&Type::Nat, &[3, 11]), None);
        assert_eq!(read(&Type::Address, &[10, 0, 0, 0, 1, 9]), None);
        assert_eq!(read(&Type::bridge_ticket(), &ticket(0).encode()), None);
        let pair = Type::pair(Type::Nat, Type::Nat);
        assert_eq!(read(&pair, &[7, 7, 0, 1, 3, 11]), None);
        // Pair 1 2 3 holds one too many.
        let three = [9, 7, 0, 0, 0, 6, 0, 1, 0, 2, 0, 3, 0, 0, 0, 0];
        assert_eq!(read(&pair, &three), None);
    }

    #[test]
    fn a_flat_pair_is_the_nested_one() {
        let ty = Type::pair(Type::Nat, Type::pair(Type::Nat, Type::Nat));
        let flat = [9, 7, 0, 0, 0, 6, 0, 1, 0, 2, 0, 3, 0, 0, 0, 0];
        let nested = [7, 7, 0, 1, 7, 7, 0, 2, 0, 3];
        assert_eq!(read(&ty, &flat), read(&ty, &nested));
        assert!(read(&ty, &flat).is_some());
    }

    #[test]
    fn an_address_may_be_text() {
        let text = "KT1BuEZtb68c1Q4yjtckcNjGELqWt56Xyesc%burn";
        let mut node = Vec::new();
        write::string(&mut node, text);
        let address = Value::Address(text.parse().unwrap());
        assert_eq!(read(&Type::Address, &node), Some(address));
    }

    #[test]
    fn a_type_is_itself_with_annotations_too() {
        let is = |ty: &Type, bytes: &[u8]| ty.is(Node::parse(bytes).unwrap());
        for ty in [Type::rollup(), Type::bridge_ticket(), Type::Unit] {
            assert!(is(&ty, &ty.encode()));
            assert!(!is(&Type::Nat, &ty.encode()));
        }
        let pair = Type::pair(Type::Nat, Type::Nat);
        // (pair (nat %a) nat)
        let annotated = [7, 101, 4, 98, 0, 0, 0, 2, b'%', b'a', 3, 98];
        assert!(is(&pair, &annotated));
        let flat = [9, 101, 0, 0, 0, 6, 3, 98, 3, 98, 3, 98, 0, 0, 0, 0];
        assert!(is(&Type::pair(Type::Nat, pair.clone()), &flat));
        assert!(!is(&pair, &flat));
    }

    #[test]
    fn the_tickets_in_a_value_are_found() {
        let value = Value::left(Value::pair(ticket(1), Value::pair(Value::Unit, ticket(2))));
        let amounts: Vec<_> = value.tickets().iter().map(|one| one.amount).collect();
        assert_eq!(amounts, [1, 2]);
    }
}
