//! Listeners to the heads of layer 1.

use crate::double::Double;
use crate::world::{Level, World};
use axum::body::Bytes;
use serde_json::Value;
use std::sync::Arc;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;

/// A stream of heads.
pub(crate) struct Listening {
    pub(crate) double: Double,
    pub(crate) heads: Receiver<Arc<Level>>,
    pub(crate) restarts: watch::Receiver<u64>,
    pub(crate) line: fn(&World, &Level) -> Option<Value>,
    /// The first head to send.
    pub(crate) next: Option<Value>,
    /// True if the stream has ended.
    pub(crate) ended: bool,
}

impl Listening {
    /// The next line, once there is one; `None` at the end.
    pub(crate) async fn next_line(&mut self) -> Option<Bytes> {
        loop {
            if let Some(value) = self.next.take() {
                let mut line = format!("{value}\n").into_bytes();
                if self.double.world().faults.is_cut() {
                    self.ended = true;
                    line.truncate(line.len() / 2);
                }
                return Some(Bytes::from(line));
            }
            if self.ended {
                return None;
            }
            tokio::select! {
                head = self.heads.recv() => match head {
                    Ok(level) => self.next = (self.line)(&self.double.world(), &level),
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return None,
                },
                _ = self.restarts.changed() => return None,
            }
        }
    }
}
