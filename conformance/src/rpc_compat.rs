//! The recorded JSON-RPC cases of execution-apis, on a devnet that replays their chain as
//! far as a rollup can.
//!
//! The chain is older than the kernel's rules: its blocks are mined one by one, each with
//! the same number, time, base fee (1 wei before there was one) and transactions, by the rules
//! of its fork as far as the kernel has them (those of Cancun for what is older); a nonce
//! that a transaction with blobs has is skipped, and what it pays is paid. What those rules
//! made of it is put in its place where the recording tells: the accounts after some blocks,
//! the last among them. Hashes and roots are ours: where a request names a block's hash, ours
//! stands for it, and in answers their form alone is compared; what contracts return is
//! compared with our hashes in their places.

mod chain;
mod judge;

pub use judge::OWN_FIELDS;

use alloy_primitives::{Address, B256, KECCAK256_EMPTY, U256, keccak256};
use ethereum::rlp::Decoder;
use node::genesis::{Genesis, GenesisAccount, GenesisError};
use node::miner::Change;
use node::rpc::params::Params;
use node::{BlockTime, Handle, Options};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

/// Files by their path below the folder of the suite.
pub type Files = BTreeMap<String, Vec<u8>>;

/// The cases that no rollup can pass, by the start of their path, and why.
pub const IMPOSSIBLE: &[(&str, &str)] = &[
    (
        "eth_config/",
        "a schedule of blobs, contracts of the beacon chain and a fork by its time, none of which a rollup has",
    ),
    (
        "testing_buildBlockV1/build-block-empty",
        "a gas limit on its way from the chain's to go-ethereum's own; here it is configured and stays",
    ),
    ("eth_sendRawTransaction/send-blob-tx", "no blobs"),
];

/// A case that did not pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Its file.
    pub path: String,
    /// The first difference.
    pub why: String,
}

/// The results of the cases.
#[derive(Clone, Debug, Default)]
pub struct RpcCaseOutcome {
    /// Files whose calls are all answered as recorded.
    pub passed: Vec<String>,
    /// Files that are not.
    pub failed: Vec<Failure>,
    /// Transactions of the chain that are in our blocks.
    pub replayed: usize,
    /// Those that are not, with the reason.
    pub left_out: Vec<(B256, String)>,
}

/// Why there is nothing to run.
#[derive(Debug, thiserror::Error)]
pub enum CompatError {
    /// A file is missing.
    #[error("no file {0}")]
    Missing(String),
    /// A file is not what it should be.
    #[error("{path}: {why}")]
    Invalid {
        /// The file.
        path: String,
        /// The reason.
        why: String,
    },
    /// The devnet does not do what the replay needs.
    #[error("{method}: {message}")]
    Devnet {
        /// The method that was called.
        method: String,
        /// The message.
        message: String,
    },
}

/// Runs all cases of `files` on a devnet of `kernel`.
///
/// # Errors
/// [`CompatError`] if the chain cannot be replayed.
pub async fn run(files: &Files, kernel: &Path) -> Result<RpcCaseOutcome, CompatError> {
    let genesis = accounts(files, "genesis.json")?;
    let mut options = Options::new(kernel);
    options.block_time = BlockTime::Manual;
    options.chain_id = genesis.config.chain_id;
    options.timestamp = Some(0);
    options.accounts = 0;
    options.predeploys = false;
    options.genesis = genesis;
    options.genesis.config.revisions = chain::revisions(files)?;
    options.genesis.config.base_fee_floor = 1;
    options.genesis.config.block_gas_limit = 200_000_000;
    // Any block of the chain fits a level, and its work does not move the base fee.
    options.genesis.config.run_budget = 10_000_000_000;
    options.genesis.config.level_budget = 10_000_000_000;
    let devnet = node::devnet(options)
        .await
        .map_err(|error| CompatError::Devnet {
            method: "devnet".into(),
            message: error.to_string(),
        })?;
    let mut outcome = RpcCaseOutcome::default();
    let hashes = replay(&devnet, files, &mut outcome).await?;
    let mut cases: Vec<&String> = files.keys().filter(|path| is_case(path)).collect();
    // What changes the state comes last.
    cases.sort_by_key(|path| path.starts_with("eth_send") || path.starts_with("testing_"));
    for path in cases {
        let text = text(files, path)?;
        match case(&devnet, path, &text, &hashes).await {
            Ok(()) => outcome.passed.push(path.clone()),
            Err(why) => outcome.failed.push(Failure {
                path: path.clone(),
                why,
            }),
        }
    }
    devnet.stop();
    Ok(outcome)
}

