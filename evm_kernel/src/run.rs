//! A run: the inbox is read, then blocks are made until the queue is empty or
//! the work of the run or of the level is done.

use crate::block::genesis;
use crate::block::seal::{self, Body, Parent};
use crate::bridge::deposit::{self, Origin, Terms};
use crate::bridge::governance::{self, Decision};
use crate::bridge::incoming::{self, Incoming, Refused};
use crate::bridge::{self, SYSTEM};
use crate::environment::Environment;
use crate::environment::source;
use crate::error::KernelError;
use crate::execute::executor::{self, Executed, Executor};
use crate::execute::validate;
use crate::host_cell::Shared;
use crate::inputs::chunks::{Assembled, BadPiece, Chunks};
use crate::inputs::decode::{self, Decoded, Input};
use crate::inputs::forced::Delayed;
use crate::inputs::format::RECOVERY;
use crate::inputs::queue::{Item, Queue, Ready};
use crate::log;
use crate::upgrade::{self, Migrated};
use alloc::boxed::Box;
use alloc::format;
use alloc::vec::Vec;
use alloy_primitives::{Address, B256};
use ethereum::keccak::keccak256;
use ethereum::transaction::{Deposit, tx_type};
use host::{Debug, Runtime};
use messages::ticket::Ticket;
use rollup::inbox::{self, Limits, TRANSFER, Transfer};
use rollup::run::Progress;
use rollup::{Budget, Cursor, Level, Quarantine, inputs, quarantine};
use storage::layout::{CONFIG, HEAD, LAYOUT, OUTGOING, UPGRADE};
use storage::{Config, Diff, Head, Upgrade, commit};

/// The work of a run before the configuration is known, and for reading inputs.
const READING: u64 = 100_000_000;

/// One run.
pub(crate) fn run(host: &mut impl Runtime) -> Result<Progress, KernelError> {
    let trapped = quarantine::trapped(host)?;
    if trapped {
        rollup::state::discard(host, &LAYOUT)?;
    }
    if upgrade::migrate(host)? == Migrated::Restored {
        return Ok(Progress::More);
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
        unframed: None,
    };
    let mut budget = Budget::new(config.as_ref().map_or(READING, |config| config.run_budget));
    let drained = inbox::drain(host, &LAYOUT, &limits, &mut budget)?;
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
    let quarantine = if trapped {
        inputs::sweep(host, &LAYOUT, head.oldest_page, head.cursor.level)?;
        Some(Quarantine::after_trap(host, &LAYOUT)?)
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
        quarantine,
        upgrade: None,
        requeued: Vec::new(),
        rollup: limits.rollup,
    }
    .make(&Shared::new(host))
}

/// Transactions that come in pieces.
struct Pieces<'b> {
    chunks: &'b mut Chunks,
    delayed: &'b mut Delayed,
}

