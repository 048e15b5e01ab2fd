//! Snapshots and witnesses: what comes of them, and that nothing else is taken for them.

use blake2::Digest;
use proptest::prelude::*;
use pvm::snapshot::{SnapshotError, facts};
use pvm::witness::WitnessError;
use pvm::{Inbox, Machine, Options, Snapshot, Witness, engine};

/// Writes each message, with its level and number, and the rollup's metadata to storage, the
/// first bytes of each to the outbox, and changes a long value.
fn kernel() -> Vec<u8> {
    wat::parse_str(include_str!("data/recording.wat")).unwrap()
}

fn inbox(level: u32) -> Inbox {
    let messages = (0..level % 4).map(|index| {
        let mut message = vec![1_u8];
        message.extend((0..40 * (level + index)).map(|byte| byte as u8));
        message
    });
    Inbox {
        timestamp: i64::from(level),
        predecessor: [level as u8; 32],
        messages: messages.collect(),
    }
}

fn machine(levels: u32) -> Machine {
    let options = Options {
        rollup: [7; 20],
        origination_level: 5,
        first_level: 6,
        ..Options::default()
    };
    let mut machine = Machine::new(&kernel(), options).unwrap();
    for number in 0..500 {
        let path = format!("/state/folder/{number}");
        machine
            .durable_mut()
            .write(path, [number as u8; 70])
            .unwrap();
    }
    for _ in 0..levels {
        let level = machine.level();
        machine.run_level(&inbox(level)).unwrap();
    }
    machine
}

fn file(machine: &Machine) -> Vec<u8> {
    let mut bytes = Vec::new();
    machine
        .snapshot([3; 32])
        .unwrap()
        .write(&mut bytes)
        .unwrap();
    bytes
}

const MOST: u64 = 10_000_000;

#[test]
fn from_any_snapshot_the_same_roots_come_out_on_each_engine() {
    let mut plain = machine(0);
    let mut files = Vec::new();
    let mut roots = Vec::new();
    for _ in 0..100 {
        files.push(file(&plain));
        let level = plain.level();
        roots.push(plain.run_level(&inbox(level)).unwrap().durable_root());
    }
    for (index, file) in files.iter().enumerate() {
        for engine in [engine::fast(), engine::interpreter(), engine::step()] {
            let snapshot = Snapshot::read(&file[..], MOST).unwrap();
            let options = Options {
                engine,
                ..Options::default()
            };
            let mut machine = Machine::from_snapshot(&snapshot, options).unwrap();
            for root in roots.iter().skip(index).take(3) {
                let level = machine.level();
                let report = machine.run_level(&inbox(level)).unwrap();
                assert_eq!(report.durable_root(), *root, "level {level}");
            }
        }
    }
}

#[test]
fn a_snapshot_says_what_it_is_of_and_comes_out_as_it_was() {
    let machine = machine(3);
    let bytes = file(&machine);
    let read = Snapshot::read(&bytes[..], MOST).unwrap();
    assert_eq!(read.facts, machine.snapshot([3; 32]).unwrap().facts);
    assert_eq!(facts(&bytes[..]).unwrap(), read.facts);
    assert_eq!(read.facts.level, 9);
    assert_eq!(read.facts.block, [3; 32]);
    assert_eq!(
        read.durable.values("").unwrap(),
        machine.durable().values("").unwrap()
    );
    let again = Machine::from_snapshot(&read, Options::default()).unwrap();
    assert!(file(&again) == bytes, "written again it has the same bytes");
}

#[test]
fn what_is_too_large_or_is_no_snapshot_is_refused() {
    let bytes = file(&machine(3));
    assert!(matches!(
        Snapshot::read(&bytes[..], 1_000),
        Err(SnapshotError::TooLarge(1_000))
    ));
    assert!(matches!(
        Snapshot::read(&b"PK\x03\x04"[..], MOST),
        Err(SnapshotError::NotASnapshot)
    ));
    let mut other = bytes.clone();
    other[8] = 9;
    assert!(matches!(
        Snapshot::read(&other[..], MOST),
        Err(SnapshotError::Form(9))
    ));
    // Zeros without end, behind a head that is right.
    let head = bytes.len() - frame(&bytes).len();
    let mut bomb = bytes[..head].to_vec();
    let zeros = zstd::encode_all(std::io::Read::take(std::io::repeat(9), 64 << 20), 3).unwrap();
    assert!(zeros.len() < 10_000);
    bomb.extend(zeros);
    assert!(matches!(
        Snapshot::read(&bomb[..], MOST),
        Err(SnapshotError::Corrupt(_))
    ));
}

