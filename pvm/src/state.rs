//! Levels, runs, reboots, upgrades (docs/machine.md).

use crate::compare::{self, Ran};
use crate::context::{Context, Meter};
use crate::debug_sink::MAX_DEBUG;
use crate::durable::{Durable, StoreError};
use crate::engine::{Compiled, End, Engine, Finished, RunLimits, Trap};
use crate::error::Error;
use crate::kernel::{Kernel, Metering};
use crate::level::{LevelReport, RunReport, Status};
use crate::options::Options;
use crate::probe::{Abandoned, Event, Probed};
use crate::profile::Marks;
use crate::runs::{self, After, MAX_REBOOTS, keep_fallback};
use crate::value::Value;
use host::reserved::{KERNEL, VERSION};
use kernel_module::metering::MAX_TICKS;
use kernel_module::{KernelError, Limit, Terms, Version};
use std::sync::Arc;
use std::time::Instant;

/// A clone costs a few counters: each level works on one, which then is the
/// machine's, or is dropped when the level fails.
#[derive(Clone, Debug)]
pub(crate) struct State {
    pub(crate) durable: Durable,
    pub(crate) level: u32,
    pub(crate) version: Version,
    pub(crate) options: Arc<Options>,
    /// The kernel of the last run, with the value that it came from.
    pub(crate) kernel: Option<(Value, Arc<Kernel>)>,
    pub(crate) stuck: Option<String>,
    pub(crate) trap_after: Option<u64>,
}

impl State {
    /// Loads and compiles the kernel.
    pub(crate) fn prepare(&mut self) -> Result<(), Error> {
        let kernel = self.load_kernel(&self.durable.clone())?;
        kernel.compiled(&*self.options.engine, self.limits())?;
        Ok(())
    }

    pub(crate) fn run_level(&mut self, messages: Vec<Vec<u8>>) -> Result<LevelReport, Error> {
        if let Some(reason) = &self.stuck {
            return Ok(self.stuck_report(reason.clone(), messages.len()));
        }
        for message in &messages {
            match Version::of_migration(message) {
                Ok(Some(version)) => self.set_version(version)?,
                Ok(None) => {}
                Err(error) => {
                    self.stuck = Some(error.to_string());
                    return Ok(self.stuck_report(error.to_string(), messages.len()));
                }
            }
        }
        let mut context = Context {
            durable: std::mem::take(&mut self.durable),
            level: self.level,
            inbox: messages.into(),
            next: 0,
            left_out: 0,
            revealed: None,
            listed: None,
            outbox: Vec::new(),
            rollup: self.options.rollup,
            origination_level: self.options.origination_level,
            preimages: self.options.preimages.clone(),
            checkpoint_paths: self.options.checkpoints.as_slice().into(),
            checkpoints: Vec::new(),
            debug: self.options.debug.clone(),
            debug_lines: Vec::new(),
            debug_left: MAX_DEBUG,
            debug_lost: 0,
            meter: None,
            trap_after: self.trap_after,
            probe: self.options.probe.clone(),
            log: None,
        };
        let mut log = LevelLog::default();
        let status = self.runs(&mut context, &mut log)?;
        if context.debug_lost > 0 {
            let lost = context.debug_lost;
            log.debug
                .push(format!("… {lost} bytes more of this level are left out\n"));
        }
        self.durable = std::mem::take(&mut context.durable);
        self.trap_after = context.trap_after;
        match &status {
            Status::Stuck { reason } => self.stuck = Some(reason.clone()),
            _ => runs::wait(&mut self.durable)?,
        }
        Ok(LevelReport {
            level: self.level,
            status,
            runs: log.runs,
            unread: context.inbox.len().saturating_sub(context.next),
            outbox: context.outbox,
            durable: self.durable.clone(),
            checkpoints: log.checkpoints,
            debug: log.debug,
        })
    }

    /// A level at which nothing runs.
    fn stuck_report(&self, reason: String, unread: usize) -> LevelReport {
        LevelReport {
            level: self.level,
            status: Status::Stuck { reason },
            runs: Vec::new(),
            unread,
            outbox: Vec::new(),
            durable: self.durable.clone(),
            checkpoints: Vec::new(),
            debug: Vec::new(),
        }
    }

