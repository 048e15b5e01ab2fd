//! The vectors of the specification.

use messages::address::{self, Kind};
use messages::contract::Contract;
use messages::external::{self, Frame};
use messages::inbox::Message;
use messages::micheline::{self, Node, View, write};
use messages::number::{self, Integer};
use messages::outbox::{Entrypoint, MAX_MESSAGE, Message as Outgoing};
use messages::ticket::{self, Ticket};
use messages::{ErrorKind, hash};
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
        if let Some(contract) = fields.get("contract22") {
            let encoded = hex::decode(text(contract)).unwrap().try_into().unwrap();
            let contract = Contract::parse(&encoded).unwrap();
            assert_eq!(contract.encode(), encoded);
            assert_eq!(contract.to_base58().as_deref(), Ok(printed));
            assert_eq!(Contract::from_base58(printed), Ok(contract));
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

/// A decimal number's sign and size.
fn decimal(text: &str) -> (bool, [u8; 16]) {
    let number: i128 = text.parse().unwrap();
    (number < 0, number.unsigned_abs().to_be_bytes())
}

#[test]
fn every_number_is_read_and_written() {
    let vectors = vectors(include_str!("vectors/numbers.json"));
    for vector in &vectors {
        let (negative, magnitude) = decimal(text(&vector["fields"]["value"]));
        let bytes = bytes(vector);
        let mut written = Vec::new();
        let (read, len) = match text(&vector["fields"]["type"]) {
            "Z" => {
                number::put_z(&mut written, negative, &magnitude);
                Integer::parse_z(&bytes)
            }
            _ => {
                number::put_n(&mut written, &magnitude);
                Integer::parse_n(&bytes)
            }
        }
        .unwrap();
        assert_eq!(written, bytes, "{}", vector["name"]);
        assert_eq!((read.as_bytes(), len), (&bytes[..], bytes.len()));
        assert_eq!(read.is_negative(), negative);
        assert_eq!(read.magnitude(), Some(magnitude));
    }
    assert_eq!(vectors.len(), 28);
}

/// Takes a node apart and writes it again.
fn rebuilt(node: Node<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    match node.view().unwrap() {
        View::Int(int) => write::int(&mut out, int.is_negative(), &int.magnitude::<32>().unwrap()),
        View::String(text) => write::string(&mut out, text),
        View::Bytes(bytes) => write::bytes(&mut out, bytes),
        View::Sequence(nodes) => {
            let nodes: Vec<Vec<u8>> = nodes.map(rebuilt).collect();
            let nodes: Vec<&[u8]> = nodes.iter().map(Vec::as_slice).collect();
            write::sequence(&mut out, &nodes);
        }
        View::Prim {
            prim,
            args,
            annotations,
        } => {
            let args: Vec<Vec<u8>> = args.map(rebuilt).collect();
            let args: Vec<&[u8]> = args.iter().map(Vec::as_slice).collect();
            write::prim(&mut out, prim, &args, annotations);
        }
    }
    out
}

#[test]
fn every_micheline_node_is_read_and_written() {
    let vectors = vectors(include_str!("vectors/micheline.json"));
    for vector in &vectors {
        let bytes = bytes(vector);
        let node = Node::parse(&bytes).unwrap();
        assert_eq!(rebuilt(node), bytes, "{}", vector["name"]);
    }
    assert_eq!(vectors.len(), 36);
}

#[test]
fn every_outbox_message_is_read_and_written() {
    let (mut messages, mut names) = (0, 0);
    for vector in vectors(include_str!("vectors/outbox.json")) {
        let (fields, name) = (&vector["fields"], text(&vector["name"]));
        if let Some(valid) = vector.get("valid") {
            let given = text(&fields["name"]);
            let entrypoint = Entrypoint::new(given);
            assert_eq!(*valid, entrypoint.is_ok(), "{name}");
            match entrypoint {
                Ok(entrypoint) => {
                    let expected = text(&vector["result"]).strip_prefix("ok:").unwrap();
                    assert_eq!(entrypoint.as_str(), expected);
                }
                Err(error) => {
                    let kind = match text(&vector["result"]).split('(').next().unwrap() {
                        "TooLarge" => ErrorKind::OutOfRange,
                        _ => ErrorKind::Text,
                    };
                    assert_eq!(error.kind, kind, "{name}");
                }
            }
            names += 1;
            continue;
        }
        let bytes = bytes(&vector);
        assert!(bytes.len() <= MAX_MESSAGE);
        let message = Outgoing::parse(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(message.encode(), bytes, "{name}");
        for short in 0..bytes.len() {
            assert!(Outgoing::parse(&bytes[..short]).is_err(), "{name}: {short}");
        }
        check_outgoing(&message, fields);
        messages += 1;
    }
    assert_eq!((messages, names), (14, 10));
}

/// Checks what an outbox message says against what its vector says of it.
fn check_outgoing(message: &Outgoing<'_>, fields: &Value) {
    let calls = match message {
        Outgoing::Batch(calls) => calls.clone(),
        Outgoing::TypedBatch(calls) => calls.iter().map(|call| call.transaction).collect(),
        Outgoing::WhitelistUpdate(accounts) => {
            let accounts = accounts.as_ref().map(|accounts| {
                let text = accounts
                    .iter()
                    .map(|one| address::public_key_hash(one).unwrap());
                text.collect::<Vec<_>>()
            });
            return assert_eq!(fields["whitelist"], Value::from(accounts));
        }
        Outgoing::CanonicalRollupSignal(text) => return assert_eq!(fields["payload"], *text),
    };
    let vector_of_one = [fields.clone()];
    let expected = match fields.get("transactions") {
        Some(transactions) => transactions.as_array().unwrap(),
        // A vector that says nothing of its calls.
        None if fields.get("destination").is_none() => return assert_eq!(calls.len(), 2),
        None => &vector_of_one[..],
    };
    assert_eq!(calls.len(), expected.len());
    for (call, fields) in calls.iter().zip(expected) {
        assert_eq!(call.destination[..], payload(&fields["destination"]));
        assert_eq!(fields["entrypoint"], call.entrypoint.as_str());
        let Some(ticketer) = fields.get("ticketer") else {
            continue;
        };
        let holder = call.parameters.pair();
        // A ticket alone, one behind its receiver, or one behind a withdrawal's number.
        let ticket = Ticket::from_node(call.parameters).or_else(|_| {
            let [_, rest] = holder.unwrap();
            Ticket::from_node(rest).or_else(|_| Ticket::from_node(rest.pair().unwrap()[0]))
        });
        let ticket = ticket.unwrap();
        assert_eq!(ticket.ticketer.to_base58().as_deref(), Ok(text(ticketer)));
        let amount = fields.get("amount").or(fields.get("amount_mutez")).unwrap();
        assert_eq!(ticket.amount.to_u64(), amount.as_u64());
        if let Some(receiver) = fields.get("receiver") {
            let contract = ticket::contract(holder.unwrap()[0]).unwrap();
            assert_eq!(contract.to_base58().as_deref(), Ok(text(receiver)));
        }
    }
}

#[test]
fn every_ticket_is_read_and_written() {
    let (mut tickets, mut refused) = (0, 0);
    for vector in vectors(include_str!("vectors/tickets.json")) {
        let (fields, name) = (&vector["fields"], text(&vector["name"]));
        if vector.get("hex").is_none() {
            for amount in [&b"\x00\x00"[..], b"\x00\x41"] {
                let mut bytes = Vec::new();
                ticket::put(
                    &mut bytes,
                    &Contract::Originated([1; 20]),
                    &[3, 11],
                    |out| {
                        out.extend_from_slice(amount);
                    },
                );
                let node = Node::parse(&bytes).unwrap();
                let error = Ticket::from_node(node).unwrap_err();
                assert_eq!(error.kind, ErrorKind::OutOfRange, "{name}");
            }
            refused += 1;
            continue;
        }
        let bytes = bytes(&vector);
        let node = Node::parse(&bytes).unwrap();
        let ticket = Ticket::from_node(node).unwrap_or_else(|error| panic!("{name}: {error}"));
        let ticketer = ticket.ticketer.to_base58();
        assert_eq!(ticketer.as_deref(), Ok(text(&fields["ticketer"])));
        let amount = ticket.amount.to_u64().unwrap().to_string();
        assert_eq!(fields["amount"], amount);
        assert_eq!(fields["sdk_hash"], hex::encode(ticket.hash()), "{name}");
        if let Some(preimage) = fields.get("evm_hash_preimage") {
            assert_eq!(*preimage, hex::encode(ticket.evm_preimage()));
        }
        let mut written = Vec::new();
        match node.args::<4>(micheline::prim::TICKET) {
            Some([_, content_type, ..]) => ticket.put_typed(&mut written, content_type.as_bytes()),
            None => ticket.put(&mut written),
        }
        assert_eq!(written, bytes, "{name}");
        tickets += 1;
    }
    assert_eq!((tickets, refused), (14, 1));
}

#[test]
fn every_hash_is_that_of_its_bytes() {
    let vectors = vectors(include_str!("vectors/hashes.json"));
    let mut compared = 0;
    for vector in &vectors {
        let fields = &vector["fields"];
        // The others are of reveals: the host's tests have them.
        let Some(input) = fields.get("input") else {
            continue;
        };
        let len = fields["input_len"].as_u64().unwrap();
        let pattern = || (0..len).map(|byte| (byte * 7 + 3) as u8).collect();
        let input = hex::decode(text(input)).unwrap_or_else(|_| pattern());
        assert_eq!(vector["hex"], hex::encode(hash::blake2b_256(&input)));
        if let Some(short) = fields.get("blake2b160") {
            assert_eq!(*short, hex::encode(hash::blake2b_160(&input)));
        }
        compared += 1;
    }
    assert_eq!((compared, vectors.len()), (7, 14));
}
