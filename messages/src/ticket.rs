//! Tickets: who made them, what they say, and how many there are.

use crate::contract::{CONTRACT, Contract};
use crate::error::{DecodeError, ErrorKind};
use crate::hash::blake2b_256;
use crate::micheline::{Node, prim, write};
use crate::number::Integer;
use alloc::vec::Vec;

/// A ticket, borrowed from its Micheline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket<'b> {
    /// Its issuer.
    pub ticketer: Contract,
    /// Its contents.
    pub content: Node<'b>,
    /// Its amount: more than zero.
    pub amount: Integer<'b>,
}

impl<'b> Ticket<'b> {
    /// The ticket that `node` is, in either form: `Pair ticketer (Pair content
    /// amount)`, or `Ticket ticketer content_type content amount`.
    ///
    /// # Errors
    /// [`ErrorKind::OutOfRange`] for an amount that is not above zero;
    /// [`ErrorKind::NotThis`] for a node that is no ticket.
    pub fn from_node(node: Node<'b>) -> Result<Self, DecodeError> {
        let [ticketer, content, amount] = Self::parts(node).ok_or(NO_TICKET)?;
        let amount = amount.int().ok_or(NO_TICKET)?;
        let none = amount.as_bytes().iter().all(|byte| *byte & 0x7f == 0);
        if amount.is_negative() || none {
            return Err(DecodeError {
                offset: 0,
                kind: ErrorKind::OutOfRange,
            });
        }
        Ok(Self {
            ticketer: contract(ticketer).ok_or(NO_TICKET)?,
            content,
            amount,
        })
    }

    fn parts(node: Node<'b>) -> Option<[Node<'b>; 3]> {
        if let Some([ticketer, rest]) = node.pair() {
            let [content, amount] = rest.pair()?;
            return Some([ticketer, content, amount]);
        }
        let [ticketer, _, content, amount] = node.args(prim::TICKET)?;
        Some([ticketer, content, amount])
    }

    /// Appends the ticket as layer 1 writes it: nested pairs.
    pub fn put(&self, out: &mut Vec<u8>) {
        put(out, &self.ticketer, self.content.as_bytes(), |out| {
            out.push(0);
            out.extend_from_slice(self.amount.as_bytes());
        });
    }

    /// Appends the ticket with its constructor; `content_type` is a node.
    pub fn put_typed(&self, out: &mut Vec<u8>, content_type: &[u8]) {
        let mut ticketer = Vec::new();
        write::bytes(&mut ticketer, &self.ticketer.encode());
        let mut amount = Vec::from([0]);
        amount.extend_from_slice(self.amount.as_bytes());
        let args = [
            &ticketer[..],
            content_type,
            self.content.as_bytes(),
            &amount,
        ];
        write::prim(out, prim::TICKET, &args, "");
    }

    /// The identity of tickets on layer 1: blake2b-256 of the ticketer as
    /// a node of bytes, then the content.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        let mut bytes = Vec::new();
        write::bytes(&mut bytes, &self.ticketer.encode());
        bytes.extend_from_slice(self.content.as_bytes());
        blake2b_256(&bytes)
    }

    /// The bytes that the EVM bridge hashes (with keccak-256) to name a ticket: the
    /// ticketer's 22 bytes, then the content.
    #[must_use]
    pub fn evm_preimage(&self) -> Vec<u8> {
        [&self.ticketer.encode()[..], self.content.as_bytes()].concat()
    }
}

/// Appends a ticket in nested pairs: `content` is a node, `amount` appends one.
pub fn put(
    out: &mut Vec<u8>,
    ticketer: &Contract,
    content: &[u8],
    amount: impl FnOnce(&mut Vec<u8>),
) {
    write::pair(
        out,
        |out| write::bytes(out, &ticketer.encode()),
        |out| write::pair(out, |out| out.extend_from_slice(content), amount),
    );
}

/// The contract that a node of 22 bytes is.
#[must_use]
pub fn contract(node: Node<'_>) -> Option<Contract> {
    let bytes: &[u8; CONTRACT] = node.bytes()?.try_into().ok()?;
    Contract::parse(bytes).ok()
}

const NO_TICKET: DecodeError = DecodeError {
    offset: 0,
    kind: ErrorKind::NotThis,
};
