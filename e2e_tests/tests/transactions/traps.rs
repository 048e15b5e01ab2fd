//! A trap after every host call: nothing is lost but what docs/writing_a_kernel.md names.

use e2e_tests::tickets::{
    CONTENT, ROLLUP, deposit, durable, give, inbox, key, one, operation, options, post, reveal,
    signed, withdraw,
};
use host::mock::{Level, MockHost};
use pvm::{Durable, Machine, Status};
use std::collections::BTreeMap;
use tx_kernel::layout::OUTGOING;

/// Two levels: deposits of two kinds, transfers, a refusal, withdrawals; and two
/// without messages, for what waits.
fn levels() -> Vec<Vec<Vec<u8>>> {
    let (alice, bob) = (key(1), key(2));
    vec![
        vec![
            deposit(&alice.to_base58(), CONTENT, 100),
            deposit(&bob.to_base58(), CONTENT, 10),
            deposit(&bob.to_base58(), "other", 5),
            one(&alice, reveal(&alice, 0, &[give(&bob, 10)])),
        ],
        vec![
            post(&[
                signed(&[(&alice, reveal(&alice, 1, &[withdraw(7)]))]),
                signed(&[(&alice, operation(&alice, 2, &[give(&bob, 1000)]))]),
                signed(&[(&alice, operation(&alice, 2, &[withdraw(3)]))]),
            ]),
            deposit(&alice.to_base58(), "other", 1),
            one(&bob, reveal(&bob, 0, &[give(&alice, 2)])),
        ],
        vec![],
        vec![],
    ]
}

/// The final state.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Outcome {
    accounts: BTreeMap<String, Vec<u8>>,
    /// Messages that left.
    outbox: Vec<Vec<u8>>,
    /// Messages in doubt.
    doubtful: Vec<Vec<u8>>,
}

impl Outcome {
    /// True if it is `whole` but for one message, which is in doubt, and left at
    /// most once.
    fn doubts_one_of(&self, whole: &Self) -> bool {
        let [doubtful] = &self.doubtful[..] else {
            return false;
        };
        let mut without = whole.outbox.clone();
        let Some(at) = without.iter().position(|message| message == doubtful) else {
            return false;
        };
        without.remove(at);
        self.accounts == whole.accounts && (self.outbox == whole.outbox || self.outbox == without)
    }
}

fn outcome(durable: &Durable, outbox: Vec<Vec<u8>>) -> Outcome {
    for root in ["/tx/staging", "/tx/careful", "/tx/queue", "/tx/calls"] {
        assert!(durable.values(root).unwrap().is_empty(), "{root} is left");
    }
    let values = |root: &str| {
        let values = durable.values(root).unwrap().into_iter();
        values.map(|(path, value)| (path, value.to_vec()))
    };
    let mut accounts: BTreeMap<_, _> = values("/tx/state/a").collect();
    accounts.extend(values("/tx/state/t"));
    accounts.extend(values("/tx/aside"));
    let doubtful = (0..10).filter_map(|number| OUTGOING.doubtful(durable, number).unwrap());
    Outcome {
        accounts,
        outbox,
        doubtful: doubtful.collect(),
    }
}

/// Runs the levels, with a trap after so many host calls; gives how many there
/// were.
fn run(levels: &[Vec<Vec<u8>>], trap: Option<u64>) -> (Outcome, u64) {
    let options = pvm::Options {
        metering: pvm::Metering::Full,
        ..options()
    };
    let mut machine = Machine::from_durable(durable(), options).unwrap();
    if let Some(calls) = trap {
        machine.trap_after(calls);
    }
    let (mut outbox, mut calls, mut traps) = (Vec::new(), 0, 0);
    for messages in levels {
        let report = machine.run_level(&inbox(messages)).unwrap();
        assert_eq!(report.status, Status::Yielded);
        outbox.extend(report.outbox);
        traps += report.runs.iter().filter(|run| run.trapped()).count();
        let runs = report.runs.iter();
        calls += runs.flat_map(|run| run.host_calls.values()).sum::<u64>();
    }
    assert_eq!(traps, usize::from(trap.is_some()));
    (outcome(machine.durable(), outbox), calls)
}

