//! The state of a chain as anvil dumps and loads it: accounts in JSON.

use crate::chain::{Block, ChainError};
use crate::genesis::GenesisAccount;
use alloy_primitives::{Address, Bytes, U256, hex};
use flate2::read::GzDecoder;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::io::Read;
use storage::layout::{ACCOUNTS, CODE, SLOTS};

/// Where the accounts are in durable storage.
const ROOT: &str = "/evm/state/a/";

/// The most bytes of a dump that was compressed.
const MOST: u64 = 512 << 20;

/// What begins a compressed dump.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// The state after a block.
///
/// # Errors
/// If it is no longer kept, or cannot be read.
pub fn write(block: &Block) -> Result<String, ChainError> {
    let state = block.state()?;
    let mut accounts: BTreeMap<Address, Value> = BTreeMap::new();
    for (path, _) in state.values(ROOT.trim_end_matches('/')) {
        let Some((address, slot)) = place(&path) else {
            continue;
        };
        match slot {
            None => {
                let account = ACCOUNTS.get(state, &address)?.unwrap_or_default();
                let code = match account.has_code() {
                    true => CODE.get(state, &account.code_hash)?.unwrap_or_default(),
                    false => Bytes::new(),
                };
                let entry = accounts.entry(address).or_insert_with(empty);
                entry["nonce"] = account.nonce.into();
                entry["balance"] = word(account.balance);
                entry["code"] = hex::encode_prefixed(code).into();
            }
            Some(slot) => {
                let value = SLOTS.get(state, &(address, slot))?.unwrap_or_default();
                let entry = accounts.entry(address).or_insert_with(empty);
                entry["storage"][padded(slot)] = padded(value).into();
            }
        }
    }
    let accounts = accounts.into_iter();
    let accounts: Map<String, Value> = accounts
        .map(|(address, account)| (format!("{address:#x}"), account))
        .collect();
    let header = &block.header;
    let dump = json!({
        "block": {
            "number": format!("{:#x}", header.number),
            "beneficiary": format!("{:#x}", header.beneficiary),
            "timestamp": format!("{:#x}", header.timestamp),
            "gas_limit": header.gas_limit,
            "basefee": header.base_fee_per_gas,
            "difficulty": "0x0",
            "prevrandao": header.mix_hash,
            "blob_excess_gas_and_price": { "excess_blob_gas": 0, "blob_gasprice": 1 },
        },
        "accounts": accounts,
        "best_block_number": header.number,
        "blocks": [],
        "transactions": [],
        "historical_states": null,
    });
    Ok(dump.to_string())
}

fn empty() -> Value {
    json!({ "nonce": 0, "balance": "0x0", "code": "0x", "storage": {} })
}

fn word(number: U256) -> Value {
    format!("{number:#x}").into()
}

fn padded(number: U256) -> String {
    format!("{number:#066x}")
}

/// The account and the slot of a path.
fn place(path: &str) -> Option<(Address, Option<U256>)> {
    let steps = path.strip_prefix(ROOT)?;
    let (account, slot) = match steps.split_once('/') {
        Some((account, slot)) => (account, Some(slot)),
        None => (steps, None),
    };
    let address = host::path::decode_key::<20>(account.as_bytes())?.into();
    match slot {
        None => Some((address, None)),
        Some(slot) => {
            let slot = host::path::decode_key::<32>(slot.as_bytes())?;
            Some((address, Some(U256::from_be_bytes(slot))))
        }
    }
}

/// The accounts of a dump, which may be compressed, as anvil's are.
///
/// # Errors
/// What is wrong with it.
pub fn read(bytes: &[u8]) -> Result<BTreeMap<Address, GenesisAccount>, String> {
    let mut unpacked = Vec::new();
    let bytes = if bytes.starts_with(&GZIP) {
        let read = GzDecoder::new(bytes).take(MOST).read_to_end(&mut unpacked);
        read.map_err(|error| format!("the dump cannot be unpacked: {error}"))?;
        &unpacked
    } else {
        bytes
    };
    let dump: Value = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    let accounts = dump.get("accounts").and_then(Value::as_object);
    let accounts = accounts.ok_or("the dump has no accounts")?.iter();
    accounts
        .map(|(address, account)| {
            let named = |why: String| format!("account {address}: {why}");
            let parsed: Address = address.parse().map_err(|_| named("no address".into()))?;
            Ok((parsed, read_account(account).map_err(named)?))
        })
        .collect()
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
    fn numbers_are_read_in_the_forms_that_anvil_has_had() {
        let dump = r#"{ "block": {}, "accounts": {
            "0x00000000000000000000000000000000000000aa": {
                "nonce": 3, "balance": "0xde0b6b3a7640000", "code": "0x6001",
                "storage": { "0x1": "0x2a",
                    "0x0000000000000000000000000000000000000000000000000000000000000002": "0x0" } },
            "0x00000000000000000000000000000000000000bb": { "nonce": "0x1", "balance": "7" } } }"#;
        let accounts = read(dump.as_bytes()).unwrap();
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
