//! Levels as they are before they run, in files: `make engines` runs them on
//! other engines.

use pvm::{Inbox, Machine};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

/// The variable that names the folder in which levels are recorded.
const FOLDER: &str = "RECORD_LEVELS";

/// The least length of a value that is a file of its own, in bytes: a kernel.
const MODULE: usize = 1 << 18;

/// Records the levels of a rollup.
#[derive(Debug)]
pub(crate) struct Recorder {
    folder: Option<PathBuf>,
}

impl Default for Recorder {
    fn default() -> Self {
        Self {
            folder: std::env::var_os(FOLDER).map(PathBuf::from),
        }
    }
}

impl Recorder {
    /// No more: a test changes the machine in a way that files do not tell.
    pub(crate) fn stop(&mut self) {
        self.folder = None;
    }

    /// Writes down what `machine` holds, and what comes in.
    pub(crate) fn level(&self, machine: &Machine, inbox: &Inbox) {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let Some(folder) = &self.folder else {
            return;
        };
        // Pages of tests are gone when they end.
        if machine.options().preimages.is_some() {
            return;
        }
        let (mut storage, mut modules) = (json!({}), json!({}));
        for (path, value) in machine.durable().values("").expect("all is in memory") {
            let bytes = value.to_vec();
            if bytes.len() < MODULE {
                storage[path] = Value::from(hex(&bytes));
            } else {
                // Named by what it holds, so that it is written once.
                let hash = messages::hash::blake2b_160(&bytes);
                let name = format!("{}.wasm", hex(&hash));
                let file = folder.join(&name);
                if !file.exists() {
                    std::fs::write(file, &bytes).expect("the folder takes files");
                }
                modules[path] = Value::from(name);
            }
        }
        let options = machine.options();
        let level = json!({
            "storage": storage,
            "modules": modules,
            "rollup": hex(&options.rollup),
            "origination_level": options.origination_level,
            "level": machine.level(),
            "timestamp": inbox.timestamp,
            "predecessor": hex(&inbox.predecessor),
            "messages": inbox.messages.iter().map(|message| hex(message)).collect::<Vec<_>>(),
        });
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}-{number:05}.json", std::process::id());
        std::fs::write(folder.join(name), level.to_string()).expect("the folder takes files");
    }
}

fn hex(bytes: &[u8]) -> String {
    alloy_primitives::hex::encode(bytes)
}
