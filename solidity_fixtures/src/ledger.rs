//! `Ledger.sol`: storage in every shape, and much of it.

use alloy_primitives::{Address, U256};
use alloy_sol_types::sol;

use crate::typed::{calldata, creation_code};

sol!(Ledger, "artifacts/Ledger.json");

creation_code! {
    /// Creation code.
    fn deploy() => Ledger;
}

calldata! {
    /// Appends the next `count` numbers, a slot each.
    fn push(count: u64) => Ledger::pushCall { count: U256::from(count) };

    /// Sets `count` numbers.
    fn overwrite(from: u64, count: u64, value: u64) => Ledger::overwriteCall {
        from: U256::from(from),
        count: U256::from(count),
        value: U256::from(value),
    };

    /// Takes the last `count` numbers away.
    fn pop(count: u64) => Ledger::popCall { count: U256::from(count) };

    /// Takes all numbers away: more refund than is given (EIP-3529).
    fn clear() => Ledger::clearCall;

    /// Writes one slot in all orders that EIP-2200 tells apart, and leaves it as it was.
    fn churn(place: u64) => Ledger::churnCall { place: U256::from(place) };

    /// Keeps a struct of packed fields and a text, below two mappings.
    fn enter(who: Address, id: u64, debit: u64, note: &str) => Ledger::enterCall {
        who,
        id: U256::from(id),
        debit: debit.into(),
        note: note.into(),
    };

    /// Returns what [`enter`] kept.
    fn entry(who: Address, id: u64) => Ledger::entryCall { who, id: U256::from(id) };

    /// Removes what [`enter`] kept.
    fn remove(who: Address, id: u64) => Ledger::removeCall { who, id: U256::from(id) };

    /// Adds to each of 64 bytes that lie in two slots.
    fn pack(step: u8) => Ledger::packCall { step };

    /// Keeps bytes: up to 31 in one slot, more in slots of their own.
    fn write(data: &[u8]) => Ledger::writeCall { data: data.to_vec().into() };

    /// Returns the sum of all numbers.
    fn sum() => Ledger::sumCall;
}
