//! A run: the inbox is read, then blocks are made until the queue is empty or
//! the work of the run or of the level is done.

use crate::budget::Budget;
use crate::careful::{self, Careful};
use crate::chunks::Chunks;
use crate::decode::{self, Decoded, Input};
use crate::environment::Environment;
use crate::error::KernelError;
use crate::execute::{self, Executed, Executor};
use crate::genesis;
use crate::inbox::{self, Limits};
use crate::log;
use crate::queue::{Item, Queue, Ready};
use crate::seal::{self, Body, Parent};
use crate::shared::Shared;
use crate::source;
use crate::validate;
use alloc::boxed::Box;
use alloy_primitives::Address;
use host::{Debug, ReadStore, Runtime, Store};
use storage::layout::{CONFIG, HEAD};
use storage::level::Level;
use storage::queue::Cursor;
use storage::{Config, Diff, Head, commit};

/// Whether the level needs another run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// No.
    Done,
    /// Yes: the reboot flag stays.
    More,
}

/// The work of a run before the configuration is known, and for reading inputs.
const READING: u64 = 100_000_000;

/// One run.
pub(crate) fn run(host: &mut impl Runtime) -> Result<Progress, KernelError> {
    host.mark_for_reboot()?;
    let trapped = careful::trapped(host)?;
    if trapped {
        commit::discard(host)?;
    }
    let head = HEAD.get(host, &())?;
    let config = CONFIG.get(host, &())?;
    let limits = Limits {
        rollup: host.reveal_metadata()?.address,
        backlog: head.map_or(0, |head| head.backlog),
        most: config
            .as_ref()
            .map_or(Config::default().queue_bytes, |config| config.queue_bytes),
        trapped,
    };
    let mut budget = Budget::new(config.as_ref().map_or(READING, |config| config.run_budget));
    let drained = inbox::drain(host, &limits, &mut budget)?;
    if !drained.complete {
        return Ok(Progress::More);
    }
    let Some(level) = drained.level else {
        return Ok(Progress::Done);
    };
    let (head, config) = match (head, config) {
        (Some(head), Some(config)) => (head, config),
        (None, None) => genesis::create(host, &level)?,
        _ => return Err(KernelError::MissingState),
    };
    // A block of this level has counted the level's page already.
    let counted = head.level == level.number && head.number > 0;
    let waiting = head.backlog + if counted { 0 } else { drained.page_bytes };
    let careful = if trapped {
        sweep_pages(host, head.oldest_page, head.cursor.level)?;
        Some(Careful::after_trap(host)?)
    } else {
        None
    };
    let fresh = budget.spent() == 0;
    let queue = Queue::new(head.cursor, level.number, waiting, drained.entries);
    Blocks {
        config,
        level,
        head,
        queue,
        budget,
        fresh,
        careful,
    }
    .make(&Shared::new(host))
}

/// Deletes the pages that are consumed, and that a trap may have left.
fn sweep_pages(host: &mut impl Store, from: u32, to: u32) -> Result<(), KernelError> {
    for level in from..to {
        storage::queue::delete(host, level)?;
    }
    Ok(())
}

/// The blocks of a run.
struct Blocks {
    config: Config,
    level: Level,
    head: Head,
    queue: Queue,
    budget: Budget,
    /// Whether the run has done nothing yet: then what comes first has room,
    /// however small the budget is.
    fresh: bool,
    careful: Option<Careful>,
}

impl Blocks {
    /// Makes blocks while the level needs them and the run has room.
    fn make<H: Runtime>(mut self, host: &Shared<'_, H>) -> Result<Progress, KernelError> {
        loop {
            let before = self.budget.spent();
            let first = self.head.level < self.level.number;
            let spent = !first && self.head.level_work >= self.config.level_budget;
            let next = !spent && self.peek(host)?;
            if !first && (spent || !next && self.queue.is_empty()) {
                // The trap struck after the last commit: no block to care for.
                if let Some(careful) = self.careful.take() {
                    careful.end(&mut **host.writer()?)?;
                }
                return Ok(Progress::Done);
            }
            let room = self.fresh || self.budget.has_room_for(self.config.block_gas_limit);
            // A block without transactions keeps the next run from inputs that
            // were dropped in this one.
            if !room && (next || !self.queue.has_dropped()) {
                return Ok(Progress::More);
            }
            self.block(host, before)?;
            self.fresh = false;
        }
    }

