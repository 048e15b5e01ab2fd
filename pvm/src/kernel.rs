//! A kernel's bytes, validated and compiled.

use crate::engine::{Compiled, Engine, Module, RunLimits};
use blake2::{Blake2b, Digest, digest::consts::U32};
use kernel_module::{
    KernelError, KernelFacts, Terms, check, extern_references, metering, probe, profile,
};
use std::borrow::Cow;
use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The quantities to measure during a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Metering {
    /// Nothing but the time: the fastest.
    #[default]
    Off,
    /// Instructions, host calls by name, bytes moved, call depth.
    Full,
    /// All of that, and what each instruction costs of the language that the kernel interprets:
    /// [`Profile`](crate::Profile).
    Profile,
}

/// A kernel that passed the checks. Compiled when a machine first uses it, once
/// for each engine and its limits; loading the same bytes again costs their
/// hash.
pub struct Kernel {
    wasm: Vec<u8>,
    hash: [u8; 32],
    facts: KernelFacts,
    compiled: Mutex<Vec<(CacheKey, Arc<dyn Compiled>)>>,
}

/// The settings that a kernel was compiled for.
type CacheKey = (&'static str, RunLimits);

/// The number of kernels that are kept in memory.
const KEPT: usize = 8;

static LOADED: Mutex<VecDeque<Arc<Kernel>>> = Mutex::new(VecDeque::new());

impl Kernel {
    /// Checks a module by the rules of the machine (a version alone stands for those of a network),
    /// or finds it among those loaded before.
    ///
    /// # Errors
    /// Why the bytes are not a valid kernel.
    pub fn load(wasm: &[u8], terms: impl Into<Terms>) -> Result<Arc<Self>, KernelError> {
        let terms = terms.into();
        let hash: [u8; 32] = Blake2b::<U32>::digest(wasm).into();
        let known = lock(&LOADED)
            .iter()
            .find(|kernel| kernel.hash == hash)
            .cloned();
        if let Some(kernel) = known
            && kernel.passes(terms)
        {
            return Ok(kernel);
        }
        let facts = check(wasm, terms)?;
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

    /// True if other rules accept it, too.
    pub(crate) fn passes(&self, terms: Terms) -> bool {
        self.facts.since <= terms.version && (terms.legacy || !self.facts.legacy)
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

    /// The facts about the module.
    #[must_use]
    pub const fn facts(&self) -> &KernelFacts {
        &self.facts
    }

    /// The kernel, ready to run on `engine`.
    ///
    /// # Errors
    /// [`KernelError::Decode`] if the engine refuses the module.
    pub fn compiled(
        &self,
        engine: &dyn Engine,
        limits: RunLimits,
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

    /// The module as engines are given it.
    fn without_extern_references(&self) -> Result<Cow<'_, [u8]>, KernelError> {
        match self.facts.has_extern_references {
            true => Ok(extern_references::replace(&self.wasm)
                .map_err(failed)?
                .into()),
            false => Ok(Cow::Borrowed(&*self.wasm)),
        }
    }

    fn compile(
        &self,
        engine: &dyn Engine,
        limits: RunLimits,
    ) -> Result<Arc<dyn Compiled>, KernelError> {
        let mut wasm = self.without_extern_references()?;
        if limits.counted {
            let counting = metering::instrument(&wasm, &self.facts, limits.frames, limits.limit);
            wasm = counting.map_err(failed)?.into();
        }
        if limits.profiled
            && let Some(marked) = profile::instrument(&wasm, &self.facts).map_err(failed)?
        {
            wasm = marked.into();
        }
        if limits.probed {
            let told = probe::instrument(&wasm, &self.facts);
            wasm = told.map_err(failed)?.into();
        }
        engine.compile(&Module {
            wasm: &wasm,
            entry: self.facts.entry,
            memory: &self.facts.memory,
            limits,
        })
    }
}

/// The stack that a kernel may use by default, in bytes: more than the
/// 59,999 calls that the machine allows can fill with sane frames.
pub const DEFAULT_STACK: usize = 128 << 20;

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn failed(error: metering::Error) -> KernelError {
    KernelError::Decode(error.to_string())
}

/// The values behind these locks are consistent at every moment.
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
