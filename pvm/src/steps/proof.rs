//! The proof of a step, and its check.
//!
//! | bytes | what |
//! | --- | --- |
//! | 234 | level, next message, root of the inbox, messages sent, chain of the outbox, the rollup's address and origination level, where the level is, reboots left, durable storage before the run, the call of the host that is being made, the version, the module that was decoded last and the root of its first state (`state.rs`) |
//! | 32 | the root of durable storage |
//! | | while a kernel runs, the step machine's part (`step_machine::proof`); while it is decoded, that of its decoding (`step_machine::decoding`) |
//! | 4, and as many | parts of durable storage that the step looks at (`durable/codec.rs`), or none |
//! | 1 | 0; or 1 and no message; or 2, its length (2) and a message; behind either the 20 hashes beside it |
//! | 1 | 0; or 1, the length (2) and a preimage |
//! | 2, and as many | the call of the host that is being made (`walk/form.rs`), or none |
//! | 4, and as many | more parts of durable storage, for such a call, or none |
//!
//! The parts of storage are those of the storage itself, or, while a call of the host is being made: of that in
//! which names are listed; of the last piece of the way, and of the focus, on the way back; of the focus, and of what
//! is held, before.
//!
//! Numbers are little-endian.

use super::between::{Level, Next};
use super::inbox::{HEIGHT, Shown};
use super::module::Stored;
use super::state::{LEN, NO_WALK, Outside, Phase};
use super::walk::{SHOWN, Walk};
use super::{Facts, Stuck, function, host};
use crate::context::Context;
use crate::debug_sink::DebugSink;
use crate::durable::{Durable, Unavailable};
use ::host::MAX_OUTBOX_MESSAGES;
use ::host::reserved::KERNEL;
use kernel_module::imports::HostCall as Function;
use step_machine::decoding::{self, Draft, Lost, PartialDraft};
use step_machine::{Backing, Event, Hash, HostCall, MAX_PROOF, Partial, ProofError, step};

/// Why the proof of a step is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StepProofError {
    /// The machine's part is malformed, or not enough.
    #[error(transparent)]
    Machine(#[from] ProofError),
    /// It does not decode.
    #[error("the proof is malformed: {0}")]
    Malformed(&'static str),
    /// Its parts of durable storage are not of its root.
    #[error(transparent)]
    Storage(#[from] Unavailable),
    /// It leaves out what a call of the host looks at.
    #[error(transparent)]
    Stuck(#[from] Stuck),
    /// The message is not in the inbox.
    #[error("the message is not in the inbox")]
    OtherMessage,
}

use StepProofError::Malformed;

/// The part of a proof that a host call needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct HostPart {
    pub(super) storage: Vec<u8>,
    pub(super) message: Option<Shown>,
    pub(super) preimage: Option<Vec<u8>>,
    /// The call that is being made; nothing where none is.
    pub(super) walk: Vec<u8>,
    /// More of storage, for such a call.
    pub(super) beside: Vec<u8>,
}

impl HostPart {
    pub(super) fn encode(&self, proof: &mut Vec<u8>) {
        proof.extend((self.storage.len() as u32).to_le_bytes());
        proof.extend(&self.storage);
        match &self.message {
            None => proof.push(0),
            Some(shown) => {
                match &shown.message {
                    None => proof.push(1),
                    Some(message) => {
                        proof.push(2);
                        put(proof, message);
                    }
                }
                proof.extend(shown.beside.as_flattened());
            }
        }
        match &self.preimage {
            None => proof.push(0),
            Some(preimage) => {
                proof.push(1);
                put(proof, preimage);
            }
        }
        put(proof, &self.walk);
        proof.extend((self.beside.len() as u32).to_le_bytes());
        proof.extend(&self.beside);
    }

    /// Durable storage as far as it is shown.
    fn storage(&self, root: &Hash) -> Result<Durable, StepProofError> {
        shown(root, &self.storage)
    }

    /// The call that is being made.
    fn walk(&self, outside: &Outside) -> Result<Option<Walk>, StepProofError> {
        if outside.walk == NO_WALK {
            return match self.walk.is_empty() && self.beside.is_empty() {
                true => Ok(None),
                false => Err(Malformed("no call of the host is being made")),
            };
        }
        let storage: [&[u8]; SHOWN] = [&self.storage, &self.beside];
        let walk = Walk::decode(&self.walk, storage)?;
        match walk.hash() == outside.walk {
            true => Ok(Some(walk)),
            false => Err(Malformed("another call of the host is being made")),
        }
    }

    /// Nothing but durable storage is shown.
    fn alone(&self) -> Result<(), StepProofError> {
        let alone = Self {
            storage: self.storage.clone(),
            ..Self::default()
        };
        match *self == alone {
            true => Ok(()),
            false => Err(Malformed("the step takes no message, no preimage, no call")),
        }
    }

    fn decode(bytes: &[u8]) -> Result<Self, StepProofError> {
        let mut from = Reader(bytes);
        let len = u32::from_le_bytes(from.array()?);
        let storage = from.bytes(len as usize)?.to_vec();
        let message = match from.array()? {
            [0] => None,
            [1] => Some(None),
            [2] => Some(Some(from.short()?)),
            _ => return Err(Malformed("no such message")),
        };
        let message = match message {
            None => None,
            Some(message) => {
                let mut beside = [[0; 32]; HEIGHT];
                for hash in &mut beside {
                    *hash = from.array()?;
                }
                Some(Shown { message, beside })
            }
        };
        let preimage = match from.array()? {
            [0] => None,
            [1] => Some(from.short()?),
            _ => return Err(Malformed("no such preimage")),
        };
        let walk = from.short()?;
        let len = u32::from_le_bytes(from.array()?);
        let beside = from.bytes(len as usize)?.to_vec();
        from.end()?;
        Ok(Self {
            storage,
            message,
            preimage,
            walk,
            beside,
        })
    }
}

/// A storage with this root as far as it is shown.
pub(super) fn shown(root: &Hash, bytes: &[u8]) -> Result<Durable, StepProofError> {
    Ok(match bytes.is_empty() {
        true => Durable::blind(*root),
        false => Durable::partial(*root, bytes)?,
    })
}

fn put(proof: &mut Vec<u8>, bytes: &[u8]) {
    proof.extend((bytes.len() as u16).to_le_bytes());
    proof.extend(bytes);
}

/// The proof of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// The parts of the state that the step reads.
    pub proof: Vec<u8>,
}

/// Whoever judges steps, and has no state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Judge {
    /// The facts about the rollup.
    pub facts: Facts,
}

