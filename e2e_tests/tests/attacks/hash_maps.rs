//! Keys of hash maps that all fall into one bucket: each access then walks over all
//! that were there before.
//!
//! The maps were seeded alike in every run of the module, and the seed stood in the
//! module's memory. What collided under it costs its sender nothing but gas, the
//! gas of any other keys: a transaction of 15.5 M gas (0.016 of the native token at
//! the lowest base fee) made 449 G instructions. Now the maps are keyed for each
//! level, see [`rollup::Level::key`].

use alloy_primitives::{Address, Bytes, TxKind, U256, keccak256};
use e2e_tests::{Rollup, Setup, User};
use foldhash::fast::FoldHasher;
use pvm::{LevelReport, Metering};
use rollup::Level;
use std::collections::BTreeMap;
use std::hash::Hasher;
use storage::Account;
use storage::layout::{ACCOUNTS, CODE, LAYOUT};
use storage::table::Value;

/// Wasm instructions for a unit of gas, at most.
const INSTRUCTIONS: u64 = 80;

/// The most gas of a transaction.
const GAS: u64 = 16_700_000;

/// The seed of the last module whose maps had no key: where a word of 64 bits met
/// it, the product that hashes was 0, whatever the other factor.
const SEED: u64 = 0xc91b_01e5_a5d2_c53f;

/// An operation on a slot or an address that stays on the stack.
struct Operation {
    name: &'static str,
    code: &'static [u8],
}

const TSTORE: Operation = Operation {
    name: "TSTORE",
    code: &[0x80, 0x80, 0x5d],
};

const SLOAD: Operation = Operation {
    name: "SLOAD",
    code: &[0x80, 0x54, 0x50],
};

const SSTORE: Operation = Operation {
    name: "SSTORE",
    code: &[0x80, 0x80, 0x55],
};

const BALANCE: Operation = Operation {
    name: "BALANCE",
    code: &[0x80, 0x31, 0x50],
};

/// Words from `base` on, each `stride` after the last.
#[derive(Clone, Copy)]
struct Words {
    base: U256,
    stride: U256,
}

impl Words {
    /// `top` stands in the highest limb, and the lowest counts.
    fn below(top: u64) -> Self {
        Self {
            base: U256::from_limbs([0, 0, 0, top]),
            stride: U256::ONE,
        }
    }

    /// The third limb counts, `low` stands in both below.
    fn above(low: u64) -> Self {
        Self {
            base: U256::from_limbs([low, low, 0, 0]),
            stride: U256::from_limbs([0, 0, 1, 0]),
        }
    }

    /// The first 8 bytes of an address count, `middle` are the next.
    fn addresses(middle: u64) -> Self {
        Self {
            base: U256::from(middle.swap_bytes()) << 32,
            stride: U256::ONE << 96,
        }
    }

    /// Code that does `operation` with each of the first `count`.
    fn each(&self, count: u32, operation: &Operation) -> Vec<u8> {
        let base: [u8; 32] = self.base.to_be_bytes();
        let stride: [u8; 32] = self.stride.to_be_bytes();
        let start = [&[0x7f][..], &base, &[0x63], &count.to_be_bytes()].concat();
        let jumpdest = start.len() as u8;
        [
            // word, count
            &start[..],
            // count, next word
            &[0x5b, 0x90, 0x7f],
            &stride,
            &[0x01],
            operation.code,
            // next word, count - 1; again while there is one
            &[0x90, 0x60, 1, 0x90, 0x03, 0x80, 0x60, jumpdest, 0x57, 0x00],
        ]
        .concat()
    }
}

/// Code that does `TSTORE` on each of `slots`, which stand behind it.
fn tstore_each(slots: &[U256]) -> Vec<u8> {
    let size = (slots.len() * 32) as u16;
    let push_size = [&[0x61][..], &size.to_be_bytes()].concat();
    let code = [
        // CODECOPY(0, 31, size)
        &push_size,
        &[0x60, 31, 0x5f, 0x39][..],
        // size
        &push_size,
        // TSTORE(MLOAD(size - 32), 1); again while there is one
        &[
            0x5b, 0x60, 32, 0x90, 0x03, 0x60, 1, 0x81, 0x51, 0x5d, 0x80, 0x60, 10, 0x57, 0x00,
        ],
    ]
    .concat();
    let mut code = code;
    code.resize(31, 0);
    for slot in slots {
        code.extend(slot.to_be_bytes::<32>());
    }
    code
}

