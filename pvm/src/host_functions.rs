//! The host functions, on the kernel's memory and the machine's context.

mod args;

use crate::context::{Context, Stop};
use crate::debug_sink::{DEBUG_LINE, DebugSink};
use crate::durable::{Durable, StoreError, Unavailable};
use crate::engine::{ENTER, LEAVE, MARK, REACHED};
use crate::logged::Logged;
use crate::memory::{self, Flat, Memory};
use crate::probe::{Called, Event};
use crate::reveal::RevealError;
use crate::store;
use args::{Args, payload};
use host::{HostError, MAX_MESSAGE, MAX_OUTBOX_MESSAGES};
use kernel_module::imports::{HostCall, IMPORTS};
use kernel_module::ticks::BYTE;

pub(crate) use args::keys;

/// A call of the new durable storage, which is enabled on no network.
const NDS_NOT_ENABLED: &str =
    "a function of the new durable storage is called, which is not enabled";

impl Context {
    /// Answers the function at `place` of [`IMPORTS`]; `memory` is the
    /// kernel's, or `None` while it is being instantiated. Arguments of 32 bits
    /// come with their sign; so goes an answer, which is 0 if there is none.
    ///
    /// # Errors
    /// If the run ends here.
    pub fn call(
        &mut self,
        place: usize,
        args: &[i64],
        memory: Option<&mut [u8]>,
    ) -> std::result::Result<i64, Stop> {
        match memory {
            Some(memory) => self.call_on(place, args, &mut Flat(memory)),
            None if place >= MARK => self.told(place, args, &[]),
            None => Err(Stop::AtStart),
        }
    }

    /// The same, on a memory of which a part is here.
    pub(crate) fn call_on(
        &mut self,
        place: usize,
        args: &[i64],
        memory: &mut dyn Memory,
    ) -> std::result::Result<i64, Stop> {
        if place >= MARK {
            return self.told(place, args, memory.whole());
        }
        let function = IMPORTS[place].call;
        if let Some(meter) = &mut self.meter {
            meter.calls[place] += 1;
        }
        let looked_at = self.log.is_some() || self.probe.is_on();
        let given = looked_at.then(|| given_bytes(function, args, memory));
        let mut called = given.map(|given| {
            Called(Logged {
                place,
                args: args.to_vec(),
                given,
                answer: 0,
            })
        });
        if let Some(called) = &called {
            self.tell(Event::Call(called), memory.whole())?;
        }
        let answer = match function {
            Some(function) => answer(function, args, memory, self)?,
            None => return Err(Stop::Fatal(NDS_NOT_ENABLED)),
        };
        if let (Some(meter), Some(function)) = (&mut self.meter, function) {
            meter.ticks += ticks(function, Args(args), answer);
        }
        if let Some(called) = &mut called {
            called.0.answer = answer;
            self.tell(Event::Answered(called), memory.whole())?;
        }
        if let (Some(log), Some(called)) = (&mut self.log, called) {
            log.push(called.0);
        }
        if function != Some(HostCall::WriteDebug) {
            self.count_down()?;
        }
        Ok(answer)
    }

    /// Handles calls that were added to the module to watch it.
    fn told(
        &mut self,
        place: usize,
        args: &[i64],
        memory: &[u8],
    ) -> std::result::Result<i64, Stop> {
        let event = match (place, args) {
            (MARK, &[arm, instructions]) => {
                let marks = self.meter.as_mut().and_then(|meter| meter.profile.as_mut());
                if let Some(marks) = marks {
                    marks.mark(arm, instructions.cast_unsigned());
                }
                return Ok(0);
            }
            (ENTER, &[function, instructions]) => Event::Enter {
                function: function as u32,
                instructions: instructions.cast_unsigned(),
            },
            (LEAVE, &[instructions]) => Event::Leave {
                instructions: instructions.cast_unsigned(),
            },
            (REACHED, &[instructions]) => Event::Reached {
                instructions: instructions.cast_unsigned(),
            },
            _ => return Ok(0),
        };
        Ok(self.tell(event, memory)?.cast_signed())
    }
}

