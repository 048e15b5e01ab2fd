//! The format of external messages: a batch of transactions under one aggregated signature, "v1"
//! of the format.
//!
//! ```text
//! batch       = 00 ++ dyn(transaction*) ++ aggregated signature (96)
//! transaction = dyn(operation*)                     all of it happens, or nothing
//! operation   = signer ++ counter (i64) ++ dyn(content*)
//! signer      = 00 ++ public key (48) | 01 ++ tz4 hash (20)
//! content     = 00 ++ KT1 hash (20) ++ string ticket ++ dyn(entrypoint)   withdrawal
//!             | 01 ++ tz4 hash (20) ++ string ticket                     transfer
//! dyn(x)      = length of x in bytes (u32) ++ x
//! ```
//!
//! Numbers are big-endian. A string ticket is Micheline, `Pair ticketer (Pair
//! "content" amount)`. The signer of an operation signs the bytes of its whole
//! transaction, its length included.

use crate::bls::{PUBLIC_KEY, SIGNATURE};
use alloc::vec::Vec;
use messages::contract::Contract;
use messages::error::{DecodeError, ErrorKind};
use messages::hash::blake2b_256;
use messages::micheline::{Node, write};
use messages::outbox::Entrypoint;
use messages::reader::Reader;
use messages::{number, ticket};

/// The hash in a layer 2 address (`tz4…`): blake2b-160 of the public key.
pub type Tz4 = [u8; 20];

/// The name of a ticket: [`ticket::Ticket::hash`].
pub type TicketHash = [u8; 32];

/// The tag of batches of this format.
pub const V1: u8 = 0;

/// The size of an empty batch.
const LEAST: usize = 1 + 4 + SIGNATURE;

/// A batch, borrowed from its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch<'b> {
    /// In this order.
    pub transactions: Vec<Transaction<'b>>,
    /// Of all signers of all transactions.
    pub signature: &'b [u8; SIGNATURE],
}

/// Operations that happen together or not at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction<'b> {
    /// Its bytes, the length in front of them included: what is signed.
    pub bytes: &'b [u8],
    /// In this order.
    pub operations: Vec<Operation<'b>>,
}

/// The operation of one signer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation<'b> {
    /// Whose it is.
    pub signer: Signer<'b>,
    /// The number of earlier operations of this signer.
    pub counter: i64,
    /// In this order.
    pub contents: Vec<Content<'b>>,
}

/// The signer of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signer<'b> {
    /// By the key: the first time, and whenever it likes.
    PublicKey(&'b [u8; PUBLIC_KEY]),
    /// By the address, once the key is known.
    Address(&'b Tz4),
}

/// One thing that a signer does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content<'b> {
    /// Tickets go to a contract of layer 1.
    Withdrawal {
        /// The hash of the contract (`KT1…`).
        destination: &'b [u8; 20],
        /// The ticket.
        ticket: StringTicket<'b>,
        /// Which takes it: its type is `ticket string`.
        entrypoint: Entrypoint<'b>,
    },
    /// Tickets go to another account.
    Transfer {
        /// Whose they are then.
        destination: &'b Tz4,
        /// The ticket.
        ticket: StringTicket<'b>,
    },
}

/// A ticket whose content is a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StringTicket<'b> {
    /// Its Micheline, as layer 1 writes it.
    pub node: Node<'b>,
    /// Its issuer.
    pub ticketer: Contract,
    /// Its contents, as a node.
    pub content: Node<'b>,
    /// Its amount; `None` below zero and beyond 64 bits.
    pub amount: Option<u64>,
}

impl<'b> StringTicket<'b> {
    /// The ticket that `node` is.
    ///
    /// # Errors
    /// [`ErrorKind::NotThis`] if it is not a batch.
    pub fn from_node(node: Node<'b>) -> Result<Self, DecodeError> {
        const NONE: DecodeError = DecodeError {
            offset: 0,
            kind: ErrorKind::NotThis,
        };
        let [ticketer, rest] = node.pair().ok_or(NONE)?;
        let [content, amount] = rest.pair().ok_or(NONE)?;
        content.string().ok_or(NONE)?;
        Ok(Self {
            node,
            ticketer: ticket::contract(ticketer).ok_or(NONE)?,
            content,
            amount: amount.int().ok_or(NONE)?.to_u64(),
        })
    }

    /// Its name.
    #[must_use]
    pub fn hash(&self) -> TicketHash {
        let mut bytes = Vec::new();
        write::bytes(&mut bytes, &self.ticketer.encode());
        bytes.extend_from_slice(self.content.as_bytes());
        blake2b_256(&bytes)
    }

