//! A part of a storage: what was needed of it, and hashes in place of the rest.

use super::codec::{Cutter, Elsewhere, Part, Reader, write_link};
use super::link::Link;
use super::records::{Blind, checked};
use super::{Durable, NodeHash, Unavailable};
use crate::value::Piece;
use std::sync::Arc;

impl Durable {
    /// The same storage, of which it is noted from now on what is looked at, through all
    /// clones.
    #[must_use]
    pub fn watched(&self) -> Self {
        Self {
            root: Link::seen(&self.root),
            behind: None,
            skip: self.skip,
        }
    }

    /// The parts of a storage of [`Durable::watched`] that were read, as bytes: the parts
    /// on the ways there, and the hashes of the others. It does not matter what was
    /// written meanwhile into clones.
    #[must_use]
    pub fn touched(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        if let Some(root) = self.root.loaded() {
            write_link(&mut bytes, root, &mut AtUnseen);
        }
        bytes
    }

    /// The storage with this root as far as `bytes` have it, which [`Durable::touched`]
    /// gave. To look at anything else fails with [`Unavailable::Blinded`].
    ///
    /// # Errors
    /// [`Unavailable::Corrupt`] if they are no part of such a storage.
    pub fn partial(root: NodeHash, bytes: &[u8]) -> Result<Self, Unavailable> {
        match checked(&root, Reader::new(bytes, Blinded).part())? {
            Part::Link(root) if root.view()?.is_some_and(|view| view.edge.is_empty()) => Ok(Self {
                root,
                behind: None,
                skip: 0,
            }),
            _ => Err(Unavailable::Corrupt {
                hash: root,
                why: "it is not a root",
            }),
        }
    }

    /// The storage with this root, of which nothing is here.
    pub(crate) fn blind(root: NodeHash) -> Self {
        Self {
            root: Link::stub(root, Arc::new(Blind)),
            behind: None,
            skip: 0,
        }
    }
}

/// Leaves out what was not looked at.
struct AtUnseen;

impl Cutter for AtUnseen {
    fn link<'l>(&mut self, link: &'l Link) -> Option<&'l Link> {
        link.loaded()
    }

    fn piece<'p>(&mut self, piece: &'p Piece) -> Option<&'p Piece> {
        piece.loaded()
    }
}

/// A loader for absent parts: it always fails.
struct Blinded;

impl Elsewhere for Blinded {
    fn link(&mut self, hash: NodeHash, _: u32) -> Result<Link, &'static str> {
        Ok(Link::stub(hash, Arc::new(Blind)))
    }

    fn piece(&mut self, hash: NodeHash, height: u32) -> Result<Piece, &'static str> {
        Ok(Piece::stub(hash, height, Arc::new(Blind)))
    }
}
