//! Micheline: how far a node reaches. Values come with the bridge.

use crate::error::{DecodeError, ErrorKind};
use crate::reader::Reader;
use alloc::vec::Vec;

/// What is still to come of the nodes that are open.
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
/// Where the bytes are no well-formed node.
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
        0 => integer(reader),
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

/// A number (Z): bytes up to the first without its highest bit. A last byte of
/// zero would add nothing; layer 1 refuses it.
pub(crate) fn integer(reader: &mut Reader<'_>) -> Result<(), DecodeError> {
    if reader.byte()? & 0x80 == 0 {
        return Ok(());
    }
    loop {
        let at = *reader;
        match reader.byte()? {
            0 => return Err(at.error(ErrorKind::Padded)),
            1..0x80 => return Ok(()),
            _ => {}
        }
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
