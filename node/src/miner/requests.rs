//! Requests to the miner, which it serves between two levels.

use crate::error::NodeError;
use crate::fork::Fork;
use crate::installed::Kernel;
use crate::request::Submission;
use crate::state_file::Dump;
use alloy_primitives::{Address, B256, Bytes, U256};
use layer1::devnet::Contracts;
use layer1::outbox::{OutboxPosition, Parameters, Status};
use layer1::value::TicketId;
use layer1::{Account, Call, Mutez, Receipt};
use std::sync::Arc;
use tokio::sync::oneshot;

/// The most messages to layer 1 that are listed at once: the newest.
pub(crate) const MOST_LISTED: usize = 1_000;

/// Takes the answer to a request. The client may be gone: sending may fail.
pub(crate) type Reply<T> = oneshot::Sender<Result<T, NodeError>>;

/// A request to the miner.
#[derive(Debug)]
pub(crate) enum Request {
    /// For the chain.
    Development(DevelopmentRequest),
    /// For layer 1.
    Layer1(Layer1Request),
}

/// A request of a developer's tool: see the methods of [`MinerHandle`](super::MinerHandle).
#[derive(Debug)]
pub(crate) enum DevelopmentRequest {
    Mine(u64, Option<u64>, Reply<()>),
    Snapshot(Reply<u64>),
    Revert(u64, Reply<bool>),
    Change(Address, Change, Reply<()>),
    SetNextBaseFee(u64, Reply<()>),
    Set(Setting, Reply<()>),
    Load(Box<Dump>, Reply<()>),
    Reset(Option<Arc<Fork>>, Reply<()>),
    Rollback(u64, Reply<()>),
    Reorg(u64, Vec<Vec<Submission>>, Reply<()>),
}

/// A setting of the chain that developers change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    /// The gas of a block.
    GasLimit(u64),
    /// The receiver of the priority fees.
    FeeRecipient(Address),
    /// The lowest base fee, in wei per gas.
    BaseFeeFloor(u64),
    /// The chain's number.
    ChainId(u64),
    /// PREVRANDAO of the next block.
    Prevrandao(B256),
}

/// A level and its inbox messages; `None` if there are none of that level.
pub(crate) type LevelMessages = (u32, Option<Arc<[Vec<u8>]>>);

/// A request to the devnet's layer 1: see the methods of [`MinerHandle`](super::MinerHandle).
#[derive(Debug)]
pub(crate) enum Layer1Request {
    Operate([u8; 21], Vec<Call>, Reply<Operated>),
    DepositTokens([u8; 21], Vec<u8>, u128, Reply<Operated>),
    Govern([u8; 21], Vec<u8>, Reply<Operated>),
    Execute([u8; 21], OutboxPosition, Reply<Operated>),
    PayOut([u8; 21], OutboxPosition, Reply<Operated>),
    Advance(Option<u64>, u64, Reply<Advanced>),
    Withdrawals(Reply<Vec<Withdrawal>>),
    Inbox(Option<u32>, Reply<LevelMessages>),
    Outbox(Option<u32>, Reply<Vec<(OutboxPosition, Vec<u8>)>>),
    Overview(Reply<Overview>),
    Holdings(Account, Reply<Holdings>),
    Proof(OutboxPosition, Reply<OutboxProof>),
    Status(Reply<RollupStatus>),
}

impl Request {
    /// True if it is served while a level waits for a preimage: it changes nothing, or
    /// goes back to before.
    pub(super) const fn goes_while_waiting(&self) -> bool {
        match self {
            Self::Development(request) => matches!(
                request,
                DevelopmentRequest::Revert(..) | DevelopmentRequest::Reset(..)
            ),
            Self::Layer1(request) => matches!(
                request,
                Layer1Request::Withdrawals(_)
                    | Layer1Request::Inbox(..)
                    | Layer1Request::Outbox(..)
                    | Layer1Request::Overview(_)
                    | Layer1Request::Holdings(..)
            ),
        }
    }

