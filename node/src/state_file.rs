//! A chain as anvil dumps and loads it: accounts in JSON, with blocks in a field of our own.

use crate::chain::ChainError;
use crate::chain_file::{self, ChainDump};
use crate::error::NodeError;
use crate::genesis::GenesisAccount;
use crate::node::Node;
use alloy_primitives::{Address, Bytes, U256, hex};
use flate2::read::GzDecoder;
use pvm::Durable;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::io::Read;
use storage::StorageError;
use storage::layout::{ACCOUNTS, CODE, SLOTS};

/// The path of the accounts in durable storage.
const ROOT: &str = "/evm/state/a";

/// The most bytes of a dump that comes compressed.
const UNPACKED: u64 = 32 << 20;

/// The first bytes of a compressed dump.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Why a state is not dumped.
#[derive(Debug, thiserror::Error)]
pub enum DumpError {
    /// It is no longer kept, or cannot be read.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// There is no block yet.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// It cannot be read.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// It takes more bytes than are wanted.
    #[error("the state takes more than {0} bytes")]
    TooLarge(usize),
}

/// The dump.
#[derive(Clone, Debug, Default)]
pub struct Dump {
    /// The accounts.
    pub accounts: BTreeMap<Address, GenesisAccount>,
    /// The chain, if it is a dump of ours.
    pub chain: Option<ChainDump>,
}

