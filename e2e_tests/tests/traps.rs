//! Nothing is lost, whatever traps (ARCHITECTURE.md, "What always holds"): a trap after every
//! host call of some busy levels through the compiled kernel, and two traps on the
//! mocked machine. Transactions that trap each time are in `poisoned.rs`.

use crate::native::{
    FIRST_LEVEL, Included, ROLLUP, burn, call, chunked, creation, durable, framed, head, headers,
    included, level, rollup, sender, signed, simple, transfer,
};
use alloy_primitives::{Address, Bytes, U256, keccak256};
use e2e_tests::layer1;
use ethereum::SignedTransaction;
use ethereum::transaction::Eip1559;
use evm_kernel::inputs::batch::write::{SenderKey, Writer};
use host::mock::{Ended, Level, MockHost, Values};
use host::{
    Debug, Forward, HostError, Inbox, MAX_MESSAGE, Message, Metadata, Outbox, Path, Reveal, Store,
    StoreTree,
};
use messages::contract::Contract;
use pvm::{Durable, Machine};
use solidity_fixtures::bridge::{fa, native as native_bridge, token};
use solidity_fixtures::counter;
use solidity_fixtures::traveller::{self, Mood};
use std::cell::RefCell;
use std::collections::BTreeMap;
use storage::Config;

const NOBODY: Address = Address::repeat_byte(0xbb);

/// Small blocks and runs, so that the levels have several of both.
fn config() -> Config {
    Config {
        block_gas_limit: 2_000_000,
        run_budget: 4_000_000,
        level_budget: 9_000_000,
        fee_recipient: Address::repeat_byte(0xfe),
        ..Config::default()
    }
}

/// Three busy levels and a quiet one.
fn levels() -> Vec<Level> {
    let counter = sender(1).create(0);
    let large = signed(3, call(1, NOBODY, Bytes::from(vec![0x11; 5_000])));
    let pieces = chunked(&large, 3_900);
    let mut other_rollup = simple(&signed(0, transfer(0, NOBODY)));
    other_rollup[1..21].fill(0x77);

    let first = vec![
        simple(&signed(0, transfer(0, NOBODY))),
        other_rollup,
        simple(&signed(1, creation(0, counter::deploy()))),
        pieces[0].clone(),
        // A nonce that is too high.
        simple(&signed(2, transfer(7, NOBODY))),
        pieces[1].clone(),
        simple(&signed(0, transfer(1, NOBODY))),
    ];
    let second = vec![
        simple(&signed(1, call(1, counter, counter::increment()))),
        // Two writes to queue it: more than 2,044 bytes.
        simple(&signed(3, call(0, NOBODY, Bytes::from(vec![0x22; 3_000])))),
        simple(&signed(4, burn(0, 1_900_000))),
        pieces[2].clone(),
        simple(&signed(4, burn(1, 1_900_000))),
        simple(&signed(1, call(1, counter, counter::increment()))),
        simple(&signed(4, burn(2, 1_900_000))),
        simple(&signed(
            0,
            call(2, counter, counter::set(counter::MOST + 1)),
        )),
    ];
    let third = vec![
        framed(b"\x09nonsense"),
        simple(&signed(1, call(2, counter, counter::set(0)))),
    ];
    vec![
        level(1_000, &first),
        level(1_005, &second),
        level(1_010, &third),
        level(1_015, &[]),
    ]
}

/// The result of some levels.
struct Outcome {
    values: Values,
    ended: Vec<Ended>,
    host: MockHost,
}

fn outcome(mut host: MockHost, levels: &[Level]) -> Outcome {
    let run = |level| host.run_level(level, evm_kernel::mock_kernel_run);
    let ended = levels.iter().map(run).collect();
    Outcome {
        values: facts_alone(durable(&host)),
        ended,
        host,
    }
}

/// Without the key of the level's hash maps: an input that a trap took before it was
/// durable is part of it or not, and nothing but the time of hash maps hangs on it.
fn facts_alone(mut values: Values) -> Values {
    if let Some(level) = values.get_mut(&b"/evm/level"[..]) {
        level.truncate(4 + 8 + 32);
    }
    values
}

/// A host call as a test sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Call {
    name: &'static str,
    path: Vec<u8>,
}

/// The mocked machine, with every host call shown before it is made.
struct Watched<'h, F> {
    host: RefCell<&'h mut MockHost>,
    seen: F,
}

