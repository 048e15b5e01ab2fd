//! Ethereum's state root, and proofs against it.
//!
//! The header's `stateRoot` is the kernel's own, cheaper commitment; the
//! Merkle-Patricia root over the same accounts is the node's work, from durable
//! storage. One trie is kept, that of the state which was asked for last; for
//! another state it follows what differs between the two storages, which they
//! tell in about as many steps.

use super::trie::{Leaf, Trie};
use alloy_primitives::{Address, B256, U256, keccak256};
use ethereum::rlp::encode_list;
use pvm::Durable;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use storage::layout::STATE;
use storage::table::Value as _;
use storage::{Account, StorageError};

/// The trie of the state that was asked for last.
#[derive(Debug, Default)]
pub struct Proofs(Mutex<Current>);

#[derive(Debug, Default)]
struct Current {
    state: Durable,
    accounts: Trie<AccountLeaf>,
}

#[derive(Debug, Default)]
struct AccountLeaf {
    account: Account,
    slots: Trie<U256>,
}

impl Leaf for AccountLeaf {
    fn encode(&self) -> Vec<u8> {
        let Account {
            nonce,
            balance,
            code_hash,
        } = &self.account;
        encode_list(&[nonce, balance, &self.slots.root(), code_hash])
    }
}

/// An account and some of its slots, proven.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proof {
    /// The root that it proves against.
    pub state_root: B256,
    /// The account; `None`: the proof shows that there is none.
    pub account: Option<Account>,
    /// The root of its slots.
    pub storage_root: B256,
    /// Nodes from the root to the account, in RLP.
    pub nodes: Vec<Vec<u8>>,
    /// For each slot that was asked for its value, and the nodes from the
    /// account's storage root to it.
    pub slots: Vec<(U256, Vec<Vec<u8>>)>,
}

/// Changes of an account; `None`: it is unchanged.
#[derive(Debug, Default)]
struct Change {
    account: Option<Option<Account>>,
    slots: Vec<(U256, U256)>,
}

impl Proofs {
    /// The state root of a state.
    ///
    /// # Errors
    /// [`StorageError::Corrupt`] if accounts cannot be read.
    pub fn root(&self, state: &Durable) -> Result<B256, StorageError> {
        self.at(state, |accounts| accounts.root())
    }

    /// Proves an account and some of its slots in a state.
    ///
    /// # Errors
    /// [`StorageError::Corrupt`] if accounts cannot be read.
    pub fn prove(
        &self,
        state: &Durable,
        address: &Address,
        slots: &[U256],
    ) -> Result<Proof, StorageError> {
        self.at(state, |accounts| {
            let key = keccak256(address);
            let leaf = accounts.get(&key);
            let (none, empty) = (Trie::default(), U256::ZERO);
            let trie = leaf.map_or(&none, |leaf| &leaf.slots);
            let slot = |slot: &U256| {
                let key = keccak256(slot.to_be_bytes::<32>());
                (*trie.get(&key).unwrap_or(&empty), trie.proof(&key))
            };
            Proof {
                state_root: accounts.root(),
                account: leaf.map(|leaf| leaf.account),
                storage_root: trie.root(),
                nodes: accounts.proof(&key),
                slots: slots.iter().map(slot).collect(),
            }
        })
    }

    /// Looks at the trie of `state`.
    fn at<T>(
        &self,
        state: &Durable,
        look: impl FnOnce(&Trie<AccountLeaf>) -> T,
    ) -> Result<T, StorageError> {
        let mut current = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !current.state.ptr_eq(state)
            && let Err(error) = current.follow(state)
        {
            // Half way between two states it is of no use.
            *current = Current::default();
            return Err(error);
        }
        Ok(look(&current.accounts))
    }
}

impl Current {
    /// Becomes the trie of `state`.
    fn follow(&mut self, state: &Durable) -> Result<(), StorageError> {
        let mut changes: BTreeMap<Address, Change> = BTreeMap::new();
        let mut corrupt = None;
        let prefix = format!("{STATE}/a");
        let changes_of = state.changes(&self.state, &prefix, |path, value| {
            let value = value.map(pvm::Value::bytes);
            if record(&mut changes, &path[prefix.len() + 1..], value.as_deref()).is_none() {
                corrupt.get_or_insert_with(|| path.to_vec());
            }
        });
        changes_of.map_err(unavailable)?;
        if let Some(path) = corrupt {
            return Err(unreadable(&path));
        }
        for (address, change) in changes {
            self.apply(&address, change, state)?;
        }
        self.state = state.clone();
        Ok(())
    }

    fn apply(
        &mut self,
        address: &Address,
        change: Change,
        state: &Durable,
    ) -> Result<(), StorageError> {
        let key = keccak256(address);
        match change.account {
            Some(None) => {
                self.accounts.remove(&key);
                return Ok(());
            }
            // Slots without an account are none, until there is one.
            None if self.accounts.get(&key).is_none() => return Ok(()),
            _ => {}
        }
        let is_new = self.accounts.get(&key).is_none();
        let leaf = self.accounts.entry(&key);
        if let Some(Some(account)) = change.account {
            leaf.account = account;
        }
        let mut set = |slot: U256, value: U256| {
            let key = keccak256(slot.to_be_bytes::<32>());
            if value.is_zero() {
                leaf.slots.remove(&key);
            } else {
                *leaf.slots.entry(&key) = value;
            }
        };
        if !is_new {
            change
                .slots
                .into_iter()
                .for_each(|(slot, value)| set(slot, value));
            return Ok(());
        }
        // Some may have been there before their account.
        let place = storage::layout::ACCOUNTS.path(address)?;
        let mut corrupt = None;
        let slots = state.changes(&Durable::new(), place, |path, value| {
            let step = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
            let value = value.map(pvm::Value::bytes);
            match slot(step, value.as_deref()) {
                Some((slot, value)) => set(slot, value),
                None => corrupt = Some(path.to_vec()),
            }
        });
        slots.map_err(unavailable)?;
        corrupt.map_or(Ok(()), |path| Err(unreadable(&path)))
    }
}

fn unavailable(why: pvm::Unavailable) -> StorageError {
    host::HostError::from(pvm::StoreError::from(why)).into()
}

/// Records the change at ACCOUNT or ACCOUNT/SLOT; `None` if that is not an
/// account or slot.
fn record(
    changes: &mut BTreeMap<Address, Change>,
    steps: &[u8],
    value: Option<&[u8]>,
) -> Option<()> {
    let mut steps = steps.splitn(2, |byte| *byte == b'/');
    let address = host::path::decode_key::<20>(steps.next()?)?;
    let change = changes.entry(Address::new(address)).or_default();
    match steps.next() {
        None => {
            let account = value.map(|value| Account::decode(value).ok_or(()));
            change.account = Some(account.transpose().ok()?);
        }
        Some(step) => change.slots.push(slot(step, value)?),
    }
    Some(())
}

/// A slot and its value.
fn slot(step: &[u8], value: Option<&[u8]>) -> Option<(U256, U256)> {
    let slot = U256::from_be_bytes(host::path::decode_key::<32>(step)?);
    let value = value.map_or(Some(U256::ZERO), U256::decode)?;
    Some((slot, value))
}

fn unreadable(path: &[u8]) -> StorageError {
    let path = host::Path::new(path).map_or(STATE, |path| path);
    StorageError::Corrupt {
        path: Box::new(storage::key::KeyPath::from_path(path)),
    }
}
