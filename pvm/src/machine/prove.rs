//! Proves levels, and checks proofs.

use super::{BigStack, HOST_STACK, Machine, internal, kernel_hash};
use crate::error::Error;
use crate::kernel::{Kernel, Metering};
use crate::level::{LevelReport, Status};
use crate::options::Options;
use crate::runs::version_of;
use crate::state::State;
use crate::value::Value;
use crate::witness::{Witness, WitnessError};
use blake2::{Blake2b, Digest, digest::consts::U32};
use host::reserved::{KERNEL, VERSION};
use std::sync::Arc;

impl Machine {
    /// Runs a level with exactly these messages, and gives what anybody needs to run it
    /// again, with what came of it. The machine stays before the level.
    ///
    /// # Errors
    /// As [`Machine::run_level`].
    pub fn prove(&self, messages: Vec<Vec<u8>>) -> Result<(Witness, LevelReport), Error> {
        let mut state = self.state.clone();
        state.options = Arc::new(plain(&state.options));
        state.trap_after = None;
        // So that it need not be in the witness.
        let durable = state.durable.clone();
        state.load_kernel(&durable)?;
        let watched = durable.watched();
        watched.value(VERSION.as_bytes())?;
        watched.value(KERNEL.as_bytes())?;
        state.durable = watched.clone();
        let level = state.level;
        let inbox = messages.clone();
        let run = move || state.run_level(inbox);
        let report = self.thread.run(run).map_err(internal)??;
        let witness = Witness {
            level,
            rollup: self.state.options.rollup,
            origination_level: self.state.options.origination_level,
            kernel: kernel_hash(&durable)?,
            before: watched.root_hash(),
            after: report.durable_root(),
            messages,
            outbox: report.outbox.clone(),
            parts: watched.touched(),
        };
        Ok((witness, report))
    }
}

/// The options for proofs and their checks: nothing is measured.
fn plain(options: &Options) -> Options {
    Options {
        metering: Metering::Off,
        checkpoints: Vec::new(),
        ..options.clone()
    }
}

impl Witness {
    /// Runs the level on what the witness has, with this kernel; it must end as the
    /// witness says. Of the options those count that say how it is run.
    ///
    /// # Errors
    /// If the witness is not of this kernel, its parts are not of its root or do not
    /// suffice, or anything else comes out.
    pub fn check(&self, kernel: &[u8], options: &Options) -> Result<LevelReport, WitnessError> {
        let hash: [u8; 32] = Blake2b::<U32>::digest(kernel).into();
        let value = Value::new(kernel);
        let durable = self.storage()?;
        if self.kernel != hash || durable.value(KERNEL.as_bytes())? != Some(&value) {
            return Err(WitnessError::OtherKernel(self.kernel));
        }
        let version = version_of(&durable)?.unwrap_or(options.version);
        let options = Options {
            rollup: self.rollup,
            origination_level: self.origination_level,
            first_level: self.level,
            version,
            ..plain(options)
        };
        let mut state = State {
            durable,
            level: self.level,
            version,
            kernel: None,
            stuck: None,
            trap_after: None,
            options: Arc::new(options),
        };
        let failed = |why: &dyn std::fmt::Display| WitnessError::Machine(why.to_string());
        let kernel = Kernel::load(kernel, state.terms()).map_err(|why| failed(&why))?;
        state.kernel = Some((value, kernel));
        let thread = BigStack::start(state.options.stack + HOST_STACK);
        let thread = thread.map_err(|why| failed(&why))?;
        let messages = self.messages.clone();
        let ran = thread.run(move || state.run_level(messages));
        let report = match ran.map_err(|why| failed(&why))? {
            Ok(report) => report,
            Err(Error::Unavailable(why)) => return Err(why.into()),
            Err(Error::Host(why)) => return Err(WitnessError::Host(why)),
            Err(why) => return Err(failed(&why)),
        };
        self.compare(&report)?;
        Ok(report)
    }

    fn compare(&self, report: &LevelReport) -> Result<(), WitnessError> {
        let differs = |what: String| Err(WitnessError::Differs(what));
        if let Status::Stuck { reason } = &report.status
            && report.runs.is_empty()
        {
            return differs(format!("nothing ran, {reason}"));
        }
        if report.outbox != self.outbox {
            return differs("it has another outbox".to_owned());
        }
        let root = report.durable_root();
        if root != self.after {
            return differs(format!("its root is {}", hex::encode(root)));
        }
        Ok(())
    }
}
