//! One blockchain test, judged: blocks one after another, with the system calls
//! of EIP-2935 (by the kernel) and EIP-4788 (by hand: a rollup has no beacon
//! chain).

use crate::Revision;
use crate::fixture::{blob_base_fee, revision};
use crate::rollup::{Block, Rollup, Surroundings};
use crate::statetest::Judged;
use crate::world::World;
use alloy_primitives::{Address, B256, Bloom, Bytes, U256, address};
use alloy_rlp::Header as Item;
use ethereum::header::Header;
use serde::Deserialize;
use std::collections::BTreeMap;
use storage::layout::{ACCOUNTS, HEADERS, SLOTS};
use storage::table::Value;

/// A file: tests by name.
pub type File = BTreeMap<String, Test>;

/// A blockchain test.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Test {
    /// The fork, or `AToBAtTime15k`.
    pub network: String,
    /// Block 0.
    pub genesis_block_header: BlockHeader,
    /// The accounts at block 0.
    pub pre: World,
    /// The blocks from 1 on.
    pub blocks: Vec<TestBlock>,
    /// The accounts after them.
    pub post_state: World,
}

/// A block of a test.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TestBlock {
    /// The block in RLP.
    pub rlp: Bytes,
    /// Its header; none where it cannot be decoded.
    pub block_header: Option<BlockHeader>,
    /// Why it is invalid.
    pub expect_exception: Option<String>,
}

/// The header fields that matter here.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names of the Yellow Paper and the EIPs")]
pub struct BlockHeader {
    pub coinbase: Address,
    pub state_root: B256,
    pub transactions_trie: B256,
    pub receipt_trie: B256,
    pub bloom: Bloom,
    pub number: U256,
    pub gas_limit: U256,
    pub gas_used: U256,
    pub timestamp: U256,
    pub mix_hash: B256,
    pub base_fee_per_gas: U256,
    #[serde(default)]
    pub excess_blob_gas: U256,
    #[serde(default)]
    pub parent_beacon_block_root: B256,
    pub hash: B256,
}

/// Keeps the hashes of earlier blocks (EIP-2935).
const HISTORY: Address = address!("0000F90827F1C53a10cb7A02335B175320002935");
/// Keeps the roots of beacon blocks (EIP-4788).
const BEACON_ROOTS: Address = address!("000F3df6D732807Ef1319fB7B8bB8522d0Beac02");
/// The number of beacon roots that the contract keeps.
const BEACON_WINDOW: u64 = 8191;

/// Runs a test and compares each block with what is expected.
pub fn judge(rollup: &mut Rollup, test: &Test) -> Judged {
    let mut judged = Judged::default();
    judged.wrong = run(rollup, test, &mut judged).err();
    judged
}

fn run(rollup: &mut Rollup, test: &Test, judged: &mut Judged) -> Result<(), String> {
    rollup.reset(&test.pre);
    let genesis = &test.genesis_block_header;
    if test.pre.root() != genesis.state_root {
        return Err("the accounts of block 0 have another root".to_owned());
    }
    let mut hashes = vec![(genesis.number.saturating_to(), genesis.hash)];
    for block in &test.blocks {
        let (None, Some(header)) = (&block.expect_exception, &block.block_header) else {
            return Err("a kernel makes blocks and cannot be given an invalid one".to_owned());
        };
        let surroundings = surroundings(rollup, test, header, &hashes)?;
        keep_beacon_root(rollup, header);
        let transactions = transactions(&block.rlp).map_err(|error| error.to_string())?;
        let made = rollup
            .block(&surroundings, &transactions)
            .map_err(|failure| failure.to_string())?;
        judged.instructions += made.instructions;
        judged.max_call_depth = judged.max_call_depth.max(made.max_call_depth);
        judged.gas_used += made.receipts.iter().map(|one| one.gas_used).sum::<u64>();
        compare(rollup, header, &made, transactions.len())
            .map_err(|wrong| format!("block {}: {wrong}", header.number))?;
        hashes.push((surroundings.number, header.hash));
    }
    let world = World::dump(rollup.durable()).map_err(|corrupt| corrupt.to_string())?;
    if world.root() == test.post_state.root() {
        Ok(())
    } else {
        let differences = world.differences(&test.post_state);
        Err(format!("the accounts at the end differ:\n{differences}"))
    }
}

fn surroundings(
    rollup: &Rollup,
    test: &Test,
    header: &BlockHeader,
    hashes: &[(u64, B256)],
) -> Result<Surroundings, String> {
    let timestamp = header.timestamp.saturating_to();
    let revision = revision_at(&test.network, timestamp)
        .ok_or_else(|| format!("the kernel has no fork {}", test.network))?;
    // A system call to no contract does nothing.
    let calls = revision >= Revision::Prague && has_code(rollup, HISTORY);
    Ok(Surroundings {
        number: header.number.saturating_to(),
        timestamp,
        base_fee: header.base_fee_per_gas.saturating_to(),
        gas_limit: header.gas_limit.saturating_to(),
        prevrandao: header.mix_hash,
        beneficiary: header.coinbase,
        blob_base_fee: blob_base_fee(revision, header.excess_blob_gas.saturating_to()),
        chain_id: crate::statetest::CHAIN_ID,
        revision,
        hashes: hashes.to_vec(),
        parent: hashes.last().map(|(_, hash)| *hash).filter(|_| calls),
    })
}

