//! The state of the other chain at one block, as durable storage of the kernel has it.

use super::cache::Cache;
use super::remote::{Call, Remote, RemoteError, waiting};
use alloy_primitives::{Address, B256, Bytes, KECCAK256_EMPTY, U256, keccak256};
use host::path::decode_key;
use pvm::{Source, Unavailable, Value};
use serde_json::value::RawValue;
use serde_json::{Value as Json, json};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use storage::Account;
use storage::block::HeaderHash;
use storage::layout::{ACCOUNTS, CODE, STATE};
use storage::table::Value as _;

/// The state of the other chain after a block.
#[derive(Debug)]
pub(super) struct State {
    pub(super) remote: Arc<Remote>,
    pub(super) cache: Cache,
    /// The number of the block.
    pub(super) number: u64,
    trouble: Mutex<Trouble>,
    /// What somebody asks for now: others wait for the answer.
    asking: Mutex<HashSet<Vec<u8>>>,
    answered: Condvar,
    /// Who has the code with a hash, should it be asked for again.
    owners: Mutex<HashMap<B256, Address>>,
}

/// What could not be had.
#[derive(Debug, Default)]
struct Trouble {
    count: u64,
    last: Option<Arc<str>>,
}

/// What a path of durable storage asks for.
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
    pub(super) fn new(remote: Arc<Remote>, cache: Cache, number: u64) -> Self {
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
            trouble: Mutex::default(),
            asking: Mutex::default(),
            answered: Condvar::new(),
            owners: Mutex::new(owners),
        }
    }

    /// How often something could not be had, and why the last time.
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
        let at = quantity(self.number);
        let calls: Vec<Call<'_>> = addresses
            .iter()
            .flat_map(|address| {
                let names = ["eth_getBalance", "eth_getTransactionCount", "eth_getCode"];
                names.map(|name| (name, json!([address, at])))
            })
            .collect();
        if calls.is_empty() {
            return Ok(Vec::new());
        }
        let answers = self.remote.ask_all(&calls)?;
        let mut accounts = Vec::with_capacity(addresses.len());
        for (address, answers) in addresses.iter().zip(answers.chunks(3)) {
            let [balance, nonce, code] = answers else {
                break;
            };
            let code: Bytes = self.read("eth_getCode", code)?;
            let nonce: U256 = self.read("eth_getTransactionCount", nonce)?;
            let account = Account {
                balance: self.read("eth_getBalance", balance)?,
                nonce: u64::try_from(nonce).unwrap_or(u64::MAX),
                code_hash: match code.is_empty() {
                    true => KECCAK256_EMPTY,
                    false => keccak256(&code),
                },
            };
            self.keep(*address, &account, &code);
            accounts.push(account);
        }
        Ok(accounts)
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
        let params = json!([address, format!("{slot:#066x}"), quantity(self.number)]);
        let answer = self.remote.ask("eth_getStorageAt", &params)?;
        self.read("eth_getStorageAt", &answer)
    }

    fn block_hash(&self, number: u64) -> Result<B256, RemoteError> {
        const METHOD: &str = "eth_getBlockByNumber";
        let answer = self.remote.ask(METHOD, &json!([quantity(number), false]))?;
        let block: Json = self.read(METHOD, &answer)?;
        let hash = block.get("hash").and_then(Json::as_str);
        let hash = hash.and_then(|hash| hash.parse().ok());
        hash.ok_or_else(|| self.remote.form(METHOD, &"there is no hash of the block"))
    }

    fn read<T: serde::de::DeserializeOwned>(
        &self,
        method: &str,
        answer: &RawValue,
    ) -> Result<T, RemoteError> {
        serde_json::from_str(answer.get()).map_err(|error| self.remote.form(method, &error))
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
    fn turn<'s>(&'s self, path: &'s [u8]) -> Option<Turn<'s>> {
        let mut asking = lock(&self.asking);
        if asking.insert(path.to_vec()) {
            return Some(Turn(self, path));
        }
        waiting(move || {
            while asking.contains(path) {
                let woken = self.answered.wait(asking);
                asking = woken.unwrap_or_else(PoisonError::into_inner);
            }
        });
        None
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
            let Some(_turn) = self.turn(path) else {
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
