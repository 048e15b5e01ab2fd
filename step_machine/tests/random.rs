//! Modules at random do the same on the step machine and on wasmi. Some stand here, made by
//! `random_modules`, which makes as many more as one likes.

use crate::alike::{Outcome, compare};

/// Each behind its length (u32, little-endian).
const MODULES: &[u8] = include_bytes!("data/modules.bin");

#[test]
fn random_modules_run_alike() {
    let mut rest = MODULES;
    let (mut modules, mut calls) = (0, 0);
    while let Some((len, behind)) = rest.split_first_chunk() {
        let (wasm, behind) = behind.split_at(u32::from_le_bytes(*len) as usize);
        rest = behind;
        match compare(wasm) {
            Ok(Outcome::Alike(count)) => calls += count,
            Ok(_) => {}
            Err(what) => panic!("module {modules}: {what}"),
        }
        modules += 1;
    }
    eprintln!("{modules} modules, {calls} calls");
    assert!(
        modules >= 100 && calls >= 300,
        "{modules} modules, {calls} calls"
    );
}