impl Pieces<'_> {
    /// The last piece, `bytes` in the queue, will be taken again.
    fn put_back(&mut self, bytes: &[u8]) {
        match bytes {
            [TRANSFER, ..] => self.delayed.put_back(),
            _ => self.chunks.put_back(),
        }
    }
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
    quarantine: Option<Quarantine>,
    /// What the block decides about the kernel.
    upgrade: Option<Upgrade>,
    /// Messages to layer 1 that the block takes out of doubt.
    requeued: Vec<u64>,
    /// Our own address, the 20 bytes behind `sr1…`.
    rollup: [u8; 20],
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
                if let Some(quarantine) = self.quarantine.take() {
                    quarantine.end(&mut **host.writer()?)?;
                }
                self.send(host)?;
                // All inputs of the level are durable: nothing is left to lose.
                return Ok(if upgrade::make(&mut **host.writer()?, &mut self.head)? {
                    Progress::More
                } else {
                    Progress::Done
                });
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

    /// Writes messages to layer 1, as many as the level takes.
    fn send<H: Runtime>(&self, host: &Shared<'_, H>) -> Result<(), KernelError> {
        if !self.head.outgoing {
            return Ok(());
        }
        let flushed = OUTGOING.flush(&mut **host.writer()?)?;
        if let Some(number) = flushed.doubtful {
            log::line(
                host,
                format_args!("message {number} to layer 1 is in doubt: a trap came between"),
            );
        }
        Ok(())
    }

    /// Whether something is next. If not, the queue is empty or the run has no
    /// room to look further.
    fn peek<H: Runtime>(&mut self, host: &Shared<'_, H>) -> Result<bool, KernelError> {
        let next = self
            .queue
            .peek(host, self.quarantine.as_ref(), &mut self.budget)?;
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
        let mut delayed = Delayed::default();
        let (body, diff) = if self.peek(host)? {
            let mut pieces = Pieces {
                chunks: &mut chunks,
                delayed: &mut delayed,
            };
            self.fill(host, &environment, &parent, &mut pieces)?
        } else {
            let diff = executor::nothing(host, &environment, parent.hash)?;
            (Body::default(), diff)
        };
        let (mut chunked, chunks_since) = chunks.into_changes();
        chunked.extend(delayed.into_change());
        if let Some(quarantine) = &self.quarantine {
            quarantine.mark_block(&mut **host.writer()?)?;
        }
        let sealed = seal::block(&parent, &environment, body, &diff);
        let level_work = if self.head.level == self.level.number {
            self.head.level_work
        } else {
            0
        };
        let requeued = core::mem::take(&mut self.requeued);
        let outgoing = !sealed.messages.is_empty()
            || !requeued.is_empty()
            || self.head.outgoing && !OUTGOING.is_empty(host)?;
        let consumed_from = self.head.cursor.level;
        let upgrade = self.upgrade.take();
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
            outgoing,
            upgrade: self.head.upgrade || upgrade.is_some(),
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
                messages: sealed.messages,
                requeued,
                upgrade,
                ..commit::Block::default()
            },
        )?;
        self.queue.committed(host, head.cursor)?;
        match self.quarantine.take() {
            Some(quarantine) => Ok(quarantine.end(host)?),
            None => Ok(()),
        }
    }

    /// Executes what waits, as far as it fits into one block.
    fn fill<H: Runtime>(
        &mut self,
        host: &Shared<'_, H>,
        environment: &Environment,
        parent: &Parent,
        pieces: &mut Pieces<'_>,
    ) -> Result<(Body, Diff), KernelError> {
        let mut executor = Executor::new(host, environment, parent.hash)?;
        let mut body = Body::default();
        let start = self.queue.cursor();
        let alone = self.quarantine.as_ref().is_some_and(Quarantine::is_alone);
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
                Item::Piece(bytes) | Item::Transfer(bytes) => {
                    let whole = match decode::input(&bytes) {
                        Ok(Input::Transfer(transfer)) => self.transfer(
                            host,
                            &mut executor,
                            &mut body,
                            pieces,
                            cursor,
                            &transfer,
                        )?,
                        Ok(Input::Announcement(piece)) => {
                            let taken = pieces.chunks.announce(host, piece)?;
                            self.assemble(host, pieces, taken)
                        }
                        Ok(Input::Chunk(piece)) => {
                            let taken = pieces.chunks.chunk(host, piece)?;
                            self.assemble(host, pieces, taken)
                        }
                        _ => None,
                    };
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
                        pieces.put_back(&bytes);
                        self.queue.put_back(Ready {
                            item: Item::Piece(bytes),
                            ..ready
                        });
                        break;
                    }
                    pieces.chunks.done(decoded.transaction.hash);
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

    /// The transaction that is whole now, unless its pieces were refused.
    fn assemble(
        &mut self,
        host: &impl Debug,
        pieces: &mut Pieces<'_>,
        taken: Result<Option<Assembled>, BadPiece>,
    ) -> Option<(Box<Decoded>, Address)> {
        match taken {
            Ok(Some((hash, raw))) => {
                let whole = self.recover(host, hash, raw);
                if whole.is_none() {
                    pieces.chunks.done(hash);
                }
                whole
            }
            Ok(None) => None,
            Err(error) => {
                log::line(host, format_args!("input dropped: {error}"));
                None
            }
        }
    }

    /// Decodes a transaction that came in pieces, and recovers its sender.
    fn recover(
        &mut self,
        host: &impl Debug,
        hash: B256,
        raw: Vec<u8>,
    ) -> Option<(Box<Decoded>, Address)> {
        self.budget.add(RECOVERY);
        match decode::hashed(hash, raw.into()) {
            Ok(decoded) => match ethereum::senders([&decoded.transaction]).pop() {
                Some(Ok(sender)) => return Some((Box::new(decoded), sender)),
                Some(Err(error)) => {
                    log::line(host, format_args!("transaction {hash} dropped: {error}"));
                }
                None => {}
            },
            Err(error) => log::line(host, format_args!("transaction {hash} dropped: {error}")),
        }
        None
    }

    /// Does what layer 1 asks for; gives the transaction that is forced in, if
    /// it is whole now.
    fn transfer<H: Runtime>(
        &mut self,
        host: &Shared<'_, H>,
        executor: &mut Executor<'_, Shared<'_, H>>,
        body: &mut Body,
        pieces: &mut Pieces<'_>,
        cursor: Cursor,
        transfer: &Transfer<'_>,
    ) -> Result<Option<(Box<Decoded>, Address)>, KernelError> {
        let refused = match incoming::read(transfer.payload) {
            Ok(Incoming::Deposit { routing, ticket }) => {
                let deposit =
                    self.deposit(host, executor, body, cursor, transfer, routing, &ticket);
                deposit?.err()
            }
            Ok(Incoming::Delayed(bytes)) => {
                if self.config.delayed_bridge != Some(*transfer.sender) {
                    Some(Refused::Sender)
                } else {
                    match pieces.delayed.take(host, bytes)? {
                        Ok(Some(raw)) => return Ok(self.recover(host, keccak256(&raw), raw)),
                        Ok(None) => None,
                        Err(refused) => Some(refused),
                    }
                }
            }
            Ok(Incoming::Governance(bytes)) => {
                let governed = self.govern(host, executor, body, cursor, transfer, bytes);
                governed?.err()
            }
            Err(refused) => Some(refused),
        };
        if let Some(refused) = refused {
            let (level, id) = (cursor.level, transfer.id);
            log::line(
                host,
                format_args!("message {id} of level {level} refused: {refused}"),
            );
        }
        Ok(None)
    }

    /// Does what the governing contract decides.
    fn govern<H: Runtime>(
        &mut self,
        host: &Shared<'_, H>,
        executor: &mut Executor<'_, Shared<'_, H>>,
        body: &mut Body,
        cursor: Cursor,
        transfer: &Transfer<'_>,
        bytes: &[u8],
    ) -> Result<Result<(), Refused>, KernelError> {
        if self.config.kernel_governance != Some(*transfer.sender) {
            return Ok(Err(Refused::Sender));
        }
        let origin = Origin {
            level: cursor.level,
            id: transfer.id,
        };
        let assigned = match governance::read(bytes) {
            Ok(Decision::AssignDeposit(assignment)) if assignment.rollup == self.rollup => {
                deposit::assign(origin, &assignment)
            }
            Ok(Decision::AssignTickets(assignment)) if assignment.rollup == self.rollup => {
                deposit::assign(origin, &assignment)
            }
            Ok(Decision::AssignDeposit(_) | Decision::AssignTickets(_)) => {
                return Ok(Err(Refused::OtherRollup));
            }
            Ok(Decision::Requeue { rollup, .. }) if rollup != self.rollup => {
                return Ok(Err(Refused::OtherRollup));
            }
            Ok(Decision::Requeue { number, .. }) => {
                if self.requeued.contains(&number) || OUTGOING.doubtful(host, number)?.is_none() {
                    let reason = format!("no message {number} is in doubt");
                    return Ok(Err(Refused::Payload(reason)));
                }
                self.requeued.push(number);
                return Ok(Ok(()));
            }
            Ok(Decision::Upgrade(upgrade)) => {
                let known = match self.upgrade {
                    Some(known) => Some(known),
                    None => UPGRADE.get(host, &())?,
                };
                if known.is_some_and(|known| known.is_same(&upgrade)) {
                    log::line(host, format_args!("the upgrade is known already"));
                } else {
                    self.upgrade = Some(upgrade);
                    let time = upgrade.time;
                    log::line(host, format_args!("an upgrade is decided for {time}"));
                }
                return Ok(Ok(()));
            }
            Err(refused) => return Ok(Err(refused)),
        };
        if self.config.ticketer.is_none() {
            return Ok(Err(Refused::NoBridge));
        }
        if self.call(executor, body, &assigned)? {
            return Ok(Ok(()));
        }
        let reason = "no such deposit, or another counter".into();
        Ok(Err(Refused::Payload(reason)))
    }

    /// Lets the kernel call a contract; gives whether that worked.
    fn call<H: Runtime>(
        &mut self,
        executor: &mut Executor<'_, Shared<'_, H>>,
        body: &mut Body,
        deposit: &Deposit,
    ) -> Result<bool, KernelError> {
        let Some(executed) = executor.deposit(deposit)? else {
            return Ok(false);
        };
        self.budget.add(executed.gas_used);
        self.budget.add(executor.take_work());
        body.push(tx_type::DEPOSIT, SYSTEM, deposit.encode().into(), executed);
        Ok(true)
    }

    /// Credits a deposit, or keeps it for its receiver.
    #[expect(
        clippy::too_many_arguments,
        reason = "the block's parts, and the message's"
    )]
    fn deposit<H: Runtime>(
        &mut self,
        host: &Shared<'_, H>,
        executor: &mut Executor<'_, Shared<'_, H>>,
        body: &mut Body,
        cursor: Cursor,
        transfer: &Transfer<'_>,
        routing: &[u8],
        ticket: &Ticket<'_>,
    ) -> Result<Result<(), Refused>, KernelError> {
        let Some(ticketer) = self.config.ticketer else {
            return Ok(Err(Refused::NoBridge));
        };
        let origin = Origin {
            level: cursor.level,
            id: transfer.id,
        };
        let trapped = self
            .quarantine
            .as_ref()
            .is_some_and(|quarantine| quarantine.traps(cursor) > 0);
        // Where the receiver cannot be paid, the bridge keeps the deposit.
        for deliver in [true, false] {
            if deliver && trapped {
                continue;
            }
            let terms = Terms {
                ticketer,
                chain_id: self.config.chain_id,
                deliver,
            };
            let deposit = match deposit::transaction(&terms, origin, routing, ticket) {
                Ok(deposit) => deposit,
                Err(refused) => return Ok(Err(refused)),
            };
            if self.call(executor, body, &deposit)? {
                return Ok(Ok(()));
            }
        }
        let entry = transfer.encode();
        bridge::set_aside(&mut **host.writer()?, cursor, &entry)?;
        Ok(Err(Refused::Payload("the bridge fails: set aside".into())))
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
            .add(RECOVERY * valid.environment.authorization_list.len() as u64);
        let traps = self
            .quarantine
            .as_ref()
            .is_some_and(|quarantine| quarantine.traps(cursor) > 0);
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
                self.budget.add(executed.gas_used);
                self.budget.add(executor.take_work());
                body.push(tx_type, sender, raw, executed);
            }
            Err(why) => {
                log::line(host, format_args!("transaction {hash} dropped: {why}"));
            }
        }
        Ok(())
    }
}
