//! The devnet's layer 1: deposits go into the next level's inbox, what the
//! kernel wrote can be executed when it is cemented.
//!
//! All of it runs on the miner's thread, which feeds the levels. It lives in
//! memory, as the chain does.

use super::miner::Miner;
use crate::chain::ChainError;
use crate::node::{BlockTime, Node};
use crate::rpc::RpcError;
use layer1::outbox::{Place, Status};
use layer1::{Call, Layer1, Receipt};
use pvm::Durable;
use storage::StorageError;
use storage::layout::OUTGOING;

/// A message on its way to layer 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Withdrawal {
    /// How far it is.
    pub stage: Stage,
    /// Its bytes.
    pub message: Vec<u8>,
}

/// How far a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The kernel keeps it until a level's outbox has room; its number there.
    Queued(u64),
    /// A trap left it in doubt whether it left; its number there.
    Doubtful(u64),
    /// In the outbox.
    Left(Place, Status),
}

impl Node {
    /// Looks at layer 1, between two levels.
    ///
    /// # Errors
    /// Where the devnet ended.
    pub async fn layer1<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Layer1) -> T + Send + 'static,
    ) -> Result<T, RpcError> {
        self.control(|miner| Ok(look(&miner.layer1))).await
    }
}

impl Miner {
    /// Runs operations of `source` that happen together or not at all. What they
    /// bring to the rollup is in the level that runs next, which is at once where
    /// levels run so.
    ///
    /// # Errors
    /// Why layer 1 refuses them.
    pub fn operate(&mut self, source: &[u8; 21], calls: Vec<Call>) -> Result<Receipt, RpcError> {
        let receipt = self
            .layer1
            .operate_all(source, calls)
            .map_err(RpcError::server)?;
        self.bring(receipt)
    }

    /// Executes an outbox message, in an operation of `source`.
    ///
    /// # Errors
    /// Why it cannot be executed.
    pub fn execute(&mut self, source: &[u8; 21], place: Place) -> Result<Receipt, RpcError> {
        let receipt = self
            .layer1
            .execute(source, place)
            .map_err(RpcError::server)?;
        self.bring(receipt)
    }

    fn bring(&mut self, receipt: Receipt) -> Result<Receipt, RpcError> {
        if !receipt.messages.is_empty() && self.node.block_time() == BlockTime::Auto {
            self.mine(1, None)?;
        }
        Ok(receipt)
    }

    /// Runs levels: `count` of them, or as many as it takes until everything
    /// that waits or stands in the outbox can be executed, but at most `most`.
    /// Gives how many levels ran.
    ///
    /// # Errors
    /// Where a level fails.
    pub fn advance(&mut self, count: Option<u64>, most: u64) -> Result<u64, RpcError> {
        if let Some(count) = count {
            return self.mine(count, None).map(|()| count);
        }
        for ran in 0..most {
            if self.all_executable().map_err(RpcError::internal)? {
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

    /// All messages on their way to layer 1, oldest first.
    ///
    /// # Errors
    /// Where durable storage cannot be read.
    pub fn withdrawals(&self) -> Result<Vec<Withdrawal>, ChainError> {
        let mut all: Vec<Withdrawal> = self
            .layer1
            .outbox()
            .iter()
            .map(|(place, message)| Withdrawal {
                stage: Stage::Left(place, self.layer1.status(place)),
                message: message.to_vec(),
            })
            .collect();
        all.extend(kept(self.machine.durable()).map_err(StorageError::from)?);
        Ok(all)
    }
}

/// The messages that the kernel keeps.
fn kept(durable: &Durable) -> Result<Vec<Withdrawal>, host::HostError> {
    let waiting = OUTGOING.waiting(durable)?;
    let mut kept = Vec::new();
    for number in 0..waiting.start {
        if let Some(message) = OUTGOING.doubtful(durable, number)? {
            let stage = Stage::Doubtful(number);
            kept.push(Withdrawal { stage, message });
        }
    }
    for number in waiting {
        if let Some(message) = OUTGOING.message(durable, number)? {
            let stage = Stage::Queued(number);
            kept.push(Withdrawal { stage, message });
        }
    }
    Ok(kept)
}
