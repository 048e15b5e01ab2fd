//! Compares the step machine with wasmi on a module, export by export.

use kernel_module::{Counted, KernelFacts, Outline, Version, metering};
use std::sync::Arc;
use step_machine::{Bounds, End, Plain, decode_library};
use wasmi::{Config, Engine, Func, Instance, Linker, Module, Store, TrapCode, V128, Val, ValType};

/// The result of a module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    /// All calls did the same; so many of them.
    Alike(usize),
    /// The step machine does not admit it.
    Refused,
    /// A stack was full on one of the two, which have other bounds.
    Exhausted,
}

const FRAMES: usize = 400;

/// Calls each exported function once on either, and compares ends, results, counts, memory and globals.
///
/// # Errors
/// The differences.
pub(crate) fn compare(wasm: &[u8]) -> Result<Outcome, String> {
    let outline = Outline::read(wasm).map_err(|error| error.to_string())?;
    let Ok(image) = decode_library(wasm) else {
        return Ok(Outcome::Refused);
    };
    let bounds = Bounds {
        stack: 1 << 20,
        frames: FRAMES as u32,
    };
    let mut plain = Plain::new(Arc::new(image), bounds);
    let started = plain.run(|_, _| Err(End::Stopped), || Ok(()));
    let started = started.map_err(|end| format!("{end:?} by itself"))?;
    let counting = instrumented(wasm, &outline)?;
    let mut config = Config::default();
    config.set_max_recursion_depth(FRAMES);
    let engine = Engine::new(&config);
    let module = Module::new(&engine, &*counting).map_err(|error| error.to_string())?;
    let mut store = Store::new(&engine, ());
    let instance = match Linker::new(&engine).instantiate_and_start(&mut store, &module) {
        Ok(instance) => instance,
        Err(error) => {
            let end = end(&error, false);
            if is_exhausted(end) || is_exhausted(started) {
                return Ok(Outcome::Exhausted);
            }
            // It has another error than a trap for segments that do not fit.
            let segment = matches!(started, End::TableOutOfBounds | End::MemoryOutOfBounds);
            if end != End::NoInstruction || !segment {
                same("the start", started, end)?;
            }
            return Ok(Outcome::Alike(0));
        }
    };
    same("the start", started, End::Returned)?;
    let mut calls = 0;
    for (name, function) in functions(&store, instance) {
        match call(&mut plain, &mut store, instance, (&name, function))? {
            true => calls += 1,
            false => return Ok(Outcome::Exhausted),
        }
    }
    Ok(Outcome::Alike(calls))
}

/// The module with what counts its instructions.
fn instrumented(wasm: &[u8], outline: &Outline<'_>) -> Result<Vec<u8>, String> {
    let facts = KernelFacts {
        entry: "",
        memory: String::new(),
        since: Version::V0,
        legacy: false,
        imported_functions: outline.imported_functions,
        globals: outline.globals,
        has_extern_references: outline.has_extern_references,
        start_ticks: 0,
    };
    metering::instrument(wasm, &facts, 1_000_000, None).map_err(|error| error.to_string())
}

fn functions(store: &Store<()>, instance: Instance) -> Vec<(String, Func)> {
    let exports = instance.exports(store);
    let functions = exports.filter_map(|export| {
        let name = export.name().to_owned();
        export.into_func().map(|function| (name, function))
    });
    functions.collect()
}

/// One call on either; gives whether no stack was full.
fn call(
    plain: &mut Plain,
    store: &mut Store<()>,
    instance: Instance,
    (name, function): (&str, Func),
) -> Result<bool, String> {
    let ty = function.ty(&*store);
    let arguments: Vec<Val> = ty.params().iter().map(argument).collect();
    let mut results: Vec<Val> = ty
        .results()
        .iter()
        .map(|ty| Val::default_for_ty(*ty))
        .collect();
    let before = counted(store, instance);
    let called = function.call(&mut *store, &arguments, &mut results);
    let after = counted(store, instance);
    let other = match &called {
        Ok(()) => End::Returned,
        Err(error) => end(error, after.undefined_element && !before.undefined_element),
    };
    let (number, _) = plain.image().function(name).ok_or("no such export")?;
    let given: Vec<u64> = arguments.iter().flat_map(cells).collect();
    let ours = plain.call(number, &given, |_, _| Err(End::Stopped));
    let end = ours.as_ref().err().copied().unwrap_or(End::Returned);
    if is_exhausted(end) || is_exhausted(other) {
        return Ok(false);
    }
    // The mark of such a call stays, so that a second is not told from `unreachable`.
    match end {
        End::UndefinedElement if before.undefined_element => {
            same(name, End::Unreachable, other)?;
        }
        end => same(name, end, other)?,
    }
    if let Ok(ours) = ours {
        let expected: Vec<u64> = results.iter().flat_map(cells).collect();
        let known = results
            .iter()
            .all(|result| !matches!(result, Val::FuncRef(_)));
        if known {
            same(&format!("what {name} gives"), ours, expected)?;
        }
        let instructions = after.instructions - before.instructions;
        same(
            &format!("the count of {name}"),
            plain.state().instructions,
            instructions,
        )?;
    }
    content(plain, store, instance, name)?;
    Ok(true)
}

