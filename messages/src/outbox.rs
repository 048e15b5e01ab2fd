//! Messages of the outbox: what a rollup asks layer 1 to do.

use crate::contract::public_key_hash;
use crate::error::{DecodeError, ErrorKind};
use crate::micheline::Node;
use crate::micheline::write::dynamic;
use crate::reader::Reader;
use alloc::vec::Vec;

/// The largest message, in bytes.
pub const MAX_MESSAGE: usize = 4096;

/// A message, borrowed from its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message<'b> {
    /// `00`: calls that happen together or not at all; layer 1 types the
    /// parameters by the entrypoints.
    Batch(Vec<Transaction<'b>>),
    /// `01`: as a batch, with the types of the parameters (since Nairobi).
    TypedBatch(Vec<TypedTransaction<'b>>),
    /// `02`: who may publish commitments of a private rollup; none for
    /// everybody, for good (since Oxford).
    WhitelistUpdate(Option<Vec<&'b [u8; 21]>>),
    /// `03`: a word to layer 1 (since Ushuaia).
    CanonicalRollupSignal(&'b str),
}

/// A call of a contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transaction<'b> {
    /// The parameter.
    pub parameters: Node<'b>,
    /// The hash of the contract (`KT1…`).
    pub destination: [u8; 20],
    /// The entrypoint.
    pub entrypoint: Entrypoint<'b>,
}

/// A call of a contract, with the type of its parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TypedTransaction<'b> {
    /// The call.
    pub transaction: Transaction<'b>,
    /// The type of the parameter.
    pub parameters_ty: Node<'b>,
}

/// The name of an entrypoint: 1 to 31 of `[A-Za-z0-9_.%@]`, the first of
/// `[A-Za-z0-9_]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entrypoint<'b>(&'b str);

impl<'b> Entrypoint<'b> {
    /// `default`.
    pub const DEFAULT: Self = Self("default");

    /// The most bytes of a name.
    pub const MAX_LEN: usize = 31;

    /// The entrypoint with this name; no name stands for `default`.
    ///
    /// # Errors
    /// [`ErrorKind::OutOfRange`] for a name that is too long;
    /// [`ErrorKind::Text`] for a character that names do not have.
    ///
    /// ```
    /// use messages::outbox::Entrypoint;
    /// assert_eq!(Entrypoint::new(""), Ok(Entrypoint::DEFAULT));
    /// assert_eq!(Entrypoint::new("burn").unwrap().as_str(), "burn");
    /// assert!(Entrypoint::new("%x").is_err());
    /// ```
    pub fn new(name: &'b str) -> Result<Self, DecodeError> {
        let error = |offset, kind| Err(DecodeError { offset, kind });
        if name.is_empty() {
            return Ok(Self::DEFAULT);
        }
        if name.len() > Self::MAX_LEN {
            return error(Self::MAX_LEN, ErrorKind::OutOfRange);
        }
        let word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
        let legal = |(at, byte): (usize, &u8)| word(byte) || at > 0 && b".%@".contains(byte);
        match name
            .as_bytes()
            .iter()
            .enumerate()
            .position(|one| !legal(one))
        {
            Some(at) => error(at, ErrorKind::Text),
            None => Ok(Self(name)),
        }
    }

    /// The name.
    #[must_use]
    pub const fn as_str(&self) -> &'b str {
        self.0
    }

    /// Takes a name behind its length (u32, big-endian).
    ///
    /// # Errors
    /// As [`Entrypoint::new`], or where bytes are missing.
    pub fn read(reader: &mut Reader<'b>) -> Result<Self, DecodeError> {
        let inside = reader.dynamic_reader()?;
        let text = core::str::from_utf8(inside.bytes());
        let name = text.map_err(|_| inside.error(ErrorKind::Text))?;
        Self::new(name).map_err(|error| DecodeError {
            offset: inside.offset() + error.offset,
            kind: error.kind,
        })
    }
}

impl<'b> Message<'b> {
    /// The message in `bytes`, all of them.
    ///
    /// # Errors
    /// If layer 1 would not read it. A whitelist is not empty and names
    /// nobody twice.
    pub fn parse(bytes: &'b [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let start = reader;
        let message = match reader.byte()? {
            0 => Self::Batch(items(&mut reader, transaction)?),
            1 => Self::TypedBatch(items(&mut reader, typed_transaction)?),
            2 => Self::WhitelistUpdate(whitelist(&mut reader)?),
            3 => {
                let start = reader;
                let text = core::str::from_utf8(reader.dynamic()?);
                Self::CanonicalRollupSignal(text.map_err(|_| start.error(ErrorKind::Text))?)
            }
            tag => return Err(start.error(ErrorKind::UnknownTag(tag))),
        };
        reader.finish()?;
        Ok(message)
    }

