//! The handle that sends requests to the miner.

use super::requests::{
    Advanced, Change, DevelopmentRequest, Holdings, Layer1Request, LevelMessages, Operated,
    OutboxProof, Overview, Reply, Request, RollupStatus, Setting, Withdrawal,
};
use crate::error::NodeError;
use crate::fork::Fork;
use crate::node::Node;
use crate::request::Submission;
use crate::state_file::Dump;
use alloy_primitives::Address;
use layer1::outbox::OutboxPosition;
use layer1::{Account, Call};
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};
/// Sends requests to the miner's thread and waits for its answers.
#[derive(Clone, Debug)]
pub struct MinerHandle {
    node: Arc<Node>,
    requests: mpsc::UnboundedSender<Request>,
}

impl MinerHandle {
    /// A handle, and where its requests arrive.
    pub(crate) fn new(node: Arc<Node>) -> (Self, mpsc::UnboundedReceiver<Request>) {
        let (requests, incoming) = mpsc::unbounded_channel();
        (Self { node, requests }, incoming)
    }

    /// The node whose levels the miner runs.
    #[must_use]
    pub const fn node(&self) -> &Arc<Node> {
        &self.node
    }

    /// Runs `count` levels, the timestamps `interval` seconds apart if given; the
    /// first takes the pending transactions.
    ///
    /// # Errors
    /// If a level fails.
    pub async fn mine(&self, count: u64, interval: Option<u64>) -> Result<(), NodeError> {
        self.develop(|reply| DevelopmentRequest::Mine(count, interval, reply))
            .await
    }

    /// Takes a snapshot of the chain; returns its number.
    ///
    /// # Errors
    /// [`NodeError::Stopped`].
    pub async fn snapshot(&self) -> Result<u64, NodeError> {
        self.develop(DevelopmentRequest::Snapshot).await
    }

    /// Goes back to a snapshot, which is used up, and so are those after it.
    /// Pending transactions are dropped. `false`: there is no such snapshot.
    ///
    /// # Errors
    /// If the snapshot has no block.
    pub async fn revert(&self, id: u64) -> Result<bool, NodeError> {
        self.develop(|reply| DevelopmentRequest::Revert(id, reply))
            .await
    }

    /// Changes an account in the newest block's state.
    ///
    /// # Errors
    /// If durable storage cannot be read or written.
    pub async fn change(&self, address: Address, change: Change) -> Result<(), NodeError> {
        self.develop(|reply| DevelopmentRequest::Change(address, change, reply))
            .await
    }

    /// Sets the base fee of the next block, in wei per gas; the floor of the base
    /// fee is lowered if it is higher.
    ///
    /// # Errors
    /// If durable storage cannot be read or written.
    pub async fn set_next_base_fee(&self, base_fee: u64) -> Result<(), NodeError> {
        self.develop(|reply| DevelopmentRequest::SetNextBaseFee(base_fee, reply))
            .await
    }

    /// Changes a setting of the chain, from the next block on.
    ///
    /// # Errors
    /// If durable storage cannot be read or written.
    pub async fn set(&self, setting: Setting) -> Result<(), NodeError> {
        self.develop(|reply| DevelopmentRequest::Set(setting, reply))
            .await
    }

    /// Puts the accounts of a dump into the newest state, where slots that they do not name stay;
    /// or makes the chain that of the dump, if it has one.
    ///
    /// # Errors
    /// If durable storage cannot be read or written.
    pub async fn load(&self, dump: Dump) -> Result<(), NodeError> {
        self.develop(|reply| DevelopmentRequest::Load(Box::new(dump), reply))
            .await
    }

    /// Goes back to genesis, or to a block of another chain, which the chain goes on from.
    ///
    /// # Errors
    /// If the other chain's node does not give what is needed.
    pub async fn reset(&self, fork: Option<Arc<Fork>>) -> Result<(), NodeError> {
        self.develop(|reply| DevelopmentRequest::Reset(fork, reply))
            .await
    }

    /// Goes on from a fork's block, or from a dumped chain, where there is one.
    ///
    /// # Errors
    /// As [`MinerHandle::reset`] and [`MinerHandle::load`].
    pub(crate) async fn begin(
        &self,
        fork: Option<Arc<Fork>>,
        dump: Option<Dump>,
    ) -> Result<(), NodeError> {
        if fork.is_some() {
            return self.reset(fork).await;
        }
        match dump.filter(|dump| dump.chain.is_some()) {
            Some(dump) => self.load(dump).await,
            None => Ok(()),
        }
    }

    /// Goes so many blocks back; what waits in the pool stays, and listeners are told of
    /// the logs that are gone.
    ///
    /// # Errors
    /// [`NodeError::Depth`], or if the state there is no longer kept.
    pub async fn rollback(&self, depth: u64) -> Result<(), NodeError> {
        self.develop(|reply| DevelopmentRequest::Rollback(depth, reply))
            .await
    }

    /// Goes so many blocks back and makes as many others, with these transactions.
    ///
    /// # Errors
    /// As [`MinerHandle::rollback`]; if a transaction is refused or a level fails.
    pub async fn reorg(&self, depth: u64, blocks: Vec<Vec<Submission>>) -> Result<(), NodeError> {
        self.develop(|reply| DevelopmentRequest::Reorg(depth, blocks, reply))
            .await
    }

