//! What goes into a block: the inputs that wait, in order, as far as they fit.

use crate::block::builder::{BlockBuilder, Draft};
use crate::block::layer1_calls;
use crate::block::run_state::RunState;
use crate::error::KernelError;
use crate::execute::executor;
use crate::host_cell::HostCell;
use crate::inputs::assembly::{Assembly, Whole};
use crate::inputs::chunks::BadPiece;
use crate::inputs::decode;
use crate::inputs::format::RECOVERY;
use crate::inputs::queue::{Item, Part, Ready};
use crate::log;
use alloc::boxed::Box;
use ethereum::{Recovered, SignedTransaction};
use host::{Debug, Runtime};
use rollup::{Cursor, Quarantine};

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
    let start = builder.run.queue.cursor();
    let quarantine = builder.run.quarantine.as_ref();
    let alone = quarantine.is_some_and(Quarantine::is_alone);
    while (!alone || builder.run.queue.cursor() == start) && builder.run.peek(builder.host)? {
        let queue = &builder.run.queue;
        if !builder.fits(queue.gas_limit(), queue.most_gas()) {
            break;
        }
        let Some(Ready { cursor, item, size }) = builder.run.queue.take() else {
            break;
        };
        let signed = match item {
            Item::Transaction(signed) => signed,
            Item::Part(part) => {
                let Some(signed) = assemble(builder, cursor, &part)? else {
                    builder.run.fresh = false;
                    continue;
                };
                let gas_limit = signed.transaction.transaction.gas_limit();
                if !builder.fits(gas_limit, gas_limit) {
                    // The next block takes the last piece again.
                    if let Part::Transfer(_) = part {
                        builder.draft.forced.put_back();
                    }
                    let item = Item::Part(part);
                    builder.run.queue.put_back(Ready { cursor, item, size });
                    break;
                }
                builder.draft.chunks.done(signed.transaction.hash);
                builder.count_chunks();
                signed
            }
        };
        builder.run.fresh = false;
        builder.include(cursor, signed)?;
    }
    Ok(())
}

/// Takes a part; gives the transaction that is whole now, unless it is dropped.
fn assemble<H: Runtime>(
    builder: &mut BlockBuilder<'_, '_, H>,
    cursor: Cursor,
    part: &Part,
) -> Result<Option<Recovered<Box<SignedTransaction>>>, KernelError> {
    let (host, chunks) = (builder.host, &mut builder.draft.chunks);
    let whole = match part {
        Part::Announcement(bytes) => piece(host, chunks.announce(host, bytes)?),
        Part::Chunk(bytes) => piece(host, chunks.chunk(host, bytes)?),
        Part::Transfer(transfer) => layer1_calls::take(builder, cursor, transfer)?,
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

fn piece(host: &impl Debug, taken: Assembly<BadPiece>) -> Option<Whole> {
    match taken {
        Assembly::Pending => None,
        Assembly::Whole(whole) => Some(whole),
        Assembly::Refused(error) => {
            log::line(host, format_args!("input dropped: {error}"));
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
    match ethereum::senders([&*decoded.transaction]).pop()? {
        Ok(sender) => Some(decoded.signed_by(sender)),
        Err(error) => {
            builder.dropped(hash, error);
            None
        }
    }
}
