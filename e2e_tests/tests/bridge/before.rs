//! A rollup that the kernel from before wrote: the contracts without prices, with
//! one table for all tickets.
//!
//! `before.txt` is what it left below `/evm`, without transactions and receipts: a
//! path and its bytes in each line. What it did, in this order: it deployed a
//! ticket's ERC-20, a wallet that takes any call, and a contract that refuses wei;
//! it brought tickets: 100 for the user, 70 for the wallet, 50 for the user by the
//! ERC-20, claimed, 30 for the user by the ERC-20, not claimed, 20 that name nobody;
//! it brought 9 mutez to the contract that refuses, and 5 to nobody; and it withdrew
//! 1 mutez 155 times at one level, of which 55 wait.

use super::scene::{MUTEZ, ask, config, said, send};
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use e2e_tests::layer1::CONTENT;
use e2e_tests::{Rollup, Setup, User, events, kernel};
use evm_kernel::bridge::{FA_BRIDGE, NATIVE_BRIDGE};
use messages::contract::Contract;
use pvm::Durable;
use solidity_fixtures::bridge::fa::{self, FaBridge};
use solidity_fixtures::bridge::native::{self, NativeBridge};
use solidity_fixtures::erc20;
use solidity_fixtures::traveller::{self, Mood};

const BEFORE: &str = include_str!("before.txt");
const TICKETER: Contract = Contract::Originated([0x55; 20]);
const TARGET: &str = "tz1Ke2h7sDdakHJQh8WX4Z372du1KChsksyU";

fn wei(mutez: u64) -> U256 {
    U256::from(mutez) * U256::from(MUTEZ)
}

fn ticket() -> B256 {
    keccak256([&TICKETER.encode()[..], &CONTENT].concat())
}

struct Scene {
    rollup: Rollup,
    user: User,
    eve: User,
    token: Address,
    wallet: Address,
    traveller: Address,
}

impl Scene {
    /// This kernel on what the one before left, before its first run.
    fn new() -> Self {
        let mut durable = Durable::new();
        durable.write("/kernel/boot.wasm", kernel()).unwrap();
        for line in BEFORE.lines() {
            let (path, bytes) = line.split_once(' ').expect("a path and bytes");
            let bytes = alloy_primitives::hex::decode(bytes).expect("hex");
            durable.write(path, &bytes).unwrap();
        }
        let setup = Setup {
            config: config(),
            ..Setup::default()
        };
        let rollup = Rollup::from_durable(durable, &setup);
        let (mut user, mut eve) = (User::new("user"), User::new("eve"));
        let [token, wallet, traveller] = [0, 1, 2].map(|nonce| user.address.create(nonce));
        user.nonce = rollup.account(user.address).nonce;
        eve.nonce = rollup.account(eve.address).nonce;
        Self {
            rollup,
            user,
            eve,
            token,
            wallet,
            traveller,
        }
    }

    fn balance(&self, owner: Address) -> U256 {
        ask(&self.rollup, fa::ADDRESS, fa::balance_of(ticket(), owner))
    }

    fn withdrawal(owner: Address, amount: u64) -> Bytes {
        let receiver = Contract::Implicit([0; 21]).encode();
        let proxy = Contract::Originated([0x66; 20]).encode();
        fa::Withdrawal {
            owner,
            routing: &[receiver, proxy].concat(),
            amount: U256::from(amount),
            ticketer: TICKETER.encode(),
            content: &CONTENT,
        }
        .call()
    }
}

/// True if each transaction of the next level succeeds.
fn outcomes(rollup: &mut Rollup, raws: &[Vec<u8>]) -> Vec<bool> {
    let number = rollup.head().number;
    rollup.level(raws);
    let included = rollup.since(number);
    included.iter().map(|one| one.receipt.success).collect()
}

#[test]
fn the_contracts_are_replaced_at_the_first_level() {
    let mut scene = Scene::new();
    for (bridge, code) in [
        (NATIVE_BRIDGE, &NativeBridge::DEPLOYED_BYTECODE),
        (FA_BRIDGE, &FaBridge::DEPLOYED_BYTECODE),
    ] {
        assert_ne!(scene.rollup.code(bridge), *code);
    }
    let [balance, root] = [
        scene.rollup.account(NATIVE_BRIDGE).balance,
        scene.rollup.head().state_root.into(),
    ];
    let report = scene.rollup.empty_level();
    assert!(said(&report, "layout 1 became 2"), "{:?}", report.debug);
    for (bridge, code) in [
        (NATIVE_BRIDGE, &NativeBridge::DEPLOYED_BYTECODE),
        (FA_BRIDGE, &FaBridge::DEPLOYED_BYTECODE),
    ] {
        assert_eq!(scene.rollup.code(bridge), *code);
    }
    assert_eq!(scene.rollup.account(NATIVE_BRIDGE).balance, balance);
    assert_ne!(U256::from_be_bytes(scene.rollup.head().state_root.0), root);
    // The 55 that waited leave with it.
    assert_eq!(report.outbox.len(), 55);
}

