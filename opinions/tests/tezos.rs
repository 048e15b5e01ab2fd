//! Second opinions on random values, both ways and on refusals: the crates that
//! kernels of Tezos read and write with. `tezos-smart-rollup-encoding` (the SDK's)
//! has typed Micheline, so each type is tried; `tezos_data_encoding` reads what the
//! SDK has no type for.
//!
//! If they take bytes that layer 1 never writes, the test says so: numbers with
//! needless bytes, and destinations that are no contracts with code.

use messages::contract::Contract;
use messages::external::{self, Frame};
use messages::inbox::{DalAttestedSlots, InfoPerLevel, Message};
use messages::micheline::{Node, View, prim, write};
use messages::number::{self, Integer};
use messages::outbox::Message as Outgoing;
use messages::ticket::{self, Ticket};
use messages::{ErrorKind, address};
use proptest::collection::vec;
use proptest::prelude::*;
use tezos_data_encoding::enc::BinWriter as _;
use tezos_data_encoding::encoding::HasEncoding;
use tezos_data_encoding::nom::NomReader as _;
use tezos_data_encoding::types::{Mutez, SizedBytes, Zarith};
use tezos_smart_rollup_encoding as sdk;

use sdk::inbox::{InboxMessage, InternalInboxMessage};
use sdk::michelson::{
    Michelson, MichelsonBytes, MichelsonContract, MichelsonInt, MichelsonOption, MichelsonOr,
    MichelsonPair, MichelsonString, MichelsonUnit,
};

/// The type of a rollup with a bridge.
type Bridge = MichelsonOr<
    MichelsonOr<MichelsonPair<MichelsonBytes, FaTicket>, MichelsonBytes>,
    MichelsonBytes,
>;
type FaTicket = sdk::michelson::ticket::Ticket<FaContent>;
type FaContent = MichelsonPair<MichelsonInt, MichelsonOption<MichelsonBytes>>;

/// The type of the transactions kernel.
type Tickets = MichelsonPair<MichelsonString, sdk::michelson::ticket::StringTicket>;

