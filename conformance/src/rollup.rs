//! The kernel, one block at a time, in surroundings that the test chooses.

use crate::Revision;
use crate::world::World;
use ::rollup::{Calls, Cursor};
use alloy_primitives::{Address, B256, Bytes, Log};
use ethereum::Header;
use pvm::{DebugSink, Durable, Error, Inbox, LevelReport, Machine, Options, Status};
use storage::layout::{CONFIG, HEAD, HEADERS};
use storage::table::Value;
use storage::{Config, Head, history};

/// The path at which the evaluation build finds the block's surroundings.
const EVALUATION: &str = "/evaluation/environment";

/// A block's surroundings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Surroundings {
    /// The block's number.
    pub number: u64,
    /// Its timestamp, in seconds since 1970.
    pub timestamp: u64,
    /// Its base fee, in wei for a unit of gas.
    pub base_fee: u64,
    /// The gas that it may use.
    pub gas_limit: u64,
    /// PREVRANDAO.
    pub prevrandao: B256,
    /// The receiver of the priority fees.
    pub beneficiary: Address,
    /// The price of blob gas, in wei.
    pub blob_base_fee: u128,
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// The rules in force.
    pub revision: Revision,
    /// The hashes of earlier blocks, by number.
    pub hashes: Vec<(u64, B256)>,
    /// The parent's hash, where the block begins with the system call of
    /// EIP-2935.
    pub parent: Option<B256>,
}

impl Surroundings {
    /// Those of a block that the kernel made, without the hashes of earlier ones.
    #[must_use]
    pub fn of_header(header: &Header, chain_id: u64, revision: Revision) -> Self {
        Self {
            number: header.number,
            timestamp: header.timestamp,
            base_fee: header.base_fee_per_gas,
            gas_limit: header.gas_limit,
            prevrandao: header.mix_hash,
            beneficiary: header.beneficiary,
            blob_base_fee: 1,
            chain_id,
            revision,
            hashes: Vec::new(),
            parent: None,
        }
    }

    /// The value that the evaluation build reads.
    fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(132);
        for number in [self.number, self.timestamp, self.base_fee, self.gas_limit] {
            bytes.extend_from_slice(&number.to_be_bytes());
        }
        bytes.extend_from_slice(self.prevrandao.as_slice());
        bytes.extend_from_slice(self.beneficiary.as_slice());
        bytes.extend_from_slice(&self.blob_base_fee.to_be_bytes());
        if let Some(parent) = self.parent {
            bytes.extend_from_slice(parent.as_slice());
        }
        bytes
    }

    fn config(&self) -> Config {
        Config {
            chain_id: self.chain_id,
            block_gas_limit: self.gas_limit,
            run_budget: u64::MAX,
            level_budget: u64::MAX,
            queue_bytes: u64::MAX,
            fee_recipient: self.beneficiary,
            base_fee_floor: 0,
            genesis_state_root: B256::ZERO,
            revisions: vec![(0, self.revision)],
            ..Config::default()
        }
    }

    /// A parent whose next block has this base fee on any build.
    fn parent_head(&self, level: u32) -> Head {
        Head {
            number: self.number.saturating_sub(1),
            hash: self.parent.unwrap_or_default(),
            gas_limit: 2,
            gas_used: 1,
            base_fee: self.base_fee,
            level: level - 1,
            cursor: Cursor { level, offset: 0 },
            oldest_page: level,
            calls: Calls::first(level),
            oldest: self.number.saturating_sub(1),
            ..Head::default()
        }
    }
}

/// The result of a block.
#[derive(Clone, Debug)]
pub struct Block {
    /// Its receipts, in order: one for each transaction that was not refused.
    pub receipts: Vec<Receipt>,
    /// Executed wasm instructions; 0 without metering.
    pub instructions: u64,
    /// The most wasm calls open at once; 0 without metering.
    pub max_call_depth: u32,
    /// The kernel's debug log.
    pub log: String,
}

/// The result of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// True if it succeeded.
    pub success: bool,
    /// The gas that it used.
    pub gas_used: u64,
    /// Its logs.
    pub logs: Vec<Log>,
}

