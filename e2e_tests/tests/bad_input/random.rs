//! Anything at all is posted, or good transactions with a flaw.

use super::scene::{CHAIN, NOBODY, Scene, legacy, send, set_code, transfer};
use alloy_primitives::{B256, TxKind, U256};
use e2e_tests::MAX_FEE;
use ethereum::transaction::{AccessListItem, Eip2930, Transaction};
use proptest::prelude::*;

/// A message that anyone may post.
#[derive(Clone, Debug)]
enum Posted {
    /// Any bytes behind the inbox's own tag.
    Message(Vec<u8>),
    /// Any bytes in our frame.
    Contents(Vec<u8>),
    /// A good transaction with a byte changed, under its true hash.
    Changed { tx_type: usize, at: usize, byte: u8 },
    /// A good transaction cut short, under its true hash.
    Cut { tx_type: usize, at: usize },
}

fn posted() -> impl Strategy<Value = Vec<Posted>> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..200);
    let tagged = (0..4_u8, bytes()).prop_map(|(tag, rest)| [vec![tag], rest].concat());
    let posted =
        prop_oneof![
            bytes().prop_map(Posted::Message),
            tagged.prop_map(Posted::Contents),
            (0..4_usize, any::<usize>(), any::<u8>())
                .prop_map(|(tx_type, at, byte)| Posted::Changed { tx_type, at, byte }),
            (0..4_usize, any::<usize>()).prop_map(|(tx_type, at)| Posted::Cut { tx_type, at }),
        ];
    prop::collection::vec(posted, 0..30)
}

/// Good transactions of each type.
fn good_raws(scene: &Scene) -> [Vec<u8>; 4] {
    let mut set_code = set_code(NOBODY);
    set_code.authorization_list = vec![scene.poor.delegate(U256::ZERO, NOBODY, 0)];
    let listed = Eip2930 {
        chain_id: CHAIN,
        gas_price: U256::from(MAX_FEE),
        gas_limit: 100_000,
        to: TxKind::Call(NOBODY),
        access_list: vec![AccessListItem {
            address: NOBODY,
            storage_keys: vec![B256::ZERO],
        }],
        ..Eip2930::default()
    };
    [
        Transaction::Legacy(legacy()),
        Transaction::AccessList(listed),
        Transaction::DynamicFee(transfer()),
        Transaction::SetCode(set_code),
    ]
    .map(|transaction| scene.bad.sign(transaction).encode())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn whatever_is_posted_good_transactions_succeed(posted in posted()) {
        let mut scene = Scene::new();
        let raws = good_raws(&scene);
        let mut messages = vec![scene.rollup.simple(&scene.first.encode())];
        for posted in posted {
            let raw = |tx_type: usize| raws[tx_type].clone();
            messages.push(match posted {
                Posted::Message(bytes) => [vec![1], bytes].concat(),
                Posted::Contents(bytes) => scene.rollup.framed(&bytes),
                Posted::Changed { tx_type, at, byte } => {
                    let mut raw = raw(tx_type);
                    let at = at % raw.len();
                    raw[at] = byte;
                    scene.rollup.simple(&raw)
                }
                Posted::Cut { tx_type, at } => {
                    let mut raw = raw(tx_type);
                    raw.truncate(at % raw.len());
                    scene.rollup.simple(&raw)
                }
            });
        }
        messages.push(scene.rollup.simple(&send(&mut scene.good).encode()));
        scene.rollup.level_of(messages);
        let included = scene.rollup.since(0);
        let good = included.iter().filter(|one| one.transaction.sender == scene.good.address);
        let succeeded: Vec<_> = good.map(|one| one.receipt.success).collect();
        prop_assert_eq!(succeeded, [true, true]);
    }
}
