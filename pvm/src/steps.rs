//! A level step by step, each of which can be proved: the step machine with what the host has beside
//! it, and what lies between the runs (`docs/proofs.md`).

mod between;
mod chain;
mod change;
mod claim;
mod decode;
mod facts;
mod inbox;
mod module;
mod player;
mod proof;
mod prove;
mod state;
mod turn;
mod walk;

use crate::context::{Context, Stop};
use crate::durable::{Durable, MOST, Unavailable};
use crate::engine::step::{args, word};
use crate::memory::Memory;
use crate::value::Value;
use host::reserved::KERNEL;
use inbox::Messages;
use kernel_module::imports::{HostCall as Function, IMPORTS};
use state::{NO_WALK, Outside};
use std::fmt::Display;
use std::sync::Arc;
use step_machine::decoding::Draft;
use step_machine::{Backing, Event, HostCall, Image, Plain, Recording, Region, answer, step, stop};
use walk::{Called, Walk, Walked};

pub use change::Change;
pub use claim::{Claim, inbox_root};
pub use facts::Facts;
pub use player::{Call, Player};
pub use proof::{Evidence, Judge, StepProofError, check};
pub use state::Phase;
pub use step_machine::{End, Hash, MAX_PROOF};

/// A level between two of its steps.
#[derive(Debug)]
pub struct Steps {
    /// The kernel that runs, while one does.
    run: Option<Plain>,
    /// The kernel's module, while it is decoded.
    draft: Option<Draft>,
    /// The bytes of that kernel, once they were read.
    module: Option<Arc<[u8]>>,
    /// The kernel that was decoded last at this level.
    image: Option<Arc<Image>>,
    /// The call of the host that it makes, in several steps.
    walk: Option<Walk>,
    context: Context,
    messages: Arc<Messages>,
    outside: Outside,
    facts: Facts,
    /// Durable storage, should the module not be instantiated.
    before: Durable,
    totals: Totals,
    /// The end of the last run.
    end: Option<End>,
}

/// Counters that are no part of the state.
#[derive(Clone, Copy, Debug, Default)]
struct Totals {
    steps: u64,
    /// Of runs that are over.
    instructions: u64,
    runs: u32,
    /// Steps before the first kernel is decoded, and in which it is.
    first_decoding: (u64, u64),
}

/// A level between two of its steps, kept to go back to.
#[derive(Clone, Debug)]
pub struct Saved {
    run: Option<step_machine::Saved>,
    draft: Option<Draft>,
    image: Option<Arc<Image>>,
    walk: Option<Walk>,
    context: Context,
    outside: Outside,
    before: Durable,
    totals: Totals,
    end: Option<End>,
}

/// Why a step cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the step cannot be made: {0}")]
pub struct Stuck(String);

impl Steps {
    /// The beginning of a level, of a machine that is stuck or not.
    pub(crate) fn new(context: Context, facts: Facts, stuck: bool) -> Self {
        let messages = Messages::new(&context.inbox);
        let mut outside = Outside::first(context.level, messages.root(), &facts);
        if stuck {
            outside.finish(Phase::Stuck);
        }
        Self {
            run: None,
            draft: None,
            module: None,
            image: None,
            walk: None,
            before: Durable::new(),
            context,
            messages: Arc::new(messages),
            outside,
            facts,
            totals: Totals::default(),
            end: None,
        }
    }

    /// The hash of the state.
    pub fn root(&mut self) -> Hash {
        let durable = self.context.durable.root_hash();
        let machine = match (&mut self.draft, &mut self.run) {
            (Some(draft), _) => draft.root(),
            (None, Some(plain)) => plain.root(),
            (None, None) => [0; 32],
        };
        self.outside().hash(&machine, &durable)
    }

    /// The state outside of the machine's memory now.
    fn outside(&self) -> Outside {
        Outside {
            walk: self.walk.as_ref().map_or(NO_WALK, Walk::hash),
            ..self.outside.clone()
        }
    }

    /// The facts about the rollup.
    #[must_use]
    pub const fn facts(&self) -> &Facts {
        &self.facts
    }

    /// The phase of the level.
    #[must_use]
    pub const fn phase(&self) -> Phase {
        self.outside.phase
    }

    /// The end of the run that is over, or of the last one.
    #[must_use]
    pub fn end(&self) -> Option<End> {
        let run = self.run.as_ref().and_then(Plain::end);
        run.or(self.end)
    }