/// The newest state of a node and its chain, in at most `most` bytes: the oldest blocks are left
/// out if there is no room. On a fork it is the accounts that are here.
///
/// # Errors
/// [`DumpError`].
pub fn write(node: &Node, most: usize) -> Result<String, DumpError> {
    let block = node.latest()?;
    let state = block.state()?;
    // anvil takes a block only with all blocks up to it.
    let mut text = String::from(r#"{"block":null,"accounts":{"#);
    let mut first = true;
    for name in children(state, ROOT)? {
        let Some(address) = host::path::decode_key::<20>(name.as_bytes()) else {
            continue;
        };
        let address = Address::new(address);
        if !std::mem::take(&mut first) {
            text.push(',');
        }
        let account = account(state, &address)?;
        text.push_str(&format!(r#""{address:#x}":{account}"#));
        if text.len() > most {
            return Err(DumpError::TooLarge(most));
        }
    }
    text.push_str(
        r#"},"best_block_number":null,"blocks":[],"transactions":[],"historical_states":null"#,
    );
    if !state.has_source() {
        let left = most.saturating_sub(text.len());
        let chain = chain_file::write(&node.chain(), state, left)?;
        text.push_str(&format!(r#","{}":{chain}"#, chain_file::FIELD));
    }
    text.push('}');
    Ok(text)
}

fn children(state: &Durable, path: &str) -> Result<Vec<String>, StorageError> {
    let names = state.children(path);
    names.map_err(|why| host::HostError::from(pvm::StoreError::from(why)).into())
}

/// An account with its slots.
fn account(state: &Durable, address: &Address) -> Result<Value, DumpError> {
    let account = ACCOUNTS.get(state, address)?.unwrap_or_default();
    let code = match account.has_code() {
        true => CODE.get(state, &account.code_hash)?.unwrap_or_default(),
        false => Bytes::new(),
    };
    let path = ACCOUNTS.path(address)?.as_path().to_string();
    let mut storage = Map::new();
    for name in children(state, &path)? {
        if let Some(slot) = host::path::decode_key::<32>(name.as_bytes()) {
            let slot = U256::from_be_bytes(slot);
            let value = SLOTS.get(state, &(*address, slot))?.unwrap_or_default();
            storage.insert(padded(slot), padded(value).into());
        }
    }
    Ok(json!({
        "nonce": account.nonce,
        "balance": word(account.balance),
        "code": hex::encode_prefixed(code),
        "storage": storage,
    }))
}

fn word(number: U256) -> Value {
    format!("{number:#x}").into()
}

fn padded(number: U256) -> String {
    format!("{number:#066x}")
}

/// Reads a dump, which may be compressed, as anvil's are.
///
/// # Errors
/// An error that names the fault.
pub fn read(bytes: &[u8]) -> Result<Dump, String> {
    let mut unpacked = Vec::new();
    let bytes = if bytes.starts_with(&GZIP) {
        let read = GzDecoder::new(bytes)
            .take(UNPACKED + 1)
            .read_to_end(&mut unpacked);
        read.map_err(|error| format!("the dump cannot be unpacked: {error}"))?;
        if unpacked.len() as u64 > UNPACKED {
            return Err(format!("the dump is larger than {UNPACKED} bytes"));
        }
        &unpacked
    } else {
        bytes
    };
    let dump: Value = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    let accounts = dump.get("accounts").and_then(Value::as_object);
    let accounts = accounts.ok_or("the dump has no accounts")?.iter();
    let chain = dump
        .get(chain_file::FIELD)
        .map(chain_file::read)
        .transpose()?;
    let accounts = accounts
        .map(|(address, account)| {
            let named = |why: String| format!("account {address}: {why}");
            let parsed: Address = address.parse().map_err(|_| named("no address".into()))?;
            Ok((parsed, read_account(account).map_err(named)?))
        })
        .collect::<Result<_, String>>()?;
    Ok(Dump { accounts, chain })
}

fn read_account(account: &Value) -> Result<GenesisAccount, String> {
    let number = |name: &str| match account.get(name) {
        None | Some(Value::Null) => Ok(U256::ZERO),
        Some(value) => read_word(value).ok_or(format!("invalid {name}")),
    };
    let code = match account.get("code").and_then(Value::as_str) {
        None => Bytes::new(),
        Some(code) => hex::decode(code).map_err(|_| "invalid code")?.into(),
    };
    let mut storage = BTreeMap::new();
    for (slot, value) in account
        .get("storage")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        let slot = read_word(&Value::String(slot.clone())).ok_or("invalid slot")?;
        storage.insert(slot, read_word(value).ok_or("invalid value of a slot")?);
    }
    Ok(GenesisAccount {
        balance: number("balance")?,
        nonce: u64::try_from(number("nonce")?).map_err(|_| "invalid nonce")?,
        code,
        storage,
    })
}

fn read_word(value: &Value) -> Option<U256> {
    match value {
        Value::Number(number) => number.as_u64().map(U256::from),
        Value::String(text) => match text.strip_prefix("0x") {
            Some("") => Some(U256::ZERO),
            Some(digits) => U256::from_str_radix(digits, 16).ok(),
            None => U256::from_str_radix(text, 10).ok(),
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dump_that_unpacks_to_much_is_refused() {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        let spaces = vec![b' '; 1 << 20];
        for _ in 0..40 {
            std::io::Write::write_all(&mut packed, &spaces).unwrap();
        }
        let packed = packed.finish().unwrap();
        assert!(packed.len() < 100_000);
        assert!(read(&packed).unwrap_err().contains("larger than"));
    }

    #[test]
    fn numbers_are_read_in_the_forms_that_anvil_has_had() {
        let dump = r#"{ "block": {}, "accounts": {
            "0x00000000000000000000000000000000000000aa": {
                "nonce": 3, "balance": "0xde0b6b3a7640000", "code": "0x6001",
                "storage": { "0x1": "0x2a",
                    "0x0000000000000000000000000000000000000000000000000000000000000002": "0x0" } },
            "0x00000000000000000000000000000000000000bb": { "nonce": "0x1", "balance": "7" } } }"#;
        let accounts = read(dump.as_bytes()).unwrap().accounts;
        let full = &accounts[&Address::with_last_byte(0xaa)];
        assert_eq!((full.nonce, full.code.len()), (3, 2));
        assert_eq!(full.storage[&U256::from(1)], U256::from(42));
        let bare = &accounts[&Address::with_last_byte(0xbb)];
        assert_eq!((bare.nonce, bare.balance), (1, U256::from(7)));
    }

    #[test]
    fn what_is_no_dump_is_refused() {
        for wrong in ["", "{}", "[]", r#"{"accounts": {"0x12": {}}}"#] {
            assert!(read(wrong.as_bytes()).is_err(), "{wrong}");
        }
        assert!(read(&[0x1f, 0x8b, 8, 0, 1]).is_err());
    }
}
