//! State tests of our own, in the format of Ethereum's, for machines without
//! the official suites. Their roots are plain revm's, computed by one trie and
//! checked by another; `WRITE_STATE_TESTS=1` writes them again.

use super::folder;
use super::programs::{self, Program};
use alloy_primitives::{Address, B256, U256, keccak256};
use conformance::fixture::{Env, File, Indexes, Post, Test, revision};
use conformance::suite::{self, CaseOutcome, Selection};
use conformance::world::{World, logs_hash};
use conformance::{reference, statetest};
use e2e_tests::state_tests::{assert_none_failed, run};
use ethereum::header::EMPTY_ROOT;
use ethereum::rlp::List;
use node::proofs::trie::{Leaf, Trie};
use pvm::Metering;
use std::collections::BTreeMap;

const FORKS: [&str; 3] = ["Cancun", "Prague", "Osaka"];

/// An account as a trie holds it.
#[derive(Default)]
struct Account(Vec<u8>);

impl Leaf for Account {
    fn encode(&self) -> Vec<u8> {
        self.0.clone()
    }
}

/// The state root by the node's trie, which shares nothing with the one that
/// [`World::root`] takes.
fn independent_root(world: &World) -> B256 {
    let mut trie = Trie::<Account>::default();
    for (address, state) in &world.0 {
        let mut slots = Trie::<U256>::default();
        for (slot, value) in &state.storage {
            *slots.entry(&keccak256(slot.to_be_bytes::<32>())) = *value;
        }
        let (root, code) = (slots.root(), keccak256(&state.code));
        let list = List(&[&state.nonce, &state.balance, &root, &code]);
        *trie.entry(&keccak256(address)) = Account(ethereum::rlp::encode(&list));
    }
    trie.root()
}

fn env() -> Env {
    Env {
        current_coinbase: Address::repeat_byte(0xc0),
        current_gas_limit: U256::from(30_000_000),
        current_number: U256::from(7),
        current_timestamp: U256::from(1_000),
        current_random: U256::from(0x1234),
        current_difficulty: U256::ZERO,
        current_base_fee: Some(U256::from(10)),
        current_excess_blob_gas: U256::ZERO,
    }
}

/// A test with what plain revm makes of it on each fork.
fn test(program: &Program) -> Test {
    let mut test = Test {
        env: env(),
        pre: program.pre.clone(),
        transaction: serde_json::Value::Null,
        post: BTreeMap::new(),
        config: None,
    };
    for fork in FORKS {
        let revision = revision(fork).unwrap();
        let surroundings = statetest::surroundings(&test, revision).unwrap();
        let executed = reference::execute(&test.pre, &surroundings, &program.raw);
        let (after, logs, refused) = match executed {
            Ok((outcome, after)) => (after, logs_hash(&outcome.logs), None),
            Err(why) => (test.pre.clone(), logs_hash(&[]), Some(why)),
        };
        let post = Post {
            indexes: Indexes {
                data: 0,
                gas: 0,
                value: 0,
            },
            hash: after.root(),
            logs,
            txbytes: program.raw.clone().into(),
            expect_exception: refused,
            state: Some(after),
        };
        test.post.insert(fork.to_owned(), vec![post]);
    }
    test
}

fn write() {
    for (file, programs) in programs::all() {
        let tests: File = programs
            .iter()
            .map(|program| (program.name.clone(), test(program)))
            .collect();
        let text = serde_json::to_string_pretty(&tests).unwrap();
        let path = folder("e2e_tests/statetests").join(format!("{file}.json"));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text + "\n").unwrap();
    }
}

#[test]
fn our_own_state_tests_pass() {
    if std::env::var_os("WRITE_STATE_TESTS").is_some() {
        write();
    }
    let sources = suite::sources(&folder("e2e_tests/statetests")).unwrap();
    let results = run(&sources, Selection::default(), Metering::Off);
    assert_none_failed(&results);
    assert!(results.iter().all(|one| one.outcome == CaseOutcome::Passed));
    let mut tests: Vec<&str> = results.iter().map(|one| one.name.test.as_str()).collect();
    tests.dedup();
    tests.sort_unstable();
    tests.dedup();
    assert!(tests.len() >= 60, "{} tests", tests.len());
}

#[test]
fn their_roots_are_those_of_a_second_trie() {
    assert_eq!(independent_root(&World::default()), EMPTY_ROOT);
    let mut compared = 0;
    for source in suite::sources(&folder("e2e_tests/statetests")).unwrap() {
        let text = std::fs::read(&source.path).unwrap();
        let file: File = serde_json::from_slice(&text).unwrap();
        for (name, test) in &file {
            for post in test.post.values().flatten() {
                let state = post.state.as_ref().unwrap();
                assert_eq!(independent_root(state), post.hash, "{name}");
                compared += 1;
            }
        }
    }
    assert!(compared >= 180, "{compared} roots");
}

/// Runs the tests of one file with one thing in each case made wrong.
fn spoiled(name: &str, spoil: fn(&mut Post)) -> Vec<CaseOutcome> {
    let text = std::fs::read(folder("e2e_tests/statetests/transactions.json")).unwrap();
    let mut file: File = serde_json::from_slice(&text).unwrap();
    let posts = file.values_mut().flat_map(|test| test.post.values_mut());
    posts.flatten().for_each(spoil);
    let path = folder("target/statetests").join(format!("{name}.json"));
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, serde_json::to_vec(&file).unwrap()).unwrap();
    let sources = suite::sources(&path).unwrap();
    let results = run(&sources, Selection::default(), Metering::Off);
    results.into_iter().map(|one| one.outcome).collect()
}

/// The judge can fail: each thing that it compares is one that it misses.
#[test]
fn a_wrong_root_log_hash_or_refusal_fails_every_case() {
    let root = spoiled("root", |post| post.hash.0[0] ^= 1);
    let logs = spoiled("logs", |post| post.logs.0[0] ^= 1);
    let refusal = spoiled("refusal", |post| {
        post.expect_exception = match post.expect_exception {
            Some(_) => None,
            None => Some("it should not run".to_owned()),
        };
    });
    for outcomes in [root, logs, refusal] {
        assert!(outcomes.len() >= 57, "{} cases", outcomes.len());
        assert!(outcomes.iter().all(|one| *one == CaseOutcome::Failed));
    }
}
