//! The devnet's layer 1: deposits go into the next level's inbox, and the
//! kernel's outbox messages can be executed when they are cemented.
//!
//! It runs on the miner's thread, which feeds the levels, and lives in memory,
//! as the chain does.

use super::miner::Miner;
use super::requests::{
    Advanced, Cover, Holdings, Layer1Request, MOST_LISTED, Operated, Overview, Withdrawal,
    WithdrawalStage,
};
use crate::error::{MinerError, NodeError};
use crate::node::BlockTime;
use layer1::contracts::{Asked, Code};
use layer1::devnet::{self, Contracts};
use layer1::outbox::OutboxPosition;
use layer1::{Account, Call, Layer1, Mutez, Receipt};
use messages::outbox::Message;
use pvm::Durable;
use std::sync::Arc;
use storage::StorageError;
use storage::layout::OUTGOING;

impl Miner {
    /// Serves a request. The client may be gone: nobody minds an answer that is
    /// not taken.
    pub(super) fn serve_layer1(&mut self, request: Layer1Request) {
        match request {
            Layer1Request::Operate(source, calls, reply) => {
                let _ = reply.send(self.operate(&source, calls));
            }
            Layer1Request::DepositTokens(source, routing, amount, reply) => {
                let _ = reply.send(self.deposit_tokens(&source, routing, amount));
            }
            Layer1Request::Govern(source, payload, reply) => {
                let _ = reply.send(self.govern(&source, payload));
            }
            Layer1Request::Execute(source, place, reply) => {
                let _ = reply.send(self.execute(&source, place));
            }
            Layer1Request::PayOut(source, place, reply) => {
                let _ = reply.send(self.pay_out(&source, place));
            }
            Layer1Request::Advance(count, most, reply) => {
                let _ = reply.send(self.advance(count, most));
            }
            Layer1Request::Withdrawals(reply) => {
                let _ = reply.send(self.withdrawals());
            }
            Layer1Request::Inbox(level, reply) => {
                let level = level.unwrap_or_else(|| self.layer1.level().saturating_sub(1));
                let _ = reply.send(Ok((level, self.layer1.inbox(level).map(Arc::clone))));
            }
            Layer1Request::Outbox(level, reply) => {
                let outbox = self.layer1.outbox();
                let _ = reply.send(Ok(match level {
                    Some(level) => owned(outbox.of_level(level)),
                    None => {
                        let older = outbox.iter().count().saturating_sub(MOST_LISTED);
                        owned(outbox.iter().skip(older))
                    }
                }));
            }
            Layer1Request::Overview(reply) => {
                let _ = reply.send(Ok(Overview {
                    rollup: self.layer1.rollup(),
                    level: self.layer1.level(),
                    parameters: *self.layer1.parameters(),
                    contracts: Contracts::of(&self.layer1),
                }));
            }
            Layer1Request::Holdings(account, reply) => {
                let _ = reply.send(Ok(self.holdings(account)));
            }
            Layer1Request::Proof(_, reply) => {
                let _ = reply.send(Err(NodeError::RollupAlone));
            }
            Layer1Request::Status(reply) => {
                let _ = reply.send(Err(NodeError::RollupAlone));
            }
        }
    }

    fn operate(&mut self, source: &[u8; 21], calls: Vec<Call>) -> Result<Operated, NodeError> {
        self.node.can_keep()?;
        let before = self.layer1.clone();
        let receipt = self.layer1.operate_all(source, calls)?;
        self.bring(receipt, before)
    }

    fn deposit_tokens(
        &mut self,
        source: &[u8; 21],
        routing: Vec<u8>,
        amount: u128,
    ) -> Result<Operated, NodeError> {
        let wrapper = Contracts::of(&self.layer1).token_wrapper;
        let Some(Code::TokenWrapper(code)) = self.layer1.contract(&wrapper) else {
            return Err(NodeError::NoTokenWrapper);
        };
        let calls = code.deposit(wrapper, self.layer1.rollup(), routing, amount);
        self.operate(source, calls.into())
    }

    /// Enough of the devnet's keys sign.
    fn govern(&mut self, source: &[u8; 21], payload: Vec<u8>) -> Result<Operated, NodeError> {
        let call = devnet::say(&self.layer1, payload).ok_or(NodeError::NoGovernance)?;
        self.operate(source, vec![call])
    }

    fn execute(&mut self, source: &[u8; 21], place: OutboxPosition) -> Result<Operated, NodeError> {
        self.node.can_keep()?;
        let before = self.layer1.clone();
        let receipt = self.layer1.execute(source, place)?;
        self.bring(receipt, before)
    }

    fn pay_out(&mut self, source: &[u8; 21], place: OutboxPosition) -> Result<Operated, NodeError> {
        let message = self.layer1.outbox().get(&place);
        let (contract, asked) = message
            .and_then(fast_withdrawal)
            .ok_or(NodeError::NoFastWithdrawal)?;
        let amount = u64::try_from(asked.ticket.amount).map_err(NodeError::FastWithdrawalAmount)?;
        let call = asked.claim.pay(contract, Mutez(amount));
        self.operate(source, vec![call])
    }

