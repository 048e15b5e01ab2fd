//! A load for a level of the transactions kernel, as data.

use crate::lab::{MAX_LEVELS, Sample, reading};
use crate::layer1::transfer;
use crate::tickets::{TICKETER, inbox, ticket as parsed};
use messages::external;
use messages::hash::{blake2b_160, blake2b_256};
use messages::micheline::write;
use messages::outbox::Entrypoint;
use pvm::{DebugSink, Durable, Machine, Metering, Options, Status};
use serde::{Deserialize, Serialize};
use tx_kernel::bls::PublicKey;
use tx_kernel::encoding::{Content, Signer, put, string_ticket};
use tx_kernel::head::Head;
use tx_kernel::layout;
use tx_kernel::wallet::{self, Key};

const ROLLUP: [u8; 20] = [7; 20];
const CONTENT: &str = "lab";

/// The number of accounts.
const ACCOUNTS: usize = 300;

/// The balance of each in [`CONTENT`].
const AMOUNT: u64 = 1 << 40;

/// The most bytes of a batch in its message.
const MOST: usize = 4_096 - 1 - 1 - 20;

/// A load.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
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
    /// The operations of a batch, as far as they fit.
    pub operations: usize,
    /// The number of contents of each operation, as far as they fit.
    pub contents: usize,
    /// The operations of a transaction.
    pub together: usize,
    /// The distance between signers of consecutive operations.
    pub apart: usize,
    /// The bytes of what is no batch.
    pub len: usize,
    /// The value of these bytes, and the choice of the places of a batch that are changed.
    pub fill: u8,
}

/// A kind of message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Bytes in a frame.
    Framed,
    /// Transactions without operations.
    NoOperations,
    /// Operations of new keys, the last of an address that nobody knows.
    UnknownKey,
    /// Operations of accounts, whose counters are used up.
    Replayed,
    /// Operations of new keys under a signature that is no point.
    NoSignature,
    /// Operations of new keys under a signature of something else.
    Strangers,
    /// Operations of accounts under a signature of something else.
    WrongSignature,
    /// Transfers to new accounts, with their signature.
    Transfers,
    /// Withdrawals, with their signature.
    Withdrawals,
    /// Transfers with their signature, of which some bytes are changed.
    Broken,
    /// A deposit to a new account.
    Deposit,
    /// A deposit of a new ticket to an account.
    NewTicket,
    /// A call that is no deposit.
    Call,
}

/// All kinds.
pub const KINDS: [Kind; 13] = [
    Kind::Framed,
    Kind::NoOperations,
    Kind::UnknownKey,
    Kind::Replayed,
    Kind::NoSignature,
    Kind::Strangers,
    Kind::WrongSignature,
    Kind::Transfers,
    Kind::Withdrawals,
    Kind::Broken,
    Kind::Deposit,
    Kind::NewTicket,
    Kind::Call,
];

impl Kind {
    /// True if a batch of this kind goes as far as the sum of pairings.
    #[must_use]
    pub const fn is_heavy(self) -> bool {
        matches!(
            self,
            Self::Strangers
                | Self::WrongSignature
                | Self::Transfers
                | Self::Withdrawals
                | Self::Broken
        )
    }
}

/// A rollup with some accounts, always in the same state.
#[derive(Debug)]
pub struct Lab {
    start: Durable,
    empty: Sample,
    keys: Vec<Key>,
    /// A signature, of nothing that a case posts.
    signature: [u8; 96],
}

impl Lab {
    /// A rollup with default budgets.
    ///
    /// # Panics
    /// If the kernel is missing, or traps.
    #[must_use]
    pub fn new() -> Self {
        let keys: Vec<Key> = (0..ACCOUNTS as u64)
            .map(|number| {
                let seed = blake2b_256(&number.to_be_bytes());
                Key::from_seed(&seed).expect("a seed of 32 bytes")
            })
            .collect();
        let mut durable = Durable::new();
        let kernel = crate::module("tx_kernel.wasm");
        let ticket = string_ticket(&TICKETER, CONTENT, 1);
        let ticket = parsed(&ticket).hash();
        let mut set = |path: &str, value: &[u8]| durable.write(path, value).expect("a legal path");
        set("/kernel/boot.wasm", &kernel);
        for key in &keys {
            let known = PublicKey::decompress(key.public_key()).expect("a key");
            let account = [
                &1_u64.to_be_bytes()[..],
                known.to_bytes(),
                &ticket,
                &AMOUNT.to_be_bytes(),
            ];
            let mut path = layout::AccountPath::from_path(layout::ACCOUNTS);
            path.push_key(&key.address()).expect("a short path");
            set(&path.as_path().to_string(), &account.concat());
        }
        let mut lab = Self {
            start: durable,
            empty: Sample::default(),
            signature: keys[0].sign(b"something else"),
            keys,
        };
        let mut machine = lab.machine();
        machine.run_level(&inbox(&[])).expect("it runs");
        lab.start = machine.durable().clone();
        let report = lab.machine().run_level(&inbox(&[]));
        let mut empty = Sample::default();
        empty.level(&report.expect("it runs"), &Sample::default());
        lab.empty = empty;
        lab
    }

