//! Proofs of steps: one that somebody changed leads nowhere else, and none is large, whatever lies in storage.

use crate::proofs::change;
use arbitrary::{Result as Chosen, Unstructured};
use pvm::steps::{Evidence, Hash, Judge, Phase, Steps};
use pvm::{DebugSink, Durable, Machine, Options, Value, engine};
use std::collections::BTreeSet;
use std::fmt::Display;
use std::sync::{Mutex, OnceLock, PoisonError};

/// The most bytes that a proof of a step has.
pub const MOST: usize = 24_000;

/// Bytes of paths.
const BYTES: &[u8] = b"-./09AOPZ_abcdhpz";

/// The most steps of a case that are proved.
const STEPS: usize = 500;

/// A step that is proved.
struct Proved {
    evidence: Evidence,
    before: Hash,
    after: Hash,
}

/// A level with its storage.
struct Case {
    durable: Durable,
    paths: [String; 2],
    calls: String,
}

fn text(error: &dyn Display) -> String {
    error.to_string()
}

/// A path of up to 240 bytes, mostly of one byte.
fn path(choices: &mut Unstructured<'_>) -> Chosen<String> {
    let byte = *choices.choose(b"abAZ09z")?;
    let len = choices.int_in_range(0..=4_usize)? * 59 + 4;
    let mut path = vec![byte; len];
    path[0] = b'/';
    for _ in 0..choices.int_in_range(0..=6_u8)? {
        let at = choices.int_in_range(1..=len - 2)?;
        if !path[at - 1..=at + 1].contains(&b'/') {
            path[at] = b'/';
        }
    }
    Ok(String::from_utf8_lossy(&path).into_owned())
}

/// The beginning of a path, with some other bytes behind it.
fn near(choices: &mut Unstructured<'_>, path: &str) -> Chosen<String> {
    let at = choices.int_in_range(1..=path.len())?;
    let more = match choices.ratio(1, 2)? {
        true => String::from(char::from(*choices.choose(BYTES)?)),
        false => String::new(),
    };
    Ok(format!("{}{more}", &path[..at]))
}

/// Puts something into the storage; what is no path is left out.
fn fill(choices: &mut Unstructured<'_>, case: &mut Case) -> Chosen<()> {
    let paths = case.paths.clone();
    let path = choices.choose(&paths)?;
    let durable = &mut case.durable;
    match choices.int_in_range(0..=5_u8)? {
        0 => {
            let len = *choices.choose(&[0, 1, 64, 65, 1_000, 3_000, i32::MAX as usize])?;
            let near = near(choices, path)?;
            let value = match len {
                0..=3_000 => Value::new(&vec![9; len]),
                _ => Value::zeros(len),
            };
            let _ = durable.put(near, value);
        }
        1 => {
            let near = near(choices, path)?;
            let bytes = vec![7; choices.int_in_range(0..=64)?];
            let _ = durable.write(near, bytes);
        }
        // Many paths that part from one, at many of its bits.
        2 | 3 => {
            let from = choices.int_in_range(1..=path.len())?;
            let to = choices.int_in_range(from..=path.len())?;
            let value = vec![1; choices.int_in_range(0..=64)?];
            let bytes = &BYTES[choices.int_in_range(0..=BYTES.len() - 1)?..];
            for at in from..to {
                for byte in bytes {
                    let other = format!("{}{}", &path[..at], char::from(*byte));
                    let _ = durable.write(other, &value);
                }
            }
        }
        4 => {
            let (from, to) = (near(choices, path)?, near(choices, &paths[1])?);
            for _ in 0..choices.int_in_range(1..=8_u8)? {
                let _ = durable.copy(&from, &to);
            }
        }
        _ => {
            let near = near(choices, path)?;
            for number in 0..choices.int_in_range(0..=300_u32)? {
                let _ = durable.write(format!("{near}/{}", number * 7_919 % 307), [1]);
            }
        }
    }
    Ok(())
}

