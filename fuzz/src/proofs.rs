//! Witnesses and snapshots that somebody changed: none is taken for what it was, and none
//! is more than refused.

use crate::random::some_bytes;
use arbitrary::{Result as Chosen, Unstructured};
use blake2::{Blake2b, Digest, digest::consts::U32};
use pvm::{Inbox, Machine, Options, Snapshot, Witness};
use std::ops::Range;
use std::sync::OnceLock;

/// The most bytes that snapshots may unpack to.
const MOST: u64 = 4 << 20;

/// The files that are changed.
struct Files {
    kernel: Vec<u8>,
    witness: Vec<u8>,
    snapshot: Vec<u8>,
    /// The bytes of the snapshot's head, its digest included.
    head: usize,
    /// Its records.
    records: Vec<Vec<u8>>,
}

/// The same on every machine.
fn files() -> &'static Files {
    static FILES: OnceLock<Files> = OnceLock::new();
    FILES.get_or_init(|| make().expect("a kernel of our own"))
}

/// A machine whose kernel keeps all that it is told.
fn make() -> Result<Files, String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let kernel = wat::parse_str(include_str!("../../pvm/tests/data/recording.wat"));
    let kernel = kernel.map_err(|error| text(&error))?;
    let options = Options {
        rollup: [7; 20],
        origination_level: 5,
        first_level: 6,
        ..Options::default()
    };
    let mut machine = Machine::new(&kernel, options).map_err(|error| text(&error))?;
    for number in 0..200_u8 {
        let path = format!("/state/folder/{number}");
        let wrote = machine.durable_mut().write(path, [number; 70]);
        wrote.map_err(|error| text(&error))?;
    }
    let inbox = |level: u8| Inbox {
        timestamp: i64::from(level),
        predecessor: [level; 32],
        messages: (1..4).map(|len| vec![1; 60 * len]).collect(),
    };
    for level in 0..4 {
        let ran = machine.run_level(&inbox(level));
        ran.map_err(|error| text(&error))?;
    }
    let proved = machine.prove(inbox(9).wrapped());
    let (witness, _) = proved.map_err(|error| text(&error))?;
    let mut snapshot = Vec::new();
    let taken = machine.snapshot([3; 32]).map_err(|error| text(&error))?;
    taken.write(&mut snapshot).map_err(|error| text(&error))?;
    let is_frame = |four: &[u8]| four == [0x28, 0xb5, 0x2f, 0xfd];
    let head = snapshot.windows(4).position(is_frame);
    let head = head.ok_or("no frame")?;
    let unpacked = zstd::decode_all(&snapshot[head..]).map_err(|error| text(&error))?;
    Ok(Files {
        kernel,
        witness: witness.encode(),
        snapshot,
        head,
        records: records(&unpacked).ok_or("no records")?,
    })
}

/// The records of what a snapshot unpacks to.
fn records(mut unpacked: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut records = Vec::new();
    loop {
        let (len, rest) = unpacked.split_first_chunk()?;
        let (record, rest) = rest.split_at_checked(u32::from_le_bytes(*len) as usize)?;
        if record.is_empty() {
            return Some(records);
        }
        records.push(record.to_vec());
        unpacked = rest;
    }
}

fn digest(bytes: &[u8]) -> [u8; 32] {
    Blake2b::<U32>::digest(bytes).into()
}

/// Changes bytes within `place`: some set, taken away, put in, or moved.
pub(crate) fn change(
    choices: &mut Unstructured<'_>,
    bytes: &mut Vec<u8>,
    place: Range<usize>,
) -> Chosen<()> {
    let Range { start, mut end } = place;
    for _ in 0..choices.int_in_range(1..=3_u8)? {
        if start >= end {
            break;
        }
        let at = choices.int_in_range(start..=end - 1)?;
        let to = (at + choices.int_in_range(1..=40_usize)?).min(end);
        match choices.int_in_range(0..=5_u8)? {
            0 => bytes[at] = choices.arbitrary()?,
            1 => bytes[at] ^= 1 << choices.int_in_range(0..=7_u8)?,
            2 => {
                bytes.drain(at..to);
            }
            3 => {
                let more = some_bytes(choices, 12)?;
                bytes.splice(at..at, more);
            }
            4 => {
                let again = bytes[at..to].to_vec();
                bytes.splice(at..at, again);
            }
            // A length that is as large as can be.
            _ => bytes[at..to.min(at + 4)].fill(0xff),
        }
        end = end.min(bytes.len());
    }
    Ok(())
}

