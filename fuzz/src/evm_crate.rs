//! The opinion of another engine: the crate `evm`, up to Cancun.
//!
//! It has no rules of who may send: only what the kernel included is run.

use crate::case::Case;
use crate::opinion::{Made, Opinion, Outcome};
use alloy_primitives::{Address, B256, Log, TxKind, U256};
use conformance::world::{AccountState, World};
use conformance::{Revision, reference};
use ethereum::SignedTransaction;
use evm::backend::{InMemoryAccount, InMemoryBackend, InMemoryEnvironment, OverlayedBackend};
use evm::interpreter::{ExitError, ExitFatal};
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

/// The engine's result for a case, from the kernel's initial state; none if
/// it does not know the rules, or gives up on a transaction: so it does (1.1.1)
/// at a `CREATE` of more bytes than it can count, where just the frame is out of
/// gas.
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
            let included = ours.as_ref();
            included
                .map(|_| transact(&mut backend, signed, made.surroundings.base_fee))
                .transpose()
        })
        .collect::<Result<_, ExitFatal>>();
    Some(Opinion {
        outcomes: outcomes.ok()?,
        world: world(&backend),
    })
}

/// True if a case meets a fault of the engine (1.1.1), by plain revm's trace: then
/// a difference says nothing about the kernel.
#[must_use]
pub fn meets_a_fault(case: &Case, made: &Made) -> bool {
    let mut world = made.before.clone();
    case.transactions.iter().any(|signed| {
        let raw = signed.encode();
        let mut steps = Vec::new();
        let traced = reference::trace(&world, &made.surroundings, &raw, &mut steps);
        if let Ok((_, after)) = reference::execute(&world, &made.surroundings, &raw) {
            world = after;
        }
        let steps: Vec<Step> = String::from_utf8_lossy(&steps)
            .lines()
            .filter_map(Step::read)
            .collect();
        traced.is_ok() && (asks_for_msize(&steps) || may_hide_slots(&steps))
    })
}

/// A line of an EIP-3155 trace.
struct Step {
    opcode: u64,
    depth: u64,
}

impl Step {
    fn read(line: &str) -> Option<Self> {
        let line: serde_json::Value = serde_json::from_str(line).ok()?;
        Some(Self {
            opcode: line["op"].as_u64()?,
            depth: line["depth"].as_u64()?,
        })
    }
}

/// The engine answers 0 right after `PUSH1 46 PUSH0 PUSH0 CODECOPY`, where two
/// words of memory are active (Yellow Paper, appendix H: 64), though it charges
/// for them. So where MSIZE was asked, a difference says nothing.
fn asks_for_msize(steps: &[Step]) -> bool {
    steps.iter().any(|step| step.opcode == 0x59)
}