impl<'h, F: Fn(&mut MockHost, Call)> Watched<'h, F> {
    fn new(host: &'h mut MockHost, seen: F) -> Self {
        let host = RefCell::new(host);
        Self { host, seen }
    }

    fn show(&self, name: &'static str, path: &[u8]) {
        let path = path.to_vec();
        (self.seen)(&mut self.host.borrow_mut(), Call { name, path });
    }
}

impl<F: Fn(&mut MockHost, Call)> Inbox for Watched<'_, F> {
    fn read_input<'b>(
        &mut self,
        buffer: &'b mut [u8; MAX_MESSAGE],
    ) -> Result<Option<Message<'b>>, HostError> {
        self.show("read_input", b"");
        self.host.get_mut().read_input(buffer)
    }
}

impl<F: Fn(&mut MockHost, Call)> Forward for Watched<'_, F> {
    type To = MockHost;

    fn forward<T>(
        &self,
        call: &'static str,
        path: Path<'_>,
        ask: impl FnOnce(&MockHost) -> Result<T, HostError>,
    ) -> Result<T, HostError> {
        self.show(call, path.as_bytes());
        ask(&self.host.borrow())
    }
}

impl<F: Fn(&mut MockHost, Call)> Store for Watched<'_, F> {
    fn store_write(&mut self, path: Path<'_>, at: usize, bytes: &[u8]) -> Result<(), HostError> {
        self.show("store_write", path.as_bytes());
        self.host.get_mut().store_write(path, at, bytes)
    }

    fn store_create(&mut self, path: Path<'_>, size: usize) -> Result<(), HostError> {
        self.show("store_create", path.as_bytes());
        self.host.get_mut().store_create(path, size)
    }

    fn store_delete(&mut self, path: Path<'_>) -> Result<(), HostError> {
        self.show("store_delete", path.as_bytes());
        self.host.get_mut().store_delete(path)
    }

    fn store_delete_value(&mut self, path: Path<'_>) -> Result<(), HostError> {
        self.show("store_delete_value", path.as_bytes());
        self.host.get_mut().store_delete_value(path)
    }

    fn store_copy(&mut self, from: Path<'_>, to: Path<'_>) -> Result<(), HostError> {
        self.show("store_copy", to.as_bytes());
        self.host.get_mut().store_copy(from, to)
    }

    fn store_move(&mut self, from: Path<'_>, to: Path<'_>) -> Result<(), HostError> {
        self.show("store_move", to.as_bytes());
        self.host.get_mut().store_move(from, to)
    }
}

impl<F: Fn(&mut MockHost, Call)> StoreTree for Watched<'_, F> {
    fn store_get_nth_key(
        &self,
        path: Path<'_>,
        index: u64,
        buffer: &mut [u8],
    ) -> Result<usize, HostError> {
        self.show("store_get_nth_key", path.as_bytes());
        self.host.borrow().store_get_nth_key(path, index, buffer)
    }

    fn store_get_hash(&self, path: Path<'_>) -> Result<[u8; 32], HostError> {
        self.show("store_get_hash", path.as_bytes());
        self.host.borrow().store_get_hash(path)
    }
}

impl<F: Fn(&mut MockHost, Call)> Outbox for Watched<'_, F> {
    fn write_output(&mut self, message: &[u8]) -> Result<(), HostError> {
        self.show("write_output", b"");
        self.host.get_mut().write_output(message)
    }
}

impl<F: Fn(&mut MockHost, Call)> Reveal for Watched<'_, F> {
    fn reveal_preimage(
        &self,
        hash: &[u8; 33],
        buffer: &mut [u8; MAX_MESSAGE],
    ) -> Result<usize, HostError> {
        self.show("reveal_preimage", hash);
        self.host.borrow().reveal_preimage(hash, buffer)
    }

    fn reveal(&self, request: &[u8], buffer: &mut [u8]) -> Result<usize, HostError> {
        self.show("reveal", request);
        self.host.borrow().reveal(request, buffer)
    }

    fn reveal_metadata(&self) -> Result<Metadata, HostError> {
        self.show("reveal_metadata", b"");
        self.host.borrow().reveal_metadata()
    }
}

impl<F> Debug for Watched<'_, F> {
    fn write_debug(&self, line: &str) {
        self.host.borrow().write_debug(line);
    }
}