/// A witness with something changed.
///
/// # Errors
/// If it is taken for one.
pub fn witness(bytes: &[u8]) -> Result<(), String> {
    let files = files();
    let mut choices = Unstructured::new(bytes);
    let mut changed = files.witness.clone();
    let whole = changed.len();
    let is_signed = choices.arbitrary().unwrap_or_default();
    // With a digest of its own it is changed before that alone.
    let end = if is_signed { whole - 32 } else { whole };
    if change(&mut choices, &mut changed, 0..end).is_err() || changed == files.witness {
        return Ok(());
    }
    if is_signed {
        let end = changed.len().saturating_sub(32);
        changed.truncate(end);
        let digest = digest(&changed);
        changed.extend(digest);
        if changed == files.witness {
            return Ok(());
        }
    }
    let Ok(witness) = Witness::decode(&changed) else {
        return Ok(());
    };
    if !is_signed {
        return Err("bytes that were changed are read".into());
    }
    match witness.check(&files.kernel, &Options::default()) {
        Err(_) => Ok(()),
        Ok(_) => Err("a witness that was changed proves something".into()),
    }
}

/// A snapshot with something changed: its bytes, its head with the right digest, or its
/// records, packed again.
///
/// # Errors
/// If another storage is taken for the root, or changed bytes for none.
pub fn snapshot(bytes: &[u8]) -> Result<(), String> {
    let files = files();
    let mut choices = Unstructured::new(bytes);
    let kind = choices.int_in_range(0..=3_u8).unwrap_or_default();
    let Ok(changed) = changed_snapshot(&mut choices, kind) else {
        return Ok(());
    };
    if changed == files.snapshot {
        return Ok(());
    }
    let Ok(read) = Snapshot::read(&changed[..], MOST) else {
        return Ok(());
    };
    if kind == 0 {
        return Err("bytes that were changed are read".into());
    }
    let original = Snapshot::read(&files.snapshot[..], MOST).map_err(|error| error.to_string())?;
    // The head alone says which level is next, and of which rollup.
    if read.facts.root != original.facts.root {
        return Err("it is read with another root".into());
    }
    let values = |snapshot: &Snapshot| snapshot.durable.values("");
    match (values(&read), values(&original)) {
        (Ok(read), Ok(original)) if read == original => Ok(()),
        _ => Err("another storage has the same root".into()),
    }
}

fn changed_snapshot(choices: &mut Unstructured<'_>, kind: u8) -> Chosen<Vec<u8>> {
    let files = files();
    let mut changed = files.snapshot.clone();
    match kind {
        0 => {
            let all = 0..changed.len();
            change(choices, &mut changed, all)?;
        }
        1 => {
            let mut head = changed[..files.head - 32].to_vec();
            let all = 0..head.len();
            change(choices, &mut head, all)?;
            let digest = digest(&head);
            head.extend(digest);
            changed.splice(..files.head, head);
        }
        _ => {
            let packed = pack(&changed_records(choices)?, choices)?;
            changed.splice(files.head.., packed);
        }
    }
    Ok(changed)
}

fn changed_records(choices: &mut Unstructured<'_>) -> Chosen<Vec<Vec<u8>>> {
    let mut records = files().records.clone();
    for _ in 0..choices.int_in_range(0..=3_u8)? {
        let (one, other) = (
            choices.choose_index(records.len())?,
            choices.choose_index(records.len())?,
        );
        match choices.int_in_range(0..=4_u8)? {
            0 => records.swap(one, other),
            1 => drop(records.remove(one)),
            2 => {
                let again = records[one].clone();
                records.insert(other, again);
            }
            3 => records.insert(one, some_bytes(choices, 60)?),
            _ => {
                let all = 0..records[one].len();
                if !all.is_empty() {
                    change(choices, &mut records[one], all)?;
                }
            }
        }
        if records.is_empty() {
            break;
        }
    }
    Ok(records)
}

/// Packs records as a snapshot has them, with an end that may be another.
fn pack(records: &[Vec<u8>], choices: &mut Unstructured<'_>) -> Chosen<Vec<u8>> {
    let mut unpacked = Vec::new();
    for record in records {
        unpacked.extend((record.len() as u32).to_le_bytes());
        unpacked.extend(record);
    }
    let bytes: usize = records.iter().map(Vec::len).sum();
    unpacked.extend(0_u32.to_le_bytes());
    unpacked.extend((records.len() as u64).to_le_bytes());
    unpacked.extend((bytes as u64).to_le_bytes());
    if choices.ratio(1, 4)? {
        let all = 0..unpacked.len();
        change(choices, &mut unpacked, all)?;
    }
    let level = choices.int_in_range(-5..=5)?;
    zstd::encode_all(&unpacked[..], level).map_err(|_| arbitrary::Error::IncorrectFormat)
}
