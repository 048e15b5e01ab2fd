//! The interpreter: wasmi, which shares no code with the fast VM.

use super::{Compiled, End, Engine, Finished, Module, Trap, host_functions};
use crate::context::{Context, Stop};
use kernel_module::Counted;
use kernel_module::KernelError;
use kernel_module::imports::ValType;
use std::sync::Arc;
use wasmi::errors::{ErrorKind, MemoryError, TableError};
use wasmi::{
    Caller, Config, EnforcedLimits, FuncType, Instance, Linker, Memory, Store, TrapCode, Val,
};

/// The interpreter: wasmi, which shares no code with the fast VM.
#[must_use]
pub fn interpreter() -> Arc<dyn Engine> {
    Arc::new(Interpreter)
}

#[derive(Debug)]
struct Interpreter;

impl Engine for Interpreter {
    fn name(&self) -> &'static str {
        "interpreter"
    }

    fn compile(&self, module: &Module<'_>) -> Result<Arc<dyn Compiled>, KernelError> {
        let mut config = Config::default();
        config
            .wasm_multi_value(false)
            .wasm_tail_call(false)
            .wasm_extended_const(false)
            .enforced_limits(EnforcedLimits::default())
            .set_max_recursion_depth(module.limits.frames as usize)
            .set_max_stack_height(module.limits.stack);
        let engine = wasmi::Engine::new(&config);
        let ready = wasmi::Module::new(&engine, module.wasm)
            .map_err(|error| KernelError::Decode(error.to_string()))?;
        let linker = linker(&engine).map_err(|error| KernelError::Link(error.to_string()))?;
        Ok(Arc::new(Ready {
            linker,
            module: ready,
            entry: module.entry.to_owned(),
            memory: module.memory.to_owned(),
        }))
    }
}

struct Ready {
    linker: Linker<Data>,
    module: wasmi::Module,
    entry: String,
    memory: String,
}

/// The host functions' data.
struct Data {
    context: Context,
    /// `None` while the start function runs.
    memory: Option<Memory>,
}

impl Compiled for Ready {
    fn run(&self, context: Context) -> (Context, Finished) {
        let data = Data {
            context,
            memory: None,
        };
        let mut store = Store::new(self.module.engine(), data);
        let finished = match self.linker.instantiate_and_start(&mut store, &self.module) {
            Ok(instance) => self.call(&mut store, instance),
            Err(error) => Finished::refused(end(&error)),
        };
        (store.into_data().context, finished)
    }
}

impl Ready {
    fn call(&self, store: &mut Store<Data>, instance: Instance) -> Finished {
        let memory = instance.get_memory(&*store, &self.memory);
        let Some(entry) = instance.get_func(&*store, &self.entry) else {
            return Finished::refused(End::Other("the entry point is gone".to_owned()));
        };
        store.data_mut().memory = memory;
        // The machine takes no notice of what the entry point gives.
        let results = entry.ty(&*store).results().len();
        let mut results = vec![Val::I32(0); results];
        let called = entry.call(&mut *store, &[], &mut results);
        let counted =
            Counted::read(
                |name| match instance.get_global(&*store, name)?.get(&*store) {
                    Val::I32(number) => Some(i64::from(number)),
                    Val::I64(number) => Some(number),
                    _ => None,
                },
            );
        Finished {
            instantiated: true,
            end: called.map_err(|error| end(&error)),
            counted,
        }
    }
}

fn linker(engine: &wasmi::Engine) -> Result<Linker<Data>, wasmi::Error> {
    let mut linker = Linker::new(engine);
    for (module, place, import) in host_functions() {
        let value = |ty: &ValType| match ty {
            ValType::I64 => wasmi::ValType::I64,
            _ => wasmi::ValType::I32,
        };
        let params = import.params.iter().map(value);
        let ty = FuncType::new(params, import.result.iter().map(value));
        linker.func_new(
            module,
            import.name,
            ty,
            move |mut caller: Caller<'_, Data>, given: &[Val], results: &mut [Val]| {
                let answer = call(&mut caller, place, given)?;
                if let [result] = results {
                    *result = match import.result {
                        Some(ValType::I64) => Val::I64(answer),
                        _ => Val::I32(answer as i32),
                    };
                }
                Ok(())
            },
        )?;
    }
    Ok(linker)
}

fn call(caller: &mut Caller<'_, Data>, place: usize, given: &[Val]) -> Result<i64, wasmi::Error> {
    let mut args = [0; 8];
    for (arg, value) in args.iter_mut().zip(given) {
        *arg = match value {
            Val::I64(number) => *number,
            Val::I32(number) => i64::from(*number),
            _ => 0,
        };
    }
    let (memory, context) = match caller.data().memory {
        Some(memory) => {
            let (bytes, data) = memory.data_and_store_mut(caller);
            (Some(bytes), &mut data.context)
        }
        None => (None, &mut caller.data_mut().context),
    };
    context
        .call(place, &args[..given.len()], memory)
        .map_err(wasmi::Error::host)
}

impl wasmi::errors::HostError for Stop {}

fn end(error: &wasmi::Error) -> End {
    if let ErrorKind::Memory(MemoryError::OutOfSystemMemory)
    | ErrorKind::Table(TableError::OutOfSystemMemory)
    | ErrorKind::TrapCode(TrapCode::OutOfSystemMemory) = error.kind()
    {
        return End::Host(error.to_string());
    }
    if let Some(stop) = error.downcast_ref::<Stop>() {
        return stop.clone().into();
    }
    End::Trap(match error.as_trap_code() {
        Some(TrapCode::UnreachableCodeReached) => Trap::Unreachable,
        Some(TrapCode::MemoryOutOfBounds) => Trap::MemoryOutOfBounds,
        Some(TrapCode::TableOutOfBounds) => Trap::TableOutOfBounds,
        Some(TrapCode::IndirectCallToNull) => return End::UninitializedElement,
        Some(TrapCode::BadSignature) => Trap::BadSignature,
        Some(TrapCode::IntegerOverflow) => Trap::IntegerOverflow,
        Some(TrapCode::IntegerDivisionByZero) => Trap::IntegerDivisionByZero,
        Some(TrapCode::StackOverflow) => return End::StackExhausted,
        _ => return End::Other(error.to_string()),
    })
}
