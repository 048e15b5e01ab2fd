//! Transactions on their way into the pool, and what becomes of them.

use crate::chain::{Block, ChainError};
use crate::error::NodeError;
use crate::node::{BlockTime, Node};
use crate::pool::{self, AdmissionError, BlockRules, Candidate, DropReason, Fate, PoolError};
use crate::store::{SavedTransaction, StoreError};
use alloy_primitives::{Address, B256, Bytes, U256};
use ethereum::{Signature, Transaction};
use evm_kernel::native::code_size;
use host::ReadStore;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;
use storage::StorageError;
use storage::layout::{ACCOUNTS, CODE};
use tokio::sync::oneshot;

/// The time that a send waits for its level before it answers all the same.
const PATIENCE: Duration = Duration::from_secs(10);

/// A transaction that the pool took.
#[derive(Debug)]
pub struct Submitted {
    /// Its hash.
    pub hash: B256,
    /// `true`: the next level can include it.
    pub ready: bool,
    /// Resolves to its fate.
    pub fate: oneshot::Receiver<Fate>,
}

impl Node {
    /// Takes a raw transaction into the pool.
    ///
    /// # Errors
    /// [`NodeError::Admission`] and [`NodeError::Pool`].
    pub fn submit(&self, raw: Bytes) -> Result<Submitted, NodeError> {
        let rules = self.rules(&*self.latest()?)?;
        // The slow part, the recovery of the sender, is done without the lock.
        let candidate = pool::admit(raw, &rules)?;
        self.accept(candidate, &rules)
    }

    /// Takes a transaction into the pool as if `sender` had signed it.
    ///
    /// # Errors
    /// As [`Node::submit`].
    pub fn submit_unsigned(
        &self,
        sender: Address,
        transaction: Transaction,
    ) -> Result<Submitted, NodeError> {
        let rules = self.rules(&*self.latest()?)?;
        let signed = transaction.with_signature(placeholder(sender));
        let candidate = pool::admit_unsigned(signed, sender, &rules)?;
        self.accept(candidate, &rules)
    }

    /// The rules of the block after the newest.
    fn rules(&self, latest: &Block) -> Result<BlockRules, NodeError> {
        Ok(BlockRules {
            code_size_limit: code_size::limit(latest.state()?)?,
            ..BlockRules::of(&self.next_environment(latest)?)
        })
    }

    fn accept(&self, candidate: Candidate, rules: &BlockRules) -> Result<Submitted, NodeError> {
        self.can_keep()?;
        let (hash, sender) = (candidate.transaction.hash, candidate.sender);
        let mut pool = self.pool();
        if pool.get(&hash).is_some() {
            return Err(PoolError::AlreadyKnown.into());
        }
        let latest = self.latest()?;
        let state = latest.state()?;
        let account = ACCOUNTS.get(state, &sender)?.unwrap_or_default();
        let delegated = account.has_code() && is_delegation(state, &account.code_hash)?;
        let nonce = candidate.transaction.transaction.nonce();
        let queued = pool.cost_without(&sender, account.nonce, nonce);
        pool::check(&candidate, rules, &account, delegated, queued)?;
        let (ready, fate) = pool.insert(candidate, account.nonce)?;
        drop(pool);
        self.announce(hash);
        Ok(Submitted { hash, ready, fate })
    }

    /// Tells before something is taken, such as a transaction into the pool, that it could not be kept.
    pub(crate) fn can_keep(&self) -> Result<(), StoreError> {
        let store = self.store();
        if !store.lasts() {
            return Ok(());
        }
        if store.trouble().is_some() {
            // Where the last attempt to write failed, another one tells.
            return store.write(|_| Ok(()));
        }
        store.check_room().inspect_err(|error| {
            tracing::warn!("transactions are refused: {error}");
        })
    }

