//! Any bytes are answered; what is written is read back.

use messages::ErrorKind;
use messages::address::{self, AddressError, Kind};
use messages::contract::Contract;
use messages::external::{self, Frame};
use messages::inbox::{DalAttestedSlots, InfoPerLevel, Message, Transfer};
use messages::micheline::{self, Node, write};
use messages::number::{self, Integer};
use messages::outbox::{Entrypoint, Message as Outgoing, Transaction, TypedTransaction};
use messages::ticket::{self, Ticket};
use proptest::collection::{btree_set, vec};
use proptest::prelude::*;

fn dynamic(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u32).to_be_bytes(), bytes].concat()
}

/// A Z: any number of full bytes, and a last one that is not needless.
fn number() -> impl Strategy<Value = Vec<u8>> {
    let long = (vec(0x80_u8.., 1..4), 1_u8..0x80).prop_map(|(mut bytes, last)| {
        bytes.push(last);
        bytes
    });
    prop_oneof![(0_u8..0x80).prop_map(|byte| vec![byte]), long]
}

/// Any Micheline node.
fn node() -> impl Strategy<Value = Vec<u8>> {
    let raw = || vec(any::<u8>(), 0..8).prop_map(|bytes| dynamic(&bytes));
    let leaf = prop_oneof![
        number().prop_map(|number| [vec![0], number].concat()),
        raw().prop_map(|text| [vec![1], text].concat()),
        raw().prop_map(|bytes| [vec![10], bytes].concat()),
        any::<u8>().prop_map(|prim| vec![3, prim]),
        (any::<u8>(), raw()).prop_map(|(prim, annots)| [vec![4, prim], annots].concat()),
    ];
    leaf.prop_recursive(6, 64, 5, move |inner| {
        let nodes = vec(inner.clone(), 0..5).prop_map(|nodes| dynamic(&nodes.concat()));
        let generic = (any::<u8>(), nodes.clone(), raw());
        prop_oneof![
            nodes.prop_map(|nodes| [vec![2], nodes].concat()),
            (any::<u8>(), inner.clone()).prop_map(|(prim, arg)| [vec![5, prim], arg].concat()),
            (any::<u8>(), inner.clone(), inner, raw()).prop_map(|(prim, a, b, annots)| [
                vec![8, prim],
                a,
                b,
                annots
            ]
            .concat()),
            generic.prop_map(|(prim, args, annots)| [vec![9, prim], args, annots].concat()),
        ]
    })
}

fn source() -> impl Strategy<Value = [u8; 21]> {
    (0_u8..=4, any::<[u8; 20]>()).prop_map(|(curve, hash)| {
        let mut source = [curve; 21];
        source[1..].copy_from_slice(&hash);
        source
    })
}

fn contract() -> impl Strategy<Value = Contract> {
    prop_oneof![
        source().prop_map(Contract::Implicit),
        any::<[u8; 20]>().prop_map(Contract::Originated),
    ]
}

