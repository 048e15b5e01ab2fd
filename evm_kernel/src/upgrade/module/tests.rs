use super::*;
use host::Store;
use host::mock::MockHost;
use proptest::prelude::*;
use wasm_encoder::{
    CodeSection, CustomSection, EntityType, ExportKind, ExportSection, Function, FunctionSection,
    ImportSection, MemorySection, MemoryType, Module, TypeSection, ValType,
};

const PLACE: Path<'static> = Path::literal("/module");

/// The verdict of the small reader. The machine's own rules must not say that the module sticks the
/// rollup for want of an entry point where it passes; and what they accept passes here, unless it
/// is odd in a way that this kernel never is.
fn checked(bytes: &[u8]) -> Result<(), Wrong> {
    let mut host = MockHost::default();
    host.write_alone(PLACE, bytes).unwrap();
    let small = check(&host, PLACE).unwrap().map_or(Ok(()), Err);
    match (
        small,
        kernel_module::check(bytes, kernel_module::Version::V6),
    ) {
        (Ok(()), Err(kernel_module::KernelError::NoEntry(why))) => panic!("passes, but {why}"),
        // The entry point may give something, and the memory have two names.
        (Err(why), Ok(_)) => assert!(
            why.contains("gives nothing") || why.contains("just one memory"),
            "the machine accepts it, but {why}"
        ),
        _ => {}
    }
    small
}

/// A kernel, made wrong in one way by each test.
#[derive(Clone)]
struct Kernel {
    imports_from: &'static str,
    results: Vec<ValType>,
    memories: u32,
    exports: Vec<(&'static str, ExportKind, u32)>,
    /// Bytes of a custom section before each section.
    custom: usize,
}

impl Default for Kernel {
    fn default() -> Self {
        Self {
            imports_from: "smart_rollup_core",
            results: vec![],
            memories: 1,
            exports: vec![
                ("memory", ExportKind::Memory, 0),
                ("other", ExportKind::Func, 0),
                ("kernel_run", ExportKind::Func, 1),
            ],
            custom: 0,
        }
    }
}

impl Kernel {
    fn wasm(&self) -> Vec<u8> {
        let mut module = Module::new();
        let custom = |module: &mut Module| {
            if self.custom > 0 {
                module.section(&CustomSection {
                    name: "more".into(),
                    data: vec![0xff; self.custom].into(),
                });
            }
        };
        custom(&mut module);
        let mut types = TypeSection::new();
        types
            .ty()
            .function([ValType::I32, ValType::I32], [ValType::I32]);
        types.ty().function([], self.results.clone());
        module.section(&types);
        custom(&mut module);
        let import = EntityType::Function(0);
        module.section(ImportSection::new().import(self.imports_from, "write_output", import));
        module.section(FunctionSection::new().function(1));
        custom(&mut module);
        let mut memories = MemorySection::new();
        for _ in 0..self.memories {
            memories.memory(MemoryType {
                minimum: 1,
                maximum: None,
                memory64: false,
                shared: false,
                page_size_log2: None,
            });
        }
        module.section(&memories);
        let mut exports = ExportSection::new();
        for (name, kind, index) in &self.exports {
            exports.export(name, *kind, *index);
        }
        module.section(&exports);
        let mut function = Function::new([]);
        function.instructions().unreachable().end();
        module.section(CodeSection::new().function(&function));
        custom(&mut module);
        module.finish()
    }

    fn checked(&self) -> Result<(), Wrong> {
        checked(&self.wasm())
    }
}

#[test]
fn a_kernel_passes_whatever_custom_sections_it_has() {
    for custom in [0, 1, 2_000, 2_048, 10_000] {
        let kernel = Kernel {
            custom,
            ..Kernel::default()
        };
        assert_eq!(kernel.checked(), Ok(()), "{custom}");
    }
}

#[test]
fn what_would_stop_the_rollup_for_good_is_refused() {
    let exports = |index: usize, entry| {
        let mut kernel = Kernel::default();
        kernel.exports[index] = entry;
        kernel.checked()
    };
    let no_run = Err("it exports no function kernel_run that takes and gives nothing");
    assert_eq!(exports(2, ("kernel_ran", ExportKind::Func, 1)), no_run);
    // Of another type; not a function; not there.
    assert_eq!(exports(2, ("kernel_run", ExportKind::Func, 0)), no_run);
    assert_eq!(exports(2, ("kernel_run", ExportKind::Global, 1)), no_run);
    assert_eq!(exports(2, ("kernel_run", ExportKind::Func, 2)), no_run);
    let kernel = Kernel {
        results: vec![ValType::I32],
        ..Kernel::default()
    };
    assert_eq!(kernel.checked(), no_run);

    let no_memory = Err("it has not just one memory, exported");
    assert_eq!(exports(0, ("memory", ExportKind::Func, 0)), no_memory);
    assert_eq!(exports(1, ("again", ExportKind::Memory, 0)), no_memory);
    for memories in [0, 2] {
        let kernel = Kernel {
            memories,
            ..Kernel::default()
        };
        assert_eq!(kernel.checked(), no_memory);
    }
    let kernel = Kernel {
        imports_from: "env",
        ..Kernel::default()
    };
    let foreign = Err("it imports what the machine does not offer");
    assert_eq!(kernel.checked(), foreign);
}

#[test]
fn sections_stand_in_their_order_and_end_where_they_say() {
    let wasm = Kernel::default().wasm();
    assert_eq!(checked(b""), Err("it is no wasm module"));
    assert_eq!(checked(b"\0asm\x02\0\0\0"), Err("it is no wasm module"));
    for len in 0..wasm.len() {
        assert!(checked(&wasm[..len]).is_err(), "{len}");
    }
    let again = [&wasm[..], &wasm[8..]].concat();
    assert_eq!(checked(&again), Err("its sections are out of order"));
    let unknown = [&wasm[..], &[13, 0]].concat();
    assert_eq!(checked(&unknown), Err("an unknown section"));
    // A type section that counts one type less than it holds.
    let mut less = wasm;
    assert_eq!((less[8], less[10]), (1, 2));
    less[10] = 1;
    assert_eq!(checked(&less), Err("a section holds more than it says"));
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
        let _ = checked(&bytes);
        let _ = checked(&[&HEADER[..], &bytes].concat());
    }

    #[test]
    fn a_kernel_with_other_bytes_is_read_or_refused(
        custom in 0_usize..5_000,
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut wasm = Kernel { custom, ..Kernel::default() }.wasm();
        for (at, byte) in changes {
            let at = at.index(wasm.len());
            wasm[at] = byte;
        }
        let _ = checked(&wasm);
    }
}
