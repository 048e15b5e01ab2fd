//! A kernel's bytes, validated and compiled.

use crate::engine::{Compiled, Engine, Limits, Module};
use blake2::{Blake2b, Digest, digest::consts::U32};
use kernel_module::check::{self, Facts};
use kernel_module::{KernelError, Version, metering};
use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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
/// for each engine and its limits; loading the same bytes again costs their
/// hash.
pub struct Kernel {
    wasm: Vec<u8>,
    hash: [u8; 32],
    facts: Facts,
    compiled: Mutex<Vec<(For, Arc<dyn Compiled>)>>,
}

/// What a kernel was compiled for.
type For = (&'static str, Limits);

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
        let facts = check::check(wasm, version)?;
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

    /// The kernel, ready to run on `engine`.
    ///
    /// # Errors
    /// [`KernelError::Decode`] where the engine refuses the module.
    pub fn compiled(
        &self,
        engine: &dyn Engine,
        limits: Limits,
    ) -> Result<Arc<dyn Compiled>, KernelError> {
        let mut all = lock(&self.compiled);
        let sought = (engine.name(), limits);
        if let Some((_, compiled)) = all.iter().find(|(known, _)| *known == sought) {
            return Ok(Arc::clone(compiled));
        }
        let compiled = self.compile(engine, limits)?;
        all.push((sought, Arc::clone(&compiled)));
        Ok(compiled)
    }

    fn compile(
        &self,
        engine: &dyn Engine,
        limits: Limits,
    ) -> Result<Arc<dyn Compiled>, KernelError> {
        let counting = if limits.counted {
            let counting = metering::instrument(&self.wasm, &self.facts, limits.frames);
            Some(counting.map_err(|error| KernelError::Decode(error.to_string()))?)
        } else {
            None
        };
        engine.compile(&Module {
            wasm: counting.as_ref().unwrap_or(&self.wasm),
            entry: self.facts.entry,
            memory: &self.facts.memory,
            limits,
        })
    }
}

/// The stack that a kernel may use by default, in bytes: more than the
/// 60,000 calls that the machine allows can fill with sane frames.
pub const DEFAULT_STACK: usize = 128 << 20;

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
