//! Storage is taken over by a kernel with another layout, or given back.

use super::scene::{SOMEBODY, Scene, deposit, said};
use alloy_primitives::{Bytes, U256, keccak256};
use e2e_tests::{Build, Rollup, kernel};
use evm_kernel::bridge::{FA_BRIDGE, NATIVE_BRIDGE};
use pvm::{LevelReport, Status};
use storage::Account;
use storage::layout::{ACCOUNTS, CODE};
use storage::table::Value;

/// The mark of the other build's migration.
const DONE: &str = "/evm/state/traps";

/// A level at which governance installs the other build, whose migration does
/// what `wish` says.
fn install(name: &str, wish: Option<&[u8]>) -> (Scene, LevelReport) {
    let mut scene = Scene::new(name);
    assert_eq!(scene.version().layout, 2);
    if let Some(wish) = wish {
        scene.rollup.set("/evm/traps", wish);
    }
    let new = Build::Traps.wasm();
    let messages = vec![scene.decide(&new, 0), deposit(), scene.pay()];
    let report = scene.rollup.level_with_traps(messages);
    assert_eq!(report.status, Status::Yielded);
    let paid = U256::from(1_000_000_000_001_u64);
    assert_eq!(scene.rollup.account(SOMEBODY).balance, paid);
    (scene, report)
}

fn traps(report: &LevelReport) -> usize {
    report.runs.iter().filter(|run| run.trapped()).count()
}

#[test]
fn a_new_layout_is_migrated_to_at_once() {
    let (mut scene, report) = install("migrated", None);
    assert_eq!((report.runs.len(), traps(&report)), (2, 0));
    assert!(said(&report, "layout 2 became 3"), "{:?}", report.debug);
    assert_eq!(scene.kernel(), Build::Traps.wasm());
    assert_eq!(scene.version().layout, 3);
    assert_eq!(scene.value(DONE), Some(b"done".to_vec()));
    scene.goes_on();
}

#[test]
fn a_migration_that_traps_once_is_tried_again() {
    let (mut scene, report) = install("once", Some(b"once"));
    assert_eq!((report.runs.len(), traps(&report)), (3, 1));
    assert_eq!(scene.version().layout, 3);
    assert_eq!(scene.value(DONE), Some(b"done".to_vec()));
    scene.goes_on();
}

#[test]
fn a_migration_that_traps_twice_or_errs_gives_the_old_kernel_back() {
    for (wish, trapped) in [("trap", 2), ("err", 0)] {
        let (mut scene, report) = install(wish, Some(wish.as_bytes()));
        assert!(said(&report, "given up"), "{:?}", report.debug);
        assert_eq!(traps(&report), trapped);
        // The upgrade's, those that trap, the one that gives up, the old kernel's.
        assert_eq!(report.runs.len(), trapped + 3);
        assert_eq!(scene.kernel(), kernel());
        assert_eq!(scene.version().layout, 2);
        assert_eq!(scene.value(DONE), None);
        assert_eq!(scene.value("/evm/upgrade/tries"), None);
        scene.goes_on();
    }
}

/// Makes a contract of the kernel's an older one, with something of its own.
fn make_old(rollup: &mut Rollup) -> Account {
    let code = [0x60, 0x00, 0xfe];
    let old = Account {
        nonce: 7,
        balance: U256::from(5),
        code_hash: keccak256(code),
    };
    let path = ACCOUNTS.path(&FA_BRIDGE).unwrap();
    rollup.set(&path.as_path().to_string(), old.encode().as_ref());
    let path = CODE.path(&old.code_hash).unwrap();
    rollup.set(&path.as_path().to_string(), &code);
    assert_eq!(rollup.code(FA_BRIDGE), Bytes::from(code));
    old
}

#[test]
fn contracts_of_an_older_kernel_are_replaced_and_keep_what_they_hold() {
    let mut scene = Scene::new("contracts");
    let fresh = scene.rollup.account(FA_BRIDGE);
    let native = scene.rollup.account(NATIVE_BRIDGE);
    // Nothing tells that storage is older, so nobody looks.
    let old = make_old(&mut scene.rollup);
    scene.goes_on();
    assert_eq!(scene.rollup.account(FA_BRIDGE), old);

    let version = storage::Version {
        contracts: 1,
        ..scene.version()
    };
    scene.rollup.set("/evm/state/v", &version.encode());
    let head = storage::Head {
        writer: Some(version),
        ..scene.rollup.head()
    };
    scene.rollup.set("/evm/state/h", &head.encode());
    let root = scene.rollup.head().state_root;
    let report = scene.rollup.empty_level();
    assert!(said(&report, "layout 2 became 2"), "{:?}", report.debug);
    let expected = Account {
        code_hash: fresh.code_hash,
        ..old
    };
    assert_eq!(scene.rollup.account(FA_BRIDGE), expected);
    assert_eq!(keccak256(scene.rollup.code(FA_BRIDGE)), expected.code_hash);
    assert_eq!(scene.rollup.account(NATIVE_BRIDGE), native);
    assert_ne!(scene.version(), version);
    assert_ne!(scene.rollup.head().state_root, root);
    scene.goes_on();
}
