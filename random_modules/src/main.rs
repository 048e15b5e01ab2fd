//! Makes modules at random, within the rules of the machine, and runs each export on the step machine and
//! on wasmi. It makes kernels of them, changes some bytes, and decodes all by steps and as a whole: `random_modules COUNT [SEED]`. With `--write COUNT FILE` it writes some for the tests
//! of `step_machine`.

#[path = "../../step_machine/tests/alike/mod.rs"]
mod alike;
#[path = "../../step_machine/tests/decoded/mod.rs"]
mod decoded;
#[path = "../../step_machine/tests/kernels/mod.rs"]
mod kernels;

use alike::{Outcome, compare};
use anyhow::{Context, Result, bail};
use arbitrary::Unstructured;
use std::collections::BTreeMap;
use std::panic::{catch_unwind, set_hook};
use std::sync::Mutex;
use wasm_smith::{Config, MemoryOffsetChoices, Module};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["--write", count, file] => write(count.parse()?, file),
        [count] => search(count.parse()?, 0),
        [count, seed] => search(count.parse()?, seed.parse()?),
        _ => bail!("random_modules COUNT [SEED], or --write COUNT FILE"),
    }
}

/// The place of the last panic.
static PANICKED: Mutex<String> = Mutex::new(String::new());

fn search(count: u64, seed: u64) -> Result<()> {
    set_hook(Box::new(|panic| {
        if let (Some(place), Ok(mut last)) = (panic.location(), PANICKED.lock()) {
            *last = place.to_string();
        }
    }));
    let mut outcomes: BTreeMap<&str, (u64, usize)> = BTreeMap::new();
    for number in 0..count {
        let Some(wasm) = module(seed, number) else {
            outcomes.entry("not made").or_default().0 += 1;
            continue;
        };
        if catch_unwind(|| decode(&wasm, number)).is_err() {
            let file = format!("module-{seed}-{number}.wasm");
            std::fs::write(&file, &wasm)?;
            bail!(
                "module {number} of seed {seed}, written to {file}, is decoded otherwise by steps"
            );
        }
        let Ok(compared) = catch_unwind(|| compare(&wasm)) else {
            let place = PANICKED.lock().map(|place| place.clone());
            let place = place.unwrap_or_default();
            // What it does not compile says nothing about us.
            if !place.contains("/wasmi-") {
                bail!("module {number} of seed {seed}: a panic at {place}");
            }
            outcomes.entry("wasmi panics").or_default().0 += 1;
            continue;
        };
        let (name, calls) = match compared {
            Ok(Outcome::Alike(calls)) => ("alike", calls),
            Ok(Outcome::Refused) => ("refused", 0),
            Ok(Outcome::Exhausted) => ("exhausted", 0),
            Err(what) => {
                let file = format!("module-{seed}-{number}.wasm");
                std::fs::write(&file, &wasm)?;
                bail!("module {number} of seed {seed}, written to {file}: {what}");
            }
        };
        let (modules, all) = outcomes.entry(name).or_default();
        *modules += 1;
        *all += calls;
    }
    println!("modules and calls: {outcomes:?}");
    Ok(())
}

/// Kernels of a module with some of their bytes changed, which are compared by how they are decoded.
const CHANGED: usize = 20;

/// Panics where a module is judged otherwise by steps, or comes out otherwise.
fn decode(wasm: &[u8], number: u64) {
    let Some(kernel) = kernels::as_kernel(wasm) else {
        return;
    };
    decoded::alike(&kernel, decoded::terms(), "as it is");
    let mut random = decoded::Random(number);
    for _ in 0..CHANGED {
        let mut changed = kernel.clone();
        decoded::change(&mut changed, &mut random);
        let about = decoded::hex(&changed);
        decoded::alike(&changed, decoded::terms(), &about);
    }
}

/// Those of which at least one call is compared.
fn write(count: usize, file: &str) -> Result<()> {
    let mut bytes = Vec::new();
    let mut written = 0;
    for number in 0.. {
        let Some(wasm) = module(1_000_000, number) else {
            continue;
        };
        if wasm.len() > 1_500 || !matches!(compare(&wasm), Ok(Outcome::Alike(1..))) {
            continue;
        }
        bytes.extend((wasm.len() as u32).to_le_bytes());
        bytes.extend(wasm);
        written += 1;
        if written == count {
            break;
        }
    }
    std::fs::write(file, bytes).context(file.to_owned())
}

/// The features of kernels; no imports, so that all is the module's own.
fn config() -> Config {
    Config {
        allow_floats: false,
        saturating_float_to_int_enabled: false,
        multi_value_enabled: false,
        exceptions_enabled: false,
        gc_enabled: false,
        memory64_enabled: false,
        relaxed_simd_enabled: false,
        tail_call_enabled: false,
        // wasmi 2.0.0 aborts at `v128.store8_lane`; the specification's tests are about vectors.
        simd_enabled: false,
        threads_enabled: false,
        wide_arithmetic_enabled: false,
        extended_const_enabled: false,
        compact_imports_enabled: false,
        max_imports: 0,
        // Few modules fail before their first call.
        allow_start_export: false,
        max_data_segments: 1,
        max_element_segments: 2,
        min_memories: 1,
        max_memories: 1,
        max_memory32_bytes: 1 << 20,
        memory_max_size_required: true,
        // Most accesses hit the memory's first page.
        memory_offset_choices: MemoryOffsetChoices(90, 9, 1),
        max_tables: 3,
        max_table_elements: 200,
        table_max_size_required: true,
        min_funcs: 3,
        max_funcs: 12,
        max_instructions: 300,
        export_everything: true,
        ..Config::default()
    }
}

fn module(seed: u64, number: u64) -> Option<Vec<u8>> {
    let bytes = bytes(seed, number);
    let mut module = Module::new(config(), &mut Unstructured::new(&bytes)).ok()?;
    module.ensure_termination(20_000).ok()?;
    Some(module.to_bytes())
}

/// Bytes at random (splitmix64).
fn bytes(seed: u64, number: u64) -> Vec<u8> {
    let mut state =
        seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ number.wrapping_mul(0xd1b5_4a32_d192_ed03);
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = state;
        word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ word >> 31
    };
    let words = 64 + next() % 448;
    (0..words).flat_map(|_| next().to_le_bytes()).collect()
}
