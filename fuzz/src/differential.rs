//! Two opinions on a case: the kernel as native code on the mocked machine, inbox
//! bytes in and durable storage out, and plain revm. Where it reaches, a third:
//! [`other`].

use crate::case::{CHAIN, Case};
use crate::other;
use alloy_primitives::{B256, Log, U256};
use conformance::reference;
use conformance::rollup::Surroundings;
use conformance::world::World;
use ethereum::{Header, SignedTransaction};
use evm_kernel::HISTORY_ADDRESS;
use host::Metadata;
use host::mock::{Level, MockHost};
use pvm::Durable;
use std::fmt::Write;
use storage::layout::{HEAD, HEADERS, RECEIPTS, SETUP, TRANSACTIONS};
use storage::{Config, Head};

const ROLLUP: [u8; 20] = [7; 20];
const FIRST_LEVEL: u32 = 10;

/// What a transaction did; none: it was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Whether it succeeded.
    pub success: bool,
    /// The gas that it used.
    pub gas_used: u64,
    /// Its logs.
    pub logs: Vec<Log>,
}

/// What became of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opinion {
    /// What each transaction did; none: it was refused.
    pub outcomes: Vec<Option<Outcome>>,
    /// All accounts afterwards.
    pub world: World,
}

/// What the kernel made of a case, and from where it started.
#[derive(Clone, Debug)]
pub struct Made {
    /// The accounts right before the block's transactions.
    pub before: World,
    /// The block's surroundings.
    pub surroundings: Surroundings,
    /// What came of it.
    pub opinion: Opinion,
}

/// Runs a case through the kernel.
///
/// # Errors
/// Where it traps, makes no such block or leaves what it must not: a defect.
pub fn kernel(case: &Case) -> Result<Made, String> {
    let config = Config {
        fee_recipient: alloy_primitives::Address::repeat_byte(0xfe),
        // One block, however much work its precompiles are.
        run_budget: u64::MAX / 4,
        level_budget: u64::MAX / 4,
        revisions: vec![(0, case.revision)],
        ..Config::default()
    };
    let mut host = MockHost::default().with_metadata(Metadata {
        address: ROLLUP,
        origination_level: FIRST_LEVEL - 1,
    });
    host.set_next_level(FIRST_LEVEL);
    for (name, value) in config.to_setup() {
        host.set(format!("{SETUP}/{name}").as_bytes(), &value);
    }
    let mut durable = Durable::new();
    case.world.load(&mut durable);
    for (path, value) in durable.values("/evm") {
        host.set(path.as_bytes(), &value.to_vec());
    }
    let mut level = |messages: Vec<Vec<u8>>| -> Result<Head, String> {
        let level = Level {
            timestamp: 1_700_000_000,
            predecessor: [9; 32],
            messages,
        };
        let ended = host.run_level(&level, evm_kernel::mock_kernel_run);
        if ended.traps > 0 || ended.forced {
            return Err(format!("the kernel traps: {}", host.debug_log()));
        }
        let head = HEAD.get(&host, &()).map_err(|error| error.to_string())?;
        head.ok_or_else(|| "no block".to_owned())
    };
    let parent = level(Vec::new())?;
    let messages = case.transactions.iter().map(message).collect();
    let head = level(messages)?;
    finish(case, &host, &parent, &head)
}

fn message(signed: &SignedTransaction) -> Vec<u8> {
    let raw = signed.encode();
    [&[1, 0][..], &ROLLUP, &[0], signed.hash.as_slice(), &raw].concat()
}

