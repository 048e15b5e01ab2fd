//! A node with a store goes on where it stopped.

use alloy_primitives::{B256, U256};
use e2e_tests::folder::Folder;
use e2e_tests::followed::{CHAIN_ID, Lab, call, level_with, number, originated, settle, until};
use node::folder_file;
use node::follower::{self, Handle, Origin, StartError};
use node::store::StoreError;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

fn options(lab: &Lab, folder: &Folder) -> follower::Options {
    follower::Options {
        data_dir: Some(folder.0.clone()),
        ..lab.options()
    }
}

async fn refused(options: follower::Options) -> StartError {
    let stop = Arc::new(AtomicBool::new(false));
    follower::start(options, stop).await.expect_err("refused")
}

async fn balance(node: &Handle) -> serde_json::Value {
    let address = "0x4242424242424242424242424242424242424242";
    call(node, "eth_getBalance", json!([address, "latest"])).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_is_posted_after_a_restart_and_included_once() {
    let mut lab = Lab::new("stored", 1, |_| {}).await;
    let folder = Folder::new("stored node");
    let node = lab.node_with(options(&lab, &folder)).await;
    let (first, raw) = lab.transfer(0);
    call(&node, "eth_sendRawTransaction", json!([raw])).await;
    settle(&lab, &node, &[first]).await;
    // The rollup node is restarted, and loses what the node posts.
    let (second, raw) = lab.transfer(0);
    let (third, parked) = (lab.transfer(0), lab.transfer(0)).1;
    call(&node, "eth_sendRawTransaction", json!([raw])).await;
    call(&node, "eth_sendRawTransaction", json!([parked])).await;
    until("it is posted", async || lab.double.waiting() > 0).await;
    let block = number(&node, "eth_blockNumber", json!([])).await;
    node.stop().unwrap();
    lab.double.restart(true);
    let start = Instant::now();
    let node = lab.node_with(options(&lab, &folder)).await;
    println!("start with a store: {:.1?}", start.elapsed());
    assert_eq!(number(&node, "eth_blockNumber", json!([])).await, block);
    let receipt = call(&node, "eth_getTransactionReceipt", json!([first])).await;
    assert_eq!(receipt["status"], "0x1");
    settle(&lab, &node, &[second]).await;
    assert_eq!(balance(&node).await, json!(U256::from(2)));
    // The one behind a gap still waits for it.
    let waits = call(&node, "eth_getTransactionByHash", json!([third])).await;
    assert!(
        waits["blockNumber"].is_null() && !waits.is_null(),
        "{waits}"
    );
    // States of earlier blocks are there.
    let before = json!(["0x4242424242424242424242424242424242424242", "0x0"]);
    assert_eq!(call(&node, "eth_getBalance", before).await, "0x0");
    node.stop().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_branch_that_left_while_the_node_was_away_leaves_the_store() {
    let mut lab = Lab::new("stored branch", 1, |options| options.finality = 8).await;
    let folder = Folder::new("stored branch store");
    let node = lab.node_with(options(&lab, &folder)).await;
    lab.double.levels(3).unwrap();
    level_with(&node, &lab.double).await;
    let (hash, raw) = lab.transfer(0);
    call(&node, "eth_sendRawTransaction", json!([raw])).await;
    settle(&lab, &node, &[hash]).await;
    let gone: B256 = node.node().latest().unwrap().hash;
    node.stop().unwrap();
    // The batcher loses the transaction with the levels.
    lab.double.reorganise(3, true).unwrap();
    let node = lab.node_with(options(&lab, &folder)).await;
    level_with(&node, &lab.double).await;
    let found = call(&node, "eth_getBlockByHash", json!([gone, false])).await;
    assert!(found.is_null(), "{found}");
    settle(&lab, &node, &[hash]).await;
    assert_eq!(balance(&node).await, json!(U256::from(1)));
    node.stop().unwrap();
}

/// Blocks that layer 1 took back, and the node stops before another one has their
/// transactions.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_branch_took_along_is_posted_after_a_restart() {
    let mut lab = Lab::new("stored taken", 1, |options| options.finality = 8).await;
    let folder = Folder::new("stored taken store");
    let node = lab.node_with(options(&lab, &folder)).await;
    lab.double.levels(3).unwrap();
    let (hash, raw) = lab.transfer(0);
    call(&node, "eth_sendRawTransaction", json!([raw])).await;
    settle(&lab, &node, &[hash]).await;
    lab.double.reorganise(3, true).unwrap();
    level_with(&node, &lab.double).await;
    node.stop().unwrap();
    lab.double.restart(true);
    let node = lab.node_with(options(&lab, &folder)).await;
    settle(&lab, &node, &[hash]).await;
    assert_eq!(balance(&node).await, json!(U256::from(1)));
    node.stop().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn it_serves_what_it_has_while_the_rollup_node_is_away() {
    let lab = Lab::new("stored alone", 1, |_| {}).await;
    let folder = Folder::new("stored alone store");
    let node = lab.node_with(options(&lab, &folder)).await;
    lab.double.levels(2).unwrap();
    level_with(&node, &lab.double).await;
    node.stop().unwrap();
    let mut away = options(&lab, &folder);
    // Nobody listens there.
    away.rollup_node = "http://127.0.0.1:9".into();
    let node = lab.node_with(away).await;
    assert_eq!(number(&node, "eth_blockNumber", json!([])).await, 2);
    assert_eq!(number(&node, "eth_chainId", json!([])).await, CHAIN_ID);
    node.stop().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_store_of_another_or_in_use_is_refused() {
    let lab = Lab::new("stored other", 1, |_| {}).await;
    let folder = Folder::new("stored other store");
    let node = lab.node_with(options(&lab, &folder)).await;
    let error = refused(options(&lab, &folder)).await;
    assert!(
        matches!(error, StartError::Store(StoreError::InUse(_))),
        "{error}"
    );
    assert!(
        error.to_string().contains("another node uses the store"),
        "{error}"
    );
    node.stop().unwrap();
    let what = |error: StartError| match error {
        StartError::Store(StoreError::Other { what, .. }) => what,
        error => panic!("{error}"),
    };
    let rich = originated("stored other kernel", &[]);
    let mut other = options(&lab, &folder);
    other.origin = Origin::Genesis {
        kernel: rich.installer.clone(),
        level: double::Options::default().origination_level,
    };
    let error = refused(other).await;
    let hash = |kernel: &[u8]| alloy_primitives::hex::encode(messages::hash::blake2b_256(kernel));
    let told = format!(
        "another installer or kernel at the origination: blake2b {} there, blake2b {} here",
        hash(&lab.originated.installer),
        hash(&rich.installer)
    );
    assert!(error.to_string().contains(&told), "{error}");
    assert_eq!(what(error), "installer or kernel at the origination");
    let mut other = options(&lab, &folder);
    let level = double::Options::default().origination_level + 1;
    let kernel = lab.originated.installer.clone();
    other.origin = Origin::Genesis { kernel, level };
    let error = refused(other).await;
    let told = format!(
        "origination level {} there, origination level {level} here",
        level - 1
    );
    assert!(error.to_string().contains(&told), "{error}");
    assert_eq!(what(error), "genesis");
    let mut other = options(&lab, &folder);
    other.rollup = Some(messages::address::print(messages::address::Kind::Sr1, &[8; 20]).unwrap());
    assert_eq!(what(refused(other).await), "rollup");
    let node = lab.node_with(options(&lab, &folder)).await;
    node.stop().unwrap();
}

/// A folder that is made from another one's snapshot is gone on from; what was changed on the way
/// is refused.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_goes_on_from_a_snapshot_of_another_ones_folder() {
    let mut lab = Lab::new("moved", 1, |_| {}).await;
    let (folder, other) = (Folder::new("moved from"), Folder::new("moved to"));
    let node = lab.node_with(options(&lab, &folder)).await;
    let (first, raw) = lab.transfer(0);
    call(&node, "eth_sendRawTransaction", json!([raw])).await;
    settle(&lab, &node, &[first]).await;
    lab.double.levels(3).unwrap();
    level_with(&node, &lab.double).await;
    let block = number(&node, "eth_blockNumber", json!([])).await;
    node.stop().unwrap();
    let mut file = Vec::new();
    let facts = folder_file::export(&folder.0, None, &mut file).unwrap();
    assert_eq!(facts.newest, block);
    let import = |file: &[u8], root| folder_file::import(file, 1 << 30, &other.0, root);
    for place in (0..file.len()).step_by(file.len() / 40) {
        let mut changed = file.clone();
        changed[place] ^= 4;
        assert!(import(&changed, None).is_err(), "{place}");
        assert!(import(&file[..place], None).is_err(), "{place}");
    }
    assert!(import(&file, Some([7; 32])).is_err());
    assert!(import(&file[..file.len() - 1], None).is_err());
    assert_eq!(import(&file, Some(facts.root)).unwrap(), facts);
    assert!(import(&file, None).is_err(), "there is a store");
    let start = Instant::now();
    let node = lab.node_with(options(&lab, &other)).await;
    println!("start from a snapshot: {:.1?}", start.elapsed());
    assert_eq!(number(&node, "eth_blockNumber", json!([])).await, block);
    let receipt = call(&node, "eth_getTransactionReceipt", json!([first])).await;
    assert_eq!(receipt["status"], "0x1");
    let (second, raw) = lab.transfer(0);
    call(&node, "eth_sendRawTransaction", json!([raw])).await;
    settle(&lab, &node, &[second]).await;
    assert_eq!(balance(&node).await, json!(U256::from(2)));
    node.stop().unwrap();
}
