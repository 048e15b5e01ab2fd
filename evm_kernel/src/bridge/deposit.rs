//! Tickets of layer 1 → the transaction that a block includes: the kernel calls
//! a bridge, which pays or keeps.

use super::abi::Calldata;
use super::incoming::BadCall;
use super::{DEPOSIT_GAS, FA_BRIDGE, NATIVE_BRIDGE, SYSTEM, is_reserved};
use crate::bridge::governance::Assignment;
use alloc::vec::Vec;
use alloy_primitives::{Address, B256, Bytes, TxKind, U256};
use ethereum::keccak::keccak256;
use ethereum::rlp::Decoder;
use ethereum::transaction::Deposit;
use messages::ticket::Ticket;

/// One mutez is this many wei.
const WEI_PER_MUTEZ: U256 = U256::from_limbs([1_000_000_000_000, 0, 0, 0]);

/// `deposit(address,uint256,uint256,bool)` of the native bridge.
const NATIVE_DEPOSIT: [u8; 4] = [0xfe, 0x41, 0xe5, 0x24];

/// `deposit(uint256,address,address,uint256,uint256,uint256,bool)` of the FA bridge.
const FA_DEPOSIT: [u8; 4] = [0x9a, 0x21, 0xb3, 0x8d];

/// `assign(uint256,uint256,uint256,address,uint256)` of the native bridge.
const NATIVE_ASSIGN: [u8; 4] = [0xc5, 0xb5, 0x65, 0x3f];

/// `assign(uint256,uint256,address,uint256,bool,address)` of the FA bridge.
const FA_ASSIGN: [u8; 4] = [0x13, 0x11, 0x58, 0x95];

/// The transaction by which governance gives a kept deposit a receiver: one
/// number names it for the FA bridge, two for the native one. A deposit that names
/// a receiver may get another one after so many levels.
pub(crate) fn assign<const LEN: usize>(
    origin: Origin,
    assignment: &Assignment<[u64; LEN]>,
    reassign_after: u64,
) -> Deposit {
    let native = LEN == 2;
    let selector = if native { NATIVE_ASSIGN } else { FA_ASSIGN };
    let input = Calldata::new(selector).number(assignment.counter);
    let input = assignment
        .place
        .iter()
        .fold(input, |input, number| input.number(*number))
        .address(&assignment.receiver)
        .number(u64::from(origin.level).saturating_sub(reassign_after));
    if native {
        return origin.call(NATIVE_BRIDGE, U256::ZERO, input);
    }
    let proxy = assignment.proxy;
    let input = input
        .number(u64::from(proxy.is_some()))
        .address(&proxy.unwrap_or_default());
    origin.call(FA_BRIDGE, U256::ZERO, input)
}

/// The origin of a message of layer 1: its level, and its index there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) level: u32,
    pub(crate) id: u32,
}

impl Origin {
    /// The hash that makes a transaction of this message unlike all others.
    fn source_hash(self) -> B256 {
        let word = u64::from(self.level) << 32 | u64::from(self.id);
        U256::from(word).into()
    }

    /// A call of the kernel's because of this message.
    pub(crate) fn call(self, to: Address, wei: U256, input: Calldata) -> Deposit {
        Deposit {
            source_hash: self.source_hash(),
            from: SYSTEM,
            to: TxKind::Call(to),
            mint: wei,
            value: wei,
            gas_limit: DEPOSIT_GAS,
            input: Bytes::from(input.into_bytes()),
            nonce: 0,
        }
    }
}

/// For whom a deposit is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Routing {
    /// Nobody, where it cannot be read.
    receiver: Address,
    /// The ERC-20 that gets the tickets for the receiver.
    proxy: Address,
    /// True if it is meant for another chain.
    foreign: bool,
}

/// The rollup's own addresses and settings.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    /// The contract whose tickets are the native token.
    pub(crate) ticketer: [u8; 20],
    /// The chain id that routings name.
    pub(crate) chain_id: u64,
    /// True if the receiver's code may run: not after a trap.
    pub(crate) deliver: bool,
}

/// The transaction of a deposit.
pub(crate) fn transaction(
    terms: &Terms,
    origin: Origin,
    routing: &[u8],
    ticket: &Ticket<'_>,
) -> Result<Deposit, BadCall> {
    let ticketer = ticket.ticketer.originated();
    let native = *ticketer.ok_or(BadCall::ImplicitTicketer)? == terms.ticketer;
    let amount = ticket.amount.magnitude().ok_or(BadCall::TooMuch)?;
    let amount = U256::from_be_bytes::<32>(amount);
    let routing = if native {
        native_routing(routing, terms.chain_id)
    } else {
        fa_routing(routing, terms.chain_id)
    };
    let mut routing = routing.unwrap_or_default();
    if is_reserved(&routing.receiver) {
        routing.receiver = Address::ZERO;
    }
    let deliver = u64::from(terms.deliver && !routing.foreign);
    Ok(if native {
        let wei = amount.checked_mul(WEI_PER_MUTEZ).ok_or(BadCall::TooMuch)?;
        let input = Calldata::new(NATIVE_DEPOSIT)
            .address(&routing.receiver)
            .number(origin.level.into())
            .number(origin.id.into())
            .number(deliver);
        origin.call(NATIVE_BRIDGE, wei, input)
    } else {
        let input = Calldata::new(FA_DEPOSIT)
            .word(keccak256(ticket.evm_preimage()).into())
            .address(&routing.receiver)
            .address(&routing.proxy)
            .word(amount)
            .number(origin.level.into())
            .number(origin.id.into())
            .number(deliver);
        origin.call(FA_BRIDGE, U256::ZERO, input)
    })
}