    /// The message's bytes. Layer 1 takes [`MAX_MESSAGE`] of them at most.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut body = Vec::new();
        let tag = match self {
            Self::Batch(transactions) => {
                for transaction in transactions {
                    body.extend_from_slice(transaction.parameters.as_bytes());
                    transaction.put_destination(&mut body);
                }
                0
            }
            Self::TypedBatch(transactions) => {
                for typed in transactions {
                    body.extend_from_slice(typed.transaction.parameters.as_bytes());
                    body.extend_from_slice(typed.parameters_ty.as_bytes());
                    typed.transaction.put_destination(&mut body);
                }
                1
            }
            Self::WhitelistUpdate(None) => return Vec::from([2, 0]),
            Self::WhitelistUpdate(Some(accounts)) => {
                let mut message = Vec::from([2, 0xff]);
                accounts
                    .iter()
                    .for_each(|account| body.extend_from_slice(*account));
                dynamic(&mut message, &body);
                return message;
            }
            Self::CanonicalRollupSignal(text) => {
                body.extend_from_slice(text.as_bytes());
                3
            }
        };
        let mut message = Vec::from([tag]);
        dynamic(&mut message, &body);
        message
    }
}

impl Transaction<'_> {
    fn put_destination(&self, out: &mut Vec<u8>) {
        out.push(1);
        out.extend_from_slice(&self.destination);
        out.push(0);
        dynamic(out, self.entrypoint.0.as_bytes());
    }
}

/// Items behind their length in bytes.
fn items<'b, T>(
    reader: &mut Reader<'b>,
    item: impl Fn(&mut Reader<'b>) -> Result<T, DecodeError>,
) -> Result<Vec<T>, DecodeError> {
    let mut inside = reader.dynamic_reader()?;
    let mut items = Vec::new();
    while !inside.is_empty() {
        items.push(item(&mut inside)?);
    }
    Ok(items)
}

fn node<'b>(reader: &mut Reader<'b>) -> Result<Node<'b>, DecodeError> {
    let start = reader.offset();
    let (node, _) = Node::split(reader.bytes()).map_err(|error| DecodeError {
        offset: start + error.offset,
        kind: error.kind,
    })?;
    reader.take(node.as_bytes().len())?;
    Ok(node)
}

fn transaction<'b>(reader: &mut Reader<'b>) -> Result<Transaction<'b>, DecodeError> {
    let parameters = node(reader)?;
    called(reader, parameters)
}

fn typed_transaction<'b>(reader: &mut Reader<'b>) -> Result<TypedTransaction<'b>, DecodeError> {
    let parameters = node(reader)?;
    let parameters_ty = node(reader)?;
    Ok(TypedTransaction {
        transaction: called(reader, parameters)?,
        parameters_ty,
    })
}

fn called<'b>(
    reader: &mut Reader<'b>,
    parameters: Node<'b>,
) -> Result<Transaction<'b>, DecodeError> {
    let start = *reader;
    let destination = match reader.array()? {
        [1] => reader.array()?,
        [tag] => return Err(start.error(ErrorKind::UnknownTag(tag))),
    };
    let padding = *reader;
    if reader.byte()? != 0 {
        return Err(padding.error(ErrorKind::Trailing));
    }
    Ok(Transaction {
        parameters,
        destination,
        entrypoint: Entrypoint::read(reader)?,
    })
}

fn whitelist<'b>(reader: &mut Reader<'b>) -> Result<Option<Vec<&'b [u8; 21]>>, DecodeError> {
    let start = *reader;
    match reader.byte()? {
        0 => Ok(None),
        0xff => {
            let list = *reader;
            let accounts = items(reader, public_key_hash)?;
            let mut sorted = accounts.clone();
            sorted.sort_unstable();
            sorted.dedup();
            if accounts.is_empty() || sorted.len() < accounts.len() {
                return Err(list.error(ErrorKind::OutOfRange));
            }
            Ok(Some(accounts))
        }
        tag => Err(start.error(ErrorKind::UnknownTag(tag))),
    }
}
