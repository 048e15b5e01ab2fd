//! The texts of new blocks: each is written once, however many subscribers get it.

use super::json;
use crate::chain::Block;
use serde_json::Value;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// The texts of the newest blocks that subscribers get, each written once.
#[derive(Debug, Default)]
pub(crate) struct Texts(Mutex<Vec<Arc<BlockTexts>>>);

/// The blocks whose texts are kept.
const KEPT: usize = 2;

impl Texts {
    /// Those of `block`.
    pub(super) fn of(&self, block: &Arc<Block>) -> Arc<BlockTexts> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(texts) = kept.iter().find(|texts| texts.block.hash == block.hash) {
            return Arc::clone(texts);
        }
        let texts = Arc::new(BlockTexts {
            block: Arc::clone(block),
            header: OnceLock::new(),
            logs: block.logs().map(|_| OnceLock::new()).collect(),
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
}
