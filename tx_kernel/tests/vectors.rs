//! The vectors of the specification: recorded messages, and batches signed with
//! another implementation.

use messages::address::{self, Kind};
use messages::inbox::Message;
use serde_json::Value;
use tx_kernel::bls::{self, BlsError, Signature, Signed};
use tx_kernel::deposit;
use tx_kernel::encoding::{Batch, Content, Operation, Signer, StringTicket};
use tx_kernel::inbox::address as address_of;

fn vectors() -> Vec<Value> {
    let file: Value = serde_json::from_str(include_str!("vectors/tx_kernel.json")).unwrap();
    let vectors = file["vectors"].as_array().unwrap().clone();
    assert_eq!(file["count"], vectors.len());
    vectors
}

fn named(name: &str) -> Value {
    let found = vectors().into_iter().find(|one| one["name"] == name);
    found.unwrap_or_else(|| panic!("no vector {name}"))
}

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

fn payload(kind: Kind, value: &Value) -> Vec<u8> {
    address::parse(kind, value.as_str().unwrap()).unwrap()
}

fn check_ticket(ticket: &StringTicket<'_>, fields: &Value) {
    assert_eq!(fields["ticketer"], ticket.ticketer.to_base58().unwrap());
    assert_eq!(fields["content"], ticket.content.string().unwrap());
    assert_eq!(fields["amount"], ticket.amount.unwrap().to_string());
}

fn check_operation(operation: &Operation<'_>, fields: &Value) {
    assert_eq!(fields["counter"], operation.counter);
    let signer = &fields["signer"];
    assert_eq!(
        address_of(&operation.signer)[..],
        payload(Kind::Tz4, &signer["tz4"])
    );
    match operation.signer {
        Signer::PublicKey(key) => assert_eq!(bytes(&signer["pk"]), key),
        Signer::Address(_) => assert!(signer["pk"].is_null()),
    }
    let contents = fields["contents"].as_array().unwrap();
    assert_eq!(contents.len(), operation.contents.len());
    for (content, fields) in operation.contents.iter().zip(contents) {
        match content {
            Content::Withdrawal {
                destination,
                ticket,
                entrypoint,
            } => {
                let fields = &fields["withdraw"];
                assert_eq!(payload(Kind::Kt1, &fields["destination"]), *destination);
                assert_eq!(fields["entrypoint"], entrypoint.as_str());
                check_ticket(ticket, fields);
            }
            Content::Transfer {
                destination,
                ticket,
            } => {
                let fields = &fields["transfer"];
                assert_eq!(payload(Kind::Tz4, &fields["destination"]), *destination);
                check_ticket(ticket, fields);
            }
        }
    }
}

/// Verifies a batch whose signers all have one of `keys`.
fn verify(batch: &Batch<'_>, keys: &[Vec<u8>]) -> Result<(), BlsError> {
    let keys: Vec<[u8; 48]> = keys.iter().map(|key| key[..].try_into().unwrap()).collect();
    let signed = batch.transactions.iter().flat_map(|transaction| {
        let keys = &keys;
        transaction.operations.iter().map(move |operation| {
            let signer = address_of(&operation.signer);
            let key = keys
                .iter()
                .find(|key| address_of(&Signer::PublicKey(key)) == signer);
            Signed {
                public_key: key.unwrap(),
                known: None,
                message: transaction.bytes,
            }
        })
    });
    bls::verify(&Signature::decompress(batch.signature)?, signed)
}

