//! Messages of the inbox: what `read_input` gives, told apart.

use crate::contract::public_key_hash;
use crate::error::{DecodeError, ErrorKind};
use crate::micheline;
use crate::number::Integer;
use crate::reader::Reader;
use alloc::vec::Vec;

/// A message of the inbox, borrowed from its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message<'b> {
    /// `00 00`: a layer 1 contract calls a rollup.
    Transfer(Transfer<'b>),
    /// `00 01`: the level begins.
    StartOfLevel,
    /// `00 02`: the level ends.
    EndOfLevel,
    /// `00 03`: facts of the level.
    InfoPerLevel(InfoPerLevel),
    /// `00 04`: layer 1 changes its protocol to the one with this name.
    ProtocolMigration(&'b str),
    /// `00 05`: slots of the data availability layer.
    DalAttestedSlots(DalAttestedSlots<'b>),
    /// `01`: anything that anybody posted, up to 4,095 bytes.
    External(&'b [u8]),
}

/// A call from a contract of layer 1, to any rollup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transfer<'b> {
    /// The parameter: one Micheline node.
    pub payload: &'b [u8],
    /// The hash of the calling contract (`KT1…`).
    pub sender: &'b [u8; 20],
    /// The signer of the operation: curve tag and public key hash (`tz…`).
    pub source: &'b [u8; 21],
    /// The address of the rollup that is called (`sr1…`).
    pub destination: &'b [u8; 20],
}

/// Facts about a level's predecessor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InfoPerLevel {
    /// The predecessor block's timestamp, in seconds since 1970.
    pub predecessor_timestamp: i64,
    /// The predecessor block's hash.
    pub predecessor: [u8; 32],
}

/// Attestations of layer 1 about the data availability layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DalAttestedSlots<'b> {
    /// The level that the slots were published at.
    pub published_level: i32,
    /// The number of slots of a level.
    pub number_of_slots: u16,
    /// The size of a slot, in bytes.
    pub slot_size: i32,
    /// The size of a page, in bytes.
    pub page_size: u16,
    /// Publishers and their slots, as they are encoded: `(curve tag ++ public
    /// key hash (20) ++ Z)*`. [`DalAttestedSlots::publishers`] reads them.
    pub slots: &'b [u8],
}

/// The slots of one publisher.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attested<'b> {
    /// The publisher: curve tag and public key hash (`tz…`).
    pub publisher: &'b [u8; 21],
    /// Bit *i* says whether slot *i* is attested: a Z that is not negative.
    bits: &'b [u8],
}

impl Attested<'_> {
    /// True if the slot `index` of this publisher is attested.
    #[must_use]
    pub fn has(&self, index: u16) -> bool {
        // A Z has 6 bits in its first byte and 7 in the others, lowest first.
        let (byte, bit) = match index.checked_sub(6) {
            None => (0, index),
            Some(index) => (1 + usize::from(index / 7), index % 7),
        };
        self.bits.get(byte).is_some_and(|bits| bits >> bit & 1 == 1)
    }
}

impl<'b> DalAttestedSlots<'b> {
    /// Each publisher with its slots, up to the first that does not decode;
    /// [`Message::parse`] gives no message with such a one.
    pub fn publishers(&self) -> impl Iterator<Item = Attested<'b>> + use<'b> {
        let mut reader = Reader::new(self.slots);
        core::iter::from_fn(move || {
            if reader.is_empty() {
                return None;
            }
            attested(&mut reader).ok()
        })
    }
}

/// The bytes behind a transfer's payload: sender, source, destination.
const TRANSFER_TAIL: usize = 20 + 21 + 20;

impl<'b> Message<'b> {
    /// The message in `bytes`, all of them.
    ///
    /// # Errors
    /// If layer 1 would not have written such bytes.
    pub fn parse(bytes: &'b [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let start = reader;
        let message = match reader.byte()? {
            0 => internal(&mut reader)?,
            1 => Self::External(reader.rest()),
            tag => return Err(start.error(ErrorKind::UnknownTag(tag))),
        };
        reader.finish()?;
        Ok(message)
    }

