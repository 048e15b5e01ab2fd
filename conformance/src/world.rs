//! Accounts: into durable storage, out of it, and their Merkle-Patricia root.

use alloy_primitives::{Address, B256, Bytes, KECCAK256_EMPTY, Log, U256, keccak256};
use alloy_trie::TrieAccount;
use alloy_trie::root::{state_root_unhashed, storage_root_unhashed};
use host::path::decode_key;
use pvm::Durable;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Write;
use storage::Account;
use storage::layout::{ACCOUNTS, CODE, SLOTS, STATE};
use storage::table::Value;

/// Accounts by address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct World(pub BTreeMap<Address, AccountState>);

/// An account with its code and its slots that are not zero.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountState {
    /// The number of transactions sent, or contracts created.
    pub nonce: U256,
    /// The balance in wei.
    pub balance: U256,
    /// The code.
    pub code: Bytes,
    /// The values of the slots.
    pub storage: BTreeMap<U256, U256>,
}

/// Durable storage holds what it must not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Corrupt {
    /// A part of the storage that cannot be loaded.
    #[error(transparent)]
    Unavailable(#[from] pvm::Unavailable),
    /// A key that is no account's and no slot's, or bytes that are no value.
    #[error("no account and no slot: {0}")]
    Strange(String),
    /// A slot below an account that is absent.
    #[error("a slot is left below the absent account {0}")]
    Orphan(Address),
    /// A slot that holds zero.
    #[error("a slot of {0} is kept though it is zero")]
    ZeroSlot(Address),
    /// An account that is empty, and so must be absent (EIP-161).
    #[error("the account {0} is kept though it is empty")]
    Empty(Address),
    /// The code of an account is not there, or other code.
    #[error("the code of {0} is not what its hash says")]
    Code(Address),
}

impl World {
    /// Accounts with these balances, in wei.
    #[must_use]
    pub fn funded(balances: &[(Address, U256)]) -> Self {
        let accounts = balances.iter().map(|(address, balance)| {
            let state = AccountState {
                balance: *balance,
                ..AccountState::default()
            };
            (*address, state)
        });
        Self(accounts.collect())
    }

    /// Puts the accounts into durable storage, as the kernel keeps them.
    pub fn load(&self, durable: &mut Durable) {
        let mut put = |path: storage::key::KeyPath, bytes: &[u8]| {
            durable.write(path, bytes).expect("a path of the layout");
        };
        for (address, state) in &self.0 {
            let code_hash = state.code_hash();
            let account = Account {
                nonce: state.nonce.saturating_to(),
                balance: state.balance,
                code_hash,
            };
            let path = ACCOUNTS.path(address).expect("a path of the layout");
            put(path, account.encode().as_ref());
            if account.has_code() {
                let path = CODE.path(&code_hash).expect("a path of the layout");
                put(path, &state.code);
            }
            for (slot, value) in state.storage.iter().filter(|(_, value)| !value.is_zero()) {
                let path = SLOTS
                    .path(&(*address, *slot))
                    .expect("a path of the layout");
                put(path, &value.encode());
            }
        }
    }

    /// Reads all accounts out of durable storage.
    ///
    /// # Errors
    /// If the storage holds something unexpected.
    pub fn dump(durable: &Durable) -> Result<Self, Corrupt> {
        let prefix = format!("{STATE}/a");
        let mut world = Self::default();
        let mut orphan = None;
        for (path, value) in durable.values(&prefix)? {
            let strange = || Corrupt::Strange(path.clone());
            let mut steps = path[prefix.len()..].trim_start_matches('/').split('/');
            let address = steps.next().and_then(|step| decode_key(step.as_bytes()));
            let address = Address::new(address.ok_or_else(strange)?);
            let bytes = value.bytes();
            match steps.next() {
                None => {
                    let account = Account::decode(&bytes).ok_or_else(strange)?;
                    if account.is_empty() {
                        return Err(Corrupt::Empty(address));
                    }
                    let state = world.0.entry(address).or_default();
                    state.nonce = U256::from(account.nonce);
                    state.balance = account.balance;
                    state.code = code(durable, &account).ok_or(Corrupt::Code(address))?;
                }
                Some(step) => {
                    let slot = decode_key(step.as_bytes()).map(U256::from_be_bytes::<32>);
                    let slot = slot.ok_or_else(strange)?;
                    let value = U256::decode(&bytes).ok_or_else(strange)?;
                    if value.is_zero() {
                        return Err(Corrupt::ZeroSlot(address));
                    }
                    // Paths come in order: an account before its slots.
                    match world.0.get_mut(&address) {
                        Some(state) => drop(state.storage.insert(slot, value)),
                        None => orphan = Some(address),
                    }
                }
            }
        }
        orphan.map_or(Ok(world), |address| Err(Corrupt::Orphan(address)))
    }

    /// The root of the state trie (Yellow Paper, §4.1).
    #[must_use]
    pub fn root(&self) -> B256 {
        state_root_unhashed(self.0.iter().map(|(address, state)| {
            let account = TrieAccount {
                nonce: state.nonce.saturating_to(),
                balance: state.balance,
                storage_root: state.storage_root(),
                code_hash: state.code_hash(),
            };
            (*address, account)
        }))
    }

