//! The seam between the machine and what executes wasm: an [`Engine`] makes a
//! module ready, the machine runs it on a [`Context`], and everything that a
//! rollup is made of stays on the machine's side.
//!
//! The machine itself brings three: [`fast`], [`interpreter`], and [`step`], whose steps can be
//! proved.

use crate::context::{Context, Stop};
use crate::durable::Unavailable;
use crate::reveal::RevealError;
use kernel_module::Counted;
use kernel_module::KernelError;
use kernel_module::Limit;
use kernel_module::imports::{IMPORTS, Import, LEGACY_MODULE, MODULE};
use kernel_module::{probe, profile};
use serde::Serialize;
use std::fmt::{self, Debug};
use std::sync::Arc;
use std::time::Duration;

mod fast;
mod interpreter;
pub(crate) mod step;

pub use fast::fast;
pub use interpreter::interpreter;
pub use step::step;

/// An engine that executes wasm.
pub trait Engine: Debug + Send + Sync {
    /// Its name: for people, and no other engine has it.
    fn name(&self) -> &'static str;

    /// Makes a module ready to run, which has passed the checks of
    /// [`fn@kernel_module::check`].
    ///
    /// # Errors
    /// [`KernelError::Decode`] if the engine refuses it all the same.
    fn compile(&self, module: &Module<'_>) -> Result<Arc<dyn Compiled>, KernelError>;
}

/// A module that an engine made ready.
pub trait Compiled: Send + Sync {
    /// Calls the entry point once, on a fresh instance whose imports are
    /// answered by [`Context::call`].
    fn run(&self, context: Context) -> (Context, Finished);
}

/// A module, and how it is to run.
#[derive(Clone, Copy, Debug)]
pub struct Module<'w> {
    /// The binary.
    pub wasm: &'w [u8],
    /// The export to call.
    pub entry: &'w str,
    /// The export that is its memory.
    pub memory: &'w str,
    /// The limits.
    pub limits: RunLimits,
}

/// The limits of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunLimits {
    /// The number of wasm calls that may be open at once.
    pub frames: u32,
    /// The size of the stack, in bytes.
    pub stack: usize,
    /// True if the module counts its own instructions and calls
    /// ([`Counted`]), and keeps to `frames` by itself. In one that does not an
    /// engine must report [`End::StackExhausted`] before more calls are open;
    /// it may do so earlier.
    pub counted: bool,
    /// The limit of a run of a module that counts; it ends with `unreachable` then.
    pub limit: Option<Limit>,
    /// In one that does not count: an engine that can reports [`End::Late`] after this
    /// time.
    pub patience: Option<Duration>,
    /// True if it also tells where its instructions go ([`kernel_module::profile`]); `counted` then.
    pub profiled: bool,
    /// True if it also tells a probe what it does ([`kernel_module::probe`]); `counted` then.
    pub probed: bool,
}

/// The end of a run.
#[derive(Clone, Debug)]
pub struct Finished {
    /// True if the module could be instantiated.
    pub instantiated: bool,
    /// Why it ended before its end.
    pub end: Result<(), End>,
    /// The counts of a module with [`RunLimits::counted`].
    pub counted: Counted,
}

impl Finished {
    /// One that could not be instantiated.
    #[must_use]
    pub fn refused(end: End) -> Self {
        Self {
            instantiated: false,
            end: Err(end),
            counted: Counted::default(),
        }
    }
}

/// Why a run ended before its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The slow machine survives this.
    Trap(Trap),
    /// The data to reveal is not available.
    Reveal(RevealError),
    /// A part of the storage cannot be loaded.
    Unavailable(Unavailable),
    /// This computer lacks what the run takes.
    Host(String),
    /// A probe wants no more of it.
    Abandoned,
    /// It took longer than [`RunLimits::patience`].
    Late,
    /// The stack is full, or too many calls are open.
    StackExhausted,
    /// A call through an empty place of a table: no trap for the machine.
    UninitializedElement,
    /// A call through a table beyond its end: no trap for the machine, either.
    UndefinedElement,
    /// Something else, which the slow machine would not survive.
    Other(String),
}

impl From<Stop> for End {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Trap => Self::Trap(Trap::Unreachable),
            Stop::Reveal(error) => Self::Reveal(error),
            Stop::Unavailable(error) => Self::Unavailable(error),
            Stop::Abandoned(_) => Self::Abandoned,
            Stop::AtStart | Stop::Fatal(_) => Self::Other(stop.to_string()),
        }
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Trap(trap) => write!(f, "{trap}"),
            Self::Reveal(error) => write!(f, "{error}"),
            Self::Unavailable(error) => write!(f, "{error}"),
            Self::Abandoned => write!(f, "{}", crate::probe::Abandoned),
            Self::Late => f.write_str("the run takes long"),
            Self::StackExhausted => f.write_str("the stack is exhausted"),
            Self::UndefinedElement => {
                f.write_str("an indirect call through an element beyond the table")
            }
            Self::UninitializedElement => f.write_str("an indirect call through a null element"),
            Self::Host(text) | Self::Other(text) => f.write_str(text),
        }
    }
}

/// The traps that a rollup survives (docs/machine.md, "Traps").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Trap {
    /// `unreachable`.
    Unreachable,
    /// An address beyond the memory.
    MemoryOutOfBounds,
    /// An index beyond a table.
    TableOutOfBounds,
    /// A call through a table to a function of another type.
    BadSignature,
    /// The quotient of the smallest integer and −1.
    IntegerOverflow,
    /// A division by zero.
    IntegerDivisionByZero,
}

impl Trap {
    /// It in words; `guard_struck`: the module's stack guard made it.
    pub(crate) fn in_words(self, guard_struck: bool) -> String {
        match guard_struck && self == Self::Unreachable {
            true => format!("{self} (the stack guard: too many calls were open)"),
            false => self.to_string(),
        }
    }
}

impl fmt::Display for Trap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unreachable => "trap: unreachable",
            Self::MemoryOutOfBounds => "trap: out of bounds memory access",
            Self::TableOutOfBounds => "trap: out of bounds table access",
            Self::BadSignature => "trap: indirect call type mismatch",
            Self::IntegerOverflow => "trap: integer overflow",
            Self::IntegerDivisionByZero => "trap: integer divide by zero",
        })
    }
}

/// Every host function as an import: under the module's present name and that
/// of 2022, its place for [`Context::call`], and its type.
pub fn host_functions() -> impl Iterator<Item = (&'static str, usize, &'static Import)> {
    let functions = [MODULE, LEGACY_MODULE].into_iter().flat_map(|module| {
        let imports = IMPORTS.iter().enumerate();
        imports.map(move |(place, import)| (module, place, import))
    });
    let added = [
        (MARK, &profile::MARK),
        (ENTER, &probe::ENTER),
        (LEAVE, &probe::LEAVE),
        (REACHED, &probe::REACHED),
    ];
    let added = added.into_iter();
    functions.chain(added.map(|(place, import)| (profile::MODULE, place, import)))
}

/// The place of the mark of profiles, which is no host function.
pub(crate) const MARK: usize = IMPORTS.len();

/// The places of what tells a probe, which are no host functions, either.
pub(crate) const ENTER: usize = MARK + 1;
pub(crate) const LEAVE: usize = MARK + 2;
pub(crate) const REACHED: usize = MARK + 3;
