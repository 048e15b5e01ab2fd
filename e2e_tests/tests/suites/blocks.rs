//! Blocks of other clients' chains: header hashes, roots, blooms, base fees,
//! transactions and senders, all against what those chains say.

use alloy_primitives::{Address, B256, Bloom, keccak256};
use e2e_tests::suites::Files;
use ethereum::bloom::LogsBloom;
use ethereum::header::{EMPTY_OMMERS, Header, next_base_fee};
use ethereum::rlp::{Decoder, Error, Item};
use ethereum::transaction::decode;
use ethereum::trie::ordered_root;
use ethereum::{DecodeError, Log, Receipt, senders};
use serde_json::Value;

/// One block's RLP, cut up but not interpreted.
struct Block<'a> {
    header: &'a [u8],
    /// Raw bytes under the transactions root.
    transactions: Vec<&'a [u8]>,
}

/// Reads one item; gives its bytes with the prefix.
fn whole<'a>(decoder: &mut Decoder<'a>) -> Result<(&'a [u8], Item<'a>), Error> {
    let before = decoder.rest();
    let item = decoder.item()?;
    Ok((&before[..before.len() - decoder.rest().len()], item))
}

fn block<'a>(decoder: &mut Decoder<'a>) -> Result<Block<'a>, Error> {
    let mut items = decoder.list()?;
    let (header, _) = whole(&mut items)?;
    let mut list = items.list()?;
    let mut transactions = Vec::new();
    while !list.is_empty() {
        // A legacy transaction is a list, a typed one a string (EIP-2718).
        transactions.push(match whole(&mut list)? {
            (raw, Item::List(_)) => raw,
            (_, Item::String(raw)) => raw,
        });
    }
    Ok(Block {
        header,
        transactions,
    })
}

/// The fields of a header of any fork.
fn fields(header: &[u8]) -> Vec<&[u8]> {
    let mut items = Decoder::new(header).list().expect("header");
    let mut fields = Vec::new();
    while !items.is_empty() {
        fields.push(items.string().expect("field"));
    }
    fields
}

fn number(field: &[u8]) -> u64 {
    field
        .iter()
        .fold(0, |sum, digit| sum << 8 | u64::from(*digit))
}

mod field {
    pub(crate) const PARENT_HASH: usize = 0;
    pub(crate) const TRANSACTIONS_ROOT: usize = 4;
    pub(crate) const GAS_LIMIT: usize = 9;
    pub(crate) const GAS_USED: usize = 10;
    pub(crate) const BASE_FEE: usize = 15;
}

/// 54 blocks or more, one behind the other.
fn chain(files: &Files) -> &[u8] {
    let is_it = |(path, _): &&(String, Vec<u8>)| path.ends_with("/chain.rlp");
    &files.iter().find(is_it).expect("chain.rlp").1
}

fn blocks(chain: &[u8]) -> Vec<Block<'_>> {
    let mut decoder = Decoder::new(chain);
    let mut blocks = Vec::new();
    while !decoder.is_empty() {
        blocks.push(block(&mut decoder).expect("block"));
    }
    assert!(blocks.len() >= 54, "{} blocks", blocks.len());
    blocks
}

pub(crate) fn each_block_names_the_hash_of_the_one_before(files: &Files) {
    let blocks = blocks(chain(files));
    let mut ours = 0;
    for pair in blocks.windows(2) {
        let [parent, child] = pair else {
            unreachable!()
        };
        let parent_hash = fields(child.header)[field::PARENT_HASH];
        assert_eq!(keccak256(parent.header), parent_hash);
        // Older headers have fewer fields than ours.
        if fields(parent.header).len() == 21 {
            let header = Header::decode(parent.header).expect("header");
            assert_eq!(header.encode(), parent.header);
            assert_eq!(header.hash(), parent_hash);
            assert_eq!(header.ommers_hash, EMPTY_OMMERS);
            ours += 1;
        } else {
            assert!(Header::decode(parent.header).is_err());
        }
    }
    assert!(ours >= 5, "{ours}");
}

pub(crate) fn transaction_roots_are_those_of_the_headers(files: &Files) {
    let mut transactions = 0;
    for block in blocks(chain(files)) {
        let root = fields(block.header)[field::TRANSACTIONS_ROOT];
        assert_eq!(ordered_root(&block.transactions), root);
        transactions += block.transactions.len();
    }
    assert!(transactions > 54, "{transactions}");
}