    fn machine(&self) -> Machine {
        let head = Head::load(&self.start).expect("readable");
        let options = Options {
            rollup: ROLLUP,
            first_level: head.map_or(1, |head| head.level + 1),
            metering: Metering::Full,
            debug: DebugSink::Capture,
            ..Options::default()
        };
        Machine::from_durable(self.start.clone(), options).expect("the kernel is valid")
    }

    fn run(&self, messages: Vec<Vec<u8>>) -> Sample {
        let mut machine = self.machine();
        let mut sample = Sample {
            // Reading counts in the run that reads, and in no level's work.
            work: messages.iter().map(|message| reading(message)).sum(),
            ..Sample::default()
        };
        let mut next = messages;
        while sample.levels == 0 || sample.levels < MAX_LEVELS && waits(machine.durable()) {
            let report = machine.run_level(&inbox(&std::mem::take(&mut next)));
            let report = report.expect("it runs");
            assert_eq!(report.status, Status::Yielded);
            for run in &report.runs {
                assert!(!run.trapped(), "{:?}: {:?}", run.trap, report.debug);
            }
            sample.level(&report, &self.empty);
            sample.work += head(machine.durable()).level_work;
        }
        sample
    }
}

impl Default for Lab {
    fn default() -> Self {
        Self::new()
    }
}

fn head(durable: &Durable) -> Head {
    Head::load(durable).expect("readable").expect("a head")
}

fn waits(durable: &Durable) -> bool {
    let head = head(durable);
    head.backlog > 0 || head.calls.backlog > 0
}

impl Case {
    /// The cost of the case, from its level until nothing waits.
    ///
    /// # Panics
    /// If a run traps.
    #[must_use]
    pub fn run(&self, lab: &Lab) -> Sample {
        let mut writer = Writer {
            lab,
            counters: vec![1; ACCOUNTS],
            news: 0,
            out: Vec::new(),
        };
        for crowd in &self.crowds {
            for one in 0..crowd.count {
                writer.message(crowd, one);
            }
        }
        lab.run(writer.out)
    }
}

struct Writer<'l> {
    lab: &'l Lab,
    /// The next one of each account.
    counters: Vec<i64>,
    /// The number of new things.
    news: u64,
    out: Vec<Vec<u8>>,
}

/// A transaction, and the accounts that sign it.
type Signed = (Vec<u8>, Vec<usize>);

