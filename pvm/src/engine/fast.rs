//! The fast VM: wasmtime, which compiles.

use super::{Compiled, End, Engine, Finished, Module, RunLimits, Trap, host_functions};
use crate::context::{Context, Stop};
use kernel_module::Counted;
use kernel_module::KernelError;
use kernel_module::imports::ValType;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};
use wasmtime::{
    Cache, Caller, Config, FuncType, Instance, InstancePre, Linker, Memory, ResourceLimiter, Store,
    UpdateDeadline, Val,
};

/// The fast VM: wasmtime, which compiles.
#[must_use]
pub fn fast() -> Arc<dyn Engine> {
    Arc::new(Fast)
}

#[derive(Debug)]
struct Fast;

impl Engine for Fast {
    fn name(&self) -> &'static str {
        "fast"
    }

    fn compile(&self, module: &Module<'_>) -> Result<Arc<dyn Compiled>, KernelError> {
        let patience = module.limits.patience.filter(|_| !module.limits.counted);
        let engine = engine(stack(module.limits), patience.is_some()).map_err(decode)?;
        let compiled = wasmtime::Module::new(&engine, module.wasm).map_err(decode)?;
        let pre = linker(&engine)
            .and_then(|linker| linker.instantiate_pre(&compiled))
            .map_err(|error| KernelError::Link(format!("{error:#}")))?;
        Ok(Arc::new(Ready {
            pre,
            entry: module.entry.to_owned(),
            memory: module.memory.to_owned(),
            patience,
        }))
    }
}

/// The smallest frame of compiled code, in bytes: return address and frame
/// pointer.
const SMALLEST_FRAME: usize = 16;

/// So much that a run that does not count its calls cannot have too many open.
const fn stack(limits: RunLimits) -> usize {
    let sure = limits.frames as usize * SMALLEST_FRAME;
    if limits.counted || limits.stack < sure {
        limits.stack
    } else {
        sure
    }
}

struct Ready {
    pre: InstancePre<Data>,
    entry: String,
    memory: String,
    patience: Option<Duration>,
}

/// The host functions' data.
struct Data {
    context: Context,
    memory_limits: NoneButOurs,
    /// `None` while the start function runs.
    memory: Option<Memory>,
}

impl Compiled for Ready {
    fn run(&self, context: Context) -> (Context, Finished) {
        let data = Data {
            context,
            memory_limits: NoneButOurs,
            memory: None,
        };
        let mut store = Store::new(self.pre.module().engine(), data);
        store.limiter(|data| &mut data.memory_limits);
        if let Some(patience) = self.patience {
            let start = Instant::now();
            store.set_epoch_deadline(1);
            store.epoch_deadline_callback(move |_| {
                if start.elapsed() < patience {
                    return Ok(UpdateDeadline::Continue(1));
                }
                Err(wasmtime::Error::new(Late))
            });
        }
        let finished = match self.pre.instantiate(&mut store) {
            Ok(instance) => self.call(&mut store, instance),
            Err(error) => Finished::refused(end(&error)),
        };
        (store.into_data().context, finished)
    }
}

