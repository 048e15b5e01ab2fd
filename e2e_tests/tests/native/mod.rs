//! The kernel as native code on the mocked machine: levels in, blocks out.

use alloy_primitives::{Address, B256, Bytes, TxKind, U256, keccak256};
use e2e_tests::native;
use ethereum::transaction::{Eip1559, Transaction, sign};
use ethereum::{Header, SignedTransaction};
use host::mock::{Ended, Level, MockHost, Values};
use storage::block::{StoredReceipt, StoredTransaction};
use storage::layout::{ACCOUNTS, HEAD, HEADERS, SLOTS};
use storage::{Account, Config, Head, history};

/// Our rollup's address, the 20 bytes behind `sr1…`.
pub(crate) const ROLLUP: [u8; 20] = [0x5a; 20];

/// The first level of the tests.
pub(crate) const FIRST_LEVEL: u32 = 100;

/// The number of accounts that are funded.
const SENDERS: u8 = 6;

pub(crate) const GWEI: u64 = 1_000_000_000;

fn secret(sender: u8) -> [u8; 32] {
    [sender + 1; 32]
}

/// The address of the sender with this number.
pub(crate) fn sender(sender: u8) -> Address {
    ethereum::signature::address_of_secret(&secret(sender)).unwrap()
}

/// 10,000 units in wei.
pub(crate) fn funds() -> U256 {
    U256::from(10_000) * U256::from(10).pow(U256::from(18))
}

/// A rollup before its first level, as a setup file would leave it.
pub(crate) fn rollup(config: &Config) -> MockHost {
    let mut host = native::rollup(ROLLUP, FIRST_LEVEL, config);
    for sender in (0..SENDERS).map(sender) {
        native::fund(&mut host, &sender, funds());
    }
    host
}

/// A transaction to sign: a fee of at most 100 gwei, a tip of 1 gwei.
pub(crate) fn call(nonce: u64, to: Address, input: Bytes) -> Eip1559 {
    Eip1559 {
        chain_id: 1337,
        nonce,
        max_priority_fee_per_gas: U256::from(GWEI),
        max_fee_per_gas: U256::from(100 * GWEI),
        gas_limit: 1_000_000,
        to: TxKind::Call(to),
        input,
        ..Eip1559::default()
    }
}

/// A creation.
pub(crate) fn creation(nonce: u64, initcode: impl Into<Bytes>) -> Eip1559 {
    Eip1559 {
        to: TxKind::Create,
        ..call(nonce, Address::ZERO, initcode.into())
    }
}

/// A transfer of 1 wei.
pub(crate) fn transfer(nonce: u64, to: Address) -> Eip1559 {
    Eip1559 {
        gas_limit: 21_000,
        value: U256::from(1),
        ..call(nonce, to, Bytes::new())
    }
}

/// A creation that burns all its gas.
pub(crate) fn burn(nonce: u64, gas_limit: u64) -> Eip1559 {
    Eip1559 {
        gas_limit,
        // JUMPDEST PUSH0 JUMP
        ..creation(nonce, vec![0x5b, 0x5f, 0x56])
    }
}

pub(crate) fn signed(sender: u8, transaction: Eip1559) -> SignedTransaction {
    sign(Transaction::DynamicFee(transaction), &secret(sender)).unwrap()
}

/// The contents of an external message for our rollup.
pub(crate) fn framed(contents: &[u8]) -> Vec<u8> {
    native::framed(&ROLLUP, contents)
}

/// The external message that brings a transaction.
pub(crate) fn simple(transaction: &SignedTransaction) -> Vec<u8> {
    native::simple(&ROLLUP, transaction)
}