    /// Whether something is next. If not, the queue is empty or the run has no
    /// room to look further.
    fn peek<H: Runtime>(&mut self, host: &Shared<'_, H>) -> Result<bool, KernelError> {
        let next = self
            .queue
            .peek(host, self.careful.as_ref(), &mut self.budget)?;
        Ok(next.is_some())
    }

    /// Makes and commits one block. `before`: the work of the run until now.
    fn block<H: Runtime>(&mut self, host: &Shared<'_, H>, before: u64) -> Result<(), KernelError> {
        let environment = source::environment(host, &self.head, &self.level, &self.config)?;
        let parent = Parent {
            hash: self.head.hash,
            state_root: self.head.state_root,
        };
        let mut chunks = Chunks::new(self.level.number, self.head.chunks_since);
        chunks.expire(host)?;
        let (body, diff) = if self.peek(host)? {
            self.fill(host, &environment, &parent, &mut chunks)?
        } else {
            let diff = execute::nothing(host, &environment, parent.hash)?;
            (Body::default(), diff)
        };
        let (chunked, chunks_since) = chunks.into_changes();
        if let Some(careful) = &self.careful {
            careful.mark_block(&mut **host.writer()?)?;
        }
        let sealed = seal::block(&parent, &environment, body, &diff);
        let level_work = if self.head.level == self.level.number {
            self.head.level_work
        } else {
            0
        };
        let consumed_from = self.head.cursor.level;
        let head = Head {
            number: environment.number,
            hash: sealed.header.hash,
            state_root: sealed.state_root,
            timestamp: environment.timestamp,
            gas_limit: environment.gas_limit,
            gas_used: sealed.gas_used,
            base_fee: environment.base_fee,
            level: self.level.number,
            level_work: level_work.saturating_add(self.budget.spent() - before),
            cursor: self.queue.cursor(),
            oldest_page: consumed_from,
            backlog: self.queue.waiting(),
            chunks_since,
        };
        self.head = head;
        let mut host = host.writer()?;
        let host: &mut H = &mut host;
        commit::block(
            host,
            &commit::Block {
                head,
                header: Some(sealed.header),
                transactions: sealed.transactions,
                receipts: sealed.receipts,
                diff,
                chunked,
                config: None,
            },
        )?;
        self.queue.committed(host, head.cursor)?;
        match self.careful.take() {
            Some(careful) => careful.end(host),
            None => Ok(()),
        }
    }

    /// Executes what waits, as far as it fits into one block.
    fn fill<H: Runtime>(
        &mut self,
        host: &Shared<'_, H>,
        environment: &Environment,
        parent: &Parent,
        chunks: &mut Chunks,
    ) -> Result<(Body, Diff), KernelError> {
        let mut executor = Executor::new(host, environment, parent.hash)?;
        let mut body = Body::default();
        let start = self.queue.cursor();
        let alone = self.careful.as_ref().is_some_and(Careful::is_alone);
        while (!alone || self.queue.cursor() == start) && self.peek(host)? {
            let gas_limit = self.queue.gas_limit();
            if !self.fits(environment, &body, gas_limit) {
                break;
            }
            let Some(ready) = self.queue.take() else {
                break;
            };
            let cursor = ready.cursor;
            let (decoded, sender) = match ready.item {
                Item::Transaction(decoded, sender) => (decoded, sender),
                Item::Piece(bytes) => {
                    let whole = self.assemble(host, chunks, &bytes)?;
                    let Some((decoded, sender)) = whole else {
                        self.fresh = false;
                        continue;
                    };
                    if !self.fits(
                        environment,
                        &body,
                        decoded.transaction.transaction.gas_limit(),
                    ) {
                        // The next block takes the last piece again.
                        chunks.put_back();
                        self.queue.put_back(Ready {
                            item: Item::Piece(bytes),
                            ..ready
                        });
                        break;
                    }
                    chunks.done(decoded.transaction.hash);
                    (decoded, sender)
                }
            };
            self.fresh = false;
            self.include(host, &mut executor, &mut body, cursor, decoded, sender)?;
        }
        Ok((body, executor.finish()))
    }

