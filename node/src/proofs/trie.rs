//! A Merkle-Patricia trie over 32-byte keys (Yellow Paper, appendix D), kept in
//! memory and changed in place: nodes remember their hashes, and a change
//! forgets those on one path.

use alloy_primitives::{B256, U256};
use ethereum::header::EMPTY_ROOT;
use ethereum::keccak256;
use ethereum::rlp::{EMPTY_STRING, List, Prefix, Raw, Str, encode};
use std::cell::OnceCell;

/// A value of the trie.
pub trait Leaf {
    /// Its bytes in the trie.
    fn encode(&self) -> Vec<u8>;
}

/// Slots hold their value in RLP.
impl Leaf for U256 {
    fn encode(&self) -> Vec<u8> {
        encode(self)
    }
}

/// The trie.
#[derive(Debug)]
pub struct Trie<V> {
    root: Option<Child<V>>,
}

/// A node, and how its parent names it as long as nothing below changes: beside
/// its siblings' names, so that a branch is hashed without a look at them.
#[derive(Debug)]
struct Child<V> {
    reference: OnceCell<Reference>,
    node: Box<Node<V>>,
}

#[derive(Debug)]
struct Node<V> {
    /// The nibbles between the parent and the value or the fork.
    path: Path,
    kind: Kind<V>,
}

#[derive(Debug)]
enum Kind<V> {
    Leaf(V),
    /// All keys have one length: no branch has a value of its own.
    Branch(Box<[Option<Child<V>>; 16]>),
}

/// Some nibbles of a key.
#[derive(Clone, Copy, Debug)]
struct Path {
    key: B256,
    from: u8,
    to: u8,
}

/// A hash behind its prefix, or a node of fewer than 32 bytes itself.
#[derive(Clone, Copy, Debug)]
struct Reference {
    bytes: [u8; 33],
    len: u8,
}

/// Nibbles of a key.
const NIBBLES: u8 = 64;

impl<V> Default for Trie<V> {
    fn default() -> Self {
        Self { root: None }
    }
}

impl<V: Leaf> Trie<V> {
    /// The hash of its root node; [`EMPTY_ROOT`] if it holds nothing.
    #[must_use]
    pub fn root(&self) -> B256 {
        self.root
            .as_ref()
            .map_or(EMPTY_ROOT, |root| keccak256(root.node.encode()))
    }

    /// The value at `key`.
    #[must_use]
    pub fn get(&self, key: &B256) -> Option<&V> {
        let (mut child, mut depth) = (self.root.as_ref()?, 0);
        loop {
            let node = &child.node;
            depth += node.path.common(key, depth);
            match &node.kind {
                _ if depth < node.path.to => return None,
                Kind::Leaf(value) => return Some(value),
                Kind::Branch(children) => {
                    child = children[nibble(key, depth)].as_ref()?;
                    depth += 1;
                }
            }
        }
    }

    /// The value at `key`, to change; it is made if there is none.
    pub fn entry(&mut self, key: &B256) -> &mut V
    where
        V: Default,
    {
        entry(&mut self.root, key, 0)
    }

    /// Removes the value at `key`.
    pub fn remove(&mut self, key: &B256) {
        if self.get(key).is_some() {
            remove(&mut self.root, key, 0);
        }
    }

    /// The nodes from the root to `key`, or to where the trie shows that there
    /// is nothing; those that lie within others are left out.
    #[must_use]
    pub fn proof(&self, key: &B256) -> Vec<Vec<u8>> {
        let mut proof: Vec<Vec<u8>> = Vec::new();
        let (mut next, mut depth) = (self.root.as_ref(), 0);
        while let Some(Child { node, .. }) = next {
            let is_root = proof.is_empty();
            let mut add = |bytes: Vec<u8>| {
                if is_root || bytes.len() >= 32 {
                    proof.push(bytes);
                }
            };
            add(node.encode());
            depth += node.path.common(key, depth);
            let Kind::Branch(children) = &node.kind else {
                break;
            };
            if depth < node.path.to {
                break;
            }
            if !node.path.is_empty() {
                add(encode_branch(children));
            }
            next = children[nibble(key, depth)].as_ref();
            depth += 1;
        }
        proof
    }
}

