//! A request in a call from layer 1, whose parameter has the type
//! `or (or (pair bytes (ticket (pair nat (option bytes)))) bytes) bytes`.

use alloc::string::String;
use core::fmt;
use messages::micheline::{Node, prim};
use messages::ticket::Ticket;

/// A request from layer 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Incoming<'b> {
    /// `Left (Left (Pair routing ticket))`: tickets for somebody here.
    Deposit {
        /// For whom.
        routing: &'b [u8],
        /// The tickets and their amount.
        ticket: Ticket<'b>,
    },
    /// `Left (Right bytes)`: a transaction that operators cannot leave out.
    Delayed(&'b [u8]),
    /// `Right bytes`: a decision of governance.
    Governance(&'b [u8]),
}

/// Why a call from layer 1 is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum BadCall {
    /// Not of the type above.
    NotOurType,
    /// Invalid ticket: its issuer is an account, or its amount is zero.
    Ticket(messages::DecodeError),
    /// The ticket was made by an account.
    ImplicitTicketer,
    /// More than 2^256 - 1 of a ticket, or of wei.
    TooMuch,
    /// The rollup is configured without a bridge.
    NoBridge,
    /// From a contract that may not say this.
    Sender,
    /// Meant for another rollup.
    OtherRollup,
    /// A payload of an authorised contract cannot be read.
    Payload(String),
}

impl fmt::Display for BadCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotOurType => f.write_str("its parameter has another type"),
            Self::Ticket(error) => write!(f, "no ticket: {error}"),
            Self::ImplicitTicketer => f.write_str("the ticket's maker is not a contract"),
            Self::TooMuch => f.write_str("the amount has more than 256 bits"),
            Self::NoBridge => f.write_str("this rollup has no bridge"),
            Self::Sender => f.write_str("its sender may not say this"),
            Self::OtherRollup => f.write_str("it is meant for another rollup"),
            Self::Payload(reason) => f.write_str(reason),
        }
    }
}

/// True if a call may force a transaction in. The first bytes of the other two
/// branches of the type say what they are: for most calls nothing else is read.
pub(crate) fn may_be_delayed(payload: &[u8]) -> bool {
    /// Micheline's tag of a primitive with one argument and no annotation.
    const ONE: u8 = 5;
    let deposit = [ONE, prim::LEFT, ONE, prim::LEFT];
    let governance = [ONE, prim::RIGHT];
    !payload.starts_with(&deposit) && !payload.starts_with(&governance)
}

/// Reads a call's parameter.
pub(crate) fn read(payload: &[u8]) -> Result<Incoming<'_>, BadCall> {
    let node = Node::parse(payload).map_err(|_| BadCall::NotOurType)?;
    if let Some([right]) = node.args(prim::RIGHT) {
        let bytes = right.bytes().ok_or(BadCall::NotOurType)?;
        return Ok(Incoming::Governance(bytes));
    }
    let [left] = node.args(prim::LEFT).ok_or(BadCall::NotOurType)?;
    if let Some([right]) = left.args(prim::RIGHT) {
        let bytes = right.bytes().ok_or(BadCall::NotOurType)?;
        return Ok(Incoming::Delayed(bytes));
    }
    let [deposit] = left.args(prim::LEFT).ok_or(BadCall::NotOurType)?;
    let [routing, ticket] = deposit.pair().ok_or(BadCall::NotOurType)?;
    Ok(Incoming::Deposit {
        routing: routing.bytes().ok_or(BadCall::NotOurType)?,
        ticket: Ticket::from_node(ticket).map_err(BadCall::Ticket)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use messages::micheline::write;

    fn node(prim: u8, inner: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        write::prim(&mut out, prim, &[inner], "");
        out
    }

    #[test]
    fn a_forced_transaction_is_never_missed() {
        let mut bytes = Vec::new();
        write::bytes(&mut bytes, &[1]);
        let governance = node(prim::RIGHT, &bytes);
        let forced = node(prim::LEFT, &governance);
        assert_eq!(read(&forced), Ok(Incoming::Delayed(&[1])));
        assert!(may_be_delayed(&forced));
        assert_eq!(read(&governance), Ok(Incoming::Governance(&[1])));
        assert!(!may_be_delayed(&governance));
        let deposit = node(prim::LEFT, &node(prim::LEFT, &bytes));
        assert!(!may_be_delayed(&deposit));
        // What is neither is refused when it is read.
        assert!(may_be_delayed(&bytes));
    }
}
