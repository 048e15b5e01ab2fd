//! The seam to who makes pages for browsers: the node itself has no HTML.

use crate::miner::MinerHandle;
use axum::response::Response;
use futures_util::future::BoxFuture;
use std::fmt::Debug;
use std::sync::Arc;

/// Makes pages for browsers, on the node's own port.
pub trait Site: Debug + Send + Sync {
    /// The answer to a GET request.
    fn page(&self, miner: MinerHandle, asked: Asked) -> BoxFuture<'static, Response>;
}

/// The site of a node; `None`: it has no pages.
pub type SharedSite = Option<Arc<dyn Site>>;

/// A browser's request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The path, which begins with a slash; percent signs are as they came.
    pub path: String,
    /// The part behind the question mark, as it came.
    pub query: String,
}