/// All host calls of the levels, with the level's index.
fn trace(mut host: MockHost, levels: &[Level]) -> Vec<(usize, Call)> {
    let calls = RefCell::new(Vec::new());
    for (index, level) in levels.iter().enumerate() {
        let made = calls.borrow().len();
        let start = host.total_calls();
        host.run_level(level, |host| {
            let seen = |_: &mut MockHost, call| calls.borrow_mut().push((index, call));
            evm_kernel::run(&mut Watched::new(host, seen));
        });
        let shown = calls.borrow().len() - made;
        assert_eq!(shown as u64, host.total_calls() - start);
    }
    calls.into_inner()
}

/// A loss that a trap after a host call may cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Loss {
    Nothing,
    /// The message with this index at the level with this index.
    Message(usize, usize),
    /// The facts of the level with this index.
    Info(usize),
    /// Nobody can know whether the outbox message with this number left; it did
    /// if the flag says so.
    Doubt(usize, bool),
}

/// True if a path is that of a page of either lane.
fn is_queued(path: &[u8]) -> bool {
    path.starts_with(b"/evm/queue/") || path.starts_with(b"/evm/calls/")
}

/// The possible loss of each call's trap: a message, if it strikes between its
/// `read_input` and the last write that queues it; the knowledge whether a
/// message left, if it strikes between the two marks; and nothing else ever.
fn losses(trace: &[(usize, Call)], levels: &[Level]) -> Vec<Loss> {
    let mut read = vec![0; levels.len()];
    let mut sent = 0;
    let next = trace.iter().skip(1).map(Some).chain([None]);
    trace
        .iter()
        .zip(next)
        .map(|((level, call), next)| {
            let message = |read: usize| match read {
                2 => Loss::Info(*level),
                3.. if read - 3 < levels[*level].messages.len() => Loss::Message(*level, read - 3),
                _ => Loss::Nothing,
            };
            if call.name == "write_output" {
                sent += 1;
                return Loss::Doubt(sent - 1, true);
            }
            if next.is_some_and(|(_, next)| next.name == "write_output") {
                return Loss::Doubt(sent, false);
            }
            if call.name == "read_input" {
                read[*level] += 1;
                return message(read[*level]);
            }
            let queues = |call: &Call| call.name == "store_write" && is_queued(&call.path);
            // The first of two writes for one message.
            if queues(call) && next.is_some_and(|(_, next)| next == call) {
                return message(read[*level]);
            }
            Loss::Nothing
        })
        .collect()
}

/// The levels as they are without what was lost.
fn without(levels: &[Level], loss: Loss) -> Vec<Level> {
    let mut levels = levels.to_vec();
    match loss {
        Loss::Nothing | Loss::Doubt(..) => {}
        // One that is nobody's, so that those behind it keep their indices.
        Loss::Message(level, message) => levels[level].messages[message] = vec![1, 0xff],
        // The last facts known hold on.
        Loss::Info(level) => {
            let known = level.checked_sub(1).map(|before| levels[before].clone());
            let known = known.unwrap_or_default();
            levels[level].timestamp = known.timestamp;
            levels[level].predecessor = known.predecessor;
        }
    }
    levels
}

#[test]
fn a_trap_after_any_host_call_changes_nothing() {
    let levels = levels();
    let host = rollup(&config());
    let whole = outcome(host.clone(), &levels);
    let runs: Vec<_> = whole.ended.iter().map(|ended| ended.runs).collect();
    let blocks = head(&whole.host).number;
    let succeeded = |included: &Included| included.receipt.success;
    let all = included(&whole.host);
    // The levels are as busy as they should be: reboots, several blocks, a large
    // transaction of each kind, logs, failures.
    assert!(runs.iter().any(|runs| *runs > 1), "{runs:?}");
    assert!(blocks > 6, "{blocks} blocks");
    assert_eq!(all.len(), 11, "{all:?}");
    assert_eq!(all.iter().filter(|included| succeeded(included)).count(), 7);
    assert_eq!(
        all.iter()
            .filter(|included| !included.receipt.logs.is_empty())
            .count(),
        2
    );
    headers(&whole.host);

    sweep(&host, &levels);
}

