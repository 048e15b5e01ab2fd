//! Micheline, the syntax of Michelson values and types.

use crate::error::{DecodeError, ErrorKind};
use crate::number::Integer;
use crate::reader::Reader;
use alloc::vec::Vec;

/// Nodes that are open, with what is still to come of each.
enum Open<'b> {
    /// This many nodes.
    Nodes(u8),
    /// Nodes up to the end of a sequence; then what stands behind it.
    Items(Reader<'b>),
    /// Annotations.
    Annotations,
}

/// The length of the Micheline node that `bytes` begin with, in bytes.
///
/// The whole node is checked, sequences included: every node inside ends where
/// its place ends, and numbers have no needless bytes. Strings, annotations and
/// primitives are taken as they are: which are legal is for their reader to say.
///
/// It keeps its own stack, so that deep nesting cannot overflow the machine's,
/// and looks at each byte of a node's head once.
///
/// # Errors
/// If the bytes are no well-formed node.
///
/// ```
/// // Pair 1 "a", and a byte that is not part of it.
/// let bytes = [7, 7, 0, 1, 1, 0, 0, 0, 1, b'a', 0xff];
/// assert_eq!(messages::micheline::node_length(&bytes), Ok(10));
/// ```
pub fn node_length(bytes: &[u8]) -> Result<usize, DecodeError> {
    let mut reader = Reader::new(bytes);
    let mut open = Vec::from([Open::Nodes(1)]);
    while let Some(next) = open.pop() {
        match next {
            Open::Annotations => {
                reader.dynamic()?;
            }
            Open::Items(behind) if reader.is_empty() => reader = behind,
            Open::Nodes(0) => {}
            Open::Items(_) => {
                open.push(next);
                node(&mut reader, &mut open)?;
            }
            Open::Nodes(count) => {
                open.push(Open::Nodes(count - 1));
                node(&mut reader, &mut open)?;
            }
        }
    }
    Ok(bytes.len() - reader.remaining())
}

/// Reads a node's own bytes and opens what it holds.
fn node<'b>(reader: &mut Reader<'b>, open: &mut Vec<Open<'b>>) -> Result<(), DecodeError> {
    let start = *reader;
    match reader.byte()? {
        0 => Integer::read_z(reader).map(drop),
        1 | 10 => reader.dynamic().map(drop),
        2 => sequence(reader, open),
        tag @ 3..=8 => {
            reader.byte()?;
            if tag % 2 == 0 {
                open.push(Open::Annotations);
            }
            open.push(Open::Nodes((tag - 3) / 2));
            Ok(())
        }
        9 => {
            reader.byte()?;
            open.push(Open::Annotations);
            sequence(reader, open)
        }
        tag => Err(start.error(ErrorKind::UnknownTag(tag))),
    }
}

/// Nodes behind their length in bytes: reading goes on inside.
fn sequence<'b>(reader: &mut Reader<'b>, open: &mut Vec<Open<'b>>) -> Result<(), DecodeError> {
    let items = reader.dynamic_reader()?;
    open.push(Open::Items(*reader));
    *reader = items;
    Ok(())
}

/// A node of Micheline, whole and well-formed, borrowed from its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Node<'b> {
    bytes: &'b [u8],
}

