//! Both lanes of the queue through whole runs of a small kernel that notes what it
//! takes: each input once, in its lane's order, whatever traps; shares; pages of a
//! kernel that had one lane.

use host::mock::{Level as Inbox, MockHost};
use host::{HostError, Metadata, Path, Store};
use messages::external;
use messages::inbox::{Message, Transfer};
use proptest::collection::vec;
use proptest::prelude::*;
use rollup::inbox::Limits;
use rollup::opening::{LastCommit, Opening, Reading};
use rollup::queue::Page;
use rollup::run::Progress;
use rollup::{Budget, Calls, Cursor, Lane, Layout, OwnAddress, Position, Shares, inputs, state};

const ROLLUP: [u8; 20] = [7; 20];

const LAYOUT: Layout = Layout {
    name: "lanes",
    state: Path::literal("/k/state"),
    staging: Path::literal("/k/staging"),
    queue: Path::literal("/k/queue"),
    calls: Path::literal("/k/calls"),
    level: Path::literal("/k/level"),
    quarantine: Path::literal("/k/careful"),
    dead_letters: Path::literal("/k/aside"),
};

const STAGED: Path<'static> = Path::literal("/k/staging/s");

/// The work of an input, in units of the budget, and the budget of a level.
const INPUT: u64 = 10;
const LEVEL: u64 = 60;

/// The first level of the tests.
const FIRST: u32 = 5;

/// The committed state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct State {
    cursor: Cursor,
    oldest_page: u32,
    backlog: u64,
    level: u32,
    work: u64,
    calls: Calls,
    /// Each input that was taken: its level's lowest byte, its lane, its first byte.
    taken: Vec<[u8; 3]>,
}

impl State {
    fn load(host: &MockHost) -> Self {
        let Some(bytes) = host.durable().get(b"/k/state/s").map(<[u8]>::to_vec) else {
            return Self {
                cursor: at(FIRST),
                oldest_page: FIRST,
                level: FIRST - 1,
                calls: Calls::first(FIRST),
                ..Self::default()
            };
        };
        let word = |from: usize| u64::from_be_bytes(bytes[from..from + 8].try_into().unwrap());
        let calls: &[u8; Calls::LEN] = bytes[40..40 + Calls::LEN].try_into().unwrap();
        Self {
            cursor: Cursor::decode(&bytes[..8].try_into().unwrap()),
            oldest_page: word(8) as u32,
            backlog: word(16),
            level: word(24) as u32,
            work: word(32),
            calls: Calls::decode(calls).unwrap(),
            taken: bytes[40 + Calls::LEN..].as_chunks().0.to_vec(),
        }
    }

    fn encode(&self) -> Vec<u8> {
        let mut bytes = self.cursor.encode().to_vec();
        for word in [
            u64::from(self.oldest_page),
            self.backlog,
            u64::from(self.level),
            self.work,
        ] {
            bytes.extend(word.to_be_bytes());
        }
        bytes.extend(self.calls.encode());
        bytes.extend(self.taken.as_flattened());
        bytes
    }
}

const fn at(level: u32) -> Cursor {
    Cursor { level, offset: 0 }
}

/// A run that commits after `block` inputs and ends.
fn run(host: &mut MockHost, block: usize) {
    rollup::run::run(host, &LAYOUT, |host| work(host, block));
}

