//! Values survive their forms, and invalid ones are refused, not guessed.

use michelson::value::Ticket;
use michelson::{Contract, Node, Type, Value, encoding};
use proptest::prelude::*;

/// A type and a value of it.
fn typed() -> impl Strategy<Value = (Type, Value)> {
    let leaf = prop_oneof![
        Just((Type::Unit, Value::Unit)),
        any::<bool>().prop_map(|flag| (Type::Bool, Value::Bool(flag))),
        any::<i64>().prop_map(|number| (Type::Int, Value::Int(number.into()))),
        any::<u64>().prop_map(|number| (Type::Nat, Value::Int(number.into()))),
        any::<i64>().prop_map(|time| (Type::Timestamp, Value::Int(time.into()))),
        "[ -~]{0,20}".prop_map(|text| (Type::String, Value::Text(text))),
        any::<Vec<u8>>().prop_map(|bytes| (Type::Bytes, Value::Bytes(bytes))),
        any::<[u8; 20]>().prop_map(|hash| (Type::Address, kt1(hash))),
        (any::<[u8; 20]>(), 1..u64::MAX).prop_map(|(hash, amount)| {
            let ticket = Ticket {
                ticketer: match kt1(hash) {
                    Value::Bytes(bytes) => bytes,
                    _ => Vec::new(),
                },
                content: Value::Int(0),
                amount: amount.into(),
            };
            let ty = Type::Ticket(Box::new(Type::Nat));
            (ty, Value::Ticket(Box::new(ticket)))
        }),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|((a, x), (b, y))| {
                (Type::Pair(Box::new(a), Box::new(b)), Value::pair(x, y))
            }),
            (inner.clone(), inner.clone(), any::<bool>()).prop_map(|((a, x), (b, y), left)| {
                let value = if left {
                    Value::left(x)
                } else {
                    Value::right(y)
                };
                (Type::Or(Box::new(a), Box::new(b)), value)
            }),
            (inner.clone(), any::<bool>()).prop_map(|((a, x), some)| {
                (Type::Option(Box::new(a)), Value::option(some.then_some(x)))
            }),
            (inner, 0..3_usize).prop_map(|((a, x), count)| {
                (Type::List(Box::new(a)), Value::List(vec![x; count]))
            }),
        ]
    })
}

fn kt1(hash: [u8; 20]) -> Value {
    Value::Bytes([&[1], &hash[..], &[0]].concat())
}

proptest! {
    #[test]
    fn a_value_survives_text_json_and_bytes((ty, value) in typed()) {
        let node = encoding::write(&value);
        prop_assert_eq!(encoding::read(&node, &ty), Ok(value));
        let text = Node::parse(&node.to_string());
        prop_assert_eq!(text.as_ref(), Ok(&node));
        prop_assert_eq!(Node::from_json(&node.to_json()), Some(node.clone()));
        let bytes = encoding::binary(&node).unwrap();
        prop_assert_eq!(encoding::from_binary(&bytes), Ok(node));
        prop_assert_eq!(Type::parse(&ty.to_string()), Ok(ty));
    }

    #[test]
    fn any_text_is_micheline_or_not(text in "[(){};\"# %:a-zA-Z0-9x\\\\\n-]{0,80}") {
        let _ = Node::parse(&text);
        let _ = Type::parse(&text);
        let _ = Contract::parse(&text);
    }

    #[test]
    fn any_bytes_are_a_node_or_not(bytes: Vec<u8>) {
        if let Ok(node) = encoding::from_binary(&bytes) {
            // Numbers have one form; flat pairs may have two.
            let _ = encoding::binary(&node).unwrap();
        }
    }

    #[test]
    fn any_text_is_base58_or_not(text in "[1-9A-Za-z%_]{0,60}") {
        for ty in [Type::Address, Type::Key, Type::Signature, Type::ChainId] {
            let _ = encoding::from_base58(&text, &ty);
        }
    }
}