#[test]
fn batches_read_as_they_were_written_and_their_signatures_are_good() {
    let mut count = 0;
    for vector in vectors() {
        let Some(fields) = vector["fields"].get("batch") else {
            continue;
        };
        count += 1;
        let name = &vector["name"];
        let all = bytes(&vector["hex"]);
        // The recorded one is a whole inbox message.
        let message = match Message::parse(&all) {
            Ok(Message::External(message)) if name.as_str().unwrap().contains("0x01") => message,
            _ => &all[..],
        };
        let batch = Batch::parse(message).unwrap();
        assert_eq!(batch.encode(), message, "{name}");
        let transactions = fields["transactions"].as_array().unwrap();
        assert_eq!(batch.transactions.len(), transactions.len(), "{name}");
        for (transaction, fields) in batch.transactions.iter().zip(transactions) {
            if let Some(len) = fields["signed_bytes_len"].as_u64() {
                assert_eq!(transaction.bytes.len() as u64, len, "{name}");
            }
            let operations = fields["operations"].as_array().unwrap();
            assert_eq!(transaction.operations.len(), operations.len(), "{name}");
            for (operation, fields) in transaction.operations.iter().zip(operations) {
                check_operation(operation, fields);
            }
        }
        let keys: Vec<Vec<u8>> = match vector["fields"]["pk"].as_array() {
            Some(keys) => keys.iter().map(bytes).collect(),
            None => vec![bytes(&transactions[0]["operations"][0]["signer"]["pk"])],
        };
        assert_eq!(verify(&batch, &keys), Ok(()), "{name}");
    }
    assert_eq!(count, 4);
}

#[test]
fn the_recorded_deposit_is_read() {
    let vector = named("recorded deposit (bls-v1)");
    let fields = &vector["fields"];
    let all = bytes(&vector["hex"]);
    let Ok(Message::Transfer(transfer)) = Message::parse(&all) else {
        panic!("no transfer");
    };
    assert_eq!(
        transfer.destination[..],
        payload(Kind::Sr1, &fields["destination"])
    );
    let deposit = deposit::read(transfer.payload).unwrap();
    assert_eq!(
        deposit.receiver[..],
        payload(Kind::Tz4, &fields["receiver"])
    );
    assert_eq!(deposit.amount.to_string(), fields["amount"]);
    assert_eq!(deposit.ticket.hash()[..], bytes(&fields["ticket_hash"]));
    check_ticket(&deposit.ticket, fields);
}

#[test]
fn an_aggregate_is_of_just_these_keys_and_messages() {
    let one = named("bls signature of 'hello' by ikm 01x32 (AUG)");
    let two = named("bls signature of 'world' by ikm 02x32 (AUG)");
    let aggregate = named("aggregate of the two");
    let signature = |vector: &Value| <[u8; 96]>::try_from(bytes(&vector["hex"])).unwrap();
    let key = |vector: &Value| <[u8; 48]>::try_from(bytes(&vector["fields"]["pk"])).unwrap();
    let message = |vector: &Value| bytes(&vector["fields"]["message"]);
    let verify = |signature: [u8; 96], signed: &[(&Value, &Value)]| {
        let signed: Vec<_> = signed.iter().map(|(k, m)| (key(k), message(m))).collect();
        let signed = signed.iter().map(|(public_key, message)| Signed {
            public_key,
            known: None,
            message,
        });
        bls::verify(&Signature::decompress(&signature)?, signed)
    };
    assert_eq!(verify(signature(&one), &[(&one, &one)]), Ok(()));
    assert_eq!(verify(signature(&two), &[(&two, &two)]), Ok(()));
    let both = [(&one, &one), (&two, &two)];
    assert_eq!(verify(signature(&aggregate), &both), Ok(()));
    for wrong in [
        &[(&two, &one), (&one, &two)][..],
        &[(&one, &one)],
        &[(&one, &one), (&two, &two), (&two, &two)],
    ] {
        let verified = verify(signature(&aggregate), wrong);
        assert_eq!(verified, Err(BlsError::Mismatch));
    }
}

/// The vectors of the later kernel (ed25519, DAC) are not of our format.
#[test]
fn the_other_formats_are_refused() {
    let mut count = 0;
    for vector in vectors() {
        let name = vector["name"].as_str().unwrap();
        if name.starts_with("ed25519") || name.starts_with("DAC") {
            count += 1;
            assert!(Batch::parse(&bytes(&vector["hex"])).is_err(), "{name}");
        }
    }
    assert_eq!(count, 2);
}