type Result<T> = std::result::Result<T, StoreError>;

/// Why a call gives no count.
enum Fault {
    /// The kernel is told.
    Code(HostError),
    /// The run ends.
    Stop(Stop),
}

impl From<HostError> for Fault {
    fn from(error: HostError) -> Self {
        Self::Code(error)
    }
}

impl From<StoreError> for Fault {
    fn from(failure: StoreError) -> Self {
        match failure {
            StoreError::Host(error) => Self::Code(error),
            StoreError::Unavailable(error) => Self::Stop(error.into()),
        }
    }
}

impl From<Unavailable> for Fault {
    fn from(error: Unavailable) -> Self {
        Self::Stop(error.into())
    }
}

impl From<RevealError> for Fault {
    fn from(error: RevealError) -> Self {
        Self::Stop(error.into())
    }
}

/// Answers a call: a count, or an error's code.
fn answer(
    function: HostCall,
    args: &[i64],
    memory: &mut dyn Memory,
    context: &mut Context,
) -> std::result::Result<i64, Stop> {
    match count(function, Args(args), memory, context) {
        Ok(count) => Ok(count),
        Err(Fault::Code(error)) => Ok(error.code().into()),
        Err(Fault::Stop(error)) => Err(error),
    }
}

fn count(
    function: HostCall,
    args: Args<'_>,
    memory: &mut dyn Memory,
    context: &mut Context,
) -> std::result::Result<i64, Fault> {
    let durable = &mut context.durable;
    let count = match function {
        HostCall::ReadInput => read_input(args, memory, context)?,
        HostCall::WriteOutput => write_output(args, memory, context)?,
        HostCall::WriteDebug => write_debug(args, memory, context),
        HostCall::StoreHas => has(args, memory, durable)?,
        HostCall::StoreExists => has(args, memory, durable)?.min(1),
        HostCall::StoreDelete => done(store::delete(durable, args.key(memory, 0)?.key()))?,
        HostCall::StoreDeleteValue => {
            done(store::delete_value(durable, args.key(memory, 0)?.key()))?
        }
        HostCall::StoreListSize => return list_size(args, memory, context),
        HostCall::StoreGetNthKey => nth_key(args, memory, context)?,
        HostCall::StoreCopy => {
            let (from, to) = (args.key(memory, 0)?, args.key(memory, 2)?);
            done(store::copy(durable, from.key(), to.key()))?
        }
        HostCall::StoreMove => store_move(args, memory, context)?,
        HostCall::StoreCreate => {
            let key = args.key(memory, 0)?;
            done(store::create(durable, key.key(), args.int(2)))?
        }
        HostCall::StoreRead => store_read(args, memory, context)?,
        HostCall::StoreWrite => store_write(args, memory, context)?,
        HostCall::StoreValueSize => {
            let key = args.key(memory, 0)?;
            durable.bring(key.key().as_bytes())?;
            store::value_size(durable, key.key())?
        }
        HostCall::StoreGetHash => {
            let key = args.key(memory, 0)?;
            let hash = durable
                .subtree_hash(key.key().as_bytes())
                .map_err(StoreError::from)?;
            args.copy_out(memory, 2, &hash.ok_or(HostError::NotANode)?)?
                .ok_or(HostError::MemoryInvalidAccess)?
        }
        HostCall::RevealPreimage => {
            let hash = payload(memory, args.int(0), args.int(1))?;
            let preimage = context.preimage(&hash)?;
            args.reveal_out(memory, 2, &preimage)?
        }
        HostCall::RevealMetadata => args.reveal_out(memory, 0, &context.metadata())?,
        HostCall::Reveal => {
            let answer = context.reveal(&payload(memory, args.int(0), args.int(1))?)?;
            args.reveal_out(memory, 2, &answer)?
        }
    };
    Ok(count.into())
}