/// The rules at a time; forks in tests change at second 15,000.
fn revision_at(network: &str, timestamp: u64) -> Option<Revision> {
    let fork = match network
        .strip_suffix("AtTime15k")
        .and_then(|name| name.split_once("To"))
    {
        Some((before, _)) if timestamp < 15_000 => before,
        Some((_, after)) => after,
        None => network,
    };
    revision(fork)
}

fn has_code(rollup: &Rollup, address: Address) -> bool {
    let account = ACCOUNTS.get(rollup.durable(), &address);
    account.is_ok_and(|account| account.is_some_and(|account| account.has_code()))
}

/// The system call of EIP-4788.
fn keep_beacon_root(rollup: &mut Rollup, header: &BlockHeader) {
    if !has_code(rollup, BEACON_ROOTS) {
        return;
    }
    let at = header.timestamp % U256::from(BEACON_WINDOW);
    let root = header.parent_beacon_block_root.into();
    for (slot, value) in [
        (at, header.timestamp),
        (at + U256::from(BEACON_WINDOW), root),
    ] {
        let path = SLOTS
            .path(&(BEACON_ROOTS, slot))
            .expect("a path of the layout");
        let durable = rollup.durable_mut();
        let done = if value.is_zero() {
            durable.delete(path)
        } else {
            durable.write(path, value.encode())
        };
        done.expect("a path of the layout");
    }
}

/// Compares a block that the kernel made with the expected one.
fn compare(
    rollup: &Rollup,
    expected: &BlockHeader,
    made: &Block,
    transactions: usize,
) -> Result<(), String> {
    if made.receipts.len() != transactions {
        let included = made.receipts.len();
        return Err(format!(
            "{included} of {transactions} transactions are in it"
        ));
    }
    let stored = HEADERS.get(rollup.durable(), &expected.number.saturating_to());
    let stored = stored
        .map_err(|error| error.to_string())?
        .ok_or("no header")?;
    let header = Header::decode(&stored.rlp).map_err(|error| error.to_string())?;
    let same = |name: &str, same: bool| match same {
        true => Ok(()),
        false => Err(format!("another {name}")),
    };
    same("gas used", U256::from(header.gas_used) == expected.gas_used)?;
    same(
        "transactions root",
        header.transactions_root == expected.transactions_trie,
    )?;
    same(
        "receipts root",
        header.receipts_root == expected.receipt_trie,
    )?;
    same("bloom", header.logs_bloom == expected.bloom)?;
    let world = World::dump(rollup.durable()).map_err(|corrupt| corrupt.to_string())?;
    same("state root", world.root() == expected.state_root)
}

/// The signed transactions of a block in RLP, as they travel alone.
fn transactions(block: &[u8]) -> Result<Vec<Bytes>, alloy_rlp::Error> {
    let mut parts = Item::decode_bytes(&mut &*block, true)?;
    Item::decode_bytes(&mut parts, true)?;
    let mut list = Item::decode_bytes(&mut parts, true)?;
    let mut transactions = Vec::new();
    while !list.is_empty() {
        let whole = list;
        let item = Item::decode(&mut list)?;
        let (payload, rest) = list.split_at(item.payload_length);
        // A legacy transaction is a list; others are bytes in a string.
        let raw = if item.list {
            &whole[..whole.len() - rest.len()]
        } else {
            payload
        };
        transactions.push(Bytes::copy_from_slice(raw));
        list = rest;
    }
    Ok(transactions)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_may_change_its_fork() {
        let network = "CancunToPragueAtTime15k";
        assert_eq!(revision_at(network, 14_999), Some(Revision::Cancun));
        assert_eq!(revision_at(network, 15_000), Some(Revision::Prague));
        assert_eq!(revision_at("Osaka", 0), Some(Revision::Osaka));
        assert_eq!(revision_at("Byzantium", 0), None);
    }

    #[test]
    fn transactions_are_taken_out_of_a_block() {
        // [header: [], transactions: [[1], "0x02c0"], ommers: []]
        let block = [0xc8, 0xc0, 0xc5, 0xc1, 0x01, 0x82, 0x02, 0xc0, 0xc0];
        assert_eq!(
            transactions(&block).unwrap(),
            [
                Bytes::from_static(&[0xc1, 0x01]),
                Bytes::from_static(&[0x02, 0xc0])
            ]
        );
    }
}