/// A view of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View<'b> {
    /// An integer.
    Int(Integer<'b>),
    /// A string.
    String(&'b str),
    /// Bytes.
    Bytes(&'b [u8]),
    /// Nodes in a row.
    Sequence(Nodes<'b>),
    /// A primitive ([`prim`]) with its arguments.
    Prim {
        /// Which one.
        prim: u8,
        /// Its arguments.
        args: Nodes<'b>,
        /// Its annotations, single spaces between them; empty for none.
        annotations: &'b str,
    },
}

impl<'b> Node<'b> {
    /// The node in `bytes`, all of them.
    ///
    /// # Errors
    /// If they are not one well-formed node.
    pub fn parse(bytes: &'b [u8]) -> Result<Self, DecodeError> {
        let (node, rest) = Self::split(bytes)?;
        if rest.is_empty() {
            Ok(node)
        } else {
            Err(DecodeError {
                offset: node.bytes.len(),
                kind: ErrorKind::Trailing,
            })
        }
    }

    /// The node that `bytes` begin with, and what stands behind it.
    ///
    /// # Errors
    /// If they begin with none.
    pub fn split(bytes: &'b [u8]) -> Result<(Self, &'b [u8]), DecodeError> {
        let (bytes, rest) = bytes
            .split_at_checked(node_length(bytes)?)
            .unwrap_or((bytes, &[]));
        Ok((Self { bytes }, rest))
    }

    /// The node's bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &'b [u8] {
        self.bytes
    }

    /// The node's contents.
    ///
    /// # Errors
    /// [`ErrorKind::Text`] for a string or annotations that are not UTF-8.
    pub fn view(&self) -> Result<View<'b>, DecodeError> {
        let mut reader = Reader::new(self.bytes);
        Ok(match reader.byte()? {
            0 => View::Int(Integer::read_z(&mut reader)?),
            1 => View::String(text(&mut reader)?),
            2 => View::Sequence(Nodes(reader.dynamic()?)),
            10 => View::Bytes(reader.dynamic()?),
            tag => {
                let prim = reader.byte()?;
                let args = if tag == 9 {
                    reader.dynamic()?
                } else {
                    let start = reader;
                    for _ in 0..tag.saturating_sub(3) / 2 {
                        let len = node_length(reader.bytes())?;
                        reader.take(len)?;
                    }
                    let len = start.remaining() - reader.remaining();
                    start.bytes().get(..len).unwrap_or_default()
                };
                let annotations = if reader.is_empty() {
                    ""
                } else {
                    text(&mut reader)?
                };
                View::Prim {
                    prim,
                    args: Nodes(args),
                    annotations,
                }
            }
        })
    }

    /// The arguments of `prim` without annotations, if the node is that with so many.
    #[must_use]
    pub fn args<const COUNT: usize>(&self, prim: u8) -> Option<[Self; COUNT]> {
        match self.view().ok()? {
            View::Prim {
                prim: actual,
                args,
                annotations: "",
            } if actual == prim => args.collect(),
            _ => None,
        }
    }

    /// The two halves of a pair, which layer 1 writes nested however many it holds.
    #[must_use]
    pub fn pair(&self) -> Option<[Self; 2]> {
        self.args(prim::PAIR)
    }

    /// The integer, if the node is one.
    #[must_use]
    pub fn int(&self) -> Option<Integer<'b>> {
        match self.view().ok()? {
            View::Int(integer) => Some(integer),
            _ => None,
        }
    }

    /// The bytes, if the node is such.
    #[must_use]
    pub fn bytes(&self) -> Option<&'b [u8]> {
        match self.view().ok()? {
            View::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The string, if the node is one.
    #[must_use]
    pub fn string(&self) -> Option<&'b str> {
        match self.view().ok()? {
            View::String(text) => Some(text),
            _ => None,
        }
    }
}

fn text<'b>(reader: &mut Reader<'b>) -> Result<&'b str, DecodeError> {
    let start = *reader;
    core::str::from_utf8(reader.dynamic()?).map_err(|_| start.error(ErrorKind::Text))
}

/// Well-formed nodes, one behind the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nodes<'b>(&'b [u8]);

impl<'b> Nodes<'b> {
    /// These nodes, if there are so many.
    #[must_use]
    pub fn collect<const COUNT: usize>(mut self) -> Option<[Node<'b>; COUNT]> {
        let mut nodes = [Node { bytes: &[] }; COUNT];
        for node in &mut nodes {
            *node = self.next()?;
        }
        self.next().is_none().then_some(nodes)
    }

    /// The bytes of all of them.
    #[must_use]
    pub const fn as_bytes(&self) -> &'b [u8] {
        self.0
    }
}

impl<'b> Iterator for Nodes<'b> {
    type Item = Node<'b>;

    fn next(&mut self) -> Option<Node<'b>> {
        let (node, rest) = Node::split(self.0).ok()?;
        self.0 = rest;
        Some(node)
    }
}

/// Numbers of primitives (`Michelson_v1_primitives`).
pub mod prim {
    /// `False`.
    pub const FALSE: u8 = 3;
    /// `Elt`.
    pub const ELT: u8 = 4;
    /// `Left`.
    pub const LEFT: u8 = 5;
    /// `None`.
    pub const NONE: u8 = 6;
    /// `Pair`.
    pub const PAIR: u8 = 7;
    /// `Right`.
    pub const RIGHT: u8 = 8;
    /// `Some`.
    pub const SOME: u8 = 9;
    /// `True`.
    pub const TRUE: u8 = 10;
    /// `Unit`.
    pub const UNIT: u8 = 11;
    /// The type `int`.
    pub const INT: u8 = 91;
    /// The type `nat`.
    pub const NAT: u8 = 98;
    /// The type `option`.
    pub const OPTION: u8 = 99;
    /// The type `or`.
    pub const OR: u8 = 100;
    /// The type `pair`.
    pub const PAIR_TYPE: u8 = 101;
    /// The type `string`.
    pub const STRING: u8 = 104;
    /// The type `bytes`.
    pub const BYTES: u8 = 105;
    /// The type `unit`.
    pub const UNIT_TYPE: u8 = 108;
    /// The type `address`.
    pub const ADDRESS: u8 = 110;
    /// The type `ticket`.
    pub const TICKET_TYPE: u8 = 135;
    /// The constructor `Ticket`.
    pub const TICKET: u8 = 157;
}

/// Makes nodes: each function appends one to `out`, arguments as they are given.
pub mod write {
    use crate::number;
    use alloc::vec::Vec;

    /// Bytes behind their length (u32, big-endian).
    pub fn dynamic(out: &mut Vec<u8>, bytes: &[u8]) {
        out.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
        out.extend_from_slice(bytes);
    }

