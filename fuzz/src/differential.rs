//! Two opinions on a case: [the kernel's](kernel) and plain revm's. Where it
//! reaches, a third: [the crate `evm`'s](evm_crate).

use crate::case::Case;
use crate::evm_crate;
use crate::kernel::kernel;
use crate::opinion::{Made, Opinion, Outcome, differences};
use conformance::reference;

/// Runs a case through plain revm, from where the kernel started.
#[must_use]
pub fn plain(case: &Case, made: &Made) -> Opinion {
    let mut world = made.before.clone();
    let outcomes = case
        .transactions
        .iter()
        .map(|signed| {
            let raw = signed.encode();
            let (outcome, after) = reference::execute(&world, &made.surroundings, &raw).ok()?;
            world = after;
            Some(Outcome {
                success: outcome.success,
                gas_used: outcome.gas_used,
                logs: outcome.logs,
            })
        })
        .collect();
    Opinion { outcomes, world }
}

/// Runs the case that `bytes` make through both.
///
/// # Errors
/// If they differ: what, and the case.
pub fn run(bytes: &[u8]) -> Result<(), String> {
    let case = Case::new(bytes);
    let shown = |what: String| format!("{what}\n{case:#?}");
    let made = kernel(&case).map_err(shown)?;
    if let Some(text) = differences(&made.opinion, &plain(&case, &made)) {
        return Err(shown(format!("plain revm differs: {text}")));
    }
    let Some(other) = evm_crate::opinion(&case, &made) else {
        return Ok(());
    };
    match differences(&made.opinion, &other) {
        Some(text) if !evm_crate::meets_a_fault(&case, &made) => {
            Err(shown(format!("evm differs: {text}")))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::random;
    use alloy_primitives::U256;
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
            let Some(other) = evm_crate::opinion(&case, &made) else {
                continue;
            };
            if evm_crate::meets_a_fault(&case, &made) {
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
