//! Blocks, transactions, receipts and logs as go-ethereum writes them.

use crate::chain::{Block, Included};
use crate::store::LogPlace;
use alloy_primitives::{Address, B256, Bytes, Log, U256, hex};
use ethereum::SignedTransaction;
use ethereum::transaction::{AccessListItem, SignedAuthorization, Transaction, tx_type};
use serde_json::{Map, Value, json};

/// A number as a quantity: hexadecimal without leading zeros.
#[must_use]
pub fn quantity(number: u64) -> Value {
    Value::String(format!("{number:#x}"))
}

/// A word as a quantity.
#[must_use]
pub fn word(number: U256) -> Value {
    Value::String(format!("{number:#x}"))
}

/// Bytes as data: all their digits.
#[must_use]
pub fn data(bytes: impl AsRef<[u8]>) -> Value {
    Value::String(hex::encode_prefixed(bytes))
}

/// An address, in small letters.
#[must_use]
pub fn address(address: &Address) -> Value {
    data(address)
}

/// A block, with whole transactions or with their hashes.
#[must_use]
pub fn block(block: &Block, full: bool) -> Value {
    let transactions = block.transactions.iter().enumerate();
    let transactions =
        transactions.map(|(index, included)| transaction_of(block, index, included, full));
    let transactions = transactions.collect();
    let mut object = block_without_transactions(block);
    object.insert("transactions".into(), Value::Array(transactions));
    Value::Object(object)
}

/// A transaction of a block, or its hash.
pub(super) fn transaction_of(
    block: &Block,
    index: usize,
    included: &Included,
    full: bool,
) -> Value {
    match full {
        true => included_transaction(block, index, included),
        false => data(included.transaction.hash),
    }
}

/// A block but for its transactions.
pub(super) fn block_without_transactions(block: &Block) -> Map<String, Value> {
    let mut object = header(block);
    object.insert("size".into(), quantity(block.size));
    object.insert("uncles".into(), json!([]));
    object.insert("withdrawals".into(), json!([]));
    object
}

/// A block's header with its hash, as `newHeads` sends it.
#[must_use]
pub fn header(block: &Block) -> Map<String, Value> {
    let header = &block.header;
    let mut object = Map::new();
    let mut put = |name: &str, value: Value| {
        object.insert(name.into(), value);
    };
    put("baseFeePerGas", quantity(header.base_fee_per_gas));
    put("blobGasUsed", quantity(header.blob_gas_used));
    put("difficulty", word(header.difficulty));
    put("excessBlobGas", quantity(header.excess_blob_gas));
    put("extraData", data(&header.extra_data));
    put("gasLimit", quantity(header.gas_limit));
    put("gasUsed", quantity(header.gas_used));
    put("hash", data(block.hash));
    put("logsBloom", data(header.logs_bloom));
    put("miner", address(&header.beneficiary));
    put("mixHash", data(header.mix_hash));
    put("nonce", data(header.nonce));
    put("number", quantity(header.number));
    put(
        "parentBeaconBlockRoot",
        data(header.parent_beacon_block_root),
    );
    put("parentHash", data(header.parent_hash));
    put("receiptsRoot", data(header.receipts_root));
    put("requestsHash", data(header.requests_hash));
    put("sha3Uncles", data(header.ommers_hash));
    put("stateRoot", data(header.state_root));
    put("timestamp", quantity(header.timestamp));
    put("transactionsRoot", data(header.transactions_root));
    put("withdrawalsRoot", data(header.withdrawals_root));
    object
}

/// A transaction of a block.
#[must_use]
pub fn included_transaction(block: &Block, index: usize, included: &Included) -> Value {
    let price = included.gas_price(block.header.base_fee_per_gas);
    let mut object = transaction(&included.transaction, &included.sender, price);
    object.insert("blockHash".into(), data(block.hash));
    object.insert("blockNumber".into(), quantity(block.number()));
    object.insert("blockTimestamp".into(), quantity(block.header.timestamp));
    object.insert("transactionIndex".into(), quantity(index as u64));
    Value::Object(object)
}

/// A pending transaction.
#[must_use]
pub fn pending_transaction(signed: &SignedTransaction, sender: &Address) -> Value {
    let mut object = transaction(signed, sender, signed.transaction.max_fee_per_gas());
    for name in [
        "blockHash",
        "blockNumber",
        "blockTimestamp",
        "transactionIndex",
    ] {
        object.insert(name.into(), Value::Null);
    }
    Value::Object(object)
}

