//! Proofs as files: of a transaction, of an account and its slots.

use super::account;
use crate::ask::{Ask, Trouble, bytes};
use crate::frame;
use crate::query::Query;
use crate::site::Answer;
use alloy_primitives::{B256, U256};
use serde_json::json;

/// The most slots of a proof.
const MOST: usize = 50;

/// `/tx/HASH/witness`: what proves a transaction to a stranger.
pub(crate) async fn witness(ask: &Ask, hash: &str) -> Result<Answer, Trouble> {
    let hash: B256 = hash
        .parse()
        .map_err(|_| Trouble::Invalid(format!("{hash:?} is no hash of a transaction.")))?;
    let digits = ask.file("rollup_getWitness", json!([hash])).await?;
    let witness = bytes(&digits).unwrap_or_default();
    let name = format!("{hash}.witness");
    let kind = "application/octet-stream";
    Ok(Answer::Whole(frame::file(&name, kind, witness.into())))
}

/// `/address/A/proof`; `?slots=S,T`: what proves an account, and slots of it, against the state root
/// of the newest block (EIP-1186).
pub(crate) async fn account(ask: &Ask, who: &str, query: &Query) -> Result<Answer, Trouble> {
    let who = account::parse(who)?;
    let slots = query
        .get("slots")
        .split(',')
        .filter(|slot| !slot.is_empty());
    let slots: Option<Vec<U256>> = slots.take(MOST + 1).map(|slot| slot.parse().ok()).collect();
    if slots.as_ref().is_some_and(|slots| slots.len() > MOST) {
        let why = format!("A proof is of at most {MOST} slots.");
        return Err(Trouble::Invalid(why));
    }
    let slots = slots.ok_or_else(|| Trouble::Invalid("Slots are numbers with commas.".into()))?;
    let proof = ask
        .file("rollup_getProof", json!([who, slots, "latest"]))
        .await?;
    let text = serde_json::to_string_pretty(&proof).unwrap_or_default();
    let name = format!("{}.proof.json", who.to_checksum(None));
    Ok(Answer::Whole(frame::file(
        &name,
        "application/json",
        text.into(),
    )))
}