/// Checks that a step leads from one state of a level to another, without either.
///
/// # Errors
/// If it does not, or the proof does not show it.
pub fn check(evidence: &Evidence, before: &Hash, after: &Hash) -> Result<(), StepProofError> {
    match Judge::default().follow(evidence, before)? == *after {
        true => Ok(()),
        false => Err(ProofError::OtherResult.into()),
    }
}

impl Judge {
    /// The hash of the state to which a step leads, from a state with this hash.
    ///
    /// # Errors
    /// If the proof does not show it.
    pub fn follow(&self, evidence: &Evidence, before: &Hash) -> Result<Hash, StepProofError> {
        let proof = &evidence.proof;
        if proof.len() > MAX_PROOF {
            return Err(ProofError::TooLong.into());
        }
        let mut from = Reader(proof);
        let outside = Outside::decode(&from.array::<LEN>()?);
        let outside = outside.ok_or(Malformed("a level that is nowhere"))?;
        let durable: Hash = from.array()?;
        match outside.phase {
            Phase::Running => {
                let (machine, rest) = Partial::decode(from.0)?;
                if outside.hash(&machine.root(), &durable) != *before {
                    return Err(ProofError::OtherState.into());
                }
                self.running(outside, durable, machine, HostPart::decode(rest)?)
            }
            Phase::Decoding => {
                let (draft, rest) = PartialDraft::decode(from.0)?;
                if outside.hash(&draft.root(), &durable) != *before {
                    return Err(ProofError::OtherState.into());
                }
                self.decoding(outside, durable, draft, &HostPart::decode(rest)?)
            }
            _ => {
                if outside.hash(&NO_MACHINE, &durable) != *before {
                    return Err(ProofError::OtherState.into());
                }
                self.between(outside, durable, HostPart::decode(from.0)?)
            }
        }
    }

    /// A step while a kernel runs.
    fn running(
        &self,
        mut outside: Outside,
        mut durable: Hash,
        mut machine: Partial,
        part: HostPart,
    ) -> Result<Hash, StepProofError> {
        if machine.registers().end.is_some() {
            let root = match machine.registers().started {
                true => durable,
                false => outside.before,
            };
            let mut durable = part.storage(&root)?;
            part.alone()?;
            let mut level = Level {
                outside: &mut outside,
                durable: &mut durable,
                facts: &self.facts,
            };
            level.end(machine.registers())?;
            return Ok(outside.hash(&NO_MACHINE, &durable.root_hash()));
        }
        match step(&mut machine)? {
            Event::Call(call) => {
                let mut walk = part.walk(&outside)?;
                let mut context = context(&outside, &durable, part, call)?;
                host(&mut machine, call, &mut context, &mut walk)?;
                durable = context.durable.root_hash();
                outside.walk = walk.as_ref().map_or(NO_WALK, Walk::hash);
                outside.follow(&context);
            }
            _ if part == HostPart::default() => {}
            _ => return Err(Malformed("the step is no call of the host")),
        }
        Ok(outside.hash(&machine.root(), &durable))
    }