proptest! {
    #[test]
    fn any_bytes_are_a_message_or_not(mut bytes: Vec<u8>, tag in 0_u8..3, kind in 0_u8..8) {
        let _ = micheline::node_length(&bytes);
        let _ = external::parse(&bytes, &[0; 20]);
        let _ = Message::parse(&bytes);
        bytes.splice(0..0, [tag, kind]);
        if let Ok(message) = Message::parse(&bytes) {
            prop_assert_eq!(message.encode(), bytes);
        }
    }

    #[test]
    fn an_error_points_into_the_bytes(bytes: Vec<u8>, kind in 0_u8..8) {
        let bytes = [&[0, kind], &bytes[..]].concat();
        if let Err(error) = Message::parse(&bytes) {
            prop_assert!(error.offset <= bytes.len());
            prop_assert!(error.offset < bytes.len() || error.kind == ErrorKind::Truncated);
        }
    }

    #[test]
    fn a_changed_node_is_answered(mut bytes in node(), at: usize, byte: u8) {
        let at = at % bytes.len();
        bytes[at] = byte;
        if let Ok(len) = micheline::node_length(&bytes) {
            prop_assert_eq!(micheline::node_length(&bytes[..len]), Ok(len));
        }
    }

    #[test]
    fn a_transfer_is_read_back(
        payload in node(), sender: [u8; 20], source in source(), destination: [u8; 20],
    ) {
        let (sender, source, destination) = (&sender, &source, &destination);
        let message = Message::Transfer(Transfer { payload: &payload, sender, source, destination });
        let bytes = message.encode();
        prop_assert_eq!(Message::parse(&bytes), Ok(message));
    }

    #[test]
    fn other_messages_are_read_back(
        predecessor_timestamp: i64, predecessor: [u8; 32], protocol: String, contents: Vec<u8>,
    ) {
        for message in [
            Message::StartOfLevel,
            Message::EndOfLevel,
            Message::InfoPerLevel(InfoPerLevel { predecessor_timestamp, predecessor }),
            Message::ProtocolMigration(&protocol),
            Message::External(&contents),
        ] {
            let bytes = message.encode();
            prop_assert_eq!(Message::parse(&bytes), Ok(message));
        }
    }

    #[test]
    fn attested_slots_are_read_back(
        published_level: i32, number_of_slots: u16, slot_size in 0..=i32::MAX, page_size: u16,
        publishers in vec((source(), vec(0x80_u8.., 0..3), 1_u8..0x40), 0..5),
    ) {
        let slots = publishers
            .iter()
            .flat_map(|(publisher, bits, last)| {
                // Not negative: without the sign in the first byte.
                let bits = bits.iter().enumerate().map(|(at, byte)| byte & if at == 0 { 0xbf } else { 0xff });
                publisher.iter().copied().chain(bits).chain([*last])
            })
            .collect::<Vec<u8>>();
        let message = Message::DalAttestedSlots(DalAttestedSlots {
            published_level, number_of_slots, slot_size, page_size, slots: &slots,
        });
        let bytes = message.encode();
        prop_assert_eq!(Message::parse(&bytes), Ok(message));
        let Ok(Message::DalAttestedSlots(read)) = Message::parse(&bytes) else { unreachable!() };
        let read: Vec<[u8; 21]> = read.publishers().map(|slots| *slots.publisher).collect();
        let written: Vec<[u8; 21]> = publishers.iter().map(|(publisher, ..)| *publisher).collect();
        prop_assert_eq!(read, written);
    }

    #[test]
    fn numbers_are_read_back(negative: bool, magnitude: [u8; 9], zeros in 0_usize..9) {
        let mut magnitude = magnitude;
        magnitude[..zeros].fill(0);
        let negative = negative && magnitude != [0; 9];
        let (mut z, mut n) = (Vec::new(), Vec::new());
        number::put_z(&mut z, negative, &magnitude);
        number::put_n(&mut n, &magnitude);
        let read = [
            (&z, Integer::parse_z(&z).unwrap(), negative),
            (&n, Integer::parse_n(&n).unwrap(), false),
        ];
        for (bytes, (number, len), negative) in read {
            prop_assert_eq!(len, bytes.len());
            prop_assert_eq!(number.is_negative(), negative);
            prop_assert_eq!(number.magnitude(), Some(magnitude));
            let short: Option<[u8; 8]> = number.magnitude();
            prop_assert_eq!(short.is_some(), magnitude[0] == 0);
            let signed = i64::try_from(i128::from_be_bytes({
                let mut wide = [0; 16];
                wide[7..].copy_from_slice(&magnitude);
                wide
            }) * if negative { -1 } else { 1 });
            prop_assert_eq!(number.to_i64(), signed.ok());
        }
    }

    #[test]
    fn any_bytes_are_an_outbox_message_or_not(mut bytes: Vec<u8>, tag in 0_u8..4) {
        bytes.insert(0, tag);
        match Outgoing::parse(&bytes) {
            Ok(message) => prop_assert_eq!(message.encode(), bytes),
            Err(error) => prop_assert!(error.offset <= bytes.len()),
        }
    }

    #[test]
    fn calls_are_read_back(
        calls in vec((node(), node(), any::<[u8; 20]>(), "[A-Za-z0-9_][A-Za-z0-9_.%@]{0,30}"), 0..4),
    ) {
        let typed: Vec<TypedTransaction<'_>> = calls
            .iter()
            .map(|(parameters, parameters_ty, destination, entrypoint)| TypedTransaction {
                transaction: Transaction {
                    parameters: Node::parse(parameters).unwrap(),
                    destination: *destination,
                    entrypoint: Entrypoint::new(entrypoint).unwrap(),
                },
                parameters_ty: Node::parse(parameters_ty).unwrap(),
            })
            .collect();
        let untyped = typed.iter().map(|typed| typed.transaction).collect();
        for message in [Outgoing::Batch(untyped), Outgoing::TypedBatch(typed)] {
            let bytes = message.encode();
            prop_assert_eq!(Outgoing::parse(&bytes), Ok(message));
        }
    }

    #[test]
    fn whitelists_are_read_back(accounts in btree_set(source(), 0..5)) {
        let accounts: Vec<&[u8; 21]> = accounts.iter().collect();
        let nobody = accounts.is_empty();
        let message = Outgoing::WhitelistUpdate(Some(accounts.clone()));
        let bytes = message.encode();
        prop_assert_eq!(Outgoing::parse(&bytes).is_ok(), !nobody);
        if !nobody {
            prop_assert_eq!(Outgoing::parse(&bytes), Ok(message));
            let twice = [&accounts[..], &accounts[..1]].concat();
            let bytes = Outgoing::WhitelistUpdate(Some(twice)).encode();
            prop_assert!(Outgoing::parse(&bytes).is_err());
        }
    }

    #[test]
    fn any_node_can_be_looked_at(bytes in node()) {
        let node = Node::parse(&bytes).unwrap();
        let _ = (node.view(), node.pair(), node.int(), node.bytes(), node.string());
        let _ = (Ticket::from_node(node), ticket::contract(node));
    }

    #[test]
    fn tickets_are_read_back(
        ticketer in contract(), content in node(), content_type in node(), amount in 1_u64..,
    ) {
        let (mut legacy, mut number) = (Vec::new(), Vec::new());
        number::put_z(&mut number, false, &amount.to_be_bytes());
        ticket::put(&mut legacy, &ticketer, &content, |out| write::nat(out, amount));
        let ticket = Ticket::from_node(Node::parse(&legacy).unwrap()).unwrap();
        prop_assert_eq!(ticket.ticketer, ticketer);
        prop_assert_eq!(ticket.content.as_bytes(), &content[..]);
        prop_assert_eq!(ticket.amount.to_u64(), Some(amount));
        let mut typed = Vec::new();
        ticket.put_typed(&mut typed, &content_type);
        prop_assert_eq!(Ticket::from_node(Node::parse(&typed).unwrap()), Ok(ticket));
    }

    #[test]
    fn any_contract_is_read_or_refused(bytes: [u8; 22]) {
        if let Ok(contract) = Contract::parse(&bytes) {
            prop_assert_eq!(contract.encode(), bytes);
        }
    }

    #[test]
    fn a_frame_is_for_its_rollup_alone(rollup: [u8; 20], other: [u8; 20], contents: Vec<u8>) {
        let framed = external::frame(&rollup, &contents);
        prop_assert_eq!(external::parse(&framed, &rollup), Frame::Contents(&contents));
        prop_assume!(rollup != other);
        prop_assert_eq!(external::parse(&framed, &other), Frame::OtherRollup);
    }

    #[test]
    fn any_text_is_an_address_or_not(text: String, letters in "[1-9A-HJ-NP-Za-km-z]{0,60}") {
        let _ = address::decode(&text);
        let _ = address::decode(&letters);
    }

    #[test]
    fn an_address_is_read_back(kind in proptest::sample::select(&Kind::ALL[..]), bytes: [u8; 48]) {
        let payload = &bytes[..kind.payload_len()];
        let text = address::print(kind, payload).unwrap();
        prop_assert!(text.starts_with(kind.name()));
        prop_assert_eq!(address::decode(&text), Ok((kind, payload.to_vec())));
    }

    #[test]
    fn a_wrong_letter_is_found(bytes: [u8; 20], at: usize, letter in "[1-9A-HJ-NP-Za-km-z]") {
        let text = address::print(Kind::Sr1, &bytes).unwrap();
        let at = at % text.len();
        prop_assume!(text[at..=at] != letter);
        let mut wrong = text;
        wrong.replace_range(at..=at, &letter);
        prop_assert_eq!(address::rollup(&wrong), Err(AddressError::Checksum));
    }
}

#[test]
fn what_is_no_address_says_why() {
    let rollup = "sr163Lv22CdE8QagCwf48PWDTquk6isQwv57";
    assert_eq!(address::rollup(""), Err(AddressError::Checksum));
    assert_eq!(address::rollup(&rollup[..35]), Err(AddressError::Checksum));
    assert_eq!(address::rollup("sr1O"), Err(AddressError::Letter { at: 3 }));
    assert_eq!(address::rollup("sr1é"), Err(AddressError::Letter { at: 3 }));
    assert_eq!(
        address::rollup(&"1".repeat(129)),
        Err(AddressError::TooLong { len: 129 })
    );
    // The (empty) payload of Bitcoin's prefix 0: a good checksum, no kind.
    assert_eq!(address::rollup("1Wh4bh"), Err(AddressError::UnknownKind));
    assert_eq!(
        address::parse(Kind::Kt1, rollup),
        Err(AddressError::WrongKind {
            expected: Kind::Kt1,
            actual: Kind::Sr1
        })
    );
    assert_eq!(
        address::print(Kind::Sr1, &[0; 19]),
        Err(AddressError::Length {
            expected: 20,
            actual: 19
        })
    );
}
