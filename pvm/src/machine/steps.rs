//! A level, step by step.

use super::Machine;
use crate::context::Context;
use crate::debug_sink::DebugSink;
use crate::error::Error;
use crate::steps::{Claim, Facts, Steps};

impl Machine {
    /// A level with exactly these messages, before its first step. The machine stays before the level.
    ///
    /// # Errors
    /// If storage is read from somewhere else, which no proof shows.
    pub fn steps(&self, messages: Vec<Vec<u8>>) -> Result<Steps, Error> {
        let state = &self.state;
        if state.durable.has_source() {
            let why = "the storage of a fork, which comes from another chain, cannot be proved";
            return Err(Error::Internal(why.to_owned()));
        }
        let context = Context {
            durable: state.durable.clone(),
            level: state.level,
            inbox: messages.into(),
            rollup: state.options.rollup,
            origination_level: state.options.origination_level,
            preimages: state.options.preimages.clone(),
            debug: DebugSink::Off,
            ..Context::default()
        };
        Ok(Steps::new(context, self.facts(), state.stuck.is_some()))
    }

    /// The common knowledge about the rollup.
    #[must_use]
    pub fn facts(&self) -> Facts {
        Facts::of(&self.state.options)
    }

    /// The claim about the level before the next: it has no outbox here.
    #[must_use]
    pub fn claim(&self) -> Claim {
        Claim {
            level: self.state.level.wrapping_sub(1),
            durable: self.state.durable.root_hash(),
            sent: 0,
            outbox: [0; 32],
            stuck: self.state.stuck.is_some(),
        }
    }
}