/// Two levels that make keys known, one of two batches: the first takes several blocks
/// and runs, and makes another key known; a quiet one.
fn batch_levels() -> Vec<Level> {
    let known = |index| SenderKey::Known(index, sender(index as u8));
    let first: Vec<_> = (0..3)
        .map(|from| simple(&signed(from, transfer(0, NOBODY))))
        .collect();
    let given = ethereum::signers([&signed(4, transfer(0, NOBODY))])
        .remove(0)
        .unwrap();
    let given = SenderKey::Given(given.key);
    let batch = |transactions: &[(SignedTransaction, SenderKey)]| {
        let mut writer = Writer::new(&ROLLUP, 1337, false);
        for (signed, key) in transactions {
            writer.push(signed, key).unwrap();
        }
        writer.message()[1..].to_vec()
    };
    let second = vec![
        batch(&[
            (signed(0, burn(1, 1_900_000)), known(0)),
            (signed(1, transfer(1, NOBODY)), known(1)),
            (signed(0, burn(2, 1_900_000)), known(0)),
            (signed(4, transfer(0, NOBODY)), given),
            // A nonce that is too high.
            (signed(2, transfer(7, NOBODY)), known(2)),
            (signed(0, burn(3, 1_900_000)), known(0)),
            (signed(1, burn(2, 1_900_000)), known(1)),
        ]),
        simple(&signed(2, transfer(1, NOBODY))),
        batch(&[
            (signed(2, transfer(2, NOBODY)), known(2)),
            (signed(1, transfer(3, NOBODY)), known(1)),
        ]),
    ];
    vec![
        level(1_000, &[]),
        level(1_005, &first),
        level(1_010, &second),
        level(1_015, &[]),
    ]
}

#[test]
fn a_trap_after_any_host_call_of_batches_changes_nothing() {
    let levels = batch_levels();
    let host = rollup(&config());
    let whole = outcome(host.clone(), &levels);
    let runs: Vec<_> = whole.ended.iter().map(|ended| ended.runs).collect();
    assert!(runs.iter().any(|runs| *runs > 1), "{runs:?}");
    let path = &b"/evm/state/p"[..];
    assert!(
        whole.values.contains_key(path),
        "a block ends within a batch"
    );
    assert_eq!(included(&whole.host).len(), 3 + 6 + 3);
    assert_eq!(storage::known_keys::count(&whole.host).unwrap(), 4);
    sweep(&host, &levels);
}

/// A busy bridge: deposits of both kinds, some of which are kept, withdrawals,
/// a forced transaction.
fn bridge_levels() -> Vec<Level> {
    let traveller = sender(1).create(0);
    let token = sender(1).create(1);
    let target = "tz1Ke2h7sDdakHJQh8WX4Z372du1KChsksyU";
    let wei = |mutez: u64| U256::from(mutez) * U256::from(1_000_000_000_000_u64);
    let native = |receiver: &[u8], mutez| layer1::native_deposit(ROLLUP, receiver, mutez);
    let other = |routing: &[u8], amount: u64| {
        let ticketer = Contract::Originated([0x55; 20]);
        let amount = amount.to_be_bytes();
        let payload = layer1::deposit(routing, ticketer, &layer1::CONTENT, &amount);
        layer1::transfer(ROLLUP, [0x70; 20], &payload)
    };
    let forced = |bytes: &[u8]| layer1::delayed(ROLLUP, layer1::DELAYED_BRIDGE, bytes);
    let withdraw = |nonce, mutez| Eip1559 {
        value: wei(mutez),
        ..call(
            nonce,
            native_bridge::ADDRESS,
            native_bridge::withdraw(target),
        )
    };
    let ticket = Contract::Originated([0x55; 20]).encode();
    let hash = keccak256([&ticket[..], &layer1::CONTENT].concat());
    let proxied = [sender(2).as_slice(), token.as_slice()].concat();
    let external = |signed: &SignedTransaction| [&[1][..], &simple(signed)].concat();
    let mut levels = vec![level(1_000, &[]), level(1_005, &[]), level(1_010, &[])];
    levels[0].messages = vec![
        external(&signed(1, creation(0, traveller::deploy()))),
        native(NOBODY.as_slice(), 5),
        external(&signed(1, creation(1, token::deploy(hash)))),
        forced(&[0, 2]),
        external(&signed(
            0,
            call(0, traveller, traveller::set(Mood::Refuses, target)),
        )),
    ];
    let raw = signed(3, transfer(0, NOBODY)).encode();
    let (head, tail) = raw.split_at(60);
    levels[1].messages = vec![
        external(&signed(2, withdraw(0, 7))),
        native(traveller.as_slice(), 9),
        other(NOBODY.as_slice(), 30),
        forced(&[&[1], head].concat()),
        other(&proxied, 40),
        external(&signed(2, withdraw(1, 8))),
        // Longer than one write.
        native(&[7; 2_500], 1),
    ];
    levels[2].messages = vec![
        forced(&[&[1], tail].concat()),
        external(&signed(2, call(2, fa::ADDRESS, fa::claim(0)))),
        external(&signed(2, withdraw(3, 9))),
        native(NOBODY.as_slice(), 6),
    ];
    levels.push(level(1_015, &[]));
    levels
}

