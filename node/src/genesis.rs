//! A go-ethereum genesis file as durable storage, for setup files and the devnet.
//!
//! It reads `alloc` (balance, nonce, code, storage), `config.chainId`,
//! `gasLimit` (the gas of a block), `baseFeePerGas` (the lowest base fee, where
//! it starts) and `coinbase` (who gets the priority fees). Everything else in
//! such a file is about consensus, which a rollup does not have. Fields that go-ethereum
//! does not know either are refused.

use alloy_primitives::{Address, B256, Bytes, KECCAK256_EMPTY, U256, keccak256};
use pvm::Durable;
use pvm::setup::Instruction;
use serde::de::{Error as _, IgnoredAny};
use serde::{Deserialize, Deserializer};
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
        /// Where it stands.
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
                wrote.map_err(StorageError::from)?;
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

/// The part of a genesis file that is read.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    #[serde(default)]
    config: ChainConfig,
    #[serde(default, deserialize_with = "some_number")]
    gas_limit: Option<u64>,
    #[serde(default, deserialize_with = "some_number")]
    base_fee_per_gas: Option<u64>,
    #[serde(default)]
    coinbase: Option<Address>,
    alloc: BTreeMap<Hex<20>, AllocAccount>,
    #[serde(flatten)]
    rest: BTreeMap<String, IgnoredAny>,
}

/// What go-ethereum reads of a genesis file, and is about consensus.
const CONSENSUS: &[&str] = &[
    "nonce",
    "timestamp",
    "extraData",
    "difficulty",
    "mixHash",
    "number",
    "gasUsed",
    "parentHash",
    "excessBlobGas",
    "blobGasUsed",
    "slotNumber",
];

/// What go-ethereum reads of its `config`, and is about forks and consensus.
const FORKS: &[&str] = &[
    "homesteadBlock",
    "daoForkBlock",
    "daoForkSupport",
    "eip150Block",
    "eip150Hash",
    "eip155Block",
    "eip158Block",
    "byzantiumBlock",
    "constantinopleBlock",
    "petersburgBlock",
    "istanbulBlock",
    "muirGlacierBlock",
    "berlinBlock",
    "londonBlock",
    "arrowGlacierBlock",
    "grayGlacierBlock",
    "mergeNetsplitBlock",
    "mergeForkBlock",
    "shanghaiTime",
    "cancunTime",
    "pragueTime",
    "osakaTime",
    "bpo1Time",
    "bpo2Time",
    "bpo3Time",
    "bpo4Time",
    "bpo5Time",
    "amsterdamTime",
    "verkleTime",
    "ubtTime",
    "terminalTotalDifficulty",
    "terminalTotalDifficultyPassed",
    "depositContractAddress",
    "enableVerkleAtGenesis",
    "enableUBTAtGenesis",
    "blobSchedule",
    "ethash",
    "clique",
];

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

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ChainConfig {
    #[serde(default, deserialize_with = "some_number")]
    chain_id: Option<u64>,
    #[serde(flatten)]
    rest: BTreeMap<String, IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AllocAccount {
    #[serde(default, deserialize_with = "word")]
    balance: U256,
    #[serde(default, deserialize_with = "number")]
    nonce: u64,
    #[serde(default)]
    code: Bytes,
    #[serde(default)]
    storage: BTreeMap<Word, Word>,
    /// Of those who sign in tests of go-ethereum.
    #[serde(default, rename = "secretKey")]
    _secret_key: Option<IgnoredAny>,
}

/// Bytes of a known length, as hexadecimal text with or without `0x`.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Hex<const LEN: usize>([u8; LEN]);

impl<'de, const LEN: usize> Deserialize<'de> for Hex<LEN> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let digits = text.strip_prefix("0x").unwrap_or(&text);
        let mut bytes = [0; LEN];
        hex::decode_to_slice(digits, &mut bytes).map_err(|error| {
            D::Error::custom(format!(
                "{text:?} is not {LEN} bytes in hexadecimal: {error}"
            ))
        })?;
        Ok(Self(bytes))
    }
}

/// A word as hexadecimal text, short ones too, with or without `0x`.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Word(U256);

impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let digits = text.strip_prefix("0x").unwrap_or(&text);
        U256::from_str_radix(digits, 16)
            .map(Self)
            .map_err(|error| D::Error::custom(format!("invalid word {text:?}: {error}")))
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Json(u64),
    Text(String),
}

impl Number {
    fn word<E: serde::de::Error>(self) -> Result<U256, E> {
        match self {
            Self::Json(number) => Ok(U256::from(number)),
            Self::Text(text) => match text.strip_prefix("0x") {
                Some(digits) => U256::from_str_radix(digits, 16),
                None => U256::from_str_radix(&text, 10),
            }
            .map_err(|error| E::custom(format!("invalid number {text:?}: {error}"))),
        }
    }

    fn number<E: serde::de::Error>(self) -> Result<u64, E> {
        let word = self.word()?;
        u64::try_from(word).map_err(|_| E::custom(format!("{word} does not fit 64 bits")))
    }
}

fn word<'de, D: Deserializer<'de>>(deserializer: D) -> Result<U256, D::Error> {
    Number::deserialize(deserializer)?.word()
}

fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    Number::deserialize(deserializer)?.number()
}

fn some_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    Option::<Number>::deserialize(deserializer)?
        .map(Number::number)
        .transpose()
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