/// Slots whose hashes under `key` end in the same 9 bits, which tell the place in a
/// table of 512.
fn colliding(key: [u64; 2]) -> Vec<U256> {
    let hash = |slot: &U256| {
        let mut hasher = FoldHasher::with_key(key[0], key[1]);
        hasher.write(&slot.to_le_bytes::<32>());
        hasher.finish()
    };
    let slots = (0..u64::MAX).map(U256::from);
    slots
        .filter(|slot| hash(slot) % 512 == 0)
        .take(SLOTS)
        .collect()
}

/// As many as a table of 512 places takes.
const SLOTS: usize = 440;

/// The address of the attacker's code.
const CONTRACT: Address = Address::repeat_byte(0xaa);

/// A rollup after its first levels, where one user has money.
struct World {
    rollup: Rollup,
    setup: Setup,
    user: User,
    /// The instructions of a level without inputs.
    empty: u64,
}

/// A level: what it follows on, and its transactions.
#[derive(Clone)]
struct Next {
    predecessor: [u8; 32],
    raws: Vec<Vec<u8>>,
}

/// The cost of a level.
struct Done {
    /// By the first transaction.
    gas: u64,
    /// Those of an empty level not counted.
    instructions: u64,
    /// Of the level's maps.
    key: [u8; 16],
    /// All that is durable.
    values: BTreeMap<String, Vec<u8>>,
}

impl World {
    fn new() -> Self {
        let user = User::new("eve");
        let setup = Setup {
            metering: Metering::Full,
            ..Setup::funded(&[&user])
        };
        let mut rollup = Rollup::new(&setup);
        rollup.empty_level();
        let empty = instructions(&rollup.empty_level());
        Self {
            rollup,
            setup,
            user,
            empty,
        }
    }

    /// A level that calls the contract, and does as much else.
    fn call(&self, others: u64) -> Next {
        let mut user = self.user.clone();
        let mut call = |to| user.send(1337, TxKind::Call(to), U256::ZERO, Bytes::new(), GAS);
        let mut raws = vec![call(CONTRACT).encode()];
        raws.extend((0..others).map(|_| call(Address::ZERO).encode()));
        Next {
            predecessor: [9; 32],
            raws,
        }
    }

    /// Runs a level, where the contract has this code already.
    fn run(&self, code: &[u8], next: &Next) -> Done {
        let mut rollup = Rollup::from_durable(self.rollup.durable().clone(), &self.setup);
        let account = Account {
            nonce: 1,
            code_hash: keccak256(code),
            ..Account::default()
        };
        let path = ACCOUNTS.path(&CONTRACT).unwrap();
        rollup.set(&path.as_path().to_string(), account.encode().as_ref());
        let path = CODE.path(&account.code_hash).unwrap();
        rollup.set(&path.as_path().to_string(), code);
        rollup.follow(next.predecessor);
        let report = rollup.level(&next.raws);
        let included = rollup.since(self.rollup.head().number);
        assert_eq!(included.len(), next.raws.len());
        assert!(included.iter().all(|included| included.receipt.success));
        let level = Level::load(rollup.durable(), &LAYOUT).unwrap().unwrap();
        Done {
            gas: included[0].receipt.gas_used,
            instructions: instructions(&report) - self.empty,
            key: level.key(),
            values: rollup.values(),
        }
    }

