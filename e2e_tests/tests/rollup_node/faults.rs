//! Rollup nodes that do not answer, answer half, forget, or wait.

use alloy_primitives::{Address, TxKind, U256, hex};
use double::Faults;
use e2e_tests::followed::{
    CHAIN_ID, Lab, call, health, ill, level_with, number, settle, until, well,
};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

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

/// More than an HTTP server takes at once: it goes in parts, and others do not wait behind it.
#[tokio::test(flavor = "multi_thread")]
async fn large_transactions_are_posted_in_parts() {
    let mut lab = Lab::new("large", 2, |_| {}).await;
    let node = lab.node().await;
    let mut hashes = Vec::new();
    let to = TxKind::Call(Address::repeat_byte(0x42));
    for _ in 0..20 {
        let data = vec![0x11; 120_000].into();
        let signed = lab.users[0].send(CHAIN_ID, to, U256::ZERO, data, 5_000_000);
        let raw = hex::encode_prefixed(signed.encode());
        call(&node, "eth_sendRawTransaction", json!([raw])).await;
        hashes.push(signed.hash);
    }
    let (hash, raw) = lab.transfer(1);
    call(&node, "eth_sendRawTransaction", json!([raw])).await;
    hashes.push(hash);
    settle(&lab, &node, &hashes).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_level_that_is_missing_is_waited_for() {
    let lab = Lab::new("missing", 1, |_| {}).await;
    let node = lab.node().await;
    lab.double.levels(2).unwrap();
    level_with(&node, &lab.double).await;
    lab.double.set_faults(Faults {
        missing: Some(1_005),
        ..Faults::default()
    });
    lab.double.levels(4).unwrap();
    ill(&node, "no block at level 1005").await;
    // Whether the level before it is followed hangs on when its head was heard of.
    until("the lag is told", async || {
        matches!(health(&node).1["lag"].as_u64(), Some(3 | 4))
    })
    .await;
    lab.double.set_faults(Faults::default());
    level_with(&node, &lab.double).await;
    well(&node).await;
    // The same far behind, where levels are asked for by their numbers.
    node.stop().unwrap();
    lab.double.levels(60).unwrap();
    lab.double.set_faults(Faults {
        missing: Some(1_040),
        ..Faults::default()
    });
    let node = lab.node().await;
    ill(&node, "no block at level 1040").await;
    lab.double.set_faults(Faults::default());
    level_with(&node, &lab.double).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_far_behind_stops_at_once() {
    let lab = Lab::new("stops", 1, |_| {}).await;
    let node = lab.node().await;
    level_with(&node, &lab.double).await;
    lab.double.levels(200).unwrap();
    // Each of them takes a while.
    lab.double.set_faults(Faults {
        delay_ms: 100,
        ..Faults::default()
    });
    until("it runs some of them", async || {
        number(&node, "eth_blockNumber", json!([])).await > 3
    })
    .await;
    let start = Instant::now();
    node.stop().unwrap();
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "{:.1?}",
        start.elapsed()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_ends_in_the_middle_of_a_line_is_opened_again() {
    let lab = Lab::new("cut", 1, |_| {}).await;
    let node = lab.node().await;
    for _ in 0..3 {
        lab.double.set_faults(Faults {
            cut: 2,
            ..Faults::default()
        });
        lab.double.levels(3).unwrap();
        level_with(&node, &lab.double).await;
    }
    well(&node).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_where_something_is_stops_nothing() {
    let lab = Lab::new("null", 1, |_| {}).await;
    let node = lab.node().await;
    level_with(&node, &lab.double).await;
    lab.double.set_faults(Faults {
        values: [("/evm/state/h".into(), None)].into(),
        ..Faults::default()
    });
    lab.double.levels(2).unwrap();
    ill(&node, "has no state of level 1002").await;
    assert_eq!(number(&node, "eth_blockNumber", json!([])).await, 0);
    lab.double.set_faults(Faults::default());
    level_with(&node, &lab.double).await;
    well(&node).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollup_node_that_says_nothing_is_told_of() {
    let lab = Lab::new("silent", 1, |_| {}).await;
    let options = node::follower::Options {
        patience: Duration::from_millis(500),
        ..lab.options()
    };
    let node = lab.node_with(options).await;
    level_with(&node, &lab.double).await;
    // It takes connections, and answers none.
    lab.double.set_faults(Faults {
        delay_ms: 600_000,
        ..Faults::default()
    });
    lab.double.restart(false);
    ill(&node, "the rollup node does not answer /").await;
    lab.double.set_faults(Faults::default());
    lab.double.levels(1).unwrap();
    level_with(&node, &lab.double).await;
    well(&node).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollup_node_behind_layer_1_is_told_of_and_followed() {
    let mut lab = Lab::new("behind", 1, |_| {}).await;
    let node = lab.node().await;
    level_with(&node, &lab.double).await;
    // Hours: layer 1 has gone on by itself.
    lab.double.set_faults(Faults {
        late: 720,
        ..Faults::default()
    });
    ill(&node, "720 levels behind layer 1").await;
    until("the lag is told", async || health(&node).1["lag"] == 720).await;
    let (hash, raw) = lab.transfer(0);
    call(&node, "eth_sendRawTransaction", json!([raw])).await;
    settle(&lab, &node, &[hash]).await;
    lab.double.set_faults(Faults {
        disconnected: true,
        ..Faults::default()
    });
    ill(&node, "has lost layer 1: it is reconnecting").await;
    lab.double.set_faults(Faults::default());
    well(&node).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_changes_timestamps_alone() {
    let mut lab = Lab::new("clock", 1, |_| {}).await;
    let node = lab.node().await;
    let mut last = 0;
    // A day ahead, back, before the origination, and back again.
    for clock in [0, 86_400, 0, -1_000_000_000, 0] {
        lab.double.set_faults(Faults {
            clock,
            ..Faults::default()
        });
        let (hash, raw) = lab.transfer(0);
        call(&node, "eth_sendRawTransaction", json!([raw])).await;
        settle(&lab, &node, &[hash]).await;
        lab.double.levels(1).unwrap();
        level_with(&node, &lab.double).await;
        let block = call(&node, "eth_getBlockByNumber", json!(["latest", false])).await;
        let time = block["timestamp"]
            .as_str()
            .unwrap()
            .trim_start_matches("0x");
        let time = u64::from_str_radix(time, 16).unwrap();
        assert!(time > last, "{time} after {last}");
        last = time;
        // What waits for its block has a time, too.
        let pending = call(&node, "eth_getBlockByNumber", json!(["pending", false])).await;
        assert!(pending["timestamp"].is_string(), "{pending}");
    }
    well(&node).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollup_node_that_starts_anew_gets_what_it_lost_and_nothing_twice() {
    let mut lab = Lab::new("anew", 1, |_| {}).await;
    let node = lab.node().await;
    let mut sent = 0;
    for lose in [false, true] {
        let (hash, raw) = lab.transfer(0);
        call(&node, "eth_sendRawTransaction", json!([raw])).await;
        until("the batcher has it", async || lab.double.waiting() > 0).await;
        lab.double.restart(lose);
        assert_eq!(lab.double.waiting(), usize::from(!lose));
        settle(&lab, &node, &[hash]).await;
        sent += 1;
        let from = json!([lab.users[0].address, "latest"]);
        assert_eq!(number(&node, "eth_getTransactionCount", from).await, sent);
    }
    well(&node).await;
}
