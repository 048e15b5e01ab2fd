//! A chain that goes on from a block of another one, whose node is asked for what was before.

use super::answer::{self, Data, Number, Quantity, Word};
use super::cache::{Cache, default_folder};
use super::options::{CachePlace, ForkOptions};
use super::remote::{Remote, RemoteError, is_local};
use super::state::{State, quantity};
use alloy_primitives::{Address, B64, B256, Bloom, U256, hex};
use ethereum::Header;
use pvm::Durable;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value as Json, json};
use std::path::PathBuf;
use std::sync::Arc;
use storage::Account;
use storage::layout::STATE;

/// The most bytes of an answer about the past that are kept.
const KEPT: usize = 256 << 10;

/// Why there is no fork.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ForkError {
    /// The other chain's node gives no answer.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// It has no such block.
    #[error("{url} has no block {block}")]
    NoBlock {
        /// Whom was asked.
        url: String,
        /// The block.
        block: String,
    },
    /// The thread that asks ended.
    #[error("{0}")]
    Thread(String),
    /// The cache cannot be used.
    #[error(
        "cannot use the cache {}: {why} (--fork-cache names another folder, --no-fork-cache keeps answers in memory alone)",
        .path.display()
    )]
    Cache {
        /// Its file.
        path: PathBuf,
        /// Why.
        why: String,
    },
}

/// A chain that goes on from a block of another one.
#[derive(Debug)]
pub struct Fork {
    state: Arc<State>,
    options: ForkOptions,
    chain_id: u64,
    hash: B256,
    header: Header,
}

impl Fork {
    /// Asks the node of the other chain for its number and the block.
    ///
    /// # Errors
    /// [`ForkError`].
    pub fn connect(options: ForkOptions) -> Result<Self, ForkError> {
        let remote = Arc::new(Remote::new(&options.url, options.manner.clone()));
        Self::of(remote, options)
    }

    fn of(remote: Arc<Remote>, options: ForkOptions) -> Result<Self, ForkError> {
        const BLOCK: &str = "eth_getBlockByNumber";
        let at = options.block.map_or_else(|| "latest".into(), quantity);
        let answers = remote.ask_all(&[("eth_chainId", json!([])), (BLOCK, json!([at, false]))])?;
        let [chain_id, block] = &answers[..] else {
            return Err(remote.form(BLOCK, &"an answer is missing").into());
        };
        let form = |method, why: String| remote.form(method, &why);
        let Number(chain_id) = answer::read(chain_id).map_err(|why| form("eth_chainId", why))?;
        let block: Option<RemoteBlock> = answer::read(block).map_err(|why| form(BLOCK, why))?;
        let block = block.ok_or_else(|| ForkError::NoBlock {
            url: remote.shown(),
            block: options
                .block
                .map_or_else(|| "latest".into(), |number| number.to_string()),
        })?;
        let (hash, header) = (block.hash.0, block.header());
        if let Some(asked) = options.block
            && asked != header.number
        {
            return Err(form(BLOCK, format!("it is block {}, not {asked}", header.number)).into());
        }
        let cache = open(&options, chain_id, header.number, hash)?;
        let state = State::new(remote, cache, (header.number, hash));
        Ok(Self {
            state: Arc::new(state),
            options,
            chain_id,
            hash,
            header,
        })
    }

    /// Its options.
    #[must_use]
    pub const fn options(&self) -> &ForkOptions {
        &self.options
    }

    /// The other chain's number.
    #[must_use]
    pub const fn chain_id(&self) -> u64 {
        self.chain_id
    }

    /// The number of the block.
    #[must_use]
    pub const fn number(&self) -> u64 {
        self.header.number
    }

    /// The hash of the block.
    #[must_use]
    pub const fn hash(&self) -> B256 {
        self.hash
    }

    /// The header of the block, as far as ours have the same fields.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// The node of the other chain.
    #[must_use]
    pub fn remote(&self) -> &Remote {
        &self.state.remote
    }

    /// The number of failed requests, and the reason of the last one.
    #[must_use]
    pub fn trouble(&self) -> (u64, Option<Arc<str>>) {
        self.state.trouble()
    }

    /// The accounts after the block.
    ///
    /// # Errors
    /// If they cannot be had.
    pub fn accounts(&self, addresses: &[Address]) -> Result<Vec<Account>, RemoteError> {
        self.state.accounts(addresses)
    }

    /// Lets what a storage of ours does not have come from the other chain.
    #[must_use]
    pub fn behind(&self, storage: Durable) -> Durable {
        let source = Arc::clone(&self.state);
        storage.with_source(STATE.as_bytes(), source)
    }