pub(crate) fn base_fees_follow_from_the_block_before(files: &Files) {
    let mut checked = 0;
    for pair in blocks(chain(files)).windows(2) {
        let [parent, child] = pair else {
            unreachable!()
        };
        let (parent, child) = (fields(parent.header), fields(child.header));
        if let (Some(base_fee), Some(next)) =
            (parent.get(field::BASE_FEE), child.get(field::BASE_FEE))
        {
            let expected = next_base_fee(
                number(parent[field::GAS_USED]),
                number(parent[field::GAS_LIMIT]),
                number(base_fee),
            );
            assert_eq!(number(next), expected);
            checked += 1;
        }
    }
    assert!(checked > 20, "{checked}");
}

pub(crate) fn every_transaction_of_the_chain_comes_back_from_its_bytes(files: &Files) {
    let mut seen = [0; 5];
    for block in blocks(chain(files)) {
        for raw in block.transactions {
            match decode(raw) {
                Ok(signed) => {
                    assert_eq!(signed.encode(), raw);
                    assert_eq!(signed.hash, keccak256(raw));
                    assert_eq!(
                        signed.signing_hash,
                        keccak256(signed.transaction.signing_payload())
                    );
                    assert!(senders([&signed])[0].is_ok());
                    seen[usize::from(signed.transaction.tx_type())] += 1;
                }
                Err(DecodeError::Blob) => seen[3] += 1,
                Err(error) => panic!("{error} in {}", alloy_primitives::hex::encode(raw)),
            }
        }
    }
    assert!(seen.iter().all(|count| *count > 0), "{seen:?}");
}

/// The answers that a client gave to one method.
fn answers<'a>(files: &'a Files, method: &str) -> impl Iterator<Item = Value> + 'a {
    let folder = format!("/{method}/");
    let of_method = files.iter().filter(move |(path, _)| path.contains(&folder));
    of_method
        .flat_map(|(_, text)| text.split(|byte| *byte == b'\n'))
        .filter_map(|line| {
            let response: Value = serde_json::from_slice(line.strip_prefix(b"<< ")?).expect("JSON");
            response.get("result").cloned()
        })
}

fn quantity(value: &Value) -> u64 {
    let digits = value.as_str().expect("quantity").trim_start_matches("0x");
    u64::from_str_radix(digits, 16).expect("hex")
}

fn log(value: &Value) -> Log {
    let word = |topic: &Value| {
        topic
            .as_str()
            .expect("topic")
            .parse::<B256>()
            .expect("topic")
    };
    let address = value["address"].as_str().expect("address");
    Log::new_unchecked(
        address.parse().expect("address"),
        value["topics"]
            .as_array()
            .expect("topics")
            .iter()
            .map(word)
            .collect(),
        super::bytes(value["data"].as_str().expect("data")).into(),
    )
}

fn receipt(value: &Value) -> Receipt<'static> {
    Receipt {
        tx_type: u8::try_from(quantity(&value["type"])).expect("type"),
        status: quantity(&value["status"]) == 1,
        cumulative_gas_used: quantity(&value["cumulativeGasUsed"]),
        logs: value["logs"]
            .as_array()
            .expect("logs")
            .iter()
            .map(log)
            .collect(),
    }
}

pub(crate) fn blooms_of_receipts_are_those_given(files: &Files) {
    let mut types = Vec::new();
    for value in answers(files, "eth_getTransactionReceipt") {
        // Before Byzantium a receipt held a state root.
        if value["status"].is_null() {
            continue;
        }
        let receipt = receipt(&value);
        assert_eq!(
            value["logsBloom"].as_str(),
            Some(receipt.bloom().to_string().as_str())
        );
        assert!(!receipt.logs.is_empty());
        types.push(receipt.tx_type);
    }
    assert!(types.contains(&1) && types.contains(&2), "{types:?}");
}

/// Stands for transfers of ether in simulations; its logs are in no receipt.
const TRANSFER_TRACER: &str = "0xeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee";

