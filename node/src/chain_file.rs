//! A chain as this program dumps it, beside its accounts: blocks, and what the kernel keeps of
//! them. It is one more field of anvil's JSON, which anvil passes over.
//!
//! Layer 1 is no part of it, and of earlier blocks the states are not.

use crate::chain::{Block, Chain, head};
use alloy_primitives::{B256, hex};

use host::{HostError, Path};
use pvm::Durable;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use storage::block::{Receipts, StoredHeader, StoredReceipt, StoredTransaction, Transactions};
use storage::layout::{CONFIG, HEAD, HEADERS, RECEIPTS, STATE, TRANSACTIONS};
use storage::table::Value as _;
use storage::{Config, Head, StorageError};

/// The field of the dump.
pub(crate) const FIELD: &str = "evm_rollup";

/// The number of the format.
const VERSION: u64 = 1;

/// Entries that are dumped below the state besides accounts and blocks: known keys, configuration,
/// version, messages to layer 1.
const TABLES: [&str; 4] = ["i", "o", "v", "x"];

/// The most blocks of a dump: the newest.
const BLOCKS: u64 = 100_000;

/// A chain, but for its accounts.
#[derive(Clone, Debug)]
pub struct ChainDump {
    /// The newest block's facts.
    pub(crate) head: Head,
    pub(crate) config: Config,
    /// In order; the last is the newest.
    pub(crate) blocks: Vec<Arc<Block>>,
    /// Path and bytes.
    values: Vec<(String, Vec<u8>)>,
}

/// The bytes of a block's header, its transactions, its receipts.
fn parts(block: &Block) -> [Vec<u8>; 3] {
    let header = StoredHeader {
        hash: block.hash,
        rlp: block.header.encode().into(),
    };
    let included = block.transactions.iter();
    let transactions = included.clone().map(|included| StoredTransaction {
        sender: included.sender,
        raw: included.transaction.encode().into(),
    });
    let receipts: Vec<StoredReceipt> = included.map(|one| one.receipt.clone()).collect();
    [
        header.encode(),
        Transactions(transactions.collect()).encode(),
        Receipts(receipts).encode(),
    ]
}