    /// Runs the level that takes an operation's messages, if levels run at once. Else the operation is
    /// kept before it is told, or layer 1 is as it was `before`.
    fn bring(&mut self, receipt: Receipt, before: Layer1) -> Result<Operated, NodeError> {
        let mut operated = Operated {
            receipt,
            kernel: None,
            waits: None,
        };
        if !operated.receipt.messages.is_empty() && self.node.block_time() == BlockTime::Auto {
            match self.mine(1, None) {
                // Layer 1 has done it, and the level will run.
                Err(NodeError::Miner(MinerError::Waiting(why))) => operated.waits = Some(why),
                ran => {
                    ran?;
                    operated.kernel = Some(self.said.clone());
                    return Ok(operated);
                }
            }
        }
        match self.node.keep(|batch| batch.put_layer1(&self.layer1)) {
            Ok(()) => {}
            // The level that waits has it: it happens, unless the node ends before there is room.
            Err(error) if operated.waits.is_some() => tracing::warn!(
                "an operation of layer 1 waits with its level, and a restart would lose it: {error}"
            ),
            Err(error) => {
                self.layer1 = before;
                return Err(error.into());
            }
        }
        Ok(operated)
    }

    fn advance(&mut self, count: Option<u64>, most: u64) -> Result<Advanced, NodeError> {
        let levels = match count {
            Some(count) => {
                self.mine(count, None)?;
                count
            }
            None => self.advance_until_executable(most)?,
        };
        Ok(Advanced {
            levels,
            level: self.layer1.level(),
            cemented: self.layer1.parameters().cemented(self.layer1.level()),
        })
    }

    fn advance_until_executable(&mut self, most: u64) -> Result<u64, NodeError> {
        for ran in 0..most {
            if self.all_executable()? {
                return Ok(ran);
            }
            self.mine(1, None)?;
        }
        Ok(most)
    }

    fn all_executable(&self) -> Result<bool, StorageError> {
        let waits = !OUTGOING.is_empty(self.machine.durable())?;
        let at = self
            .layer1
            .outbox()
            .all_executable_at(self.layer1.parameters());
        Ok(!waits && at.is_none_or(|at| self.layer1.level() >= at))
    }

    fn withdrawals(&self) -> Result<Vec<Withdrawal>, NodeError> {
        let parameters = self.layer1.parameters();
        let left = self.layer1.outbox().iter().map(|(place, message)| {
            let cover = Cover {
                commitment: parameters.commitment(place.level),
                executable_at: parameters.executable_at(place.level),
            };
            Withdrawal {
                stage: WithdrawalStage::Left(place, self.layer1.status(place), cover),
                message: message.to_vec(),
            }
        });
        let mut all: Vec<Withdrawal> = left.collect();
        all.extend(kept(self.machine.durable()).map_err(StorageError::from)?);
        Ok(all)
    }

    fn holdings(&self, account: Account) -> Holdings {
        let ledger = self.layer1.ledger();
        Holdings {
            tez: match account {
                Account::Contract(contract) => ledger.balance(&contract),
                Account::Rollup(_) => Mutez::ZERO,
            },
            tokens: match self.layer1.contract(&Contracts::of(&self.layer1).token) {
                Some(Code::Token(token)) => token.balance(account),
                _ => 0,
            },
            tickets: ledger
                .tickets_of(account)
                .map(|(id, amount)| (id.clone(), amount))
                .collect(),
        }
    }
}

/// The fast withdrawal of an outbox message, and the contract that pays it.
fn fast_withdrawal(message: &[u8]) -> Option<([u8; 20], Asked)> {
    match Message::parse(message).ok()? {
        Message::Batch(calls) => {
            let call = calls.first()?;
            Some((call.destination, Asked::read(call.parameters)?))
        }
        _ => None,
    }
}

fn owned<'m>(
    messages: impl Iterator<Item = (OutboxPosition, &'m [u8])>,
) -> Vec<(OutboxPosition, Vec<u8>)> {
    messages
        .map(|(place, bytes)| (place, bytes.to_vec()))
        .collect()
}

/// The messages that the kernel keeps.
pub(crate) fn kept(durable: &Durable) -> Result<Vec<Withdrawal>, host::HostError> {
    let waiting = OUTGOING.waiting(durable)?;
    let mut kept = Vec::new();
    for number in 0..waiting.start {
        if let Some(message) = OUTGOING.doubtful(durable, number)? {
            let stage = WithdrawalStage::Doubtful(number);
            kept.push(Withdrawal { stage, message });
        }
    }
    for number in waiting {
        if let Some(message) = OUTGOING.message(durable, number)? {
            let stage = WithdrawalStage::Queued(number);
            kept.push(Withdrawal { stage, message });
        }
    }
    Ok(kept)
}
