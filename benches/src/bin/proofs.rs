//! Measures proofs of durable storage if a million accounts exist and hold
//! tokens: of 200 accounts, of as many slots, and of a level of 200 ERC-20 transfers, which is
//! then checked: `proofs [ACCOUNTS]`.

use alloy_primitives::{Address, Bytes, TxKind, U256, keccak256};
use e2e_tests::{Rollup, Setup, User};
use pvm::{Durable, Inbox, Machine, Options};
use solidity_fixtures::erc20;
use std::error::Error;
use std::time::Instant;
use storage::Account;
use storage::layout::{ACCOUNTS, SLOTS};
use storage::table::Value;

const TRANSFERS: usize = 200;
const GAS: u64 = 100_000;

fn main() -> Result<(), Box<dyn Error>> {
    let asked = std::env::args().nth(1);
    let holders: u64 = asked.map_or(Ok(1_000_000), |text| text.parse())?;
    let mut owner = User::new("proofs owner");
    let mut senders: Vec<User> = (0..TRANSFERS)
        .map(|index| User::new(&format!("proofs {index}")))
        .collect();
    let everyone: Vec<&User> = senders.iter().chain([&owner]).collect();
    let mut rollup = Rollup::new(&Setup::funded(&everyone));
    let token = owner.address.create(0);
    let deploy = erc20::deploy(U256::from(1));
    let deploy = owner.send(1337, TxKind::Create, U256::ZERO, deploy, 3_000_000);
    rollup.level(&[deploy.encode()]);

    let start = Instant::now();
    let storage = fill(&rollup, token, holders, &senders)?;
    println!(
        "{holders} accounts with tokens, written in {:.1?}",
        start.elapsed()
    );
    let start = Instant::now();
    println!("root {}", hex(&storage.root_hash()));
    println!("first root: {:.1?}", start.elapsed());

    let chosen = |index: usize| holder(holders / TRANSFERS as u64 * index as u64);
    let accounts: Vec<String> = (0..TRANSFERS)
        .map(|index| Ok(ACCOUNTS.path(&chosen(index))?.as_path().to_string()))
        .collect::<Result<_, storage::StorageError>>()?;
    let slots: Vec<String> = (0..TRANSFERS)
        .map(|index| {
            let slot = erc20::balance_slot(chosen(index));
            Ok(SLOTS.path(&(token, slot))?.as_path().to_string())
        })
        .collect::<Result<_, storage::StorageError>>()?;
    proof("accounts", &storage, &accounts)?;
    proof("slots of one contract", &storage, &slots)?;
    by_bytes(&storage, &accounts)?;

    let raws: Vec<Vec<u8>> = senders
        .iter_mut()
        .enumerate()
        .map(|(index, sender)| {
            let data: Bytes = erc20::transfer(chosen(index), U256::from(5));
            let sent = sender.send(1337, TxKind::Call(token), U256::ZERO, data, GAS);
            sent.encode()
        })
        .collect();
    witness(&rollup, storage, &raws)
}

fn holder(index: u64) -> Address {
    Address::from_word(keccak256(index.to_be_bytes()))
}

/// Gives everybody a unit and a million tokens.
fn fill(
    rollup: &Rollup,
    token: Address,
    holders: u64,
    senders: &[User],
) -> Result<Durable, Box<dyn Error>> {
    let mut storage = rollup.durable().clone();
    let account = Account {
        balance: U256::from(10).pow(U256::from(18)),
        ..Account::default()
    };
    let account = account.encode();
    let tokens = U256::from(1_000_000).to_be_bytes::<32>();
    for address in (0..holders).map(holder) {
        let path = ACCOUNTS.path(&address)?.as_path().to_string();
        storage.write(path, account.as_ref())?;
    }
    let all = (0..holders)
        .map(holder)
        .chain(senders.iter().map(|user| user.address));
    for address in all {
        let path = SLOTS.path(&(token, erc20::balance_slot(address)))?;
        storage.write(path.as_path().to_string(), tokens)?;
    }
    Ok(storage)
}

