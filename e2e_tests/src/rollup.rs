//! A rollup in memory: the compiled kernel on the fast VM.

use crate::record::Recorder;
use crate::user::User;
use alloy_primitives::{Address, B256, Bytes, Log, U256, keccak256};
use ethereum::SignedTransaction;
use ethereum::header::Header;
use evm_kernel::inputs::batch::write::SenderKey;
use evm_kernel::inputs::encode::{Batching, batches};
use pvm::engine::Engine;
use pvm::probe::Probed;
use pvm::{Durable, Inbox, LevelReport, Machine, Metering, Options};
use solidity_fixtures::SolEvent;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use storage::block::{StoredReceipt, StoredTransaction};
use storage::known_keys;
use storage::layout::{ACCOUNTS, CODE, CONFIG, HEAD, HEADERS, SETUP, SLOTS, STATE};
use storage::table::Value;
use storage::{Account, Config, Head, history};

/// The shipped module, as `make kernel` wrote it.
///
/// # Panics
/// If it is not there.
#[must_use]
pub fn kernel() -> Vec<u8> {
    Build::Shipped.wasm()
}

/// A build of the kernel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Build {
    /// The one for rollups, by `cargo xtask kernel`.
    #[default]
    Shipped,
    /// The one that can be made to trap, by `cargo xtask kernel --traps`.
    Traps,
}

impl Build {
    /// Its bytes.
    ///
    /// # Panics
    /// If they are not there.
    #[must_use]
    pub fn wasm(self) -> Vec<u8> {
        module(match self {
            Self::Shipped => "evm_kernel.wasm",
            Self::Traps => "evm_kernel_traps.wasm",
        })
    }
}

/// A module that `make test` builds before the tests run.
///
/// # Panics
/// If it was not built.
#[must_use]
pub fn module(name: &str) -> Vec<u8> {
    let option = match name {
        "evm_kernel.wasm" => "",
        "evm_kernel_traps.wasm" => " --traps",
        "evm_kernel_evaluation.wasm" => " --evaluation",
        _ => " --others",
    };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/kernel");
    let read = std::fs::read(folder.join(name));
    read.unwrap_or_else(|error| panic!("{name}: {error}; run `cargo xtask kernel{option}` first"))
}

/// The initial state of a rollup.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The configuration.
    pub config: Config,
    /// Balances in wei.
    pub balances: Vec<(Address, U256)>,
    /// The measured quantities.
    pub metering: Metering,
    /// The rollup's address, the 20 bytes behind `sr1…`.
    pub address: [u8; 20],
    /// Which kernel runs.
    pub build: Build,
    /// The folder of pages.
    pub preimages: Option<PathBuf>,
    /// Another engine, which has to do the same.
    pub check: Option<Arc<dyn Engine>>,
    /// The probe of runs.
    pub probe: Probed,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            config: Config::default(),
            balances: Vec::new(),
            metering: Metering::Off,
            address: [7; 20],
            build: Build::Shipped,
            preimages: None,
            check: None,
            probe: Probed::default(),
        }
    }
}

impl Setup {
    /// A rollup where these users have 100,000 units each.
    #[must_use]
    pub fn funded(users: &[&User]) -> Self {
        let unit = U256::from(10).pow(U256::from(18));
        let balance = U256::from(100_000) * unit;
        Self {
            balances: users.iter().map(|user| (user.address, balance)).collect(),
            ..Self::default()
        }
    }
}

/// A transaction in a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Included {
    /// The transaction.
    pub transaction: StoredTransaction,
    /// Its receipt.
    pub receipt: StoredReceipt,
    /// The number of its block.
    pub block: u64,
}

/// The events of one kind that these transactions emitted, in order.
///
/// # Panics
/// If a log has the event's topic and is not the event.
#[must_use]
pub fn events<E: SolEvent>(included: &[Included]) -> Vec<Log<E>> {
    let logs = included.iter().flat_map(|one| &one.receipt.logs);
    logs.filter(|log| log.topics().first() == Some(&E::SIGNATURE_HASH))
        .map(|log| E::decode_log(log).expect("the event of its topic"))
        .collect()
}

/// A rollup in memory.
#[derive(Debug)]
pub struct Rollup {
    machine: Machine,
    address: [u8; 20],
    timestamp: i64,
    predecessor: [u8; 32],
    recorder: Recorder,
}

impl Rollup {
    /// A rollup before its first level.
    ///
    /// # Panics
    /// If the kernel is missing or no good.
    #[must_use]
    pub fn new(setup: &Setup) -> Self {
        let mut durable = Durable::new();
        let mut set = |path: &str, value: &[u8]| {
            durable
                .write(path, value)
                .expect("the path of a setup value is legal");
        };
        set("/kernel/boot.wasm", &setup.build.wasm());
        for (name, value) in setup.config.to_setup() {
            set(&format!("{SETUP}/{name}"), &value);
        }
        for (address, balance) in &setup.balances {
            let account = Account {
                balance: *balance,
                ..Account::default()
            };
            let path = ACCOUNTS.path(address).expect("a legal path");
            set(&path.as_path().to_string(), account.encode().as_ref());
        }
        Self::from_durable(durable, setup)
    }

