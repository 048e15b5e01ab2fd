//! Whatever anyone posts: one test a kind, between two good transactions that
//! succeed. The debug log has the reason, and nothing else is left: the state is
//! that of a rollup that never saw the bad input.

mod random;
mod scene;

use alloy_primitives::{B256, TxKind, U256};
use e2e_tests::{MAX_FEE, Rollup, Setup};
use ethereum::rlp::EMPTY_STRING;
use ethereum::transaction::{AccessListItem, Eip1559, Eip2930, MAX_INITCODE_SIZE, Transaction};
use scene::{
    BLOCK_GAS, CHAIN, LITTLE, NOBODY, Scene, assert_logged, good_raw, legacy, list, number, order,
    refused, send, set_code, transfer, with_access_list, with_field, with_fields,
};

/// A test a kind: its name, the reason that is logged, what is posted.
macro_rules! refused {
    ($($name:ident: $reason:literal, $messages:expr;)*) => {$(
        #[test]
        fn $name() {
            refused($reason, $messages);
        }
    )*};
}

/// Kinds of raw transactions, the same way.
macro_rules! refused_raw {
    ($($name:ident: $reason:literal, $raw:expr;)*) => {$(
        #[test]
        fn $name() {
            let raw: fn(&Scene) -> Vec<u8> = $raw;
            refused($reason, |scene| evm_kernel::inputs::encode::messages(&[7; 20], &raw(scene)));
        }
    )*};
}

/// Kinds of transactions that are signed well; the fields that differ.
macro_rules! refused_signed {
    ($($name:ident: $reason:literal, $who:ident { $($field:ident: $value:expr),* };)*) => {
        refused_raw! {$(
            $name: $reason, |scene| {
                let transaction = Eip1559 { $($field: $value,)* ..transfer() };
                scene.$who.sign(Transaction::DynamicFee(transaction)).encode()
            };
        )*}
    };
}

// Messages.
refused! {
    garbage: "unknown tag 0xde", |scene| vec![scene.rollup.framed(b"\xde\xad\xbe\xef")];
    an_empty_frame: "input dropped: empty", |scene| vec![scene.rollup.framed(b"")];
    an_input_without_a_hash: "too short", |scene| vec![scene.rollup.framed(&[0; 32])];
    a_message_without_bytes: "without a frame: 1", |_| vec![vec![1]];
    a_wrong_frame: "without a frame: 1", |scene| {
        let mut message = scene.rollup.simple(&good_raw(scene));
        message[1] = 9;
        vec![message]
    };
    half_a_frame: "without a frame: 1", |_| vec![[&[1, 0][..], &[7; 19]].concat()];
    messages_of_another_rollup: "for other rollups: 3", |scene| {
        let mut message = scene.rollup.simple(&good_raw(scene));
        message[2..22].fill(8);
        vec![message; 3]
    };
    a_wrong_hash: "but the bytes hash to", |scene| {
        let raw = good_raw(scene);
        vec![scene.rollup.framed(&[&[0], B256::ZERO.as_slice(), &raw].concat())]
    };
}

// Encodings.
refused_raw! {
    no_bytes: "no bytes", |_| vec![];
    a_byte_that_is_no_type: "unknown transaction type 0x7f", |_| vec![0x7f; 100];
    a_type_alone: "input ends too early", |_| vec![2];
    a_blob_transaction: "blob transactions are not supported", |scene| {
        let mut raw = scene.bad.sign(Transaction::DynamicFee(transfer())).encode();
        raw[0] = 3;
        raw
    };
    rlp_cut_short: "input ends too early", |scene| {
        let mut raw = good_raw(scene);
        raw.pop();
        raw
    };
    rlp_that_claims_to_be_long: "input ends too early", |_| vec![0xff; 60];
    rlp_with_bytes_behind: "bytes behind the last item", |scene| {
        [&good_raw(scene)[..], &[0]].concat()
    };
    rlp_with_a_field_more: "bytes behind the last item", |scene| {
        with_fields(scene, |fields| fields.push(vec![EMPTY_STRING]))
    };
    rlp_with_a_field_less: "input ends too early", |scene| {
        with_fields(scene, |fields| drop(fields.pop()))
    };
    rlp_with_a_longer_prefix: "non-canonical prefix", |scene| with_field(scene, 0, &[0x81, 1]);
    rlp_with_a_leading_zero: "leading zero in an integer", |scene| {
        with_field(scene, 0, &[0x82, 0, 1])
    };
    rlp_with_a_list_for_a_string: "a list instead of a string", |scene| {
        with_field(scene, 0, &[0xc0])
    };
    a_nonce_over_8_bytes: "integer of more than 8 bytes", |scene| {
        with_field(scene, 0, &number(U256::from(1) << 64))
    };
    a_value_over_32_bytes: "integer of more than 32 bytes", |scene| {
        with_field(scene, 4, &[&[0x80 + 33][..], &[1; 33]].concat())
    };
    a_recipient_of_19_bytes: "19 bytes instead of 20", |scene| {
        with_field(scene, 3, &[&[0x80 + 19][..], &[1; 19]].concat())
    };
    a_nonce_that_no_account_has: "nonce is 2^64-1", |scene| {
        with_field(scene, 0, &number(u64::MAX))
    };
}

