//! The configuration.
//!
//! A setup file sets single values below `/evm/config`; genesis compiles them
//! into one value that a run reads with one host call.

use crate::codec::Reader;
use crate::error::{SetupError, StorageError};
use crate::key::KeyPath;
use crate::roots::SETUP;
use crate::table::{Size, Value};
use alloc::vec::Vec;
use alloy_primitives::{Address, B256};
use host::ReadStore;

/// An EVM revision: which forks' rules a block follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Revision {
    /// Cancun (March 2024).
    Cancun = 0,
    /// Prague (May 2025).
    Prague = 1,
    /// Osaka (December 2025).
    Osaka = 2,
    /// Amsterdam, as far as the engine has it.
    Amsterdam = 3,
}

impl Revision {
    /// The revision behind its number.
    #[must_use]
    pub const fn new(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Cancun),
            1 => Some(Self::Prague),
            2 => Some(Self::Osaka),
            3 => Some(Self::Amsterdam),
            _ => None,
        }
    }
}

/// The least gas limit of a block: a transfer.
const MIN_BLOCK_GAS: u64 = 21_000;

/// The fewest blocks that are kept: twice those that BLOCKHASH knows.
pub const MIN_KEPT_BLOCKS: u64 = 512;

/// The decisions of an operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// EIP-155 chain id. `chain_id`, 8 bytes.
    pub chain_id: u64,
    /// The gas that a block may use. `block_gas_limit`, 8 bytes.
    pub block_gas_limit: u64,
    /// The work that a run may do, in units of at most 80 wasm instructions (1.5 a
    /// unit of gas, 10,000 a message, 25,000 a signature, 10 a byte). `run_budget`,
    /// 8 bytes.
    pub run_budget: u64,
    /// The work that the blocks of a level may do. `level_budget`, 8 bytes.
    pub level_budget: u64,
    /// The bytes that may wait in the queue, 32 more counted for each input.
    /// `queue_bytes`, 8 bytes.
    pub queue_bytes: u64,
    /// The receiver of the priority fees. `fee_recipient`, 20 bytes.
    pub fee_recipient: Address,
    /// The lowest base fee, in wei for a unit of gas. `base_fee_floor`, 8 bytes.
    pub base_fee_floor: u64,
    /// The `stateRoot` of block 0. `genesis_state_root`, 32 bytes.
    pub genesis_state_root: B256,
    /// The layer 1 contract whose tickets are the native token: none, no bridge.
    /// `ticketer`, the 20 bytes behind `KT1…`.
    pub ticketer: Option<[u8; 20]>,
    /// The layer 1 contract that may force transactions in.
    /// `delayed_bridge`, 20 bytes.
    pub delayed_bridge: Option<[u8; 20]>,
    /// The layer 1 contract that may upgrade the kernel and settle what nobody
    /// can claim. `kernel_governance`, 20 bytes.
    pub kernel_governance: Option<[u8; 20]>,
    /// After how many levels governance may give a kept deposit that names a
    /// receiver to another one. `reassign_after`, 8 bytes.
    pub reassign_after: u64,
    /// The number of newest blocks that are kept; the others leave durable storage.
    /// `kept_blocks`, 8 bytes.
    pub kept_blocks: u64,
    /// The price of a raw transaction's byte for its way through layer 1, in wei;
    /// 0: nothing. `data_fee`, 8 bytes.
    pub data_fee: u64,
    /// From which block on which revision holds, lowest block first.
    /// `revisions`, 9 bytes each: block number, revision.
    pub revisions: Vec<(u64, Revision)>,
}

/// Default of [`Config::reassign_after`]: two weeks of levels of 6 seconds.
const REASSIGN_AFTER: u64 = 201_600;

/// Default of [`Config::kept_blocks`].
const KEPT_BLOCKS: u64 = 1_024;

impl Default for Config {
    fn default() -> Self {
        Self {
            chain_id: 1337,
            block_gas_limit: 30_000_000,
            run_budget: 100_000_000,
            level_budget: 150_000_000,
            queue_bytes: 64 << 20,
            fee_recipient: Address::ZERO,
            base_fee_floor: 1_000_000_000,
            genesis_state_root: B256::ZERO,
            ticketer: None,
            delayed_bridge: None,
            kernel_governance: None,
            reassign_after: REASSIGN_AFTER,
            kept_blocks: KEPT_BLOCKS,
            data_fee: 0,
            revisions: alloc::vec![(0, Revision::Osaka)],
        }
    }
}

impl Config {
    /// The revision of block `number`.
    #[must_use]
    pub fn revision(&self, number: u64) -> Revision {
        self.revisions
            .iter()
            .rev()
            .find(|(from, _)| *from <= number)
            .map_or(Revision::Osaka, |(_, revision)| *revision)
    }

    /// The most gas of a transaction in block `number` (EIP-7825 since Osaka).
    #[must_use]
    pub fn transaction_gas(&self, number: u64) -> u64 {
        if self.revision(number) < Revision::Osaka {
            return self.block_gas_limit;
        }
        self.block_gas_limit.min(1 << 24)
    }

