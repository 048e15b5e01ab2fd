//! Random values through our code and through alloy's (with k256 for the curve).

use alloy_consensus::{Eip658Value, ReceiptEnvelope, Transaction as _, TxEnvelope};
use alloy_eips::eip2718::{Decodable2718, Encodable2718};
use alloy_primitives::{Address, B64, B256, Bloom, Bytes, TxKind, U256};
use ethereum::transaction::{
    AccessListItem, Authorization, Eip1559, Eip2930, Eip7702, Legacy, SignedAuthorization, decode,
    decode_with_hash, sign,
};
use ethereum::{
    Header, Log, Receipt, Signature, SignatureError, SignedTransaction, Transaction, authority,
    public_key, recover, senders, signature,
};
use proptest::prelude::*;

fn u256() -> impl Strategy<Value = U256> {
    (any::<[u64; 4]>(), 0usize..257).prop_map(|(limbs, shift)| U256::from_limbs(limbs) >> shift)
}

fn u64s() -> impl Strategy<Value = u64> {
    (any::<u64>(), 0u32..64).prop_map(|(number, shift)| number >> shift)
}

fn nonces() -> impl Strategy<Value = u64> {
    u64s().prop_map(|nonce| nonce.min(u64::MAX - 1))
}

fn addresses() -> impl Strategy<Value = Address> {
    any::<[u8; 20]>().prop_map(Address::new)
}

fn words() -> impl Strategy<Value = B256> {
    any::<[u8; 32]>().prop_map(B256::new)
}

fn kinds() -> impl Strategy<Value = TxKind> {
    prop_oneof![Just(TxKind::Create), addresses().prop_map(TxKind::Call)]
}

fn bytes() -> impl Strategy<Value = Bytes> {
    prop::collection::vec(any::<u8>(), 0..300).prop_map(Bytes::from)
}

fn access_lists() -> impl Strategy<Value = Vec<AccessListItem>> {
    let item =
        (addresses(), prop::collection::vec(words(), 0..4)).prop_map(|(address, storage_keys)| {
            AccessListItem {
                address,
                storage_keys,
            }
        });
    prop::collection::vec(item, 0..4)
}

fn authorizations() -> impl Strategy<Value = Vec<SignedAuthorization>> {
    let item = (u256(), addresses(), u64s(), any::<u8>(), u256(), u256()).prop_map(
        |(chain_id, address, nonce, y_parity, r, s)| {
            let authorization = Authorization {
                chain_id,
                address,
                nonce,
            };
            SignedAuthorization::new_unchecked(authorization, y_parity, r, s)
        },
    );
    prop::collection::vec(item, 0..4)
}

fn transactions() -> impl Strategy<Value = Transaction> {
    let common = (nonces(), u256(), u256(), u64s(), kinds(), u256(), bytes());
    let chain_ids = prop::option::of(u64s().prop_map(|chain_id| chain_id >> 2));
    (
        0..4,
        common,
        chain_ids,
        access_lists(),
        authorizations(),
        addresses(),
    )
        .prop_map(
            |(tx_type, common, chain_id, access_list, authorization_list, callee)| {
                let (nonce, gas_price, tip, gas_limit, to, value, input) = common;
                let bound = chain_id.unwrap_or(1);
                match tx_type {
                    0 => Transaction::Legacy(Legacy {
                        chain_id,
                        nonce,
                        gas_price,
                        gas_limit,
                        to,
                        value,
                        input,
                    }),
                    1 => Transaction::AccessList(Eip2930 {
                        chain_id: bound,
                        nonce,
                        gas_price,
                        gas_limit,
                        to,
                        value,
                        input,
                        access_list,
                    }),
                    2 => Transaction::DynamicFee(Eip1559 {
                        chain_id: bound,
                        nonce,
                        max_priority_fee_per_gas: tip,
                        max_fee_per_gas: gas_price,
                        gas_limit,
                        to,
                        value,
                        input,
                        access_list,
                    }),
                    _ => Transaction::SetCode(Eip7702 {
                        chain_id: bound,
                        nonce,
                        max_priority_fee_per_gas: tip,
                        max_fee_per_gas: gas_price,
                        gas_limit,
                        to: callee,
                        value,
                        input,
                        access_list,
                        authorization_list,
                    }),
                }
            },
        )
}

