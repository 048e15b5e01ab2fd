//! The texts of what is new: each is written once, however many subscribers get it.

use super::json;
use crate::chain::Block;
use alloy_primitives::B256;
use serde_json::Value;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// The texts of the newest blocks and transactions that subscribers get, each written once.
#[derive(Debug, Default)]
pub(crate) struct Texts {
    blocks: Mutex<Vec<Arc<BlockTexts>>>,
    arrivals: Mutex<VecDeque<Arrival>>,
}

/// A transaction that arrived, whole or its hash alone, with its text.
type Arrival = ((B256, bool), Arc<str>);

/// The blocks whose texts are kept.
const KEPT: usize = 2;

/// The transactions whose texts are kept.
const ARRIVALS: usize = 64;

impl Texts {
    /// That of a transaction that arrived.
    pub(super) fn arrival(
        &self,
        hash: &B256,
        whole: bool,
        write: impl FnOnce() -> Value,
    ) -> Arc<str> {
        let known = |kept: &VecDeque<Arrival>| {
            let mut all = kept.iter();
            all.find_map(|(key, text)| (*key == (*hash, whole)).then(|| Arc::clone(text)))
        };
        let kept = || self.arrivals.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(text) = known(&kept()) {
            return text;
        }
        let text: Arc<str> = write().to_string().into();
        let mut kept = kept();
        // Another one may have written it meanwhile.
        if let Some(text) = known(&kept) {
            return text;
        }
        if kept.len() >= ARRIVALS {
            kept.pop_front();
        }
        kept.push_back(((*hash, whole), Arc::clone(&text)));
        text
    }

    /// Those of `block`.
    pub(super) fn of(&self, block: &Arc<Block>) -> Arc<BlockTexts> {
        let mut kept = self.blocks.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(texts) = kept.iter().find(|texts| texts.block.hash == block.hash) {
            return Arc::clone(texts);
        }
        let texts = Arc::new(BlockTexts {
            block: Arc::clone(block),
            header: OnceLock::new(),
            logs: block.logs().map(|_| OnceLock::new()).collect(),
            receipts: block.transactions.iter().map(|_| OnceLock::new()).collect(),
        });
        if kept.len() >= KEPT {
            kept.remove(0);
        }
        kept.push(Arc::clone(&texts));
        texts
    }
}

/// The texts of a block.
#[derive(Debug)]
pub(super) struct BlockTexts {
    block: Arc<Block>,
    header: OnceLock<Arc<str>>,
    logs: Vec<OnceLock<Arc<str>>>,
    receipts: Vec<OnceLock<Arc<str>>>,
}

impl BlockTexts {
    /// Its header.
    pub(super) fn header(&self) -> Arc<str> {
        let write = || Value::Object(json::header(&self.block)).to_string().into();
        Arc::clone(self.header.get_or_init(write))
    }

    /// Its log at this place.
    pub(super) fn log(&self, place: usize, write: impl FnOnce() -> Value) -> Option<Arc<str>> {
        let text = self.logs.get(place)?;
        Some(Arc::clone(text.get_or_init(|| write().to_string().into())))
    }
    /// The receipt of its transaction at this place.
    pub(super) fn receipt(&self, place: usize, write: impl FnOnce() -> Value) -> Option<Arc<str>> {
        let text = self.receipts.get(place)?;
        Some(Arc::clone(text.get_or_init(|| write().to_string().into())))
    }
}