    fn read(reader: &mut Reader<'b>) -> Result<Self, DecodeError> {
        let start = *reader;
        let here = |error: DecodeError| DecodeError {
            offset: start.offset() + error.offset,
            kind: error.kind,
        };
        let (node, _) = Node::split(reader.bytes()).map_err(here)?;
        reader.take(node.as_bytes().len())?;
        Self::from_node(node).map_err(here)
    }
}

/// The Micheline of a string ticket.
#[must_use]
pub fn string_ticket(ticketer: &Contract, content: &str, amount: u64) -> Vec<u8> {
    let mut text = Vec::new();
    write::string(&mut text, content);
    let mut node = Vec::new();
    ticket::put(&mut node, ticketer, &text, |out| {
        out.push(0);
        number::put_z(out, false, &amount.to_be_bytes());
    });
    node
}

/// True if `bytes` can be a batch, by their lengths alone.
#[must_use]
pub fn looks_like_a_batch(bytes: &[u8]) -> bool {
    let Some((&V1, rest)) = bytes.split_first() else {
        return false;
    };
    rest.split_first_chunk().is_some_and(|(len, _)| {
        bytes.len() >= LEAST && bytes.len() - LEAST == u32::from_be_bytes(*len) as usize
    })
}

impl<'b> Batch<'b> {
    /// The batch in `bytes`, all of them.
    ///
    /// # Errors
    /// If they are invalid, with the offset.
    pub fn parse(bytes: &'b [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        match reader.byte()? {
            V1 => {}
            tag => return Err(Reader::new(bytes).error(ErrorKind::UnknownTag(tag))),
        }
        let transactions = all(&mut reader, |inside| {
            let start = inside.bytes();
            let operations = all(inside, operation)?;
            let len = start.len() - inside.remaining();
            let bytes = start.get(..len).unwrap_or_default();
            Ok(Transaction { bytes, operations })
        })?;
        let signature = reader.array_ref()?;
        reader.finish()?;
        Ok(Self {
            transactions,
            signature,
        })
    }

    /// The number of operations.
    #[must_use]
    pub fn operations(&self) -> usize {
        let counts = self.transactions.iter();
        counts.map(|transaction| transaction.operations.len()).sum()
    }

    /// The batch's bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let transactions = self.transactions.iter().map(|transaction| {
            let operations = transaction.operations.iter().map(|operation| {
                let contents: Vec<_> = operation.contents.iter().map(put::content).collect();
                put::operation(&operation.signer, operation.counter, &contents)
            });
            put::transaction(&operations.collect::<Vec<_>>())
        });
        put::batch(&transactions.collect::<Vec<_>>(), self.signature)
    }
}

/// All that stands behind a length, one by one.
fn all<'b, T>(
    reader: &mut Reader<'b>,
    one: impl Fn(&mut Reader<'b>) -> Result<T, DecodeError>,
) -> Result<Vec<T>, DecodeError> {
    let mut inside = reader.dynamic_reader()?;
    let mut all = Vec::new();
    while !inside.is_empty() {
        all.push(one(&mut inside)?);
    }
    Ok(all)
}

fn operation<'b>(reader: &mut Reader<'b>) -> Result<Operation<'b>, DecodeError> {
    let start = *reader;
    let signer = match reader.byte()? {
        0 => Signer::PublicKey(reader.array_ref()?),
        1 => Signer::Address(reader.array_ref()?),
        tag => return Err(start.error(ErrorKind::UnknownTag(tag))),
    };
    Ok(Operation {
        signer,
        counter: i64::from_be_bytes(reader.array()?),
        contents: all(reader, content)?,
    })
}

fn content<'b>(reader: &mut Reader<'b>) -> Result<Content<'b>, DecodeError> {
    let start = *reader;
    match reader.byte()? {
        0 => Ok(Content::Withdrawal {
            destination: reader.array_ref()?,
            ticket: StringTicket::read(reader)?,
            entrypoint: Entrypoint::read(reader)?,
        }),
        1 => Ok(Content::Transfer {
            destination: reader.array_ref()?,
            ticket: StringTicket::read(reader)?,
        }),
        tag => Err(start.error(ErrorKind::UnknownTag(tag))),
    }
}

/// Writes batches: what wallets do.
pub mod put {
    use super::{Content, SIGNATURE, Signer, V1, write};
    use alloc::vec::Vec;

