//! A load for a level, as data: programs that transactions run without end, and crowds
//! of messages. `fuzz work` searches for the dearest; a test replays what it found.

mod batch;

use crate::lab::{Lab, MAX_GAS, Sample, contract};
use crate::layer1::{self, DELAYED_BRIDGE, TICKETER};
use crate::user::User;
use alloy_primitives::{Address, B256, Bytes, TxKind, U256, keccak256};
use evm_kernel::inputs::encode;
use serde::{Deserialize, Serialize};
use storage::layout::ACCOUNTS;
use storage::table::Value;
use storage::{Account, Config};

/// The rollup's address.
const ROLLUP: [u8; 20] = [7; 20];

/// The program that is called again and again.
pub const CALLED: Address = Address::repeat_byte(0xca);
/// The caller, in an endless loop.
pub const CALLER: Address = Address::repeat_byte(0xcb);
/// A contract of 24 kB, all of it jump destinations.
pub const LARGE: Address = Address::repeat_byte(0xcc);
/// Fills slots that were empty, without end.
const SLOTS: Address = Address::repeat_byte(0xce);
/// Logs 8 kB after 8 kB, without end.
const LOGS: Address = Address::repeat_byte(0xcf);
/// Pays 1 wei to accounts that were not there, without end.
const PAYS: Address = Address::repeat_byte(0xd0);

/// A load.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    /// The code at [`CALLED`].
    pub called: Bytes,
    /// The code at [`CALLER`].
    pub caller: Bytes,
    /// The messages of the level, crowd after crowd.
    pub crowds: Vec<Crowd>,
}

/// Messages of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Crowd {
    /// Their kind.
    pub kind: Kind,
    /// Their number.
    pub count: u64,
    /// The bytes of each, as far as the kind lets them be chosen.
    pub len: usize,
    /// Makes crowds of a kind differ.
    pub salt: u64,
    /// The byte that fills them.
    pub fill: u8,
    /// The gas limit of transactions.
    pub gas: u64,
}

/// A kind of message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Not framed.
    Rubbish,
    /// Framed, and no input.
    Framed,
    /// A transaction that cannot be decoded.
    Undecodable,
    /// A transfer to a new account.
    Transfer,
    /// A transaction whose nonce is too high.
    TooEarly,
    /// A transaction that will not come.
    Announcement,
    /// A chunk of it.
    Chunk,
    /// A deposit.
    Deposit,
    /// A part of a forced transaction.
    Piece,
    /// A call that is none of these.
    Call,
    /// A transaction that runs the case's program.
    Program,
    /// One that fills slots.
    Slots,
    /// One that logs.
    Logs,
    /// One that makes accounts.
    Pays,
    /// One that runs the case's program, and is forced in by layer 1.
    Forced,
    /// A transaction in a batch with others. The salt says who signs: the lab's user,
    /// accounts whose keys are known, in order or far from each other, or strangers; bits
    /// of the fill, whether signatures have their points, and how the data repeat.
    Batch,
    /// The same, but the last signature of each batch is wrong.
    WrongBatch,
    /// The same, but some bytes of each batch are changed.
    BrokenBatch,
    /// One batch again and again.
    SameBatch,
}

/// All kinds.
pub const KINDS: [Kind; 19] = [
    Kind::Rubbish,
    Kind::Framed,
    Kind::Undecodable,
    Kind::Transfer,
    Kind::TooEarly,
    Kind::Announcement,
    Kind::Chunk,
    Kind::Deposit,
    Kind::Piece,
    Kind::Call,
    Kind::Program,
    Kind::Slots,
    Kind::Logs,
    Kind::Pays,
    Kind::Forced,
    Kind::Batch,
    Kind::WrongBatch,
    Kind::BrokenBatch,
    Kind::SameBatch,
];

/// A rollup with a bridge and default budgets, to run cases on.
///
/// # Panics
/// If the kernel is missing.
#[must_use]
pub fn lab() -> Lab {
    let mut lab = Lab::new(Config {
        ticketer: Some(TICKETER),
        delayed_bridge: Some(DELAYED_BRIDGE),
        ..Config::default()
    });
    let second = second();
    lab.change(|rollup| {
        contract(rollup, LARGE, &[0x5b; 24_576]);
        contract(rollup, SLOTS, SLOTS_CODE);
        contract(rollup, LOGS, LOGS_CODE);
        contract(rollup, PAYS, PAYS_CODE);
        let account = Account {
            balance: U256::from(10).pow(U256::from(23)),
            ..Account::default()
        };
        let path = ACCOUNTS.path(&second.address).expect("a legal path");
        rollup.set(&path.as_path().to_string(), account.encode().as_ref());
        batch::known_keys(rollup);
    });
    lab
}

/// The account that forces transactions in.
fn second() -> User {
    User::new("lab, forced")
}

/// `for (i = gas;; i++) slot[i] = i`: each transaction begins at another place.
const SLOTS_CODE: &[u8] = &[
    0x5a, 0x43, 0x60, 0x20, 0x1b, 0x01, 0x5b, 0x80, 0x80, 0x55, 0x60, 0x01, 0x01, 0x60, 0x06, 0x56,
];

/// `for (;;) log0(0, 8192)`
const LOGS_CODE: &[u8] = &[0x5b, 0x61, 0x20, 0x00, 0x5f, 0xa0, 0x5f, 0x56];