/// Keys that are not zero and below the order of the curve.
fn secrets() -> impl Strategy<Value = [u8; 32]> {
    any::<[u8; 32]>().prop_map(|mut secret| {
        secret[0] &= 0x7f;
        secret[31] |= 1;
        secret
    })
}

fn signed() -> impl Strategy<Value = (SignedTransaction, Address)> {
    (transactions(), secrets()).prop_map(|(transaction, secret)| {
        let sender = signature::address_of_secret(&secret).expect("key");
        (sign(transaction, &secret).expect("signature"), sender)
    })
}

fn logs() -> impl Strategy<Value = Vec<Log>> {
    let log = (addresses(), prop::collection::vec(words(), 0..5), bytes())
        .prop_map(|(address, topics, data)| Log::new_unchecked(address, topics, data));
    prop::collection::vec(log, 0..5)
}

proptest! {
    #[test]
    fn a_signed_transaction_comes_back_from_its_bytes((signed, sender) in signed()) {
        let raw = signed.encode();
        prop_assert_eq!(decode_with_hash(&raw, signed.hash), Ok(signed.clone()));
        prop_assert_eq!(decode(&raw), Ok(signed.clone()));
        prop_assert_eq!(senders([&signed]), [Ok(sender)]);
    }

    #[test]
    fn alloy_reads_the_same_transaction((signed, sender) in signed()) {
        let ours = &signed.transaction;
        // alloy keeps prices in 128 bits.
        let fits = |price: U256| price.bit_len() <= 128;
        prop_assume!(fits(ours.max_fee_per_gas()));
        prop_assume!(ours.max_priority_fee_per_gas().is_none_or(fits));
        let raw = signed.encode();
        let alloy = TxEnvelope::decode_2718_exact(&raw).expect("alloy");
        prop_assert_eq!(*alloy.tx_hash(), signed.hash);
        prop_assert_eq!(alloy.signature_hash(), signed.signing_hash);
        prop_assert_eq!(k256_signer(&alloy.signature_hash(), alloy.signature()), Some(sender));
        prop_assert_eq!(alloy.chain_id(), ours.chain_id());
        prop_assert_eq!(alloy.nonce(), ours.nonce());
        prop_assert_eq!(alloy.gas_limit(), ours.gas_limit());
        prop_assert_eq!(U256::from(alloy.max_fee_per_gas()), ours.max_fee_per_gas());
        prop_assert_eq!(
            alloy.max_priority_fee_per_gas().map(U256::from),
            ours.max_priority_fee_per_gas()
        );
        prop_assert_eq!(alloy.kind(), ours.kind());
        prop_assert_eq!(alloy.value(), ours.value());
        prop_assert_eq!(alloy.input(), ours.input());
    }

    /// Bytes of a transaction with one byte changed, cut off or added.
    #[test]
    fn damaged_bytes_are_refused_or_are_another_transaction(
        (signed, _) in signed(), at: prop::sample::Index, byte: u8, how in 0..3
    ) {
        let mut raw = signed.encode();
        let at = at.index(raw.len());
        match how {
            0 => raw[at] = byte,
            1 => raw.truncate(at),
            _ => raw.push(byte),
        }
        if let Ok(decoded) = decode(&raw) {
            prop_assert_eq!(decoded.encode(), raw, "one transaction has one encoding");
        }
    }

    #[test]
    fn any_bytes_are_answered(tx_type in 0u8..6, raw in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode(&raw);
        let mut typed = vec![tx_type];
        typed.extend(raw);
        let _ = decode(&typed);
    }

    #[test]
    fn alloy_encodes_the_same_receipt(
        tx_type in prop::sample::select(vec![0u8, 1, 2, 4]),
        status: bool,
        cumulative_gas_used in u64s(),
        logs in logs(),
    ) {
        let receipt = Receipt { tx_type, status, cumulative_gas_used, logs: logs.into() };
        let bloom = receipt.bloom();
        let alloy = alloy_consensus::Receipt {
            status: Eip658Value::Eip658(status),
            cumulative_gas_used,
            logs: receipt.logs.to_vec(),
        }.with_bloom();
        prop_assert_eq!(alloy.logs_bloom, bloom);
        let alloy = match tx_type {
            0 => ReceiptEnvelope::Legacy(alloy),
            1 => ReceiptEnvelope::Eip2930(alloy),
            2 => ReceiptEnvelope::Eip1559(alloy),
            _ => ReceiptEnvelope::Eip7702(alloy),
        };
        prop_assert_eq!(receipt.encode_2718(&bloom), alloy.encoded_2718());
    }

    #[test]
    fn alloy_gives_a_header_the_same_hash(
        hashes in any::<[[u8; 32]; 8]>(),
        beneficiary in addresses(),
        bloom in any::<[[u8; 32]; 8]>(),
        difficulty in u256(),
        numbers in [u64s(), u64s(), u64s(), u64s(), u64s(), u64s(), u64s()],
        extra_data in bytes(),
        nonce: [u8; 8],
    ) {
        let [parent_hash, state_root, transactions_root, receipts_root, mix_hash,
            withdrawals_root, parent_beacon_block_root, requests_hash] = hashes.map(B256::new);
        let [number, gas_limit, gas_used, timestamp, base_fee_per_gas, blob_gas_used,
            excess_blob_gas] = numbers;
        let header = Header {
            parent_hash,
            beneficiary,
            state_root,
            transactions_root,
            receipts_root,
            logs_bloom: Bloom::from_slice(bloom.as_flattened()),
            difficulty,
            number,
            gas_limit,
            gas_used,
            timestamp,
            extra_data,
            mix_hash,
            nonce: B64::new(nonce),
            base_fee_per_gas,
            withdrawals_root,
            blob_gas_used,
            excess_blob_gas,
            parent_beacon_block_root,
            requests_hash,
            ..Header::default()
        };
        let alloy = alloy_consensus::Header {
            parent_hash,
            beneficiary,
            state_root,
            transactions_root,
            receipts_root,
            logs_bloom: header.logs_bloom,
            difficulty,
            number,
            gas_limit,
            gas_used,
            timestamp,
            extra_data: header.extra_data.clone(),
            mix_hash,
            nonce: header.nonce,
            base_fee_per_gas: Some(base_fee_per_gas),
            withdrawals_root: Some(withdrawals_root),
            blob_gas_used: Some(blob_gas_used),
            excess_blob_gas: Some(excess_blob_gas),
            parent_beacon_block_root: Some(parent_beacon_block_root),
            requests_hash: Some(requests_hash),
            ..alloy_consensus::Header::default()
        };
        prop_assert_eq!(header.hash(), alloy.hash_slow());
        prop_assert_eq!(Header::decode(&header.encode()), Ok(header));
    }

    #[test]
    fn alloy_finds_the_same_authority(
        chain_id in u256(), address in addresses(), nonce in u64s(), secret in secrets()
    ) {
        let authorization = Authorization { chain_id, address, nonce };
        let Signature { r, s, y_parity } =
            signature::sign(&authorization.signature_hash(), &secret).expect("signature");
        let signed = |y_parity| {
            SignedAuthorization::new_unchecked(authorization.clone(), y_parity, r, s)
        };
        let ours = signed(u8::from(y_parity));
        prop_assert_eq!(authority(&ours), signature::address_of_secret(&secret));
        for y_parity in [2, 27, 28, 255] {
            let wrong = signed(y_parity);
            prop_assert_eq!(authority(&wrong), Err(SignatureError::InvalidYParity(y_parity)));
        }
    }

    /// The mirror of a signature is as good to the curve and the precompile, but
    /// not in a transaction (EIP-2).
    #[test]
    fn a_mirrored_signature_is_for_the_precompile_only(hash in words(), secret in secrets()) {
        let signature = signature::sign(&hash, &secret).expect("signature");
        prop_assert_eq!(recover(&hash, &signature), signature::address_of_secret(&secret));
        let mirrored =
            Signature { s: ORDER - signature.s, y_parity: !signature.y_parity, ..signature };
        prop_assert_eq!(recover(&hash, &mirrored), Err(SignatureError::HighS));
        let mut compact = [0; 64];
        compact[..32].copy_from_slice(&mirrored.r.to_be_bytes::<32>());
        compact[32..].copy_from_slice(&mirrored.s.to_be_bytes::<32>());
        let key = public_key(&hash.0, &compact, u8::from(mirrored.y_parity)).expect("key");
        prop_assert_eq!(Ok(signature::address(&key)), signature::address_of_secret(&secret));
    }

    /// Random r and s: half of all r are on the curve.
    #[test]
    fn k256_recovers_the_same_from_random_signatures(
        hash in words(), r in u256(), s in u256(), y_parity: bool
    ) {
        let ours = recover(&hash, &Signature { r, s, y_parity });
        let alloy = alloy_primitives::Signature::new(r, s, y_parity);
        prop_assert_eq!(ours.ok(), k256_signer(&hash, &alloy));
    }
}