    /// The other chain's node's answer to a request about the time up to the block; `null`
    /// if it is about what came after it. What is not of the method's type is no answer, and what
    /// comes after a reorganisation is none either.
    ///
    /// # Errors
    /// [`RemoteError`].
    pub fn past(&self, method: &str, params: &Json) -> Result<Box<RawValue>, RemoteError> {
        let key = format!("{method} {params}").into_bytes();
        let cache = &self.state.cache;
        if let Some(Some(known)) = cache.get(&key)
            && let Ok(text) = String::from_utf8(known.to_vec())
            && let Ok(known) = RawValue::from_string(text)
            && answer::check(method, params, &known).is_ok()
        {
            return Ok(known);
        }
        let answers = self.state.checked(vec![(method, params.clone())])?;
        let answer = answers.into_iter().next();
        let answer = answer.unwrap_or_else(|| RawValue::NULL.to_owned());
        answer::check(method, params, &answer)
            .map_err(|why| self.state.remote.form(method, &why))?;
        let text = answer.get();
        if text == "null" || self.is_later(text) || waits(method, text) {
            return Ok(RawValue::NULL.to_owned());
        }
        if text.len() <= KEPT && key.len() <= usize::from(u16::MAX) {
            cache.put(&key, Some(text.as_bytes()));
        }
        Ok(answer)
    }

    /// True if an answer is about a block after ours.
    fn is_later(&self, answer: &str) -> bool {
        #[derive(Deserialize)]
        struct Numbered {
            #[serde(default, rename = "blockNumber")]
            block: Option<U256>,
            #[serde(default)]
            number: Option<U256>,
        }
        let Ok(numbered) = serde_json::from_str::<Numbered>(answer) else {
            return false;
        };
        let number = numbered.block.or(numbered.number);
        number.is_some_and(|number| number > U256::from(self.header.number))
    }
}

/// Asks for a fork on a thread that may block.
///
/// # Errors
/// [`ForkError`].
pub(crate) async fn connect(options: Option<ForkOptions>) -> Result<Option<Arc<Fork>>, ForkError> {
    let Some(options) = options else {
        return Ok(None);
    };
    let asked = tokio::task::spawn_blocking(|| Fork::connect(options)).await;
    let fork = asked.map_err(|error| ForkError::Thread(error.to_string()))??;
    Ok(Some(Arc::new(fork)))
}

/// True if an answer is about a transaction that is in no block: of the other chain's pool.
fn waits(method: &str, answer: &str) -> bool {
    method == "eth_getTransactionByHash"
        && serde_json::from_str::<Json>(answer)
            .is_ok_and(|transaction| transaction.get("blockNumber").is_none_or(Json::is_null))
}

/// The file of what is known of a block: another for each chain, number and hash.
fn open(options: &ForkOptions, chain_id: u64, number: u64, hash: B256) -> Result<Cache, ForkError> {
    let folder = match &options.cache {
        CachePlace::Memory => None,
        CachePlace::Folder(folder) => Some(folder.clone()),
        CachePlace::Default if is_local(&options.url) => None,
        CachePlace::Default => default_folder(),
    };
    let Some(folder) = folder else {
        return Ok(Cache::default());
    };
    let name = format!("{number}-{}.cache", hex::encode(&hash[..8]));
    let path = folder.join(chain_id.to_string()).join(name);
    Cache::open(&path).map_err(|error| ForkError::Cache {
        why: error.to_string(),
        path,
    })
}

/// A block of another chain: what of it our headers have.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RemoteBlock {
    hash: Word,
    number: Number,
    parent_hash: Word,
    timestamp: Number,
    gas_limit: Number,
    gas_used: Number,
    #[serde(default)]
    base_fee_per_gas: Option<Number>,
    #[serde(default)]
    state_root: B256,
    #[serde(default)]
    transactions_root: Option<B256>,
    #[serde(default)]
    receipts_root: Option<B256>,
    #[serde(default)]
    logs_bloom: Option<Bloom>,
    #[serde(default)]
    miner: Option<Address>,
    #[serde(default)]
    mix_hash: Option<B256>,
    #[serde(default)]
    nonce: Option<B64>,
    #[serde(default)]
    extra_data: Option<Data>,
    #[serde(default)]
    difficulty: Option<Quantity>,
    #[serde(default)]
    parent_beacon_block_root: Option<B256>,
}

impl RemoteBlock {
    fn header(self) -> Header {
        let absent = Header::default();
        Header {
            parent_hash: self.parent_hash.0,
            beneficiary: self.miner.unwrap_or_default(),
            state_root: self.state_root,
            transactions_root: self.transactions_root.unwrap_or(absent.transactions_root),
            receipts_root: self.receipts_root.unwrap_or(absent.receipts_root),
            logs_bloom: self.logs_bloom.unwrap_or_default(),
            difficulty: self.difficulty.map_or(U256::ZERO, |number| number.0),
            number: self.number.0,
            gas_limit: self.gas_limit.0,
            gas_used: self.gas_used.0,
            timestamp: self.timestamp.0,
            extra_data: self.extra_data.map_or_else(Default::default, |data| data.0),
            mix_hash: self.mix_hash.unwrap_or_default(),
            nonce: self.nonce.unwrap_or_default(),
            base_fee_per_gas: self.base_fee_per_gas.map_or(0, |number| number.0),
            parent_beacon_block_root: self.parent_beacon_block_root.unwrap_or_default(),
            ..absent
        }
    }
}
