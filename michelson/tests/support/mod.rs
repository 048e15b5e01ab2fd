//! A layer 1 of a few contracts, and calls of one of them.

use ed25519_compact::{KeyPair, Noise, PublicKey, Seed, Signature};
use michelson::contract::Called;
use michelson::run::{Context, Failure};
use michelson::value::{Ticket, Transfer};
use michelson::{Contract, Node, Type, Value, encoding, run};
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::Write;

pub(crate) const OWN: [u8; 20] = [0x11; 20];
pub(crate) const EXCHANGER: [u8; 20] = [0x22; 20];
pub(crate) const TOKEN: [u8; 20] = [0x33; 20];
/// The rollup's address.
pub(crate) const ROLLUP: [u8; 22] = [
    3, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 0,
];
/// Accounts: curve and hash.
pub(crate) const ALICE: [u8; 21] = [0xaa; 21];
pub(crate) const BOB: [u8; 21] = [0xbb; 21];
/// `Pair 0 None`.
pub(crate) const CONTENT: [u8; 6] = [7, 7, 0, 0, 3, 6];
const CHAIN: [u8; 4] = [1, 2, 3, 4];

pub(crate) const NAMES: [&str; 6] = [
    "exchanger",
    "bridge",
    "delayed_inbox",
    "governance",
    "token_wrapper",
    "fast_withdrawal",
];

pub(crate) fn text(name: &str) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../contracts/layer1");
    std::fs::read_to_string(format!("{folder}/{name}.tz")).unwrap()
}

pub(crate) fn script(name: &str) -> Contract {
    Contract::parse(&text(name)).unwrap()
}

/// An account with a key; the first of its bytes tells a curve.
pub(crate) fn account(account: [u8; 21]) -> Vec<u8> {
    [&[0, 0], &account[1..]].concat()
}

/// A contract's entrypoint.
pub(crate) fn address(hash: [u8; 20], entrypoint: &str) -> Vec<u8> {
    [&[1], &hash[..], &[0], entrypoint.as_bytes()].concat()
}

pub(crate) fn bytes(bytes: &[u8]) -> Value {
    Value::Bytes(bytes.to_vec())
}

pub(crate) const fn nat(number: i128) -> Value {
    Value::Int(number)
}

pub(crate) fn ticket(ticketer: [u8; 20], amount: i128) -> Value {
    Value::Ticket(Box::new(Ticket {
        ticketer: address(ticketer, ""),
        content: Value::pair(nat(0), Value::Option(None)),
        amount,
    }))
}

pub(crate) fn operation(destination: &[u8], amount: u64, parameter: Value) -> Transfer {
    Transfer {
        destination: destination.to_vec(),
        amount,
        parameter,
    }
}

/// The contracts of the test, and their types.
#[derive(Debug)]
pub(crate) struct World;

impl run::World for World {
    fn takes(&self, address: &[u8], ty: &Type) -> bool {
        let ticket = "(ticket (pair nat (option bytes)))";
        let rollup = format!("(or (or (pair bytes {ticket}) bytes) bytes)");
        let both = format!("(pair address {ticket})");
        let fa2 = "(list (pair address (list (pair address (pair nat nat)))))";
        let known = [
            (ROLLUP.to_vec(), rollup),
            (self::address(OWN, "callback"), ticket.to_owned()),
            (self::address(EXCHANGER, "mint"), "address".into()),
            (self::address(EXCHANGER, "burn"), both.clone()),
            (self::address(TOKEN, "withdraw"), both),
            (
                self::address(TOKEN, "transfer"),
                "(pair address (pair address nat))".into(),
            ),
            (self::address(TOKEN, "transfer"), fa2.into()),
            (account(ALICE), "unit".into()),
            (account(BOB), "unit".into()),
        ];
        known.contains(&(address.to_vec(), ty.to_string()))
    }

    fn is_signed(&self, key: &[u8], signature: &[u8], message: &[u8]) -> bool {
        let signature = Signature::from_slice(signature);
        let key = key.split_first().map(|(_, key)| PublicKey::from_slice(key));
        let (Ok(signature), Some(Ok(key))) = (signature, key) else {
            return false;
        };
        // Ed25519 signatures of layer 1 are over the blake2b of the bytes.
        let hash = messages::hash::blake2b_256(message);
        key.verify(hash, &signature).is_ok()
    }
}

/// The result of a call, as JSON: operations and storage, or the word that it fails with.
pub(crate) fn gives(called: &Result<Called, Failure>) -> Json {
    let node = |value: &Value| encoding::write(value).to_json();
    match called {
        Ok(called) => {
            let operations = called.transfers.iter().map(|transfer| {
                json!({
                    "destination": encoding::to_base58(&transfer.destination, &Type::Address),
                    "amount": transfer.amount.to_string(),
                    "parameter": node(&transfer.parameter),
                })
            });
            json!({
                "operations": operations.collect::<Vec<_>>(),
                "storage": node(&called.storage),
            })
        }
        Err(Failure::With(Node::Text(word))) => json!({ "fails": word }),
        Err(other) => json!({ "fails": other.to_string() }),
    }
}

/// The longest record that is kept, in bytes.
const MAX_RECORD: usize = 20_000;

