//! Micheline as JSON, in the form that Tezos nodes give it.

use alloy_primitives::{U256, hex};
use messages::micheline::{Node, View};
use serde_json::{Value, json};

/// The depth up to which nodes are shown. Each takes two levels of JSON, of which many readers take
/// 128 and no more (those of serde_json, in whose way the pages stand).
const MAX_DEPTH: u32 = 50;

/// A node as Tezos nodes write it: `{"prim":"Pair","args":[…]}`, `{"int":"5"}`.
/// A node that is too deep, has over 256 bits or an unknown primitive is shown as bytes:
/// `{"micheline":"0x…"}`.
#[must_use]
pub fn json(node: Node<'_>) -> Value {
    write(node, 0).unwrap_or_else(|| json!({ "micheline": hex::encode_prefixed(node.as_bytes()) }))
}

fn write(node: Node<'_>, depth: u32) -> Option<Value> {
    if depth > MAX_DEPTH {
        return None;
    }
    Some(match node.view().ok()? {
        View::Int(number) => {
            let size = U256::from_be_bytes::<32>(number.magnitude()?);
            let sign = if number.is_negative() { "-" } else { "" };
            json!({ "int": format!("{sign}{size}") })
        }
        View::String(text) => json!({ "string": text }),
        View::Bytes(bytes) => json!({ "bytes": hex::encode(bytes) }),
        View::Sequence(items) => items
            .map(|item| write(item, depth + 1))
            .collect::<Option<Value>>()?,
        View::Prim {
            prim,
            args,
            annotations,
        } => {
            let args: Vec<Value> = args
                .map(|arg| write(arg, depth + 1))
                .collect::<Option<_>>()?;
            let mut json = json!({ "prim": name(prim)? });
            if !args.is_empty() {
                json["args"] = Value::Array(args);
            }
            if !annotations.is_empty() {
                json["annots"] = annotations.split(' ').collect();
            }
            json
        }
    })
}

/// The primitives of the bridge's values and types.
fn name(prim: u8) -> Option<&'static str> {
    Some(match prim {
        3 => "False",
        4 => "Elt",
        5 => "Left",
        6 => "None",
        7 => "Pair",
        8 => "Right",
        9 => "Some",
        10 => "True",
        11 => "Unit",
        89 => "bool",
        90 => "contract",
        91 => "int",
        93 => "key_hash",
        95 => "list",
        98 => "nat",
        99 => "option",
        100 => "or",
        101 => "pair",
        104 => "string",
        105 => "bytes",
        107 => "timestamp",
        108 => "unit",
        110 => "address",
        135 => "ticket",
        157 => "Ticket",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(bytes: &[u8]) -> Value {
        json(Node::parse(bytes).unwrap())
    }

    #[test]
    fn nodes_are_written_as_tezos_does() {
        // Pair -1 { "a" ; 0xff }
        let bytes = [
            7, 7, 0, 0x41, 2, 0, 0, 0, 12, 1, 0, 0, 0, 1, b'a', 10, 0, 0, 0, 1, 0xff,
        ];
        let args = json!([{ "int": "-1" }, [{ "string": "a" }, { "bytes": "ff" }]]);
        assert_eq!(of(&bytes), json!({ "prim": "Pair", "args": args }));
        assert_eq!(of(&[3, 6]), json!({ "prim": "None" }));
        let annotated = [4, 11, 0, 0, 0, 5, b'%', b'a', b' ', b':', b'b'];
        assert_eq!(
            of(&annotated),
            json!({ "prim": "Unit", "annots": ["%a", ":b"] })
        );
    }

    #[test]
    fn what_is_unknown_or_too_deep_is_shown_as_bytes() {
        assert_eq!(of(&[3, 77]), json!({ "micheline": "0x034d" }));
        let deep = [[5, 5].repeat(1_000), vec![3, 11]].concat();
        assert!(of(&deep)["micheline"].is_string());
    }

    #[test]
    fn what_is_shown_can_be_read_again_however_deep_it_is() {
        for depth in 0..300 {
            let deep = [[5, 5].repeat(depth), vec![3, 11]].concat();
            let answer = json!({ "result": [[{ "message": { "parameters": of(&deep) } }]] });
            let read: Value = serde_json::from_str(&answer.to_string()).unwrap();
            assert_eq!(read, answer, "{depth}");
        }
    }
}
