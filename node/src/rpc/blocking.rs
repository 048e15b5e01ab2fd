//! Work that takes long, off the threads that answer calls.

use super::error::RpcError;
use crate::node::Node;
use std::sync::Arc;

/// Runs `work` on a thread that may block.
///
/// # Errors
/// Those of `work`; an internal error if it panics.
pub(super) async fn blocking<T: Send + 'static>(
    node: &Arc<Node>,
    work: impl FnOnce(&Node) -> Result<T, RpcError> + Send + 'static,
) -> Result<T, RpcError> {
    let node = Arc::clone(node);
    tokio::task::spawn_blocking(move || work(&node))
        .await
        .map_err(RpcError::internal)?
}
