//! Batches through the kernel as native code: what they bring is what the same
//! transactions bring one by one, and a bad one harms nobody.

use crate::native::{
    GWEI, ROLLUP, burn, call, creation, durable, hashes, head, headers, included, level, rollup,
    run, sender, signed, simple, transfer,
};
use alloy_primitives::{Address, Bytes, TxKind, U256};
use ethereum::signature::known_keys;
use ethereum::transaction::{Eip1559, Eip2930, Legacy, Transaction, sign};
use ethereum::{SignedTransaction, keccak256};
use evm_kernel::inputs::batch::write::{SenderKey, Writer};
use evm_kernel::inputs::encode::{self, Batching};
use host::mock::{MockHost, Values};
use proptest::collection::vec;
use proptest::prelude::*;
use solidity_fixtures::counter;
use std::collections::BTreeMap;
use storage::{Config, KnownKey};

const NOBODY: Address = Address::repeat_byte(0xbb);

/// The table of known keys.
fn known(host: &MockHost) -> Vec<KnownKey> {
    let count = storage::known_keys::count(host).unwrap();
    let get = |index| storage::known_keys::get(host, index).unwrap().unwrap();
    assert_eq!(storage::known_keys::get(host, count).unwrap(), None);
    (0..count).map(get).collect()
}

/// Each transaction with its key, as one who reads the rollup's storage knows it.
fn keyed(
    host: &MockHost,
    transactions: &[SignedTransaction],
) -> Vec<(SignedTransaction, SenderKey)> {
    let known = known(host);
    let signers = ethereum::signers(transactions);
    let keyed = transactions.iter().zip(signers).map(|(signed, signer)| {
        let signer = signer.unwrap();
        let at = known
            .iter()
            .position(|known| known.address == signer.address);
        let key = match at {
            Some(at) => SenderKey::Known(at as u64, signer.address),
            None => SenderKey::Given(signer.key),
        };
        (signed.clone(), key)
    });
    keyed.collect()
}

const BATCHING: Batching = Batching {
    rollup: ROLLUP,
    chain_id: 1337,
    points: false,
};

/// The contents of the external messages that bring transactions in batches.
fn batched(host: &MockHost, transactions: &[SignedTransaction], points: bool) -> Vec<Vec<u8>> {
    let batching = Batching { points, ..BATCHING };
    let messages = encode::batches(&batching, &keyed(host, transactions));
    messages
        .into_iter()
        .map(|message| message[1..].to_vec())
        .collect()
}

/// One batch, all in it.
fn batch(keyed: &[(SignedTransaction, SenderKey)], points: bool) -> Vec<u8> {
    let mut writer = Writer::new(&ROLLUP, 1337, points);
    for (signed, key) in keyed {
        writer.push(signed, key).unwrap();
    }
    writer.message()[1..].to_vec()
}

/// The state without the queue: its position, and the work of reading, are left out.
fn state(host: &MockHost) -> Values {
    let mut values = durable(host);
    values.retain(|path, _| {
        path.starts_with(b"/evm/state/") && !matches!(&path[..], b"/evm/state/h" | b"/evm/state/p")
    });
    values
}

/// An action of a test transaction.
#[derive(Clone, Debug)]
enum Does {
    Transfer(U256),
    Create,
    Count,
    Burn,
    Legacy(Option<u64>),
    AccessList,
    TooMuch,
}

fn does() -> impl Strategy<Value = Does> {
    prop_oneof![
        4 => (0_u64..1_000).prop_map(|wei| Does::Transfer(U256::from(wei))),
        1 => Just(Does::Create),
        2 => Just(Does::Count),
        1 => Just(Does::Burn),
        1 => prop_oneof![Just(None), Just(Some(1337)), Just(Some(1))].prop_map(Does::Legacy),
        1 => Just(Does::AccessList),
        1 => Just(Does::TooMuch),
    ]
}

