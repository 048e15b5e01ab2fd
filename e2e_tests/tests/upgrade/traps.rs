//! A trap after any host call of an upgrade's level ends well.

use super::scene::{Scene, deposit};
use e2e_tests::layer1::GOVERNANCE;
use e2e_tests::{Build, module};
use host::mock::{Level, MockHost};
use host::{Metadata, reserved};
use pvm::{Metering, Status};
use storage::layout::{HEAD, UPGRADE};
use storage::table::Value;
use storage::{Config, Upgrade};

const ROLLUP: [u8; 20] = [0x5a; 20];
const KERNEL: &[u8] = b"/kernel/boot.wasm";
const TIME: i64 = 1_000;

/// The mocked machine with an upgrade to a small kernel pending; natively, our
/// code goes on as the new kernel. Gives the new kernel, too.
fn pending() -> (MockHost, Vec<u8>) {
    let mut host = MockHost::default().with_metadata(Metadata {
        address: ROLLUP,
        origination_level: 0,
    });
    let config = Config {
        kernel_governance: Some(GOVERNANCE),
        ..Config::default()
    };
    for (name, value) in config.to_setup() {
        host.set(format!("/evm/config/{name}").as_bytes(), &value);
    }
    host.set(KERNEL, &module("installer_kernel.wasm"));
    level(&mut host, TIME - 1);
    let new = module("echo_and_count.wasm");
    let tree = pvm::preimages::page_tree(&new);
    for (_, page) in &tree.pages {
        host.add_preimage(page);
    }
    let upgrade = Upgrade {
        root: tree.root,
        time: TIME,
        pending: true,
    };
    let mut head = HEAD.get(&host, &()).unwrap().unwrap();
    head.upgrade = true;
    host.set(b"/evm/state/h", &head.encode());
    host.set(b"/evm/state/u", &upgrade.encode());
    (host, new)
}

fn level(host: &mut MockHost, timestamp: i64) -> host::mock::Ended {
    let level = Level {
        timestamp,
        ..Level::default()
    };
    host.run_level(&level, evm_kernel::mock_kernel_run)
}

fn value(host: &MockHost, path: &[u8]) -> Option<Vec<u8>> {
    host.values().remove(path)
}

#[test]
fn a_trap_after_any_host_call_of_the_upgrade_leaves_it_made_once() {
    let (host, new) = pending();
    let old = module("installer_kernel.wasm");
    let mut whole = host.clone();
    let ended = level(&mut whole, TIME);
    assert_eq!((ended.runs, ended.traps), (2, 0), "{}", whole.debug_log());
    let calls = whole.total_calls() - host.total_calls();
    assert!(calls > 40, "{calls}");
    let state = |host: &MockHost| {
        let mut values = host.values();
        values.retain(|path, _| path.starts_with(b"/evm/state") || path.starts_with(b"/kernel/b"));
        values
    };
    level(&mut whole, TIME + 1);
    let expected = state(&whole);
    let mut same = 0;
    for call in 1..=calls {
        let mut host = host.clone();
        host.trap_after(call);
        let ended = level(&mut host, TIME);
        assert_eq!(ended.traps, 1, "call {call}");
        level(&mut host, TIME + 1);
        assert_eq!(value(&host, KERNEL), Some(new.clone()), "call {call}");
        let kept = value(&host, b"/evm/upgrade/old");
        assert_eq!(kept, Some(old.clone()), "call {call}");
        let upgrade = UPGRADE.get(&host, &()).unwrap().unwrap();
        assert!(!upgrade.pending, "call {call}");
        let head = HEAD.get(&host, &()).unwrap().unwrap();
        assert!(!head.upgrade, "call {call}");
        assert_eq!(value(&host, b"/evm/upgrade/new"), None, "call {call}");
        same += usize::from(state(&host) == expected);
    }
    // All but those that lose what layer 1 says of the level.
    assert!(same as u64 >= calls - 2, "{same} of {calls}");
}

#[test]
fn without_reboots_to_spare_the_upgrade_waits() {
    let (mut host, new) = pending();
    let now = Level {
        timestamp: TIME,
        ..Level::default()
    };
    host.run_level(&now, |host| {
        let counter = reserved::REBOOT_COUNTER.as_bytes();
        host.set(counter, &7_i32.to_le_bytes());
        evm_kernel::mock_kernel_run(host);
    });
    assert!(UPGRADE.get(&host, &()).unwrap().unwrap().pending);
    assert_ne!(value(&host, KERNEL), Some(new.clone()));
    level(&mut host, TIME + 1);
    assert!(!UPGRADE.get(&host, &()).unwrap().unwrap().pending);
    assert_eq!(value(&host, KERNEL), Some(new));
}

/// The number of the next run's host call that reveals first, if it does.
fn first_reveal(host: &MockHost) -> Option<u64> {
    let reveals = |host: &MockHost| host.calls().get("reveal_preimage").copied();
    let trial = |call: &u64| {
        let mut host = host.clone();
        host.trap_after(*call);
        host.until_trap(evm_kernel::mock_kernel_run);
        reveals(&host)
    };
    (1..100).find(|call| trial(call) > reveals(host))
}

#[test]
fn an_upgrade_that_traps_twice_is_abandoned() {
    let (mut host, _) = pending();
    let now = Level {
        timestamp: TIME,
        ..Level::default()
    };
    let ended = host.run_level(&now, |host| {
        if let Some(call) = first_reveal(host) {
            host.trap_after(call);
        }
        evm_kernel::mock_kernel_run(host);
    });
    assert_eq!((ended.traps, ended.runs), (2, 3), "{}", host.debug_log());
    let log = host.debug_log();
    assert!(log.contains("abandoned: it traps"), "{log}");
    let old = module("installer_kernel.wasm");
    assert_eq!(value(&host, KERNEL), Some(old));
    assert!(!UPGRADE.get(&host, &()).unwrap().unwrap().pending);
}

/// On the compiled kernels, with a migration: a trap here and there.
#[test]
fn a_trap_on_the_way_to_another_layout_changes_nothing() {
    let mut whole = Scene::metered("anywhere", Metering::Full);
    let start = whole.rollup.durable().clone();
    let new = Build::Traps.wasm();
    let messages = vec![whole.decide(&new, 0), deposit(), whole.pay()];
    let report = whole.rollup.level_of(messages.clone());
    let made = report.runs.iter().flat_map(|run| &run.host_calls);
    let calls: u64 = made
        .filter(|(name, _)| *name != "write_debug")
        .map(|(_, count)| count)
        .sum();
    assert!(calls > 1_000, "{calls}");
    let expected = whole.rollup.durable().values("/evm/state").unwrap();
    // Here and there in the revealing; then the move, what settles it, and the
    // migration.
    let sampled = (1..10).map(|part| 60 + (calls - 120) * part / 10);
    for call in sampled.chain(calls - 60..calls) {
        let mut rollup = whole.again(start.clone());
        rollup.trap_after(call);
        let report = rollup.level_with_traps(messages.clone());
        assert_eq!(report.status, Status::Yielded, "call {call}");
        let trapped = report.runs.iter().filter(|run| run.trapped()).count();
        assert_eq!(trapped, 1, "call {call}");
        let kernel = rollup.durable().get("/kernel/boot.wasm").unwrap().unwrap();
        assert!(kernel.to_vec() == new, "call {call}");
        let values = rollup.durable().values("/evm/state").unwrap();
        assert!(values == expected, "call {call}");
    }
}
