//! Micheline: how far a node reaches. Values come with the bridge.

use crate::error::{DecodeError, ErrorKind};
use crate::reader::Reader;
use alloc::vec::Vec;

/// What is still to come of the nodes that are open.
enum Open {
    /// This many nodes.
    Nodes(usize),
    /// Annotations.
    Annotations,
}

/// The length of the Micheline node that `bytes` begin with.
///
/// It keeps its own stack, so that deep nesting cannot overflow the machine's.
///
/// # Errors
/// Where the bytes are no well-formed node.
pub fn node_length(bytes: &[u8]) -> Result<usize, DecodeError> {
    let mut reader = Reader::new(bytes);
    let mut open = Vec::from([Open::Nodes(1)]);
    while let Some(next) = open.pop() {
        match next {
            Open::Annotations => {
                reader.dynamic()?;
            }
            Open::Nodes(0) => {}
            Open::Nodes(count) => {
                open.push(Open::Nodes(count - 1));
                node(&mut reader, &mut open)?;
            }
        }
    }
    Ok(bytes.len() - reader.remaining())
}

/// Reads a node's own bytes and opens what it holds.
fn node(reader: &mut Reader<'_>, open: &mut Vec<Open>) -> Result<(), DecodeError> {
    let tag_error = *reader;
    let tag = reader.byte()?;
    match tag {
        0 => integer(reader)?,
        1 => {
            let error = *reader;
            core::str::from_utf8(reader.dynamic()?).map_err(|_| error.error(ErrorKind::Text))?;
        }
        2 => sequence(reader)?,
        3..=8 => {
            reader.byte()?;
            if tag % 2 == 0 {
                open.push(Open::Annotations);
            }
            open.push(Open::Nodes(usize::from((tag - 3) / 2)));
        }
        9 => {
            reader.byte()?;
            sequence(reader)?;
            reader.dynamic()?;
        }
        10 => {
            reader.dynamic()?;
        }
        tag => return Err(tag_error.error(ErrorKind::UnknownTag(tag))),
    }
    Ok(())
}

/// Nodes behind their length in bytes. What is inside is checked when it is
/// read as a value; its end is known here.
fn sequence(reader: &mut Reader<'_>) -> Result<(), DecodeError> {
    reader.dynamic().map(drop)
}

/// A number: bytes up to the first without its highest bit.
fn integer(reader: &mut Reader<'_>) -> Result<(), DecodeError> {
    while reader.byte()? & 0x80 != 0 {}
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_ends_where_it_ends() {
        // Pair 1 (Left "a"), then something else.
        let bytes = [7, 7, 0, 1, 5, 5, 1, 0, 0, 0, 1, b'a', 99];
        assert_eq!(node_length(&bytes), Ok(12));
        assert_eq!(
            node_length(&bytes[..11]),
            Err(DecodeError {
                offset: 11,
                kind: ErrorKind::Truncated
            })
        );
    }

    #[test]
    fn deep_nesting_is_no_danger() {
        let bytes = [5, 5].repeat(1_000_000);
        assert_eq!(
            node_length(&bytes).map_err(|error| error.kind),
            Err(ErrorKind::Truncated)
        );
    }

    #[test]
    fn unknown_tags_are_refused() {
        assert_eq!(
            node_length(&[11]),
            Err(DecodeError {
                offset: 0,
                kind: ErrorKind::UnknownTag(11)
            })
        );
    }
}