/// A transaction of a sender; `nonce` is its next one, or another.
fn transaction(from: u8, nonce: u64, does: &Does) -> SignedTransaction {
    let counter = sender(0).create(0);
    let secret = [from + 1; 32];
    match does {
        Does::Transfer(wei) => signed(
            from,
            Eip1559 {
                value: *wei,
                ..transfer(nonce, NOBODY)
            },
        ),
        Does::Create => signed(from, creation(nonce, counter::deploy())),
        Does::Count => signed(from, call(nonce, counter, counter::increment())),
        Does::Burn => signed(from, burn(nonce, 100_000)),
        Does::TooMuch => signed(
            from,
            Eip1559 {
                value: U256::MAX >> 8,
                ..transfer(nonce, NOBODY)
            },
        ),
        Does::Legacy(chain_id) => {
            let legacy = Legacy {
                chain_id: *chain_id,
                nonce,
                gas_price: U256::from(5 * GWEI),
                gas_limit: 21_000,
                to: TxKind::Call(NOBODY),
                value: U256::from(7),
                input: Bytes::new(),
            };
            sign(Transaction::Legacy(legacy), &secret).unwrap()
        }
        Does::AccessList => {
            let access = Eip2930 {
                chain_id: 1337,
                nonce,
                gas_price: U256::from(5 * GWEI),
                gas_limit: 100_000,
                to: TxKind::Call(counter),
                input: counter::increment(),
                access_list: vec![ethereum::transaction::AccessListItem {
                    address: counter,
                    storage_keys: vec![keccak256([1])],
                }],
                ..Eip2930::default()
            };
            sign(Transaction::AccessList(access), &secret).unwrap()
        }
    }
}

