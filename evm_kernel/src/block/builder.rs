//! A block while it is made.

use crate::block::run_state::RunState;
use crate::block::seal::{self, Body, Parent};
use crate::environment::{Environment, source};
use crate::error::KernelError;
use crate::execute::executor::{Executed, Executor, Transacted};
use crate::execute::validate::{self, ValidTransaction};
use crate::execute::work;
use crate::host_cell::HostCell;
use crate::inputs::chunks::Chunks;
use crate::inputs::forced::Forced;
use crate::inputs::format::RECOVERY;
use crate::log;
use crate::upgrade;
use alloc::boxed::Box;
use alloc::vec::Vec;
use alloy_primitives::B256;
use core::fmt::Display;
use ethereum::transaction::{Deposit, tx_type};
use ethereum::{Recovered, SignedTransaction};
use host::Runtime;
use rollup::{Lane, Position, inputs};
use storage::block::StoredTransaction;
use storage::layout::{LAYOUT, OUTGOING};
use storage::{Config, Diff, Head, KnownKey, Upgrade, commit, history};

/// The gas that every transaction pays, for its signature above all.
const INTRINSIC: u64 = 21_000;

/// All of a block but what it changes in the world.
pub(crate) struct Draft {
    pub(crate) environment: Environment,
    body: Body,
    pub(crate) chunks: Chunks,
    pub(crate) forced: Forced,
    /// The configuration from the next level on, where governance changes it.
    pub(crate) settings: Option<Config>,
    /// The decision of governance about the kernel.
    pub(crate) upgrade: Option<Upgrade>,
    /// Messages to layer 1 that governance takes out of doubt.
    pub(crate) requeued: Vec<u64>,
    /// The keys that become known.
    keys: Vec<KnownKey>,
}

impl Draft {
    /// The block after the newest one, empty.
    #[inline(always)]
    pub(crate) fn new<H: Runtime>(
        run: &mut RunState,
        host: &HostCell<'_, H>,
    ) -> Result<Self, KernelError> {
        let environment = source::environment(host, &run.head, &run.level, &run.config)?;
        let mut chunks = Chunks::new(run.level.number, run.head.chunks_since);
        chunks.expire(host)?;
        run.budget.add(chunks.take_work());
        Ok(Self {
            environment,
            body: Body::default(),
            chunks,
            forced: Forced::default(),
            settings: None,
            upgrade: None,
            requeued: Vec::new(),
            keys: Vec::new(),
        })
    }

    /// Seals the block, which changes `diff`, and commits it.
    #[inline(always)]
    pub(crate) fn commit<H: Runtime>(
        self,
        diff: Diff,
        run: &mut RunState,
        host: &HostCell<'_, H>,
    ) -> Result<(), KernelError> {
        let (mut chunked, chunks_since) = self.chunks.into_changes();
        chunked.extend(self.forced.into_change());
        if let Some(quarantine) = &run.quarantine {
            quarantine.mark_block(&mut **host.writer()?)?;
        }
        let paid_work = run.paid_work(self.body.paid_work());
        let sealed = seal::block(&Parent::of(&run.head), &self.environment, self.body, &diff);
        let (last, calls) = (run.head.calls, run.calls());
        let outdated = history::outdated(&run.head, run.config.kept_blocks);
        let rest = Head {
            level: run.level.number,
            level_work: run.level_work(),
            paid_work,
            cursor: run.queue.cursor(Lane::External),
            oldest_page: run.head.calls.needed(run.head.cursor).queue,
            backlog: run
                .queue
                .waiting(Lane::External)
                .saturating_add(calls.backlog),
            calls,
            chunks_since,
            outgoing: !sealed.messages.is_empty()
                || !self.requeued.is_empty()
                || run.head.outgoing && !OUTGOING.is_empty(host)?,
            upgrade: run.head.upgrade || self.upgrade.is_some(),
            settings: run.head.settings || self.settings.is_some(),
            oldest: outdated.end,
            nested: run.head.nested,
            writer: Some(upgrade::OURS),
            ..Head::default()
        };
        run.head = sealed.head(&self.environment, rest);
        let block = commit::Block {
            head: run.head,
            outdated,
            header: Some(sealed.header),
            transactions: sealed.transactions,
            receipts: sealed.receipts,
            diff,
            chunked,
            keys: self.keys,
            partly: run.queue.partly(),
            messages: sealed.messages,
            requeued: self.requeued,
            settings: self.settings,
            upgrade: self.upgrade,
            ..commit::Block::default()
        };
        let mut host = host.writer()?;
        let host: &mut H = &mut host;
        commit::block(host, &block)?;
        let (cursor, oldest_page) = (run.head.cursor, run.head.oldest_page);
        run.queue.committed(host, calls.needed(cursor))?;
        inputs::sweep_shared(host, &LAYOUT, (&last, oldest_page), &calls, cursor)?;
        match run.quarantine.take() {
            Some(quarantine) => Ok(quarantine.end(host)?),
            None => Ok(()),
        }
    }
}

