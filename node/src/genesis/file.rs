//! A genesis file as it is written.

use alloy_primitives::{Address, Bytes, U256};
use serde::de::{Error as _, IgnoredAny};
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;

/// The part of a genesis file that is read.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct File {
    #[serde(default)]
    pub(super) config: ChainConfig,
    #[serde(default, deserialize_with = "some_number")]
    pub(super) gas_limit: Option<u64>,
    #[serde(default, deserialize_with = "some_number")]
    pub(super) base_fee_per_gas: Option<u64>,
    #[serde(default)]
    pub(super) coinbase: Option<Address>,
    pub(super) alloc: BTreeMap<Hex<20>, AllocAccount>,
    #[serde(flatten)]
    pub(super) rest: BTreeMap<String, IgnoredAny>,
}

/// Fields of a genesis file that go-ethereum reads and that are about consensus.
pub(super) const CONSENSUS: &[&str] = &[
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

/// Fields of its `config` that go-ethereum reads and that are about forks and consensus.
pub(super) const FORKS: &[&str] = &[
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

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ChainConfig {
    #[serde(default, deserialize_with = "some_number")]
    pub(super) chain_id: Option<u64>,
    #[serde(flatten)]
    pub(super) rest: BTreeMap<String, IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AllocAccount {
    #[serde(default, deserialize_with = "word")]
    pub(super) balance: U256,
    #[serde(default, deserialize_with = "number")]
    pub(super) nonce: u64,
    #[serde(default)]
    pub(super) code: Bytes,
    #[serde(default)]
    pub(super) storage: BTreeMap<Word, Word>,
    /// Of those who sign in tests of go-ethereum.
    #[serde(default, rename = "secretKey")]
    _secret_key: Option<IgnoredAny>,
}

/// Bytes of a known length, as hexadecimal text with or without `0x`.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Hex<const LEN: usize>(pub(super) [u8; LEN]);

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
pub(super) struct Word(pub(super) U256);

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
