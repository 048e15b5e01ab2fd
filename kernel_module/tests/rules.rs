//! Refused modules, the rule that each breaks, and the words of the refusal.

use kernel_module::check::Rule;
use kernel_module::{KernelError, Terms, Version, check, extern_references, report, strip};

fn wat(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap()
}

/// A kernel with these fields.
fn kernel(fields: &str) -> Vec<u8> {
    wat(&format!(
        r#"(module {fields} (memory (export "m") 1) (func (export "kernel_run")))"#
    ))
}

/// The rules that a module breaks, each with its first fault's words. The machine's verdict is the
/// same.
#[track_caller]
fn broken(wasm: &[u8], terms: impl Into<Terms>) -> Vec<(&'static str, String)> {
    let terms = terms.into();
    let rules = report(wasm, terms).rules.into_iter();
    let broken: Vec<_> = rules
        .filter_map(|rule| {
            let fault = rule.faults.first()?;
            let place = fault.function.clone().unwrap_or_default();
            Some((rule.name, format!("{place}: {}", fault.what)))
        })
        .collect();
    assert_eq!(check(wasm, terms).is_ok(), broken.is_empty(), "{broken:?}");
    broken
}

#[track_caller]
fn assert_broken(wasm: &[u8], rule: Rule, words: &str) {
    let broken = broken(wasm, Version::V5);
    assert_eq!(broken.len(), 1, "{broken:?}");
    assert_eq!(broken[0].0, rule.words());
    assert!(broken[0].1.contains(words), "{broken:?}");
}

#[test]
fn a_kernel_of_integers_passes() {
    assert_eq!(broken(&kernel(""), Version::V0), []);
    let vectors = kernel("(func (drop (i32x4.add (v128.const i64x2 1 2) (v128.const i64x2 3 4))))");
    assert_eq!(broken(&vectors, Version::V5), []);
    let result = wat(
        r#"(module (memory (export "m") 1) (func (export "kernel_run") (result i32) (i32.const 1)))"#,
    );
    assert_eq!(broken(&result, Version::V5), []);
    let dead = kernel("(func (drop (i32.trunc_f32_s (unreachable))))");
    assert_eq!(broken(&dead, Version::V5), [], "the decoder lets it pass");
}

#[test]
fn floats_are_refused_where_they_are() {
    let constant = kernel("(func $culprit (drop (f64.const 0.5)))");
    assert_broken(&constant, Rule::NoFloats, "culprit: F64Const");
    let fault = &report(&constant, Version::V5).rules[1].faults[0];
    assert_eq!(constant[fault.offset], 0x44);
    let local = kernel("(func $culprit (local f32))");
    assert_broken(&local, Rule::NoFloats, "culprit: f32 in a local");
    let ty = kernel("(type (func (param f64)))");
    assert_broken(&ty, Rule::NoFloats, "f64 in a function type");
    let dead = kernel("(func $culprit (unreachable) (f32.neg) (drop))");
    assert_broken(&dead, Rule::NoFloats, "culprit: F32Neg");
    let simd = kernel("(func $culprit (drop (f64x2.floor (v128.const i64x2 1 2))))");
    assert_broken(&simd, Rule::NoFloats, "culprit: F64x2Floor");
}

#[test]
fn what_the_fast_path_refuses_is_refused_and_said() {
    let several = kernel("(func $culprit (result i32 i32) (i32.const 1) (i32.const 2))");
    assert_broken(&several, Rule::FastPath, "multi-value");
    let memories = kernel("(memory 1)");
    let found = broken(&memories, Version::V5);
    assert_eq!(found[0].0, Rule::FastPath.words());
    let extended = kernel("(global i32 (i32.add (i32.const 1) (i32.const 2)))");
    assert_broken(&extended, Rule::FastPath, "");
}

#[test]
fn instructions_that_the_machine_lacks_are_refused() {
    let tail = kernel("(func $culprit (return_call $culprit))");
    assert_broken(&tail, Rule::Instructions, "culprit: ReturnCall");
}