/// A snapshot of these records, behind a head that is right.
fn packed(root: [u8; 32], records: &[Vec<u8>]) -> Vec<u8> {
    let mut snapshot = machine(0).snapshot([3; 32]).unwrap();
    snapshot.facts.root = root;
    let mut bytes = Vec::new();
    snapshot.write(&mut bytes).unwrap();
    bytes.truncate(bytes.len() - frame(&bytes).len());
    let mut unpacked = Vec::new();
    for record in records {
        unpacked.extend((record.len() as u32).to_le_bytes());
        unpacked.extend(record);
    }
    let len: usize = records.iter().map(Vec::len).sum();
    unpacked.extend(0_u32.to_le_bytes());
    unpacked.extend((records.len() as u64).to_le_bytes());
    unpacked.extend((len as u64).to_le_bytes());
    bytes.extend(zstd::encode_all(&unpacked[..], 3).unwrap());
    bytes
}

/// A storage whose folders lie in each other, `depth` of them: no path of a kernel is so long, but
/// a store that somebody made can have it.
#[test]
fn a_storage_that_is_deep_beyond_measure_is_refused() {
    use pvm::Durable;
    let records = |depth: usize| {
        let mut storage = Durable::new();
        storage.write("/x", [1]).unwrap();
        // What there is comes to the end of a path that is as long as can be.
        for _ in 0..depth {
            let mut path = "/y".to_owned();
            for _ in 0..110 {
                storage.write(&path, [2]).unwrap();
                path += "/z";
            }
            storage.move_("/x", &path).unwrap();
            storage.move_("/y", "/x").unwrap();
        }
        let mut records = Vec::new();
        let put = &mut |_: &[u8; 32], record: &[u8]| {
            records.push(record.to_vec());
            Ok::<_, pvm::Unavailable>(())
        };
        storage.each_record(put).unwrap();
        packed(storage.root_hash(), &records)
    };
    let read = |bytes: &[u8]| Snapshot::read(bytes, MOST);
    let in_stack = |size: usize, run: Box<dyn FnOnce() + Send>| {
        let thread = std::thread::Builder::new().stack_size(size);
        thread.spawn(run).unwrap().join().unwrap();
    };
    // To make one takes a large stack by itself.
    in_stack(
        256 << 20,
        Box::new(move || {
            let (deep, deeper) = (records(18), records(20));
            let refused = read(&deeper).unwrap_err().to_string();
            assert!(refused.contains("too deep in each other"), "{refused}");
            // What is read can be looked through by a program's first thread.
            let look = move || drop(read(&deep).unwrap().durable.values("").unwrap());
            in_stack(8 << 20, Box::new(look));
        }),
    );
}

#[test]
fn lengths_that_lie_are_refused() {
    let record = |len: usize| vec![0xff; len];
    for records in [
        vec![],
        vec![record(1)],
        vec![record(1 << 20)],
        vec![vec![4], vec![4]],
    ] {
        let read = Snapshot::read(&packed([0; 32], &records)[..], MOST);
        assert!(matches!(read, Err(SnapshotError::Corrupt(_))), "{read:?}");
    }
    // A witness whose lists and parts are longer than the file, with a digest that is right.
    let bytes = witness().encode();
    let lists = 8 + 2 + 4 + 20 + 4 + 3 * 32;
    for (at, len) in [
        (lists, u32::MAX),
        (lists + 4, u32::MAX),
        (lists + 4, 1 << 31),
    ] {
        let mut changed = bytes.clone();
        changed.splice(at..at + 4, len.to_le_bytes());
        changed.truncate(changed.len() - 32);
        let digest = blake2::Blake2b::<blake2::digest::consts::U32>::digest(&changed);
        changed.extend(digest);
        let refused = Witness::decode(&changed).unwrap_err();
        assert_eq!(refused, WitnessError::Corrupt("it ends too early"));
    }
}