fn finish(case: &Case, host: &MockHost, parent: &Head, head: &Head) -> Result<Made, String> {
    if head.number != parent.number + 1 {
        return Err(format!("{} blocks", head.number - parent.number));
    }
    let text = |error: storage::StorageError| error.to_string();
    let number = &head.number;
    let stored = HEADERS.get(host, number).map_err(text)?;
    let stored = stored.ok_or("no header")?;
    let header = Header::decode(&stored.rlp).map_err(|error| error.to_string())?;
    let transactions = TRANSACTIONS.get(host, number).map_err(text)?;
    let receipts = RECEIPTS.get(host, number).map_err(text)?;
    let mut included = transactions
        .unwrap_or_default()
        .0
        .into_iter()
        .zip(receipts.unwrap_or_default().0)
        .peekable();
    let outcomes = case
        .transactions
        .iter()
        .map(|signed| {
            let raw = signed.encode();
            let (_, receipt) = included.next_if(|(stored, _)| stored.raw == raw)?;
            Some(Outcome {
                success: receipt.success,
                gas_used: receipt.gas_used,
                logs: receipt.logs,
            })
        })
        .collect();
    if included.peek().is_some() {
        return Err("transactions out of order".to_owned());
    }
    let mut durable = Durable::new();
    for (path, value) in host.values() {
        let path = String::from_utf8(path).map_err(|error| error.to_string())?;
        durable
            .write(path, value)
            .map_err(|error| error.to_string())?;
    }
    let world = World::dump(&durable).map_err(|error| error.to_string())?;
    let mut before = case.world.clone();
    before.0.retain(|_, state| {
        !(state.nonce.is_zero() && state.balance.is_zero() && state.code.is_empty())
    });
    let hash = |number: u64| -> Result<(u64, B256), String> {
        let stored = HEADERS.get(host, &number).map_err(text)?;
        Ok((number, stored.map_or(B256::ZERO, |stored| stored.hash)))
    };
    // The history contract is there from block 0 on, and each block's first
    // slot is written (EIP-2935, from Prague on).
    let history = world.0.get(&HISTORY_ADDRESS).cloned().unwrap_or_default();
    let mut history = conformance::world::AccountState {
        storage: Default::default(),
        ..history
    };
    if case.revision >= conformance::Revision::Prague {
        for number in 0..head.number {
            let (number, hash) = hash(number)?;
            history.storage.insert(U256::from(number), hash.into());
        }
    }
    before.0.insert(HISTORY_ADDRESS, history);
    Ok(Made {
        before,
        surroundings: Surroundings {
            number: header.number,
            timestamp: header.timestamp,
            base_fee: header.base_fee_per_gas,
            gas_limit: header.gas_limit,
            prevrandao: header.mix_hash,
            beneficiary: header.beneficiary,
            blob_base_fee: 1,
            chain_id: CHAIN,
            revision: case.revision,
            hashes: (0..head.number).map(hash).collect::<Result<_, _>>()?,
            parent: None,
        },
        opinion: Opinion { outcomes, world },
    })
}

/// Runs a case through plain revm, from where the kernel started.
#[must_use]
pub fn plain(case: &Case, made: &Made) -> Opinion {
    let mut world = made.before.clone();
    let outcomes = case
        .transactions
        .iter()
        .map(|signed| {
            let raw = signed.encode();
            let (result, after) = reference::execute(&world, &made.surroundings, &raw).ok()?;
            world = after;
            Some(Outcome {
                success: result.is_success(),
                gas_used: result.tx_gas_used(),
                logs: if result.is_success() {
                    result.into_logs()
                } else {
                    Vec::new()
                },
            })
        })
        .collect();
    Opinion { outcomes, world }
}

/// Where two opinions differ; nothing where they do not.
#[must_use]
pub fn differences(kernel: &Opinion, other: &Opinion) -> Option<String> {
    let mut text = String::new();
    for (number, (ours, theirs)) in kernel.outcomes.iter().zip(&other.outcomes).enumerate() {
        if ours != theirs {
            // Writing to a String cannot fail.
            let _ = writeln!(
                text,
                "transaction {number}: {ours:?}\n  expected {theirs:?}"
            );
        }
    }
    if kernel.world != other.world {
        let _ = writeln!(
            text,
            "accounts:\n{}",
            kernel.world.differences(&other.world)
        );
    }
    (!text.is_empty()).then_some(text)
}