/// Memory and globals after a call.
fn content(plain: &Plain, store: &Store<()>, instance: Instance, name: &str) -> Result<(), String> {
    for export in instance.exports(store) {
        let at = format!("{} after {name}", export.name());
        if let Some(memory) = export.clone().into_memory() {
            let bytes = memory.data(store);
            same(
                &format!("the size of {at}"),
                plain.memory().len(),
                bytes.len(),
            )?;
            if plain.memory() != bytes {
                return Err(format!("{at} differs"));
            }
        }
        if let Some(global) = export.clone().into_global()
            && let Some(words) = plain.global(export.name())
        {
            let value = global.get(store);
            if !matches!(value, Val::FuncRef(_)) {
                same(&at, words.to_vec(), cells(&value))?;
            }
        }
    }
    Ok(())
}

fn counted(store: &Store<()>, instance: Instance) -> Counted {
    Counted::read(|name| match instance.get_global(store, name)?.get(store) {
        Val::I32(number) => Some(number.into()),
        Val::I64(number) => Some(number),
        _ => None,
    })
}

fn argument(ty: &ValType) -> Val {
    match ty {
        ValType::I32 => Val::I32(-7),
        ValType::I64 => Val::I64(0x0123_4567_89ab_cdef),
        ValType::V128 => Val::V128(V128::from(0x0102_7fff_8000_ff00_8081_8283_0000_0001_u128)),
        ty => Val::default_for_ty(*ty),
    }
}

/// As the step machine has it; of references whether they are null.
fn cells(value: &Val) -> Vec<u64> {
    match value {
        Val::I32(number) => vec![number.cast_unsigned().into()],
        Val::I64(number) => vec![number.cast_unsigned()],
        Val::V128(number) => {
            let number = number.as_u128();
            vec![number as u64, (number >> 64) as u64]
        }
        Val::FuncRef(reference) => vec![u64::from(!reference.is_null())],
        Val::ExternRef(reference) => vec![u64::from(!reference.is_null())],
        _ => Vec::new(),
    }
}

#[allow(
    clippy::needless_pass_by_value,
    reason = "what it is given is made for it"
)]
fn same<T: PartialEq + std::fmt::Debug>(what: &str, ours: T, other: T) -> Result<(), String> {
    if ours == other {
        return Ok(());
    }
    Err(format!("{what}: {ours:?} here, {other:?} on wasmi"))
}

const fn is_exhausted(end: End) -> bool {
    matches!(end, End::StackExhausted | End::CallsExhausted)
}

fn end(error: &wasmi::Error, undefined: bool) -> End {
    match error.as_trap_code() {
        Some(TrapCode::UnreachableCodeReached) if undefined => End::UndefinedElement,
        Some(TrapCode::UnreachableCodeReached) => End::Unreachable,
        Some(TrapCode::MemoryOutOfBounds) => End::MemoryOutOfBounds,
        Some(TrapCode::TableOutOfBounds) => End::TableOutOfBounds,
        Some(TrapCode::IndirectCallToNull) => End::UninitializedElement,
        Some(TrapCode::BadSignature) => End::BadSignature,
        Some(TrapCode::IntegerOverflow) => End::IntegerOverflow,
        Some(TrapCode::IntegerDivisionByZero) => End::IntegerDivisionByZero,
        Some(TrapCode::StackOverflow) => End::StackExhausted,
        _ => End::NoInstruction,
    }
}
