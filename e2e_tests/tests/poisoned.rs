//! Transactions that trap each time (ARCHITECTURE.md, "Nothing is lost, whatever traps"),
//! on a build of the kernel with places that trap: a precompile, the decoding of
//! some bytes, the sealing of a block with some log. Whoever can be named pays;
//! everyone else's transactions are included.

use alloy_primitives::{Address, Bytes, TxKind, U256, address};
use e2e_tests::layer1;
use e2e_tests::{Build, Rollup, Setup, User};
use ethereum::SignedTransaction;
use pvm::{LevelReport, Status};
use solidity_fixtures::SolEvent;
use solidity_fixtures::bridge::native::{self, NativeBridge};

/// The address that traps; see `traps.rs` of the kernel.
const POISON: Address = address!("7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e");
const POISONED_RAW: [u8; 2] = [0x7e, 0x7e];
const POISONED_TOPIC: [u8; 32] = [0x7e; 32];

const NOBODY: Address = Address::repeat_byte(0xbb);
const RECIPIENT: Address = Address::repeat_byte(0xfe);
const GAS: u64 = 1_000_000;

struct Scene {
    rollup: Rollup,
    good: User,
    bad: User,
}

impl Scene {
    fn new() -> Self {
        let [good, bad] = ["good", "bad"].map(User::new);
        let mut setup = Setup {
            build: Build::Traps,
            ..Setup::funded(&[&good, &bad])
        };
        setup.config.fee_recipient = RECIPIENT;
        setup.config.ticketer = Some(layer1::TICKETER);
        let mut rollup = Rollup::new(&setup);
        rollup.empty_level();
        Self { rollup, good, bad }
    }

    fn good(&mut self) -> SignedTransaction {
        let (to, wei) = (TxKind::Call(NOBODY), U256::from(1));
        self.good.send(1337, to, wei, Bytes::new(), 21_000)
    }

    fn bad(&mut self, to: TxKind, input: impl Into<Bytes>, gas: u64) -> SignedTransaction {
        self.bad.send(1337, to, U256::ZERO, input.into(), gas)
    }

    /// Runs a level with these transactions. Gives how many runs trapped, and
    /// which transactions succeeded, in order.
    fn level(&mut self, transactions: &[SignedTransaction]) -> (usize, Vec<bool>) {
        let messages = transactions
            .iter()
            .flat_map(|signed| evm_kernel::inputs::encode::messages(&[7; 20], &signed.encode()));
        self.level_of(transactions, messages.collect())
    }

    /// The same, posted in a batch.
    fn batch(&mut self, transactions: &[SignedTransaction]) -> (usize, Vec<bool>) {
        let raws: Vec<_> = transactions.iter().map(SignedTransaction::encode).collect();
        let messages = self.rollup.batches(&raws, false);
        assert_eq!(messages.len(), 1);
        self.level_of(transactions, messages)
    }

    fn level_of(
        &mut self,
        transactions: &[SignedTransaction],
        messages: Vec<Vec<u8>>,
    ) -> (usize, Vec<bool>) {
        let before = self.rollup.head().number;
        let report = self.rollup.level_with_traps(messages);
        let traps = self.ended_well(&report);
        let included = self.rollup.since(before);
        let raws: Vec<_> = included
            .iter()
            .map(|one| &one.transaction.raw[..])
            .collect();
        let expected: Vec<_> = transactions.iter().map(SignedTransaction::encode).collect();
        assert_eq!(raws, expected);
        let succeeded = included.iter().map(|one| one.receipt.success).collect();
        (traps, succeeded)
    }

    /// The level yielded and left no queue, staging or marks; the next level
    /// goes on. Gives how many runs trapped.
    fn ended_well(&mut self, report: &LevelReport) -> usize {
        assert_eq!(report.status, Status::Yielded);
        let kept = self.rollup.values().into_keys();
        let left: Vec<_> = kept.filter(|path| !is_kept(path)).collect();
        assert_eq!(left, [] as [String; 0]);
        assert_eq!(self.rollup.head().backlog, 0);
        let number = self.rollup.head().number;
        let fork = self.rollup.durable().clone();
        let mut next = Rollup::from_durable(
            fork,
            &Setup {
                build: Build::Traps,
                ..Setup::default()
            },
        );
        next.empty_level();
        assert_eq!(next.head().number, number + 1);
        report.runs.iter().filter(|run| run.trapped()).count()
    }
}

/// True for paths below `/evm` that stay between levels.
fn is_kept(path: &str) -> bool {
    ["state/", "config/", "level"]
        .iter()
        .any(|name| path.starts_with(&format!("/evm/{name}")))
}

/// Initcode that deploys `runtime`.
fn deploy(runtime: &[u8]) -> Vec<u8> {
    let len = runtime.len() as u8;
    // CODECOPY(0, 11, len) RETURN(0, len)
    [
        &[0x60, len, 0x60, 11, 0x5f, 0x39, 0x60, len, 0x5f, 0xf3, 0x00][..],
        runtime,
    ]
    .concat()
}

