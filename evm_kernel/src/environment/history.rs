//! The contract that serves the hashes of earlier blocks (EIP-2935).

use crate::environment::Environment;
use alloy_primitives::{Address, B256, U256, address, hex};
use storage::config::Revision;

/// The contract that keeps the hashes of the last 8,191 blocks (EIP-2935).
pub const HISTORY_ADDRESS: Address = address!("0x0000F90827F1C53a10cb7A02335B175320002935");

/// Its code, from the EIP.
pub(crate) const HISTORY_CODE: &[u8] = &hex!(
    "3373fffffffffffffffffffffffffffffffffffffffe14604657602036036042575f35600143038111604257611fff81430311604257611fff9006545f5260205ff35b5f5ffd5b5f35611fff60014303065500"
);

/// The slots of the history contract, used in turn (EIP-2935).
const HISTORY_WINDOW: u64 = 8191;

/// The slot of the history contract that the block after `parent` sets, and its
/// hash in it (EIP-2935).
pub(crate) fn slot(environment: &Environment, parent: B256) -> Option<(U256, U256)> {
    (environment.revision >= Revision::Prague).then(|| {
        let slot = environment.number.saturating_sub(1) % HISTORY_WINDOW;
        (U256::from(slot), parent.into())
    })
}
