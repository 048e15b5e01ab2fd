//! Transactions that come in chunks, whatever order, company or liars they come
//! with; all through the compiled kernel.

use alloy_primitives::{Address, B256, Bytes, TxKind, U256, keccak256};
use e2e_tests::{Rollup, Setup, User};
use ethereum::SignedTransaction;
use host::ReadStore;
use pvm::LevelReport;
use storage::layout::CHUNKED;
use storage::{Config, Piece};

const SINK: Address = Address::repeat_byte(0x5a);

/// A rollup, and somebody with a large transaction.
struct Scene {
    rollup: Rollup,
    user: User,
}

impl Scene {
    fn new() -> Self {
        let user = User::new("large");
        let mut rollup = Rollup::new(&Setup {
            balances: vec![(user.address, U256::from(10).pow(U256::from(21)))],
            ..Setup::default()
        });
        rollup.empty_level();
        Self { rollup, user }
    }

    /// A transaction with `len` bytes of data, no two chunks alike.
    fn large(&mut self, len: usize) -> SignedTransaction {
        let data: Vec<u8> = (0..len as u32).map(|index| (index / 251) as u8).collect();
        let gas = 21_000 + 40 * len as u64;
        let chain_id = Config::default().chain_id;
        self.user
            .send(chain_id, TxKind::Call(SINK), U256::ONE, data.into(), gas)
    }

    /// Its announcement and chunks.
    fn messages(&self, transaction: &SignedTransaction) -> Vec<Vec<u8>> {
        evm_kernel::inputs::encode::messages(&Setup::default().address, &raw(transaction))
    }

    fn level(&mut self, messages: &[Vec<u8>]) -> LevelReport {
        self.rollup.level_of(messages.to_vec())
    }

    fn included(&self) -> Vec<B256> {
        let all = self.rollup.since(0).into_iter();
        all.map(|included| keccak256(&included.transaction.raw))
            .collect()
    }

    fn list(&self) -> Option<Bytes> {
        CHUNKED.get(self.rollup.durable(), &Piece::Open).unwrap()
    }

    /// Nothing of chunked transactions is kept.
    #[track_caller]
    fn assert_nothing_open(&self) {
        let kept = self
            .rollup
            .durable()
            .store_list_size(host::Path::literal("/evm/state/k"));
        assert_eq!((self.list(), kept.unwrap_or(0)), (None, 0));
    }
}

fn raw(transaction: &SignedTransaction) -> Vec<u8> {
    transaction.encode()
}

fn number(n: u64) -> B256 {
    B256::from(U256::from(n))
}

/// An announcement of `transaction` by somebody else, with other chunks.
fn lie(transaction: &SignedTransaction, chunks: &[B256]) -> Vec<u8> {
    let mut message = vec![1, 0];
    message.extend_from_slice(&Setup::default().address);
    message.push(1);
    message.extend_from_slice(transaction.hash.as_slice());
    message.extend_from_slice(&(chunks.len() as u16).to_le_bytes());
    for chunk in chunks {
        message.extend_from_slice(chunk.as_slice());
    }
    message
}

#[track_caller]
fn assert_logged(report: &LevelReport, reason: &str) {
    let log = report.debug.concat();
    assert!(log.contains(reason), "no {reason:?} in {log}");
}

#[test]
fn chunks_make_the_transaction_in_any_order() {
    let mut scene = Scene::new();
    let large = scene.large(20_000);
    let messages = scene.messages(&large);
    assert_eq!(messages.len(), 7);
    let order = [0, 4, 2, 6, 1, 5, 3].map(|index: usize| messages[index].clone());
    scene.level(&order);
    assert_eq!(scene.included(), [large.hash]);
    scene.assert_nothing_open();
}

#[test]
fn chunks_make_the_transaction_over_many_levels() {
    let mut scene = Scene::new();
    let large = scene.large(20_000);
    for message in scene.messages(&large) {
        assert!(scene.included().is_empty());
        scene.level(&[message]);
    }
    assert_eq!(scene.included(), [large.hash]);
    scene.assert_nothing_open();
}

#[test]
fn the_largest_transaction_comes_in_33_chunks() {
    let mut scene = Scene::new();
    let rest = raw(&scene.large(120_000)).len() - 120_000;
    scene.user.nonce = 0;
    let large = scene.large(128 * 1024 - rest);
    assert_eq!(raw(&large).len(), 128 * 1024);
    let messages = scene.messages(&large);
    assert_eq!(messages.len(), 34);
    scene.level(&messages);
    assert_eq!(scene.included(), [large.hash]);
    scene.user.nonce = 1;
    let larger = scene.large(128 * 1024 - rest + 1);
    let report = scene.level(&scene.messages(&larger));
    assert_logged(&report, "131073 bytes");
    assert_eq!(scene.included(), [large.hash]);
    scene.assert_nothing_open();
}