/// The Michelson types that are tried.
#[derive(Clone, Copy, Debug)]
enum Ty {
    Unit,
    Int,
    String,
    Bytes,
    Contract,
    Pair(&'static Ty, &'static Ty),
    Or(&'static Ty, &'static Ty),
    Option(&'static Ty),
}

const FA_CONTENT: Ty = Ty::Pair(&Ty::Int, &Ty::Option(&Ty::Bytes));
const FA_TICKET: Ty = Ty::Pair(&Ty::Contract, &Ty::Pair(&FA_CONTENT, &Ty::Int));
const BRIDGE: Ty = Ty::Or(
    &Ty::Or(&Ty::Pair(&Ty::Bytes, &FA_TICKET), &Ty::Bytes),
    &Ty::Bytes,
);
const STRING_TICKET: Ty = Ty::Pair(&Ty::Contract, &Ty::Pair(&Ty::String, &Ty::Int));
const TICKETS: Ty = Ty::Pair(&Ty::String, &STRING_TICKET);

/// Contracts whose curve the SDK knows: it has none behind P-256.
fn contract() -> impl Strategy<Value = Contract> {
    let account = (0_u8..=2, any::<[u8; 20]>())
        .prop_map(|(curve, hash)| Contract::Implicit(source_of(curve, &hash)));
    prop_oneof![account, any::<[u8; 20]>().prop_map(Contract::Originated)]
}

fn source_of(curve: u8, hash: &[u8; 20]) -> [u8; 21] {
    let mut source = [curve; 21];
    source[1..].copy_from_slice(hash);
    source
}

fn written(append: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    append(&mut out);
    out
}

fn integer() -> impl Strategy<Value = Vec<u8>> {
    (any::<bool>(), vec(any::<u8>(), 0..20))
        .prop_map(|(negative, magnitude)| written(|out| write::int(out, negative, &magnitude)))
}

/// Nodes of a type, as we write them.
fn node(ty: &'static Ty) -> BoxedStrategy<Vec<u8>> {
    let with = |prim: u8| move |arg: Vec<u8>| written(|out| write::prim(out, prim, &[&arg], ""));
    match ty {
        Ty::Unit => Just(written(|out| write::prim(out, prim::UNIT, &[], ""))).boxed(),
        Ty::Int => integer().boxed(),
        Ty::String => "[ -~]{0,20}"
            .prop_map(|text| written(|out| write::string(out, &text)))
            .boxed(),
        Ty::Bytes => vec(any::<u8>(), 0..20)
            .prop_map(|bytes| written(|out| write::bytes(out, &bytes)))
            .boxed(),
        Ty::Contract => contract()
            .prop_map(|contract| written(|out| write::bytes(out, &contract.encode())))
            .boxed(),
        Ty::Pair(first, second) => (node(first), node(second))
            .prop_map(|(first, second)| {
                written(|out| write::pair(out, |out| out.extend(first), |out| out.extend(second)))
            })
            .boxed(),
        Ty::Or(left, right) => prop_oneof![
            node(left).prop_map(with(prim::LEFT)),
            node(right).prop_map(with(prim::RIGHT)),
        ]
        .boxed(),
        Ty::Option(some) => prop_oneof![
            Just(written(|out| write::prim(out, prim::NONE, &[], ""))),
            node(some).prop_map(with(prim::SOME)),
        ]
        .boxed(),
    }
}

/// True if a node is of a type, by our reader, as layer 1 writes it: primitives in
/// their short form.
fn fits(node: Node<'_>, ty: &Ty) -> bool {
    let Ok(view) = node.view() else { return false };
    let short = matches!(node.as_bytes().first(), Some(3 | 5 | 7));
    match (ty, view) {
        (Ty::Int, View::Int(_)) | (Ty::String, View::String(_)) | (Ty::Bytes, View::Bytes(_)) => {
            true
        }
        (Ty::Contract, View::Bytes(_)) => {
            ticket::contract(node).is_some_and(|contract| match contract {
                Contract::Implicit([curve, ..]) => curve <= 2,
                Contract::Originated(_) => true,
            })
        }
        (_, View::Prim { prim, args, .. }) if short => match ty {
            Ty::Unit => prim == prim::UNIT && args.collect::<0>().is_some(),
            Ty::Pair(first, second) => {
                let args = args.collect().filter(|_| prim == prim::PAIR);
                args.is_some_and(|[one, two]| fits(one, first) && fits(two, second))
            }
            Ty::Or(left, right) => args.collect().is_some_and(|[arg]| match prim {
                prim::LEFT => fits(arg, left),
                prim::RIGHT => fits(arg, right),
                _ => false,
            }),
            Ty::Option(some) => match prim {
                prim::NONE => args.collect::<0>().is_some(),
                prim::SOME => args.collect().is_some_and(|[arg]| fits(arg, some)),
                _ => false,
            },
            _ => false,
        },
        _ => false,
    }
}

/// The one message in `bytes`, by the SDK.
fn sdk_inbox<T: Michelson>(bytes: &[u8]) -> Option<InboxMessage<'_, T>> {
    let (rest, message) = InboxMessage::<T>::parse(bytes).ok()?;
    rest.is_empty().then_some(message)
}

/// The one value in `bytes`, by the SDK.
fn sdk_read<T: tezos_data_encoding::nom::NomReader>(bytes: &[u8]) -> Option<T> {
    let (rest, value) = T::nom_read(bytes).ok()?;
    rest.is_empty().then_some(value)
}

/// The value's bytes, by the SDK.
fn sdk_bytes(value: &impl tezos_data_encoding::enc::BinWriter) -> Vec<u8> {
    written(|out| value.bin_write(out).unwrap())
}