/// A block that takes transactions: the engine on it, and what the run knows.
pub(crate) struct BlockBuilder<'b, 'h, H: Runtime> {
    pub(crate) run: &'b mut RunState,
    pub(crate) host: &'b HostCell<'h, H>,
    pub(crate) draft: &'b mut Draft,
    executor: Executor<'b, HostCell<'h, H>>,
}

impl<'b, 'h, H: Runtime> BlockBuilder<'b, 'h, H> {
    /// The engine on `draft`.
    #[inline(always)]
    pub(crate) fn new(
        draft: &'b mut Draft,
        run: &'b mut RunState,
        host: &'b HostCell<'h, H>,
    ) -> Result<Self, KernelError> {
        let executor = Executor::new(host, &draft.environment, run.head.hash)?;
        Ok(Self {
            run,
            host,
            draft,
            executor,
        })
    }

    /// True if a transaction with this limit of gas, without what it pays for its bytes, goes into the block, and the work of
    /// `most_gas` into run and level. One that fits no block is let through: the engine
    /// refuses it.
    pub(crate) fn fits(&self, gas_limit: u64, most_gas: u64) -> bool {
        let most = self.draft.environment.gas_limit;
        let gas = self.draft.body.execution_gas().saturating_add(gas_limit);
        let work = self.run.most_work(most_gas);
        (gas_limit > most || gas <= most) && self.run.has_room(work)
    }

    /// Counts the work that chunked transactions were.
    pub(crate) fn count_chunks(&mut self) {
        self.run.budget.add(self.draft.chunks.take_work());
    }

    /// Executes a transaction, for which `mark` is what is marked, and adds it to the
    /// block; one that is refused leaves no trace but a line in the log.
    pub(crate) fn include(
        &mut self,
        mark: Position,
        signed: Recovered<Box<SignedTransaction>>,
    ) -> Result<(), KernelError> {
        let hash = signed.transaction.hash;
        let valid = match validate::transaction(&signed, &self.draft.environment) {
            Ok(valid) => valid,
            Err(why) => {
                self.dropped(hash, why);
                return Ok(());
            }
        };
        let delegations = valid.environment.authorization_list.len();
        let tx_type = valid.environment.tx_type;
        let executed = if self.run.traps(mark) {
            self.charge(hash, &valid)?
        } else {
            match self.executor.transact(valid.environment, valid.data)? {
                Transacted::Executed(result) => Some(Executed::of(result).paying(valid.data)),
                Transacted::Refused(why) => {
                    self.dropped(hash, why);
                    None
                }
            }
        };
        let work = self.executor.take_work();
        let Some(executed) = executed else {
            // The gas of delegations is not counted: their signatures are.
            self.run.budget.add(work + RECOVERY * delegations as u64);
            return Ok(());
        };
        // What every transaction pays was counted when its sender was recovered.
        let counted = work.saturating_sub(work::of_gas(INTRINSIC));
        self.run.budget.add(counted);
        let Recovered {
            transaction,
            sender,
            key,
            raw,
        } = signed;
        // An account's first transaction makes its key known. It is the only one with
        // nonce 0, so nobody has to look whether the key is there.
        if let (0, Some(key)) = (transaction.transaction.nonce(), key) {
            self.run.budget.bytes(KnownKey::LEN);
            self.draft.keys.push(KnownKey {
                address: sender,
                key: *key,
            });
        }
        let transaction = StoredTransaction { sender, raw };
        self.draft.body.push(tx_type, transaction, executed);
        self.draft.body.pay(work);
        Ok(())
    }

    /// Charges a transaction that traps the engine, if it can be charged.
    fn charge(
        &mut self,
        hash: B256,
        valid: &ValidTransaction,
    ) -> Result<Option<Executed>, KernelError> {
        let text = format_args!("transaction {hash} traps: its gas limit is charged");
        log::line(self.host, text);
        let charged = self.executor.charge(valid)?;
        if charged.is_none() {
            self.dropped(hash, "it cannot be charged");
        }
        Ok(charged)
    }

    /// Lets the kernel call a contract; gives whether that worked.
    pub(crate) fn call(&mut self, deposit: &Deposit) -> Result<bool, KernelError> {
        let executed = self.executor.deposit(deposit)?;
        self.run.budget.add(self.executor.take_work());
        let Some(executed) = executed else {
            return Ok(false);
        };
        let call = StoredTransaction {
            sender: deposit.from,
            raw: deposit.encode().into(),
        };
        self.draft.body.push(tx_type::DEPOSIT, call, executed);
        Ok(true)
    }

    /// Writes why a transaction is not in the block.
    pub(crate) fn dropped(&self, hash: B256, why: impl Display) {
        log::line(self.host, format_args!("transaction {hash} dropped: {why}"));
    }

    /// The block's changes of the world.
    pub(crate) fn finish(self) -> Diff {
        self.executor.finish()
    }
}