/// Values that the source brings become a part of the storage.
fn has(args: Args<'_>, memory: &mut dyn Memory, durable: &mut Durable) -> Result<i32> {
    let key = args.key(memory, 0)?;
    durable.bring(key.key().as_bytes())?;
    store::has(durable, key.key())
}

/// 0, where it was done.
fn done(result: Result<()>) -> Result<i32> {
    result.map(|()| 0)
}

/// The bytes of a message's level and number.
const INFO: usize = 8;

fn read_input(args: Args<'_>, memory: &mut dyn Memory, context: &mut Context) -> Result<i32> {
    let (info, dst) = (args.pointer(0), args.pointer(1));
    let max_bytes = usize::try_from(args.int(2)).map_err(|_| HostError::MemoryInvalidAccess)?;
    let max_bytes = max_bytes.min(MAX_MESSAGE);
    // The machine's bound is strict: a buffer may not end where the memory ends.
    if info + INFO >= memory.len() || dst + max_bytes >= memory.len() {
        return Err(HostError::MemoryInvalidAccess.into());
    }
    let Some(message) = context.message() else {
        return Ok(0);
    };
    let len = message.len().min(max_bytes);
    // The payload first: where the two overlap, the level and the number stand.
    memory.write(dst, &message[..len])?;
    memory.write(info, &context.level.to_le_bytes())?;
    memory.write(info + 4, &(context.next as u32).to_le_bytes())?;
    context.next += 1;
    context.read(len);
    Ok(len as i32)
}

fn write_output(args: Args<'_>, memory: &mut dyn Memory, context: &mut Context) -> Result<i32> {
    let num_bytes = args.int(1);
    if num_bytes > MAX_MESSAGE as i32 {
        return Err(HostError::TooLarge.into());
    }
    let message = memory::slice(memory, args.int(0), num_bytes)?;
    if context.outbox.len() >= MAX_OUTBOX_MESSAGES {
        return Err(HostError::FullOutbox.into());
    }
    context.written(message.len());
    context.outbox.push(message);
    Ok(0)
}

/// Never fails, whatever the pointer.
fn write_debug(args: Args<'_>, memory: &mut dyn Memory, context: &mut Context) -> i32 {
    if let DebugSink::Off = context.debug {
        return 0;
    }
    let bytes = memory::slice(memory, args.int(0), args.int(1)).unwrap_or_default();
    match &context.debug {
        DebugSink::Off => {}
        DebugSink::Capture => {
            match context.debug_left.checked_sub(bytes.len() + DEBUG_LINE) {
                Some(left) => {
                    context.debug_left = left;
                    let text = String::from_utf8_lossy(&bytes).into_owned();
                    context.debug_lines.push(text);
                }
                // What follows is left out, too, so that there is one gap.
                None => {
                    context.debug_left = 0;
                    context.debug_lost += bytes.len() as u64;
                }
            }
        }
        DebugSink::Call(sink) => sink(&String::from_utf8_lossy(&bytes)),
    }
    0
}

fn store_move(args: Args<'_>, memory: &mut dyn Memory, context: &mut Context) -> Result<i32> {
    let (from, to) = (args.key(memory, 0)?, args.key(memory, 2)?);
    store::move_(&mut context.durable, from.key(), to.key())?;
    let mut paths = context.checkpoint_paths.iter();
    if paths.any(|path| path.as_bytes() == to.key().as_bytes()) {
        context.checkpoints.push(context.durable.clone());
    }
    Ok(0)
}

/// Number of children; names that were listed before are not listed again.
fn list_size(
    args: Args<'_>,
    memory: &mut dyn Memory,
    context: &mut Context,
) -> std::result::Result<i64, Fault> {
    let key = args.key(memory, 0)?;
    Ok(match context.listed.take() {
        Some(listed) => listed.count.cast_signed(),
        None => store::list_size(&context.durable, key.key())?,
    })
}

