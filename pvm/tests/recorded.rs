//! Small kernels with what the real machine did with them (`data/octez.json.zst`, recorded on
//! Octez): each ends here as it did there, on both engines, or stands in the list of
//! `docs/machine.md`.

use pvm::engine;
use pvm::steps::{Judge, Steps};
use pvm::{
    Durable, Error, Inbox, Kernel, LevelReport, Machine, Options, Status, Version, report, reveal,
};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

const RECORDING: &[u8] = include_bytes!("data/octez.json.zst");
const PAGE: &str = include_str!("../../docs/machine.md");

/// The most kernels that may end otherwise.
const MAX_LISTED: usize = 25;

#[derive(Deserialize)]
struct Recording {
    header: Header,
    vectors: Vec<Vector>,
}

#[derive(Deserialize)]
struct Header {
    rollup: String,
}

#[derive(Deserialize)]
struct Vector {
    name: String,
    pvm_version: String,
    kernel: String,
    setup: BTreeMap<String, String>,
    preimages: BTreeMap<String, String>,
    levels: Vec<Vec<String>>,
    expected: Expected,
}

#[derive(Deserialize)]
struct Expected {
    slow: Vec<Level>,
}

#[derive(Deserialize)]
struct Level {
    status: String,
    runs: Option<usize>,
    #[serde(default)]
    outbox: Vec<Bytes>,
    #[serde(default)]
    flags: Flags,
    #[serde(default)]
    durable: BTreeMap<String, Bytes>,
}

#[derive(Default, Deserialize)]
struct Flags {
    boot: Option<Bytes>,
    fallback: Option<Bytes>,
    reboot: Option<Bytes>,
    version: String,
    reboot_counter: Option<i32>,
    stuck: bool,
    upgrade_error: bool,
    too_many_reboot: bool,
}

/// In hex, or the first kernel, or what is known of a long value.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Bytes {
    Hex(String),
    Long { length: usize, sha256: String },
}

impl Bytes {
    fn are(&self, bytes: &[u8], kernel: &[u8]) -> bool {
        match self {
            Self::Hex(name) if name == "kernel" => bytes == kernel,
            Self::Hex(text) => *text == hex::encode(bytes),
            Self::Long { length, sha256 } => {
                bytes.len() == *length && *sha256 == hex::encode(Sha256::digest(bytes))
            }
        }
    }
}

#[test]
fn every_recorded_kernel_ends_as_on_the_real_machine_or_is_listed() {
    let json = zstd::decode_all(RECORDING).unwrap();
    let recording: Recording = serde_json::from_slice(&json).unwrap();
    assert_eq!(recording.vectors.len(), 446);
    let listed = listed();
    assert!(listed.len() <= MAX_LISTED, "{} are listed", listed.len());
    let rollup = messages::address::rollup(&recording.header.rollup).unwrap();
    let folder = std::env::temp_dir().join(format!("pvm-recorded-{}", std::process::id()));
    let options = Options {
        rollup,
        preimages: Some(folder.clone()),
        ..Options::default()
    };
    let mut wrong = Vec::new();
    let mut seen = BTreeSet::new();
    for vector in &recording.vectors {
        preimages(vector, &folder);
        for engine in [engine::fast(), engine::interpreter(), engine::step()] {
            let name = engine.name();
            let difference = difference(
                vector,
                Options {
                    engine,
                    ..options.clone()
                },
            )
            .err();
            let title = vector.name.as_str();
            match (difference, listed.contains(title)) {
                (None, false) => {}
                (Some(_), true) => {
                    seen.insert(title);
                }
                (None, true) => wrong.push(format!("{title} is listed, and agrees ({name})")),
                (Some(what), false) => wrong.push(format!("{title} ({name}): {what}")),
            }
        }
    }
    let _ = std::fs::remove_dir_all(&folder);
    for unknown in listed.difference(&seen) {
        wrong.push(format!("{unknown} is listed, and does not differ"));
    }
    assert!(wrong.is_empty(), "{}\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn reports_and_the_machine_have_one_verdict_of_each_kernel() {
    let json = zstd::decode_all(RECORDING).unwrap();
    let recording: Recording = serde_json::from_slice(&json).unwrap();
    let mut refused = 0;
    for vector in &recording.vectors {
        let wasm = hex::decode(&vector.kernel).unwrap();
        let version: Version = vector.pvm_version.parse().unwrap();
        let loaded = Kernel::load(&wasm, version);
        let report = report(&wasm, version);
        assert_eq!(loaded.is_ok(), report.is_valid(), "{}", vector.name);
        refused += usize::from(loaded.is_err());
    }
    assert_eq!(refused, 53);
}

/// The names in the table of the page.
fn listed() -> BTreeSet<&'static str> {
    let (_, section) = PAGE
        .split_once("\n## Where this machine differs\n")
        .expect("the page has the section");
    let section = section.split("\n## ").next().unwrap_or_default();
    let rows = section.lines().filter_map(|line| {
        let name = line.strip_prefix("| `")?;
        Some(name.split_once("` |")?.0)
    });
    rows.collect()
}

