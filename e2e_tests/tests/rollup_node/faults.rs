//! Rollup nodes that do not answer, answer half, forget, or wait.

use crate::lab::{CHAIN_ID, Lab, call, level_with, number, settle, until};
use alloy_primitives::{Address, TxKind, U256, hex};
use double::Faults;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn refusals_and_half_answers_are_survived() {
    let lab = Lab::new("halves", 1, |_| {}).await;
    let node = lab.node().await;
    for (refuse, halve) in [(3, 0), (0, 2), (1, 1)] {
        lab.double.set_faults(Faults {
            refuse,
            halve,
            ..Faults::default()
        });
        lab.double.levels(3).unwrap();
        level_with(&node, &lab.double).await;
    }
    assert_eq!(number(&node, "eth_blockNumber", json!([])).await, 9);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batcher_that_forgets_is_given_it_again() {
    let mut lab = Lab::new("forgets", 1, |_| {}).await;
    let node = lab.node().await;
    lab.double.set_faults(Faults {
        forget: 1,
        ..Faults::default()
    });
    let (hash, raw) = lab.transfer(0);
    call(&node, "eth_sendRawTransaction", json!([raw])).await;
    settle(&lab, &node, &[hash]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_ends_is_opened_again() {
    let lab = Lab::new("ends", 1, |_| {}).await;
    let node = lab.node().await;
    for _ in 0..3 {
        lab.double.restart(false);
        lab.double.levels(2).unwrap();
        level_with(&node, &lab.double).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_are_answered_while_the_rollup_node_is_slow() {
    let lab = Lab::new("slow", 1, |_| {}).await;
    let node = lab.node().await;
    lab.double.set_faults(Faults {
        delay_ms: 300,
        ..Faults::default()
    });
    lab.double.levels(1).unwrap();
    // Many answers while one question of the follower waits.
    for _ in 0..100 {
        number(&node, "eth_blockNumber", json!([])).await;
    }
    level_with(&node, &lab.double).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_page_is_waited_for() {
    let lab = Lab::new("page", 1, |_| {}).await;
    let hidden = e2e_tests::folder::Folder::new("no pages");
    let mut options = lab.options();
    options.preimages = Some(hidden.0.clone());
    let stop = Arc::new(AtomicBool::new(false));
    let starting = tokio::spawn(node::follower::start(options, Arc::clone(&stop)));
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!starting.is_finished(), "it waits");
    for page in std::fs::read_dir(&lab.originated.pages.0).unwrap() {
        let page = page.unwrap();
        std::fs::copy(page.path(), hidden.0.join(page.file_name())).unwrap();
    }
    let node = starting.await.unwrap().unwrap();
    level_with(&node, &lab.double).await;
    stop.store(true, Ordering::Relaxed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_waits_for_a_rollup_node_that_is_not_there_yet() {
    let lab = Lab::new("not there", 1, |_| {}).await;
    lab.double.set_faults(Faults {
        refuse: 2,
        ..Faults::default()
    });
    let node = lab.node().await;
    until("it is there", async || {
        number(&node, "eth_blockNumber", json!([])).await == 0
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_its_sender_can_no_longer_pay_is_not_posted_for_ever() {
    let mut lab = Lab::new("unfunded", 1, |_| {}).await;
    let (first, second) = (lab.node().await, lab.node().await);
    let most = U256::from(700_000_000_000_000_000_000_u128);
    let mut raw = || {
        let to = TxKind::Call(Address::repeat_byte(0x42));
        let signed = lab.users[0].send(CHAIN_ID, to, most, Vec::new().into(), 21_000);
        (signed.hash, hex::encode_prefixed(signed.encode()))
    };
    // Each node sees one of them alone, and takes it: together they are too much.
    let ((paid, one), (unpaid, two)) = (raw(), raw());
    call(&first, "eth_sendRawTransaction", json!([one])).await;
    call(&second, "eth_sendRawTransaction", json!([two])).await;
    settle(&lab, &first, &[paid]).await;
    let (mut posted, mut levels) = (0, 0);
    until("it leaves the pool", async || {
        tokio::time::sleep(Duration::from_millis(150)).await;
        posted += lab.double.waiting();
        levels += 1;
        lab.double.levels(1).unwrap();
        level_with(&second, &lab.double).await;
        let found = call(&second, "eth_getTransactionByHash", json!([unpaid])).await;
        found.is_null()
    })
    .await;
    assert!(posted <= 2, "posted {posted} times in {levels} levels");
}
