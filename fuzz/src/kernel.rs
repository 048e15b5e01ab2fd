//! The kernel's opinion: native code on the mocked machine, inbox bytes in and
//! durable storage out.

use crate::case::{CHAIN, Case};
use crate::opinion::{Made, Opinion, Outcome};
use alloy_primitives::{B256, U256};
use conformance::Revision;
use conformance::rollup::Surroundings;
use conformance::world::World;
use e2e_tests::native;
use ethereum::{Header, SignedTransaction};
use evm_kernel::HISTORY_ADDRESS;
use host::mock::{Level, MockHost};
use pvm::Durable;
use storage::layout::{HEAD, HEADERS};
use storage::{Config, Head, history};

const ROLLUP: [u8; 20] = [7; 20];
const FIRST_LEVEL: u32 = 10;

/// Runs a case through the kernel.
///
/// # Errors
/// If it traps, makes no such block or leaves what it must not: a defect.
pub fn kernel(case: &Case) -> Result<Made, String> {
    let config = Config {
        fee_recipient: alloy_primitives::Address::repeat_byte(0xfe),
        // One block, and no transaction that halts for its work: plain revm counts none.
        run_budget: u64::MAX / 4,
        level_budget: u64::MAX / 4,
        revisions: vec![(0, case.revision)],
        ..Config::default()
    };
    let mut host = native::rollup(ROLLUP, FIRST_LEVEL, &config);
    let mut durable = Durable::new();
    case.world.load(&mut durable);
    for (path, value) in durable.values("/evm").map_err(|why| why.to_string())? {
        host.set(path.as_bytes(), &value.to_vec());
    }
    let mut level = |messages: Vec<Vec<u8>>| -> Result<Head, String> {
        let level = Level {
            timestamp: 1_700_000_000,
            predecessor: [9; 32],
            messages,
        };
        native::run(&mut host, &level)?;
        let head = HEAD.get(&host, &()).map_err(|error| error.to_string())?;
        head.ok_or_else(|| "no block".to_owned())
    };
    let parent = level(Vec::new())?;
    let messages = case.transactions.iter().map(message).collect();
    let head = level(messages)?;
    finish(case, &host, &parent, &head)
}

fn message(signed: &SignedTransaction) -> Vec<u8> {
    [&[1], &native::simple(&ROLLUP, signed)[..]].concat()
}

/// The level's result: outcomes, accounts, and their initial state.
fn finish(case: &Case, host: &MockHost, parent: &Head, head: &Head) -> Result<Made, String> {
    if head.number != parent.number + 1 {
        return Err(format!("{} blocks", head.number - parent.number));
    }
    let text = |error: storage::StorageError| error.to_string();
    let stored = HEADERS.get(host, &head.number).map_err(text)?;
    let stored = stored.ok_or("no header")?;
    let header = Header::decode(&stored.rlp).map_err(|error| error.to_string())?;
    let hash = |number: u64| -> Result<(u64, B256), String> {
        let stored = HEADERS.get(host, &number).map_err(text)?;
        Ok((number, stored.map_or(B256::ZERO, |stored| stored.hash)))
    };
    let hashes: Vec<(u64, B256)> = (0..head.number).map(hash).collect::<Result<_, _>>()?;
    let world = world(host)?;
    Ok(Made {
        before: before(case, &world, &hashes),
        surroundings: Surroundings {
            hashes,
            ..Surroundings::of_header(&header, CHAIN, case.revision)
        },
        opinion: Opinion {
            outcomes: outcomes(case, host, head.number)?,
            world,
        },
    })
}

/// The outcome of each transaction by the block's receipts.
fn outcomes(case: &Case, host: &MockHost, number: u64) -> Result<Vec<Option<Outcome>>, String> {
    let text = |error: storage::StorageError| error.to_string();
    let transactions = history::transactions(host, number).map_err(text)?;
    let receipts = history::receipts(host, number).map_err(text)?;
    let mut included = transactions.0.into_iter().zip(receipts.0).peekable();
    let outcomes = case
        .transactions
        .iter()
        .map(|signed| {
            let raw = signed.encode();
            let (_, receipt) = included.next_if(|(stored, _)| stored.raw == raw)?;
            Some(Outcome {
                success: receipt.success,
                gas_used: receipt.gas_used,
                logs: receipt.logs,
            })
        })
        .collect();
    if included.peek().is_some() {
        return Err("transactions out of order".to_owned());
    }
    Ok(outcomes)
}

/// All accounts in durable storage.
fn world(host: &MockHost) -> Result<World, String> {
    let mut durable = Durable::new();
    for (path, value) in host.values() {
        let path = String::from_utf8(path).map_err(|error| error.to_string())?;
        durable
            .write(path, value)
            .map_err(|error| error.to_string())?;
    }
    World::dump(&durable).map_err(|error| error.to_string())
}

/// The case's accounts as they stand right before the block's transactions.
fn before(case: &Case, after: &World, hashes: &[(u64, B256)]) -> World {
    let mut before = case.world.clone();
    before.0.retain(|_, state| {
        !(state.nonce.is_zero() && state.balance.is_zero() && state.code.is_empty())
    });
    // The history contract is there from block 0 on, and each block's first
    // slot is written (EIP-2935, from Prague on).
    let mut history = after.0.get(&HISTORY_ADDRESS).cloned().unwrap_or_default();
    history.storage.clear();
    if case.revision >= Revision::Prague {
        let slots = hashes.iter();
        history.storage = slots
            .map(|(number, hash)| (U256::from(*number), (*hash).into()))
            .collect();
    }
    before.0.insert(HISTORY_ADDRESS, history);
    before
}
