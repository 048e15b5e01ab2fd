//! A rollup behind a double, and a node in front of it.

use alloy_primitives::{Address, B256, TxKind, U256, hex};
use double::{Double, Options, Running};
use e2e_tests::User;
use e2e_tests::folder::Folder;
use e2e_tests::{kernel, module};
use layer1::devnet::{self, Contracts};
use node::follower::{self, Handle, Origin};
use node::genesis::{Genesis, GenesisAccount};
use node::rpc::params::Params;
use pvm::installer::Installer;
use pvm::setup::Instruction;
use serde_json::{Value, json};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

/// The chain of these tests.
pub(crate) const CHAIN_ID: u64 = 421_337;

/// How long something may take before a test fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// What was originated.
pub(crate) struct Originated {
    pub(crate) installer: Vec<u8>,
    pub(crate) pages: Folder,
}

/// An installer of the shipped kernel in which `users` are rich; its pages are in a folder.
pub(crate) fn originated(name: &str, users: &[Address]) -> Originated {
    let contracts = Contracts::default();
    let mut genesis = Genesis::default();
    genesis.config.chain_id = CHAIN_ID;
    genesis.config.ticketer = Some(contracts.exchanger);
    genesis.config.delayed_bridge = Some(contracts.delayed_inbox);
    genesis.config.kernel_governance = Some(contracts.governance);
    for user in users {
        let account = GenesisAccount {
            balance: U256::from(1_000_000_000_000_000_000_000_u128),
            ..GenesisAccount::default()
        };
        genesis.alloc.insert(*user, account);
    }
    let setup = genesis.setup().unwrap().into_iter();
    let setup: Vec<Instruction> = setup
        .map(|set| Instruction::Set {
            value: set.value,
            to: set.to,
        })
        .collect();
    let made = Installer::new(&module("installer_kernel.wasm"), &kernel(), &setup).unwrap();
    let pages = Folder::new(name);
    for (hash, page) in &made.pages {
        pages.put(hash, page);
    }
    Originated {
        installer: made.module,
        pages,
    }
}

/// All of it.
pub(crate) struct Lab {
    pub(crate) double: Double,
    pub(crate) running: Running,
    pub(crate) originated: Originated,
    pub(crate) users: Vec<User>,
}

impl Lab {
    /// A double that has made one level, with so many rich users.
    pub(crate) async fn new(name: &str, users: usize, change: impl FnOnce(&mut Options)) -> Self {
        let users: Vec<User> = (0..users)
            .map(|index| User::new(&format!("{name} {index}")))
            .collect();
        let addresses: Vec<Address> = users.iter().map(|user| user.address).collect();
        let originated = originated(name, &addresses);
        let mut options = Options {
            rollup: [7; 20],
            preimages: Some(originated.pages.0.clone()),
            timestamp: Some(1_700_000_000),
            ..Options::default()
        };
        change(&mut options);
        let double = Double::new(&originated.installer, options).unwrap();
        double.levels(1).unwrap();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let running = double.serve(address, None).await.unwrap();
        Self {
            double,
            running,
            originated,
            users,
        }
    }

    /// The options of a node that runs all levels.
    pub(crate) fn options(&self) -> follower::Options {
        follower::Options {
            preimages: Some(self.originated.pages.0.clone()),
            ..follower::Options::new(
                self.running.url(),
                Origin::Genesis {
                    kernel: self.originated.installer.clone(),
                    level: Options::default().origination_level,
                },
            )
        }
    }

    /// A node in front of it.
    pub(crate) async fn node(&self) -> Handle {
        self.node_with(self.options()).await
    }

    pub(crate) async fn node_with(&self, options: follower::Options) -> Handle {
        let stop = Arc::new(AtomicBool::new(false));
        follower::start(options, stop).await.unwrap()
    }

    /// A signed transfer of 1 wei by a user, with its next nonce.
    pub(crate) fn transfer(&mut self, user: usize) -> (B256, String) {
        let to = TxKind::Call(Address::repeat_byte(0x42));
        let signed = self.users[user].send(CHAIN_ID, to, U256::from(1), Vec::new().into(), 21_000);
        (signed.hash, hex::encode_prefixed(signed.encode()))
    }

    /// A deposit of mutez, in the next level.
    pub(crate) fn deposit(&self, receiver: Address, mutez: u64) {
        let bridge = Contracts::default().bridge;
        let call = layer1::contracts::Bridge::deposit(
            bridge,
            [7; 20],
            receiver.to_vec(),
            layer1::Mutez(mutez),
        );
        self.double
            .operate(devnet::accounts()[0], vec![call])
            .unwrap();
    }
}

/// Asks a node.
pub(crate) async fn call(node: &Handle, method: &str, params: Value) -> Value {
    let Value::Array(list) = params.clone() else {
        panic!("params are a list")
    };
    match node::rpc::call(node.miner(), method, Params::new(list)).await {
        Ok(result) => result,
        Err(error) => panic!("{method} {params}: {error:?}"),
    }
}

/// A quantity of an answer.
pub(crate) async fn number(node: &Handle, method: &str, params: Value) -> u64 {
    let answer = call(node, method, params).await;
    u64::from_str_radix(answer.as_str().unwrap().trim_start_matches("0x"), 16).unwrap()
}

/// Waits until `done`.
pub(crate) async fn until(what: &str, mut done: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !done().await {
        assert!(start.elapsed() < PATIENCE, "{what} does not happen");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// The head of the chain that the double's rollup has, as the kernel keeps it.
pub(crate) fn head(double: &Double) -> storage::Head {
    storage::layout::HEAD
        .get(&double.durable(), &())
        .unwrap()
        .unwrap()
}

/// Waits until the node is where the double is.
pub(crate) async fn level_with(node: &Handle, double: &Double) {
    let wanted = head(double).hash;
    until("the node follows", async || {
        assert!(!node.has_ended(), "the node ended");
        node.node()
            .latest()
            .is_ok_and(|latest| latest.hash == wanted)
    })
    .await;
}

/// Makes levels until the node has a receipt of each transaction.
pub(crate) async fn settle(lab: &Lab, node: &Handle, hashes: &[B256]) {
    for _ in 0..100 {
        level_with(node, &lab.double).await;
        let mut missing = 0;
        for hash in hashes {
            let receipt = call(node, "eth_getTransactionReceipt", json!([hash])).await;
            missing += usize::from(receipt.is_null());
        }
        if missing == 0 {
            return;
        }
        // What is ready is posted in a moment.
        tokio::time::sleep(Duration::from_millis(200)).await;
        lab.double.levels(1).unwrap();
    }
    panic!("transactions are missing after 100 levels");
}