    /// The message's bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Transfer(transfer) => [
                &[0, 0][..],
                transfer.payload,
                transfer.sender,
                transfer.source,
                transfer.destination,
            ]
            .concat(),
            Self::StartOfLevel => Vec::from([0, 1]),
            Self::EndOfLevel => Vec::from([0, 2]),
            Self::InfoPerLevel(info) => [
                &[0, 3][..],
                &info.predecessor_timestamp.to_be_bytes(),
                &info.predecessor,
            ]
            .concat(),
            Self::ProtocolMigration(name) => [
                &[0, 4][..],
                &(name.len() as u32).to_be_bytes(),
                name.as_bytes(),
            ]
            .concat(),
            Self::DalAttestedSlots(attested) => [
                &[0, 5][..],
                &attested.published_level.to_be_bytes(),
                &attested.number_of_slots.to_be_bytes(),
                &attested.slot_size.to_be_bytes(),
                &attested.page_size.to_be_bytes(),
                &(attested.slots.len() as u32).to_be_bytes(),
                attested.slots,
            ]
            .concat(),
            Self::External(contents) => [&[1], *contents].concat(),
        }
    }
}

fn internal<'b>(reader: &mut Reader<'b>) -> Result<Message<'b>, DecodeError> {
    let start = *reader;
    match reader.byte()? {
        0 => transfer(reader).map(Message::Transfer),
        1 => Ok(Message::StartOfLevel),
        2 => Ok(Message::EndOfLevel),
        3 => Ok(Message::InfoPerLevel(InfoPerLevel {
            predecessor_timestamp: i64::from_be_bytes(reader.array()?),
            predecessor: reader.array()?,
        })),
        4 => {
            let start = *reader;
            let name = core::str::from_utf8(reader.dynamic()?);
            name.map(Message::ProtocolMigration)
                .map_err(|_| start.error(ErrorKind::Text))
        }
        5 => dal(reader).map(Message::DalAttestedSlots),
        tag => Err(start.error(ErrorKind::UnknownTag(tag))),
    }
}

fn dal<'b>(reader: &mut Reader<'b>) -> Result<DalAttestedSlots<'b>, DecodeError> {
    let published_level = i32::from_be_bytes(reader.array()?);
    let number_of_slots = u16::from_be_bytes(reader.array()?);
    let start = *reader;
    let slot_size = i32::from_be_bytes(reader.array()?);
    if slot_size < 0 {
        return Err(start.error(ErrorKind::OutOfRange));
    }
    let page_size = u16::from_be_bytes(reader.array()?);
    let mut inside = reader.dynamic_reader()?;
    let slots = inside.bytes();
    while !inside.is_empty() {
        attested(&mut inside)?;
    }
    Ok(DalAttestedSlots {
        published_level,
        number_of_slots,
        slot_size,
        page_size,
        slots,
    })
}

fn attested<'b>(reader: &mut Reader<'b>) -> Result<Attested<'b>, DecodeError> {
    let publisher = public_key_hash(reader)?;
    let start = *reader;
    let slots = Integer::read_z(reader)?;
    if slots.is_negative() {
        return Err(start.error(ErrorKind::OutOfRange));
    }
    Ok(Attested {
        publisher,
        bits: slots.as_bytes(),
    })
}

