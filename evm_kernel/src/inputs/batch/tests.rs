use super::read::{Batch, Key, Unfolded};
use super::write::{SenderKey, Unfit, Writer};
use super::{BadBatch, MAX_UNFOLDED};
use crate::inputs::format::BATCH;
use alloy_primitives::{Address, B256, Bytes, TxKind, U256};
use ethereum::transaction::{
    AccessListItem, Authorization, Eip1559, Eip2930, Eip7702, Legacy, SignedAuthorization,
};
use ethereum::{Signature, SignedTransaction, Transaction};
use host::MAX_MESSAGE;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

const ROLLUP: [u8; 20] = [0x5a; 20];
const CHAIN: u64 = 1_337;

/// The bytes behind the tag of a message of a batch.
fn body(message: &[u8]) -> &[u8] {
    assert_eq!(message[..2], [1, 0]);
    assert_eq!(message[2..22], ROLLUP);
    assert_eq!(message[22], BATCH);
    &message[23..]
}

fn key(number: u8) -> SenderKey {
    match number % 2 {
        0 => SenderKey::Known(
            u64::from(number) << (number % 30),
            Address::repeat_byte(number),
        ),
        _ => SenderKey::Given([number; 64]),
    }
}

/// The writer's transactions come back.
fn unfold(message: &[u8], keys: &[SenderKey]) -> Result<Vec<Unfolded>, BadBatch> {
    let batch = Batch::open(body(message))?;
    for (read, key) in batch.keys().iter().zip(keys) {
        match (read, key) {
            (Key::Known(index), SenderKey::Known(other, _)) => assert_eq!(index, other),
            (Key::Given(bytes), SenderKey::Given(other)) => assert_eq!(*bytes, other),
            _ => panic!("{read:?} is not {key:?}"),
        }
    }
    let senders: Vec<Address> = keys.iter().map(SenderKey::address).collect();
    batch.unfold(&senders)
}

/// Amounts as people write them, and any.
fn amount() -> impl Strategy<Value = U256> {
    prop_oneof![
        Just(U256::ZERO),
        (0_u64..5_000, 0_u32..60).prop_map(|(mantissa, exponent)| {
            U256::from(mantissa) * U256::from(10).pow(U256::from(exponent))
        }),
        any::<u64>().prop_map(U256::from),
        any::<[u64; 4]>().prop_map(U256::from_limbs),
    ]
}

/// Few addresses, so that they come again.
fn address() -> impl Strategy<Value = Address> {
    prop_oneof![
        (0_u8..6).prop_map(Address::repeat_byte),
        any::<[u8; 20]>().prop_map(Address::from)
    ]
}

fn kind() -> impl Strategy<Value = TxKind> {
    prop_oneof![
        1 => Just(TxKind::Create),
        5 => address().prop_map(TxKind::Call),
    ]
}

fn word() -> impl Strategy<Value = [u8; 32]> {
    prop_oneof![
        amount().prop_map(|amount| amount.to_be_bytes()),
        address().prop_map(|address| address.into_word().0),
        // Text: zeros behind.
        vec(1_u8.., 0..32).prop_map(|text| {
            let mut word = [0; 32];
            word[..text.len()].copy_from_slice(&text);
            word
        }),
        any::<[u8; 32]>(),
    ]
}

fn input() -> impl Strategy<Value = Bytes> {
    let call = (0_u8..4, vec(word(), 0..6), vec(any::<u8>(), 0..40));
    let call = call.prop_map(|(selector, words, rest)| {
        let mut input = vec![selector; 4];
        input.extend_from_slice(words.as_flattened());
        input.extend(rest);
        input
    });
    prop_oneof![Just(Vec::new()), call, vec(any::<u8>(), 0..100)].prop_map(Bytes::from)
}

fn signature() -> impl Strategy<Value = Signature> {
    (amount(), amount(), any::<bool>()).prop_map(|(r, s, y_parity)| Signature { r, s, y_parity })
}

fn access_list() -> impl Strategy<Value = Vec<AccessListItem>> {
    let keys = vec(any::<[u8; 32]>().prop_map(B256::from), 0..3);
    let item = (address(), keys).prop_map(|(address, storage_keys)| AccessListItem {
        address,
        storage_keys,
    });
    prop_oneof![3 => Just(Vec::new()), 1 => vec(item, 0..3)]
}

