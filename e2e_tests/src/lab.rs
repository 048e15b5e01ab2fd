//! A bench for work: what a program or an input costs the machine beside what the
//! kernel counts for it.
//!
//! Every measure starts from the same durable storage and is net of an empty
//! level, so that figures do not depend on their order.

use crate::rollup::{Included, Rollup, Setup};
use crate::user::User;
use alloy_primitives::{Address, Bytes, TxKind, U256, keccak256};
use pvm::{Durable, LevelReport, Metering};
use serde_json::{Value, json};
use storage::layout::{ACCOUNTS, CODE};
use storage::table::Value as _;
use storage::{Account, Config};

/// The most gas of a transaction (EIP-7825).
pub const MAX_GAS: u64 = 1 << 24;

/// The most levels that one measure takes.
pub(crate) const MAX_LEVELS: usize = 200;

/// A cost, net of empty levels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sample {
    /// Wasm instructions.
    pub instructions: u64,
    /// The work that the kernel counted, in units of the budget.
    pub work: u64,
    /// The gas that receipts show.
    pub gas: u64,
    /// Host calls.
    pub host_calls: u64,
    /// Bytes that came in through host calls.
    pub bytes_read: u64,
    /// Runs in which something was done.
    pub runs: usize,
    /// Levels that it took.
    pub levels: usize,
    /// The most instructions of one run, nothing taken off.
    pub worst_run: u64,
    /// The most instructions of one level, nothing taken off.
    pub worst_level: u64,
    /// The most host calls of one run, nothing taken off.
    pub worst_run_calls: u64,
    /// The most ticks of the slow machine of one run, nothing taken off.
    pub worst_run_ticks: u64,
    /// Transactions that were included.
    pub included: usize,
    /// Those of them that succeeded.
    pub succeeded: usize,
}

impl Sample {
    /// Instructions of a unit of work, in hundredths, rounded up.
    #[must_use]
    pub fn hundredths(&self) -> u64 {
        (100 * self.instructions).div_ceil(self.work.max(1))
    }

    /// The figures by name.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "instructions": self.instructions,
            "work": self.work,
            "gas": self.gas,
            "host_calls": self.host_calls,
            "runs": self.runs,
            "levels": self.levels,
            "worst_run": self.worst_run,
            "worst_level": self.worst_level,
            "worst_run_calls": self.worst_run_calls,
            "worst_run_ticks": self.worst_run_ticks,
        })
    }

    /// Adds a level, net of an empty one.
    pub(crate) fn level(&mut self, report: &LevelReport, empty: &Self) {
        let instructions = report.runs.iter().map(|run| run.instructions);
        let calls = report.runs.iter().map(|run| run.host_calls.values().sum());
        let total: u64 = instructions.clone().sum();
        self.levels += 1;
        self.runs += report.runs.len();
        self.worst_run = self.worst_run.max(instructions.max().unwrap_or_default());
        self.worst_level = self.worst_level.max(total);
        self.worst_run_calls = self
            .worst_run_calls
            .max(calls.clone().max().unwrap_or_default());
        let ticks = report.runs.iter().map(|run| run.ticks).max();
        self.worst_run_ticks = self.worst_run_ticks.max(ticks.unwrap_or_default());
        self.instructions += total.saturating_sub(empty.instructions);
        self.host_calls += calls.sum::<u64>().saturating_sub(empty.host_calls);
        let read: u64 = report.runs.iter().map(|run| run.bytes_read).sum();
        self.bytes_read += read.saturating_sub(empty.bytes_read);
    }
}

/// A rollup to measure on, always in the same state.
#[derive(Debug)]
pub struct Lab {
    start: Durable,
    setup: Setup,
    empty: Sample,
    /// The sender.
    pub user: User,
}

