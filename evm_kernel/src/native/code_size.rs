//! The size of code on a development node that allows more than Ethereum; never in the
//! shipped bytes, which know nothing of it.
//!
//! The limit stands in durable storage, beside what the kernel keeps, so that it goes with the
//! chain: what is tried, traced or made natively heeds it.

use crate::error::KernelError;
use crate::execute::executor::Executor;
use host::{Path, ReadStore};
use storage::StorageError;

/// Its path: the most bytes of code (EIP-170), 8 bytes, big-endian. That of initcode
/// (EIP-3860) is twice as much.
pub const PATH: &str = "/development/code_size_limit";

/// The most bytes of code; `None`: as on Ethereum.
///
/// # Errors
/// If durable storage cannot be read.
pub fn limit(store: &impl ReadStore) -> Result<Option<usize>, StorageError> {
    let bytes = store.read_all(Path::literal(PATH))?;
    let bytes = bytes.and_then(|bytes| <[u8; 8]>::try_from(bytes).ok());
    Ok(bytes.and_then(|bytes| usize::try_from(u64::from_be_bytes(bytes)).ok()))
}

/// Gives the engine the limit of `store`, if it has one.
pub(crate) fn heed<S: ReadStore, I>(
    executor: &mut Executor<'_, S, I>,
    store: &S,
) -> Result<(), KernelError> {
    if let Some(limit) = limit(store)? {
        executor.configure(|config, _| config.limit_contract_code_size = Some(limit));
    }
    Ok(())
}
