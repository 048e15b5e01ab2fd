//! The way of transactions into the inbox.

use alloy_primitives::{Address, Bytes};
use ethereum::Signer;
use evm_kernel::inputs::batch::write::SenderKey;
use evm_kernel::inputs::encode::{self, Batching};
use pvm::Durable;
use std::collections::HashMap;
use storage::known_keys;

/// The way transactions are posted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Post {
    /// Several in one message, in the format of batches.
    #[default]
    Batches,
    /// Each by itself, as it was signed.
    Raw,
}

/// The state of posting.
#[derive(Debug, Default)]
pub(crate) struct Poster {
    pub(crate) post: Post,
    /// The indices of accounts in the table of known keys.
    indices: HashMap<Address, u64>,
}

impl Poster {
    /// The inbox messages, tags included, that bring these raw transactions in this
    /// order; `state` is what the kernel will have before it reads them.
    pub(crate) fn messages(
        &mut self,
        state: &Durable,
        batching: &Batching,
        raws: &[Bytes],
    ) -> Vec<Vec<u8>> {
        let simple = |raw: &Bytes| encode::messages(&batching.rollup, raw);
        if self.post == Post::Raw {
            return raws.iter().flat_map(simple).collect();
        }
        self.learn(state);
        let mut messages = Vec::new();
        let mut signed = Vec::new();
        for raw in raws {
            let transaction = ethereum::transaction::decode(raw).ok();
            let signer = transaction.as_ref().map(|one| ethereum::signers([one]));
            match (transaction, signer.and_then(|mut signer| signer.pop())) {
                (Some(transaction), Some(Ok(signer))) => {
                    signed.push((transaction, self.key(state, &signer)));
                }
                // The kernel says what is wrong with it.
                _ => {
                    messages.extend(encode::batches(batching, &signed));
                    signed.clear();
                    messages.extend(simple(raw));
                }
            }
        }
        messages.extend(encode::batches(batching, &signed));
        messages
    }

    /// Reads the indices that are new. After a return to an earlier state there may be
    /// fewer, or others.
    fn learn(&mut self, state: &Durable) {
        let count = known_keys::count(state).unwrap_or_default();
        if count < self.indices.len() as u64 {
            self.indices.clear();
        }
        for index in self.indices.len() as u64..count {
            if let Ok(Some(known)) = known_keys::get(state, index) {
                self.indices.insert(known.address, index);
            }
        }
    }

    /// The name of a key in a batch: its index, if that is true in `state`.
    fn key(&mut self, state: &Durable, signer: &Signer) -> SenderKey {
        let Some(index) = self.indices.get(&signer.address) else {
            return SenderKey::Given(signer.key);
        };
        match known_keys::get(state, *index) {
            Ok(Some(known)) if known.address == signer.address => {
                SenderKey::Known(*index, signer.address)
            }
            _ => {
                self.indices.clear();
                SenderKey::Given(signer.key)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::{TxKind, U256};
    use ethereum::transaction::{Eip1559, Transaction, sign};
    use evm_kernel::inputs::batch::{Batch, Key};
    use storage::KnownKey;
    use storage::commit::{self, Block};

    const BATCHING: Batching = Batching {
        rollup: [7; 20],
        chain_id: 1337,
        points: false,
    };

    fn transfer(secret: u8, nonce: u64) -> Bytes {
        let transfer = Eip1559 {
            chain_id: 1337,
            nonce,
            gas_limit: 21_000,
            to: TxKind::Call(Address::ZERO),
            value: U256::from(1),
            ..Eip1559::default()
        };
        let signed = sign(Transaction::DynamicFee(transfer), &[secret; 32]).unwrap();
        signed.encode().into()
    }

    fn known(secret: u8) -> KnownKey {
        let signed = ethereum::transaction::decode(&transfer(secret, 0)).unwrap();
        let signer = ethereum::signers([&signed]).remove(0).unwrap();
        KnownKey {
            address: signer.address,
            key: signer.key,
        }
    }

    fn state(secrets: &[u8]) -> Durable {
        let mut state = Durable::new();
        let block = Block {
            keys: secrets.iter().map(|secret| known(*secret)).collect(),
            ..Block::default()
        };
        commit::block(&mut state, &block).unwrap();
        state
    }

    /// The keys of a batch, by index or in full.
    fn keys(message: &[u8]) -> Vec<Option<u64>> {
        let batch = Batch::open(&message[23..]).unwrap();
        let index = |key: &Key<'_>| match key {
            Key::Known(index) => Some(*index),
            Key::Given(_) => None,
        };
        batch.keys().iter().map(index).collect()
    }

    #[test]
    fn senders_that_are_known_are_named_by_index() {
        let mut poster = Poster::default();
        let raws = [transfer(1, 0), transfer(2, 0), transfer(2, 1)];
        let messages = poster.messages(&state(&[]), &BATCHING, &raws);
        assert_eq!(messages.len(), 1);
        assert_eq!(keys(&messages[0]), [None, None]);
        let later = poster.messages(&state(&[2, 1]), &BATCHING, &raws);
        assert_eq!(keys(&later[0]), [Some(1), Some(0)]);
        // The chain went back and took another way.
        let other = state(&[3, 2]);
        poster.messages(&other, &BATCHING, &raws);
        let again = poster.messages(&other, &BATCHING, &raws);
        assert_eq!(keys(&again[0]), [None, Some(1)]);
    }

    #[test]
    fn one_alone_and_raw_ones_are_posted_as_they_are() {
        let raws = [transfer(1, 0), transfer(2, 0)];
        let simple: Vec<_> = raws
            .iter()
            .map(|raw| encode::messages(&[7; 20], raw).remove(0))
            .collect();
        let mut poster = Poster::default();
        assert_eq!(
            poster.messages(&state(&[1]), &BATCHING, &raws[..1]),
            simple[..1]
        );
        // What is no transaction stands between the batches.
        let rubbish = Bytes::from_static(&[1, 2, 3]);
        let between = [raws[0].clone(), rubbish.clone(), raws[1].clone()];
        let messages = poster.messages(&state(&[1]), &BATCHING, &between);
        let expected = [
            &simple[0],
            &encode::messages(&[7; 20], &rubbish)[0],
            &simple[1],
        ];
        assert!(messages.iter().eq(expected));
        poster.post = Post::Raw;
        assert_eq!(poster.messages(&state(&[1]), &BATCHING, &raws), simple);
    }
}
