//! Calls of layer 1 in a block.

use crate::block::builder::BlockBuilder;
use crate::bridge;
use crate::bridge::deposit::{self, Origin, Terms};
use crate::bridge::governance::{self, Decision};
use crate::bridge::incoming::{self, BadCall, Incoming};
use crate::error::KernelError;
use crate::inputs::assembly::{Assembly, Whole};
use crate::inputs::format::DROPPED;
use crate::log;
use alloc::format;
use alloc::string::ToString;
use alloy_primitives::Bytes;
use ethereum::transaction::Deposit;
use host::Runtime;
use messages::ticket::Ticket;
use rollup::Position;
use rollup::inbox::Transfer;
use storage::layout::{OUTGOING, SETTINGS, UPGRADE};
use storage::{Upgrade, settings};

/// The result of a call, which may complete a forced transaction.
type Handled = Result<Assembly<BadCall>, KernelError>;

/// A call and where it stands in the queue.
#[derive(Clone, Copy)]
struct Call<'c> {
    position: Position,
    transfer: &'c Transfer<'c>,
}

impl Call<'_> {
    const fn origin(&self) -> Origin {
        Origin {
            level: self.position.cursor.level,
            id: self.transfer.id,
        }
    }
}

/// Does what layer 1 asks for; gives the transaction that is forced in, if it is
/// whole now.
pub(crate) fn take<H: Runtime>(
    builder: &mut BlockBuilder<'_, '_, H>,
    position: Position,
    transfer: &Transfer<'_>,
) -> Result<Option<Whole>, KernelError> {
    let call = Call { position, transfer };
    let outcome = match incoming::read(&transfer.payload) {
        Ok(Incoming::Deposit { routing, ticket }) => credit(builder, call, (routing, &ticket))?,
        Ok(Incoming::Delayed(bytes)) => force(builder, call, bytes)?,
        Ok(Incoming::Governance(bytes)) => govern(builder, call, bytes)?,
        Err(refused) => Assembly::Refused(refused),
    };
    match outcome {
        Assembly::Pending => Ok(None),
        Assembly::Whole(whole) => Ok(Some(whole)),
        Assembly::Refused(refused) => {
            let Origin { level, id } = call.origin();
            builder.run.budget.add(DROPPED);
            log::line(
                builder.host,
                format_args!("message {id} of level {level} refused: {refused}"),
            );
            Ok(None)
        }
    }
}