/// `for (i = gas << 40 ..;; i++) call(0, i, 1, 0, 0, 0, 0)`
const PAYS_CODE: &[u8] = &[
    0x5a, 0x60, 0x28, 0x1b, 0x43, 0x01, 0x5b, 0x5f, 0x5f, 0x5f, 0x5f, 0x60, 0x01, 0x85, 0x5f, 0xf1,
    0x50, 0x60, 0x01, 0x01, 0x60, 0x06, 0x56,
];

impl Case {
    /// The cost of the case, from its level until nothing waits.
    ///
    /// # Panics
    /// If a run traps.
    #[must_use]
    pub fn run(&self, lab: &Lab) -> Sample {
        let mut rollup = lab.rollup();
        contract(&mut rollup, CALLED, &self.called);
        contract(&mut rollup, CALLER, &self.caller);
        let messages = self.messages(&lab.user);
        lab.run(&mut rollup, messages).0
    }

    fn messages(&self, user: &User) -> Vec<Vec<u8>> {
        let mut writer = Writer {
            user: user.clone(),
            second: second(),
            out: Vec::new(),
        };
        for crowd in &self.crowds {
            match crowd.kind {
                Kind::Batch | Kind::WrongBatch | Kind::BrokenBatch | Kind::SameBatch => {
                    writer.out.extend(batch::messages(&mut writer.user, crowd));
                }
                _ => (0..crowd.count).for_each(|one| writer.message(crowd, one)),
            }
        }
        writer.out
    }
}

struct Writer {
    user: User,
    second: User,
    out: Vec<Vec<u8>>,
}

fn number(number: u64) -> B256 {
    B256::from(U256::from(number))
}

fn framed(contents: &[u8]) -> Vec<u8> {
    [&[1, 0][..], &ROLLUP, contents].concat()
}

fn simple(raw: &[u8]) -> Vec<u8> {
    framed(&[&[0], keccak256(raw).as_slice(), raw].concat())
}

impl Writer {
    fn message(&mut self, crowd: &Crowd, one: u64) {
        let Crowd {
            len, salt, fill, ..
        } = *crowd;
        let body = vec![fill; len];
        let message = match crowd.kind {
            Kind::Rubbish => vec![1; len + 1],
            Kind::Framed => framed(&body),
            Kind::Undecodable => simple(&body),
            Kind::Transfer => {
                let to = TxKind::Call(Address::from_word(number(1 << 40 | salt << 32 | one)));
                let raw = self.user.send(1337, to, U256::ONE, Bytes::new(), 21_000);
                simple(&raw.encode())
            }
            Kind::TooEarly => {
                let mut user = self.user.clone();
                user.nonce += 10_000 + one;
                let to = TxKind::Call(Address::ZERO);
                let raw = user.send(1337, to, U256::ONE, body.into(), 200_000);
                simple(&raw.encode())
            }
            Kind::Announcement => {
                let hashes = (0..len as u64 / 120).flat_map(|place| number(one << 20 | place).0);
                let hashes: Vec<u8> = hashes.collect();
                let places = (hashes.len() as u16 / 32).to_le_bytes();
                framed(&[&[1], number(salt).as_slice(), &places, &hashes].concat())
            }
            Kind::Chunk => {
                let chunk = [&body[..], &one.to_be_bytes()].concat();
                let hash = keccak256(&chunk);
                let head = [&[2], number(salt).as_slice(), &[0, 0], hash.as_slice()].concat();
                framed(&[&head, &chunk[..chunk.len().min(3_900)]].concat())
            }
            Kind::Deposit => {
                let receiver = number(one << (8 * salt));
                layer1::native_deposit(ROLLUP, receiver.as_slice(), 1 + one)
            }
            Kind::Piece => layer1::delayed(ROLLUP, DELAYED_BRIDGE, &body),
            Kind::Call => layer1::transfer(ROLLUP, [9; 20], &body),
            Kind::Program => return self.transaction(crowd, CALLER),
            Kind::Slots => return self.transaction(crowd, SLOTS),
            Kind::Logs => return self.transaction(crowd, LOGS),
            Kind::Pays => return self.transaction(crowd, PAYS),
            Kind::Forced => return self.forced(crowd),
            // They are made together.
            Kind::Batch | Kind::WrongBatch | Kind::BrokenBatch | Kind::SameBatch => return,
        };
        self.out.push(message);
    }

    fn transaction(&mut self, crowd: &Crowd, to: Address) {
        let input = vec![crowd.fill; crowd.len];
        let (to, wei) = (TxKind::Call(to), U256::ZERO);
        let raw = self
            .user
            .send(1337, to, wei, input.into(), crowd.gas.min(MAX_GAS));
        self.out.extend(encode::messages(&ROLLUP, &raw.encode()));
    }

    fn forced(&mut self, crowd: &Crowd) {
        let input = vec![crowd.fill; crowd.len];
        let (to, wei) = (TxKind::Call(CALLER), U256::ZERO);
        let raw = self
            .second
            .send(1337, to, wei, input.into(), crowd.gas.min(MAX_GAS));
        let raw = raw.encode();
        let chunks = raw.chunks(3_900);
        let call = |bytes: &[u8]| layer1::delayed(ROLLUP, DELAYED_BRIDGE, bytes);
        self.out.push(call(&[0, chunks.len() as u8]));
        for chunk in chunks {
            self.out.push(call(&[&[1], chunk].concat()));
        }
    }
}
