//! The state of the other chain at one block, as durable storage of the kernel has it.

use super::answer::{self, Data, Number, Quantity, Word};
use super::cache::Cache;
use super::remote::{Call, Remote, RemoteError, waiting};
use alloy_primitives::{Address, B256, Bytes, KECCAK256_EMPTY, U256, keccak256};
use host::path::decode_key;
use pvm::{Source, Unavailable, Value};
use serde_json::value::RawValue;
use serde_json::{Value as Json, json};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use storage::Account;
use storage::block::HeaderHash;
use storage::layout::{ACCOUNTS, CODE, STATE};
use storage::table::Value as _;

const BLOCK: &str = "eth_getBlockByNumber";

/// The longest wait for what somebody else asks for: a batch, each request of it again, and what
/// makes sure of the block.
const LONGEST_TURN: Duration = Duration::from_secs(120);

/// The state of the other chain after a block.
#[derive(Debug)]
pub(super) struct State {
    pub(super) remote: Arc<Remote>,
    pub(super) cache: Cache,
    /// The number of the block.
    pub(super) number: u64,
    /// Its hash.
    hash: B256,
    /// True if the node at a URL takes hashes of blocks where state is asked for (EIP-1898).
    takes_hashes: Mutex<Option<(String, bool)>>,
    trouble: Mutex<Trouble>,
    /// The key that is being asked for: others wait for the answer.
    asking: Mutex<HashSet<Vec<u8>>>,
    answered: Condvar,
    /// An owner of the code with a hash, in case it is asked for again.
    owners: Mutex<HashMap<B256, Address>>,
}

/// Failed requests.
#[derive(Debug, Default)]
struct Trouble {
    count: u64,
    last: Option<Arc<str>>,
}

/// The question behind a path of durable storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Question {
    Account(Address),
    Slot(Address, U256),
    Code(B256),
    BlockHash(u64),
}

impl Question {
    /// `None`: nothing that another chain has.
    fn of(path: &[u8]) -> Option<Self> {
        let path = path.strip_prefix(STATE.as_bytes())?.strip_prefix(b"/")?;
        let mut steps = path.split(|byte| *byte == b'/');
        let question = match (steps.next()?, steps.next()?, steps.next()) {
            (b"a", address, None) => Self::Account(Address::new(decode_key(address)?)),
            (b"a", address, Some(slot)) => Self::Slot(
                Address::new(decode_key(address)?),
                U256::from_be_bytes(decode_key::<32>(slot)?),
            ),
            (b"c", hash, None) => Self::Code(B256::new(decode_key(hash)?)),
            (b"b", number, None) => {
                Self::BlockHash(std::str::from_utf8(number).ok()?.parse().ok()?)
            }
            _ => return None,
        };
        steps.next().is_none().then_some(question)
    }
}

impl State {
    pub(super) fn new(remote: Arc<Remote>, cache: Cache, (number, hash): (u64, B256)) -> Self {
        let mut owners = HashMap::new();
        cache.for_each(|path, value| {
            if let Some(Question::Account(address)) = Question::of(path)
                && let Some(account) = Account::decode(&value.bytes())
                && account.has_code()
            {
                owners.insert(account.code_hash, address);
            }
        });
        Self {
            remote,
            cache,
            number,
            hash,
            takes_hashes: Mutex::default(),
            trouble: Mutex::default(),
            asking: Mutex::default(),
            answered: Condvar::new(),
            owners: Mutex::new(owners),
        }
    }

    /// The number of failed requests, and the reason of the last one.
    pub(super) fn trouble(&self) -> (u64, Option<Arc<str>>) {
        let trouble = lock(&self.trouble);
        (trouble.count, trouble.last.clone())
    }

    fn failed(&self, error: &RemoteError) -> Unavailable {
        let why: Arc<str> = format!("fork: {error}").into();
        let mut trouble = lock(&self.trouble);
        trouble.count += 1;
        trouble.last = Some(Arc::clone(&why));
        Unavailable::Elsewhere(why)
    }

    /// Asks for accounts in one request and keeps them; gives them in their order.
    ///
    /// # Errors
    /// If they cannot be had.
    pub(super) fn accounts(&self, addresses: &[Address]) -> Result<Vec<Account>, RemoteError> {
        const NAMES: [&str; 3] = ["eth_getBalance", "eth_getTransactionCount", "eth_getCode"];
        let calls = addresses
            .iter()
            .flat_map(|address| NAMES.map(|name| (name, vec![json!(address)])));
        let calls: Vec<_> = calls.collect();
        if calls.is_empty() {
            return Ok(Vec::new());
        }
        let answers = self.ask_state(calls)?;
        let mut found = Vec::with_capacity(addresses.len());
        for answers in answers.chunks(3) {
            let [balance, nonce, code] = answers else {
                break;
            };
            let Quantity(balance) = self.read(NAMES[0], balance)?;
            let Number(nonce) = self.read(NAMES[1], nonce)?;
            let Data(code) = self.read(NAMES[2], code)?;
            let code_hash = match code.is_empty() {
                true => KECCAK256_EMPTY,
                false => keccak256(&code),
            };
            let account = Account {
                balance,
                nonce,
                code_hash,
            };
            found.push((account, code));
        }
        let kept = addresses
            .iter()
            .zip(found)
            .map(|(address, (account, code))| {
                self.keep(*address, &account, &code);
                account
            });
        Ok(kept.collect())
    }

