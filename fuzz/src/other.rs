//! The opinion of another engine: the crate `evm`, up to Cancun.
//!
//! It has no rules of who may send: only what the kernel included is run.

use crate::case::Case;
use crate::differential::{Made, Opinion, Outcome};
use alloy_primitives::{Address, B256, Log, TxKind, U256};
use conformance::world::{AccountState, World};
use conformance::{Revision, reference};
use ethereum::SignedTransaction;
use evm::backend::{InMemoryAccount, InMemoryBackend, InMemoryEnvironment, OverlayedBackend};
use evm::standard::{TransactArgs, TransactArgsCallCreate, TransactGasPrice};
use evm::uint::{H160, H256};
use evm_mainnet::CANCUN_CONFIG;
use std::collections::BTreeMap;

type Number = evm::uint::U256;

fn number(value: U256) -> Number {
    Number::from_big_endian(&value.to_be_bytes::<32>())
}

fn value(number: Number) -> U256 {
    let mut bytes = [0; 32];
    number.to_big_endian(&mut bytes);
    U256::from_be_bytes(bytes)
}

fn address(address: &Address) -> H160 {
    H160(address.0.0)
}

fn word(value: U256) -> H256 {
    H256(value.to_be_bytes())
}

/// What the engine makes of a case, from where the kernel started; none where
/// it does not know the rules.
#[must_use]
pub fn opinion(case: &Case, made: &Made) -> Option<Opinion> {
    if case.revision != Revision::Cancun {
        return None;
    }
    let mut backend = backend(made);
    let outcomes = case
        .transactions
        .iter()
        .zip(&made.opinion.outcomes)
        .map(|(signed, ours)| {
            ours.as_ref()
                .map(|_| transact(&mut backend, signed, made.surroundings.base_fee))
        })
        .collect();
    Some(Opinion {
        outcomes,
        world: world(&backend),
    })
}

/// Whether plain revm meets MSIZE in a case. The engine (1.1.1) answers 0 right
/// after `PUSH1 46 PUSH0 PUSH0 CODECOPY`, where two words of memory are active
/// (Yellow Paper, appendix H: 64), though it charges for them. So where MSIZE was
/// asked, a difference says nothing about the kernel.
#[must_use]
pub fn asked_for_msize(case: &Case, made: &Made) -> bool {
    let mut world = made.before.clone();
    case.transactions.iter().any(|signed| {
        let raw = signed.encode();
        let mut steps = Vec::new();
        let traced = reference::trace(&world, &made.surroundings, &raw, &mut steps);
        if let Ok((_, after)) = reference::execute(&world, &made.surroundings, &raw) {
            world = after;
        }
        // EIP-3155: a line for each step, with the opcode's number.
        let steps = String::from_utf8_lossy(&steps);
        traced.is_ok() && steps.contains("\"op\":89,")
    })
}

fn backend(made: &Made) -> InMemoryBackend {
    let block = &made.surroundings;
    let hashes = block.hashes.iter();
    let environment = InMemoryEnvironment {
        block_hashes: hashes
            .map(|(number, hash)| (Number::from(*number), H256(hash.0)))
            .collect(),
        block_number: block.number.into(),
        block_coinbase: address(&block.beneficiary),
        block_timestamp: block.timestamp.into(),
        block_difficulty: Number::zero(),
        block_randomness: Some(H256(block.prevrandao.0)),
        block_gas_limit: block.gas_limit.into(),
        block_base_fee_per_gas: block.base_fee.into(),
        blob_base_fee_per_gas: number(U256::from(block.blob_base_fee)),
        blob_versioned_hashes: Vec::new(),
        chain_id: block.chain_id.into(),
    };
    let account = |state: &AccountState| InMemoryAccount {
        balance: number(state.balance),
        code: state.code.to_vec(),
        nonce: number(state.nonce),
        storage: state
            .storage
            .iter()
            .map(|(slot, value)| (word(*slot), word(*value)))
            .collect(),
        transient_storage: BTreeMap::new(),
    };
    let accounts = made.before.0.iter();
    InMemoryBackend {
        environment,
        state: accounts
            .map(|(key, state)| (address(key), account(state)))
            .collect(),
    }
}

