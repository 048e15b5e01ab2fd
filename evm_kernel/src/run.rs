//! A run: the inbox is read, then blocks are made until the queue is empty or
//! the work of the run or of the level is done.

use crate::block::genesis;
use crate::block::inclusion;
use crate::block::run_state::RunState;
use crate::error::KernelError;
use crate::host_cell::HostCell;
use crate::inputs::format;
use crate::inputs::queue::Queue;
use crate::log;
use crate::upgrade::{self, Migrated};
use host::Runtime;
use rollup::inbox::Limits;
use rollup::opening::{LastCommit, Opening, Reading};
use rollup::run::Progress;
use rollup::{Budget, Lane, OwnAddress, Shares};
use storage::layout::{CONFIG, HEAD, LAYOUT, OUTGOING, SETTINGS};
use storage::{Config, commit};

/// One run.
pub(crate) fn run(host: &mut impl Runtime) -> Result<Progress, KernelError> {
    let opening = Opening::new(host, &LAYOUT)?;
    let head = HEAD.get(host, &());
    let head = if upgrade::is_ours(&head) {
        head?
    } else if upgrade::migrate(host, matches!(head, Ok(None)))? == Migrated::Restored {
        return Ok(Progress::More);
    } else {
        HEAD.get(host, &())?
    };
    let config = match (&head, CONFIG.get(host, &())?) {
        (Some(_), Some(config)) => config,
        // What an invalid setup brings is not read: it would wait for ever.
        (None, None) => Config::from_setup(host)?,
        _ => return Err(KernelError::MissingState),
    };
    let rollup = OwnAddress::default();
    let limits = Limits {
        rollup: &rollup,
        whole: head.filter(|head| head.number > 0).map(|head| head.level),
        backlog: head.map_or(0, |head| head.external_backlog()),
        most: config.queue_bytes,
        trapped: opening.trapped(),
        unframed: None,
        name: Some(format::name),
    };
    let budget = Budget::new(config.run_budget);
    let read = match opening.read(host, &limits, budget)? {
        Reading::Complete(read) => read,
        Reading::Ended(progress) => return Ok(progress),
    };
    let head = match head {
        Some(head) => head,
        None => genesis::create(host, read.level(), &config)?,
    };
    let last = LastCommit {
        cursor: head.cursor,
        oldest_page: head.oldest_page,
        backlog: head.external_backlog(),
        calls: head.calls,
    };
    // Senders choose what their inputs put into hash maps.
    foldhash::set_key(read.level().key());
    let opened = read.open(host, &last)?;
    let resumed = head.level == opened.level.number;
    let mut run = RunState {
        shares: Shares::new(config.level_budget, &head.calls, resumed),
        config,
        level: opened.level,
        head,
        queue: Queue::new(opened.external, opened.calls),
        lane: Lane::Calls,
        budget: opened.budget,
        before: 0,
        fresh: opened.fresh,
        quarantine: opened.quarantine,
        rollup,
    };
    blocks(&mut run, &HostCell::new(host))
}

/// Makes blocks while the level needs them and the run has room.
fn blocks<H: Runtime>(run: &mut RunState, host: &HostCell<'_, H>) -> Result<Progress, KernelError> {
    loop {
        run.before = run.budget.spent();
        let first = run.head.level < run.level.number;
        let next = run.peek(host)?;
        let need = if next {
            run.most_work(run.queue.most_gas(run.lane))
        } else {
            run.queue.look()
        };
        let over = need > run.level_room();
        if !first && (over || !next && run.queue.is_empty()) {
            return end(run, host);
        }
        let room = run.has_room(need);
        // A block without transactions keeps the next run from inputs that were
        // dropped in this one.
        if !room && (next || !run.queue.has_dropped()) {
            return Ok(Progress::More);
        }
        inclusion::block(run, host)?;
        run.fresh = false;
    }
}

/// Ends the level: messages to layer 1 are sent, settings change as governance
/// decided, and the kernel is replaced if its time has come.
fn end<H: Runtime>(run: &mut RunState, host: &HostCell<'_, H>) -> Result<Progress, KernelError> {
    // The trap struck after the last commit: no block to care for.
    if let Some(quarantine) = run.quarantine.take() {
        quarantine.end(&mut **host.writer()?)?;
    }
    if run.head.outgoing {
        send(host)?;
    }
    if run.head.settings {
        settle(run, host)?;
    }
    // All inputs of the level are durable: nothing is left to lose.
    Ok(if upgrade::make(&mut **host.writer()?, &mut run.head)? {
        Progress::More
    } else {
        Progress::Done
    })
}

/// Makes the settings that wait the configuration, which the next level reads.
fn settle<H: Runtime>(run: &mut RunState, host: &HostCell<'_, H>) -> Result<(), KernelError> {
    let changed = SETTINGS.get(host, &())?.ok_or(KernelError::MissingState)?;
    run.head.settings = false;
    commit::settings(&mut **host.writer()?, &run.head, &changed)?;
    log::line(host, format_args!("settings changed"));
    Ok(())
}

/// Writes messages to layer 1, as many as the level takes.
fn send<H: Runtime>(host: &HostCell<'_, H>) -> Result<(), KernelError> {
    let flushed = OUTGOING.flush(&mut **host.writer()?)?;
    if let Some(number) = flushed.doubtful {
        log::line(
            host,
            format_args!("message {number} to layer 1 is in doubt: a trap came between"),
        );
    }
    Ok(())
}
