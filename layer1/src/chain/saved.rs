//! Layer 1 in bytes, so that a devnet goes on with it: who has what, the contracts with
//! their storage, the level, what was executed of the outbox. Inboxes and outbox messages are
//! given apart, level by level.
//!
//! Numbers are big-endian; bytes and lists lie behind their number (u32).

use super::{Layer1, State};
use crate::account::{Account, Address, Mutez};
use crate::contracts::{
    Bridge, Claim, Code, DelayedInbox, Exchanger, FastWithdrawal, Governance, Token, TokenWrapper,
};
use crate::ledger::Ledger;
use crate::michelson::Timestamp;
use crate::outbox::OutboxPosition;
use crate::value::{Ticket, TicketId};
use messages::contract::Contract;
use std::collections::{BTreeMap, BTreeSet};

/// The form of the bytes.
const FORM: u8 = 1;

/// Layer 1 before the end of a level.
#[derive(Clone, Debug)]
pub struct Before(State);

/// The parts of the state that [`Layer1::save`] writes.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Parts {
    tez: Vec<(Contract, Mutez)>,
    tickets: Vec<(Account, Ticket)>,
    contracts: BTreeMap<[u8; 20], Code>,
    level: u32,
    now: i64,
    inbox: Vec<Vec<u8>>,
    executed: BTreeMap<OutboxPosition, u32>,
}

impl Layer1 {
    /// The state that the end of a level changes, for [`Layer1::take_back`].
    #[must_use]
    pub fn before_level(&self) -> Before {
        Before(self.state.clone())
    }

    /// Makes all what it was before `level` ended.
    pub fn take_back(&mut self, level: u32, before: Before) {
        self.state = before.0;
        self.inboxes.forget_from(level);
        self.outbox.forget_from(level);
    }

    /// Puts the inbox of a level back, as it was saved apart.
    pub fn put_inbox(&mut self, level: u32, inbox: Vec<Vec<u8>>) {
        self.inboxes.insert(level, inbox);
    }

    /// Puts an outbox message back, as it was saved apart.
    pub fn put_outbox(&mut self, place: OutboxPosition, message: Vec<u8>) {
        self.outbox.put(place, message);
    }

    /// The oldest level whose inbox is kept.
    #[must_use]
    pub fn oldest_inbox(&self) -> Option<u32> {
        self.inboxes.oldest()
    }

    fn parts(&self) -> Parts {
        let State {
            ledger,
            contracts,
            level,
            now,
            inbox,
            ..
        } = self.state.clone();
        let (tez, tickets) = ledger.parts();
        Parts {
            tez,
            tickets,
            contracts,
            level,
            now,
            inbox,
            executed: self.outbox.executions().clone(),
        }
    }

    fn set_parts(&mut self, parts: Parts) {
        self.state = State {
            ledger: Ledger::of_parts(parts.tez, parts.tickets),
            contracts: parts.contracts,
            rollup: self.state.rollup,
            level: parts.level,
            now: parts.now,
            inbox: parts.inbox,
        };
        self.outbox.forget_from(parts.level);
        self.outbox.set_executions(parts.executed);
        self.inboxes.forget_from(parts.level);
    }

    /// The state in bytes, for [`Layer1::load`].
    #[must_use]
    pub fn save(&self) -> Vec<u8> {
        let mut bytes = vec![FORM];
        write(&self.parts(), &mut bytes);
        bytes
    }

    /// Makes the state what was saved; rollup and parameters stay, and so do inboxes and
    /// outbox messages of levels before. `false`: the bytes are not what [`Layer1::save`] gives, and nothing
    /// has changed.
    pub fn load(&mut self, bytes: &[u8]) -> bool {
        let Some((&FORM, bytes)) = bytes.split_first() else {
            return false;
        };
        let mut bytes = Reader(bytes);
        match read(&mut bytes).filter(|_| bytes.0.is_empty()) {
            Some(parts) => {
                self.set_parts(parts);
                true
            }
            None => false,
        }
    }
}

fn write(parts: &Parts, out: &mut Vec<u8>) {
    out.extend(parts.level.to_be_bytes());
    out.extend(parts.now.to_be_bytes());
    put_count(out, parts.tez.len());
    for (contract, amount) in &parts.tez {
        put_account(out, (*contract).into());
        out.extend(amount.0.to_be_bytes());
    }
    put_count(out, parts.tickets.len());
    for (owner, ticket) in &parts.tickets {
        put_account(out, *owner);
        put_account(out, ticket.id.ticketer.into());
        put_bytes(out, &ticket.id.content);
        out.extend(ticket.amount.to_be_bytes());
    }
    put_count(out, parts.contracts.len());
    for (hash, code) in &parts.contracts {
        out.extend(hash);
        put_code(out, code);
    }
    put_count(out, parts.inbox.len());
    for message in &parts.inbox {
        put_bytes(out, message);
    }
    put_count(out, parts.executed.len());
    for (place, at) in &parts.executed {
        for number in [place.level, place.index, *at] {
            out.extend(number.to_be_bytes());
        }
    }
}

