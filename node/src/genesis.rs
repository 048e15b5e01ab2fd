//! A go-ethereum genesis file as durable storage, for setup files and the devnet.
//!
//! It reads `alloc` (balance, nonce, code, storage), `config.chainId`,
//! `gasLimit` (the gas of a block), `baseFeePerGas` (the lowest base fee, where
//! it starts) and `coinbase` (who gets the priority fees). Everything else in
//! such a file is about consensus, which a rollup does not have. Fields that go-ethereum
//! does not know either are refused.

mod file;

use alloy_primitives::{Address, B256, Bytes, KECCAK256_EMPTY, U256, keccak256};
use file::{CONSENSUS, FORKS, File, Hex, Word};
use pvm::Durable;
use pvm::setup::Instruction;
use serde::de::IgnoredAny;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use storage::account::Account;
use storage::diff::{AccountChange, AccountDiff, Diff};
use storage::layout::{ACCOUNTS, CODE, SETUP, SLOTS};
use storage::table::Value as _;
use storage::{Config, SetupError, StorageError};

/// The start of a chain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Genesis {
    /// The configuration.
    pub config: Config,
    /// The accounts, by address.
    pub alloc: BTreeMap<Address, GenesisAccount>,
}

/// An account that exists from the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GenesisAccount {
    /// Its balance in wei.
    pub balance: U256,
    /// Its nonce.
    pub nonce: u64,
    /// Its code, empty for none.
    pub code: Bytes,
    /// Its slots; those that are zero are left out.
    pub storage: BTreeMap<U256, U256>,
}

/// One `set` of a setup file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Set {
    /// The path.
    pub to: String,
    /// The bytes.
    pub value: Vec<u8>,
}

/// Refuses fields that go-ethereum does not know either: they are mistakes.
fn check(
    rest: &BTreeMap<String, IgnoredAny>,
    known: &[&str],
    place: &str,
) -> Result<(), GenesisError> {
    match rest.keys().find(|name| !known.contains(&&***name)) {
        None => Ok(()),
        Some(name) => Err(GenesisError::UnknownField {
            name: name.clone(),
            place: place.to_owned(),
        }),
    }
}

/// Why a genesis file is invalid.
#[derive(Debug, thiserror::Error)]
pub enum GenesisError {
    /// The text is not a genesis file.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// A field that no genesis file has.
    #[error("unknown field `{name}` in {place}")]
    UnknownField {
        /// Its name.
        name: String,
        /// Its place.
        place: String,
    },
    /// An account does not fit durable storage.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl Genesis {
    /// Reads a go-ethereum style genesis. Numbers may be JSON numbers, decimal
    /// or hexadecimal text; addresses and hashes with or without `0x`.
    ///
    /// # Errors
    /// [`GenesisError::Json`], with the line; [`GenesisError::UnknownField`].
    pub fn from_json(text: &str) -> Result<Self, GenesisError> {
        let file: File = serde_json::from_str(text)?;
        check(&file.rest, CONSENSUS, "the file")?;
        check(&file.config.rest, FORKS, "`config`")?;
        let default = Config::default();
        let config = Config {
            chain_id: file.config.chain_id.unwrap_or(default.chain_id),
            block_gas_limit: file.gas_limit.unwrap_or(default.block_gas_limit),
            base_fee_floor: file.base_fee_per_gas.unwrap_or(default.base_fee_floor),
            fee_recipient: file.coinbase.unwrap_or(default.fee_recipient),
            ..default
        };
        let alloc = file
            .alloc
            .into_iter()
            .map(|(Hex(address), account)| {
                let storage = account
                    .storage
                    .into_iter()
                    .map(|(Word(slot), Word(value))| (slot, value));
                let account = GenesisAccount {
                    balance: account.balance,
                    nonce: account.nonce,
                    code: account.code,
                    storage: storage.collect(),
                };
                (Address::new(address), account)
            })
            .collect();
        Ok(Self { config, alloc })
    }

