//! Roots of the tries under a block: transactions, receipts, withdrawals.
//!
//! Such a trie (Yellow Paper, appendix D) maps rlp(index) to an item. All its
//! keys are known beforehand, so it is never built: its nodes are written and
//! hashed from the leaves up, each once, the items straight from where they lie.

use crate::keccak::keccak256;
use alloc::vec::Vec;
use alloy_primitives::B256;

use crate::header::EMPTY_ROOT;
use crate::rlp::{EMPTY_STRING, Encode, Prefix, Raw, Str};

/// The root of the trie that maps rlp(index) to each item.
#[must_use]
pub fn ordered_root(items: &[impl AsRef<[u8]>]) -> B256 {
    let Some(last) = items.len().checked_sub(1) else {
        return EMPTY_ROOT;
    };
    let mut out = Vec::with_capacity(1024);
    write_node(&Keys { count: items.len() }, items, 0..=last, 0, &mut out);
    // The reference to a root is always its hash, behind one byte of prefix.
    out.get(1..)
        .and_then(|hash| B256::try_from(hash).ok())
        .unwrap_or(EMPTY_ROOT)
}

/// Positions of keys in their order.
type Range = core::ops::RangeInclusive<usize>;

/// The keys rlp(0) to rlp(count - 1) in the order of their bytes: 1 to 127 are
/// their own encoding, 0 is 0x80, and larger ones begin with 0x81 and up.
struct Keys {
    count: usize,
}

impl Keys {
    /// The index whose key stands at a position.
    fn index(&self, position: usize) -> usize {
        let below_0x80 = self.count.saturating_sub(1).min(127);
        match position.cmp(&below_0x80) {
            core::cmp::Ordering::Less => position + 1,
            core::cmp::Ordering::Equal => 0,
            core::cmp::Ordering::Greater => position,
        }
    }

    fn key(&self, position: usize) -> Key {
        let index = self.index(position) as u64;
        match index {
            0 => Key {
                bits: u64::from(EMPTY_STRING),
                nibbles: 2,
            },
            1..=0x7f => Key {
                bits: index,
                nibbles: 2,
            },
            _ => {
                let digits = u64::BITS / 8 - index.leading_zeros() / 8;
                let prefix = u64::from(EMPTY_STRING) + u64::from(digits);
                // Memory holds far less than 2^56 items.
                let prefix = prefix.checked_shl(8 * digits).unwrap_or_default();
                Key {
                    bits: prefix | index,
                    nibbles: 2 + 2 * digits,
                }
            }
        }
    }

    fn nibble(&self, position: usize, depth: u32) -> Option<u8> {
        self.key(position).nibble(depth)
    }
}

/// At most 16 nibbles, the last ones lowest.
#[derive(Clone, Copy)]
struct Key {
    bits: u64,
    nibbles: u32,
}

impl Key {
    /// The nibble at a depth; none behind the last.
    #[expect(clippy::cast_possible_truncation, reason = "four bits are left")]
    fn nibble(self, depth: u32) -> Option<u8> {
        let behind = self.nibbles.checked_sub(depth + 1)?;
        Some((self.bits >> (4 * behind)) as u8 & 0xf)
    }
}

/// Appends the reference to the node over the keys in `range`, which agree in
/// their first `depth` nibbles: 0xa0 and its hash, or the node itself if it is
/// shorter than 32 bytes and not the root.
fn write_node(
    keys: &Keys,
    items: &[impl AsRef<[u8]>],
    range: Range,
    depth: u32,
    out: &mut Vec<u8>,
) {
    let (first, last) = range.into_inner();
    if first == last {
        let Some(item) = items.get(keys.index(first)) else {
            return;
        };
        return write_leaf(keys.key(first), item.as_ref(), depth, out);
    }
    // The keys are in order: what the first and the last share, all share.
    let mut fork = depth;
    while keys.nibble(first, fork) == keys.nibble(last, fork) {
        fork += 1;
    }
    if fork == depth {
        return write_branch(keys, items, first..=last, depth, out);
    }
    let start = out.len();
    write_path(keys.key(first), depth..fork, 0, out);
    write_branch(keys, items, first..=last, fork, out);
    seal(out, start, &[], depth == 0);
}

