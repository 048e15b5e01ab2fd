//! Versions of the layout, and the steps between them.
//!
//! A kernel that finds another version than its own brings the storage up to it
//! before it looks at anything else, in one move: all steps and what the kernel
//! brings along, or nothing. Steps work below [`STAGING`] and spell old paths
//! out, so that renaming a constant today cannot change yesterday's layout.
//!
//! [`STAGING`]: crate::layout::STAGING

use crate::commit;
use crate::diff::Diff;
use crate::error::StorageError;
use crate::head::Head;
use crate::layout::{HEAD, VERSION};
use crate::table::Staging;
use crate::version::Version;
use host::Store;

/// A step from a layout to the next.
type Step<S> = fn(&mut S) -> Result<(), StorageError>;

/// The layout that this code reads and writes.
pub const LAYOUT: u32 = 2 + cfg!(feature = "traps") as u32;

/// The steps in order, the first from layout 1 to layout 2.
const fn steps<S: Store>() -> [Step<S>; LAYOUT as usize - 1] {
    [
        nested::step,
        #[cfg(feature = "traps")]
        traps::step,
    ]
}

/// Brings storage from version `from` to version `to`, at once. `refresh` says
/// what becomes of the kernel's own contracts, from the new layout, and the head
/// whose state commitment has that in it.
///
/// # Errors
/// [`StorageError::NoMigration`] for a layout that is newer than this code;
/// what a step cannot do. The storage is then as it was.
pub fn run<S: Store>(
    store: &mut S,
    from: &Version,
    to: &Version,
    refresh: impl FnOnce(&Staging<'_, S>) -> Result<Option<(Diff, Head)>, StorageError>,
) -> Result<(), StorageError> {
    let done = from.layout.checked_sub(1).map(|done| done as usize);
    let all = steps();
    let steps = done
        .and_then(|done| all.get(done..))
        .ok_or(StorageError::NoMigration {
            layout: from.layout,
        })?;
    let mut staging = Staging::open(store)?;
    for step in steps {
        staging.step(step)?;
    }
    let head = match refresh(&staging)? {
        Some((diff, head)) => {
            commit::world(&mut staging, &diff)?;
            Some(head)
        }
        None => staging.get(&HEAD, &())?,
    };
    if let Some(head) = head {
        let writer = Some(*to);
        staging.put(&HEAD, &(), &Head { writer, ..head })?;
    }
    staging.put(&VERSION, &(), to)?;
    staging.publish()
}

/// Layout 2: transactions and receipts of blocks lie below their header. Those of
/// earlier blocks stay at `/evm/state/t/N` and `/evm/state/r/N`, and go as their
/// blocks are pruned.
mod nested {
    use crate::error::StorageError;
    use crate::head::Head;
    use crate::table::{load, save};
    use host::{Path, Store};

    const HEAD: Path<'static> = Path::literal("/evm/staging/h");

    pub(super) fn step<S: Store>(store: &mut S) -> Result<(), StorageError> {
        let Some(head) = load::<Head>(store, HEAD)? else {
            return Ok(());
        };
        let nested = head.number.saturating_add(1);
        save(store, HEAD, &Head { nested, ..head })
    }
}

/// A step that does what a test asks for. Never in the shipped bytes.
#[cfg(feature = "traps")]
mod traps {
    use crate::error::StorageError;
    use host::{Path, Store};

    /// The desired result: `trap` (each time), `once` (the first time), `err`;
    /// anything else or nothing succeeds.
    const WISH: Path<'static> = Path::literal("/evm/traps");
    /// The mark of a step that succeeds.
    const DONE: Path<'static> = Path::literal("/evm/staging/traps");

    #[expect(clippy::panic, reason = "what the build is for")]
    pub(super) fn step<S: Store>(store: &mut S) -> Result<(), StorageError> {
        let wish = store.read_all(WISH)?.unwrap_or_default();
        store.write_alone(DONE, b"done")?;
        match &wish[..] {
            b"trap" => panic!("a migration"),
            b"once" => {
                store.store_delete(WISH)?;
                panic!("a migration, once")
            }
            b"err" => Err(StorageError::NoMigration { layout: 1 }),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::{AccountChange, AccountDiff};
    use crate::layout::{ACCOUNTS, CODE};
    use crate::{Account, commit};
    use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
    use host::mock::MockHost;

    const BRIDGE: Address = Address::repeat_byte(0xff);
    const CODE_BYTES: &[u8] = &[0xfe];

    const NOW: Version = Version {
        layout: LAYOUT,
        contracts: 7,
    };

    fn diff(account: Account, had_code: bool) -> Diff {
        Diff {
            accounts: alloc::vec![AccountDiff {
                address: BRIDGE,
                account: AccountChange::Set(account),
                had_code,
                cleared: false,
                slots: alloc::vec![],
            }],
            code: alloc::vec![(account.code_hash, Bytes::from_static(CODE_BYTES))],
        }
    }

    fn rollup() -> MockHost {
        let mut host = MockHost::default();
        let old = Account {
            nonce: 1,
            balance: U256::from(5),
            code_hash: B256::repeat_byte(1),
        };
        let block = commit::Block {
            head: Head {
                number: 3,
                state_root: B256::repeat_byte(3),
                ..Head::default()
            },
            diff: diff(old, false),
            ..commit::Block::default()
        };
        commit::block(&mut host, &block).unwrap();
        host
    }

    #[test]
    fn contracts_and_head_are_replaced() {
        let mut host = rollup();
        let new = Account {
            nonce: 1,
            balance: U256::from(5),
            code_hash: keccak256(CODE_BYTES),
        };
        run(&mut host, &Version::FIRST, &NOW, |staging| {
            let account = staging.get(&ACCOUNTS, &BRIDGE)?.unwrap();
            assert_eq!(account.balance, U256::from(5));
            let head = staging.get(&HEAD, &())?.unwrap();
            let state_root = B256::repeat_byte(4);
            Ok(Some((diff(new, true), Head { state_root, ..head })))
        })
        .unwrap();
        assert_eq!(VERSION.get(&host, &()).unwrap(), Some(NOW));
        assert_eq!(ACCOUNTS.get(&host, &BRIDGE).unwrap(), Some(new));
        let code = CODE.get(&host, &new.code_hash).unwrap();
        assert_eq!(code, Some(Bytes::from_static(CODE_BYTES)));
        let head = HEAD.get(&host, &()).unwrap().unwrap();
        assert_eq!((head.number, head.state_root), (3, B256::repeat_byte(4)));
    }

    #[test]
    fn what_fails_or_traps_leaves_the_storage_as_it_was() {
        let before = rollup();
        let migrate = |host: &mut MockHost| {
            run(host, &Version::FIRST, &NOW, |_| {
                let account = Account::default();
                Ok(Some((diff(account, true), Head::default())))
            })
        };
        let mut host = before.clone();
        let newer = Version { layout: 9, ..NOW };
        let result = run(&mut host, &newer, &NOW, |_| Ok(None));
        assert!(matches!(
            result,
            Err(StorageError::NoMigration { layout: 9 })
        ));
        assert_eq!(host.values(), before.values());

        let mut host = before.clone();
        let result = run(&mut host, &Version::FIRST, &NOW, |_| {
            Err(host::HostError::NotAValue.into())
        });
        assert!(result.is_err());
        rollup::state::discard(&mut host, &crate::layout::LAYOUT).unwrap();
        assert_eq!(host.values(), before.values());

        let mut whole = before.clone();
        migrate(&mut whole).unwrap();
        let calls = whole.total_calls() - before.total_calls();
        assert!(calls > 5);
        for call in 1..=calls {
            let mut host = before.clone();
            host.trap_after(call);
            assert!(host.until_trap(migrate).is_none());
            let moved = VERSION.get(&host, &()).unwrap() == Some(NOW);
            rollup::state::discard(&mut host, &crate::layout::LAYOUT).unwrap();
            let expected = if moved { &whole } else { &before };
            assert_eq!(host.values(), expected.values(), "call {call}");
        }
    }
}
