//! Layer 1 goes back and forth at random under a node, and both sides are started anew: what was
//! acknowledged is included once, and the blocks are those of a node that saw the last branch alone.

use crate::folder::Folder;
use crate::followed::{Lab, call, head, level_with, number, settle};
use alloy_primitives::{B256, U256};
use double::Faults;
use node::follower::{self, Handle};
use node::rpc::params::Params;
use serde_json::json;
use std::collections::HashMap;

/// The most levels that layer 1 goes back.
const DEEPEST: u32 = 10;

/// The levels after which one is final.
const FINALITY: u32 = 12;

/// The senders.
const SENDERS: usize = 4;

/// A generator of numbers that are the same on every run.
#[derive(Debug)]
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u32) -> u32 {
        self.0 = self
            .0
            .wrapping_mul(0x5851_f42d_4c95_7f2d)
            .wrapping_add(0x1405_7b7e_f767_814f);
        u32::try_from((self.0 >> 33) % u64::from(sides)).unwrap_or_default()
    }
}

/// A plan of random events.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Tells runs at a time apart.
    pub name: &'static str,
    /// The numbers that all is drawn from.
    pub seed: u64,
    /// The run ends at so many levels of the branch that counts.
    pub levels: u32,
    /// True if the node has a store: then a restart loses nothing, else it is given again what
    /// it had acknowledged.
    pub stored: bool,
}

/// Counts of the events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// The levels of the branch that counts.
    pub levels: u32,
    /// The levels that left it.
    pub gone: u32,
    /// The number of reorganisations.
    pub reorganisations: u32,
    /// The largest depth.
    pub deepest: u32,
    /// The number of restarts of the node.
    pub node_restarts: u32,
    /// The number of restarts of the rollup node.
    pub rollup_node_restarts: u32,
    /// The transactions, all acknowledged and included once.
    pub transactions: usize,
    /// The blocks that were compared.
    pub blocks: u64,
}

/// The state of a run.
struct Run<'l> {
    lab: &'l mut Lab,
    node: Option<Handle>,
    options: follower::Options,
    dice: Dice,
    sent: Vec<B256>,
    acknowledged: Vec<String>,
    counts: Counts,
}

/// Has all of it happen, and looks at what came of it.
///
/// # Panics
/// If a transaction is lost or included twice, or a block is another one.
pub async fn run(plan: Plan) -> Counts {
    let mut lab = Lab::new(plan.name, SENDERS, |options| options.finality = FINALITY).await;
    let store = plan
        .stored
        .then(|| Folder::new(&format!("{} store", plan.name)));
    let options = follower::Options {
        data_dir: store.as_ref().map(|folder| folder.0.clone()),
        ..lab.options()
    };
    let first = lab.double.level();
    let mut run = Run {
        node: Some(lab.node_with(options.clone()).await),
        lab: &mut lab,
        options,
        dice: Dice(plan.seed),
        sent: Vec::new(),
        acknowledged: Vec::new(),
        counts: Counts::default(),
    };
    let mut step = 0;
    while run.lab.double.level() - first < plan.levels {
        run.step(plan.stored).await;
        if step % 4 == 0 {
            level_with(run.node(), &run.lab.double).await;
        }
        step += 1;
    }
    run.lab.double.set_faults(Faults::default());
    settle(run.lab, run.node(), &run.sent).await;
    run.each_once();
    run.compare().await;
    run.counts.levels = run.lab.double.level() - first;
    run.counts.transactions = run.sent.len();
    let counts = run.counts;
    if let Some(node) = run.node.take() {
        node.stop().expect("nothing is wrong");
    }
    counts
}

impl Run<'_> {
    fn node(&self) -> &Handle {
        self.node.as_ref().expect("it runs but for a moment")
    }

    /// Some transactions, and something that happens to the rollup.
    async fn step(&mut self, stored: bool) {
        for _ in 0..self.dice.roll(3) {
            let user = self.dice.roll(4) as usize;
            let (hash, raw) = self.lab.transfer(user);
            call(self.node(), "eth_sendRawTransaction", json!([raw.clone()])).await;
            self.sent.push(hash);
            self.acknowledged.push(raw);
        }
        match self.dice.roll(12) {
            0..=5 => self.lab.double.levels(1).expect("a level"),
            6..=8 => {
                let most = self.lab.double.level() - self.lab.double.finalised();
                let depth = (1 + self.dice.roll(DEEPEST)).min(most);
                let lose = self.dice.roll(3) == 0;
                self.lab.double.reorganise(depth, lose).expect("not final");
                if depth > 0 {
                    self.counts.reorganisations += 1;
                    self.counts.gone += depth;
                    self.counts.deepest = self.counts.deepest.max(depth);
                }
            }
            9 => {
                self.lab.double.restart(self.dice.roll(2) == 0);
                self.counts.rollup_node_restarts += 1;
            }
            10 => self.lab.double.set_faults(Faults {
                refuse: self.dice.roll(3),
                halve: self.dice.roll(2),
                forget: self.dice.roll(2),
                cut: self.dice.roll(2),
                reverse: self.dice.roll(2) == 0,
                ..Faults::default()
            }),
            _ => self.restart(stored).await,
        }
    }

    /// The node starts anew.
    async fn restart(&mut self, stored: bool) {
        self.counts.node_restarts += 1;
        if let Some(node) = self.node.take() {
            node.stop().expect("nothing is wrong");
        }
        let node = self.lab.node_with(self.options.clone()).await;
        level_with(&node, &self.lab.double).await;
        let lost = self.acknowledged.iter().filter(|_| !stored);
        for raw in lost {
            let again = Params::new(vec![json!(raw)]);
            // Those that are included are refused: their nonce is used.
            let _ = node::rpc::call(node.miner(), "eth_sendRawTransaction", again).await;
        }
        self.node = Some(node);
    }

    /// Each transaction is in one block of the chain.
    fn each_once(&self) {
        let mut count: HashMap<B256, u32> = HashMap::new();
        let blocks = self.node().node().blocks(0, u64::MAX).expect("blocks");
        for block in blocks {
            for included in &block.transactions {
                *count.entry(included.transaction.hash).or_default() += 1;
            }
        }
        for hash in &self.sent {
            assert_eq!(count.get(hash), Some(&1), "{hash}");
        }
    }

    /// The blocks and receipts are those of a node that starts now, and has seen no other
    /// branch.
    async fn compare(&mut self) {
        let other = self.lab.node().await;
        level_with(&other, &self.lab.double).await;
        let newest = number(self.node(), "eth_blockNumber", json!([])).await;
        for block in 0..=newest {
            let block = format!("{block:#x}");
            for (method, params) in [
                ("eth_getBlockByNumber", json!([block, true])),
                ("eth_getBlockReceipts", json!([block])),
            ] {
                let ours = call(self.node(), method, params.clone()).await;
                assert!(!ours.is_null(), "{block}");
                assert_eq!(ours, call(&other, method, params).await, "{block}");
            }
        }
        self.counts.blocks = newest + 1;
        let latest = self.node().node().latest().expect("a block");
        assert_eq!(latest.hash, head(&self.lab.double).hash);
        let receiver = json!(["0x4242424242424242424242424242424242424242", "latest"]);
        let paid = call(self.node(), "eth_getBalance", receiver).await;
        assert_eq!(paid, json!(U256::from(self.sent.len())), "each pays 1 wei");
        other.stop().expect("nothing is wrong");
    }
}