#[test]
fn ill_typed_code_breaks_the_machine_as_it_runs() {
    let wasm = kernel("(func $culprit (i32.add) (drop))");
    assert_broken(&wasm, Rule::Code, "");
    let refused = check(&wasm, Version::V5).unwrap_err();
    assert!(matches!(refused, KernelError::Run(_)), "{refused}");
    assert!(!refused.recoverable());
    let takes = wat(r#"(module (memory (export "m") 1) (func (export "kernel_run") (param i32)))"#);
    assert_broken(&takes, Rule::EntryType, "takes parameters");
}

#[test]
fn imports_are_those_of_the_machine_at_its_version() {
    let elsewhere = kernel(r#"(import "env" "write_debug" (func (param i32 i32)))"#);
    assert_broken(&elsewhere, Rule::Imports, "env.write_debug");
    let typed = kernel(r#"(import "smart_rollup_core" "write_debug" (func (param i32)))"#);
    assert_broken(&typed, Rule::ImportTypes, "write_debug");
    let exists = kernel(
        r#"(import "smart_rollup_core" "store_exists" (func (param i32 i32) (result i32)))"#,
    );
    assert_eq!(broken(&exists, Version::V1)[0].0, Rule::Imports.words());
    assert_eq!(broken(&exists, Version::V2), []);
}

#[test]
fn names_of_2022_are_refused_with_advice_and_pass_on_request() {
    let wasm = wat(r#"(module
        (import "rollup_safe_core" "write_debug" (func (param i32 i32)))
        (memory (export "m") 1) (func (export "kernel_next")))"#);
    for version in Version::ALL {
        let broken = broken(&wasm, version);
        let rules: Vec<_> = broken.iter().map(|(rule, _)| *rule).collect();
        assert_eq!(rules, [Rule::Imports.words(), Rule::Entry.words()]);
        for (_, words) in broken {
            assert!(words.contains("2022"), "{words}");
            assert!(
                words.contains("without the feature `legacy-abi`"),
                "{words}"
            );
        }
    }
    let terms = Terms {
        version: Version::V5,
        legacy: true,
    };
    assert_eq!(broken(&wasm, terms), []);
    let facts = check(&wasm, terms).unwrap();
    assert_eq!((facts.entry, facts.legacy), ("kernel_next", true));
}

#[test]
fn a_kernel_has_an_entry_and_an_exported_memory() {
    let no_entry = wat(r#"(module (memory (export "m") 1) (func (export "run")))"#);
    assert_broken(&no_entry, Rule::Entry, "no function kernel_run");
    let hidden = wat(r#"(module (memory 1) (func (export "kernel_run")))"#);
    assert_broken(&hidden, Rule::Memory, "not exported");
}

#[test]
fn segments_must_fit() {
    let data = kernel(r#"(data (i32.const 65535) "ab")"#);
    assert_broken(&data, Rule::Segments, "data beyond the memory");
    assert_eq!(
        broken(&kernel(r#"(data (i32.const 65535) "a")"#), Version::V5),
        []
    );
    let elements = kernel("(table 1 funcref) (func $f) (elem (i32.const 1) $f)");
    assert_broken(&elements, Rule::Segments, "elements beyond the table");
}

#[test]
fn a_start_function_may_not_reach_the_host() {
    let module = |start: &str| {
        kernel(&format!(
            r#"(import "smart_rollup_core" "write_debug" (func $log (param i32 i32)))
            (func $deep (call $log (i32.const 0) (i32.const 0)))
            (func $start {start}) (start $start)"#
        ))
    };
    assert_eq!(broken(&module(""), Version::V5), []);
    assert_broken(&module("(call $deep)"), Rule::Start, "host function");
}

#[test]
fn sections_out_of_order_do_not_decode() {
    let mut wasm = kernel("");
    // An empty type section behind the others.
    wasm.extend([1, 1, 0]);
    assert_broken(&wasm, Rule::WellFormed, "");
    assert_broken(b"\0asm", Rule::WellFormed, "");
}

#[test]
fn stripping_takes_the_custom_sections_and_nothing_else() {
    let plain = kernel("(func (nop))");
    let mut named = plain.clone();
    named.extend(b"\0\x09\x04nameabcd");
    assert_eq!(strip(&named).unwrap(), plain);
}

#[test]
fn references_to_things_of_the_host_can_be_replaced() {
    let wasm = kernel(
        "(table 1 externref) (func (local externref) (local.set 0 (ref.null extern)) (table.set 0 (i32.const 0) (local.get 0)))",
    );
    assert!(check(&wasm, Version::V5).unwrap().has_extern_references);
    let replaced = extern_references::replace(&wasm).unwrap();
    let facts = check(&replaced, Version::V5).unwrap();
    assert!(!facts.has_extern_references);
}
