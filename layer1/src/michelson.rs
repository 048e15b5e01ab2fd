//! Rust types that stand for Michelson types: what contracts take and give.

use crate::account::Address;
use crate::value::{Ticket, Type, Value};

/// A Rust type with its Michelson type.
pub trait Michelson: Sized {
    /// The type.
    fn ty() -> Type;

    /// Its value; none for one of another type.
    fn from_value(value: Value) -> Option<Self>;

    /// As a value.
    fn into_value(self) -> Value;
}

/// `timestamp`: seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(pub i64);

macro_rules! atoms {
    ($($rust:ty => $ty:expr, $variant:ident;)*) => {$(
        impl Michelson for $rust {
            fn ty() -> Type {
                $ty
            }

            fn from_value(value: Value) -> Option<Self> {
                match value {
                    Value::$variant(inside) => Some(inside),
                    _ => None,
                }
            }

            fn into_value(self) -> Value {
                Value::$variant(self)
            }
        }
    )*};
}

atoms! {
    u128 => Type::Nat, Nat;
    Vec<u8> => Type::Bytes, Bytes;
    Address => Type::Address, Address;
    Ticket => Type::bridge_ticket(), Ticket;
}

impl Michelson for () {
    fn ty() -> Type {
        Type::Unit
    }

    fn from_value(value: Value) -> Option<Self> {
        matches!(value, Value::Unit).then_some(())
    }

    fn into_value(self) -> Value {
        Value::Unit
    }
}

impl Michelson for Timestamp {
    fn ty() -> Type {
        Type::Timestamp
    }

    fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::Timestamp(time) => Some(Self(time)),
            _ => None,
        }
    }

    fn into_value(self) -> Value {
        Value::Timestamp(self.0)
    }
}

impl<A: Michelson, B: Michelson> Michelson for (A, B) {
    fn ty() -> Type {
        Type::pair(A::ty(), B::ty())
    }

    fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::Pair(first, second) => Some((A::from_value(*first)?, B::from_value(*second)?)),
            _ => None,
        }
    }

    fn into_value(self) -> Value {
        Value::pair(self.0.into_value(), self.1.into_value())
    }
}
