//! The kernel replaces itself as governance decides, through compiled kernels:
//! the shipped one, its bytes changed, and the build for tests of traps, whose
//! layout is one further.

mod migrations;
mod scene;
mod traps;

use alloy_primitives::U256;
use e2e_tests::{kernel, layer1};
use pvm::Status;
use scene::{ROLLUP, SOMEBODY, Scene, decision, deposit, other_bytes, renamed, said};

const OLD: &str = "/evm/upgrade/old";

#[test]
fn an_upgrade_waits_for_its_time_and_runs_at_that_level() {
    let mut scene = Scene::new("time");
    let new = other_bytes(&kernel());
    let decided = scene.decide(&new, scene.rollup.timestamp() + 3);
    let report = scene.rollup.level_of(vec![decided.clone()]);
    assert!(said(&report, "an upgrade is decided"), "{:?}", report.debug);
    scene.goes_on();
    assert_eq!(scene.kernel(), kernel());
    assert!(scene.known().unwrap().pending);

    let report = scene.rollup.empty_level();
    assert_eq!(scene.kernel(), new);
    assert_eq!(report.status, Status::Yielded);
    // The new kernel starts at once.
    assert_eq!(report.runs.len(), 2, "{:?}", report.debug);
    assert!(!scene.known().unwrap().pending);
    assert_eq!(scene.value(OLD), Some(kernel()));
    scene.goes_on();

    // The same decision again does nothing.
    let report = scene.rollup.level_of(vec![decided]);
    assert!(said(&report, "known already"), "{:?}", report.debug);
    assert_eq!(report.runs.len(), 1);
    scene.goes_on();
}

#[test]
fn the_same_decision_twice_in_one_block_is_one() {
    let mut scene = Scene::new("twice");
    let new = other_bytes(&kernel());
    let decided = scene.decide(&new, i64::MAX);
    let report = scene.rollup.level_of(vec![decided.clone(), decided]);
    assert!(said(&report, "known already"), "{:?}", report.debug);
    // Another one replaces it.
    let other = scene.decide(&new, 0);
    scene.rollup.level_of(vec![other]);
    assert_eq!(scene.kernel(), new);
    assert!(!scene.known().unwrap().pending);
}

#[test]
fn nothing_of_the_same_level_is_lost() {
    let mut scene = Scene::new("level");
    let new = other_bytes(&kernel());
    let messages = vec![
        scene.pay(),
        scene.decide(&new, 0),
        deposit(),
        scene.pay(),
        deposit(),
    ];
    let mut twin = Scene::new("level-twin");
    let mut same = messages.clone();
    same[1] = decision([0x74; 20], &[0; 33], 0);
    let report = twin.rollup.level_of(same);
    assert!(
        said(&report, "its sender may not say this"),
        "{:?}",
        report.debug
    );
    assert_eq!(twin.kernel(), kernel());
    assert_eq!(twin.known(), None);

    scene.rollup.level_of(messages);
    assert_eq!(scene.kernel(), new);
    let paid = U256::from(2) * U256::from(1_000_000_000_001_u64);
    assert_eq!(scene.rollup.account(SOMEBODY).balance, paid);
    // The blocks are those of a level without an upgrade.
    assert_eq!(scene.rollup.head().hash, twin.rollup.head().hash);
    scene.goes_on();
}

