//! A level's first run, step by step.

use super::{Machine, version_of};
use crate::context::Context;
use crate::debug_sink::DebugSink;
use crate::engine::step::{bounds, image};
use crate::error::Error;
use crate::state::{MAX_REBOOTS, keep_fallback};
use crate::steps::Steps;
use host::reserved::{REBOOT, REBOOT_COUNTER};
use std::sync::Arc;
use step_machine::Plain;

impl Machine {
    /// The first run of a level with exactly these messages, before its first step. The machine stays
    /// before the level.
    ///
    /// # Errors
    /// Where there is no kernel that can run.
    pub fn steps(&self, messages: Vec<Vec<u8>>) -> Result<Steps, Error> {
        let mut state = self.state.clone();
        let mut durable = state.durable.clone();
        if let Some(version) = version_of(&durable)? {
            state.version = version;
        }
        durable.delete(REBOOT)?;
        durable.write(REBOOT_COUNTER, MAX_REBOOTS.to_le_bytes())?;
        let kernel = state.load_kernel(&durable)?;
        keep_fallback(&mut durable)?;
        let image = image(kernel.wasm(), kernel.facts().entry)?;
        let context = Context {
            durable,
            level: state.level,
            inbox: messages.into(),
            rollup: state.options.rollup,
            origination_level: state.options.origination_level,
            preimages: state.options.preimages.clone(),
            debug: DebugSink::Off,
            ..Context::default()
        };
        let plain = Plain::new(Arc::new(image), bounds(state.limits()));
        Ok(Steps::new(plain, context))
    }
}