#[test]
fn a_trap_after_any_host_call_leaves_the_bridge_as_it_is() {
    let config = Config {
        ticketer: Some(layer1::TICKETER),
        delayed_bridge: Some(layer1::DELAYED_BRIDGE),
        ..config()
    };
    let (host, levels) = (rollup(&config), bridge_levels());
    let whole = outcome(host.clone(), &levels);
    let sent: Vec<usize> = whole.ended.iter().map(|ended| ended.outbox.len()).collect();
    assert_eq!(sent, [0, 2, 1, 0]);
    let all = included(&whole.host);
    assert!(all.iter().all(|included| included.receipt.success));
    // Three transactions of the first level, six deposits, three withdrawals, a
    // claim, and what was forced in.
    assert_eq!(all.len(), 14, "{all:?}");
    sweep(&host, &levels);
}

/// A trap after each host call of the levels, one at a time.
fn sweep(host: &MockHost, levels: &[Level]) {
    let whole = outcome(host.clone(), levels);
    let sent: Vec<_> = whole.ended.iter().flat_map(|ended| &ended.outbox).collect();
    let trace = trace(host.clone(), levels);
    let losses = losses(&trace, levels);
    let compiled = compiled(host);
    let untouched = run_compiled(compiled.clone(), levels, None);
    assert_eq!(untouched.values, whole.values);
    assert!(untouched.outbox.iter().eq(sent.iter().copied()));
    let mut expected = BTreeMap::new();
    let mut failures = Vec::new();
    for (call, loss) in (1..).zip(&losses) {
        let trapped = run_compiled(compiled.clone(), levels, Some(call));
        let (level, made) = &trace[call as usize - 1];
        let at = format!(
            "call {call} of {}, at level {level}: {} {}, {loss:?}",
            trace.len(),
            made.name,
            String::from_utf8_lossy(&made.path)
        );
        assert_eq!(trapped.traps, 1, "{at}");
        let (values, outbox) = expected
            .entry(*loss)
            .or_insert_with(|| expectation(host, levels, *loss));
        if trapped.outbox != *outbox {
            failures.push(format!("{at}: {} left", trapped.outbox.len()));
        }
        if trapped.values != *values {
            let paths = values.keys().chain(trapped.values.keys());
            let differ: Vec<_> = paths
                .filter(|path| values.get(*path) != trapped.values.get(*path))
                .map(|path| String::from_utf8_lossy(path).into_owned())
                .take(4)
                .collect();
            failures.push(format!("{at}: {differ:?}"));
        }
    }
    assert!(
        failures.is_empty(),
        "{} failures\n{}",
        failures.len(),
        failures.join("\n")
    );
}

/// The state after a trap with this loss, and the messages that leave.
fn expectation(host: &MockHost, levels: &[Level], loss: Loss) -> (Values, Vec<Vec<u8>>) {
    let Outcome {
        mut values, ended, ..
    } = outcome(host.clone(), &without(levels, loss));
    let mut outbox: Vec<_> = ended.into_iter().flat_map(|ended| ended.outbox).collect();
    if let Loss::Doubt(number, left) = loss {
        let path = format!("/evm/state/x/d/{number}");
        values.insert(path.into_bytes(), outbox[number].clone());
        if !left {
            outbox.remove(number);
        }
    }
    (values, outbox)
}

/// The compiled kernel on what `host` holds.
fn compiled(host: &MockHost) -> Durable {
    let mut storage = Durable::new();
    for (path, value) in durable(host) {
        storage
            .write(String::from_utf8(path).unwrap(), value)
            .unwrap();
    }
    storage
        .write("/kernel/boot.wasm", e2e_tests::kernel())
        .unwrap();
    storage
}

