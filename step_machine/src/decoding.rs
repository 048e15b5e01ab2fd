//! Decoding by steps: a module becomes the arrays of a machine's first state, checked by the rules of
//! kernels on the way, and each step looks at little: it can be proved, as those of the machine.
//!
//! What comes out is what [`fn@kernel_module::check`] and [`fn@crate::decode`] say of the module as a
//! whole: the same verdict, and the same root (`tests/decoding.rs`). Here the rules are those of the
//! appendix of WebAssembly's specification, for one instruction at a time, on two stacks that lie in arrays.
//!
//! | step | what |
//! | --- | --- |
//! | a section begins | its number, its size, how many entries it has |
//! | an entry | a type, an import, a function's type, a table, a memory, a global, an element |
//! | a part of one | 64 bytes of data or of a name; a node of the tree of those that were there before |
//! | a body | its head, up to 32 parameters, a group of locals, an instruction, a target of a `br_table` |
//! | a jump | that waited for where it leads to is told, one after the other |
//! | the end | a function's place; an instruction of what the start function calls |
//!
//! Jumps that wait for the same place are a chain through the words of code that they are to be
//! written to.
//!
//! Code that is not well-typed makes a kernel that cannot run, another fault one that is refused, whatever
//! the code is. So what follows such code is read still.

mod arrays;
mod body;
mod branches;
mod control;
mod draft;
mod entries;
mod finish;
mod names;
mod operators;
mod proof;
mod sections;
mod segments;
mod signatures;
mod stacks;
mod state;
mod types;

pub use arrays::{Arrays, Source};
pub use draft::{Beside, Draft, Noted};
pub use proof::PartialDraft;
pub use state::State;

use crate::backing::Region;
use kernel_module::Terms;
use state::Stage;

/// The verdict on a module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is a kernel.
    Valid,
    /// It is none: the previous one is put back.
    Refused,
    /// It exports nothing to call.
    NoEntry,
    /// It breaks the machine when it runs.
    CannotRun,
}

impl Verdict {
    const ALL: [Self; 4] = [Self::Valid, Self::Refused, Self::NoEntry, Self::CannotRun];
}

/// Why a step cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost<M> {
    /// A part of the state is not here.
    State(M),
    /// A part of the module is not here.
    Module,
}

/// Why a step does not go on as usual.
enum Stop<M> {
    Lost(Lost<M>),
    /// The module is no kernel.
    Refused,
    /// The code is not well-typed.
    Ill,
}

impl<M> From<wasmparser::BinaryReaderError> for Stop<M> {
    fn from(_: wasmparser::BinaryReaderError) -> Self {
        Self::Refused
    }
}

type Done<A, T = ()> = Result<T, Stop<<A as Arrays>::Missing>>;

/// Makes a step; gives the verdict if it is there, by this step or before.
///
/// # Errors
/// If something of the state or of the module is not here; the state is then of no use.
pub fn step<A: Arrays, S: Source>(
    terms: Terms,
    arrays: &mut A,
    source: &mut S,
) -> Result<Option<Verdict>, Lost<A::Missing>> {
    if let Some(verdict) = arrays.state().verdict() {
        return Ok(Some(verdict));
    }
    let mut decoder = Decoder {
        terms,
        arrays,
        source,
    };
    match decoder.step() {
        Ok(()) => {}
        Err(Stop::Lost(lost)) => return Err(lost),
        Err(Stop::Refused) => decoder.state().finish(Verdict::Refused),
        Err(Stop::Ill) => decoder.state().ill = 1,
    }
    Ok(arrays.state().verdict())
}

struct Decoder<'d, A, S> {
    terms: Terms,
    arrays: &'d mut A,
    source: &'d mut S,
}

impl<A: Arrays, S: Source> Decoder<'_, A, S> {
    fn step(&mut self) -> Done<A> {
        if self.state().patch != 0 {
            return self.patch();
        }
        match self.state().stage {
            Stage::Head => self.head(),
            Stage::Section => self.section(),
            Stage::CustomName => self.custom_name(),
            Stage::Type => self.ty(),
            Stage::TypeTree => self.type_tree(),
            Stage::Import => self.import(),
            Stage::Function => self.function(),
            Stage::Table => self.table(),
            Stage::Memory => self.memory(),
            Stage::Global => self.global(),
            Stage::Export => self.export(),
            Stage::ExportName => self.export_name(),
            Stage::ExportKind => self.export_kind(),
            Stage::ExportTree => self.export_tree(),
            Stage::Element => self.element(),
            Stage::ElementItem => self.element_item(),
            Stage::Data => self.data(),
            Stage::DataBytes => self.data_bytes(),
            Stage::Body => self.body(),
            Stage::Params => self.params(),
            Stage::Locals => self.locals(),
            Stage::Operators => self.operator(),
            Stage::Targets => self.target(),
            Stage::Reach => self.reach(),
            Stage::ReachCode => self.reach_code(),
            Stage::ReachTargets => self.reach_targets(),
            Stage::Entry => self.entry(),
            Stage::Functions => self.functions(),
            Stage::Over(_) => Ok(()),
        }
    }

    fn state(&mut self) -> &mut State {
        self.arrays.state_mut()
    }

    fn get(&mut self, region: Region, at: u32) -> Done<A, u64> {
        let word = self.arrays.get(region, at);
        word.map_err(|missing| Stop::Lost(Lost::State(missing)))
    }

    fn set(&mut self, region: Region, at: u32, word: u64) -> Done<A> {
        let set = self.arrays.set(region, at, word);
        set.map_err(|missing| Stop::Lost(Lost::State(missing)))
    }
}
