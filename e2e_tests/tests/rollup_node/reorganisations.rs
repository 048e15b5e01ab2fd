//! Layer 1 goes back and forth, and what is acknowledged is included once.

use crate::lab::{Lab, call, head, level_with, settle};
use alloy_primitives::{B256, U256};
use double::Faults;
use e2e_tests::folder::Folder;
use node::follower::{self, Handle};
use pvm::{Durable, Machine, Options};
use serde_json::json;
use std::collections::HashMap;

/// A generator of numbers that are the same on every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(0x5851_f42d_4c95_7f2d)
            .wrapping_add(0x1405_7b7e_f767_814f);
        (self.0 >> 33) % sides
    }
}

/// The number of steps of a run; set `REORGANISATION_STEPS` for more.
fn steps() -> u64 {
    let steps = std::env::var("REORGANISATION_STEPS").ok();
    steps.and_then(|steps| steps.parse().ok()).unwrap_or(80)
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_layer_1_does_each_transaction_is_included_once() {
    back_and_forth("reorganised", 7, None).await;
}

/// Restarts lose nothing: nobody gives the node its transactions again.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_layer_1_does_a_node_with_a_store_goes_on_where_it_was() {
    let folder = Folder::new("reorganised store");
    back_and_forth("reorganised stored", 11, Some(&folder)).await;
}

async fn back_and_forth(name: &str, seed: u64, store: Option<&Folder>) {
    let mut lab = Lab::new(name, 4, |options| options.finality = 12).await;
    let options = || follower::Options {
        data_dir: store.map(|folder| folder.0.clone()),
        ..lab.options()
    };
    let options = options();
    let mut node = lab.node_with(options.clone()).await;
    let mut dice = Dice(seed);
    let mut sent: Vec<B256> = Vec::new();
    let mut acknowledged: Vec<String> = Vec::new();
    for step in 0..steps() {
        for _ in 0..dice.roll(3) {
            let user = usize::try_from(dice.roll(4)).unwrap();
            let (hash, raw) = lab.transfer(user);
            call(&node, "eth_sendRawTransaction", json!([raw.clone()])).await;
            sent.push(hash);
            acknowledged.push(raw);
        }
        match dice.roll(12) {
            0..=5 => lab.double.levels(1).unwrap(),
            6..=8 => {
                let most = lab.double.level() - lab.double.finalised();
                let depth = 1 + u32::try_from(dice.roll(10)).unwrap();
                let lose = dice.roll(3) == 0;
                lab.double.reorganise(depth.min(most), lose).unwrap();
            }
            9 => lab.double.restart(dice.roll(2) == 0),
            10 => lab.double.set_faults(Faults {
                refuse: u32::try_from(dice.roll(3)).unwrap(),
                halve: u32::try_from(dice.roll(2)).unwrap(),
                forget: u32::try_from(dice.roll(2)).unwrap(),
                reverse: dice.roll(2) == 0,
                ..Faults::default()
            }),
            _ => {
                // The node starts anew; what it had acknowledged is given to it again.
                node.stop().unwrap();
                node = lab.node_with(options.clone()).await;
                level_with(&node, &lab.double).await;
                let lost = acknowledged.iter().filter(|_| store.is_none());
                for raw in lost {
                    let params = node::rpc::params::Params::new(vec![json!(raw)]);
                    let again = node::rpc::call(node.miner(), "eth_sendRawTransaction", params);
                    // Those that are included are refused: their nonce is used.
                    let _ = again.await;
                }
            }
        }
        if step % 4 == 0 {
            level_with(&node, &lab.double).await;
        }
    }
    lab.double.set_faults(Faults::default());
    settle(&lab, &node, &sent).await;
    each_once(&node, &sent);
    let replayed = replay(&lab);
    let latest = node.node().latest().unwrap();
    assert_eq!(
        storage::layout::HEAD.get(&replayed, &()).unwrap().unwrap(),
        head(&lab.double)
    );
    assert_eq!(latest.hash, head(&lab.double).hash);
    let paid = call(
        &node,
        "eth_getBalance",
        json!(["0x4242424242424242424242424242424242424242", "latest"]),
    )
    .await;
    assert_eq!(paid, json!(U256::from(sent.len())), "each pays 1 wei");
}

/// Each transaction is in one block of the chain.
fn each_once(node: &Handle, sent: &[B256]) {
    let mut count: HashMap<B256, u32> = HashMap::new();
    for block in node.node().blocks(0, u64::MAX).unwrap() {
        for included in &block.transactions {
            *count.entry(included.transaction.hash).or_default() += 1;
        }
    }
    for hash in sent {
        assert_eq!(count.get(hash), Some(&1), "{hash}");
    }
}

/// The state that a machine without a past comes to, on the branch that counts.
fn replay(lab: &Lab) -> Durable {
    let options = double::Options::default();
    let mut machine = Machine::new(
        &lab.originated.installer,
        Options {
            rollup: [7; 20],
            origination_level: options.origination_level,
            first_level: options.origination_level + 1,
            preimages: Some(lab.originated.pages.0.clone()),
            ..Options::default()
        },
    )
    .unwrap();
    for inbox in lab.double.inboxes() {
        machine.run_messages(inbox).unwrap();
    }
    machine.durable().clone()
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