    /// An integer; its size is `magnitude`, big-endian.
    pub fn int(out: &mut Vec<u8>, negative: bool, magnitude: &[u8]) {
        out.push(0);
        number::put_z(out, negative, magnitude);
    }

    /// A natural number.
    pub fn nat(out: &mut Vec<u8>, number: u64) {
        int(out, false, &number.to_be_bytes());
    }

    /// A string.
    pub fn string(out: &mut Vec<u8>, text: &str) {
        out.push(1);
        dynamic(out, text.as_bytes());
    }

    /// Bytes.
    pub fn bytes(out: &mut Vec<u8>, bytes: &[u8]) {
        out.push(10);
        dynamic(out, bytes);
    }

    /// Nodes in a row.
    pub fn sequence(out: &mut Vec<u8>, nodes: &[&[u8]]) {
        out.push(2);
        dynamic(out, &nodes.concat());
    }

    /// A primitive with the nodes `args` and annotations (empty for none); three
    /// arguments or more take the general form.
    pub fn prim(out: &mut Vec<u8>, prim: u8, args: &[&[u8]], annotations: &str) {
        let count = args.len() as u8;
        if args.len() > 2 {
            out.extend_from_slice(&[9, prim]);
            dynamic(out, &args.concat());
            return dynamic(out, annotations.as_bytes());
        }
        let annotated = !annotations.is_empty();
        out.extend_from_slice(&[3 + 2 * count + u8::from(annotated), prim]);
        args.iter().for_each(|arg| out.extend_from_slice(arg));
        if annotated {
            dynamic(out, annotations.as_bytes());
        }
    }

    /// `Pair a b`: each half is appended by its function.
    pub fn pair(
        out: &mut Vec<u8>,
        first: impl FnOnce(&mut Vec<u8>),
        rest: impl FnOnce(&mut Vec<u8>),
    ) {
        out.extend_from_slice(&[7, super::prim::PAIR]);
        first(out);
        rest(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(offset: usize, kind: ErrorKind) -> Result<usize, DecodeError> {
        Err(DecodeError { offset, kind })
    }

    #[test]
    fn a_node_ends_where_it_ends() {
        // Pair 1 (Left "a"), then something else.
        let bytes = [7, 7, 0, 1, 5, 5, 1, 0, 0, 0, 1, b'a', 99];
        assert_eq!(node_length(&bytes), Ok(12));
        assert_eq!(node_length(&bytes[..11]), error(11, ErrorKind::Truncated));
        assert_eq!(node_length(&[]), error(0, ErrorKind::Truncated));
    }

    #[test]
    fn the_nodes_of_a_sequence_are_checked() {
        // { 1 ; { } }
        assert_eq!(node_length(&[2, 0, 0, 0, 7, 0, 1, 2, 0, 0, 0, 0]), Ok(12));
        // A node with an unknown tag.
        assert_eq!(
            node_length(&[2, 0, 0, 0, 3, 0, 1, 11]),
            error(7, ErrorKind::UnknownTag(11))
        );
        // A node that reaches beyond the sequence, though the bytes go on.
        assert_eq!(
            node_length(&[2, 0, 0, 0, 1, 0, 1, 0, 1]),
            error(6, ErrorKind::Truncated)
        );
        // A generic node: Pair 1 2 3 with its (empty) annotations, and without.
        let comb = [9, 7, 0, 0, 0, 6, 0, 1, 0, 2, 0, 3, 0, 0, 0, 0];
        assert_eq!(node_length(&comb), Ok(16));
        assert_eq!(node_length(&comb[..12]), error(12, ErrorKind::Truncated));
    }

    #[test]
    fn annotations_stand_behind_the_arguments() {
        // (Pair %a 1 2)
        let bytes = [8, 7, 0, 1, 0, 2, 0, 0, 0, 2, b'%', b'a'];
        assert_eq!(node_length(&bytes), Ok(12));
        assert_eq!(node_length(&bytes[..11]), error(10, ErrorKind::Truncated));
    }

    #[test]
    fn a_number_has_no_needless_bytes() {
        assert_eq!(node_length(&[0, 0x80, 1]), Ok(3));
        assert_eq!(node_length(&[0, 0x80, 0]), error(2, ErrorKind::Padded));
        assert_eq!(node_length(&[0, 0x80]), error(2, ErrorKind::Truncated));
    }

    #[test]
    fn deep_nesting_is_no_danger() {
        let bytes = [5, 5].repeat(1_000_000);
        assert_eq!(node_length(&bytes), error(2_000_000, ErrorKind::Truncated));
        let mut bytes = bytes;
        bytes.extend([3, 11]);
        assert_eq!(node_length(&bytes), Ok(2_000_002));
    }

    #[test]
    fn unknown_tags_are_refused() {
        assert_eq!(node_length(&[11]), error(0, ErrorKind::UnknownTag(11)));
    }
}
