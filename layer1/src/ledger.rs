//! Tez and tickets by account.

use crate::account::{Account, Mutez};
use crate::failure::Failure;
use crate::value::{Ticket, TicketId};
use messages::contract::Contract;
use std::collections::BTreeMap;

/// The mutez and the tickets of all accounts.
type Parts = (Vec<(Contract, Mutez)>, Vec<(Account, Ticket)>);

/// Balances. What is zero has no entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    tez: BTreeMap<Contract, Mutez>,
    tickets: BTreeMap<(Account, TicketId), u128>,
}

impl Ledger {
    /// All balances, of tez and of tickets.
    pub(crate) fn parts(&self) -> Parts {
        let tez = self.tez.iter().map(|(who, amount)| (*who, *amount));
        let tickets = self.tickets.iter().map(|((owner, id), amount)| {
            let (id, amount) = (id.clone(), *amount);
            (*owner, Ticket { id, amount })
        });
        (tez.collect(), tickets.collect())
    }

    /// The inverse of [`Ledger::parts`].
    pub(crate) fn of_parts(tez: Vec<(Contract, Mutez)>, tickets: Vec<(Account, Ticket)>) -> Self {
        let tickets = tickets.into_iter();
        Self {
            tez: tez.into_iter().collect(),
            tickets: tickets
                .map(|(owner, ticket)| ((owner, ticket.id), ticket.amount))
                .collect(),
        }
    }

    /// The tez of `contract`.
    #[must_use]
    pub fn balance(&self, contract: &Contract) -> Mutez {
        self.tez.get(contract).copied().unwrap_or_default()
    }

    /// The number of tickets of a kind that `owner` has.
    #[must_use]
    pub fn tickets(&self, owner: Account, id: &TicketId) -> u128 {
        let key = (owner, id.clone());
        self.tickets.get(&key).copied().unwrap_or_default()
    }

    /// All tickets of `owner`.
    pub fn tickets_of(&self, owner: Account) -> impl Iterator<Item = (&TicketId, u128)> {
        self.tickets
            .iter()
            .filter(move |((one, _), _)| *one == owner)
            .map(|((_, id), amount)| (id, *amount))
    }

    /// All tez that there is.
    #[must_use]
    pub fn supply(&self) -> u128 {
        self.tez.values().map(|amount| u128::from(amount.0)).sum()
    }

    /// Gives tez out of nothing: to accounts that exist from the start.
    ///
    /// # Errors
    /// [`Failure::Overflow`].
    pub fn fund(&mut self, contract: Contract, amount: Mutez) -> Result<(), Failure> {
        let balance = self.tez.entry(contract).or_default();
        balance.0 = balance.0.checked_add(amount.0).ok_or(Failure::Overflow)?;
        Ok(())
    }

    /// Moves tez.
    ///
    /// # Errors
    /// [`Failure::Balance`] if there is not enough.
    pub fn pay(&mut self, from: Contract, to: Contract, amount: Mutez) -> Result<(), Failure> {
        if amount == Mutez::ZERO {
            return Ok(());
        }
        self.take(from, amount)?;
        self.fund(to, amount)
    }

    /// Takes tez away.
    pub(crate) fn take(&mut self, from: Contract, amount: Mutez) -> Result<(), Failure> {
        let has = self.balance(&from);
        let left = has.0.checked_sub(amount.0).ok_or(Failure::Balance {
            account: from.into(),
            has,
            needs: amount,
        })?;
        match left {
            0 => self.tez.remove(&from),
            _ => self.tez.insert(from, Mutez(left)),
        };
        Ok(())
    }

    /// Makes tickets, for `owner`. Only the ticketer's code may call this.
    pub(crate) fn mint(&mut self, owner: Account, ticket: &Ticket) -> Result<(), Failure> {
        if ticket.amount == 0 {
            return Ok(());
        }
        let entry = self.tickets.entry((owner, ticket.id.clone())).or_default();
        *entry = entry.checked_add(ticket.amount).ok_or(Failure::Overflow)?;
        Ok(())
    }

    /// Destroys tickets of `owner`.
    pub(crate) fn burn(&mut self, owner: Account, ticket: &Ticket) -> Result<(), Failure> {
        let has = self.tickets(owner, &ticket.id);
        let left = has.checked_sub(ticket.amount).ok_or(Failure::Tickets {
            account: owner,
            ticketer: ticket.id.ticketer.into(),
            has,
            needs: ticket.amount,
        })?;
        let key = (owner, ticket.id.clone());
        match left {
            0 => self.tickets.remove(&key),
            _ => self.tickets.insert(key, left),
        };
        Ok(())
    }

    /// Moves tickets.
    pub(crate) fn give(
        &mut self,
        from: Account,
        to: Account,
        ticket: &Ticket,
    ) -> Result<(), Failure> {
        self.burn(from, ticket)?;
        self.mint(to, ticket)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Contract = Contract::Originated([1; 20]);
    const B: Contract = Contract::Originated([2; 20]);

    #[test]
    fn tez_moves_and_none_is_made() {
        let mut ledger = Ledger::default();
        ledger.fund(A, Mutez(10)).unwrap();
        ledger.pay(A, B, Mutez(10)).unwrap();
        assert_eq!(
            (ledger.balance(&A), ledger.balance(&B)),
            (Mutez(0), Mutez(10))
        );
        assert_eq!(ledger.supply(), 10);
        let refused = ledger.pay(B, A, Mutez(11)).unwrap_err();
        let (has, needs) = (Mutez(10), Mutez(11));
        let account = B.into();
        assert_eq!(
            refused,
            Failure::Balance {
                account,
                has,
                needs
            }
        );
    }

    #[test]
    fn tickets_move_and_go_no_further_than_there_are() {
        let mut ledger = Ledger::default();
        let ticket = |amount| Ticket {
            id: TicketId::of([1; 20]),
            amount,
        };
        ledger.mint(A.into(), &ticket(5)).unwrap();
        ledger.give(A.into(), B.into(), &ticket(4)).unwrap();
        assert!(ledger.give(A.into(), B.into(), &ticket(2)).is_err());
        ledger.burn(B.into(), &ticket(4)).unwrap();
        assert_eq!(ledger.tickets(A.into(), &TicketId::of([1; 20])), 1);
        assert_eq!(ledger.tickets_of(B.into()).count(), 0);
        let overflow = ledger.mint(A.into(), &ticket(u128::MAX));
        assert_eq!(overflow, Err(Failure::Overflow));
    }
}