fn work(host: &mut MockHost, block: usize) -> Result<Progress, HostError> {
    let opening = Opening::new(host, &LAYOUT)?;
    let mut state = State::load(host);
    let limits = Limits {
        rollup: &OwnAddress::known(ROLLUP),
        whole: (state.level >= FIRST).then_some(state.level),
        backlog: state.backlog,
        most: 1 << 20,
        trapped: opening.trapped(),
        unframed: None,
        name: Some(|bytes| bytes),
    };
    let Reading::Complete(read) = opening.read(host, &limits, Budget::new(u64::MAX))? else {
        return Ok(Progress::Done);
    };
    let mut opened = read.open(
        host,
        &LastCommit {
            cursor: state.cursor,
            oldest_page: state.oldest_page,
            backlog: state.backlog,
            calls: state.calls,
        },
    )?;
    let resumed = state.level == opened.level.number;
    let mut shares = Shares::new(LEVEL, &state.calls, resumed);
    let mut done = if resumed { state.work } else { 0 };
    let mut taken = 0;
    while taken < block && done + INPUT <= LEVEL {
        let calls_first = !shares.external_first() && shares.allow(INPUT);
        let lanes = if calls_first {
            [Lane::Calls, Lane::External]
        } else {
            [Lane::External, Lane::Calls]
        };
        let mut found = None;
        for lane in lanes {
            let waiting = match lane {
                Lane::Calls => &mut opened.calls,
                Lane::External => &mut opened.external,
            };
            while found.is_none()
                && let Some(entry) = waiting.inputs.take(host)?
            {
                waiting.bytes = waiting.bytes.saturating_sub(entry.size);
                if entry.ours {
                    let name = *entry.bytes.get(10).unwrap_or(&0);
                    let name = if lane == Lane::Calls {
                        name
                    } else {
                        entry.bytes[0]
                    };
                    let position = Position {
                        lane,
                        cursor: entry.cursor,
                    };
                    found = Some((position, name));
                }
            }
            if found.is_some() {
                break;
            }
        }
        let Some((position, name)) = found else {
            break;
        };
        if let Some(quarantine) = &opened.quarantine {
            quarantine.mark(host, position)?;
            assert!(quarantine.traps(position) < 2);
        }
        match position.lane {
            Lane::Calls => shares.call(INPUT),
            Lane::External => shares.external(),
        }
        let lane = u8::from(position.lane == Lane::Calls);
        state.taken.push([position.cursor.level as u8, lane, name]);
        done += INPUT;
        taken += 1;
    }
    let all = opened.external.is_empty() && opened.calls.is_empty();
    if let Some(quarantine) = &opened.quarantine {
        quarantine.mark_block(host)?;
    }
    let cursor = opened.external.inputs.cursor();
    let last = state.calls;
    let calls = shares.commit(
        &last,
        opened.calls.inputs.cursor(),
        opened.calls.left(),
        !opened.external.is_empty(),
    );
    state = State {
        cursor,
        oldest_page: state.calls.needed(state.cursor).queue,
        backlog: opened.external.left(),
        level: opened.level.number,
        work: done,
        calls,
        taken: state.taken,
    };
    state::open(host, &LAYOUT)?;
    host.write_alone(STAGED, &state.encode())?;
    state::publish(host, &LAYOUT)?;
    opened
        .external
        .inputs
        .committed(host, calls.needed(cursor))?;
    opened.calls.inputs.committed(host, calls.needed(cursor))?;
    let oldest = state.oldest_page;
    inputs::sweep_shared(host, &LAYOUT, (&last, oldest), &calls, cursor)?;
    if let Some(quarantine) = opened.quarantine {
        quarantine.end(host)?;
    }
    let full = done + INPUT > LEVEL;
    Ok(if all || full {
        Progress::Done
    } else {
        Progress::More
    })
}

/// A message by its lane and its first byte; `long` ones take several writes.
#[derive(Clone, Copy, Debug)]
struct Sent {
    call: bool,
    name: u8,
    long: bool,
}

impl Sent {
    /// A call's are Micheline: bytes, behind their tag and their length.
    fn contents(self) -> Vec<u8> {
        let bytes = vec![self.name; if self.long { 3_000 } else { 9 }];
        if self.call {
            let len = bytes.len() as u32;
            return [&[1][..], &len.to_be_bytes(), &bytes].concat();
        }
        bytes
    }

    fn message(self) -> Vec<u8> {
        let contents = self.contents();
        if self.call {
            return Message::Transfer(Transfer {
                payload: &contents,
                sender: &[0x70; 20],
                source: &[0; 21],
                destination: &ROLLUP,
            })
            .encode();
        }
        [&[1], &external::frame(&ROLLUP, &contents)[..]].concat()
    }

    /// As a kernel with one lane queued it.
    fn entry(self) -> Vec<u8> {
        if self.call {
            let head = [0x80, 0, 0, 0, 0];
            return [&head[..], &self.contents(), &[0x70; 20]].concat();
        }
        self.contents()
    }
}

fn sent() -> impl Strategy<Value = Sent> {
    (any::<bool>(), 1..0x80_u8, prop::bool::weighted(0.2)).prop_map(|(call, name, long)| Sent {
        call,
        name,
        long,
    })
}

fn start() -> MockHost {
    let mut host = MockHost::default().with_metadata(Metadata {
        address: ROLLUP,
        origination_level: FIRST - 1,
    });
    host.set_next_level(FIRST);
    host
}

/// Runs the levels and as many empty ones as it takes; gives what was taken.
fn levels(host: &mut MockHost, levels: &[Vec<Sent>], block: usize) -> Vec<[u8; 3]> {
    for sent in levels {
        let mut inbox = Inbox::default();
        for sent in sent {
            inbox.raw(&sent.message());
        }
        host.run_level(&inbox, |host| run(host, block));
    }
    for _ in 0..20 {
        host.run_level(&Inbox::default(), |host| run(host, block));
    }
    State::load(host).taken
}