/// The levels without one of their messages.
fn without(levels: &[Vec<Vec<u8>>]) -> Vec<Vec<Vec<Vec<u8>>>> {
    let mut all = Vec::new();
    for (level, messages) in levels.iter().enumerate() {
        for message in 0..messages.len() {
            let mut less = levels.to_vec();
            less[level].remove(message);
            all.push(less);
        }
    }
    all
}

#[test]
fn a_trap_after_any_host_call_changes_nothing() {
    let levels = levels();
    let (whole, calls) = run(&levels, None);
    assert_eq!((whole.outbox.len(), whole.doubtful.len()), (2, 0));
    let less: Vec<Outcome> = without(&levels)
        .iter()
        .map(|less| run(less, None).0)
        .collect();
    let mut lost = vec![0; less.len()];
    let mut doubts = 0;
    // The last level has nobody behind it to tell of a trap.
    for trap in 1..calls - 15 {
        let (trapped, _) = run(&levels, Some(trap));
        if trapped == whole {
            continue;
        }
        if trapped.doubts_one_of(&whole) {
            doubts += 1;
            continue;
        }
        let message = less.iter().position(|less| *less == trapped);
        let message = message.unwrap_or_else(|| panic!("after {trap} of {calls}: {trapped:#?}"));
        lost[message] += 1;
    }
    // Right behind its `read_input`, and nowhere else; for a message to layer 1,
    // on both sides of its `write_output`.
    assert!(lost.iter().all(|count| *count == 1), "{lost:?}");
    assert_eq!(doubts, 2 * whole.outbox.len());
}

/// An input that traps again under its mark burdens nobody else.
#[test]
fn an_input_that_traps_twice_is_dropped_and_a_deposit_set_aside() {
    let levels = levels();
    let whole = native(&levels, None);
    let (mut dropped, mut aside) = (0, 0);
    let mut outcomes = without(&levels[..2]);
    outcomes.push(levels.clone());
    let less: Vec<_> = outcomes.iter().map(|less| native(less, None).0).collect();
    for first in (20..50).step_by(5) {
        for second in 1..32 {
            let (ended, log) = native(&levels, Some([first, second]));
            if log.contains("batch dropped: it traps") {
                dropped += 1;
                assert!(
                    less.contains(&ended),
                    "after {first} and {second}: {ended:?}"
                );
            } else if log.contains("a deposit is set aside") {
                aside += 1;
                assert_eq!(
                    ended
                        .iter()
                        .filter(|(path, _)| path.starts_with("/tx/aside"))
                        .count(),
                    1
                );
            }
        }
    }
    assert!(whole.1.contains("transaction 1 refused"), "{}", whole.1);
    assert!(dropped > 0 && aside > 0, "{dropped} dropped, {aside} aside");
}

/// The levels on the mocked machine, with a trap after so many host calls, and
/// one after so many of the run that follows: accounts, and the log.
fn native(levels: &[Vec<Vec<u8>>], traps: Option<[u64; 2]>) -> (Vec<(String, Vec<u8>)>, String) {
    let mut host = MockHost::default().with_metadata(host::Metadata {
        address: ROLLUP,
        origination_level: 0,
    });
    host.set(b"/tx/config/frame", &[0]);
    let mut second = traps.map(|[first, second]| {
        host.trap_after(first);
        second
    });
    for messages in levels {
        let mut level = Level::default();
        for message in messages {
            level.raw(message);
        }
        host.run_level(&level, |host| {
            let stuck = host::reserved::STUCK.as_bytes();
            if host.durable().get(stuck).is_some()
                && let Some(second) = second.take()
            {
                host.trap_after(second);
            }
            tx_kernel::mock_kernel_run(host);
        });
    }
    host.call_off_trap();
    let kept = host.values().into_iter().filter_map(|(path, value)| {
        let path = String::from_utf8(path).ok()?;
        let kept = ["/tx/state/a", "/tx/state/t", "/tx/aside"];
        kept.iter()
            .any(|root| path.starts_with(root))
            .then_some((path, value))
    });
    (kept.collect(), host.debug_log())
}