/// The external messages that bring a transaction in chunks of `size` bytes.
pub(crate) fn chunked(transaction: &SignedTransaction, size: usize) -> Vec<Vec<u8>> {
    let raw = transaction.encode();
    let hash = transaction.hash.as_slice();
    let hashes: Vec<B256> = raw.chunks(size).map(keccak256).collect();
    let count = hashes.len() as u16;
    let announced = hashes.iter().flat_map(|hash| hash.to_vec());
    let announced: Vec<u8> = announced.collect();
    let mut messages = vec![framed(
        &[&[1], hash, &count.to_le_bytes(), &announced].concat(),
    )];
    for (index, (chunk, chunk_hash)) in (0_u16..).zip(raw.chunks(size).zip(&hashes)) {
        messages.push(framed(
            &[
                &[2],
                hash,
                &index.to_le_bytes(),
                chunk_hash.as_slice(),
                chunk,
            ]
            .concat(),
        ));
    }
    messages
}

/// The level with this timestamp, predecessor and external messages.
pub(crate) fn level(timestamp: i64, messages: &[Vec<u8>]) -> Level {
    let mut level = Level {
        timestamp,
        predecessor: keccak256(timestamp.to_be_bytes()).0,
        messages: vec![],
    };
    for message in messages {
        level.external(message);
    }
    level
}

/// The level that brings these transactions, signed by sender 0 unless told.
pub(crate) fn level_of(timestamp: i64, transactions: &[SignedTransaction]) -> Level {
    let messages: Vec<_> = transactions.iter().map(simple).collect();
    level(timestamp, &messages)
}

/// Runs a level that must not trap.
pub(crate) fn run(host: &mut MockHost, level: &Level) -> Ended {
    native::run(host, level).unwrap_or_else(|log| panic!("{log}"))
}

pub(crate) fn head(host: &MockHost) -> Head {
    HEAD.get(host, &()).unwrap().expect("a block was made")
}

/// The header of a block, whose hash must be true.
pub(crate) fn header(host: &MockHost, number: u64) -> Header {
    let stored = HEADERS
        .get(host, &number)
        .unwrap()
        .expect("the block is there");
    let header = Header::decode(&stored.rlp).unwrap();
    assert_eq!((header.hash(), header.number), (stored.hash, number));
    header
}

/// All headers, each the child of the one before.
pub(crate) fn headers(host: &MockHost) -> Vec<Header> {
    let headers: Vec<_> = (0..=head(host).number)
        .map(|number| header(host, number))
        .collect();
    for pair in headers.windows(2) {
        assert_eq!(pair[1].parent_hash, pair[0].hash());
    }
    headers
}

/// A transaction in a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Included {
    pub(crate) block: u64,
    pub(crate) hash: B256,
    pub(crate) sender: Address,
    pub(crate) receipt: StoredReceipt,
}

/// All transactions of all blocks, in order.
pub(crate) fn included(host: &MockHost) -> Vec<Included> {
    let mut all = Vec::new();
    for block in 0..=head(host).number {
        let transactions = history::transactions(host, block).unwrap().0;
        let receipts = history::receipts(host, block).unwrap().0;
        assert_eq!(transactions.len(), receipts.len());
        let gas: u64 = receipts.iter().map(|receipt| receipt.gas_used).sum();
        assert_eq!(header(host, block).gas_used, gas);
        let both = transactions.into_iter().zip(receipts);
        all.extend(
            both.map(|(StoredTransaction { sender, raw }, receipt)| Included {
                block,
                hash: keccak256(raw),
                sender,
                receipt,
            }),
        );
    }
    all
}

/// The hashes of [`included`].
pub(crate) fn hashes(host: &MockHost) -> Vec<B256> {
    included(host)
        .into_iter()
        .map(|included| included.hash)
        .collect()
}

pub(crate) fn account(host: &MockHost, address: Address) -> Account {
    ACCOUNTS.get(host, &address).unwrap().unwrap_or_default()
}

pub(crate) fn slot(host: &MockHost, address: Address, slot: u64) -> U256 {
    let key = (address, U256::from(slot));
    SLOTS.get(host, &key).unwrap().unwrap_or_default()
}

/// All that the kernel keeps: the values below `/evm`.
pub(crate) fn durable(host: &MockHost) -> Values {
    let mut values = host.values();
    values.retain(|path, _| path.starts_with(b"/evm/"));
    values
}