impl Ready {
    fn call(&self, store: &mut Store<Data>, instance: Instance) -> Finished {
        let memory = instance.get_memory(&mut *store, &self.memory);
        let Some(entry) = instance.get_func(&mut *store, &self.entry) else {
            return Finished::refused(End::Other("the entry point is gone".to_owned()));
        };
        store.data_mut().memory = memory;
        // The machine takes no notice of what the entry point gives.
        let results = entry.ty(&*store).results().len();
        let mut results = vec![Val::I32(0); results];
        let called = entry.call(&mut *store, &[], &mut results);
        let counted =
            Counted::read(
                |name| match instance.get_global(&mut *store, name)?.get(&mut *store) {
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

fn linker(engine: &wasmtime::Engine) -> wasmtime::Result<Linker<Data>> {
    let mut linker = Linker::new(engine);
    for (module, place, import) in host_functions() {
        let value = |ty: &ValType| match ty {
            ValType::I64 => wasmtime::ValType::I64,
            _ => wasmtime::ValType::I32,
        };
        let params = import.params.iter().map(value);
        let ty = FuncType::new(engine, params, import.result.iter().map(value));
        linker.func_new(
            module,
            import.name,
            ty,
            move |mut caller, given, results| {
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

fn call(caller: &mut Caller<'_, Data>, place: usize, given: &[Val]) -> wasmtime::Result<i64> {
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
        .map_err(wasmtime::Error::new)
}

/// Lets memories and tables grow as their types allow. Where this computer has no more, that is no
/// answer to the kernel, which another computer would not give.
struct NoneButOurs;

impl ResourceLimiter for NoneButOurs {
    fn memory_growing(&mut self, _: usize, _: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(true)
    }

    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        match lacks(&error) {
            true => Err(error),
            false => Ok(()),
        }
    }

    fn table_growing(&mut self, _: usize, _: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(true)
    }
}

/// True if this computer refused something, whose errors have a number of the system.
fn lacks(error: &wasmtime::Error) -> bool {
    format!("{error:#}").contains("(os error ")
}

fn end(error: &wasmtime::Error) -> End {
    if error.is::<Late>() {
        return End::Late;
    }
    if let Some(stop) = error.downcast_ref::<Stop>() {
        return stop.clone().into();
    }
    if lacks(error) {
        return End::Host(format!("{error:#}"));
    }
    End::Trap(match error.downcast_ref::<wasmtime::Trap>() {
        Some(wasmtime::Trap::UnreachableCodeReached) => Trap::Unreachable,
        Some(wasmtime::Trap::MemoryOutOfBounds) => Trap::MemoryOutOfBounds,
        Some(wasmtime::Trap::TableOutOfBounds) => Trap::TableOutOfBounds,
        Some(wasmtime::Trap::IndirectCallToNull) => return End::UninitializedElement,
        Some(wasmtime::Trap::BadSignature) => Trap::BadSignature,
        Some(wasmtime::Trap::IntegerOverflow) => Trap::IntegerOverflow,
        Some(wasmtime::Trap::IntegerDivisionByZero) => Trap::IntegerDivisionByZero,
        Some(wasmtime::Trap::StackOverflow) => return End::StackExhausted,
        _ => return End::Other(format!("{error:#}")),
    })
}

/// A run that takes too long.
#[derive(Debug, thiserror::Error)]
#[error("the run takes long")]
struct Late;

/// The interval at which a run's time is checked.
const LOOK: Duration = Duration::from_millis(100);

/// An engine for each size of the stack, for runs that can be ended and for others.
fn engine(stack: usize, ends: bool) -> wasmtime::Result<wasmtime::Engine> {
    type Known = ((usize, bool), wasmtime::Engine);
    static ENGINES: Mutex<Vec<Known>> = Mutex::new(Vec::new());
    let mut engines = ENGINES.lock().unwrap_or_else(PoisonError::into_inner);
    let sought = (stack, ends);
    if let Some((_, engine)) = engines.iter().find(|(known, _)| *known == sought) {
        return Ok(engine.clone());
    }
    let mut config = Config::new();
    config
        .max_wasm_stack(stack)
        // Not used, but it may not be less.
        .async_stack_size(stack)
        .epoch_interruption(ends)
        .cache(cache());
    let engine = wasmtime::Engine::new(&config)?;
    if ends {
        let weak = engine.weak();
        let look = move || {
            while let Some(engine) = weak.upgrade() {
                engine.increment_epoch();
                drop(engine);
                std::thread::sleep(LOOK);
            }
        };
        let thread = std::thread::Builder::new().name("epochs".to_owned());
        thread.spawn(look).map_err(wasmtime::Error::new)?;
    }
    engines.push((sought, engine.clone()));
    Ok(engine)
}

/// The user's cache of compiled modules, where it can be had.
fn cache() -> Option<Cache> {
    static CACHE: OnceLock<Option<Cache>> = OnceLock::new();
    CACHE.get_or_init(|| Cache::from_file(None).ok()).clone()
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn decode(error: wasmtime::Error) -> KernelError {
    match lacks(&error) {
        true => KernelError::Host(format!("{error:#}")),
        false => KernelError::Decode(format!("{error:#}")),
    }
}