fn authorizations() -> impl Strategy<Value = Vec<SignedAuthorization>> {
    let one = (amount(), address(), any::<u64>(), any::<u8>(), signature());
    let one = one.prop_map(|(chain_id, address, nonce, y_parity, signature)| {
        let authorization = Authorization {
            chain_id,
            address,
            nonce,
        };
        SignedAuthorization::new_unchecked(authorization, y_parity, signature.r, signature.s)
    });
    vec(one, 0..3)
}

/// A transaction of any type that people sign.
fn transaction() -> impl Strategy<Value = SignedTransaction> {
    let fees = prop_oneof![Just((U256::from(2), U256::from(1))), (amount(), amount())];
    let gas = prop_oneof![Just(21_000), any::<u64>()];
    let nonce = prop_oneof![0_u64..5, 0..u64::MAX];
    let call = (kind(), amount(), input());
    let lists = (access_list(), authorizations());
    let parts = (0_u8..5, nonce, fees, gas, call, lists, signature());
    parts.prop_map(
        |(tx_type, nonce, fees, gas_limit, call, lists, signature)| {
            let (max_fee_per_gas, max_priority_fee_per_gas) = fees;
            let (to, value, input) = call;
            let (access_list, authorization_list) = lists;
            let transaction = match tx_type {
                0 | 3 => Transaction::Legacy(Legacy {
                    chain_id: (tx_type == 0).then_some(CHAIN),
                    nonce,
                    gas_price: max_fee_per_gas,
                    gas_limit,
                    to,
                    value,
                    input,
                }),
                1 => Transaction::AccessList(Eip2930 {
                    chain_id: CHAIN,
                    nonce,
                    gas_price: max_fee_per_gas,
                    gas_limit,
                    to,
                    value,
                    input,
                    access_list,
                }),
                2 => Transaction::DynamicFee(Eip1559 {
                    chain_id: CHAIN,
                    nonce,
                    max_priority_fee_per_gas,
                    max_fee_per_gas,
                    gas_limit,
                    to,
                    value,
                    input,
                    access_list,
                }),
                _ => Transaction::SetCode(Eip7702 {
                    chain_id: CHAIN,
                    nonce,
                    max_priority_fee_per_gas,
                    max_fee_per_gas,
                    gas_limit,
                    to: to.to().copied().unwrap_or_default(),
                    value,
                    input,
                    access_list,
                    authorization_list,
                }),
            };
            transaction.with_signature(signature)
        },
    )
}

/// A batch of those that fit, with what went in.
fn packed(
    transactions: &[(SignedTransaction, u8)],
    points: bool,
) -> (Vec<u8>, Vec<SenderKey>, Vec<(SignedTransaction, usize)>) {
    let mut writer = Writer::new(&ROLLUP, CHAIN, points);
    let (mut keys, mut inside) = (Vec::new(), Vec::new());
    for (signed, number) in transactions {
        let key = key(*number);
        if writer.push(signed, &key).is_ok() {
            let at = keys.iter().position(|other| *other == key);
            inside.push((signed.clone(), at.unwrap_or(keys.len())));
            if at.is_none() {
                keys.push(key);
            }
        }
    }
    (writer.message(), keys, inside)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn what_goes_in_comes_out(
        transactions in vec((transaction(), 0_u8..8), 1..40), points: bool,
    ) {
        let (message, keys, inside) = packed(&transactions, points);
        prop_assume!(!inside.is_empty());
        prop_assert!(message.len() <= MAX_MESSAGE);
        let unfolded = unfold(&message, &keys).unwrap();
        prop_assert_eq!(unfolded.len(), inside.len());
        for (unfolded, (signed, key)) in unfolded.iter().zip(&inside) {
            prop_assert_eq!(&*unfolded.transaction, signed);
            prop_assert_eq!(&unfolded.raw[..], &signed.encode()[..]);
            prop_assert_eq!(unfolded.key, *key);
            prop_assert_eq!(unfolded.y.is_some(), points);
        }
    }

    #[test]
    fn a_batch_that_is_cut_or_longer_is_refused(
        transactions in vec((transaction(), 0_u8..8), 1..6), cut: prop::sample::Index, more: u8,
    ) {
        let (mut message, keys, inside) = packed(&transactions, false);
        prop_assume!(!inside.is_empty());
        let cut = 23 + cut.index(message.len() - 23);
        prop_assert!(unfold(&message[..cut], &keys).is_err());
        message.push(more);
        prop_assert!(unfold(&message, &keys).is_err());
    }

    #[test]
    fn another_byte_makes_other_transactions_or_none(
        transactions in vec((transaction(), 0_u8..8), 1..6),
        at: prop::sample::Index, flip in 1_u8..,
    ) {
        let (mut message, keys, inside) = packed(&transactions, false);
        prop_assume!(!inside.is_empty());
        let at = 23 + at.index(message.len() - 23);
        message[at] ^= flip;
        let Ok(batch) = Batch::open(body(&message)) else { return Ok(()) };
        let senders: Vec<Address> = keys.iter().map(SenderKey::address).collect();
        if let Ok(unfolded) = batch.unfold(&senders) {
            for unfolded in unfolded {
                let again = ethereum::transaction::decode(&unfolded.raw).unwrap();
                prop_assert_eq!(*unfolded.transaction, again);
            }
        }
    }

    #[test]
    fn any_bytes_are_a_batch_or_not(bytes in vec(any::<u8>(), 0..300), count in 0_usize..5) {
        if let Ok(batch) = Batch::open(&bytes) {
            let most = batch.unfolded();
            if let Ok(unfolded) = batch.unfold(&vec![Address::ZERO; count]) {
                let sum: usize = unfolded.iter().map(|unfolded| unfolded.raw.len()).sum();
                prop_assert_eq!(sum, most);
            }
        }
    }

    #[test]
    fn numbers_take_few_bytes(mantissa in 1_u8.., exponent in 0_u8..31, other in option::of(amount())) {
        let power = U256::from(10).pow(U256::from(exponent));
        let number = U256::from(mantissa) * power;
        let mut bytes = Vec::new();
        super::words::put_number(&mut bytes, other.unwrap_or(number));
        let read = super::words::Reader(&bytes).number().unwrap();
        prop_assert_eq!(read, other.unwrap_or(number));
        prop_assert!(other.is_some() || bytes.len() <= 2);
    }
}

