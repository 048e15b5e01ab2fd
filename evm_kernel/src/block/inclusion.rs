//! Selects the inputs of a block: those that wait, in order, as far as they fit.

use crate::block::builder::{BlockBuilder, Draft};
use crate::block::layer1_calls;
use crate::block::run_state::RunState;
use crate::error::KernelError;
use crate::execute::executor;
use crate::host_cell::HostCell;
use crate::inputs::assembly::{Assembly, Whole};
use crate::inputs::chunks::BadPiece;
use crate::inputs::decode;
use crate::inputs::format::{DROPPED, RECOVERY};
use crate::inputs::queue::{Item, Part, Ready};
use crate::log;
use alloc::boxed::Box;
use ethereum::{Recovered, SignedTransaction};
use host::Runtime;
use rollup::{Lane, Position, Quarantine};

/// Makes and commits one block.
pub(crate) fn block<H: Runtime>(
    run: &mut RunState,
    host: &HostCell<'_, H>,
) -> Result<(), KernelError> {
    let mut draft = Draft::new(run, host)?;
    let diff = if run.peek(host)? {
        let mut builder = BlockBuilder::new(&mut draft, run, host)?;
        fill(&mut builder)?;
        builder.finish()
    } else {
        executor::nothing(host, &draft.environment, run.head.hash)?
    };
    draft.commit(diff, run, host)
}

/// Executes what waits, as far as it fits into one block.
fn fill<H: Runtime>(builder: &mut BlockBuilder<'_, '_, H>) -> Result<(), KernelError> {
    let quarantine = builder.run.quarantine.as_ref();
    let alone = quarantine.is_some_and(Quarantine::is_alone);
    while builder.run.peek(builder.host)? {
        let (queue, lane) = (&builder.run.queue, builder.run.lane);
        let environment = &builder.draft.environment;
        if !builder.fits(queue.gas_limit(lane, environment), queue.most_gas(lane)) {
            break;
        }
        let Some(ready) = builder.run.queue.take(lane) else {
            break;
        };
        if let Some(quarantine) = &builder.run.quarantine {
            // The other lane may have been looked at since this one.
            quarantine.mark(&mut **builder.host.writer()?, ready.mark())?;
        }
        let before = builder.run.budget.spent();
        let taken = take(builder, ready)?;
        match lane {
            Lane::Calls => {
                let work = builder.run.budget.spent() - before;
                builder.run.shares.call(work);
            }
            Lane::External if taken => builder.run.shares.external(),
            Lane::External => {}
        }
        if !taken {
            break;
        }
        builder.run.fresh = false;
        if alone {
            break;
        }
    }
    Ok(())
}

/// Does what an input says; gives whether the block had room for what it brought.
fn take<H: Runtime>(
    builder: &mut BlockBuilder<'_, '_, H>,
    ready: Ready,
) -> Result<bool, KernelError> {
    let mark = ready.mark();
    let Ready {
        position,
        place,
        item,
        size,
    } = ready;
    let signed = match item {
        Item::Transaction(signed) => signed,
        Item::Part(part) => {
            let Some(signed) = assemble(builder, position, &part)? else {
                return Ok(true);
            };
            let environment = &builder.draft.environment;
            let gas_limit = environment.execution_gas(&signed.transaction, signed.raw.len());
            if !builder.fits(gas_limit, gas_limit) {
                // The next block takes the last piece again.
                if let Part::Transfer(_) = part {
                    builder.draft.forced.put_back();
                }
                let item = Item::Part(part);
                builder.run.queue.put_back(Ready {
                    position,
                    place,
                    item,
                    size,
                });
                return Ok(false);
            }
            builder.draft.chunks.done(signed.transaction.hash);
            builder.count_chunks();
            signed
        }
    };
    builder.include(mark, signed)?;
    Ok(true)
}

/// Takes a part; gives the transaction that is whole now, unless it is dropped.
fn assemble<H: Runtime>(
    builder: &mut BlockBuilder<'_, '_, H>,
    position: Position,
    part: &Part,
) -> Result<Option<Recovered<Box<SignedTransaction>>>, KernelError> {
    let (host, chunks) = (builder.host, &mut builder.draft.chunks);
    let whole = match part {
        Part::Announcement(bytes) => {
            let taken = chunks.announce(host, bytes)?;
            piece(builder, taken)
        }
        Part::Chunk(bytes) => {
            let taken = chunks.chunk(host, bytes)?;
            piece(builder, taken)
        }
        Part::Transfer(transfer) => layer1_calls::take(builder, position, transfer)?,
    };
    builder.count_chunks();
    let Some(whole) = whole else {
        return Ok(None);
    };
    let hash = whole.hash;
    let signed = recover(builder, whole);
    if signed.is_none() && !matches!(part, Part::Transfer(_)) {
        builder.draft.chunks.done(hash);
    }
    Ok(signed)
}

fn piece<H: Runtime>(
    builder: &mut BlockBuilder<'_, '_, H>,
    taken: Assembly<BadPiece>,
) -> Option<Whole> {
    match taken {
        Assembly::Pending => None,
        Assembly::Whole(whole) => Some(whole),
        Assembly::Refused(error) => {
            builder.run.budget.add(DROPPED);
            log::line(builder.host, format_args!("input dropped: {error}"));
            None
        }
    }
}

/// Decodes a transaction that came in pieces, and recovers its sender.
fn recover<H: Runtime>(
    builder: &mut BlockBuilder<'_, '_, H>,
    Whole { hash, raw }: Whole,
) -> Option<Recovered<Box<SignedTransaction>>> {
    builder.run.budget.add(RECOVERY);
    let decoded = match decode::hashed(hash, raw.into()) {
        Ok(decoded) => decoded,
        Err(error) => {
            builder.dropped(hash, error);
            return None;
        }
    };
    match ethereum::signers([&*decoded.transaction]).pop()? {
        Ok(signer) => Some(decoded.signed_by(&signer)),
        Err(error) => {
            builder.dropped(hash, error);
            None
        }
    }
}