/// The dump of `chain` with the state after its newest block, in at most `most` bytes: the
/// oldest blocks are left out if there is no room.
///
/// # Errors
/// If durable storage cannot be read.
pub(crate) fn write(chain: &Chain, state: &Durable, most: usize) -> Result<String, StorageError> {
    let head = HEAD.get(state, &())?.unwrap_or_default();
    let mut values = Map::new();
    for table in TABLES {
        let prefix = format!("{STATE}/{table}");
        for (path, value) in state.values(&*prefix).map_err(HostError::from)? {
            let path = path.strip_prefix(&*STATE.to_string()).unwrap_or(&path);
            values.insert(path.to_owned(), hex::encode_prefixed(value.bytes()).into());
        }
    }
    let rest = json!({
        "version": VERSION,
        "head": hex::encode_prefixed(head.encode()),
        "values": values,
    });
    let mut size = rest.to_string().len();
    let first = chain.first().max(head.number.saturating_sub(BLOCKS));
    let mut blocks = Vec::new();
    for number in (first..=head.number).rev() {
        let block = match chain.number(number) {
            Ok(Some(block)) => block,
            Ok(None) => break,
            Err(error) => {
                tracing::error!("blocks up to {number} are left out of the dump: {error}");
                break;
            }
        };
        let block = json!(parts(&block).map(hex::encode_prefixed)).to_string();
        size += block.len() + 1;
        if size > most {
            break;
        }
        blocks.push(block);
    }
    blocks.reverse();
    let mut text = rest.to_string();
    text.pop();
    text.push_str(r#","blocks":["#);
    text.push_str(&blocks.join(","));
    text.push_str("]}");
    Ok(text)
}

/// Reads what [`write`] wrote.
///
/// # Errors
/// An error that names the fault.
pub(crate) fn read(dump: &Value) -> Result<ChainDump, String> {
    if dump.get("version").and_then(Value::as_u64) != Some(VERSION) {
        return Err(format!("{FIELD}: unknown version of the format"));
    }
    let invalid = |what: &str| format!("{FIELD}: invalid {what}");
    let head = dump.get("head").and_then(bytes);
    let head = head.and_then(|head| Head::decode(&head));
    let head = head.ok_or_else(|| invalid("head"))?;
    let mut values = Vec::new();
    let listed = dump.get("values").and_then(Value::as_object);
    for (path, value) in listed.ok_or_else(|| invalid("values"))? {
        let table = path
            .strip_prefix('/')
            .and_then(|path| path.split('/').next());
        let whole = format!("{STATE}{path}");
        if !table.is_some_and(|table| TABLES.contains(&table))
            || Path::new(whole.as_bytes()).is_err()
        {
            return Err(invalid("path"));
        }
        values.push((whole, bytes(value).ok_or_else(|| invalid("value"))?));
    }
    let path = CONFIG.path(&()).map_err(|error| error.to_string())?;
    let path = path.as_path().to_string();
    let config = values.iter().find(|(there, _)| *there == path);
    let config = config.and_then(|(_, bytes)| Config::decode(bytes));
    let config = config.ok_or_else(|| invalid("configuration"))?;
    let listed = dump.get("blocks").and_then(Value::as_array);
    let listed = listed.ok_or_else(|| invalid("blocks"))?;
    let first = (head.number + 1).checked_sub(listed.len() as u64);
    let first = first.filter(|_| !listed.is_empty());
    let first = first.ok_or_else(|| invalid("number of blocks"))?;
    let blocks = (first..).zip(listed).map(|(number, parts)| {
        block(number, parts).ok_or_else(|| format!("{FIELD}: invalid block {number}"))
    });
    let blocks: Vec<Arc<Block>> = blocks.collect::<Result<_, _>>()?;
    let mut parent = None;
    for block in &blocks {
        if parent.is_some_and(|hash| hash != block.header.parent_hash) {
            return Err(invalid("order of blocks"));
        }
        parent = Some(block.hash);
    }
    if parent != Some(head.hash) {
        return Err(invalid("newest block"));
    }
    Ok(ChainDump {
        head,
        config,
        blocks,
        values,
    })
}

fn bytes(value: &Value) -> Option<Vec<u8>> {
    hex::decode(value.as_str()?).ok()
}

fn block(number: u64, parts: &Value) -> Option<Arc<Block>> {
    let [header, transactions, receipts] = parts.as_array()?.as_slice() else {
        return None;
    };
    let parts = (
        StoredHeader::decode(&bytes(header)?)?,
        Transactions::decode(&bytes(transactions)?)?.0,
        Receipts::decode(&bytes(receipts)?)?.0,
    );
    let block = Block::of_parts(number, parts, None).ok()?;
    let same = block.number() == number && block.hash == block.header.hash();
    same.then(|| Arc::new(block))
}

impl ChainDump {
    /// The storage of the kernel with this chain and no accounts, at the level of `fresh`,
    /// which the kernel has just begun with.
    ///
    /// # Errors
    /// If durable storage cannot be written.
    pub(crate) fn storage(&self, fresh: &Durable) -> Result<(Durable, Head), StorageError> {
        let begun = head(fresh).map_err(|_| StorageError::from(HostError::NotAValue))?;
        let mut storage = fresh.clone();
        storage.delete(STATE).map_err(HostError::from)?;
        for (path, bytes) in &self.values {
            storage.write(path, bytes).map_err(HostError::from)?;
        }
        let oldest = self.blocks.first().map_or(0, |block| block.number());
        let oldest = oldest.max(self.head.oldest);
        for block in self.blocks.iter().filter(|block| block.number() >= oldest) {
            let number = block.number();
            let [header, transactions, receipts] = parts(block);
            storage
                .write(HEADERS.path(&number)?.as_path(), header)
                .map_err(HostError::from)?;
            if !block.transactions.is_empty() {
                storage
                    .write(TRANSACTIONS.path(&number)?.as_path(), transactions)
                    .map_err(HostError::from)?;
                storage
                    .write(RECEIPTS.path(&number)?.as_path(), receipts)
                    .map_err(HostError::from)?;
            }
        }
        let head = Head {
            number: self.head.number,
            hash: self.head.hash,
            state_root: self.head.state_root,
            timestamp: self.head.timestamp,
            gas_limit: self.head.gas_limit,
            gas_used: self.head.gas_used,
            base_fee: self.head.base_fee,
            outgoing: self.head.outgoing,
            oldest,
            nested: 0,
            ..begun
        };
        storage
            .write(HEAD.path(&())?.as_path(), head.encode())
            .map_err(HostError::from)?;
        Ok((storage, head))
    }

    /// The hash of the newest block.
    #[must_use]
    pub const fn hash(&self) -> B256 {
        self.head.hash
    }
}
