//! A kernel's bytes, validated and compiled.

use crate::host_functions::{Context, linker};
use crate::validity::{self, Facts, KernelError};
use crate::{Version, metering};
use blake2::{Blake2b, Digest, digest::consts::U32};
use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use wasmtime::{Cache, Config, Engine, InstancePre, Module, ModuleExport};

/// What is measured during a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Metering {
    /// Nothing but the time: the fastest.
    #[default]
    Off,
    /// Instructions, host calls by name, bytes moved, call depth.
    Full,
}

/// A kernel that passed the checks. Compiled when a machine first uses it, once
/// for each kind of metering; loading the same bytes again costs their hash.
pub struct Kernel {
    wasm: Vec<u8>,
    hash: [u8; 32],
    facts: Facts,
    compiled: Mutex<Vec<(EngineKind, Arc<Compiled>)>>,
}

/// How many kernels are kept in memory.
const KEPT: usize = 8;

static LOADED: Mutex<VecDeque<Arc<Kernel>>> = Mutex::new(VecDeque::new());

impl Kernel {
    /// Checks a module by the rules of the machine at `version`, or finds it
    /// among those loaded before.
    ///
    /// # Errors
    /// Why it is no kernel.
    pub fn load(wasm: &[u8], version: Version) -> Result<Arc<Self>, KernelError> {
        let hash: [u8; 32] = Blake2b::<U32>::digest(wasm).into();
        let known = lock(&LOADED)
            .iter()
            .find(|kernel| kernel.hash == hash)
            .cloned();
        if let Some(kernel) = known
            && kernel.facts.since <= version
        {
            return Ok(kernel);
        }
        let facts = validity::check(wasm, version)?;
        let kernel = Arc::new(Self {
            wasm: wasm.to_vec(),
            hash,
            facts,
            compiled: Mutex::default(),
        });
        let mut loaded = lock(&LOADED);
        if loaded.len() == KEPT {
            loaded.pop_front();
        }
        loaded.push_back(Arc::clone(&kernel));
        Ok(kernel)
    }

    /// The module, as it was given.
    #[must_use]
    pub fn wasm(&self) -> &[u8] {
        &self.wasm
    }

    /// blake2b-256 of the module.
    #[must_use]
    pub const fn hash(&self) -> [u8; 32] {
        self.hash
    }

    /// What is known of the module.
    #[must_use]
    pub const fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Compiles the kernel now, for later.
    ///
    /// # Errors
    /// [`KernelError::Decode`] where the engine refuses the module.
    pub fn compile(&self, metering: Metering) -> Result<(), KernelError> {
        self.compiled(EngineKind {
            metering,
            stack: DEFAULT_STACK,
        })
        .map(drop)
    }

    pub(crate) fn compiled(&self, kind: EngineKind) -> Result<Arc<Compiled>, KernelError> {
        let mut all = lock(&self.compiled);
        if let Some((_, compiled)) = all.iter().find(|(known, _)| *known == kind) {
            return Ok(Arc::clone(compiled));
        }
        let compiled = Arc::new(self.compile_for(kind)?);
        all.push((kind, Arc::clone(&compiled)));
        Ok(compiled)
    }

    fn compile_for(&self, kind: EngineKind) -> Result<Compiled, KernelError> {
        let engine = engine(kind).map_err(decode)?;
        let module = match kind.metering {
            Metering::Off => Module::new(&engine, &self.wasm),
            Metering::Full => {
                let wasm = metering::instrument(&self.wasm, &self.facts)
                    .map_err(|error| KernelError::Decode(error.to_string()))?;
                Module::new(&engine, wasm)
            }
        };
        let module = module.map_err(decode)?;
        let export = |name: &str| {
            module
                .get_export_index(name)
                .ok_or_else(|| KernelError::Init(format!("the export {name} is gone")))
        };
        let counters = match kind.metering {
            Metering::Off => None,
            Metering::Full => Some(metering::Counters::find(export)?),
        };
        let (entry, memory) = (export(self.facts.entry)?, export(&self.facts.memory)?);
        let pre = linker(&engine)
            .and_then(|linker| linker.instantiate_pre(&module))
            .map_err(|error| KernelError::Link(format!("{error:#}")))?;
        Ok(Compiled {
            engine,
            pre,
            entry,
            memory,
            counters,
        })
    }
}

/// A kernel ready to be instantiated.
pub(crate) struct Compiled {
    pub(crate) engine: Engine,
    pub(crate) pre: InstancePre<Context>,
    pub(crate) entry: ModuleExport,
    pub(crate) memory: ModuleExport,
    pub(crate) counters: Option<metering::Counters>,
}

/// The stack that a kernel may use by default, in bytes: more than the
/// 60,000 calls that the machine allows can fill with sane frames.
pub const DEFAULT_STACK: usize = 128 << 20;

/// Kernels are compiled for one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EngineKind {
    pub(crate) metering: Metering,
    pub(crate) stack: usize,
}

fn engine(kind: EngineKind) -> wasmtime::Result<Engine> {
    static ENGINES: Mutex<Vec<(EngineKind, Engine)>> = Mutex::new(Vec::new());
    let mut engines = lock(&ENGINES);
    if let Some((_, engine)) = engines.iter().find(|(known, _)| *known == kind) {
        return Ok(engine.clone());
    }
    let mut config = Config::new();
    config
        .consume_fuel(kind.metering == Metering::Full)
        .max_wasm_stack(kind.stack)
        // Not used, but it may not be less.
        .async_stack_size(kind.stack)
        .cache(cache());
    let engine = Engine::new(&config)?;
    engines.push((kind, engine.clone()));
    Ok(engine)
}

/// The user's cache of compiled modules, where it can be had.
fn cache() -> Option<Cache> {
    static CACHE: OnceLock<Option<Cache>> = OnceLock::new();
    CACHE.get_or_init(|| Cache::from_file(None).ok()).clone()
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn decode(error: wasmtime::Error) -> KernelError {
    KernelError::Decode(format!("{error:#}"))
}

/// What these locks guard is whole at every moment.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Kernel({} bytes, {})",
            self.wasm.len(),
            hex::encode(self.hash)
        )
    }
}
