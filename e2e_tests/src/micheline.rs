//! Micheline of all kinds as `messages` writes it, for other readers.

use alloy_primitives::keccak256;
use messages::contract::Contract;
use messages::micheline::{Node, prim, write};
use messages::ticket;
use serde_json::{Value, json};

/// The number of nodes of each kind.
const EACH: u64 = 200;

/// Nodes that are the same on every run: `{"kind", "hex", "json"}`, where the JSON is
/// what the node shows of them.
///
/// # Panics
/// If `messages` does not read what it wrote.
#[must_use]
pub fn nodes() -> Value {
    type Write = fn(&mut Bytes) -> Vec<u8>;
    let kinds: [(&str, Write); 9] = [
        ("integers", |bytes| integer(bytes)),
        ("strings", |bytes| string(bytes)),
        ("bytes", |bytes| {
            node(|out| write::bytes(out, &bytes.some(60)))
        }),
        ("sequences", sequence),
        ("annotations", annotated),
        ("combs", comb),
        ("tickets", |bytes| ticket(bytes)),
        ("deposits", deposit),
        ("withdrawals", withdrawal),
    ];
    let nodes = kinds.into_iter().flat_map(|(kind, write)| {
        (0..EACH).map(move |number| {
            let bytes = write(&mut Bytes::new(kind, number));
            let read = Node::parse(&bytes).expect("what was just written");
            let json = node::rpc::micheline::json(read);
            json!({ "kind": kind, "hex": alloy_primitives::hex::encode(&bytes), "json": json })
        })
    });
    nodes.collect()
}

/// Bytes that look random: hashes of a name.
struct Bytes {
    seed: String,
    left: Vec<u8>,
}

impl Bytes {
    fn new(kind: &str, number: u64) -> Self {
        Self {
            seed: format!("{kind} {number}"),
            left: Vec::new(),
        }
    }

    fn byte(&mut self) -> u8 {
        if self.left.is_empty() {
            self.left = keccak256(&self.seed).to_vec();
            self.seed.push('.');
        }
        self.left.pop().unwrap_or_default()
    }

    fn array<const LEN: usize>(&mut self) -> [u8; LEN] {
        std::array::from_fn(|_| self.byte())
    }

    /// At most `most` of them.
    fn some(&mut self, most: u8) -> Vec<u8> {
        let len = self.byte() % (most + 1);
        (0..len).map(|_| self.byte()).collect()
    }
}

fn node(append: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    append(&mut out);
    out
}

fn integer(bytes: &mut Bytes) -> Vec<u8> {
    let negative = bytes.byte() % 2 == 1;
    node(|out| write::int(out, negative, &bytes.some(32)))
}

/// The characters that Michelson's strings have.
fn string(bytes: &mut Bytes) -> Vec<u8> {
    let letters = bytes.some(40).into_iter();
    let text: String = letters
        .map(|byte| match byte % 96 {
            95 => '\n',
            letter => char::from(b' ' + letter),
        })
        .collect();
    node(|out| write::string(out, &text))
}

/// A node of any of the kinds above.
fn leaf(bytes: &mut Bytes) -> Vec<u8> {
    match bytes.byte() % 4 {
        0 => integer(bytes),
        1 => string(bytes),
        2 => node(|out| write::prim(out, prim::UNIT, &[], "")),
        _ => node(|out| write::bytes(out, &bytes.some(30))),
    }
}

fn leaves<const COUNT: usize>(bytes: &mut Bytes) -> [Vec<u8>; COUNT] {
    std::array::from_fn(|_| leaf(bytes))
}

fn sequence(bytes: &mut Bytes) -> Vec<u8> {
    let inner: Vec<_> = (0..bytes.byte() % 5).map(|_| leaf(bytes)).collect();
    let inner: Vec<&[u8]> = inner.iter().map(Vec::as_slice).collect();
    let inner = node(|out| write::sequence(out, &inner));
    node(|out| write::sequence(out, &[&inner, &leaf(bytes)]))
}

fn annotated(bytes: &mut Bytes) -> Vec<u8> {
    let [first, second] = leaves(bytes);
    let (prim, args): (u8, &[&[u8]]) = match bytes.byte() % 3 {
        0 => (prim::UNIT, &[]),
        1 => (prim::SOME, &[&first]),
        _ => (prim::PAIR, &[&first, &second]),
    };
    let annotations = ["%one", ":two", "%one :two"];
    let annotation = annotations[usize::from(bytes.byte() % 3)];
    node(|out| write::prim(out, prim, args, annotation))
}

fn comb(bytes: &mut Bytes) -> Vec<u8> {
    let args: [_; 3] = leaves(bytes);
    let args = [&args[0][..], &args[1], &args[2]];
    let annotation = if bytes.byte().is_multiple_of(2) {
        ""
    } else {
        "%comb"
    };
    node(|out| write::prim(out, prim::PAIR, &args, annotation))
}

fn contract(bytes: &mut Bytes) -> Contract {
    match bytes.byte() % 5 {
        4 => Contract::Originated(bytes.array()),
        curve => {
            let mut account: [u8; 21] = bytes.array();
            account[0] = curve;
            Contract::Implicit(account)
        }
    }
}

/// A ticket of the bridge: `Pair ticketer (Pair (Pair 0 None) amount)`.
fn ticket(bytes: &mut Bytes) -> Vec<u8> {
    let content = node(|out| {
        let none = |out: &mut Vec<u8>| write::prim(out, prim::NONE, &[], "");
        write::pair(out, |out| write::nat(out, 0), none);
    });
    let (ticketer, amount) = (contract(bytes), u64::from_be_bytes(bytes.array()));
    node(|out| ticket::put(out, &ticketer, &content, |out| write::nat(out, amount)))
}

/// `Left (Left (Pair routing ticket))`.
fn deposit(bytes: &mut Bytes) -> Vec<u8> {
    let (routing, ticket) = (bytes.some(64), ticket(bytes));
    let pair = node(|out| {
        let routing = |out: &mut Vec<u8>| write::bytes(out, &routing);
        write::pair(out, routing, |out| out.extend_from_slice(&ticket));
    });
    let left = node(|out| write::prim(out, prim::LEFT, &[&pair], ""));
    node(|out| write::prim(out, prim::LEFT, &[&left], ""))
}

/// `Pair receiver ticket`.
fn withdrawal(bytes: &mut Bytes) -> Vec<u8> {
    let (receiver, ticket) = (contract(bytes).encode(), ticket(bytes));
    node(|out| {
        let receiver = |out: &mut Vec<u8>| write::bytes(out, &receiver);
        write::pair(out, receiver, |out| out.extend_from_slice(&ticket));
    })
}