impl Writer<'_> {
    fn message(&mut self, crowd: &Crowd, one: u64) {
        let body = vec![crowd.fill; crowd.len.min(MOST)];
        let message = match crowd.kind {
            Kind::Framed => framed(&body),
            Kind::NoOperations => {
                let count = crowd.operations.min((MOST - 101) / 4);
                framed(&put::batch(
                    &vec![put::transaction(&[]); count],
                    &self.lab.signature,
                ))
            }
            Kind::UnknownKey => {
                let mut transactions = self.strangers(crowd, MOST - 101 - 37);
                let nobody = blake2b_160(&self.new_number().to_be_bytes());
                let last = put::operation(&Signer::Address(&nobody), 0, &[]);
                transactions.push(put::transaction(&[last]));
                framed(&put::batch(&transactions, &self.lab.signature))
            }
            Kind::NoSignature => {
                let transactions = self.strangers(crowd, MOST - 101);
                framed(&put::batch(&transactions, &[0xff; 96]))
            }
            Kind::Strangers => {
                let transactions = self.strangers(crowd, MOST - 101);
                framed(&put::batch(&transactions, &self.lab.signature))
            }
            Kind::Replayed => {
                let transactions = bytes(self.accounts(crowd, one, Some(0)));
                framed(&put::batch(&transactions, &self.lab.signature))
            }
            Kind::WrongSignature => {
                let transactions = bytes(self.accounts(crowd, one, Some(1_000)));
                framed(&put::batch(&transactions, &self.lab.signature))
            }
            Kind::Transfers | Kind::Withdrawals => self.signed(crowd, one),
            Kind::Broken => {
                let mut message = self.signed(crowd, one);
                let noise = blake2b_256(&[one.to_be_bytes(), [crowd.fill; 8]].concat());
                let place = usize::from(u16::from_be_bytes([noise[0], noise[1]]));
                let len = message.len();
                message[22 + place % (len - 22)] = noise[2];
                message
            }
            Kind::Deposit => {
                let nobody = blake2b_160(&self.new_number().to_be_bytes());
                deposit(&nobody, CONTENT)
            }
            Kind::NewTicket => {
                let content = format!("{}", self.new_number());
                let place = one as usize * crowd.apart % ACCOUNTS;
                deposit(&self.lab.keys[place].address(), &content)
            }
            Kind::Call => transfer(ROLLUP, [0x70; 20], &body),
        };
        self.out.push(message);
    }

    fn new_number(&mut self) -> u64 {
        self.news += 1;
        self.news
    }

    /// Transactions of keys that nobody has seen, in so many bytes.
    fn strangers(&mut self, crowd: &Crowd, most: usize) -> Vec<Vec<u8>> {
        let mut operations = Vec::new();
        for _ in 0..crowd.operations.max(1) {
            // The curve's points are half of these: for heavy kinds, keys of wallets.
            let key = if crowd.kind.is_heavy() {
                let place = self.new_number() as usize % ACCOUNTS;
                *self.lab.keys[place].public_key()
            } else {
                let hash = blake2b_256(&self.new_number().to_be_bytes());
                let mut key = [0x80; 48];
                key[16..].copy_from_slice(&hash);
                key
            };
            operations.push((put::operation(&Signer::PublicKey(&key), 1_000, &[]), 0));
        }
        bytes(together(&operations, crowd, most))
    }

    /// Transactions of accounts, as many as fit.
    fn accounts(&mut self, crowd: &Crowd, one: u64, counter: Option<i64>) -> Vec<Signed> {
        let mut operations = Vec::new();
        let mut len = 0;
        for number in 0..crowd.operations.max(1) {
            let place = (one as usize + number * crowd.apart) % ACCOUNTS;
            let contents: Vec<_> = (0..crowd.contents).map(|_| self.content(crowd)).collect();
            let address = self.lab.keys[place].address();
            let counter = counter.unwrap_or(self.counters[place]);
            let operation = put::operation(&Signer::Address(&address), counter, &contents);
            len += operation.len() + 4;
            if len > MOST - 101 && number > 0 {
                break;
            }
            self.counters[place] += 1;
            operations.push((operation, place));
        }
        together(&operations, crowd, MOST - 101)
    }

    fn content(&mut self, crowd: &Crowd) -> Vec<u8> {
        let ticket = string_ticket(&TICKETER, CONTENT, 1);
        let ticket = parsed(&ticket);
        let nobody = blake2b_160(&self.new_number().to_be_bytes());
        put::content(&match crowd.kind {
            Kind::Withdrawals => Content::Withdrawal {
                destination: &[0x73; 20],
                ticket,
                entrypoint: Entrypoint::new("receive").expect("a short name"),
            },
            _ => Content::Transfer {
                destination: &nobody,
                ticket,
            },
        })
    }

    fn signed(&mut self, crowd: &Crowd, one: u64) -> Vec<u8> {
        let transactions = self.accounts(crowd, one, None);
        let keys = |places: &[usize]| places.iter().map(|place| &self.lab.keys[*place]).collect();
        let signed: Vec<(Vec<u8>, Vec<&Key>)> = transactions
            .into_iter()
            .map(|(bytes, places)| (bytes, keys(&places)))
            .collect();
        framed(&wallet::batch(&signed, &ROLLUP).unwrap_or_default())
    }
}

/// Operations in transactions of so many each, as long as they fit.
fn together(operations: &[(Vec<u8>, usize)], crowd: &Crowd, most: usize) -> Vec<Signed> {
    let mut transactions = Vec::new();
    let mut len = 0;
    for some in operations.chunks(crowd.together.max(1)) {
        let (operations, signers): (Vec<_>, Vec<_>) = some.iter().cloned().unzip();
        let transaction = put::transaction(&operations);
        len += transaction.len();
        if len > most {
            break;
        }
        transactions.push((transaction, signers));
    }
    transactions
}

fn bytes(signed: Vec<Signed>) -> Vec<Vec<u8>> {
    signed.into_iter().map(|(bytes, _)| bytes).collect()
}

fn framed(contents: &[u8]) -> Vec<u8> {
    [&[1], &external::frame(&ROLLUP, contents)[..]].concat()
}

fn deposit(receiver: &[u8; 20], content: &str) -> Vec<u8> {
    use messages::address::{Kind, print};
    let mut payload = Vec::new();
    write::pair(
        &mut payload,
        |out| write::string(out, &print(Kind::Tz4, receiver).unwrap_or_default()),
        |out| out.extend(string_ticket(&TICKETER, content, 1)),
    );
    transfer(ROLLUP, [0x70; 20], &payload)
}