/// With `RECORD_CALLS` appends a call to that file, a line of JSON each.
fn keep(record: &Json) {
    let line = record.to_string();
    if let Some(path) = std::env::var_os("RECORD_CALLS")
        && line.len() < MAX_RECORD
    {
        let mut file = OpenOptions::new()
            .append(true)
            .create(true)
            .open(path)
            .unwrap();
        file.write_all(format!("{line}\n").as_bytes()).unwrap();
    }
}

/// A call of a script.
pub(crate) struct Call {
    name: String,
    contract: Contract,
    entrypoint: String,
    argument: Value,
    storage: Value,
    context: Context,
}

impl Call {
    /// Of Alice, without tez.
    pub(crate) fn new(name: &str, entrypoint: &str, argument: Value) -> Self {
        Self {
            name: name.to_owned(),
            contract: script(name),
            entrypoint: entrypoint.to_owned(),
            argument,
            storage: Value::Unit,
            context: Context {
                own: address(OWN, ""),
                sender: account(ALICE),
                amount: 0,
                now: 1_000,
                chain_id: CHAIN,
            },
        }
    }

    /// The call of a record.
    pub(crate) fn read(record: &Json) -> Self {
        let text = |key: &str| record[key].as_str().unwrap().to_owned();
        let base58 = |key: &str, ty: Type| encoding::from_base58(&text(key), &ty).unwrap();
        let node = |key: &str| Node::from_json(&record[key]).unwrap();
        let contract = script(&text("script"));
        let ty = contract.entrypoint(&text("entrypoint")).unwrap();
        let argument = encoding::read(&node("argument"), &ty).unwrap();
        let mut call = Self::new(&text("script"), &text("entrypoint"), argument);
        call.storage = encoding::read(&node("storage"), contract.storage()).unwrap();
        call.context = Context {
            own: base58("own", Type::Address),
            sender: base58("sender", Type::Address),
            amount: text("amount").parse().unwrap(),
            now: record["now"].as_i64().unwrap(),
            chain_id: base58("chain_id", Type::ChainId).try_into().unwrap(),
        };
        call
    }

    fn record(&self) -> Json {
        let address = |bytes: &[u8]| encoding::to_base58(bytes, &Type::Address);
        json!({
            "script": self.name,
            "entrypoint": self.entrypoint,
            "argument": encoding::write(&self.argument).to_json(),
            "packed": hex::encode(encoding::pack(&self.argument).unwrap()),
            "storage": encoding::write(&self.storage).to_json(),
            "own": address(&self.context.own),
            "sender": address(&self.context.sender),
            "amount": self.context.amount.to_string(),
            "now": self.context.now,
            "chain_id": encoding::to_base58(&self.context.chain_id, &Type::ChainId),
        })
    }

    pub(crate) fn storage(mut self, storage: Value) -> Self {
        self.storage = storage;
        self
    }

    pub(crate) fn sender(mut self, sender: Vec<u8>) -> Self {
        self.context.sender = sender;
        self
    }

    pub(crate) fn amount(mut self, amount: u64) -> Self {
        self.context.amount = amount;
        self
    }

    pub(crate) fn chain(mut self, chain_id: [u8; 4]) -> Self {
        self.context.chain_id = chain_id;
        self
    }

    pub(crate) fn own(mut self, own: [u8; 20]) -> Self {
        self.context.own = address(own, "");
        self
    }

    pub(crate) fn run(self) -> Result<Called, Failure> {
        let mut record = self.record();
        let call = (&*self.entrypoint, self.argument);
        let called = self
            .contract
            .call(call, self.storage, &self.context, &World);
        record["gives"] = gives(&called);
        keep(&record);
        let called = called?;
        // The storage is one of its type.
        let storage = encoding::write(&called.storage);
        let read = encoding::read(&storage, self.contract.storage());
        assert_eq!(read.as_ref(), Ok(&called.storage));
        Ok(called)
    }
}

/// A key of governance.
pub(crate) struct Signer(KeyPair);

impl Signer {
    pub(crate) fn new(seed: u8) -> Self {
        Self(KeyPair::from_seed(Seed::new([seed; 32])))
    }

    /// The public key, as Michelson has it.
    pub(crate) fn key(&self) -> Vec<u8> {
        [&[0], &self.0.pk[..]].concat()
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        let hash = messages::hash::blake2b_256(message);
        self.0.sk.sign(hash, None::<Noise>).to_vec()
    }
}

/// Governance's storage.
pub(crate) fn storage(counter: i128, threshold: i128, keys: BTreeSet<Value>) -> Value {
    Value::pair(nat(counter), Value::pair(nat(threshold), Value::Set(keys)))
}

pub(crate) fn decision(counter: i128, expiry: i128, action: Value) -> Value {
    Value::pair(Value::pair(nat(counter), Value::Int(expiry)), action)
}

pub(crate) fn send(rollup: &[u8], payload: &[u8]) -> Value {
    Value::left(Value::pair(bytes(rollup), bytes(payload)))
}

pub(crate) fn rekey(threshold: i128, keys: &[&[u8]]) -> Value {
    let keys = keys.iter().map(|key| bytes(key)).collect();
    Value::right(Value::pair(nat(threshold), Value::Set(keys)))
}

/// The bytes that keys sign.
pub(crate) fn signed(contract: [u8; 20], decision: &Value) -> Vec<u8> {
    let place = Value::pair(bytes(&CHAIN), bytes(&address(contract, "")));
    encoding::pack(&Value::pair(place, decision.clone())).unwrap()
}