fn entry<'t, V: Default>(place: &'t mut Option<Child<V>>, key: &B256, depth: u8) -> &'t mut V {
    let child = place.get_or_insert_with(|| {
        let path = Path {
            key: *key,
            from: depth,
            to: NIBBLES,
        };
        Child::new(Node {
            path,
            kind: Kind::Leaf(V::default()),
        })
    });
    child.reference.take();
    let node = &mut *child.node;
    let fork = depth + node.path.common(key, depth);
    if fork < node.path.to {
        split(node, fork);
    }
    match &mut node.kind {
        Kind::Leaf(value) => value,
        Kind::Branch(children) => entry(&mut children[nibble(key, fork)], key, fork + 1),
    }
}

/// Puts a branch with one child above `node`, at depth `fork`.
fn split<V>(node: &mut Node<V>, fork: u8) {
    let upper = Node {
        path: Path {
            to: fork,
            ..node.path
        },
        kind: Kind::Branch(Box::new([const { None }; 16])),
    };
    let mut lower = std::mem::replace(node, upper);
    lower.path.from = fork + 1;
    if let Kind::Branch(children) = &mut node.kind {
        let place = nibble(&lower.path.key, fork);
        children[place] = Some(Child::new(lower));
    }
}

/// Removes a key that is there.
fn remove<V>(place: &mut Option<Child<V>>, key: &B256, depth: u8) {
    let Some(Child { node, reference }) = place else {
        return;
    };
    reference.take();
    let fork = node.path.to;
    let Kind::Branch(children) = &mut node.kind else {
        *place = None;
        return;
    };
    remove(&mut children[nibble(key, fork)], key, fork + 1);
    let mut left = children.iter_mut().filter(|child| child.is_some());
    if let (Some(only), None) = (left.next(), left.next())
        && let Some(mut only) = only.take()
    {
        // All keys below a node share the nibbles before it.
        only.node.path.from = depth;
        only.reference.take();
        *place = Some(only);
    }
}

impl<V: Leaf> Node<V> {
    fn encode(&self) -> Vec<u8> {
        match &self.kind {
            Kind::Leaf(value) => {
                let (path, value) = (self.path.encode(0x20), value.encode());
                encode(&List(&[&Str(&path), &Str(&value)]))
            }
            Kind::Branch(children) if self.path.is_empty() => encode_branch(children),
            Kind::Branch(children) => {
                let path = self.path.encode(0);
                let branch = Reference::of(&encode_branch(children));
                encode(&List(&[&Str(&path), &Raw(branch.as_slice())]))
            }
        }
    }
}

impl<V> Child<V> {
    fn new(node: Node<V>) -> Self {
        Self {
            reference: OnceCell::new(),
            node: Box::new(node),
        }
    }
}

impl<V: Leaf> Child<V> {
    fn reference(&self) -> &Reference {
        self.reference
            .get_or_init(|| Reference::of(&self.node.encode()))
    }
}

fn encode_branch<V: Leaf>(children: &[Option<Child<V>>; 16]) -> Vec<u8> {
    let mut payload = Vec::with_capacity(16 * 33 + 1);
    for child in children {
        match child {
            Some(child) => payload.extend_from_slice(child.reference().as_slice()),
            None => payload.push(EMPTY_STRING),
        }
    }
    payload.push(EMPTY_STRING);
    let mut node = Prefix::list(payload.len()).as_ref().to_vec();
    node.append(&mut payload);
    node
}

impl Reference {
    fn of(node: &[u8]) -> Self {
        let mut bytes = [0; 33];
        let len = if node.len() < 32 {
            bytes[..node.len()].copy_from_slice(node);
            node.len()
        } else {
            bytes[0] = EMPTY_STRING + 32;
            bytes[1..].copy_from_slice(keccak256(node).as_slice());
            33
        };
        Self {
            bytes,
            len: len as u8,
        }
    }

