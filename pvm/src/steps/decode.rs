//! The steps in which a kernel is decoded.

use super::state::Phase;
use super::{Steps, Stuck, kernel};
use kernel_module::Terms;
use std::sync::Arc;
use step_machine::decoding::{self, Draft};

impl Steps {
    /// By which rules the kernel is decoded.
    pub(super) const fn terms(&self) -> Terms {
        Terms {
            version: self.outside.version,
            legacy: self.facts.legacy,
        }
    }

    /// True if the next step is one of decoding.
    pub(super) fn decodes(&self) -> bool {
        let verdict = self.draft.as_ref().map(Draft::verdict);
        self.phase() == Phase::Decoding && verdict == Some(None)
    }

    /// Makes so many steps of decoding, up to the verdict; gives how many.
    pub(super) fn decode(&mut self, steps: u64) -> Result<u64, Stuck> {
        let terms = self.terms();
        let module = match &self.module {
            Some(module) => Arc::clone(module),
            None => kernel(&self.context.durable)?.into(),
        };
        self.module = Some(Arc::clone(&module));
        let Some(draft) = &mut self.draft else {
            return Ok(0);
        };
        let mut source = &*module;
        let mut made = 0;
        while made < steps {
            made += 1;
            match decoding::step(terms, draft, &mut source) {
                Ok(None) => {}
                Ok(Some(_)) => break,
                Err(_) => return Err(Stuck("the kernel is not there".to_owned())),
            }
        }
        self.totals.steps += made;
        if self.totals.runs == 0 {
            self.totals.first_decoding.1 += made;
        }
        Ok(made)
    }

    /// The steps in which the level's first kernel is decoded: how many come before, and how many they are.
    #[must_use]
    pub const fn first_decoding(&self) -> (u64, u64) {
        self.totals.first_decoding
    }
}
