//! The way of the pool's transactions to layer 1: through the batcher of the rollup node.
//!
//! A transaction stays in the pool until a block includes it, so that nothing is forgotten
//! if the batcher loses its queue or layer 1 goes back. Sending twice does no harm: a
//! nonce is used once.

use super::answers::MessageStatus;
use super::client::{At, Client, ClientError};
use crate::node::{Node, nonce};
use crate::pool::{Candidate, DropReason, LevelLimits};
use alloy_primitives::{B256, Bytes};
use evm_kernel::inputs::format::EXTERNAL;
use pvm::Durable;
use std::collections::HashMap;
use std::sync::Arc;
use storage::layout::ACCOUNTS;

/// The number of times that a transaction is sent which a level brought and the kernel did not include,
/// though its nonce was next.
const TRIES: u8 = 3;

/// The most transactions that are on their way at once.
const MOST: usize = 10_000;

/// The most bytes of transactions that are given to the batcher by one request, if it is not one
/// alone: an HTTP server takes a body of some size.
const MOST_BYTES: usize = 256 << 10;

/// Transactions that were given to the batcher together.
#[derive(Debug)]
struct Group {
    /// Those of their messages.
    ids: Vec<String>,
    hashes: Vec<B256>,
}

/// Transactions on their way.
#[derive(Debug, Default)]
pub(super) struct Poster {
    groups: Vec<Group>,
    /// Grows with each group: earlier ones go first.
    order: u64,
    tries: HashMap<B256, u8>,
}

/// The rollup, as the poster needs to know it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rollup<'a> {
    /// The 20 bytes behind `sr1…`.
    pub(super) address: [u8; 20],
    /// The newest level that ran.
    pub(super) level: u32,
    /// The hash of its block of layer 1.
    pub(super) hash: &'a str,
    /// Durable storage after it.
    pub(super) state: &'a Durable,
    /// Durable storage that layer 1 cannot take back: what batches may refer to.
    pub(super) settled: &'a Durable,
    /// True if inputs wait with the kernel.
    pub(super) backlog: bool,
}

impl Poster {
    /// Gives ready transactions to the batcher.
    ///
    /// # Errors
    /// If the batcher does not take them; those that it does not have stay ready.
    pub(super) fn post(
        &mut self,
        node: &Node,
        client: &Client,
        rollup: Rollup<'_>,
        limits: &LevelLimits,
    ) -> Result<(), ClientError> {
        let sent: usize = self.groups.iter().map(|group| group.hashes.len()).sum();
        if sent >= MOST {
            return Ok(());
        }
        let raws = node.pool().take(limits);
        if raws.is_empty() {
            return Ok(());
        }
        let mut groups = groups(&raws);
        while let Some(group) = groups.next() {
            if let Err(error) = self.give(node, client, rollup, group) {
                let rest = groups.flatten();
                let raws: Vec<Bytes> = group.iter().chain(rest).cloned().collect();
                resend(node, rollup.state, &hashes(&raws));
                return Err(error);
            }
        }
        Ok(())
    }

    /// Gives a group of transactions to the batcher.
    fn give(
        &mut self,
        node: &Node,
        client: &Client,
        rollup: Rollup<'_>,
        raws: &[Bytes],
    ) -> Result<(), ClientError> {
        let hashes = hashes(raws);
        let messages = node.posted(rollup.settled, &rollup.address, raws);
        // The batcher adds the tag.
        let contents = messages
            .into_iter()
            .map(|message| match message.split_first() {
                Some((&EXTERNAL, content)) => content.to_vec(),
                _ => message,
            });
        let contents: Vec<Vec<u8>> = contents.collect();
        let ids = client.inject(&contents, self.order)?;
        self.order += 1;
        tracing::info!(
            "gave {} transactions in {} messages to the batcher",
            hashes.len(),
            ids.len()
        );
        self.groups.push(Group { ids, hashes });
        Ok(())
    }