    /// Takes those into the pool whose hashes were told before a restart. The rules of the moment
    /// keep none out, as they put none out that waits.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub(crate) fn take_waiting(&self) -> Result<(), StoreError> {
        self.dropped.restore(self.store().dropped()?);
        let mut waiting = Vec::new();
        for (hash, saved) in self.store().waiting()? {
            match again(saved) {
                Ok(candidate) => waiting.push(candidate),
                Err(error) => {
                    tracing::warn!("transaction {hash} no longer waits: {error}");
                    self.dropped.tell(hash, &error.to_string());
                    self.pool().put_gone(vec![hash]);
                }
            }
        }
        for candidate in in_order(waiting) {
            self.take_again(candidate)?;
        }
        Ok(())
    }

    /// Takes one into the pool again that was there before, or in a block that is gone.
    ///
    /// # Errors
    /// If the store cannot be read; nothing has changed then.
    pub(crate) fn take_again(&self, candidate: Candidate) -> Result<(), StoreError> {
        let hash = candidate.transaction.hash;
        let latest = self.chain().latest()?;
        let Some(latest) = latest else { return Ok(()) };
        let next = crate::node::nonce(latest.state()?, &candidate.sender);
        let next = next.map_err(ChainError::from)?;
        if candidate.nonce() < next && self.chain().transaction(&hash)?.is_some() {
            self.pool().put_gone(vec![hash]);
            return Ok(());
        }
        let mut pool = self.pool();
        let refused = match candidate.nonce() < next {
            true => Some(DropReason::NonceUsed),
            false => match pool.insert_again(candidate.clone(), next) {
                Ok(_) | Err(PoolError::AlreadyKnown) => None,
                Err(PoolError::Underpriced) => Some(DropReason::Replaced),
                Err(PoolError::Full | PoolError::SenderFull) => Some(DropReason::Crowded),
            },
        };
        if let Some(reason) = refused {
            tracing::warn!("transaction {hash} no longer waits: {reason}");
            pool.note(candidate, reason);
        }
        Ok(())
    }

    /// If levels run at once, waits for the one that includes the transaction, so
    /// that the receipt is there when the client has the hash; else until it would be there
    /// after a restart.
    ///
    /// # Errors
    /// [`NodeError::Dropped`], [`NodeError::NotKept`].
    pub async fn settled(&self, submitted: Submitted) -> Result<B256, NodeError> {
        let Submitted { hash, ready, fate } = submitted;
        if ready && self.block_time() == BlockTime::Auto {
            // A level that takes long, or a node that stops: the hash will do.
            if let Ok(Ok(fate)) = tokio::time::timeout(PATIENCE, fate).await {
                fate?;
                return Ok(hash);
            }
        }
        self.kept(hash).await
    }

    /// Waits until a transaction of the pool would be there after a restart.
    ///
    /// # Errors
    /// [`NodeError::NotKept`]: it is no longer in the pool.
    pub async fn kept(&self, hash: B256) -> Result<B256, NodeError> {
        match self.keep_waiting(&hash).await {
            Ok(()) => Ok(hash),
            Err(error) => self.not_kept(hash, error),
        }
    }

    /// Takes a transaction out of the pool that could not be kept, so that it is refused: whoever
    /// is told so sends it again, or another one. What is on its way cannot be refused any more.
    fn not_kept(&self, hash: B256, error: NodeError) -> Result<B256, NodeError> {
        // The chain's lock is taken behind that of the pool.
        let mut pool = self.pool();
        let Some(sender) = pool.get(&hash).map(|candidate| candidate.sender) else {
            // It is in a block, or dropped.
            return Ok(hash);
        };
        let next = crate::node::nonce(self.latest()?.state()?, &sender)?;
        if pool.take_back(&hash, next) {
            return Err(error);
        }
        tracing::warn!("transaction {hash} is on its way, but a restart would lose it: {error}");
        Ok(hash)
    }
}

/// A transaction that waited before a restart.
fn again(saved: SavedTransaction) -> Result<Candidate, AdmissionError> {
    let Some(sender) = saved.unsigned else {
        return pool::admit_again(saved.raw);
    };
    let transaction = ethereum::transaction::decode(&saved.raw);
    Ok(Candidate {
        transaction: transaction.map_err(AdmissionError::Undecodable)?,
        sender,
        raw: saved.raw,
        unsigned: true,
    })
}

/// Transactions in their order, but those of a sender by nonce: what is behind a gap has less room.
fn in_order(waiting: Vec<Candidate>) -> Vec<Candidate> {
    let senders: Vec<Address> = waiting.iter().map(|one| one.sender).collect();
    let mut of: HashMap<Address, BTreeMap<(u64, usize), Candidate>> = HashMap::new();
    for (arrival, one) in waiting.into_iter().enumerate() {
        let sorted = of.entry(one.sender).or_default();
        sorted.insert((one.nonce(), arrival), one);
    }
    let first = |sender: &Address| of.get_mut(sender)?.pop_first().map(|(_, one)| one);
    senders.iter().filter_map(first).collect()
}

/// The stand-in for the signature that an impersonated sender did not make: it
/// keeps the hashes of transactions of several senders apart.
fn placeholder(sender: Address) -> Signature {
    Signature {
        r: U256::from_be_slice(sender.as_slice()).max(U256::ONE),
        s: U256::ONE,
        y_parity: false,
    }
}

/// Checks if code is a delegation (EIP-7702).
fn is_delegation(state: &impl ReadStore, code_hash: &B256) -> Result<bool, StorageError> {
    let code = CODE.get(state, code_hash)?;
    Ok(code.is_some_and(|code| code.len() == 23 && code.starts_with(&[0xef, 0x01, 0x00])))
}