fn transact(backend: &mut InMemoryBackend, signed: &SignedTransaction, base_fee: u64) -> Outcome {
    let transaction = &signed.transaction;
    let sender = ethereum::senders([signed]).pop().and_then(Result::ok);
    let caller = address(&sender.unwrap_or_default());
    let data = transaction.input().to_vec();
    let price = transaction.effective_gas_price(base_fee);
    let access_list = transaction.access_list().iter().map(|item| {
        let keys = item.storage_keys.iter();
        (
            address(&item.address),
            keys.map(|key| H256(key.0)).collect(),
        )
    });
    let max = number(transaction.max_fee_per_gas());
    let args = TransactArgs {
        call_create: match transaction.kind() {
            TxKind::Call(to) => TransactArgsCallCreate::Call {
                address: address(&to),
                data,
            },
            TxKind::Create => TransactArgsCallCreate::Create {
                init_code: data,
                salt: None,
            },
        },
        caller,
        value: number(transaction.value()),
        gas_limit: transaction.gas_limit().into(),
        gas_price: match transaction.max_priority_fee_per_gas() {
            Some(priority) => TransactGasPrice::FeeMarket {
                max_priority: number(priority),
                max,
            },
            None => TransactGasPrice::Legacy(max),
        },
        access_list: access_list.collect(),
        config: &CANCUN_CONFIG,
    };
    let before = backend.state.get(&caller).map(|account| account.balance);
    let mut overlay = OverlayedBackend::new(backend.clone(), &CANCUN_CONFIG.runtime);
    let result = evm_mainnet::transact(args, &mut overlay);
    let (_, changes) = overlay.deconstruct();
    let logs = changes.logs.iter().map(|log| {
        let topics = log.topics.iter().map(|topic| B256::from(topic.0)).collect();
        Log::new_unchecked(log.address.0.into(), topics, log.data.clone().into())
    });
    let logs: Vec<Log> = logs.collect();
    backend.apply_overlayed(&changes);
    // Transient slots end with the transaction.
    for account in backend.state.values_mut() {
        account.transient_storage.clear();
    }
    match result {
        Ok(done) => Outcome {
            success: true,
            gas_used: value(done.used_gas).saturating_to(),
            logs,
        },
        // It does not tell the gas; a failure changes nothing else.
        Err(_) => {
            let after = backend.state.get(&caller).map(|account| account.balance);
            let paid = value(before.unwrap_or_default()) - value(after.unwrap_or_default());
            Outcome {
                success: false,
                gas_used: (paid / price).saturating_to(),
                logs: Vec::new(),
            }
        }
    }
}

fn world(backend: &InMemoryBackend) -> World {
    let accounts = backend.state.iter().filter(|(_, account)| {
        !(account.balance.is_zero() && account.nonce.is_zero() && account.code.is_empty())
    });
    let state = |account: &InMemoryAccount| AccountState {
        nonce: value(account.nonce),
        balance: value(account.balance),
        code: account.code.clone().into(),
        storage: account
            .storage
            .iter()
            .map(|(slot, word)| (U256::from_be_bytes(slot.0), U256::from_be_bytes(word.0)))
            .filter(|(_, value)| !value.is_zero())
            .collect(),
    };
    World(
        accounts
            .map(|(key, account)| (Address::from(key.0), state(account)))
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::differential::{differences, kernel};
    use e2e_tests::User;

    /// The reason for [`asked_for_msize`]; where this fails, it can go.
    #[test]
    fn the_engine_still_answers_msize_wrong() {
        let to = Address::repeat_byte(0xc2);
        let sent = |code: &[u8]| {
            let mut case = Case::new(&[]);
            case.revision = Revision::Cancun;
            let contract = AccountState {
                nonce: U256::from(1),
                code: code.to_vec().into(),
                ..AccountState::default()
            };
            case.world.0.insert(to, contract);
            let mut user = User::new("user 1");
            let to = TxKind::Call(to);
            let signed = user.send(1337, to, U256::ZERO, Default::default(), 200_000);
            case.transactions = vec![signed];
            case
        };
        // CODECOPY of 46 bytes, then the opcode, whose answer is kept.
        for (opcode, msize) in [(0x59, true), (0x38, false)] {
            let case = sent(&[0x60, 46, 0x5f, 0x5f, 0x39, opcode, 0x5f, 0x55, 0]);
            let made = kernel(&case).unwrap();
            let differs = differences(&made.opinion, &opinion(&case, &made).unwrap());
            assert_eq!(differs.is_some(), msize, "{differs:?}");
            assert_eq!(asked_for_msize(&case, &made), msize);
        }
    }
}
