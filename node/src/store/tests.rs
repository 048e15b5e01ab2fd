//! Stores that are damaged, full, in use, of others, or lose their power.

use super::testing::{Memory, identity};
use super::{File, Identity, SavedTransaction, StateName, Store, StoreError};
use crate::chain::Block;
use alloy_primitives::{Address, B256, Bytes, Log, LogData, keccak256};
use ethereum::Header;
use ethereum::transaction::{Legacy, Transaction, sign};
use proptest::prelude::*;
use pvm::Durable;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use storage::block::{StoredHeader, StoredReceipt, StoredTransaction};

/// A block with transactions that made a log each.
pub(super) fn block(number: u64, transactions: u64) -> Block {
    let header = Header {
        number,
        ..Header::default()
    };
    let nonces = number * 100..number * 100 + transactions;
    let signed = nonces.map(|nonce| {
        let transfer = Legacy {
            nonce,
            ..Legacy::default()
        };
        sign(Transaction::Legacy(transfer), &[1; 32]).unwrap()
    });
    let stored = signed.map(|signed| StoredTransaction {
        sender: Address::repeat_byte(1),
        raw: signed.encode().into(),
    });
    let log = Log {
        address: Address::repeat_byte(7),
        data: LogData::new_unchecked(vec![B256::from_slice(&[5; 32])], Bytes::new()),
    };
    let receipt = StoredReceipt {
        success: true,
        gas_used: 21_000,
        data_gas: 0,
        logs: vec![log],
    };
    let rlp: Bytes = header.encode().into();
    let header = StoredHeader {
        hash: keccak256(&rlp),
        rlp,
    };
    let receipts = vec![receipt; usize::try_from(transactions).unwrap()];
    Block::of_parts(number, (header, stored.collect(), receipts), None).unwrap()
}

/// A state that says its number.
pub(super) fn state(number: u64) -> Durable {
    let mut state = Durable::new();
    state.write("/number", number.to_be_bytes()).unwrap();
    state
        .write(format!("/of/{}", number % 5), [1; 100])
        .unwrap();
    state
}

pub(super) fn commit(store: &Store, number: u64) -> Result<(), StoreError> {
    store.write(|batch| {
        let block = block(number, 1 + number % 3);
        batch.put_block(&block)?;
        batch.put_state(StateName::Block(number), &state(number))?;
        let raw: Bytes = vec![7; 100].into();
        let hash = keccak256(number.to_be_bytes());
        let saved = SavedTransaction {
            arrival: number,
            unsigned: None,
            raw,
        };
        batch.put_waiting(&hash, &saved)
    })
}