#[test]
fn what_is_no_kernel_is_abandoned() {
    let kernel = kernel();
    let bad = [
        (
            "it is no wasm module",
            [&b"\0asm\x02"[..], &kernel[5..]].concat(),
        ),
        (
            "a section is cut short",
            kernel[..kernel.len() / 2].to_vec(),
        ),
        ("it is no wasm module", b"!".to_vec()),
        (
            "it exports no function kernel_run",
            renamed(&kernel, b"\x0akernel_run", b"\x0akernel_ran"),
        ),
    ];
    let mut scene = Scene::new("bad");
    for (reason, new) in bad {
        let messages = vec![scene.decide(&new, 0), deposit()];
        let before = scene.rollup.account(SOMEBODY).balance;
        let report = scene.rollup.level_of(messages);
        assert!(said(&report, "abandoned"), "{:?}", report.debug);
        assert!(said(&report, reason), "{reason}: {:?}", report.debug);
        assert_eq!((report.runs.len(), report.status), (1, Status::Yielded));
        assert_eq!(scene.kernel(), kernel);
        assert!(!scene.known().unwrap().pending);
        assert!(
            scene
                .rollup
                .durable()
                .values("/evm/upgrade")
                .unwrap()
                .is_empty()
        );
        assert!(scene.rollup.account(SOMEBODY).balance > before);
        scene.goes_on();
    }
}

#[test]
fn a_kernel_that_the_machine_refuses_is_undone_and_nothing_is_lost() {
    let mut scene = Scene::new("refused");
    // It looks like a kernel, but the machine has no such function.
    let new = renamed(&kernel(), b"\x0astore_copy", b"\x0astore_kopy");
    let messages = vec![scene.decide(&new, 0), deposit(), scene.pay()];
    let report = scene.rollup.level_of(messages);
    assert!(
        matches!(report.status, Status::UpgradeFailed { .. }),
        "{:?}",
        report.status
    );
    assert_eq!(scene.kernel(), kernel());
    assert!(!scene.known().unwrap().pending);
    let paid = U256::from(1_000_000_000_001_u64);
    assert_eq!(scene.rollup.account(SOMEBODY).balance, paid);
    scene.goes_on();
}

#[test]
fn a_page_that_nobody_has_holds_the_level_until_it_is_published() {
    let mut scene = Scene::new("missing");
    let new = other_bytes(&kernel());
    let decided = scene.decide(&new, 0);
    let missing = pvm::preimages::page_tree(&new).pages.swap_remove(7);
    let file = scene.pages.0.join(alloy_primitives::hex::encode(missing.0));
    std::fs::remove_file(file).unwrap();
    let messages = vec![decided, deposit()];
    let before = scene.rollup.durable().root_hash();
    let error = scene.rollup.try_level(messages.clone()).unwrap_err();
    assert!(matches!(error, pvm::Error::Reveal(_)), "{error}");
    assert_eq!(scene.rollup.durable().root_hash(), before);

    scene.pages.put(&missing.0, &missing.1);
    scene.rollup.level_of(messages);
    assert_eq!(scene.kernel(), new);
    scene.goes_on();
}

#[test]
fn pages_that_can_never_be_revealed_abandon_the_upgrade() {
    let mut scene = Scene::new("pages");
    // The machine answers an unknown scheme with no bytes at all.
    let page = [&[1, 0, 0, 0, 33][..], &[1; 33]].concat();
    let root = pvm::reveal::hash(&page);
    scene.pages.put(&root, &page);
    let decided = decision(layer1::GOVERNANCE, &root, 0);
    let report = scene.rollup.level_of(vec![decided]);
    assert!(
        said(&report, "abandoned: malformed page 010101"),
        "{:?}",
        report.debug
    );
    assert_eq!(scene.kernel(), kernel());
    scene.goes_on();
}

#[test]
fn what_is_no_decision_is_refused_with_a_reason() {
    let mut scene = Scene::new("payload");
    let governance = layer1::GOVERNANCE;
    let empty = layer1::governance(ROLLUP, governance, &[0xc0]);
    let report = scene.rollup.level_of(vec![empty]);
    assert!(said(&report, "no decision"), "{:?}", report.debug);
    let foreign = decision(governance, &[1; 33], 0);
    let report = scene.rollup.level_of(vec![foreign]);
    assert!(
        said(&report, "no hash of pages starts so"),
        "{:?}",
        report.debug
    );
    assert_eq!(scene.known(), None);
    scene.goes_on();
}
