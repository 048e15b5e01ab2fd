//! A run of a kernel step by step, each of which can be proved: the step machine with what the host
//! has beside it (`docs/proofs.md`).

mod inbox;
mod proof;
mod state;

use crate::context::{Context, Stop};
use crate::durable::{Durable, Unavailable};
use crate::engine::step::{args, word};
use crate::memory::Memory;
use inbox::Messages;
use kernel_module::imports::{HostCall as Function, IMPORTS};
use state::Outside;
use std::fmt::Display;
use std::sync::Arc;
use step_machine::{Backing, Event, HostCall, Plain, Recording, Region, answer, step, stop};

pub use proof::{StepProofError, check};
pub use step_machine::{End, Hash, MAX_PROOF};

/// A run of a kernel between two of its steps.
#[derive(Debug)]
pub struct Steps {
    plain: Plain,
    context: Context,
    messages: Messages,
    outside: Outside,
}

/// Why a step cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the step cannot be made: {0}")]
pub struct Stuck(String);

impl Steps {
    pub(crate) fn new(plain: Plain, context: Context) -> Self {
        let messages = Messages::new(&context.inbox);
        Self {
            outside: Outside::new(&context, messages.root()),
            plain,
            context,
            messages,
        }
    }

    /// The hash of the state.
    pub fn root(&mut self) -> Hash {
        let durable = self.context.durable.root_hash();
        self.outside.hash(&self.plain.root(), &durable)
    }

    /// How the run ended, if it did.
    #[must_use]
    pub const fn end(&self) -> Option<End> {
        self.plain.end()
    }

    /// How many steps were made.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.plain.state().steps
    }

    /// How many instructions were executed, as `pvm` meters them.
    #[must_use]
    pub const fn instructions(&self) -> u64 {
        self.plain.state().instructions
    }

    /// Durable storage.
    #[must_use]
    pub const fn durable(&self) -> &Durable {
        &self.context.durable
    }

    /// The outbox so far.
    #[must_use]
    pub fn outbox(&self) -> &[Vec<u8>] {
        &self.context.outbox
    }

    /// Makes so many steps, fewer where the run ends; gives how many.
    ///
    /// # Errors
    /// Where a preimage or a part of the storage is not to be had.
    pub fn advance(&mut self, steps: u64) -> Result<u64, Stuck> {
        let end = self.count().saturating_add(steps);
        let start = self.count();
        while self.end().is_none() && self.count() < end {
            if let Event::Call(call) = self.plain.stretch(end - self.count()) {
                host(&mut self.plain, call, &mut self.context)?;
                self.outside.follow(&self.context);
            }
        }
        Ok(self.count() - start)
    }

    /// Makes steps up to the next call of the host, which is not made, or so many; gives how many.
    pub fn advance_to_call(&mut self, most: u64) -> u64 {
        let start = self.count();
        self.plain.stretch(most);
        self.count() - start
    }

    /// The function of the host that the next step calls, if it is such a step.
    #[must_use]
    pub fn next_call(&self) -> Option<&'static str> {
        let Ok(event) = step(&mut Recording::new(&self.plain));
        match event {
            Event::Call(call) => IMPORTS.get(call.import as usize).map(|import| import.name),
            _ => None,
        }
    }

    /// Makes one step, and gives its proof.
    ///
    /// # Errors
    /// As [`Steps::advance`].
    pub fn prove(&mut self) -> Result<Vec<u8>, Stuck> {
        self.plain.root();
        let mut proof = self.outside.encode();
        proof.extend(self.context.durable.root_hash());
        let mut recording = Recording::new(&self.plain);
        let Ok(event) = step(&mut recording);
        let mut host_part = proof::HostPart::default();
        if let Event::Call(call) = event {
            let watched = self.context.durable.watched();
            let mut context = self.context.clone();
            context.durable = watched.clone();
            context.debug = crate::DebugSink::Off;
            host_part.preimage = self.preimage(&mut recording, call)?;
            host(&mut recording, call, &mut context)?;
            host_part.storage = watched.touched();
            if function(call) == Some(Function::ReadInput) {
                host_part.message = Some(self.messages.proof(&self.context));
            }
        }
        let recorded = recording.finish();
        proof.extend(self.plain.proof(&recorded));
        host_part.encode(&mut proof);
        self.advance(1)?;
        Ok(proof)
    }

    /// The preimage that a call asks for.
    fn preimage(
        &self,
        recording: &mut Recording<'_>,
        call: HostCall,
    ) -> Result<Option<Vec<u8>>, Stuck> {
        let cells = self.plain.cells(call.first, call.cells);
        let args = args(call, cells);
        let (Some(addr), Some(len)) = (args.first(), args.get(1)) else {
            return Ok(None);
        };
        let asked = |recording| {
            let memory = &mut Cells(recording);
            crate::memory::slice(memory, *addr as i32, *len as i32).unwrap_or_default()
        };
        let hash = match function(call) {
            Some(Function::RevealPreimage) => asked(recording),
            Some(Function::Reveal) => match asked(recording).split_first() {
                Some((0, hash)) => hash.to_vec(),
                _ => return Ok(None),
            },
            _ => return Ok(None),
        };
        let preimage = self.context.preimage(&hash);
        let preimage = preimage.map_err(|error| Stuck(error.to_string()))?;
        Ok((crate::reveal::hash(&preimage)[..] == hash).then_some(preimage))
    }
}

/// The function that is called; `None` for those that no network has enabled.
fn function(call: HostCall) -> Option<Function> {
    IMPORTS.get(call.import as usize)?.call
}

/// Makes the step of a call of the host.
fn host<B>(backing: &mut B, call: HostCall, context: &mut Context) -> Result<(), Stuck>
where
    B: Backing<Missing: Display>,
{
    let missing = |missing: B::Missing| Stuck(missing.to_string());
    let mut cells = Vec::new();
    // As many as a host function has.
    for cell in 0..call.cells.min(8) {
        let at = call.first.wrapping_add(cell);
        cells.push(backing.get(Region::Stack, at).map_err(missing)?);
    }
    let args = args(call, &cells);
    let started = backing.registers().started;
    let place = call.import as usize;
    let answered = if started && place < IMPORTS.len() {
        context.call_on(place, &args, &mut Cells(&mut *backing))
    } else {
        Err(Stop::AtStart)
    };
    match answered {
        Ok(number) => {
            answer(backing, call, word(call, number)).map_err(missing)?;
        }
        // The machine does not survive this.
        Err(Stop::Fatal(_) | Stop::AtStart) => stop(backing),
        Err(other) => return Err(Stuck(other.to_string())),
    }
    Ok(())
}

/// The memory of a machine, whatever holds its state.
struct Cells<'b, B>(&'b mut B);

impl<B: Backing<Missing: Display>> Memory for Cells<'_, B> {
    fn len(&self) -> usize {
        self.0.registers().memory_len() as usize
    }

    fn read(&mut self, at: usize, into: &mut [u8]) -> Result<(), Unavailable> {
        let loaded = self.0.load_slice(at as u64, into);
        loaded.map_err(|missing| lost(&missing))
    }

    fn write(&mut self, at: usize, bytes: &[u8]) -> Result<(), Unavailable> {
        let stored = self.0.store_slice(at as u64, bytes);
        stored.map_err(|missing| lost(&missing))
    }
}

fn lost(missing: &impl Display) -> Unavailable {
    Unavailable::Elsewhere(Arc::from(missing.to_string()))
}
