//! What is between the layers, as this node and its rollup node have it.

use super::answers::{Committed, PendingStatus};
use super::client::{At, Client};
use super::replica::Replica;
use crate::error::NodeError;
use crate::miner::{Followed, LevelMessages, OutboxProof, Withdrawal, WithdrawalStage, kept};
use layer1::outbox::OutboxPosition;
use messages::address::{self, Kind};
use std::collections::BTreeMap;
use storage::StorageError;

/// The rollup's address: `sr1…`.
pub(super) fn rollup(replica: &Replica) -> String {
    address::print(Kind::Sr1, &replica.rollup()).unwrap_or_default()
}

/// All messages on their way to layer 1 since this node began, oldest first.
pub(super) fn withdrawals(
    replica: &Replica,
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
    for (place, message) in replica.outbox() {
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
    all.extend(kept(replica.durable()).map_err(StorageError::from)?);
    Ok(all)
}

/// The outbox of a level, or of all since this node began.
pub(super) fn outbox(replica: &Replica, level: Option<u32>) -> Vec<(OutboxPosition, Vec<u8>)> {
    let all = replica.outbox().iter();
    all.filter(|(place, _)| level.is_none_or(|level| level == place.level))
        .map(|(place, message)| (*place, message.clone()))
        .collect()
}

/// The inbox of a level, by default of the newest.
pub(super) fn inbox(
    replica: &Replica,
    client: &Client,
    level: Option<u32>,
) -> Result<LevelMessages, NodeError> {
    let newest = replica.next_level().saturating_sub(1);
    let level = level.unwrap_or(newest);
    if level > newest {
        return Ok((level, None));
    }
    let messages = client.block(At::Level(level))?.messages;
    Ok((level, Some(messages.into())))
}

/// What it takes to execute a message.
pub(super) fn proof(
    replica: &Replica,
    client: &Client,
    place: OutboxPosition,
) -> Result<OutboxProof, NodeError> {
    let proof = client.outbox_proof(place.level, place.index)?;
    Ok(OutboxProof {
        rollup: rollup(replica),
        commitment: proof.commitment,
        proof: proof.proof,
    })
}