    /// Asks about the state after the block: by its hash where the node takes hashes, so that no
    /// other state is mixed in after a reorganisation.
    fn ask_state(&self, calls: Vec<(&str, Vec<Json>)>) -> Result<Vec<Box<RawValue>>, RemoteError> {
        let by_hash = self.takes_hashes()?;
        let at = match by_hash {
            true => named(self.hash),
            false => json!(quantity(self.number)),
        };
        let calls = calls.into_iter().map(|(method, mut params)| {
            params.push(at.clone());
            (method, Json::Array(params))
        });
        let calls: Vec<Call<'_>> = calls.collect();
        if !by_hash {
            return self.checked(calls);
        }
        let answers = self.remote.ask_all(&calls);
        if let Err(RemoteError::Refused { .. }) = answers {
            // Perhaps it has another block there now.
            self.checked(Vec::new())?;
        }
        answers
    }

    /// True if the node takes hashes of blocks (EIP-1898): it does if it knows the state after
    /// our block, and none after one that does not exist.
    fn takes_hashes(&self) -> Result<bool, RemoteError> {
        let url = self.remote.url();
        if let Some((known, takes)) = &*lock(&self.takes_hashes)
            && *known == url
        {
            return Ok(*takes);
        }
        let asked = |hash| {
            let params = json!([Address::ZERO, named(hash)]);
            match self.remote.ask("eth_getTransactionCount", &params) {
                Ok(answer) => Ok(answer::read::<Quantity>(&answer).is_ok()),
                Err(RemoteError::Refused { .. } | RemoteError::Form { .. }) => Ok(false),
                Err(error) => Err(error),
            }
        };
        let takes = asked(self.hash)? && !asked(keccak256(self.hash))?;
        if !takes {
            self.checked(Vec::new())?;
            tracing::debug!("{} takes no hashes of blocks", self.remote.shown());
        }
        *lock(&self.takes_hashes) = Some((url, takes));
        Ok(takes)
    }

    /// The answers to requests that name blocks by number: in the same batch, after them, the
    /// block is asked for, which must have the same hash as ever.
    ///
    /// # Errors
    /// [`RemoteError::Reorganised`] and others.
    pub(super) fn checked(&self, calls: Vec<Call<'_>>) -> Result<Vec<Box<RawValue>>, RemoteError> {
        let block = (BLOCK, json!([quantity(self.number), false]));
        let alone = calls.is_empty();
        let mut calls = calls;
        calls.push(block);
        let mut answers = match self.remote.ask_all(&calls) {
            // Perhaps because it has another block there now.
            Err(error @ RemoteError::Refused { .. }) if !alone => {
                self.checked(Vec::new())?;
                return Err(error);
            }
            answers => answers?,
        };
        let block = answers.pop().unwrap_or_else(|| RawValue::NULL.to_owned());
        let now = answer::block_hash(&block, self.number);
        let now = now.map_err(|why| self.remote.form(BLOCK, &why))?;
        match now == Some(self.hash) {
            true => Ok(answers),
            false => Err(RemoteError::Reorganised {
                url: self.remote.shown(),
                number: self.number,
                was: self.hash,
                now,
            }),
        }
    }

    /// Code goes first: an account without is not torn off.
    fn keep(&self, address: Address, account: &Account, code: &Bytes) {
        if account.has_code() {
            lock(&self.owners).insert(account.code_hash, address);
            if let Ok(path) = CODE.path(&account.code_hash) {
                self.cache.put(path.as_path().as_bytes(), Some(code));
            }
        }
        if let Ok(path) = ACCOUNTS.path(&address) {
            let bytes = account.encode();
            let value = (!account.is_empty()).then_some(AsRef::<[u8]>::as_ref(&bytes));
            self.cache.put(path.as_path().as_bytes(), value);
        }
    }

    fn slot(&self, address: Address, slot: U256) -> Result<U256, RemoteError> {
        const METHOD: &str = "eth_getStorageAt";
        let params = vec![json!(address), json!(format!("{slot:#066x}"))];
        let answers = self.ask_state(vec![(METHOD, params)])?;
        let Word(word) = self.first(METHOD, &answers)?;
        Ok(word.into())
    }

    fn block_hash(&self, number: u64) -> Result<B256, RemoteError> {
        let params = json!([quantity(number), false]);
        let answers = self.checked(vec![(BLOCK, params)])?;
        let hash = answers.first().map_or(Ok(None), |answer| {
            answer::block_hash(answer, number).map_err(|why| self.remote.form(BLOCK, &why))
        })?;
        hash.ok_or_else(|| self.remote.form(BLOCK, &format_args!("no block {number}")))
    }