fn is_case(path: &str) -> bool {
    path.strip_suffix(".io").is_some() && path.contains('/')
}

/// Why a case cannot pass, if it is known.
#[must_use]
pub fn impossible(path: &str) -> Option<&'static str> {
    let known = IMPOSSIBLE.iter().find(|(start, _)| path.starts_with(start));
    known.map(|(_, why)| *why)
}

fn text(files: &Files, path: &str) -> Result<String, CompatError> {
    let bytes = files
        .get(path)
        .ok_or_else(|| CompatError::Missing(path.into()))?;
    String::from_utf8(bytes.clone()).map_err(|error| invalid(path, error))
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn invalid(path: &str, why: impl ToString) -> CompatError {
    CompatError::Invalid {
        path: path.into(),
        why: why.to_string(),
    }
}

fn accounts(files: &Files, path: &str) -> Result<Genesis, CompatError> {
    genesis(&text(files, path)?).map_err(|error| invalid(path, error))
}

/// The accounts of a genesis file, or of a recorded state, which tells its block, too.
///
/// # Errors
/// If the text is neither.
pub fn genesis(text: &str) -> Result<Genesis, GenesisError> {
    let mut file: Value = serde_json::from_str(text)?;
    if let Some(fields) = file.as_object_mut() {
        for name in ["block", "blockHash", "stateRoot"] {
            fields.remove(name);
        }
    }
    Genesis::from_json(&file.to_string())
}

async fn ask(devnet: &Handle, method: &str, params: Value) -> Result<Value, CompatError> {
    let Value::Array(params) = params else {
        return Err(invalid(method, "params are no list"));
    };
    let answer = node::rpc::call(devnet.miner(), method, Params::new(params)).await;
    answer.map_err(|error| CompatError::Devnet {
        method: method.into(),
        message: error.message,
    })
}

/// Mines the recorded blocks; gives our hash for each of theirs.
async fn replay(
    devnet: &Handle,
    files: &Files,
    outcome: &mut RpcCaseOutcome,
) -> Result<HashMap<String, String>, CompatError> {
    let mut hashes = HashMap::new();
    let mut senders = BTreeSet::new();
    for (number, block) in (1..).zip(chain::blocks(files)?) {
        let time = json!([block.timestamp]);
        ask(devnet, "evm_setNextBlockTimestamp", time).await?;
        let fee = json!([format!("{:#x}", block.base_fee)]);
        ask(devnet, "anvil_setNextBlockBaseFeePerGas", fee).await?;
        let (mut sent, mut skipped, mut paying) = (Vec::new(), Vec::new(), Vec::new());
        for raw in block.transactions {
            let hash = keccak256(&raw);
            match devnet.node().submit(raw.clone()) {
                Ok(_) => sent.push(hash),
                Err(error) => {
                    if let Some((sender, nonce)) = blob_sender(devnet, &raw, &senders).await? {
                        paying.push(raw);
                        let count = json!([sender, "latest"]);
                        let count = ask(devnet, "eth_getTransactionCount", count).await?;
                        if count == json!(format!("{nonce:#x}")) {
                            skip_nonce(devnet, sender, nonce).await?;
                        } else {
                            // Behind others of this block.
                            skipped.push((sender, nonce));
                        }
                    }
                    outcome.left_out.push((hash, error.to_string()));
                }
            }
        }
        ask(devnet, "evm_mine", json!([])).await?;
        for (sender, nonce) in skipped {
            skip_nonce(devnet, sender, nonce).await?;
        }
        for raw in paying {
            pay(devnet, &raw).await?;
        }
        let newest = devnet.node().latest();
        let newest = newest.map_err(|error| CompatError::Devnet {
            method: "latest".into(),
            message: error.to_string(),
        })?;
        senders.extend(newest.transactions.iter().map(|one| one.sender));
        let included = newest.transactions.iter();
        let included: Vec<B256> = included.map(|one| one.transaction.hash).collect();
        outcome.replayed += included.len();
        for hash in sent.into_iter().filter(|hash| !included.contains(hash)) {
            outcome.left_out.push((hash, "not in its block".into()));
        }
        hashes.insert(block.hash.to_string(), newest.hash.to_string());
        put_state(devnet, files, number).await?;
    }
    Ok(hashes)
}

/// The sender of a transaction with blobs, whose turn its nonce is, and the nonce.
async fn blob_sender(
    devnet: &Handle,
    raw: &[u8],
    senders: &BTreeSet<Address>,
) -> Result<Option<(Address, u64)>, CompatError> {
    const BLOB: u8 = 3;
    let Some((&BLOB, rest)) = raw.split_first() else {
        return Ok(None);
    };
    let nonce = Decoder::new(rest).list().and_then(|mut fields| {
        fields.u64()?;
        fields.u64()
    });
    let nonce = nonce.map_err(|error| invalid("chain.rlp", error))?;
    for sender in senders {
        let count = json!([sender, "pending"]);
        let count = ask(devnet, "eth_getTransactionCount", count).await?;
        if count == json!(format!("{nonce:#x}")) {
            return Ok(Some((*sender, nonce)));
        }
    }
    Ok(None)
}

/// Counts a transaction with blobs as sent.
async fn skip_nonce(devnet: &Handle, sender: Address, nonce: u64) -> Result<(), CompatError> {
    let next = json!([sender, format!("{:#x}", nonce + 1)]);
    ask(devnet, "anvil_setNonce", next).await?;
    Ok(())
}

/// Pays what a transaction with blobs pays.
async fn pay(devnet: &Handle, raw: &[u8]) -> Result<(), CompatError> {
    /// The fields before `to`.
    const BEFORE: usize = 5;
    let fields = || {
        let mut fields = Decoder::new(raw.get(1..).unwrap_or_default()).list()?;
        for _ in 0..BEFORE {
            fields.item()?;
        }
        Ok::<_, ethereum::rlp::Error>((fields.address()?, fields.u64()?))
    };
    let (to, value) = fields().map_err(|error| invalid("chain.rlp", error))?;
    let balance = ask(devnet, "eth_getBalance", json!([to, "latest"])).await?;
    let number = balance.as_str().and_then(|text| text.parse::<U256>().ok());
    let number = number.ok_or_else(|| invalid("eth_getBalance", balance))?;
    let balance = json!([to, format!("{:#x}", number + U256::from(value))]);
    ask(devnet, "anvil_setBalance", balance).await?;
    Ok(())
}

/// Puts the accounts that are recorded after a block in the place of ours.
async fn put_state(devnet: &Handle, files: &Files, number: u64) -> Result<(), CompatError> {
    let path = format!("replay-states/state-at-{number}.json");
    if !files.contains_key(&path) {
        return Ok(());
    }
    let recorded = accounts(files, &path)?;
    for (address, account) in recorded.alloc {
        put_account(devnet, address, account).await?;
    }
    Ok(())
}

async fn put_account(
    devnet: &Handle,
    address: Address,
    account: GenesisAccount,
) -> Result<(), CompatError> {
    let failed = |error: node::NodeError| CompatError::Devnet {
        method: "change".into(),
        message: error.to_string(),
    };
    let latest = devnet.node().latest().map_err(failed)?;
    let state = latest.state().map_err(|error| failed(error.into()))?;
    let known = storage::layout::ACCOUNTS.get(state, &address);
    let known = known.map_err(|error| failed(error.into()))?;
    let code_hash = match account.code.is_empty() {
        true => KECCAK256_EMPTY,
        false => keccak256(&account.code),
    };
    let same_code = known.unwrap_or_default().code_hash == code_hash;
    let change = Change {
        balance: Some(account.balance),
        nonce: Some(account.nonce),
        code: (!same_code).then_some(account.code),
        slot: None,
    };
    devnet
        .miner()
        .change(address, change)
        .await
        .map_err(failed)?;
    for slot in account.storage {
        let change = Change {
            slot: Some(slot),
            ..Change::default()
        };
        devnet
            .miner()
            .change(address, change)
            .await
            .map_err(failed)?;
    }
    Ok(())
}

/// A file's calls with the answers that are expected, and whether their shape alone is.
fn calls(text: &str) -> Result<(bool, Vec<(Value, Value)>), serde_json::Error> {
    let lines = |mark: &'static str| {
        let lines = text.lines().filter_map(move |line| line.strip_prefix(mark));
        lines
            .map(serde_json::from_str)
            .collect::<Result<Vec<Value>, _>>()
    };
    let shape = text.lines().any(|line| line.starts_with("// speconly:"));
    Ok((
        shape,
        lines(">> ")?.into_iter().zip(lines("<< ")?).collect(),
    ))
}