    /// Reads what the setup file set below `/evm/config`; what it did not set
    /// has its default.
    ///
    /// # Errors
    /// [`SetupError::Invalid`] if a value has another size or form than its
    /// field, or is out of its bounds: a rollup on other values than its
    /// operator meant could not be mended. [`SetupError::Storage`] if the
    /// machine refuses.
    pub fn from_setup(store: &impl ReadStore) -> Result<Self, SetupError> {
        let default = Self::default();
        let number = |name| -> Result<Option<u64>, SetupError> {
            Ok(sized(store, name, "8 bytes, a big-endian number")?.map(u64::from_be_bytes))
        };
        let contract = |name| -> Result<Option<[u8; 20]>, SetupError> {
            let text = "20 bytes, the hash in a KT1 address, or zeros for none";
            Ok(sized(store, name, text)?.and_then(known))
        };
        let config = Self {
            chain_id: number("chain_id")?.unwrap_or(default.chain_id),
            block_gas_limit: number("block_gas_limit")?.unwrap_or(default.block_gas_limit),
            run_budget: number("run_budget")?.unwrap_or(default.run_budget),
            level_budget: number("level_budget")?.unwrap_or(default.level_budget),
            queue_bytes: number("queue_bytes")?.unwrap_or(default.queue_bytes),
            fee_recipient: sized(store, "fee_recipient", "20 bytes, an address")?
                .map_or(default.fee_recipient, Address::new),
            base_fee_floor: number("base_fee_floor")?.unwrap_or(default.base_fee_floor),
            genesis_state_root: sized(store, "genesis_state_root", "32 bytes, a hash")?
                .map_or(default.genesis_state_root, B256::new),
            ticketer: contract("ticketer")?,
            delayed_bridge: contract("delayed_bridge")?,
            kernel_governance: contract("kernel_governance")?,
            reassign_after: number("reassign_after")?.unwrap_or(default.reassign_after),
            kept_blocks: number("kept_blocks")?.unwrap_or(default.kept_blocks),
            data_fee: number("data_fee")?.unwrap_or(default.data_fee),
            revisions: match field(store, "revisions")? {
                Some(bytes) => revisions(&bytes).ok_or(SetupError::Invalid {
                    name: "revisions",
                    expected: "one or more of 9 bytes, a block number and a revision (0 to 3), \
                               numbers rising",
                    found: bytes,
                })?,
                None => default.revisions,
            },
        };
        config.checked(number("run_budget")?, number("level_budget")?)
    }

    /// The configuration within its bounds; `run` and `level` are the budgets
    /// that the setup file sets.
    fn checked(self, run: Option<u64>, level: Option<u64>) -> Result<Self, SetupError> {
        let bounded = self.within_bounds();
        let a_block = "room for a block beside the overhead of its inputs";
        for (name, set, least, expected) in [
            (
                "chain_id",
                Some(bounded.chain_id),
                1,
                "a number other than 0",
            ),
            (
                "block_gas_limit",
                Some(bounded.block_gas_limit),
                MIN_BLOCK_GAS,
                "at least 21,000 units of gas",
            ),
            ("run_budget", run, bounded.run_budget, a_block),
            (
                "level_budget",
                level,
                bounded.level_budget,
                "at least the budget of a run",
            ),
            (
                "kept_blocks",
                Some(bounded.kept_blocks),
                MIN_KEPT_BLOCKS,
                "at least 512 blocks",
            ),
        ] {
            if let Some(set) = set.filter(|set| *set < least) {
                return Err(SetupError::Invalid {
                    name,
                    expected,
                    found: set.to_be_bytes().to_vec(),
                });
            }
        }
        if bounded.data_fee > bounded.most_data_fee() {
            return Err(SetupError::Invalid {
                name: "data_fee",
                expected: "at most a million times the lowest base fee",
                found: bounded.data_fee.to_be_bytes().to_vec(),
            });
        }
        Ok(bounded)
    }

    /// The fields of a setup file, name below `/evm/config` and bytes; budgets
    /// are raised to what a block needs. Those behind `revisions` are left out from
    /// where all are the default, as by older code.
    #[must_use]
    pub fn to_setup(&self) -> Vec<(&'static str, Vec<u8>)> {
        self.clone().within_bounds().fields()
    }

    fn fields(&self) -> Vec<(&'static str, Vec<u8>)> {
        let mut fields = alloc::vec![
            ("chain_id", self.chain_id.to_be_bytes().to_vec()),
            (
                "block_gas_limit",
                self.block_gas_limit.to_be_bytes().to_vec()
            ),
            ("run_budget", self.run_budget.to_be_bytes().to_vec()),
            ("level_budget", self.level_budget.to_be_bytes().to_vec()),
            ("queue_bytes", self.queue_bytes.to_be_bytes().to_vec()),
            ("fee_recipient", self.fee_recipient.to_vec()),
            ("base_fee_floor", self.base_fee_floor.to_be_bytes().to_vec()),
            ("genesis_state_root", self.genesis_state_root.to_vec()),
            ("ticketer", or_zeros(self.ticketer)),
            ("delayed_bridge", or_zeros(self.delayed_bridge)),
            ("kernel_governance", or_zeros(self.kernel_governance)),
            ("revisions", self.encode_revisions()),
        ];
        let later = self.later().into_iter().zip(Self::default().later());
        let changed = later.clone().rposition(|(mine, default)| mine != default);
        for ((name, value), _) in later.take(changed.map_or(0, |last| last + 1)) {
            fields.push((name, value.to_be_bytes().to_vec()));
        }
        fields
    }