    /// The instructions of the setup file, in order. The `stateRoot` of block 0
    /// commits to the accounts.
    ///
    /// # Errors
    /// [`GenesisError::Storage`].
    pub fn setup(&self) -> Result<Vec<Set>, GenesisError> {
        let mut sets = Vec::new();
        let config = Config {
            genesis_state_root: self.state_root(),
            ..self.config.clone()
        };
        for (field, value) in config.to_setup() {
            sets.push(Set {
                to: format!("{SETUP}/{field}"),
                value,
            });
        }
        for (address, account) in &self.alloc {
            account.set(address, &mut sets)?;
        }
        Ok(sets)
    }

    /// The commitment that the kernel would have made, had a block on top of
    /// nothing brought these accounts.
    fn state_root(&self) -> B256 {
        let accounts = self
            .alloc
            .iter()
            .filter(|(_, account)| !account.is_absent());
        let diff = Diff {
            accounts: accounts
                .map(|(address, account)| account.diff(*address))
                .collect(),
            code: Vec::new(),
        };
        keccak256([B256::ZERO, keccak256(diff.encode())].concat())
    }
}

impl GenesisAccount {
    fn stored(&self) -> Account {
        Account {
            nonce: self.nonce,
            balance: self.balance,
            code_hash: if self.code.is_empty() {
                KECCAK256_EMPTY
            } else {
                keccak256(&self.code)
            },
        }
    }

    /// Checks if it is empty, and not stored (EIP-161).
    fn is_absent(&self) -> bool {
        self.stored().is_empty()
    }

    fn slots(&self) -> impl Iterator<Item = (U256, U256)> {
        self.storage
            .iter()
            .filter(|(_, value)| !value.is_zero())
            .map(|(slot, value)| (*slot, *value))
    }

    fn diff(&self, address: Address) -> AccountDiff {
        AccountDiff {
            address,
            account: AccountChange::Set(self.stored()),
            had_code: false,
            cleared: false,
            slots: self.slots().collect(),
        }
    }

    fn set(&self, address: &Address, sets: &mut Vec<Set>) -> Result<(), GenesisError> {
        if self.is_absent() {
            return Ok(());
        }
        let account = self.stored();
        let mut set = |path: storage::key::KeyPath, value: Vec<u8>| {
            sets.push(Set {
                to: path.as_path().to_string(),
                value,
            });
        };
        set(ACCOUNTS.path(address)?, account.encode().as_ref().to_vec());
        if account.has_code() {
            set(CODE.path(&account.code_hash)?, self.code.to_vec());
        }
        for (slot, value) in self.slots() {
            set(SLOTS.path(&(*address, slot))?, value.encode().to_vec());
        }
        Ok(())
    }
}

/// The configuration that the kernel compiles from a setup file.
///
/// # Errors
/// [`SetupError`], if the kernel would refuse to start on it.
pub fn config_of(setup: &[Instruction]) -> Result<Config, SetupError> {
    let root = format!("{SETUP}/");
    let mut durable = Durable::new();
    for instruction in setup {
        match instruction {
            Instruction::Set { value, to } if to.starts_with(&root) => {
                let wrote = durable.write(to, value);
                wrote.map_err(|why| StorageError::from(host::HostError::from(why)))?;
            }
            _ => {}
        }
    }
    Config::from_setup(&durable)
}

