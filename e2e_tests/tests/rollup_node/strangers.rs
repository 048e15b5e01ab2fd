//! A rollup node that has another rollup, kernel, machine or chain than the node thinks: each ends
//! in an error that says so.

use double::Faults;
use e2e_tests::folder::Folder;
use e2e_tests::followed::{CHAIN_ID, Lab, call, level_with, number, originated, until};
use node::follower::{self, FollowError, Handle, Origin, StartError};
use pvm::Version;
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;

const OTHER: &str = "sr163Lv22CdE8QagCwf48PWDTquk6isQwv57";

const MACHINE: &str = "/readonly/wasm_version";

const KERNEL: &str = "/kernel/boot.wasm";

async fn refused(options: follower::Options) -> StartError {
    let started = follower::start(options, Default::default()).await;
    started.expect_err("it is refused")
}

/// Why a node ends.
async fn ends(mut node: Handle) -> FollowError {
    let patience = Duration::from_secs(60);
    let finished = tokio::time::timeout(patience, node.finished()).await;
    finished.expect("it ends");
    node.stop().expect_err("it says why")
}

fn says(path: &str, value: &[u8]) -> Faults {
    let value = Some(alloy_primitives::hex::encode(value));
    Faults {
        values: BTreeMap::from([(path.to_owned(), value)]),
        ..Faults::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_rollup_is_noticed_while_it_runs_and_after_a_restart() {
    let lab = Lab::new("other later", 1, |_| {}).await;
    let folder = Folder::new("other later store");
    let options = follower::Options {
        data_dir: Some(folder.0.clone()),
        ..lab.options()
    };
    let other = Faults {
        rollup: Some(OTHER.into()),
        ..Faults::default()
    };
    for _ in 0..2 {
        lab.double.set_faults(Faults::default());
        let node = lab.node_with(options.clone()).await;
        level_with(&node, &lab.double).await;
        // The rollup node is restarted with the data of another rollup.
        lab.double.set_faults(other.clone());
        lab.double.restart(true);
        let error = ends(node).await;
        let own = messages::address::print(messages::address::Kind::Sr1, &[7; 20]).unwrap();
        assert_eq!(
            error.to_string(),
            format!("the rollup node follows {OTHER}, not {own}")
        );
    }
    // With a store it starts without asking, and then it does.
    let node = lab.node_with(options).await;
    assert!(matches!(ends(node).await, FollowError::OtherRollup { .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_kernel_is_told_by_the_hashes_of_both() {
    let lab = Lab::new("other kernel", 1, |_| {}).await;
    let other = originated("other kernel here", &[]);
    // The same kernel under other settings: it differs in what it computes.
    let options = follower::Options {
        origin: Origin::Genesis {
            kernel: other.installer.clone(),
            level: double::Options::default().origination_level,
        },
        preimages: Some(other.pages.0.clone()),
        ..lab.options()
    };
    let error = refused(options).await.to_string();
    assert!(error.contains("differ in /evm/state/h: here "), "{error}");
    // A rollup node that runs another kernel.
    let mut faults = says(KERNEL, b"another kernel");
    let state = (String::from("/evm/state/h"), None);
    faults.values.extend([state]);
    lab.double.set_faults(faults);
    let error = refused(lab.options()).await.to_string();
    let hash = |bytes: &[u8]| alloy_primitives::hex::encode(messages::hash::blake2b_256(bytes));
    let (ours, theirs) = (hash(&e2e_tests::kernel()), hash(b"another kernel"));
    let both = format!("differ in the kernel, by its blake2b hash: here {ours}, there {theirs}");
    assert!(error.contains(&both), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_machine_is_run_as_it_is() {
    let lab = Lab::new("old machine", 1, |options| options.version = Version::V0).await;
    let node = lab.node().await;
    lab.double.levels(2).unwrap();
    level_with(&node, &lab.double).await;
    let latest = node.node().latest().unwrap();
    let state = latest.state.as_ref().unwrap();
    let version = state.get(MACHINE).unwrap().unwrap();
    assert_eq!(version.bytes(), Version::V0.name().as_bytes());
    assert_eq!(number(&node, "eth_chainId", json!([])).await, CHAIN_ID);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_cannot_be_is_refused() {
    let lab = Lab::new("new machine", 1, |_| {}).await;
    lab.double.set_faults(says(MACHINE, b"2.0.0-r99"));
    for origin in [lab.options().origin, Origin::Storage { level: None }] {
        let options = follower::Options {
            origin,
            ..lab.options()
        };
        let error = refused(options).await.to_string();
        assert!(error.contains("of version \"2.0.0-r99\""), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_that_goes_back_below_what_is_final_ends_the_node() {
    let lab = Lab::new("betrayed", 1, |options| options.finality = 2).await;
    let node = lab.node().await;
    lab.double.levels(8).unwrap();
    until("the node knows what is final", async || {
        let status = call(&node, "rollup_status", json!([])).await;
        status["finalized"] == 1_007
    })
    .await;
    lab.double.betray(6).unwrap();
    let error = ends(node).await;
    let FollowError::TooDeep { oldest } = error else {
        panic!("{error}");
    };
    assert_eq!(oldest, 1_007);
}