    fn as_slice(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

impl Path {
    const fn is_empty(&self) -> bool {
        self.from == self.to
    }

    /// The number of nibbles that it shares with `key` from `depth` on.
    fn common(&self, key: &B256, depth: u8) -> u8 {
        debug_assert_eq!(self.from, depth, "a path begins where its node hangs");
        let same = |at: &u8| nibble(&self.key, *at) == nibble(key, *at);
        (self.from..self.to).take_while(same).count() as u8
    }

    /// The hex-prefix form (Yellow Paper, appendix C).
    fn encode(&self, flag: u8) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(33);
        let mut at = self.from;
        if (self.to - self.from) % 2 == 1 {
            bytes.push(flag | 0x10 | nibble(&self.key, at) as u8);
            at += 1;
        } else {
            bytes.push(flag);
        }
        while at < self.to {
            bytes.push((nibble(&self.key, at) << 4 | nibble(&self.key, at + 1)) as u8);
            at += 2;
        }
        bytes
    }
}

fn nibble(key: &B256, at: u8) -> usize {
    let byte = key[usize::from(at / 2)];
    usize::from(if at.is_multiple_of(2) {
        byte >> 4
    } else {
        byte & 0xf
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_trie::proof::verify_proof;
    use alloy_trie::{HashBuilder, Nibbles};
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// The root by alloy's trie, which is not ours.
    fn root(entries: &BTreeMap<B256, U256>) -> B256 {
        let mut builder = HashBuilder::default();
        for (key, value) in entries {
            builder.add_leaf(Nibbles::unpack(key), &encode(value));
        }
        builder.root()
    }

    /// Keys that share long beginnings, so that nodes are short and extensions long.
    fn keys() -> impl Strategy<Value = B256> {
        let close = (0_u8..4, 0_u8..4, 0_u8..3).prop_map(|(a, b, at)| {
            let mut key = B256::repeat_byte(0x77);
            key[usize::from(at) * 15] = a;
            key[31] = b << 3;
            key
        });
        prop_oneof![close, any::<[u8; 32]>().prop_map(B256::new)]
    }

    proptest! {
        #[test]
        fn roots_and_proofs_are_alloys_whatever_happened_before(
            changes in prop::collection::vec((keys(), 0_u64..300, any::<bool>()), 1..120),
            absent in keys(),
        ) {
            let (mut trie, mut model) = (Trie::default(), BTreeMap::new());
            for (key, value, kept) in changes {
                let value = U256::from(value).pow(U256::from(7)) + U256::ONE;
                if kept {
                    *trie.entry(&key) = value;
                    model.insert(key, value);
                } else {
                    trie.remove(&key);
                    model.remove(&key);
                }
                prop_assert_eq!(trie.root(), root(&model));
            }
            for key in model.keys().chain([&absent]) {
                let value = model.get(key);
                prop_assert_eq!(trie.get(key), value);
                let proof: Vec<_> = trie.proof(key).into_iter().map(Into::into).collect();
                let verified = verify_proof(trie.root(), Nibbles::unpack(key), value.map(encode), &proof);
                prop_assert!(verified.is_ok(), "{:?}", verified);
            }
        }
    }

    #[test]
    fn a_proof_of_another_value_is_none() {
        let mut trie = Trie::default();
        for number in 0_u64..100 {
            *trie.entry(&keccak256(number.to_be_bytes())) = U256::from(number + 1);
        }
        let key = keccak256(7_u64.to_be_bytes());
        let proof: Vec<_> = trie.proof(&key).into_iter().map(Into::into).collect();
        let check = |value: u64| {
            verify_proof(
                trie.root(),
                Nibbles::unpack(key),
                Some(encode(&U256::from(value))),
                &proof,
            )
        };
        assert!(check(8).is_ok());
        assert!(check(9).is_err());
    }
}
