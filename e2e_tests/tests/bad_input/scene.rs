//! The accounts that are there when the bad input comes, and the pieces that it is made of.

use alloy_primitives::{Address, Bytes, TxKind, U256};
use e2e_tests::{MAX_FEE, Rollup, Setup, User};
use ethereum::SignedTransaction;
use ethereum::rlp::{Decoder, Encode, Item, Raw, encode};
use ethereum::transaction::{Eip1559, Eip7702, Legacy, Transaction};
use pvm::LevelReport;
use storage::Head;

pub(crate) const CHAIN: u64 = 1337;
pub(crate) const NOBODY: Address = Address::repeat_byte(0xbb);
pub(crate) const BLOCK_GAS: u64 = 16_000_000;

/// The poor account's balance: a transfer's gas at 1 gwei.
pub(crate) const LITTLE: u64 = 21_000 * 1_000_000_000;

/// The accounts that are there when the bad input comes.
pub(crate) struct Scene {
    pub(crate) rollup: Rollup,
    /// Sent one transaction and will send another.
    pub(crate) good: User,
    /// Has funds and sent nothing.
    pub(crate) bad: User,
    /// Can pay little.
    pub(crate) poor: User,
    /// The good one's first transaction.
    pub(crate) first: SignedTransaction,
}

impl Scene {
    pub(crate) fn new() -> Self {
        let [mut good, bad, poor] = ["good", "bad", "poor"].map(User::new);
        let mut setup = Setup::funded(&[&good, &bad]);
        setup.balances.push((poor.address, U256::from(LITTLE)));
        setup.config.block_gas_limit = BLOCK_GAS;
        let mut rollup = Rollup::new(&setup);
        rollup.empty_level();
        let first = send(&mut good);
        Self {
            rollup,
            good,
            bad,
            poor,
            first,
        }
    }

    /// A level with `messages` between two good transactions.
    pub(crate) fn level(&mut self, messages: Vec<Vec<u8>>) -> LevelReport {
        let mut all = vec![self.rollup.simple(&self.first.encode())];
        all.extend(messages);
        all.push(self.rollup.simple(&send(&mut self.good).encode()));
        let report = self.rollup.level_of(all);
        let included = self.rollup.since(0);
        assert_eq!(included.len(), 2, "{:?}", report.debug);
        assert!(included.iter().all(|one| one.receipt.success));
        report
    }
}

pub(crate) fn send(user: &mut User) -> SignedTransaction {
    let wei = U256::from(1);
    user.send(CHAIN, TxKind::Call(NOBODY), wei, Bytes::new(), 21_000)
}

pub(crate) fn assert_logged(report: &LevelReport, reason: &str) {
    let said = report.debug.iter().any(|line| line.contains(reason));
    assert!(said, "{reason:?} is not in {:?}", report.debug);
}

/// The bad messages are refused for this reason and leave nothing.
pub(crate) fn refused(reason: &str, messages: impl FnOnce(&Scene) -> Vec<Vec<u8>>) {
    let [mut scene, mut spared] = [Scene::new(), Scene::new()];
    let messages = messages(&scene);
    let report = scene.level(messages);
    assert_logged(&report, reason);
    assert_eq!(spared.level(vec![]).debug, [] as [String; 0]);

    let [head, expected] = [&scene, &spared].map(|scene| scene.rollup.head());
    let same = Head {
        level_work: expected.level_work,
        ..head
    };
    assert_eq!(same, expected);
    let [values, expected] = [&scene, &spared].map(|scene| {
        let mut values = scene.rollup.values();
        values.remove("/evm/state/h");
        // The key of the level's hash maps hangs on all inputs.
        values.remove("/evm/level");
        values
    });
    assert_eq!(values, expected);
}

/// A transaction that would do.
pub(crate) fn transfer() -> Eip1559 {
    Eip1559 {
        chain_id: CHAIN,
        max_fee_per_gas: U256::from(MAX_FEE),
        gas_limit: 21_000,
        to: TxKind::Call(NOBODY),
        value: U256::from(1),
        ..Eip1559::default()
    }
}

pub(crate) fn legacy() -> Legacy {
    Legacy {
        chain_id: Some(CHAIN),
        gas_price: U256::from(MAX_FEE),
        gas_limit: 21_000,
        to: TxKind::Call(NOBODY),
        value: U256::from(1),
        ..Legacy::default()
    }
}

pub(crate) fn good_raw(scene: &Scene) -> Vec<u8> {
    scene.bad.sign(Transaction::Legacy(legacy())).encode()
}

/// The good legacy transaction with one of its nine encoded fields replaced:
/// nonce, price, gas, to, value, data, v, r, s.
pub(crate) fn with_field(scene: &Scene, index: usize, encoded: &[u8]) -> Vec<u8> {
    with_fields(scene, |fields| fields[index] = encoded.to_vec())
}

pub(crate) fn with_fields(scene: &Scene, change: impl FnOnce(&mut Vec<Vec<u8>>)) -> Vec<u8> {
    let raw = good_raw(scene);
    let mut items = Decoder::new(&raw).list().unwrap();
    let mut fields = Vec::new();
    while !items.is_empty() {
        let before = items.rest();
        assert!(matches!(items.item(), Ok(Item::String(_))));
        let read = before.len() - items.rest().len();
        fields.push(before[..read].to_vec());
    }
    change(&mut fields);
    list(&fields.concat())
}

/// The list with these encoded items.
pub(crate) fn list(items: &[u8]) -> Vec<u8> {
    encode(&[Raw(items)][..])
}

pub(crate) fn number<N: Encode + Copy>(number: N) -> Vec<u8> {
    encode(&number)
}

/// The order of the curve.
pub(crate) fn order() -> U256 {
    let order = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
    U256::from_str_radix(order, 16).unwrap()
}

/// The EIP-1559 transfer with an access list in these bytes.
pub(crate) fn with_access_list(scene: &Scene, encoded: &[u8]) -> Vec<u8> {
    let transaction = Eip1559 {
        nonce: scene.bad.nonce,
        ..transfer()
    };
    let raw = scene
        .bad
        .sign(Transaction::DynamicFee(transaction))
        .encode();
    // The empty list is the byte before y_parity, r and s.
    let at = raw.len() - (1 + 33 + 33) - 1;
    assert_eq!(raw[at], 0xc0);
    let mut items = raw[..at].to_vec();
    let skip = 1 + if raw[1] > 0xf7 {
        1 + usize::from(raw[1] - 0xf7)
    } else {
        1
    };
    items.drain(..skip);
    items.extend_from_slice(encoded);
    items.extend_from_slice(&raw[at + 1..]);
    [vec![2], list(&items)].concat()
}

pub(crate) fn set_code(to: Address) -> Eip7702 {
    Eip7702 {
        chain_id: CHAIN,
        max_fee_per_gas: U256::from(MAX_FEE),
        gas_limit: 100_000,
        to,
        ..Eip7702::default()
    }
}