/// Compares the two on a message of the inbox whose payload is wanted to be a `T`.
fn same_inbox<T: Michelson>(bytes: &[u8], ty: &Ty) -> Result<(), TestCaseError> {
    let ours = Message::parse(bytes);
    let theirs = sdk_inbox::<T>(bytes);
    let wanted = match &ours {
        Ok(Message::Transfer(transfer)) => {
            // The last bytes of a message are the SDK's rest, or its payload too short.
            transfer.source[0] <= 2 && fits(Node::parse(transfer.payload).unwrap(), ty)
        }
        // Later than the SDK's last release.
        Ok(Message::ProtocolMigration(_) | Message::DalAttestedSlots(_)) | Err(_) => false,
        Ok(_) => true,
    };
    let padded = ours.is_err_and(|error| error.kind == ErrorKind::Padded);
    prop_assert!(
        padded || theirs.is_some() == wanted,
        "{:?} {:?}",
        ours,
        theirs
    );
    let (Ok(ours), Some(theirs)) = (ours, theirs) else {
        return Ok(());
    };
    match (ours, &theirs) {
        (
            Message::Transfer(ours),
            InboxMessage::Internal(InternalInboxMessage::Transfer(theirs)),
        ) => {
            prop_assert_eq!(&sdk_bytes(&theirs.payload)[..], ours.payload);
            prop_assert_eq!(&sdk_bytes(&theirs.sender)[..], ours.sender);
            prop_assert_eq!(&sdk_bytes(&theirs.source)[..], ours.source);
            prop_assert_eq!(&sdk_bytes(&theirs.destination)[..], ours.destination);
        }
        (
            Message::InfoPerLevel(ours),
            InboxMessage::Internal(InternalInboxMessage::InfoPerLevel(theirs)),
        ) => {
            prop_assert_eq!(
                ours.predecessor_timestamp,
                theirs.predecessor_timestamp.as_u64() as i64
            );
            prop_assert_eq!(&ours.predecessor[..], &sdk_bytes(&theirs.predecessor)[..]);
        }
        (Message::StartOfLevel, InboxMessage::Internal(InternalInboxMessage::StartOfLevel))
        | (Message::EndOfLevel, InboxMessage::Internal(InternalInboxMessage::EndOfLevel)) => {}
        (Message::External(ours), InboxMessage::External(theirs)) => {
            prop_assert_eq!(ours, *theirs);
        }
        (ours, theirs) => prop_assert!(false, "{:?} {:?}", ours, theirs),
    }
    let again = written(|out| theirs.serialize(out).unwrap());
    prop_assert_eq!(&again, &ours.encode());
    prop_assert_eq!(&again[..], bytes);
    Ok(())
}

/// Compares the two on a message of the outbox whose parameters are wanted to be a `T`.
fn same_outbox<T: Michelson>(bytes: &[u8], ty: &Ty) -> Result<(), TestCaseError> {
    use sdk::outbox::OutboxMessage;
    let ours = Outgoing::parse(bytes);
    let theirs = sdk_read::<OutboxMessage<T>>(bytes);
    let (wanted, padded) = match &ours {
        Ok(Outgoing::Batch(calls)) => (calls.iter().all(|call| fits(call.parameters, ty)), false),
        Ok(_) => (false, false),
        Err(error) => (false, error.kind == ErrorKind::Padded),
    };
    let to_account = theirs.as_ref().is_some_and(|theirs| {
        let OutboxMessage::AtomicTransactionBatch(calls) = theirs;
        let implicit = |at| matches!(calls[at].destination, sdk::contract::Contract::Implicit(_));
        (0..calls.len()).any(implicit)
    });
    prop_assert!(
        padded || to_account || theirs.is_some() == wanted,
        "{:?} {:?}",
        ours,
        theirs
    );
    let (Ok(Outgoing::Batch(ours)), Some(theirs)) = (&ours, &theirs) else {
        return Ok(());
    };
    let OutboxMessage::AtomicTransactionBatch(calls) = theirs;
    prop_assert_eq!(ours.len(), calls.len());
    for (at, ours) in ours.iter().enumerate() {
        prop_assert_eq!(
            &sdk_bytes(&calls[at].parameters)[..],
            ours.parameters.as_bytes()
        );
        let destination = Contract::Originated(ours.destination).encode();
        prop_assert_eq!(&sdk_bytes(&calls[at].destination)[..], destination);
        prop_assert_eq!(calls[at].entrypoint.name(), ours.entrypoint.as_str());
    }
    prop_assert_eq!(sdk_bytes(theirs), Outgoing::Batch(ours.clone()).encode());
    Ok(())
}

/// Changes of some bytes, and an end that is cut off or added to.
fn changes() -> impl Strategy<Value = (Vec<(usize, u8)>, i8)> {
    (vec((any::<usize>(), 0..24_u8), 0..3), -3..2_i8)
}