/// A call, as text.
fn call(choices: &mut Unstructured<'_>, paths: &[String; 2]) -> Chosen<String> {
    let function = *choices.choose(&[
        "has",
        "delete",
        "delete_value",
        "list",
        "nth",
        "copy",
        "move",
        "read",
        "write",
        "size",
        "create",
        "hash",
    ])?;
    let mut at = || -> Chosen<String> {
        let which = choices.int_in_range(0..=1_usize)?;
        let len = match choices.ratio(3, 4)? {
            true => paths[which].len(),
            false => choices.int_in_range(0..=paths[which].len())?,
        };
        Ok(format!("(i32.const {}) (i32.const {len})", which * 256))
    };
    let (one, other) = (at()?, at()?);
    let offset = *choices.choose(&[0, 1, 63, 1_000, 2_000, i32::MAX - 2_100])?;
    let len = *choices.choose(&[0, 1, 64, 2_048, 2_049])?;
    let place = *choices.choose(&[9_000, 8_193, 65_000])?;
    let index = choices.int_in_range(-1..=400_i64)?;
    let rest = match function {
        "nth" => format!("(i64.const {index}) (i32.const {place}) (i32.const 250)"),
        "copy" | "move" => other,
        "read" | "write" => format!("(i32.const {offset}) (i32.const {place}) (i32.const {len})"),
        "create" => format!("(i32.const {offset})"),
        "hash" => format!("(i32.const {place}) (i32.const 32)"),
        _ => String::new(),
    };
    Ok(format!("(drop (call ${function} {one} {rest}))\n"))
}

fn case(bytes: &[u8]) -> Chosen<Case> {
    let choices = &mut Unstructured::new(bytes);
    let mut case = Case {
        durable: Durable::new(),
        paths: [path(choices)?, path(choices)?],
        calls: String::new(),
    };
    for _ in 0..choices.int_in_range(1..=8_u8)? {
        fill(choices, &mut case)?;
    }
    for _ in 0..choices.int_in_range(1..=6_u8)? {
        case.calls += &call(choices, &case.paths)?;
    }
    Ok(case)
}

impl Case {
    fn kernel(&self) -> String {
        let [one, other] = &self.paths;
        let calls = &self.calls;
        let functions: String = [
            ("store_has", "has", "(param i32 i32) (result i32)"),
            ("store_delete", "delete", "(param i32 i32) (result i32)"),
            (
                "store_delete_value",
                "delete_value",
                "(param i32 i32) (result i32)",
            ),
            ("store_list_size", "list", "(param i32 i32) (result i64)"),
            (
                "store_get_nth_key",
                "nth",
                "(param i32 i32 i64 i32 i32) (result i32)",
            ),
            ("store_copy", "copy", "(param i32 i32 i32 i32) (result i32)"),
            ("store_move", "move", "(param i32 i32 i32 i32) (result i32)"),
            (
                "store_read",
                "read",
                "(param i32 i32 i32 i32 i32) (result i32)",
            ),
            (
                "store_write",
                "write",
                "(param i32 i32 i32 i32 i32) (result i32)",
            ),
            ("store_value_size", "size", "(param i32 i32) (result i32)"),
            ("store_create", "create", "(param i32 i32 i32) (result i32)"),
            (
                "__internal_store_get_hash",
                "hash",
                "(param i32 i32 i32 i32) (result i32)",
            ),
        ]
        .iter()
        .map(|(name, short, ty)| {
            format!("(import \"smart_rollup_core\" \"{name}\" (func ${short} {ty}))\n")
        })
        .collect();
        format!(
            r#"(module {functions}
              (memory (export "memory") 2)
              (data (i32.const 0) "{one}")
              (data (i32.const 256) "{other}")
              (func (export "kernel_run")
                (memory.fill (i32.const 8000) (i32.const 7) (i32.const 4000))
                {calls}))"#
        )
    }

    fn steps(&self) -> Result<Steps, String> {
        let kernel = wat::parse_str(self.kernel()).map_err(|error| text(&error))?;
        let options = Options {
            engine: engine::step(),
            debug: DebugSink::Off,
            ..Options::default()
        };
        let mut machine = Machine::new(&kernel, options).map_err(|error| text(&error))?;
        let own = machine.durable_mut();
        let values = ["/kernel/boot.wasm", "/readonly/wasm_version"];
        let mut durable = self.durable.clone();
        for path in values {
            if let Some(value) = own.get(path).map_err(|error| text(&error))? {
                durable.put(path, value).map_err(|error| text(&error))?;
            }
        }
        *own = durable;
        machine.steps(Vec::new()).map_err(|error| text(&error))
    }

    /// Calls `see` with the steps of the level that call the host, or lie between runs, and with some in which the
    /// kernel is decoded.
    fn each_step(&self, see: &mut dyn FnMut(Proved)) -> Result<(), String> {
        let mut steps = self.steps()?;
        for _ in 0..STEPS {
            if steps.phase().is_over() {
                break;
            }
            // Many steps in which a kernel is decoded, all calls of the host.
            steps.advance_to_call(match steps.phase() {
                Phase::Decoding => 37,
                _ => 1 << 20,
            });
            let before = steps.root();
            let evidence = steps.prove().map_err(|error| text(&error))?;
            let after = steps.root();
            see(Proved {
                evidence,
                before,
                after,
            });
        }
        Ok(())
    }
}