/// Runs a kernel through its levels.
fn difference(vector: &Vector, options: Options) -> Result<(), String> {
    let kernel = hex::decode(&vector.kernel).unwrap();
    let mut durable = Durable::new();
    durable.write("/kernel/boot.wasm", &kernel).unwrap();
    for (path, value) in &vector.setup {
        durable
            .write(path.as_str(), hex::decode(value).unwrap())
            .unwrap();
    }
    let options = Options {
        version: vector.pvm_version.parse().unwrap(),
        ..options
    };
    let mut machine = match Machine::from_durable(durable, options) {
        Ok(machine) => machine,
        Err(Error::Kernel(_)) if is_fatal(&vector.expected.slow[0]) => return Ok(()),
        Err(error) => return Err(format!("refused: {error}")),
    };
    for (number, (messages, level)) in vector.levels.iter().zip(&vector.expected.slow).enumerate() {
        let inbox = Inbox {
            timestamp: 0,
            predecessor: [0; 32],
            messages: messages
                .iter()
                .map(|message| hex::decode(message).unwrap())
                .collect(),
        };
        let steps = machine.steps(inbox.wrapped()).unwrap();
        let report = machine
            .run_level(&inbox)
            .map_err(|error| error.to_string())?;
        if machine.options().engine.name() == "step" {
            by_steps(steps, &report).map_err(|what| format!("level {number}, by steps: {what}"))?;
        }
        let stuck = matches!(report.status, Status::Stuck { .. });
        if level.status.starts_with("node error") {
            // The real node stops here.
            return if stuck {
                Ok(())
            } else {
                Err(format!("real {}, here {}", level.status, report.status))
            };
        }
        if stuck != level.status.starts_with("stuck") {
            return Err(format!("real {}, here {}", level.status, report.status));
        }
        compare(&report, level, &kernel).map_err(|what| format!("level {number}: {what}"))?;
    }
    Ok(())
}

/// Makes the same level step by step, with proofs of the steps between runs and of some others.
fn by_steps(mut steps: Steps, report: &LevelReport) -> Result<(), String> {
    let judge = Judge {
        facts: steps.facts().clone(),
    };
    while !steps.phase().is_over() {
        // Proofs take long, and some kernels start again a thousand times.
        if steps.runs() < 5 || steps.runs() > 1_000 {
            let before = steps.root();
            let evidence = steps.prove().map_err(|error| error.to_string())?;
            let after = judge.follow(&evidence, &before);
            if after != Ok(steps.root()) {
                return Err(format!("step {}: {after:?}", steps.count()));
            }
        } else {
            let made = steps.advance(1);
            made.map_err(|error| error.to_string())?;
        }
        steps.advance_to_call(4_001);
    }
    let claim = steps.claim().ok_or("it is not over")?;
    let stuck = matches!(report.status, Status::Stuck { .. });
    match () {
        () if claim.durable != report.durable_root() => Err("another root".to_owned()),
        () if claim.stuck != stuck => Err(format!("stuck {}", claim.stuck)),
        () if !claim.has_outbox(&report.outbox) => Err("another outbox".to_owned()),
        () => Ok(()),
    }
}

/// True if the real machine, or its node, ended there.
fn is_fatal(level: &Level) -> bool {
    level.status.starts_with("stuck") || level.status.starts_with("node error")
}