    /// Calls the kernel until it yields.
    fn runs(&mut self, context: &mut Context, log: &mut LevelLog) -> Result<Status, Error> {
        let mut reboots_left = MAX_REBOOTS;
        loop {
            runs::open(&mut context.durable, reboots_left)?;
            let outcome = self.run(context, log.runs.len())?;
            log.debug.append(&mut context.debug_lines);
            log.checkpoints.append(&mut context.checkpoints);
            let failed = match outcome {
                RunOutcome::Ran(report) => {
                    log.runs.push(report);
                    None
                }
                RunOutcome::Restored { reason } => Some(reason),
                RunOutcome::Stuck { reason, report } => {
                    log.runs.extend(report);
                    return Ok(Status::Stuck { reason });
                }
            };
            match (runs::close(&mut context.durable, reboots_left)?, failed) {
                (After::Run, _) => reboots_left -= 1,
                (After::TooManyReboots, _) => return Ok(Status::TooManyReboots),
                (After::Level, Some(reason)) => return Ok(Status::UpgradeFailed { reason }),
                (After::Level, None) => return Ok(Status::Yielded),
            }
        }
    }

    fn run(&mut self, context: &mut Context, run: usize) -> Result<RunOutcome, Error> {
        let start = Instant::now();
        let kernel = match self.load_kernel(&context.durable) {
            Ok(kernel) => kernel,
            Err(Error::Kernel(error)) => return fall_back(&mut context.durable, &error),
            Err(Error::NoKernel) => {
                let error = KernelError::Decode(Error::NoKernel.to_string());
                return fall_back(&mut context.durable, &error);
            }
            Err(error) => return Err(error),
        };
        if self.options.metering != Metering::Off {
            let profile = self.options.metering == Metering::Profile;
            context.meter = Some(Box::new(Meter {
                profile: profile.then(Marks::default),
                ..Meter::default()
            }));
        }
        let before = context.durable.clone();
        keep_fallback(&mut context.durable)?;
        context.tell(Event::Run, &[])?;
        let finished = match self.call(&kernel, context, run) {
            Ok(finished) => finished,
            Err(Error::Kernel(error)) => {
                context.durable = before;
                return fall_back(&mut context.durable, &error);
            }
            Err(error) => return Err(error),
        };
        if let Err(End::Host(why)) = finished.end {
            return Err(Error::Host(why));
        }
        let mut report = RunReport {
            wall: start.elapsed(),
            ..RunReport::default()
        };
        if let Some(meter) = context.meter.take() {
            report.measured(&meter, finished.counted, kernel.facts().start_ticks);
        }
        if !finished.instantiated {
            context.durable = before;
        }
        if let Some(limit) = self.limits().limit
            && finished.counted.is_over(limit)
        {
            let level = self.level;
            return Err(Error::TooLong { level, run, limit });
        }
        let trap = match finished.end {
            Err(End::Trap(trap)) => Some(trap.in_words(finished.counted.guard_struck)),
            _ => None,
        };
        let instructions = finished.counted.instructions;
        let outcome = self.judge(finished, report, context)?;
        let trap = trap.as_deref();
        context.tell(Event::Ended { instructions, trap }, &[])?;
        Ok(outcome)
    }

    /// Calls a kernel once, on a fresh instance, and once more where runs are
    /// compared.
    fn call(&self, kernel: &Kernel, context: &mut Context, run: usize) -> Result<Finished, Error> {
        let Some(check) = &self.options.check else {
            return self.call_on(&*self.options.engine, kernel, context);
        };
        context.log = Some(Vec::new());
        let mut again = context.clone();
        again.debug = again.debug.quiet();
        again.probe = Probed::default();
        let finished = self.call_on(&*self.options.engine, kernel, context)?;
        let other = self.call_on(&**check, kernel, &mut again)?;
        for finished in [&finished, &other] {
            match &finished.end {
                Err(End::Unavailable(why)) => return Err(why.clone().into()),
                Err(End::Host(why)) => return Err(Error::Host(why.clone())),
                _ => {}
            }
        }
        let first = Ran::new(self.options.engine.name(), context, &finished);
        let second = Ran::new(check.name(), &again, &other);
        if let Some(what) = compare::difference(&first, &second) {
            return Err(Error::EnginesDiffer {
                level: self.level,
                run,
                what,
            });
        }
        Ok(finished)
    }

    fn call_on(
        &self,
        engine: &dyn Engine,
        kernel: &Kernel,
        context: &mut Context,
    ) -> Result<Finished, Error> {
        let limits = self.limits();
        let compiled = kernel.compiled(engine, limits)?;
        if limits.counted {
            return Ok(enter(&*compiled, context));
        }
        let before = context.clone();
        let finished = enter(&*compiled, context);
        match finished.end {
            Err(End::Late) => {}
            // Perhaps there was more to come; the module that counts knows.
            Err(End::StackExhausted) => {}
            // It knows, too, whether a call was the access.
            Err(End::Trap(Trap::TableOutOfBounds)) if finished.instantiated => {}
            _ => return Ok(finished),
        }
        *context = before;
        let limits = RunLimits {
            counted: true,
            ..limits
        };
        Ok(enter(&*kernel.compiled(engine, limits)?, context))
    }