/// The largest proof of a case, each of which must be right.
///
/// # Errors
/// If one is not taken.
pub fn largest(bytes: &[u8]) -> Result<usize, String> {
    let Ok(case) = case(bytes) else {
        return Ok(0);
    };
    let (mut largest, mut wrong) = (0, None);
    case.each_step(&mut |proved| {
        let found = Judge::default().follow(&proved.evidence, &proved.before);
        if found.as_ref() != Ok(&proved.after) {
            wrong = Some(format!("{found:?} in {}", case.calls));
        }
        largest = largest.max(proved.evidence.proof.len());
    })?;
    wrong.map_or(Ok(largest), Err)
}

/// Searches for a large proof, guided by the largest one so far, which is changed a little every other time.
///
/// # Errors
/// If a proof is larger than [`MOST`], or is not taken.
pub fn size(bytes: &[u8]) -> Result<(), String> {
    static LARGEST: Mutex<(usize, Vec<u8>)> = Mutex::new((0, Vec::new()));
    let best = || LARGEST.lock().unwrap_or_else(PoisonError::into_inner);
    let tried = changed(bytes, &best().1);
    let size = on_a_large_stack(|| largest(&tried))
        .map_err(|why| format!("{why}; the case: {}", hex::encode(&tried)))?;
    if size > MOST {
        return Err(format!("{size} bytes; the case: {}", hex::encode(&tried)));
    }
    let mut best = best();
    if size > best.0 {
        eprintln!("{size} bytes");
        *best = (size, tried);
    }
    Ok(())
}

/// The best case with some bytes of this one, or this one.
fn changed(bytes: &[u8], best: &[u8]) -> Vec<u8> {
    let mut choices = Unstructured::new(bytes);
    let mut tried = best.to_vec();
    let change = |choices: &mut Unstructured<'_>, tried: &mut Vec<u8>| -> Chosen<()> {
        for _ in 0..choices.int_in_range(1..=4_u8)? {
            let at = choices.choose_index(tried.len())?;
            tried[at] = choices.arbitrary()?;
        }
        Ok(())
    };
    match !best.is_empty() && choices.ratio(1, 2).unwrap_or_default() {
        true if change(&mut choices, &mut tried).is_ok() => tried,
        _ => bytes.to_vec(),
    }
}

/// Trees are deep here.
fn on_a_large_stack<T: Send>(run: impl FnOnce() -> Result<T, String> + Send) -> Result<T, String> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(64 << 20);
        let spawned = thread
            .spawn_scoped(scope, run)
            .map_err(|error| text(&error))?;
        spawned.join().map_err(|panic| {
            let said = panic.downcast_ref::<String>().cloned();
            format!("a panic: {}", said.unwrap_or_default())
        })?
    })
}

