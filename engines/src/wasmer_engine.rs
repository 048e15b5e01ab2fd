//! The Octez rollup node's engine: wasmer 3.3.0, with the features that the node
//! allows.

use pvm::context::{Context, Stop};
use pvm::engine::{Compiled, End, Engine, Finished, Module, Trap, host_functions};
use pvm::{Counted, KernelError};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use wasmer::{
    CompilerConfig, Cranelift, EngineBuilder, Features, Function, FunctionEnv, FunctionEnvMut,
    FunctionType, Imports, Instance, Memory, RuntimeError, Singlepass, Store, Type, Value,
};
use wasmer_types::TrapCode;
use wasmparser::ValType;

/// wasmer with the compiler that the node uses by default.
pub(crate) fn cranelift() -> Arc<dyn Engine> {
    Arc::new(Wasmer::new("wasmer, Cranelift", || {
        Box::new(Cranelift::default())
    }))
}

/// wasmer with the compiler that takes one pass.
pub(crate) fn singlepass() -> Arc<dyn Engine> {
    Arc::new(Wasmer::new("wasmer, Singlepass", || {
        Box::new(Singlepass::default())
    }))
}

/// Lets a run have no more than 59,999 calls open, the machine's limit, however
/// small their frames are: 16 bytes at least.
pub(crate) fn bound_the_stack() {
    wasmer_vm::set_stack_size(950_272);
}

struct Wasmer {
    name: &'static str,
    engine: wasmer::Engine,
    /// Compiling takes longer than running: each module once.
    modules: Mutex<HashMap<Vec<u8>, wasmer::Module>>,
}

impl std::fmt::Debug for Wasmer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl Wasmer {
    fn new(name: &'static str, compiler: fn() -> Box<dyn CompilerConfig>) -> Self {
        let features = Features {
            reference_types: true,
            simd: true,
            bulk_memory: true,
            threads: false,
            multi_value: false,
            tail_call: false,
            module_linking: false,
            multi_memory: false,
            memory64: false,
            exceptions: false,
            relaxed_simd: false,
            extended_const: false,
        };
        let builder = EngineBuilder::new(compiler()).set_features(Some(features));
        Self {
            name,
            engine: builder.engine().into(),
            modules: Mutex::default(),
        }
    }
}

impl Engine for Wasmer {
    fn name(&self) -> &'static str {
        self.name
    }

    fn compile(&self, module: &Module<'_>) -> Result<Arc<dyn Compiled>, KernelError> {
        let mut modules = self.modules.lock().unwrap_or_else(PoisonError::into_inner);
        let ready = match modules.get(module.wasm) {
            Some(ready) => ready.clone(),
            None => {
                let ready = wasmer::Module::new(&self.engine, module.wasm)
                    .map_err(|error| KernelError::Decode(error.to_string()))?;
                modules.insert(module.wasm.to_vec(), ready.clone());
                ready
            }
        };
        Ok(Arc::new(Ready {
            engine: self.engine.clone(),
            module: ready,
            entry: module.entry.to_owned(),
            memory: module.memory.to_owned(),
        }))
    }
}

struct Ready {
    engine: wasmer::Engine,
    module: wasmer::Module,
    entry: String,
    memory: String,
}

/// The host functions' data.
struct Data {
    context: Option<Context>,
    /// `None` while the start function runs.
    memory: Option<Memory>,
}

impl Compiled for Ready {
    fn run(&self, context: Context) -> (Context, Finished) {
        let mut store = Store::new(self.engine.clone());
        let data = Data {
            context: Some(context),
            memory: None,
        };
        let env = FunctionEnv::new(&mut store, data);
        let imports = imports(&mut store, &env);
        let finished = match Instance::new(&mut store, &self.module, &imports) {
            Ok(instance) => self.call(&mut store, &env, &instance),
            Err(error) => Finished::refused(match error {
                wasmer::InstantiationError::Start(error) => end(error),
                other => End::Other(other.to_string()),
            }),
        };
        let context = env.as_mut(&mut store).context.take();
        (context.expect("only a run takes it"), finished)
    }
}

impl Ready {
    fn call(&self, store: &mut Store, env: &FunctionEnv<Data>, instance: &Instance) -> Finished {
        let memory = instance.exports.get_memory(&self.memory).ok().cloned();
        env.as_mut(store).memory = memory;
        let Ok(entry) = instance.exports.get_function(&self.entry) else {
            return Finished::refused(End::Other("the entry point is gone".to_owned()));
        };
        let called = entry.call(store, &[]);
        let counted =
            Counted::read(
                |name| match instance.exports.get_global(name).ok()?.get(store) {
                    Value::I32(number) => Some(i64::from(number)),
                    Value::I64(number) => Some(number),
                    _ => None,
                },
            );
        Finished {
            instantiated: true,
            end: called.map(drop).map_err(end),
            counted,
        }
    }
}

fn imports(store: &mut Store, env: &FunctionEnv<Data>) -> Imports {
    let mut imports = Imports::new();
    for (module, place, import) in host_functions() {
        let value = |ty: &ValType| match ty {
            ValType::I64 => Type::I64,
            _ => Type::I32,
        };
        let params: Vec<Type> = import.params.iter().map(value).collect();
        let results: Vec<Type> = import.result.iter().map(value).collect();
        let ty = FunctionType::new(params, results);
        let function = Function::new_with_env(store, env, ty, move |env, given| {
            let answer = call(env, place, given)?;
            Ok(match import.result {
                Some(ValType::I64) => vec![Value::I64(answer)],
                Some(_) => vec![Value::I32(answer as i32)],
                None => Vec::new(),
            })
        });
        imports.define(module, import.name, function);
    }
    imports
}

fn call(
    mut env: FunctionEnvMut<'_, Data>,
    place: usize,
    given: &[Value],
) -> Result<i64, RuntimeError> {
    let args: Vec<i64> = given
        .iter()
        .map(|value| match value {
            Value::I64(number) => *number,
            Value::I32(number) => i64::from(*number),
            _ => 0,
        })
        .collect();
    let (data, store) = env.data_and_store_mut();
    let Some(context) = &mut data.context else {
        return Err(RuntimeError::new("the context is gone"));
    };
    let view = data.memory.as_ref().map(|memory| memory.view(&store));
    #[expect(unsafe_code, reason = "wasmer has no other way to lend the memory")]
    // SAFETY: the module waits for this call, and nothing else has its memory.
    let memory = view
        .as_ref()
        .map(|view| unsafe { view.data_unchecked_mut() });
    context
        .call(place, &args, memory)
        .map_err(|stop| RuntimeError::user(Box::new(stop)))
}

fn end(error: RuntimeError) -> End {
    if let Some(stop) = error.downcast_ref::<Stop>() {
        return stop.clone().into();
    }
    let text = error.message();
    End::Trap(match error.to_trap() {
        Some(TrapCode::UnreachableCodeReached) => Trap::Unreachable,
        Some(TrapCode::HeapAccessOutOfBounds) => Trap::MemoryOutOfBounds,
        Some(TrapCode::TableAccessOutOfBounds) => Trap::TableOutOfBounds,
        Some(TrapCode::IndirectCallToNull) => return End::UninitializedElement,
        Some(TrapCode::BadSignature) => Trap::BadSignature,
        Some(TrapCode::IntegerOverflow) => Trap::IntegerOverflow,
        Some(TrapCode::IntegerDivisionByZero) => Trap::IntegerDivisionByZero,
        Some(TrapCode::StackOverflow) => return End::StackExhausted,
        _ => return End::Other(text),
    })
}