fn changed(mut bytes: Vec<u8>, (changes, end): (Vec<(usize, u8)>, i8)) -> Vec<u8> {
    for (at, byte) in changes {
        let at = at % bytes.len();
        bytes[at] = byte;
    }
    let len = bytes.len().saturating_add_signed(isize::from(end));
    bytes.resize(len, 7);
    bytes
}

/// Tests of a type: as it is written, then with changed bytes.
macro_rules! payloads {
    ($($name:ident: $rust:ty, $ty:expr;)*) => {$(
        mod $name {
            use super::*;

            const TY: Ty = $ty;

            proptest! {
                #![proptest_config(ProptestConfig::with_cases(2_000))]

                #[test]
                fn in_the_inbox(
                    payload in node(&TY), sender: [u8; 20], curve in 0..=2_u8, hash: [u8; 20],
                    to: [u8; 20], changes in changes(),
                ) {
                    let source = source_of(curve, &hash);
                    let bytes = [&[0, 0][..], &payload, &sender, &source, &to].concat();
                    prop_assert!(sdk_inbox::<$rust>(&bytes).is_some());
                    same_inbox::<$rust>(&bytes, &TY)?;
                    same_inbox::<$rust>(&changed(bytes, changes), &TY)?;
                }

                #[test]
                fn in_the_outbox(
                    calls in vec((node(&TY), any::<[u8; 20]>(), "[A-Za-z0-9_][A-Za-z0-9_.%@]{0,31}"), 0..4),
                    changes in changes(),
                ) {
                    let body: Vec<u8> = calls
                        .iter()
                        .flat_map(|(parameters, to, name)| {
                            let name = name.as_bytes();
                            let len = (name.len() as u32).to_be_bytes();
                            [parameters, &[1][..], to, &[0], &len, name].concat()
                        })
                        .collect();
                    let bytes = written(|out| {
                        out.push(0);
                        write::dynamic(out, &body);
                    });
                    let short = calls.iter().all(|(.., name)| name.len() <= 31);
                    prop_assert_eq!(Outgoing::parse(&bytes).is_ok(), short);
                    same_outbox::<$rust>(&bytes, &TY)?;
                    same_outbox::<$rust>(&changed(bytes, changes), &TY)?;
                }
            }
        }
    )*};
}