/// Some levels of transactions; some nonces are wrong.
fn levels() -> impl Strategy<Value = Vec<Vec<SignedTransaction>>> {
    let one = (
        0_u8..6,
        does(),
        prop_oneof![9 => Just(0_u64), 1 => 1_u64..3],
    );
    vec(vec(one, 0..25), 1..4).prop_map(|levels| {
        let mut nonces: BTreeMap<u8, u64> = BTreeMap::new();
        let mut transactions = |level: Vec<(u8, Does, u64)>| {
            let transactions = level.into_iter().map(|(from, does, off)| {
                let next = nonces.entry(from).or_default();
                let nonce = *next + off;
                let refused = off > 0 || matches!(does, Does::TooMuch | Does::Legacy(Some(1)));
                *next += u64::from(!refused);
                transaction(from, nonce, &does)
            });
            transactions.collect()
        };
        levels.into_iter().map(&mut transactions).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn the_same_transactions_make_the_same_blocks(levels in levels(), points: bool, gas in 0_u8..2) {
        let config = Config {
            block_gas_limit: [30_000_000, 2_000_000][usize::from(gas)],
            ..Config::default()
        };
        let (mut one_by_one, mut at_once) = (rollup(&config), rollup(&config));
        for host in [&mut one_by_one, &mut at_once] {
            run(host, &level(1_000, &[]));
        }
        for (timestamp, transactions) in (1_001..).zip(&levels) {
            let simples: Vec<_> = transactions.iter().map(simple).collect();
            run(&mut one_by_one, &level(timestamp, &simples));
            let batches = batched(&at_once, transactions, points);
            run(&mut at_once, &level(timestamp, &batches));
            prop_assert_eq!(state(&at_once), state(&one_by_one));
            prop_assert_eq!(head(&at_once).hash, head(&one_by_one).hash);
            prop_assert_eq!(head(&at_once).backlog, 0);
        }
        headers(&at_once);
    }
}

/// `BATCH_CASES` asks for more.
fn cases() -> u32 {
    let asked = std::env::var("BATCH_CASES").ok();
    asked.and_then(|asked| asked.parse().ok()).unwrap_or(40)
}

/// A rollup where all senders are known: each sent a transfer.
fn all_known(config: &Config) -> MockHost {
    let mut host = rollup(config);
    run(&mut host, &level(1_000, &[]));
    let first: Vec<_> = (0..6)
        .map(|from| signed(from, transfer(0, NOBODY)))
        .collect();
    let batches = batched(&host, &first, false);
    assert_eq!(batches.len(), 1);
    run(&mut host, &level(1_001, &batches));
    assert_eq!(included(&host).len(), 6);
    let known = known(&host);
    let addresses: Vec<_> = known.iter().map(|known| known.address).collect();
    assert_eq!(addresses, (0..6).map(sender).collect::<Vec<_>>());
    for known in &known {
        assert_eq!(ethereum::signature::address(&known.key), known.address);
    }
    host
}

/// The transfers of all senders with this nonce.
fn round(nonce: u64) -> Vec<SignedTransaction> {
    (0..6)
        .map(|from| signed(from, transfer(nonce, NOBODY)))
        .collect()
}

#[test]
fn keys_are_known_once_and_in_order() {
    let mut host = all_known(&Config::default());
    let before = known(&host);
    let batches = batched(&host, &round(1), true);
    // By index, with y: two bytes of shape, one each of key and nonce.
    assert!(
        batches[0].len() < 6 * (64 + 32 + 20 + 16) + 40,
        "{}",
        batches[0].len()
    );
    run(&mut host, &level(1_002, &batches));
    assert_eq!(included(&host).len(), 12);
    assert_eq!(known(&host), before);
    // One by one and in full: nobody gets a second index.
    let given: Vec<_> = round(2)
        .into_iter()
        .zip(&before)
        .map(|(signed, known)| (signed, SenderKey::Given(known.key)))
        .collect();
    let messages = [batch(&given, false), simple(&round(3)[0])];
    run(&mut host, &level(1_003, &messages));
    assert_eq!(included(&host).len(), 19);
    assert_eq!(known(&host), before);
}

#[test]
fn a_batch_goes_on_in_the_next_block_and_in_the_next_run() {
    let config = Config {
        block_gas_limit: 1_000_000,
        run_budget: 3_000_000,
        level_budget: 6_000_000,
        ..Config::default()
    };
    let mut host = all_known(&config);
    let burns: Vec<_> = (1..9)
        .map(|nonce| signed(0, burn(nonce, 600_000)))
        .collect();
    let batches = batched(&host, &burns, false);
    assert_eq!(batches.len(), 1);
    let ended = run(&mut host, &level(1_002, &batches));
    assert!(ended.runs > 1, "{}", ended.runs);
    let mut most = 0;
    for timestamp in 1_003..1_020 {
        most = most.max(head(&host).backlog);
        run(&mut host, &level(timestamp, &[]));
    }
    // Its frame is not queued.
    assert!(most > batches[0].len() as u64 - 21, "{most}");
    assert_eq!(head(&host).backlog, 0);
    let expected: Vec<_> = burns.iter().map(|burn| burn.hash).collect();
    assert_eq!(hashes(&host)[6..], expected);
    assert!(
        !host.debug_log().contains("dropped"),
        "{}",
        host.debug_log()
    );
}

/// Bad batches, each with the log line that reports it.
fn bad(host: &MockHost) -> Vec<(&'static str, Vec<u8>)> {
    let good = keyed(host, &round(1));
    let message = batch(&good, false);
    let with_y = batch(&good, true);
    let changed = |message: &[u8], at: usize, flip: u8| {
        let mut message = message.to_vec();
        message[at] ^= flip;
        message
    };
    let last = message.len() - 1;
    let mut another = good.clone();
    another[2].1 = another[3].1;
    let mut unknown = good.clone();
    unknown[0].1 = SenderKey::Known(6, sender(0));
    let given = |key: [u8; 64]| {
        let mut given = good.clone();
        given[5].1 = SenderKey::Given(key);
        batch(&given, false)
    };
    let key = known(host)[4].key;
    let mut off = known(host)[5].key;
    off[63] ^= 1;
    let mut high = good.clone();
    let signature = &mut high[1].0.signature;
    let order = known_order();
    signature.s = order - signature.s;
    signature.y_parity = !signature.y_parity;
    vec![
        (
            "a signature is not by the key that the batch says",
            changed(&message, last, 1),
        ),
        (
            "a signature is not by the key that the batch says",
            changed(&message, last - 40, 1),
        ),
        (
            "a signature is not by the key that the batch says",
            changed(&with_y, with_y.len() - 1, 1),
        ),
        (
            "a signature is not by the key that the batch says",
            batch(&another, false),
        ),
        (
            "a signature is not by the key that the batch says",
            given(key),
        ),
        (
            "a signature is not by the key that the batch says",
            batch(&high, false),
        ),
        ("key 6 is unknown", batch(&unknown, false)),
        ("key 5 of the batch is not on the curve", given(off)),
        ("batch cut short", message[..last].to_vec()),
        (
            "1 bytes behind the last transaction of the batch",
            [&message[..], &[0]].concat(),
        ),
        ("unknown flags of a batch: 0x02", changed(&message, 22, 2)),
        ("batch cut short", message[..22].to_vec()),
        // Chain id 1,337 takes two bytes, then follow the length and the number.
        ("batch that does not unfold to", changed(&message, 25, 1)),
        (
            "batch that unfolds to 65537 bytes: too many",
            [&message[..25], &[0x81, 0x80, 4], &message[27..]].concat(),
        ),
        ("batch without transactions", changed(&message, 27, 6)),
    ]
}

fn known_order() -> U256 {
    U256::from_str_radix(
        "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141",
        16,
    )
    .unwrap()
}

#[test]
fn a_bad_batch_is_dropped_whole_with_its_reason_and_harms_nobody() {
    let host = all_known(&Config::default());
    for (reason, message) in bad(&host) {
        let mut host = host.clone();
        let before = host.debug_log().len();
        run(&mut host, &level(1_002, &[message, simple(&round(1)[3])]));
        let log = &host.debug_log()[before..];
        assert!(
            log.contains(&format!("input dropped: {reason}")),
            "{reason}: {log}"
        );
        assert_eq!(log.matches("dropped").count(), 1, "{log}");
        assert_eq!(hashes(&host)[6..], [round(1)[3].hash], "{reason}");
        assert_eq!(head(&host).backlog, 0);
    }
}

#[test]
fn ten_bad_batches_among_ten_good_ones() {
    let mut host = all_known(&Config::default());
    let mut messages = Vec::new();
    let mut expected = Vec::new();
    for nonce in 1..11 {
        let good = keyed(&host, &round(nonce));
        let mut bad = batch(&good, false);
        let last = bad.len() - 1;
        bad[last] ^= 1;
        messages.extend([bad, batch(&good, false)]);
        expected.extend(good.iter().map(|(signed, _)| signed.hash));
    }
    run(&mut host, &level(1_002, &messages));
    assert_eq!(hashes(&host)[6..], expected);
}

#[test]
fn what_comes_in_two_messages_is_included_once() {
    let mut host = all_known(&Config::default());
    let good = batch(&keyed(&host, &round(1)), false);
    let messages = [good.clone(), simple(&round(1)[2]), good];
    run(&mut host, &level(1_002, &messages));
    let expected: Vec<_> = round(1).iter().map(|signed| signed.hash).collect();
    assert_eq!(hashes(&host)[6..], expected);
    assert_eq!(host.debug_log().matches("dropped").count(), 7);
}

#[test]
fn y_of_a_point_is_the_one_of_its_signature() {
    let signed = signed(0, transfer(0, NOBODY));
    let y = known_keys::point(&signed.signature).unwrap();
    assert_eq!(y[31] & 1 == 1, signed.signature.y_parity);
}