/// CALL(gas, `to`, 0, 0, 0, 0, 0)
fn call(to: Address) -> Vec<u8> {
    [
        &[0x5f, 0x5f, 0x5f, 0x5f, 0x5f, 0x73][..],
        to.as_slice(),
        &[0x5a, 0xf1],
    ]
    .concat()
}

#[test]
fn a_call_of_a_trapping_precompile_is_charged() {
    let mut scene = Scene::new();
    let [before, behind] = [scene.good(), scene.good()];
    let poisoned = scene.bad(TxKind::Call(POISON), vec![], GAS);
    let after = scene.bad(TxKind::Call(NOBODY), vec![], 21_000);
    let start = scene.rollup.account(scene.bad.address);
    let (traps, succeeded) = scene.level(&[before, poisoned, behind, after]);
    // It traps, it traps under its mark, it is charged.
    assert_eq!(traps, 2);
    assert_eq!(succeeded, [true, false, true, true]);

    let receipts = scene.rollup.block(1);
    assert_eq!(receipts[1].receipt.gas_used, GAS);
    assert_eq!(receipts[1].receipt.logs, []);
    let (_, header) = scene.rollup.header(1);
    assert_eq!(header.gas_used, GAS + 3 * 21_000);
    // A tip of 1 wei over the base fee.
    let price = U256::from(header.base_fee_per_gas + 1);
    let bad = scene.rollup.account(scene.bad.address);
    assert_eq!(bad.nonce, 2);
    assert_eq!(
        bad.balance,
        start.balance - price * U256::from(GAS + 21_000)
    );
    let tips = scene.rollup.account(RECIPIENT).balance;
    assert_eq!(tips, U256::from(header.gas_used));
    assert_eq!(scene.rollup.account(POISON), storage::Account::default());
}

#[test]
fn several_poisoned_transactions_of_a_level_are_charged_each() {
    let mut scene = Scene::new();
    let mut transactions = Vec::new();
    for _ in 0..4 {
        transactions.push(scene.bad(TxKind::Call(POISON), vec![], GAS));
        transactions.push(scene.good());
    }
    let (traps, succeeded) = scene.level(&transactions);
    assert_eq!(traps, 5);
    assert_eq!(
        succeeded,
        [false, true, false, true, false, true, false, true]
    );
    assert_eq!(scene.rollup.account(scene.bad.address).nonce, 4);
    assert_eq!(scene.rollup.head().number, 1);
}

#[test]
fn of_a_batch_only_what_is_poisoned_is_charged() {
    let mut scene = Scene::new();
    let mut transactions = vec![scene.good()];
    for _ in 0..2 {
        transactions.push(scene.bad(TxKind::Call(POISON), vec![], GAS));
        transactions.push(scene.good());
    }
    transactions.push(scene.bad(TxKind::Call(NOBODY), vec![], 21_000));
    let (traps, succeeded) = scene.batch(&transactions);
    // The first run, and each of the two under its mark.
    assert_eq!(traps, 3);
    assert_eq!(succeeded, [true, false, true, false, true, true]);
    assert_eq!(scene.rollup.head().gas_used, 2 * GAS + 4 * 21_000);
    // The keys of both are known now.
    assert_eq!(
        storage::known_keys::count(scene.rollup.durable()).unwrap(),
        2
    );
}

#[test]
fn poison_at_depth_is_charged() {
    let mut scene = Scene::new();
    // n = CALLDATALOAD(0); if n = 0 call the poison, else self with n - 1.
    let mut runtime = vec![0x5f, 0x35, 0x80, 0x15, 0x60, 24, 0x57];
    runtime.extend([0x60, 1, 0x90, 0x03, 0x5f, 0x52]);
    runtime.extend([
        0x5f, 0x5f, 0x60, 32, 0x5f, 0x5f, 0x30, 0x5a, 0xf1, 0x00, 0x00,
    ]);
    assert_eq!(runtime.len(), 24);
    runtime.push(0x5b);
    runtime.extend(call(POISON));
    let create = scene.bad(TxKind::Create, deploy(&runtime), GAS);
    let contract = scene.bad.address.create(0);
    let depth = |depth: u64| U256::from(depth).to_be_bytes_vec();
    let shallow = scene.bad(TxKind::Call(contract), depth(1), GAS);
    let deep = scene.bad(TxKind::Call(contract), depth(300), 10_000_000);
    let good = scene.good();
    let (traps, succeeded) = scene.level(&[create, shallow, deep, good]);
    assert_eq!(traps, 3);
    assert_eq!(succeeded, [true, false, false, true]);
    assert_eq!(
        scene.rollup.head().gas_used,
        11_000_000 + 21_000 + scene.rollup.block(1)[0].receipt.gas_used
    );
}

#[test]
fn poison_in_a_creation_is_charged_and_creates_nothing() {
    let mut scene = Scene::new();
    let poisoned = scene.bad(TxKind::Create, call(POISON), GAS);
    let created = scene.bad.address.create(0);
    let behind = scene.bad(TxKind::Create, deploy(&[0x00]), GAS);
    let good = scene.good();
    let (traps, succeeded) = scene.level(&[poisoned, behind, good]);
    assert_eq!(traps, 2);
    assert_eq!(succeeded, [false, true, true]);
    assert_eq!(scene.rollup.account(created), storage::Account::default());
    assert!(scene.rollup.account(scene.bad.address.create(1)).has_code());
}