fn transfer(nonce: u64, to: u8) -> SignedTransaction {
    Transaction::DynamicFee(Eip1559 {
        chain_id: CHAIN,
        nonce,
        max_priority_fee_per_gas: U256::from(1_000_000_000_u64),
        max_fee_per_gas: U256::from(2_000_000_000_u64),
        gas_limit: 21_000,
        to: TxKind::Call(Address::repeat_byte(to)),
        value: U256::from(10).pow(U256::from(17)),
        ..Eip1559::default()
    })
    .with_signature(Signature {
        r: U256::MAX,
        s: U256::MAX,
        y_parity: true,
    })
}

#[test]
fn every_byte_of_a_transfer() {
    let mut writer = Writer::new(&ROLLUP, CHAIN, false);
    writer
        .push(&transfer(7, 0xaa), &SenderKey::Known(300, Address::ZERO))
        .unwrap();
    let head = [
        &[1, 0][..],
        &ROLLUP,
        &[5, 0, 0xb9, 0x0a, 119, 1, 1, 0xad, 0x02],
    ]
    .concat();
    let raw = transfer(7, 0xaa).encode();
    assert_eq!(raw.len(), 119);
    let row = [
        // Type 2, odd, address, next key; fees, gas limit and value follow.
        &[0b0101_1010, 0b00_0111][..],
        // Nonce 7; 2 · 10^9, 10^9, 21 · 10^3.
        &[7, 0x29, 2, 0x29, 1, 0x23, 21],
        &[0xaa; 20],
        // 10^17.
        &[0x31, 1],
        &[0xff; 64],
    ]
    .concat();
    assert_eq!(writer.message(), [head, row].concat());
    // The next one of the same key to the same receiver: two bytes, key, value, signature.
    let before = writer.message_len();
    writer
        .push(&transfer(8, 0xaa), &SenderKey::Known(300, Address::ZERO))
        .unwrap();
    assert_eq!(writer.message_len() - before, 1 + 2 + 1 + 2 + 64);
}

#[test]
fn a_full_batch_stays_as_it_was() {
    let mut writer = Writer::new(&ROLLUP, CHAIN, false);
    let mut count = 0;
    let refused = loop {
        let signed = transfer(count, count as u8);
        let before = writer.message();
        match writer.push(&signed, &SenderKey::Known(count, Address::ZERO)) {
            Ok(()) => count += 1,
            Err(why) => {
                assert_eq!(writer.message(), before);
                break why;
            }
        }
    };
    assert_eq!(refused, Unfit::Full);
    assert!((40..50).contains(&count), "{count}");
    assert!(writer.message().len() <= MAX_MESSAGE);
}

