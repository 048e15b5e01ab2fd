//! State roots and proofs of the devnet, checked with alloy's trie.

use crate::common::{COUNTER, call, deploy, devnet, raw};
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_trie::Nibbles;
use alloy_trie::proof::verify_proof;
use node::Handle;
use serde_json::{Value, json};

fn parsed<T: std::str::FromStr<Err: std::fmt::Debug>>(value: &Value) -> T {
    value.as_str().expect("text").parse().expect("a value")
}

fn nodes(value: &Value) -> Vec<Bytes> {
    value
        .as_array()
        .expect("nodes")
        .iter()
        .map(parsed)
        .collect()
}

/// Verifies all that the answer says of an account and its slots, and gives the
/// root that it proves against.
fn verified(proof: &Value, exists: bool) -> B256 {
    let root = parsed(&proof["stateRoot"]);
    let (nonce, balance): (U256, U256) = (parsed(&proof["nonce"]), parsed(&proof["balance"]));
    let storage_root: B256 = parsed(&proof["storageHash"]);
    let code_hash: B256 = parsed(&proof["codeHash"]);
    let account = ethereum::rlp::encode_list(&[&nonce, &balance, &storage_root, &code_hash]);
    let key = |bytes: &[u8]| Nibbles::unpack(keccak256(bytes));
    let address: Address = parsed(&proof["address"]);
    let expected = exists.then_some(account);
    let path = nodes(&proof["accountProof"]);
    verify_proof(root, key(address.as_slice()), expected, &path).expect("the account");
    for slot in proof["storageProof"].as_array().expect("slots") {
        let (place, value): (U256, U256) = (parsed(&slot["key"]), parsed(&slot["value"]));
        let expected = (!value.is_zero()).then(|| ethereum::rlp::encode(&value));
        let path = nodes(&slot["proof"]);
        verify_proof(
            storage_root,
            key(&place.to_be_bytes::<32>()),
            expected,
            &path,
        )
        .expect("the slot");
    }
    root
}

async fn proof(devnet: &Handle, address: Address, slots: &[&str], block: &Value) -> Value {
    call(devnet, "rollup_getProof", json!([address, slots, block])).await
}

async fn root(devnet: &Handle, block: &Value) -> B256 {
    parsed(&call(devnet, "rollup_stateRoot", json!([block])).await)
}

#[tokio::test]
async fn proofs_hold_against_the_state_root_of_their_block() {
    let devnet = devnet(|_| {}).await;
    let from = devnet.accounts()[0].address;
    let contract = deploy(&devnet, &[], COUNTER).await;
    let latest = json!("latest");
    let mut roots = Vec::new();
    for count in 1..=3_u64 {
        call(
            &devnet,
            "eth_sendTransaction",
            json!([{ "from": from, "to": contract }]),
        )
        .await;
        let proof = proof(&devnet, contract, &["0x0", "0x1"], &latest).await;
        assert_eq!(proof["storageProof"][0]["value"], format!("{count:#x}"));
        roots.push(verified(&proof, true));
        assert_eq!(root(&devnet, &latest).await, roots[roots.len() - 1]);
    }
    // An account, none, and a contract without the slot that was asked for.
    verified(&proof(&devnet, from, &["0x5"], &latest).await, true);
    let nobody = Address::repeat_byte(0x99);
    let absent = proof(&devnet, nobody, &["0x5"], &latest).await;
    assert_eq!(
        (&absent["nonce"], &absent["balance"]),
        (&json!("0x0"), &json!("0x0"))
    );
    verified(&absent, false);
    // Older blocks keep their roots, in whatever order they are asked for.
    let height: U256 = parsed(&call(&devnet, "eth_blockNumber", json!([])).await);
    for back in [2_u64, 0, 1] {
        let block = json!(format!("{:#x}", height - U256::from(back)));
        let proof = proof(&devnet, contract, &["0x0"], &block).await;
        assert_eq!(
            verified(&proof, true),
            roots[2 - usize::try_from(back).unwrap()]
        );
        assert_eq!(
            proof["storageProof"][0]["value"],
            format!("{:#x}", 3 - back)
        );
    }
}

#[tokio::test]
async fn the_root_follows_whatever_changes_the_state() {
    let devnet = devnet(|_| {}).await;
    let latest = json!("latest");
    let account = &devnet.accounts()[0];
    let start = root(&devnet, &latest).await;
    let snapshot = call(&devnet, "evm_snapshot", json!([])).await;
    call(
        &devnet,
        "eth_sendRawTransaction",
        json!([raw(account, 0, |_| {})]),
    )
    .await;
    let sent = root(&devnet, &latest).await;
    assert_ne!(sent, start);
    // Slots that were there before their account count with it.
    let somebody = Address::repeat_byte(0x42);
    let seven = B256::from(U256::from(7));
    call(
        &devnet,
        "anvil_setStorageAt",
        json!([somebody, "0x3", seven]),
    )
    .await;
    assert_eq!(root(&devnet, &latest).await, sent);
    call(&devnet, "anvil_setBalance", json!([somebody, "0x1"])).await;
    let proof_of = proof(&devnet, somebody, &["0x3"], &latest).await;
    assert_eq!(proof_of["storageProof"][0]["value"], "0x7");
    assert_ne!(verified(&proof_of, true), sent);
    call(
        &devnet,
        "anvil_setStorageAt",
        json!([somebody, "0x3", B256::ZERO]),
    )
    .await;
    let gone = proof(&devnet, somebody, &["0x3"], &latest).await;
    assert_eq!(
        gone["storageProof"][0],
        json!({ "key": "0x3", "value": "0x0", "proof": [] })
    );
    verified(&gone, true);
    call(&devnet, "anvil_setBalance", json!([somebody, "0x0"])).await;
    assert_eq!(root(&devnet, &latest).await, sent);
    assert_eq!(call(&devnet, "evm_revert", json!([snapshot])).await, true);
    assert_eq!(root(&devnet, &latest).await, start);
}