#[test]
fn what_waited_counts_for_the_price() {
    let mut scene = Scene::new();
    let [less, enough] = [
        wei(1) + wei(200 * 13) - U256::from(1),
        wei(1) + wei(200 * 14),
    ]
    .map(|value| {
        let call = native::withdraw_exact(TARGET, wei(1));
        send(&mut scene.user, native::ADDRESS, value, call)
    });
    let number = scene.rollup.head().number;
    // 55 wait before the first of this level.
    assert_eq!(outcomes(&mut scene.rollup, &[less, enough]), [false, true]);
    let paid = &events::<NativeBridge::OutboxPaid>(&scene.rollup.since(number))[0];
    assert_eq!(paid.withdrawalId, U256::from(155));
    assert_eq!(paid.price, wei(200 * 13));
}

#[test]
fn tickets_from_before_go_to_those_whose_they_are() {
    let mut scene = Scene::new();
    let older = |scene: &Scene, owner| ask(&scene.rollup, fa::ADDRESS, fa::older(ticket(), owner));
    scene.rollup.empty_level();
    let (token, wallet, user) = (scene.token, scene.wallet, scene.user.address);
    for (owner, amount) in [(user, 100), (wallet, 70), (token, 50)] {
        assert_eq!(scene.balance(owner), U256::from(amount));
        assert_eq!(older(&scene, owner), U256::from(amount));
    }
    // Nobody robs the wallet, nor the user, nor the token's holders.
    let thefts = [(wallet, 70), (wallet, 1), (user, 1), (token, 1)].map(|(owner, amount)| {
        let call = Scene::withdrawal(owner, amount);
        send(&mut scene.eve, fa::ADDRESS, U256::ZERO, call)
    });
    assert_eq!(outcomes(&mut scene.rollup, &thefts), [false; 4]);
    // All of them withdraw.
    let of_wallet = traveller::call(fa::ADDRESS, &Scene::withdrawal(wallet, 70));
    let raws = [
        (fa::ADDRESS, Scene::withdrawal(user, 100)),
        (fa::ADDRESS, Scene::withdrawal(token, 51)),
        (fa::ADDRESS, Scene::withdrawal(token, 20)),
        (wallet, of_wallet),
        // What was queued, and then more than the older ones.
        (fa::ADDRESS, fa::claim(0)),
        (fa::ADDRESS, fa::claim(1)),
        (fa::ADDRESS, Scene::withdrawal(token, 45)),
    ]
    .map(|(to, input)| send(&mut scene.user, to, U256::ZERO, input));
    let expected = [true, false, true, true, false, true, true];
    assert_eq!(outcomes(&mut scene.rollup, &raws), expected);
    let balances = [user, wallet, token].map(|owner| scene.balance(owner));
    assert_eq!(balances, [0, 0, 15].map(U256::from));
    assert_eq!(older(&scene, token), U256::from(15));
    let tokens = ask(&scene.rollup, token, erc20::balance_of(user));
    assert_eq!(tokens, U256::from(15));
}

#[test]
fn deposits_from_before_are_claimed_by_the_new_rules() {
    let mut scene = Scene::new();
    scene.rollup.empty_level();
    assert_eq!(scene.rollup.account(native::ADDRESS).balance, wei(14));
    let level = u64::from(scene.rollup.head().level);
    let traveller = scene.traveller;
    let take = traveller::set(Mood::Takes, TARGET);
    // At the level before the last: its third message.
    let (level, id) = (level - 2, 2);
    let raws = [
        (native::ADDRESS, native::claim(level, id)),
        (traveller, take),
        (native::ADDRESS, native::claim(level, id)),
        (native::ADDRESS, native::claim(level, id + 1)),
    ]
    .map(|(to, input)| send(&mut scene.eve, to, U256::ZERO, input));
    let outcomes = outcomes(&mut scene.rollup, &raws);
    assert_eq!(outcomes, [false, true, true, false]);
    assert_eq!(scene.rollup.account(traveller).balance, wei(9));
    assert_eq!(scene.rollup.account(native::ADDRESS).balance, wei(5));
}