/// Steps of calls that are made at once and of some that are not, of runs that begin and end, of a kernel that is
/// decoded.
fn proved() -> &'static [Proved] {
    static PROVED: OnceLock<Vec<Proved>> = OnceLock::new();
    PROVED.get_or_init(|| on_a_large_stack(prove).expect("a kernel of our own"))
}

fn prove() -> Result<Vec<Proved>, String> {
    let calls = [
        "has (i32.const 0) (i32.const 240)",
        "write (i32.const 0) (i32.const 240) (i32.const 3) (i32.const 9000) (i32.const 2048)",
        "read (i32.const 0) (i32.const 240) (i32.const 9) (i32.const 70000) (i32.const 2048)",
        "copy (i32.const 0) (i32.const 240) (i32.const 256) (i32.const 240)",
        "move (i32.const 256) (i32.const 240) (i32.const 0) (i32.const 240)",
        "delete (i32.const 0) (i32.const 100)",
        "nth (i32.const 256) (i32.const 2) (i64.const 77) (i32.const 9000) (i32.const 250)",
        "size (i32.const 256) (i32.const 2)",
    ];
    let mut case = Case {
        durable: Durable::new(),
        paths: ["a", "b"].map(|byte| format!("/{}", byte.repeat(239))),
        calls: calls
            .map(|call| format!("(drop (call ${call}))\n"))
            .concat(),
    };
    for path in &case.paths {
        for at in 1..path.len() {
            for byte in BYTES {
                let other = format!("{}{}", &path[..at], char::from(*byte));
                let _ = case.durable.write(other, [1; 20]);
            }
        }
        let written = case.durable.write(path, [7; 70]);
        written.map_err(|error| text(&error))?;
    }
    for number in 0..300 {
        let written = case.durable.write(format!("/b/{number}"), [1]);
        written.map_err(|error| text(&error))?;
    }
    let mut all = Vec::new();
    case.each_step(&mut |proved| all.push(proved))?;
    let sizes: BTreeSet<usize> = all.iter().map(|one| one.evidence.proof.len()).collect();
    match all.len() > 100 && sizes.len() > 10 {
        true => Ok(all),
        false => Err(format!("{} steps only", all.len())),
    }
}

/// A proof of a step with something changed: a judge finds what follows, or refuses it.
///
/// # Errors
/// If something else follows for the judge.
pub fn evidence(bytes: &[u8]) -> Result<(), String> {
    let all = proved();
    let mut choices = Unstructured::new(bytes);
    let (Ok(one), Ok(other)) = (
        choices.choose_index(all.len()),
        choices.choose_index(all.len()),
    ) else {
        return Ok(());
    };
    let (proved, mut evidence) = (&all[one], all[one].evidence.clone());
    let whole = evidence.proof.len();
    let made = match choices.int_in_range(0..=3_u8).unwrap_or_default() {
        // The end of another step's proof.
        0 => {
            let tail = &all[other].evidence.proof;
            let from = choices
                .choose_index(whole.min(tail.len()))
                .unwrap_or_default();
            evidence.proof.truncate(whole - from);
            evidence.proof.extend(&tail[tail.len() - from..]);
            Ok(())
        }
        _ => change(&mut choices, &mut evidence.proof, 0..whole),
    };
    if made.is_err() {
        return Ok(());
    }
    match Judge::default().follow(&evidence, &proved.before) {
        Ok(found) if found != proved.after => Err("another state follows".to_owned()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::random;

    /// A short search of what `fuzz step_proofs` searches for longer.
    #[test]
    fn a_changed_proof_leads_nowhere_else() {
        for number in 0..4_000 {
            let found = evidence(&random(11, number, 200));
            assert_eq!(found, Ok(()), "case {number}");
        }
    }

    /// The same of `fuzz proof_size`.
    #[test]
    fn no_proof_is_large_whatever_lies_in_storage() {
        for number in 0..200 {
            let found = size(&random(12, number, 400));
            assert_eq!(found, Ok(()), "case {number}");
        }
    }
}