payloads! {
    unit: MichelsonUnit, Ty::Unit;
    int: MichelsonInt, Ty::Int;
    string: MichelsonString, Ty::String;
    contracts: MichelsonContract, Ty::Contract;
    bridge: Bridge, BRIDGE;
    tickets: Tickets, TICKETS;
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn other_messages_of_the_inbox(tag in 0..3_u8, kind in 0..5_u8, rest in vec(any::<u8>(), 0..50)) {
        same_inbox::<MichelsonUnit>(&[&[tag, kind], &rest[..]].concat(), &Ty::Unit)?;
        let mut info = rest;
        info.resize(40, 9);
        same_inbox::<MichelsonUnit>(&[&[0, 3], &info[..]].concat(), &Ty::Unit)?;
    }

    #[test]
    fn frames_of_external_messages(bytes in vec(any::<u8>(), 0..40), tag in 0..2_u8, rollup: [u8; 20]) {
        use sdk::inbox::ExternalMessageFrame;
        for bytes in [[&[tag], &bytes[..]].concat(), external::frame(&rollup, &bytes)] {
            let ours = external::parse(&bytes, &rollup);
            let Ok(ExternalMessageFrame::Targetted { address, contents }) =
                ExternalMessageFrame::parse(&bytes)
            else {
                prop_assert_eq!(ours, Frame::NotFramed);
                continue;
            };
            let expected = if sdk_bytes(&address) == rollup {
                Frame::Contents(contents)
            } else {
                Frame::OtherRollup
            };
            prop_assert_eq!(ours, expected);
        }
    }

    #[test]
    fn contracts_in_bytes(bytes: [u8; 22], tag in 0..3_u8, curve in 0..4_u8, zero: bool) {
        let mut bytes = bytes;
        (bytes[0], bytes[1]) = (tag, curve);
        if zero {
            bytes[21] = 0;
        }
        let theirs: Option<sdk::contract::Contract> = sdk_read(&bytes);
        // The SDK's last release is older than the curves behind P-256.
        let known = tag != 0 || curve <= 2;
        let ours = Contract::parse(&bytes).ok().filter(|_| known);
        prop_assert_eq!(ours.is_some(), theirs.is_some());
        if let (Some(ours), Some(theirs)) = (ours, theirs) {
            prop_assert_eq!(&ours.encode()[..], sdk_bytes(&theirs));
            prop_assert_eq!(ours.to_base58(), Ok(theirs.to_b58check()));
        }
    }

    #[test]
    fn contracts_in_text(contract in contract(), at: usize, letter in "[1-9A-HJ-NP-Za-km-z0l]", cut: bool) {
        let mut text = contract.to_base58().unwrap();
        let theirs = sdk::contract::Contract::from_b58check(&text).unwrap();
        prop_assert_eq!(sdk_bytes(&theirs), contract.encode());
        let at = at % text.len();
        text.replace_range(at..=at, &letter);
        if cut {
            text.pop();
        }
        let theirs = sdk::contract::Contract::from_b58check(&text);
        let ours = Contract::from_base58(&text);
        prop_assert_eq!(ours.is_ok(), theirs.is_ok(), "{}", text);
    }

    #[test]
    fn rollups_in_text(hash: [u8; 20], at: usize, letter in "[1-9A-HJ-NP-Za-km-z0l]") {
        use sdk::smart_rollup::SmartRollupAddress;
        let mut text = address::print(address::Kind::Sr1, &hash).unwrap();
        let theirs = SmartRollupAddress::from_b58check(&text).unwrap();
        prop_assert_eq!(sdk_bytes(&theirs), hash);
        prop_assert_eq!(theirs.to_b58check(), text.clone());
        let at = at % text.len();
        text.replace_range(at..=at, &letter);
        let theirs = SmartRollupAddress::from_b58check(&text);
        prop_assert_eq!(address::rollup(&text).is_ok(), theirs.is_ok());
    }

    #[test]
    fn tickets_have_the_same_hash(bytes in node(&FA_TICKET)) {
        let theirs: FaTicket = sdk_read(&bytes).unwrap();
        let ours = Ticket::from_node(Node::parse(&bytes).unwrap());
        let amount = theirs.amount_as::<i128, _>();
        let positive = amount.map_or(!bytes_end_negative(&bytes), |amount| amount > 0);
        prop_assert_eq!(ours.is_ok(), positive);
        if let Ok(ours) = ours {
            prop_assert_eq!(sdk_bytes(&theirs.hash().unwrap()), ours.hash());
            prop_assert_eq!(written(|out| ours.put(out)), bytes);
        }
    }

    #[test]
    fn numbers(negative: bool, magnitude in vec(any::<u8>(), 0..40), random in vec(any::<u8>(), 0..12)) {
        let z = written(|out| number::put_z(out, negative, &magnitude));
        let n = written(|out| number::put_n(out, &magnitude));
        for bytes in [&z, &random] {
            let ours = Integer::parse_z(bytes);
            let Ok((rest, theirs)) = Zarith::nom_read(bytes) else {
                prop_assert_eq!(ours.unwrap_err().kind, ErrorKind::Truncated);
                continue;
            };
            let Ok((ours, len)) = ours else {
                prop_assert_eq!(ours.unwrap_err().kind, ErrorKind::Padded);
                continue;
            };
            prop_assert_eq!(len, bytes.len() - rest.len());
            let (_, size) = theirs.0.to_bytes_be();
            let magnitude = ours.magnitude::<80>().unwrap();
            prop_assert_eq!(trimmed(&magnitude), trimmed(&size));
            let zero = trimmed(&size).is_empty();
            // A zero with a minus: they write it without.
            let minus_zero = zero && ours.is_negative();
            prop_assert_eq!(ours.is_negative() && !zero, theirs.0 < Zarith(0.into()).0);
            let again = written(|out| theirs.bin_write(out).unwrap());
            prop_assert!(minus_zero || again == bytes[..len]);
        }
        for bytes in [&n, &random] {
            let ours = Integer::parse_n(bytes);
            let Ok((rest, theirs)) = Mutez::nom_read(bytes) else {
                prop_assert_eq!(ours.unwrap_err().kind, ErrorKind::Truncated);
                continue;
            };
            let Ok((ours, len)) = ours else {
                prop_assert_eq!(ours.unwrap_err().kind, ErrorKind::Padded);
                continue;
            };
            prop_assert_eq!(len, bytes.len() - rest.len());
            let (_, size) = theirs.0.to_bytes_be();
            let magnitude = ours.magnitude::<80>().unwrap();
            prop_assert_eq!(trimmed(&magnitude), trimmed(&size));
            // Eight times seven bits and more they write wrongly.
            if len <= 8 {
                let again = written(|out| theirs.bin_write(out).unwrap());
                prop_assert_eq!(&again[..], &bytes[..len]);
            }
        }
    }
}