fn put_code(out: &mut Vec<u8>, code: &Code) {
    match code {
        Code::Exchanger(Exchanger) => out.push(0),
        Code::Bridge(Bridge { exchanger, request }) => {
            out.push(1);
            out.extend(exchanger);
            put_count(out, usize::from(request.is_some()));
            if let Some((address, routing)) = request {
                put_bytes(out, &address.encode());
                put_bytes(out, routing);
            }
        }
        Code::Token(token) => {
            out.push(2);
            put_token(out, token);
        }
        Code::TokenWrapper(TokenWrapper { token }) => {
            out.push(3);
            out.extend(token);
        }
        Code::FastWithdrawal(FastWithdrawal {
            exchanger,
            rollup,
            paid,
        }) => {
            out.push(4);
            out.extend(exchanger);
            out.extend(rollup);
            put_count(out, paid.len());
            for ((claim, amount), payer) in paid {
                out.extend(claim.id.to_be_bytes());
                out.extend(claim.timestamp.0.to_be_bytes());
                put_bytes(out, &claim.receiver.encode());
                put_bytes(out, &claim.payload);
                put_bytes(out, &claim.caller);
                out.extend(amount.to_be_bytes());
                put_bytes(out, &payer.encode());
            }
        }
        Code::DelayedInbox(DelayedInbox { rollup }) => {
            out.push(5);
            out.extend(rollup);
        }
        Code::Governance(Governance {
            counter,
            threshold,
            keys,
        }) => {
            out.push(6);
            out.extend(counter.to_be_bytes());
            out.extend(threshold.to_be_bytes());
            put_count(out, keys.len());
            for key in keys {
                put_bytes(out, key);
            }
        }
    }
}

fn put_token(out: &mut Vec<u8>, token: &Token) {
    put_count(out, token.balances.len());
    for (owner, amount) in &token.balances {
        put_account(out, *owner);
        out.extend(amount.to_be_bytes());
    }
    put_count(out, token.allowances.len());
    for ((owner, spender), amount) in &token.allowances {
        put_account(out, *owner);
        put_account(out, *spender);
        out.extend(amount.to_be_bytes());
    }
}

fn put_count(out: &mut Vec<u8>, count: usize) {
    // Fewer than fit memory on any host that runs a devnet.
    out.extend(u32::try_from(count).unwrap_or(u32::MAX).to_be_bytes());
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_count(out, bytes.len());
    out.extend_from_slice(bytes);
}

fn put_account(out: &mut Vec<u8>, account: Account) {
    put_bytes(out, &Address::from(account).encode());
}

fn read(bytes: &mut Reader<'_>) -> Option<Parts> {
    Some(Parts {
        level: bytes.u32()?,
        now: i64::from_be_bytes(bytes.array()?),
        tez: bytes.list(|bytes| match bytes.account()? {
            Account::Contract(contract) => Some((contract, Mutez(bytes.u64()?))),
            Account::Rollup(_) => None,
        })?,
        tickets: bytes.list(|bytes| {
            let owner = bytes.account()?;
            let Account::Contract(ticketer) = bytes.account()? else {
                return None;
            };
            let content = bytes.bytes()?;
            let id = TicketId { ticketer, content };
            let amount = bytes.u128()?;
            Some((owner, Ticket { id, amount }))
        })?,
        contracts: bytes
            .list(|bytes| Some((bytes.array()?, bytes.code()?)))?
            .into_iter()
            .collect(),
        inbox: bytes.list(Reader::bytes)?,
        executed: bytes
            .list(|bytes| {
                let (level, index) = (bytes.u32()?, bytes.u32()?);
                Some((OutboxPosition { level, index }, bytes.u32()?))
            })?
            .into_iter()
            .collect(),
    })
}

/// Bytes that are read from the front.
struct Reader<'b>(&'b [u8]);