fn write_leaf(key: Key, item: &[u8], depth: u32, out: &mut Vec<u8>) {
    const LEAF: u8 = 0x20;
    let start = out.len();
    write_path(key, depth..key.nibbles, LEAF, out);
    if !matches!(item, [0..=0x7f]) {
        out.extend_from_slice(Prefix::string(item.len()).as_ref());
    }
    seal(out, start, item, depth == 0);
}

fn write_branch(
    keys: &Keys,
    items: &[impl AsRef<[u8]>],
    range: Range,
    depth: u32,
    out: &mut Vec<u8>,
) {
    let start = out.len();
    let (mut next, last) = range.into_inner();
    for nibble in 0..16 {
        let first = next;
        while next <= last && keys.nibble(next, depth) == Some(nibble) {
            next += 1;
        }
        if next == first {
            out.push(EMPTY_STRING);
        } else {
            write_node(keys, items, first..=next - 1, depth + 1, out);
        }
    }
    // No key is the beginning of another: a branch has no value of its own.
    out.push(EMPTY_STRING);
    seal(out, start, &[], depth == 0);
}

/// Appends nibbles of a key in hex-prefix form (Yellow Paper, appendix C).
fn write_path(key: Key, depths: core::ops::Range<u32>, flag: u8, out: &mut Vec<u8>) {
    let bytes = 1 + (depths.end - depths.start) / 2;
    if bytes > 1 {
        out.extend_from_slice(Prefix::string(bytes as usize).as_ref());
    }
    let mut depth = depths.start;
    if (depths.end - depths.start) % 2 == 1 {
        const ODD: u8 = 0x10;
        out.push(flag | ODD | key.nibble(depth).unwrap_or_default());
        depth += 1;
    } else {
        out.push(flag);
    }
    while depth < depths.end {
        let high = key.nibble(depth).unwrap_or_default();
        let low = key.nibble(depth + 1).unwrap_or_default();
        out.push(high << 4 | low);
        depth += 2;
    }
}

/// Turns the payload of a node, which is what `out` holds from `start` on and
/// then `tail`, into the reference to that node.
fn seal(out: &mut Vec<u8>, start: usize, tail: &[u8], is_root: bool) {
    let head = out.get(start..).unwrap_or_default();
    let prefix = Prefix::list(head.len() + tail.len());
    let node = [prefix.as_ref(), head, tail].concat();
    out.truncate(start);
    if node.len() < 32 && !is_root {
        Raw(&node).encode(out);
    } else {
        Str(keccak256(node).as_slice()).encode(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::b256;
    use proptest::prelude::*;

    fn expected(items: &[Vec<u8>]) -> B256 {
        alloy_trie::root::ordered_trie_root_with_encoder(items, |item, out| {
            out.extend_from_slice(item);
        })
    }

    #[test]
    fn no_items_have_the_empty_root() {
        assert_eq!(ordered_root(&[[0u8; 0]; 0]), EMPTY_ROOT);
    }

    #[test]
    fn every_number_of_items_around_the_changes_of_shape() {
        for length in [1usize, 3, 29, 31, 32, 33, 55, 56, 110, 300] {
            let counts = (1..=20)
                .chain(120..=140)
                .chain([254, 255, 256, 257, 258, 300, 700]);
            for count in counts {
                let items: Vec<Vec<u8>> = (0..count)
                    .map(|index| (0..length).map(|at| (index * 7 + at * 3) as u8).collect())
                    .collect();
                assert_eq!(
                    ordered_root(&items),
                    expected(&items),
                    "{count} of {length} bytes"
                );
            }
        }
    }

    #[test]
    fn more_than_65536_items() {
        let items: Vec<Vec<u8>> = (0..65_600u32)
            .map(|index| index.to_le_bytes().into())
            .collect();
        assert_eq!(ordered_root(&items), expected(&items));
    }

    #[test]
    fn items_in_another_order_have_another_root() {
        assert_ne!(ordered_root(&["a", "b"]), ordered_root(&["b", "a"]));
    }

    /// rlp(0) → "x": a single short leaf is hashed all the same.
    #[test]
    fn a_short_root_is_hashed() {
        let leaf = [0xc4, 0x82, 0x20, 0x80, b'x'];
        assert_eq!(ordered_root(&["x"]), keccak256(leaf));
        assert_ne!(
            ordered_root(&["x"]),
            b256!("0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421")
        );
    }

    proptest! {
        #[test]
        fn our_roots_are_alloy_tries(
            items in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..70), 0..300)
        ) {
            prop_assert_eq!(ordered_root(&items), expected(&items));
        }
    }
}