/// True if the last number of a ticket, of more than 16 bytes, has a minus.
fn bytes_end_negative(bytes: &[u8]) -> bool {
    let ticket = Node::parse(bytes).unwrap().pair().unwrap();
    let amount = ticket[1].pair().unwrap()[1].int().unwrap();
    amount.is_negative()
}

fn trimmed(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    &number[zeros..]
}

/// Messages that are younger than the SDK's last release, written down once more.
#[expect(mismatched_lifetime_syntaxes, reason = "what is derived has them")]
mod younger {
    use super::*;
    use tezos_data_encoding::enc::BinWriter;
    use tezos_data_encoding::nom::NomReader;

    #[derive(Clone, Debug, PartialEq, Eq, HasEncoding, NomReader, BinWriter)]
    enum Internal {
        #[encoding(tag = 3)]
        InfoPerLevel(Info),
        #[encoding(tag = 4)]
        ProtocolMigration(Text),
        #[encoding(tag = 5)]
        DalAttestedSlots(Slots),
    }

    #[derive(Clone, Debug, PartialEq, Eq, HasEncoding, NomReader, BinWriter)]
    struct Text {
        #[encoding(string)]
        text: String,
    }

    #[derive(Clone, Debug, PartialEq, Eq, HasEncoding, NomReader, BinWriter)]
    struct Info {
        timestamp: i64,
        block: SizedBytes<32>,
    }

    #[derive(Clone, Debug, PartialEq, Eq, HasEncoding, NomReader, BinWriter)]
    struct Slots {
        published_level: i32,
        number_of_slots: u16,
        slot_size: i32,
        page_size: u16,
        #[encoding(dynamic, list)]
        publishers: Vec<Publisher>,
    }

    #[derive(Clone, Debug, PartialEq, Eq, HasEncoding, NomReader, BinWriter)]
    struct Publisher {
        curve: u8,
        hash: SizedBytes<20>,
        slots: Zarith,
    }

    #[derive(Clone, Debug, PartialEq, Eq, HasEncoding, NomReader, BinWriter)]
    enum Outbox {
        #[encoding(tag = 3)]
        CanonicalRollupSignal(Text),
    }

    fn slots() -> impl Strategy<Value = Slots> {
        let publisher = (0..=4_u8, any::<[u8; 20]>(), any::<u64>(), 0..64_u32);
        let publisher = publisher.prop_map(|(curve, hash, slots, shift)| Publisher {
            curve,
            hash: hash.into(),
            slots: Zarith((slots >> shift).into()),
        });
        let head = (any::<i32>(), any::<u16>(), 0..=i32::MAX, any::<u16>());
        (head, vec(publisher, 0..4)).prop_map(|(head, publishers)| Slots {
            published_level: head.0,
            number_of_slots: head.1,
            slot_size: head.2,
            page_size: head.3,
            publishers,
        })
    }

    /// Messages that layer 1 does not write, though the encoding could: our reader refuses them.
    fn sensible(message: &Internal) -> bool {
        let Internal::DalAttestedSlots(slots) = message else {
            return true;
        };
        let sensible = |one: &Publisher| one.curve <= 4 && one.slots.0 >= Zarith(0.into()).0;
        slots.slot_size >= 0 && slots.publishers.iter().all(sensible)
    }

