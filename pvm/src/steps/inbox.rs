//! The messages of a level as a tree, of which one message is proved: binary, 20 high. A leaf is the hash
//! of `22` and the message, or zeros where there is none; a pair that of `23` and its sides.

use super::state::hashed;
use crate::context::Context;
use step_machine::Hash;

/// The height of the tree: layer 1 takes no more messages a level.
pub(super) const HEIGHT: usize = 20;

/// The hashes of a level's messages.
#[derive(Clone, Debug)]
pub(super) struct Messages {
    /// From the leaves up to the root, as far as there are messages.
    levels: Vec<Vec<Hash>>,
}

/// A message, or that there is none, with the hashes beside its way to the root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shown {
    pub(super) message: Option<Vec<u8>>,
    pub(super) beside: [Hash; HEIGHT],
}

fn leaf(message: Option<&[u8]>) -> Hash {
    message.map_or([0; 32], |message| hashed(0x22, &[message]))
}

fn pair(left: &Hash, right: &Hash) -> Hash {
    hashed(0x23, &[left, right])
}

/// The hash of no messages, of each height.
fn nothing() -> [Hash; HEIGHT + 1] {
    let mut nothing = [[0; 32]; HEIGHT + 1];
    for height in 1..nothing.len() {
        nothing[height] = pair(&nothing[height - 1], &nothing[height - 1]);
    }
    nothing
}

impl Messages {
    pub(super) fn new(messages: &[Vec<u8>]) -> Self {
        let nothing = nothing();
        let leaves = messages.iter().map(|message| leaf(Some(message)));
        let mut levels = vec![leaves.collect::<Vec<_>>()];
        for none in &nothing[..HEIGHT] {
            let below = &levels[levels.len() - 1];
            let pairs = below.chunks(2).map(|sides| match sides {
                [left, right] => pair(left, right),
                sides => pair(sides.first().unwrap_or(none), none),
            });
            levels.push(pairs.collect());
        }
        Self { levels }
    }

    pub(super) fn root(&self) -> Hash {
        let root = self.levels[HEIGHT].first();
        root.copied().unwrap_or(nothing()[HEIGHT])
    }

    /// The next message of a context.
    pub(super) fn proof(&self, context: &Context) -> Shown {
        let nothing = nothing();
        let mut beside = [[0; 32]; HEIGHT];
        for (height, hash) in beside.iter_mut().enumerate() {
            let neighbour = context.next >> height ^ 1;
            let known = self.levels[height].get(neighbour);
            *hash = known.copied().unwrap_or(nothing[height]);
        }
        Shown {
            message: context.message().map(<[u8]>::to_vec),
            beside,
        }
    }
}

impl Shown {
    /// The root of an inbox that has this message there.
    pub(super) fn root(&self, next: u32) -> Hash {
        let mut hash = leaf(self.message.as_deref());
        for (height, beside) in self.beside.iter().enumerate() {
            hash = match next >> height & 1 {
                0 => pair(&hash, beside),
                _ => pair(beside, &hash),
            };
        }
        hash
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_message_is_shown_and_that_there_are_no_more() {
        for count in [0_usize, 1, 2, 3, 7, 8] {
            let all: Vec<Vec<u8>> = (0..count).map(|number| vec![number as u8; 3]).collect();
            let messages = Messages::new(&all);
            for next in 0..count + 3 {
                let context = Context {
                    inbox: all.clone().into(),
                    next,
                    ..Context::default()
                };
                let shown = messages.proof(&context);
                assert_eq!(shown.message.as_ref(), all.get(next));
                assert_eq!(shown.root(next as u32), messages.root());
                let other = Shown {
                    message: Some(b"another".to_vec()),
                    ..shown
                };
                assert_ne!(other.root(next as u32), messages.root());
            }
        }
    }
}
