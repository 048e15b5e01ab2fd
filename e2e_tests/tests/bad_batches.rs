//! Bad batches through the compiled kernel: each is dropped whole, with its reason in the log;
//! what stands beside it is included; and what it cost was counted: a unit of work is at most 80
//! instructions. `--nocapture` prints the figures.

use alloy_primitives::{Address, Bytes, TxKind, U256};
use e2e_tests::lab::{Lab, MAX_GAS, Sample};
use e2e_tests::{MAX_FEE, User};
use ethereum::SignedTransaction;
use ethereum::transaction::{Eip1559, Transaction};
use evm_kernel::inputs::batch::write::{SenderKey, Unfit, Writer};
use storage::Config;
use storage::account::Account;
use storage::layout::ACCOUNTS;
use storage::table::Value;

const ROLLUP: [u8; 20] = [7; 20];
const CHAIN: u64 = 1337;
const NOBODY: Address = Address::repeat_byte(0xbb);

/// Hundredths of an instruction a unit of work.
const MOST: u64 = 8_000;

/// Repetitions of a bad batch, so that its cost shows beside that of a level.
const OFTEN: usize = 30;

/// A transaction and its signer's key.
type Keyed = (SignedTransaction, SenderKey);

/// A rollup where so many users have funds, and these users.
fn lab(count: usize) -> (Lab, Vec<User>) {
    let mut lab = Lab::new(Config::default());
    let users: Vec<User> = (0..count)
        .map(|at| User::new(&format!("batch {at}")))
        .collect();
    lab.change(|rollup| {
        for user in &users {
            let account = Account {
                balance: U256::from(10).pow(U256::from(20)),
                ..Account::default()
            };
            let path = ACCOUNTS.path(&user.address).unwrap();
            rollup.set(&path.as_path().to_string(), account.encode().as_ref());
        }
    });
    (lab, users)
}

fn send(user: &mut User, input: Bytes) -> Keyed {
    let gas_limit = if input.is_empty() { 21_000 } else { MAX_GAS };
    let signed = user.sign(Transaction::DynamicFee(Eip1559 {
        chain_id: CHAIN,
        nonce: user.nonce,
        max_priority_fee_per_gas: U256::ZERO,
        max_fee_per_gas: U256::from(MAX_FEE),
        gas_limit,
        to: TxKind::Call(NOBODY),
        value: U256::from(7),
        input,
        access_list: Vec::new(),
    }));
    user.nonce += 1;
    let signer = ethereum::signers([&signed]).remove(0).unwrap();
    (signed, SenderKey::Given(signer.key))
}

/// A transfer of each.
fn round(users: &mut [User]) -> Vec<Keyed> {
    users
        .iter_mut()
        .map(|user| send(user, Bytes::new()))
        .collect()
}

/// All of them in as many messages as they take, the tag of external messages included.
fn messages(transactions: &[Keyed]) -> Vec<Vec<u8>> {
    let mut messages = Vec::new();
    let mut writer = Writer::new(&ROLLUP, CHAIN, false);
    for (signed, key) in transactions {
        if writer.push(signed, key) == Err(Unfit::Full) {
            messages.push(writer.message());
            writer = Writer::new(&ROLLUP, CHAIN, false);
            writer.push(signed, key).unwrap();
        }
    }
    messages.push(writer.message());
    messages
}

fn message(transactions: &[Keyed]) -> Vec<u8> {
    let [message] = &messages(transactions)[..] else {
        panic!("they do not fit one message");
    };
    message.clone()
}

/// Another last byte: of the last signature.
fn forged(message: &[u8]) -> Vec<u8> {
    let mut message = message.to_vec();
    *message.last_mut().unwrap() ^= 1;
    message
}

/// The cost of a level of these messages, its inclusions, and the log line of each dropped one.
fn cost(lab: &Lab, name: &str, messages: Vec<Vec<u8>>) -> (Sample, Vec<String>) {
    let mut rollup = lab.rollup();
    let bytes: usize = messages.iter().map(Vec::len).sum();
    let mut dropped = Vec::new();
    let (sample, _) = lab.run_watched(&mut rollup, messages, |report| {
        let lines = report.debug.iter().flat_map(|text| text.lines());
        dropped.extend(
            lines
                .filter(|line| line.contains("dropped"))
                .map(str::to_owned),
        );
    });
    let ratio = sample.hundredths();
    println!(
        "{name}: {bytes} bytes, {} instructions, {} units, {}.{:02} a unit, {} included",
        sample.instructions,
        sample.work,
        ratio / 100,
        ratio % 100,
        sample.included,
    );
    assert!(ratio <= MOST, "{name}: {ratio} hundredths a unit");
    (sample, dropped)
}

/// A kind of bad batch comes many times, and a good one behind it.
fn refused(name: &str, reason: &str, change: impl FnOnce(Vec<Keyed>) -> Vec<u8>) {
    let (lab, mut users) = lab(12);
    let transactions = round(&mut users);
    let good = message(&transactions);
    let bad = change(transactions);
    let mut messages = vec![bad; OFTEN];
    messages.push(good);
    let (sample, dropped) = cost(&lab, name, messages);
    assert_eq!(sample.included, 12, "{name}: {dropped:?}");
    assert_eq!(dropped.len(), OFTEN, "{name}: {dropped:?}");
    let reason = format!("input dropped: {reason}");
    for line in dropped {
        assert!(line.contains(&reason), "{name}: {line}");
    }
}

