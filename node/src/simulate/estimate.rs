//! The least gas with which a call succeeds, found by trying.

use super::error::CallError;
use super::transaction::{Fees, Fields};
use alloy_primitives::{TxKind, U256};
use ethereum::Signature;
use evm_kernel::native::simulate::{
    self, Call, Environment, Execution, HaltReason, MAX_TRANSACTION_GAS, Rejection, Simulated,
};
use host::ReadStore;
use storage::Account;
use storage::config::Revision;
use storage::layout::ACCOUNTS;

/// Gas of a transaction that does nothing else but move value.
const TRANSFER: u64 = 21_000;

/// Gas that a call with value gets for free, and that its caller must have.
const STIPEND: u64 = 2_300;

/// The answer is at most one part in this many above the least gas.
const PRECISION: u64 = 100;

/// The result of a trial with some gas limit.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Trial {
    /// The call succeeds.
    Enough(Box<Execution>),
    /// The call fails.
    TooLittle(Box<Execution>),
    /// The limit is below the gas that is charged before the first instruction.
    BelowIntrinsic,
}

/// The gas limit with which `call` succeeds in `environment`: sufficient, and at
/// most 1 % above the least. `call.gas_limit` is the most that may be tried, 0
/// for as much as there may be.
///
/// # Errors
/// Why no gas limit is enough.
pub fn gas(
    store: &impl ReadStore,
    environment: &Environment,
    call: &Call,
) -> Result<u64, CallError> {
    let data = data_gas(environment, call);
    let most = most(store, environment, call, data)?;
    if is_transfer(store, call)?
        && let Trial::Enough(_) = trial(store, environment, call, TRANSFER)?
    {
        return Ok(TRANSFER.saturating_add(data));
    }
    let all = most.saturating_add(data);
    let execution = match trial(store, environment, call, most)? {
        Trial::Enough(execution) => execution,
        Trial::TooLittle(execution) => return Err(failure(*execution, all)),
        Trial::BelowIntrinsic => return Err(CallError::Allowance(all)),
    };
    let found = search(execution.gas_used, guesses(&execution), most, |limit| {
        Ok(matches!(
            trial(store, environment, call, limit)?,
            Trial::Enough(_)
        ))
    })?;
    Ok(found.saturating_add(data))
}

/// The most that the transaction of a call may cost for its bytes, in gas: at the lowest
/// base fee, which a wallet may meet when it sends the transaction.
fn data_gas(environment: &Environment, call: &Call) -> u64 {
    if environment.data_fee == 0 {
        return 0;
    }
    let floor = U256::from(environment.base_fee_floor);
    let price = match call.priority_fee {
        _ if call.gas_price.is_zero() => floor,
        Some(priority) => call.gas_price.min(priority.saturating_add(floor)),
        None => call.gas_price,
    };
    environment.data_gas(largest(environment.chain_id, call), price)
}

/// The bytes of a call's transaction, at most: with two prices, and numbers as long as
/// they ever are.
fn largest(chain_id: u64, call: &Call) -> usize {
    let price = U256::from(u64::MAX);
    let fields = Fields {
        chain_id,
        nonce: u32::MAX.into(),
        gas_limit: u32::MAX.into(),
        to: call.to.map_or(TxKind::Create, TxKind::Call),
        value: call.value,
        input: call.input.clone(),
        access_list: Some(call.access_list.clone()),
        authorizations: call.authorizations.clone(),
        fees: Fees::Dynamic {
            max_fee: price,
            priority: price,
        },
    };
    let signature = Signature {
        r: U256::MAX,
        s: U256::MAX,
        y_parity: true,
    };
    // Delegations without a receiver are no transaction.
    let signed = fields
        .transaction()
        .map(|transaction| transaction.with_signature(signature));
    signed.map_or(0, |signed| signed.encode().len())
}

/// The most gas to try besides `data`: what the block, the revision, the caller and the
/// balance allow.
fn most(
    store: &impl ReadStore,
    environment: &Environment,
    call: &Call,
    data: u64,
) -> Result<u64, CallError> {
    let mut most = environment.gas_limit;
    if environment.revision >= Revision::Osaka {
        most = most.min(MAX_TRANSACTION_GAS);
    }
    if call.gas_limit >= TRANSFER {
        most = most.min(call.gas_limit.saturating_sub(data));
    }
    if !call.gas_price.is_zero() {
        let account: Account = ACCOUNTS.get(store, &call.from)?.unwrap_or_default();
        let Some(available) = account.balance.checked_sub(call.value) else {
            return Err(CallError::Value);
        };
        let allowance = available.checked_div(call.gas_price).unwrap_or(U256::MAX);
        let allowance = u64::try_from(allowance).unwrap_or(u64::MAX);
        let Some(rest) = allowance.checked_sub(data) else {
            return Err(CallError::Allowance(allowance));
        };
        most = most.min(rest);
    }
    Ok(most)
}

fn is_transfer(store: &impl ReadStore, call: &Call) -> Result<bool, CallError> {
    let Some(to) = call.to else { return Ok(false) };
    if !call.input.is_empty() || !call.access_list.is_empty() || !call.authorizations.is_empty() {
        return Ok(false);
    }
    let account = ACCOUNTS.get(store, &to)?;
    Ok(!account.is_some_and(|account| account.has_code()))
}