/// All is there up to a block, and nothing behind it.
pub(super) fn whole_up_to(store: &Store, newest: u64) {
    assert_eq!(store.bounds().unwrap(), Some((0, newest)));
    for number in 0..=newest {
        let expected = block(number, 1 + number % 3);
        let found = store.block(number).unwrap().unwrap();
        assert_eq!((found.hash, found.size), (expected.hash, expected.size));
        assert_eq!(store.number_of(&found.hash).unwrap(), Some(number));
        for (index, included) in expected.transactions.iter().enumerate() {
            let place = store.place_of(&included.transaction.hash).unwrap();
            assert_eq!(place, Some((number, index)));
        }
        let kept = store.state(StateName::Block(number)).unwrap();
        assert_eq!(kept, Some(state(number)));
    }
    assert_eq!(store.waiting().unwrap().len() as u64, newest + 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// What was committed is there after the power fails at any write, and what was not is
    /// gone, all of it.
    #[test]
    fn what_is_committed_outlives_the_power(writes in 0_u64..400, has_log: bool) {
        let memory = Memory::new(has_log);
        let store = Store::of(memory.clone(), &identity()).unwrap();
        commit(&store, 0).unwrap();
        memory.fill_up(writes);
        let mut acknowledged = 0;
        for number in 1..12 {
            match commit(&store, number) {
                Ok(()) => acknowledged = number,
                Err(_) => break,
            }
        }
        let memory = memory.lose_power();
        store.close();
        drop(store);
        let store = Store::of(memory, &identity()).unwrap();
        let (_, newest) = store.bounds().unwrap().unwrap();
        // One whose commit failed may be there.
        prop_assert!(newest == acknowledged || newest == acknowledged + 1, "{} {}", newest, acknowledged);
        whole_up_to(&store, newest);
        commit(&store, newest + 1).unwrap();
        whole_up_to(&store, newest + 1);
    }

    /// Whatever byte is another one, what is read is what was written, or an error.
    #[test]
    fn damage_is_told_and_never_served(place: usize, bit in 0_u8..8, has_log: bool, in_log: bool) {
        let memory = Memory::new(has_log);
        let store = Store::of(memory.clone(), &identity()).unwrap();
        (0..4).for_each(|number| commit(&store, number).unwrap());
        // Some of it is in the log alone.
        let memory = memory.lose_power();
        store.close();
        drop(store);
        let mut seen = memory.seen(in_log);
        let place = place % seen.len();
        seen[place] ^= 1 << bit;
        memory.put(in_log, seen);
        serves_what_was_written(&memory);
    }
}

/// Reads all that there may be of four commits: nothing but that is served.
fn serves_what_was_written(memory: &Arc<Memory>) {
    let read = std::panic::catch_unwind(|| {
        let Ok(store) = Store::of(memory.clone(), &identity()) else {
            return;
        };
        for number in 0..4 {
            let expected = block(number, 1 + number % 3);
            if let Ok(Some(found)) = store.block(number) {
                assert_eq!(found.hash, expected.hash);
                let raws = |block: &Block| {
                    let included = block.transactions.iter();
                    let raws = included.map(|one| one.transaction.encode());
                    raws.collect::<Vec<_>>()
                };
                assert_eq!(raws(&found), raws(&expected));
            }
            if let Ok(Some(found)) = store.state(StateName::Block(number)) {
                let expected = state(number);
                assert_eq!(found, expected, "another state is served");
                // All of it is read.
                if let Ok(values) = found.values("") {
                    let texts = |values: Vec<(String, pvm::value::Value)>| {
                        let texts = values.into_iter();
                        let texts = texts.map(|(path, value)| (path, value.to_vec()));
                        texts.collect::<Vec<_>>()
                    };
                    assert_eq!(texts(values), texts(expected.values("").unwrap()));
                }
            }
        }
    });
    if let Err(panic) = read {
        let words = panic.downcast_ref::<String>().cloned().unwrap_or_default();
        assert!(!words.contains("assertion `left == right`"), "{words}");
    }
}

/// One byte of each page, one page after the other.
#[test]
fn each_page_may_be_damaged() {
    let memory = Memory::new(false);
    let store = Store::of(memory.clone(), &identity()).unwrap();
    (0..4).for_each(|number| commit(&store, number).unwrap());
    store.close();
    drop(store);
    let whole = memory.seen(false);
    for page in 0..whole.len() / 4_096 {
        let place = page * 4_096 + page * 997 % 4_096;
        let mut damaged = whole.clone();
        damaged[place] ^= 0x55;
        memory.put(false, damaged);
        serves_what_was_written(&memory);
    }
}

/// A file that is no store is reported, and left as it is.
#[cfg(unix)]
#[test]
fn what_is_no_file_is_refused_and_a_link_is_followed() {
    let folder = Folder::new();
    let path = folder.0.join("store.redb");
    std::fs::create_dir(&path).unwrap();
    let error = Store::open(&folder.0, &identity()).unwrap_err();
    assert!(error.to_string().contains("cannot be opened"), "{error}");
    std::fs::remove_dir(&path).unwrap();
    std::os::unix::fs::symlink(folder.0.join("no/where"), &path).unwrap();
    let error = Store::open(&folder.0, &identity()).unwrap_err();
    assert!(error.to_string().contains("cannot be opened"), "{error}");
    std::fs::remove_file(&path).unwrap();
    // On a larger disk, say.
    std::os::unix::fs::symlink(folder.0.join("elsewhere"), &path).unwrap();
    let store = Store::open(&folder.0, &identity()).unwrap();
    commit(&store, 0).unwrap();
    let error = Store::open(&folder.0, &identity()).unwrap_err();
    assert!(matches!(error, StoreError::InUse(_)), "{error}");
    store.close();
    assert!(folder.0.join("elsewhere").is_file());
    whole_up_to(&Store::open(&folder.0, &identity()).unwrap(), 0);
    // A folder that is a file.
    let error = Store::open(&folder.0.join("elsewhere"), &identity()).unwrap_err();
    assert!(
        error.to_string().contains("cannot make the folder"),
        "{error}"
    );
}

/// A disk that is mounted to be read.
#[cfg(unix)]
#[test]
fn a_folder_that_may_not_be_written_is_told() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    let store = Store::open(&folder.0, &identity()).unwrap();
    store.close();
    drop(store);
    let path = folder.0.join("store.redb");
    let may = |mode| std::fs::Permissions::from_mode(mode);
    std::fs::set_permissions(&path, may(0o400)).unwrap();
    // The superuser may all the same.
    match Store::open(&folder.0, &identity()) {
        Ok(store) => store.close(),
        Err(error) => assert!(error.to_string().contains("cannot be opened"), "{error}"),
    }
    std::fs::set_permissions(&path, may(0o600)).unwrap();
}