impl Lab {
    /// A rollup with this configuration.
    ///
    /// # Panics
    /// If the kernel is missing, or traps.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let user = User::new("lab");
        let setup = Setup {
            config,
            metering: Metering::Full,
            ..Setup::funded(&[&user])
        };
        let mut rollup = Rollup::new(&setup);
        rollup.empty_level();
        rollup.empty_level();
        let start = rollup.durable().clone();
        let mut empty = Sample::default();
        empty.level(&rollup.empty_level(), &Sample::default());
        Self {
            start,
            setup,
            empty,
            user,
        }
    }

    /// An empty level.
    #[must_use]
    pub const fn empty(&self) -> &Sample {
        &self.empty
    }

    /// The rollup before the measure.
    ///
    /// # Panics
    /// Never: it ran before.
    #[must_use]
    pub fn rollup(&self) -> Rollup {
        Rollup::from_durable(self.start.clone(), &self.setup)
    }

    /// Changes the state that measures start from.
    pub fn change(&mut self, change: impl FnOnce(&mut Rollup)) {
        let mut rollup = self.rollup();
        change(&mut rollup);
        self.start = rollup.durable().clone();
    }

    /// The cost of a call of `to`, with all gas that a transaction may have.
    #[must_use]
    pub fn call(&self, to: Address, input: &[u8]) -> Sample {
        let mut user = self.user.clone();
        let (to, input) = (TxKind::Call(to), Bytes::copy_from_slice(input));
        let raw = user.send(1337, to, U256::ZERO, input, MAX_GAS).encode();
        self.transactions(&[raw]).0
    }

    /// The cost of a program that calls of the account `0xaa…` run.
    #[must_use]
    pub fn program(&self, code: &[u8]) -> Sample {
        const PLACE: Address = Address::repeat_byte(0xaa);
        let mut rollup = self.rollup();
        contract(&mut rollup, PLACE, code);
        let mut user = self.user.clone();
        let to = TxKind::Call(PLACE);
        let call = user.send(1337, to, U256::ZERO, Bytes::new(), MAX_GAS);
        let messages = evm_kernel::inputs::encode::messages(&self.setup.address, &call.encode());
        self.run(&mut rollup, messages).0
    }

    /// The cost of these transactions, and their results.
    #[must_use]
    pub fn transactions(&self, raws: &[Vec<u8>]) -> (Sample, Vec<Included>) {
        let messages = raws
            .iter()
            .flat_map(|raw| evm_kernel::inputs::encode::messages(&self.setup.address, raw));
        self.run(&mut self.rollup(), messages.collect())
    }

    /// The cost of a level with these messages, and of those behind it until nothing
    /// waits.
    ///
    /// # Panics
    /// If a run traps.
    #[must_use]
    pub fn run(&self, rollup: &mut Rollup, messages: Vec<Vec<u8>>) -> (Sample, Vec<Included>) {
        self.run_watched(rollup, messages, |_| {})
    }

    /// As [`Lab::run`], with a look at each level.
    ///
    /// # Panics
    /// If a run traps.
    #[must_use]
    pub fn run_watched(
        &self,
        rollup: &mut Rollup,
        messages: Vec<Vec<u8>>,
        mut watch: impl FnMut(&LevelReport),
    ) -> (Sample, Vec<Included>) {
        let before = rollup.head().number;
        let mut sample = Sample {
            // Reading counts in the run that reads, and in no block.
            work: messages.iter().map(|message| reading(message)).sum(),
            ..Sample::default()
        };
        let mut next = messages;
        while sample.levels == 0 || rollup.head().backlog > 0 && sample.levels < MAX_LEVELS {
            let report = rollup.level_of(std::mem::take(&mut next));
            watch(&report);
            sample.level(&report, &self.empty);
            sample.work += rollup.head().level_work;
        }
        let included = rollup.since(before);
        sample.gas = included.iter().map(|one| one.receipt.gas_used).sum();
        sample.included = included.len();
        sample.succeeded = included.iter().filter(|one| one.receipt.success).count();
        (sample, included)
    }
}

/// The work that the kernel counts when it reads a message.
pub(crate) fn reading(message: &[u8]) -> u64 {
    rollup::budget::MESSAGE + rollup::budget::BYTE * message.len() as u64
}

/// Puts a contract into a rollup's state, between two levels.
///
/// # Panics
/// Never: paths are legal.
pub fn contract(rollup: &mut Rollup, address: Address, code: &[u8]) {
    let code_hash = keccak256(code);
    let account = Account {
        nonce: 1,
        balance: U256::from(1_000_000),
        code_hash,
    };
    let path = ACCOUNTS.path(&address).expect("a legal path");
    rollup.set(&path.as_path().to_string(), account.encode().as_ref());
    let path = CODE.path(&code_hash).expect("a legal path");
    rollup.set(&path.as_path().to_string(), code);
}