    /// Refuses it.
    pub(crate) fn refuse(self, why: &dyn Fn() -> NodeError) {
        use DevelopmentRequest::{
            Change, Load, Mine, Reorg, Reset, Revert, Rollback, Set, SetNextBaseFee, Snapshot,
        };
        use Layer1Request::{
            Advance, DepositTokens, Execute, Govern, Holdings, Inbox, Operate, Outbox, Overview,
            PayOut, Proof, Status, Withdrawals,
        };
        fn no<T>(reply: Reply<T>, why: &dyn Fn() -> NodeError) {
            // The client may be gone.
            let _ = reply.send(Err(why()));
        }
        match self {
            Self::Development(request) => match request {
                Snapshot(reply) => no(reply, why),
                Revert(_, reply) => no(reply, why),
                Mine(_, _, reply)
                | Change(_, _, reply)
                | Reorg(_, _, reply)
                | SetNextBaseFee(_, reply)
                | Set(_, reply)
                | Load(_, reply)
                | Reset(_, reply)
                | Rollback(_, reply) => no(reply, why),
            },
            Self::Layer1(request) => match request {
                Operate(_, _, reply)
                | DepositTokens(_, _, _, reply)
                | Govern(_, _, reply)
                | Execute(_, _, reply)
                | PayOut(_, _, reply) => no(reply, why),
                Advance(_, _, reply) => no(reply, why),
                Withdrawals(reply) => no(reply, why),
                Inbox(_, reply) => no(reply, why),
                Outbox(_, reply) => no(reply, why),
                Overview(reply) => no(reply, why),
                Holdings(_, reply) => no(reply, why),
                Proof(_, reply) => no(reply, why),
                Status(reply) => no(reply, why),
            },
        }
    }
}

/// Changes of an account; `None` leaves a field unchanged.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// Its balance, in wei.
    pub balance: Option<U256>,
    /// Its nonce.
    pub nonce: Option<u64>,
    /// Its code.
    pub code: Option<Bytes>,
    /// A slot and its new value.
    pub slot: Option<(U256, U256)>,
}

/// A message on its way to layer 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Withdrawal {
    /// Its stage.
    pub stage: WithdrawalStage,
    /// Its bytes.
    pub message: Vec<u8>,
}

/// The stage of a message to layer 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WithdrawalStage {
    /// The kernel keeps it until a level's outbox has room; its number there.
    Queued(u64),
    /// A trap left it in doubt whether it left; its number there.
    Doubtful(u64),
    /// In the outbox.
    Left(OutboxPosition, Status, Cover),
    /// In the outbox of a rollup that the node follows.
    Followed(OutboxPosition, Followed),
}

/// The commitment that covers a message of the outbox, or will.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cover {
    /// Its level.
    pub commitment: u32,
    /// From which level on it is cemented, if nobody refutes it.
    pub executable_at: u32,
}

/// The stage of a message in the outbox, as a rollup node tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Followed {
    /// The commitment of this level will cover it.
    Uncommitted(u32),
    /// The commitment of this level covers it, and can still be refuted.
    Committed(u32),
    /// Anybody can execute it.
    Executable,
    /// It was executed.
    Executed,
    /// It can no longer be executed.
    Lost,
}

/// The proof and the command for a message of an outbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxProof {
    /// The rollup: `sr1…`.
    pub rollup: String,
    /// The cemented commitment to name: `src1…`.
    pub commitment: String,
    /// The proof, in hex.
    pub proof: String,
    /// The stage that the message has reached, if the rollup node tells.
    pub stage: Option<Followed>,
}

/// The status of a node and of its rollup node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RollupStatus {
    /// The rollup: `sr1…`.
    pub rollup: String,
    /// The newest level that ran.
    pub level: u32,
    /// The hash of its block of layer 1.
    pub hash: String,
    /// The newest level that layer 1 has finalised.
    pub finalized: Option<u32>,
    /// The newest level that a cemented commitment covers.
    pub cemented: Option<u32>,
    /// Transactions that are on their way to layer 1.
    pub posted: usize,
    /// The kernel after the newest level.
    pub kernel: Option<Kernel>,
    /// The current trouble.
    pub trouble: Option<String>,
}

/// The levels after [`MinerHandle::advance`](super::MinerHandle::advance).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advanced {
    /// The number of levels that ran.
    pub levels: u64,
    /// The level that operations go into now.
    pub level: u32,
    /// The newest level whose commitment is cemented.
    pub cemented: Option<u32>,
}

/// An operation of layer 1, and what the kernel made of it.
#[derive(Clone, Debug)]
pub struct Operated {
    /// The operation.
    pub receipt: Receipt,
    /// The kernel's log of the level that took its messages; none if that has not run.
    pub kernel: Option<Vec<String>>,
    /// Why the level that takes its messages waits, if it does.
    pub waits: Option<String>,
}

/// Layer 1 at a glance.
#[derive(Clone, Copy, Debug)]
pub struct Overview {
    /// The rollup's address: the 20 bytes behind `sr1…`.
    pub rollup: [u8; 20],
    /// The level that operations go into now.
    pub level: u32,
    /// Its constants.
    pub parameters: Parameters,
    /// The addresses of its contracts.
    pub contracts: Contracts,
}

/// The possessions of an account on layer 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holdings {
    /// Its tez.
    pub tez: Mutez,
    /// Its tokens of the devnet's token contract.
    pub tokens: u128,
    /// Its tickets.
    pub tickets: Vec<(TicketId, u128)>,
}
