//! The signers of a batch's transactions.

use super::error::BadBatch;
use super::read::{Batch, Key, Unfolded};
use crate::inputs::format::BATCH;
use alloc::boxed::Box;
use alloc::vec::Vec;
use alloy_primitives::Address;
use ethereum::signature::known_keys::{Claim, PublicKey, check};
use ethereum::{Recovered, SignedTransaction, signature};
use host::ReadStore;
use storage::{KnownKey, StorageError, known_keys};

/// A transaction of a batch whose signature was checked.
pub type Signed = Recovered<Box<SignedTransaction>>;

/// The price of checking a batch besides its transactions, in units of the budget: the
/// parts of the sum that all share.
const CHECK: u64 = 35_000;

/// The price of a batch's signature, in units of the budget: at most 930,000
/// instructions, where points meet each other at every level of the sum.
const SIGNATURE: u64 = 13_000;

/// The price of a key, in units of the budget: a read of durable storage, or a hash.
const KEY: u64 = 5_000;

/// The price of an unfolded byte, in units of the budget: it is written, and hashed
/// three times.
const UNFOLD: u64 = 4;

/// The price of unfolding and checking a batch, in units of the budget.
#[must_use]
pub const fn cost(batch: &Batch<'_>) -> u64 {
    let signatures = (SIGNATURE + KEY) * batch.len() as u64;
    CHECK + signatures + UNFOLD * batch.unfolded() as u64
}

/// A key of a batch, and whose it is.
struct Owned {
    address: Address,
    key: PublicKey,
    /// The key's bytes, if the batch gave it.
    given: Option<[u8; 64]>,
}

/// The transactions of a batch that was posted to this rollup (the 20 bytes behind
/// `sr1…`), if every signature is by the key that the batch says.
///
/// # Errors
/// If durable storage cannot be read; inside, why the batch is dropped.
pub fn checked(
    store: &impl ReadStore,
    rollup: &[u8; 20],
    batch: Batch<'_>,
) -> Result<Result<Vec<Signed>, BadBatch>, StorageError> {
    let owned = match owned(store, batch.keys())? {
        Ok(owned) => owned,
        Err(bad) => return Ok(Err(bad)),
    };
    let senders: Vec<Address> = owned.iter().map(|owned| owned.address).collect();
    Ok(batch.unfold(&senders).and_then(|transactions| {
        signatures(rollup, &owned, &transactions)?;
        let signed = transactions.into_iter().filter_map(|unfolded| {
            let Owned { address, given, .. } = owned.get(unfolded.key)?;
            Some(Recovered {
                transaction: unfolded.transaction,
                sender: *address,
                key: given.map(Box::new),
                raw: unfolded.raw,
            })
        });
        Ok(signed.collect())
    }))
}

fn owned(
    store: &impl ReadStore,
    keys: &[Key<'_>],
) -> Result<Result<Vec<Owned>, BadBatch>, StorageError> {
    let mut all = Vec::with_capacity(keys.len());
    // Keys that were read already, from an index on.
    let (mut first, mut run) = (0, Vec::new());
    for (at, key) in keys.iter().enumerate() {
        let (address, bytes, given) = match key {
            Key::Known(index) => {
                if !known(&run, first, *index) {
                    let count = near(*index, keys.get(at..).unwrap_or_default());
                    (first, run) = (*index, known_keys::get_run(store, *index, count)?);
                }
                match run.get((*index - first) as usize) {
                    Some(known) => (known.address, known.key, None),
                    None => return Ok(Err(BadBatch::UnknownKey(*index))),
                }
            }
            Key::Given(key) => (signature::address(key), **key, Some(**key)),
        };
        let Some(key) = PublicKey::new(&bytes) else {
            return Ok(Err(BadBatch::InvalidKey(at)));
        };
        all.push(Owned {
            address,
            key,
            given,
        });
    }
    Ok(Ok(all))
}

/// True if the key with this index is in a run from `first` on.
fn known(run: &[KnownKey], first: u64, index: u64) -> bool {
    index
        .checked_sub(first)
        .is_some_and(|at| at < run.len() as u64)
}

/// The number of keys to read from `index` on: as far as those reach that come next, in rising
/// order, where one read reaches.
fn near(index: u64, keys: &[Key<'_>]) -> usize {
    let mut last = index;
    for key in keys {
        match key {
            Key::Known(next) if *next >= last && next - index < known_keys::RUN as u64 => {
                last = *next;
            }
            _ => break,
        }
    }
    (last - index) as usize + 1
}

/// Checks that every signature is by its key.
///
/// Whatever could be another makes another name: the transaction's hash is one of what
/// was signed and of r, s and the parity, an address is one of its key, and in front
/// stand the rollup and what this is for.
fn signatures(
    rollup: &[u8; 20],
    owned: &[Owned],
    transactions: &[Unfolded],
) -> Result<(), BadBatch> {
    let mut names = Vec::with_capacity(1 + 20 + transactions.len() * (32 + 20));
    names.push(BATCH);
    names.extend_from_slice(rollup);
    let mut claims = Vec::with_capacity(transactions.len());
    for unfolded in transactions {
        let transaction = &unfolded.transaction;
        let sender = owned.get(unfolded.key).map(|owned| owned.address);
        names.extend_from_slice(transaction.hash.as_slice());
        names.extend_from_slice(sender.unwrap_or_default().as_slice());
        claims.push(Claim {
            hash: transaction.signing_hash,
            signature: transaction.signature,
            y: unfolded.y,
            key: unfolded.key,
        });
    }
    let keys: Vec<PublicKey> = owned.iter().map(|owned| owned.key).collect();
    if check(&names, &keys, &claims) {
        Ok(())
    } else {
        Err(BadBatch::Signature)
    }
}
