//! Raw transactions ⇄ batches, off chain and away from any chain.

use alloy_primitives::{Address, B256, Bytes};
use evm_kernel::inputs::batch::write::SenderKey;
use evm_kernel::inputs::batch::{BadBatch, Batch, Key};
use evm_kernel::inputs::encode::{self, Batching};
use evm_kernel::inputs::format::{BATCH, EXTERNAL, SIMPLE, TARGETED};
use messages::inbox;
use messages::micheline::{Node, prim};
use std::collections::HashMap;

/// The contents of the table of known keys: accounts and their indices.
pub type Known = HashMap<Address, u64>;

/// Why messages are not made or read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// Not a transaction that somebody signed.
    #[error("transaction {number}: {why}")]
    Transaction {
        /// Its place among the others, from 1 on.
        number: usize,
        /// The reason.
        why: String,
    },
    /// Neither a batch nor a whole transaction.
    #[error("neither a batch nor a whole transaction")]
    Other,
    /// A batch that the kernel would drop.
    #[error(transparent)]
    Batch(#[from] BadBatch),
    /// A key whose account nobody named.
    #[error("key {0} is not among the known ones")]
    Unknown(u64),
    /// A signature that is not by the account of its key.
    #[error("transaction {hash} is signed by {actual}, not by {claimed}")]
    Signer {
        /// The transaction.
        hash: B256,
        /// The actual signer.
        actual: Address,
        /// The claimed signer.
        claimed: Address,
    },
}

/// A transaction of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inside {
    /// Its hash.
    pub hash: B256,
    /// The signer.
    pub sender: Address,
    /// Its bytes, as they were signed.
    pub raw: Bytes,
    /// The bytes that it takes in the message.
    pub weight: usize,
}

/// The inbox messages, tags included, that bring raw transactions in this order.
///
/// # Errors
/// If one is no transaction, or nobody signed it.
pub fn encode(batching: &Batching, known: &Known, raws: &[Bytes]) -> Result<Vec<Vec<u8>>, Invalid> {
    let mut keyed = Vec::with_capacity(raws.len());
    for (number, raw) in (1..).zip(raws) {
        let invalid = |why: String| Invalid::Transaction { number, why };
        let signed = ethereum::transaction::decode(raw);
        let signed = signed.map_err(|error| invalid(error.to_string()))?;
        let signer = ethereum::signers([&signed]).pop();
        let signer = signer
            .ok_or(Invalid::Other)?
            .map_err(|error| invalid(error.to_string()))?;
        let key = match known.get(&signer.address) {
            Some(index) => SenderKey::Known(*index, signer.address),
            None => SenderKey::Given(signer.key),
        };
        keyed.push((signed, key));
    }
    Ok(encode::batches(batching, &keyed))
}

/// The transactions of an inbox message, tag included; every signature is checked.
///
/// # Errors
/// If it holds none, or the kernel would drop them.
pub fn decode(message: &[u8], known: &Known) -> Result<Vec<Inside>, Invalid> {
    let [EXTERNAL, TARGETED, framed @ ..] = message else {
        return Err(Invalid::Other);
    };
    match framed.get(20..) {
        Some([SIMPLE, input @ ..]) => {
            let raw = input.get(32..).ok_or(Invalid::Other)?;
            let transaction = ethereum::transaction::decode(raw);
            let transaction = transaction.map_err(BadBatch::Transaction)?;
            let sender = ethereum::senders([&transaction]).pop().and_then(Result::ok);
            Ok(vec![Inside {
                hash: transaction.hash,
                sender: sender.ok_or(BadBatch::Signature)?,
                raw: Bytes::copy_from_slice(raw),
                weight: message.len(),
            }])
        }
        Some([BATCH, batch @ ..]) => unfold(batch, known),
        _ => Err(Invalid::Other),
    }
}