/// The inputs that a lane should have taken.
fn expected(levels: &[Vec<Sent>], call: bool) -> Vec<[u8; 3]> {
    let levels = (FIRST..).zip(levels);
    levels
        .flat_map(|(level, sent)| {
            let lane = sent.iter().filter(move |sent| sent.call == call);
            lane.map(move |sent| [level as u8, u8::from(call), sent.name])
        })
        .collect()
}

fn lane(taken: &[[u8; 3]], call: bool) -> Vec<[u8; 3]> {
    let lane = u8::from(call);
    taken.iter().filter(|one| one[1] == lane).copied().collect()
}

fn assert_clean(host: &MockHost) {
    for root in [&b"/k/queue"[..], b"/k/calls", b"/k/careful", b"/k/staging"] {
        let left = host.values().into_keys().any(|path| path.starts_with(root));
        assert!(!left, "{} is left", String::from_utf8_lossy(root));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn each_lane_is_taken_in_its_order(
        all in vec(vec(sent(), 0..12), 1..5),
        block in 1..8_usize,
    ) {
        let mut host = start();
        let taken = levels(&mut host, &all, block);
        for call in [true, false] {
            prop_assert_eq!(lane(&taken, call), expected(&all, call));
        }
        assert_clean(&host);
    }

    /// One message at most is lost, that between its reading and its last write; no
    /// other is, and none comes twice.
    #[test]
    fn a_trap_after_any_host_call_loses_one_message_at_most(
        all in vec(vec(sent(), 0..6), 1..4),
        block in 1..8_usize,
    ) {
        let mut whole = start();
        let before = whole.total_calls();
        let taken = levels(&mut whole, &all, block);
        let calls = whole.total_calls() - before;
        for call in 1..calls {
            let mut host = start();
            host.trap_after(call);
            let trapped = levels(&mut host, &all, block);
            host.call_off_trap();
            assert_clean(&host);
            let mut lost = 0;
            for call in [true, false] {
                let (trapped, mut whole) = (lane(&trapped, call), lane(&taken, call));
                // A long one that was cut short is filled up and taken.
                if trapped.len() < whole.len() {
                    lost += whole.len() - trapped.len();
                    let at = trapped.iter().zip(&whole).take_while(|(a, b)| a == b).count();
                    whole.remove(at);
                }
                prop_assert_eq!(trapped, whole);
            }
            prop_assert!(lost <= 1, "{} lost at call {}", lost, call);
        }
    }

    /// Pages of a kernel that had one lane, and what came since: in each lane the old
    /// ones are first.
    #[test]
    fn pages_of_both_lanes_are_drained_in_order(
        old in vec(vec(sent(), 0..8), 1..4),
        new in vec(vec(sent(), 0..8), 0..3),
        block in 1..8_usize,
        trap in prop::option::of(10..400_u64),
    ) {
        let mut host = start();
        let mut level = FIRST;
        for sent in &old {
            let mut page = Page::open(&host, LAYOUT.queue, level).unwrap();
            for sent in sent {
                let mut framed = [&[0; 4], &sent.entry()[..]].concat();
                page.append(&mut host, &mut framed).unwrap();
            }
            level += 1;
        }
        let state = State {
            cursor: at(FIRST),
            oldest_page: FIRST,
            backlog: 1,
            level: level - 1,
            calls: Calls::of_one_lane(at(FIRST), level - 1),
            ..State::default()
        };
        host.set(b"/k/state/s", &state.encode());
        host.set_next_level(level);
        if let Some(calls) = trap {
            host.trap_after(calls);
        }
        let taken = levels(&mut host, &new, block);
        host.call_off_trap();
        let all: Vec<_> = old.into_iter().chain(new).collect();
        for call in [true, false] {
            let (taken, expected) = (lane(&taken, call), expected(&all, call));
            if trap.is_none() {
                prop_assert_eq!(taken, expected);
            } else {
                prop_assert!(taken.len() + 1 >= expected.len());
                let mut rest = expected.iter();
                prop_assert!(taken.iter().all(|one| rest.any(|other| one == other)));
            }
        }
        assert_clean(&host);
    }
}

#[test]
fn calls_take_half_of_a_level_while_external_inputs_wait() {
    let sent = |call| Sent {
        call,
        name: 1,
        long: false,
    };
    let mut host = start();
    let all = [vec![sent(false); 10], vec![sent(true); 10]].concat();
    let taken = levels(&mut host, &[all], 100);
    // Six inputs a level: three of each, and calls first; the rest when they are done.
    let lanes: Vec<u8> = taken.iter().map(|one| one[1]).collect();
    let level = [1, 1, 1, 0, 0, 0];
    assert_eq!(
        lanes,
        [level, level, level]
            .concat()
            .into_iter()
            .chain([1, 0])
            .collect::<Vec<_>>()
    );
}
