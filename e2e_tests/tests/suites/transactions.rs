//! The official `TransactionTests`, each under the rules of the newest fork that
//! it names (Cancun's for those that stop earlier: they differ in nothing that
//! these tests look at).

use alloy_primitives::{Address, B256, U256};
use e2e_tests::suites::Files;
use ethereum::transaction::{Fork, MAX_INITCODE_SIZE, Rules, check, decode, intrinsic_gas};
use ethereum::{DecodeError, InvalidTransaction, SignatureError, SignedTransaction, senders};
use serde_json::Value;

const RULES: Rules = Rules {
    chain_id: 1,
    fork: Fork::Cancun,
    data_gas: 0,
    max_initcode: MAX_INITCODE_SIZE,
};

const FORKS: [&str; 5] = ["Cancun", "Shanghai", "Paris", "London", "Berlin"];

#[derive(Debug)]
enum Refusal {
    Decode(DecodeError),
    Invalid(InvalidTransaction),
    Signature(SignatureError),
}

/// The sender, or everything that is wrong.
fn accept(raw: &[u8]) -> Result<(SignedTransaction, Address), Vec<Refusal>> {
    let signed = decode(raw).map_err(|error| vec![Refusal::Decode(error)])?;
    let valid = check(&signed.transaction, RULES).map_err(Refusal::Invalid);
    let sender = senders([&signed]).remove(0).map_err(Refusal::Signature);
    match (valid, sender) {
        (Ok(()), Ok(sender)) => Ok((signed, sender)),
        (valid, sender) => Err(valid.err().into_iter().chain(sender.err()).collect()),
    }
}

/// True if a refusal is for the reason that the test names.
fn is_for(refusal: &Refusal, exception: &str) -> bool {
    use DecodeError as D;
    use InvalidTransaction as I;
    use Refusal::{Decode, Invalid, Signature};
    let reason = exception.trim_start_matches("TransactionException.");
    match reason {
        "TYPE_NOT_SUPPORTED" => {
            matches!(
                refusal,
                Decode(D::UnknownType(_) | D::Empty | D::Rlp(_) | D::Blob)
            )
        }
        "NONCE_TOO_BIG" => matches!(refusal, Decode(D::NonceTooLarge)),
        "INVALID_CHAINID" => {
            matches!(refusal, Decode(D::InvalidV(_)) | Invalid(I::ChainId { .. }))
        }
        "INVALID_SIGNATURE_VRS" => {
            matches!(refusal, Decode(D::Rlp(_) | D::InvalidV(_)) | Signature(_))
        }
        "EC_RECOVERY_FAIL" => matches!(refusal, Signature(SignatureError::NoPublicKey)),
        "INTRINSIC_GAS_TOO_LOW" => matches!(refusal, Invalid(I::IntrinsicGas { .. })),
        "INITCODE_SIZE_EXCEEDED" => matches!(refusal, Invalid(I::InitcodeSize { .. })),
        "GASLIMIT_PRICE_PRODUCT_OVERFLOW" => matches!(refusal, Invalid(I::FeeOverflow)),
        "PRIORITY_GREATER_THAN_MAX_FEE_PER_GAS_2" => {
            matches!(refusal, Invalid(I::PriorityFeeAboveMaxFee { .. }))
        }
        "ADDRESS_TOO_LONG" | "ADDRESS_TOO_SHORT" | "NONCE_OVERFLOW" | "GASLIMIT_OVERFLOW"
        | "GASPRICE_OVERFLOW" | "PRIORITY_OVERFLOW" | "VALUE_OVERFLOW" => {
            matches!(refusal, Decode(D::Rlp(_)))
        }
        // Where items are missing, r is read as v; a string is no envelope at all.
        "RLP_TOO_FEW_ELEMENTS" => matches!(refusal, Decode(D::Rlp(_) | D::InvalidV(_))),
        "RLP_INVALID_HEADER" | "RLP_ERROR_EOF" => {
            matches!(refusal, Decode(D::Rlp(_) | D::UnknownType(_)))
        }
        rlp if rlp.starts_with("RLP_") => matches!(refusal, Decode(D::Rlp(_))),
        _ => false,
    }
}

fn run(raw: &[u8], expected: &Value) -> Result<bool, String> {
    let gas = expected["intrinsicGas"]
        .as_str()
        .map(|gas| gas.parse::<U256>().expect("gas"));
    let outcome = accept(raw);
    if let Some(exception) = expected["exception"].as_str() {
        let Err(refusals) = outcome else {
            return Err(format!("accepted instead of {exception}"));
        };
        if !refusals.iter().any(|refusal| is_for(refusal, exception)) {
            return Err(format!("{refusals:?} instead of {exception}"));
        }
        return match refusals.first() {
            Some(Refusal::Invalid(InvalidTransaction::IntrinsicGas { required, .. }))
                if exception.ends_with("INTRINSIC_GAS_TOO_LOW")
                    && gas != Some(U256::from(*required)) =>
            {
                Err(format!("intrinsic gas {required} instead of {gas:?}"))
            }
            _ => Ok(false),
        };
    }
    let (signed, sender) = outcome.map_err(|refusal| format!("{refusal:?}"))?;
    let hash: B256 = expected["hash"]
        .as_str()
        .expect("hash")
        .parse()
        .expect("hash");
    let from: Address = expected["sender"]
        .as_str()
        .expect("sender")
        .parse()
        .expect("sender");
    if signed.hash != hash {
        return Err(format!("hash {} instead of {hash}", signed.hash));
    }
    if sender != from {
        return Err(format!("sender {sender} instead of {from}"));
    }
    let intrinsic = intrinsic_gas(&signed.transaction);
    if gas != Some(U256::from(intrinsic)) {
        return Err(format!("intrinsic gas {intrinsic} instead of {gas:?}"));
    }
    if signed.encode() != raw {
        return Err("encodes differently".into());
    }
    Ok(true)
}

pub(crate) fn every_official_transaction_is_accepted_or_refused_as_it_says(files: &Files) {
    let (mut valid, mut refused, mut wrong) = (0, 0, Vec::new());
    for (path, text) in files
        .iter()
        .filter(|(path, _)| path.contains("/TransactionTests/"))
    {
        let tests: Value = serde_json::from_slice(text).expect("JSON");
        for (name, test) in tests.as_object().expect("tests") {
            let raw = super::bytes(test["txbytes"].as_str().expect("txbytes"));
            let results = test["result"].as_object().expect("result");
            let newest = FORKS
                .iter()
                .find_map(|fork| results.get(*fork))
                .expect("a known fork");
            match run(&raw, newest) {
                Ok(true) => valid += 1,
                Ok(false) => refused += 1,
                Err(why) => wrong.push(format!("{path} {name}: {why}")),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(
        valid >= 50 && valid + refused >= 210,
        "{valid} valid, {refused} refused"
    );
}