#[test]
fn a_missing_chunk_is_waited_for() {
    let mut scene = Scene::new();
    let large = scene.large(9_000);
    let mut messages = scene.messages(&large);
    let missing = messages.remove(2);
    scene.level(&messages);
    assert!(scene.included().is_empty());
    for _ in 0..19 {
        scene.level(&[]);
    }
    scene.level(&[missing]);
    assert_eq!(scene.included(), [large.hash]);
    scene.assert_nothing_open();
}

#[test]
fn a_late_chunk_finds_nothing() {
    let mut scene = Scene::new();
    let large = scene.large(9_000);
    let mut messages = scene.messages(&large);
    let late = messages.remove(2);
    scene.level(&messages);
    assert!(scene.list().is_some());
    for _ in 0..21 {
        scene.level(&[]);
    }
    scene.assert_nothing_open();
    let report = scene.level(&[late]);
    assert_logged(&report, "chunk that nobody announced");
    // It can be announced again.
    scene.level(&scene.messages(&large));
    assert_eq!(scene.included(), [large.hash]);
    scene.assert_nothing_open();
}

#[test]
fn repeated_messages_change_nothing() {
    let mut scene = Scene::new();
    let large = scene.large(9_000);
    let messages = scene.messages(&large);
    let twice: Vec<_> = messages
        .iter()
        .flat_map(|message| [message.clone(), message.clone()])
        .collect();
    let report = scene.level(&twice);
    assert_logged(&report, "repeated announcement or chunk");
    assert_eq!(scene.included(), [large.hash]);
    scene.level(&messages);
    assert_eq!(scene.included(), [large.hash]);
    scene.assert_nothing_open();
}

#[test]
fn a_chunk_with_a_wrong_hash_is_dropped() {
    let mut scene = Scene::new();
    let large = scene.large(9_000);
    let messages = scene.messages(&large);
    let mut wrong = messages[2].clone();
    *wrong.last_mut().unwrap() ^= 1;
    let report = scene.level(&[messages[0].clone(), messages[1].clone(), wrong]);
    assert_logged(&report, "chunk does not have its hash");
    scene.level(&messages[2..]);
    assert_eq!(scene.included(), [large.hash]);
    scene.assert_nothing_open();
}

#[test]
fn announcements_that_make_no_transaction_are_dropped() {
    let mut scene = Scene::new();
    let large = scene.large(9_000);
    let hashes = |count: u64| -> Vec<B256> { (0..count).map(number).collect() };
    let mut short = lie(&large, &hashes(3));
    short.pop();
    for (message, reason) in [
        (lie(&large, &[]), "malformed announcement or chunk"),
        (short, "malformed announcement or chunk"),
        (lie(&large, &hashes(34)), "34 chunks announced, at most 33"),
    ] {
        let report = scene.level(&[message]);
        assert_logged(&report, reason);
        scene.assert_nothing_open();
    }
}

#[test]
fn false_announcements_of_a_transaction_block_nobody() {
    let mut scene = Scene::new();
    let large = scene.large(9_000);
    let messages = scene.messages(&large);
    let lies = |from: u64, count: u64| {
        (from..from + count)
            .map(|n| lie(&large, &[number(n)]))
            .collect::<Vec<_>>()
    };
    scene.level(&lies(0, 100));
    let mixed = [lies(100, 100), messages, lies(200, 100)].concat();
    scene.level(&mixed);
    assert_eq!(scene.included(), [large.hash]);
    // What was announced before the transaction was whole is forgotten with it, and
    // all that came later stays.
    assert_eq!(scene.list().map(|list| list.len()), Some(100 * 68));
    // 64 expire in a level.
    for _ in 0..22 {
        scene.level(&[]);
    }
    scene.assert_nothing_open();
}

#[test]
fn an_announcement_in_the_wrong_order_blocks_nobody() {
    let mut scene = Scene::new();
    let large = scene.large(9_000);
    let messages = scene.messages(&large);
    let mut chunks: Vec<B256> = messages[1..]
        .iter()
        .map(|message| keccak256(&message[89..]))
        .collect();
    chunks.reverse();
    let mut mixed = messages;
    mixed.insert(0, lie(&large, &chunks));
    scene.level(&mixed);
    assert_eq!(scene.included(), [large.hash]);
    scene.assert_nothing_open();
}

#[test]
fn a_thousand_announcements_are_open_at_most() {
    let mut scene = Scene::new();
    let large = scene.large(9_000);
    let messages = scene.messages(&large);
    let other = |n| SignedTransaction {
        hash: keccak256(number(n)),
        ..large.clone()
    };
    let mut flood: Vec<_> = (0..1_200).map(|n| lie(&other(n), &[number(n)])).collect();
    scene.level(&flood);
    assert_eq!(scene.list().map(|list| list.len()), Some(1_000 * 68));
    // They keep nobody out.
    flood.extend(messages);
    scene.level(&flood);
    assert_eq!(scene.included(), [large.hash]);
    // Some expire with each block.
    for _ in 0..40 {
        scene.level(&[]);
    }
    scene.assert_nothing_open();
}