    /// A step while the kernel is decoded, or the one behind the last of these.
    fn decoding(
        &self,
        mut outside: Outside,
        durable: Hash,
        mut draft: PartialDraft,
        part: &HostPart,
    ) -> Result<Hash, StepProofError> {
        let mut storage = part.storage(&durable)?;
        part.alone()?;
        let mut level = Level {
            outside: &mut outside,
            durable: &mut storage,
            facts: &self.facts,
        };
        if let Some(verdict) = draft.verdict() {
            let next = level.judged(verdict, |bounds| draft.finish(bounds))?;
            let machine = match next {
                Next::Run(_) => outside.image,
                Next::Same | Next::Decode => NO_MACHINE,
            };
            return Ok(outside.hash(&machine, &storage.root_hash()));
        }
        let terms = level.terms();
        let module = storage.value(KERNEL.as_bytes())?;
        let module = module.ok_or(Malformed("there is no kernel"))?;
        let mut source = Stored::new(module);
        match decoding::step(terms, &mut draft, &mut source) {
            Ok(_) => Ok(outside.hash(&draft.root(), &durable)),
            Err(Lost::State(error)) => Err(error.into()),
            Err(Lost::Module) => Err(match source.missing {
                Some(missing) => missing.into(),
                None => Malformed("the kernel ends too early"),
            }),
        }
    }

    /// A step while no kernel runs.
    fn between(
        &self,
        mut outside: Outside,
        durable: Hash,
        mut part: HostPart,
    ) -> Result<Hash, StepProofError> {
        let mut storage = part.storage(&durable)?;
        let mut machine = NO_MACHINE;
        let shown = part.message.take();
        part.alone()?;
        if shown.is_some() != (outside.phase == Phase::Loading) {
            return Err(StepProofError::OtherMessage);
        }
        let phase = outside.phase;
        let mut level = Level {
            outside: &mut outside,
            durable: &mut storage,
            facts: &self.facts,
        };
        match (phase, shown) {
            (Phase::Loading, Some(shown)) => {
                if shown.root(level.outside.next) != level.outside.inbox {
                    return Err(StepProofError::OtherMessage);
                }
                level.load(shown.message.as_deref())?;
            }
            (Phase::Beginning, _) => match level.begin()? {
                Next::Same => {}
                Next::Decode => machine = Draft::default().root(),
                Next::Run(_) => machine = level.outside.image,
            },
            (Phase::Between, _) => level.close()?,
            _ => {}
        }
        Ok(outside.hash(&machine, &storage.root_hash()))
    }
}

/// The root of the machine where none runs.
const NO_MACHINE: Hash = [0; 32];

/// The host's state, as far as the proof shows it.
fn context(
    outside: &Outside,
    durable: &Hash,
    part: HostPart,
    call: HostCall,
) -> Result<Context, StepProofError> {
    let durable = match outside.walk {
        NO_WALK => part.storage(durable)?,
        // What is shown is of the parts that the call is at.
        _ => Durable::blind(*durable),
    };
    let reads = function(call) == Some(Function::ReadInput);
    let inbox = match part.message {
        Some(shown) if reads && shown.root(outside.next) == outside.inbox => {
            shown.message.into_iter().collect::<Vec<_>>()
        }
        None if !reads => Vec::new(),
        _ => return Err(StepProofError::OtherMessage),
    };
    let sent = outside.sent as usize;
    if sent > MAX_OUTBOX_MESSAGES {
        return Err(Malformed("an outbox with too many messages"));
    }
    Ok(Context {
        durable,
        level: outside.level,
        inbox: inbox.into(),
        next: outside.next as usize,
        left_out: outside.next as usize,
        outbox: vec![Vec::new(); sent],
        rollup: outside.rollup,
        origination_level: outside.origination_level,
        revealed: part.preimage,
        debug: DebugSink::Off,
        ..Context::default()
    })
}

pub(super) struct Reader<'b>(pub(super) &'b [u8]);

const SHORT: StepProofError = Malformed("it ends too early");

impl<'b> Reader<'b> {
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], StepProofError> {
        let (array, rest) = self.0.split_first_chunk().ok_or(SHORT)?;
        self.0 = rest;
        Ok(*array)
    }

    fn bytes(&mut self, len: usize) -> Result<&'b [u8], StepProofError> {
        let (bytes, rest) = self.0.split_at_checked(len).ok_or(SHORT)?;
        self.0 = rest;
        Ok(bytes)
    }

    pub(super) fn short(&mut self) -> Result<Vec<u8>, StepProofError> {
        let len = u16::from_le_bytes(self.array()?);
        Ok(self.bytes(len.into())?.to_vec())
    }

    pub(super) const fn end(&self) -> Result<(), StepProofError> {
        match self.0.is_empty() {
            true => Ok(()),
            false => Err(Malformed("something follows it")),
        }
    }
}
