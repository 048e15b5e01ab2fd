//! Compares decoding by steps with what is said of a module as a whole.

use kernel_module::imports::IMPORTS;
use kernel_module::{KernelError, Terms, Version, check, extern_references};
use std::sync::Arc;
use step_machine::decoding::{Draft, Verdict, step};
use step_machine::image::Imported;
use step_machine::{Bounds, Hash, Plain, decode_linked};

pub(crate) const BOUNDS: Bounds = Bounds {
    stack: 1 << 10,
    frames: 299,
};

pub(crate) fn terms() -> Terms {
    Version::V5.into()
}

fn linked(import: &Imported) -> Option<u32> {
    let place = IMPORTS.iter().position(|known| known.name == import.name);
    place.map(|place| place as u32)
}

/// The verdict on the module as a whole, and the root of its first state.
fn whole(wasm: &[u8], terms: Terms) -> (Verdict, Option<Hash>, String) {
    let facts = match check(wasm, terms) {
        Ok(facts) => facts,
        Err(error) => {
            let verdict = match error {
                KernelError::NoEntry(_) => Verdict::NoEntry,
                KernelError::Run(_) => Verdict::CannotRun,
                _ => Verdict::Refused,
            };
            return (verdict, None, error.to_string());
        }
    };
    let wasm = match facts.has_extern_references {
        true => extern_references::replace(wasm).unwrap(),
        false => wasm.to_vec(),
    };
    match decode_linked(&wasm, facts.entry, linked) {
        Ok(image) => {
            let root = Plain::new(Arc::new(image), BOUNDS).root();
            (Verdict::Valid, Some(root), String::new())
        }
        Err(error) => (Verdict::Refused, None, error.to_string()),
    }
}

/// The same by steps, and how many.
pub(crate) fn by_steps(wasm: &[u8], terms: Terms) -> (Verdict, Option<Hash>, u64) {
    let mut draft = Draft::default();
    let mut source = wasm;
    let mut steps = 0;
    let verdict = loop {
        steps += 1;
        if let Some(verdict) = step(terms, &mut draft, &mut source).unwrap() {
            break verdict;
        }
    };
    let root = (verdict == Verdict::Valid).then(|| draft.finish(BOUNDS).root());
    (verdict, root, steps)
}

/// Compares the two; gives the verdict, and how many steps it took.
pub(crate) fn alike(wasm: &[u8], terms: Terms, about: &str) -> (Verdict, u64) {
    let (verdict, root, why) = whole(wasm, terms);
    let (found, found_root, steps) = by_steps(wasm, terms);
    assert_eq!(found, verdict, "{about}: {why}");
    assert_eq!(found_root, root, "{about}");
    (verdict, steps)
}

/// Numbers that follow from a seed (splitmix64).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((word ^ word >> 31) % bound.max(1) as u64) as usize
    }
}

/// Changes some bytes of a module.
pub(crate) fn change(wasm: &mut Vec<u8>, random: &mut Random) {
    const TELLING: [u8; 24] = [
        0, 1, 2, 3, 4, 5, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x10, 0x11, 0x1a, 0x1b, 0x1c, 0x20, 0x40,
        0x41, 0x6f, 0x70, 0x7b, 0x7f, 0xfd,
    ];
    for _ in 0..=random.below(8) / 5 {
        let at = random.below(wasm.len());
        match random.below(8) {
            0 => wasm[at] ^= 1 << random.below(8),
            1..=3 => wasm[at] = TELLING[random.below(TELLING.len())],
            4 => wasm[at] = random.below(256) as u8,
            5 => {
                let other = random.below(wasm.len());
                wasm.swap(at, other);
            }
            6 => {
                wasm.remove(at);
            }
            _ => wasm.insert(at, TELLING[random.below(TELLING.len())]),
        }
        if wasm.is_empty() {
            wasm.push(0);
        }
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
