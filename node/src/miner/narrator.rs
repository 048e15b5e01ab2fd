//! Tells what happened within transactions: why they failed, and what contracts print.
//!
//! A thread of its own executes such blocks again; the miner does not wait for it.

use crate::abis::Given;
use crate::chain::Block;
use crate::node::Node;
use crate::printable;
use crate::rpc::halt_words;
use crate::trace::console::{self, Console};
use crate::trace::{TraceFailure, replay};
use evm_kernel::native::simulate::Interrupt;
use revm::context::result::ExecutionResult;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};

/// Blocks that wait to be told of; of others nothing is told.
const BACKLOG: usize = 64;

/// The most transactions of a block that is told of.
const FEW: usize = 256;

/// Sends blocks to the thread that tells of them.
#[derive(Debug)]
pub(super) struct Narrator {
    blocks: Option<SyncSender<(Arc<Block>, Arc<Block>)>>,
    /// Some contract may print.
    prints: bool,
}

impl Narrator {
    pub(super) fn start(node: Arc<Node>) -> Self {
        let (blocks, incoming) = sync_channel::<(Arc<Block>, Arc<Block>)>(BACKLOG);
        let thread = std::thread::Builder::new()
            .name("narrator".into())
            .spawn(move || {
                while let Ok((block, parent)) = incoming.recv() {
                    if let Err(error) = tell(&block, &parent, &node.abis) {
                        tracing::debug!("block {} is not told of: {error}", block.number());
                    }
                }
            });
        Self {
            blocks: thread.ok().map(|_| blocks),
            prints: false,
        }
    }

    /// Takes note of code that somebody puts into the state.
    pub(super) fn sees_code(&mut self, code: &[u8]) {
        self.prints |= console::may_print(code);
    }

    /// Tells of a block, if there is something to tell.
    pub(super) fn tell(&mut self, block: &Arc<Block>, parent: &Arc<Block>) {
        for included in &block.transactions {
            self.sees_code(included.transaction.transaction.input());
        }
        let failed = block.transactions.iter().any(|one| !one.receipt.success);
        let interesting = failed || self.prints && !block.transactions.is_empty();
        if interesting
            && block.transactions.len() <= FEW
            && tracing::enabled!(tracing::Level::INFO)
            && let Some(blocks) = &self.blocks
        {
            // Where the thread lags behind, less is told.
            let _ = blocks.try_send((Arc::clone(block), Arc::clone(parent)));
        }
    }
}

/// Why a transaction failed that did more work than its gas limit allows (docs/differences.md).
const OUT_OF_WORK: &str = "out of work: its opcodes and precompiles take longer than their gas pays for, \
     and its gas limit allows no more of that (eth_estimateGas finds one that does, if any does)";

fn tell(block: &Block, parent: &Block, names: &Given) -> Result<(), TraceFailure> {
    let interrupt = Interrupt::default();
    let all = 0..usize::MAX;
    replay(
        (block, parent),
        all,
        Console::default(),
        &interrupt,
        |looked| {
            let hash = looked.included.transaction.hash;
            for line in looked.replay.inspector().take() {
                tracing::info!("console.log  {}", printable::text(&line));
            }
            let result = &looked.traced.result.result;
            if !looked.traced.success {
                let halt = match result {
                    ExecutionResult::Halt { reason, .. } => Some(halt_words(reason)),
                    _ => None,
                };
                let reason = match looked.traced.out_of_work {
                    true => OUT_OF_WORK.to_owned(),
                    false => console::reason(result.output(), halt, names),
                };
                tracing::info!("transaction {hash} failed: {}", printable::text(&reason));
            }
            Ok(())
        },
    )
}