/// The kernel could not make the block.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The machine refused.
    #[error(transparent)]
    Machine(#[from] Error),
    /// A run trapped, or the level did not end well.
    #[error("{0}")]
    Level(String),
    /// The kernel left something that cannot be read.
    #[error("unreadable: {0}")]
    Storage(#[from] storage::StorageError),
}

/// A rollup that forgets everything between tests; the kernel is compiled once.
#[derive(Debug)]
pub struct Rollup {
    machine: Machine,
    /// Durable storage with the kernel alone.
    base: Durable,
    address: [u8; 20],
}

impl Rollup {
    /// A rollup with this kernel: the evaluation build, or the shipped one,
    /// which chooses PREVRANDAO, the blob base fee and system calls itself.
    ///
    /// # Errors
    /// If the bytes are not a valid kernel.
    pub fn new(kernel: &[u8], options: Options) -> Result<Self, Error> {
        let options = Options {
            first_level: 1,
            debug: DebugSink::Capture,
            ..options
        };
        let address = options.rollup;
        let machine = Machine::new(kernel, options)?;
        let base = machine.durable().clone();
        Ok(Self {
            machine,
            base,
            address,
        })
    }

    /// Forgets everything and starts from these accounts.
    pub fn reset(&mut self, world: &World) {
        let mut durable = self.base.clone();
        world.load(&mut durable);
        *self.machine.durable_mut() = durable;
    }

    /// Durable storage, to change between blocks.
    pub const fn durable_mut(&mut self) -> &mut Durable {
        self.machine.durable_mut()
    }

    /// Durable storage.
    #[must_use]
    pub const fn durable(&self) -> &Durable {
        self.machine.durable()
    }

    /// Makes one block of these signed transactions.
    ///
    /// # Errors
    /// If the kernel makes no block.
    pub fn block(
        &mut self,
        surroundings: &Surroundings,
        transactions: &[Bytes],
    ) -> Result<Block, Failure> {
        self.surround(surroundings);
        let messages = transactions
            .iter()
            .flat_map(|raw| node::encode::messages(&self.address, raw));
        let report = self.machine.run_level(&Inbox {
            timestamp: i64::try_from(surroundings.timestamp).unwrap_or(i64::MAX),
            predecessor: [0; 32],
            messages: messages.collect(),
        })?;
        sound(&report)?;
        let head = HEAD.get(self.durable(), &())?;
        if head.is_none_or(|head| head.number != surroundings.number || head.backlog > 0) {
            return Err(Failure::Level(format!(
                "the kernel made no block {}",
                surroundings.number
            )));
        }
        let receipts = history::receipts(self.durable(), surroundings.number)?;
        let receipts = receipts.0.into_iter();
        let depths = report.runs.iter().map(|run| run.max_call_depth);
        Ok(Block {
            receipts: receipts
                .map(|receipt| Receipt {
                    success: receipt.success,
                    gas_used: receipt.gas_used,
                    logs: receipt.logs,
                })
                .collect(),
            instructions: report.runs.iter().map(|run| run.instructions).sum(),
            max_call_depth: depths.max().unwrap_or_default(),
            log: report.debug.concat(),
        })
    }

    fn surround(&mut self, surroundings: &Surroundings) {
        let level = self.machine.level();
        let durable = self.machine.durable_mut();
        let mut put = |path: Result<storage::key::KeyPath, _>, bytes: &[u8]| {
            durable
                .write(path.expect("a path of the layout"), bytes)
                .expect("a path of the layout");
        };
        put(CONFIG.path(&()), &surroundings.config().encode());
        put(HEAD.path(&()), &surroundings.parent_head(level).encode());
        for (number, hash) in &surroundings.hashes {
            put(HEADERS.path(number), hash.as_slice());
        }
        durable
            .write(EVALUATION, surroundings.encode())
            .expect("a legal path");
    }
}

/// The level ended well, and in one run.
fn sound(report: &LevelReport) -> Result<(), Failure> {
    let trap = report.runs.iter().find_map(|run| run.trap.as_ref());
    let wrong = match (trap, &report.status, report.runs.len()) {
        (Some(trap), ..) => format!("the kernel trapped: {trap}"),
        (None, Status::Yielded, 1) => return Ok(()),
        (None, Status::Yielded, runs) => format!("the level took {runs} runs"),
        (None, status, _) => status.to_string(),
    };
    let log = report.debug.concat();
    Err(Failure::Level(format!("{wrong}; {}", log.trim_end())))
}
