//! The state that a kernel works on during a level, apart from its own memory.

use crate::debug_sink::DebugSink;
use crate::durable::{Durable, Unavailable};
use crate::logged::Logged;
use crate::probe::{Abandoned, Event, Probed, View};
use crate::profile::Marks;
use crate::reveal::{self, RevealError};
use crate::store::Listed;
use kernel_module::imports::IMPORTS;
use std::path::PathBuf;
use std::sync::Arc;

/// The rollup as its kernel sees it. An engine hands it on to
/// [`Context::call`], and back to the machine.
#[derive(Clone, Debug, Default)]
pub struct Context {
    pub(crate) durable: Durable,
    pub(crate) level: u32,
    pub(crate) inbox: Arc<[Vec<u8>]>,
    /// The first unread message of the inbox.
    pub(crate) next: usize,
    /// The number of messages at the inbox's beginning that were read and left out.
    pub(crate) left_out: usize,
    /// A preimage in place of those in the folder.
    pub(crate) revealed: Option<Vec<u8>>,
    /// The names that were already listed for the current call.
    pub(crate) listed: Option<Listed>,
    pub(crate) outbox: Vec<Vec<u8>>,
    pub(crate) rollup: [u8; 20],
    pub(crate) origination_level: u32,
    pub(crate) preimages: Option<PathBuf>,
    pub(crate) checkpoint_paths: Arc<[String]>,
    /// Of this run.
    pub(crate) checkpoints: Vec<Durable>,
    pub(crate) debug: DebugSink,
    /// Of this run.
    pub(crate) debug_lines: Vec<String>,
    /// The bytes that a level may still keep of them.
    pub(crate) debug_left: usize,
    /// The bytes for which there was no room.
    pub(crate) debug_lost: u64,
    /// `None` without metering.
    pub(crate) meter: Option<Box<Meter>>,
    /// The host calls until a test's trap; `None` without.
    pub(crate) trap_after: Option<u64>,
    /// The probe of runs.
    pub(crate) probe: Probed,
    /// The host calls of this run, where runs are compared.
    pub(crate) log: Option<Vec<Logged>>,
}

/// The counters of one run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Meter {
    pub(crate) calls: [u64; IMPORTS.len()],
    pub(crate) read: u64,
    pub(crate) written: u64,
    /// Of the slow machine, for what the host does.
    pub(crate) ticks: u64,
    /// `None` without a profile.
    pub(crate) profile: Option<Marks>,
}

/// Why a host call ends the run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stop {
    /// It came from a start function.
    #[error("the start function calls the host")]
    AtStart,
    /// The data to reveal is not available.
    #[error(transparent)]
    Reveal(#[from] RevealError),
    /// A part of the storage cannot be loaded.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// The real machine does not survive this call.
    #[error("{0}")]
    Fatal(&'static str),
    /// A probe wants no more of it.
    #[error(transparent)]
    Abandoned(#[from] Abandoned),
    /// A test asked for a trap here.
    #[error("a trap that was asked for")]
    Trap,
}

impl Context {
    /// A call is done: the trap that a test asked for may be due.
    pub(crate) fn count_down(&mut self) -> Result<(), Stop> {
        match self.trap_after {
            Some(1) => {
                self.trap_after = None;
                Err(Stop::Trap)
            }
            calls => {
                self.trap_after = calls.map(|calls| calls - 1);
                Ok(())
            }
        }
    }

    /// Tells who looks into the run.
    pub(crate) fn tell(&self, event: Event<'_>, memory: &[u8]) -> Result<u64, Abandoned> {
        let view = View {
            durable: &self.durable,
            level: self.level,
            inbox: &self.inbox,
            read: self.next,
            outbox: &self.outbox,
            memory,
        };
        self.probe.tell(event, &view)
    }

    pub(crate) fn read(&mut self, bytes: usize) {
        if let Some(meter) = &mut self.meter {
            meter.read += bytes as u64;
        }
    }

    pub(crate) fn written(&mut self, bytes: usize) {
        if let Some(meter) = &mut self.meter {
            meter.written += bytes as u64;
        }
    }

    /// The rollup's address and its origination level, i32 big-endian.
    pub(crate) fn metadata(&self) -> [u8; 24] {
        let mut metadata = [0; 24];
        metadata[..20].copy_from_slice(&self.rollup);
        metadata[20..].copy_from_slice(&self.origination_level.to_be_bytes());
        metadata
    }

    /// The next message.
    pub(crate) fn message(&self) -> Option<&[u8]> {
        let at = self.next.checked_sub(self.left_out)?;
        self.inbox.get(at).map(Vec::as_slice)
    }

    /// The preimage of a hash.
    pub(crate) fn preimage(&self, hash: &[u8]) -> Result<Vec<u8>, RevealError> {
        match &self.revealed {
            Some(preimage)
                if preimage.len() <= reveal::MAX_PREIMAGE && reveal::hash(preimage) == *hash =>
            {
                Ok(preimage.clone())
            }
            _ => reveal::preimage(self.preimages.as_deref(), hash),
        }
    }

    /// The answer to a request of `reveal`. The data availability layer is
    /// not enabled here; what is not enabled has an empty answer.
    pub(crate) fn reveal(&self, payload: &[u8]) -> Result<Vec<u8>, RevealError> {
        match payload {
            [0, hash @ ..] => self.preimage(hash),
            [1] => Ok(self.metadata().to_vec()),
            _ => Ok(Vec::new()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preimage_that_is_too_long_is_none_for_a_judge_either() {
        for (len, is_one) in [
            (reveal::MAX_PREIMAGE, true),
            (reveal::MAX_PREIMAGE + 1, false),
        ] {
            let preimage = vec![1; len];
            let context = Context {
                revealed: Some(preimage.clone()),
                ..Context::default()
            };
            let found = context.preimage(&reveal::hash(&preimage));
            assert_eq!(found.is_ok(), is_one, "{len}");
        }
    }
}