    fn first<'a, T: serde::Deserialize<'a>>(
        &self,
        method: &str,
        answers: &'a [Box<RawValue>],
    ) -> Result<T, RemoteError> {
        let first = answers.first();
        let first = first.ok_or_else(|| self.remote.form(method, &"an answer is missing"))?;
        self.read(method, first)
    }

    fn read<'a, T: serde::Deserialize<'a>>(
        &self,
        method: &str,
        answer: &'a RawValue,
    ) -> Result<T, RemoteError> {
        answer::read(answer).map_err(|why| self.remote.form(method, &why))
    }

    /// Asks for what a path stands for.
    fn ask(&self, path: &[u8], question: Question) -> Result<(), RemoteError> {
        match question {
            Question::Account(address) => self.accounts(&[address]).map(|_| ()),
            Question::Slot(address, slot) => {
                let word = self.slot(address, slot)?;
                let bytes = word.encode();
                let value = (!word.is_zero()).then_some(AsRef::<[u8]>::as_ref(&bytes));
                self.cache.put(path, value);
                Ok(())
            }
            // Code comes with its account.
            Question::Code(hash) => {
                let owner = lock(&self.owners).get(&hash).copied();
                owner.map_or(Ok(()), |owner| self.accounts(&[owner]).map(|_| ()))
            }
            Question::BlockHash(number) => {
                let hash = HeaderHash(self.block_hash(number)?).encode();
                self.cache.put(path, Some(&hash));
                Ok(())
            }
        }
    }
}

/// The turn to ask for a path.
struct Turn<'s>(&'s State, &'s [u8]);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        lock(&self.0.asking).remove(self.1);
        self.0.answered.notify_all();
    }
}

impl State {
    /// Waits for the turn to ask for a path; `None`: somebody else did meanwhile.
    fn turn<'s>(&'s self, path: &'s [u8]) -> Result<Option<Turn<'s>>, RemoteError> {
        let mut asking = lock(&self.asking);
        if asking.insert(path.to_vec()) {
            return Ok(Some(Turn(self, path)));
        }
        waiting(move || {
            let start = Instant::now();
            while asking.contains(path) {
                let Some(left) = LONGEST_TURN.checked_sub(start.elapsed()) else {
                    let url = self.remote.shown();
                    return Err(RemoteError::Crowded { url });
                };
                let woken = self.answered.wait_timeout(asking, left);
                asking = woken.unwrap_or_else(PoisonError::into_inner).0;
            }
            Ok(None)
        })
    }
}

impl Source for State {
    fn value(&self, path: &[u8]) -> Result<Option<Value>, Unavailable> {
        let question = match Question::of(path) {
            None => return Ok(None),
            // The storage has this one, and there are none after it.
            Some(Question::BlockHash(number)) if number >= self.number => return Ok(None),
            Some(question) => question,
        };
        loop {
            if let Some(known) = self.cache.get(path) {
                return Ok(known);
            }
            let (failures, _) = self.trouble();
            let turn = self.turn(path).map_err(|error| self.failed(&error))?;
            let Some(_turn) = turn else {
                match self.trouble() {
                    (now, Some(why)) if now > failures && self.cache.get(path).is_none() => {
                        return Err(Unavailable::Elsewhere(why));
                    }
                    _ => continue,
                }
            };
            if self.cache.get(path).is_none() {
                self.ask(path, question)
                    .map_err(|error| self.failed(&error))?;
                return Ok(self.cache.get(path).flatten());
            }
        }
    }
}

/// A block as EIP-1898 names it.
fn named(hash: B256) -> Json {
    json!({ "blockHash": hash, "requireCanonical": true })
}

/// A number as a quantity of JSON-RPC.
pub(super) fn quantity(number: u64) -> String {
    format!("{number:#x}")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use storage::layout::{HEADERS, SLOTS, TRANSACTIONS};

    #[test]
    fn paths_of_the_kernel_are_questions_to_another_chain() {
        let address = Address::repeat_byte(7);
        let slot = U256::from(9);
        let of = |path: &str| Question::of(path.as_bytes());
        let path = |path: storage::key::KeyPath| path.as_path().to_string();
        assert_eq!(
            of(&path(ACCOUNTS.path(&address).unwrap())),
            Some(Question::Account(address))
        );
        assert_eq!(
            of(&path(SLOTS.path(&(address, slot)).unwrap())),
            Some(Question::Slot(address, slot))
        );
        let hash = B256::repeat_byte(3);
        assert_eq!(
            of(&path(CODE.path(&hash).unwrap())),
            Some(Question::Code(hash))
        );
        assert_eq!(
            of(&path(HEADERS.path(&12).unwrap())),
            Some(Question::BlockHash(12))
        );
        for nothing in [
            path(TRANSACTIONS.path(&12).unwrap()),
            "/evm/state/h".into(),
            "/evm/state/k/o".into(),
            "/evm/queue/1".into(),
            "/evm/state".into(),
            "/kernel/boot.wasm".into(),
        ] {
            assert_eq!(of(&nothing), None, "{nothing}");
        }
    }
}