/// The transactions of an inbox message, tag included, by whom it says that they are; of those in
/// a batch no signature is checked. What a contract of layer 1 forces in is looked for, too, if it is
/// whole. `known` gives the accounts of known keys by their index.
///
/// # Errors
/// If it holds none.
pub fn look(
    message: &[u8],
    known: impl Fn(u64) -> Option<Address>,
) -> Result<Vec<Inside>, Invalid> {
    let [EXTERNAL, TARGETED, framed @ ..] = message else {
        return Ok(vec![forced(message).ok_or(Invalid::Other)?]);
    };
    let Some([BATCH, batch @ ..]) = framed.get(20..) else {
        return decode(message, &Known::new());
    };
    let batch = Batch::open(batch)?;
    let senders = batch.keys().iter().map(|key| match key {
        Key::Known(index) => known(*index).ok_or(Invalid::Unknown(*index)),
        Key::Given(key) => Ok(ethereum::signature::address(key)),
    });
    let senders: Vec<Address> = senders.collect::<Result<_, _>>()?;
    let inside = batch.unfold(&senders)?.into_iter().map(|unfolded| Inside {
        hash: unfolded.transaction.hash,
        sender: senders.get(unfolded.key).copied().unwrap_or_default(),
        raw: unfolded.raw,
        weight: unfolded.weight,
    });
    Ok(inside.collect())
}

/// The transaction that a contract of layer 1 forces in by a message: `Left (Right (01 ++ bytes))`.
/// `None`: it is another call, or has a part of a transaction alone.
fn forced(message: &[u8]) -> Option<Inside> {
    /// The tag of bytes of a transaction, or of a piece of one.
    const BYTES: u8 = 1;
    let Ok(inbox::Message::Transfer(transfer)) = inbox::Message::parse(message) else {
        return None;
    };
    let [left] = Node::parse(transfer.payload).ok()?.args(prim::LEFT)?;
    let [right] = left.args(prim::RIGHT)?;
    let [BYTES, raw @ ..] = right.bytes()? else {
        return None;
    };
    let transaction = ethereum::transaction::decode(raw).ok()?;
    let sender = ethereum::senders([&transaction]).pop()?.ok()?;
    Some(Inside {
        hash: transaction.hash,
        sender,
        raw: Bytes::copy_from_slice(raw),
        weight: message.len(),
    })
}

/// The number of transactions that a message says it has, if it is a batch.
#[must_use]
pub fn count(message: &[u8]) -> Option<usize> {
    let [EXTERNAL, TARGETED, framed @ ..] = message else {
        return None;
    };
    match framed.get(20..) {
        Some([BATCH, batch @ ..]) => Some(Batch::open(batch).ok()?.len()),
        _ => None,
    }
}

fn unfold(batch: &[u8], known: &Known) -> Result<Vec<Inside>, Invalid> {
    let batch = Batch::open(batch)?;
    let of = |wanted: u64| known.iter().find(|(_, index)| **index == wanted);
    let senders = batch.keys().iter().map(|key| match key {
        Key::Known(index) => of(*index)
            .map(|(address, _)| *address)
            .ok_or(Invalid::Unknown(*index)),
        Key::Given(key) => Ok(ethereum::signature::address(key)),
    });
    let senders: Vec<Address> = senders.collect::<Result<_, _>>()?;
    let mut all = Vec::with_capacity(batch.len());
    for unfolded in batch.unfold(&senders)? {
        let hash = unfolded.transaction.hash;
        let actual = ethereum::senders([&*unfolded.transaction]).pop();
        let actual = actual.and_then(Result::ok).ok_or(BadBatch::Signature)?;
        let claimed = senders.get(unfolded.key).copied().unwrap_or_default();
        if actual != claimed {
            return Err(Invalid::Signer {
                hash,
                actual,
                claimed,
            });
        }
        all.push(Inside {
            hash,
            sender: actual,
            raw: unfolded.raw,
            weight: unfolded.weight,
        });
    }
    Ok(all)
}