/// The bytes behind the head.
fn frame(bytes: &[u8]) -> &[u8] {
    let at = bytes
        .windows(4)
        .position(|four| four == [0x28, 0xb5, 0x2f, 0xfd]);
    &bytes[at.unwrap()..]
}

fn witness() -> Witness {
    let machine = machine(4);
    let (witness, report) = machine.prove(inbox(machine.level()).wrapped()).unwrap();
    let mut plain = self::machine(4);
    let ran = plain.run_level(&inbox(machine.level())).unwrap();
    assert_eq!(report.durable_root(), ran.durable_root());
    assert_eq!(witness.after, ran.durable_root());
    assert_eq!(witness.outbox, ran.outbox);
    assert!(!witness.outbox.is_empty());
    witness
}

#[test]
fn a_witness_is_enough_to_run_the_level_on_each_engine() {
    let witness = witness();
    let bytes = witness.encode();
    assert!(bytes.len() < 10_000, "{} bytes", bytes.len());
    assert_eq!(Witness::decode(&bytes).unwrap(), witness);
    for engine in [engine::fast(), engine::interpreter(), engine::step()] {
        let options = Options {
            engine,
            ..Options::default()
        };
        let report = witness.check(&kernel(), &options).unwrap();
        assert_eq!(report.durable_root(), witness.after);
        assert_eq!(report.outbox, witness.outbox);
    }
    let other = wat::parse_str(
        r#"(module (memory 1) (export "m" (memory 0)) (func (export "kernel_run")))"#,
    );
    let refused = witness
        .check(&other.unwrap(), &Options::default())
        .unwrap_err();
    assert_eq!(refused, WitnessError::OtherKernel(witness.kernel));
}

#[test]
fn a_level_that_looks_at_what_a_witness_leaves_out_ends() {
    let mut witness = witness();
    // Of the level before, which wrote elsewhere.
    let machine = machine(4);
    let watched = machine.durable().watched();
    watched.get("/kernel/boot.wasm").unwrap();
    witness.parts = watched.touched();
    let refused = witness.check(&kernel(), &Options::default()).unwrap_err();
    assert!(
        matches!(
            refused,
            WitnessError::Unavailable(pvm::Unavailable::Blinded(_))
        ),
        "{refused}"
    );
}

#[test]
fn a_statement_that_was_changed_is_refused_though_its_digest_is_right() {
    let witness = witness();
    let refused = |changed: Witness| {
        let again = Witness::decode(&changed.encode()).unwrap();
        again.check(&kernel(), &Options::default()).unwrap_err()
    };
    let mut changes: Vec<Witness> = Vec::new();
    let mut change = |change: &dyn Fn(&mut Witness)| {
        let mut changed = witness.clone();
        change(&mut changed);
        changes.push(changed);
    };
    change(&|witness| witness.level += 1);
    change(&|witness| witness.rollup[3] ^= 1);
    change(&|witness| witness.origination_level += 1);
    change(&|witness| witness.kernel[0] ^= 1);
    change(&|witness| witness.before[0] ^= 1);
    change(&|witness| witness.after[0] ^= 1);
    change(&|witness| drop(witness.messages.pop()));
    change(&|witness| witness.messages[1][7] ^= 1);
    change(&|witness| drop(witness.outbox.pop()));
    for at in (0..witness.parts.len()).step_by(7) {
        change(&|witness| witness.parts[at] ^= 4);
    }
    for changed in changes {
        refused(changed);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn any_change_of_a_file_is_refused(
        which: bool,
        at: prop::sample::Index,
        to: u8,
        kind in 0..3,
    ) {
        thread_local! {
            static FILES: [Vec<u8>; 2] = [file(&machine(4)), witness().encode()];
        }
        let original = FILES.with(|files| files[usize::from(which)].clone());
        let mut changed = original.clone();
        let at = at.index(original.len());
        match kind {
            0 => changed[at] = to,
            1 => changed.truncate(at),
            _ => changed.insert(at, to),
        }
        prop_assume!(changed != original);
        if which {
            prop_assert!(Witness::decode(&changed).is_err());
        } else {
            prop_assert!(Snapshot::read(&changed[..], MOST).is_err());
        }
    }
}
