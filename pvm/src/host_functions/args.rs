//! The arguments of calls of the host: paths, places, room for answers.

use super::{Fault, Result};
use crate::context::Stop;
use crate::durable::{StoreError, Unavailable};
use crate::memory::{self, Memory};
use crate::store::OwnedKey;
use host::path::MAX_PATH;
use host::{HostError, MAX_MESSAGE};
use kernel_module::imports::HostCall;

/// Room of a negative size for an answer.
const NEGATIVE_ROOM: &str = "the room for an answer has a negative size";

/// An answer that crosses the end of memory.
const BEYOND_MEMORY: &str = "the answer to a reveal crosses the end of memory";

/// The paths in durable storage that a call gives; none where one of them is none. Fails where the memory is
/// not here.
pub(crate) fn keys(
    function: HostCall,
    args: &[i64],
    memory: &mut dyn Memory,
) -> std::result::Result<Vec<OwnedKey>, Unavailable> {
    let places: &[usize] = match function {
        HostCall::ReadInput
        | HostCall::WriteOutput
        | HostCall::WriteDebug
        | HostCall::RevealPreimage
        | HostCall::RevealMetadata
        | HostCall::Reveal => &[],
        HostCall::StoreCopy | HostCall::StoreMove => &[0, 2],
        _ => &[0],
    };
    let args = Args(args);
    let keys = places.iter().map(|place| args.key(memory, *place));
    match keys.collect() {
        Ok(keys) => Ok(keys),
        Err(StoreError::Host(_)) => Ok(Vec::new()),
        Err(StoreError::Unavailable(why)) => Err(why),
    }
}

/// The arguments of a call.
#[derive(Clone, Copy)]
pub(super) struct Args<'a>(pub(super) &'a [i64]);

impl Args<'_> {
    pub(super) fn long(self, place: usize) -> i64 {
        self.0.get(place).copied().unwrap_or_default()
    }

    pub(super) fn int(self, place: usize) -> i32 {
        self.long(place) as i32
    }

    /// A pointer, or another number without a sign.
    pub(super) fn pointer(self, place: usize) -> usize {
        self.int(place) as u32 as usize
    }

    /// The key whose address and length stand at `place`.
    pub(super) fn key(self, memory: &mut dyn Memory, place: usize) -> Result<OwnedKey> {
        let len = self.int(place + 1);
        if len > MAX_PATH as i32 {
            return Err(HostError::KeyTooLarge.into());
        }
        Ok(OwnedKey::new(memory::slice(memory, self.int(place), len)?)?)
    }

    /// Copies as much of `bytes` as fits to where `place` says, with the room
    /// behind it; gives how many, or nothing beyond the end of memory.
    pub(super) fn copy_out(
        self,
        memory: &mut dyn Memory,
        place: usize,
        bytes: &[u8],
    ) -> std::result::Result<Option<i32>, Fault> {
        let room = usize::try_from(self.int(place + 1))
            .map_err(|_| Fault::Stop(Stop::Fatal(NEGATIVE_ROOM)))?;
        let len = bytes.len().min(room);
        let within = memory::put(memory, self.int(place), &bytes[..len])?;
        Ok(within.then_some(len as i32))
    }

    /// The same, for the answer to a reveal, which comes from outside of the machine: there is
    /// nobody to tell that it does not fit.
    pub(super) fn reveal_out(
        self,
        memory: &mut dyn Memory,
        place: usize,
        bytes: &[u8],
    ) -> std::result::Result<i32, Fault> {
        self.copy_out(memory, place, bytes)?
            .ok_or(Fault::Stop(Stop::Fatal(BEYOND_MEMORY)))
    }
}

/// A reveal's request.
pub(super) fn payload(memory: &mut dyn Memory, addr: i32, len: i32) -> Result<Vec<u8>> {
    if len > MAX_MESSAGE as i32 {
        return Err(HostError::TooLarge.into());
    }
    memory::slice(memory, addr, len)
}