#[test]
fn a_full_disk_is_read_and_written_again_when_there_is_room() {
    [false, true].into_iter().for_each(full_and_again);
}

/// Nobody has to write to see that there is room again.
#[test]
fn room_is_seen_without_a_write() {
    let memory = Memory::new(true);
    let store = Store::of(memory.clone(), &identity()).unwrap();
    assert!(store.check_room().is_ok());
    memory.free.store(1_000, Ordering::Relaxed);
    assert_eq!(store.trouble(), None);
    let full = store.check_room().unwrap_err();
    assert!(matches!(full, StoreError::Full { free: 1_000 }), "{full}");
    assert!(store.trouble().unwrap().contains("is full"));
    memory.free.store(u64::MAX, Ordering::Relaxed);
    assert_eq!(store.trouble(), None);
}

/// A store that could not be filled is made anew, with or without the rollup's address.
#[test]
fn a_store_that_was_begun_is_none_yet() {
    let unknown = Identity {
        rollup: None,
        ..identity()
    };
    let memory = Memory::new(true);
    Store::of(memory.clone(), &unknown).unwrap().close();
    let store = Store::of(memory, &identity()).unwrap();
    assert_eq!(store.rollup().unwrap(), [1; 20]);
    commit(&store, 0).unwrap();
    // As older programs left it.
    let memory = Memory::new(true);
    let store = Store::with(memory.clone(), true).unwrap();
    let write = |batch: &super::Batch<'_>| {
        batch.put_meta("schema", &super::tables::SCHEMA.to_le_bytes())?;
        let mut parts = unknown.parts().into_iter();
        parts.try_for_each(|(name, row)| batch.put_meta(name, &row))
    };
    store.write(write).unwrap();
    store.close();
    let store = Store::of(memory, &identity()).unwrap();
    assert_eq!(store.rollup().unwrap(), [1; 20]);
    commit(&store, 0).unwrap();
    whole_up_to(&store, 0);
}

/// Errors of damage name the file, and say what to do.
#[test]
fn damage_names_the_file() {
    let memory = Memory::new(false);
    let store = Store::of(memory.clone(), &identity()).unwrap();
    store.close();
    let bytes = memory.seen(false);
    let mut said = 0;
    for page in 0..bytes.len() / 4_096 {
        let mut damaged = bytes.clone();
        damaged[page * 4_096..][..400].fill(0x55);
        memory.put(false, damaged);
        let opened = std::panic::catch_unwind(|| Store::of(memory.clone(), &identity()).err());
        if let Ok(Some(error)) = opened {
            let error = error.to_string();
            assert!(error.contains("the disk of a test"), "{error}");
            assert!(error.contains("put a backup in its place"), "{error}");
            said += 1;
        }
    }
    assert!(said > 0);
}

fn full_and_again(has_log: bool) {
    let memory = Memory::new(has_log);
    let store = Store::of(memory.clone(), &identity()).unwrap();
    commit(&store, 0).unwrap();
    memory.free.store(1_000, Ordering::Relaxed);
    let full = commit(&store, 1).unwrap_err();
    assert!(matches!(full, StoreError::Full { free: 1_000 }), "{full}");
    assert!(
        store
            .trouble()
            .unwrap()
            .contains("the disk of the store is full")
    );
    whole_up_to(&store, 0);
    memory.free.store(u64::MAX, Ordering::Relaxed);
    commit(&store, 1).unwrap();
    assert_eq!(store.trouble(), None);
    whole_up_to(&store, 1);
}

/// The disk did not say that it would be full.
#[test]
fn a_disk_that_gives_no_space_is_written_again_when_there_is_room() {
    for writes in 0..80 {
        let memory = Memory::new(writes % 2 == 0);
        let store = Store::of(memory.clone(), &identity()).unwrap();
        commit(&store, 0).unwrap();
        memory.fill_up(writes / 2);
        let mut number = 1;
        while commit(&store, number).is_ok() {
            number += 1;
        }
        assert!(store.trouble().is_some());
        memory.fill_up(u64::MAX);
        // As a node does that writes a level again.
        store
            .write(|batch| batch.remove_after(Some(number - 1)))
            .unwrap();
        commit(&store, number).unwrap();
        assert_eq!(store.trouble(), None);
        whole_up_to(&store, number);
    }
}

/// A folder that is deleted at the end.
pub(super) struct Folder(pub(super) PathBuf);