#[test]
fn columns_that_are_cut_short() {
    // With fewer bytes than rows and keys take at least, or in the middle of one.
    for eighths in [3, 5, 7] {
        refused("cut short", "batch ", |good| {
            let message = message(&good);
            message[..message.len() * eighths / 8].to_vec()
        });
    }
    refused("without its last byte", "batch cut short", |good| {
        let message = message(&good);
        message[..message.len() - 1].to_vec()
    });
}

#[test]
fn a_key_that_is_not_in_the_table() {
    let reason = "key 4000000000 is unknown";
    refused("index of a key", reason, |mut good| {
        good[11].1 = SenderKey::Known(4_000_000_000, NOBODY);
        message(&good)
    });
}

#[test]
fn a_word_that_comes_later() {
    let reason = "index 65535 out of range";
    refused("word that comes later", reason, |good| {
        let mut input = vec![1, 2, 3, 4];
        for _ in 0..2 {
            input.extend([0; 28]);
            input.extend([9; 4]);
        }
        let caller = send(&mut User::new("batch 0"), input.into());
        let mut message = message(&[good, vec![caller]].concat());
        // The second word names the first in one byte; now it names one far behind.
        let first = message.windows(4).position(|bytes| bytes == [9; 4]);
        let second = first.unwrap() + 4;
        assert!(message[second] & 0x80 != 0, "a word that is named");
        message.splice(second..=second, [0x43, 0xff, 0xff, 3]);
        message
    });
}

#[test]
fn a_key_off_the_curve() {
    let reason = "key 11 of the batch is not on the curve";
    refused("key off the curve", reason, |mut good| {
        let SenderKey::Given(mut key) = good[11].1 else {
            panic!("a given key");
        };
        key[63] ^= 1;
        good[11].1 = SenderKey::Given(key);
        message(&good)
    });
}

#[test]
fn a_key_of_another_account() {
    let reason = "a signature is not by the key that the batch says";
    refused("key of another", reason, |mut good| {
        let other = ethereum::signature::recover_key(
            &good[0].0.signing_hash,
            &ethereum::Signature {
                y_parity: !good[0].0.signature.y_parity,
                ..good[0].0.signature
            },
        );
        good[11].1 = SenderKey::Given(other.unwrap());
        message(&good)
    });
}

#[test]
fn a_signature_that_was_changed() {
    let reason = "a signature is not by the key that the batch says";
    refused("forged", reason, |good| forged(&message(&good)));
}

/// Of a hundred transactions in the messages that hold them, those beside the bad one in its
/// message are dropped with it, and no other.
#[test]
fn one_bad_signature_among_a_hundred() {
    let (lab, mut users) = lab(100);
    let good = messages(&round(&mut users));
    let held = good.len();
    assert!((3..=6).contains(&held), "{held} messages");
    let (all, dropped) = cost(&lab, "a hundred good ones", good.clone());
    assert_eq!((all.included, dropped.len()), (100, 0));
    for bad in 0..held {
        let mut messages = good.clone();
        messages[bad] = forged(&good[bad]);
        let (sample, dropped) = cost(&lab, "one bad among a hundred", messages);
        let (beside, _) = cost(&lab, "the message of the bad one", vec![good[bad].clone()]);
        assert_eq!(sample.included, 100 - beside.included);
        assert_eq!(dropped.len(), 1, "{dropped:?}");
        // It is checked once, and what is dropped costs no more than what is executed.
        assert!(sample.instructions < all.instructions);
    }
}

#[test]
fn ten_bad_messages_among_ten_good_ones() {
    let (lab, mut users) = lab(40);
    let mut all = Vec::new();
    for part in users.chunks_mut(4) {
        let good = message(&round(part));
        all.extend([forged(&good), good]);
    }
    let (sample, dropped) = cost(&lab, "ten bad among ten good", all);
    assert_eq!((sample.included, dropped.len()), (40, 10), "{dropped:?}");
}

#[test]
fn the_same_transactions_in_two_messages() {
    let (lab, mut users) = lab(12);
    let good = message(&round(&mut users));
    let (sample, dropped) = cost(&lab, "the same twice", vec![good; 2]);
    assert_eq!((sample.included, dropped.len()), (12, 12), "{dropped:?}");
}

/// Words that are named once a byte, as many as a batch may unfold to, and transfers in the rest
/// of the message.
#[test]
fn a_full_message_that_unfolds_to_the_most() {
    let (lab, mut users) = lab(30);
    let mut input = vec![1; 4];
    input.extend([[7; 32]; 1_950].as_flattened());
    let mut writer = Writer::new(&ROLLUP, CHAIN, false);
    let (long, key) = send(&mut users[0], input.into());
    writer.push(&long, &key).unwrap();
    let mut count = 1;
    for user in &mut users[1..] {
        let (signed, key) = send(user, Bytes::new());
        if writer.push(&signed, &key) == Err(Unfit::Full) {
            break;
        }
        count += 1;
    }
    let message = writer.message();
    let unfolded = long.encode().len() + (count - 1) * 110;
    assert!(message.len() > 3_900, "{} bytes", message.len());
    assert!(unfolded > 63_000, "{unfolded} bytes");
    let (sample, dropped) = cost(&lab, "unfolds to the most", vec![message.clone()]);
    assert_eq!((sample.included, dropped.len()), (count, 0), "{dropped:?}");
    let (sample, dropped) = cost(&lab, "the same, forged", vec![forged(&message); OFTEN]);
    assert_eq!((sample.included, dropped.len()), (0, OFTEN), "{dropped:?}");
}