fn preimages(vector: &Vector, folder: &Path) {
    for (request, preimage) in &vector.preimages {
        if let Some(hash) = request.strip_prefix("00") {
            let preimage = hex::decode(preimage).unwrap();
            std::fs::create_dir_all(folder).unwrap();
            assert_eq!(hash, hex::encode(reveal::hash(&preimage)));
            std::fs::write(folder.join(hash), preimage).unwrap();
        }
    }
}

fn compare(report: &LevelReport, level: &Level, kernel: &[u8]) -> Result<(), String> {
    // A run that ends with the previous kernel put back counts there, and has no report here.
    let restored = usize::from(matches!(report.status, Status::UpgradeFailed { .. }));
    let stuck = usize::from(matches!(report.status, Status::Stuck { .. }));
    let runs = report.runs.len() + restored;
    if let Some(expected) = level.runs
        && runs != expected
        && runs + stuck != expected
    {
        return Err(format!("real {expected} runs, here {runs}"));
    }
    let outbox = report.outbox.iter().zip(&level.outbox);
    if report.outbox.len() != level.outbox.len()
        || !outbox
            .into_iter()
            .all(|(here, real)| real.are(here, kernel))
    {
        return Err(format!(
            "real outbox {:?}, here {:?}",
            level.outbox, report.outbox
        ));
    }
    values(&report.durable, level, kernel)?;
    flags(&report.durable, &level.flags, kernel)
}

const BOOT: &str = "/kernel/boot.wasm";
const FALLBACK: &str = "/readonly/kernel/boot.wasm";
const VERSION: &str = "/readonly/wasm_version";
const REBOOT: &str = "/kernel/env/reboot";
const COUNTER: &str = "/readonly/kernel/env/reboot_counter";
const STUCK: &str = "/readonly/kernel/env/stuck";
const UPGRADE_ERROR: &str = "/readonly/kernel/env/upgrade_error";
const TOO_MANY_REBOOTS: &str = "/readonly/kernel/env/too_many_reboot";
const RESERVED: [&str; 8] = [
    BOOT,
    FALLBACK,
    VERSION,
    REBOOT,
    COUNTER,
    STUCK,
    UPGRADE_ERROR,
    TOO_MANY_REBOOTS,
];

fn values(durable: &Durable, level: &Level, kernel: &[u8]) -> Result<(), String> {
    let here: BTreeMap<String, Vec<u8>> = durable
        .values("")
        .unwrap()
        .into_iter()
        .filter(|(path, _)| !RESERVED.contains(&path.as_str()))
        .map(|(path, value)| (path, value.bytes().to_vec()))
        .collect();
    for path in here.keys().chain(level.durable.keys()) {
        let same = match (level.durable.get(path), here.get(path)) {
            (Some(real), Some(here)) => real.are(here, kernel),
            _ => false,
        };
        if !same {
            let here = here.get(path).map(hex::encode);
            let real = level.durable.get(path);
            return Err(format!("value {path}: real {real:?}, here {here:?}"));
        }
    }
    Ok(())
}

fn flags(durable: &Durable, flags: &Flags, kernel: &[u8]) -> Result<(), String> {
    let get = |path: &str| {
        durable
            .get(path)
            .unwrap()
            .map(|value| value.bytes().to_vec())
    };
    for (path, real) in [
        (BOOT, &flags.boot),
        (FALLBACK, &flags.fallback),
        (REBOOT, &flags.reboot),
    ] {
        let here = get(path);
        let same = match (real, &here) {
            (Some(real), Some(here)) => real.are(here, kernel),
            (real, here) => real.is_none() && here.is_none(),
        };
        if !same {
            return Err(format!("{path}: real {real:?}, here {here:?}"));
        }
    }
    let counter = get(COUNTER).map(|bytes| i32::from_le_bytes(bytes.try_into().unwrap()));
    if counter != flags.reboot_counter {
        return Err(format!(
            "counter {counter:?}, not {:?}",
            flags.reboot_counter
        ));
    }
    let version = String::from_utf8(get(VERSION).unwrap_or_default()).unwrap();
    if version != flags.version {
        return Err(format!("version {version}, not {}", flags.version));
    }
    for (path, real) in [
        (STUCK, flags.stuck),
        (UPGRADE_ERROR, flags.upgrade_error),
        (TOO_MANY_REBOOTS, flags.too_many_reboot),
    ] {
        if get(path).is_some() != real {
            return Err(format!("{path}: real {real}, here {}", !real));
        }
    }
    Ok(())
}