    /// The fields that came later, in their order.
    const fn later(&self) -> [(&'static str, u64); LATER] {
        [
            ("reassign_after", self.reassign_after),
            ("kept_blocks", self.kept_blocks),
            ("data_fee", self.data_fee),
        ]
    }

    /// The most that a byte may cost: a million units of gas at the lowest base fee.
    pub(crate) const fn most_data_fee(&self) -> u64 {
        self.base_fee_floor.saturating_mul(1_000_000)
    }

    /// The least budget that a run needs for a block beside the overhead of its inputs, or it would
    /// never be made.
    pub(crate) const fn least_run_budget(&self) -> u64 {
        self.block_gas_limit.saturating_mul(5) / 2
    }

    fn within_bounds(mut self) -> Self {
        self.run_budget = self.run_budget.max(self.least_run_budget());
        self.level_budget = self.level_budget.max(self.run_budget);
        self
    }

    fn encode_revisions(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(9 * self.revisions.len());
        for (from, revision) in &self.revisions {
            bytes.extend_from_slice(&from.to_be_bytes());
            bytes.push(*revision as u8);
        }
        bytes
    }
}

/// A contract's hash; zeros stand for none.
fn known(hash: [u8; 20]) -> Option<[u8; 20]> {
    (hash != [0; 20]).then_some(hash)
}

fn or_zeros(hash: Option<[u8; 20]>) -> Vec<u8> {
    hash.unwrap_or_default().to_vec()
}

fn field(store: &impl ReadStore, name: &str) -> Result<Option<Vec<u8>>, StorageError> {
    let mut path = KeyPath::from_path(SETUP);
    path.push(name.as_bytes())?;
    Ok(store.read_all(path.as_path())?)
}

/// A field of `N` bytes, which `expected` describes.
fn sized<const N: usize>(
    store: &impl ReadStore,
    name: &'static str,
    expected: &'static str,
) -> Result<Option<[u8; N]>, SetupError> {
    let Some(bytes) = field(store, name)? else {
        return Ok(None);
    };
    match bytes.try_into() {
        Ok(bytes) => Ok(Some(bytes)),
        Err(found) => Err(SetupError::Invalid {
            name,
            expected,
            found,
        }),
    }
}

fn revisions(bytes: &[u8]) -> Option<Vec<(u64, Revision)>> {
    let mut reader = Reader(bytes);
    let mut revisions = Vec::new();
    while !reader.is_empty() {
        revisions.push((reader.u64()?, Revision::new(reader.byte()?)?));
    }
    let rising = revisions
        .windows(2)
        .all(|pair| matches!(pair, [(a, _), (b, _)] if a < b));
    (rising && !revisions.is_empty()).then_some(revisions)
}

/// The number of fields that came later: at most 8, see [`Config::decode`].
const LATER: usize = 3;

/// The fields of [`Config::to_setup`], one behind the other, numbers big-endian.
impl Value for Config {
    type Bytes = Vec<u8>;
    const SIZE: Size = Size::Medium;
    const SHRINKS: bool = true;

    fn encode(&self) -> Vec<u8> {
        let fields = self.fields().into_iter();
        fields.flat_map(|(_, bytes)| bytes).collect()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        let mut config = Self {
            chain_id: reader.u64()?,
            block_gas_limit: reader.u64()?,
            run_budget: reader.u64()?,
            level_budget: reader.u64()?,
            queue_bytes: reader.u64()?,
            fee_recipient: reader.address()?,
            base_fee_floor: reader.u64()?,
            genesis_state_root: reader.hash()?,
            ticketer: known(reader.array()?),
            delayed_bridge: known(reader.array()?),
            kernel_governance: known(reader.array()?),
            reassign_after: REASSIGN_AFTER,
            kept_blocks: KEPT_BLOCKS,
            data_fee: 0,
            revisions: Vec::new(),
        };
        // 9 bytes for each revision, then 8 for each later field that is there: the
        // remainder by 9 tells how many.
        let later = (9 - reader.0.len() % 9) % 9;
        let len = reader.0.len().checked_sub(8 * later)?;
        config.revisions = revisions(reader.take(len)?)?;
        let fields = [
            &mut config.reassign_after,
            &mut config.kept_blocks,
            &mut config.data_fee,
        ];
        for field in fields.into_iter().take(later) {
            *field = reader.u64()?;
        }
        reader.is_empty().then_some(config)
    }
}

#[cfg(test)]
mod tests;
