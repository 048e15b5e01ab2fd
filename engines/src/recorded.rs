//! A level that a test ran: what the storage was, what came in.

use anyhow::Context;
use pvm::engine::Engine;
use pvm::{DebugSink, Durable, Inbox, Machine, Options, Status};
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;

/// A level before it runs.
pub(crate) struct Recorded {
    durable: Durable,
    options: Options,
    inbox: Inbox,
}

/// The result of a level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    root: String,
    status: Status,
    outbox: Vec<String>,
    log: String,
    /// The end of each run.
    runs: Vec<Option<pvm::Trap>>,
}

impl Outcome {
    /// True if a run trapped.
    pub(crate) fn trapped(&self) -> bool {
        self.runs.iter().any(Option::is_some)
    }

    /// True if the rollup ended there.
    pub(crate) fn stuck(&self) -> bool {
        matches!(self.status, Status::Stuck { .. })
    }
}

impl Recorded {
    /// Reads what `e2e_tests` wrote; modules are named, and stand beside it.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let level: Value = serde_json::from_str(&std::fs::read_to_string(path)?)?;
        let bytes = |value: &Value| -> anyhow::Result<Vec<u8>> {
            Ok(hex::decode(value.as_str().context("no hex")?)?)
        };
        let mut durable = Durable::new();
        for (place, value) in level["storage"].as_object().context("no storage")? {
            durable.write(place, bytes(value)?)?;
        }
        for (place, name) in level["modules"].as_object().context("no modules")? {
            let file = path.with_file_name(name.as_str().context("no name")?);
            durable.write(place, std::fs::read(file)?)?;
        }
        let messages = level["messages"].as_array().context("no messages")?;
        let fixed = |name: &str| -> anyhow::Result<Vec<u8>> {
            bytes(&level[name]).with_context(|| name.to_owned())
        };
        Ok(Self {
            durable,
            options: Options {
                rollup: fixed("rollup")?.try_into().ok().context("rollup")?,
                origination_level: level["origination_level"].as_u64().context("level")? as u32,
                first_level: level["level"].as_u64().context("level")? as u32,
                debug: DebugSink::Capture,
                ..Options::default()
            },
            inbox: Inbox {
                timestamp: level["timestamp"].as_i64().context("timestamp")?,
                predecessor: fixed("predecessor")?
                    .try_into()
                    .ok()
                    .context("predecessor")?,
                messages: messages.iter().map(bytes).collect::<Result<_, _>>()?,
            },
        })
    }

    /// Runs it.
    pub(crate) fn run(&self, engine: &Arc<dyn Engine>) -> anyhow::Result<Outcome> {
        let options = Options {
            engine: Arc::clone(engine),
            ..self.options.clone()
        };
        let mut machine = Machine::from_durable(self.durable.clone(), options)?;
        let report = machine.run_level(&self.inbox)?;
        Ok(Outcome {
            root: hex::encode(report.durable_root()),
            status: report.status,
            outbox: report.outbox.iter().map(hex::encode).collect(),
            log: report.debug.concat(),
            runs: report.runs.into_iter().map(|run| run.trap).collect(),
        })
    }
}