impl Folder {
    pub(super) fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("evm-rollup-store-{}-{count}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn two_do_not_share_a_store_and_others_are_refused() {
    let folder = Folder::new();
    assert!(!Store::is_in(&folder.0));
    let store = Store::open(&folder.0, &identity()).unwrap();
    assert!(Store::is_in(&folder.0));
    let error = Store::open(&folder.0, &identity()).unwrap_err();
    assert!(
        error.to_string().contains("two nodes cannot share one"),
        "{error}"
    );
    store.close();
    for (what, other) in [
        (
            "rollup",
            Identity {
                rollup: Some([9; 20]),
                ..identity()
            },
        ),
        (
            "installer or kernel at the origination",
            Identity {
                kernel: B256::ZERO,
                ..identity()
            },
        ),
        (
            "genesis",
            Identity {
                genesis: B256::ZERO,
                ..identity()
            },
        ),
        (
            "command",
            Identity {
                kind: "node",
                ..identity()
            },
        ),
    ] {
        let error = Store::open(&folder.0, &other).unwrap_err();
        assert!(
            matches!(&error, StoreError::Other { what: found, .. } if *found == what),
            "{error}"
        );
    }
    let store = Store::open(&folder.0, &identity()).unwrap();
    store
        .write(|batch| batch.put_meta("schema", &7_u32.to_le_bytes()))
        .unwrap();
    store.close();
    let error = Store::open(&folder.0, &identity()).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("has form 7, this program knows form 5"),
        "{error}"
    );
}

#[test]
fn a_file_that_is_no_store_or_cut_off_is_refused() {
    let folder = Folder::new();
    let store = Store::open(&folder.0, &identity()).unwrap();
    (0..20).for_each(|number| commit(&store, number).unwrap());
    store.close();
    drop(store);
    let path = folder.0.join("store.redb");
    let whole = std::fs::read(&path).unwrap();
    for length in [1, 100, 4_096, whole.len() / 2, whole.len() - 1] {
        std::fs::write(&path, &whole[..length]).unwrap();
        let error = Store::open(&folder.0, &identity()).unwrap_err();
        let told = matches!(
            error,
            StoreError::Damaged { .. } | StoreError::Row { .. } | StoreError::Storage(_)
        );
        assert!(told, "{length}: {error}");
    }
    std::fs::write(&path, "no store, but a text of some length".repeat(500)).unwrap();
    let error = Store::open(&folder.0, &identity()).unwrap_err();
    assert!(
        error.to_string().contains("is no store, or damaged"),
        "{error}"
    );
    // It is as it was.
    assert!(std::fs::read(&path).unwrap().starts_with(b"no store"));
    std::fs::write(&path, &whole).unwrap();
    whole_up_to(&Store::open(&folder.0, &identity()).unwrap(), 19);
}

#[test]
fn a_store_says_what_its_file_takes() {
    let folder = Folder::new();
    let store = Store::of(Arc::new(File::new(folder.0.join("file"))), &identity()).unwrap();
    commit(&store, 0).unwrap();
    assert!(store.size().unwrap() > 4_096);
    assert!(!Store::is_in(&folder.0));
}

#[test]
fn transactions_of_an_account_are_found_newest_first_page_by_page_until_their_blocks_go() {
    let store = Store::passing().unwrap();
    // Of more than one epoch, most blocks without any.
    let with = |number: u64| if number.is_multiple_of(50) { 3 } else { 0 };
    let put = |batch: &super::Batch<'_>| {
        (0..=600).try_for_each(|number| batch.put_block(&block(number, with(number))))
    };
    store.write(put).unwrap();
    let expected: Vec<(u64, usize)> = (0..=600_u64)
        .rev()
        .flat_map(|number| {
            (0..with(number) as usize)
                .rev()
                .map(move |index| (number, index))
        })
        .collect();
    for account in [Address::repeat_byte(1), Address::repeat_byte(7)] {
        let (mut found, mut before) = (Vec::new(), (601, 0));
        loop {
            let page = store.places_of_account(&account, 0, before, 4).unwrap();
            assert!(page.places.len() <= 4);
            let Some(last) = page.places.last() else {
                assert_eq!(page.from, 0);
                break;
            };
            before = *last;
            found.extend(page.places);
        }
        assert_eq!(found, expected);
    }
    let one = Address::repeat_byte(1);
    let some = store.places_of_account(&one, 550, (601, 0), 100).unwrap();
    assert_eq!(some.places, expected[..6]);
    assert!(
        store
            .places_of_account(&one, 601, (601, 0), 9)
            .unwrap()
            .places
            .is_empty()
    );
    assert!(
        store
            .places_of_account(&Address::repeat_byte(9), 0, (601, 0), 9)
            .unwrap()
            .places
            .is_empty()
    );
    store.write(|batch| batch.remove_after(Some(549))).unwrap();
    let rest = store.places_of_account(&one, 0, (601, 0), 100).unwrap();
    assert_eq!(rest.places, expected[6..]);
}