/// The setup file that sets all of `sets`.
#[must_use]
pub fn to_yaml(sets: &[Set]) -> String {
    let mut yaml = String::from("instructions:\n");
    for Set { to, value } in sets {
        // Writing to a string cannot fail.
        let _ = write!(
            yaml,
            "- set:\n    value: \"{}\"\n    to: {to}\n",
            hex::encode(value)
        );
    }
    yaml
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::address;

    const FILE: &str = r#"{
        "config": { "chainId": 1338, "cancunTime": 0 },
        "difficulty": "0x1", "gasLimit": "0x1c9c380", "baseFeePerGas": "0x7",
        "coinbase": "0x00000000000000000000000000000000000000ff",
        "alloc": {
            "f39fd6e51aad88f6f4ce6ab8827279cfffb92266": { "balance": "10000000000000000000000" },
            "0x00000000000000000000000000000000000000aa": {
                "balance": "0x1", "nonce": "0x2", "code": "0x6001",
                "storage": { "0x00": "0x00", "0x01": "0x2a" }
            },
            "0x00000000000000000000000000000000000000bb": { "balance": "0x0" }
        }
    }"#;

    #[test]
    fn a_geth_genesis_becomes_sets_of_the_tables() {
        let genesis = Genesis::from_json(FILE).unwrap();
        assert_eq!(genesis.config.chain_id, 1338);
        assert_eq!(genesis.config.block_gas_limit, 30_000_000);
        assert_eq!(genesis.config.base_fee_floor, 7);
        assert_eq!(
            genesis.config.fee_recipient,
            address!("0x00000000000000000000000000000000000000ff")
        );
        let sets = genesis.setup().unwrap();
        let state: Vec<_> = sets
            .iter()
            .filter(|set| set.to.starts_with("/evm/state/"))
            .collect();
        // Two accounts, one code, one slot; the absent account leaves no trace.
        assert_eq!(state.len(), 4);
        let contract = address!("0x00000000000000000000000000000000000000aa");
        let path = ACCOUNTS.path(&contract).unwrap().as_path().to_string();
        let stored = state.iter().find(|set| set.to == path).unwrap();
        let account = Account::decode(&stored.value).unwrap();
        assert_eq!(
            account,
            Account {
                nonce: 2,
                balance: U256::from(1),
                code_hash: keccak256([0x60, 1])
            }
        );
        let slot = SLOTS
            .path(&(contract, U256::from(1)))
            .unwrap()
            .as_path()
            .to_string();
        let stored = state.iter().find(|set| set.to == slot).unwrap();
        assert_eq!(U256::decode(&stored.value), Some(U256::from(42)));
        let chain_id = sets
            .iter()
            .find(|set| set.to == "/evm/config/chain_id")
            .unwrap();
        assert_eq!(chain_id.value, 1338_u64.to_be_bytes());
    }

    #[test]
    fn the_state_root_of_block_0_depends_on_the_accounts() {
        let genesis = Genesis::from_json(FILE).unwrap();
        let mut richer = genesis.clone();
        richer
            .alloc
            .values_mut()
            .for_each(|account| account.balance += U256::from(1));
        assert_ne!(genesis.state_root(), richer.state_root());
    }

    #[test]
    fn what_is_left_open_has_its_default() {
        let file = r#"{"config": {}, "gasLimit": null, "baseFeePerGas": null, "alloc": {}}"#;
        assert_eq!(Genesis::from_json(file).unwrap(), Genesis::default());
    }

    #[test]
    fn sets_are_written_as_a_setup_file() {
        let sets = [Set {
            to: "/evm/config/chain_id".into(),
            value: vec![0, 0xff],
        }];
        assert_eq!(
            to_yaml(&sets),
            "instructions:\n- set:\n    value: \"00ff\"\n    to: /evm/config/chain_id\n"
        );
    }

    #[test]
    fn unknown_fields_are_refused_where_they_stand() {
        for (file, words) in [
            (r#"{"aloc": {}, "alloc": {}}"#, "`aloc` in the file"),
            (
                r#"{"config": {"chainID": 5}, "alloc": {}}"#,
                "`chainID` in `config`",
            ),
            (
                r#"{"alloc": {"0x00000000000000000000000000000000000000aa": {"balanse": "1"}}}"#,
                "unknown field `balanse`",
            ),
        ] {
            let error = Genesis::from_json(file).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn a_wrong_address_is_named() {
        let error = Genesis::from_json(r#"{"alloc": {"0x12": {"balance": 1}}}"#).unwrap_err();
        assert!(
            error.to_string().contains("\"0x12\" is not 20 bytes"),
            "{error}"
        );
    }
}
