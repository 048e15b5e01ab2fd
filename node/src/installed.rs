//! The kernel that a rollup runs, and when another takes its place.

use host::reserved::{KERNEL, VERSION};
use messages::hash::blake2b_256;
use pvm::{Durable, Unavailable, Value};
use std::sync::{Mutex, PoisonError};
use storage::layout;

/// A kernel in durable storage.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kernel {
    /// blake2b-256 of its module in hex, as `make kernel`, `installer` and `verify` print it.
    pub hash: String,
    /// The bytes of its module.
    pub bytes: usize,
    /// The version of the machine that runs it, such as `2.0.0-r4`.
    pub machine: String,
    /// The version of its durable storage (docs/layout.md); 0 before it has written any.
    pub layout: u32,
}

/// The kernel after the newest level. Its module is hashed only when it changes.
#[derive(Debug, Default)]
pub struct Installed(Mutex<Option<(Value, Kernel)>>);

impl Installed {
    /// The kernel, once a level has run.
    #[must_use]
    pub fn now(&self) -> Option<Kernel> {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.as_ref().map(|(_, kernel)| kernel.clone())
    }

    /// Looks at durable storage after a level, and logs what has changed since the last look.
    pub(crate) fn look(&self, level: u32, durable: &Durable) {
        let before = self.now();
        match self.learn(durable) {
            Ok(()) => {}
            Err(error) => tracing::warn!("the kernel after level {level} cannot be read: {error}"),
        }
        let (Some(before), Some(now)) = (before, self.now()) else {
            return;
        };
        if before.hash != now.hash {
            tracing::info!(
                "the kernel was replaced at level {level}: blake2b {} → {} ({} bytes)",
                before.hash,
                now.hash,
                now.bytes
            );
        }
        if before.machine != now.machine {
            tracing::info!(
                "layer 1 has a newer protocol: from level {level} on the rollup's machine is of \
                 version {} (before {})",
                now.machine,
                before.machine
            );
        }
    }

    fn learn(&self, durable: &Durable) -> Result<(), Unavailable> {
        let Some(value) = durable.get(KERNEL)? else {
            return Ok(());
        };
        let machine = durable.get(VERSION)?;
        let machine = machine.map(|name| String::from_utf8_lossy(&name.bytes()).into_owned());
        let layout = layout::VERSION.get(durable, &()).ok().flatten();
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (hash, bytes) = match seen.take() {
            // Nothing is read for this.
            Some((known, kernel)) if known == value => (kernel.hash, kernel.bytes),
            _ => (
                hex::encode(blake2b_256(&value.bytes())),
                value.bytes().len(),
            ),
        };
        let kernel = Kernel {
            hash,
            bytes,
            machine: machine.unwrap_or_default(),
            layout: layout.map_or(0, |version| version.layout),
        };
        *seen = Some((value, kernel));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_is_named_by_the_hash_of_its_module() {
        let installed = Installed::default();
        let mut durable = Durable::new();
        installed.look(6, &durable);
        assert_eq!(installed.now(), None);
        for (level, module) in [(7, [1_u8; 3_000]), (8, [2; 3_000])] {
            durable.write(KERNEL, module).unwrap();
            durable.write(VERSION, b"2.0.0-r4").unwrap();
            for _ in 0..2 {
                installed.look(level, &durable);
                let kernel = installed.now().unwrap();
                assert_eq!(kernel.hash, hex::encode(blake2b_256(&module)));
                assert_eq!((kernel.bytes, &*kernel.machine), (3_000, "2.0.0-r4"));
            }
        }
    }
}
