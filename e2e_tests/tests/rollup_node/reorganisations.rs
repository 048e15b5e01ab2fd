//! Layer 1 goes back and forth, and what is acknowledged is included once.

use e2e_tests::branches::{self, Plan};
use e2e_tests::followed::{Lab, call, level_with, settle};
use serde_json::json;

/// The levels of a run; `benches --bin load reorganisations` makes longer ones.
const LEVELS: u32 = 60;

#[tokio::test(flavor = "multi_thread")]
async fn whatever_layer_1_does_each_transaction_is_included_once() {
    let counts = branches::run(Plan {
        name: "reorganised",
        seed: 7,
        levels: LEVELS,
        stored: false,
    })
    .await;
    assert!(counts.reorganisations > 5, "{counts:?}");
}

/// Restarts lose nothing: nobody gives the node its transactions again.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_layer_1_does_a_node_with_a_store_goes_on_where_it_was() {
    let counts = branches::run(Plan {
        name: "reorganised stored",
        seed: 11,
        levels: LEVELS,
        stored: true,
    })
    .await;
    assert!(counts.node_restarts > 3, "{counts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_lost_branch_had_is_posted_again() {
    let mut lab = Lab::new("lost branch", 1, |_| {}).await;
    let node = lab.node().await;
    let (hash, raw) = lab.transfer(0);
    call(&node, "eth_sendRawTransaction", json!([raw])).await;
    settle(&lab, &node, &[hash]).await;
    let before = call(&node, "eth_getTransactionByHash", json!([hash])).await;
    lab.double.reorganise(1, true).unwrap();
    level_with(&node, &lab.double).await;
    let receipt = call(&node, "eth_getTransactionReceipt", json!([hash])).await;
    assert!(receipt.is_null(), "its block is gone: {receipt}");
    settle(&lab, &node, &[hash]).await;
    let after = call(&node, "eth_getTransactionByHash", json!([hash])).await;
    assert_ne!(before["blockHash"], after["blockHash"]);
}