#[test]
fn a_poisoned_transaction_in_chunks_is_charged() {
    let mut scene = Scene::new();
    let poisoned = scene.bad(TxKind::Call(POISON), vec![1; 10_000], GAS);
    let good = scene.good();
    let (traps, succeeded) = scene.level(&[poisoned, good]);
    assert_eq!(traps, 2);
    assert_eq!(succeeded, [false, true]);
}

#[test]
fn a_poisoned_transaction_that_cannot_pay_is_refused() {
    let mut scene = Scene::new();
    let poor = User::new("poor").send(1337, TxKind::Call(POISON), U256::ZERO, Bytes::new(), GAS);
    let messages = [poor, scene.good()].map(|signed| scene.rollup.simple(&signed.encode()));
    let report = scene.rollup.level_with_traps(messages.to_vec());
    assert_eq!(scene.ended_well(&report), 0);
    assert_eq!(scene.rollup.block(1).len(), 1);
}

/// An input traps before it is known who sent it: nobody can be charged.
fn dropped(scene: &mut Scene, poisoned: Vec<Vec<u8>>, times: usize) {
    let [before, behind] = [scene.good(), scene.good()].map(|signed| signed.encode());
    let mut messages = vec![scene.rollup.simple(&before)];
    messages.extend(poisoned);
    messages.push(scene.rollup.simple(&behind));
    let report = scene.rollup.level_with_traps(messages);
    // It traps, then twice under its mark, then it is dropped unread.
    assert_eq!(scene.ended_well(&report), 1 + 2 * times);
    let reason = "input dropped: it traps";
    assert!(report.debug.iter().any(|line| line.contains(reason)));
    let included = scene.rollup.block(1);
    let raws: Vec<_> = included
        .iter()
        .map(|one| &one.transaction.raw[..])
        .collect();
    assert_eq!(raws, [before, behind]);
    assert!(included.iter().all(|one| one.receipt.success));
}

#[test]
fn inputs_whose_decoding_traps_are_dropped() {
    let mut scene = Scene::new();
    let poisoned = scene.rollup.simple(&POISONED_RAW);
    dropped(&mut scene, vec![poisoned], 1);
    let mut scene = Scene::new();
    let poisoned = scene.rollup.simple(&POISONED_RAW);
    dropped(&mut scene, vec![poisoned.clone(), poisoned], 2);
}

#[test]
fn chunks_whose_assembly_traps_are_dropped() {
    let mut scene = Scene::new();
    let raw = [&POISONED_RAW[..], &[0; 5_000]].concat();
    dropped(
        &mut scene,
        evm_kernel::inputs::encode::messages(&[7; 20], &raw),
        1,
    );
}

#[test]
fn a_transaction_that_traps_the_sealing_of_its_block_is_charged() {
    let mut scene = Scene::new();
    // LOG1(0, 0, topic)
    let log = [&[0x7f][..], &POISONED_TOPIC, &[0x5f, 0x5f, 0xa1]].concat();
    let [before, between, behind] = [scene.good(), scene.good(), scene.good()];
    let poisoned = scene.bad(TxKind::Create, log.clone(), GAS);
    let again = scene.bad(TxKind::Create, log, GAS);
    let (_, succeeded) = scene.level(&[before, poisoned, between, again, behind]);
    assert_eq!(succeeded, [true, false, true, false, true]);
    assert_eq!(scene.rollup.account(scene.bad.address).nonce, 2);
}

#[test]
fn a_deposit_whose_receiver_traps_waits_to_be_claimed() {
    let mut scene = Scene::new();
    let trap = scene.bad(TxKind::Create, deploy(&call(POISON)), GAS);
    let receiver = scene.bad.address.create(0);
    assert_eq!(scene.level(&[trap]), (0, vec![true]));
    let before = scene.rollup.head().number;
    let transfer = scene.good();
    let messages = vec![
        layer1::native_deposit([7; 20], NOBODY.as_slice(), 3),
        layer1::native_deposit([7; 20], receiver.as_slice(), 5),
        scene.rollup.simple(&transfer.encode()),
        layer1::native_deposit([7; 20], NOBODY.as_slice(), 4),
    ];
    let report = scene.rollup.level_with_traps(messages);
    // Once unmarked, once under its mark.
    assert_eq!(scene.ended_well(&report), 2);
    let included = scene.rollup.since(before);
    assert!(included.iter().all(|one| one.receipt.success));
    assert_eq!(included.len(), 4);
    let mutez = U256::from(1_000_000_000_000_u64);
    let balance = |address| scene.rollup.account(address).balance;
    assert_eq!(balance(receiver), U256::ZERO);
    assert_eq!(balance(native::ADDRESS), U256::from(5) * mutez);
    assert_eq!(balance(NOBODY), U256::from(7) * mutez + U256::from(1));
    let kept = &included[1].receipt.logs[0];
    assert_eq!(kept.topics(), [NativeBridge::DepositKept::SIGNATURE_HASH]);
}
