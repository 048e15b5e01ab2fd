//! A rollup behind a double, and a node in front of it.
#![expect(
    clippy::missing_panics_doc,
    reason = "helpers of tests: what goes wrong ends the test"
)]

use crate::folder::Folder;
use crate::{User, kernel, module};
use alloy_primitives::{Address, B256, TxKind, U256, hex};
use double::{Double, Options, Running};
use layer1::devnet::{self, Contracts};
use node::follower::{self, Handle, Origin};
use node::genesis::{Genesis, GenesisAccount};
use node::rpc::params::Params;
use pvm::installer::Installer;
use pvm::setup::Instruction;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

/// The chain of these tests.
pub const CHAIN_ID: u64 = 421_337;

/// The time limit of an event in a test: a node without a store runs all levels again,
/// on a machine that may be busy.
const PATIENCE: Duration = Duration::from_secs(240);

/// An originated rollup.
#[derive(Debug)]
pub struct Originated {
    /// The installer.
    pub installer: Vec<u8>,
    /// Its pages.
    pub pages: Folder,
}

/// An installer of the shipped kernel in which `users` are rich; its pages are in a folder.
#[must_use]
pub fn originated(name: &str, users: &[Address]) -> Originated {
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
    let setup = genesis.setup().expect("it works").into_iter();
    let setup: Vec<Instruction> = setup
        .map(|set| Instruction::Set {
            value: set.value,
            to: set.to,
        })
        .collect();
    let made =
        Installer::new(&module("installer_kernel.wasm"), &kernel(), &setup).expect("it works");
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
#[derive(Debug)]
pub struct Lab {
    /// The stand-in for the rollup node.
    pub double: Double,
    /// It, on its port.
    pub running: Running,
    /// The originated rollup.
    pub originated: Originated,
    /// Those who are rich.
    pub users: Vec<User>,
}

impl Lab {
    /// A double that has made one level, with so many rich users.
    pub async fn new(name: &str, users: usize, change: impl FnOnce(&mut Options)) -> Self {
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
        let double = Double::new(&originated.installer, options).expect("it works");
        double.levels(1).expect("it works");
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let running = double.serve(address, None).await.expect("it works");
        Self {
            double,
            running,
            originated,
            users,
        }
    }

    /// The options of a node that runs all levels.
    #[must_use]
    pub fn options(&self) -> follower::Options {
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
    pub async fn node(&self) -> Handle {
        self.node_with(self.options()).await
    }

    /// One with other options.
    pub async fn node_with(&self, options: follower::Options) -> Handle {
        let stop = Arc::new(AtomicBool::new(false));
        follower::start(options, stop).await.expect("it works")
    }

    /// A signed transfer of 1 wei by a user, with its next nonce.
    pub fn transfer(&mut self, user: usize) -> (B256, String) {
        let to = TxKind::Call(Address::repeat_byte(0x42));
        let signed = self.users[user].send(CHAIN_ID, to, U256::from(1), Vec::new().into(), 21_000);
        (signed.hash, hex::encode_prefixed(signed.encode()))
    }

    /// A deposit of mutez, in the next level.
    pub fn deposit(&self, receiver: Address, mutez: u64) {
        let bridge = Contracts::default().bridge;
        let call = layer1::contracts::Bridge::deposit(
            bridge,
            [7; 20],
            receiver.to_vec(),
            layer1::Mutez(mutez),
        );
        self.double
            .operate(devnet::accounts()[0], vec![call])
            .expect("it works");
    }
}

/// Asks a node.
pub async fn call(node: &Handle, method: &str, params: Value) -> Value {
    let Value::Array(list) = params.clone() else {
        panic!("params are a list")
    };
    match node::rpc::call(node.miner(), method, Params::new(list)).await {
        Ok(result) => result,
        Err(error) => panic!("{method} {params}: {error:?}"),
    }
}

/// A quantity of an answer.
pub async fn number(node: &Handle, method: &str, params: Value) -> u64 {
    let answer = call(node, method, params).await;
    u64::from_str_radix(
        answer.as_str().expect("it works").trim_start_matches("0x"),
        16,
    )
    .expect("it works")
}

/// A node's health: the HTTP status, and the answer.
#[must_use]
pub fn health(node: &Handle) -> (u16, Value) {
    let mut stream = TcpStream::connect(node.address()).expect("it works");
    stream.set_read_timeout(Some(PATIENCE)).expect("it works");
    let request = b"GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    stream.write_all(request).expect("it works");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it works");
    let status = answer
        .split(' ')
        .nth(1)
        .expect("it works")
        .parse()
        .expect("it works");
    let body = answer.split_once("\r\n\r\n").expect("it works").1;
    (status, serde_json::from_str(body).expect("it works"))
}

/// Waits until a node says that this is wrong, with status 503, and answers all the same.
pub async fn ill(node: &Handle, trouble: &str) {
    until(trouble, async || {
        let (status, health) = health(node);
        let said = health["trouble"].as_str().unwrap_or_default();
        status == 503 && said.contains(trouble)
    })
    .await;
    number(node, "eth_blockNumber", json!([])).await;
}

/// Waits until a node is well.
pub async fn well(node: &Handle) {
    until("the node is well", async || {
        let (status, health) = health(node);
        status == 200 && health["ready"] == true && health["trouble"].is_null()
    })
    .await;
}

/// Waits until `done`.
pub async fn until(what: &str, mut done: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !done().await {
        assert!(start.elapsed() < PATIENCE, "{what} does not happen");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// The head of the chain that the double's rollup has, as the kernel keeps it.
#[must_use]
pub fn head(double: &Double) -> storage::Head {
    storage::layout::HEAD
        .get(&double.durable(), &())
        .expect("it works")
        .expect("it works")
}

/// Waits until the node is where the double is.
pub async fn level_with(node: &Handle, double: &Double) {
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
pub async fn settle(lab: &Lab, node: &Handle, hashes: &[B256]) {
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
        lab.double.levels(1).expect("it works");
    }
    panic!("transactions are missing after 100 levels");
}