/// Judges a file.
async fn case(
    devnet: &Handle,
    path: &str,
    text: &str,
    hashes: &HashMap<String, String>,
) -> Result<(), String> {
    let (shape, calls) = calls(text).map_err(|error| error.to_string())?;
    for (mut request, mut expected) in calls {
        substitute(&mut request, hashes);
        substitute(&mut expected, hashes);
        let method = request["method"].as_str().unwrap_or_default().to_owned();
        let params = match request["params"].take() {
            Value::Array(params) => params,
            _ => Vec::new(),
        };
        let actual = node::rpc::call(devnet.miner(), &method, Params::new(params)).await;
        if let Ok(actual) = &actual {
            // Those of simulated blocks.
            let mut own = HashMap::new();
            block_hashes(&expected["result"], actual, &mut own);
            substitute(&mut expected, &own);
        }
        judge::judge(&expected, &actual, shape).map_err(|why| format!("{path}: {why}"))?;
    }
    Ok(())
}

/// Our hash of each block in an answer that has another in the recorded one.
fn block_hashes(expected: &Value, actual: &Value, hashes: &mut HashMap<String, String>) {
    match (expected, actual) {
        (Value::Object(fields), Value::Object(others)) => {
            let hash = |fields: &serde_json::Map<String, Value>| {
                let block = fields
                    .contains_key("parentHash")
                    .then(|| fields.get("hash"));
                block.flatten().and_then(Value::as_str).map(str::to_owned)
            };
            if let (Some(theirs), Some(own)) = (hash(fields), hash(others))
                && theirs.len() == own.len()
            {
                hashes.insert(theirs, own);
            }
            for (name, value) in fields {
                block_hashes(value, others.get(name).unwrap_or(&Value::Null), hashes);
            }
        }
        (Value::Array(items), Value::Array(others)) => {
            for (item, other) in items.iter().zip(others) {
                block_hashes(item, other, hashes);
            }
        }
        _ => {}
    }
}

/// Puts our hashes of blocks in the place of theirs.
fn substitute(value: &mut Value, hashes: &HashMap<String, String>) {
    match value {
        Value::String(text) => {
            // Also within what contracts return.
            for (theirs, own) in hashes {
                if text.len() >= theirs.len() && text.contains(&theirs[2..]) {
                    *text = text.replace(&theirs[2..], &own[2..]);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| substitute(item, hashes)),
        Value::Object(fields) => fields
            .values_mut()
            .for_each(|field| substitute(field, hashes)),
        _ => {}
    }
}
