//! The chain's configuration, and the node's limits on what it keeps.

use crate::node::Node;
use crate::request::BlockId;
use crate::rpc::RpcError;
use crate::rpc::json;
use crate::rpc::params::Params;
use alloy_primitives::{Address, B256, address};
use evm_kernel::native::simulate::{Environment, is_precompile};
use serde_json::{Map, Value, json};

/// The precompiles by their names (EIP-7910).
const PRECOMPILES: [(&str, u16); 18] = [
    ("ECREC", 0x01),
    ("SHA256", 0x02),
    ("RIPEMD160", 0x03),
    ("ID", 0x04),
    ("MODEXP", 0x05),
    ("BN254_ADD", 0x06),
    ("BN254_MUL", 0x07),
    ("BN254_PAIRING", 0x08),
    ("BLAKE2F", 0x09),
    ("KZG_POINT_EVALUATION", 0x0a),
    ("BLS12_G1ADD", 0x0b),
    ("BLS12_G1MSM", 0x0c),
    ("BLS12_G2ADD", 0x0d),
    ("BLS12_G2MSM", 0x0e),
    ("BLS12_PAIRING_CHECK", 0x0f),
    ("BLS12_MAP_FP_TO_G1", 0x10),
    ("BLS12_MAP_FP2_TO_G2", 0x11),
    ("P256VERIFY", 0x100),
];

/// The contract of EIP-2935.
const HISTORY: Address = address!("0x0000F90827F1C53a10cb7A02335B175320002935");

/// `eth_config()` (EIP-7910): the rules in force, and no others to come.
pub(super) fn config(node: &Node, _: &Params) -> Result<Value, RpcError> {
    let latest = node.latest()?;
    let environment = Environment::of_head(latest.state()?)?;
    let genesis = node.block(BlockId::Number(0))?;
    let there = PRECOMPILES.iter().filter_map(|(name, number)| {
        let address = Address::left_padding_from(&number.to_be_bytes());
        is_precompile(&environment, &address).then(|| ((*name).into(), json::address(&address)))
    });
    let current = json!({
        "activationTime": genesis.header.timestamp,
        // No blobs.
        "blobSchedule": { "baseFeeUpdateFraction": 0, "max": 0, "target": 0 },
        "chainId": json::quantity(node.chain_id()),
        "forkId": json::data(crc32(&genesis.hash).to_be_bytes()),
        "precompiles": there.collect::<Map<String, Value>>(),
        "systemContracts": { "HISTORY_STORAGE_ADDRESS": json::address(&HISTORY) },
    });
    Ok(json!({ "current": current, "next": null, "last": null }))
}

/// The checksum that a fork's id begins with (EIP-2124): of the genesis hash, since all
/// rules hold from there on.
fn crc32(hash: &B256) -> u32 {
    let mut sum = u32::MAX;
    for byte in hash.0 {
        sum ^= u32::from(byte);
        for _ in 0..8 {
            let odd = sum & 1;
            sum >>= 1;
            if odd == 1 {
                sum ^= 0xedb8_8320;
            }
        }
    }
    !sum
}

/// `eth_capabilities()`: from which block on what is there.
pub(super) fn capabilities(node: &Node, _: &Params) -> Result<Value, RpcError> {
    let latest = node.latest()?;
    let kept = node.keep_states();
    let oldest = latest.number().saturating_sub(kept.saturating_sub(1));
    let all =
        json!({ "disabled": false, "oldestBlock": "0x0", "deleteStrategy": { "type": "none" } });
    let states = json!({
        "disabled": false,
        "oldestBlock": json::quantity(oldest),
        "deleteStrategy": { "type": "window", "retentionBlocks": kept },
    });
    Ok(json!({
        "head": { "number": json::quantity(latest.number()), "hash": json::data(latest.hash) },
        "state": states, "stateproofs": states,
        "blocks": all, "tx": all, "logs": all, "receipts": all,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::b256;

    #[test]
    fn the_checksum_is_that_of_known_chains() {
        // Ethereum's genesis and its id before the first fork (EIP-2124).
        let genesis = b256!("0xd4e56740f876aef8c010b86a40d5f56745a118d0906a34e69aec8c0db1cb8fa3");
        assert_eq!(crc32(&genesis), 0xfc64_ec04);
    }
}
