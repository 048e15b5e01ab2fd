//! A rollup of the transactions kernel, its users and their tickets. Its functions are for
//! tests and measurements: they panic where the kernel is missing or traps.

use crate::layer1::transfer;
use messages::contract::Contract;
use messages::external;
use messages::micheline::{Node, write};
use messages::outbox::Entrypoint;
use pvm::{DebugSink, Durable, Inbox, LevelReport, Machine, Options, Status};
use tx_kernel::encoding::{Content, Signer, StringTicket, Tz4, put, string_ticket};
use tx_kernel::memory::{Account, Memory};
use tx_kernel::wallet::{self, Key};

/// Our rollup.
pub const ROLLUP: [u8; 20] = [0x11; 20];

/// The issuer of the tickets.
pub const TICKETER: Contract = Contract::Originated([0x71; 20]);

/// Their contents.
pub const CONTENT: &str = "Hello, Ticket!";

/// A contract that takes tickets.
pub const TAKER: [u8; 20] = [0x73; 20];

/// The level of origination; the first inbox is the next level's.
pub const ORIGINATION: u32 = 7;

/// The machine's options: the log is kept.
#[must_use]
pub fn options() -> Options {
    Options {
        rollup: ROLLUP,
        origination_level: ORIGINATION,
        first_level: ORIGINATION + 1,
        debug: DebugSink::Capture,
        ..Options::default()
    }
}

/// A rollup before its first level, where frames are optional.
pub fn durable() -> Durable {
    let mut durable = default_durable();
    durable.write("/tx/config/frame", [0]).unwrap();
    durable
}

/// A rollup before its first level, without a setup file.
pub fn default_durable() -> Durable {
    let mut durable = Durable::new();
    let kernel = crate::module("tx_kernel.wasm");
    durable.write("/kernel/boot.wasm", kernel).unwrap();
    durable
}

/// A rollup of the transactions kernel.
#[derive(Debug)]
pub struct Rollup {
    /// The machine that runs it.
    pub machine: Machine,
}

impl Default for Rollup {
    fn default() -> Self {
        Self::new()
    }
}

impl Rollup {
    /// A rollup before its first level, where frames are optional.
    #[must_use]
    pub fn new() -> Self {
        Self::with(durable())
    }

    /// A rollup that starts from this storage.
    #[must_use]
    pub fn with(durable: Durable) -> Self {
        let machine = Machine::from_durable(durable, options()).unwrap();
        Self { machine }
    }

    /// A rollup where each of the keys has so many of the ticket.
    pub fn funded(amounts: &[(&Key, u64)]) -> Self {
        let mut rollup = Self::new();
        let deposits: Vec<_> = amounts
            .iter()
            .map(|(key, amount)| deposit(&key.to_base58(), CONTENT, *amount))
            .collect();
        rollup.level(&deposits);
        rollup
    }

    /// Runs a level, without a trap.
    pub fn level(&mut self, messages: &[Vec<u8>]) -> LevelReport {
        let report = self.machine.run_level(&inbox(messages)).unwrap();
        assert_eq!(report.status, Status::Yielded, "{:?}", report.debug);
        assert!(!report.runs.iter().any(|run| run.trapped()), "it trapped");
        report
    }

    /// Runs a level and gives its log, as one text.
    pub fn log(&mut self, messages: &[Vec<u8>]) -> String {
        self.level(messages).debug.concat()
    }

    /// The key's account, if there is one.
    #[must_use]
    pub fn account(&self, key: &Key) -> Option<Account> {
        let mut memory = Memory::default();
        memory
            .account(self.machine.durable(), &key.address())
            .unwrap()
    }

    /// The key's balance of the ticket.
    pub fn balance(&self, key: &Key) -> u64 {
        self.balance_of(key, CONTENT)
    }

    /// The key's balance of the ticket with this content.
    #[must_use]
    pub fn balance_of(&self, key: &Key, content: &str) -> u64 {
        balance(self.machine.durable(), key, content)
    }
}

