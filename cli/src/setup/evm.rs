//! Rules for the EVM kernel's setup files: settings, accounts, code, slots.

use super::below;
use crate::near::nearest;
use alloy_primitives::{Address, B256, U256, keccak256};
use host::path::decode_key;
use node::genesis::config_of;
use pvm::setup::Instruction;
use storage::account::Account;
use storage::layout::{SETUP, STATE};
use storage::table::Value as _;
use storage::{Config, SetupError};

/// Addresses whose contracts the kernel brings along: their balances and slots are the
/// bridge's books.
const BRIDGE: std::ops::RangeInclusive<u8> = 1..=5;

/// Why the EVM kernel would not read what an instruction writes, or stop at it.
pub(super) fn fault(instruction: &Instruction) -> Option<String> {
    let (Instruction::Set { to, .. }
    | Instruction::Reveal { to, .. }
    | Instruction::Move { to, .. }) = instruction;
    let set = match instruction {
        Instruction::Set { value, .. } => Some(value.as_slice()),
        _ => None,
    };
    let (setup, state) = (SETUP.to_string(), STATE.to_string());
    if below(to, &setup) {
        return setting(to[setup.len()..].trim_start_matches('/'), set);
    }
    if below(to, &state) {
        return set.map_or_else(
            || Some("accounts are to be `set`: others cannot be checked".to_owned()),
            |value| entry(to[state.len()..].trim_start_matches('/'), value),
        );
    }
    Some(format!(
        "the EVM kernel reads settings ({setup}/NAME), accounts ({state}/a/…) and code \
         ({state}/c/…), and nothing here"
    ))
}

/// A setting, by its name below `/evm/config`.
fn setting(name: &str, value: Option<&[u8]>) -> Option<String> {
    if !is_known(name) {
        let names = names();
        let hint = nearest(name, names.iter().copied()).map_or_else(
            || format!("settings are {}", names.join(", ")),
            |known| format!("did you mean {known}?"),
        );
        return Some(format!("no setting of the EVM kernel: {hint}"));
    }
    value
        .is_none()
        .then(|| "a setting is to be `set`: another value cannot be checked".to_owned())
}

/// The settings that a setup file always has, and those that it has if they are changed.
fn names() -> Vec<&'static str> {
    let config = Config {
        reassign_after: 0,
        kept_blocks: 0,
        data_fee: 1,
        ..Config::default()
    };
    config
        .to_setup()
        .into_iter()
        .map(|(name, _)| name)
        .collect()
}

/// True if the kernel reads a setting: it refuses three bytes of each.
fn is_known(name: &str) -> bool {
    let three = Instruction::Set {
        value: vec![1; 3],
        to: format!("{SETUP}/{name}"),
    };
    matches!(config_of(&[three]), Err(SetupError::Invalid { .. }))
}

/// An account, a slot or code, by its path below `/evm/state`.
fn entry(path: &str, value: &[u8]) -> Option<String> {
    let steps: Vec<&str> = path.split('/').collect();
    match steps[..] {
        ["a", account] => match address(account) {
            None => Some("not an address: expected 27 characters of base64url".to_owned()),
            Some(address) => owned(address).or_else(|| stored_account(value)),
        },
        ["a", account, slot] => match (address(account), decode_key::<32>(slot.as_bytes())) {
            (Some(address), Some(_)) => owned(address).or_else(|| stored_slot(value)),
            _ => Some("not a slot of an account: expected 27 and 43 characters".to_owned()),
        },
        ["c", hash] => match decode_key::<32>(hash.as_bytes()) {
            Some(hash) if B256::new(hash) == keccak256(value) => None,
            Some(_) => Some("the code has another hash (keccak-256) than its path".to_owned()),
            None => Some("not a hash: expected 43 characters of base64url".to_owned()),
        },
        _ => Some("only accounts (a/ADDRESS), slots and code (c/HASH) may be set".to_owned()),
    }
}

/// The address that a step of a path is.
pub(super) fn address(step: &str) -> Option<Address> {
    decode_key::<20>(step.as_bytes()).map(Address::new)
}

/// Why an account is not to be set.
fn owned(address: Address) -> Option<String> {
    let [head, middle @ .., last] = address.0.0;
    let bridge = head == 0xff && middle.iter().all(|byte| *byte == 0) && BRIDGE.contains(&last);
    bridge.then(|| format!("{address} is the bridge's own contract: its books start empty"))
}

fn stored_account(value: &[u8]) -> Option<String> {
    let known = [40, 72].contains(&value.len()) && Account::decode(value).is_some();
    (!known).then(|| {
        format!(
            "an account is nonce (8 bytes), balance (32) and code hash (32, or nothing), not {} \
             bytes",
            value.len()
        )
    })
}

fn stored_slot(value: &[u8]) -> Option<String> {
    match U256::decode(value) {
        Some(value) if !value.is_zero() => None,
        Some(_) => Some("a slot of zero has no entry".to_owned()),
        None => Some(format!("a slot has 32 bytes, not {}", value.len())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use node::genesis::Genesis;

    /// `genesis` writes only what is accepted here.
    #[test]
    fn the_sets_of_a_genesis_are_accepted() {
        let file = r#"{"alloc": {"0x00000000000000000000000000000000000000aa": {
            "balance": "0x1", "code": "0x6001", "storage": { "0x01": "0x2a" } } } }"#;
        let sets = Genesis::from_json(file).unwrap().setup().unwrap();
        assert!(sets.len() > 12, "settings, account, code, slot");
        for set in sets {
            let instruction = Instruction::Set {
                value: set.value,
                to: set.to,
            };
            assert_eq!(fault(&instruction), None);
        }
    }

    #[test]
    fn what_is_no_account_slot_or_code_is_refused() {
        let account = "A".repeat(27);
        let slot = "A".repeat(43);
        for (path, value, word) in [
            (format!("a/{account}"), vec![0; 41], "41 bytes"),
            (format!("a/{account}A"), vec![0; 40], "27 characters"),
            (format!("a/{account}/{slot}"), vec![0; 32], "zero"),
            (format!("a/{account}/{slot}"), vec![1; 31], "31"),
            (format!("a/{account}/x"), vec![1; 32], "43"),
            (format!("c/{slot}"), vec![1], "another hash"),
            ("h".to_owned(), vec![1; 149], "only accounts"),
        ] {
            let why = entry(&path, &value).expect("refused");
            assert!(why.contains(word), "{path}: {why}");
        }
        assert_eq!(entry(&format!("a/{account}"), &[0; 40]), None);
    }

    #[test]
    fn the_books_of_the_bridge_are_not_set() {
        let address = Address::new([
            0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4,
        ]);
        assert!(owned(address).is_some());
        assert_eq!(owned(Address::repeat_byte(0xff)), None);
    }

    #[test]
    fn a_misspelt_setting_has_a_hint() {
        for (name, hint) in [
            ("chainid", "chain_id?"),
            ("ticketter", "ticketer?"),
            ("colour", "settings are chain_id, "),
            ("", "settings are"),
        ] {
            let why = setting(name, Some(&[])).expect("refused");
            assert!(why.contains(hint), "{why}");
        }
        assert_eq!(setting("reassign_after", Some(&[])), None);
    }
}