fn proof(what: &str, storage: &Durable, paths: &[String]) -> Result<(), Box<dyn Error>> {
    let watched = storage.watched();
    for path in paths {
        watched.get(path)?.ok_or("nothing is there")?;
    }
    let proof = watched.touched();
    Durable::partial(watched.root_hash(), &proof)?;
    let bytes = proof.len();
    println!(
        "proof of {} {what}: {bytes} bytes, {} each",
        paths.len(),
        bytes / paths.len()
    );
    Ok(())
}

/// The same in the shape that storage had before: a node for each byte in which paths part,
/// hashed with all of its children.
fn by_bytes(storage: &Durable, paths: &[String]) -> Result<(), Box<dyn Error>> {
    let mut all: Vec<Vec<u8>> = Vec::new();
    for (path, _) in storage.values("")? {
        all.push(path.into_bytes());
    }
    all.sort_unstable();
    let mut seen = std::collections::BTreeSet::new();
    let mut bytes = 0;
    for path in paths {
        let path = path.as_bytes();
        let (mut from, mut to) = (0, all.len());
        for depth in 0..path.len() {
            // The nodes in which paths part have children with several bytes here.
            let mut firsts = 0;
            let mut at = from;
            let (mut next_from, mut next_to) = (from, to);
            while at < to {
                let byte = all[at].get(depth).copied();
                let end = at + all[at..to].partition_point(|path| path.get(depth).copied() == byte);
                firsts += usize::from(byte.is_some());
                if byte == Some(path[depth]) {
                    (next_from, next_to) = (at, end);
                }
                at = end;
            }
            if firsts > 1 && seen.insert((from, depth)) {
                const HASH: usize = 32;
                bytes += firsts * HASH;
            }
            (from, to) = (next_from, next_to);
        }
    }
    let each = bytes / paths.len();
    println!(
        "hashes in a proof of {} accounts by the former shape: {bytes} bytes, {each} each",
        paths.len()
    );
    Ok(())
}

fn witness(rollup: &Rollup, storage: Durable, raws: &[Vec<u8>]) -> Result<(), Box<dyn Error>> {
    let options = Options {
        rollup: Setup::default().address,
        first_level: rollup.head().level + 1,
        ..Options::default()
    };
    let mut machine = Machine::from_durable(storage, options)?;
    let inbox = Inbox {
        timestamp: rollup.timestamp() + 1,
        predecessor: [9; 32],
        messages: rollup.messages(raws),
    };
    let start = Instant::now();
    let (witness, report) = machine.prove(inbox.wrapped())?;
    let proved = start.elapsed();
    let file = witness.encode();
    let messages: usize = inbox.messages.iter().map(Vec::len).sum();
    println!(
        "witness of a level of {} ERC-20 transfers: {} bytes ({} of storage, {messages} of messages), made in {proved:.2?}",
        raws.len(),
        file.len(),
        witness.parts.len(),
    );
    let read = pvm::Witness::decode(&file)?;
    let kernel = e2e_tests::kernel();
    let start = Instant::now();
    let checked = read.check(&kernel, &Options::default())?;
    println!(
        "checked in {:.2?}: root {}",
        start.elapsed(),
        hex(&checked.durable_root())
    );
    let start = Instant::now();
    let plain = machine.run_level(&inbox)?;
    println!("the level itself: {:.2?}", start.elapsed());
    assert_eq!(plain.durable_root(), report.durable_root());
    assert_eq!(plain.durable_root(), checked.durable_root());
    let rollup = Rollup::from_durable(plain.durable, &Setup::default());
    let included = rollup.since(rollup.head().number - 1);
    assert_eq!(included.len(), raws.len());
    assert!(included.iter().all(|included| included.receipt.success));
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
