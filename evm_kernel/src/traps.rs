//! Places that trap, for tests of what happens then. Never in the shipped bytes.

use alloy_primitives::{Address, B256};
use revm::precompile::{Precompile, PrecompileId, PrecompileResult};
use storage::block::StoredReceipt;

/// The precompile that traps.
const PRECOMPILE: Address = Address::repeat_byte(0x7e);

/// Prefix of a transaction whose decoding traps.
const RAW: [u8; 2] = [0x7e, 0x7e];

/// The topic of a log that traps when its block is sealed.
const TOPIC: B256 = B256::repeat_byte(0x7e);

pub(crate) fn precompile() -> Precompile {
    Precompile::new(PrecompileId::custom("traps"), PRECOMPILE, run)
}

#[expect(clippy::panic, reason = "what the build is for")]
fn run(_input: &[u8], _gas_limit: u64, _reservoir: u64) -> PrecompileResult {
    panic!("a precompile")
}

#[expect(clippy::panic, reason = "what the build is for")]
pub(crate) fn decoding(raw: &[u8]) {
    if raw.starts_with(&RAW) {
        panic!("a transaction")
    }
}

#[expect(clippy::panic, reason = "what the build is for")]
pub(crate) fn sealing(receipts: &[StoredReceipt]) {
    let mut logs = receipts.iter().flat_map(|receipt| &receipt.logs);
    if logs.any(|log| log.topics().first() == Some(&TOPIC)) {
        panic!("a block")
    }
}