    /// The bytes of a content.
    #[must_use]
    pub fn content(content: &Content<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        match content {
            Content::Withdrawal {
                destination,
                ticket,
                entrypoint,
            } => {
                out.push(0);
                out.extend_from_slice(*destination);
                out.extend_from_slice(ticket.node.as_bytes());
                write::dynamic(&mut out, entrypoint.as_str().as_bytes());
            }
            Content::Transfer {
                destination,
                ticket,
            } => {
                out.push(1);
                out.extend_from_slice(*destination);
                out.extend_from_slice(ticket.node.as_bytes());
            }
        }
        out
    }

    /// The bytes of an operation with these contents.
    #[must_use]
    pub fn operation(signer: &Signer<'_>, counter: i64, contents: &[Vec<u8>]) -> Vec<u8> {
        let mut out = Vec::new();
        match signer {
            Signer::PublicKey(key) => {
                out.push(0);
                out.extend_from_slice(*key);
            }
            Signer::Address(address) => {
                out.push(1);
                out.extend_from_slice(*address);
            }
        }
        out.extend_from_slice(&counter.to_be_bytes());
        write::dynamic(&mut out, &contents.concat());
        out
    }

    /// The bytes of a transaction of these operations: what is signed.
    #[must_use]
    pub fn transaction(operations: &[Vec<u8>]) -> Vec<u8> {
        let mut out = Vec::new();
        write::dynamic(&mut out, &operations.concat());
        out
    }

    /// The bytes of a batch of these transactions.
    #[must_use]
    pub fn batch(transactions: &[Vec<u8>], signature: &[u8; SIGNATURE]) -> Vec<u8> {
        let mut out = Vec::from([V1]);
        write::dynamic(&mut out, &transactions.concat());
        out.extend_from_slice(signature);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    /// A content's bytes.
    fn content() -> impl Strategy<Value = Vec<u8>> {
        let ticket =
            (any::<[u8; 20]>(), ".{0,12}", any::<u64>()).prop_map(|(kt1, text, amount)| {
                string_ticket(&Contract::Originated(kt1), &text, amount)
            });
        let entrypoint = proptest::option::of("[a-z]{1,8}");
        (any::<[u8; 20]>(), ticket, entrypoint).prop_map(|(destination, node, entrypoint)| {
            let destination = &destination;
            let ticket = StringTicket::from_node(Node::parse(&node).unwrap()).unwrap();
            put::content(&match &entrypoint {
                Some(name) => Content::Withdrawal {
                    destination,
                    ticket,
                    entrypoint: Entrypoint::new(name).unwrap(),
                },
                None => Content::Transfer {
                    destination,
                    ticket,
                },
            })
        })
    }

    fn operation() -> impl Strategy<Value = Vec<u8>> {
        let signer = (any::<bool>(), any::<[u8; 20]>());
        (signer, any::<i64>(), vec(content(), 0..4)).prop_map(
            |((key, bytes), counter, contents)| {
                let key_bytes = [bytes[0]; PUBLIC_KEY];
                let signer = match key {
                    true => Signer::PublicKey(&key_bytes),
                    false => Signer::Address(&bytes),
                };
                put::operation(&signer, counter, &contents)
            },
        )
    }

    fn batch() -> impl Strategy<Value = Vec<u8>> {
        let transaction = vec(operation(), 0..3).prop_map(|all| put::transaction(&all));
        (vec(transaction, 0..3), any::<u8>())
            .prop_map(|(all, byte)| put::batch(&all, &[byte; SIGNATURE]))
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_batch_survives_a_round_trip(bytes in batch()) {
            prop_assert!(looks_like_a_batch(&bytes));
            let batch = Batch::parse(&bytes).unwrap();
            prop_assert_eq!(batch.encode(), bytes.clone());
            // What is signed stands in the batch as it is.
            let signed: Vec<_> = batch.transactions.iter().map(|one| one.bytes).collect();
            prop_assert_eq!(signed.concat(), &bytes[5..bytes.len() - SIGNATURE]);
        }

        /// Also those that are nearly a batch.
        #[test]
        fn any_bytes_are_a_batch_or_not(mut bytes in batch(), at: usize, byte: u8, cut in 0..3_usize) {
            let at = at % bytes.len();
            bytes[at] = byte;
            bytes.truncate(bytes.len() - cut);
            match Batch::parse(&bytes) {
                Ok(_) => prop_assert!(looks_like_a_batch(&bytes)),
                Err(error) => prop_assert!(error.offset <= bytes.len()),
            }
        }
    }
}
