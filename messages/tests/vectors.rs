//! The vectors of the specification.

use messages::address::{self, Kind};
use messages::external::{self, Frame};
use messages::inbox::Message;
use messages::micheline;
use serde_json::Value;

fn vectors(text: &str) -> Vec<Value> {
    let file: Value = serde_json::from_str(text).unwrap();
    let vectors = file["vectors"].as_array().unwrap().clone();
    assert_eq!(file["count"], vectors.len());
    vectors
}

fn bytes(vector: &Value) -> Vec<u8> {
    hex::decode(vector["hex"].as_str().unwrap()).unwrap()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn payload(address: &Value) -> Vec<u8> {
    address::decode(text(address)).unwrap().1
}

/// Checks what a message says against what its vector says of it.
fn check(message: &Message<'_>, vector: &Value) {
    let fields = &vector["fields"];
    match message {
        Message::Transfer(transfer) => {
            assert_eq!(transfer.sender[..], payload(&fields["sender"]));
            assert_eq!(transfer.destination[..], payload(&fields["destination"]));
            let source = address::public_key_hash(transfer.source);
            assert_eq!(source.as_deref(), Ok(text(&fields["source"])));
        }
        Message::StartOfLevel => assert_eq!(fields["kind"], "SOL"),
        Message::EndOfLevel => assert_eq!(fields["kind"], "EOL"),
        Message::InfoPerLevel(info) => {
            assert_eq!(fields["predecessor_timestamp"], info.predecessor_timestamp);
            let predecessor = address::block(text(&fields["predecessor"]));
            assert_eq!(predecessor, Ok(info.predecessor));
        }
        Message::ProtocolMigration(name) => assert_eq!(fields["protocol"], *name),
        Message::DalAttestedSlots(attested) => {
            assert_eq!(fields["published_level"], attested.published_level);
            assert_eq!(fields["number_of_slots"], attested.number_of_slots);
            assert_eq!(fields["slot_size"], attested.slot_size);
            assert_eq!(fields["page_size"], attested.page_size);
            let publishers: Vec<Value> = attested
                .publishers()
                .map(|slots| {
                    let set = (0..64).filter(|slot| slots.has(*slot));
                    serde_json::json!({
                        "publisher": address::public_key_hash(slots.publisher).unwrap(),
                        "bitset": set.map(|slot| 1_u64 << slot).sum::<u64>(),
                    })
                })
                .collect();
            assert_eq!(fields["slots_by_publisher"], Value::from(publishers));
        }
        Message::External(contents) => match text(&fields["contents"]) {
            "0x42 repeated 4095 times" => assert_eq!(*contents, [0x42; 4095]),
            expected if fields.get("address").is_some() => {
                let rollup = address::rollup(text(&fields["address"])).unwrap();
                let expected = hex::decode(expected).unwrap();
                assert_eq!(
                    external::parse(contents, &rollup),
                    Frame::Contents(&expected)
                );
            }
            expected => assert_eq!(hex::encode(contents), expected),
        },
    }
}

#[test]
fn every_inbox_message_is_read_and_written() {
    let mut messages = 0;
    let vectors = vectors(include_str!("vectors/inbox.json"));
    for vector in &vectors {
        let name = text(&vector["name"]);
        let bytes = bytes(vector);
        assert_eq!(vector["len"], bytes.len(), "{name}");
        if name == "external frame only (no inbox tag)" {
            let rollup = address::rollup(text(&vector["fields"]["address"])).unwrap();
            assert_eq!(
                external::parse(&bytes, &rollup),
                Frame::Contents(b"payload")
            );
            assert_eq!(external::frame(&rollup, b"payload"), bytes);
            continue;
        }
        let message = Message::parse(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        check(&message, vector);
        assert_eq!(message.encode(), bytes, "{name}");
        messages += 1;
    }
    assert_eq!((messages, vectors.len()), (33, 34));
}

#[test]
fn an_inbox_message_cut_short_is_not_read() {
    for vector in vectors(include_str!("vectors/inbox.json")) {
        let bytes = bytes(&vector);
        let Ok(message) = Message::parse(&bytes) else {
            continue;
        };
        for len in 0..bytes.len() {
            let short = Message::parse(&bytes[..len]);
            match message {
                // Any bytes behind the tag are a message.
                Message::External(contents) if len > 0 => {
                    assert_eq!(short, Ok(Message::External(&contents[..len - 1])));
                }
                _ => assert!(short.is_err(), "{} cut to {len}: {short:?}", vector["name"]),
            }
        }
    }
}

fn kind(name: &str) -> Kind {
    match name {
        "block hash" => Kind::Block,
        name => Kind::ALL
            .into_iter()
            .find(|kind| kind.name() == name)
            .unwrap(),
    }
}

#[test]
fn every_address_is_read_and_printed() {
    let mut seen = 0;
    for vector in vectors(include_str!("vectors/addresses.json")) {
        let fields = &vector["fields"];
        let kind = kind(text(&fields["kind"]));
        let printed = text(fields.get("b58").unwrap_or(&vector["name"]));
        let bytes = bytes(&vector);
        assert_eq!(fields["prefix"], hex::encode(kind.prefix()));
        assert_eq!(vector["len"], kind.payload_len());
        assert_eq!(address::decode(printed), Ok((kind, bytes.clone())));
        assert_eq!(address::print(kind, &bytes).as_deref(), Ok(printed));
        if let Some(tagged) = fields.get("pkh21") {
            let tagged = hex::decode(text(tagged)).unwrap().try_into().unwrap();
            assert_eq!(address::public_key_hash(&tagged).as_deref(), Ok(printed));
        }
        for (field, kind) in [("tz1", Kind::Tz1), ("tz4", Kind::Tz4)] {
            if let Some(account) = fields.get(field) {
                let hash = hex::decode(text(&fields[format!("{field}_hash")])).unwrap();
                assert_eq!(address::parse(kind, text(account)), Ok(hash));
            }
        }
        seen += 1;
    }
    assert_eq!(seen, 19);
}

#[test]
fn every_micheline_node_ends_at_its_last_byte() {
    let mut seen = 0;
    for vector in vectors(include_str!("vectors/micheline.json")) {
        let mut bytes = bytes(&vector);
        let len = bytes.len();
        assert_eq!(
            micheline::node_length(&bytes),
            Ok(len),
            "{}",
            vector["name"]
        );
        for short in 0..len {
            assert!(micheline::node_length(&bytes[..short]).is_err());
        }
        bytes.push(0xff);
        assert_eq!(
            micheline::node_length(&bytes),
            Ok(len),
            "{}",
            vector["name"]
        );
        seen += 1;
    }
    assert_eq!(seen, 36);
}
