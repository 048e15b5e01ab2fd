//! Finality: commitments that nobody contradicts any more, stakes that are given back, outboxes.

use super::{CommitmentId, DisputeError, Disputes, Done, Mutez, Rules, Staker};
use crate::chain::Layer1;
use crate::outbox::OutboxPosition;
use messages::contract::Contract;
use std::collections::BTreeSet;

/// The number of final commitments that are kept, besides those that a stake is for: their outboxes can be
/// brought to layer 1.
const KEPT: usize = 64;

impl<R: Rules> Disputes<R> {
    /// Forgets commitments that nobody stands for, and those that have been final for long.
    pub(super) fn forget(&mut self) {
        let stakes = self.stakes.values();
        let mut kept: BTreeSet<CommitmentId> = stakes
            .flat_map(|stake| match self.is_cemented(stake.commitment) {
                true => vec![stake.commitment],
                false => self.path(stake.commitment),
            })
            .collect();
        kept.extend(self.last.iter().rev().take(KEPT));
        self.commitments.retain(|id, _| kept.contains(id));
        self.last.retain(|id| kept.contains(id));
    }

    /// Makes the next commitment final: the only one that somebody stands for, once it has stood for long
    /// enough.
    ///
    /// # Errors
    /// If there is none, it has not stood for long enough, or it is contradicted.
    pub fn cement(&mut self, layer1: &Layer1) -> Done<CommitmentId> {
        let mut next = Vec::new();
        for stake in self.stakes.values() {
            if let [first, id, ..] = self.path(stake.commitment)[..]
                && first == self.cemented
                && !next.contains(&id)
            {
                next.push(id);
            }
        }
        let [id] = next[..] else {
            return Err(match next.is_empty() {
                true => DisputeError::NoCommitment,
                false => DisputeError::Contested,
            });
        };
        let commitment = self.commitments.get(&id);
        let commitment = commitment.ok_or(DisputeError::NoCommitment)?;
        let at = commitment.published.saturating_add(self.terms.window);
        if layer1.level() < at {
            return Err(DisputeError::TimeLeft(at));
        }
        let level = self.rules.level(&commitment.claim);
        self.inboxes.remove(&level);
        self.opened.remove(&level);
        self.cemented = id;
        self.last.insert(id);
        self.steps.retain(|(_, of), _| *of != id);
        self.forget();
        Ok(id)
    }

    /// Gives a stake back to somebody who stands for nothing but what is cemented.
    ///
    /// # Errors
    /// If there is none, or it is needed.
    pub fn withdraw(&mut self, layer1: &mut Layer1, staker: &Staker) -> Done<Mutez> {
        let stake = *self.stakes.get(staker).ok_or(DisputeError::NoStake)?;
        if !self.is_cemented(stake.commitment) {
            return Err(DisputeError::AtStake);
        }
        let ledger = layer1.ledger_mut();
        ledger.fund(Contract::Implicit(*staker), stake.amount)?;
        self.stakes.remove(staker);
        self.steps.retain(|(known, _), _| known != staker);
        Ok(stake.amount)
    }

    /// True if a commitment is final, and not forgotten.
    #[must_use]
    pub fn is_cemented(&self, id: CommitmentId) -> bool {
        self.last.contains(&id)
    }

    /// Brings the outbox messages of a commitment to layer 1, all of them in their order, which executes them
    /// when their time has come. Those of a commitment that is not final never get there.
    ///
    /// # Errors
    /// If the commitment is not final, or has another outbox.
    pub fn bring_outbox(
        &self,
        layer1: &mut Layer1,
        id: CommitmentId,
        messages: &[Vec<u8>],
    ) -> Done<()> {
        if !self.is_cemented(id) {
            return Err(DisputeError::NotCemented);
        }
        let commitment = self.commitments.get(&id);
        let claim = &commitment.ok_or(DisputeError::NoCommitment)?.claim;
        if !self.rules.has_outbox(claim, messages) {
            return Err(DisputeError::OtherOutbox);
        }
        let level = self.rules.level(claim);
        for (index, message) in (0..).zip(messages) {
            layer1.put_outbox(OutboxPosition { level, index }, message.clone());
        }
        Ok(())
    }
}