    /// Runs operations of `source` together: all of them or none. Their inbox
    /// messages are in the next level, which runs at once if levels do.
    ///
    /// # Errors
    /// If layer 1 refuses them.
    pub async fn operate(&self, source: [u8; 21], calls: Vec<Call>) -> Result<Operated, NodeError> {
        self.layer1(|reply| Layer1Request::Operate(source, calls, reply))
            .await
    }

    /// Sends tokens of `source` through their wrapper to the rollup.
    ///
    /// # Errors
    /// If layer 1 refuses it.
    pub async fn deposit_tokens(
        &self,
        source: [u8; 21],
        routing: Vec<u8>,
        amount: u128,
    ) -> Result<Operated, NodeError> {
        self.layer1(|reply| Layer1Request::DepositTokens(source, routing, amount, reply))
            .await
    }

    /// Sends a payload to the rollup from the governance contract, signed by enough of its
    /// keys, in an operation of `source`.
    ///
    /// # Errors
    /// If layer 1 refuses it.
    pub async fn govern(&self, source: [u8; 21], payload: Vec<u8>) -> Result<Operated, NodeError> {
        self.layer1(|reply| Layer1Request::Govern(source, payload, reply))
            .await
    }

    /// Executes an outbox message, in an operation of `source`.
    ///
    /// # Errors
    /// [`NodeError::Execute`].
    pub async fn execute(
        &self,
        source: [u8; 21],
        place: OutboxPosition,
    ) -> Result<Operated, NodeError> {
        self.layer1(|reply| Layer1Request::Execute(source, place, reply))
            .await
    }

    /// Pays a fast withdrawal in the outbox, in an operation of `source`.
    ///
    /// # Errors
    /// [`NodeError::NoFastWithdrawal`], or if layer 1 refuses it.
    pub async fn pay_out(
        &self,
        source: [u8; 21],
        place: OutboxPosition,
    ) -> Result<Operated, NodeError> {
        self.layer1(|reply| Layer1Request::PayOut(source, place, reply))
            .await
    }

    /// Runs `count` levels, or without a count as many as it takes until every
    /// message to layer 1 can be executed, at most `most`.
    ///
    /// # Errors
    /// If a level fails.
    pub async fn advance(&self, count: Option<u64>, most: u64) -> Result<Advanced, NodeError> {
        self.layer1(|reply| Layer1Request::Advance(count, most, reply))
            .await
    }

    /// All messages on their way to layer 1, oldest first.
    ///
    /// # Errors
    /// If durable storage cannot be read.
    pub async fn withdrawals(&self) -> Result<Vec<Withdrawal>, NodeError> {
        self.layer1(Layer1Request::Withdrawals).await
    }

    /// The inbox of a level, by default of the newest that is over, with its number.
    ///
    /// # Errors
    /// [`NodeError::Stopped`].
    pub async fn inbox(&self, level: Option<u32>) -> Result<LevelMessages, NodeError> {
        self.layer1(|reply| Layer1Request::Inbox(level, reply))
            .await
    }

    /// The outbox of a level, by default of all.
    ///
    /// # Errors
    /// [`NodeError::Stopped`].
    pub async fn outbox(
        &self,
        level: Option<u32>,
    ) -> Result<Vec<(OutboxPosition, Vec<u8>)>, NodeError> {
        self.layer1(|reply| Layer1Request::Outbox(level, reply))
            .await
    }

    /// Layer 1 at a glance.
    ///
    /// # Errors
    /// [`NodeError::Stopped`].
    pub async fn overview(&self) -> Result<Overview, NodeError> {
        self.layer1(Layer1Request::Overview).await
    }

    /// The possessions of an account on layer 1.
    ///
    /// # Errors
    /// [`NodeError::Stopped`].
    pub async fn holdings(&self, account: Account) -> Result<Holdings, NodeError> {
        self.layer1(|reply| Layer1Request::Holdings(account, reply))
            .await
    }

    /// The proof and the command for a message of the outbox; on a node in front of a rollup
    /// alone.
    ///
    /// # Errors
    /// If the rollup node does not give it.
    pub async fn outbox_proof(&self, place: OutboxPosition) -> Result<OutboxProof, NodeError> {
        self.layer1(|reply| Layer1Request::Proof(place, reply))
            .await
    }

    /// The status of the node and of its rollup node; on a node in front of a rollup alone.
    ///
    /// # Errors
    /// [`NodeError::Stopped`].
    pub async fn rollup_status(&self) -> Result<RollupStatus, NodeError> {
        self.layer1(Layer1Request::Status).await
    }

    async fn develop<T>(
        &self,
        request: impl FnOnce(Reply<T>) -> DevelopmentRequest,
    ) -> Result<T, NodeError> {
        self.ask(|reply| Request::Development(request(reply))).await
    }

    async fn layer1<T>(
        &self,
        request: impl FnOnce(Reply<T>) -> Layer1Request,
    ) -> Result<T, NodeError> {
        self.ask(|reply| Request::Layer1(request(reply))).await
    }

    async fn ask<T>(&self, request: impl FnOnce(Reply<T>) -> Request) -> Result<T, NodeError> {
        let (reply, answer) = oneshot::channel();
        let sent = self.requests.send(request(reply));
        sent.map_err(|_| NodeError::Stopped)?;
        self.node.wake();
        answer.await.map_err(|_| NodeError::Stopped)?
    }
}
