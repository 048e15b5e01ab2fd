//! Proofs of a level's steps: what each looks at is noted.

use super::between::Level;
use super::module::Stored;
use super::proof::{Evidence, HostPart};
use super::state::Phase;
use super::walk::touched;
use super::{Cells, Steps, Stuck, function, host};
use crate::engine::step::args;
use ::host::MAX_MESSAGE;
use ::host::reserved::KERNEL;
use kernel_module::imports::HostCall as Function;
use step_machine::decoding::{self, Beside, Noted};
use step_machine::{Event, HostCall, Plain, Recording, step};

impl Steps {
    /// Makes one step, and gives what proves it.
    ///
    /// # Errors
    /// As [`Steps::advance`].
    pub fn prove(&mut self) -> Result<Evidence, Stuck> {
        let mut proof = self.outside().encode();
        proof.extend(self.context.durable.root_hash());
        let mut part = HostPart::default();
        if self.draft.is_some() {
            let noted = self.record_decoding(&mut part)?;
            if let Some(draft) = &mut self.draft {
                proof.extend(draft.proof(&noted));
            }
        } else if self.run.is_some() {
            let recorded = self.record(&mut part)?;
            if let Some(plain) = &mut self.run {
                proof.extend(plain.proof(&recorded));
            }
        } else {
            self.record_between(&mut part)?;
        }
        part.encode(&mut proof);
        self.advance(1)?;
        Ok(Evidence { proof })
    }

    /// Records the parts that the next step of decoding reads, or the step behind the last of these.
    fn record_decoding(&mut self, part: &mut HostPart) -> Result<Noted, Stuck> {
        let terms = self.terms();
        let Some(draft) = &self.draft else {
            return Err(Stuck("nothing is decoded".to_owned()));
        };
        if draft.verdict().is_some() {
            self.record_between(part)?;
            return Ok(Noted::default());
        }
        let watched = self.context.durable.watched();
        let module = watched.value(KERNEL.as_bytes())?;
        let module = module.ok_or_else(|| Stuck("there is no kernel".to_owned()))?;
        let mut beside = Beside::new(draft);
        if decoding::step(terms, &mut beside, &mut Stored::new(module)).is_err() {
            return Err(Stuck("the kernel is not there".to_owned()));
        }
        part.storage = watched.touched();
        Ok(beside.finish())
    }

    /// Records the parts that the next step of the machine reads, or of the end of its run.
    fn record(&mut self, part: &mut HostPart) -> Result<step_machine::Recorded, Stuck> {
        let Some(plain) = self.run.take() else {
            return Err(Stuck("there is no run".to_owned()));
        };
        let recorded = self.record_on(&plain, part);
        self.run = Some(plain);
        recorded
    }

    fn record_on(
        &mut self,
        plain: &Plain,
        part: &mut HostPart,
    ) -> Result<step_machine::Recorded, Stuck> {
        let mut recording = Recording::new(plain);
        if plain.end().is_some() {
            let watched = match plain.started() {
                true => self.context.durable.watched(),
                false => self.before.watched(),
            };
            let mut level = Level {
                outside: &mut self.outside.clone(),
                durable: &mut watched.clone(),
                facts: &self.facts,
            };
            level.end(plain.state())?;
            part.storage = watched.touched();
            return Ok(recording.finish());
        }
        let Ok(event) = step(&mut recording);
        if let Event::Call(call) = event {
            part.preimage = self.preimage(plain, call)?;
            let mut context = self.context.clone();
            context.debug = crate::DebugSink::Off;
            if let Some(walk) = &self.walk {
                let (walk_on, watched) = walk.watched();
                host(&mut recording, call, &mut context, &mut Some(walk_on))?;
                part.walk = walk.encode();
                [part.storage, part.beside] = touched(&watched);
            } else {
                let watched = self.context.durable.watched();
                context.durable = watched.clone();
                host(&mut recording, call, &mut context, &mut None)?;
                part.storage = watched.touched();
            }
            if function(call) == Some(Function::ReadInput) {
                part.message = Some(self.messages.proof(&self.context));
            }
        }
        Ok(recording.finish())
    }

    /// Records the parts that the next step between runs reads.
    fn record_between(&mut self, part: &mut HostPart) -> Result<(), Stuck> {
        if self.phase() == Phase::Loading {
            part.message = Some(self.messages.proof(&self.context));
        }
        let storage = self.context.durable.clone();
        let watched = storage.watched();
        let outside = self.outside.clone();
        let made = self.between(&mut watched.clone(), &mut None);
        self.outside = outside;
        made?;
        part.storage = watched.touched();
        Ok(())
    }

    /// The preimage that a call asks for.
    fn preimage(&self, plain: &Plain, call: HostCall) -> Result<Option<Vec<u8>>, Stuck> {
        let cells = plain.cells(call.first, call.cells);
        let args = args(call, cells);
        let (Some(addr), Some(len)) = (args.first(), args.get(1)) else {
            return Ok(None);
        };
        // What the call itself looks at is noted where it is made.
        let asked = || {
            let memory = &mut Cells(&mut Recording::new(plain));
            let len = (*len as i32).min(MAX_MESSAGE as i32);
            crate::memory::slice(memory, *addr as i32, len).unwrap_or_default()
        };
        let hash = match function(call) {
            Some(Function::RevealPreimage) => asked(),
            Some(Function::Reveal) => match asked().split_first() {
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