/// An account that destroys itself keeps its slots until the transaction ends
/// (EIP-6780). Where the account is new, the engine hides from the frames between
/// (`Substate::known_storage` looks at deletions before it asks the frame that
/// called) what frames further out wrote: they read 0, and pay for writes as if
/// the slot was never written. So where a frame that is neither the outermost nor
/// the one that destroyed itself reads or writes a slot afterwards, a difference
/// says nothing.
fn may_hide_slots(steps: &[Step]) -> bool {
    let mut deepest = 0;
    steps.iter().any(|step| {
        if step.opcode == 0xff {
            deepest = deepest.max(step.depth);
        }
        matches!(step.opcode, 0x54 | 0x55) && step.depth > 1 && step.depth < deepest
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

fn transact(
    backend: &mut InMemoryBackend,
    signed: &SignedTransaction,
    base_fee: u64,
) -> Result<Outcome, ExitFatal> {
    let args = arguments(signed);
    let caller = args.caller;
    let price = signed.transaction.effective_gas_price(base_fee);
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
        Ok(done) => Ok(Outcome {
            success: true,
            gas_used: value(done.used_gas).saturating_to(),
            logs,
        }),
        Err(ExitError::Fatal(fatal)) => Err(fatal),
        // It does not tell the gas; a failure changes nothing else.
        Err(_) => {
            let after = backend.state.get(&caller).map(|account| account.balance);
            let paid = value(before.unwrap_or_default()) - value(after.unwrap_or_default());
            Ok(Outcome {
                success: false,
                gas_used: (paid / price).saturating_to(),
                logs: Vec::new(),
            })
        }
    }
}

/// A transaction as the crate takes it.
fn arguments(signed: &SignedTransaction) -> TransactArgs<'static> {
    let transaction = &signed.transaction;
    let sender = ethereum::senders([signed]).pop().and_then(Result::ok);
    let data = transaction.input().to_vec();
    let access_list = transaction.access_list().iter().map(|item| {
        let keys = item.storage_keys.iter();
        (
            address(&item.address),
            keys.map(|key| H256(key.0)).collect(),
        )
    });
    let max = number(transaction.max_fee_per_gas());
    TransactArgs {
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
        caller: address(&sender.unwrap_or_default()),
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
    use crate::kernel::kernel;
    use crate::opinion::differences;
    use e2e_tests::User;

    /// A case where one transaction goes to the first of these contracts, or
    /// creates one with the code `init`.
    fn case(init: Option<&[u8]>, contracts: &[(Address, Vec<u8>)]) -> Case {
        let mut case = Case::new(&[]);
        case.revision = Revision::Cancun;
        for (address, code) in contracts {
            let contract = AccountState {
                nonce: U256::from(1),
                code: code.clone().into(),
                ..AccountState::default()
            };
            case.world.0.insert(*address, contract);
        }
        let mut user = User::new("user 1");
        let (to, input) = match init {
            Some(init) => (TxKind::Create, init.to_vec()),
            None => (TxKind::Call(contracts[0].0), Vec::new()),
        };
        case.transactions = vec![user.send(1337, to, U256::ZERO, input.into(), 400_000)];
        case
    }

    fn check(case: &Case, faulty: bool) {
        let made = kernel(case).unwrap();
        let differs = differences(&made.opinion, &opinion(case, &made).unwrap());
        assert_eq!(differs.is_some(), faulty, "{differs:?}");
        assert_eq!(meets_a_fault(case, &made), faulty);
    }

    /// The reason for [`asks_for_msize`]; where this fails, it can go.
    #[test]
    fn the_engine_still_answers_msize_wrong() {
        // CODECOPY of 46 bytes, then the opcode, whose answer is kept.
        for (opcode, msize) in [(0x59, true), (0x38, false)] {
            let code = vec![0x60, 46, 0x5f, 0x5f, 0x39, opcode, 0x5f, 0x55, 0];
            check(&case(None, &[(Address::repeat_byte(0xc2), code)]), msize);
        }
    }

    /// The reason for [`may_hide_slots`]; where this fails, it can go.
    #[test]
    fn the_engine_still_hides_slots_of_what_destroys_itself() {
        let call = |arguments: usize, to: Address, opcode: u8| {
            let gas = [0x62, 0, 0xff, 0xff, opcode];
            [&vec![0x5f; arguments][..], &[0x73], to.as_slice(), &gas].concat()
        };
        let (inner, outer) = (Address::repeat_byte(0xc2), Address::repeat_byte(0xc3));
        for (last, faulty) in [(0xff, true), (0, false)] {
            // CALLCODE of what ends with SELFDESTRUCT, then SSTORE of 2.
            let code = [&call(5, inner, 0xf2)[..], &[0x60, 2, 0x5f, 0x55, 0]].concat();
            let contracts = [(inner, vec![0x33, last]), (outer, code)];
            // SSTORE of 1, DELEGATECALL.
            let init = [&[0x60, 1, 0x5f, 0x55][..], &call(4, outer, 0xf4), &[0]].concat();
            check(&case(Some(&init), &contracts), faulty);
        }
    }

    /// The reason why it may give up; where this fails, it no longer does.
    #[test]
    fn the_engine_still_gives_up_on_a_creation_beyond_64_bits() {
        for (length, gives_up) in [(0x68, true), (0x60, false)] {
            // CREATE of 2^64 bytes, or of one.
            let mut code = vec![length, 1];
            code.resize(if gives_up { 10 } else { 2 }, 0);
            code.extend([0x5f, 0x5f, 0xf0, 0]);
            let case = case(None, &[(Address::repeat_byte(0xc2), code)]);
            let made = kernel(&case).unwrap();
            assert_eq!(opinion(&case, &made).is_none(), gives_up);
        }
    }
}