/// Runs the case that `bytes` make through both.
///
/// # Errors
/// Where they differ: what, and the case.
pub fn run(bytes: &[u8]) -> Result<(), String> {
    let case = Case::new(bytes);
    let shown = |what: String| format!("{what}\n{case:#?}");
    let made = kernel(&case).map_err(shown)?;
    if let Some(text) = differences(&made.opinion, &plain(&case, &made)) {
        return Err(shown(format!("plain revm differs: {text}")));
    }
    let Some(other) = other::opinion(&case, &made) else {
        return Ok(());
    };
    match differences(&made.opinion, &other) {
        Some(text) if !other::meets_a_fault(&case, &made) => {
            Err(shown(format!("evm differs: {text}")))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::choice::random;
    use std::collections::BTreeSet;

    fn cases() -> impl Iterator<Item = (Case, Made)> {
        (0..200).map(|number| {
            let case = Case::new(&random(2, number, 3_000));
            let made = kernel(&case).unwrap();
            (case, made)
        })
    }

    /// Each way to be wrong is seen: on some case, an opinion is made so.
    #[test]
    fn a_wrong_opinion_is_seen() {
        type Wrong = fn(&mut Opinion) -> Option<()>;
        let wrongs: [(&str, Wrong); 7] = [
            ("one gas more", |opinion| {
                opinion.outcomes.iter_mut().flatten().next()?.gas_used += 1;
                Some(())
            }),
            ("success", |opinion| {
                let outcome = opinion.outcomes.iter_mut().flatten().next()?;
                outcome.success = !outcome.success;
                Some(())
            }),
            ("a missing log", |opinion| {
                let mut outcomes = opinion.outcomes.iter_mut().flatten();
                outcomes.find_map(|outcome| outcome.logs.pop()).map(drop)
            }),
            ("a refusal", |opinion| {
                let outcome = opinion.outcomes.iter_mut().find(|one| one.is_some())?;
                *outcome = None;
                Some(())
            }),
            ("a slot", |opinion| {
                let mut accounts = opinion.world.0.values_mut();
                let slot = accounts.find_map(|state| state.storage.values_mut().next());
                *slot? += U256::from(1);
                Some(())
            }),
            ("an account", |opinion| opinion.world.0.pop_last().map(drop)),
            ("a wei", |opinion| {
                opinion.world.0.values_mut().next()?.balance += U256::from(1);
                Some(())
            }),
        ];
        let mut seen = BTreeSet::new();
        for (case, made) in cases() {
            let right = plain(&case, &made);
            assert_eq!(differences(&made.opinion, &right), None);
            for (what, wrong) in wrongs {
                let mut opinion = right.clone();
                if wrong(&mut opinion).is_some() {
                    assert!(differences(&made.opinion, &opinion).is_some(), "{what}");
                    seen.insert(what);
                }
            }
        }
        assert_eq!(seen.len(), wrongs.len(), "{seen:?}");
    }

    /// The third opinion is one, and not always the same.
    #[test]
    fn the_other_engine_agrees_where_it_reaches() {
        let (mut compared, mut succeeded) = (0, 0);
        for (case, made) in cases() {
            let Some(other) = other::opinion(&case, &made) else {
                continue;
            };
            if other::meets_a_fault(&case, &made) {
                continue;
            }
            assert_eq!(differences(&made.opinion, &other), None);
            let outcomes = other.outcomes.iter().flatten();
            compared += outcomes.clone().count();
            succeeded += outcomes.filter(|outcome| outcome.success).count();
        }
        assert!(compared > 60 && succeeded > 30, "{compared}, {succeeded}");
    }

    /// Cases are not all alike, nor all empty.
    #[test]
    fn cases_do_many_things() {
        let (mut succeeded, mut failed, mut refused) = (0, 0, 0);
        let (mut logs, mut created, mut delegated, mut slots) = (0, 0, 0, 0);
        for (_, made) in cases() {
            for outcome in &made.opinion.outcomes {
                match outcome {
                    None => refused += 1,
                    Some(outcome) if outcome.success => succeeded += 1,
                    Some(_) => failed += 1,
                }
                logs += outcome.as_ref().map_or(0, |outcome| outcome.logs.len());
            }
            for (address, state) in &made.opinion.world.0 {
                let before = made.before.0.get(address);
                let code = |prefix: bool| {
                    !state.code.is_empty() && state.code.starts_with(&[0xef, 1, 0]) == prefix
                };
                created += usize::from(before.is_none() && code(false));
                delegated += usize::from(code(true));
                slots += usize::from(before.is_some_and(|before| before.storage != state.storage));
            }
        }
        let counts = [succeeded, failed, refused, logs, created, delegated, slots];
        println!("{counts:?}");
        assert!(counts.iter().all(|count| *count > 5), "{counts:?}");
    }
}