#[test]
fn what_would_unfold_to_too_much_is_refused() {
    // Words that are named unfold to 32 bytes for each of theirs.
    let mut input = vec![1; 4];
    input.extend([[7; 32]; 1_900].as_flattened());
    let long = |nonce| {
        Transaction::Legacy(Legacy {
            chain_id: Some(CHAIN),
            nonce,
            input: input.clone().into(),
            to: TxKind::Call(Address::ZERO),
            ..Legacy::default()
        })
        .with_signature(Signature::default())
    };
    let key = SenderKey::Known(0, Address::ZERO);
    let mut writer = Writer::new(&ROLLUP, CHAIN, false);
    writer.push(&long(0), &key).unwrap();
    assert_eq!(writer.push(&long(1), &key), Err(Unfit::Full));
    let message = writer.message();
    assert!(message.len() < 2_200);
    let unfolded = unfold(&message, &[key]).unwrap();
    assert_eq!(unfolded[0].raw.len(), long(0).encode().len());
    // The same bytes with a head that says too much, or too little.
    let head = |unfolded: u32| {
        let mut bytes = vec![0, 0xb9, 0x0a];
        super::words::put_leb(&mut bytes, u64::from(unfolded));
        bytes.extend([1, 1, 1]);
        bytes
    };
    let rows = &body(&message)[head(60_000).len()..];
    let with_head = |unfolded| [&head(unfolded)[..], rows].concat();
    let len = unfolded[0].raw.len() as u32;
    let open = |unfolded| Batch::open(&with_head(unfolded))?.unfold(&[Address::ZERO]);
    assert!(open(len).is_ok());
    assert_eq!(open(len + 1), Err(BadBatch::WrongLength(len as usize + 1)));
    assert_eq!(open(len - 1), Err(BadBatch::WrongLength(len as usize - 1)));
    // What so short a message may say at most is less than MAX_UNFOLDED.
    let most = MAX_UNFOLDED as u32;
    for most in [most, most + 1] {
        assert_eq!(open(most), Err(BadBatch::TooLong(most.into())));
    }
}

#[test]
fn heads_that_say_nonsense_are_refused() {
    let open = |bytes: &[u8]| Batch::open(bytes).map(|_| ()).unwrap_err();
    assert_eq!(open(&[]), BadBatch::Short);
    assert_eq!(open(&[2, 1, 1, 1, 0]), BadBatch::Flags(2));
    assert_eq!(open(&[0, 1, 1, 0, 0]), BadBatch::Empty);
    let too_many = |transactions, keys| BadBatch::TooMany { transactions, keys };
    assert_eq!(open(&[0, 1, 1, 1, 0]), too_many(1, 0));
    let long = [&[0, 1, 1, 1, 2][..], &[0; 200]].concat();
    assert_eq!(open(&long), too_many(1, 2));
    // A number of more than 64 bits.
    assert_eq!(
        open(&[0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2]),
        BadBatch::Number
    );
}

#[test]
fn transactions_of_another_chain_do_not_fit() {
    let mut writer = Writer::new(&ROLLUP, CHAIN + 1, false);
    let key = SenderKey::Known(0, Address::ZERO);
    assert_eq!(writer.push(&transfer(0, 1), &key), Err(Unfit::Foreign));
    assert!(writer.is_empty());
}

/// An index refers to an earlier row: nothing refers forward, nor to itself.
#[test]
fn what_is_named_stands_before() {
    use super::words::{Reader, Words};
    let data = |bytes: &[u8], len: usize| {
        let mut words = Words::default();
        words.data(&mut Reader(bytes), len, &Address::ZERO)
    };
    // The selector of call data that has one itself.
    assert_eq!(data(&[1], 4), Err(BadBatch::Index(0)));
    let selector = [0, 1, 2, 3, 4];
    let words = |rest: &[u8], count: usize| data(&[&selector, rest].concat(), 4 + 32 * count);
    // A word that comes later, near and far.
    let word = [0x04, 9, 9, 9, 9];
    let near = |at: u8| [0x80 + at];
    assert_eq!(
        words(&[&near(0)[..], &word].concat(), 2),
        Err(BadBatch::Index(0))
    );
    assert_eq!(
        words(&[&[0x43, 0][..], &word].concat(), 2),
        Err(BadBatch::Index(0))
    );
    assert_eq!(
        words(&[0x43, 0xff, 0xff, 3], 1),
        Err(BadBatch::Index(0xffff))
    );
    // One that stands there, and the next, which does not.
    let named = words(&[&word[..], &near(0)].concat(), 2).unwrap();
    assert_eq!(named[4..36], named[36..]);
    assert_eq!(
        words(&[&word[..], &near(1)].concat(), 2),
        Err(BadBatch::Index(1))
    );
    // A receiver.
    let none = Words::default();
    assert_eq!(none.receiver(&mut Reader(&[2])), Err(BadBatch::Index(2)));
}
