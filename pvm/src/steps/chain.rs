//! A stack of which whoever judges knows a hash, and what was put there last.

use super::state::hashed;
use crate::durable::Unavailable;
use step_machine::Hash;

/// An item of such a stack.
pub(super) trait Link {
    /// The bytes that are hashed.
    fn encode(&self) -> Vec<u8>;
}

/// A stack. Its hash is zeros where it is empty, and else that of `25`, what lies uppermost, and the hash of
/// what lies below.
#[derive(Clone, Debug)]
pub(super) struct Chain<T> {
    /// The hash of what lies below `links`, and is not here.
    rest: Hash,
    links: Vec<T>,
}

/// The hash of an empty stack.
const EMPTY: Hash = [0; 32];

impl<T> Default for Chain<T> {
    fn default() -> Self {
        Self::of(EMPTY, None)
    }
}

impl<T> Chain<T> {
    /// Of which this lies uppermost, if that is known.
    pub(super) fn of(rest: Hash, top: Option<T>) -> Self {
        Self {
            rest,
            links: Vec::from_iter(top),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.links.is_empty() && self.rest == EMPTY
    }

    pub(super) fn push(&mut self, link: T) {
        self.links.push(link);
    }

    /// Takes the uppermost item.
    pub(super) fn pop(&mut self) -> Result<T, Unavailable> {
        self.links.pop().ok_or(Unavailable::Blinded(self.rest))
    }

    pub(super) fn top_mut(&mut self) -> Option<&mut T> {
        self.links.last_mut()
    }
}

impl<T: Link> Chain<T> {
    pub(super) fn hash(&self) -> Hash {
        hash(self.rest, &self.links)
    }

    /// The hash; or `01`, what lies uppermost, and the hash of what lies below.
    pub(super) fn encode(&self, shown: bool) -> Vec<u8> {
        match self.links.split_last() {
            Some((top, below)) if shown => {
                let mut bytes = vec![1];
                bytes.extend(top.encode());
                bytes.extend(hash(self.rest, below));
                bytes
            }
            _ => [&[0], &self.hash()[..]].concat(),
        }
    }
}

fn hash<T: Link>(rest: Hash, links: &[T]) -> Hash {
    let links = links.iter();
    links.fold(rest, |below, link| hashed(0x25, &[&link.encode(), &below]))
}