impl Reader<'_> {
    fn array<const LENGTH: usize>(&mut self) -> Option<[u8; LENGTH]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*array)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    fn u128(&mut self) -> Option<u128> {
        self.array().map(u128::from_be_bytes)
    }

    fn bytes(&mut self) -> Option<Vec<u8>> {
        let length = usize::try_from(self.u32()?).ok()?;
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes.to_vec())
    }

    fn address(&mut self) -> Option<Address> {
        Address::decode(&self.bytes()?)
    }

    fn account(&mut self) -> Option<Account> {
        self.address().map(|address| address.account)
    }

    /// Grows with what is there, not with what is said.
    fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let count = self.u32()?;
        (0..count).map(|_| item(self)).collect()
    }

    fn code(&mut self) -> Option<Code> {
        let [tag] = self.array()?;
        Some(match tag {
            0 => Code::Exchanger(Exchanger),
            1 => Code::Bridge(Bridge {
                exchanger: self.array()?,
                request: match self.u32()? {
                    0 => None,
                    _ => Some((self.address()?, self.bytes()?)),
                },
            }),
            2 => {
                let balances = self.list(|bytes| Some((bytes.account()?, bytes.u128()?)))?;
                let allowances = self.list(|bytes| {
                    let pair = (bytes.account()?, bytes.account()?);
                    Some((pair, bytes.u128()?))
                })?;
                Code::Token(Token {
                    balances: balances.into_iter().collect(),
                    allowances: allowances.into_iter().collect(),
                })
            }
            3 => Code::TokenWrapper(TokenWrapper {
                token: self.array()?,
            }),
            4 => Code::FastWithdrawal(FastWithdrawal {
                exchanger: self.array()?,
                rollup: self.array()?,
                paid: self.list(Self::paid)?.into_iter().collect(),
            }),
            5 => Code::DelayedInbox(DelayedInbox {
                rollup: self.array()?,
            }),
            6 => Code::Governance(Governance {
                counter: self.u64()?,
                threshold: self.u64()?,
                keys: BTreeSet::from_iter(self.list(Self::bytes)?),
            }),
            _ => return None,
        })
    }

    fn paid(&mut self) -> Option<((Claim, u128), Address)> {
        let claim = Claim {
            id: self.u128()?,
            timestamp: Timestamp(i64::from_be_bytes(self.array()?)),
            receiver: self.address()?,
            payload: self.bytes()?,
            caller: self.bytes()?,
        };
        let amount = self.u128()?;
        Some(((claim, amount), self.address()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::devnet;
    use crate::outbox::Parameters;
    use proptest::prelude::*;

    const SOMEBODY: Account = Account::Contract(Contract::Implicit([3; 21]));

    /// A devnet's layer 1 in which each contract has something in its storage.
    fn used() -> Layer1 {
        let contracts = devnet::Contracts::default();
        let mut layer1 = devnet::layer1_with([7; 20], Parameters::default(), &contracts).unwrap();
        let mut parts = layer1.parts();
        for code in parts.contracts.values_mut() {
            match code {
                Code::Bridge(bridge) => {
                    bridge.request = Some((SOMEBODY.at("entry"), vec![1, 2, 3]));
                }
                Code::Token(token) => {
                    let pair = (SOMEBODY, Account::Rollup([9; 20]));
                    token.allowances.insert(pair, 5);
                }
                Code::FastWithdrawal(fast) => {
                    let claim = Claim {
                        id: 4,
                        timestamp: Timestamp(-1),
                        receiver: SOMEBODY.into(),
                        payload: vec![8; 9],
                        caller: vec![4; 20],
                    };
                    fast.paid.insert((claim, 77), SOMEBODY.at("x"));
                }
                Code::Governance(governance) => governance.counter = 12,
                _ => {}
            }
        }
        let id = TicketId::of([1; 20]);
        parts.tickets.push((SOMEBODY, Ticket { id, amount: 6 }));
        parts.inbox = vec![vec![], vec![1, 2]];
        let place = OutboxPosition { level: 3, index: 1 };
        parts.executed.insert(place, 40);
        (parts.level, parts.now) = (41, -5);
        layer1.set_parts(parts);
        layer1
    }

    #[test]
    fn what_is_saved_is_loaded() {
        let used = used();
        let contracts = devnet::Contracts::default();
        let mut other = devnet::layer1_with([7; 20], Parameters::default(), &contracts).unwrap();
        assert_ne!(other.parts(), used.parts());
        assert!(other.load(&used.save()));
        assert_eq!(other.parts(), used.parts());
        assert_eq!(other.save(), used.save());
    }

    #[test]
    fn what_is_cut_off_or_longer_is_refused() {
        let (used, mut other) = (used(), used());
        let saved = used.save();
        for end in 0..saved.len() {
            assert!(!other.load(&saved[..end]), "{end}");
        }
        assert!(!other.load(&[&saved[..], &[0]].concat()));
        assert_eq!(other.parts(), used.parts());
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_layer_1_or_not(bytes: Vec<u8>) {
            let _ = used().load(&bytes);
            let _ = used().load(&[&[FORM], &bytes[..]].concat());
        }
    }
}