fn nth_key(
    args: Args<'_>,
    memory: &mut dyn Memory,
    context: &mut Context,
) -> std::result::Result<i32, Fault> {
    let key = args.key(memory, 0)?;
    let name = match context.listed.take() {
        Some(listed) => listed.name()?,
        None => store::nth_key(&context.durable, key.key(), args.long(2))?,
    };
    let len = args.copy_out(memory, 3, &name)?;
    Ok(len.ok_or(HostError::MemoryInvalidAccess)?)
}

fn store_read(args: Args<'_>, memory: &mut dyn Memory, context: &mut Context) -> Result<i32> {
    let key = args.key(memory, 0)?;
    let key = key.key();
    context.durable.bring(key.as_bytes())?;
    let (value, offset, len) = store::read(&context.durable, key, args.int(2), args.int(4))?;
    // What fits is written, even if not all does.
    let at = args.pointer(3);
    let fits = len.min(memory.len().saturating_sub(at));
    let mut bytes = vec![0; fits];
    value.read_part(offset, &mut bytes)?;
    if !bytes.is_empty() {
        memory.write(at, &bytes)?;
    }
    if fits < len {
        return Err(HostError::MemoryInvalidAccess.into());
    }
    context.read(len);
    Ok(len as i32)
}

fn store_write(args: Args<'_>, memory: &mut dyn Memory, context: &mut Context) -> Result<i32> {
    let key = args.key(memory, 0)?;
    let num_bytes = args.int(4);
    store::write(
        &mut context.durable,
        key.key(),
        args.int(2),
        num_bytes,
        || memory::chunk(memory, args.int(3), num_bytes),
    )?;
    context.written(num_bytes as usize);
    Ok(0)
}

/// The ticks of the slow machine for the host's work: for each byte of keys and values
/// that it reads or writes in memory, and one for durable storage. A call that fails takes none.
fn ticks(function: HostCall, args: Args<'_>, answer: i64) -> u64 {
    let Ok(answer) = u64::try_from(answer) else {
        return 0;
    };
    let size = |place| u64::try_from(args.int(place)).unwrap_or_default();
    let (bytes, storage) = match function {
        HostCall::WriteDebug => (0, 0),
        HostCall::ReadInput
        | HostCall::RevealPreimage
        | HostCall::RevealMetadata
        | HostCall::Reveal => (answer, 0),
        HostCall::WriteOutput => (size(1), 0),
        HostCall::StoreCopy | HostCall::StoreMove => (size(1) + size(3), 1),
        HostCall::StoreRead => (size(1) + answer, 1),
        HostCall::StoreWrite => (size(1) + size(4), 1),
        HostCall::StoreHas
        | HostCall::StoreExists
        | HostCall::StoreDelete
        | HostCall::StoreDeleteValue
        | HostCall::StoreListSize
        | HostCall::StoreGetNthKey
        | HostCall::StoreCreate
        | HostCall::StoreValueSize
        | HostCall::StoreGetHash => (size(1), 1),
    };
    bytes * BYTE + storage
}

/// The bytes that a call gives, where they can be read.
fn given_bytes(function: Option<HostCall>, args: &[i64], memory: &mut dyn Memory) -> Vec<Vec<u8>> {
    let places: &[usize] = match function {
        None | Some(HostCall::ReadInput | HostCall::RevealMetadata) => &[],
        Some(HostCall::StoreCopy | HostCall::StoreMove) => &[0, 2],
        Some(HostCall::StoreWrite) => &[0, 3],
        Some(_) => &[0],
    };
    let args = Args(args);
    let bytes = places
        .iter()
        .map(|place| memory::slice(memory, args.int(*place), args.int(place + 1)));
    bytes.map(std::result::Result::unwrap_or_default).collect()
}