    /// Whether a transaction with this gas limit goes into the block. One that
    /// fits no block is let through: the engine refuses it.
    fn fits(&self, environment: &Environment, body: &Body, gas_limit: u64) -> bool {
        let gas = body.gas_used().saturating_add(gas_limit);
        gas_limit > environment.gas_limit
            || gas <= environment.gas_limit && (self.fresh || self.budget.has_room_for(gas_limit))
    }

    /// Takes an announcement or a chunk; gives the transaction that is whole now.
    fn assemble(
        &mut self,
        host: &(impl ReadStore + Debug),
        chunks: &mut Chunks,
        bytes: &[u8],
    ) -> Result<Option<(Box<Decoded>, Address)>, KernelError> {
        let assembled = match decode::input(bytes) {
            Ok(Input::Announcement(bytes)) => chunks.announce(host, bytes)?,
            Ok(Input::Chunk(bytes)) => chunks.chunk(host, bytes)?,
            _ => Ok(None),
        };
        let (hash, raw) = match assembled {
            Ok(Some(assembled)) => assembled,
            Ok(None) => return Ok(None),
            Err(error) => {
                log::line(host, format_args!("input dropped: {error}"));
                return Ok(None);
            }
        };
        self.budget.recoveries(1);
        match decode::hashed(hash, raw.into()) {
            Ok(decoded) => match ethereum::senders([&decoded.transaction]).pop() {
                Some(Ok(sender)) => return Ok(Some((Box::new(decoded), sender))),
                Some(Err(error)) => {
                    log::line(host, format_args!("transaction {hash} dropped: {error}"));
                }
                None => {}
            },
            Err(error) => log::line(host, format_args!("transaction {hash} dropped: {error}")),
        }
        chunks.done(hash);
        Ok(None)
    }

    /// Executes a transaction and adds it to the block; one that is refused
    /// leaves no trace but a line in the log.
    fn include<H: Runtime>(
        &mut self,
        host: &Shared<'_, H>,
        executor: &mut Executor<'_, Shared<'_, H>>,
        body: &mut Body,
        cursor: Cursor,
        decoded: Box<Decoded>,
        sender: Address,
    ) -> Result<(), KernelError> {
        let hash = decoded.transaction.hash;
        let base_fee = executor.base_fee();
        let valid = match validate::transaction(*decoded, sender, base_fee) {
            Ok(valid) => valid,
            Err(why) => {
                log::line(host, format_args!("transaction {hash} dropped: {why}"));
                return Ok(());
            }
        };
        let (tx_type, raw) = (valid.environment.tx_type, valid.raw.clone());
        self.budget
            .recoveries(valid.environment.authorization_list.len());
        let traps = self
            .careful
            .as_ref()
            .is_some_and(|careful| careful.traps(cursor) > 0);
        let executed = if traps {
            log::line(
                host,
                format_args!("transaction {hash} traps: its gas limit is charged"),
            );
            executor
                .charge(&valid)?
                .ok_or_else(|| "it cannot be charged".into())
        } else {
            executor.transact(valid.environment)?.map(Executed::of)
        };
        match executed {
            Ok(executed) => {
                self.budget.gas(executed.gas_used);
                self.budget.gas(executor.take_work());
                body.push(tx_type, sender, raw, executed);
            }
            Err(why) => {
                log::line(host, format_args!("transaction {hash} dropped: {why}"));
            }
        }
        Ok(())
    }
}