/// The key's balance of the ticket with this content in a storage.
#[must_use]
pub fn balance(durable: &Durable, key: &Key, content: &str) -> u64 {
    let node = string_ticket(&TICKETER, content, 1);
    let hash = ticket(&node).hash();
    let mut memory = Memory::default();
    memory.balance(durable, &key.address(), &hash).unwrap()
}

/// A level's inbox with these messages.
#[must_use]
pub fn inbox(messages: &[Vec<u8>]) -> Inbox {
    Inbox {
        timestamp: 0,
        predecessor: [0; 32],
        messages: messages.to_vec(),
    }
}

/// The key made of a byte, 32 times.
pub fn key(byte: u8) -> Key {
    Key::from_seed(&[byte; 32]).unwrap()
}

/// A deposit for whom `receiver` names.
pub fn deposit(receiver: &str, content: &str, amount: u64) -> Vec<u8> {
    let mut payload = Vec::new();
    write::pair(
        &mut payload,
        |out| write::string(out, receiver),
        |out| out.extend(string_ticket(&TICKETER, content, amount)),
    );
    transfer(ROLLUP, [0x70; 20], &payload)
}

/// The ticket that these bytes of Micheline are.
#[must_use]
pub fn ticket(node: &[u8]) -> StringTicket<'_> {
    StringTicket::from_node(Node::parse(node).unwrap()).unwrap()
}

/// A transfer of the ticket.
pub fn give(to: &Key, amount: u64) -> Vec<u8> {
    give_to(&to.address(), CONTENT, amount)
}

/// A transfer to an address.
#[must_use]
pub fn give_to(destination: &Tz4, content: &str, amount: u64) -> Vec<u8> {
    put::content(&Content::Transfer {
        destination,
        ticket: ticket(&string_ticket(&TICKETER, content, amount)),
    })
}

/// A withdrawal of the ticket.
pub fn withdraw(amount: u64) -> Vec<u8> {
    put::content(&Content::Withdrawal {
        destination: &TAKER,
        ticket: ticket(&string_ticket(&TICKETER, CONTENT, amount)),
        entrypoint: Entrypoint::new("receive_tickets").unwrap(),
    })
}

/// An operation under the signer's key.
pub fn reveal(key: &Key, counter: i64, contents: &[Vec<u8>]) -> Vec<u8> {
    put::operation(&Signer::PublicKey(key.public_key()), counter, contents)
}

/// An operation under the signer's address.
pub fn operation(key: &Key, counter: i64, contents: &[Vec<u8>]) -> Vec<u8> {
    put::operation(&Signer::Address(&key.address()), counter, contents)
}

/// A transaction of operations, with who signs it.
pub fn signed<'k>(operations: &[(&'k Key, Vec<u8>)]) -> (Vec<u8>, Vec<&'k Key>) {
    let bytes: Vec<_> = operations.iter().map(|(_, bytes)| bytes.clone()).collect();
    let signers = operations.iter().map(|(key, _)| *key).collect();
    (put::transaction(&bytes), signers)
}

/// The inbox message of a batch without a frame.
pub fn post(transactions: &[(Vec<u8>, Vec<&Key>)]) -> Vec<u8> {
    external(&wallet::batch(transactions, &[]).unwrap())
}

/// A batch of one transaction of one operation.
pub fn one(key: &Key, operation: Vec<u8>) -> Vec<u8> {
    post(&[signed(&[(key, operation)])])
}

/// The bytes as an external message.
#[must_use]
pub fn external(bytes: &[u8]) -> Vec<u8> {
    [&[1], bytes].concat()
}

/// A batch in the frame of a rollup, signed for `signed_for`.
pub fn framed(
    rollup: &[u8; 20],
    signed_for: &[u8],
    transactions: &[(Vec<u8>, Vec<&Key>)],
) -> Vec<u8> {
    let batch = wallet::batch(transactions, signed_for).unwrap();
    external(&external::frame(rollup, &batch))
}