/// 20 bytes: receiver. 52: receiver ++ chain id (little-endian). Others: `01 ++
/// rlp([receiver, chain id or nothing])`.
fn native_routing(bytes: &[u8], chain_id: u64) -> Option<Routing> {
    let (receiver, chain) = match bytes.len() {
        20 | 52 => {
            let (receiver, chain) = bytes.split_first_chunk::<20>()?;
            (Address::new(*receiver), chain)
        }
        _ => {
            let [1, list @ ..] = bytes else { return None };
            let mut outer = Decoder::new(list);
            let mut items = outer.list().ok()?;
            outer.finish().ok()?;
            let receiver = items.address().ok()?;
            let chain = if items.is_empty() {
                &[]
            } else {
                items.string().ok()?
            };
            items.finish().ok()?;
            (receiver, chain)
        }
    };
    Some(Routing {
        receiver,
        proxy: Address::ZERO,
        foreign: !names(chain, chain_id)?,
    })
}

/// 20 bytes: receiver. 40: receiver ++ proxy. 72: these ++ chain id
/// (little-endian).
fn fa_routing(bytes: &[u8], chain_id: u64) -> Option<Routing> {
    let (receiver, rest) = bytes.split_first_chunk::<20>()?;
    let (proxy, chain) = match rest.len() {
        0 => (Address::ZERO, rest),
        20 | 52 => {
            let (proxy, chain) = rest.split_first_chunk::<20>()?;
            (Address::new(*proxy), chain)
        }
        _ => return None,
    };
    Some(Routing {
        receiver: Address::new(*receiver),
        proxy,
        foreign: !names(chain, chain_id)?,
    })
}

/// True if little-endian `bytes` name the chain `chain_id`; none names any.
fn names(bytes: &[u8], chain_id: u64) -> Option<bool> {
    if bytes.is_empty() {
        return Some(true);
    }
    let number: Vec<u8> = bytes.iter().rev().copied().collect();
    Some(U256::try_from_be_slice(&number)? == U256::from(chain_id))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECEIVER: [u8; 20] = [0xaa; 20];

    fn little_endian(chain: u64) -> [u8; 32] {
        U256::from(chain).to_le_bytes()
    }

    #[test]
    fn native_routings_name_a_receiver() {
        let plain = native_routing(&RECEIVER, 1337).unwrap();
        assert_eq!((plain.receiver, plain.foreign), (RECEIVER.into(), false));
        for (chain, foreign) in [(1337, false), (1, true)] {
            let bytes = [&RECEIVER[..], &little_endian(chain)].concat();
            let routing = native_routing(&bytes, 1337).unwrap();
            assert_eq!(
                (routing.receiver, routing.foreign),
                (RECEIVER.into(), foreign)
            );
        }
    }

    #[test]
    fn versioned_routings_are_lists() {
        let list = |items: &[&[u8]]| {
            let items: Vec<Bytes> = items.iter().map(|item| item.to_vec().into()).collect();
            let items: Vec<&dyn ethereum::rlp::Encode> =
                items.iter().map(|item| item as _).collect();
            [&[1][..], &ethereum::rlp::encode_list(&items)].concat()
        };
        let chain = little_endian(1);
        for (bytes, foreign) in [
            (list(&[&RECEIVER]), false),
            (list(&[&RECEIVER, &[]]), false),
            (list(&[&RECEIVER, &chain]), true),
        ] {
            let routing = native_routing(&bytes, 1337).unwrap();
            assert_eq!(
                (routing.receiver, routing.foreign),
                (RECEIVER.into(), foreign)
            );
        }
        for unreadable in [
            vec![],
            vec![1],
            vec![0; 19],
            vec![2; 60],
            list(&[&[0xaa; 22]]),
            list(&[&RECEIVER, &[0xff; 33]]),
        ] {
            assert_eq!(native_routing(&unreadable, 1337), None);
        }
    }

    #[test]
    fn fa_routings_may_name_a_proxy() {
        let proxy = [0xbb; 20];
        let both = [RECEIVER, proxy].concat();
        assert_eq!(
            fa_routing(&both, 1).map(|routing| routing.proxy),
            Some(proxy.into())
        );
        let foreign = [&both[..], &little_endian(2)].concat();
        assert!(fa_routing(&foreign, 1).unwrap().foreign);
        for length in [0, 19, 21, 39, 41, 52, 71, 73] {
            assert_eq!(fa_routing(&vec![1; length], 1), None, "{length}");
        }
    }

    #[test]
    fn selectors_are_those_of_the_signatures() {
        for (signature, selector) in [
            ("deposit(address,uint256,uint256,bool)", NATIVE_DEPOSIT),
            (
                "assign(uint256,uint256,uint256,address,uint256)",
                NATIVE_ASSIGN,
            ),
            (
                "assign(uint256,uint256,address,uint256,bool,address)",
                FA_ASSIGN,
            ),
            (
                "deposit(uint256,address,address,uint256,uint256,uint256,bool)",
                FA_DEPOSIT,
            ),
        ] {
            assert_eq!(keccak256(signature)[..4], selector, "{signature}");
        }
    }
}
