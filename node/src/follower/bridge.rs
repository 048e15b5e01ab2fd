//! Messages between the layers, as this node and its rollup node have them.

use super::answers::{Committed, PendingStatus};
use super::client::{At, Client, ClientError};
use super::replica::Replica;
use crate::error::NodeError;
use crate::miner::{
    Followed, LevelMessages, MOST_LISTED, OutboxProof, Reply, Withdrawal, WithdrawalStage, kept,
};
use layer1::outbox::OutboxPosition;
use messages::address::{self, Kind};
use pvm::Durable;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use storage::StorageError;

/// The rollup's address: `sr1…`.
pub(super) fn rollup(replica: &Replica) -> String {
    address::print(Kind::Sr1, &replica.rollup()).unwrap_or_default()
}

/// The most questions of clients that are with the rollup node at once.
const TOGETHER: usize = 4;

/// Questions of clients that the rollup node answers: on threads of their own, so that the
/// follower goes on, and few at once.
#[derive(Debug, Default)]
pub(super) struct Questions(Arc<AtomicUsize>);

/// A question that is counted, until this is gone, whatever becomes of its thread.
struct Open(Arc<AtomicUsize>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Questions {
    /// Answers a question; refuses it if there are too many.
    pub(super) fn ask<T: Send + 'static>(
        &self,
        reply: Reply<T>,
        answer: impl FnOnce() -> Result<T, NodeError> + Send + 'static,
    ) {
        let before = self.0.fetch_add(1, Ordering::Relaxed);
        let open = Open(Arc::clone(&self.0));
        if before >= TOGETHER {
            // The client may be gone: nobody minds an answer that is not taken.
            let _ = reply.send(Err(NodeError::Busy));
            return;
        }
        let on_thread = move || {
            let answer = answer();
            drop(open);
            let _ = reply.send(answer);
        };
        let thread = std::thread::Builder::new().name("question".into());
        // Without a thread nobody answers, which the client is told.
        let _ = thread.spawn(on_thread);
    }
}

/// The newest messages on their way to layer 1 since this node began, oldest first.
pub(super) fn withdrawals(
    outbox: &BTreeMap<OutboxPosition, Vec<u8>>,
    durable: &Durable,
    client: &Client,
) -> Result<Vec<Withdrawal>, NodeError> {
    let mut waiting = BTreeMap::new();
    for outbox in client.pending_outboxes()? {
        for message in outbox.messages {
            let place = OutboxPosition {
                level: outbox.level,
                index: message.index,
            };
            waiting.insert(place, outbox.status);
        }
    }
    let mut all = Vec::new();
    let mut committed: Option<(u32, Committed)> = None;
    for (place, message) in outbox.iter().skip(outbox.len().saturating_sub(MOST_LISTED)) {
        // The messages of a level are at one stage but for those that were executed.
        let of_level = match committed {
            Some((level, known)) if level == place.level => known,
            _ => {
                let known = client.committed(At::Level(place.level))?;
                committed = Some((place.level, known));
                known
            }
        };
        let stage = match (of_level, waiting.get(place)) {
            (Committed::Uncommitted { commitment_level }, _) => {
                Followed::Uncommitted(commitment_level)
            }
            (Committed::Committed { commitment_level }, _) => Followed::Committed(commitment_level),
            (Committed::Cemented {}, Some(Some(PendingStatus::Lost))) => Followed::Lost,
            (Committed::Cemented {}, Some(_)) => Followed::Executable,
            (Committed::Cemented {}, None) => Followed::Executed,
        };
        all.push(Withdrawal {
            stage: WithdrawalStage::Followed(*place, stage),
            message: message.clone(),
        });
    }
    all.extend(kept(durable).map_err(StorageError::from)?);
    Ok(all)
}

/// The outbox of a level; without one the newest messages since this node began.
pub(super) fn outbox(
    outbox: &BTreeMap<OutboxPosition, Vec<u8>>,
    level: Option<u32>,
) -> Vec<(OutboxPosition, Vec<u8>)> {
    let owned = |(place, message): (&OutboxPosition, &Vec<u8>)| (*place, message.clone());
    let Some(level) = level else {
        let older = outbox.len().saturating_sub(MOST_LISTED);
        return outbox.iter().skip(older).map(owned).collect();
    };
    let at = |index| OutboxPosition { level, index };
    outbox.range(at(0)..=at(u32::MAX)).map(owned).collect()
}

/// The inbox of a level, by default of the newest.
pub(super) fn inbox(
    newest: u32,
    client: &Client,
    level: Option<u32>,
) -> Result<LevelMessages, NodeError> {
    let level = level.unwrap_or(newest);
    if level > newest {
        return Ok((level, None));
    }
    let messages = client.block(At::Level(level))?.messages;
    Ok((level, Some(messages.into())))
}

/// The proof and the command for the execution of a message.
pub(super) fn proof(
    rollup: String,
    client: &Client,
    place: OutboxPosition,
) -> Result<OutboxProof, NodeError> {
    let proof = match client.outbox_proof(place.level, place.index) {
        Err(error @ ClientError::Refused { .. }) => {
            return Err(match client.committed(At::Level(place.level)) {
                Ok(
                    Committed::Uncommitted { commitment_level }
                    | Committed::Committed { commitment_level },
                ) => NodeError::NotCemented(commitment_level),
                _ => error.into(),
            });
        }
        proof => proof?,
    };
    Ok(OutboxProof {
        rollup,
        commitment: proof.commitment,
        proof: proof.proof,
        stage: cemented(client, place),
    })
}

/// The stage of a message whose commitment is cemented; `None` if the rollup node does not tell.
fn cemented(client: &Client, place: OutboxPosition) -> Option<Followed> {
    let outboxes = client.pending_outboxes().ok()?;
    let mut waiting = outboxes.iter().filter(|outbox| {
        let mut messages = outbox.messages.iter();
        outbox.level == place.level && messages.any(|message| message.index == place.index)
    });
    Some(match waiting.next().map(|outbox| outbox.status) {
        Some(Some(PendingStatus::Lost)) => Followed::Lost,
        Some(_) => Followed::Executable,
        None => Followed::Executed,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::sync::oneshot;

    #[test]
    fn questions_that_fail_are_in_nobodys_way() {
        let questions = Questions::default();
        for _ in 0..TOGETHER {
            let (reply, answer) = oneshot::channel::<Result<(), NodeError>>();
            questions.ask(reply, || panic!("a question that fails"));
            answer.blocking_recv().unwrap_err();
        }
        let ask = || {
            let (reply, answer) = oneshot::channel();
            questions.ask(reply, || Ok(7));
            // The threads before it may be at their end.
            std::thread::sleep(Duration::from_millis(10));
            answer.blocking_recv().unwrap()
        };
        assert!((0..500).any(|_| matches!(ask(), Ok(7))));
    }

    #[test]
    fn an_outbox_is_that_of_a_level_or_the_newest_of_all() {
        let place = |level, index| OutboxPosition { level, index };
        let all = (0..600).flat_map(|level| [place(level, 0), place(level, 1)]);
        let all: BTreeMap<_, _> = all.map(|place| (place, vec![place.index as u8])).collect();
        let of_level = [(place(3, 0), vec![0]), (place(3, 1), vec![1])];
        assert_eq!(outbox(&all, Some(3)), of_level);
        assert_eq!(outbox(&all, Some(600)), []);
        let newest = outbox(&all, None);
        assert_eq!(newest.len(), MOST_LISTED);
        assert_eq!(newest.last().unwrap().0, place(599, 1));
    }
}
