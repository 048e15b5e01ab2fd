//! Whole levels step by step: messages that are loaded, several runs, traps, upgrades that fail, a machine
//! that gets stuck. Each step has a proof, no changed one passes, and what comes out is what
//! a level gives.

use blake2::{Blake2b, Digest, digest::consts::U32};
use pvm::steps::{Change, Claim, Evidence, Facts, Hash, Judge, Phase, Player, inbox_root};
use pvm::{DebugSink, Machine, Options, Status, Version, engine};

const REBOOT: &str = r#"(data (i32.const 0) "/kernel/env/reboot")"#;

fn kernel(memory: &str, body: &str) -> Vec<u8> {
    let text = format!(
        r#"(module
  (import "smart_rollup_core" "read_input" (func $input (param i32 i32 i32) (result i32)))
  (import "smart_rollup_core" "write_output" (func $output (param i32 i32) (result i32)))
  (import "smart_rollup_core" "store_has" (func $has (param i32 i32) (result i32)))
  (import "smart_rollup_core" "store_copy" (func $copy (param i32 i32 i32 i32) (result i32)))
  (import "smart_rollup_core" "store_write" (func $write (param i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (table 3 funcref)
  {memory}
  (func (export "kernel_run") (local $n i32)
    {body}))"#
    );
    wat::parse_str(text).unwrap()
}

/// Reads a message a run, writes it to the outbox, and asks for another run as long as there are more.
fn reader() -> Vec<u8> {
    kernel(
        REBOOT,
        r"(local.set $n (call $input (i32.const 100) (i32.const 120) (i32.const 500)))
        (if (local.get $n) (then
          (drop (call $output (i32.const 120) (local.get $n)))
          (drop (call $write (i32.const 0) (i32.const 18) (i32.const 0) (i32.const 0) (i32.const 1)))))",
    )
}

fn machine(kernel: &[u8]) -> Machine {
    let options = Options {
        engine: engine::step(),
        debug: DebugSink::Off,
        first_level: 1,
        ..Options::default()
    };
    Machine::new(kernel, options).unwrap()
}

fn messages() -> Vec<Vec<u8>> {
    vec![vec![0, 1], vec![1; 300], vec![1, 2, 3], vec![0, 2]]
}

struct Proved {
    phase: Phase,
    evidence: Evidence,
    before: Hash,
}

/// Proves each step of the next level, up to so many of each run, and compares its end with the level.
fn prove(machine: &mut Machine, messages: &[Vec<u8>], most: u64) -> (Vec<Proved>, Status) {
    let judge = Judge {
        facts: machine.facts(),
    };
    let inbox = inbox_root(messages);
    let before = machine.claim();
    let mut steps = machine.steps(messages.to_vec()).unwrap();
    assert_eq!(judge.facts.first_state(&before, inbox), steps.root());
    let mut all = Vec::new();
    while !steps.phase().is_over() {
        let (phase, before) = (steps.phase(), steps.root());
        let evidence = steps.prove().unwrap();
        let after = steps.root();
        assert_eq!(judge.follow(&evidence, &before), Ok(after), "{phase:?}");
        assert!(evidence.proof.len() <= 24_000);
        all.push(Proved {
            phase,
            evidence,
            before,
        });
        if all.len() as u64 > most {
            steps.advance_to_call(10_000);
        }
    }
    // Behind the end nothing changes, and that is proved, too.
    let end = steps.root();
    let idle = steps.prove().unwrap();
    assert_eq!((steps.root(), judge.follow(&idle, &end)), (end, Ok(end)));
    let claim = steps.claim().unwrap();
    assert_eq!(judge.facts.last_state(&claim, inbox), end);
    let report = machine.run_messages(messages.to_vec()).unwrap();
    assert_eq!(claim.durable, report.durable_root());
    assert!(claim.has_outbox(&report.outbox));
    assert_eq!(claim.stuck, matches!(report.status, Status::Stuck { .. }));
    let ran = report.runs.len() as u32;
    assert!(
        steps.runs() == ran || report.status != Status::Yielded,
        "{ran}"
    );
    (all, report.status)
}

fn count(all: &[Proved], phase: Phase) -> usize {
    all.iter().filter(|proved| proved.phase == phase).count()
}

#[test]
fn a_level_of_several_runs_is_proved_from_its_first_step_to_its_last() {
    let (all, status) = prove(&mut machine(&reader()), &messages(), u64::MAX);
    assert_eq!(status, Status::Yielded);
    // Four messages and that there are no more; a run for each, and one that finds none.
    assert_eq!(count(&all, Phase::Loading), 5);
    assert_eq!(count(&all, Phase::Beginning), 5);
    assert_eq!(count(&all, Phase::Between), 5);
    // The kernel is decoded for the first run alone.
    let follows =
        |pair: &&[Proved]| (pair[0].phase, pair[1].phase) == (Phase::Beginning, Phase::Decoding);
    assert_eq!(all.windows(2).filter(follows).count(), 1);
    assert!(count(&all, Phase::Decoding) > 50);
    // Twice, so that the second level begins where the first ended.
    let mut machine = machine(&reader());
    prove(&mut machine, &messages(), u64::MAX);
    prove(&mut machine, &messages()[..2], u64::MAX);
    prove(&mut machine, &[], u64::MAX);
}

#[test]
fn a_level_ends_after_too_many_reboots() {
    let endless = kernel(
        REBOOT,
        "(drop (call $write (i32.const 0) (i32.const 18) (i32.const 0) (i32.const 0) (i32.const 1)))",
    );
    let (all, status) = prove(&mut machine(&endless), &messages(), 100);
    assert_eq!(status, Status::TooManyReboots);
    assert_eq!(count(&all, Phase::Beginning), 1_001);
}

#[test]
fn traps_are_survived_or_not() {
    for (body, stuck) in [
        ("unreachable", false),
        ("(drop (i32.load (i32.const 65536)))", false),
        ("(drop (i32.div_u (i32.const 1) (i32.const 0)))", false),
        ("(drop (table.get (i32.const 3)))", false),
        ("(call_indirect (i32.const 2))", true),
        ("(call_indirect (i32.const 3))", true),
    ] {
        let mut machine = machine(&kernel("", body));
        let (all, status) = prove(&mut machine, &messages(), u64::MAX);
        assert_eq!(matches!(status, Status::Stuck { .. }), stuck, "{body}");
        assert_eq!(count(&all, Phase::Between), usize::from(!stuck), "{body}");
        // What follows on a machine that is stuck is nothing.
        let (all, _) = prove(&mut machine, &messages(), u64::MAX);
        assert_eq!(all.is_empty(), stuck, "{body}");
    }
}

/// Writes what lies in its memory to the kernel's place, and asks for another run.
fn upgrade(to: &[u8]) -> Vec<u8> {
    let bytes: String = to.iter().map(|byte| format!("\\{byte:02x}")).collect();
    assert!(to.len() <= 2_048);
    let memory = format!(
        r#"{REBOOT} (data (i32.const 20) "/kernel/boot.wasm") (data (i32.const 100) "{bytes}")"#
    );
    let body = format!(
        r"(drop (call $write (i32.const 0) (i32.const 18) (i32.const 0) (i32.const 0) (i32.const 1)))
        (drop (call $copy (i32.const 0) (i32.const 18) (i32.const 20) (i32.const 17)))
        (drop (call $write (i32.const 20) (i32.const 17) (i32.const 0) (i32.const 100) (i32.const {})))",
        to.len()
    );
    kernel(&memory, &body)
}

#[test]
fn upgrades_work_or_fail() {
    let traps = kernel("(func $bad unreachable) (start $bad)", "");
    let no_entry = wat::parse_str(r#"(module (memory (export "memory") 1))"#).unwrap();
    let too_long = kernel(r#"(data (i32.const 65535) "ab")"#, "");
    for (to, expected) in [
        (reader(), "yielded"),
        (
            b"no module at all, and longer than a value that stands in its node: 64 bytes".to_vec(),
            "upgrade",
        ),
        (b"short".to_vec(), "upgrade"),
        (traps, "upgrade"),
        (too_long, "upgrade"),
        (no_entry, "stuck"),
    ] {
        let mut machine = machine(&upgrade(&to));
        let (all, status) = prove(&mut machine, &messages(), u64::MAX);
        assert!(
            status.to_string().starts_with(expected),
            "{status}, {expected}"
        );
        assert!(count(&all, Phase::Beginning) >= 2);
        prove(&mut machine, &messages(), u64::MAX);
    }
}

#[test]
fn migrations_change_the_version_and_a_bad_one_sticks() {
    let migration = |name: &str| {
        let mut message = vec![0, 4];
        message.extend((name.len() as u32).to_be_bytes());
        message.extend(name.as_bytes());
        message
    };
    let mut machine = machine(&reader());
    let mut messages = messages();
    messages.insert(1, migration("u025_025"));
    messages.insert(1, migration("no protocol"));
    prove(&mut machine, &messages, u64::MAX);
    assert_eq!(machine.version(), Version::V6);
    messages.push(vec![0, 4, 1]);
    let (all, status) = prove(&mut machine, &messages, u64::MAX);
    assert!(matches!(status, Status::Stuck { .. }));
    assert_eq!(count(&all, Phase::Beginning), 0);
    prove(&mut machine, &messages, u64::MAX);
}

#[test]
fn no_changed_byte_of_a_step_between_runs_passes() {
    let judge = Judge::default();
    let traps = kernel("(func $bad unreachable) (start $bad)", "");
    let mut all = prove(&mut machine(&reader()), &messages(), u64::MAX).0;
    all.extend(prove(&mut machine(&upgrade(&traps)), &messages(), u64::MAX).0);
    // Every other one is of decoding, which most are.
    let of = |decoding: bool| {
        let all = all.iter().filter(|proved| proved.phase != Phase::Running);
        let all = all.filter(|proved| decoding == (proved.phase == Phase::Decoding));
        all.collect::<Vec<&Proved>>()
    };
    let both = [of(true), of(false)];
    let count = std::env::var("MUTATIONS").map_or(3_000, |count| count.parse().unwrap());
    let mut state = 11_u64;
    for _ in 0..count {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let random = (state >> 16) as usize;
        let between = &both[(state >> 60) as usize % 2];
        let proved = between[random % between.len()];
        let mut evidence = proved.evidence.clone();
        let at = (random >> 8) % evidence.proof.len();
        evidence.proof[at] ^= 1 << (random % 8);
        let found = judge.follow(&evidence, &proved.before);
        assert!(found.is_err(), "byte {at} in {:?}", proved.phase);
        evidence.proof.truncate(at);
        assert!(judge.follow(&evidence, &proved.before).is_err());
        // The proof of one step is none of another.
        let other = between[(random >> 20) % between.len()];
        if other.before != proved.before {
            assert!(judge.follow(&other.evidence, &proved.before).is_err());
        }
    }
}

#[test]
fn a_claim_and_an_inbox_say_which_states_they_mean() {
    let facts = Facts::default();
    let claim = Claim {
        level: 3,
        durable: [1; 32],
        sent: 1,
        outbox: [2; 32],
        stuck: false,
    };
    let inbox = inbox_root(&messages());
    let others = [
        Claim { level: 4, ..claim },
        Claim {
            durable: [2; 32],
            ..claim
        },
        Claim { sent: 2, ..claim },
        Claim {
            outbox: [1; 32],
            ..claim
        },
        Claim {
            stuck: true,
            ..claim
        },
    ];
    for other in others {
        assert_ne!(
            facts.last_state(&claim, inbox),
            facts.last_state(&other, inbox)
        );
    }
    let other = inbox_root(&messages()[1..]);
    assert_ne!(
        facts.last_state(&claim, inbox),
        facts.last_state(&claim, other)
    );
    assert_ne!(
        facts.first_state(&claim, inbox),
        facts.first_state(&claim, other)
    );
}

/// A level of some 300,000 steps.
fn long() -> Machine {
    machine(&kernel(
        REBOOT,
        r"(local.set $n (call $input (i32.const 100) (i32.const 120) (i32.const 500)))
        (drop (call $output (i32.const 120) (local.get $n)))
        (local.set $n (i32.const 30000))
        (loop $l
          (i32.store (i32.const 1000) (i32.add (i32.load (i32.const 1000)) (local.get $n)))
          (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
        (drop (call $write (i32.const 0) (i32.const 4) (i32.const 0) (i32.const 1000) (i32.const 4)))",
    ))
}

#[test]
fn a_player_knows_each_state_of_its_level_in_any_order() {
    let machine = long();
    let mut player =
        Player::honest(machine.steps(messages()).unwrap(), u64::MAX, &mut |_| true).unwrap();
    let total = player.total();
    assert!(total > 200_000, "{total}");
    let mut alone = machine.steps(messages()).unwrap();
    let places = [0, 1, 7, 1_000, 99_999, total - 1, total, total + 5];
    let hashes: Vec<Hash> = places
        .iter()
        .map(|at| {
            alone.advance(at - alone.count().min(*at)).unwrap();
            alone.root()
        })
        .collect();
    assert_eq!(player.hashes(&places).unwrap(), hashes);
    for at in [5, 3, 0, 6, 1, 7, 4, 2] {
        assert_eq!(player.hash(places[at]).unwrap(), hashes[at]);
    }
    player.forget_outside(1_000, 99_999);
    assert_eq!(player.hash(7).unwrap(), hashes[2]);
    let names: Vec<&str> = player.calls().iter().map(|call| call.name).collect();
    assert_eq!(names, ["read_input", "write_output", "store_write"]);
    let claim = *player.claim();
    // A faulty one parts from it where it is told to, and proves what is right.
    let change = Change::Memory { at: 125, bits: 2 };
    let mut faulty = Player::faulty(&player, 2 * total, (99_999, change), &mut |_| true).unwrap();
    assert_eq!(faulty.hash(99_998).unwrap(), player.hash(99_998).unwrap());
    for at in [99_999, 150_000, total] {
        assert_ne!(faulty.hash(at).unwrap(), player.hash(at).unwrap(), "{at}");
    }
    assert_ne!(faulty.claim(), &claim);
    let evidence = faulty.prove(99_998).unwrap();
    let judge = Judge::default();
    let before = player.hash(99_998).unwrap();
    assert_eq!(
        judge.follow(&evidence, &before),
        player.hash(99_999).map_err(|_| unreachable!())
    );
    assert!(Player::honest(machine.steps(messages()).unwrap(), 1_000, &mut |_| true).is_err());
    assert!(Player::honest(machine.steps(messages()).unwrap(), u64::MAX, &mut |_| false).is_err());
}

/// Calls that fail because they are given too much, and a flag with a long value: a proof has nothing
/// of either.
#[test]
fn what_a_step_does_not_need_is_in_no_proof() {
    let text = r#"(module
  (import "smart_rollup_core" "read_input" (func $input (param i32 i32 i32) (result i32)))
  (import "smart_rollup_core" "store_write" (func $write (param i32 i32 i32 i32 i32) (result i32)))
  (import "smart_rollup_core" "reveal_preimage" (func $preimage (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "/kernel/env/reboot")
  (func $whole (param i32 i32)
    (if (i32.ne (local.get 0) (local.get 1)) (then unreachable)))
  (func (export "kernel_run") (local $at i32)
    (memory.fill (i32.const 100) (i32.const 7) (i32.const 65000))
    (call $whole (i32.const -7) (call $write (i32.const 0) (i32.const 18) (i32.const 0) (i32.const 100) (i32.const 65000)))
    (call $whole (i32.const -7) (call $preimage (i32.const 100) (i32.const 65000) (i32.const 0) (i32.const 9)))
    (br_if 0 (i32.eqz (call $input (i32.const 100) (i32.const 120) (i32.const 500))))
    (loop $pieces
      (drop (call $write (i32.const 0) (i32.const 18) (local.get $at) (i32.const 10000) (i32.const 2048)))
      (local.set $at (i32.add (local.get $at) (i32.const 2048)))
      (br_if $pieces (i32.lt_u (local.get $at) (i32.const 40960))))))"#;
    let mut machine = machine(&wat::parse_str(text).unwrap());
    let (all, status) = prove(&mut machine, &messages()[..1], 100);
    assert_eq!(status, Status::Yielded);
    assert_eq!(count(&all, Phase::Beginning), 2);
}

/// States that two liars may agree on, and that no kernel comes to. The judge need not be right about
/// them, but be done soon.
#[test]
fn states_that_no_kernel_comes_to_do_not_hold_the_judge_up() {
    let mut seed = 3_u64;
    let mut random = move || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        seed >> 24
    };
    let numbers = [0, 1, 33, 2_048, 2_049, 0x7fff_ffff, 0xffff_ffff];
    let first_leaf = |words: [u64; 7]| {
        let mut part = [3; 29].to_vec();
        let bytes = words.map(u64::to_le_bytes);
        let bytes = bytes.as_flattened();
        let len = bytes.iter().rposition(|byte| *byte != 0);
        let len = len.map_or(0, |last| last + 1);
        part.extend([2, len as u8]);
        part.extend(&bytes[..len]);
        part.extend([0; 29]);
        part
    };
    let judge = Judge::default();
    let mut followed = 0;
    for number in 0..6_000_u64 {
        let op = match number % 3 {
            // Calls of the host.
            0 => 4 + random() % 2,
            _ => random() % 600,
        };
        let import = match op {
            4 | 5 => random() % 40,
            _ => random() % 0x1_0000_0000,
        };
        let mut number = || numbers[random() as usize % numbers.len()];
        let stack: [u64; 7] = std::array::from_fn(|_| number());
        let short = number() & 0xffff;
        let code = [op | short << 16 | import << 32, 5, number(), 0, 0, 0, 0];
        let (pages, progress) = (number(), number() % 3);
        let both = |low: u64, high: u64| low | high << 32;
        let registers = [
            both(0, 5),
            both(number() % 9, 0),
            both(number(), 0),
            both(pages, number()),
            both(number(), number()),
            0,
            u64::MAX,
            both(progress, 1),
        ];
        let mut machine = registers.map(u64::to_le_bytes).as_flattened().to_vec();
        machine.extend(first_leaf(code));
        machine.extend([0; 4]);
        machine.extend(first_leaf(stack));
        machine.extend([0; 4]);
        let root = step_machine::Partial::decode(&machine).unwrap().0.root();
        let mut outside = vec![0; 234];
        outside[100] = 3;
        let mut hasher = Blake2b::<U32>::new();
        hasher.update([0x20]);
        hasher.update(root);
        hasher.update([9; 32]);
        hasher.update(&outside);
        let before: Hash = hasher.finalize().into();
        let mut proof = outside;
        proof.extend([9; 32]);
        proof.extend(machine);
        proof.extend([0; 12]);
        let evidence = Evidence { proof };
        followed += u32::from(judge.follow(&evidence, &before).is_ok());
    }
    assert!(followed > 2_000, "{followed}");
}
