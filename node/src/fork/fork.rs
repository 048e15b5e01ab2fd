//! A chain that goes on from a block of another one, whose node is asked for what was before.

use super::cache::{Cache, default_folder};
use super::remote::{Manner, Remote, RemoteError, is_local};
use super::state::{State, quantity};
use alloy_primitives::{Address, B64, B256, Bloom, Bytes, U256, hex};
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

/// Which chain is gone on from, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForkOptions {
    /// The URL of its node.
    pub url: String,
    /// The block; `None`: the newest.
    pub block: Option<u64>,
    /// How the node is asked.
    pub manner: Manner,
    /// Where its answers are kept.
    pub cache: CachePlace,
}

/// Where answers are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum CachePlace {
    /// In the user's folder of caches; in memory alone for a node on this machine, where
    /// chains come and go.
    #[default]
    Default,
    /// In a folder.
    Folder(PathBuf),
    /// In memory alone.
    Memory,
}

impl ForkOptions {
    /// The newest block of the chain that a node has.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            block: None,
            manner: Manner::default(),
            cache: CachePlace::default(),
        }
    }
}

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
    #[error("cannot use the cache {}: {why}", .path.display())]
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
        let form = |error: serde_json::Error| remote.form(BLOCK, &error);
        let chain_id: U256 = serde_json::from_str(chain_id.get()).map_err(form)?;
        let block: Option<RemoteBlock> = serde_json::from_str(block.get()).map_err(form)?;
        let block = block.ok_or_else(|| ForkError::NoBlock {
            url: remote.shown(),
            block: at,
        })?;
        let chain_id = narrow(chain_id);
        let (hash, header) = (block.hash, block.header());
        let cache = open(&options, chain_id, header.number, hash)?;
        let state = State::new(remote, cache, header.number);
        Ok(Self {
            state: Arc::new(state),
            options,
            chain_id,
            hash,
            header,
        })
    }

    /// How it was made.
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

    /// How often something could not be had, and why the last time.
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

    /// What the other chain's node answers to a request about what was up to the block; `null`
    /// if it is about what came after it.
    ///
    /// # Errors
    /// [`RemoteError`].
    pub fn past(&self, method: &str, params: &Json) -> Result<Box<RawValue>, RemoteError> {
        let key = format!("{method} {params}").into_bytes();
        let cache = &self.state.cache;
        if let Some(Some(known)) = cache.get(&key)
            && let Ok(text) = String::from_utf8(known.to_vec())
            && let Ok(known) = RawValue::from_string(text)
        {
            return Ok(known);
        }
        let answer = self.state.remote.ask(method, params)?;
        let text = answer.get();
        if text == "null" || self.is_later(text) {
            return Ok(RawValue::NULL.to_owned());
        }
        if text.len() <= KEPT && key.len() <= usize::from(u16::MAX) {
            cache.put(&key, Some(text.as_bytes()));
        }
        Ok(answer)
    }

    /// Whether an answer is about a block after ours.
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
    hash: B256,
    number: U256,
    parent_hash: B256,
    timestamp: U256,
    gas_limit: U256,
    gas_used: U256,
    #[serde(default)]
    base_fee_per_gas: Option<U256>,
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
    extra_data: Option<Bytes>,
    #[serde(default)]
    difficulty: Option<U256>,
    #[serde(default)]
    parent_beacon_block_root: Option<B256>,
}

impl RemoteBlock {
    fn header(self) -> Header {
        let absent = Header::default();
        Header {
            parent_hash: self.parent_hash,
            beneficiary: self.miner.unwrap_or_default(),
            state_root: self.state_root,
            transactions_root: self.transactions_root.unwrap_or(absent.transactions_root),
            receipts_root: self.receipts_root.unwrap_or(absent.receipts_root),
            logs_bloom: self.logs_bloom.unwrap_or_default(),
            difficulty: self.difficulty.unwrap_or_default(),
            number: narrow(self.number),
            gas_limit: narrow(self.gas_limit),
            gas_used: narrow(self.gas_used),
            timestamp: narrow(self.timestamp),
            extra_data: self.extra_data.unwrap_or_default(),
            mix_hash: self.mix_hash.unwrap_or_default(),
            nonce: self.nonce.unwrap_or_default(),
            base_fee_per_gas: self.base_fee_per_gas.map_or(0, narrow),
            parent_beacon_block_root: self.parent_beacon_block_root.unwrap_or_default(),
            ..absent
        }
    }
}

fn narrow(number: U256) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