/// Credits a deposit, or keeps it for its receiver.
fn credit<H: Runtime>(
    builder: &mut BlockBuilder<'_, '_, H>,
    call: Call<'_>,
    (routing, ticket): (&[u8], &Ticket<'_>),
) -> Handled {
    let Some(ticketer) = builder.run.config.ticketer else {
        return Ok(Assembly::Refused(BadCall::NoBridge));
    };
    let trapped = builder.run.traps(call.position);
    // If the receiver cannot be paid, the bridge keeps the deposit.
    for deliver in [true, false] {
        if deliver && trapped {
            continue;
        }
        let terms = Terms {
            ticketer,
            chain_id: builder.run.config.chain_id,
            deliver,
        };
        match deposit::transaction(&terms, call.origin(), routing, ticket) {
            Ok(deposit) if builder.call(&deposit)? => return Ok(Assembly::Pending),
            Ok(_) => {}
            Err(refused) => return Ok(Assembly::Refused(refused)),
        }
    }
    let entry = call.transfer.encode();
    let cursor = call.position.cursor;
    bridge::set_aside(&mut **builder.host.writer()?, cursor, &entry)?;
    let reason = "the bridge fails: set aside".into();
    Ok(Assembly::Refused(BadCall::Payload(reason)))
}

/// Takes a part of a transaction that is forced in.
fn force<H: Runtime>(
    builder: &mut BlockBuilder<'_, '_, H>,
    call: Call<'_>,
    bytes: &[u8],
) -> Handled {
    if builder.run.config.delayed_bridge != Some(call.transfer.sender) {
        return Ok(Assembly::Refused(BadCall::Sender));
    }
    builder.draft.forced.take(builder.host, bytes)
}

/// Does what the governing contract decides.
fn govern<H: Runtime>(
    builder: &mut BlockBuilder<'_, '_, H>,
    call: Call<'_>,
    bytes: &[u8],
) -> Handled {
    if builder.run.config.kernel_governance != Some(call.transfer.sender) {
        return Ok(Assembly::Refused(BadCall::Sender));
    }
    let decision = match governance::read(bytes) {
        Ok(decision) => decision,
        Err(refused) => return Ok(Assembly::Refused(refused)),
    };
    let own = builder.run.rollup.get(&**builder.host.writer()?)?;
    if rollup(&decision).is_some_and(|rollup| *rollup != own) {
        return Ok(Assembly::Refused(BadCall::OtherRollup));
    }
    match decision {
        Decision::AssignDeposit(assignment) => {
            let after = builder.run.config.reassign_after;
            assign(builder, &deposit::assign(call.origin(), &assignment, after))
        }
        Decision::AssignTickets(assignment) => {
            let after = builder.run.config.reassign_after;
            assign(builder, &deposit::assign(call.origin(), &assignment, after))
        }
        Decision::Settings { changes, .. } => change(builder, &changes),
        Decision::Requeue { number, .. } => requeue(builder, number),
        Decision::Upgrade(upgrade) => decide(builder, upgrade),
    }
}

/// The rollup that a decision is meant for; `None`: any.
const fn rollup(decision: &Decision) -> Option<&[u8; 20]> {
    match decision {
        Decision::AssignDeposit(assignment) => Some(&assignment.rollup),
        Decision::AssignTickets(assignment) => Some(&assignment.rollup),
        Decision::Requeue { rollup, .. } | Decision::Settings { rollup, .. } => Some(rollup),
        Decision::Upgrade(_) => None,
    }
}

/// Gives a deposit that nobody claims a receiver.
fn assign<H: Runtime>(builder: &mut BlockBuilder<'_, '_, H>, assigned: &Deposit) -> Handled {
    if builder.run.config.ticketer.is_none() {
        return Ok(Assembly::Refused(BadCall::NoBridge));
    }
    if builder.call(assigned)? {
        return Ok(Assembly::Pending);
    }
    let reason = "no such deposit, too early, or another counter".into();
    Ok(Assembly::Refused(BadCall::Payload(reason)))
}

/// Sends a message to layer 1 again that is in doubt.
fn requeue<H: Runtime>(builder: &mut BlockBuilder<'_, '_, H>, number: u64) -> Handled {
    let requeued = &mut builder.draft.requeued;
    if requeued.contains(&number) || OUTGOING.doubtful(builder.host, number)?.is_none() {
        let reason = format!("no message {number} is in doubt");
        return Ok(Assembly::Refused(BadCall::Payload(reason)));
    }
    requeued.push(number);
    Ok(Assembly::Pending)
}

/// Notes what the configuration is from the next level on.
fn change<H: Runtime>(
    builder: &mut BlockBuilder<'_, '_, H>,
    changes: &[(Bytes, Bytes)],
) -> Handled {
    let host = builder.host;
    // What was decided at this level already is part of it.
    let waiting = match builder.draft.settings.take() {
        None if builder.run.head.settings => SETTINGS.get(host, &())?,
        waiting => waiting,
    };
    let config = waiting.as_ref().unwrap_or(&builder.run.config);
    let changed = match settings::changed(config, changes) {
        Ok(changed) => changed,
        Err(why) => {
            builder.draft.settings = waiting;
            return Ok(Assembly::Refused(BadCall::Payload(why.to_string())));
        }
    };
    builder.draft.settings = Some(changed);
    log::line(host, format_args!("settings change with the next level"));
    Ok(Assembly::Pending)
}

/// Notes that the kernel will be replaced.
fn decide<H: Runtime>(builder: &mut BlockBuilder<'_, '_, H>, upgrade: Upgrade) -> Handled {
    let host = builder.host;
    let known = match builder.draft.upgrade {
        Some(known) => Some(known),
        None => UPGRADE.get(host, &())?,
    };
    if known.is_some_and(|known| known.is_same(&upgrade)) {
        log::line(host, format_args!("the upgrade is known already"));
    } else {
        builder.draft.upgrade = Some(upgrade);
        let time = upgrade.time;
        log::line(host, format_args!("an upgrade is decided for {time}"));
    }
    Ok(Assembly::Pending)
}
