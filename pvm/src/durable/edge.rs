//! The bytes of an edge of the tree.

use std::ops::Deref;

/// The bytes of an edge: in the node itself where they are few, as nearly all
/// are.
#[derive(Clone)]
pub(super) enum Edge<const SHORT: usize> {
    Short { len: u8, bytes: [u8; SHORT] },
    Long(Box<[u8]>),
}

impl<const SHORT: usize> Edge<SHORT> {
    pub(super) fn new(edge: &[u8]) -> Self {
        if edge.len() > SHORT {
            return Self::Long(edge.into());
        }
        let mut bytes = [0; SHORT];
        bytes[..edge.len()].copy_from_slice(edge);
        Self::Short {
            len: edge.len() as u8,
            bytes,
        }
    }
}

impl<const SHORT: usize> Default for Edge<SHORT> {
    fn default() -> Self {
        Self::new(&[])
    }
}

impl<const SHORT: usize> Deref for Edge<SHORT> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Short { len, bytes } => &bytes[..usize::from(*len)],
            Self::Long(bytes) => bytes,
        }
    }
}
