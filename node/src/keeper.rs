//! Transactions that wait for a block, written before their hash is told: those that arrive
//! meanwhile share the next commit.

use crate::error::NodeError;
use crate::pool::Candidate;
use crate::store::bounds::POOL_BATCH;
use crate::store::{SavedTransaction, Store, StoreError};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use tokio::sync::oneshot;

/// A transaction, and where it is told that it is kept.
type Waiting = (Arc<Candidate>, oneshot::Sender<Result<(), Arc<StoreError>>>);

/// The thread that writes them. It ends with this.
#[derive(Debug)]
pub(crate) struct Keeper(SyncSender<Waiting>);

impl Keeper {
    /// Starts it.
    ///
    /// # Errors
    /// If there is no thread.
    pub(crate) fn start(store: Arc<Store>) -> std::io::Result<Self> {
        let (sender, waiting) = sync_channel(POOL_BATCH);
        let thread = std::thread::Builder::new().name("pool".into());
        thread.spawn(move || run(&store, &waiting))?;
        Ok(Self(sender))
    }

    /// Keeps a transaction; returns when it is committed.
    ///
    /// # Errors
    /// If it cannot be written, or too many wait.
    pub(crate) async fn keep(&self, candidate: Arc<Candidate>) -> Result<(), NodeError> {
        let (sender, kept) = oneshot::channel();
        match self.0.try_send((candidate, sender)) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => return Err(NodeError::Busy),
            Err(TrySendError::Disconnected(_)) => return Err(NodeError::Stopped),
        }
        let kept = kept.await.map_err(|_| NodeError::Stopped)?;
        kept.map_err(NodeError::NotKept)
    }
}

fn run(store: &Store, waiting: &Receiver<Waiting>) {
    let mut arrival = match store.waiting() {
        Ok(waiting) => waiting.last().map_or(0, |(_, last)| last.arrival + 1),
        Err(error) => {
            tracing::error!(
                "pending transactions cannot be written to the store, so a restart would lose them: {error}"
            );
            return;
        }
    };
    while let Ok(first) = waiting.recv() {
        let mut batch = vec![first];
        batch.extend(waiting.try_iter().take(POOL_BATCH - 1));
        let is_known = store.trouble().is_some();
        let wrote = store.write(|write| {
            for (number, (candidate, _)) in (arrival..).zip(&batch) {
                let saved = SavedTransaction {
                    arrival: number,
                    unsigned: candidate.unsigned.then_some(candidate.sender),
                    raw: candidate.raw.clone(),
                };
                write.put_waiting(&candidate.transaction.hash, &saved)?;
            }
            Ok(())
        });
        arrival += batch.len() as u64;
        if let (Err(error), false) = (&wrote, is_known) {
            tracing::warn!("transactions are refused: {error}");
        }
        let wrote = wrote.map_err(Arc::new);
        for (_, kept) in batch {
            // The client may be gone.
            let _ = kept.send(wrote.clone());
        }
    }
}