/// Blocks that a client simulated, all of whose transactions were of type 2.
pub(crate) fn simulated_blocks_have_the_receipt_roots_blooms_and_hashes_given(files: &Files) {
    let (mut seen, mut several, mut logs_seen) = (0, 0, 0);
    let simulated = answers(files, "eth_simulateV1");
    for block in simulated.flat_map(|blocks| blocks.as_array().cloned().unwrap_or_default()) {
        let calls = block["calls"].as_array().expect("calls");
        let mut filter = LogsBloom::new();
        let mut union = Bloom::ZERO;
        let mut cumulative_gas_used = 0;
        let mut encoded = Vec::new();
        for call in calls {
            cumulative_gas_used += quantity(&call["gasUsed"]);
            let logs = call["logs"].as_array().expect("logs").iter();
            let logs = logs
                .filter(|log| log["address"] != TRANSFER_TRACER)
                .map(log)
                .collect();
            let status = quantity(&call["status"]) == 1;
            let receipt = Receipt {
                tx_type: 2,
                status,
                cumulative_gas_used,
                logs,
            };
            let bloom = filter.of(&receipt.logs);
            union |= bloom;
            encoded.push(receipt.encode_2718(&bloom));
            logs_seen += receipt.logs.len();
        }
        let header = header(&block);
        assert_eq!(header.gas_used, cumulative_gas_used);
        assert_eq!(header.logs_bloom, union);
        assert_eq!(header.receipts_root, ordered_root(&encoded));
        assert_eq!(header.hash(), json_hash(&block["hash"]));
        assert_eq!(Header::decode(&header.encode()), Ok(header));
        seen += 1;
        several += usize::from(calls.len() > 1);
    }
    assert!(
        seen > 100 && several > 5 && logs_seen > 0,
        "{seen} {several} {logs_seen}"
    );
}

fn header(json: &Value) -> Header {
    let text = |name: &str| json[name].as_str().expect("text");
    Header {
        parent_hash: json_hash(&json["parentHash"]),
        ommers_hash: json_hash(&json["sha3Uncles"]),
        beneficiary: text("miner").parse().expect("address"),
        state_root: json_hash(&json["stateRoot"]),
        transactions_root: json_hash(&json["transactionsRoot"]),
        receipts_root: json_hash(&json["receiptsRoot"]),
        logs_bloom: text("logsBloom").parse().expect("bloom"),
        difficulty: text("difficulty").parse().expect("number"),
        number: quantity(&json["number"]),
        gas_limit: quantity(&json["gasLimit"]),
        gas_used: quantity(&json["gasUsed"]),
        timestamp: quantity(&json["timestamp"]),
        extra_data: super::bytes(text("extraData")).into(),
        mix_hash: json_hash(&json["mixHash"]),
        nonce: text("nonce").parse().expect("nonce"),
        base_fee_per_gas: quantity(&json["baseFeePerGas"]),
        withdrawals_root: json_hash(&json["withdrawalsRoot"]),
        blob_gas_used: quantity(&json["blobGasUsed"]),
        excess_blob_gas: quantity(&json["excessBlobGas"]),
        parent_beacon_block_root: json_hash(&json["parentBeaconBlockRoot"]),
        requests_hash: json_hash(&json["requestsHash"]),
    }
}

fn json_hash(value: &Value) -> B256 {
    value.as_str().expect("hash").parse().expect("hash")
}

pub(crate) fn prague_headers_of_the_execution_spec_tests_have_the_hashes_given(files: &Files) {
    let (mut tests, mut headers, mut transactions) = (0, 0, 0);
    for (_, text) in files {
        let parsed: Value = serde_json::from_slice(text).expect("JSON");
        for test in parsed.as_object().expect("tests").values() {
            tests += 1;
            let given = test["blocks"].as_array().expect("blocks");
            let with_header = given.iter().map(|block| (&block["rlp"], block));
            let genesis = (&test["genesisRLP"], &test["genesisBlockHeader"]);
            for (rlp, json) in with_header.chain([genesis]) {
                let bytes = super::bytes(rlp.as_str().expect("rlp"));
                let block = block(&mut Decoder::new(&bytes)).expect("block");
                let expected = json.get("blockHeader").unwrap_or(json);
                assert_eq!(keccak256(block.header), json_hash(&expected["hash"]));
                if fields(block.header).len() != 21 {
                    continue;
                }
                let header = Header::decode(block.header).expect("header");
                assert_eq!(header.hash(), json_hash(&expected["hash"]));
                assert_eq!(header.number, quantity(&expected["number"]));
                assert_eq!(header.state_root, json_hash(&expected["stateRoot"]));
                assert_eq!(
                    header.base_fee_per_gas,
                    quantity(&expected["baseFeePerGas"])
                );
                assert_eq!(header.transactions_root, ordered_root(&block.transactions));
                headers += 1;
                let Some(listed) = json["transactions"].as_array() else {
                    continue;
                };
                for (raw, json) in block.transactions.iter().zip(listed) {
                    let signed = decode(raw).expect("transaction");
                    let sender: Address = json["sender"].as_str().unwrap().parse().unwrap();
                    assert_eq!(senders([&signed]), [Ok(sender)]);
                    transactions += 1;
                }
            }
        }
    }
    assert!(
        tests > 0 && headers > 20 && transactions > 10,
        "{tests} {headers} {transactions}"
    );
}