fn trial(
    store: &impl ReadStore,
    environment: &Environment,
    call: &Call,
    gas_limit: u64,
) -> Result<Trial, CallError> {
    let call = Call {
        gas_limit,
        ..call.clone()
    };
    Ok(match simulate::call(store, environment, &call)? {
        Simulated::Executed(execution) if execution.success => Trial::Enough(Box::new(execution)),
        Simulated::Executed(execution) => Trial::TooLittle(Box::new(execution)),
        Simulated::Rejected(Rejection::IntrinsicGas { .. } | Rejection::FloorGas { .. }) => {
            Trial::BelowIntrinsic
        }
        Simulated::Rejected(rejection) => return Err(rejection.into()),
    })
}

/// Likely limits: the gas used before refunds, and that gas with what a call
/// within must leave behind (1/64, EIP-150).
fn guesses(execution: &Execution) -> [u64; 2] {
    let used = execution.gas_used.saturating_add(execution.gas_refunded);
    let with_stipend = used.saturating_add(STIPEND);
    [used, with_stipend.saturating_add(with_stipend / 63 + 1)]
}

/// The least limit, to within one part in [`PRECISION`], that is `enough`:
/// below `used` none is, `most` is, and one of the rising `guesses` probably.
fn search(
    used: u64,
    guesses: [u64; 2],
    most: u64,
    mut enough: impl FnMut(u64) -> Result<bool, CallError>,
) -> Result<u64, CallError> {
    // `low` is never enough, `high` always.
    let (mut low, mut high) = (used.saturating_sub(1), most);
    for guess in guesses {
        if low < guess && guess < high {
            if enough(guess)? {
                high = guess;
            } else {
                low = guess;
            }
        }
    }
    while high - low > low / PRECISION && high - low > 1 {
        // Most calls need little of what is allowed: look low first.
        let middle = (low + (high - low) / 2).min(low.saturating_mul(2).max(1));
        if enough(middle)? {
            high = middle;
        } else {
            low = middle;
        }
    }
    Ok(high)
}

/// Why even the most gas is too little.
fn failure(execution: Execution, most: u64) -> CallError {
    match execution.halt {
        None => CallError::Reverted(execution.output),
        Some(HaltReason::OutOfGas(_)) => CallError::Allowance(most),
        Some(halt) => CallError::Halted(halt),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Finds the least gas of a call that needs `least`, and counts the trials.
    fn found(least: u64, used: u64, most: u64) -> (u64, usize) {
        let mut trials = 0;
        let found = search(used, [used, used + used / 63 + STIPEND], most, |limit| {
            trials += 1;
            Ok(limit >= least)
        });
        (found.unwrap(), trials)
    }

    #[test]
    fn the_estimate_is_enough_and_at_most_two_percent_too_much() {
        for used in [21_000, 21_001, 45_123, 300_000, 5_000_000] {
            for extra in [0, 1, 137, 2_300, 60_000, 900_000] {
                let least = used + extra;
                let (found, trials) = found(least, used, 16_777_216);
                assert!(found >= least, "{found} for {least}");
                assert!(found * 100 <= least * 102, "{found} for {least}");
                assert!(trials <= 24, "{trials} trials");
            }
        }
    }

    #[test]
    fn what_needs_no_more_than_it_uses_is_exact_in_one_trial() {
        assert_eq!(found(50_000, 50_000, 16_777_216), (50_000, 1));
    }

    #[test]
    fn no_transaction_of_a_call_is_longer_than_what_is_counted() {
        use crate::accounts;
        use alloy_primitives::{Address, Bytes};
        use ethereum::transaction::{Eip1559, Eip2930, Legacy, Transaction};

        let call = Call {
            to: Some(Address::repeat_byte(1)),
            value: U256::from(10_u64.pow(18)),
            input: Bytes::from_static(&[1; 300]),
            ..Call::default()
        };
        let chain_id = u64::from(u32::MAX);
        let (nonce, gas_limit) = (70_000, 30_000_000);
        let price = U256::from(10_u64.pow(12));
        let (to, value, input) = (call.to.unwrap().into(), call.value, call.input.clone());
        let account = accounts::derive(1).unwrap().remove(0);
        let counted = largest(chain_id, &call);
        for transaction in [
            Transaction::Legacy(Legacy {
                chain_id: Some(chain_id),
                nonce,
                gas_price: price,
                gas_limit,
                to,
                value,
                input: input.clone(),
            }),
            Transaction::AccessList(Eip2930 {
                chain_id,
                nonce,
                gas_price: price,
                gas_limit,
                to,
                value,
                input: input.clone(),
                access_list: Vec::new(),
            }),
            Transaction::DynamicFee(Eip1559 {
                chain_id,
                nonce,
                max_priority_fee_per_gas: price,
                max_fee_per_gas: price,
                gas_limit,
                to,
                value,
                input,
                access_list: Vec::new(),
            }),
        ] {
            let signed = account.sign(transaction).unwrap().encode().len();
            assert!(
                (signed..signed + 20).contains(&counted),
                "{signed} {counted}"
            );
        }
    }

    #[test]
    fn all_that_is_allowed_may_be_what_is_needed() {
        assert_eq!(found(100_000, 60_000, 100_000).0, 100_000);
    }
}
