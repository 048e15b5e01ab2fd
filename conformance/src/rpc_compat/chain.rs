//! The recorded chain: its blocks as they are replayed, and the rules of each.

use super::{CompatError, Files, invalid, text};
use alloy_primitives::{B256, Bytes, keccak256};
use ethereum::rlp::{Decoder, Item};
use serde_json::Value;
use storage::config::Revision;

/// From which block on which rules hold: forks begin at a time, blocks have one.
pub(super) fn revisions(files: &Files) -> Result<Vec<(u64, Revision)>, CompatError> {
    let path = "genesis.json";
    let file: Value =
        serde_json::from_str(&text(files, path)?).map_err(|error| invalid(path, error))?;
    let blocks = blocks(files)?;
    let mut revisions = vec![(0, Revision::Cancun)];
    for (name, revision) in [
        ("pragueTime", Revision::Prague),
        ("osakaTime", Revision::Osaka),
    ] {
        let Some(time) = file["config"][name].as_u64() else {
            continue;
        };
        let first = (1..)
            .zip(&blocks)
            .find(|(_, block)| block.timestamp >= time);
        revisions.extend(first.map(|(number, _)| (number, revision)));
    }
    Ok(revisions)
}

/// The blocks after genesis.
pub(super) fn blocks(files: &Files) -> Result<Vec<Recorded>, CompatError> {
    let path = "chain.rlp";
    let bytes = files.get(path);
    let bytes = bytes.ok_or_else(|| CompatError::Missing(path.into()))?;
    chain(bytes).map_err(|error| invalid(path, error))
}

/// A block of the recorded chain.
pub(super) struct Recorded {
    pub(super) hash: B256,
    pub(super) timestamp: u64,
    pub(super) base_fee: u64,
    /// The EIP-2718 bytes of its transactions.
    pub(super) transactions: Vec<Bytes>,
}

/// The blocks of `chain.rlp`, one behind the other.
fn chain(bytes: &[u8]) -> Result<Vec<Recorded>, ethereum::rlp::Error> {
    let mut decoder = Decoder::new(bytes);
    let mut blocks = Vec::new();
    while !decoder.is_empty() {
        let mut block = decoder.list()?;
        let start = block.rest();
        let mut header = block.list()?;
        let header_bytes = &start[..start.len() - block.rest().len()];
        for _ in 0..11 {
            header.item()?;
        }
        let timestamp = header.u64()?;
        for _ in 0..3 {
            header.item()?;
        }
        let base_fee = if header.is_empty() { 1 } else { header.u64()? };
        let mut items = block.list()?;
        let mut transactions = Vec::new();
        while !items.is_empty() {
            let before = items.rest();
            let raw = match items.item()? {
                // A typed transaction is a byte string of the list.
                Item::String(raw) => raw,
                Item::List(_) => &before[..before.len() - items.rest().len()],
            };
            transactions.push(Bytes::copy_from_slice(raw));
        }
        blocks.push(Recorded {
            hash: keccak256(header_bytes),
            timestamp,
            base_fee,
            transactions,
        });
    }
    Ok(blocks)
}