    /// Looks after what is on its way: what got lost is sent again, and what the kernel
    /// dropped leaves the pool.
    ///
    /// # Errors
    /// If the rollup node cannot be asked; the groups from there on stay as they are.
    pub(super) fn follow(
        &mut self,
        node: &Node,
        client: &Client,
        rollup: Rollup<'_>,
    ) -> Result<(), ClientError> {
        // What the rollup node says is of the branch that it is on.
        if self.groups.is_empty() || client.hash(At::Head)? != rollup.hash {
            return Ok(());
        }
        let mut rest = Vec::new();
        let mut groups = std::mem::take(&mut self.groups).into_iter();
        let mut failed = Ok(());
        for mut group in groups.by_ref() {
            group.hashes.retain(|hash| node.pool().get(hash).is_some());
            if group.hashes.is_empty() {
                continue;
            }
            match arrived(client, &group, rollup.level) {
                Ok(Arrived::NotYet) => rest.push(group),
                Ok(Arrived::Yes) if rollup.backlog => rest.push(group),
                Ok(Arrived::Yes) => self.judge(node, rollup.state, &group),
                Ok(Arrived::Lost) => {
                    tracing::warn!(
                        "the batcher lost {} transactions: they are sent again",
                        group.hashes.len()
                    );
                    resend(node, rollup.state, &group.hashes);
                }
                Err(error) => {
                    rest.push(group);
                    failed = Err(error);
                    break;
                }
            }
        }
        rest.extend(groups);
        self.groups = rest;
        // Counted as long as it waits, however often it is sent.
        self.tries.retain(|hash, _| node.pool().get(hash).is_some());
        failed
    }

    /// Decides about transactions that the kernel has read and not included.
    fn judge(&mut self, node: &Node, state: &Durable, group: &Group) {
        let (mut dropped, mut lost) = (Vec::new(), Vec::new());
        for candidate in waiting(node, &group.hashes) {
            let hash = &candidate.transaction.hash;
            let next = nonce(state, &candidate.sender).unwrap_or_default();
            if candidate.nonce() < next {
                dropped.push((*hash, DropReason::NonceUsed));
                continue;
            }
            if candidate.nonce() > next {
                // One before it is missing: it is sent again as well, or this one waits.
                lost.push(*hash);
                continue;
            }
            // What has no funds any more is not sent again at the poster's cost.
            let account = ACCOUNTS.get(state, &candidate.sender).ok().flatten();
            let funded = candidate.cost() <= account.unwrap_or_default().balance;
            let tries = self.tries.entry(*hash).or_default();
            *tries += 1;
            if funded && *tries < TRIES {
                // A part of it may have come in another level.
                lost.push(*hash);
            } else {
                dropped.push((*hash, DropReason::Kernel));
                let why = match node.dropped.why(hash) {
                    _ if !funded => "its sender can no longer pay for it".to_owned(),
                    Some(why) => why,
                    None => format!("it was posted {TRIES} times and is in no block"),
                };
                tracing::warn!("transaction {hash} was dropped by the kernel: {why}");
            }
        }
        let next = |sender: &_| nonce(state, sender).unwrap_or_default();
        let mut pool = node.pool();
        pool.discard_all(&dropped, next);
        pool.resend(&lost, next);
    }

    /// The number of transactions on their way.
    pub(super) fn on_their_way(&self) -> usize {
        self.groups.iter().map(|group| group.hashes.len()).sum()
    }
}

/// The transactions in groups of at most [`MOST_BYTES`], in their order.
fn groups(raws: &[Bytes]) -> impl Iterator<Item = &[Bytes]> {
    let mut bytes = 0;
    raws.chunk_by(move |before, next| {
        bytes = if bytes == 0 { before.len() } else { bytes } + next.len();
        let together = bytes <= MOST_BYTES;
        if !together {
            bytes = next.len();
        }
        together
    })
}

/// Those of the transactions that are still in the pool.
fn waiting(node: &Node, hashes: &[B256]) -> Vec<Arc<Candidate>> {
    let pool = node.pool();
    let found = hashes.iter().filter_map(|hash| pool.get(hash));
    found.cloned().collect()
}

/// Makes transactions ready again.
fn resend(node: &Node, state: &Durable, hashes: &[B256]) {
    let next = |sender: &_| nonce(state, sender).unwrap_or_default();
    node.pool().resend(hashes, next);
}

/// The progress of a group's messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Arrived {
    NotYet,
    /// All are in levels that ran.
    Yes,
    /// One at least is nowhere.
    Lost,
}

fn arrived(client: &Client, group: &Group, level: u32) -> Result<Arrived, ClientError> {
    let mut all = Arrived::Yes;
    for id in &group.ids {
        match client.message_status(id)? {
            MessageStatus::Unknown => return Ok(Arrived::Lost),
            MessageStatus::PendingBatch
            | MessageStatus::PendingInjection
            | MessageStatus::Injected => all = Arrived::NotYet,
            MessageStatus::Included { layer1 } | MessageStatus::Committed { layer1 } => {
                if layer1.level > level {
                    all = Arrived::NotYet;
                }
            }
        }
    }
    Ok(all)
}

fn hashes(raws: &[Bytes]) -> Vec<B256> {
    raws.iter().map(alloy_primitives::keccak256).collect()
}