// Signatures.
refused_raw! {
    v_below_27: "invalid v: 26", |scene| with_field(scene, 6, &number(26_u64));
    v_between_28_and_35: "invalid v: 29", |scene| with_field(scene, 6, &number(29_u64));
    v_of_a_chain_beyond_64_bits: "invalid v", |scene| {
        with_field(scene, 6, &number(U256::from(1) << 66))
    };
    a_parity_of_2: "invalid y parity: 2", |scene| {
        let mut raw = scene.bad.sign(Transaction::DynamicFee(transfer())).encode();
        let at = raw.len() - (1 + 33 + 33);
        raw[at] = 2;
        raw
    };
    r_of_zero: "r out of range", |scene| with_field(scene, 7, &number(0_u64));
    r_of_the_order: "r out of range", |scene| with_field(scene, 7, &number(order()));
    s_of_zero: "s out of range", |scene| with_field(scene, 8, &number(0_u64));
    s_of_the_order: "s out of range", |scene| with_field(scene, 8, &number(order()));
    a_high_s: "s in the upper half", |scene| {
        let signed = scene.bad.sign(Transaction::Legacy(legacy()));
        let signature = signed.signature;
        let v = 36 + 2 * CHAIN - u64::from(signature.y_parity);
        with_fields(scene, |fields| {
            fields[6] = number(v);
            fields[8] = number(order() - signature.s);
        })
    };
    // No point of the curve has this x.
    a_signature_of_no_key: "no public key gives this signature", |scene| {
        with_field(scene, 7, &number(5_u64))
    };
    a_signature_of_something_else: "lack of funds (0)", |scene| {
        with_field(scene, 4, &number(77_u64))
    };
}

// Rules.
refused_signed! {
    another_chain: "invalid chain ID", bad { chain_id: 1 };
    a_nonce_too_low: "nonce 0 too low, expected 1", good { value: U256::from(9) };
    a_nonce_too_high: "nonce 3 too high, expected 0", bad { nonce: 3 };
    a_value_that_cannot_be_paid: "lack of funds", bad { value: U256::MAX >> 1 };
    a_fee_that_cannot_be_paid: "lack of funds", poor { value: U256::ZERO };
    a_fee_that_can_be_paid_without_the_value: "lack of funds", poor {
        max_fee_per_gas: U256::from(LITTLE / 21_000)
    };
    a_sum_beyond_256_bits: "overflow payment in transaction", bad { value: U256::MAX };
    a_fee_beyond_128_bits: "the fee is over 2^128 wei", bad { max_fee_per_gas: U256::MAX };
    a_tip_above_the_fee: "priority fee is greater than max fee", bad {
        max_priority_fee_per_gas: U256::from(MAX_FEE + 1)
    };
    a_fee_below_the_base_fee: "gas price is less than basefee", bad {
        max_fee_per_gas: U256::from(999_999_999)
    };
    more_gas_than_a_block: "caller gas limit exceeds the block gas limit", bad {
        gas_limit: BLOCK_GAS + 1
    };
    more_gas_than_a_transaction_may: "is greater than the cap (16777216)", bad {
        gas_limit: (1 << 24) + 1
    };
    less_than_the_intrinsic_gas: "call gas cost (21000) exceeds the gas limit (20999)", bad {
        gas_limit: 20_999
    };
    // EIP-7623: 40 a byte, of which 16 are intrinsic.
    less_than_the_calldata_floor: "gas floor (61000) exceeds the gas limit (60999)", bad {
        gas_limit: 60_999, input: vec![1; 1_000].into()
    };
    too_much_initcode: "create initcode size limit", bad {
        gas_limit: 5_000_000, to: TxKind::Create, input: vec![0; MAX_INITCODE_SIZE + 1].into()
    };
    // EIP-2930: 2,400 an account, 1,900 a slot.
    an_access_list_that_is_not_paid_for: "call gas cost (5702500)", bad {
        gas_limit: 5_000_000,
        access_list: vec![AccessListItem { address: NOBODY, storage_keys: vec![B256::ZERO; 2_989] }]
    };
}

