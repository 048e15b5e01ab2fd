//! The steps of a level that are neither the machine's nor those of decoding.

use super::between::{Level, Next};
use super::state::Phase;
use super::{Steps, Stuck};
use crate::durable::Durable;
use step_machine::Plain;
use step_machine::decoding::Draft;

impl Steps {
    /// Makes a step that is no machine's.
    pub(super) fn turn(&mut self) -> Result<(), Stuck> {
        let registers = self.run.as_ref().map(|plain| plain.state().clone());
        let storage = self.context.durable.clone();
        let mut durable = match &registers {
            Some(registers) if !registers.started => self.before.clone(),
            _ => storage,
        };
        let outside = self.outside.clone();
        let mut first = None;
        let made = self.between(&mut durable, &mut first);
        let next = made.inspect_err(|_| self.outside = outside)?;
        if let Some(registers) = registers {
            self.totals.instructions += registers.instructions;
            self.end = registers.end;
        }
        self.context.durable = durable;
        self.context.next = self.outside.next as usize;
        self.run = None;
        self.draft = None;
        self.walk = None;
        match next {
            Next::Same => {}
            Next::Decode => {
                self.draft = Some(Draft::default());
                self.module = None;
                if self.totals.runs == 0 {
                    self.totals.first_decoding = (self.totals.steps + 1, 0);
                }
            }
            Next::Run(run) => {
                self.totals.runs += 1;
                self.before = run.before;
                self.image = first.as_ref().map(Plain::shared_image);
                self.run = first;
            }
        }
        Ok(())
    }

    /// A step between runs: it works on durable storage, and on what is outside. A run that begins has this first
    /// state.
    pub(super) fn between(
        &mut self,
        durable: &mut Durable,
        first: &mut Option<Plain>,
    ) -> Result<Next, Stuck> {
        let mut level = Level {
            outside: &mut self.outside,
            durable,
            facts: &self.facts,
        };
        match level.outside.phase {
            Phase::Loading => level.load(self.context.message())?,
            Phase::Beginning => {
                let next = level.begin()?;
                if let Next::Run(run) = &next {
                    let image = self.image.clone();
                    let image = image.ok_or_else(|| Stuck("nothing was decoded".to_owned()))?;
                    *first = Some(Plain::new(image, run.bounds));
                }
                return Ok(next);
            }
            Phase::Decoding => {
                let draft = self.draft.as_ref();
                let judged = draft.and_then(|draft| Some((draft, draft.verdict()?)));
                let (draft, verdict) = judged.ok_or_else(|| Stuck("no verdict".to_owned()))?;
                return level.judged(verdict, |bounds| first.insert(draft.finish(bounds)).root());
            }
            Phase::Running => {
                if let Some(plain) = &self.run {
                    level.end(plain.state())?;
                }
            }
            Phase::Between => level.close()?,
            Phase::Waiting | Phase::Stuck => {}
        }
        Ok(Next::Same)
    }
}