    /// The verdict on the end of a call.
    fn judge(
        &self,
        finished: Finished,
        mut report: RunReport,
        context: &mut Context,
    ) -> Result<RunOutcome, Error> {
        let limit = self.version.max_call_depth();
        let end = match finished.end {
            Err(end) if !finished.instantiated => {
                return fall_back(&mut context.durable, &KernelError::Init(end.to_string()));
            }
            // The trap was ours.
            _ if finished.counted.max_depth > limit => Err(End::StackExhausted),
            _ if finished.counted.undefined_element => Err(End::UndefinedElement),
            end => end,
        };
        match end {
            Ok(()) => runs::returned(&mut context.durable)?,
            Err(End::Reveal(error)) => return Err(error.into()),
            Err(End::Unavailable(error)) => return Err(error.into()),
            Err(End::Abandoned) => return Err(Error::Abandoned(Abandoned)),
            Err(End::Trap(trap)) => {
                report.trap = Some(trap);
                runs::trapped(&mut context.durable)?;
            }
            Err(end) => {
                let reason = match end {
                    End::StackExhausted if finished.counted.max_depth > limit => {
                        format!("more than {limit} calls were open")
                    }
                    end => end.to_string(),
                };
                return Ok(RunOutcome::Stuck {
                    reason,
                    report: Some(report),
                });
            }
        }
        Ok(RunOutcome::Ran(report))
    }

    /// The kernel that a storage holds.
    pub(crate) fn load_kernel(&mut self, durable: &Durable) -> Result<Arc<Kernel>, Error> {
        let value = durable.value(KERNEL.as_bytes())?.ok_or(Error::NoKernel)?;
        if let Some((known, kernel)) = &self.kernel
            && known == value
            && kernel.passes(self.terms())
        {
            return Ok(Arc::clone(kernel));
        }
        let value = value.whole()?;
        let kernel = Kernel::load(&value.bytes(), self.terms())?;
        self.kernel = Some((value, Arc::clone(&kernel)));
        Ok(kernel)
    }

    pub(crate) fn terms(&self) -> Terms {
        Terms {
            version: self.version,
            legacy: self.options.legacy,
        }
    }

    pub(crate) fn limits(&self) -> RunLimits {
        let frames = self.version.max_call_depth();
        let metered = self.options.metering != Metering::Off;
        let Options {
            max_instructions,
            patience,
            ..
        } = *self.options;
        let limit = (max_instructions.is_some() || patience.is_some()).then(|| Limit {
            instructions: max_instructions.unwrap_or(u64::MAX),
            ticks: MAX_TICKS,
        });
        RunLimits {
            frames,
            stack: self.options.stack,
            // No stack is so small that it holds 299 frames surely, and any more.
            counted: metered
                || self.options.probe.is_on()
                || frames < 1_000
                || max_instructions.is_some() && patience.is_none(),
            limit,
            patience,
            profiled: self.options.metering == Metering::Profile,
            probed: self.options.probe.is_on(),
        }
    }

    pub(crate) fn set_version(&mut self, version: Version) -> Result<(), StoreError> {
        self.version = version;
        self.durable.write(VERSION, version.name())
    }
}

enum RunOutcome {
    /// The kernel ran, to its end or to a trap.
    Ran(RunReport),
    /// The kernel was no good; the previous one is back.
    Restored { reason: String },
    /// Nothing will ever run again.
    Stuck {
        reason: String,
        report: Option<RunReport>,
    },
}

/// The log of a level's runs, in order.
#[derive(Default)]
struct LevelLog {
    runs: Vec<RunReport>,
    debug: Vec<String>,
    checkpoints: Vec<Durable>,
}

fn enter(compiled: &dyn Compiled, context: &mut Context) -> Finished {
    let (after, finished) = compiled.run(std::mem::take(context));
    *context = after;
    finished
}

/// Puts the last good kernel back, if there is another than this.
fn fall_back(durable: &mut Durable, error: &KernelError) -> Result<RunOutcome, Error> {
    let reason = error.to_string();
    Ok(match runs::fall_back(durable, error)? {
        true => RunOutcome::Restored { reason },
        false => RunOutcome::Stuck {
            reason,
            report: None,
        },
    })
}