    /// Words that collided cost what others cost.
    fn collide(&self, operation: &Operation, count: u32, words: Words, others: Words) {
        let hostile = self.run(&words.each(count, operation), &self.call(0));
        let friendly = self.run(&others.each(count, operation), &self.call(0));
        let (name, gas) = (operation.name, hostile.gas);
        let (hostile, same) = (hostile.instructions, friendly.gas);
        let friendly = friendly.instructions;
        let what = format!("{count} {name}, {gas} gas: {hostile} instructions, {friendly}");
        eprintln!("{what} for words that did not collide");
        assert_eq!(gas, same);
        assert!(hostile < INSTRUCTIONS * gas, "{what}");
        assert!(hostile < friendly + friendly / 10, "{what}");
    }
}

fn instructions(report: &LevelReport) -> u64 {
    report.runs.iter().map(|run| run.instructions).sum()
}

/// 15.5 M gas. Was: 449 G instructions, 29,000 for a unit of gas.
#[test]
fn transient_slots_with_the_old_seed() {
    World::new().collide(&TSTORE, 100_000, Words::below(SEED), Words::below(0x1111));
}

/// 15 M gas. Was: 1.8 G instructions, 122 for a unit of gas.
#[test]
fn slots_with_the_old_seed() {
    let world = World::new();
    world.collide(&SLOAD, 7_000, Words::below(SEED), Words::below(0x1111));
    world.collide(&SSTORE, 700, Words::below(SEED), Words::below(0x1111));
}

/// 15 M gas: the kernel's own view of the world, below the engine's.
#[test]
fn slots_of_the_overlay_with_the_old_seed() {
    World::new().collide(&SLOAD, 7_000, Words::above(SEED), Words::above(0x1111));
}

/// 16 M gas.
#[test]
fn accounts_with_the_old_seed() {
    World::new().collide(
        &BALANCE,
        6_000,
        Words::addresses(SEED),
        Words::addresses(0x1111),
    );
}

/// A contract may know slots that collide under any key but the right one: the key
/// hangs on the predecessor's hash, which was not there when the contract was made,
/// and on all inputs, the one that calls the contract among them. A transaction of
/// 80,000 gas; whoever knew the key would add a tenth to its instructions, and with
/// n times the slots n times that.
#[test]
fn slots_that_collide_under_a_key_do_under_no_other() {
    let world = World::new();
    let next = world.call(0);
    let known = u128::from_le_bytes(world.run(&[0], &next).key);
    let [low, high] = [known as u64, (known >> 64) as u64];
    let numbers: Vec<_> = (0..SLOTS as u64).map(U256::from).collect();
    let other_slots = tstore_each(&numbers);
    let friendly = world.run(&other_slots, &next).instructions;
    let mut codes = (0..64).map(|map| tstore_each(&colliding([low.wrapping_add(map), high])));
    // The map of transient slots is one of the first.
    let hostile = codes
        .find(|code| world.run(code, &next).instructions > friendly + friendly / 14)
        .expect("whoever knows the key makes slots collide");

    let elsewhere = Next {
        predecessor: [8; 32],
        ..next
    };
    for next in [elsewhere, world.call(1)] {
        let friendly = world.run(&other_slots, &next).instructions;
        let hostile = world.run(&hostile, &next).instructions;
        assert!(
            hostile < friendly + friendly / 40,
            "{hostile}, {friendly} for others"
        );
    }
}

#[test]
fn the_key_is_another_where_anything_is_and_no_state_hangs_on_it() {
    let world = World::new();
    let code = Words::below(SEED).each(50, &SSTORE);
    let next = world.call(0);
    let elsewhere = Next {
        predecessor: [8; 32],
        ..next.clone()
    };
    let done = [&next, &world.call(1), &elsewhere].map(|next| world.run(&code, next));
    let again = world.run(&code, &next);
    assert_eq!((again.key, &again.values), (done[0].key, &done[0].values));
    for pair in [(0, 1), (0, 2), (1, 2)] {
        assert_ne!(done[pair.0].key, done[pair.1].key);
    }
    // Another key, the same accounts and slots.
    let accounts = |done: &Done| -> Vec<_> {
        let values = done.values.iter();
        let accounts = values.filter(|(path, _)| path.starts_with("/evm/state/a/"));
        accounts
            .map(|(path, value)| (path.clone(), value.clone()))
            .collect()
    };
    assert_eq!(accounts(&done[0]), accounts(&done[2]));
}