    fn same(bytes: &[u8]) -> Result<(), TestCaseError> {
        // What these types lack is tried elsewhere.
        if !matches!(bytes, [0, 3..=255, ..]) {
            return Ok(());
        }
        let ours = Message::parse(bytes);
        let theirs = bytes.strip_prefix(&[0]).and_then(|bytes| {
            let (rest, message) = Internal::nom_read(bytes).ok()?;
            rest.is_empty().then_some(message)
        });
        let kind = |kind| matches!(&ours, Err(error) if error.kind == kind);
        // A minus in front of nothing, or needless bytes: lost when they read them.
        let odd = kind(ErrorKind::Padded) || kind(ErrorKind::OutOfRange);
        let wanted = theirs.as_ref().is_some_and(sensible);
        prop_assert!(odd || ours.is_ok() == wanted, "{:?} {:?}", ours, theirs);
        let (Ok(ours), Some(theirs)) = (ours, theirs) else {
            return Ok(());
        };
        match (&ours, &theirs) {
            (Message::InfoPerLevel(ours), Internal::InfoPerLevel(theirs)) => {
                let InfoPerLevel {
                    predecessor_timestamp,
                    predecessor,
                } = ours;
                prop_assert_eq!(*predecessor_timestamp, theirs.timestamp);
                prop_assert_eq!(*predecessor, theirs.block.0);
            }
            (Message::ProtocolMigration(ours), Internal::ProtocolMigration(theirs)) => {
                prop_assert_eq!(*ours, &theirs.text[..]);
            }
            (Message::DalAttestedSlots(ours), Internal::DalAttestedSlots(theirs)) => {
                same_slots(ours, theirs)?;
            }
            (ours, theirs) => prop_assert!(false, "{:?} {:?}", ours, theirs),
        }
        let again = written(|out| theirs.bin_write(out).unwrap());
        prop_assert_eq!(&again[..], &ours.encode()[1..]);
        Ok(())
    }

    fn same_slots(ours: &DalAttestedSlots<'_>, theirs: &Slots) -> Result<(), TestCaseError> {
        prop_assert_eq!(ours.published_level, theirs.published_level);
        prop_assert_eq!(ours.number_of_slots, theirs.number_of_slots);
        prop_assert_eq!(ours.slot_size, theirs.slot_size);
        prop_assert_eq!(ours.page_size, theirs.page_size);
        let publishers: Vec<_> = ours.publishers().collect();
        prop_assert_eq!(publishers.len(), theirs.publishers.len());
        for (ours, theirs) in publishers.iter().zip(&theirs.publishers) {
            prop_assert_eq!(*ours.publisher, source_of(theirs.curve, &theirs.hash.0));
            for index in 0..200 {
                prop_assert_eq!(ours.has(index), theirs.slots.0.bit(u64::from(index)));
            }
        }
        Ok(())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]

        #[test]
        fn attested_slots(slots in slots(), changes in changes()) {
            let message = Internal::DalAttestedSlots(slots);
            let bytes = written(|out| {
                out.push(0);
                message.bin_write(out).unwrap();
            });
            prop_assert!(Message::parse(&bytes).is_ok());
            same(&bytes)?;
            same(&changed(bytes, changes))?;
        }

        #[test]
        fn protocols_and_levels(name in ".{0,20}", timestamp: i64, block: [u8; 32], changes in changes()) {
            for message in [
                Internal::ProtocolMigration(Text { text: name }),
                Internal::InfoPerLevel(Info { timestamp, block: block.into() }),
            ] {
                let bytes = written(|out| {
                    out.push(0);
                    message.bin_write(out).unwrap();
                });
                prop_assert!(Message::parse(&bytes).is_ok());
                same(&bytes)?;
                same(&changed(bytes, changes.clone()))?;
            }
        }

        #[test]
        fn words_to_layer_1(text in ".{0,20}", changes in changes()) {
            let bytes = Outgoing::CanonicalRollupSignal(&text).encode();
            for bytes in [bytes.clone(), changed(bytes, changes)] {
                let theirs = Outbox::nom_read(&bytes).ok().filter(|(rest, _)| rest.is_empty());
                let theirs = theirs.map(|(_, Outbox::CanonicalRollupSignal(signal))| signal.text);
                let ours = match Outgoing::parse(&bytes) {
                    Ok(Outgoing::CanonicalRollupSignal(text)) => Some(text.to_owned()),
                    _ => None,
                };
                prop_assert_eq!(ours, theirs);
            }
        }
    }
}