/// The signer as the crate k256 recovers it; `None` where there is none, and for the mirror of a
/// signature (EIP-2).
fn k256_signer(hash: &B256, signature: &alloy_primitives::Signature) -> Option<Address> {
    let (r, s) = (signature.r().to_be_bytes(), signature.s().to_be_bytes());
    let compact = k256::ecdsa::Signature::from_scalars(r, s).ok()?;
    let low = compact.normalize_s().is_none();
    let odd = k256::ecdsa::RecoveryId::new(signature.v(), false);
    let key = k256::ecdsa::VerifyingKey::recover_from_prehash(&hash.0, &compact, odd).ok()?;
    let point = key.to_encoded_point(false);
    low.then(|| Address::from_raw_public_key(&point.as_bytes()[1..]))
}

const ORDER: U256 = U256::from_limbs([
    0xbfd2_5e8c_d036_4141,
    0xbaae_dce6_af48_a03b,
    0xffff_ffff_ffff_fffe,
    0xffff_ffff_ffff_ffff,
]);

#[test]
fn numbers_at_the_edges_of_a_signature_are_refused() {
    let hash = B256::repeat_byte(1);
    let one = U256::from(1);
    let outcome = |r, s| {
        recover(
            &hash,
            &Signature {
                r,
                s,
                y_parity: false,
            },
        )
    };
    assert_eq!(outcome(U256::ZERO, one), Err(SignatureError::InvalidR));
    assert_eq!(outcome(ORDER, one), Err(SignatureError::InvalidR));
    assert_eq!(outcome(U256::MAX, one), Err(SignatureError::InvalidR));
    assert_eq!(outcome(one, U256::ZERO), Err(SignatureError::InvalidS));
    assert_eq!(outcome(one, ORDER), Err(SignatureError::InvalidS));
    assert_eq!(outcome(one, ORDER - one), Err(SignatureError::HighS));
    assert_eq!(
        outcome(one, ORDER / U256::from(2) + one),
        Err(SignatureError::HighS)
    );
    assert!(outcome(one, ORDER / U256::from(2)).is_ok());
}

#[test]
fn the_precompile_refuses_what_is_out_of_range() {
    for compact in [[0; 64], [0xff; 64]] {
        assert_eq!(
            public_key(&[1; 32], &compact, 0),
            Err(SignatureError::NoPublicKey)
        );
    }
    assert_eq!(
        public_key(&[1; 32], &[1; 64], 2),
        Err(SignatureError::InvalidYParity(2))
    );
}

#[test]
fn secrets_out_of_range_do_not_sign() {
    for secret in [[0; 32], [0xff; 32]] {
        let signed = sign(Transaction::Legacy(Legacy::default()), &secret);
        assert_eq!(signed, Err(SignatureError::InvalidSecret));
        assert_eq!(
            signature::address_of_secret(&secret),
            Err(SignatureError::InvalidSecret)
        );
    }
}

/// The first key of the mnemonic `test test … junk`, known to every developer.
#[test]
fn the_first_account_of_the_test_mnemonic_is_itself() {
    let secret: B256 = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
        .parse()
        .unwrap();
    let address: Address = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
        .parse()
        .unwrap();
    assert_eq!(signature::address_of_secret(&secret.0), Ok(address));
}