fn transaction(signed: &SignedTransaction, sender: &Address, price: U256) -> Map<String, Value> {
    let transaction = &signed.transaction;
    let signature = &signed.signature;
    let mut object = Map::new();
    let mut put = |name: &str, value: Value| {
        object.insert(name.into(), value);
    };
    put("from", address(sender));
    put("gas", quantity(transaction.gas_limit()));
    put("gasPrice", word(price));
    put("hash", data(signed.hash));
    put("input", data(transaction.input()));
    put("nonce", quantity(transaction.nonce()));
    put("to", transaction.kind().to().map_or(Value::Null, address));
    put("value", word(transaction.value()));
    put("type", quantity(transaction.tx_type().into()));
    if let Some(chain_id) = transaction.chain_id() {
        put("chainId", quantity(chain_id));
    }
    if let Some(priority) = transaction.max_priority_fee_per_gas() {
        put("maxFeePerGas", word(transaction.max_fee_per_gas()));
        put("maxPriorityFeePerGas", word(priority));
    }
    if let Transaction::SetCode(set_code) = transaction {
        let list = set_code.authorization_list.iter().map(authorization);
        put("authorizationList", list.collect());
    }
    let parity = u64::from(signature.y_parity);
    if let Transaction::Deposit(deposit) = transaction {
        // As the nodes of the OP Stack print it; clients want a signature.
        put("sourceHash", data(deposit.source_hash));
        put("mint", word(deposit.mint));
        put("isSystemTx", Value::Bool(false));
        put("v", quantity(0));
    } else if transaction.tx_type() == tx_type::LEGACY {
        put("v", word(signature.v(transaction.chain_id())));
    } else {
        put("accessList", access_list(transaction.access_list()));
        put("v", quantity(parity));
        put("yParity", quantity(parity));
    }
    put("r", word(signature.r));
    put("s", word(signature.s));
    object
}

/// An access list.
#[must_use]
pub fn access_list(items: &[AccessListItem]) -> Value {
    items
        .iter()
        .map(|item| {
            let keys: Vec<Value> = item.storage_keys.iter().map(data).collect();
            json!({ "address": address(&item.address), "storageKeys": keys })
        })
        .collect()
}

fn authorization(signed: &SignedAuthorization) -> Value {
    json!({
        "chainId": word(signed.chain_id),
        "address": address(&signed.address),
        "nonce": quantity(signed.nonce),
        "yParity": quantity(signed.y_parity().into()),
        "r": word(signed.r()),
        "s": word(signed.s()),
    })
}

/// A transaction's receipt.
#[must_use]
pub fn receipt(block: &Block, index: usize, included: &Included) -> Value {
    let logs: Vec<Value> = (included.first_log..)
        .zip(&included.receipt.logs)
        .map(|(number, entry)| log(&place_of(block, index, number), entry))
        .collect();
    let mut receipt = receipt_with(block, index, included, &logs);
    let bloom = alloy_primitives::logs_bloom(&included.receipt.logs);
    receipt["logsBloom"] = data(bloom);
    receipt
}

/// As [`receipt`], with these logs of it, and without a filter of all of them.
#[must_use]
pub fn receipt_with(block: &Block, index: usize, included: &Included, logs: &[Value]) -> Value {
    let transaction = &included.transaction.transaction;
    let price = included.gas_price(block.header.base_fee_per_gas);
    let mut receipt = json!({
        "blockHash": data(block.hash),
        "blockNumber": quantity(block.number()),
        "contractAddress": included.created().map(|created| address(&created)),
        "cumulativeGasUsed": quantity(included.cumulative_gas_used),
        "effectiveGasPrice": word(price),
        "from": address(&included.sender),
        "gasUsed": quantity(included.receipt.gas_used),
        "logs": logs,
        "logsBloom": null,
        "status": quantity(included.receipt.success.into()),
        "to": transaction.kind().to().map(address),
        "transactionHash": data(included.transaction.hash),
        "transactionIndex": quantity(index as u64),
        "type": quantity(transaction.tx_type().into()),
    });
    // Part of what gas used times price is; absent where bytes cost nothing.
    if included.receipt.data_gas > 0 {
        let fee = price.saturating_mul(U256::from(included.receipt.data_gas));
        receipt["l1Fee"] = word(fee);
    }
    receipt
}

/// The place of a log of the transaction at `index`; `number` is its own in the block.
#[must_use]
pub fn place_of(block: &Block, index: usize, number: u64) -> LogPlace {
    let included = block.transactions.get(index);
    LogPlace {
        block: block.hash,
        number: block.number(),
        timestamp: block.header.timestamp,
        transaction: included.map_or(B256::ZERO, |included| included.transaction.hash),
        index,
        log: number,
    }
}

/// A log at its place.
#[must_use]
pub fn log(place: &LogPlace, log: &Log) -> Value {
    json!({
        "address": address(&log.address),
        "topics": log.topics().iter().map(data).collect::<Vec<_>>(),
        "data": data(&log.data.data),
        "blockHash": data(place.block),
        "blockNumber": quantity(place.number),
        "blockTimestamp": quantity(place.timestamp),
        "transactionHash": data(place.transaction),
        "transactionIndex": quantity(place.index as u64),
        "logIndex": quantity(place.log),
        "removed": false,
    })
}

/// As [`log()`], of a block that left the chain.
#[must_use]
pub fn removed_log(block: &Block, index: usize, number: u64, removed: &Log) -> Value {
    let mut log = log(&place_of(block, index, number), removed);
    log["removed"] = Value::Bool(true);
    log
}

/// The result of `eth_signTransaction`.
#[must_use]
pub fn raw_transaction(signed: &SignedTransaction, sender: &Address) -> Value {
    json!({ "raw": data(Bytes::from(signed.encode())), "tx": pending_transaction(signed, sender) })
}