/// The payload is not behind a length: it is one node, up to the last 61 bytes.
fn transfer<'b>(reader: &mut Reader<'b>) -> Result<Transfer<'b>, DecodeError> {
    let start = *reader;
    let len = reader.remaining().checked_sub(TRANSFER_TAIL);
    let payload = reader.take(len.ok_or(start.error(ErrorKind::Truncated))?)?;
    let inside = |at: usize, kind| DecodeError {
        offset: start.offset() + at,
        kind,
    };
    let node = micheline::node_length(payload).map_err(|error| inside(error.offset, error.kind))?;
    if node != payload.len() {
        return Err(inside(node, ErrorKind::Trailing));
    }
    Ok(Transfer {
        payload,
        sender: reader.array_ref()?,
        source: public_key_hash(reader)?,
        destination: reader.array_ref()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(bytes: &[u8]) -> (usize, ErrorKind) {
        let error = Message::parse(bytes).unwrap_err();
        (error.offset, error.kind)
    }

    /// `00 00` ++ payload ++ sender ++ source ++ destination.
    fn transfer(payload: &[u8], curve: u8) -> Vec<u8> {
        [&[0, 0][..], payload, &[1; 20], &[curve], &[2; 20], &[3; 20]].concat()
    }

    #[test]
    fn a_transfer_is_told_apart_from_its_end() {
        let bytes = transfer(&[3, 11], 0);
        let source = [&[0][..], &[2; 20]].concat().try_into().unwrap();
        let message = Message::Transfer(Transfer {
            payload: &[3, 11],
            sender: &[1; 20],
            source: &source,
            destination: &[3; 20],
        });
        assert_eq!(Message::parse(&bytes), Ok(message));
        assert_eq!(message.encode(), bytes);
    }

    #[test]
    fn a_payload_is_one_node() {
        assert_eq!(error(&transfer(&[], 0)), (2, ErrorKind::Truncated));
        assert_eq!(error(&transfer(&[11], 0)), (2, ErrorKind::UnknownTag(11)));
        assert_eq!(
            error(&transfer(&[3, 11, 3, 11], 0)),
            (4, ErrorKind::Trailing)
        );
        assert_eq!(error(&transfer(&[5, 5, 3], 0)), (5, ErrorKind::Truncated));
        assert_eq!(error(&[0, 0, 3, 11]), (2, ErrorKind::Truncated));
    }

    #[test]
    fn a_source_has_a_known_curve() {
        assert!(Message::parse(&transfer(&[3, 11], 4)).is_ok());
        assert_eq!(
            error(&transfer(&[3, 11], 5)),
            (24, ErrorKind::UnknownTag(5))
        );
    }

    #[test]
    fn messages_end_where_they_end() {
        assert_eq!(error(&[]), (0, ErrorKind::Truncated));
        assert_eq!(error(&[0]), (1, ErrorKind::Truncated));
        assert_eq!(error(&[2]), (0, ErrorKind::UnknownTag(2)));
        assert_eq!(error(&[0, 6]), (1, ErrorKind::UnknownTag(6)));
        assert_eq!(error(&[0, 1, 0]), (2, ErrorKind::Trailing));
        assert_eq!(error(&[0, 4, 0, 0, 0, 1, 0xff]), (2, ErrorKind::Text));
        assert_eq!(error(&[0, 4, 0, 0, 0, 2, b'a']), (6, ErrorKind::Truncated));
        let info = [&[0, 3][..], &[0; 39]].concat();
        assert_eq!(error(&info), (10, ErrorKind::Truncated));
    }

    fn dal(slot_size: i32, slots: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::from([0, 5, 0, 0, 0, 9, 0, 16]);
        bytes.extend(slot_size.to_be_bytes());
        bytes.extend([0x10, 0]);
        bytes.extend((slots.len() as u32).to_be_bytes());
        bytes.extend(slots);
        bytes
    }

    #[test]
    fn slots_are_bits_of_a_number() {
        // Slots 1, 6 and 13.
        let slots = [&[1][..], &[7; 20], &[0x82, 0x81, 1]].concat();
        let bytes = dal(126_944, &slots);
        let Ok(Message::DalAttestedSlots(attested)) = Message::parse(&bytes) else {
            panic!("{:?}", Message::parse(&bytes));
        };
        let [one] = attested
            .publishers()
            .collect::<Vec<_>>()
            .try_into()
            .unwrap();
        assert_eq!(one.publisher[..], slots[..21]);
        let set: Vec<u16> = (0..=u16::MAX).filter(|index| one.has(*index)).collect();
        assert_eq!(set, [1, 6, 13]);
    }

    #[test]
    fn slots_that_make_no_sense_are_refused() {
        let key = [&[0][..], &[7; 20]].concat();
        assert_eq!(error(&dal(-1, &[])), (8, ErrorKind::OutOfRange));
        assert_eq!(error(&dal(1, &key)), (39, ErrorKind::Truncated));
        assert_eq!(
            error(&dal(1, &[&key[..], &[0x41]].concat())),
            (39, ErrorKind::OutOfRange)
        );
        assert_eq!(
            error(&dal(1, &[&key[..], &[0x80, 0]].concat())),
            (40, ErrorKind::Padded)
        );
    }
}