    /// The number of steps that were made.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.totals.steps
    }

    /// The number of runs began.
    #[must_use]
    pub const fn runs(&self) -> u32 {
        self.totals.runs
    }

    /// The number of executed instructions, as `pvm` meters them.
    #[must_use]
    pub fn instructions(&self) -> u64 {
        let run = self.run.as_ref();
        self.totals.instructions + run.map_or(0, |plain| plain.state().instructions)
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

    /// The claim about the level, if it is over.
    #[must_use]
    pub fn claim(&self) -> Option<Claim> {
        self.phase().is_over().then(|| Claim {
            level: self.outside.level,
            durable: self.context.durable.root_hash(),
            sent: self.outside.sent,
            outbox: self.outside.outbox,
            stuck: self.phase() == Phase::Stuck,
        })
    }

    /// The state as it is now, to go back to.
    pub fn save(&mut self) -> Saved {
        if let Some(draft) = &mut self.draft {
            draft.root();
        }
        Saved {
            run: self.run.as_mut().map(Plain::save),
            draft: self.draft.clone(),
            image: self.image.clone(),
            walk: self.walk.clone(),
            context: self.context.clone(),
            outside: self.outside.clone(),
            before: self.before.clone(),
            totals: self.totals,
            end: self.end,
        }
    }

    /// The same level, without the kernel that runs: to restore a state of it.
    fn twin(&self) -> Self {
        Self {
            run: None,
            draft: self.draft.clone(),
            module: self.module.clone(),
            image: self.image.clone(),
            walk: self.walk.clone(),
            context: self.context.clone(),
            messages: Arc::clone(&self.messages),
            outside: self.outside.clone(),
            facts: self.facts.clone(),
            before: self.before.clone(),
            totals: self.totals,
            end: self.end,
        }
    }

    /// Goes back to a state of this level.
    pub fn restore(&mut self, saved: &Saved) {
        self.run = saved.run.as_ref().map(step_machine::Saved::plain);
        self.draft.clone_from(&saved.draft);
        if self.context.durable.root_hash() != saved.context.durable.root_hash() {
            self.module = None;
        }
        self.image.clone_from(&saved.image);
        self.walk.clone_from(&saved.walk);
        self.context = saved.context.clone();
        self.outside = saved.outside.clone();
        self.before = saved.before.clone();
        self.totals = saved.totals;
        self.end = saved.end;
    }

    /// Makes so many steps, fewer where the level is over before; gives how many. A step of a level that
    /// is over changes nothing.
    ///
    /// # Errors
    /// If a preimage or a part of the storage is not to be had.
    pub fn advance(&mut self, steps: u64) -> Result<u64, Stuck> {
        self.advance_with(steps, &mut |_| {})
    }

    /// The same, with each call of the host told.
    fn advance_with(&mut self, steps: u64, tell: &mut dyn FnMut(Call)) -> Result<u64, Stuck> {
        let start = self.count();
        let end = start.saturating_add(steps);
        while !self.phase().is_over() && self.count() < end {
            self.part(end - self.count(), tell)?;
        }
        Ok(self.count() - start)
    }

    /// Makes so many steps at most, up to behind the next that is more than the machine's.
    fn part(&mut self, steps: u64, tell: &mut dyn FnMut(Call)) -> Result<(), Stuck> {
        if self.decodes() {
            return self.decode(steps).map(|_| ());
        }
        let Some(plain) = self.run.as_mut().filter(|plain| plain.end().is_none()) else {
            self.turn()?;
            self.totals.steps += 1;
            return Ok(());
        };
        let before = plain.state().steps;
        let event = plain.stretch(steps);
        if let Event::Call(call) = event {
            let step = self.totals.steps + plain.state().steps - before;
            let cells = plain.cells(call.first, call.cells);
            let called = Call::new(step, call.import, cells);
            host(plain, call, &mut self.context, &mut self.walk)?;
            if self.walk.is_some() {
                self.totals.steps += 1;
            } else {
                self.outside.follow(&self.context);
                tell(called);
            }
        }
        self.totals.steps += plain.state().steps - before;
        Ok(())
    }

    /// Makes steps up to the next call of the host, the end of the run or that of decoding, which is not made,
    /// or so many; gives how many.
    pub fn advance_to_call(&mut self, most: u64) -> u64 {
        if self.decodes() {
            return self.decode(most).unwrap_or_default();
        }
        let Some(plain) = &mut self.run else { return 0 };
        let before = plain.state().steps;
        plain.stretch(most);
        let made = plain.state().steps - before;
        self.totals.steps += made;
        made
    }

    /// The function of the host that the next step calls, if it is such a step.
    #[must_use]
    pub fn next_call(&self) -> Option<&'static str> {
        let Ok(event) = step(&mut Recording::new(self.run.as_ref()?));
        match event {
            Event::Call(call) => IMPORTS.get(call.import as usize).map(|import| import.name),
            _ => None,
        }
    }

    /// A description of the next step.
    #[must_use]
    pub fn about(&self) -> String {
        match self.phase() {
            Phase::Loading => "a message is loaded".to_owned(),
            Phase::Beginning => "a run begins".to_owned(),
            Phase::Decoding if self.decodes() => "a part of the kernel is decoded".to_owned(),
            Phase::Decoding => "the kernel is decoded".to_owned(),
            Phase::Running if self.run.as_ref().is_some_and(|plain| plain.end().is_some()) => {
                "a run ends".to_owned()
            }
            Phase::Running => match self.next_call() {
                Some(name) => format!("the kernel calls {name}"),
                None => "an instruction".to_owned(),
            },
            Phase::Between => "what follows a run".to_owned(),
            Phase::Waiting | Phase::Stuck => "nothing: the level is over".to_owned(),
        }
    }
}

/// The kernel of a storage.
fn kernel(storage: &Durable) -> Result<Vec<u8>, Stuck> {
    let value = storage.value(KERNEL.as_bytes())?;
    let whole = value.map(Value::whole).transpose()?;
    Ok(whole.map(|value| value.to_vec()).unwrap_or_default())
}

/// The function that is called; `None` for those that no network has enabled.
fn function(call: HostCall) -> Option<Function> {
    IMPORTS.get(call.import as usize)?.call
}

/// Makes a step of a call of the host; one more follows if `walk` says so then.
fn host<B>(
    backing: &mut B,
    call: HostCall,
    context: &mut Context,
    walk: &mut Option<Walk>,
) -> Result<(), Stuck>
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
        let called = Called {
            place,
            args: &args,
            most: MOST,
        };
        walk::call(called, walk.clone(), &mut Cells(&mut *backing), context)
    } else {
        Err(Stop::AtStart)
    };
    match answered {
        Ok(Walked::On(on)) => *walk = Some(*on),
        Ok(Walked::Done(number)) => {
            *walk = None;
            answer(backing, call, word(call, number)).map_err(missing)?;
        }
        // The machine does not survive this.
        Err(Stop::Fatal(_) | Stop::AtStart) => {
            *walk = None;
            stop(backing);
        }
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