    /// A rollup that goes on from `durable`, with the options of `setup`.
    ///
    /// # Panics
    /// If the kernel is no good.
    #[must_use]
    pub fn from_durable(durable: Durable, setup: &Setup) -> Self {
        let head = HEAD.get(&durable, &()).expect("a readable head");
        let options = Options {
            metering: setup.metering,
            rollup: setup.address,
            first_level: head.map_or(0, |head| head.level + 1),
            checkpoints: vec![STATE.to_string()],
            debug: pvm::DebugSink::Capture,
            preimages: setup.preimages.clone(),
            check: setup.check.clone(),
            probe: setup.probe.clone(),
            ..Options::default()
        };
        let timestamp = head.map_or(1_700_000_000, |head| head.timestamp as i64);
        let machine = Machine::from_durable(durable, options).expect("the kernel is valid");
        Self {
            machine,
            address: setup.address,
            timestamp,
            predecessor: [9; 32],
            recorder: Recorder::default(),
        }
    }

    /// Durable storage.
    #[must_use]
    pub fn durable(&self) -> &Durable {
        self.machine.durable()
    }

    /// Runs a level that brings these transactions, one second after the last.
    ///
    /// # Panics
    /// If the machine fails, or a run traps.
    pub fn level(&mut self, raws: &[impl AsRef<[u8]>]) -> LevelReport {
        self.level_of(self.messages(raws))
    }

    /// The inbox messages that bring these raw transactions one by one.
    #[must_use]
    pub fn messages(&self, raws: &[impl AsRef<[u8]>]) -> Vec<Vec<u8>> {
        raws.iter()
            .flat_map(|raw| evm_kernel::inputs::encode::messages(&self.address, raw.as_ref()))
            .collect()
    }

    /// The inbox messages that bring these raw transactions in batches, with the keys
    /// that are known now, and with y of each signature's point or not.
    ///
    /// # Panics
    /// If one is no transaction, or nobody signed it.
    #[must_use]
    pub fn batches(&self, raws: &[impl AsRef<[u8]>], points: bool) -> Vec<Vec<u8>> {
        let count = known_keys::count(self.durable()).expect("readable");
        let known: HashMap<Address, u64> = (0..count)
            .map(|index| {
                let known = known_keys::get(self.durable(), index);
                let known = known.expect("readable").expect("a key");
                (known.address, index)
            })
            .collect();
        let keyed: Vec<(SignedTransaction, SenderKey)> = raws
            .iter()
            .map(|raw| {
                let signed = ethereum::transaction::decode(raw.as_ref()).expect("a transaction");
                let signer = ethereum::signers([&signed]).remove(0).expect("a signature");
                let key = match known.get(&signer.address) {
                    Some(index) => SenderKey::Known(*index, signer.address),
                    None => SenderKey::Given(signer.key),
                };
                (signed, key)
            })
            .collect();
        let config = CONFIG.get(self.durable(), &()).expect("readable");
        let batching = Batching {
            rollup: self.address,
            chain_id: config.expect("a configuration").chain_id,
            points,
        };
        batches(&batching, &keyed)
    }

    /// Runs a level that brings nothing.
    ///
    /// # Panics
    /// If the machine fails, or the run traps.
    pub fn empty_level(&mut self) -> LevelReport {
        self.level_of(Vec::new())
    }

    /// Runs a level with these inbox messages, tags included.
    ///
    /// # Panics
    /// If the machine fails, or a run traps.
    pub fn level_of(&mut self, messages: Vec<Vec<u8>>) -> LevelReport {
        let report = self.level_with_traps(messages);
        for run in &report.runs {
            assert!(
                !run.trapped(),
                "a run trapped: {:?}; {:?}",
                run.trap,
                report.debug
            );
        }
        report
    }

    /// As [`Rollup::level_of`], but runs may trap.
    ///
    /// # Panics
    /// If the machine fails.
    pub fn level_with_traps(&mut self, messages: Vec<Vec<u8>>) -> LevelReport {
        self.try_level(messages).expect("the level runs")
    }

    /// As [`Rollup::level_with_traps`], but the machine may fail.
    ///
    /// # Errors
    /// The machine's; the rollup is then as it was.
    pub fn try_level(&mut self, messages: Vec<Vec<u8>>) -> Result<LevelReport, pvm::Error> {
        let inbox = Inbox {
            timestamp: self.timestamp + 1,
            predecessor: self.predecessor,
            messages,
        };
        self.recorder.level(&self.machine, &inbox);
        let report = self.machine.run_level(&inbox)?;
        self.timestamp += 1;
        Ok(report)
    }

