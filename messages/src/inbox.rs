//! Messages of the inbox: what `read_input` gives, told apart.

use crate::error::{DecodeError, ErrorKind};
use crate::micheline;
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
    /// Who signed the operation: curve tag and public key hash (`tz…`).
    pub source: &'b [u8; 21],
    /// The address of the rollup that is called (`sr1…`).
    pub destination: &'b [u8; 20],
}

/// What a level knows of its predecessor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InfoPerLevel {
    /// The predecessor block's timestamp, in seconds since 1970.
    pub predecessor_timestamp: i64,
    /// The predecessor block's hash.
    pub predecessor: [u8; 32],
}

/// What layer 1 attests of the data availability layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DalAttestedSlots<'b> {
    /// The level that the slots were published at.
    pub published_level: i32,
    /// How many slots a level has.
    pub number_of_slots: u16,
    /// The size of a slot, in bytes.
    pub slot_size: i32,
    /// The size of a page, in bytes.
    pub page_size: u16,
    /// Publishers and their slots, as they are encoded.
    pub slots: &'b [u8],
}

/// The bytes behind a transfer's payload: sender, source, destination.
const TRANSFER_TAIL: usize = 20 + 21 + 20;

impl<'b> Message<'b> {
    /// The message in `bytes`, all of them.
    ///
    /// # Errors
    /// Where layer 1 would not have written such bytes.
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
        5 => Ok(Message::DalAttestedSlots(DalAttestedSlots {
            published_level: i32::from_be_bytes(reader.array()?),
            number_of_slots: u16::from_be_bytes(reader.array()?),
            slot_size: i32::from_be_bytes(reader.array()?),
            page_size: u16::from_be_bytes(reader.array()?),
            slots: reader.dynamic()?,
        })),
        tag => Err(start.error(ErrorKind::UnknownTag(tag))),
    }
}

/// The payload is not behind a length: it is one node, up to the last 61 bytes.
fn transfer<'b>(reader: &mut Reader<'b>) -> Result<Transfer<'b>, DecodeError> {
    let start = *reader;
    let len = reader.remaining().checked_sub(TRANSFER_TAIL);
    let payload = reader.take(len.ok_or(start.error(ErrorKind::Truncated))?)?;
    let offset = start.error(ErrorKind::Truncated).offset;
    let node = micheline::node_length(payload).map_err(|error| DecodeError {
        offset: offset + error.offset,
        ..error
    })?;
    if node != payload.len() {
        return Err(DecodeError {
            offset: offset + node,
            kind: ErrorKind::Trailing,
        });
    }
    Ok(Transfer {
        payload,
        sender: fixed(reader)?,
        source: fixed(reader)?,
        destination: fixed(reader)?,
    })
}

fn fixed<'b, const LEN: usize>(reader: &mut Reader<'b>) -> Result<&'b [u8; LEN], DecodeError> {
    let error = reader.error(ErrorKind::Truncated);
    reader.take(LEN)?.try_into().map_err(|_| error)
}