    /// The differences, account by account and slot by slot: `self` is what was
    /// found.
    #[must_use]
    pub fn differences(&self, expected: &Self) -> String {
        let mut text = String::new();
        let absent = AccountState::default();
        let mut addresses: Vec<&Address> = self.0.keys().chain(expected.0.keys()).collect();
        addresses.sort_unstable();
        addresses.dedup();
        for address in addresses {
            let (found, wanted) = (self.0.get(address), expected.0.get(address));
            if found == wanted {
                continue;
            }
            let presence = match (found, wanted) {
                (None, _) => ": absent, but expected",
                (_, None) => ": not expected",
                _ => "",
            };
            // Writing to a String cannot fail.
            let _ = writeln!(text, "    {address}{presence}");
            let (found, wanted) = (found.unwrap_or(&absent), wanted.unwrap_or(&absent));
            found.differences(wanted, &mut text);
        }
        text
    }
}

impl AccountState {
    /// The keccak-256 hash of the code.
    #[must_use]
    pub fn code_hash(&self) -> B256 {
        if self.code.is_empty() {
            KECCAK256_EMPTY
        } else {
            keccak256(&self.code)
        }
    }

    fn storage_root(&self) -> B256 {
        let slots = self.storage.iter().filter(|(_, value)| !value.is_zero());
        storage_root_unhashed(slots.map(|(slot, value)| (B256::from(*slot), *value)))
    }

    fn differences(&self, expected: &Self, text: &mut String) {
        let mut line = |name: String, found: String, wanted: String| {
            if found != wanted {
                let _ = writeln!(text, "      {name}: {found}, expected {wanted}");
            }
        };
        let number = U256::to_string;
        line("nonce".into(), number(&self.nonce), number(&expected.nonce));
        line(
            "balance".into(),
            number(&self.balance),
            number(&expected.balance),
        );
        line(
            "code".into(),
            self.code.to_string(),
            expected.code.to_string(),
        );
        let mut slots: Vec<&U256> = self.storage.keys().chain(expected.storage.keys()).collect();
        slots.sort_unstable();
        slots.dedup();
        for slot in slots {
            let at = |state: &Self| state.storage.get(slot).copied().unwrap_or_default();
            line(
                format!("slot {slot:#x}"),
                format!("{:#x}", at(self)),
                format!("{:#x}", at(expected)),
            );
        }
    }
}

fn code(durable: &Durable, account: &Account) -> Option<Bytes> {
    if !account.has_code() {
        return Some(Bytes::new());
    }
    let code = CODE.get(durable, &account.code_hash).ok().flatten()?;
    (keccak256(&code) == account.code_hash).then_some(code)
}

/// The hash that state tests give of a transaction's logs: keccak-256 of their
/// list in RLP.
#[must_use]
pub fn logs_hash(logs: &[Log]) -> B256 {
    let mut rlp = Vec::new();
    alloy_rlp::encode_list(logs, &mut rlp);
    keccak256(rlp)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::b256;

    fn world() -> World {
        let contract = AccountState {
            nonce: U256::from(1),
            balance: U256::from(7),
            code: Bytes::from_static(&[0x60, 0, 0x55]),
            storage: [(U256::from(1), U256::from(2)), (U256::MAX, U256::MAX)].into(),
        };
        let slots_only = AccountState {
            balance: U256::from(1),
            storage: [(U256::ZERO, U256::from(9))].into(),
            ..AccountState::default()
        };
        World(
            [
                (Address::repeat_byte(1), contract),
                (Address::repeat_byte(2), slots_only),
            ]
            .into(),
        )
    }

    #[test]
    fn accounts_come_out_of_durable_storage_as_they_went_in() {
        let mut durable = Durable::new();
        world().load(&mut durable);
        assert_eq!(World::dump(&durable), Ok(world()));
    }

    #[test]
    fn no_accounts_have_the_empty_root_and_no_logs_the_empty_hash() {
        assert_eq!(
            World::default().root(),
            b256!("56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421")
        );
        assert_eq!(
            logs_hash(&[]),
            b256!("1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347")
        );
    }

    #[test]
    fn a_slot_below_an_absent_account_is_seen() {
        let mut durable = Durable::new();
        world().load(&mut durable);
        let address = Address::repeat_byte(1);
        durable
            .delete_value(ACCOUNTS.path(&address).unwrap())
            .unwrap();
        assert_eq!(World::dump(&durable), Err(Corrupt::Orphan(address)));
    }

    #[test]
    fn an_empty_account_and_a_zero_slot_are_seen() {
        let address = Address::repeat_byte(3);
        let mut durable = Durable::new();
        let empty = Account::default();
        durable
            .write(ACCOUNTS.path(&address).unwrap(), empty.encode())
            .unwrap();
        assert_eq!(World::dump(&durable), Err(Corrupt::Empty(address)));
        world().load(&mut durable);
        let address = Address::repeat_byte(2);
        durable
            .delete(ACCOUNTS.path(&Address::repeat_byte(3)).unwrap())
            .unwrap();
        durable
            .write(SLOTS.path(&(address, U256::from(5))).unwrap(), [0; 32])
            .unwrap();
        assert_eq!(World::dump(&durable), Err(Corrupt::ZeroSlot(address)));
    }

    #[test]
    fn differences_name_account_field_and_slot() {
        let mut other = world();
        other
            .0
            .get_mut(&Address::repeat_byte(1))
            .unwrap()
            .storage
            .remove(&U256::MAX);
        other.0.get_mut(&Address::repeat_byte(2)).unwrap().balance = U256::from(5);
        let text = other.differences(&world());
        assert!(text.contains("slot 0xffff"), "{text}");
        assert!(text.contains("balance: 5, expected 1"), "{text}");
        assert_eq!(world().differences(&world()), "");
    }
}