    /// The first run of a level with these inbox messages, step by step; the rollup stays before it.
    ///
    /// # Panics
    /// If the kernel cannot run.
    #[must_use]
    pub fn steps(&self, messages: Vec<Vec<u8>>) -> pvm::steps::Steps {
        let inbox = Inbox {
            timestamp: self.timestamp + 1,
            predecessor: self.predecessor,
            messages,
        };
        let steps = self.machine.steps(inbox.wrapped());
        steps.expect("the kernel can run")
    }

    /// Lets the coming levels follow on a block of layer 1 with this hash.
    pub fn follow(&mut self, predecessor: [u8; 32]) {
        self.predecessor = predecessor;
    }

    /// The timestamp of the last level, in seconds since 1970.
    #[must_use]
    pub fn timestamp(&self) -> i64 {
        self.timestamp
    }

    /// Changes a value of durable storage between levels; what lies below stays.
    ///
    /// # Panics
    /// If the path is invalid.
    pub fn set(&mut self, path: &str, value: &[u8]) {
        let durable = self.machine.durable_mut();
        durable.delete_value(path).expect("a legal path");
        durable.write(path, value).expect("a legal path");
    }

    /// Lets the machine trap after this many more host calls, once.
    pub fn trap_after(&mut self, calls: u64) {
        self.recorder.stop();
        self.machine.trap_after(calls);
    }

    /// The inbox message that brings `contents` to this rollup.
    #[must_use]
    pub fn framed(&self, contents: &[u8]) -> Vec<u8> {
        [&[1, 0][..], &self.address, contents].concat()
    }

    /// The inbox message that brings `raw` as a whole transaction, whatever it is.
    #[must_use]
    pub fn simple(&self, raw: &[u8]) -> Vec<u8> {
        self.framed(&[&[0], keccak256(raw).as_slice(), raw].concat())
    }

    /// Everything that the kernel keeps: path and value.
    #[must_use]
    pub fn values(&self) -> BTreeMap<String, Vec<u8>> {
        let values = self
            .durable()
            .values("/evm")
            .expect("all is in memory")
            .into_iter();
        values.map(|(path, value)| (path, value.to_vec())).collect()
    }

    /// The newest block's figures.
    ///
    /// # Panics
    /// Before the first level.
    #[must_use]
    pub fn head(&self) -> Head {
        HEAD.get(self.durable(), &())
            .expect("readable")
            .expect("a head")
    }

    /// The header of block `number`, with its hash.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn header(&self, number: u64) -> (B256, Header) {
        let stored = HEADERS
            .get(self.durable(), &number)
            .expect("readable")
            .expect("a header");
        (
            stored.hash,
            Header::decode(&stored.rlp).expect("a header in RLP"),
        )
    }

    /// The transactions of block `number`, with their receipts.
    ///
    /// # Panics
    /// If storage cannot be read.
    #[must_use]
    pub fn block(&self, number: u64) -> Vec<Included> {
        let transactions = history::transactions(self.durable(), number);
        let receipts = history::receipts(self.durable(), number);
        let transactions = transactions.expect("readable").0;
        let receipts = receipts.expect("readable").0;
        assert_eq!(transactions.len(), receipts.len());
        let pairs = transactions.into_iter().zip(receipts);
        pairs
            .map(|(transaction, receipt)| Included {
                transaction,
                receipt,
                block: number,
            })
            .collect()
    }

    /// The transactions of all blocks after `number`.
    #[must_use]
    pub fn since(&self, number: u64) -> Vec<Included> {
        (number + 1..=self.head().number)
            .flat_map(|number| self.block(number))
            .collect()
    }

    /// An account; the empty one where it is absent.
    ///
    /// # Panics
    /// If storage cannot be read.
    #[must_use]
    pub fn account(&self, address: Address) -> Account {
        ACCOUNTS
            .get(self.durable(), &address)
            .expect("readable")
            .unwrap_or_default()
    }

    /// The value of a slot.
    ///
    /// # Panics
    /// If storage cannot be read.
    #[must_use]
    pub fn slot(&self, address: Address, slot: U256) -> U256 {
        SLOTS
            .get(self.durable(), &(address, slot))
            .expect("readable")
            .unwrap_or_default()
    }

    /// The code of an account.
    ///
    /// # Panics
    /// If storage cannot be read.
    #[must_use]
    pub fn code(&self, address: Address) -> Bytes {
        let hash = self.account(address).code_hash;
        CODE.get(self.durable(), &hash)
            .expect("readable")
            .unwrap_or_default()
    }
}