/// The compiled kernel's result.
struct Compiled {
    values: Values,
    /// The number of runs that trapped.
    traps: usize,
    outbox: Vec<Vec<u8>>,
}

/// Runs the levels on the compiled kernel, with a trap behind a host call.
fn run_compiled(storage: Durable, levels: &[Level], trap: Option<u64>) -> Compiled {
    let options = pvm::Options {
        rollup: ROLLUP,
        origination_level: FIRST_LEVEL - 1,
        first_level: FIRST_LEVEL,
        ..pvm::Options::default()
    };
    let mut machine = Machine::from_durable(storage, options).unwrap();
    if let Some(calls) = trap {
        machine.trap_after(calls);
    }
    let mut traps = 0;
    let mut outbox = Vec::new();
    for level in levels {
        let report = machine
            .run_level(&pvm::Inbox {
                timestamp: level.timestamp,
                predecessor: level.predecessor,
                messages: level.messages.clone(),
            })
            .unwrap();
        assert_eq!(report.status, pvm::Status::Yielded);
        outbox.extend(report.outbox);
        traps += report.runs.iter().filter(|run| run.trapped()).count();
    }
    let kept = machine.durable().values("/evm").unwrap().into_iter();
    let kept = kept.map(|(path, value)| (path.into_bytes(), value.to_vec()));
    Compiled {
        values: facts_alone(kept.collect()),
        traps,
        outbox,
    }
}

/// Runs the levels with a trap after the `first` host call, and one after the
/// `second` host call of the run that follows. Gives the two calls, too.
fn with_two_traps(mut host: MockHost, levels: &[Level], traps: [u64; 2]) -> (Outcome, Vec<Call>) {
    let [first, second] = traps;
    host.trap_after(first);
    let last = RefCell::new(None);
    let mut struck = Vec::new();
    let mut ended = Vec::new();
    for level in levels {
        ended.push(host.run_level(level, |host| {
            let stuck = host::reserved::STUCK.as_bytes();
            if host.durable().get(stuck).is_some() {
                struck.extend(last.take());
                if struck.len() == 1 {
                    host.trap_after(second);
                }
            }
            let seen = |_: &mut MockHost, call| *last.borrow_mut() = Some(call);
            evm_kernel::run(&mut Watched::new(host, seen));
        }));
    }
    host.call_off_trap();
    let values = facts_alone(durable(&host));
    let outcome = Outcome {
        values,
        ended,
        host,
    };
    (outcome, struck)
}

#[test]
fn two_traps_lose_no_transaction_that_was_queued() {
    // The last level tells of a trap in the one before.
    let mut levels = levels();
    levels.push(level(1_020, &[]));
    levels.push(level(1_025, &[]));
    let host = rollup(&config());
    let whole = outcome(host.clone(), &levels);
    let hashes = |host: &MockHost| crate::native::hashes(host);
    let calls = trace(host.clone(), &levels).len() as u64;
    let failed = |host: &MockHost| {
        let all = included(host);
        all.iter()
            .filter(|included| !included.receipt.success)
            .count()
    };
    let mut strict = 0;
    for first in (1..calls - 20).step_by(11) {
        for second in (1..80).step_by(13) {
            let (trapped, struck) = with_two_traps(host.clone(), &levels, [first, second]);
            let at = format!("traps after {first} and {second}: {struck:?}");
            assert!(trapped.ended.iter().all(|ended| ended.unread == 0), "{at}");
            headers(&trapped.host);
            let left = |root: &[u8]| trapped.values.keys().any(|path| path.starts_with(root));
            for root in [
                &b"/evm/queue"[..],
                b"/evm/calls",
                b"/evm/staging",
                b"/evm/careful",
            ] {
                assert!(!left(root), "{} after {at}", String::from_utf8_lossy(root));
            }
            assert_eq!(head(&trapped.host).backlog, 0, "{at}");
            // Where a message may be lost, what follows from it is open.
            let lossy = |call: &Call| call.name == "read_input" || is_queued(&call.path);
            if struck.iter().any(lossy) {
                continue;
            }
            strict += 1;
            assert_eq!(hashes(&trapped.host), hashes(&whole.host), "{at}");
            // Who was marked when the second trap struck is charged for it.
            let more = failed(&trapped.host) - failed(&whole.host);
            assert!(more <= 1, "{more} more failures after {at}");
        }
    }
    assert!(strict > 50, "{strict} pairs compared");
}