refused_raw! {
    an_unprotected_access_list_transaction_of_another_chain: "invalid chain ID", |scene| {
        let transaction = Eip2930 { gas_price: U256::from(MAX_FEE), gas_limit: 30_000, ..Eip2930::default() };
        scene.bad.sign(Transaction::AccessList(transaction)).encode()
    };
    an_access_list_of_lists_of_lists: "a list instead of a string", |scene| {
        let mut nested = vec![0xc0];
        for _ in 0..2_000 {
            nested = list(&nested);
        }
        with_access_list(scene, &nested)
    };
    an_access_list_longer_than_its_message: "input ends too early", |scene| {
        with_access_list(scene, &[0xfb, 0xff, 0xff, 0xff, 0xff])
    };
    an_access_list_of_a_hundred_thousand_nothings: "input ends too early", |scene| {
        with_access_list(scene, &list(&vec![0xc0; 100_000]))
    };
    an_empty_list_of_delegations: "empty authorization list", |scene| {
        scene.bad.sign(Transaction::SetCode(set_code(NOBODY))).encode()
    };
    delegations_that_are_not_paid_for: "have 100000, the delegations want 7500000", |scene| {
        unpaid_delegations(scene)
    };
}

fn unpaid_delegations(scene: &Scene) -> Vec<u8> {
    let mut transaction = set_code(NOBODY);
    transaction.authorization_list = vec![scene.bad.delegate(U256::ZERO, NOBODY, 0); 300];
    scene.bad.sign(Transaction::SetCode(transaction)).encode()
}

#[test]
fn delegations_that_are_not_paid_for_are_no_work() {
    let mut scene = Scene::new();
    let raw = unpaid_delegations(&scene);
    scene.level(evm_kernel::inputs::encode::messages(&[7; 20], &raw));
    // Three senders with the accounts that they look at, and the bytes, which came in chunks:
    // they are read, kept and put together.
    let most = 3 * (25_000 + 3 * 5_000) + 3 * 10 * raw.len() as u64;
    let work = scene.rollup.head().level_work;
    assert!(work <= most, "{work}, more than {most}");
}

#[test]
fn a_transaction_repeated_at_its_level_counts_once() {
    refused("nonce 0 too low, expected 1", |scene| {
        vec![scene.rollup.simple(&scene.first.encode()); 3]
    });
}

#[test]
fn a_transaction_repeated_later_counts_once() {
    let mut scene = Scene::new();
    scene.level(vec![]);
    let again = [scene.first.encode()];
    let head = scene.rollup.head();
    let report = scene.rollup.level(&again);
    assert_logged(&report, "nonce 0 too low, expected 2");
    assert_eq!(scene.rollup.since(head.number), []);
    assert_eq!(scene.rollup.account(scene.good.address).nonce, 2);
}

#[test]
fn a_bad_signature_is_looked_at_once_a_level() {
    let work = |count| {
        let mut scene = Scene::new();
        let raw = with_field(&scene, 7, &number(5_u64));
        let report = scene.level(vec![scene.rollup.simple(&raw); count]);
        let dropped = report
            .debug
            .iter()
            .filter(|line| line.contains("no public key"));
        assert_eq!(dropped.count(), count);
        scene.rollup.head().level_work
    };
    assert_eq!(work(100), work(1));
}

#[test]
fn a_transaction_that_came_too_early_may_come_again() {
    let mut scene = Scene::new();
    let [zero, one] = [send(&mut scene.bad), send(&mut scene.bad)].map(|signed| signed.encode());
    let report = scene.rollup.level(&[&one, &zero, &one]);
    assert_logged(&report, "nonce 1 too high, expected 0");
    let included = scene.rollup.since(0).into_iter();
    let included: Vec<_> = included.map(|one| one.transaction.raw.to_vec()).collect();
    assert_eq!(included, [zero, one]);
}

#[test]
fn the_pieces_of_these_tests_make_good_transactions() {
    let mut scene = Scene::new();
    let legacy = with_fields(&scene, |_| {});
    assert_eq!(legacy, good_raw(&scene));
    scene.bad.nonce = 1;
    let typed = with_access_list(&scene, &[0xc0]);
    let report = scene.rollup.level(&[legacy, typed]);
    let included = scene.rollup.since(0);
    assert_eq!(included.len(), 2, "{:?}", report.debug);
    assert!(included.iter().all(|one| one.receipt.success));
}

/// On other values than its operator meant a rollup could not be mended, so the
/// kernel says which is invalid and reads nothing. A ticketer of 22 bytes once
/// meant "no bridge".
#[test]
fn an_invalid_setup_value_stops_the_kernel() {
    let mut rollup = Rollup::new(&Setup::default());
    rollup.set("/evm/config/ticketer", &[1; 22]);
    for _ in 0..2 {
        let log = rollup.level_of(vec![vec![1]]).debug.concat();
        assert!(
            log.contains("invalid setup value /evm/config/ticketer"),
            "{log}"
        );
    }
    let values = rollup.values();
    let left = values.keys().filter(|path| path.starts_with("/evm/state"));
    assert_eq!(left.count(), 0);
}
