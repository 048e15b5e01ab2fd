//! A token (TZIP-7): balances and allowances.
//!
//! `parameter or (pair %transfer address (pair address nat)) (pair %approve
//! address nat)`.

use super::frame::Frame;
use crate::account::{Account, Address};
use crate::call::Call;
use crate::failure::Failure;
use crate::michelson::Michelson;
use crate::value::{Type, Value};
use std::collections::BTreeMap;

/// The token's storage.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Token {
    /// Balances by account.
    pub balances: BTreeMap<Account, u128>,
    /// Allowances: (owner, spender).
    pub allowances: BTreeMap<(Account, Account), u128>,
}

pub(super) fn entrypoint(name: &str) -> Option<Type> {
    match name {
        "transfer" => Some(<(Address, (Address, u128))>::ty()),
        "approve" => Some(<(Address, u128)>::ty()),
        _ => None,
    }
}

impl Token {
    /// The balance of `owner`.
    #[must_use]
    pub fn balance(&self, owner: Account) -> u128 {
        self.balances.get(&owner).copied().unwrap_or_default()
    }

    pub(super) fn call(
        &mut self,
        frame: &Frame<'_>,
        entrypoint: &str,
        parameter: Value,
    ) -> Result<Vec<Call>, Failure> {
        if entrypoint == "approve" {
            let (spender, amount): (Address, u128) = frame.take(parameter)?;
            let key = (frame.sender, spender.account);
            // From something to something else, a spender could use both.
            let free = amount == 0 || !self.allowances.contains_key(&key);
            frame.check(free, "UnsafeAllowanceChange")?;
            set(&mut self.allowances, key, amount);
            return Ok(Vec::new());
        }
        let (from, (to, amount)): (Address, (Address, u128)) = frame.take(parameter)?;
        if frame.sender != from.account {
            let key = (from.account, frame.sender);
            let allowed = self.allowances.get(&key).copied().unwrap_or_default();
            let left = allowed.checked_sub(amount);
            let left = left.ok_or_else(|| frame.fail("NotEnoughAllowance"))?;
            set(&mut self.allowances, key, left);
        }
        let left = self.balance(from.account).checked_sub(amount);
        let left = left.ok_or_else(|| frame.fail("NotEnoughBalance"))?;
        set(&mut self.balances, from.account, left);
        let sum = self.balance(to.account).checked_add(amount);
        set(
            &mut self.balances,
            to.account,
            sum.ok_or(Failure::Overflow)?,
        );
        Ok(Vec::new())
    }
}

fn set<K: Ord>(map: &mut BTreeMap<K, u128>, key: K, amount: u128) {
    match amount {
        0 => map.remove(&key),
        _ => map.insert(key, amount),
    };
}
